"""``.md``: for the summary of a job. Tables, no HTML, and no name that links, mentions or draws."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.text import clean
from aspm_ado.render.formats.overview import VERDICTS, overview

if TYPE_CHECKING:
    from aspm_ado.domain.report import Report
    from aspm_ado.render.formats.overview import OverviewRow

_OWN: Final = re.compile(r"[\\`*_\[\]{}()<>|~!&$^=]|:(?=\S)|(?<=www)\.|#(?!\w)", re.IGNORECASE)
_CALLING: Final = re.compile(r"(?:@|#(?=\w))+")
"""What GitHub and GitLab make a mention or a link of, also behind a backslash; not in code."""
_LARGEST: Final = 900_000
"""Bytes; a job summary of GitHub may have 1 MiB."""


def render(report: Report) -> bytes:
    """The page; the checks of the last organizations are left out where it would be too large."""
    rows = tuple(overview(report))
    parts = [_encoded(_head(report, rows))]
    size = len(parts[0])
    for row in rows:
        part = _encoded(_details(row))
        size += len(part)
        if size > _LARGEST:
            parts.append(_encoded(["", "Some checks are omitted: a job summary has a size limit."]))
            break
        parts.append(part)
    return b"".join(parts)


def _encoded(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def escaped(text: str) -> str:
    """``text``, clean already, as Markdown that shows just this."""
    return _CALLING.sub(r"`\g<0>`", _OWN.sub(r"\\\g<0>", text))


def _head(report: Report, rows: tuple[OverviewRow, ...]) -> Iterator[str]:
    yield f"# {VERDICTS[report.verdict]}"
    yield ""
    yield f"`aspm-ado {report.command}` · {report.at} · exit code {int(report.exit_code)}"
    if report.error is not None:
        yield ""
        yield f"**{escaped(clean(report.error.problem, 600))}**"
        yield ""
        yield f"→ {escaped(clean(report.error.remedy, 600))}"
    if rows:
        yield ""
        yield from _table(
            "Organization | Connection | Result | Owner | Token expires | Reach | What to do",
            map(_cells, rows),
        )


def _cells(row: OverviewRow) -> Iterator[str]:
    owner = [escaped(row.owner)]
    if row.account:
        owner.append(f"({escaped(row.account)})")
    if row.others:
        owner.append(f"· also in {escaped(row.others)}")
    yield escaped(row.place)
    yield escaped(row.connection)
    yield row.result
    yield " ".join(owner)
    yield row.end
    yield row.reach
    yield _steps(row.to_do)


def _details(row: OverviewRow) -> Iterator[str]:
    yield ""
    yield f"## {escaped(row.place)}"
    yield ""
    yield from _table(
        "Check | Result | Detail | What to do",
        ((one.title, one.word, escaped(one.detail), escaped(one.to_do)) for one in row.checks),
    )


def _steps(steps: tuple[str, ...]) -> str:
    if len(steps) < 2:
        return escaped("".join(steps) or "Nothing")
    return " ".join(f"({number}) {escaped(one)}" for number, one in enumerate(steps, start=1))


def _table(head: str, rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield f"| {head} |"
    yield "|" + " --- |" * (head.count("|") + 1)
    for cells in rows:
        yield f"| {' | '.join(cells)} |"
