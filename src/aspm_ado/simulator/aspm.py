"""Invicti ASPM as far as the client uses it: both dialects, their errors and redirects.

Its registration of ALM instances is invented, to test registration profiles: no Invicti ASPM
publishes such a route (facts/aspm.md §2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from aspm_ado.simulator.http import Request, Response
from aspm_ado.simulator.responses import SIGN_IN_HOST, date_header
from aspm_ado.simulator.world import Aspm, Instance, LiveWorld, World, object_id

PREFIX: Final = {"standalone": "", "core": "/api/aspm/v1"}
"""The path prefix of a dialect."""
HEADER: Final = {"standalone": "X-Cookie", "core": "X-Auth"}
"""The header that carries the token of a dialect."""
COLLECTIONS: Final = tuple(
    f"/api/v2/{name}" for name in ("health/check", "labels", "projects", "teams", "users")
)
"""Paths that end in a slash."""
INSTANCES: Final = "/api/simulated/v1/alm-instances/"
"""The path of instances, after the prefix."""

_VERSION: Final = {"version": "v1.112.0"}
_HEALTH: Final = "/api/v2/health/check/"
# What a POST creates, its status, and its error for a bad body (§4; label and team are [U]).
_CREATED: Final = {
    "/api/v2/projects/": ("project", 201, "invalid project data"),
    "/api/v2/labels/": ("label", 200, "invalid label data"),
    "/api/v2/teams/": ("team", 201, "invalid team data"),
}
# The names kdt and the published reference use (facts/aspm.md §4).
_ALM_NAMES: Final = [
    "azurecloud",
    "azureserver",
    "bitbucket",
    "bitbucketserver",
    "github",
    "githubenterprise",
    "gitlabcloud",
    "gitlabonprem",
]


def dialect_of(request: Request) -> str:
    """The dialect of the path."""
    return "core" if request.path.startswith(PREFIX["core"] + "/") else "standalone"


def answer_aspm(request: Request, world: World, aspm: Aspm, live: LiveWorld) -> Response:
    """Answer one request to the ASPM host."""
    response = _unless_up(request, aspm) or _AspmCall(request, world, aspm, live).answer()
    return response.plus(date_header(world.moment), ("X-Content-Type-Options", "nosniff"))


def _unless_up(request: Request, aspm: Aspm) -> Response | None:
    if aspm.state == "page":
        return _web_page(request.method)
    if aspm.state == "redirect":
        return Response(302, b"", (("Location", f"https://{SIGN_IN_HOST}/login?next=%2Fapi"),))
    if aspm.state == "bad-gateway":
        html = b"<html><h1>502 Bad Gateway</h1></html>"
        return Response(502, html, (("Content-Type", "text/html"),))
    if aspm.state == "throttled":
        busy = _json({"message": "too many requests", "retryAfter": 1}, 429)
        return busy.plus(("Retry-After", "1"))
    if aspm.state == "reset":
        return Response(0, is_lost=True)
    return None


@dataclass(frozen=True)
class _AspmCall:
    request: Request
    world: World
    aspm: Aspm
    live: LiveWorld

    def answer(self) -> Response:
        """Answer by path: first the dialect, then what needs no token."""
        request, aspm = self.request, self.aspm
        path = request.path.removeprefix(PREFIX[aspm.dialect])
        if dialect_of(request) != aspm.dialect:
            return self._other_dialect()
        if not path.startswith("/api/") and path != "/core/version":
            return _web_page(request.method)
        if path in COLLECTIONS and request.method == "POST":
            path += "/"  # kdt never sends the slash (§4)
        elif path in COLLECTIONS:
            # Whether live servers answer 200 or 3xx is [U] (§4); 3xx is harder for clients.
            target, mark, query = request.target.partition("?")
            where = f"https://{aspm.host}{target}/{mark}{query}"
            return Response(301, b"", (("Location", where),))
        return self._open(path) or self._guarded(path)

    def _open(self, path: str) -> Response | None:
        """Answer what needs no token."""
        if path == _HEALTH and self.aspm.health == "open":
            # Published without parameters; kdt's comment says it needs a token (§0.4).
            return self._only_get() or _json({"status": "ok"})
        if path == "/core/version" and self.aspm.dialect == "standalone":
            return _json(_VERSION)  # anonymous, as `kdt ping`; the shape is [U]
        return None

    def _other_dialect(self) -> Response:
        path, what = self.request.path, self.aspm.other_dialect
        is_api = path.startswith("/api/")
        if what == "guarded" and is_api:
            return self._error("failed to authorize", 401)
        if what == "absent" and (is_api or path == "/core/version"):
            return _json({"message": "no such route"}, 404)
        return _web_page(self.request.method)

    def _guarded(self, path: str) -> Response:
        aspm, request = self.aspm, self.request
        if request.header(HEADER[aspm.dialect]) != aspm.token:
            return self._error("failed to authorize", 401)
        if path.startswith(INSTANCES) and aspm.registers != "no":
            return self._instances(path.removeprefix(INSTANCES))
        if path in _CREATED and request.method == "POST":
            return self._create(path)
        return self._only_get() or self._read(path)

    def _read(self, path: str) -> Response:
        aspm = self.aspm
        if path == "/core/version":
            return _json(_VERSION)
        if path == _HEALTH:
            return _json({"status": "ok"})
        if path == "/api/v2/teams/":
            return self._page("teams", [_named("team", name) for name in aspm.teams])
        if path == "/api/v2/projects/":
            if not aspm.token_sees_projects:
                return self._error("forbidden operation", 403)
            return self._page("projects", [_project(one) for one in self._projects()])
        if path == "/api/v2/labels/":
            return self._page("labels", [])
        # The documented form has an id; kdt's example has a URL, unescaped.
        checked = re.fullmatch("/api/v2/projects/check/([^/]*)/(.*)", path)
        if checked is None:
            return self._error("not found", 404)
        return self._check(checked[1], unquote(checked[2]).lower())

    def _projects(self) -> list[str]:
        """Filter projects by name; kdt also filters by repository, with `alm` (§4)."""
        aspm, query = self.aspm, self.request.query
        every = [one for one in aspm.projects if query.get("name", "") in one]
        if "alm" not in query:
            return every
        return [name for of, name in aspm.onboarded if of == query["alm"].lower() and name in every]

    def _create(self, path: str) -> Response:
        """Create a project, label, or team as kdt does; only a project is stored."""
        kind, status, refusal = _CREATED[path]
        if kind == "project" and not self.aspm.token_sees_projects:
            return self._error("forbidden operation", 403)
        try:
            body = json.loads(self.request.body)
            source = body.get("source") or {}
            repository = str(source.get("url") or source.get("id") or "")
            # With a repository, kdt sends an empty name.
            name = str(body.get("name") or repository.rstrip("/").rpartition("/")[2])
        except (ValueError, AttributeError):
            name = ""
        if not name:
            return self._error(refusal, 400)
        self.live.note_change(f"{kind} {name} created")
        if kind == "project":
            onboarded = (repository.lower(), name)
            self.live.change(lambda now: now.with_more_in_aspm(projects=name, onboarded=onboarded))
        made = _project(name) if kind == "project" else _named(kind, name)
        shown: dict[str, dict[str, object]] = {
            "project": {"message": "project created successfully", "project": made},
            "label": {"data": made, "message": "label created"},
            "team": made | {"projects_count": 0, "members_count": 0, "issue_responsible": None},
        }
        return _json(shown[kind], status)

    def _check(self, tool: str, repository: str) -> Response:
        """Whether a repository was onboarded."""
        if tool not in _ALM_NAMES or tool not in self.aspm.alm_tools:
            # That an inactive tool gets the same 400 as an unknown name is [U] (§8, V1).
            return self._error("invalid ALM tool", 400)
        known = (*self.aspm.repositories, *dict(self.aspm.onboarded))
        return _json({"exist": repository in known})

    def _page(self, name: str, every: Sequence[Mapping[str, object]]) -> Response:
        start, limit = self.request.number("start", 0), self.request.number("limit", 30)
        page = every[start : start + limit]
        return _json({"limit": limit, "start": start, "total": len(every), name: page})

    def _instances(self, rest: str) -> Response:
        method, every = self.request.method, self.aspm.instances
        if not rest and method == "GET":
            return _json({"total": len(every), "instances": [_shown(one) for one in every]})
        if not rest and method == "POST":
            return self._register()
        if method == "GET" and rest in [f"{one.id}/test/" for one in every]:
            return _json({"connection": True})
        return self._error("not found", 404)

    def _register(self) -> Response:
        world, registers = self.world, self.aspm.registers
        try:
            body = json.loads(self.request.body)
            username = str(body.get("username", ""))
            instance = Instance(str(body["name"]), str(body["tool"]), str(body["url"]), username)
            secret = str(body["token"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._error("invalid instance data", 400)
        if registers == "never-arrives":
            return Response(0, is_lost=True)
        token = world.token(secret)
        if token is None or token.revoked or token.expires < world.today:
            # Some services repeat the request; a client must not show it.
            return self._error(f"the token {secret} was not accepted by Azure DevOps", 400)
        if not self.live.connect(instance):
            return self._error("an instance for this organization exists", 409)
        made = _json({"message": "instance created", "instance": _shown(instance)}, 201)
        made.is_lost = registers == "answer-lost"
        return made

    def _only_get(self) -> Response | None:
        if self.request.method == "GET":
            return None
        return self._error("method not allowed", 405)

    def _error(self, what: str, status: int) -> Response:
        key = self.aspm.envelope
        if key == "published":
            key = "message" if status == 403 else "error"
        return _json({key: what}, status)


def _named(kind: str, name: str) -> dict[str, object]:
    return {"id": object_id(kind, name), "name": name}


def _project(name: str) -> dict[str, object]:
    rest = {"default_branch": "main", "labels": [], "playbook": "success"}
    return _named("project", name) | rest


def _shown(instance: Instance) -> dict[str, object]:
    return {"id": instance.id, "name": instance.name, "tool": instance.tool, "url": instance.url}


def _json(value: Mapping[str, object], status: int = 200) -> Response:
    headers = (
        ("Content-Type", "application/json; charset=UTF-8"),
        ("Set-Cookie", "session=of-nobody; path=/; HttpOnly"),
    )
    return Response(status, json.dumps(value).encode(), headers)


def _web_page(method: str) -> Response:
    if method not in ("GET", "HEAD"):
        refused = b"<html><body>405 Not Allowed</body></html>"
        return Response(405, refused, (("Content-Type", "text/html"),))
    html = (
        "<!DOCTYPE html><html><head><title>Invicti ASPM (simulated)</title></head>"
        '<body><div id="root"></div></body>'
    )
    return Response(200, html.encode(), (("Content-Type", "text/html; charset=utf-8"),))
