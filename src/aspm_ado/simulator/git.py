"""Git repositories: REST, and `git clone` (facts §6)."""

from __future__ import annotations

import gzip
import zlib
from typing import Final
from urllib.parse import quote

from aspm_ado.simulator import packs, responses
from aspm_ado.simulator.http import Headers, Response
from aspm_ado.simulator.routing import IncomingCall
from aspm_ado.simulator.scopes import satisfies
from aspm_ado.simulator.world import GitRepository, TeamProject

_NEEDS: Final = {"git-upload-pack": "vso.code", "git-receive-pack": "vso.code_write"}


def project_body(call: IncomingCall, project: TeamProject) -> dict[str, object]:
    """Return the project as lists show it; times have a Z and three digits at most (D.8)."""
    identifier = call.organization.project_id(project)
    body: dict[str, object] = {"id": identifier, "name": project.name}
    if project.description:
        body["description"] = project.description
    return body | {
        "url": f"{call.url}/_apis/projects/{identifier}",
        "state": "wellFormed",
        "revision": 11 + len(project.name),
        "visibility": "public" if project.public else "private",
        "lastUpdateTime": "2026-03-26T06:42:13.473Z",
    }


def list_repositories(call: IncomingCall) -> Response:
    """List repositories, unpaged and in chunks; `value` comes before `count` (recorded)."""
    project = call.values.get("project")
    if project is not None and call.find_project(project) is None:
        return responses.project_missing(project)
    if _sees_no_code(call):
        return responses.refuse("git-permission-missing")
    listed = [_repository_body(call, *one) for one in _readable(call)]
    response = responses.items(listed, call.version, count_last=True)
    response.is_chunked = True
    return response


def answer_repository(call: IncomingCall) -> Response:
    """Read, update, or delete a repository, or move its branches (recorded).

    Even an empty list of branches counts as a write.
    """
    name, method = call.values["repository"], call.request.method
    found = _find(call, name)
    if found is None:
        return responses.refuse("repository-missing", name=name)
    repository = found[1].name
    if method == "DELETE":
        call.live.note_change(f"repository {repository} deleted")
        return Response(204)
    if method == "POST":
        call.live.note_change(f"refs of {repository} updated")
        return responses.items([], call.version, count_last=True)
    if method == "PATCH":
        call.live.note_change(f"repository {repository} updated")
    return responses.success(_repository_body(call, *found), call.version)


def is_advertisement(rest: tuple[str, ...]) -> bool:
    """Whether the path is the first of a clone."""
    return len(rest) in (4, 5) and rest[-4] == "_git" and rest[-2:] == ("info", "refs")


def _is_upload(rest: tuple[str, ...]) -> bool:
    """Whether the path is the second of a clone."""
    return len(rest) in (3, 4) and rest[-3] == "_git" and rest[-1] == "git-upload-pack"


def is_clone(rest: tuple[str, ...]) -> bool:
    """Whether the path is one of `git`."""
    return is_advertisement(rest) or _is_upload(rest)


def answer_git(call: IncomingCall) -> Response:
    """Advertise the refs of a repository, or send its objects."""
    is_upload = _is_upload(call.rest)
    service = "git-upload-pack" if is_upload else call.request.query.get("service", "")
    if call.request.method != ("POST" if is_upload else "GET") or service not in _NEEDS:
        return responses.no_such_route(call.request.path)
    if call.token and not satisfies(call.token.scopes, {_NEEDS[service]}):
        return responses.scope_missing(call.challenges)
    # The short form, without a project, means the repository with the project's name.
    at = call.rest.index("_git")
    name = call.rest[at + 1]
    call.values = {"project": call.rest[0] if at else name}
    found = _find(call, name)
    # The answer of a disabled repository is [unconfirmed]; here it is as if not readable.
    if found is None or found[1].disabled:
        if call.token is None:  # git needs this to send a token
            return responses.authentication_required(call.challenges)
        return responses.refuse("repository-missing", name=name)
    user, _ = call.request.credentials or ("", "")
    # §6: "a username, which can be anything except the empty string", where one is needed.
    if not {"token": True, "username": bool(user), "nothing": False}[found[1].clone]:
        return responses.authentication_required(call.challenges)
    if is_upload:
        return _uploaded(call, found[1])
    return Response(200, _advertisement(service, found[1]), _as(service, "advertisement"))


def _as(service: str, what: str) -> Headers:
    return (
        ("Content-Type", f"application/x-{service}-{what}"),
        ("Cache-Control", "no-cache, max-age=0, must-revalidate"),
    )


def _uploaded(call: IncomingCall, repository: GitRepository) -> Response:
    body = call.request.body
    if call.request.header("Content-Encoding") == "gzip":  # git does so from 1 KB on
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            body = b""
    return Response(200, packs.upload(repository.name, body), _as("git-upload-pack", "result"))


def _advertisement(service: str, repository: GitRepository) -> bytes:
    branch = repository.default_branch
    if branch is None:  # an empty repository advertises only its abilities
        refs = [f"{'0' * 40} capabilities^{{}}\0{packs.ABILITIES}\n"]
    else:
        commit = packs.commit_of(repository.name)
        abilities = f"{packs.ABILITIES} symref=HEAD:{branch}"
        refs = [f"{commit} HEAD\0{abilities}\n", f"{commit} {branch}\n"]
    start = packs.packet(f"# service={service}\n") + packs.FLUSH
    return start + b"".join(map(packs.packet, refs)) + packs.FLUSH


def _sees_no_code(call: IncomingCall) -> bool:
    return call.organization.stakeholders and call.token is not None


def _find(call: IncomingCall, name_or_id: str) -> tuple[TeamProject, GitRepository] | None:
    """Find a readable repository by id, or by name within the project of the path."""
    wanted = name_or_id.casefold()
    for project, repository in _readable(call):
        by_name = "project" in call.values and repository.name.casefold() == wanted
        if by_name or call.organization.repository_id(project, repository) == wanted:
            return project, repository
    return None


def _readable(call: IncomingCall) -> list[tuple[TeamProject, GitRepository]]:
    """Return the repositories that the caller can read, of one project or all."""
    if _sees_no_code(call):
        return []
    chosen = call.visible_projects
    if "project" in call.values:
        named = call.find_project(call.values["project"])
        chosen = (named,) if named else ()
    return [(project, one) for project in chosen for one in project.repositories if one.readable]


def _repository_body(
    call: IncomingCall, project: TeamProject, repository: GitRepository
) -> dict[str, object]:
    """No defaultBranch if empty; isDisabled only since 2020 (recorded)."""
    organization = call.organization
    identifier = organization.repository_id(project, repository)
    inside = f"{call.url}/{organization.project_id(project)}/_apis/git/repositories"
    names = quote(project.name), quote(repository.name)
    web = f"{call.url}/{'/_git/'.join(names)}"
    clone = web
    if call.server is None:
        # On Services the clone URL has the organization as its user (D.12).
        clone = web.replace("https://", f"https://{organization.name}@", 1)
    body: dict[str, object] = {
        "id": identifier,
        "name": repository.name,
        "url": f"{inside}/{identifier}",
        "project": project_body(call, project),
        "size": 1602 if repository.default_branch else 0,
        "remoteUrl": clone,
        "sshUrl": f"git@ssh.dev.azure.com:v3/{organization.name}/{'/'.join(names)}",
        "webUrl": web,
    }
    if repository.default_branch:
        body["defaultBranch"] = repository.default_branch
    if call.edition.released != "5.0":
        body |= {"isDisabled": repository.disabled, "isInMaintenance": False}
    return body
