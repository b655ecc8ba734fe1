"""The plan of a migration: per organization, how to create its token and what Invicti ASPM needs.

It contains no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Any, Final

from aspm_ado.domain.text import clean, display_width, wrap

PLAN_SCHEMA: Final = "aspm-ado/migration-plan/v1"


class PlanState(StrEnum):
    """The state of an organization."""

    TO_DO = "to-do"
    WAITS = "waits-for-aspm"
    DONE = "done"


class TokenWay(StrEnum):
    """How to create its token."""

    BY_HAND = "by-hand"
    BY_AZ = "by-az"
    ADMINISTRATOR = "administrator"
    THERE = "there"


_STATES: Final = {
    PlanState.TO_DO: "to do",
    PlanState.WAITS: "verified, not yet in Invicti ASPM",
    PlanState.DONE: "done",
}
_WAYS: Final = {
    TokenWay.BY_HAND: "by hand",
    TokenWay.BY_AZ: "with `az` (--create-token), signed in as a member, or by hand",
    TokenWay.ADMINISTRATOR: "ask an administrator first: a policy may forbid it",
    TokenWay.THERE: "already created",
}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One organization, with the fields of the document."""

    organization: str
    connected: bool
    state: PlanState
    how: TokenWay
    token_page: str
    token_name: str
    boxes: list[str]
    expires: str
    reach: str
    aspm: str
    administrator_request: str | None = None


_HEADING: Final = ("organization", "state", "how to create its token", "what Invicti ASPM needs")


def rows_out(rows: Sequence[PlanRow]) -> list[dict[str, Any]]:
    """The rows of the JSON document."""
    return [asdict(row) for row in rows]


def markdown(
    name: str, day: str, rows: Sequence[PlanRow], *, listed: bool, columns: int | None = None
) -> Iterator[str]:
    """The plan as Markdown, or with a table of this many ``columns``."""
    left = [row for row in rows if row.state is PlanState.TO_DO]
    yield f"# One token per organization: {_plain(name)}"
    yield ""
    yield _summary(day, len(rows), len(left), listed=listed)
    yield ""
    if columns is None:
        cells = [_HEADING, ("---",) * len(_HEADING), *(_cells(row) for row in rows)]
        yield from (f"| {' | '.join(row)} |" for row in cells)
    else:
        yield from _table([_HEADING, *(_cells(row, linked=False) for row in rows)], columns)
    if left:
        yield from (
            "",
            "## Each token",
            "",
            f"- Scopes: {'; '.join(left[0].boxes).removeprefix('Scopes: ')}",
            "- Organization: only the one of its row, not “All accessible organizations”",
            f"- Expiration: {left[0].expires}, or earlier if a policy requires it",
            *(f"- Page: {row.token_page}" for row in left if columns is not None),
            f"- To continue, run: `aspm-ado migrate {name}`",
        )
    for row in rows:
        if row.administrator_request:
            yield from ("", f"## To the administrator of {_plain(row.organization)}", "")
            yield from map(_quoted, row.administrator_request.splitlines())


def _table(cells: Sequence[tuple[str, ...]], columns: int) -> Iterator[str]:
    """A table with wrapped cells."""
    room = columns - 2 * (len(_HEADING) - 1)
    first = min(max(display_width(row[0]) for row in cells), room * 3 // 10)
    state = min(max(display_width(row[1]) for row in cells), room * 2 // 10)
    way = (room - first - state) * 6 // 10
    widths = (first, state, way, room - first - state - way)
    for number, row in enumerate(cells):
        parts = [list(_fitted(cell, width)) for cell, width in zip(row, widths, strict=True)]
        for pieces in zip_longest(*parts, fillvalue=""):
            padded = zip(pieces, widths, strict=True)
            yield "  ".join(
                piece + " " * (width - display_width(piece)) for piece, width in padded
            ).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)


def _fitted(cell: str, width: int) -> Iterator[str]:
    """The rows of a cell. A word longer than its column is split."""
    for row in wrap(cell, width):
        rest = row
        while rest:
            part = rest[:width]
            while display_width(part) > width:
                part = part[:-1]
            part = part or rest[:1]
            yield part
            rest = rest[len(part) :]


def _quoted(line: str) -> str:
    if not line:
        return ">"
    return f"> {_plain(line, 900)}"


def _summary(day: str, all_of_them: int, left: int, *, listed: bool) -> str:
    many = "1 organization" if all_of_them == 1 else f"{all_of_them} organizations"
    needy = "1 needs a token of its own" if left == 1 else f"{left} need a token of their own"
    came = "from the configuration: the stored token could not list them"
    if listed:
        came = "as the stored token lists them"
    return f"{many} on {day}, {came}. {needy}."


def _cells(row: PlanRow, *, linked: bool = True) -> tuple[str, ...]:
    organization, way = _plain(row.organization), _WAYS[row.how]
    if not row.connected:
        organization += " (not in this connection yet)"
    if linked and row.state is PlanState.TO_DO:
        way += f": <{clean(row.token_page, 400)}>"
    return organization, _STATES[row.state], way, _plain(row.aspm)


def _plain(text: str, limit: int = 200) -> str:
    """Escape Markdown: a foreign name becomes no link, image, tag or cell."""
    return re.sub(r"([\\`\[\]<>|])", r"\\\1", clean(text, limit))
