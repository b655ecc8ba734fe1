"""Errors as people and scripts see them: a sentence or a document, and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.questions import JSON
from aspm_ado.domain.reasons import BUG_REMEDY, Problem, Reason, UsageError, UserError, bug_words

if TYPE_CHECKING:
    from aspm_ado.adapters.terminal.voice import TerminalVoice

_WITHOUT_REPORT: Final = ("list", "guide", "doctor", "disconnect")
"""Commands whose document is one of their own."""


def report_error(
    command: str, problem: Problem, *, as_json: bool, voice: TerminalVoice | None = None
) -> int:
    """Say what went wrong, as a document too where one is wanted and none was written.

    Returns the exit code.
    """
    code = int(problem.reason.exit_code)
    if as_json:
        from aspm_ado.cli.output import write_document, written_code
        from aspm_ado.domain.azure.retirement import DaySource
        from aspm_ado.domain.report import Report
        from aspm_ado.render.json import envelope, report_document

        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if command in _WITHOUT_REPORT:
            schema = f"aspm-ado/{command}/v1"
            write_document(envelope(schema, command, at, problem.reason.exit_code, problem))
        else:
            write_document(report_document(Report(command, at, DaySource.LOCAL, error=problem)))
        if (written := written_code()) is not None:
            code = written
    if voice is None:
        from aspm_ado.adapters.terminal.voice import TerminalVoice

        voice = TerminalVoice(sys.stderr, quiet=False, color=False)
    voice.end_progress()
    if problem.reason is Reason.DECLINED:
        voice.say(f"{problem.problem} {problem.remedy}")
    else:
        voice.error(problem.problem, problem.remedy)
    return code


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a document is wanted, where the command line or a variable could not be read."""
    from aspm_ado.cli.options import is_true

    try:
        return "--json" in arguments or is_true(os.environ.get(JSON.env) or "no", JSON.env)
    except UserError:
        return False


def problem_of(error: BaseException) -> Problem:
    """What an exception comes to: what it says itself, Ctrl-C, or else a bug of ours.

    Python 3.11 wraps a Ctrl-C within a class that is being made in a ``RuntimeError``.
    """
    if isinstance(error, UserError):
        return Problem.of(error)
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
        return Problem(
            Reason.INTERRUPTED,
            "Interrupted. No step is half-finished.",
            "Run the same command again to go on.",
        )
    return Problem(Reason.INTERNAL_ERROR, bug_words(error), BUG_REMEDY)


def unwritten(error: OSError) -> UsageError:
    """The refusal of a stdout that does not take the result."""
    from aspm_ado.domain.text import system_words

    return UsageError(
        Reason.FILE_UNREADABLE,
        f"The result could not be written to stdout: {system_words(error)}.",
        remedy="Check where stdout leads and its free space, then run the command again.",
    )


def unreadable_file(error: OSError) -> Problem:
    """What failed outside of a command: the help on stdout, a completion script, a shell's file."""
    if error.filename is None:
        return Problem.of(unwritten(error))
    from aspm_ado.domain.text import clean, system_words

    name = clean(error.filename, 120)
    return Problem(
        Reason.FILE_UNREADABLE,
        f"A file could not be written or read: {name} ({system_words(error)}).",
        "Check that your home folder exists and is yours. "
        "To print the script instead, run: aspm-ado --show-completion",
    )
