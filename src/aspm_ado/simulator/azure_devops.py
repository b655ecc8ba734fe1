"""Azure DevOps: the hosts of Services, and a Server with its collections."""

from __future__ import annotations

from typing import Final

from aspm_ado.simulator import git, pat_lifecycle, responses, routing
from aspm_ado.simulator.http import Response
from aspm_ado.simulator.resources import OPERATIONS, ROOT_OPERATIONS
from aspm_ado.simulator.routing import IncomingCall, ServiceHost, dispatch
from aspm_ado.simulator.world import Organization, Server, World

_OLD_HOSTS = ".visualstudio.com"
_HOSTS: Final = {one.value: one for one in ServiceHost}
# The realm of a scope refusal is another host than the one asked (facts/reliability.md D.3).
_REALMS: Final = {
    ServiceHost.CORE: "tfsprodsim1.app",
    ServiceHost.IDENTITY: "spsprodsim1.vssps",
    ServiceHost.ENTITLEMENT: "aexprodsim1.vsaex",
    ServiceHost.ACCOUNT: "spsprodsim1.vssps",
}
HOSTS: Final = tuple(_HOSTS)
"""The hosts of Services."""


def is_services(host: str) -> bool:
    """Whether this host belongs to Azure DevOps Services."""
    return host in _HOSTS or host.endswith(_OLD_HOSTS)


def answer_azure_devops(call: IncomingCall) -> Response:
    """Answer one request to any host of Azure DevOps."""
    blocked = _network(call.world)
    if blocked is not None:
        return blocked
    if is_services(call.request.host):
        return responses.with_services_headers(_services(call), call.request, call.world.moment)
    if call.world.server is None:
        raise LookupError("there is no server in this world")
    return _server(call, call.world.server)


def _network(world: World) -> Response | None:
    """The answer of the network in front of every host, if it blocks the request."""
    date = responses.date_header(world.moment)
    if world.network == "throttled":
        return responses.throttled(seconds=1).plus(date, ("X-TFS-ProcessId", "of-the-gateway"))
    if world.network == "outage":
        html = "<html>Our services aren't available right now</html>"
        edge = ("X-MSEdge-Ref", "Ref A: 0 Ref B: SIM0EDGE0001 Ref C: 0")
        return responses.page(503, html, date, ("Retry-After", "1"), edge)
    if world.network == "captive-page":
        return responses.page(200, "<html><title>Welcome to the hotel</title></html>", date)
    if world.network == "captive-redirect":
        portal = ("Location", f"https://{responses.PORTAL_HOST}/sign-in")
        return responses.page(302, "", date, portal)
    return None


# Services


def _services(call: IncomingCall) -> Response:
    request = call.request
    host = _HOSTS.get(request.host, ServiceHost.CORE)
    realm = f"https://{_REALMS[host]}.visualstudio.com/"
    call.hosts = frozenset({host})
    call.challenges = (("WWW-Authenticate", f'Basic realm="{realm}"'),)
    call.url, call.rest = f"https://{request.host}", request.segments
    if pat_lifecycle.is_for(request):
        return pat_lifecycle.answer_tokens(call)
    if host is ServiceHost.ACCOUNT:
        return _above_organizations(call)
    name = request.host.removesuffix(_OLD_HOSTS)
    if request.host in _HOSTS:
        name, call.rest = "".join(call.rest[:1]), call.rest[1:]
    organization = call.world.organization(name)
    if organization is None:
        # "https://dev.azure.com/_apis/..." is no organization either (§2).
        return responses.unknown_organization()
    if organization.deactivated:
        return responses.deactivated(organization)
    if request.host in _HOSTS:
        call.url += f"/{organization.name}"
    call.organization = organization
    return _in_organization(call)


def _in_organization(call: IncomingCall) -> Response:
    is_clone = ServiceHost.CORE in call.hosts and git.is_clone(call.rest)
    if not is_clone and "_apis" not in [part.casefold() for part in call.rest]:
        # A web page needs a sign-in.
        return responses.to_sign_in(call.organization.tenant)
    refused = routing.admit(call)
    if refused is not None:
        return _with_all_challenges(refused, call)
    response = _below(call)
    if call.token is not None:
        return routing.naming(call.token, response)
    if response.status == 401:
        # Anonymous callers do not see refusals that name a scope.
        return _with_all_challenges(routing.unauthenticated(call), call)
    return response


