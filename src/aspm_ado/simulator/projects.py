"""Team projects, their teams, and the agent pools of the organization."""

from __future__ import annotations

import json

from aspm_ado.simulator import answers, refusals
from aspm_ado.simulator.exchange import Answer
from aspm_ado.simulator.routes import Call, Place, Route
from aspm_ado.simulator.world import Organization, Project, stable_id

_PAGE = 100  # what a list without $top returns at most


def project_id(organization: Organization, project: Project) -> str:
    """Return the id of a project."""
    return stable_id("project", organization.name, project.name)


def find(call: Call, name_or_id: str) -> Project | None:
    """Find a project that the caller may see, by id or by name without case."""
    wanted = name_or_id.casefold()
    organization = call.place.organization
    return next(
        (p for p in visible(call) if wanted in (p.name.casefold(), project_id(organization, p))),
        None,
    )


def visible(call: Call) -> tuple[Project, ...]:
    """Return the projects that the caller may see: a stranger only the public ones."""
    every = call.place.organization.projects
    return every if call.caller.token else tuple(project for project in every if project.public)


def project_body(place: Place, project: Project) -> dict[str, object]:
    """Return the project as lists show it; times have a Z and three digits at most (D.8)."""
    identifier = project_id(place.organization, project)
    body: dict[str, object] = {"id": identifier, "name": project.name}
    if project.description:
        body["description"] = project.description
    return body | {
        "url": f"{place.url}/_apis/projects/{identifier}",
        "state": "wellFormed",
        "revision": 11 + len(project.name),
        "visibility": "public" if project.public else "private",
        "lastUpdateTime": "2026-03-26T06:42:13.473Z",
    }


def list_projects(call: Call) -> Answer:
    """List projects page by page; X-MS-ContinuationToken tells where the next page starts (D.10)."""
    query = call.request.query
    every = visible(call)
    start = _whole(query.get("continuationtoken", query.get("$skip", "0")))
    size = _whole(query.get("$top", "")) or _PAGE
    page = every[start : start + size]
    answer = answers.items([project_body(call.place, project) for project in page], call.version)
    if start + size < len(every):
        return answer.plus(("X-MS-ContinuationToken", str(start + size)))
    return answer


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def read_project(call: Call) -> Answer:
    """Read one project."""
    project = find(call, call.values["id"])
    if project is None:
        return refusals.project_missing(call.values["id"])
    return answers.success(project_body(call.place, project), call.version)


def update_project(call: Call) -> Answer:
    """Change a project: 202 and an operation to poll (D.13)."""
    project = find(call, call.values["id"])
    if project is None:
        return refusals.project_missing(call.values["id"])
    call.note_change(f"project {project.name} updated")
    return _queued(call, "update", project.name)


def delete_project(call: Call) -> Answer:
    """Delete a project: 202 and an operation to poll (recorded)."""
    project = find(call, call.values["id"])
    if project is None:
        return refusals.project_missing(call.values["id"])
    call.note_change(f"project {project.name} deleted")
    return _queued(call, "delete", project.name)


def create_project(call: Call) -> Answer:
    """Create a project: 202 and an operation to poll (recorded)."""
    call.note_change("project created")
    return _queued(call, "create", "")


def _queued(call: Call, what: str, name: str) -> Answer:
    operation = stable_id("operation", what, name)
    body: answers.Json = {
        "id": operation,
        "status": "queued",
        "url": f"{call.place.url}/_apis/operations/{operation}",
    }
    return answers.success(body, call.version, status=202)


def list_teams(call: Call) -> Answer:
    """List the default team."""
    project = find(call, call.values["id"])
    if project is None:
        return refusals.project_missing(call.values["id"])
    return answers.items([_team(call, project, f"{project.name} Team")], call.version)


def create_team(call: Call) -> Answer:
    """Create a team; existence of the project comes before the body ([unconfirmed]: 404 or 400, §3b)."""
    project = find(call, call.values["id"])
    if project is None:
        return refusals.project_missing(call.values["id"])
    call.note_change(f"team created in {project.name}")
    try:
        name = str(json.loads(call.request.body or b"{}").get("name", "New Team"))
    except (ValueError, AttributeError):
        return answers.webapi_error(
            400, "Value cannot be null.\r\nParameter name: team", "ArgumentNullException"
        )
    return answers.success(_team(call, project, name), call.version, status=201)


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


def agent_pools(call: Call) -> Answer:
    """List the agent pools: the canary of a very broad token (§3b)."""
    return answers.items(
        [{"id": 1, "name": "Default", "isHosted": False, "poolType": "automation"}], call.version
    )


_READ = frozenset({"vso.profile", "vso.project"})  # either is enough (§1)
ROUTES = (
    Route("GET", "projects", _READ, list_projects, resource=4, strangers=True),
    Route("GET", "projects/{id}", _READ, read_project, resource=4, strangers=True),
    Route("PATCH", "projects/{id}", frozenset({"vso.project_write"}), update_project, resource=4),
    Route("DELETE", "projects/{id}", frozenset({"vso.project_manage"}), delete_project, resource=4),
    Route("POST", "projects", frozenset({"vso.project_manage"}), create_project, resource=4),
    Route("GET", "projects/{id}/teams", _READ, list_teams, resource=3),
    Route(
        "POST", "projects/{id}/teams", frozenset({"vso.project_manage"}), create_team, resource=3
    ),
    Route("GET", "distributedtask/pools", frozenset({"vso.agentpools"}), agent_pools),
)
