"""The report for people: what is wrong first to the eye, one remedy a line, the next command.

A report becomes sections of rows, which are painted as tables where somebody looks at them and
written as plain lines elsewhere. rich is imported where it paints: nothing else waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final, TextIO

from aspm_ado import __version__
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.checks import CheckId, Command, Status
from aspm_ado.domain.help.ticket import responsibilities
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import FEW, Verdict
from aspm_ado.domain.text import clean, encodable, wrap

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
"""Of each status: its mark, a word for it, and the style of the mark."""

_SENTENCES: Final = {
    Verdict.READY: "Ready.",
    Verdict.READY_WITH_WARNINGS: "Ready, with warnings.",
    Verdict.NOT_READY: "Not ready.",
    Verdict.UNKNOWN: "Not known: it could not be found out.",
}
_OF_THE_TOKEN: Final = (
    CheckId.TOKEN_FORMAT,
    CheckId.TOKEN_EXPIRY,
    CheckId.IDENTITY,
    CheckId.REACH,
)
"""Checks that come out alike wherever a token is used."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of a table: a status, what it is about, what was found, and what to do."""

    status: Status
    title: str
    detail: str
    remedy: str = ""
    command: str = ""
    """The command to run, where the remedy does not end with it."""

    id: CheckId | None = None
    next: Command | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One table: an organization, or what concerns a connection as a whole."""

    heading: str
    rows: tuple[TableRow, ...]
    organization: str = ""
    token: str = ""
    """What the heading says of the token, behind the name."""

    above: bool = False
    """Whether trouble of a shared token is in an earlier table."""


def sections(report: Report, *, everything: bool = True) -> Iterator[Section]:
    """Every table of a report; without ``everything`` what is good is summed up in one row each."""
    for connection in report.connections:
        yield from _together(_of_connection(connection, everything=everything))


def in_the_way(checks: Iterable[Check]) -> tuple[TableRow, ...]:
    """The rows that something has to be done about before it is good."""
    return tuple(_row(check) for check in checks if check.status in (Status.FAIL, Status.UNKNOWN))


def closing(report: Report) -> list[str]:
    """The verdict, whose problem it is, and the next command."""
    lines = [f"{_SENTENCES[report.verdict]} (exit {int(report.exit_code)})"]
    if report.error is not None:
        lines = [clean(report.error.problem, 600), clean(report.error.remedy, 600)]
    lines += _responsibilities(report)
    lines += [clean(note, 600) for note in report.notes]
    if report.error is None:
        commands = (_next(connection, report.command) for connection in report.connections)
        lines += [f"Next: {command}" for command in commands if command]
    return lines


def tickets(report: Report) -> Iterator[str]:
    """The texts to send, one for each who can mend something of a connection."""
    for connection in report.connections:
        for responsibility in responsibilities(connection):
            yield from ("", *responsibility.ticket(report.at, __version__))


def plain_lines(tables: Iterable[Section], width: int = 100) -> Iterator[str]:
    """The tables as plain lines."""
    for table in tables:
        yield from wrap(table.heading, width)
        for row in table.rows:
            yield from wrap(f"  {MARKS[row.status][0]} {row.title}: {row.detail}", width)
            for step in (row.remedy, row.command):
                if step:
                    yield from wrap(f"      → {step}", width)
        yield ""


def paint(
    tables: Iterable[Section], stream: TextIO, *, color: bool, width: int | None = None
) -> None:
    """Write the tables with rich, which reads no markup in a ``Text``, whoever wrote it."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(
        file=stream,
        no_color=not color,
        color_system="standard" if color else None,
        width=width,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
        force_terminal=color,
    )
    encoding = getattr(stream, "encoding", None) or "utf-8"
    frame = box.SIMPLE_HEAD if encoding.lower().startswith("utf") else box.ASCII

    def text(value: str, style: str = "") -> Text:
        return Text(encodable(value, encoding), style)

    for table in tables:
        console.print(text(table.heading, "bold"))
        grid = Table(box=frame, pad_edge=False, show_header=False, show_edge=False)
        grid.add_column(width=1)
        grid.add_column(ratio=1, max_width=28)
        grid.add_column(ratio=3, overflow="fold")
        for row in table.rows:
            mark, _, style = MARKS[row.status]
            detail = text(row.detail)
            for step in (row.remedy, row.command):
                if step:
                    detail.append_text(text(f"\n→ {step}", "bold"))
            grid.add_row(text(mark, style), text(row.title), detail)
        console.print(grid)
        console.print()


def _of_connection(connection: ConnectionReport, *, everything: bool) -> Iterator[Section]:
    if connection.checks:
        heading = clean(connection.name or connection.base_url, 80)
        yield Section(heading, _rows(connection, connection.checks, everything=everything))
    described: set[tuple[CheckId, str]] = set()
    for organization in connection.organizations:
        checks = organization.checks
        if organization.token.shared:
            checks = _not_described(checks, described)
        above = any(check.is_trouble for check in organization.checks if check not in checks)
        rows = _rows(connection, checks, everything=everything, above=above)
        place, token = _heading(connection, organization)
        name = clean(organization.name, 60)
        yield Section(f"{place} · {token}", rows, name, token, above)
    yield from _of_aspm(connection, everything=everything)


