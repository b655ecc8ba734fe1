"""What an answer of the PAT Lifecycle API means: a token, a refusal by name, or nothing that can be relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aspm_ado.domain.answers import PatAnswer, Pats
from aspm_ado.domain.errors import NotCreatedError
from aspm_ado.domain.judgement.saying import Saying, saying, unheard, words
from aspm_ado.domain.pat_errors import error_in, not_created
from aspm_ado.domain.reasons import NEVER_SENT, Reason

if TYPE_CHECKING:
    from aspm_ado.domain.exchange import Reply
    from aspm_ado.domain.lifecycle import Order

_GONE: Final = frozenset({"tokennotfound", "authorizationnotfound", "invalidauthorizationid"})


def pat_error(reply: Reply) -> str:
    """The ``patTokenError`` of an answer, whatever its status; empty where there is none."""
    return reply.answer.error if isinstance(reply.answer, PatAnswer) else error_in(reply)


def is_uncertain(reply: Reply) -> bool:
    """Whether a creation may have happened although no value came: only looking tells."""
    if isinstance(reply.answer, PatAnswer):
        return not reply.answer.error and (
            reply.answer.pat is None or reply.answer.pat.secret is None
        )
    if pat_error(reply) or reply.failure in NEVER_SENT:
        return False
    return saying(reply) in (Saying.SILENCE, Saying.TROUBLE) or reply.status in (200, 201)


def is_revoked(reply: Reply) -> bool:
    """Whether a token is ended now; one that is not there any more is."""
    return reply.status in (200, 202, 204) or pat_error(reply).lower() in _GONE


def why_not(reply: Reply, order: Order) -> NotCreatedError:
    """The error that an answer other than a good one is."""
    if error := pat_error(reply):
        return not_created(error, order)
    kind, place = saying(reply), order.place
    if kind in (
        Saying.SIGN_IN,
        Saying.REFUSAL,
        Saying.BARE_REFUSAL,
        Saying.NOT_ALLOWED,
        Saying.EXPIRED,
    ):
        return NotCreatedError(
            Reason.CREATION_NOT_ALLOWED,
            f"{place.name} does not let whoever is signed in with `az` make tokens (status {reply.status}): not a "
            "member, or not a person; service principals and managed identities cannot.",
            remedy="See who is signed in: az account show. Sign in as a member: az login --allow-no-subscriptions",
        )
    if "InvalidAccessException" in words(reply) or (kind is Saying.ANSWER and reply.status == 403):
        return NotCreatedError(
            Reason.CREATION_NOT_ALLOWED,
            f"{place.name} does not allow tokens to be made with the sign-in of `az` (status {reply.status}).",
            remedy=f"Sign in with `az` as a person: az login. Or create the token by hand: {place.token_page}",
        )
    if kind is Saying.NO_ROUTE or (kind is Saying.ANSWER and reply.status == 404):
        return NotCreatedError(
            Reason.CREATION_NOT_POSSIBLE,
            f"{place.name} has no place where a program could make a token (status {reply.status}).",
            remedy=f"Create the token by hand: {place.token_page}",
        )
    if kind is Saying.ANSWER and not isinstance(reply.answer, PatAnswer | Pats):
        return NotCreatedError(
            Reason.CREATION_FAILED,
            f"Azure DevOps created no token, and did not say why (status {reply.status}).",
            remedy=f"Run it again with --verbose and keep the activity id; or create it by hand: {place.token_page}",
        )
    reason, problem, remedy = unheard(reply, kind)
    return NotCreatedError(reason, problem, remedy=remedy)
