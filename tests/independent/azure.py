"""Azure DevOps Services: the doors of its four hosts, in the order in which the real one closes them."""

from __future__ import annotations

import re

from .answers import PORTAL_HOST, TRAP_HOST, Answer, Desk, from_a_stranger
from .ledger import Request
from .resources import Ask, connection_data, profile, projects
from .routes import route_of, version_refusal
from .scopes import allows
from .strict import credentials
from .world import (
    Clone,
    Organization,
    Pat,
    Person,
    Project,
    Repository,
    Weather,
    World,
    organization_of,
)

HOSTS = {"dev.azure.com": "dev", "vssps.dev.azure.com": "vssps", "vsaex.dev.azure.com": "vsaex"}
REALMS = {
    "dev": "tfsprodweu1.app.visualstudio.com",
    "vssps": "spsprodweu1.vssps.visualstudio.com",
    "vsaex": "aexprodweu1.vsaex.visualstudio.com",
}
PROFILE_HOST = "app.vssps.visualstudio.com"
NEWEST = (7, 2)


def weather(world: World) -> Answer | None:
    """An answer that stands before every other one."""
    match world.weather:
        case Weather.THROTTLED:
            return Desk(world.now, hosted=True, realm="").throttled()
        case Weather.EDGE_OUTAGE:
            edge = ("x-msedge-ref", "Ref A: 0 Ref B: EDGE Ref C: 0")
            return from_a_stranger(
                world.now,
                503,
                "<html>Our services aren't available right now</html>",
                ("Retry-After", "1"),
                edge,
            )
        case Weather.CAPTIVE_PAGE:
            return from_a_stranger(
                world.now, 200, "<html><title>Welcome to the hotel</title></html>"
            )
        case Weather.CAPTIVE_REDIRECT:
            return from_a_stranger(
                world.now, 302, "", ("Location", f"https://{PORTAL_HOST}/sign-in")
            )
        case Weather.FAIR:
            return None


def suppressed(request: Request) -> bool:
    """Whether the client asked for plain statuses in place of sign-in pages."""
    return (request.header("X-TFS-FedAuthRedirect") or "").lower() == "suppress"


def sign_in(request: Request, desk: Desk) -> Answer:
    """Not authenticated, as the client asked to hear it: with Suppress a 401, without it the page or the redirect."""
    if suppressed(request):
        return desk.not_authenticated()
    if "text/html" in (request.header("Accept") or ""):
        return desk.empty(302, None).plus(("Location", f"https://{TRAP_HOST}/_signin"))
    return desk.sign_in_page()


def services(request: Request, world: World) -> Answer:
    """One answer of dev.azure.com and its siblings."""
    if (storm := weather(world)) is not None:
        return storm
    if request.host == PROFILE_HOST:
        return profile_host(request, world)
    host = HOSTS[request.host]
    desk = Desk(
        world.now,
        True,
        f"https://{REALMS[host]}/",
        routed=host == "vssps",
        session=request.header("X-TFS-Session"),
    )
    name, _, inside = request.path.strip("/").partition("/")
    place = organization_of(name, world.organizations)
    if place is None:
        return desk.unknown_place()
    if place.deactivated:
        return desk.deactivated()
    base = f"https://dev.azure.com/{place.name}"
    pair = credentials(request)
    pat = world.token(pair[1]) if pair else None
    refused = door(request, world, desk, place, base, pat)
    if refused is not None or pat is None:
        return refused or desk.not_authenticated()
    git = re.fullmatch(r"(?P<project>[^/]+)/_git/(?P<repository>[^/]+)/info/refs", inside)
    if git:
        return clone(desk, place, pat, pair[0] if pair else "", git["project"], git["repository"])
    project, _, rest = inside.rpartition("_apis/")
    found = route_of(host, request.method, project.strip("/"), rest)
    if found is None:
        return desk.no_route(request.path, pat.owner)
    route, names = found
    if not allows(pat.scopes, route.needs):
        return desk.scope_missing()
    wrong = version_refusal(desk, request, route, NEWEST, pat.owner)
    return wrong or route.answer(Ask(request, desk, world, place, pat.owner, base, names))


