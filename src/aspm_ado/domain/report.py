"""The report: one document for people and scripts, which the exit code follows from.

It consists of checks: one question about a token each, the result, its reason, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.reasons import CheckId, ExitCode, Reason, Status, Verdict
from aspm_ado.domain.reasons import verdict_of as verdict_of
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import UNREGISTERED, Registration
from aspm_ado.domain.text import clean, typed_word

if TYPE_CHECKING:
    from aspm_ado.domain.azure.deployment import Deployment, Purpose
    from aspm_ado.domain.azure.retirement import DaySource
    from aspm_ado.domain.azure.scopes import Level
    from aspm_ado.domain.documents import Identity
    from aspm_ado.domain.http import Evidence, Reply
    from aspm_ado.domain.reasons import Problem
    from aspm_ado.domain.stored import StoredCredential, StoredOrganization


GOOD: Final = frozenset({Status.PASS, Status.PARTIAL, Status.WARN})
"""The statuses of a check that passed."""
BAD: Final = (Status.FAIL, Status.UNKNOWN)
"""The statuses of a check that did not pass, the gravest first."""

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
            words.append(typed_word(connection))
        words += (f"-o {typed_word(name)}" for name in self.organizations)
        if self.aspm_url:
            words.append(f"--aspm-url {typed_word(self.aspm_url)}")
        return " ".join(words)


MIGRATE: Final = Command("migrate")
"""What gives each organization of a stored connection a token of its own."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report.

    Every status but ``pass`` has a reason; every ``warn`` and ``fail`` has a remedy. ``next`` is
    the command to run next, where that is not to validate again. ``remedied_by`` is the command
    that the remedy ends with as soon as the connection is known. ``changed`` says that something is
    not as it was when last validated, so that the check is shown even where it is good.
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
    remedied_by: Command | None = None
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
        counts = self.status in BAD
        if self.id is CheckId.REGISTRATION and self.status is Status.WARN:
            counts = True
        if self.reason is None or not self.required or not counts:
            return ExitCode.DONE
        return self.reason.exit_code

    @property
    def is_trouble(self) -> bool:
        """Whether the user has to do or know something."""
        return self.status in (Status.WARN, *BAD)

    def advising(self, remedy: str) -> Check:
        """The same with another remedy, which is whole."""
        return replace(self, remedy=remedy, remedied_by=None)

    def followed_by(self, command: Command | None) -> Check:
        """The same with the command to run next."""
        return replace(self, next=command)

    def on(self, *replies: Reply | None) -> Check:
        """The same with the evidence of these answers."""
        evidence = tuple(reply.evidence for reply in replies if reply is not None)
        return replace(self, evidence=evidence)

    def adding(self, sentence: str, *replies: Reply, changed: bool = False) -> Check:
        """The same with one more sentence, and the answers that it rests on."""
        evidence = (*self.evidence, *(reply.evidence for reply in replies))
        detail, changed = f"{self.detail} {sentence}", self.changed or changed
        return replace(self, detail=detail, evidence=evidence, changed=changed)


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


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """The facts of a token that may be shown.

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


EVERY_ONE: Final = "*"
"""The name of all organizations, where they could not be listed."""


@dataclass(frozen=True, slots=True)
class OrganizationReport:
    """One organization or collection: who the token is, and every check.

    ``username`` is the one that was tried with the token; ``others`` are other stored connections
    with the same owner. Neither is part of the document, whose checks contain the same.
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
        """Whether the owner is known and every required check passed (registration aside)."""
        own = [one for one in self.checks if one.required and one.id is not CheckId.REGISTRATION]
        is_known = any(one.id is CheckId.IDENTITY and one.status is Status.PASS for one in own)
        return is_known and all(one.exit_code is ExitCode.DONE for one in own)

    def token_words(self, deployment: Deployment) -> str:
        """The owner and reach of the token, to follow the word “token”."""
        words = "" if self.identity is None else f" of {clean(self.identity.label, 160)}"
        return words + {
            Reach.ALL: f" for all {deployment.all_places}",
            Reach.ORGANIZATION: f" for one {deployment.noun}",
        }.get(self.token.reach, "")

    def with_checks(self, checks: Iterable[Check]) -> OrganizationReport:
        """A copy with these checks instead of its own."""
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
        """A copy with an error. Of two, the more severe or the one that ended the run stays."""
        if self.error is not None:
            first, second = self.error.reason.exit_code, problem.reason.exit_code
            if first in _ENDS_THE_RUN or gravest((first, second)) is first:
                return self
        return self.ended_by(problem)

    def ended_by(self, problem: Problem) -> Report:
        """A copy with this error instead of its own."""
        return replace(self, error=problem)


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """The most severe code."""
    return min(codes, key=GRAVITY.index, default=ExitCode.DONE)


def _verdict(code: ExitCode, checks: Iterable[Check]) -> Verdict:
    return verdict_of(code, warned=any(check.status is Status.WARN for check in checks))


def with_changes(
    made: OrganizationReport,
    stored: StoredOrganization,
    known: StoredCredential,
    fresh: tuple[str, ...] = (),
) -> OrganizationReport:
    """Add each change since the last result of that check to the report.

    ``fresh`` are organizations that did not exist then.
    """
    checks = []
    for check in made.checks:
        changes = tuple(_changes(check, made, stored, known, fresh))
        if changes:
            check = check.adding(" ".join(changes), changed=True)
        checks.append(check)
    return made.with_checks(checks)


def _changes(
    check: Check,
    made: OrganizationReport,
    stored: StoredOrganization,
    known: StoredCredential,
    fresh: tuple[str, ...],
) -> Iterator[str]:
    before, day = stored.verdict.get(check.id, ""), stored.days.get(check.id)
    when, start = "the last time", "The last time"
    if day:
        when, start = f"on {day}", f"On {day}"
    if turned := _turned(before, check.status):
        yield f"{turned} {when}."
    if check.id is CheckId.IDENTITY and _is_other(made, known):
        yield f"{start}, the owner was {_owner(known)}."
    if check.id is CheckId.REACH:
        if _reaches_otherwise(made, known):
            yield f"{start}, its reach was: {known.reach}."
        if fresh:
            yield f"New since then: {', '.join(fresh)}."


def _turned(before: str, now: Status) -> str:
    if before in GOOD and now is Status.FAIL:
        return "It passed"
    if before == Status.FAIL and now in GOOD:
        return "It did not pass"
    return ""


def _is_other(made: OrganizationReport, known: StoredCredential) -> bool:
    if made.identity is None or not known.identity_id:
        return False
    return made.identity.id.lower() != known.identity_id.lower()


def _owner(known: StoredCredential) -> str:
    return known.identity_name or known.identity_account or known.identity_id


def _reaches_otherwise(made: OrganizationReport, known: StoredCredential) -> bool:
    reach = made.token.reach
    return Reach.UNKNOWN not in (known.reach, reach) and known.reach is not reach
