"""The git smart-HTTP door: the one GET that every clone starts with (facts/azure-devops.md §6)."""

from __future__ import annotations

from aspm_ado.simulator import admission, answers, code, refusals
from aspm_ado.simulator.exchange import Answer, Request
from aspm_ado.simulator.routes import Call, Caller, Place
from aspm_ado.simulator.scopes import satisfies
from aspm_ado.simulator.world import Repository, World

_NEEDS = {"git-upload-pack": "vso.code", "git-receive-pack": "vso.code_write"}


def target_of(rest: tuple[str, ...]) -> tuple[str, str] | None:
    """Return project and repository when the path below the organization is a git advertisement."""
    match rest:
        case (project, "_git", repository, "info", "refs"):
            return project, repository
        case (
            "_git",
            repository,
            "info",
            "refs",
        ):  # the short form names the project's own repository
            return repository, repository
        case _:
            return None


def advertise(
    target: tuple[str, str], request: Request, world: World, place: Place, caller: Caller
) -> Answer:
    """Advertise the refs of a repository, as git expects them."""
    service = request.query.get("service", "")
    needed = _NEEDS.get(service)
    if request.method != "GET" or needed is None:
        return answers.no_such_route(request.path)
    if caller.token is not None and not satisfies(caller.token.scopes, frozenset({needed})):
        return answers.scope_missing(place.challenges)
    project, name = target
    call = Call(request, world, place, caller, {"project": project}, None, _nothing_changes, ())
    found = code.find(call, name)
    # What a disabled repository says here is [unconfirmed]; it is treated as not readable.
    if found is None or found[1].disabled:
        return refusals.repository_missing(name)
    user = (admission.credentials(request) or ("", ""))[0]
    if found[1].needs_username and not user:
        # §6: "a username, which can be anything except the empty string"
        return answers.scope_missing(place.challenges)
    headers = (
        ("Content-Type", f"application/x-{service}-advertisement"),
        ("Cache-Control", "no-cache, max-age=0, must-revalidate"),
    )
    return Answer(200, _advertisement(service, found[1]), headers)


def _nothing_changes(what: str) -> None:
    raise AssertionError(f"an advertisement changed something: {what}")


def _advertisement(service: str, repository: Repository) -> bytes:
    commit = code.commit_id(repository)
    branch = repository.default_branch
    lines = [_packet(f"# service={service}\n"), b"0000"]
    abilities = "multi_ack side-band-64k ofs-delta shallow no-progress"
    if branch is None:  # an empty repository advertises its abilities alone
        lines.append(_packet(f"{'0' * 40} capabilities^{{}}\0{abilities}\n"))
    else:
        lines.append(_packet(f"{commit} HEAD\0{abilities} symref=HEAD:{branch}\n"))
        lines.append(_packet(f"{commit} {branch}\n"))
    return b"".join(lines) + b"0000"


def _packet(line: str) -> bytes:
    return f"{len(line.encode()) + 4:04x}{line}".encode()
