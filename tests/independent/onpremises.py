"""Azure DevOps Server: collections below a virtual directory, no names in headers, only what its version knows."""

from __future__ import annotations

import re

from .answers import Answer, Desk
from .azure import clone, weather
from .ledger import Request
from .resources import Ask, connection_data
from .routes import route_of, version_refusal
from .scopes import allows
from .strict import credentials
from .world import OnPremises, Organization, Pat, World, organization_of


def server(request: Request, world: World, here: OnPremises) -> Answer:
    """One answer of a Server."""
    if (storm := weather(world)) is not None:
        return storm
    root = f"https://{here.host}{here.virtual_directory}"
    desk = Desk(world.now, False, root, session=request.header("X-TFS-Session"))
    pair = credentials(request)
    pat = world.token(pair[1]) if pair else None
    if not request.path.startswith(f"{here.virtual_directory}/"):
        return Answer(
            404,
            (("Content-Type", "text/html"), ("Server", "Microsoft-IIS/10.0")),
            b"<html>404 - File not found</html>",
        )
    inside = request.path.removeprefix(here.virtual_directory).strip("/")
    name, _, below = inside.partition("/")
    if name.lower() == "_apis":
        return at_the_root(request, world, here, desk, pat, root, below)
    place = organization_of(name, here.collections)
    if (
        pat is None
        or pat.home != "server"
        or pat.life != "alive"
        or (place and not pat.reaches(place.name))
    ):
        return desk.not_authenticated()
    if place is None:
        return desk.unknown_place()
    if pat.owner not in place.members:
        return desk.no_member(pat.owner)
    git = re.fullmatch(r"(?P<project>[^/]+)/_git/(?P<repository>[^/]+)/info/refs", below)
    if git:
        return clone(desk, place, pat, pair[0] if pair else "", git["project"], git["repository"])
    return in_a_collection(request, world, here, desk, pat, root, place, below)


def in_a_collection(
    request: Request,
    world: World,
    here: OnPremises,
    desk: Desk,
    pat: Pat,
    root: str,
    place: Organization,
    below: str,
) -> Answer:
    """Inside: the route must exist in this version, then the scope, then the version that was asked for."""
    project, _, rest = below.rpartition("_apis/")
    found = route_of("", request.method, project.strip("/"), rest)
    if found is None or (found[0].on_server_since or (99, 0)) > here.version:
        return desk.no_route(request.path, None)
    route, names = found
    if not allows(pat.scopes, route.needs):
        return desk.scope_missing()
    wrong = version_refusal(desk, request, route, here.version, None)
    return wrong or route.answer(
        Ask(request, desk, world, place, pat.owner, f"{root}/{place.name}", names, _text(here))
    )


def at_the_root(
    request: Request,
    world: World,
    here: OnPremises,
    desk: Desk,
    pat: Pat | None,
    root: str,
    rest: str,
) -> Answer:
    """Outside of the collections: a token of one collection is nobody here."""
    if pat is None or pat.home != "server" or pat.life != "alive" or pat.reach is not None:
        return desk.not_authenticated()
    ask = Ask(request, desk, world, Organization("root"), pat.owner, f"{root}/_", {}, _text(here))
    match request.method, rest.lower():
        case "GET", "connectiondata":
            return _versioned(ask, here, "connectiondata") or connection_data(ask)
        case "GET", "projectcollections":
            if not allows(pat.scopes, ("vso.profile", "vso.project")):
                return desk.scope_missing()
            return _versioned(ask, here, "projects") or _collections(ask, here, root)
        case _:
            return desk.no_route(request.path, None)


def _versioned(ask: Ask, here: OnPremises, like: str) -> Answer | None:
    found = route_of("", "GET", "", like)
    return version_refusal(ask.desk, ask.request, found[0], here.version, None) if found else None


def _collections(ask: Ask, here: OnPremises, root: str) -> Answer:
    listed = [
        {
            "id": one.id,
            "name": one.name,
            "url": f"{root}/_apis/projectCollections/{one.id}",
            "state": "Started",
        }
        for one in here.collections
        if ask.person in one.members
    ]
    top = int(ask.request.query.get("$top") or 100)
    skip = int(ask.request.query.get("$skip") or 0)
    return ask.document(
        {"count": len(listed[skip : skip + top]), "value": listed[skip : skip + top]}
    )


def _text(here: OnPremises) -> str:
    return f"{here.version[0]}.{here.version[1]}"
