"""Enough of Invicti ASPM to be checked against: both dialects, their errors, their redirects and their web page."""

from __future__ import annotations

import json

from aspm_ado.simulator import aspm_instances
from aspm_ado.simulator.exchange import Answer, Request
from aspm_ado.simulator.stamps import date_header
from aspm_ado.simulator.world import Aspm, World, stable_id

# The names kdt and the published reference use (facts/aspm.md §4).
_ALM_NAMES = frozenset(
    {
        "azurecloud",
        "azureserver",
        "github",
        "gitlabcloud",
        "gitlabonprem",
        "bitbucket",
        "bitbucketserver",
        "githubenterprise",
    }
)
_CORE_PREFIX = "/api/aspm/v1"
_COLLECTIONS = ("/api/v2/health/check", "/api/v2/teams", "/api/v2/projects")


def answer(request: Request, world: World, aspm: Aspm, connect: aspm_instances.Connect) -> Answer:
    """Answer one request to the ASPM host; `connect` is where a registration ends up."""
    decided = _web_page(request) if aspm.is_a_web_page else _decide(request, world, aspm, connect)
    return decided.plus(date_header(world.moment), ("X-Content-Type-Options", "nosniff"))


def _decide(request: Request, world: World, aspm: Aspm, connect: aspm_instances.Connect) -> Answer:
    prefix = _CORE_PREFIX if aspm.dialect == "core" else ""
    path = request.path
    inside = path.startswith(prefix + "/api/") or path == prefix + "/core/version"
    if not inside or (not prefix and path.startswith(_CORE_PREFIX)):
        return _web_page(request)
    path = path.removeprefix(prefix)
    if path in _COLLECTIONS:
        # Which of 200 and 3xx live servers give is [U] (§4); a redirect is the one that hurts careless clients.
        query = request.target.partition("?")[2]
        where = f"https://{aspm.host}{prefix}{path}/" + (f"?{query}" if query else "")
        return Answer(301, b"", (("Location", where),))
    if path == "/api/v2/health/check/":
        # Published without parameters; kdt's comment says it needs a token: contradictory (§0.4).
        return (
            _json({"status": "ok"})
            if request.method == "GET"
            else _json({"error": "method not allowed"}, 405)
        )
    sent = request.header("X-Auth" if prefix else "X-Cookie")
    if path == "/core/version" and not prefix:
        return _json({"version": "v1.112.0"})  # anonymous, as `kdt ping`; the shape is [U]
    if sent != aspm.token:
        return _json({"error": "failed to authorize"}, 401)
    if path == "/core/version":
        return _json({"version": "v1.112.0"})
    if path.startswith(aspm_instances.PATH) and aspm.registers != "no":
        return aspm_instances.answer(request, path, world, aspm, connect)
    return _api(request, path, aspm)


def _api(request: Request, path: str, aspm: Aspm) -> Answer:
    if request.method != "GET":
        return _json({"error": "method not allowed"}, 405)
    if path == "/api/v2/teams/":
        return _page(
            request,
            "teams",
            [{"id": _object_id("team", name), "name": name} for name in aspm.teams],
        )
    if path == "/api/v2/projects/":
        if not aspm.token_sees_projects:
            return _json({"message": "forbidden operation"}, 403)
        wanted = request.query.get("name", "")
        return _page(
            request, "projects", [_project(name) for name in aspm.projects if wanted in name]
        )
    match path.split("/")[1:]:
        case ["api", "v2", "projects", "check", alm, _] if (
            alm not in _ALM_NAMES or alm not in aspm.alm_tools
        ):
            # That an inactive tool gets the same 400 as an unknown name is [U] (§8, V1).
            return _json({"error": "invalid ALM tool"}, 400)
        case ["api", "v2", "projects", "check", _, _]:
            return _json({"exist": request.segments[-1].lower() in aspm.repositories})
        case _:
            return _json({"error": "not found"}, 404)


def _project(name: str) -> dict[str, object]:
    identifier = _object_id("project", name)
    return {
        "id": identifier,
        "name": name,
        "default_branch": "main",
        "labels": [],
        "playbook": "success",
    }


def _page(request: Request, name: str, every: list[dict[str, object]]) -> Answer:
    start, limit = (
        _whole(request.query.get(key), default) for key, default in (("start", 0), ("limit", 30))
    )
    return _json(
        {"limit": limit, "start": start, "total": len(every), name: every[start : start + limit]}
    )


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else default


def _object_id(*names: str) -> str:
    return stable_id(*names).replace("-", "")[:24]


def _json(value: dict[str, object], status: int = 200) -> Answer:
    return Answer(
        status, json.dumps(value).encode(), (("Content-Type", "application/json; charset=UTF-8"),)
    )


def _web_page(request: Request) -> Answer:
    if request.method not in ("GET", "HEAD"):
        return Answer(
            405, b"<html><body>405 Not Allowed</body></html>", (("Content-Type", "text/html"),)
        )
    page = '<!DOCTYPE html><html><head><title>Invicti ASPM (simulated)</title></head><body><div id="root"></div></body>'
    return Answer(200, page.encode(), (("Content-Type", "text/html; charset=utf-8"),))
