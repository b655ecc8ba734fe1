"""Git repositories: REST, and `git clone` (facts §6).

A repository has one commit with a README. The smart HTTP protocol is version 0
(https://git-scm.com/docs/pack-protocol): as at Azure Repos, a client that requests version 2 gets
version 0.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from hashlib import sha1
from typing import Final
from urllib.parse import quote

from aspm_ado.simulator import responses
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
    return Response(200, upload(repository.name, body), _as("git-upload-pack", "result"))


def _advertisement(service: str, repository: GitRepository) -> bytes:
    branch = repository.default_branch
    if branch is None:  # an empty repository advertises only its abilities
        refs = [f"{'0' * 40} capabilities^{{}}\0{ABILITIES}\n"]
    else:
        commit = commit_of(repository.name)
        abilities = f"{ABILITIES} symref=HEAD:{branch}"
        refs = [f"{commit} HEAD\0{abilities}\n", f"{commit} {branch}\n"]
    start = packet(f"# service={service}\n") + FLUSH
    return start + b"".join(map(packet, refs)) + FLUSH


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


# The pack


FLUSH: Final = b"0000"
ABILITIES: Final = "multi_ack multi_ack_detailed side-band-64k ofs-delta shallow no-progress"
_KINDS: Final = {"commit": 1, "tree": 2, "blob": 3}
_BY: Final = "Ada Example <ada@contoso.example> 1774507333 +0000"
_BAND: Final = 65000
_HAVE: Final = re.compile(rb"have ([0-9a-f]{40})\n?")


def packet(line: str | bytes) -> bytes:
    """One pkt-line."""
    data = line.encode() if isinstance(line, str) else line
    return b"%04x" % (len(data) + 4) + data


def _read_packets(body: bytes) -> list[bytes]:
    """The pkt-lines of a request, a flush as an empty one, up to an invalid one."""
    found = []
    while match := re.match(rb"[0-9a-f]{4}", body):
        size = int(match[0], 16) or 4
        found.append(body[4:size])
        body = body[max(size, 4) :]
    return found


def _objects(name: str) -> dict[str, tuple[str, bytes]]:
    """The objects of a repository by id; the commit is last."""
    made: dict[str, tuple[str, bytes]] = {}

    def keep(kind: str, data: bytes) -> str:
        head = f"{kind} {len(data)}\0".encode()
        identifier = sha1(head + data, usedforsecurity=False).hexdigest()
        made[identifier] = (kind, data)
        return identifier

    readme = keep("blob", f"# {name}\n\nA repository of the simulation.\n".encode())
    tree = keep("tree", b"100644 README.md\0" + bytes.fromhex(readme))
    about = f"tree {tree}\nauthor {_BY}\ncommitter {_BY}\n\nBegin {name}\n"
    keep("commit", about.encode())
    return made


def commit_of(name: str) -> str:
    """The id of the commit of a repository."""
    return list(_objects(name))[-1]


def _pack(name: str) -> bytes:
    objects = _objects(name).values()
    made = b"PACK" + struct.pack(">II", 2, len(objects))
    for kind, data in objects:
        size = len(data)
        byte, size = _KINDS[kind] << 4 | size & 15, size >> 4
        while size:
            made += bytes([byte | 128])
            byte, size = size & 127, size >> 7
        made += bytes([byte]) + zlib.compress(data)
    return made + sha1(made, usedforsecurity=False).digest()


def upload(name: str, body: bytes) -> bytes:
    """Answer a POST to `git-upload-pack`: negotiate until “done”, then send the pack."""
    asked, commit = _read_packets(body), commit_of(name).encode()
    if not any(line.startswith(b"want " + commit) for line in asked):
        return packet("ERR upload-pack: not our ref\n")
    answer = b""
    if any(line.startswith(b"deepen ") for line in asked):
        answer = FLUSH  # a commit without parents is not shallow
    has_it = any(have[1] == commit for have in map(_HAVE.fullmatch, asked) if have)
    known = packet(b"ACK " + commit + b"\n") if has_it else packet("NAK\n")
    if not any(line.strip() == b"done" for line in asked):
        if any(map(_HAVE.fullmatch, asked)):
            common = packet(b"ACK " + commit + b" common\n") if has_it else b""
            answer += common + packet("NAK\n")
        return answer
    sent = _pack(name)
    if b"side-band-64k" not in asked[0]:
        return answer + known + sent
    bands = (sent[at : at + _BAND] for at in range(0, len(sent), _BAND))
    return answer + known + b"".join(packet(b"\1" + band) for band in bands) + FLUSH
