"""How far each scope of the token goes: the ``scope.*`` checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import API_VERSIONS
from aspm_ado.domain.azure.scopes import SCOPES, Level, Scope, ScopeRow, rows_of, takes_full_access
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import GOOD, Check, skip
from aspm_ado.domain.rules.classify import (
    INCONCLUSIVE,
    AnswerKind,
    classify,
    explain_inconclusive,
    recognizes,
    type_key,
)

if TYPE_CHECKING:
    from aspm_ado.domain.azure.scopes import Probe
    from aspm_ado.domain.http import Reply


class ProbeResult(StrEnum):
    """What the answer to one probe shows of its level."""

    GRANTED = "granted"
    MISSING = "missing"
    UNKNOWN = "unknown"
    UNPROVABLE = "unprovable"


@dataclass(frozen=True, slots=True)
class ScopeContext:
    """What is known apart from the probes.

    ``control`` is the answer to a random token (Server only). ``unversioned`` is an inconclusive
    answer to the request for the version of a Server; ``version`` is the oldest then.
    """

    purpose: Purpose
    deployment: Deployment
    version: str
    control: Reply | None = None
    read_only: bool = False
    unversioned: Reply | None = None

    @property
    def is_open(self) -> bool:
        """Whether a Server accepts a random token. Then no answer shows a permission."""
        control = self.control
        return control is not None and _is_document(control) and recognizes(control)


def _is_document(reply: Reply) -> bool:
    """Whether this can be the answer to a user with permission."""
    is_good = 200 <= reply.status < 300 or bool(type_key(reply))
    return is_good and classify(reply) is AnswerKind.ANSWER


def judge_probe(reply: Reply, scope_context: ScopeContext) -> ProbeResult:
    """What the answer to a probe shows, once the organization has accepted the token.

    Source: the decision table in the facts.
    """
    kind = classify(reply)
    if kind is AnswerKind.BARE_REFUSAL:
        return ProbeResult.MISSING
    if kind is AnswerKind.NO_ROUTE:
        return ProbeResult.UNPROVABLE
    if not _is_document(reply):
        return ProbeResult.UNKNOWN
    if recognizes(reply):
        return ProbeResult.GRANTED
    on_server = scope_context.deployment is Deployment.SERVER
    vouched = on_server and reply.header("X-TFS-ProcessId")
    if vouched and scope_context.control is not None and scope_context.control.status == 401:
        return ProbeResult.GRANTED
    return ProbeResult.UNKNOWN


def judge_scopes(
    replies: Mapping[str, Reply], probes: Sequence[Probe], scope_context: ScopeContext
) -> tuple[Check, ...]:
    """Every ``scope.*`` check of the purpose.

    ``replies`` are by the names of ``probes``; a probe may have no answer.
    """
    no_route = {classify(reply) for reply in replies.values()} == {AnswerKind.NO_ROUTE}
    checks: list[Check] = []
    for row in rows_of(scope_context.purpose):
        own = [probe for probe in probes if probe.scope is row.scope and probe.name in replies]
        if row.scope is Scope.FULL_ACCESS:
            answers = [replies[probe.name] for probe in own]
            checks.append(_judge_full_access(checks, answers, scope_context).on(*answers))
        else:
            answers_by_level = {probe.level: replies[probe.name] for probe in own}
            judge = _ScopeJudge(row, scope_context, answers_by_level, no_route=no_route)
            checks.append(judge.judge())
    return tuple(checks)


def scopes_not_asked(purpose: Purpose, detail: str) -> tuple[Check, ...]:
    """Every ``scope.*`` check of the purpose where the organization does not accept the token."""
    return tuple(skip(row.check, detail, wanted=row.needed[purpose]) for row in rows_of(purpose))


def holds_profile(checks: Sequence[Check]) -> bool:
    """Whether a verified scope includes reading the profile."""
    implying = [row.check for row in SCOPES.values() if row.implies_profile]
    return any(check.id in implying and bool(check.proven) for check in checks)


def profile_unheard(replies: Mapping[str, Reply]) -> Reply | None:
    """A missing answer that might have shown a scope which includes the profile.

    ``replies`` are by the names of their probes.
    """
    rows = [row for row in SCOPES.values() if row.implies_profile]
    names = {probe.name for row in rows for probe in row.probes}
    unheard = (one for name, one in replies.items() if name in names)
    return next((one for one in unheard if classify(one) in INCONCLUSIVE), None)


def reads_code(checks: Sequence[Check]) -> bool:
    """Whether the Code scope suffices to try a clone."""
    return any(
        check.id is CheckId.SCOPE_CODE and check.status in GOOD and check.proven for check in checks
    )


_WITH_POSTS: Final = "Run this again without --read-only-probes. The probes change nothing."
_REPORT_IT: Final = (
    "Run this again with --verbose. If the problem persists, report it with the activity id."
)


class _ScopeJudge:
    """One scope: the level wanted, and what the answers to its probes show.

    ``no_route``: no route of any scope exists, so the URL is wrong.
    """

    def __init__(
        self,
        row: ScopeRow,
        scope_context: ScopeContext,
        replies: Mapping[Level, Reply],
        *,
        no_route: bool,
    ) -> None:
        self.row, self.context, self.replies, self.no_route = row, scope_context, replies, no_route
        self.wanted = row.needed[scope_context.purpose]
        self.results = {level: judge_probe(one, scope_context) for level, one in replies.items()}
        self.granted = self._levels(ProbeResult.GRANTED)
        self.proven = max(self.granted, default=Level.NONE)

    def _levels(self, result: ProbeResult) -> list[Level]:
        return [level for level, found in self.results.items() if found is result]

    def _target(self) -> Level:
        """The level to look for: the wanted one, as far as an answer can show it.

        A preview that is not offered cannot show it. Where a released route is not there, nothing
        was found out.
        """
        ceiling = self.row.provable(self.context.deployment, self.context.version)
        previews = {probe.level for probe in self.row.probes if probe.is_preview}
        missing = self._levels(ProbeResult.UNPROVABLE)
        while not self.no_route and ceiling in previews and ceiling in missing:
            ceiling = max((level for level in self.replies if level < ceiling), default=Level.NONE)
        return min(self.wanted, ceiling)

    def _check(
        self, status: Status, detail: str, reason: Reason | None = None, remedy: str | None = None
    ) -> Check:
        check = Check(self.row.check, status, detail, reason, remedy, self.wanted, self.proven)
        return check.on(*self.replies.values())

    def judge(self) -> Check:
        yes, no = self.granted, self._levels(ProbeResult.MISSING)
        if any(low < high for low in no for high in yes):
            return self._check(
                Status.UNKNOWN,
                f"The answers contradict each other: {max(yes).word} is granted, {min(no).word} "
                "is denied.",
                Reason.ANSWERS_CONTRADICT,
                "Run this again. If the contradiction persists, report it with the activity ids of "
                "the evidence.",
            )
        held = ""
        if self.proven:
            held = self.row.box(self.proven).choice
        if self.proven >= self.wanted:
            return self._check(Status.PASS, f"{held}.")
        target = self._target()
        if self.proven >= target:
            return self._as_far_as_provable(held, target)
        if any(level <= target for level in no):
            has = "Missing"
            if held:
                has = f"The token has “{held}”"
            return self._check(
                Status.FAIL,
                f"{has}. Invicti ASPM needs “{self.row.box(self.wanted).choice}”.",
                self.row.missing,
                _how_to_grant(self.row, self.context.purpose),
            )
        return self._not_shown(target)

    def _as_far_as_provable(self, held: str, target: Level) -> Check:
        """Judge a scope whose verifiable levels are all granted."""
        newest = self.row.provable(self.context.deployment, API_VERSIONS[0])
        unversioned = self.context.unversioned
        if unversioned is not None and min(self.wanted, newest) > target:
            reason, why, remedy = explain_inconclusive(unversioned)
            detail = f"Skipped: the version of the server is unknown. {why}"
            return self._check(Status.UNKNOWN, detail, reason, remedy).on(unversioned)
        choice = self.row.box(self.wanted).choice
        if held:
            choice = f"{held} verified. {choice}"
        return self._check(
            Status.PARTIAL,
            f"{choice} cannot be verified through the API. If you selected it, no action is "
            "needed.",
            Reason.NOT_PROVABLE,
        )

    def _not_shown(self, target: Level) -> Check:
        """Judge a level without a conclusive answer, or without a request."""
        reply = self.replies.get(target)
        if reply is None:
            detail = (
                f"Verifying “{self.row.box(self.wanted).choice}” needs a request other than GET."
            )
            if self.proven:
                detail = (
                    f"Verified up to “{self.proven.word}” only. Verifying more needs a request "
                    "other than GET."
                )
            return self._check(Status.WARN, detail, Reason.READ_ONLY_PROBES, _WITH_POSTS)
        reason, detail, remedy = self._explain(reply)
        return self._check(Status.UNKNOWN, f"{detail.rstrip('.')}.", reason, remedy)

    def _explain(self, reply: Reply) -> tuple[Reason, str, str]:
        """Reason, detail, and remedy of an answer that does not show the scope's state."""
        kind = classify(reply)
        if kind in INCONCLUSIVE:
            return explain_inconclusive(reply)
        if kind is AnswerKind.NO_ROUTE and self.no_route:
            return (
                Reason.SCOPE_UNKNOWN,
                "There is no such route at this URL",
                "Check the URL. To name a collection of a server, connect and validate have "
                "--collection NAME.",
            )
        if kind is AnswerKind.NO_ROUTE:
            detail = "The route that verifies it is missing, although others exist"
            return Reason.SCOPE_UNKNOWN, detail, _REPORT_IT
        if kind is AnswerKind.NOT_ALLOWED:
            return (
                Reason.PERMISSION_UNCLEAR,
                "Azure DevOps denied access to the owner, not to the scope",
                "Check that the token's owner may use this area of the organization.",
            )
        detail = f"Status {reply.status} does not show whether the scope is granted"
        return Reason.SCOPE_UNKNOWN, detail, _REPORT_IT


