"""Who the token is, and whether this organization lets it in: ``identity`` and ``organization.access``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.answers import ConnectionData, Identity, Names, Profile
from aspm_ado.domain.checks import Check, CheckId, Command, Status, skip
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.judgement.causes import NOTHING_KNOWN, Past, causes
from aspm_ado.domain.judgement.saying import REFUSALS, UNHEARD, Saying, saying, unheard, user_of
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.retirement import MIGRATE

if TYPE_CHECKING:
    from aspm_ado.domain.exchange import Reply
    from aspm_ado.domain.place import Place
    from aspm_ado.domain.retirement import Calendar


_SILENT_ABOUT_WHY = REFUSALS - {Saying.EXPIRED}


@dataclass(frozen=True, slots=True)
class Standing:
    """The two checks, and whom they name. Only when ``is_in`` may anything further be asked here."""

    identity: Identity | None
    identity_check: Check
    access_check: Check

    @property
    def is_in(self) -> bool:
        """Whether the organization took the token."""
        return self.access_check.status is Status.PASS

    @property
    def is_alive(self) -> bool:
        """Whether some answer shows that the token is accepted somewhere."""
        return self.identity_check.status is Status.PASS

    @property
    def is_dead(self) -> bool:
        """Whether the service rejected the token itself."""
        return self.identity_check.status is Status.FAIL


def stand(
    place: Place,
    first: Reply,
    wide: Reply | None,
    calendar: Calendar,
    elsewhere: Identity | None = None,
    *,
    past: Past = NOTHING_KNOWN,
) -> Standing:
    """Judge ``connectionData`` of an organization in the light of ``wide`` and of other organizations.

    ``wide`` is the answer to ``profiles/me``, or the list of collections that a Server gave; ``elsewhere`` whom another
    organization recognised by the same token; ``past`` what was known of it before.
    """
    kind = saying(first)
    data = first.answer
    if (
        kind is Saying.ANSWER
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
        return Standing(known, identified(known, witness), access)
    if excuse is not None:
        return Standing(None, excuse, access)
    if wide is not None and kind in _SILENT_ABOUT_WHY and saying(wide) in UNHEARD:
        reason, detail, remedy = unheard(wide, saying(wide))
        told = f"{place.name} refuses the token, and whether it is alive elsewhere could not be found out: {detail}"
        return Standing(
            None,
            Check(CheckId.IDENTITY, Status.UNKNOWN, told, reason, remedy).on(first, wide),
            _behind(),
        )
    return Standing(None, _rejected(place, first, wide, kind, calendar, past), _behind())


def _in(place: Place, identity: Identity, first: Reply) -> Standing:
    access = Check(CheckId.ACCESS, Status.PASS, f"The {place.noun} takes the token.").on(first)
    return Standing(identity, identified(identity, first), access)


def identified(identity: Identity, witness: Reply | None) -> Check:
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
    user = user_of(first) if saying(first) is Saying.NOT_ALLOWED else None
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


def _access(place: Place, first: Reply, kind: Saying, *, alive: bool) -> tuple[Check, Check | None]:
    """``organization.access``, and what ``identity`` is when nothing but this answer is known of the token.

    The second is ``None`` when this answer rejects the token itself.
    """

    def failed(reason: Reason, detail: str, remedy: str) -> tuple[Check, Check | None]:
        return (
            Check(CheckId.ACCESS, Status.FAIL, detail, reason, remedy).on(first),
            skip(CheckId.IDENTITY, f"Not asked: {detail[:1].lower()}{detail[1:]}"),
        )

    if kind is Saying.NOT_ALLOWED:
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
    if kind is Saying.STOPPED:
        return failed(
            Reason.ORGANIZATION_DEACTIVATED,
            f"The {place.noun} {place.name} has been switched off (TF24668).",
            f"Have an administrator sign in at {place.url} and bring it back, or leave it out.",
        )
    if kind in REFUSALS or (kind is Saying.ANSWER and isinstance(first.answer, ConnectionData)):
        if not alive:
            return _behind(), None
        return failed(Reason.ORGANIZATION_REFUSES_TOKEN, *_refusing(place))
    absent = first.status == 404
    reason, detail, remedy = unheard(first, Saying.STRANGER if absent else kind)
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
    place: Place, first: Reply, wide: Reply | None, kind: Saying, calendar: Calendar, past: Past
) -> Check:
    """``identity`` when nobody accepts the token: which of several causes cannot be told, so all are listed."""
    again = f"Create a new one on {place.token_page}; an expired or revoked token cannot be brought back."
    if kind is Saying.EXPIRED:
        detail = "Azure DevOps says that the token has expired."
        return Check(CheckId.IDENTITY, Status.FAIL, detail, Reason.TOKEN_EXPIRED, again).on(
            first, wide
        )
    if kind is Saying.ANSWER:
        detail = f"{place.name} answered as it answers anybody: the token was not accepted."
        mend = f"Copy it again, whole, or create a new one on {place.token_page}."
        return Check(CheckId.IDENTITY, Status.FAIL, detail, Reason.TOKEN_ANONYMOUS, mend).on(
            first, wide
        )
    told = "; ".join(causes(place, past, calendar))
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
