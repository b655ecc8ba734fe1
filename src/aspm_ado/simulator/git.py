"""Git repositories: over REST, and the one GET that every clone starts with (facts §6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from aspm_ado.simulator import responses
from aspm_ado.simulator.http import Response
from aspm_ado.simulator.routing import Call, Place
from aspm_ado.simulator.scopes import satisfies
from aspm_ado.simulator.world import Organization, Project, Repository, stable_id

Found = tuple[Project, Repository]

_NEEDS: Final = {"git-upload-pack": "vso.code", "git-receive-pack": "vso.code_write"}
_ABILITIES: Final = "multi_ack side-band-64k ofs-delta shallow no-progress"


def project_id(organization: Organization, project: Project) -> str:
    """Return the id of a project."""
    return stable_id("project", organization.name, project.name)


def repository_id(organization: Organization, project: Project, repository: Repository) -> str:
    """Return the id of a repository."""
    return stable_id("repository", organization.name, project.name, repository.name)


def visible_projects(call: Call) -> tuple[Project, ...]:
    """Return the projects that the caller may see: a stranger only the public ones."""
    every = call.place.organization.projects
    return every if call.caller.token else tuple(one for one in every if one.public)


def find_project(call: Call, name_or_id: str) -> Project | None:
    """Find a project that the caller may see, by id or by name without case."""
    wanted = name_or_id.casefold()
    for project in visible_projects(call):
        if wanted in (project.name.casefold(), project_id(call.place.organization, project)):
            return project
    return None


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


def list_repositories(call: Call) -> Response:
    """List repositories, unpaged and in chunks; `value` comes before `count` (recorded)."""
    if call.project is not None and find_project(call, call.project) is None:
        return responses.project_missing(call.project)
    if _sees_no_code(call):
        return responses.refusal("git-permission-missing")
    listed: list[object] = [_body(call.place, *one) for one in _readable(call)]
    return replace(responses.items(listed, call.version, count_last=True), is_chunked=True)


def read_repository(call: Call) -> Response:
    """Read one repository."""
    found = _find(call, call.values["repository"])
    if found is None:
        return _missing(call)
    return responses.success(_body(call.place, *found), call.version)


def update_repository(call: Call) -> Response:
    """Rename, disable or re-point a repository."""
    found = _find(call, call.values["repository"])
    if found is None:
        return _missing(call)
    call.state.note_change(f"repository {found[1].name} updated")
    return responses.success(_body(call.place, *found), call.version)


def delete_repository(call: Call) -> Response:
    """Delete a repository: 204 (recorded)."""
    found = _find(call, call.values["repository"])
    if found is None:
        return _missing(call)
    call.state.note_change(f"repository {found[1].name} deleted")
    return responses.no_content()


def update_refs(call: Call) -> Response:
    """Move branches. Even an empty list counts as a write once it reached a repository."""
    found = _find(call, call.values["repository"])
    if found is None:
        return _missing(call)
    call.state.note_change(f"refs of {found[1].name} updated")
    return responses.items([], call.version, count_last=True)


def is_advertisement(rest: tuple[str, ...]) -> bool:
    """Whether the path below the organization is where a clone starts."""
    return len(rest) in (4, 5) and rest[-4] == "_git" and rest[-2:] == ("info", "refs")


def advertise(call: Call) -> Response:
    """Advertise the refs of a repository, as git expects them."""
    service = call.request.query.get("service", "")
    needed = _NEEDS.get(service)
    if call.request.method != "GET" or needed is None:
        return responses.no_such_route(call.request.path)
    token, place = call.caller.token, call.place
    if token is not None and not satisfies(token.scopes, frozenset({needed})):
        return responses.scope_missing(place.challenges)
    name = call.rest[-3]
    # The short form, without a project, names the repository of the project's own name.
    project = call.rest[0] if len(call.rest) == 5 else name
    found = _find(replace(call, values={"project": project}), name)
    # What a disabled repository says here is [unconfirmed]; it is treated as not readable.
    if found is None or found[1].disabled:
        return responses.refusal("repository-missing", name=name)
    user, _ = call.request.credentials or ("", "")
    if not _lets_in(found[1], user):
        return responses.authentication_required(place.challenges)
    headers = (
        ("Content-Type", f"application/x-{service}-advertisement"),
        ("Cache-Control", "no-cache, max-age=0, must-revalidate"),
    )
    return Response(200, _advertisement(service, found[1]), headers)


def _lets_in(repository: Repository, user: str) -> bool:
    """§6: "a username, which can be anything except the empty string", where one is needed."""
    if repository.clone == "nothing":
        return False
    return repository.clone == "token" or bool(user)


def _advertisement(service: str, repository: Repository) -> bytes:
    branch, commit = repository.default_branch, _commit(repository)
    lines = [_packet(f"# service={service}\n"), b"0000"]
    if branch is None:  # an empty repository advertises its abilities alone
        lines.append(_packet(f"{'0' * 40} capabilities^{{}}\0{_ABILITIES}\n"))
    else:
        lines.append(_packet(f"{commit} HEAD\0{_ABILITIES} symref=HEAD:{branch}\n"))
        lines.append(_packet(f"{commit} {branch}\n"))
    return b"".join(lines) + b"0000"


def _packet(line: str) -> bytes:
    return f"{len(line.encode()) + 4:04x}{line}".encode()


def _commit(repository: Repository) -> str:
    """The 40-digit id of the only commit of a repository."""
    digits = stable_id("commit", repository.name) + stable_id("tree", repository.name)
    return digits.replace("-", "")[:40]


def _missing(call: Call) -> Response:
    return responses.refusal("repository-missing", name=call.values["repository"])


def _sees_no_code(call: Call) -> bool:
    return call.place.organization.stakeholders and call.caller.token is not None


def _find(call: Call, name_or_id: str) -> Found | None:
    """Find a readable repository by id, or by name within the project of the path."""
    wanted = name_or_id.casefold()
    for project, repository in _readable(call):
        by_name = call.project is not None and repository.name.casefold() == wanted
        if by_name or repository_id(call.place.organization, project, repository) == wanted:
            return project, repository
    return None


def _readable(call: Call) -> list[Found]:
    """Return the repositories that the caller may read, of one project or of all."""
    if _sees_no_code(call):
        return []
    chosen = visible_projects(call)
    if call.project is not None:
        named = find_project(call, call.project)
        chosen = (named,) if named else ()
    return [
        (project, repository)
        for project in chosen
        for repository in project.repositories
        if repository.readable
    ]


def _body(place: Place, project: Project, repository: Repository) -> dict[str, object]:
    """As real lists do: no defaultBranch when empty; isDisabled only since 2020 (recorded)."""
    organization = place.organization
    identifier = repository_id(organization, project, repository)
    path = f"{quote(project.name)}/_git/{quote(repository.name)}"
    inside = f"{place.url}/{project_id(organization, project)}/_apis/git/repositories"
    ssh = f"git@ssh.dev.azure.com:v3/{organization.name}"
    # On Services the clone address carries the organization as its user (D.12).
    user = "" if place.server else f"{organization.name}@"
    body: dict[str, object] = {
        "id": identifier,
        "name": repository.name,
        "url": f"{inside}/{identifier}",
        "project": project_body(place, project),
        "size": 1602 if repository.default_branch else 0,
        "remoteUrl": f"{place.url}/{path}".replace("https://", f"https://{user}", 1),
        "sshUrl": f"{ssh}/{quote(project.name)}/{quote(repository.name)}",
        "webUrl": f"{place.url}/{path}",
    }
    if repository.default_branch:
        body["defaultBranch"] = repository.default_branch
    if place.server is None or place.server.released != "5.0":
        body |= {"isDisabled": repository.disabled, "isInMaintenance": False}
    return body
