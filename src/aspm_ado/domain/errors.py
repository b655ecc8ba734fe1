"""One kind of error reaches a user: what happened, what to do, and a reason that carries the exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aspm_ado.domain.reasons import ExitCode, Reason


class UserError(Exception):
    """A failure that somebody can mend. ``problem`` and ``remedy`` are sentences without secrets."""

    def __init__(self, reason: Reason, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self.reason, self.problem, self.remedy = reason, problem, remedy

    @property
    def exit_code(self) -> ExitCode:
        """The shell's view: each reason has exactly one."""
        return self.reason.exit_code


class UsageError(UserError):
    """What was asked cannot be understood or lacks a value (exit 2)."""


class NotCreatedError(UserError):
    """A token could not be made for the person. By hand is the other way (exit 2, 3 or 5, by the reason)."""


class StoreError(UserError):
    """The keyring or our own records cannot be used (exit 7)."""


class DamagedRecordsError(StoreError):
    """Our records are there and cannot be understood; ``connect`` can set them aside."""


class InterruptedByUserError(UserError):
    """Ctrl-C, Ctrl-D, SIGTERM or SIGHUP (exit 130)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a run ended early: what an error says, in the document."""

    reason: Reason
    problem: str
    remedy: str

    @classmethod
    def of(cls, error: UserError) -> Problem:
        """The same three things, without the exception."""
        return cls(error.reason, error.problem, error.remedy)
