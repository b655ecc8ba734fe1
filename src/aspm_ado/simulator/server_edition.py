"""Azure DevOps Server: one host, a virtual directory, collections, and a root that only wide tokens may enter."""

from __future__ import annotations

from collections.abc import Callable

from aspm_ado.simulator import admission, answers, git, stamps
from aspm_ado.simulator.exchange import Answer, Headers, Request
from aspm_ado.simulator.operations import OPERATIONS
from aspm_ado.simulator.routes import Area, Call, Caller, Place, Route, dispatch
from aspm_ado.simulator.world import Organization, Server, World

_BUILDS = {
    "2019": "Azure DevOps Server 2019 (AzureDevopsServer_20190410.1)",
    "2020": "Azure DevOps Server 2020.1.2 (AzureDevopsServer_20220503.1)",
    "2022": "Azure DevOps Server 2022.2 (AzureDevopsServer_20250331.1)",
}


def answer(
    request: Request, world: World, server: Server, note_change: Callable[[str], None]
) -> Answer:
    """Answer one request to the server."""
    prefix = tuple(part for part in server.directory.split("/") if part)
    if tuple(part.casefold() for part in request.segments[: len(prefix)]) != tuple(
        p.casefold() for p in prefix
    ):
        # Outside of the application IIS answers by itself, without any X-TFS header.
        page = b"<html><head><title>404 - File or directory not found.</title></head></html>"
        headers = (
            ("Content-Type", "text/html"),
            ("Server", "Microsoft-IIS/10.0"),
            stamps.date_header(world.moment),
        )
        return Answer(404, page, headers, names_user=False)
    decided = _decide(request, request.segments[len(prefix) :], world, server, note_change)
    return stamps.server(decided, request, world.moment, names_user=server.names_user)


def _decide(
    request: Request,
    rest: tuple[str, ...],
    world: World,
    server: Server,
    note_change: Callable[[str], None],
) -> Answer:
    challenges = _challenges(server)
    token = admission.token_in(world, request)
    if token is None:
        return answers.authentication_required(challenges)
    if admission.has_expired(world, token):
        return answers.expired(challenges)
    at_root = not rest or rest[0].casefold() == "_apis"
    collection = None if at_root else world.collection(rest[0])
    if token.reach is not None and (
        collection is None or collection.name.casefold() != token.reach.casefold()
    ):
        # §7: a token of one collection gets 401 at the root though its collection works (probable).
        return answers.authentication_required(challenges)
    caller = Caller(token.owner, token)
    if at_root:
        home = Organization(
            "server", members=tuple({p for c in server.collections for p in c.members})
        )
        decided = dispatch(
            _ROOT,
            request,
            rest,
            world=world,
            note_change=note_change,
            caller=caller,
            place=_place(server, home, server.url, challenges),
        )
    elif collection is None:
        decided = answers.no_such_route(request.path)
    elif token.owner not in collection.members:
        decided = _not_a_member(caller)
    else:
        place = _place(server, collection, f"{server.url}/{collection.name}", challenges)
        decided = _in_collection(request, rest[1:], world, place, caller, note_change)
    return admission.named(decided, token, on_server=True)


def _in_collection(
    request: Request,
    rest: tuple[str, ...],
    world: World,
    place: Place,
    caller: Caller,
    note_change: Callable[[str], None],
) -> Answer:
    if tuple(part.casefold() for part in rest) == ("_home", "about"):
        label = place.edition.label if place.edition else ""
        page = f'<!DOCTYPE html><html><body><div class="about">{_BUILDS[label]}</div></body></html>'
        return Answer(200, page.encode(), (("Content-Type", "text/html; charset=utf-8"),))
    target = git.target_of(rest)
    if target is not None:
        return git.advertise(target, request, world, place, caller)
    return dispatch(
        OPERATIONS, request, rest, world=world, place=place, caller=caller, note_change=note_change
    )


def _place(server: Server, organization: Organization, url: str, challenges: Headers) -> Place:
    return Place(organization, url, frozenset(Area), challenges, server.edition, server.directory)


def _challenges(server: Server) -> Headers:
    """The four ways in, each as a header of its own (§7, D.15)."""
    return (
        ("WWW-Authenticate", "Bearer"),
        ("WWW-Authenticate", f'Basic realm="{server.url}"'),
        ("WWW-Authenticate", "Negotiate"),
        ("WWW-Authenticate", "NTLM"),
        ("Lfs-Authenticate", "NTLM"),
    )


def _not_a_member(caller: Caller) -> Answer:
    shown = caller.person.login if caller.person else ""
    message = f"TF400813: The user '{shown}' is not authorized to access this resource."
    return answers.service_error(
        answers.webapi_error(401, message, "UnauthorizedRequestException"), message
    )


def _collections(call: Call) -> Answer:
    server = call.world.server
    if server is None:
        raise LookupError("only a server has a root")
    return answers.items(
        [
            {
                "id": one.id,
                "name": one.name,
                "url": f"{server.url}/_apis/projectCollections/{one.id}",
            }
            for one in server.collections
        ],
        call.version,
    )


# The root knows the collections and who you are (§7); which scope the list needs is not documented: any.
_ROOT = (
    Route("GET", "projectCollections", frozenset(), _collections, resource=2),
    *(route for route in OPERATIONS if route.path == "connectionData" and route.area is Area.CORE),
)
