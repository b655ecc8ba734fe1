"""An Invicti ASPM of the standalone dialect: only what is published, and a token that belongs nowhere else."""

from __future__ import annotations

import json
import re
from email.utils import format_datetime

from .answers import TRAP_HOST, Answer, from_a_stranger
from .ledger import Request
from .world import World

HOST = "aspm.corp.example"


def aspm(request: Request, world: World) -> Answer:
    """One answer of the ASPM."""
    path = request.path.rstrip("/")
    mood = world.aspm.mood
    if mood == "redirects":
        return from_a_stranger(world.now, 302, "", ("Location", f"https://{TRAP_HOST}/login"))
    if mood == "not-an-api" or path.startswith("/api/aspm/"):
        return from_a_stranger(
            world.now, 200, "<!doctype html><title>Single page application</title>"
        )
    if path == "/core/version":
        return _json(world, 200, {"version": "5.4.1"})
    if path == "/api/v2/health/check":
        return _json(world, 200, {"status": "ok"})
    if request.header("X-Cookie") != world.aspm.token:
        return _json(world, 401, {"error": "failed to authorize"})
    if request.method != "GET":
        return _json(world, 405, {"error": "method not allowed"})
    start, limit = int(request.query.get("start") or 0), int(request.query.get("limit") or 30)
    page = {"start": start, "limit": limit, "total": 1}
    if path == "/api/v2/teams":
        return _json(
            world, 200, page | {"teams": [{"id": "65f0c0ffee65f0c0ffee65f0", "name": "Payments"}]}
        )
    if path == "/api/v2/projects":
        if mood == "forbids-projects":
            return _json(world, 403, {"message": "forbidden operation"})
        return _json(world, 200, page | {"total": 0, "projects": []})
    if re.fullmatch(r"/api/v2/projects/check/[a-z]+/.+", path):
        return _json(world, 400, {"error": "invalid ALM tool"})
    return _json(world, 404, {"error": "not found"})


def _json(world: World, status: int, body: object) -> Answer:
    headers = (
        ("Date", format_datetime(world.now, usegmt=True)),
        ("Content-Type", "application/json; charset=UTF-8"),
        ("Set-Cookie", "session=of-nobody; path=/; HttpOnly"),
    )
    return Answer(status, headers, json.dumps(body).encode())
