"""How Microsoft's own clients find their way: where a resource is, by the ids that they know."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Final

from aspm_ado.simulator.http import Response
from aspm_ado.simulator.responses import items, success
from aspm_ado.simulator.routing import IncomingCall, ServiceHost

_RECORDED: Final = tomllib.loads(
    files("aspm_ado.simulator").joinpath("discovery.toml").read_text(encoding="utf-8")
)
_LOCATIONS: Final[dict[str, str]] = _RECORDED["locations"]
_TEXTS: Final = ("id", "area", "resourceName", "routeTemplate")


def is_for(call: IncomingCall) -> bool:
    """Whether it asks for the locations of all areas, or of one."""
    parts = [part.casefold() for part in call.rest]
    return call.request.method == "OPTIONS" and parts[:1] == ["_apis"] and len(parts) <= 2


def list_locations(call: IncomingCall, *, at_root: bool = False) -> Response:
    """List what is served here; `value` comes first, and no version is named (recorded).

    That an area without any is an empty list is [unconfirmed].
    """
    places = ["root"] if at_root else [one.value for one in ServiceHost if one in call.hosts]
    rows = [row.split() for place in places for row in _LOCATIONS.get(place, "").splitlines()]
    area = "".join(call.rest[1:]).casefold()
    found: dict[str, dict[str, object]] = {}
    for *texts, resource, oldest, newest, released, server in rows:
        since = server if call.server else oldest
        is_here = since != "-" and float(since) <= float(call.edition.newest)
        if is_here and area in ("", texts[1].casefold()):
            found[texts[0]] = {
                **dict(zip(_TEXTS, texts, strict=True)),
                "resourceVersion": int(resource),
                "minVersion": oldest,
                "maxVersion": min(newest, call.edition.newest),
                "releasedVersion": min(released, call.edition.released),
            }
    return items(list(found.values()), None, count_last=True)


def list_areas(call: IncomingCall) -> Response:
    """List which host has which area; a Server has none (as Microsoft's clients expect)."""
    if call.server:
        return success({"count": 0, "value": None}, call.version)
    rows = (row.split() for row in _RECORDED["areas"].splitlines())
    name = call.organization.name
    found: list[dict[str, object]] = [
        {"id": identifier, "name": area, "locationUrl": f"https://{host}/{name}/"}
        for identifier, area, host in rows
    ]
    return items(found, call.version)
