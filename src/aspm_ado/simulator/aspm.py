"""Enough of Invicti ASPM to be checked against: both dialects, their errors and redirects.

Its registration of ALM instances is made up, so that a registration profile can be tried: no
Invicti ASPM publishes such a route (facts/aspm.md §2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from aspm_ado.simulator.http import Request, Response
from aspm_ado.simulator.responses import SIGN_IN_HOST, date_header
from aspm_ado.simulator.world import Aspm, Instance, State, World, stable_id

PREFIX: Final = {"standalone": "", "core": "/api/aspm/v1"}
"""What the paths of a dialect begin with."""
HEADER: Final = {"standalone": "X-Cookie", "core": "X-Auth"}
"""The header that carries the token of a dialect."""
COLLECTIONS: Final = (
    "/api/v2/health/check",
    "/api/v2/labels",
    "/api/v2/projects",
    "/api/v2/teams",
    "/api/v2/users",
)
"""Paths that end in a slash."""
INSTANCES: Final = "/api/simulated/v1/alm-instances/"
"""Where instances are registered, after the prefix."""

_VERSION: Final = {"version": "v1.112.0"}
# The names kdt and the published reference use (facts/aspm.md §4).
_ALM_NAMES: Final = frozenset(
    {
        "azurecloud",
        "azureserver",
        "bitbucket",
        "bitbucketserver",
        "github",
        "githubenterprise",
        "gitlabcloud",
        "gitlabonprem",
    }
)


def dialect_of(request: Request) -> str:
    """The dialect whose path this is."""
    return "core" if request.path.startswith(PREFIX["core"] + "/") else "standalone"


def is_registration(request: Request, aspm: Aspm) -> bool:
    """Whether this is the one write that the ASPM has, if it has it."""
    where = PREFIX[aspm.dialect] + INSTANCES
    return aspm.registers != "no" and request.method == "POST" and request.path == where


def respond(request: Request, world: World, aspm: Aspm, state: State) -> Response:
    """Answer one request to the ASPM host."""
    response = _unless_up(request, aspm) or _up(request, world, aspm, state)
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


def _up(request: Request, world: World, aspm: Aspm, state: State) -> Response:
    prefix = PREFIX[aspm.dialect]
    path = request.path.removeprefix(prefix)
    is_api = path.startswith("/api/") or path == "/core/version"
    if dialect_of(request) != aspm.dialect:
        return _other_dialect(request, aspm)
    if not is_api:
        return _web_page(request.method)
    if path in COLLECTIONS:
        # Which of 200 and 3xx live servers give is [U] (§4); a redirect hurts careless clients.
        query = request.target.partition("?")[2]
        where = f"https://{aspm.host}{prefix}{path}/" + (f"?{query}" if query else "")
        return Response(301, b"", (("Location", where),))
    if path == "/api/v2/health/check/" and aspm.health == "open":
        # Published without parameters; kdt's comment says it needs a token: contradictory (§0.4).
        return _only_get(request, aspm) or _json({"status": "ok"})
    if path == "/core/version" and aspm.dialect == "standalone":
        return _json(_VERSION)  # anonymous, as `kdt ping`; the shape is [U]
    if request.header(HEADER[aspm.dialect]) != aspm.token:
        return _error(aspm, "failed to authorize", 401)
    if path.startswith(INSTANCES) and aspm.registers != "no":
        return _instances(request, path, world, aspm, state)
    return _only_get(request, aspm) or _read(request, path, aspm)


def _other_dialect(request: Request, aspm: Aspm) -> Response:
    is_api = request.path.startswith("/api/")
    if aspm.other_dialect == "guarded" and is_api:
        return _error(aspm, "failed to authorize", 401)
    if aspm.other_dialect == "absent" and (is_api or request.path == "/core/version"):
        return _json({"message": "no such route"}, 404)
    return _web_page(request.method)


def _read(request: Request, path: str, aspm: Aspm) -> Response:
    if path == "/core/version":
        return _json(_VERSION)
    if path == "/api/v2/health/check/":
        return _json({"status": "ok"})
    if path == "/api/v2/teams/":
        teams = [{"id": _object_id("team", name), "name": name} for name in aspm.teams]
        return _page(request, "teams", teams)
    if path == "/api/v2/projects/":
        if not aspm.token_sees_projects:
            return _error(aspm, "forbidden operation", 403)
        wanted = request.query.get("name", "")
        return _page(request, "projects", [_project(one) for one in aspm.projects if wanted in one])
    parts = path.split("/")
    if parts[1:5] == ["api", "v2", "projects", "check"] and len(parts) == 7:
        if parts[5] not in _ALM_NAMES or parts[5] not in aspm.alm_tools:
            # That an inactive tool gets the same 400 as an unknown name is [U] (§8, V1).
            return _error(aspm, "invalid ALM tool", 400)
        return _json({"exist": request.segments[-1].lower() in aspm.repositories})
    return _error(aspm, "not found", 404)


def _project(name: str) -> dict[str, object]:
    return {
        "id": _object_id("project", name),
        "name": name,
        "default_branch": "main",
        "labels": [],
        "playbook": "success",
    }


def _page(request: Request, name: str, every: Sequence[Mapping[str, object]]) -> Response:
    start = _whole(request.query.get("start"), 0)
    limit = _whole(request.query.get("limit"), 30)
    page = every[start : start + limit]
    return _json({"limit": limit, "start": start, "total": len(every), name: page})


def _instances(request: Request, path: str, world: World, aspm: Aspm, state: State) -> Response:
    if path == INSTANCES and request.method == "GET":
        listed = [_shown(one) for one in aspm.instances]
        return _json({"total": len(listed), "instances": listed})
    if path == INSTANCES and request.method == "POST":
        return _register(request, world, aspm, state)
    identifier, _, rest = path.removeprefix(INSTANCES).partition("/")
    is_known = any(one.id == identifier for one in aspm.instances)
    if is_known and rest == "test/" and request.method == "GET":
        return _json({"connection": True})
    return _error(aspm, "not found", 404)


def _register(request: Request, world: World, aspm: Aspm, state: State) -> Response:
    try:
        body = json.loads(request.body)
        username = str(body.get("username", ""))
        instance = Instance(str(body["name"]), str(body["tool"]), str(body["url"]), username)
        secret = str(body["token"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return _error(aspm, "invalid instance data", 400)
    if aspm.registers == "never-arrives":
        return Response(0, is_lost=True)
    token = world.token(secret)
    if token is None or token.revoked or token.expires < world.today:
        # Some services repeat what they were sent; a client must not show it.
        return _error(aspm, f"the token {secret} was not accepted by Azure DevOps", 400)
    if not state.connect(instance):
        return _error(aspm, "an instance for this organization exists", 409)
    made = _json({"message": "instance created", "instance": _shown(instance)}, 201)
    return replace(made, is_lost=aspm.registers == "answer-lost")


def _shown(instance: Instance) -> dict[str, object]:
    return {"id": instance.id, "name": instance.name, "tool": instance.tool, "url": instance.url}


def _only_get(request: Request, aspm: Aspm) -> Response | None:
    if request.method == "GET":
        return None
    return _error(aspm, "method not allowed", 405)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else default


def _object_id(*names: str) -> str:
    return stable_id(*names).replace("-", "")[:24]


def _error(aspm: Aspm, what: str, status: int) -> Response:
    published = "message" if status == 403 else "error"
    key = published if aspm.envelope == "published" else aspm.envelope
    return _json({key: what}, status)


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