def _judge_full_access(
    others: Sequence[Check], replies: Sequence[Reply], scope_context: ScopeContext
) -> Check:
    """Full access has no probe of its own.

    It is inferred from the ``others``, which are the checks of the five sets of scopes, and from
    ``replies`` of areas far from them.
    """
    results = {judge_probe(reply, scope_context) for reply in replies}
    choose = _how_to_grant(SCOPES[Scope.FULL_ACCESS], scope_context.purpose)
    status = _obstacle(others, results, scope_context.deployment)
    if status is Status.FAIL:
        detail = "The token does not have Full access."
        return _full_access(status, detail, Reason.FULL_ACCESS_MISSING, choose, Level.NONE)
    if status is Status.UNKNOWN:
        reason, why, remedy = _not_found_out(others, replies)
        detail = f"Could not determine Full access. {why.rstrip('.')}."
        return _full_access(status, detail, reason, remedy, Level.NONE)
    if status is Status.WARN:
        detail = "Could not verify Full access: that needs requests other than GET."
        return _full_access(status, detail, Reason.READ_ONLY_PROBES, _WITH_POSTS)
    if results == {ProbeResult.GRANTED}:
        detail = (
            "Every checked area answers. Full access looks the same as every scope selected. "
            "Either suffices."
        )
        return _full_access(Status.PARTIAL, detail, Reason.NOT_PROVABLE)
    short = "Full access is not verified: an area did not answer"
    unheard = [reply for reply in replies if classify(reply) in INCONCLUSIVE]
    if ProbeResult.MISSING in results:
        short = "Not Full access"
    elif unheard:
        why = explain_inconclusive(unheard[0])[1]
        short = f"Full access is not verified. {why.rstrip('.')}"
    return _full_access(
        Status.WARN,
        f"{short}. The token has the five sets of scopes that Invicti's pages for Services name, "
        "as aspm-ado reads them.",
        Reason.FULL_ACCESS_BY_PARTS,
        f"If the issue manager does not work: {choose[:1].lower()}{choose[1:]}",
    )


