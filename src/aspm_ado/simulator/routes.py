"""Matches a call to an operation and checks it in the real order: route, scope, version, and only then existence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from aspm_ado.simulator import answers, refusals
from aspm_ado.simulator.exchange import Answer, Headers, Request
from aspm_ado.simulator.scopes import satisfies
from aspm_ado.simulator.world import Edition, Organization, Person, Token, World

_VERSION = re.compile(r"(\d+)\.(\d+)(-preview(?:\.(\d+))?)?", re.ASCII)
_NEWEST_ON_SERVICES = "7.2"


class Area(Enum):
    """Which service answers: on Services each is a host of its own, a Server is all of them."""

    CORE = "dev.azure.com"
    IDENTITY = "vssps.dev.azure.com"
    ENTITLEMENT = "vsaex.dev.azure.com"
    ACCOUNT = "app.vssps.visualstudio.com"  # above all organizations


@dataclass(frozen=True)
class Place:
    """An organization or collection as it is being asked: its address and the newest versions it speaks."""

    organization: Organization
    url: str  # without a slash at the end
    areas: frozenset[Area]
    challenges: Headers  # what an empty 401 carries
    edition: Edition | None = None  # None: Azure DevOps Services
    directory: str = ""


@dataclass(frozen=True)
class Caller:
    """Who is asking; without a token it is a stranger let in by public projects."""

    person: Person | None
    token: Token | None


@dataclass(frozen=True)
class Call:
    """One authenticated request on its way to an operation."""

    request: Request
    world: World
    place: Place
    caller: Caller
    values: dict[str, str]
    version: str | None
    note_change: Callable[[str], None]
    operations: tuple[Route, ...]  # all that there are, for the OPTIONS listing

    @property
    def project(self) -> str | None:
        """The project named in the path, if any."""
        return self.values.get("project")


@dataclass(frozen=True)
class Route:
    """An operation: `path` is what follows `_apis/`, `accepts` the scopes of which any one is enough."""

    method: str
    path: str
    accepts: frozenset[str]
    answer: Callable[[Call], Answer]
    area: Area = Area.CORE
    resource: int = 1  # the preview number echoed in Content-Type
    released: bool = True  # False: preview only, releasedVersion 0.0
    since: str = "1.0"  # the oldest api-version that has it
    server_since: str | None = "1.0"  # the oldest server version that has it; None: Services only
    strangers: bool = False  # answers anonymously where there are public projects
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.path.split("/")) if self.path else ())

    def exists_at(self, place: Place) -> bool:
        """Whether this deployment has the operation at all."""
        if self.area not in place.areas:
            return False
        if place.edition is None:
            return True
        return self.server_since is not None and _number(place.edition.newest) >= _number(
            self.server_since
        )

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the placeholders, or None. Names of resources compare without case."""
        if len(segments) != len(self.segments):
            return None
        values: dict[str, str] = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                values[wanted[1:-1]] = given
            elif wanted.casefold() != given.casefold():
                return None
        return values


def dispatch(
    table: tuple[Route, ...],
    request: Request,
    rest: tuple[str, ...],
    *,
    world: World,
    place: Place,
    caller: Caller,
    note_change: Callable[[str], None],
) -> Answer:
    """Answer a request whose caller is known; `rest` are the path segments below the organization."""
    at = next((n for n, part in enumerate(rest) if part.casefold() == "_apis"), None)
    if at is None or at > 1:
        return answers.no_such_route(request.path)
    found = [
        (r, v) for r in table if r.exists_at(place) and (v := r.match(rest[at + 1 :])) is not None
    ]
    if not found:
        return answers.no_such_route(request.path)
    chosen = next(((r, v) for r, v in found if r.method == request.method), None)
    if chosen is None:
        return answers.method_not_allowed(request.method)
    route, values = chosen
    if caller.token is None:
        if not route.strangers:
            return answers.authentication_required(place.challenges)
    elif not satisfies(caller.token.scopes, route.accepts):
        return answers.scope_missing(place.challenges)
    version = _negotiate(route, request, place)
    if isinstance(version, Answer):
        return version
    if at == 1:
        values = {"project": rest[0]} | values
    return route.answer(Call(request, world, place, caller, values, version, note_change, table))


def asked_version(request: Request) -> str | None:
    """Return the api-version of the query, else of the Accept header."""
    inside = re.search(r"api-version=([^;,\s]+)", request.header("Accept") or "")
    return request.query.get("api-version") or (inside.group(1) if inside else None)


def _negotiate(route: Route, request: Request, place: Place) -> str | Answer | None:
    newest = place.edition.newest if place.edition else _NEWEST_ON_SERVICES
    released = place.edition.released if place.edition else "7.1"
    asked = asked_version(request)
    if asked is None:
        if request.method in ("GET", "OPTIONS", "HEAD"):
            return _default_version(route, released)
        return refusals.version_required(request.method)
    parsed = _VERSION.fullmatch(asked)
    if parsed is None:
        return refusals.version_unreadable(asked)
    plain = f"{parsed.group(1)}.{parsed.group(2)}"
    if _number(plain) > _number(newest) or _number(plain) < _number(route.since):
        # §7: a server names its own newest; the wording for "too old for this route" is [unconfirmed].
        return refusals.version_out_of_range(plain, newest)
    if parsed.group(3) is None:
        if not route.released or _number(plain) > _number(released):
            return refusals.preview_flag_missing(plain)
        return plain
    return f"{plain}-preview.{parsed.group(4) or route.resource}"


def _default_version(route: Route, released: str) -> str:
    return released if route.released else f"{released}-preview.{route.resource}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
