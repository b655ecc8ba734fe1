"""Azure DevOps: the hosts of Services, and a Server with its collections."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aspm_ado.simulator import authentication, git, pat_lifecycle, responses
from aspm_ado.simulator.http import Headers, Request, Response
from aspm_ado.simulator.resources import ROOT_ROUTES, ROUTES
from aspm_ado.simulator.routing import Area, Call, Caller, Place, dispatch
from aspm_ado.simulator.world import Organization, Server, State, World

_OLD_HOSTS = ".visualstudio.com"
_AREAS: Final = {area.value: area for area in Area}
# The realm of a scope refusal is another host than the one asked (facts/reliability.md D.3).
_REALMS: Final = {
    Area.CORE: "https://tfsprodsim1.app.visualstudio.com/",
    Area.IDENTITY: "https://spsprodsim1.vssps.visualstudio.com/",
    Area.ENTITLEMENT: "https://aexprodsim1.vsaex.visualstudio.com/",
    Area.ACCOUNT: "https://spsprodsim1.vssps.visualstudio.com/",
}
HOSTS: Final = tuple(_AREAS)
"""The hosts of Services."""


def is_services(host: str) -> bool:
    """Whether this host belongs to Azure DevOps Services."""
    return host in _AREAS or host.endswith(_OLD_HOSTS)


def respond(request: Request, world: World, state: State) -> Response:
    """Answer one request to any host of Azure DevOps."""
    in_the_way = _network(world)
    if in_the_way is not None:
        return in_the_way
    if is_services(request.host):
        response = _services(request, world, state)
        return responses.with_services_headers(response, request, world.moment)
    if world.server is None:
        raise LookupError("there is no server in this world")
    return _server(request, world, world.server, state)


def _network(world: World) -> Response | None:
    """What stands before every host."""
    date = responses.date_header(world.moment)
    again = ("Retry-After", "1")
    if world.network == "throttled":
        marks = (date, ("X-TFS-ProcessId", "of-the-gateway"))
        return responses.throttled(seconds=1).plus(*marks)
    if world.network == "outage":
        html = "<html>Our services aren't available right now</html>"
        edge = ("X-MSEdge-Ref", "Ref A: 0 Ref B: SIM0EDGE0001 Ref C: 0")
        return responses.page(503, html, date, again, edge)
    if world.network == "captive-page":
        return responses.page(200, "<html><title>Welcome to the hotel</title></html>", date)
    if world.network == "captive-redirect":
        portal = ("Location", f"https://{responses.PORTAL_HOST}/sign-in")
        return responses.page(302, "", date, portal)
    return None


# Services


def _services(request: Request, world: World, state: State) -> Response:
    area = _AREAS.get(request.host, Area.CORE)
    challenges = (("WWW-Authenticate", f'Basic realm="{_REALMS[area]}"'),)
    if pat_lifecycle.is_for(request):
        return pat_lifecycle.respond(request, world, challenges, state)
    if area is Area.ACCOUNT:
        return _above_organizations(request, world, challenges, state)
    rest, url = request.segments, f"https://{request.host}"
    if request.host in _AREAS:
        name, rest = (rest[0] if rest else ""), rest[1:]
    else:
        name = request.host.removesuffix(_OLD_HOSTS)
    organization = world.organization(name)
    if organization is None:
        # "https://dev.azure.com/_apis/..." is no organization either (§2).
        return responses.unknown_organization()
    if organization.deactivated:
        return responses.deactivated(organization)
    if request.host in _AREAS:
        url += f"/{organization.name}"
    place = Place(organization, url, frozenset({area}), challenges)
    return _in_organization(request, rest, world, place, state)


def _in_organization(
    request: Request, rest: tuple[str, ...], world: World, place: Place, state: State
) -> Response:
    organization, challenges = place.organization, place.challenges
    is_clone = Area.CORE in place.areas and git.is_advertisement(rest)
    if not is_clone and "_apis" not in [part.casefold() for part in rest]:
        return responses.to_sign_in(organization.tenant)  # a web page; nobody is signed in
    caller = authentication.admit(world, organization, request, challenges)
    if isinstance(caller, Response):
        return _with_all_challenges(caller)
    call = Call(request, world, state, place, caller, rest)
    response = git.advertise(call) if is_clone else dispatch(ROUTES, call)
    if caller.token is not None:
        return authentication.named(response, caller.token)
    if response.status == 401:
        # A stranger sees nothing of the refusals that name a scope.
        return _with_all_challenges(authentication.unauthenticated(request, challenges))
    return response


def _above_organizations(
    request: Request, world: World, challenges: Headers, state: State
) -> Response:
    token = authentication.token_in(world, request)
    if token is None or token.reach is not None:
        # §2: a token of one organization is a stranger here: 401, or a redirect without Suppress.
        if authentication.suppresses(request) or request.method != "GET":
            return _with_all_challenges(responses.authentication_required(challenges))
        return responses.to_sign_in(None)
    if authentication.has_expired(world, token):
        return _with_all_challenges(responses.expired(challenges))
    if authentication.has_retired(world, token) or not world.profile_takes_tokens:
        return responses.scope_missing(challenges)
    url = f"https://{request.host}"
    place = Place(Organization("app"), url, frozenset({Area.ACCOUNT}), challenges)
    caller = Caller(token.owner, token)
    call = Call(request, world, state, place, caller, request.segments)
    return authentication.named(dispatch(ROUTES, call), token)


def _with_all_challenges(refused: Response) -> Response:
    """Add Bearer and TFS-Federated to a refusal with a body; the bare 401 has Basic only."""
    is_complete = ("WWW-Authenticate", "TFS-Federated") in refused.headers
    if refused.status != 401 or not refused.body or is_complete:
        return refused
    login = f"https://login.microsoftonline.com/{responses.NO_TENANT}"
    return refused.plus(
        ("WWW-Authenticate", f"Bearer authorization_uri={login}"),
        ("WWW-Authenticate", "TFS-Federated"),
    )


# Server


def _server(request: Request, world: World, server: Server, state: State) -> Response:
    prefix = tuple(part.casefold() for part in server.directory.split("/") if part)
    start = tuple(part.casefold() for part in request.segments[: len(prefix)])
    if start != prefix:
        # Outside of the application IIS answers by itself, without any X-TFS header.
        html = "<html><head><title>404 - File or directory not found.</title></head></html>"
        iis = (("Content-Type", "text/html"), ("Server", "Microsoft-IIS/10.0"))
        return Response(404, html.encode(), (*iis, responses.date_header(world.moment)))
    challenges = (
        ("WWW-Authenticate", "Bearer"),
        ("WWW-Authenticate", f'Basic realm="{server.url}"'),
        ("WWW-Authenticate", "Negotiate"),
        ("WWW-Authenticate", "NTLM"),
        ("Lfs-Authenticate", "NTLM"),
    )
    rest = request.segments[len(prefix) :]
    response = _in_application(request, rest, world, server, challenges, state)
    return responses.with_server_headers(
        response, request, world.moment, names_user=server.names_user
    )


def _in_application(
    request: Request,
    rest: tuple[str, ...],
    world: World,
    server: Server,
    challenges: Headers,
    state: State,
) -> Response:
    token = authentication.token_in(world, request, "server")
    if token is None:
        return responses.authentication_required(challenges)
    if authentication.has_expired(world, token):
        return responses.expired(challenges)
    at_root = not rest or rest[0].casefold() == "_apis"
    collection = None if at_root else world.collection(rest[0])
    if token.reach is not None and (collection is None or not token.reaches(collection.name)):
        # §7: a token of one collection gets 401 at the root though its collection works.
        return responses.authentication_required(challenges)
    everywhere = frozenset(Area)
    place = Place(
        Organization("server"), server.url, everywhere, challenges, server.edition, server.directory
    )
    call = Call(request, world, state, place, Caller(token.owner, token), rest)
    if at_root:
        response = dispatch(ROOT_ROUTES, call)
    elif collection is None:
        response = responses.no_such_route(request.path)
    elif token.owner not in collection.members:
        refused = responses.refusal("not-a-member", name=token.owner.account(on_server=True))
        response = responses.with_service_error(refused)
    else:
        url = f"{server.url}/{collection.name}"
        inside = replace(place, organization=collection, url=url)
        below = replace(call, place=inside, rest=rest[1:])
        is_clone = git.is_advertisement(below.rest)
        response = git.advertise(below) if is_clone else dispatch(ROUTES, below)
    return authentication.named(response, token)
