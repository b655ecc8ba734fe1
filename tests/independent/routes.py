"""Where everything is: each path below `_apis/` with its host, its scopes and its versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from . import resources
from .answers import Answer, Desk
from .ledger import Request
from .resources import Ask
from .world import Person

Version = tuple[int, int]


@dataclass(frozen=True)
class Route:
    """A path below `_apis/`, at which host, for which scopes (any of them), since which version."""

    host: str
    method: str
    path: str
    needs: tuple[str, ...]
    answer: Callable[[Ask], Answer]
    since: Version = (1, 0)
    on_server_since: Version | None = (5, 0)
    preview: bool = False
    in_project: bool = False

    def match(self, path: str) -> dict[str, str] | None:
        """The id in a path of this shape, in any case."""
        found = re.fullmatch(self.path.replace("{id}", "(?P<id>[^/]+)"), path, re.IGNORECASE)
        return found.groupdict() if found else None


NO_SERVER: Final = None
READ_PROJECTS: Final = ("vso.profile", "vso.project")
MEMBERS: Final = ("vso.memberentitlementmanagement",)
GIT: Final = "git/repositories"
ATTACHMENT: Final = "wit/attachments/{id}"
FAVORITE: Final = "favorite/favorites/{id}"
ROUTES: Final = (
    Route("dev", "GET", "connectiondata", (), resources.connection_data, preview=True),
    Route("dev", "GET", GIT, ("vso.code",), resources.repositories, in_project=True),
    Route("dev", "GET", f"{GIT}/{{id}}", ("vso.code",), resources.repository, in_project=True),
    Route("dev", "POST", f"{GIT}/{{id}}/refs", ("vso.code_write",), resources.repository),
    Route("dev", "PATCH", f"{GIT}/{{id}}", ("vso.code_manage",), resources.repository),
    Route("dev", "GET", "wit/workitems/{id}", ("vso.work",), resources.work_item),
    Route("dev", "PATCH", "wit/workitems/{id}", ("vso.work_write",), resources.work_item),
    Route(
        "dev",
        "DELETE",
        ATTACHMENT,
        ("vso.work_full",),
        resources.attachment,
        (7, 2),
        NO_SERVER,
        preview=True,
    ),
    Route(
        "dev",
        "DELETE",
        FAVORITE,
        ("vso.profile_write",),
        resources.favorite,
        (5, 0),
        (7, 1),
        preview=True,
    ),
    Route("dev", "GET", "projects", READ_PROJECTS, resources.projects),
    Route("dev", "GET", "projects/{id}", READ_PROJECTS, resources.project_read),
    Route("dev", "PATCH", "projects/{id}", ("vso.project_write",), resources.project_write),
    Route("dev", "POST", "projects/{id}/teams", ("vso.project_manage",), resources.project_write),
    Route("dev", "GET", "distributedtask/pools", ("vso.agentpools",), resources.nothing_much),
    Route(
        "vssps",
        "GET",
        "identities",
        ("vso.identity",),
        resources.identities,
        on_server_since=(6, 0),
    ),
    Route(
        "vssps",
        "GET",
        "profile/profiles/me",
        ("vso.profile",),
        resources.profile,
        on_server_since=NO_SERVER,
    ),
    Route(
        "vssps",
        "GET",
        "graph/users",
        ("vso.graph",),
        resources.nothing_much,
        on_server_since=NO_SERVER,
        preview=True,
    ),
    Route(
        "vsaex",
        "GET",
        "userentitlements",
        MEMBERS,
        resources.nothing_much,
        on_server_since=NO_SERVER,
    ),
)


def route_of(
    host: str, method: str, project: str, rest: str
) -> tuple[Route, dict[str, str]] | None:
    """The route that a path takes; on a Server (*host* empty) every area is under the collection."""
    for route in ROUTES:
        names = route.match(rest)
        fits = (
            route.method == method
            and host in ("", route.host)
            and (not project or route.in_project)
        )
        if names is not None and fits:
            return route, names | ({"project": project} if project else {})
    return None


def version_refusal(
    desk: Desk, request: Request, route: Route, newest: Version, person: Person | None
) -> Answer | None:
    """What is wrong with the api-version that was asked for, if anything is."""

    def refuse(kind: str, message: str, status: int = 400) -> Answer:
        return desk.error(status, message, f"{kind}Exception", person)

    in_accept = re.findall(r"api-version=([^;,\s]+)", request.header("Accept") or "")
    asked = request.query.get("api-version") or next(iter(in_accept), "")
    if not asked:
        unsaid = "No api-version was supplied for the request."
        return None if request.method == "GET" else refuse("VssVersionNotSpecified", unsaid)
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?(-preview(?:\.\d+)?)?", asked)
    if not found:
        return refuse("VssInvalidApiVersion", f"The api-version {asked} is not valid.")
    version = (int(found[1]), int(found[2] or 0))
    if version > newest:
        latest = f"The latest REST API version this server supports is {newest[0]}.{newest[1]}."
        range_ = f"The requested REST API version of {asked} is out of range for this server."
        return refuse("VssVersionOutOfRange", f"{range_} {latest}")
    if not found[3] and (route.preview or (desk.hosted and version == newest)):
        flag = (
            f'The -preview flag must be supplied in the api-version. For example: "{asked}-preview"'
        )
        return refuse(
            "VssInvalidPreviewVersion", f'The requested version "{asked}" is under preview. {flag}'
        )
    if version < route.since:
        return refuse(
            "VssVersionOutOfRange", "The requested resource does not support this http method.", 405
        )
    return None
