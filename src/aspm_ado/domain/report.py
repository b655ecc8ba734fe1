"""The report: one document for people and scripts, and the exit code as a function of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.reasons import ExitCode
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import UNREGISTERED, Registration

if TYPE_CHECKING:
    from aspm_ado.domain.azure.retirement import DaySource
    from aspm_ado.domain.azure.scopes import Deployment, Purpose
    from aspm_ado.domain.documents import Identity
    from aspm_ado.domain.errors import Problem

REPORT_SCHEMA: Final = "aspm-ado/report/v1"
FEW: Final = 3
"""More organizations than these are put together where the same is to be said of all."""

GRAVITY: Final = (
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
    ExitCode.BUG,
    ExitCode.STORE,
    ExitCode.REJECTED,
    ExitCode.NOT_GOOD_ENOUGH,
    ExitCode.ASPM,
    ExitCode.COULD_NOT_FIND_OUT,
    ExitCode.STEP_REMAINS,
)
"""Which code wins, within a connection and over several; 2 and 130 end a run."""


class Verdict(StrEnum):
    """The exit code as a word."""

    READY = "ready"
    READY_WITH_WARNINGS = "ready-with-warnings"
    NOT_READY = "not-ready"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What may be told of a token. ``days_left`` counts to the earlier of its expiry and the end of global tokens."""

    format: TokenFormat = TokenFormat.UNKNOWN
    last4: str = ""
    expires: str | None = None
    expires_source: str | None = None
    days_left: int | None = None
    reach: Reach = Reach.UNKNOWN
    source: str = ""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class OrganizationReport:
    """One organization or collection: who the token is, and every check."""

    name: str
    identity: Identity | None
    token: TokenFacts
    checks: tuple[Check, ...]
    registration: Registration = UNREGISTERED
    username: str = ""
    """The username that was tried beside the token; not part of the document."""

    @property
    def is_good(self) -> bool:
        """Whether nothing required failed or stayed unknown, and something was proven (registration aside)."""
        own = [
            check
            for check in self.checks
            if check.id is not CheckId.REGISTRATION and check.required
        ]
        return all(check.exit_code is ExitCode.DONE for check in own) and any(
            check.id is CheckId.IDENTITY and check.status is Status.PASS for check in own
        )


@dataclass(frozen=True, slots=True)
class AspmReport:
    """The Invicti ASPM of a connection."""

    url: str
    api: str
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """One connection; ``name`` is ``None`` for an ad-hoc validation."""

    name: str | None
    deployment: Deployment
    base_url: str
    purpose: Purpose
    organizations: tuple[OrganizationReport, ...] = ()
    checks: tuple[Check, ...] = ()
    aspm: AspmReport | None = None

    def all_checks(self) -> Iterator[Check]:
        """Every check in it."""
        yield from self.checks
        if self.aspm:
            yield from self.aspm.checks
        for organization in self.organizations:
            yield from organization.checks


@dataclass(frozen=True, slots=True)
class Report:
    """The whole document."""

    command: str
    at: str
    day_source: DaySource
    connections: tuple[ConnectionReport, ...] = ()
    error: Problem | None = None
    notes: tuple[str, ...] = ()
    """Said to people at the end; not part of the document, whose checks say the same."""

    def all_checks(self) -> Iterator[Check]:
        """Every check of every connection."""
        for connection in self.connections:
            yield from connection.all_checks()

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of what is in the document. ``validate`` and ``list`` show a step that remains, and return 0."""
        codes = {check.exit_code for check in self.all_checks()}
        if self.error:
            codes.add(self.error.reason.exit_code)
        return next((code for code in GRAVITY if code in codes), ExitCode.DONE)

    @property
    def verdict(self) -> Verdict:
        """The exit code as a word, and whether there are warnings."""
        warned = any(check.status is Status.WARN for check in self.all_checks())
        return verdict_of(self.exit_code, warned=warned)


def verdict_of(code: ExitCode, *, warned: bool = False) -> Verdict:
    """The word of the contract's table for an exit code."""
    if code is ExitCode.DONE:
        return Verdict.READY_WITH_WARNINGS if warned else Verdict.READY
    if code is ExitCode.STEP_REMAINS:
        return Verdict.READY_WITH_WARNINGS
    if code in (ExitCode.BUG, ExitCode.USAGE, ExitCode.COULD_NOT_FIND_OUT, ExitCode.INTERRUPTED):
        return Verdict.UNKNOWN
    return Verdict.NOT_READY
