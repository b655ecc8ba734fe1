"""From a call to an operation, in the order of the service: caller, route, scope, version.

Locations of the routes, for Microsoft's own clients, are at the end.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from importlib.resources import files
from typing import Final

from aspm_ado.simulator import responses
from aspm_ado.simulator.http import Headers, Request, Response
from aspm_ado.simulator.scopes import satisfies
from aspm_ado.simulator.world import (
    Edition,
    IssuedToken,
    LiveWorld,
    Organization,
    Person,
    Server,
    TeamProject,
    World,
)

_VERSION = re.compile(r"(\d+\.\d+)(-preview(?:\.(\d+))?)?", re.ASCII)
_SERVICES = Edition("7.1", "7.2")
_NOWHERE = Organization("")


class ServiceHost(Enum):
    """Each service has its own host on Services; a Server is all of them."""

    CORE = "dev.azure.com"
    IDENTITY = "vssps.dev.azure.com"
    ENTITLEMENT = "vsaex.dev.azure.com"
    ACCOUNT = "app.vssps.visualstudio.com"  # above all organizations


@dataclass
class IncomingCall:
    """One request on its way to an operation; each step adds what it finds."""

    request: Request
    world: World
    live: LiveWorld
    hosts: frozenset[ServiceHost] = frozenset(ServiceHost)
    organization: Organization = _NOWHERE  # or the collection
    url: str = ""  # of the organization or collection, without a slash at the end
    challenges: Headers = ()  # of an empty 401
    server: Server | None = None  # None: Azure DevOps Services
    token: IssuedToken | None = None  # None: anonymous, admitted by public projects
    rest: tuple[str, ...] = ()  # the segments below the organization
    values: dict[str, str] = field(default_factory=dict)
    version: str | None = None

    @property
    def edition(self) -> Edition:
        """The API versions of the deployment."""
        return self.server.edition if self.server else _SERVICES

    @property
    def person(self) -> Person | None:
        """The caller."""
        return self.token.owner if self.token else None

    @property
    def visible_projects(self) -> tuple[TeamProject, ...]:
        """The projects that the caller can see: only public ones for anonymous callers."""
        every = self.organization.projects
        return tuple(one for one in every if self.token or one.public)

    def find_project(self, name_or_id: str) -> TeamProject | None:
        """Find a project that the caller can see, by id or by name without case."""
        wanted = name_or_id.casefold()
        for project in self.visible_projects:
            if wanted in (project.name.casefold(), self.organization.project_id(project)):
                return project
        return None


@dataclass(frozen=True)
class Operation:
    """The handler of a method at a path; the path follows `_apis/`."""

    method: str
    path: str
    scopes: str  # any one suffices; separated by blanks; none: any valid token
    respond: Callable[[IncomingCall], Response]
    host: ServiceHost = ServiceHost.CORE
    resource: int = 1  # the preview number echoed in Content-Type
    released: bool = True  # False: preview only, releasedVersion 0.0
    since: str = "1.0"  # the oldest api-version with it
    server_since: str | None = "1.0"  # the oldest server version with it; None: Services only
    strangers: bool = False  # answers anonymous callers if there are public projects

    @cached_property
    def _segments(self) -> list[str]:
        return self.path.split("/")

    def exists_for(self, call: IncomingCall) -> bool:
        """Whether this deployment has the operation."""
        if call.server is None:
            return self.host in call.hosts
        if self.server_since is None:
            return False
        return _number(call.edition.newest) >= _number(self.server_since)

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the placeholders, or None. Names compare without case."""
        if len(segments) != len(self._segments):
            return None
        values: dict[str, str] = {}
        for wanted, given in zip(self._segments, segments, strict=True):
            if wanted.startswith("{"):
                values[wanted[1:-1]] = given
            elif wanted.casefold() != given.casefold():
                return None
        return values

    def takes(self, call: IncomingCall) -> bool:
        """Whether the caller has a scope for it."""
        if call.token is None:
            return self.strangers
        return satisfies(call.token.scopes, set(self.scopes.split()))


