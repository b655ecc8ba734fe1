"""The report for people: what is wrong first to the eye, one remedy a line, and the next command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.checks import CheckId, Command, Status
from aspm_ado.domain.help.ticket import responsibilities
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import FEW, Verdict
from aspm_ado.domain.text import clean, wrap

if TYPE_CHECKING:
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.report import ConnectionReport, OrganizationReport, Report

MARKS: Final = {
    Status.PASS: ("✓", "ok", "green"),
    Status.PARTIAL: ("~", "as far as can be proven", "green"),
    Status.WARN: ("!", "warning", "yellow"),
    Status.FAIL: ("✗", "failed", "red"),
    Status.UNKNOWN: ("?", "not found out", "magenta"),
    Status.SKIP: ("-", "not asked", "dim"),
}

_SENTENCES: Final = {
    Verdict.READY: "Ready.",
    Verdict.READY_WITH_WARNINGS: "Ready, with warnings.",
    Verdict.NOT_READY: "Not ready.",
    Verdict.UNKNOWN: "Not known: it could not be found out.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a status, what it is about, what is said, and what to do."""

    status: Status
    title: str
    detail: str
    remedy: str = ""
    id: CheckId | None = None
    command: str = ""
    next: Command | None = None
    changed: bool = False
    """Whether it says what has changed: shown, also where it is good."""

    @property
    def is_trouble(self) -> bool:
        """Whether it asks for something."""
        return self.status in (Status.WARN, Status.FAIL, Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Section:
    """One table: an organization, or what concerns a connection as a whole."""

    heading: str
    rows: tuple[Row, ...]
    organization: str = ""
    above: bool = False
    """Whether trouble of a shared token was told in an earlier table."""
    token: str = ""
    """What the heading says of the token, behind the name."""


def sections(report: Report, *, everything: bool = True) -> Iterator[Section]:
    """Every table of a report; without ``everything`` what is good is summed up in one row each."""
    for connection in report.connections:
        made = _of_connection(connection)
        yield from _together(
            made if everything else (_trouble_of(section, connection) for section in made)
        )


def _together(made: Iterable[Section]) -> Iterator[Section]:
    """Many organizations, one after the other, of which all the same is said are one table."""
    for _, group in groupby(
        made, lambda one: (one.rows, one.above, one.token) if one.organization else one.heading
    ):
        alike = list(group)
        if len(alike) <= FEW:
            yield from alike
        else:
            names = ", ".join(one.organization for one in alike)
            yield replace(alike[0], heading=f"{names} ({len(alike)} alike) · {alike[0].token}")


def _trouble_of(section: Section, connection: ConnectionReport) -> Section:
    """What asks for something, each row with the command to run, and what has changed; one row where all is well."""
    rows = [row for row in section.rows if row.is_trouble or row.changed]
    if not rows and section.above:
        return replace(section, rows=(Row(Status.WARN, "Token", "As above: it is the same one."),))
    if not rows:
        return replace(section, rows=(Row(Status.PASS, "All checks", "good; --all shows them."),))
    if connection.name is None:
        return replace(section, rows=tuple(rows))
    made = (_with_command(row, connection.name) if row.is_trouble else row for row in rows)
    return replace(section, rows=tuple(made))


def _with_command(row: Row, connection: str) -> Row:
    """The row, ending with the command that goes on from it; once, where the remedy ends with it already."""
    command = (row.next or Command("validate")).text(connection)
    return row if row.remedy.endswith(command) else replace(row, command=command)


def closing(report: Report) -> list[str]:
    """The verdict and the next command."""
    lines = [f"{_SENTENCES[report.verdict]} (exit {int(report.exit_code)})"]
    if report.error is not None:
        lines = [clean(report.error.problem, 600), clean(report.error.remedy, 600)]
    lines += list(_whose(report))
    lines += [clean(note, 600) for note in report.notes]
    return lines + [f"Next: {command}" for command in _next(report)]


def _whose(report: Report) -> Iterator[str]:
    """Whose problem it is, for each connection that has one."""
    found = [
        (connection, finding)
        for connection in report.connections
        for finding in responsibilities(connection)
    ]
    for connection, finding in found:
        yield (
            f"{clean(connection.name, 70)}: {finding.sentence}"
            if connection.name
            else finding.sentence
        )
    if found:
        yield "A text to send to whoever can mend it: the same command with --verbose."


def tickets(report: Report) -> Iterator[str]:
    """The texts to send, one for each party of each connection."""
    for connection in report.connections:
        for finding in responsibilities(connection):
            yield from ("", *finding.ticket(report.at, __version__))


def in_the_way(checks: Iterable[Check]) -> tuple[Row, ...]:
    """The rows that something has to be done about before it is good."""
    return tuple(_row(check) for check in checks if check.status in (Status.FAIL, Status.UNKNOWN))


def _of_connection(connection: ConnectionReport) -> Iterator[Section]:
    if connection.checks:
        name = connection.name or connection.base_url
        yield Section(clean(name, 80), tuple(_row(check) for check in connection.checks))
    told: set[tuple[CheckId, str]] = set()
    for organization in connection.organizations:
        shared = organization.token.shared
        rows = tuple(
            _row(check) for check in organization.checks if not shared or _is_news(check, told)
        )
        above = any(
            check.is_trouble and not _is_news(check, told)
            for check in organization.checks
            if shared
        )
        told.update(_said(check) for check in organization.checks if shared)
        place, token = _heading(connection, organization)
        yield Section(f"{place} · {token}", rows, clean(organization.name, 60), above, token)
    if connection.aspm is not None and any(
        check.status is not Status.SKIP for check in connection.aspm.checks
    ):
        yield Section(
            clean(connection.aspm.url, 80), tuple(_row(check) for check in connection.aspm.checks)
        )


_OF_THE_TOKEN = frozenset(
    {CheckId.TOKEN_FORMAT, CheckId.TOKEN_EXPIRY, CheckId.IDENTITY, CheckId.REACH}
)


def _said(check: Check) -> tuple[CheckId, str]:
    return check.id, check.detail


def _is_news(check: Check, told: set[tuple[CheckId, str]]) -> bool:
    """A token that several organizations share is described once."""
    return check.id not in _OF_THE_TOKEN or _said(check) not in told


def _heading(connection: ConnectionReport, organization: OrganizationReport) -> tuple[str, str]:
    token = organization.token
    services = connection.deployment is Deployment.SERVICES
    place = organization.name if services else f"{connection.base_url}/{organization.name}"
    parts = [
        f"token …{token.last4}" if token.last4 else "token",
        f"from {'keyring' if token.source.startswith('keyring') else token.source}"
        if token.source
        else "",
        "shared" if token.shared else "",
        _left(token.days_left),
    ]
    return clean(place, 120), clean(" · ".join(part for part in parts if part), 200)


def _left(days: int | None) -> str:
    if days is None:
        return ""
    if days > 0:
        return f"{count_days(days)} left"
    return "its end is today" if days == 0 else "past its end"


def _row(check: Check) -> Row:
    detail, remedy = clean(check.detail, 600), clean(check.remedy or "", 600)
    return Row(
        check.status, check.title, detail, remedy, check.id, next=check.next, changed=check.changed
    )


def _next(report: Report) -> Iterator[str]:
    """The exact commands to go on with."""
    for connection in report.connections:
        if connection.name is None or report.error is not None:
            continue
        waiting = any(
            check.id is CheckId.REGISTRATION and check.is_trouble
            for check in connection.all_checks()
        )
        stored = any(
            check.id is CheckId.SECRETS and check.status is Status.PASS
            for check in connection.checks
        )
        stored = stored or report.command in ("migrate", "rotate")
        dead = [
            check
            for check in connection.all_checks()
            if check.id is CheckId.IDENTITY and check.status is Status.FAIL
        ]
        stopped = any(check.next == Command("migrate") for check in dead)
        if stopped or any(check.reason is Reason.NOT_MIGRATED for check in connection.all_checks()):
            yield f"aspm-ado migrate {clean(connection.name, 70)}"
        elif report.command == "validate" and (command := _renewal(connection)):
            yield command
        elif waiting and stored and not dead:
            yield f"aspm-ado handoff {clean(connection.name, 70)}"
        elif stored and report.command == "connect":
            yield f"aspm-ado validate {clean(connection.name, 70)}"


def _renewal(connection: ConnectionReport) -> str:
    """The command that replaces a token which is dead or gone: what it would be handed over for comes after that."""
    for check in connection.all_checks():
        dead = check.status is Status.FAIL and check.id in (CheckId.IDENTITY, CheckId.SECRETS)
        if dead and check.next is not None and check.next.verb == "rotate":
            return check.next.text(connection.name or "")
    return ""


def lines(tables: Iterable[Section], width: int = 100) -> Iterator[str]:
    """The tables as text."""
    for table in tables:
        yield from wrap(table.heading, width)
        for row in table.rows:
            mark = MARKS[row.status][0]
            yield from wrap(f"  {mark} {row.title}: {row.detail}", width)
            if row.remedy:
                yield from wrap(f"      → {row.remedy}", width)
            if row.command:
                yield from wrap(f"      → {row.command}", width)
        yield ""
