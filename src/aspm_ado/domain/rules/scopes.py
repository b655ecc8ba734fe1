"""How far each scope of the token goes: the ladder of ``scope.*`` checks, and Full access."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.scopes import (
    API_VERSIONS,
    SCOPES,
    Deployment,
    Level,
    Purpose,
    Scope,
    ScopeRow,
    rows_of,
    takes_full_access,
)
from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.classify import (
    INCONCLUSIVE,
    AnswerKind,
    classify,
    explain_inconclusive,
    user_of,
)

if TYPE_CHECKING:
    from aspm_ado.domain.azure.scopes import Probe
    from aspm_ado.domain.http import Reply


class ProbeResult(StrEnum):
    """What one probe shows of the level it aims at."""

    GRANTED = "granted"
    MISSING = "missing"
    UNKNOWN = "unknown"
    UNPROVABLE = "unprovable"


@dataclass(frozen=True, slots=True)
class ScopeContext:
    """What is known beside the probes. ``control`` is the answer to a random token (Server only)."""

    purpose: Purpose
    deployment: Deployment
    version: str
    control: Reply | None = None
    read_only: bool = False
    lost: bool = False
    """Whether not one route was found: then it is the address that is wrong, and nothing is known of any scope."""
    unversioned: Reply | None = None
    """The answer that was to tell the version of a Server, and said nothing: ``version`` is the oldest then."""


def judge_probe(reply: Reply, scope_context: ScopeContext) -> ProbeResult:
    """Read the answer to a probe, sent after the organization took the token (facts: decision table)."""
    kind = classify(reply)
    if kind is AnswerKind.BARE_REFUSAL:
        return ProbeResult.MISSING
    if kind is AnswerKind.NO_ROUTE:
        return ProbeResult.UNPROVABLE
    if kind is not AnswerKind.ANSWER:
        return ProbeResult.UNKNOWN
    if user_of(reply) is not None:
        return ProbeResult.GRANTED
    vouched = scope_context.deployment is Deployment.SERVER and bool(
        reply.header("X-TFS-ProcessId")
    )
    closed = scope_context.control is not None and scope_context.control.status == 401
    return ProbeResult.GRANTED if vouched and closed else ProbeResult.UNKNOWN


def judge_scopes(
    replies: Mapping[str, Reply], probes: Sequence[Probe], scope_context: ScopeContext
) -> tuple[Check, ...]:
    """Every ``scope.*`` check of the purpose. ``replies`` are by the names of ``probes``; a probe may be unanswered."""
    scope_context = replace(
        scope_context,
        lost=bool(replies)
        and all(classify(one) is AnswerKind.NO_ROUTE for one in replies.values()),
    )
    checks: list[Check] = []
    for row in rows_of(scope_context.purpose):
        own = [probe for probe in probes if probe.scope is row.scope and probe.name in replies]
        if row.scope is Scope.FULL_ACCESS:
            checks.append(_full_access(checks, own, replies, scope_context))
        else:
            checks.append(_ladder(row, own, replies, scope_context).judge())
    return tuple(checks)


def scopes_not_asked(purpose: Purpose, detail: str) -> tuple[Check, ...]:
    """Every ``scope.*`` check of the purpose, behind an organization that does not take the token."""
    return tuple(skip(row.check, detail, wanted=row.needed[purpose]) for row in rows_of(purpose))


def holds_profile(checks: Sequence[Check]) -> bool:
    """Whether a proven scope includes reading the profile."""
    implying = [row.check for row in SCOPES.values() if row.implies_profile]
    return any(
        check.id in implying and (check.proven or Level.NONE) > Level.NONE for check in checks
    )


def reads_code(checks: Sequence[Check]) -> bool:
    """Whether Code is granted as far as it was asked: what the clone check stands behind."""
    good = (Status.PASS, Status.PARTIAL, Status.WARN)
    return any(
        check.id is CheckId.SCOPE_CODE and check.status in good and check.proven for check in checks
    )


def _ladder(
    row: ScopeRow, own: Sequence[Probe], replies: Mapping[str, Reply], scope_context: ScopeContext
) -> _Ladder:
    heard = {probe.level: replies[probe.name] for probe in own}
    previews = frozenset(probe.level for probe in own if probe.may_be_withdrawn)
    grants = {level: judge_probe(reply, scope_context) for level, reply in heard.items()}
    return _Ladder(row, row.needed[scope_context.purpose], scope_context, heard, grants, previews)


@dataclass(frozen=True, slots=True)
class _Ladder:
    """One scope: the level wanted, and what the answers to its probes show."""

    row: ScopeRow
    wanted: Level
    scope_context: ScopeContext
    replies: Mapping[Level, Reply]
    grants: Mapping[Level, ProbeResult]
    previews: frozenset[Level]
    """The levels that a preview alone can show."""

    def at(self, grant: ProbeResult) -> list[Level]:
        return [level for level, found in self.grants.items() if found is grant]

    @property
    def proven(self) -> Level:
        return max(self.at(ProbeResult.GRANTED), default=Level.NONE)

    @property
    def target(self) -> Level:
        """The level to look for: what is wanted, as far as an answer can show it. A preview that is not offered cannot;
        where a released route is not there, nothing was found out.
        """
        ceiling = self.row.provable(self.scope_context.deployment, self.scope_context.version)
        while (
            not self.scope_context.lost
            and ceiling in self.previews
            and self.grants.get(ceiling) is ProbeResult.UNPROVABLE
        ):
            ceiling = max((level for level in self.replies if level < ceiling), default=Level.NONE)
        return min(self.wanted, ceiling)

    def check(
        self, status: Status, detail: str, reason: Reason | None = None, remedy: str | None = None
    ) -> Check:
        check = Check(self.row.check, status, detail, reason, remedy, self.wanted, self.proven)
        return check.on(*self.replies.values())

    def judge(self) -> Check:
        box, target, proven = self.row.box(self.wanted), self.target, self.proven
        yes, no = self.at(ProbeResult.GRANTED), self.at(ProbeResult.MISSING)
        held = self.row.box(proven).choice if proven else ""
        if any(low < high for low in no for high in yes):
            return self.check(
                Status.UNKNOWN,
                f"The answers contradict each other: {max(yes).word} is granted, {min(no).word} refused.",
                Reason.ANSWERS_CONTRADICT,
                "Run this again; if it stays so, report it with the activity ids of the evidence.",
            )
        if proven >= self.wanted:
            return self.check(Status.PASS, f"{held}.")
        if proven >= target and self.scope_context.unversioned is not None and self.may_show_more:
            return self._unversioned(self.scope_context.unversioned)
        if proven >= target:
            verified = f"{held} verified. {box.choice}" if held else box.choice
            return self.check(
                Status.PARTIAL,
                f"{verified} cannot be verified through the API; if you ticked it, nothing more is needed.",
                Reason.NOT_PROVABLE,
            )
        if any(level <= target for level in no):
            has = f"Goes as far as “{held}”" if held else "Not there"
            return self.check(
                Status.FAIL,
                f"{has}; Invicti ASPM needs “{box.choice}”.",
                self.row.missing,
                _tick(self.row, self.scope_context),
            )
        return self._open(target)

    @property
    def may_show_more(self) -> bool:
        """Whether the newest server shows more of it than this one is asked for."""
        return (
            min(self.wanted, self.row.provable(self.scope_context.deployment, API_VERSIONS[0]))
            > self.target
        )

    def _unversioned(self, reply: Reply) -> Check:
        reason, detail, remedy = explain_inconclusive(reply, classify(reply))
        told = f"Not asked, since the server's version was not found out. {detail}"
        return self.check(Status.UNKNOWN, told, reason, remedy).on(reply)

    def _open(self, target: Level) -> Check:
        """Neither shown nor refuted: not asked, or not answered in a way that tells."""
        box = self.row.box(self.wanted)
        reply = self.replies.get(target)
        if reply is None:
            far = (
                f"Proven to “{self.proven.word}” only: more"
                if self.proven
                else f"“{box.choice}”: that"
            )
            return self.check(
                Status.WARN,
                f"{far} would take a probe that is not a GET.",
                Reason.READ_ONLY_PROBES,
                "Run this without --read-only-probes to find out; the probes change nothing.",
            )
        kind = classify(reply)
        if kind in INCONCLUSIVE:
            reason, detail, remedy = explain_inconclusive(reply, kind)
        elif kind is AnswerKind.NO_ROUTE and self.scope_context.lost:
            reason, detail = Reason.SCOPE_UNKNOWN, "There is no such route at this address"
            remedy = (
                "Check the address: on a server, --collection NAME tells which collection is meant."
            )
        elif kind is AnswerKind.NO_ROUTE:
            reason, detail = (
                Reason.SCOPE_UNKNOWN,
                "The route that would show it is missing, and others are there",
            )
            remedy = (
                "Run this again with --verbose; if it stays so, report it with the activity id."
            )
        elif kind is AnswerKind.NOT_ALLOWED:
            reason, detail = (
                Reason.PERMISSION_UNCLEAR,
                "The service refused the person, not the scope",
            )
            remedy = "Check that the token's owner may use this area of the organization."
        else:
            reason, detail = (
                Reason.SCOPE_UNKNOWN,
                f"Status {reply.status} does not tell whether the scope is there",
            )
            remedy = (
                "Run this again with --verbose; if it stays so, report it with the activity id."
            )
        return self.check(Status.UNKNOWN, f"{detail.rstrip('.')}.", reason, remedy)


def _full_access(
    five: Sequence[Check],
    canaries: Sequence[Probe],
    replies: Mapping[str, Reply],
    scope_context: ScopeContext,
) -> Check:
    """Full access has no probe of its own: it is inferred from the five sets and from areas far from them."""
    heard = [replies[probe.name] for probe in canaries]
    grants = [judge_probe(reply, scope_context) for reply in heard]
    states = {check.status for check in five}

    def check(status: Status, detail: str, reason: Reason, remedy: str | None = None) -> Check:
        proven = Level.MANAGE if status in (Status.PARTIAL, Status.WARN) else Level.NONE
        full = Check(CheckId.SCOPE_FULL_ACCESS, status, detail, reason, remedy, Level.FULL, proven)
        return full.on(*heard)

    choose = _tick(SCOPES[Scope.FULL_ACCESS], scope_context)
    everywhere = bool(grants) and all(grant is ProbeResult.GRANTED for grant in grants)
    services = scope_context.deployment is Deployment.SERVICES
    if Status.FAIL in states or (not services and ProbeResult.MISSING in grants):
        return check(
            Status.FAIL, "The token does not have Full access.", Reason.FULL_ACCESS_MISSING, choose
        )
    if Status.UNKNOWN in states or (not services and not everywhere):
        return check(
            Status.UNKNOWN,
            "Full access could not be found out.",
            Reason.SCOPE_UNKNOWN,
            "Mend the rows above first.",
        )
    if Status.WARN in states:
        return check(
            Status.WARN,
            "Full access is not proven: more would take probes that are not GET.",
            Reason.READ_ONLY_PROBES,
            "Run this without --read-only-probes to find out; the probes change nothing.",
        )
    if everywhere:
        return check(
            Status.PARTIAL,
            "Every area asked answers. Full access cannot be told from every box ticked; either will do.",
            Reason.NOT_PROVABLE,
        )
    short = (
        "Not Full access"
        if ProbeResult.MISSING in grants
        else "Full access is not proven, since an area did not answer"
    )
    return check(
        Status.WARN,
        f"{short}; but the five sets of scopes are there that Invicti's pages for Services name (our reading of them).",
        Reason.FULL_ACCESS_BY_PARTS,
        f"If the issue manager misbehaves: {choose[:1].lower()}{choose[1:]}",
    )


def _tick(row: ScopeRow, scope_context: ScopeContext) -> str:
    """Which box to tick, by its label and its identifier."""
    if takes_full_access(scope_context.purpose):
        box = SCOPES[Scope.FULL_ACCESS].box(Level.FULL)
        return f"Edit the token and choose “{box.choice}” ({box.vso})."
    box = row.box(row.needed[scope_context.purpose])
    path = f"Custom defined → Show all scopes → {box.category}"
    return f"Edit the token: {path} → tick “{box.choice}” ({box.vso})."
