"""Whether an organization accepts a token: the checks ``identity`` and ``organization.access``.

Azure DevOps does not say why it rejects a token, so the possible causes are listed, the likeliest
first. Its answer to a global token after their retirement is not known. A bare 401 is expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.documents import ConnectionData, Identity
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import MIGRATE, Check, skip
from aspm_ado.domain.rules.classify import (
    INCONCLUSIVE,
    LET_TOKENS_THROUGH,
    REFUSALS,
    AnswerKind,
    answers_everywhere,
    classify,
    inconclusive,
    profile_owner,
    switched_off,
    user_of,
)

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.http import Reply


@dataclass(frozen=True, slots=True)
class TokenHistory:
    """What is known of a token from earlier runs.

    ``was_good``: it was accepted when it was last validated. ``reach``: its reach then.
    ``expires``: its stored expiry date.
    """

    was_good: bool = False
    reach: Reach = Reach.UNKNOWN
    expires: date | None = None

    def has_expired(self, calendar: Calendar) -> bool:
        """Whether the stored expiry date has passed."""
        return self.expires is not None and self.expires < calendar.today

    def has_stopped(self, deployment: Deployment, calendar: Calendar) -> bool:
        """Whether it is a global token and their retirement date has passed."""
        return self.reach is Reach.ALL and calendar.ended(deployment)


NO_HISTORY: Final = TokenHistory()


def rejection_causes(place: Place, history: TokenHistory, calendar: Calendar) -> tuple[str, ...]:
    """Possible causes of the rejection, the likeliest first."""
    deployment = place.site.deployment
    services = deployment is Deployment.SERVICES
    known, expires = history.was_good, history.expires
    expired = history.has_expired(calendar)
    stopped = history.has_stopped(deployment, calendar)
    may_have_stopped = calendar.ended(deployment) and history.reach is Reach.UNKNOWN
    retired = (
        "it is a global token, and Microsoft announced the end of global tokens for "
        f"{calendar.global_end}"
    )
    rows = (
        (expired, f"most likely it has expired: the stored expiry date is {expires}"),
        (stopped and not expired, f"most likely {retired}"),
        (stopped and expired, retired),
        (not known, "it was mistyped or is incomplete"),
        (True, "it was revoked"),
        (known and expires is None, "it has expired (no expiry date is stored)"),
        (known and services, "a token policy rejects it now"),
        (may_have_stopped, retired),
        (not known, f"it belongs to another {place.noun}"),
        (services, "its owner has not signed in for 90 days"),
    )
    return tuple(cause for is_possible, cause in rows if is_possible)


@dataclass(frozen=True, slots=True)
class Access:
    """The two checks and the identity that they name.

    Send further requests to the organization only if ``is_accepted``.
    """

    identity: Identity | None
    identity_check: Check
    access_check: Check

    @property
    def is_accepted(self) -> bool:
        """Whether the organization accepts the token."""
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
    history: TokenHistory = NO_HISTORY,
) -> Access:
    """Judge ``first``, the answer to ``connectionData`` of an organization.

    ``wide`` is the answer to ``profiles/me``, or the list of collections that a Server gave.
    ``elsewhere`` is the identity that another organization recognized by the same token.
    """
    kind = access_kind(first)
    own = _named_by(first, kind)
    if own is not None:
        access = Check(CheckId.ACCESS, Status.PASS, f"The {place.noun} accepts the token.")
        return Access(own, identity_known(own, first), access.on(first))
    known, answer = _known(first, kind, wide, elsewhere)
    is_accepted_somewhere = known is not None or answers_everywhere(wide)
    if is_accepted_somewhere and first.status == 403 and kind is AnswerKind.ANSWER:
        kind = AnswerKind.REFUSAL
    if is_accepted_somewhere or not _rejects_token(first, kind):
        access, identity = _not_accepted(place, first, kind)
        if known is not None:
            identity = identity_known(known, answer)
        return Access(known, identity, access)
    not_asked = skip(CheckId.ACCESS, "Skipped: Azure DevOps did not accept the token.")
    is_silent_about_why = kind in REFUSALS and kind is not AnswerKind.EXPIRED
    if wide is not None and is_silent_about_why and classify(wide) in INCONCLUSIVE:
        before = f"{place.name} rejects the token, and it is unknown whether it works elsewhere: "
        return Access(None, inconclusive(CheckId.IDENTITY, wide, before).on(first, wide), not_asked)
    return Access(None, _rejected(place, kind, calendar, history).on(first, wide), not_asked)


def judge_open(place: Place, control: Reply) -> Access:
    """Return both checks if a Server accepts ``control``, a random token.

    Then no answer describes the token.
    """
    access, identity = (
        Check(
            check,
            Status.UNKNOWN,
            f"{place.site.host} accepts a random token, too. Something in front of Azure DevOps "
            "signs in automatically.",
            Reason.SERVER_SIGN_IN_SETUP,
            LET_TOKENS_THROUGH,
        ).on(control)
        for check in (CheckId.ACCESS, CheckId.IDENTITY)
    )
    return Access(None, identity, access)


def identity_known(identity: Identity, answer: Reply | None) -> Check:
    """Return ``identity`` of a token whose owner is known; ``answer`` names that owner."""
    detail = f"The token belongs to {identity.label}."
    return Check(CheckId.IDENTITY, Status.PASS, detail).on(answer)


def _named_by(first: Reply, kind: AnswerKind) -> Identity | None:
    """The identity in ``connectionData``, with the account of the header if the body has none."""
    data = first.answer
    if kind is not AnswerKind.ANSWER or not isinstance(data, ConnectionData):
        return None
    if data.identity.is_anonymous:
        return None
    user = user_of(first)
    if user is None or data.identity.account:
        return data.identity
    return Identity(data.identity.id, data.identity.name, user.account)


_SAYS_NOTHING_OF_A_PERSON: Final = frozenset(
    {AnswerKind.THROTTLED, AnswerKind.ACCESS_POLICY, AnswerKind.NEVER_SIGNED_IN}
)


def access_kind(first: Reply) -> AnswerKind:
    """The kind of an answer. What names a person does not reject the token.

    A 401 or 403 says that this person has no access; a page or a redirect says nothing more.
    """
    kind = classify(first)
    if user_of(first) is None or kind in _SAYS_NOTHING_OF_A_PERSON:
        return kind
    if first.status in (401, 403):
        return AnswerKind.NOT_ALLOWED
    return AnswerKind.ANSWER if kind in REFUSALS else kind


def _known(
    first: Reply, kind: AnswerKind, wide: Reply | None, elsewhere: Identity | None
) -> tuple[Identity | None, Reply | None]:
    """The identity that another answer shows, and that answer."""
    is_personal = kind in (AnswerKind.NOT_ALLOWED, AnswerKind.NEVER_SIGNED_IN)
    if is_personal and (user := user_of(first)):
        return user, first
    if owner := profile_owner(wide):
        return owner, wide
    if wide is not None and access_kind(wide) is AnswerKind.NOT_ALLOWED:
        return user_of(wide), wide
    if elsewhere is None and wide is not None and answers_everywhere(wide):  # of a Server
        return user_of(wide), wide
    return elsewhere, None


def _is_absent(first: Reply) -> bool:
    return first.status == 404 and bool(first.header("X-TFS-ProcessId"))


def _rejects_token(first: Reply, kind: AnswerKind) -> bool:
    """Whether this answer rejects the token, or is the answer to anonymous requests."""
    if kind is AnswerKind.ANSWER:
        return isinstance(first.answer, ConnectionData)
    return kind in REFUSALS and not _is_absent(first)


def _not_accepted(place: Place, first: Reply, kind: AnswerKind) -> tuple[Check, Check]:
    """Return ``organization.access`` if this answer does not reject the token itself.

    The second check is ``identity`` if nothing else is known of the token.
    """
    failure = _access_failure(place, first, kind)
    if failure is None:
        return inconclusive(CheckId.ACCESS, first), inconclusive(CheckId.IDENTITY, first)
    reason, detail, remedy = failure
    return (
        Check(CheckId.ACCESS, Status.FAIL, detail, reason, remedy).on(first),
        skip(CheckId.IDENTITY, f"Skipped: {detail[:1].lower()}{detail[1:]}"),
    )


def _access_failure(place: Place, first: Reply, kind: AnswerKind) -> tuple[Reason, str, str] | None:
    """Reason, detail, and remedy if the answer shows why access failed."""
    if kind is AnswerKind.NOT_ALLOWED:
        return (
            Reason.NOT_A_MEMBER,
            f"The token's owner has no access to {place.name}.",
            f"Ask an administrator to add the owner to {place.name} as a member, or use a token "
            "of a member.",
        )
    if kind is AnswerKind.NEVER_SIGNED_IN:
        return (
            Reason.NEVER_SIGNED_IN,
            f"The token's owner has never signed in to {place.name}.",
            f"Sign in once with a browser at {place.url}, then run the command again.",
        )
    if _is_absent(first):
        return (
            Reason.ORGANIZATION_ABSENT,
            f"There is no {place.noun} named {place.name}.",
            f"Copy the name from the URL in the browser: {place.site.base_url}/NAME",
        )
    if kind is AnswerKind.DEACTIVATED:
        return (
            Reason.ORGANIZATION_DEACTIVATED,
            f"The {place.noun} {place.name} is disabled (TF24668).{switched_off(first)}",
            f"Ask an administrator to sign in at {place.url} and reactivate it, or omit it.",
        )
    if not _rejects_token(first, kind):
        return None
    detail = (
        f"The token works elsewhere, but {place.name} rejects it. Possible causes: its owner is "
        "not a member"
    )
    remedy = f"Ask an administrator of {place.name} whether you are a member"
    if place.site.deployment is Deployment.SERVICES:  # a Server has no token policies
        detail += ", or a token policy blocks the token"
        remedy += (
            ", and whether “Restrict personal access token creation” (Organization settings → "
            "Policies) blocks tokens"
        )
    return Reason.ORGANIZATION_REFUSES_TOKEN, f"{detail}.", f"{remedy}."


def _rejected(place: Place, kind: AnswerKind, calendar: Calendar, history: TokenHistory) -> Check:
    """Return ``identity`` if no organization accepts the token."""
    page, following = place.token_page, None
    if kind is AnswerKind.EXPIRED:
        reason, detail = Reason.TOKEN_EXPIRED, "Azure DevOps rejects the token: it has expired."
        remedy = f"Create a new one on {page}. You cannot restore an expired or revoked token."
    elif kind is AnswerKind.ANSWER:
        reason = Reason.TOKEN_ANONYMOUS
        detail = f"{place.name} treated the request as anonymous: it did not accept the token."
        remedy = f"Copy the whole token again, or create a new one on {page}."
    else:
        reason = Reason.TOKEN_REJECTED
        causes = "; ".join(rejection_causes(place, history, calendar))
        detail = (
            f"{place.name} rejects the token. Azure DevOps does not say why. Possible causes: "
            f"{causes}."
        )
        remedy = f"Copy it again, or create a new one on {page}."
        if history.was_good:
            remedy = f"Create a new one on {page}."
        stopped = history.has_stopped(place.site.deployment, calendar)
        if stopped and not history.has_expired(calendar):
            remedy, following = "Create one token per organization.", MIGRATE
    return Check(
        CheckId.IDENTITY,
        Status.FAIL,
        detail,
        reason,
        remedy,
        next=following,
        remedied_by=following,
    )
