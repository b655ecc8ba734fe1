"""The findings of ``doctor``: lines for a ticket, and the document ``aspm-ado/doctor/v1``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from aspm_ado.domain.doctor import AREAS, HOST_STEPS, Health, HealthCheck, exit_code, verdict
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import wrap
from aspm_ado.render.json import Document, envelope

SCHEMA: Final = "aspm-ado/doctor/v1"
_MARKS: Final = {
    Health.OK: "[ OK ]",
    Health.WARN: "[WARN]",
    Health.FAIL: "[FAIL]",
    Health.SKIP: "[SKIP]",
}
_WORDS: Final = {
    Health.FAIL: ("failed", "failed"),
    Health.WARN: ("warning", "warnings"),
    Health.SKIP: ("skipped", "skipped"),
    Health.OK: ("passed", "passed"),
}
"""How many of each: of one, of several."""
_MARGIN: Final = 7


def doctor_document(findings: Sequence[HealthCheck], at: str) -> Document:
    """Build the document, with every check in order."""
    head = envelope(SCHEMA, "doctor", at, exit_code(findings))
    return {
        **head,
        "verdict": verdict(findings).value,
        "checks": [_check(finding) for finding in findings],
    }


def doctor_lines(findings: Sequence[HealthCheck], width: int = 100) -> Iterator[str]:
    """Rows by area, one per host, and then the counts."""
    counts: Counter[Health] = Counter()
    for area, group in groupby(findings, key=lambda finding: finding.subject.area):
        yield AREAS[area][0]
        for title, finding in _rows(group):
            counts[finding.health] += 1
            yield from _row(title, finding, width)
        yield ""
    total = ", ".join(
        f"{counts[health]} {one if counts[health] == 1 else several}"
        for health, (one, several) in _WORDS.items()
        if counts[health]
    )
    yield f"{total} (exit {int(exit_code(findings))})"


def _rows(findings: Iterable[HealthCheck]) -> Iterator[tuple[str, HealthCheck]]:
    """Each finding with its title. Those of one host are one row."""
    steps: list[HealthCheck] = []
    for finding in findings:
        if finding.subject not in HOST_STEPS:
            yield finding.title, finding
            continue
        steps.append(finding)
        if len(steps) == len(HOST_STEPS):
            yield _host(steps)
            steps.clear()


def _host(steps: Sequence[HealthCheck]) -> tuple[str, HealthCheck]:
    """The step with a remedy, or all steps in one."""
    for step in steps:
        if step.remedy:
            return step.title, step
    text = " ".join(f"{step.subject.title}: {step.detail}" for step in steps)
    spent = [step.milliseconds for step in steps if step.milliseconds is not None]
    first, *_, last = steps
    health = last.health
    if last.reason is Reason.NOT_WANTED:  # http on this machine
        health = Health.OK
    return first.about, HealthCheck(first.subject, health, text, milliseconds=sum(spent))


def _row(title: str, finding: HealthCheck, width: int) -> Iterator[str]:
    mark, text = _MARKS[finding.health], f"{title}: {finding.detail}"
    if finding.milliseconds is not None:
        text += f" ({finding.milliseconds} ms)"
    for line in wrap(text, width - _MARGIN):
        yield f"{mark:<{_MARGIN}}{line}"
        mark = ""
    if finding.remedy:
        arrow = "→ "
        for line in wrap(finding.remedy, width - _MARGIN - 2):
            yield " " * _MARGIN + arrow + line
            arrow = "  "


def _check(finding: HealthCheck) -> Document:
    return {
        "id": finding.subject.value,
        "title": finding.title,
        "status": finding.health.value,
        "reason": finding.reason,
        "detail": finding.detail,
        "remedy": finding.remedy,
        "milliseconds": finding.milliseconds,
    }
