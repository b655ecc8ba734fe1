"""Authentication: find the token of a request and decide whether the organization accepts it."""

from __future__ import annotations

from aspm_ado.simulator import responses
from aspm_ado.simulator.http import Request, Response
from aspm_ado.simulator.routing import IncomingCall
from aspm_ado.simulator.world import IssuedToken, World


def token_in(call: IncomingCall) -> IssuedToken | None:
    """Return the known token of the request; the username does not matter (§5)."""
    _, value = call.request.credentials or ("", "")
    token = call.world.token(value)
    is_server = call.server is not None
    if token is None or token.revoked or (token.home == "server") is not is_server:
        return None
    return token


def has_retired(world: World, token: IssuedToken) -> bool:
    """Whether this is a global token after the retirement on Services (§0)."""
    end = world.global_tokens_end
    return token.reach is None and end is not None and world.today >= end


def admit(call: IncomingCall) -> Response | None:
    """Admit the caller to an organization of Services, or return the refusal (§4)."""
    token = token_in(call)
    if token is None or not token.reaches(call.organization.name):
        if call.organization.has_public_projects:
            return None  # the anonymous trap: 200, as an anonymous identity (§2)
        return unauthenticated(call)
    if call.world.today > token.expires:
        if _wants_a_page(call.request):
            return responses.sign_in_page()  # §4: "may be masked"
        return responses.expired(call.challenges)
    call.token = token
    return _refused(call, token)


def _refused(call: IncomingCall, token: IssuedToken) -> Response | None:
    """The refusal of a valid token for this organization, if any."""
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
    """Reject a token: 401 if redirects are suppressed, else the sign-in page (§4)."""
    if _wants_a_page(call.request):
        return responses.sign_in_page()
    return responses.authentication_required(call.challenges)


def suppresses(request: Request) -> bool:
    """Whether the client gets a status, not a sign-in redirect: on request, or for git (§6)."""
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
