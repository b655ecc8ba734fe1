"""Discovery for Microsoft's own clients: the location of a resource, by its id."""

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
    """Whether the request is for the locations of all areas or one."""
    parts = [part.casefold() for part in call.rest]
    return call.request.method == "OPTIONS" and parts[:1] == ["_apis"] and len(parts) <= 2


def list_locations(call: IncomingCall, *, at_root: bool = False) -> Response:
    """List the locations; `value` comes first, without a version (recorded).

    An empty list for an area without locations is [unconfirmed].
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
    """List the host of each area; a Server lists none (as Microsoft's clients expect)."""
    if call.server:
        return success({"count": 0, "value": None}, call.version)
    rows = (row.split() for row in _RECORDED["areas"].splitlines())
    name = call.organization.name
    found: list[dict[str, object]] = [
        {"id": identifier, "name": area, "locationUrl": f"https://{host}/{name}/"}
        for identifier, area, host in rows
    ]
    return items(found, call.version)
