"""``--report``: the report as files besides, refused before the first request where they cannot be
written, and written whole whenever there is a document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aspm_ado.adapters.records.folder import prove_replaceable, replace_file
from aspm_ado.domain.azure.retirement import DaySource
from aspm_ado.domain.errors import Problem, UsageError
from aspm_ado.domain.questions import REPORT
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.report import Report
from aspm_ado.domain.text import clean, join_words, system_words
from aspm_ado.render.formats import EXTRA, FORMATS

if TYPE_CHECKING:
    from aspm_ado.domain.errors import UserError

_WITHOUT_FILES: Final = (ExitCode.BUG, ExitCode.USAGE)
"""Nothing was found out: what an earlier run wrote stays."""


class ReportFiles:
    """The files of a run of ``command``; ``say`` is told of what could not be written."""

    def __init__(self, command: str, paths: Sequence[str], *, say: Callable[[str], None]) -> None:
        self._command, self._say = command, say
        self._paths = [Path(one) for one in dict.fromkeys(paths)]
        self._written: Report | None = None

    def check(self) -> None:
        """Raise ``UsageError`` for what could not be written in the end."""
        for path in self._paths:
            kind = FORMATS.get(path.suffix.lower())
            if kind is None:
                raise _other_ending(path)
            if not kind.is_available:
                raise _extra_missing(path)
            try:
                prove_replaceable(path)
            except OSError as error:
                raise UsageError(
                    Reason.FILE_UNREADABLE,
                    _failure(path, error),
                    remedy="Pass a file in a folder that exists and that you can write to.",
                ) from None

    def write(self, report: Report) -> Report:
        """Write every file; the report, failed where one could not be written."""
        if report.exit_code in _WITHOUT_FILES:
            return report
        self._written, failed = report, report
        for path in self._paths:
            try:
                replace_file(path, FORMATS[path.suffix.lower()].render(report))
            except OSError as error:
                problem = Problem(
                    Reason.REPORT_UNWRITTEN,
                    _failure(path, error),
                    "Free space or fix the folder, then run the command again.",
                )
                self._say(problem.problem)
                failed = failed.failed_by(problem)
        return failed

    def write_error(self, problem: Problem) -> Problem:
        """Write what ended the run, with what was found out before; the graver problem."""
        if problem.reason.exit_code in _WITHOUT_FILES:
            return problem
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = self._written or Report(self._command, at, DaySource.LOCAL)
        return self.write(replace(before, error=problem)).error or problem


def _other_ending(path: Path) -> UserError:
    endings = join_words(tuple(FORMATS)).replace(" and ", " or ")
    return UsageError(
        Reason.INPUT_INVALID,
        f"{REPORT.flag}: {clean(path, 120)} is not a known format.",
        remedy=f"Pass a file that ends in {endings}.",
    )


def _extra_missing(path: Path) -> UserError:
    return UsageError(
        Reason.EXTRA_MISSING,
        f"{REPORT.flag}: a library for {path.suffix.lower()} is not installed.",
        remedy=f"Install it: pip install 'aspm-ado[{EXTRA}]'",
    )


def _failure(path: Path, error: OSError) -> str:
    return f"{REPORT.flag}: {clean(path, 120)} cannot be written: {system_words(error)}."
