"""From a call to an operation, in the order of the service: route, scope, version, existence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

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
