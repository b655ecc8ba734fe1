"""The one door: what is typed goes in, an exit code comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import typer

from aspm_ado.cli.errors import bug, interrupted, tell_error, wants_json
from aspm_ado.cli.menu import WORDS
from aspm_ado.domain.errors import Problem, UserError
from aspm_ado.domain.reasons import ExitCode, Reason

_BAD_USAGE: Final[type[Exception]] = next(
    kind
    for kind in typer.BadParameter.__mro__
    if kind.__name__ == "ClickException" and issubclass(kind, Exception)
)
"""What Typer raises for a command line that it cannot read. It is private there, and an ancestor of this public one."""


def enter(arguments: Sequence[str]) -> int:
    """Run the program; the exit code."""
    from aspm_ado.adapters.signals import guard_core_dumps
    from aspm_ado.cli.app import parser
    from aspm_ado.cli.output import begin

    guard_core_dumps()
    begin()
    try:
        outcome = parser(arguments)(
            args=list(arguments), prog_name="aspm-ado", standalone_mode=False
        )
    except _BAD_USAGE as error:
        return _refuse(arguments, error)
    except typer.Exit as ending:
        return int(ExitCode.USAGE) if ending.exit_code == 1 else int(ending.exit_code)
    except UserError as error:
        return tell_error(_command_of(arguments), Problem.of(error), as_json=wants_json(arguments))
    except typer.Abort:
        return tell_error(_command_of(arguments), interrupted(), as_json=wants_json(arguments))
    except OSError as error:
        return tell_error(_command_of(arguments), _unwritable(error), as_json=wants_json(arguments))
    except Exception as error:  # noqa: BLE001  (no traceback is ever shown: its message may hold a value)
        return tell_error(_command_of(arguments), bug(error), as_json=wants_json(arguments))
    except KeyboardInterrupt:
        return tell_error(_command_of(arguments), interrupted(), as_json=wants_json(arguments))
    except SystemExit as ending:
        if not isinstance(ending.__context__, BrokenPipeError):
            raise
        return int(
            ExitCode.DONE
        )  # Typer's own help, to a reader who has gone away; it sees to the rest
    return int(outcome or 0)


def _unwritable(error: OSError) -> Problem:
    """What is done outside of a command: writing a completion script."""
    from aspm_ado.domain.text import clean

    why = error.strerror or type(error).__name__
    return Problem(
        Reason.FILE_UNREADABLE,
        f"A file could not be written or read: {clean(error.filename or 'unknown', 120)} ({why}).",
        "Check that your home folder is there and yours; --show-completion prints the script instead.",
    )


def _refuse(arguments: Sequence[str], error: BaseException) -> int:
    """A command line that cannot be read, in one sentence and with the exit code of the contract."""
    message = str(
        getattr(error, "format_message", lambda: "The command line cannot be understood.")()
    )
    command = _command_of(arguments)
    help_ = f"See aspm-ado {command} --help." if command else "See aspm-ado --help."
    from aspm_ado.domain.text import clean

    problem = Problem(Reason.USAGE, clean(message, 300), help_)
    return tell_error(command, problem, as_json=wants_json(arguments))


def _command_of(arguments: Sequence[str]) -> str:
    return next((word for word in arguments if word in WORDS), "")
