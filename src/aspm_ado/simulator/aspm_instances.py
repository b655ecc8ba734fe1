"""The simulator's own registration of ALM instances: made up, so that a registration profile can be tried.

No Invicti ASPM publishes such a route (facts/aspm.md §2); nothing here says anything about a real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from aspm_ado.simulator.exchange import Answer, Request
from aspm_ado.simulator.world import Aspm, Instance, World

PATH: Final = "/api/simulated/v1/alm-instances/"

Connect = Callable[[Instance], bool]


def answer(request: Request, path: str, world: World, aspm: Aspm, connect: Connect) -> Answer:
    """Answer a caller whose ASPM token is known."""
    if path == PATH and request.method == "GET":
        return _json(
            {"total": len(aspm.instances), "instances": [_shown(one) for one in aspm.instances]}
        )
    if path == PATH and request.method == "POST":
        return _create(request, world, aspm, connect)
    identifier, _, rest = path.removeprefix(PATH).partition("/")
    known = next((one for one in aspm.instances if one.id == identifier), None)
    if known is not None and rest == "test/" and request.method == "GET":
        return _json({"connection": True})
    return _json({"error": "not found"}, 404)


def _create(request: Request, world: World, aspm: Aspm, connect: Connect) -> Answer:
    try:
        body = json.loads(request.body)
        name, tool, url, secret = (str(body[key]) for key in ("name", "tool", "url", "token"))
        username = str(body.get("username", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _json({"error": "invalid instance data"}, 400)
    if aspm.registers == "never-arrives":
        return Answer(0, is_lost=True)
    token = world.token(secret)
    if token is None or token.revoked or token.expires < world.today:
        # Some services repeat what they were sent; a client must not show it.
        return _json({"error": f"the token {secret} was not accepted by Azure DevOps"}, 400)
    instance = Instance(name, tool, url, username)
    if not connect(instance):
        return _json({"error": "an instance for this organization exists"}, 409)
    made = _json({"message": "instance created", "instance": _shown(instance)}, 201)
    return replace(made, is_lost=aspm.registers == "answer-lost")


def _shown(instance: Instance) -> dict[str, object]:
    return {"id": instance.id, "name": instance.name, "tool": instance.tool, "url": instance.url}


def _json(value: dict[str, object], status: int = 200) -> Answer:
    return Answer(
        status, json.dumps(value).encode(), (("Content-Type", "application/json; charset=UTF-8"),)
    )
