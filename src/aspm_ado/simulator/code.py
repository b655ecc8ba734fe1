"""Git repositories over REST: lists, one repository, its refs, and the writes that a probe aims at nothing."""

from __future__ import annotations

from urllib.parse import quote

from aspm_ado.simulator import answers, projects, refusals
from aspm_ado.simulator.exchange import Answer
from aspm_ado.simulator.routes import Call, Place, Route
from aspm_ado.simulator.world import Project, Repository, stable_id

Found = tuple[Project, Repository]


def repository_id(place: Place, project: Project, repository: Repository) -> str:
    """Return the id of a repository."""
    return stable_id("repository", place.organization.name, project.name, repository.name)


def commit_id(repository: Repository) -> str:
    """Return the 40-digit id of the only commit of a repository."""
    return (stable_id("commit", repository.name) + stable_id("tree", repository.name)).replace(
        "-", ""
    )[:40]


def find(call: Call, name_or_id: str) -> Found | None:
    """Find a readable repository by id, or by name within the project of the path."""
    wanted = name_or_id.casefold()
    for project, repository in readable(call):
        by_name = call.project is not None and repository.name.casefold() == wanted
        if by_name or repository_id(call.place, project, repository) == wanted:
            return project, repository
    return None


def readable(call: Call) -> list[Found]:
    """Return the repositories that the caller may read, of one project or of all."""
    inside = call.project
    chosen = (
        projects.visible(call)
        if inside is None
        else tuple(p for p in (projects.find(call, inside),) if p)
    )
    return [
        (project, repository)
        for project in chosen
        for repository in project.repositories
        if repository.readable
    ]


def repository_body(place: Place, project: Project, repository: Repository) -> dict[str, object]:
    """Return the repository as real lists do: no defaultBranch when empty; isDisabled only since 2020 (recorded)."""
    identifier = repository_id(place, project, repository)
    path = f"{quote(project.name)}/_git/{quote(repository.name)}"
    web = f"{place.url}/{path}"
    body: dict[str, object] = {
        "id": identifier,
        "name": repository.name,
        "url": f"{place.url}/{projects.project_id(place.organization, project)}/_apis/git/repositories/{identifier}",
        "project": projects.project_body(place, project),
    }
    if repository.default_branch:
        body["defaultBranch"] = repository.default_branch
    # On Services the clone address carries the organization as its user (D.12).
    user = "" if place.edition else f"{place.organization.name}@"
    body |= {
        "size": 1602 if repository.default_branch else 0,
        "remoteUrl": web.replace("https://", f"https://{user}", 1),
        "sshUrl": f"git@ssh.dev.azure.com:v3/{place.organization.name}/{quote(project.name)}/{quote(repository.name)}",
        "webUrl": web,
    }
    if place.edition is None or place.edition.released != "5.0":
        body |= {"isDisabled": repository.disabled, "isInMaintenance": False}
    return body


def list_repositories(call: Call) -> Answer:
    """List repositories, unpaged; `value` comes before `count` (recorded)."""
    if call.project is not None and projects.find(call, call.project) is None:
        return refusals.project_missing(call.project)
    return answers.items(
        [repository_body(call.place, *one) for one in readable(call)], call.version, count_last=True
    )


def read_repository(call: Call) -> Answer:
    """Read one repository."""
    found = find(call, call.values["repository"])
    if found is None:
        return refusals.repository_missing(call.values["repository"])
    return answers.success(repository_body(call.place, *found), call.version)


def update_repository(call: Call) -> Answer:
    """Rename, disable or re-point a repository."""
    found = find(call, call.values["repository"])
    if found is None:
        return refusals.repository_missing(call.values["repository"])
    call.note_change(f"repository {found[1].name} updated")
    return answers.success(repository_body(call.place, *found), call.version)


def delete_repository(call: Call) -> Answer:
    """Delete a repository: 204 (recorded)."""
    found = find(call, call.values["repository"])
    if found is None:
        return refusals.repository_missing(call.values["repository"])
    call.note_change(f"repository {found[1].name} deleted")
    return answers.no_content()


def list_refs(call: Call) -> Answer:
    """List the only branch."""
    found = find(call, call.values["repository"])
    if found is None:
        return refusals.repository_missing(call.values["repository"])
    branch = found[1].default_branch
    refs: list[object] = [{"name": branch, "objectId": commit_id(found[1])}] if branch else []
    return answers.items(refs, call.version, count_last=True)


def update_refs(call: Call) -> Answer:
    """Move branches. Even an empty list counts as a write once it reached a repository."""
    found = find(call, call.values["repository"])
    if found is None:
        return refusals.repository_missing(call.values["repository"])
    call.note_change(f"refs of {found[1].name} updated")
    return answers.items([], call.version, count_last=True)


_READ = frozenset({"vso.code"})
_WRITE = frozenset({"vso.code_write"})
_MANAGE = frozenset({"vso.code_manage"})
ROUTES = (
    Route("GET", "git/repositories", _READ, list_repositories, strangers=True),
    Route("GET", "git/repositories/{repository}", _READ, read_repository, strangers=True),
    Route("PATCH", "git/repositories/{repository}", _MANAGE, update_repository),
    Route("DELETE", "git/repositories/{repository}", _MANAGE, delete_repository),
    Route("GET", "git/repositories/{repository}/refs", _READ, list_refs, strangers=True),
    Route("POST", "git/repositories/{repository}/refs", _WRITE, update_refs),
)