def _not_found_out(
    others: Sequence[Check], replies: Sequence[Reply]
) -> tuple[Reason, str, str | None]:
    """Why Full access could not be inferred: reason, detail, and remedy."""
    for check in others:
        if check.status is Status.UNKNOWN and check.reason is not None:
            return check.reason, check.detail, check.remedy
    for reply in replies:
        if classify(reply) in INCONCLUSIVE:
            return explain_inconclusive(reply)
    return Reason.SCOPE_UNKNOWN, "An area gave no conclusive answer", _REPORT_IT


def _obstacle(
    others: Sequence[Check], results: Set[ProbeResult], deployment: Deployment
) -> Status | None:
    """The most severe status that rules out Full access."""
    statuses = {check.status for check in others}
    if deployment is Deployment.SERVER and results != {ProbeResult.GRANTED}:
        statuses.add(Status.UNKNOWN)
        if ProbeResult.MISSING in results:
            statuses.add(Status.FAIL)
    gravest = (Status.FAIL, Status.UNKNOWN, Status.WARN)
    return next((status for status in gravest if status in statuses), None)


def _full_access(
    status: Status,
    detail: str,
    reason: Reason,
    remedy: str | None = None,
    proven: Level = Level.MANAGE,
) -> Check:
    return Check(CheckId.SCOPE_FULL_ACCESS, status, detail, reason, remedy, Level.FULL, proven)


def _how_to_grant(row: ScopeRow, purpose: Purpose) -> str:
    """Which scope to select, by its label and its identifier."""
    if takes_full_access(purpose):
        box = SCOPES[Scope.FULL_ACCESS].box(Level.FULL)
        return f"Edit the token and choose “{box.choice}” ({box.vso})."
    box = row.box(row.needed[purpose])
    path = f"Custom defined → Show all scopes → {box.category}"
    return f"Edit the token: {path} → select “{box.choice}” ({box.vso})."
