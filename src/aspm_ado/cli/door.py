"""The one door: every ending becomes a sentence or a document, and an exit code."""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import typer

from aspm_ado.cli.values import truth
from aspm_ado.domain.errors import UserError
from aspm_ado.domain.questions import JSON
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.report import Problem, Report

if TYPE_CHECKING:
    from aspm_ado.cli.wiring import Wiring

_BAD_USAGE: Final[type[Exception]] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException" and issubclass(kind, Exception)
)
"""What Typer raises for a command line that it cannot read. It is private there, and an ancestor of this public one."""

COMMAND_SCHEMAS: Final = ("list", "guide", "doctor", "disconnect")


def enter(arguments: Sequence[str]) -> int:
    """Run the program; the exit code."""
    from aspm_ado.adapters.signals import guard_core_dumps
    from aspm_ado.cli.app import app

    guard_core_dumps()
    try:
        outcome = app(args=list(arguments), prog_name="aspm-ado", standalone_mode=False)
    except _BAD_USAGE as error:
        return _refuse(arguments, error)
    except typer.Exit as ending:
        return int(ExitCode.USAGE) if ending.exit_code == 1 else int(ending.exit_code)
    except OSError as error:
        return tell_error(_command_of(arguments), _unwritable(error), as_json=wants_json(arguments))
    except (typer.Abort, KeyboardInterrupt):
        return tell_error(_command_of(arguments), interrupted(), as_json=wants_json(arguments))
    return int(outcome or 0)


def tell_error(command: str, problem: Problem, *, as_json: bool, wiring: Wiring | None = None) -> int:
    """Say what went wrong, as a document where one is wanted."""
    code = problem.reason.exit_code
    if as_json:
        from aspm_ado.cli.output import write_document
        from aspm_ado.render.machine import envelope, report_document

        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if command in COMMAND_SCHEMAS:
            document: dict[str, Any] = envelope(f"aspm-ado/{command}/v1", command, at, code, problem)
        else:
            document = report_document(Report(command, at, "local", error=problem))
        write_document(document)
    voice = wiring.voice if wiring is not None else _bare_voice()
    voice.end_progress()
    voice.error(problem.problem, problem.remedy)
    return int(code)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a document is wanted, where the command line or a variable could not be taken in whole."""
    try:
        return "--json" in arguments or truth(os.environ.get(JSON.env, "").strip() or "no", JSON.env)
    except UserError:
        return False


def _unwritable(error: OSError) -> Problem:
    """What only Typer's own options do outside of a command: writing a completion script."""
    from aspm_ado.domain.text import clean

    why = error.strerror or type(error).__name__
    return Problem(
        Reason.FILE_UNREADABLE,
        f"A file could not be written or read: {clean(error.filename or 'unknown', 120)} ({why}).",
        "Check that your home folder is there and yours; --show-completion prints the script instead.",
    )


def interrupted() -> Problem:
    """Ctrl-C and its kind."""
    return Problem(Reason.INTERRUPTED, "Stopped. Nothing was left half-done.", "Run the same command again to go on.")


def bug(error: BaseException) -> Problem:
    """A failure of ours: its type and an id made of where it happened, never a value."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " ".join(f"{frame.filename.rpartition('aspm_ado')[2]}:{frame.lineno}" for frame in frames)
    mark = hashlib.sha256(f"{type(error).__name__} {where}".encode()).hexdigest()[:8]
    last = frames[-1] if frames else None
    place = f" at {last.filename.rpartition('aspm_ado')[2].lstrip('/').lstrip(chr(92))}:{last.lineno}" if last else ""
    return Problem(
        Reason.INTERNAL_ERROR,
        f"A bug of ours: {type(error).__name__}{place} (id {mark}).",
        "Please report this id and the command that you ran; no secret is in it.",
    )


def _refuse(arguments: Sequence[str], error: BaseException) -> int:
    """A command line that cannot be read, in one sentence and with the exit code of the contract."""
    message = str(getattr(error, "format_message", lambda: "The command line cannot be understood.")())
    command = _command_of(arguments)
    help_ = f"See aspm-ado {command} --help." if command else "See aspm-ado --help."
    from aspm_ado.domain.text import clean

    problem = Problem(Reason.USAGE, clean(message, 300), help_)
    return tell_error(command, problem, as_json=wants_json(arguments))


def _command_of(arguments: Sequence[str]) -> str:
    from aspm_ado.cli.app import COMMANDS

    return next((word for word in arguments if word in COMMANDS), "")


def _bare_voice() -> Any:
    from aspm_ado.adapters.terminal.voice import TerminalVoice

    return TerminalVoice(sys.stderr, quiet=False, color=False)