def _below(call: IncomingCall) -> Response:
    """The answer of an organization or a collection to an admitted caller."""
    if ServiceHost.CORE in call.hosts and git.is_clone(call.rest):
        return git.answer_git(call)
    if routing.is_discovery(call):
        return routing.list_locations(call)
    return dispatch(OPERATIONS, call)


def _above_organizations(call: IncomingCall) -> Response:
    signed_in = pat_lifecycle.sign_in_as_token(call)
    token = signed_in or routing.token_in(call)
    if token is None or token.reach is not None:
        # §2: a token for one organization is unknown here: 401, or a redirect without Suppress.
        if routing.suppresses(call.request) or call.request.method != "GET":
            return _with_all_challenges(responses.authentication_required(call.challenges), call)
        return responses.to_sign_in(None)
    if call.world.today > token.expires:
        return _with_all_challenges(responses.expired(call.challenges), call)
    retired = routing.has_retired(call.world, token) or not call.world.profile_takes_tokens
    if retired and signed_in is None:
        return responses.scope_missing(call.challenges)
    call.token = token
    call.organization = Organization("app")
    return routing.naming(token, dispatch(OPERATIONS, call))


def _with_all_challenges(refused: Response, call: IncomingCall) -> Response:
    """Add the sign-in challenges to a 401 with a body; the bare 401 has Basic only."""
    is_complete = ("WWW-Authenticate", "TFS-Federated") in refused.headers
    if refused.status != 401 or not refused.body or is_complete:
        return refused
    name, tenant = call.organization.name, call.organization.tenant or responses.NO_TENANT
    refused.plus(*responses.federated(tenant), ("X-VSS-ResourceTenant", tenant))
    return refused.plus(*responses.sign_in_service(call.challenges, name)) if name else refused


# Server


def _server(call: IncomingCall, server: Server) -> Response:
    prefix = server.directory.casefold().strip("/").split("/") if server.directory else []
    segments = call.request.segments
    if [part.casefold() for part in segments[: len(prefix)]] != prefix:
        # Outside the application IIS answers, without X-TFS headers.
        html = "<html><head><title>404 - File or directory not found.</title></head></html>"
        iis = (("Content-Type", "text/html"), ("Server", "Microsoft-IIS/10.0"))
        return Response(404, html.encode(), (*iis, responses.date_header(call.world.moment)))
    call.server, call.url, call.rest = server, server.url, segments[len(prefix) :]
    call.organization = Organization("server")
    call.challenges = (
        ("WWW-Authenticate", "Bearer"),
        ("WWW-Authenticate", f'Basic realm="{server.url}"'),
        ("WWW-Authenticate", "Negotiate"),
        ("WWW-Authenticate", "NTLM"),
        ("Lfs-Authenticate", "NTLM"),
    )
    response = _in_application(call)
    return responses.with_server_headers(response, call.request, call.world.moment, server)


def _in_application(call: IncomingCall) -> Response:
    token = routing.token_in(call)
    if token is None:
        return responses.authentication_required(call.challenges)
    if call.world.today > token.expires:
        return responses.expired(call.challenges)
    at_root = not call.rest or call.rest[0].casefold() == "_apis"
    collection = None if at_root else call.world.collection(call.rest[0])
    if not token.reaches(collection.name if collection else ""):
        # §7: the root rejects a token for one collection.
        return responses.authentication_required(call.challenges)
    call.token = token
    if at_root and routing.is_discovery(call):
        response = routing.list_locations(call, at_root=True)
    elif at_root:
        response = dispatch(ROOT_OPERATIONS, call)
    elif collection is None:
        response = responses.no_such_route(call.request.path)
    elif token.owner not in collection.members:
        response = responses.refuse("not-a-member", name=token.owner.account(on_server=True))
        response = responses.with_service_error(response)
    else:
        call.organization, call.rest = collection, call.rest[1:]
        call.url += f"/{collection.name}"
        response = _below(call)
    return routing.naming(token, response)