def dispatch(table: tuple[Operation, ...], call: IncomingCall) -> Response:
    """Answer a call of an admitted caller."""
    parts = [part.casefold() for part in call.rest[:2]]
    if "_apis" not in parts:
        return responses.no_such_route(call.request.path)
    at = parts.index("_apis")
    by_method = _operations_at(call.rest[at + 1 :], table, call)
    if not by_method:
        return responses.no_such_route(call.request.path)
    if call.request.method not in by_method:
        return responses.method_not_allowed(call.request.method)
    operation, call.values = by_method[call.request.method]
    if at == 1:
        call.values["project"] = call.rest[0]
    if operation.takes(call):
        return _version_refused(operation, call) or operation.respond(call)
    if call.token is None:
        return responses.authentication_required(call.challenges)
    return responses.scope_missing(call.challenges)


def _operations_at(
    segments: tuple[str, ...], table: tuple[Operation, ...], call: IncomingCall
) -> dict[str, tuple[Operation, dict[str, str]]]:
    """The operations at this path by method, with the values of their placeholders."""
    found: dict[str, tuple[Operation, dict[str, str]]] = {}
    for one in table:
        values = one.match(segments)
        if values is not None and one.exists_for(call):
            found.setdefault(one.method, (one, values))
    return found


def _asked_version(request: Request) -> str | None:
    """The api-version of the query, else of the Accept header."""
    inside = re.search(r"api-version=([^;,\s]+)", request.header("Accept") or "")
    return request.query.get("api-version") or (inside and inside.group(1))


def _version_refused(operation: Operation, call: IncomingCall) -> Response | None:
    """Set the version of the call, or return the refusal."""
    edition, method = call.edition, call.request.method
    asked = _asked_version(call.request)
    if asked is None:
        if method not in ("GET", "OPTIONS", "HEAD"):
            return responses.refuse("version-required", method=method)
        asked = edition.released
        if not operation.released:
            asked += "-preview"
    parsed = _VERSION.fullmatch(asked)
    if parsed is None:
        return responses.refuse("version-unreadable", version=asked)
    plain, preview, number = parsed.groups()
    if not _number(operation.since) <= _number(plain) <= _number(edition.newest):
        # §7: a server names its newest version; the text for "too old" is [unconfirmed].
        return responses.refuse("version-out-of-range", version=plain, newest=edition.newest)
    call.version = plain
    if preview:
        call.version += f"-preview.{number or operation.resource}"
    elif not operation.released or _number(plain) > _number(edition.released):
        return responses.refuse("preview-flag-missing", version=plain)
    return None


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


# The caller


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


# Discovery: the location of a resource, by its id


_RECORDED: Final = tomllib.loads(
    files("aspm_ado.simulator").joinpath("discovery.toml").read_text(encoding="utf-8")
)
_LOCATIONS: Final[dict[str, str]] = _RECORDED["locations"]
_TEXTS: Final = ("id", "area", "resourceName", "routeTemplate")


def is_discovery(call: IncomingCall) -> bool:
    """Whether the request is for the locations of all areas or one."""
    parts = [part.casefold() for part in call.rest]
    return call.request.method == "OPTIONS" and parts[:1] == ["_apis"] and len(parts) <= 2


def list_locations(call: IncomingCall, *, at_root: bool = False) -> Response:
    """List the locations; `value` comes first, without a version (recorded).

    An empty list for an area without locations is [unconfirmed].
    """
    places = ["root"] if at_root else [one.value for one in ServiceHost if one in call.hosts]
    rows = [row.split() for place in places for row in _LOCATIONS.get(place, "").splitlines()]
    area = "".join(call.rest[1:]).casefold()
    found: dict[str, dict[str, object]] = {}
    for *texts, resource, oldest, newest, released, server in rows:
        since = server if call.server else oldest
        is_here = since != "-" and float(since) <= float(call.edition.newest)
        if is_here and area in ("", texts[1].casefold()):
            found[texts[0]] = {
                **dict(zip(_TEXTS, texts, strict=True)),
                "resourceVersion": int(resource),
                "minVersion": oldest,
                "maxVersion": min(newest, call.edition.newest),
                "releasedVersion": min(released, call.edition.released),
            }
    return responses.items(list(found.values()), None, count_last=True)


def list_areas(call: IncomingCall) -> Response:
    """List the host of each area; a Server lists none (as Microsoft's clients expect)."""
    if call.server:
        return responses.success({"count": 0, "value": None}, call.version)
    rows = (row.split() for row in _RECORDED["areas"].splitlines())
    name = call.organization.name
    found: list[dict[str, object]] = [
        {"id": identifier, "name": area, "locationUrl": f"https://{host}/{name}/"}
        for identifier, area, host in rows
    ]
    return responses.items(found, call.version)
