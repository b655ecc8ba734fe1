"""From a call to an operation, in the service's order: route, scope, version, then existence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from aspm_ado.simulator import responses
from aspm_ado.simulator.http import Headers, Request, Response
from aspm_ado.simulator.scopes import satisfies
from aspm_ado.simulator.world import Edition, Organization, Person, State, Token, World

_VERSION = re.compile(r"(\d+)\.(\d+)(-preview(?:\.(\d+))?)?", re.ASCII)
_SERVICES = Edition("services", "7.1", "7.2")


class Area(Enum):
    """Which service answers: on Services each is a host of its own, a Server is all of them."""

    CORE = "dev.azure.com"
    IDENTITY = "vssps.dev.azure.com"
    ENTITLEMENT = "vsaex.dev.azure.com"
    ACCOUNT = "app.vssps.visualstudio.com"  # above all organizations


@dataclass(frozen=True)
class Place:
    """An organization or collection as it is being asked."""

    organization: Organization
    url: str  # without a slash at the end
    areas: frozenset[Area]
    challenges: Headers  # what an empty 401 carries
    server: Edition | None = None  # None: Azure DevOps Services
    directory: str = ""

    @property
    def versions(self) -> Edition:
        """The API versions that are spoken here."""
        return self.server or _SERVICES


@dataclass(frozen=True)
class Caller:
    """Who is asking; without a token it is a stranger let in by public projects."""

    person: Person | None = None
    token: Token | None = None


@dataclass(frozen=True)
class Call:
    """One request on its way to an operation; `rest` are the segments below the organization."""

    request: Request
    world: World
    state: State
    place: Place
    caller: Caller
    rest: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    version: str | None = None

    @property
    def project(self) -> str | None:
        """The project named in the path, if any."""
        return self.values.get("project")


@dataclass(frozen=True)
class Route:
    """An operation: `path` is what follows `_apis/`, `scopes` those of which any one is enough."""

    method: str
    path: str
    scopes: str  # separated by blanks; none: any living token
    respond: Callable[[Call], Response]
    area: Area = Area.CORE
    resource: int = 1  # the preview number echoed in Content-Type
    released: bool = True  # False: preview only, releasedVersion 0.0
    since: str = "1.0"  # the oldest api-version that has it
    server_since: str | None = "1.0"  # the oldest server version that has it; None: Services only
    strangers: bool = False  # answers anonymously where there are public projects

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path; a placeholder stands in braces."""
        return tuple(self.path.split("/")) if self.path else ()

    @cached_property
    def accepts(self) -> frozenset[str]:
        """The scopes of which any one is enough."""
        return frozenset(self.scopes.split())

    def exists_at(self, place: Place) -> bool:
        """Whether this deployment has the operation at all."""
        if self.area not in place.areas:
            return False
        if place.server is None:
            return True
        if self.server_since is None:
            return False
        return _number(place.server.newest) >= _number(self.server_since)

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the placeholders, or None. Names compare without case."""
        if len(segments) != len(self.segments):
            return None
        values: dict[str, str] = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                values[wanted[1:-1]] = given
            elif wanted.casefold() != given.casefold():
                return None
        return values


def dispatch(table: tuple[Route, ...], call: Call) -> Response:
    """Answer a call whose caller is known."""
    request, place = call.request, call.place
    parts = [part.casefold() for part in call.rest]
    at = parts.index("_apis") if "_apis" in parts else None
    if at is None or at > 1:
        return responses.no_such_route(request.path)
    found = _routes_of(table, call.rest[at + 1 :], place)
    if not found:
        return responses.no_such_route(request.path)
    if request.method not in found:
        return responses.method_not_allowed(request.method)
    route, values = found[request.method]
    if at == 1:
        values = {"project": call.rest[0]} | values
    token = call.caller.token
    if token is None and not route.strangers:
        return responses.authentication_required(place.challenges)
    if token is not None and not satisfies(token.scopes, route.accepts):
        return responses.scope_missing(place.challenges)
    version = _negotiate(route, request, place.versions)
    if isinstance(version, Response):
        return version
    return route.respond(replace(call, values=values, version=version))


def _routes_of(
    table: tuple[Route, ...], segments: tuple[str, ...], place: Place
) -> dict[str, tuple[Route, dict[str, str]]]:
    """By method, what is at this path, and the values of its placeholders."""
    found: dict[str, tuple[Route, dict[str, str]]] = {}
    for route in table:
        values = route.match(segments)
        if values is not None and route.exists_at(place):
            found.setdefault(route.method, (route, values))
    return found


def asked_version(request: Request) -> str | None:
    """Return the api-version of the query, else of the Accept header."""
    inside = re.search(r"api-version=([^;,\s]+)", request.header("Accept") or "")
    return request.query.get("api-version") or (inside.group(1) if inside else None)


def _negotiate(route: Route, request: Request, versions: Edition) -> str | Response:
    asked = asked_version(request)
    if asked is None:
        if request.method not in ("GET", "OPTIONS", "HEAD"):
            return responses.refusal("version-required", method=request.method)
        return versions.released if route.released else _preview(versions.released, route)
    parsed = _VERSION.fullmatch(asked)
    if parsed is None:
        return responses.refusal("version-unreadable", version=asked)
    plain = f"{parsed.group(1)}.{parsed.group(2)}"
    number = _number(plain)
    if number > _number(versions.newest) or number < _number(route.since):
        # §7: a server names its own newest; the wording for "too old" is [unconfirmed].
        return responses.refusal("version-out-of-range", version=plain, newest=versions.newest)
    if parsed.group(3) is not None:
        return f"{plain}-preview.{parsed.group(4) or route.resource}"
    if not route.released or number > _number(versions.released):
        return responses.refusal("preview-flag-missing", version=plain)
    return plain


def _preview(version: str, route: Route) -> str:
    return f"{version}-preview.{route.resource}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
