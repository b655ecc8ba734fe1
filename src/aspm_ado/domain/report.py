"""The report: one document for people and scripts, which the exit code follows from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.reasons import ExitCode
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import UNREGISTERED, Registration
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.azure.deployment import Deployment, Purpose
    from aspm_ado.domain.azure.retirement import DaySource
    from aspm_ado.domain.errors import Problem
    from aspm_ado.domain.identity import Identity

REPORT_SCHEMA: Final = "aspm-ado/report/v1"

GRAVITY: Final = (
    ExitCode.INTERRUPTED,
    ExitCode.BUG,
    ExitCode.STORE,
    ExitCode.REJECTED,
    ExitCode.NOT_GOOD_ENOUGH,
    ExitCode.ASPM,
    ExitCode.COULD_NOT_FIND_OUT,
    ExitCode.USAGE,
    ExitCode.STEP_REMAINS,
    ExitCode.DONE,
)
"""Which code wins within a connection and over several, the gravest first.

2 is that of one connection of many. Where it ends the run, it wins, as 130 does.
"""
_ENDS_THE_RUN: Final = (ExitCode.INTERRUPTED, ExitCode.USAGE)


class Verdict(StrEnum):
    """The exit code as a word."""

    READY = "ready"
    READY_WITH_WARNINGS = "ready-with-warnings"
    NOT_READY = "not-ready"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What may be shown of a token.

    ``days_left`` counts to its expiry or to the end of global tokens, whichever comes first;
    ``ends`` is that day, and is not part of the document.
    """

    format: TokenFormat = TokenFormat.UNKNOWN
    last4: str = ""
    expires: str | None = None
    expires_source: str | None = None
    days_left: int | None = None
    reach: Reach = Reach.UNKNOWN
    source: str = ""
    shared: bool = False
    ends: str | None = None

    @property
    def end(self) -> str | None:
        """The day on which it ends, ``YYYY-MM-DD``, if one is known."""
        return self.ends or self.expires


@dataclass(frozen=True, slots=True)
class OrganizationReport:
    """One organization or collection: who the token is, and every check.

    ``username`` is the one that was tried with the token; ``others`` are the other connections on
    record with the same owner. Both are not part of the document, whose checks say the same.
    """

    name: str
    identity: Identity | None
    token: TokenFacts
    checks: tuple[Check, ...]
    registration: Registration = UNREGISTERED
    username: str = ""
    others: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict on it alone."""
        return _verdict(gravest(check.exit_code for check in self.checks), self.checks)

    @property
    def is_good(self) -> bool:
        """Whether the token is known and no required check stands in the way (but registration)."""
        own = [one for one in self.checks if one.required and one.id is not CheckId.REGISTRATION]
        is_known = any(one.id is CheckId.IDENTITY and one.status is Status.PASS for one in own)
        return is_known and all(one.exit_code is ExitCode.DONE for one in own)

    def token_words(self, deployment: Deployment) -> str:
        """Whose token it is and how far it reaches, behind the word for it."""
        words = "" if self.identity is None else f" of {clean(self.identity.label, 160)}"
        return words + {
            Reach.ALL: f" for all {deployment.all_places}",
            Reach.ORGANIZATION: f" for one {deployment.noun}",
        }.get(self.token.reach, "")

    def with_checks(self, checks: Iterable[Check]) -> OrganizationReport:
        """The same with these checks in the place of its own."""
        return replace(self, checks=tuple(checks))


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
    """The whole document.

    ``notes`` are shown to people at the end. They are not part of the document, whose checks say
    the same. ``told`` says that a text for a ticket was shown in this run, and ``shown`` is ``at``
    on the day that Azure DevOps told.
    """

    command: str
    at: str
    day_source: DaySource
    connections: tuple[ConnectionReport, ...] = ()
    error: Problem | None = None
    notes: tuple[str, ...] = ()
    told: bool = False
    shown: str = ""

    def all_checks(self) -> Iterator[Check]:
        """Every check of every connection."""
        for connection in self.connections:
            yield from connection.all_checks()

    @property
    def exit_code(self) -> ExitCode:
        """The code of what ended the run, else the gravest in the document."""
        codes = {check.exit_code for check in self.all_checks()}
        if self.error:
            code = self.error.reason.exit_code
            if code in _ENDS_THE_RUN:
                return code
            codes.add(code)
        return gravest(codes)

    @property
    def verdict(self) -> Verdict:
        """The exit code as a word, and whether there are warnings."""
        return _verdict(self.exit_code, self.all_checks())

    def failed_by(self, problem: Problem) -> Report:
        """The same with an error; of two the graver is told, or the one that ended the run."""
        if self.error is not None:
            first, second = self.error.reason.exit_code, problem.reason.exit_code
            if first in _ENDS_THE_RUN or gravest((first, second)) is first:
                return self
        return replace(self, error=problem)


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """The code that wins."""
    return min(codes, key=GRAVITY.index, default=ExitCode.DONE)


def _verdict(code: ExitCode, checks: Iterable[Check]) -> Verdict:
    return verdict_of(code, warned=any(check.status is Status.WARN for check in checks))


_UNKNOWN: Final = frozenset(
    {ExitCode.BUG, ExitCode.USAGE, ExitCode.COULD_NOT_FIND_OUT, ExitCode.INTERRUPTED}
)


def verdict_of(code: ExitCode, *, warned: bool = False) -> Verdict:
    """The word for an exit code in the contract's table."""
    if code is ExitCode.STEP_REMAINS or (code is ExitCode.DONE and warned):
        return Verdict.READY_WITH_WARNINGS
    if code is ExitCode.DONE:
        return Verdict.READY
    if code in _UNKNOWN:
        return Verdict.UNKNOWN
    return Verdict.NOT_READY
