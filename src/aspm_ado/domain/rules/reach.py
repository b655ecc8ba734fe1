"""Does the token see one organization or all of them, and is that what is demanded today: ``reach``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import MIGRATE, Calendar, Reach, ReachDemanded, count_days
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.checks import Check, CheckId, Command, Status, skip
from aspm_ado.domain.documents import Names, Profile
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.classify import INCONCLUSIVE, AnswerKind, classify, explain_inconclusive

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply

_REFUSED = frozenset(
    {AnswerKind.BARE_REFUSAL, AnswerKind.REFUSAL, AnswerKind.NOT_ALLOWED, AnswerKind.SIGN_IN}
)
"""What a token of one organization gets where a token of all is asked for. (At the root of a Server the web server in
front may refuse in its own words, too.)"""


@dataclass(frozen=True, slots=True)
class ReachSeen:
    """What the token reaches, and the inference that this rests on."""

    reach: Reach
    because: str
    reply: Reply | None = None


def observe_reach(
    deployment: Deployment, wide: Reply | None, recognised: Sequence[str], *, holds_profile: bool
) -> ReachSeen:
    """Infer the reach of a token.

    ``wide`` is the answer where only tokens of all organizations (collections) are taken: ``profiles/me``, or the list
    of collections at the root of a Server. ``recognised`` names the organizations that took the token.
    ``holds_profile`` says that a scope which includes reading the profile is proven: only then does a refusal mean
    reach and not scope. (Facts: the rule is an inference from Microsoft's scope table and from reports of users.)
    """
    services = deployment is Deployment.SERVICES
    route = "profiles/me" if services else "the list of collections"
    if len(recognised) > 1:
        return ReachSeen(
            Reach.ALL, f"{recognised[0]} and {recognised[1]} both take this one token", wide
        )
    if wide is None:
        return ReachSeen(Reach.UNKNOWN, "nothing was asked that would tell")
    if wide.status == 200 and isinstance(wide.answer, Profile | Names):
        return ReachSeen(
            Reach.ALL,
            f"{route} answers, which it does to tokens of all {_plural(services)} only",
            wide,
        )
    refused = classify(wide) in (_REFUSED if services else _REFUSED | {AnswerKind.NOT_AZURE_DEVOPS})
    if wide.status == 401 and refused:
        if holds_profile:
            return ReachSeen(
                Reach.ORGANIZATION, f"{route} refuses the token although its scopes would do", wide
            )
        return ReachSeen(
            Reach.UNKNOWN,
            f"{route} refuses the token, and no scope is proven that it would need",
            wide,
        )
    return ReachSeen(Reach.UNKNOWN, f"{route} gave no answer that tells", wide)


def judge_reach(
    reach_seen: ReachSeen, demanded: ReachDemanded, deployment: Deployment, calendar: Calendar
) -> Check:
    """``reach``: what the token sees against what is demanded there and today (contract: Retirement)."""
    wanted = calendar.demanded(demanded, deployment)
    if reach_seen.reach is Reach.ALL:
        check = _all(reach_seen, deployment, calendar)
    elif reach_seen.reach is Reach.ORGANIZATION:
        check = _one(reach_seen, wanted, demanded, deployment, calendar)
    elif wanted is Reach.ORGANIZATION:
        check = Check(
            CheckId.REACH,
            Status.WARN,
            f"What the token reaches could not be found out: {reach_seen.because}. One organization is enough here.",
            Reason.REACH_UNKNOWN,
            "Nothing, if the token works where it is needed.",
        )
    else:
        check = Check(
            CheckId.REACH,
            Status.UNKNOWN,
            f"What the token reaches could not be found out: {reach_seen.because}.",
            Reason.REACH_UNKNOWN,
            "Tick the scopes that are missing and run this again; they are needed to find out.",
        )
    return check.on(reach_seen.reply)


def reach_not_asked(detail: str) -> Check:
    """``reach`` behind a token that nobody accepts."""
    return skip(CheckId.REACH, detail)


def not_listed(wide: Reply, deployment: Deployment) -> Check:
    """``reach`` when every organization was asked for and they could not be listed."""
    services = deployment is Deployment.SERVICES
    kind = classify(wide)
    if kind in INCONCLUSIVE:
        reason, detail, remedy = explain_inconclusive(wide, kind)
        return Check(CheckId.REACH, Status.UNKNOWN, detail, reason, remedy).on(wide)
    again = "Create a new token; an expired one cannot be brought back."
    if kind is AnswerKind.EXPIRED:
        expired = "Azure DevOps says that the token has expired."
        return Check(CheckId.REACH, Status.FAIL, expired, Reason.TOKEN_EXPIRED, again).on(wide)
    flag = "-o NAME" if services else "--collection NAME"
    refused = f"could not be listed; only a token of all {_plural(services)} gets that list."
    told = "were asked for, and the list is empty." if isinstance(wide.answer, Names) else refused
    return Check(
        CheckId.REACH,
        Status.FAIL,
        f"The {_plural(services)} that the token reaches {told}",
        Reason.ORGANIZATIONS_NOT_LISTED,
        f"Name them with {flag} (once for each).",
    ).on(wide)


def _all(reach_seen: ReachSeen, deployment: Deployment, calendar: Calendar) -> Check:
    services = deployment is Deployment.SERVICES
    detail = f"The token reaches all {'accessible ' if services else ''}{_plural(services)}: {reach_seen.because}"
    days = calendar.days_to_end(deployment)
    if days is None:
        return Check(CheckId.REACH, Status.PASS, detail + ".")
    if days <= 0:
        return Check(
            CheckId.REACH,
            Status.WARN,
            f"{detail}. Microsoft was to stop such tokens on {calendar.global_end}; this one still answers.",
            Reason.REACH_GLOBAL_OUTLIVED,
            f"Replace it with one token for each organization before it stops: {MIGRATE}",
            next=Command("migrate"),
        )
    return Check(
        CheckId.REACH,
        Status.WARN,
        f"{detail}. Microsoft stops such tokens on {calendar.global_end}, in {count_days(days)}, "
        "whatever their own expiry.",
        Reason.REACH_GLOBAL_ENDS,
        f"Replace it with one token for each organization before {calendar.global_end}: {MIGRATE}",
        next=Command("migrate"),
    )


_WAYS: Final = {
    Deployment.SERVICES: "Either edit the token and choose “All accessible organizations”{stops}, or keep one token "
    "for each organization and pass --reach organization.",
    Deployment.SERVER: "Either create a token of all collections, or pass --reach organization and give one token for "
    "each.",
}


def _one(
    reach_seen: ReachSeen,
    wanted: Reach,
    demanded: ReachDemanded,
    deployment: Deployment,
    calendar: Calendar,
) -> Check:
    services = deployment is Deployment.SERVICES
    noun = "organization" if services else "collection"
    detail = f"The token reaches this {noun} only: {reach_seen.because}"
    if wanted is Reach.ALL:
        if calendar.ended(deployment):
            ways = f"Such a token is not to be had since {calendar.global_end}: leave --reach out, or pass "
            ways += "--reach organization."
        else:
            days = calendar.days_to_end(deployment)
            stops = (
                ""
                if days is None
                else f" (Microsoft stops such tokens on {calendar.global_end}, in {count_days(days)})"
            )
            ways = _WAYS[deployment].replace("{stops}", stops)
        asks = "Invicti's guide asks for all accessible organizations"
        return Check(
            CheckId.REACH, Status.FAIL, f"{detail}. {asks}.", Reason.REACH_ORGANIZATION_ONLY, ways
        )
    if demanded is ReachDemanded.AUTO and calendar.ended(deployment):
        return Check(
            CheckId.REACH,
            Status.WARN,
            f"{detail}. Since {calendar.global_end} that is all a token can reach, while Invicti's written guide still "
            "asks for all accessible organizations.",
            Reason.REACH_AFTER_END,
            "If Invicti ASPM refuses it, send its message to Invicti's support; the token is as wide as it can be.",
        )
    return Check(CheckId.REACH, Status.PASS, f"{detail}, as demanded.")


def _plural(services: bool) -> str:
    return "organizations" if services else "collections"
