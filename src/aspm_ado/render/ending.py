"""How a command ends: what is wrong, a line for each organization, warnings, what is left to do.

Organizations that came out alike share a line wherever they stand, so that 200 fit a screen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import Reach, count_days
from aspm_ado.domain.reasons import CheckId, Reason, Status, Verdict
from aspm_ado.domain.report import BAD, EVERY_ONE, MIGRATE, Command, TokenFacts
from aspm_ado.domain.text import FEW, clean, some_of
from aspm_ado.domain.ticket import responsibilities
from aspm_ado.render.text import VERDICTS, Line

if TYPE_CHECKING:
    from aspm_ado.domain.report import Check, ConnectionReport, OrganizationReport, Report

_T = TypeVar("_T")

_COUNTED: Final = (
    ((Status.PASS, Status.PARTIAL), "passed", "passed"),
    ((Status.WARN,), "warning", "warnings"),
    ((Status.FAIL,), "failed", "failed"),
    ((Status.UNKNOWN,), "could not be checked", "could not be checked"),
    ((Status.SKIP,), "skipped", "skipped"),
)


@dataclass(frozen=True, slots=True)
class _Found:
    """A check, and whom it is about."""

    connection: ConnectionReport
    label: str
    check: Check
    name: str = ""
    """The organization; empty for a check of the connection or of its ASPM."""

    is_one_of_several: bool = False
    """Whether other connections are in the report, too."""

    def masked(self, text: str) -> str:
        """``text`` as it is for every organization of which the same is said."""
        connection, held = self.connection.name or "", "\0"
        if connection:
            shown = re.escape(connection)
            text = re.sub(rf"(?<=aspm-ado )(\w+) {shown}(?![\w.-])", rf"\1 {held}", text)
        if self.name:
            forms = "|".join(map(re.escape, {self.name, quote(self.name)}))
            noun = self.connection.deployment.noun.upper()
            text = re.sub(rf"(?<![\w.-])(?:{forms})(?![\w-])", noun, text)
        return text.replace(held, "NAME" if self.is_one_of_several else connection)

    @property
    def text(self) -> tuple[str, str]:
        """What was found and what to do."""
        return self.check.detail, self.check.remedy or ""

    @property
    def said(self) -> tuple[str, str]:
        """The same without the name."""
        detail, remedy = self.text
        return self.masked(detail), self.masked(remedy)


def ending(report: Report, *, verbose: bool = False) -> Iterator[Line]:
    """The short end: the verdict and who can act stand between the warnings and what is left."""
    found, remedies = list(_found(report)), set[str]()
    several = sum(len(one.organizations) for one in report.connections) > 1
    rows = partial(_rows, remedies=remedies, several=several)
    trouble = [one for one in found if one.check.status in BAD]
    waits = [one for one in found if _waits(one.check)]
    warned = [one for one in found if _is_news(one.check)]
    shown: list[Line] = [*rows(trouble), *_not_made(found, bool(trouble))]
    shown += [(None, "")] if shown else []
    shown += [*_organizations(report), *_aspms(report), *rows(warned), (None, "")]
    commands = tuple(line.removeprefix("Next: ") for line in _left(report, ""))
    remedies.update(one.check.remedy or "" for one in waits if _leads_on(one.check, commands))
    last = list(rows(waits))
    lines = "".join(f"{line}\n" for _, line in (*shown, *last))
    yield from shown
    yield from ((None, line) for line in closing(report, verbose=verbose, told=lines))
    yield from last
    yield from ((None, line) for line in _left(report, lines))


def closing(report: Report, *, verbose: bool = False, told: str | None = None) -> list[str]:
    """The verdict, who can act, and the next command; ``verbose`` shows the texts for tickets.

    ``told`` is what stands above, where what is left to do follows later.
    """
    if report.error is not None:
        lines = [clean(report.error.problem, 600), clean(report.error.remedy, 600)]
    else:
        lines = [f"{VERDICTS[report.verdict]}. (exit {int(report.exit_code)})"]
        if counts := _counts(report):
            lines[0] += f" · {counts}"
        lines += _not_stored(report)
    lines += _responsibilities(report, verbose=verbose)
    lines += [clean(note, 600) for note in report.notes if not _is_told(note, told)]
    if report.error is None and told is None:
        lines += _left(report, "")
    return lines


# The checks


def _found(report: Report) -> Iterator[_Found]:
    """Every check, in the order of the document."""
    for connection in report.connections:
        label = clean(connection.name or connection.base_url, 80)
        yield from (_Found(connection, label, check) for check in connection.checks)
        if connection.aspm is not None:
            url = clean(connection.aspm.url, 80)
            yield from (_Found(connection, url, check) for check in connection.aspm.checks)
        for one in connection.organizations:
            label = _label(report, connection, one)
            for check in one.checks:
                yield _Found(connection, label, check, one.name, len(report.connections) > 1)


def _label(report: Report, connection: ConnectionReport, one: OrganizationReport) -> str:
    """The organization, with its connection where several are in the report."""
    name = f"every {connection.deployment.noun}" if one.name == EVERY_ONE else one.name
    if len(report.connections) == 1 or connection.name in (None, one.name.casefold()):
        return clean(name, 60)
    return clean(f"{connection.name}/{name}", 120)


def _waits(check: Check) -> bool:
    """Whether it is what is left to do, after all else."""
    return check.id is CheckId.REGISTRATION and check.status is Status.WARN


def _leads_on(check: Check, commands: Iterable[str]) -> bool:
    """Whether its remedy is no more than one of the commands."""
    return any(command in (check.remedy or "") for command in commands)


def _is_news(check: Check) -> bool:
    """Whether it is shown though nothing has failed: a warning, or a change."""
    if check.status is Status.WARN:
        return not _waits(check)
    return check.changed and check.status not in BAD


def _rows(found: Sequence[_Found], remedies: set[str], *, several: bool) -> Iterator[Line]:
    """A row for each check; what is said alike of several is one. No remedy comes twice.

    With ``several`` organizations a row names those that it is about.
    """
    told = Counter(one.text for one in found)

    def said(one: _Found) -> tuple[str, str]:
        """The text without the name, or as it is where it is the same of several."""
        return one.text if told[one.text] > 1 else one.said

    for group in _alike(found, lambda one: _kind(one.check), said):
        first, texts = group[0], {said(one) for one in group}
        detail, remedy = first.check.detail, first.check.remedy or ""
        if len({one.text for one in group}) > 1:
            detail, remedy = first.said
        if len(texts) > 1:
            detail = f"for {first.label}: {first.check.detail}"
        title = first.check.title
        if several:
            title = f"{some_of((one.label for one in group), 60)} · {title}"
        yield first.check.status, f"{title}: {clean(detail, 600)}"
        if remedy and remedies.isdisjoint((remedy, first.check.remedy or "")):
            remedies.add(remedy)
            yield None, f"    → {clean(remedy, 600)}"


def _kind(check: Check) -> Hashable:
    return check.id, check.status, check.reason


def _alike(
    items: Iterable[_T], coarse: Callable[[_T], Hashable], fine: Callable[[_T], Hashable]
) -> Iterator[list[_T]]:
    """Groups that came out alike; more than a few that differ only in ``fine`` are one, too."""
    for group in _grouped(items, coarse):
        parts = _grouped(group, fine)
        yield from parts if len(parts) <= FEW else [group]


def _grouped(items: Iterable[_T], key: Callable[[_T], Hashable]) -> list[list[_T]]:
    groups: dict[Hashable, list[_T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _not_made(found: Iterable[_Found], failed: bool) -> Iterator[Line]:
    """What was not asked because of what failed: how much it is."""
    left = [one for one in found if one.check.reason is Reason.NOT_ASKED]
    if failed and left:
        checks = "1 check" if len(left) == 1 else f"{len(left)} checks"
        yield Status.SKIP, f"Skipped {checks} because of this."


# The organizations


@dataclass(frozen=True, slots=True)
class _Place:
    """An organization as its line shows it."""

    label: str
    status: Status
    was_checked: bool
    words: str
    """Whose token it is, and how far it reaches."""

    last4: str
    end: str
    """The day, first; empty where nobody told it."""

    days_left: int | None
    counts_days: bool
    """Whether the days left are told here; with global tokens, the check of the reach does."""


def _organizations(report: Report) -> Iterator[Line]:
    """A line for each organization: whose token, how far it reaches, until when."""
    places = [
        _place(_label(report, connection, one), connection, one)
        for connection in report.connections
        for one in connection.organizations
    ]
    for group in _alike(
        places,
        lambda one: (one.status, one.words, one.last4 if one.words.startswith("shared") else ""),
        lambda one: (one.end, one.days_left),
    ):
        first, names = group[0], some_of((one.label for one in group), 32)
        if not first.was_checked:
            yield first.status, f"{names}: not checked"
            continue
        tokens = list(dict.fromkeys(one.last4 for one in group))
        whose = "one token each,"
        if len(tokens) == 1:
            whose = f"token …{tokens[0]}" if tokens[0] else "token"
        ends = sorted({(one.end, one.days_left or 0) for one in group})
        words = first.words.removeprefix("shared")
        yield first.status, f"{names}: {whose}{words}{_until(first, ends)}"


def _place(label: str, connection: ConnectionReport, one: OrganizationReport) -> _Place:
    token, words = one.token, one.token_words(connection.deployment)
    if token.shared:
        words = f"shared{words}"
    end = token.expires or ""
    is_global = token.reach is Reach.ALL and connection.deployment is Deployment.SERVICES
    status, last4 = _status(one.checks), clean(token.last4, 8)
    was_checked = status is not Status.SKIP and token != TokenFacts()
    return _Place(label, status, was_checked, words, last4, end, token.days_left, not is_global)


def _not_stored(report: Report) -> Iterator[str]:
    """That nothing was stored, where something is in the way."""
    if report.verdict not in (Verdict.READY, Verdict.READY_WITH_WARNINGS):
        told = (one.detail for one in report.all_checks() if one.reason is Reason.NOTHING_KEPT)
        yield from dict.fromkeys(told)


def _status(checks: Sequence[Check]) -> Status:
    """The gravest of an organization; ``SKIP`` where nothing was asked."""
    found = {check.status for check in checks}
    for status in BAD:
        if status in found:
            return status
    if any(check.id is CheckId.IDENTITY and check.status is Status.PASS for check in checks):
        return Status.PASS
    return Status.SKIP


def _until(first: _Place, ends: Sequence[tuple[str, int]]) -> str:
    """When the token ends, as far as anybody told, and how many days are left."""
    if len(ends) > 1:
        known = [end for end, _ in ends if end]
        return f", the first expires {known[0]}" if known else ""
    text = ", expiry unknown" if first.status is Status.PASS else ""
    if first.end:
        text = f", expires {first.end}"
    if first.days_left is None or not first.counts_days:
        return text
    if first.days_left > 0:
        return f"{text}, {count_days(first.days_left)} left"
    return f"{text}, {'today' if first.days_left == 0 else 'in the past'}"


def _aspms(report: Report) -> Iterator[Line]:
    """A line for each Invicti ASPM that was asked and has nothing in the way."""
    lines = {}
    for connection in report.connections:
        if connection.aspm is None:
            continue
        asked = [one for one in connection.aspm.checks if one.status is not Status.SKIP]
        if asked and not any(one.is_trouble for one in asked):
            lines[connection.aspm.url] = clean(f"{connection.aspm.url}: {asked[-1].detail}", 300)
    yield from ((Status.PASS, line) for line in lines.values())


# The end


def _counts(report: Report) -> str:
    """How many checks came out how."""
    counts = Counter(check.status for check in report.all_checks())
    parts = []
    for statuses, one, several in _COUNTED:
        if number := sum(counts[status] for status in statuses):
            parts.append(f"{number} {one if number == 1 else several}")
    return ", ".join(parts)


def _responsibilities(report: Report, *, verbose: bool) -> list[str]:
    """Who can act, for each connection that has something in the way."""
    sentences: dict[str, list[str]] = {}
    for connection in report.connections:
        for one in responsibilities(connection):
            sentences.setdefault(one.sentence, []).append(clean(connection.name or "", 70))
    lines = []
    for sentence, names in sentences.items():
        beginning = some_of(filter(None, names), 60) if any(names) else ""
        lines.append(f"{beginning}: {sentence}" if beginning else sentence)
    if lines and not verbose and not report.told:
        lines.append("To get text for a support ticket, run the same command with --verbose.")
    return lines


def _is_told(note: str, told: str | None) -> bool:
    """Whether what a note leads to stands above already."""
    _, _, command = note.rpartition(" Next: ")
    return bool(told) and f"{command}\n" in (told or "")


def _left(report: Report, told: str) -> list[str]:
    """The commands to go on with that were not ``told`` yet; many of a kind are one line."""
    commands: dict[str, list[str]] = {}
    for connection in report.connections:
        for one in _commands(connection, report.command):
            command = one.text(connection.name or "")
            if f"{command}\n" not in told and command not in commands.get(one.verb, ()):
                commands.setdefault(one.verb, []).append(command)
    lines = []
    for found in commands.values():
        if len(found) > FEW:
            columns = zip(*(one.split() for one in found), strict=False)
            same = " ".join(one[0] for one in takewhile(lambda one: len(set(one)) == 1, columns))
            names = some_of((one.removeprefix(same).strip() for one in found), 60)
            found = [f"{same} NAME, for {names}"]
        lines += [f"Next: {command}" for command in found]
    return lines


def _commands(connection: ConnectionReport, command: str) -> Iterator[Command]:
    """The commands to go on with after ``command``, the gravest first."""
    if connection.name is None:
        return
    checks, stored = list(connection.all_checks()), _is_stored(connection)
    if command == "validate":
        later = checks
    else:  # what is not good is not in the connection
        good = (one for one in connection.organizations if one.is_good and stored)
        later = [check for one in good for check in one.checks]
        later += connection.aspm.checks if connection.aspm is not None and stored else ()
    later = [check for check in later if check.id is not CheckId.REGISTRATION]
    yield from (check.next for check in later if check.next and check.status in BAD)
    if command == "connect" and stored:
        bad = (one for one in connection.organizations if not one.is_good)
        yield from (Command("connect", (one.name,)) for one in bad)
    following = _next(connection, command, checks)
    if following is not None:
        yield following
    elif command == "validate" and any(check.status in BAD for check in checks):
        yield Command("validate")
    yield from (check.next for check in later if check.next and check.status is Status.WARN)


def _next(connection: ConnectionReport, command: str, checks: Sequence[Check]) -> Command | None:
    dead = [one for one in checks if one.id is CheckId.IDENTITY and one.status is Status.FAIL]
    if any(check.reason is Reason.NOT_MIGRATED for check in checks) or any(
        check.next == MIGRATE for check in dead
    ):
        return MIGRATE
    if command == "validate" and (renewal := _renewal(checks)):
        return renewal
    if command not in ("migrate", "rotate") and not _is_stored(connection):
        return None
    if not dead and any(check.reason is Reason.ASPM_NOT_AN_API for check in checks):
        names = tuple(one.name for one in connection.organizations[:1])
        return Command("connect", names, aspm_url="URL")
    if not dead and _has_to_be_registered(connection, checks):
        return Command("handoff")
    return None


def _is_stored(connection: ConnectionReport) -> bool:
    return any(
        check.id is CheckId.SECRETS and check.status is Status.PASS for check in connection.checks
    )


def _has_to_be_registered(connection: ConnectionReport, checks: Iterable[Check]) -> bool:
    """Whether somebody has to enter something in Invicti ASPM, now or when it is ready for it."""
    if any(check.id is CheckId.REGISTRATION and check.is_trouble for check in checks):
        return True
    return any(
        check.id is CheckId.REGISTRATION and check.reason is Reason.NOT_ASKED
        for one in connection.organizations
        for check in one.checks
        if one.is_good
    )


def _renewal(checks: Iterable[Check]) -> Command | None:
    """The command that replaces a token which is dead or gone: a hand-over comes after that."""
    for check in checks:
        is_dead = check.id in (CheckId.IDENTITY, CheckId.SECRETS) and check.status is Status.FAIL
        if is_dead and check.next is not None and check.next.verb == "rotate":
            return check.next
    return None
