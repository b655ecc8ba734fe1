"""Tables on a terminal, with rich: the only place that imports it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aspm_ado.domain.text import encodable
from aspm_ado.render.text import MARKS, Row

if TYPE_CHECKING:
    from aspm_ado.render.text import Section


def paint(
    tables: Iterable[Section], stream: TextIO, *, color: bool, width: int | None = None
) -> None:
    """Write the tables. Every string is put in as ``Text``: rich reads no markup in what others wrote."""
    console = Console(
        file=stream, no_color=not color, color_system="standard" if color else None, width=width, highlight=False,
        emoji=False, markup=False, legacy_windows=False, force_terminal=color,
    )  # fmt: skip
    encoding = getattr(stream, "encoding", None) or "utf-8"

    def text(value: str, style: str = "") -> Text:
        return Text(encodable(value, encoding), style if color else "")

    for table in tables:
        console.print(text(table.heading, "bold"))
        grid = Table(
            box=box.SIMPLE_HEAD if encoding.lower().startswith("utf") else box.ASCII, pad_edge=False
        )
        grid.show_header = False
        grid.show_edge = False
        grid.add_column(width=1)
        grid.add_column(ratio=1, max_width=28)
        grid.add_column(ratio=3, overflow="fold")
        for row in table.rows:
            mark, _, style = MARKS[row.status]
            grid.add_row(text(mark, style), text(row.title), _said(row, text))
        console.print(grid)
        console.print()


def _said(row: Row, text: type[Text] | object) -> Text:
    said: Text = text(row.detail)  # type: ignore[operator]
    if row.remedy:
        said.append_text(text(f"\n→ {row.remedy}", "bold"))  # type: ignore[operator]
    if row.command:
        said.append_text(text(f"\n→ {row.command}", "bold"))  # type: ignore[operator]
    return said
