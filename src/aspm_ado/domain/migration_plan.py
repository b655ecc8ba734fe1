"""The plan of a migration: organization, how its token will be made, what Invicti ASPM needs.

No secret is in it.
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
    """How far an organization is."""

    TO_DO = "to-do"
    WAITS = "waits-for-aspm"
    DONE = "done"


class TokenWay(StrEnum):
    """How its token will be made."""

    BY_HAND = "by-hand"
    BY_AZ = "by-az"
    ADMINISTRATOR = "administrator"
    THERE = "there"


_STATES: Final = {
    PlanState.TO_DO: "to do",
    PlanState.WAITS: "proven, waits for Invicti ASPM",
    PlanState.DONE: "done",
}
_WAYS: Final = {
    TokenWay.BY_HAND: "by hand",
    TokenWay.BY_AZ: "by `az` (--create-token), signed in as a member; or by hand",
    TokenWay.ADMINISTRATOR: "ask the administrator first: a policy seems to forbid it",
    TokenWay.THERE: "it is there",
}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One organization. The fields are those of the document."""

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
    """The letter to its administrator, where one is needed."""


_HEADING: Final = ("organization", "state", "how its token is made", "what Invicti ASPM needs")


def rows_out(rows: Sequence[PlanRow]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(row) for row in rows]


def markdown(
    name: str, day: str, rows: Sequence[PlanRow], *, listed: bool, columns: int | None = None
) -> Iterator[str]:
    """The same for people: as Markdown, or with a table that fits into so many ``columns``."""
    left = [row for row in rows if row.state is PlanState.TO_DO]
    yield f"# One token for each organization: {_plain(name)}"
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
            f"- Boxes: {'; '.join(left[0].boxes)}",
            "- Organization: the one of the row alone, not “All accessible organizations”",
            f"- Expiration: {left[0].expires}, or earlier where a policy wants it",
            *(f"- Page: {row.token_page}" for row in left if columns is not None),
            f"- Then: `aspm-ado migrate {name}`",
        )
    for row in rows:
        if row.administrator_request:
            yield from ("", f"## To the administrator of {_plain(row.organization)}", "")
            yield from map(_quoted, row.administrator_request.splitlines())


def _table(cells: Sequence[tuple[str, ...]], columns: int) -> Iterator[str]:
    """Columns side by side, their words wrapped."""
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
    """The words of a cell in rows of its column; a longer word is cut."""
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
    came = "as on record; the stored token could not list them"
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
    """Words that Markdown leaves alone.

    A name of somebody else's makes no link, no picture, no tag and no cell.
    """
    return re.sub(r"([\\`\[\]<>|])", r"\\\1", clean(text, limit))
