"""Why a token may be rejected, when Azure DevOps does not say: the causes that are possible, the likeliest first.

None is certain. What a stopped token of all organizations is answered was not known when this was written; a bare 401,
which tells nothing, is expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import MIGRATE, Reach
from aspm_ado.domain.azure.scopes import API_VERSIONS, Deployment, newest_common
from aspm_ado.domain.checks import Check, CheckId, Command, Status, skip
from aspm_ado.domain.documents import ConnectionData, Identity, Names, Profile
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.classify import (
    INCONCLUSIVE,
    REFUSALS,
    AnswerKind,
    classify,
    explain_inconclusive,
    user_of,
    words,
)

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.http import Reply


@dataclass(frozen=True, slots=True)
class TokenHistory:
    """What is known of a token beside the answers of today.

    ``was_good``: it was accepted when it was last proven. ``reach``: how far it went then. ``expires``: the end on
    record.
    """

    was_good: bool = False
    reach: Reach = Reach.UNKNOWN
    expires: date | None = None

    def has_expired(self, calendar: Calendar) -> bool:
        """Whether the end on record is over."""
        return self.expires is not None and self.expires < calendar.today

    def has_stopped(self, deployment: Deployment, calendar: Calendar) -> bool:
        """Whether it reached all organizations, and the day of such tokens has come."""
        return self.reach is Reach.ALL and calendar.ended(deployment)


NO_HISTORY = TokenHistory()


def rejection_causes(place: Place, past: TokenHistory, calendar: Calendar) -> tuple[str, ...]:
    """What may have happened, likeliest first, in words that follow “one of these:”."""
    deployment = place.site.deployment
    services = deployment is Deployment.SERVICES
    expired, stopped = past.has_expired(calendar), past.has_stopped(deployment, calendar)
    may_have_stopped = calendar.ended(deployment) and past.reach is Reach.UNKNOWN
    retired = (
        f"it was a token of all organizations, which Microsoft stopped on {calendar.global_end}"
    )
    rows = (
        (expired, f"most likely it has expired: the end on record is {past.expires}"),
        (stopped and not expired, f"most likely {retired}"),
        (stopped and expired, retired),
        (not past.was_good, "it was mistyped or cut"),
        (True, "it was revoked"),
        (past.was_good and past.expires is None, "it has expired (no end is on record)"),
        (past.was_good and services, "a token policy refuses it now"),
        (may_have_stopped, retired),
        (not past.was_good, f"it belongs to another {place.noun}"),
        (services, "its owner has not signed in for 90 days"),
    )
    return tuple(words for is_possible, words in rows if is_possible)


_LATEST: Final = re.compile(
    r"latest REST API version this server supports is\s+(\d{1,2}\.\d{1,2})", re.IGNORECASE
)


def server_version(reply: Reply | None) -> str:
    """The newest version that both sides speak; the oldest of ours where the server does not tell.

    Source of the sentence: Microsoft's ``VssVersionOutOfRangeException``, as users have posted it.
    """
    told = _LATEST.search(words(reply)) if reply is not None else None
    return newest_common(told.group(1)) if told else API_VERSIONS[-1]


_SILENT_ABOUT_WHY = REFUSALS - {AnswerKind.EXPIRED}


@dataclass(frozen=True, slots=True)
class Access:
    """The two checks, and whom they name. Only when ``is_accepted`` may anything further be asked here."""

    identity: Identity | None
    identity_check: Check
    access_check: Check

    @property
    def is_accepted(self) -> bool:
        """Whether the organization took the token."""
        return self.access_check.status is Status.PASS

    @property
    def is_accepted_somewhere(self) -> bool:
        """Whether some answer shows that the token is accepted somewhere."""
        return self.identity_check.status is Status.PASS

    @property
    def is_rejected(self) -> bool:
        """Whether the service rejected the token itself."""
        return self.identity_check.status is Status.FAIL


def judge_access(
    place: Place,
    first: Reply,
    wide: Reply | None,
    calendar: Calendar,
    elsewhere: Identity | None = None,
    *,
    past: TokenHistory = NO_HISTORY,
) -> Access:
    """Judge ``connectionData`` of an organization in the light of ``wide`` and of other organizations.

    ``wide`` is the answer to ``profiles/me``, or the list of collections that a Server gave; ``elsewhere`` whom another
    organization recognised by the same token; ``past`` what was known of it before.
    """
    kind = classify(first)
    data = first.answer
    if (
        kind is AnswerKind.ANSWER
        and isinstance(data, ConnectionData)
        and not data.identity.is_anonymous
    ):
        user = user_of(first)
        unnamed = user is not None and not data.identity.account
        return _in(
            place,
            replace(data.identity, account=user.account) if user and unnamed else data.identity,
            first,
        )
    known, witness = _known(first, wide, elsewhere)
    access, excuse = _access(place, first, kind, alive=known is not None or _lists(wide))
    if known is not None:
        return Access(known, identity_known(known, witness), access)
    if excuse is not None:
        return Access(None, excuse, access)
    if wide is not None and kind in _SILENT_ABOUT_WHY and classify(wide) in INCONCLUSIVE:
        reason, detail, remedy = explain_inconclusive(wide, classify(wide))
        told = f"{place.name} refuses the token, and whether it is alive elsewhere could not be found out: {detail}"
        return Access(
            None,
            Check(CheckId.IDENTITY, Status.UNKNOWN, told, reason, remedy).on(first, wide),
            _behind(),
        )
    return Access(None, _rejected(place, first, wide, kind, calendar, past), _behind())


def _in(place: Place, identity: Identity, first: Reply) -> Access:
    access = Check(CheckId.ACCESS, Status.PASS, f"The {place.noun} takes the token.").on(first)
    return Access(identity, identity_known(identity, first), access)


def identity_known(identity: Identity, witness: Reply | None) -> Check:
    """``identity`` of a token whose owner some answer names."""
    named = identity.name if identity.name != identity.account else ""
    who = (
        f"{named} <{identity.account}>"
        if named and identity.account
        else named or identity.account or identity.id
    )
    return Check(CheckId.IDENTITY, Status.PASS, f"The token belongs to {who}.").on(witness)


def _known(
    first: Reply, wide: Reply | None, elsewhere: Identity | None
) -> tuple[Identity | None, Reply | None]:
    """Whom some other answer shows the token to be, and the answer that shows it."""
    user = user_of(first) if classify(first) is AnswerKind.NOT_ALLOWED else None
    if user is not None:
        return user, first
    if wide is not None and wide.status == 200 and isinstance(wide.answer, Profile):
        return wide.answer.identity, wide
    if elsewhere is None and wide is not None and _lists(wide):
        return user_of(wide), wide
    return elsewhere, None


def _lists(wide: Reply | None) -> bool:
    """Whether a Server gave the token its collections: it is alive then, whoever it is."""
    return wide is not None and wide.status == 200 and isinstance(wide.answer, Names)


def _access(
    place: Place, first: Reply, kind: AnswerKind, *, alive: bool
) -> tuple[Check, Check | None]:
    """``organization.access``, and what ``identity`` is when nothing but this answer is known of the token.

    The second is ``None`` when this answer rejects the token itself.
    """

    def failed(reason: Reason, detail: str, remedy: str) -> tuple[Check, Check | None]:
        return (
            Check(CheckId.ACCESS, Status.FAIL, detail, reason, remedy).on(first),
            skip(CheckId.IDENTITY, f"Not asked: {detail[:1].lower()}{detail[1:]}"),
        )

    if kind is AnswerKind.NOT_ALLOWED:
        return failed(
            Reason.NOT_A_MEMBER,
            f"The token's owner has no access to {place.name}.",
            f"Have the owner added to {place.name} as a member, or use a token of somebody who is one.",
        )
    if first.status == 404 and first.header("X-TFS-ProcessId"):
        return failed(
            Reason.ORGANIZATION_ABSENT,
            f"There is no {place.noun} named {place.name}.",
            f"Copy the name from the address in the browser: {place.site.base_url}/NAME.",
        )
    if kind is AnswerKind.DEACTIVATED:
        return failed(
            Reason.ORGANIZATION_DEACTIVATED,
            f"The {place.noun} {place.name} has been switched off (TF24668).",
            f"Have an administrator sign in at {place.url} and bring it back, or leave it out.",
        )
    if kind in REFUSALS or (kind is AnswerKind.ANSWER and isinstance(first.answer, ConnectionData)):
        if not alive:
            return _behind(), None
        return failed(Reason.ORGANIZATION_REFUSES_TOKEN, *_refusing(place))
    absent = first.status == 404
    reason, detail, remedy = explain_inconclusive(
        first, AnswerKind.NOT_AZURE_DEVOPS if absent else kind
    )
    check = Check(CheckId.ACCESS, Status.UNKNOWN, detail, reason, remedy).on(first)
    return check, Check(CheckId.IDENTITY, Status.UNKNOWN, detail, reason, remedy).on(first)


def _refusing(place: Place) -> tuple[str, str]:
    """Detail and remedy where a living token is refused. Only Services have token policies."""
    told = f"The token is alive, but {place.name} refuses it: its owner is no member"
    ask = f"Ask an administrator of {place.name} whether you are a member"
    if place.site.deployment is Deployment.SERVER:
        return f"{told}.", f"{ask}."
    return (
        f"{told}, or a token policy is in force.",
        f"{ask}, and whether “Restrict personal access token creation” (Organization settings → Policies) keeps "
        "tokens out.",
    )


def _behind() -> Check:
    return skip(CheckId.ACCESS, "Not asked: the token itself is not accepted.")


def _rejected(
    place: Place,
    first: Reply,
    wide: Reply | None,
    kind: AnswerKind,
    calendar: Calendar,
    past: TokenHistory,
) -> Check:
    """``identity`` when nobody accepts the token: which of several causes cannot be told, so all are listed."""
    again = f"Create a new one on {place.token_page}; an expired or revoked token cannot be brought back."
    if kind is AnswerKind.EXPIRED:
        detail = "Azure DevOps says that the token has expired."
        return Check(CheckId.IDENTITY, Status.FAIL, detail, Reason.TOKEN_EXPIRED, again).on(
            first, wide
        )
    if kind is AnswerKind.ANSWER:
        detail = f"{place.name} answered as it answers anybody: the token was not accepted."
        mend = f"Copy it again, whole, or create a new one on {place.token_page}."
        return Check(CheckId.IDENTITY, Status.FAIL, detail, Reason.TOKEN_ANONYMOUS, mend).on(
            first, wide
        )
    told = "; ".join(rejection_causes(place, past, calendar))
    detail = f"{place.name} rejects the token. Azure DevOps does not say why; one of these: {told}."
    new = f"reate a new one on {place.token_page}."
    remedy = f"C{new}" if past.was_good else f"Copy it again, or c{new}"
    follows = None
    if past.has_stopped(place.site.deployment, calendar) and not past.has_expired(calendar):
        remedy, follows = (
            f"Give each organization a token of its own: {MIGRATE}",
            Command("migrate"),
        )
    return Check(
        CheckId.IDENTITY, Status.FAIL, detail, Reason.TOKEN_REJECTED, remedy, next=follows
    ).on(first, wide)
