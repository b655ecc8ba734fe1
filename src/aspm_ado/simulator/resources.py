"""What an organization has inside: people, projects, work items; and every operation."""

from __future__ import annotations

import base64
import json
from typing import Final

from aspm_ado.simulator import git
from aspm_ado.simulator.git import find_project, project_body, project_id, visible_projects
from aspm_ado.simulator.http import Response
from aspm_ado.simulator.responses import (
    Json,
    items,
    no_content,
    project_missing,
    refusal,
    scope_missing,
    success,
    throttled,
)
from aspm_ado.simulator.routing import Area, Call, Place, Route
from aspm_ado.simulator.world import Person, Project, stable_id

ANONYMOUS: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""What an organization with public projects calls everybody whose token it does not know (§2)."""

_PAGE = 100  # what a list without $top returns at most
_JSON_PATCH = "application/json-patch+json"
_WINDOWS = "System.Security.Principal.WindowsIdentity;S-1-5-21-1004336348-1177238915-682003330-1001"
_CLAIMS = "Microsoft.IdentityModel.Claims.ClaimsIdentity;"


# Who is asking, and where


def connection_data(call: Call) -> Response:
    """Name the caller and the deployment. A stranger gets 200 too, as the anonymous identity."""
    place, person = call.place, call.caller.person
    who = _short_identity(person, place) if person else _anonymous()
    value: dict[str, object] = {
        "authenticatedUser": who,
        "authorizedUser": who,
        "instanceId": place.organization.id,
        "deploymentId": stable_id("deployment", "server" if place.server else "services"),
        "deploymentType": "onPremises" if place.server else "hosted",
        "locationServiceData": {
            "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
            "defaultAccessMappingMoniker": "PublicAccessMapping",
            "lastChangeId": 424239147,
            "lastChangeId64": 424239147,
        },
    }
    if place.server:
        # §7: on Server the prefix is given; §9: its api-version there is [unconfirmed].
        return success(value | {"webApplicationRelativeDirectory": place.directory or "/"})
    return success(value, call.version)


def collections(call: Call) -> Response:
    """List the collections of a server, at its root."""
    server = call.world.server
    if server is None:
        raise LookupError("only a server has a root")
    listed: list[object] = []
    for one in server.collections:
        url = f"{server.url}/_apis/projectCollections/{one.id}"
        listed.append({"id": one.id, "name": one.name, "url": url})
    return items(listed, call.version)


# People


def identities(call: Call) -> Response:
    """Read identities by id or by a search text; what is unknown is absent from the list."""
    query = call.request.query
    ids = [one.strip().lower() for one in query.get("identityids", "").split(",")]
    text = query.get("filtervalue", "").casefold()
    found: list[object] = []
    for person in call.place.organization.members:
        is_searched = bool(text) and text in f"{person.mail} {person.name}".casefold()
        if person.id in ids or is_searched:
            found.append(_full_identity(person, call.place))
    return items(found, call.version)


def profile(call: Call) -> Response:
    """One's own profile: above all organizations, and at an organization ([unconfirmed], §2)."""
    person = call.caller.person
    if person is None:
        raise LookupError("no stranger is let through to a profile")
    body: Json = {
        "displayName": person.name,
        "publicAlias": person.id,
        "emailAddress": person.mail,
        "coreRevision": 412345678,
        # Seven digits and an offset, unlike any other time (D.8).
        "timeStamp": "2026-05-06T08:09:10.1234567+00:00",
        "id": person.id,
        "revision": 412345678,
    }
    return success(body, call.version)


def accounts(call: Call) -> Response:
    """List a person's organizations, unpaged; accountUri has the wrong host and a port (D.8)."""
    token, world = call.caller.token, call.world
    if world.accounts == "refused":
        return scope_missing(call.place.challenges)
    if world.accounts == "busy":
        return throttled(seconds=1)
    if token is None or call.request.query.get("memberid", "").lower() != token.owner.id:
        return refusal("member-unnamed")
    listed: list[object] = []
    for one in world.organizations:
        if token.owner in one.members and world.accounts == "listed":
            uri = f"https://vssps.dev.azure.com:443/{one.name}/"
            account = {"accountId": one.id, "accountUri": uri, "accountName": one.name}
            listed.append(account | {"properties": {}})
    return items(listed, call.version)


def delete_favorite(call: Call) -> Response:
    """204, as the published example; that an unknown id gets 204 too is [unconfirmed] (§3b)."""
    if call.values["favorite"].lower() in call.place.organization.favorites:
        call.state.note_change(f"favorite {call.values['favorite']} deleted")
    return no_content()


