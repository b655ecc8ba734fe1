"""Who is calling: finds the token in the request and says whether it opens this organization."""

from __future__ import annotations

from aspm_ado.simulator import responses
from aspm_ado.simulator.http import Request, Response
from aspm_ado.simulator.routing import IncomingCall
from aspm_ado.simulator.world import IssuedToken, World


def token_in(call: IncomingCall) -> IssuedToken | None:
    """Return the token of the request that is known here; the user name does not matter (§5)."""
    _, value = call.request.credentials or ("", "")
    token = call.world.token(value)
    is_server = call.server is not None
    if token is None or token.revoked or (token.home == "server") is not is_server:
        return None
    return token


def has_retired(world: World, token: IssuedToken) -> bool:
    """Whether this is a token of all organizations after the day they stop on Services (§0)."""
    end = world.global_tokens_end
    return token.reach is None and end is not None and world.today >= end


def admit(call: IncomingCall) -> Response | None:
    """Let the caller into an organization of Services, or say what the real service says (§4)."""
    token = token_in(call)
    if token is None or not token.reaches(call.organization.name):
        if call.organization.has_public_projects:
            return None  # the anonymous trap: 200, but as nobody (§2)
        return unauthenticated(call)
    if call.world.today > token.expires:
        if _wants_a_page(call.request):
            return responses.sign_in_page()  # §4: "may be masked"
        return responses.expired(call.challenges)
    call.token = token
    return _turned_away(call, token)


def _turned_away(call: IncomingCall, token: IssuedToken) -> Response | None:
    """What an organization says of a living token that was made for it."""
    organization = call.organization
    if has_retired(call.world, token):
        # [unconfirmed] §0: "expect a bare 401".
        return responses.scope_missing(call.challenges)
    if token.owner not in organization.members:
        if suppresses(call.request):
            return naming(token, responses.not_a_member(token.owner))
        return responses.to_sign_in(token.owner.tenant)
    if organization.blocks_global_tokens and token.reach is None:
        # [unconfirmed] §4: "likely bare 401 in that org while app.vssps is 200".
        return responses.scope_missing(call.challenges)
    if organization.throttled:
        return naming(token, responses.throttled())
    if organization.fenced:
        return naming(token, responses.refuse("fenced"))
    return None


def unauthenticated(call: IncomingCall) -> Response:
    """Refuse a dead or foreign token: 401 when redirects are suppressed, else to sign in (§4)."""
    if _wants_a_page(call.request):
        return responses.sign_in_page()
    return responses.authentication_required(call.challenges)


def suppresses(request: Request) -> bool:
    """Whether the client gets plain statuses instead of sign-in redirects: it asked, or is git.

    §6: git is asked for a token by a 401.
    """
    return (
        "_git" in request.segments
        or (request.header("X-TFS-FedAuthRedirect") or "").lower() == "suppress"
    )


def _wants_a_page(request: Request) -> bool:
    return request.method in ("GET", "POST") and not suppresses(request)


def naming(token: IssuedToken, response: Response) -> Response:
    """Attach the caller to a response, for X-VSS-UserData."""
    account = token.owner.account(on_server=token.home == "server")
    response.user = f"{token.owner.id}:{account}"
    return response
