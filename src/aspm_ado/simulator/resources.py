"""The resources of an organization (people, projects, work items), and all operations."""

from __future__ import annotations

import base64
import json
from typing import Final

from aspm_ado.simulator import git, routing
from aspm_ado.simulator.http import Response
from aspm_ado.simulator.responses import (
    items,
    project_missing,
    refuse,
    scope_missing,
    success,
    throttled,
)
from aspm_ado.simulator.routing import IncomingCall, Operation, ServiceHost
from aspm_ado.simulator.world import Person, TeamProject, stable_id

ANONYMOUS: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The identity of unknown tokens in an organization with public projects (§2)."""

_PAGE = 100  # the largest page without $top
_JSON_PATCH = "application/json-patch+json"
_WINDOWS = "System.Security.Principal.WindowsIdentity;S-1-5-21-1004336348-1177238915-682003330-1001"
_CLAIMS = "Microsoft.IdentityModel.Claims.ClaimsIdentity;"


# Who is asking, and where


def _connection_data(call: IncomingCall) -> Response:
    """Name the caller and the deployment. Anonymous callers get 200, too."""
    server, who = call.server, _anonymous()
    if call.person:
        who = _short_identity(call.person, call)
    value: dict[str, object] = {
        "authenticatedUser": who,
        "authorizedUser": who,
        "instanceId": call.organization.id,
        "deploymentId": stable_id("deployment", "server" if server else "services"),
        "deploymentType": "onPremises" if server else "hosted",
        "locationServiceData": {
            "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
            "defaultAccessMappingMoniker": "PublicAccessMapping",
            "lastChangeId": 424239147,
            "lastChangeId64": 424239147,
        },
    }
    if server:
        # §7: Server returns the prefix; §9: its api-version there is [unconfirmed].
        return success(value | {"webApplicationRelativeDirectory": server.directory or "/"})
    return success(value, call.version)


def _collections(call: IncomingCall) -> Response:
    """List the collections of a server, at its root."""
    if call.server is None:
        raise LookupError("only a server has a root")
    url = f"{call.url}/_apis/projectCollections"
    every = call.server.collections
    return items(
        [{"id": one.id, "name": one.name, "url": f"{url}/{one.id}"} for one in every], call.version
    )


# People


def _identities(call: IncomingCall) -> Response:
    """Read identities by id or by a search text; the list omits unknown ones."""
    query = call.request.query
    ids = [one.strip().lower() for one in query.get("identityids", "").split(",")]
    text = query.get("filtervalue", "").casefold()
    found = []
    for person in call.organization.members:
        is_searched = bool(text) and text in f"{person.mail} {person.name}".casefold()
        if person.id in ids or is_searched:
            found.append(_full_identity(person, call))
    return items(found, call.version)


def _profile(call: IncomingCall) -> Response:
    """The profile of the caller: above all organizations, and in one ([unconfirmed], §2)."""
    if call.person is None:
        raise LookupError("a profile needs a caller")
    body = {
        "displayName": call.person.name,
        "publicAlias": call.person.id,
        "emailAddress": call.person.mail,
        "coreRevision": 412345678,
        # Seven digits and an offset, unlike any other time (D.8).
        "timeStamp": "2026-05-06T08:09:10.1234567+00:00",
        "id": call.person.id,
        "revision": 412345678,
    }
    return success(body, call.version)


def _accounts(call: IncomingCall) -> Response:
    """List a person's organizations, unpaged; accountUri has the wrong host and a port (D.8)."""
    person, world = call.person, call.world
    if world.accounts == "refused":
        return scope_missing(call.challenges)
    if world.accounts == "busy":
        return throttled(seconds=1)
    if person is None or call.request.query.get("memberid", "").lower() != person.id:
        return refuse("member-unnamed")
    listed: list[dict[str, object]] = []
    for one in world.organizations:
        if person in one.members and world.accounts == "listed":
            uri = f"https://vssps.dev.azure.com:443/{one.name}/"
            account = {"accountId": one.id, "accountUri": uri, "accountName": one.name}
            listed.append(account | {"properties": {}})
    return items(listed, call.version)


def _delete_favorite(call: IncomingCall) -> Response:
    """204, as the published example; 204 for an unknown id is [unconfirmed] (§3b)."""
    if call.values["favorite"].lower() in call.organization.favorites:
        call.live.note_change(f"favorite {call.values['favorite']} deleted")
    return Response(204)


def _short_identity(person: Person, call: IncomingCall) -> dict[str, object]:
    """As connectionData shows it; Entra, Microsoft account and Windows differ (D.9, D.15)."""
    account, name = person.account(on_server=call.server is not None), person.name
    if call.server is not None:
        kind, name, descriptor = "win", account, _WINDOWS
    elif person.tenant is None:
        kind = "msa"
        descriptor = f"{_CLAIMS}{person.id.replace('-', '')[:16].upper()}@Live.com"
    else:
        kind, descriptor = "aad", f"{_CLAIMS}{person.tenant}\\{person.mail}"
    encoded = base64.b64encode(person.id.encode()).decode().rstrip("=")
    properties = {"Account": _text(account)}
    return _identity(person.id, descriptor, f"{kind}.{encoded}", name, properties)