def _short_identity(person: Person, place: Place) -> dict[str, object]:
    """As connectionData shows it; Entra, Microsoft account and Windows differ (D.9, D.15)."""
    account = person.account(on_server=place.server is not None)
    if place.server is not None:
        kind, name, descriptor = "win", account, _WINDOWS
    elif person.tenant is None:
        kind, name = "msa", person.name
        descriptor = f"{_CLAIMS}{person.id.replace('-', '')[:16].upper()}@Live.com"
    else:
        kind, name, descriptor = "aad", person.name, f"{_CLAIMS}{person.tenant}\\{person.mail}"
    encoded = base64.b64encode(person.id.encode()).decode().rstrip("=")
    return {
        "id": person.id,
        "descriptor": descriptor,
        "subjectDescriptor": f"{kind}.{encoded}",
        "providerDisplayName": name,
        "isActive": True,
        "properties": {"Account": _text(account)},
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


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


def _full_identity(person: Person, place: Place) -> dict[str, object]:
    domain = "LOCAL" if place.server else "Windows Live ID"
    properties = {
        "SchemaClassName": _text("User"),
        "Description": _text(""),
        "Domain": _text(person.tenant or domain),
        "Account": _text(person.account(on_server=place.server is not None)),
        "DN": _text(""),
        "Mail": _text(person.mail),
        "SpecialType": _text("Generic"),
    }
    lists: dict[str, object] = {"members": [], "memberOf": [], "memberIds": []}
    return _short_identity(person, place) | lists | {"properties": properties}


def _text(value: str) -> dict[str, str]:
    return {"$type": "System.String", "$value": value}


# Projects and teams


def list_projects(call: Call) -> Response:
    """List projects; X-MS-ContinuationToken tells where the next page starts (D.10)."""
    query = call.request.query
    every = visible_projects(call)
    start = _whole(query.get("continuationtoken", query.get("$skip", "0")))
    size = _whole(query.get("$top", "")) or _PAGE
    page: list[object] = [project_body(call.place, one) for one in every[start : start + size]]
    response = items(page, call.version)
    if start + size < len(every):
        return response.plus(("X-MS-ContinuationToken", str(start + size)))
    return response


def read_project(call: Call) -> Response:
    """Read one project."""
    project = find_project(call, call.values["id"])
    if project is None:
        return project_missing(call.values["id"])
    return success(project_body(call.place, project), call.version)


def change_project(call: Call) -> Response:
    """Change, delete or create a project: 202 and an operation to poll (recorded, D.13)."""
    name = call.values.get("id", "")
    project = find_project(call, name)
    if project is None and name:
        return project_missing(name)
    what = f"{call.request.method} project {project.name if project else ''}".strip()
    call.state.note_change(what)
    operation = stable_id("operation", what)
    url = f"{call.place.url}/_apis/operations/{operation}"
    return success({"id": operation, "status": "queued", "url": url}, call.version, status=202)


def create_team(call: Call) -> Response:
    """Create a team; the project is looked for before the body ([unconfirmed], §3b)."""
    project = find_project(call, call.values["id"])
    if project is None:
        return project_missing(call.values["id"])
    call.state.note_change(f"team created in {project.name}")
    try:
        name = str(json.loads(call.request.body or b"{}").get("name", "New Team"))
    except (ValueError, AttributeError):
        return refusal("team-unnamed")
    return success(_team(call, project, name), call.version, status=201)


def nothing_much(call: Call) -> Response:
    """An empty list, of what only a very broad token may ask for: its status matters (§3b)."""
    return items([], call.version)


def _team(call: Call, project: Project, name: str) -> dict[str, object]:
    identifier = stable_id("team", project.name, name)
    owner = project_id(call.place.organization, project)
    return {
        "id": identifier,
        "name": name,
        "url": f"{call.place.url}/_apis/projects/{owner}/teams/{identifier}",
        "projectName": project.name,
        "projectId": owner,
    }


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


# Work items and their attachments


def read_work_item(call: Call) -> Response:
    """Read a work item."""
    return _work_item(call) or refusal("work-item-missing", name=call.values["id"])


def update_work_item(call: Call) -> Response:
    """Patch a work item. An absent one is 404 whatever the patch says (recorded, §3a)."""
    sent = (call.request.header("Content-Type") or "").partition(";")[0].strip().lower()
    if sent != _JSON_PATCH:
        method = call.request.method
        return refusal("media-type", sent=sent, method=method, wanted=_JSON_PATCH)
    found = _work_item(call)
    if found is None:
        return refusal("work-item-missing", name=call.values["id"])
    if call.request.query.get("validateonly", "").lower() != "true":
        call.state.note_change(f"work item {call.values['id']} updated")
    return found


def read_attachment(call: Call) -> Response:
    """Read an attachment."""
    if call.values["id"].lower() not in call.place.organization.attachments:
        return refusal("attachment-missing", name=call.values["id"])
    return Response(200, b"simulated", (("Content-Type", "application/octet-stream"),))


def delete_attachment(call: Call) -> Response:
    """Delete an attachment: the only published operation that needs work_full (§3b)."""
    if call.values["id"].lower() not in call.place.organization.attachments:
        return refusal("attachment-missing", name=call.values["id"])
    call.state.note_change(f"attachment {call.values['id']} deleted")
    return no_content()


def _work_item(call: Call) -> Response | None:
    identifier = call.values["id"]
    if identifier not in {str(one) for one in call.place.organization.work_items}:
        return None
    fields = {
        "System.WorkItemType": "Task",
        "System.State": "New",
        "System.Title": "Simulated work item",
    }
    url = f"{call.place.url}/_apis/wit/workItems/{identifier}"
    return success({"id": int(identifier), "rev": 1, "fields": fields, "url": url}, call.version)


# fmt: off
_ANY = ""  # any living token (§1: the hidden base scope [unconfirmed])
_PROJECTS = "vso.profile vso.project"  # either is enough (§1)
_WHO_AM_I = tuple(
    Route("GET", "connectionData", _ANY, connection_data, area, released=False, strangers=True)
    for area in Area
)
ROUTES: Final = (
    *_WHO_AM_I,
    Route("GET", "projects", _PROJECTS, list_projects, resource=4, strangers=True),
    Route("GET", "projects/{id}", _PROJECTS, read_project, resource=4, strangers=True),
    Route("PATCH", "projects/{id}", "vso.project_write", change_project, resource=4),
    Route("DELETE", "projects/{id}", "vso.project_manage", change_project, resource=4),
    Route("POST", "projects", "vso.project_manage", change_project, resource=4),
    Route("POST", "projects/{id}/teams", "vso.project_manage", create_team, resource=3),
    Route("GET", "distributedtask/pools", "vso.agentpools", nothing_much),
    Route("GET", "git/repositories", "vso.code", git.list_repositories, strangers=True),
    Route("GET", "git/repositories/{repository}", "vso.code", git.read_repository, strangers=True),
    Route("PATCH", "git/repositories/{repository}", "vso.code_manage", git.update_repository),
    Route("DELETE", "git/repositories/{repository}", "vso.code_manage", git.delete_repository),
    Route("POST", "git/repositories/{repository}/refs", "vso.code_write", git.update_refs),
    Route("GET", "wit/workItems/{id}", "vso.work", read_work_item, resource=3, strangers=True),
    Route("PATCH", "wit/workItems/{id}", "vso.work_write", update_work_item, resource=3),
    Route("GET", "wit/attachments/{id}", "vso.work", read_attachment, resource=4),
    Route("DELETE", "wit/attachments/{id}", "vso.work_full", delete_attachment,
          resource=4, released=False, since="7.2", server_since=None),
    Route("GET", "identities", "vso.identity", identities, Area.IDENTITY, server_since="6.0"),
    Route("GET", "profile/profiles/me", "vso.profile", profile, Area.IDENTITY,
          resource=3, server_since=None),
    Route("GET", "profile/profiles/me", "vso.profile", profile, Area.ACCOUNT,
          resource=3, server_since=None),
    Route("GET", "accounts", "vso.profile", accounts, Area.ACCOUNT, server_since=None),
    Route("GET", "graph/users", "vso.graph", nothing_much, Area.IDENTITY,
          released=False, server_since=None),
    Route("GET", "userentitlements", "vso.memberentitlementmanagement", nothing_much,
          Area.ENTITLEMENT, resource=3, released=False, server_since=None),
    Route("DELETE", "favorite/favorites/{favorite}", "vso.profile_write", delete_favorite,
          released=False, server_since="7.1"),
)
# The root of a server knows the collections and who you are (§7); which scope the list needs is
# not documented: any.
ROOT_ROUTES: Final = (
    Route("GET", "projectCollections", _ANY, collections, resource=2),
    _WHO_AM_I[0],
)
# fmt: on
