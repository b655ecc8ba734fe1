"""Tables without a terminal: lines that any pipe, log and console can take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aspm_ado.domain.text import wrapped
from aspm_ado.render.human import MARKS, Section


def lines(tables: Iterable[Section], width: int = 100) -> Iterator[str]:
    """The tables as text."""
    for table in tables:
        yield from wrapped(table.heading, width)
        for row in table.rows:
            mark = MARKS[row.status][0]
            yield from wrapped(f"  {mark} {row.title}: {row.detail}", width)
            if row.remedy:
                yield from wrapped(f"      → {row.remedy}", width)
            if row.command:
                yield from wrapped(f"      → {row.command}", width)
        yield ""