def _not_described(
    checks: Iterable[Check], described: set[tuple[CheckId, str]]
) -> tuple[Check, ...]:
    """A token that several organizations share is ``described`` once: its checks that are new."""
    new = tuple(check for check in checks if _key(check) not in described)
    described.update(_key(check) for check in new if check.id in _OF_THE_TOKEN)
    return new


def _of_aspm(connection: ConnectionReport, *, everything: bool) -> Iterator[Section]:
    aspm = connection.aspm
    if aspm is not None and any(check.status is not Status.SKIP for check in aspm.checks):
        rows = _rows(connection, aspm.checks, everything=everything)
        yield Section(clean(aspm.url, 80), rows)


def _key(check: Check) -> tuple[CheckId, str]:
    return check.id, check.detail


def _rows(
    connection: ConnectionReport,
    checks: Iterable[Check],
    *,
    everything: bool,
    above: bool = False,
) -> tuple[TableRow, ...]:
    """A row for each check; or for each that asks for something or has changed, with the command
    to run, and one row where all is well.
    """
    if everything:
        return tuple(_row(check) for check in checks)
    shown = [check for check in checks if check.is_trouble or check.changed]
    if shown:
        return tuple(_row(check, connection.name) for check in shown)
    if above:
        return (TableRow(Status.WARN, "Token", "As above: it is the same one."),)
    return (TableRow(Status.PASS, "All checks", "good; --all shows them."),)


def _row(check: Check, connection: str | None = None) -> TableRow:
    """The row of a check; of a stored ``connection``, trouble ends with the command to go on."""
    detail, remedy, command = clean(check.detail, 600), clean(check.remedy or "", 600), ""
    if connection is not None and check.is_trouble:
        command = (check.next or Command("validate")).text(connection)
        if remedy.endswith(command):
            command = ""
    return TableRow(
        check.status, check.title, detail, remedy, command, check.id, check.next, check.changed
    )


def _together(made: Iterable[Section]) -> Iterator[Section]:
    """Many organizations in a row that came out alike are one table."""
    for _, group in groupby(made, _alike):
        first, *others = group
        if len(others) < FEW:
            yield from (first, *others)
            continue
        names = ", ".join(one.organization for one in (first, *others))
        heading = f"{names} ({len(others) + 1} alike) · {first.token}"
        yield Section(heading, first.rows, first.organization, first.token, first.above)


def _alike(section: Section) -> object:
    if not section.organization:
        return section.heading
    return section.rows, section.above, section.token


def _heading(connection: ConnectionReport, organization: OrganizationReport) -> tuple[str, str]:
    """Where it is, and what is known of its token."""
    token, place = organization.token, organization.name
    if connection.deployment is not Deployment.SERVICES:
        place = f"{connection.base_url}/{place}"
    parts = ["token"]
    if token.last4:
        parts = [f"token …{token.last4}"]
    if token.source.startswith("keyring"):
        parts.append("from keyring")
    elif token.source:
        parts.append(f"from {token.source}")
    if token.shared:
        parts.append("shared")
    if token.days_left is not None:
        parts.append(_days_left(token.days_left))
    return clean(place, 120), clean(" · ".join(parts), 200)


def _days_left(days: int) -> str:
    if days > 0:
        return f"{count_days(days)} left"
    if days == 0:
        return "its end is today"
    return "past its end"


def _responsibilities(report: Report) -> list[str]:
    """Whose problem it is, for each connection that has one."""
    sentences = []
    for connection in report.connections:
        beginning = ""
        if connection.name:
            beginning = f"{clean(connection.name, 70)}: "
        sentences += [f"{beginning}{one.sentence}" for one in responsibilities(connection)]
    if sentences:
        sentences.append("A text to send to whoever can mend it: the same command with --verbose.")
    return sentences


def _next(connection: ConnectionReport, command: str) -> str:
    """The exact command to go on with after ``command``; empty where there is none."""
    if connection.name is None:
        return ""
    name, checks = clean(connection.name, 70), list(connection.all_checks())
    dead = _failed(checks, CheckId.IDENTITY)
    if _must_migrate(checks, dead):
        return f"aspm-ado migrate {name}"
    if command == "validate" and (renewal := _renewal(connection.name, checks)):
        return renewal
    if command not in ("migrate", "rotate") and not _is_stored(connection):
        return ""
    if not dead and _has_to_be_registered(checks):
        return f"aspm-ado handoff {name}"
    if command == "connect":
        return f"aspm-ado validate {name}"
    return ""


def _failed(checks: Iterable[Check], *ids: CheckId) -> list[Check]:
    return [check for check in checks if check.id in ids and check.status is Status.FAIL]


def _must_migrate(checks: Iterable[Check], dead: Iterable[Check]) -> bool:
    if any(check.reason is Reason.NOT_MIGRATED for check in checks):
        return True
    return any(check.next == Command("migrate") for check in dead)


def _is_stored(connection: ConnectionReport) -> bool:
    return any(
        check.id is CheckId.SECRETS and check.status is Status.PASS for check in connection.checks
    )


def _has_to_be_registered(checks: Iterable[Check]) -> bool:
    return any(check.id is CheckId.REGISTRATION and check.is_trouble for check in checks)


def _renewal(name: str, checks: Iterable[Check]) -> str:
    """The command that replaces a token which is dead or gone: a hand-over comes after that."""
    for check in _failed(checks, CheckId.IDENTITY, CheckId.SECRETS):
        if check.next is not None and check.next.verb == "rotate":
            return check.next.text(name)
    return ""