def door(
    request: Request, world: World, desk: Desk, place: Organization, base: str, pat: Pat | None
) -> Answer | None:
    """Who may come into an organization at all; None lets in."""
    if pat is None or pat.home != "services" or not pat.reaches(place.name):
        inside = request.path.strip("/").partition("/")[2].lower()
        public = {"_apis/connectiondata": connection_data, "_apis/projects": projects}.get(inside)
        if place.public and public and request.method == "GET":
            return public(Ask(request, desk, world, place, None, base, {}))
        return sign_in(request, desk)
    if pat.life == "expired":
        return desk.expired()
    if pat.life == "revoked" or (pat.reach is None and place.refuses_global_tokens):
        return desk.scope_missing()
    if pat.owner not in place.members:
        return desk.no_member(pat.owner)
    return desk.fenced(pat.owner) if place.fenced else None


def profile_host(request: Request, world: World) -> Answer:
    """app.vssps.visualstudio.com: answers only tokens of all organizations."""
    desk = Desk(
        world.now,
        True,
        f"https://{REALMS['vssps']}/",
        routed=True,
        session=request.header("X-TFS-Session"),
    )
    pair = credentials(request)
    pat = world.token(pair[1]) if pair else None
    if pat is None or pat.home != "services" or pat.reach is not None or pat.life == "revoked":
        return sign_in(request, desk)
    if pat.life == "expired":
        return desk.expired()
    if not world.profile_api_takes_tokens or not allows(pat.scopes, ("vso.profile",)):
        return desk.scope_missing()
    if request.method == "GET" and request.path.lower() == "/_apis/profile/profiles/me":
        return profile(Ask(request, desk, world, world.organizations[0], pat.owner, "", {}))
    if request.method == "GET" and request.path.lower() == "/_apis/accounts":
        return accounts(request, world, desk, pat.owner)
    return desk.no_route(request.path, pat.owner)


def accounts(request: Request, world: World, desk: Desk, person: Person) -> Answer:
    """The organizations of a member; the address of each is on the wrong host for its API, with a port."""
    if world.accounts in ("refused", "busy"):
        return desk.scope_missing() if world.accounts == "refused" else desk.throttled()
    mine = [
        one
        for one in world.organizations
        if person in one.members and request.query.get("memberid") == person.id
    ]
    mine = [] if world.accounts == "none" else mine
    listed = [
        {
            "accountId": one.id,
            "accountUri": f"https://vssps.dev.azure.com:443/{one.name}/",
            "accountName": one.name,
            "properties": {},
        }
        for one in mine
    ]
    return desk.document({"count": len(listed), "value": listed}, person)


def clone(
    desk: Desk, place: Organization, pat: Pat, user: str, project: str, repository: str
) -> Answer:
    """Git's first question, answered with a line of the protocol or a reason why not."""
    if not allows(pat.scopes, ("vso.code",)):
        return desk.scope_missing()
    if not takes(place.clone, user):
        return desk.not_authenticated()
    if place.stakeholders or found(place.projects, project, repository) is None:
        return desk.no_repository(repository, pat.owner)
    body = b"001e# service=git-upload-pack\n0000003f5f3c8b1d2e4a6978c0d1e2f3a4b5c6d7e8f90a1b refs/heads/main\n0000"
    kind = ("Content-Type", "application/x-git-upload-pack-advertisement")
    return Answer(200, (*desk.envelope(pat.owner), kind), body)


def takes(way: Clone, user: str) -> bool:
    """Whether Git over HTTPS lets this user name in with a good token."""
    return way == "token" or (way == "username" and user != "")


def found(among: tuple[Project, ...], project: str, repository: str) -> Repository | None:
    """The readable repository of this name or id."""
    for one in among:
        for each in one.repositories:
            named = project.lower() in (one.name.lower(), one.id) and repository.lower() in (
                each.name.lower(),
                each.id,
            )
            if named and not each.disabled:
                return each
    return None
