"""Every ending that is no result: a sentence or a document, and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from aspm_ado.cli.given import truth
from aspm_ado.domain.errors import Problem, UserError
from aspm_ado.domain.questions import JSON
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring

COMMAND_SCHEMAS: Final = ("list", "guide", "doctor", "disconnect")


def tell_error(
    command: str, problem: Problem, *, as_json: bool, wiring: Wiring | None = None
) -> int:
    """Say what went wrong, as a document where one is wanted and none was written yet; the exit code."""
    from aspm_ado.cli.output import written_code

    code: int = problem.reason.exit_code
    if as_json:
        from datetime import UTC, datetime

        from aspm_ado.cli.output import write_document
        from aspm_ado.domain.azure.retirement import DaySource
        from aspm_ado.domain.report import Report
        from aspm_ado.render.document import envelope, report_document

        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if command in COMMAND_SCHEMAS:
            document: dict[str, Any] = envelope(
                f"aspm-ado/{command}/v1", command, at, problem.reason.exit_code, problem
            )
        else:
            document = report_document(Report(command, at, DaySource.LOCAL, error=problem))
        write_document(document)
        code = code if (written := written_code()) is None else written
    voice = wiring.voice if wiring is not None else _bare_voice()
    voice.end_progress()
    voice.error(problem.problem, problem.remedy)
    return int(code)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a document is wanted, where the command line or a variable could not be taken in whole."""
    try:
        return "--json" in arguments or truth(
            os.environ.get(JSON.env, "").strip() or "no", JSON.env
        )
    except UserError:
        return False


def interrupted() -> Problem:
    """Ctrl-C and its kind."""
    return Problem(
        Reason.INTERRUPTED,
        "Stopped. Nothing was left half-done.",
        "Run the same command again to go on.",
    )


def bug(error: BaseException) -> Problem:
    """A failure of ours: its type and an id made of where it happened, never a value.

    Ctrl-C is none, whatever it comes as: within a class that is being made, Python 3.11 wraps it in a ``RuntimeError``.
    """
    if isinstance(error.__cause__, KeyboardInterrupt):
        return interrupted()
    import hashlib
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = " ".join(
        f"{frame.filename.rpartition('aspm_ado')[2]}:{frame.lineno}" for frame in frames
    )
    mark = hashlib.sha256(f"{type(error).__name__} {where}".encode()).hexdigest()[:8]
    last = frames[-1] if frames else None
    place = (
        f" at {last.filename.rpartition('aspm_ado')[2].lstrip('/').lstrip(chr(92))}:{last.lineno}"
        if last
        else ""
    )
    return Problem(
        Reason.INTERNAL_ERROR,
        f"A bug of ours: {type(error).__name__}{place} (id {mark}).",
        "Please report this id and the command that you ran; no secret is in it.",
    )


def _bare_voice() -> Any:
    from aspm_ado.adapters.terminal.voice import TerminalVoice

    return TerminalVoice(sys.stderr, quiet=False, color=False)
