"""Whether the token reaches one organization or all, and whether that is the demanded reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import Calendar, Reach, ReachDemanded, count_days
from aspm_ado.domain.documents import Names
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import MIGRATE, Check, skip
from aspm_ado.domain.rules.classify import (
    INCONCLUSIVE,
    AnswerKind,
    answers_everywhere,
    classify,
    explain_inconclusive,
    inconclusive,
)

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply

_REFUSED: Final = frozenset(
    {AnswerKind.BARE_REFUSAL, AnswerKind.REFUSAL, AnswerKind.NOT_ALLOWED, AnswerKind.SIGN_IN}
)
"""The answers to a token of one organization where only a token of all is accepted.

At the root of a Server, the web server in front may send its own refusal.
"""


@dataclass(frozen=True, slots=True)
class ReachSeen:
    """The reach of a token, and what shows it."""

    reach: Reach
    because: str
    reply: Reply | None = None
    unheard: bool = False
    """Whether ``reply`` is inconclusive, because of its host or something in front of it."""


def observe_reach(
    deployment: Deployment,
    wide: Reply | None,
    recognised: Sequence[str],
    *,
    holds_profile: bool,
    unheard: Reply | None = None,
) -> ReachSeen:
    """Infer the reach of a token.

    ``wide`` is the answer where only tokens of all organizations are accepted: ``profiles/me``, or
    the list of collections at the root of a Server. ``recognised`` names the organizations that
    accept the token. ``holds_profile``: a scope that includes reading the profile is verified. Only
    then does a refusal mean reach and not scope. ``unheard`` is a missing answer that might have
    shown such a scope. (Facts: the rule is inferred from Microsoft's scope table and from reports
    of users.)
    """
    if len(recognised) > 1:
        because = f"{recognised[0]} and {recognised[1]} both accept this token"
        return ReachSeen(Reach.ALL, because, wide)
    if wide is None:
        return ReachSeen(Reach.UNKNOWN, "no request could show it")
    route, refusals = "profiles/me", _REFUSED
    if deployment is Deployment.SERVER:
        route, refusals = "the list of collections", _REFUSED | {AnswerKind.NOT_AZURE_DEVOPS}
    if answers_everywhere(wide):
        because = f"{route} answers only tokens for all {deployment.noun}s"
        return ReachSeen(Reach.ALL, because, wide)
    if wide.status != 401 or classify(wide) not in refusals:
        return ReachSeen(Reach.UNKNOWN, f"{route} gave no conclusive answer", wide, unheard=True)
    if holds_profile:
        because = f"{route} rejects the token although its scopes suffice"
        return ReachSeen(Reach.ORGANIZATION, because, wide)
    if unheard is not None:
        because = f"{route} rejects the token, and it is unknown whether its scopes suffice"
        return ReachSeen(Reach.UNKNOWN, because, unheard, unheard=True)
    because = f"{route} rejects the token, and no scope that it needs is verified"
    return ReachSeen(Reach.UNKNOWN, because, wide)


def judge_reach(
    reach_seen: ReachSeen, demanded: ReachDemanded, deployment: Deployment, calendar: Calendar
) -> Check:
    """Judge ``reach``: the seen reach against the demanded one."""
    if reach_seen.reach is Reach.ALL:
        check = _all(reach_seen, deployment, calendar)
    elif reach_seen.reach is Reach.ORGANIZATION:
        check = _one(reach_seen, demanded, deployment, calendar)
    else:
        check = _unknown(reach_seen, calendar.demanded(demanded, deployment))
    return check.on(reach_seen.reply)


def reach_not_asked(detail: str) -> Check:
    """Return ``reach`` as skipped."""
    return skip(CheckId.REACH, detail)


def more_listed(left_off: int) -> str:
    """Warn that a list was too long, or had impossible names."""
    return (
        f"Azure DevOps listed {left_off} more, which aspm-ado skips: the list or their names are "
        "too long. To add others, pass -o NAME."
    )


def not_listed(wide: Reply, deployment: Deployment) -> Check:
    """Return ``reach`` if all organizations were requested and the list failed."""
    kind = classify(wide)
    if kind in INCONCLUSIVE or kind is AnswerKind.SIGN_IN:
        return inconclusive(CheckId.REACH, wide)
    if kind is AnswerKind.EXPIRED:
        return Check(
            CheckId.REACH,
            Status.FAIL,
            "Azure DevOps rejects the token: it has expired.",
            Reason.TOKEN_EXPIRED,
            "Create a new token. You cannot restore an expired one.",
        ).on(wide)
    noun, flag = deployment.noun, "-o NAME"
    if deployment is Deployment.SERVER:
        flag = "--collection NAME"
    why = f"only a token for all {noun}s gets that list."
    if isinstance(wide.answer, Names):
        why = "the list is empty, which does not mean that there are none."
    return Check(
        CheckId.REACH,
        Status.FAIL,
        f"Could not list the {noun}s that the token can access: {why}",
        Reason.ORGANIZATIONS_NOT_LISTED,
        f"Pass each of them with {flag}.",
    ).on(wide)


def _unknown(reach_seen: ReachSeen, wanted: Reach) -> Check:
    detail = f"Could not determine the reach of the token: {reach_seen.because}."
    reason = Reason.REACH_UNKNOWN
    remedy = "Select the missing scopes and run the command again. The check needs them."
    if reach_seen.unheard and (reply := reach_seen.reply) is not None:
        reason, why, remedy = explain_inconclusive(reply)
        detail = f"{detail} {why}"
    status = Status.UNKNOWN
    if wanted is Reach.ORGANIZATION:
        status, detail = Status.WARN, f"{detail} One organization suffices here."
        remedy = "If the token works where you need it, do nothing."
    return Check(CheckId.REACH, status, detail, reason, remedy)


def _all(reach_seen: ReachSeen, deployment: Deployment, calendar: Calendar) -> Check:
    detail = f"The token reaches all {deployment.all_places}: {reach_seen.because}."
    days = calendar.days_to_end(deployment)
    if days is None:
        return Check(CheckId.REACH, Status.PASS, detail)
    end = calendar.global_end
    detail += f" Microsoft announced the end of such tokens for {end}"
    if days <= 0:
        reason, before = Reason.REACH_GLOBAL_OUTLIVED, "it stops working"
        detail += ". This one still works."
    else:
        reason, before = Reason.REACH_GLOBAL_ENDS, f"{end}"
        detail += f", in {count_days(days)}, regardless of their expiry dates."
    remedy = f"Replace it with one token per organization before {before}."
    return Check(
        CheckId.REACH, Status.WARN, detail, reason, remedy, next=MIGRATE, remedied_by=MIGRATE
    )


_ASKS: Final = "asks for all accessible organizations."


def _one(
    reach_seen: ReachSeen, demanded: ReachDemanded, deployment: Deployment, calendar: Calendar
) -> Check:
    end = calendar.global_end
    detail = f"The token reaches this {deployment.noun} only: {reach_seen.because}"
    if calendar.demanded(demanded, deployment) is Reach.ALL:
        return Check(
            CheckId.REACH,
            Status.FAIL,
            f"{detail}. Invicti's guide {_ASKS}",
            Reason.REACH_ORGANIZATION_ONLY,
            _how_to_reach_all(deployment, calendar),
        )
    if demanded is ReachDemanded.AUTO and end is not None:
        return Check(
            CheckId.REACH,
            Status.WARN,
            f"{detail}. Microsoft announced the end of global tokens for {end}, while Invicti's "
            f"written guide still {_ASKS}",
            Reason.REACH_AFTER_END,
            "If Invicti ASPM rejects the token, send its message to Invicti support.",
        )
    return Check(CheckId.REACH, Status.PASS, f"{detail}, as requested.")


def _how_to_reach_all(deployment: Deployment, calendar: Calendar) -> str:
    end = calendar.global_end
    if deployment is Deployment.SERVER:
        return (
            "Create a token for all collections. Or use one token per collection: pass --reach "
            "organization to connect."
        )
    days = calendar.days_to_end(deployment)
    if calendar.ended(deployment):
        return (
            f"Microsoft announced the end of such tokens for {end}. Pass --reach organization to "
            "connect, or omit it."
        )
    stops = ""
    if days is not None:
        stops = f" (Microsoft announced their end for {end}, in {count_days(days)})"
    return (
        f"Create a new token for “All accessible organizations”{stops}. Or keep one token per "
        "organization: pass --reach organization to connect."
    )
