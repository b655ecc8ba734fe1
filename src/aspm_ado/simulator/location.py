"""Who am I and what is here: connectionData, the resource areas and the OPTIONS listing."""

from __future__ import annotations

from aspm_ado.simulator.answers import items, success
from aspm_ado.simulator.exchange import Answer
from aspm_ado.simulator.people import short_identity
from aspm_ado.simulator.routes import Area, Call, Route
from aspm_ado.simulator.world import stable_id

# What an organization with public projects calls everybody whose token it does not know (facts §2).
ANONYMOUS = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"


def connection_data(call: Call) -> Answer:
    """Name the caller and the deployment. A stranger gets 200 too, as the anonymous identity."""
    place = call.place
    who = short_identity(call.caller.person, place) if call.caller.person else _anonymous()
    value: dict[str, object] = {
        "authenticatedUser": who,
        "authorizedUser": who,
        "instanceId": place.organization.id,
        "deploymentId": stable_id("deployment", "server" if place.edition else "services"),
        "deploymentType": "onPremises" if place.edition else "hosted",
        "locationServiceData": {
            "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
            "defaultAccessMappingMoniker": "PublicAccessMapping",
            "lastChangeId": 424239147,
            "lastChangeId64": 424239147,
        },
    }
    if place.edition:
        # §7: on Server the prefix is given; §9: its api-version there is [unconfirmed], so the media type has none.
        return success(value | {"webApplicationRelativeDirectory": place.directory or "/"})
    return success(value, call.version)


def _anonymous() -> dict[str, object]:
    return {
        "id": ANONYMOUS,
        "descriptor": f"System:PublicAccess;{ANONYMOUS}",
        "subjectDescriptor": "sys.UHVibGljQWNjZXNz",
        "providerDisplayName": "Anonymous",
        "isActive": True,
        "properties": {},
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


def resource_areas(call: Call) -> Answer:
    """List a few of the areas and the hosts that serve them."""
    name = call.place.organization.name
    hosts = {
        "core": "dev",
        "git": "dev",
        "wit": "dev",
        "Favorite": "dev",
        "IMS": "vssps.dev",
        "Graph": "vssps.dev",
    }
    listed: list[object] = []
    for area, host in hosts.items():
        url = call.place.url if call.place.edition else f"https://{host}.azure.com/{name}"
        listed.append({"id": stable_id("area", area), "name": area, "locationUrl": f"{url}/"})
    return items(listed, call.version)


def options(call: Call) -> Answer:
    """List the operations of this host; the recorded answer has no api-version and no count (§2)."""
    newest = call.place.edition.newest if call.place.edition else "7.2"
    released = call.place.edition.released if call.place.edition else "7.1"
    listed: dict[str, object] = {}
    for route in call.operations:
        if route.path and route.exists_at(call.place):
            area, _, resource = route.path.partition("/")
            listed[route.path] = {
                "id": stable_id("route", route.path),
                "area": area,
                "resourceName": resource.partition("/")[0] or area,
                "routeTemplate": f"_apis/{route.path}",
                "resourceVersion": route.resource,
                "minVersion": route.since,
                "maxVersion": newest,
                "releasedVersion": released if route.released else "0.0",
            }
    return success({"value": list(listed.values())})


_OPEN: frozenset[str] = (
    frozenset()
)  # any living token (facts §1: the hidden base scope [unconfirmed])
ROUTES = tuple(
    Route(method, path, _OPEN, answer, area=area, released=released, strangers=strangers)
    for area in Area
    for method, path, answer, released, strangers in (
        ("GET", "connectionData", connection_data, False, True),
        ("GET", "resourceAreas", resource_areas, False, True),
        ("OPTIONS", "", options, True, True),
    )
)
