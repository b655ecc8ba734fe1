"""Who is calling: finds the token in the request and says whether it opens this organization."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from aspm_ado.simulator import responses
from aspm_ado.simulator.http import Headers, Request, Response
from aspm_ado.simulator.routing import Caller
from aspm_ado.simulator.world import Organization, Token, World

STRANGER = Caller()


def token_in(
    world: World, request: Request, home: Literal["services", "server"] = "services"
) -> Token | None:
    """Return the token of the request that `home` knows; the user name does not matter (§5)."""
    _, value = request.credentials or ("", "")
    token = world.token(value)
    if token is None or token.revoked or token.home != home:
        return None
    return token


def has_expired(world: World, token: Token) -> bool:
    """Whether the token's last day is over."""
    return world.today > token.expires


def has_retired(world: World, token: Token) -> bool:
    """Whether this is a token of all organizations after the day they stop on Services (§0)."""
    end = world.global_tokens_end
    return token.reach is None and end is not None and world.today >= end


def admit(
    world: World, organization: Organization, request: Request, challenges: Headers
) -> Caller | Response:
    """Let the caller into an organization of Services, or say what the real service says (§4)."""
    token = token_in(world, request)
    if token is None or not token.reaches(organization.name):
        if organization.has_public_projects:
            return STRANGER  # the anonymous trap: 200, but as nobody (§2)
        return unauthenticated(request, challenges)
    if has_expired(world, token):
        if _wants_a_page(request):
            return responses.sign_in_page()  # §4: "may be masked"
        return responses.expired(challenges)
    return _inside(world, organization, token, request, challenges)


def _inside(
    world: World, organization: Organization, token: Token, request: Request, challenges: Headers
) -> Caller | Response:
    """What an organization says of a living token that was made for it."""
    if has_retired(world, token):
        # [unconfirmed] §0: "expect a bare 401".
        return responses.scope_missing(challenges)
    if token.owner not in organization.members:
        if suppresses(request):
            return named(responses.not_a_member(token.owner), token)
        return responses.to_sign_in(token.owner.tenant)
    if organization.blocks_global_tokens and token.reach is None:
        # [unconfirmed] §4: "likely bare 401 in that org while app.vssps is 200".
        return responses.scope_missing(challenges)
    if organization.throttled:
        return named(responses.throttled(), token)
    if organization.fenced:
        return named(responses.refusal("fenced"), token)
    return Caller(token.owner, token)


def unauthenticated(request: Request, challenges: Headers) -> Response:
    """Refuse a dead or foreign token: 401 when redirects are suppressed, else to sign in (§4)."""
    if _wants_a_page(request):
        return responses.sign_in_page()
    return responses.authentication_required(challenges)


def suppresses(request: Request) -> bool:
    """Whether the client asked for plain statuses instead of sign-in redirects."""
    return (request.header("X-TFS-FedAuthRedirect") or "").lower() == "suppress"


def _wants_a_page(request: Request) -> bool:
    return request.method in ("GET", "POST") and not suppresses(request)


def named(response: Response, token: Token) -> Response:
    """Attach the caller to a response, for X-VSS-UserData."""
    account = token.owner.account(on_server=token.home == "server")
    return replace(response, user=f"{token.owner.id}:{account}")
