"""A check: one question about a token, with what was proven, why not more, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.scopes import Level, Scope

if TYPE_CHECKING:
    from aspm_ado.domain.exchange import Evidence, Reply


class Status(StrEnum):
    """How a check ended (contract: The report)."""

    PASS = "pass"  # noqa: S105  (a word of the report, no password)
    PARTIAL = "partial"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"


class CheckId(StrEnum):
    """The public ids of the checks, in the order in which they are shown."""

    TOKEN_FORMAT = "token.format"  # noqa: S105
    TOKEN_EXPIRY = "token.expiry"  # noqa: S105
    IDENTITY = "identity"
    ACCESS = "organization.access"
    REACH = "reach"
    SCOPE_CODE = "scope.code"
    SCOPE_WORK = "scope.work"
    SCOPE_IDENTITY = "scope.identity"
    SCOPE_PROFILE = "scope.profile"
    SCOPE_PROJECT = "scope.project"
    SCOPE_FULL_ACCESS = "scope.full-access"
    CLONE_TOKEN = "clone.token"  # noqa: S105
    CLONE_USERNAME = "clone.username"
    REGISTRATION = "aspm.registration"
    ASPM_REACHABLE = "aspm.reachable"
    ASPM_TOKEN = "aspm.token"  # noqa: S105
    ASPM_PROJECTS = "aspm.projects"
    SECRETS = "store.secrets"


TITLES: Final = {
    CheckId.TOKEN_FORMAT: "Token format",
    CheckId.TOKEN_EXPIRY: "Token expiry",
    CheckId.IDENTITY: "Identity",
    CheckId.ACCESS: "Access to the organization",
    CheckId.REACH: "Reach of the token",
    CheckId.SCOPE_CODE: "Code",
    CheckId.SCOPE_WORK: "Work Items",
    CheckId.SCOPE_IDENTITY: "Identity (scope)",
    CheckId.SCOPE_PROFILE: "User Profile",
    CheckId.SCOPE_PROJECT: "Project and Team",
    CheckId.SCOPE_FULL_ACCESS: "Full access",
    CheckId.CLONE_TOKEN: "Clone with the token alone",
    CheckId.CLONE_USERNAME: "Clone with username + token",
    CheckId.REGISTRATION: "Registration in Invicti ASPM",
    CheckId.ASPM_REACHABLE: "Invicti ASPM reachable",
    CheckId.ASPM_TOKEN: "Invicti ASPM API token",
    CheckId.ASPM_PROJECTS: "Invicti ASPM project rights",
    CheckId.SECRETS: "Secrets stored",
}

SCOPE_CHECKS: Final = {
    Scope.CODE: CheckId.SCOPE_CODE,
    Scope.WORK: CheckId.SCOPE_WORK,
    Scope.IDENTITY: CheckId.SCOPE_IDENTITY,
    Scope.PROFILE: CheckId.SCOPE_PROFILE,
    Scope.PROJECT: CheckId.SCOPE_PROJECT,
    Scope.FULL_ACCESS: CheckId.SCOPE_FULL_ACCESS,
}

NEVER_REQUIRED: Final = frozenset({CheckId.TOKEN_FORMAT, CheckId.TOKEN_EXPIRY, CheckId.CLONE_USERNAME})
"""Checks that inform and never decide; ``aspm.registration`` is required only when ``auto`` or ``api`` was asked."""


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
        return TITLES[self.id]

    @property
    def exit_code(self) -> ExitCode:
        """What it counts as: the code of its reason where it is required and stands in the way, else 0.

        A registration that was asked for stands in the way until it is proven, so there a ``warn`` counts too.
        """
        counting = {Status.FAIL, Status.UNKNOWN} | ({Status.WARN} if self.id is CheckId.REGISTRATION else set())
        if self.reason is None or not self.required or self.status not in counting:
            return ExitCode.DONE
        return self.reason.exit_code

    @property
    def is_trouble(self) -> bool:
        """Whether a person has something to do or to know about it."""
        return self.status in (Status.WARN, Status.FAIL, Status.UNKNOWN)

    def on(self, *replies: Reply | None) -> Check:
        """The same with its evidence."""
        return replace(self, evidence=tuple(reply.evidence for reply in replies if reply is not None))


def skip(check: CheckId, detail: str, reason: Reason = Reason.NOT_ASKED, **more: Level | None) -> Check:
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
