"""The health of this machine: lines for a ticket, and the document of ``aspm-ado/doctor/v1``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.doctor import AREAS, Health, exit_code, verdict
from aspm_ado.domain.text import wrap
from aspm_ado.render.document import Document, envelope

if TYPE_CHECKING:
    from aspm_ado.domain.doctor import Finding

SCHEMA: Final = "aspm-ado/doctor/v1"
MARKS: Final = {
    Health.OK: "[ OK ]",
    Health.WARN: "[WARN]",
    Health.FAIL: "[FAIL]",
    Health.SKIP: "[SKIP]",
}
_WORDS: Final = {
    Health.FAIL: "failed",
    Health.WARN: "to look at",
    Health.SKIP: "not tried",
    Health.OK: "in order",
}
_MARGIN: Final = 7


def document(findings: Sequence[Finding], at: str) -> Document:
    """One object, the same checks in the same order."""
    head = envelope(SCHEMA, "doctor", at, exit_code(findings))
    return {
        **head,
        "verdict": verdict(findings).value,
        "checks": [_check(finding) for finding in findings],
    }


def lines(findings: Sequence[Finding], width: int = 100) -> Iterator[str]:
    """Rows under the headings of their areas, then what it comes to."""
    for area, rows in groupby(findings, key=lambda finding: finding.subject.area):
        yield AREAS[area][0]
        for row in rows:
            yield from _row(row, width)
        yield ""
    counts = Counter(finding.health for finding in findings)
    told = ", ".join(
        f"{counts[health]} {words}" for health, words in _WORDS.items() if counts[health]
    )
    yield f"{told} (exit {int(exit_code(findings))})"


def _row(finding: Finding, width: int) -> Iterator[str]:
    spent = f" ({finding.milliseconds} ms)" if finding.milliseconds is not None else ""
    mark = MARKS[finding.health]
    for line in wrap(f"{finding.title}: {finding.detail}{spent}", width - _MARGIN):
        yield f"{mark:<{_MARGIN}}{line}"
        mark = ""
    if finding.remedy:
        for number, line in enumerate(wrap(finding.remedy, width - _MARGIN - 2)):
            yield " " * _MARGIN + ("→ " if number == 0 else "  ") + line


def _check(finding: Finding) -> Document:
    return {
        "id": finding.subject.value,
        "title": finding.title,
        "status": finding.health.value,
        "reason": finding.reason.value if finding.reason else None,
        "detail": finding.detail,
        "remedy": finding.remedy,
        "milliseconds": finding.milliseconds,
    }
