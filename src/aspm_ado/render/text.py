"""The whole report for people, and the lines of its end.

Sections of rows are painted as tables where somebody looks at them and written as plain lines
elsewhere. rich is imported where it paints: nothing else waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final, TextIO

from aspm_ado import __version__
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.reasons import CheckId, Status, Verdict
from aspm_ado.domain.report import BAD
from aspm_ado.domain.text import FEW, clean, encodable, wrap
from aspm_ado.domain.ticket import responsibilities

if TYPE_CHECKING:
    from aspm_ado.domain.report import Check, ConnectionReport, OrganizationReport, Report

MARKS: Final = {
    Status.PASS: ("✓", "passed", "green"),
    Status.PARTIAL: ("~", "verified as far as the API allows", "green"),
    Status.WARN: ("!", "warning", "yellow"),
    Status.FAIL: ("✗", "failed", "red"),
    Status.UNKNOWN: ("?", "could not check", "magenta"),
    Status.SKIP: ("-", "skipped", "dim"),
}
"""Of each status: its mark, words for it, and the style of the mark."""
VERDICTS: Final = {
    Verdict.READY: "Ready",
    Verdict.READY_WITH_WARNINGS: "Ready, with warnings",
    Verdict.NOT_READY: "Not ready",
    Verdict.UNKNOWN: "Unknown: some checks could not finish",
}

Line = tuple[Status | None, str]
"""A line of the end, and the status whose mark stands before it."""

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

    @property
    def word(self) -> str:
        """Its status in words."""
        return MARKS[self.status][1]


@dataclass(frozen=True, slots=True)
class Section:
    """One table: an organization, or what concerns a connection as a whole."""

    heading: str
    rows: tuple[TableRow, ...]
    organization: str = ""
    token: str = ""
    """What the heading says of the token, behind the name."""


def sections(report: Report) -> Iterator[Section]:
    """Every table of a report."""
    for connection in report.connections:
        yield from _together(_of_connection(connection))


def blocking_rows(checks: Iterable[Check]) -> tuple[TableRow, ...]:
    """The rows that something has to be done about before it is good."""
    return _rows(check for check in checks if check.status in BAD)


def tickets(report: Report) -> Iterator[str]:
    """The texts to send, one for each who can mend something of a connection."""
    for connection in report.connections:
        for responsibility in responsibilities(connection):
            yield from ("", *responsibility.ticket(report.shown or report.at, __version__))


def plain_lines(tables: Iterable[Section], width: int = 100) -> Iterator[str]:
    """The tables as plain lines."""
    for table in tables:
        yield from wrap(table.heading, width)
        for row in table.rows:
            yield from wrap(f"  {MARKS[row.status][0]} {row.title}: {row.detail}", width)
            if row.remedy:
                yield from wrap(f"      → {row.remedy}", width)
        yield ""


def line_rows(lines: Iterable[Line], width: int | None) -> Iterator[tuple[Status | None, str]]:
    """Each line as rows of at most ``width`` columns; the first has the mark of its status."""
    for status, line in lines:
        text = line if status is None else f"{MARKS[status][0]} {line}"
        rows = iter((text,)) if width is None else wrap(text, width)
        yield status, next(rows)
        yield from ((None, row) for row in rows)


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
            if row.remedy:
                detail.append_text(text(f"\n→ {row.remedy}", "bold"))
            grid.add_row(text(mark, style), text(row.title), detail)
        console.print(grid)
        console.print()


def _of_connection(connection: ConnectionReport) -> Iterator[Section]:
    if connection.checks:
        yield Section(clean(connection.name or connection.base_url, 80), _rows(connection.checks))
    described: set[tuple[CheckId, str]] = set()
    for organization in connection.organizations:
        checks = organization.checks
        if organization.token.shared:
            checks = _not_described(checks, described)
        place, token = _heading(connection, organization)
        name = clean(organization.name, 60)
        yield Section(f"{place} · {token}", _rows(checks), name, token)
    aspm = connection.aspm
    if aspm is not None and any(check.status is not Status.SKIP for check in aspm.checks):
        yield Section(clean(aspm.url, 80), _rows(aspm.checks))


def _not_described(
    checks: Iterable[Check], described: set[tuple[CheckId, str]]
) -> tuple[Check, ...]:
    """A token that several organizations share is ``described`` once: its checks that are new."""
    new = tuple(check for check in checks if _key(check) not in described)
    described.update(_key(check) for check in new if check.id in _OF_THE_TOKEN)
    return new


def _key(check: Check) -> tuple[CheckId, str]:
    return check.id, check.detail


def _rows(checks: Iterable[Check]) -> tuple[TableRow, ...]:
    return tuple(map(_row, checks))


def _row(check: Check) -> TableRow:
    detail, remedy = clean(check.detail, 600), clean(check.remedy or "", 600)
    return TableRow(check.status, check.title, detail, remedy)


def _together(made: Iterable[Section]) -> Iterator[Section]:
    """Many organizations in a row that came out alike are one table."""
    for _, group in groupby(made, _alike):
        first, *others = group
        if len(others) < FEW:
            yield from (first, *others)
            continue
        names = ", ".join(one.organization for one in (first, *others))
        heading = f"{names} ({len(others) + 1} alike) · {first.token}"
        yield Section(heading, first.rows, first.organization, first.token)


def _alike(section: Section) -> object:
    if not section.organization:
        return section.heading
    return section.rows, section.token


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
        return "expires today"
    return "past its expiry date"
