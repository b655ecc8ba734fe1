"""``--report``: the report as files besides, refused before the first request where they cannot be
written, and written whole whenever there is a document.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aspm_ado.adapters.records.catalog import default_folder
from aspm_ado.adapters.records.folder import prove_replaceable, replace_file
from aspm_ado.domain.azure.retirement import DaySource
from aspm_ado.domain.questions import (
    ASPM_TOKEN_FILE,
    CA_BUNDLE,
    FROM,
    PAT_FILE,
    REGISTRATION_PROFILE,
    REPORT,
)
from aspm_ado.domain.reasons import ExitCode, Problem, Reason, StoreError, UsageError
from aspm_ado.domain.report import Report, gravest
from aspm_ado.domain.text import clean, join_words, system_words
from aspm_ado.render.formats import EXTRA, FORMATS

if TYPE_CHECKING:
    from aspm_ado.cli.context import Invocation
    from aspm_ado.domain.reasons import UserError

_WITHOUT_FILES: Final = (ExitCode.BUG, ExitCode.USAGE)
"""Nothing was found out: what an earlier run wrote stays."""

_READ: Final = (PAT_FILE, ASPM_TOKEN_FILE, REGISTRATION_PROFILE, CA_BUNDLE, FROM)
"""Files that a run reads."""


class ReportFiles:
    """The files of a run."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._paths = [Path(one) for one in dict.fromkeys(invocation.values(REPORT))]
        self._written: Report | None = None

    def check(self) -> None:
        """Raise ``UsageError`` for what could not be written in the end."""
        for path in self._paths:
            kind = FORMATS.get(path.suffix.lower())
            if kind is None:
                raise _other_ending(path)
            if not kind.is_available:
                raise _extra_missing(path)
            demand_writable(self._invocation, path, REPORT.flag)

    def write(self, report: Report) -> Report:
        """Write every file; the report, failed where one could not be written."""
        if not _is_worth_a_file(report):
            return report
        self._written, failed = report, report
        for path in self._paths:
            try:
                replace_file(path, FORMATS[path.suffix.lower()].render(report))
            except OSError as error:
                problem = Problem(
                    Reason.REPORT_UNWRITTEN,
                    _failure(path, REPORT.flag, error),
                    "Free space or fix the folder, then run the command again.",
                )
                self._invocation.voice.warn(problem.problem)
                failed = failed.failed_by(problem)
        return failed

    def write_error(self, problem: Problem) -> Problem:
        """Write what ended the run, with what was found out before; the graver problem."""
        if problem.reason.exit_code in _WITHOUT_FILES:
            return problem
        run = self._invocation
        before = self._written or run.finished
        before = before or Report(run.command, run.at, DaySource.LOCAL)
        return self.write(before.ended_by(problem)).error or problem


def demand_writable(invocation: Invocation, path: Path, flag: str) -> None:
    """Raise ``UsageError`` for a file that cannot be written, or that holds what this run reads."""
    _refuse_own_file(invocation, path, flag)
    try:
        prove_replaceable(path)
    except OSError as error:
        raise unwritable(path, flag, error) from None


def unwritable(path: Path, flag: str, error: OSError) -> UsageError:
    """The refusal of a file that cannot be written."""
    return UsageError(
        Reason.FILE_UNREADABLE,
        _failure(path, flag, error),
        remedy="Pass a file in a folder that exists and that you can write to.",
    )


def _refuse_own_file(invocation: Invocation, path: Path, flag: str) -> None:
    problem = ""
    for folder in _own_folders(invocation):
        if any(_is_same(above, folder) for above in Path(os.path.realpath(path)).parents):
            problem = f"{flag}: {clean(path, 120)} is in the configuration directory."
    for question in _READ:
        for value in invocation.values(question):
            if any(_is_same(path, Path(one)) for one in (value, value.partition("=")[2]) if one):
                problem = f"{flag}: {clean(path, 120)} is the file of {question.flag}."
    if problem:
        raise UsageError(Reason.INPUT_INVALID, problem, remedy="Pass another file.")


def _own_folders(invocation: Invocation) -> Iterator[Path]:
    """The configuration directory of this run, and that of a run without options."""
    with suppress(StoreError):  # no home, so no records
        yield invocation.folder
        yield default_folder(invocation.environment)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return False


def _is_worth_a_file(report: Report) -> bool:
    """Whether something was found out, be it of one connection of many."""
    codes = [gravest(check.exit_code for check in one.all_checks()) for one in report.connections]
    return any(code not in _WITHOUT_FILES for code in (report.exit_code, *codes))


def _other_ending(path: Path) -> UserError:
    endings = join_words(tuple(FORMATS), "or")
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


def _failure(path: Path, flag: str, error: OSError) -> str:
    return f"{flag}: {clean(path, 120)} cannot be written: {system_words(error)}."
