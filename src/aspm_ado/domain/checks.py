"""A check: one question about a token, with what was proven, why not more, and what to do."""

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
"""The statuses of a check that holds."""

NEVER_REQUIRED: Final = frozenset(
    {CheckId.TOKEN_FORMAT, CheckId.TOKEN_EXPIRY, CheckId.CLONE_USERNAME}
)
"""Checks that inform and never decide; ``aspm.registration`` is required only when ``auto`` or ``api`` was asked."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that goes on from a check. The connection is named where it is shown."""

    verb: str
    organizations: tuple[str, ...] = ()
    aspm_url: str = ""

    def text(self, connection: str) -> str:
        """What a person types."""
        if self.aspm_url:
            return f"aspm-ado {self.verb} --aspm-url {clean(self.aspm_url, 200)}"
        names = (f"-o {shlex.quote(clean(name, 60))}" for name in self.organizations)
        return " ".join((f"aspm-ado {self.verb} {clean(connection, 70)}", *names))


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report. Every status but ``pass`` has a reason, every ``warn`` and ``fail`` a remedy."""

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
    """The command that goes on from here, where it is another than to validate again."""
    changed: bool = False
    """Whether it says that something is not as it was when last proven: shown, be it good or bad."""

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
        """What it counts as: the code of its reason where it is required and stands in the way, else 0.

        A registration that was asked for stands in the way until it is proven, so there a ``warn`` counts too.
        """
        counting = {Status.FAIL, Status.UNKNOWN} | (
            {Status.WARN} if self.id is CheckId.REGISTRATION else set()
        )
        if self.reason is None or not self.required or self.status not in counting:
            return ExitCode.DONE
        return self.reason.exit_code

    @property
    def is_trouble(self) -> bool:
        """Whether a person has something to do or to know about it."""
        return self.status in (Status.WARN, Status.FAIL, Status.UNKNOWN)

    def on(self, *replies: Reply | None) -> Check:
        """The same with its evidence."""
        return replace(
            self, evidence=tuple(reply.evidence for reply in replies if reply is not None)
        )


def skip(
    check: CheckId, detail: str, reason: Reason = Reason.NOT_ASKED, **more: Level | None
) -> Check:
    """A check that does not apply, or stands behind one that failed; says why."""
    return Check(check, Status.SKIP, detail, reason, wanted=more.get("wanted"))


def refusing_warnings(check: Check) -> Check:
    """The same, failed when it is a required warning (``--fail-on-warning``)."""
    if check.status is not Status.WARN or not check.required:
        return check
    return replace(check, status=Status.FAIL, reason=Reason.WARNING_REFUSED)


def in_order(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Checks in the order of the contract."""
    order = list(CheckId)
    return tuple(sorted(checks, key=lambda check: order.index(check.id)))
