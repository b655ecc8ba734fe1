"""The errors that reach a user: what happened, what to do, and a reason with the exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aspm_ado.domain.reasons import ExitCode, Reason


class UserError(Exception):
    """A failure that somebody can fix. ``problem`` and ``remedy`` are sentences without secrets."""

    def __init__(self, reason: Reason, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self.reason, self.problem, self.remedy = reason, problem, remedy

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the reason."""
        return self.reason.exit_code


class UsageError(UserError):
    """The request cannot be understood or lacks a value (exit 2)."""


class NotCreatedError(UserError):
    """A token could not be created for the person, who can still do it by hand (exit 2, 3 or 5)."""


class StoreError(UserError):
    """The keyring or the records cannot be used (exit 7)."""


class DamagedRecordsError(StoreError):
    """The records cannot be understood; ``connect`` can set them aside."""


class InterruptedByUserError(UserError):
    """Ctrl-C, Ctrl-D, SIGTERM or SIGHUP (exit 130)."""


class HandoffInterruptedError(InterruptedByUserError):
    """The same in the handoff of a connection that is stored (exit 130)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error says, for the document."""

    reason: Reason
    problem: str
    remedy: str

    @classmethod
    def of(cls, error: UserError) -> Problem:
        """The problem of an error."""
        return cls(error.reason, error.problem, error.remedy)


def bug_words(error: BaseException) -> str:
    """A bug as anybody may read it: its type and an id made of where it happened, never a value."""
    import hashlib
    import traceback

    frames = [
        f"{frame.filename.rpartition('aspm_ado')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    kind = type(error).__name__
    where = " ".join(frames)
    mark = hashlib.sha256(f"{kind} {where}".encode()).hexdigest()[:8]
    place = kind
    if frames:
        place += f" at {frames[-1].lstrip('/').lstrip(chr(92))}"
    return f"A bug in aspm-ado: {place} (id {mark})."


BUG_REMEDY: Final = "Please report this id and the command that you ran; no secret is in it."