def _anonymous() -> dict[str, object]:
    descriptor = f"System:PublicAccess;{ANONYMOUS}"
    return _identity(ANONYMOUS, descriptor, "sys.UHVibGljQWNjZXNz", "Anonymous", {})


def _identity(
    identifier: str, descriptor: str, subject: str, name: str, properties: object
) -> dict[str, object]:
    return {
        "id": identifier,
        "descriptor": descriptor,
        "subjectDescriptor": subject,
        "providerDisplayName": name,
        "isActive": True,
        "properties": properties,
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


def _full_identity(person: Person, call: IncomingCall) -> dict[str, object]:
    domain = "LOCAL" if call.server else "Windows Live ID"
    properties = {
        "SchemaClassName": "User",
        "Description": "",
        "Domain": person.tenant or domain,
        "Account": person.account(on_server=call.server is not None),
        "DN": "",
        "Mail": person.mail,
        "SpecialType": "Generic",
    }
    return _short_identity(person, call) | {
        "members": [],
        "memberOf": [],
        "memberIds": [],
        "properties": {name: _text(value) for name, value in properties.items()},
    }


def _text(value: str) -> dict[str, str]:
    return {"$type": "System.String", "$value": value}


# Projects and teams


def _list_projects(call: IncomingCall) -> Response:
    """List projects; X-MS-ContinuationToken is the start of the next page (D.10)."""
    request, every = call.request, call.visible_projects
    start = request.number("continuationtoken", request.number("$skip", 0))
    end = start + (request.number("$top", 0) or _PAGE)
    response = items([git.project_body(call, one) for one in every[start:end]], call.version)
    if end < len(every):
        return response.plus(("X-MS-ContinuationToken", str(end)))
    return response


def _read_project(call: IncomingCall) -> Response:
    project = call.find_project(call.values["id"])
    if project is None:
        return project_missing(call.values["id"])
    return success(git.project_body(call, project), call.version)


def _change_project(call: IncomingCall) -> Response:
    """Change, delete, or create a project: 202 and an operation to poll (recorded, D.13)."""
    what = f"{call.request.method} project"
    if "id" in call.values:
        project = call.find_project(call.values["id"])
        if project is None:
            return project_missing(call.values["id"])
        what += f" {project.name}"
    call.live.note_change(what)
    operation = stable_id("operation", what)
    url = f"{call.url}/_apis/operations/{operation}"
    return success({"id": operation, "status": "queued", "url": url}, call.version, status=202)


def _create_team(call: IncomingCall) -> Response:
    """Create a team; the project is checked before the body ([unconfirmed], §3b)."""
    project = call.find_project(call.values["id"])
    if project is None:
        return project_missing(call.values["id"])
    call.live.note_change(f"team created in {project.name}")
    try:
        name = str(json.loads(call.request.body or b"{}").get("name", "New Team"))
    except (ValueError, AttributeError):
        return refuse("team-unnamed")
    return success(_team(call, project, name), call.version, status=201)


def _list_nothing(call: IncomingCall) -> Response:
    """Return an empty list: only the status matters, for very broad tokens (§3b)."""
    return items([], call.version)


def _team(call: IncomingCall, project: TeamProject, name: str) -> dict[str, object]:
    identifier = stable_id("team", project.name, name)
    owner = call.organization.project_id(project)
    return {
        "id": identifier,
        "name": name,
        "url": f"{call.url}/_apis/projects/{owner}/teams/{identifier}",
        "projectName": project.name,
        "projectId": owner,
    }


# Work items and their attachments


def _work_item(call: IncomingCall) -> Response:
    """Read or patch a work item. An absent one is 404 whatever the patch says (recorded, §3a)."""
    identifier, method = call.values["id"], call.request.method
    sent = (call.request.header("Content-Type") or "").partition(";")[0].strip().lower()
    if method == "PATCH" and sent != _JSON_PATCH:
        return refuse("media-type", sent=sent, method=method, wanted=_JSON_PATCH)
    body = _work_item_body(call, identifier)
    if body is None:
        return refuse("work-item-missing", name=identifier)
    if method == "PATCH" and call.request.query.get("validateonly", "").lower() != "true":
        call.live.note_change(f"work item {identifier} updated")
    return success(body, call.version)


def _work_items(call: IncomingCall) -> Response:
    """Read work items by id; the first absent one decides (its errorPolicy is fail)."""
    found: list[dict[str, object]] = []
    for identifier in call.request.query.get("ids", "").split(","):
        body = _work_item_body(call, identifier.strip())
        if body is None:
            return refuse("work-item-missing", name=identifier.strip())
        found.append(body)
    return items(found, call.version)


def _work_item_body(call: IncomingCall, identifier: str) -> dict[str, object] | None:
    """A work item that the caller can see; all are in the first project."""
    project = next(iter(call.organization.projects), None)
    is_there = identifier in map(str, call.organization.work_items)
    if not is_there or project not in call.visible_projects:
        return None
    fields = {
        "System.TeamProject": project.name,
        "System.WorkItemType": "Task",
        "System.State": "New",
        "System.Title": "Simulated work item",
    }
    url = f"{call.url}/_apis/wit/workItems/{identifier}"
    return {"id": int(identifier), "rev": 1, "fields": fields, "url": url}


def _attachment(call: IncomingCall) -> Response:
    """Read or delete an attachment: the only published operation with work_full (§3b)."""
    if call.values["id"].lower() not in call.organization.attachments:
        return refuse("attachment-missing", name=call.values["id"])
    if call.request.method == "GET":
        return Response(200, b"simulated", (("Content-Type", "application/octet-stream"),))
    call.live.note_change(f"attachment {call.values['id']} deleted")
    return Response(204)


_ANY = ""  # any living token (§1: the hidden base scope [unconfirmed])
_PROJECTS = "vso.profile vso.project"  # either is enough (§1)
_REPOSITORY = "git/repositories/{repository}"
_ENTITLED = "vso.memberentitlementmanagement"
_HOST = ServiceHost
# fmt: off
_WHO_AM_I = tuple(
    Operation("GET", "connectionData", _ANY, _connection_data, host, released=False, strangers=True)
    for host in ServiceHost
)
_AREAS = tuple(
    Operation("GET", "resourceAreas", _ANY, routing.list_areas, host,
              released=False, since="3.2", strangers=True)
    for host in (_HOST.CORE, _HOST.IDENTITY)
)
OPERATIONS: Final = (
    *_WHO_AM_I,
    *_AREAS,
    Operation("GET", "projects", _PROJECTS, _list_projects, resource=4, strangers=True),
    Operation("GET", "projects/{id}", _PROJECTS, _read_project, resource=4, strangers=True),
    Operation("PATCH", "projects/{id}", "vso.project_write", _change_project, resource=4),
    Operation("DELETE", "projects/{id}", "vso.project_manage", _change_project, resource=4),
    Operation("POST", "projects", "vso.project_manage", _change_project, resource=4),
    Operation("POST", "projects/{id}/teams", "vso.project_manage", _create_team, resource=3),
    Operation("GET", "distributedtask/pools", "vso.agentpools", _list_nothing),
    Operation("GET", "git/repositories", "vso.code", git.list_repositories, strangers=True),
    Operation("GET", _REPOSITORY, "vso.code", git.answer_repository, strangers=True),
    Operation("PATCH", _REPOSITORY, "vso.code_manage", git.answer_repository),
    Operation("DELETE", _REPOSITORY, "vso.code_manage", git.answer_repository),
    Operation("POST", f"{_REPOSITORY}/refs", "vso.code_write", git.answer_repository),
    Operation("GET", "wit/workItems", "vso.work", _work_items, resource=3, strangers=True),
    Operation("GET", "wit/workItems/{id}", "vso.work", _work_item, resource=3, strangers=True),
    Operation("PATCH", "wit/workItems/{id}", "vso.work_write", _work_item, resource=3),
    Operation("GET", "wit/attachments/{id}", "vso.work", _attachment, resource=4),
    Operation("DELETE", "wit/attachments/{id}", "vso.work_full", _attachment,
              resource=4, released=False, since="7.2", server_since=None),
    Operation("GET", "identities", "vso.identity", _identities, _HOST.IDENTITY, server_since="6.0"),
    Operation("GET", "profile/profiles/me", "vso.profile", _profile, _HOST.IDENTITY,
              resource=3, server_since=None),
    Operation("GET", "profile/profiles/me", "vso.profile", _profile, _HOST.ACCOUNT,
              resource=3, server_since=None),
    Operation("GET", "accounts", "vso.profile", _accounts, _HOST.ACCOUNT, server_since=None),
    Operation("GET", "graph/users", "vso.graph", _list_nothing, _HOST.IDENTITY,
              released=False, server_since=None),
    Operation("GET", "userentitlements", _ENTITLED, _list_nothing, _HOST.ENTITLEMENT,
              resource=3, released=False, server_since=None),
    Operation("DELETE", "favorite/favorites/{favorite}", "vso.profile_write", _delete_favorite,
              released=False, server_since="7.1"),
)
# The root of a server lists collections and names the caller (§7). The scope of the list is not
# documented: any.
ROOT_OPERATIONS: Final = (
    Operation("GET", "projectCollections", _ANY, _collections, resource=2),
    _WHO_AM_I[0],
    _AREAS[0],
)
# fmt: on
