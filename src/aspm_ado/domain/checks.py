"""A check: one question about a token, the result, its reason, and what to do."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.reasons import CheckId as CheckId
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.azure.scopes import Level
    from aspm_ado.domain.http import Evidence, Reply


class Status(StrEnum):
    """How a check ended (contract: The report)."""

    PASS = "pass"  # noqa: S105  (a word of the report, no password)
    PARTIAL = "partial"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"


GOOD: Final = frozenset({Status.PASS, Status.PARTIAL, Status.WARN})
"""The statuses of a check that passed."""

NEVER_REQUIRED: Final = frozenset(
    {CheckId.TOKEN_FORMAT, CheckId.TOKEN_EXPIRY, CheckId.CLONE_USERNAME}
)
"""Checks that only inform.

``aspm.registration`` is required only with ``auto`` or ``api``.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run next. The connection is filled in where it is shown."""

    verb: str
    organizations: tuple[str, ...] = ()
    aspm_url: str = ""

    def text(self, connection: str) -> str:
        """What a person types."""
        words = ["aspm-ado", self.verb]
        if self.organizations or not self.aspm_url:
            words.append(clean(connection, 70))
        words += (f"-o {shlex.quote(clean(name, 100))}" for name in self.organizations)
        if self.aspm_url:
            words.append(f"--aspm-url {shlex.quote(clean(self.aspm_url, 1000))}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report.

    Every status but ``pass`` has a reason; every ``warn`` and ``fail`` has a remedy. ``next`` is
    the command to run next, where that is not to validate again. ``changed`` says that something
    is not as it was when last validated, so that the check is shown even where it is good.
    """

    id: CheckId
    status: Status
    detail: str = ""
    reason: Reason | None = None
    remedy: str | None = None
    wanted: Level | None = None
    proven: Level | None = None
    evidence: tuple[Evidence, ...] = ()
    required: bool = True
    next: Command | None = None
    changed: bool = False

    def __post_init__(self) -> None:
        if self.id in NEVER_REQUIRED:
            object.__setattr__(self, "required", False)
        if self.status is not Status.PASS and self.reason is None:
            raise ValueError(f"{self.id} is {self.status} without a reason")
        if self.status in (Status.WARN, Status.FAIL) and not self.remedy:
            raise ValueError(f"{self.id} is {self.status} without a remedy")

    @property
    def title(self) -> str:
        """What a person reads."""
        return self.id.title

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of its reason if it is required and did not pass, else 0.

        A requested registration also fails with a ``warn``: it is not verified.
        """
        counts = self.status in (Status.FAIL, Status.UNKNOWN)
        if self.id is CheckId.REGISTRATION and self.status is Status.WARN:
            counts = True
        if self.reason is None or not self.required or not counts:
            return ExitCode.DONE
        return self.reason.exit_code

    @property
    def is_trouble(self) -> bool:
        """Whether the user has to do or know something."""
        return self.status in (Status.WARN, Status.FAIL, Status.UNKNOWN)

    def followed_by(self, command: Command | None) -> Check:
        """The same with the command to run next."""
        return replace(self, next=command)

    def on(self, *replies: Reply | None) -> Check:
        """The same with the evidence of these answers."""
        evidence = tuple(reply.evidence for reply in replies if reply is not None)
        return replace(self, evidence=evidence)

    def adding(self, sentence: str, *replies: Reply) -> Check:
        """The same with one more sentence, and the answers that it rests on."""
        evidence = (*self.evidence, *(reply.evidence for reply in replies))
        return replace(self, detail=f"{self.detail} {sentence}", evidence=evidence)


def skip(
    check: CheckId, detail: str, reason: Reason = Reason.NOT_ASKED, *, wanted: Level | None = None
) -> Check:
    """A check that does not apply, or depends on one that failed; ``detail`` says why."""
    return Check(check, Status.SKIP, detail, reason, wanted=wanted)


def refusing_warnings(check: Check) -> Check:
    """The same, but a required warning fails (``--fail-on-warning``)."""
    if check.status is not Status.WARN or not check.required:
        return check
    return replace(check, status=Status.FAIL, reason=Reason.WARNING_REFUSED)


def in_order(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Checks in the order of the contract."""
    order = list(CheckId)
    return tuple(sorted(checks, key=lambda check: order.index(check.id)))
