"""An Invicti ASPM of either dialect, strict: what a client may send, where, and when; everything else is written down.

Sources: facts/aspm sections 4 and 8. Standalone: ``X-Cookie`` on ``/api/v2/…``. Core: ``X-Auth`` on
``/api/aspm/v1/api/v2/…``. Collections end in a slash, and what lacks it is redirected as a reverse proxy would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.utils import format_datetime
from typing import Final

from .answers import TRAP_HOST, Answer, from_a_stranger
from .aspm import HOST
from .ledger import Ledger, Request
from .strict import disguises
from .world import Tenant, World

PREFIX: Final = {"standalone": "", "core": "/api/aspm/v1"}
HEADER: Final = {"standalone": "X-Cookie", "core": "X-Auth"}
COLLECTIONS: Final = (
    "/api/v2/teams",
    "/api/v2/projects",
    "/api/v2/users",
    "/api/v2/health/check",
    "/api/v2/labels",
)
PAGE: Final = "<!doctype html><html><head><title>Invicti ASPM</title></head><body><div id=root></div></body></html>"


def answer(request: Request, world: World, ledger: Ledger) -> Answer:
    """What this ASPM says; whatever the client should not have sent is in the ledger afterwards."""
    tenant = world.aspm.tenant
    assert tenant is not None
    for rule in _broken(request, world, tenant, ledger):
        ledger.violated(rule, request)
    if tenant.weather == "hangs-up":
        raise ConnectionResetError("the ASPM hangs up")
    if tenant.weather == "elsewhere":
        return from_a_stranger(
            world.now, 302, "", ("Location", f"https://{TRAP_HOST}/login?next=%2Fapi")
        )
    if tenant.weather == "bad-gateway":
        return from_a_stranger(world.now, 502, "<html><h1>502 Bad Gateway</h1></html>")
    if tenant.weather == "throttled":
        return _json(
            world, 429, {"message": "too many requests", "retryAfter": 1}, ("Retry-After", "1")
        )
    if tenant.weather == "page":
        return from_a_stranger(world.now, 200, PAGE)
    return _api(request, world, tenant)


def excused(rule: str, request: Request, ledger: Ledger, world: World) -> bool:
    """Whether a registration that was asked for allows what is never allowed otherwise: one POST, one token, its body.

    A second POST is not excused, whatever came of the first.
    """
    tenant = world.aspm.tenant
    if (
        tenant is None
        or not tenant.registers_at
        or (request.host, request.method) != (HOST, "POST")
    ):
        return False
    if request.path != tenant.registers_at or request.header("Content-Type") != "application/json":
        return False
    alike = [one for one in ledger.asked(HOST, "POST") if one.body == request.body]
    carried = [secret for secret in ledger.given.pats if secret.encode() in request.body]
    return (
        rule in ("a secret in a body", "a write that nobody asked for")
        and len(alike) == len(carried) == 1
    )


def dialect_of(request: Request) -> str:
    """Where the path belongs."""
    return "core" if request.path.startswith(PREFIX["core"] + "/") else "standalone"


def token_headers(request: Request) -> dict[str, str]:
    """The headers of either dialect that came along, by dialect."""
    return {
        dialect: value
        for dialect, name in HEADER.items()
        if (value := request.header(name)) is not None
    }


def settled(ledger: Ledger, before: Request, tenant: Tenant) -> bool:
    """Whether the client knows by now which dialect this is: the right one has answered, and said yes."""
    return any(
        one.host == HOST and one.status == 200 and dialect_of(one) == tenant.dialect
        for one in ledger.requests
        if one.number < before.number
    )


def _broken(request: Request, world: World, tenant: Tenant, ledger: Ledger) -> Iterator[str]:
    sent = token_headers(request)
    here = dialect_of(request)
    if request.header("Authorization") is not None:
        yield "an Authorization header at the ASPM"
    if request.all("Referer") or request.all("Origin"):
        yield "a browser's header at the ASPM"
    if len(sent) > 1 or any(len(request.all(name)) > 1 for name in HEADER.values()):
        yield "tokens of two dialects in one request"
    if any(dialect != here for dialect in sent):
        yield "the header of one dialect on a path of the other"
    if any(dialect != tenant.dialect for dialect in sent) and settled(ledger, request, tenant):
        yield "the header of the wrong dialect, after the right one had answered"
    if any(value != ledger.given.aspm_token for value in sent.values()):
        yield "a token that nobody gave for the ASPM"
    if sent and tenant.weather != "fine" and not settled(ledger, request, tenant):
        yield "a token for something that never looked like the API"
    if request.method != "GET" and request.path != tenant.registers_at:
        yield f"{request.method} at the ASPM, and no registration was asked for"
    if not (request.header("User-Agent") or "").startswith("aspm-ado/"):
        yield "the client does not say who it is"
    path = request.path.removeprefix(PREFIX[here])
    if path in COLLECTIONS and request.method != "POST":
        yield "a collection without its slash"
    if "//" in path:
        yield "an address that was glued together"
    for secret in ledger.given.pats:
        found = any(form in f"{request.target}\n{request.headers}" for form in disguises(secret))
        if found or (request.path != tenant.registers_at and secret.encode() in request.body):
            yield "a token of Azure DevOps at the ASPM"


def _api(request: Request, world: World, tenant: Tenant) -> Answer:
    here = dialect_of(request)
    if here != tenant.dialect and request.path != tenant.registers_at:
        if tenant.neighbour == "guarded" and request.path.startswith("/api/"):
            return _refusal(world, tenant)
        if tenant.neighbour == "absent":
            return _json(world, 404, {"message": "no such route"})
        return from_a_stranger(world.now, 200, PAGE)
    path = request.path.removeprefix(PREFIX[here])
    if path in COLLECTIONS and request.method == "GET":
        query = request.target.partition("?")[2]
        location = f"https://{HOST}{request.path}/" + (f"?{query}" if query else "")
        return from_a_stranger(world.now, 301, "", ("Location", location))
    if path == "/core/version":
        return _json(world, 200, {"version": "1.112.0"})
    if path == "/api/v2/health/check/" and tenant.health == "open":
        return _json(world, 200, {"status": "ok"})
    if not path.startswith("/api/") and request.path != tenant.registers_at:
        return from_a_stranger(world.now, 200, PAGE)
    if token_headers(request) != {tenant.dialect: world.aspm.token}:
        return _refusal(world, tenant)
    if request.path == tenant.registers_at and request.method == "POST":
        return _json(world, 201, {"data": {"id": "65f0c0ffee65f0c0ffee65f1"}, "message": "created"})
    if request.method != "GET":
        return _json(world, 405, {"error": "method not allowed"})
    if path == "/api/v2/health/check/":
        return _json(world, 200, {"status": "ok"})
    page = {
        "start": int(request.query.get("start") or 0),
        "limit": int(request.query.get("limit") or 30),
    }
    if path == "/api/v2/teams/":
        return _json(
            world,
            200,
            page | {"total": 1, "teams": [{"id": "65f0c0ffee65f0c0ffee65f0", "name": "Payments"}]},
        )
    if path == "/api/v2/projects/":
        if not tenant.shows_projects:
            return _json(world, 403, {tenant.envelope: "forbidden operation"})
        return _json(world, 200, page | {"total": 0, "projects": []})
    if re.fullmatch(r"/api/v2/projects/check/[a-z]+/[^/]+", path):
        return _json(world, 400, {"error": "invalid ALM tool"})
    return _json(world, 404, {"error": "not found"})


def _refusal(world: World, tenant: Tenant) -> Answer:
    return _json(world, 401, {tenant.envelope: "failed to authorize"})


def _json(world: World, status: int, body: object, *headers: tuple[str, str]) -> Answer:
    common = (
        ("Date", format_datetime(world.now, usegmt=True)),
        ("Content-Type", "application/json; charset=UTF-8"),
        ("Set-Cookie", "session=of-nobody; path=/; HttpOnly"),
        ("Set-Cookie", "AWSALB=of-nobody; path=/"),
    )
    return Answer(status, (*common, *headers), json.dumps(body).encode())
