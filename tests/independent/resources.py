"""What an organization or a collection has inside, once the door is open: who you are, code, work, people, projects."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .answers import ANONYMOUS, TENANT, Answer, Desk
from .ledger import Request
from .world import Organization, Person, Project, Repository, World, some_id


@dataclass(frozen=True)
class Ask:
    """A question that got past the door."""

    request: Request
    desk: Desk
    world: World
    place: Organization
    person: Person | None
    base: str
    found: dict[str, str]
    version: str = "7.1"

    def document(self, body: object, *, status: int = 200, chunked: bool = False) -> Answer:
        """JSON for this person."""
        return self.desk.document(body, self.person, self.version, status=status, chunked=chunked)

    def absent(self, message: str, type_key: str) -> Answer:
        """404: there is no such thing, or you may not see it."""
        return self.desk.error(404, message, type_key, self.person)


def _identity(person: Person, hosted: bool) -> dict[str, object]:
    owner = f"Microsoft.IdentityModel.Claims.ClaimsIdentity;{TENANT}\\{person.account}"
    return {
        "id": person.id,
        "descriptor": owner
        if hosted
        else "System.Security.Principal.WindowsIdentity;S-1-5-21-1-2-3-1001",
        "subjectDescriptor": "aad.QWRh" if hosted else "win.QWRh",
        "providerDisplayName": person.name if hosted else f"CORP\\{person.account}",
        "isActive": True,
        "properties": {"Account": {"$type": "System.String", "$value": person.account}},
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


def connection_data(ask: Ask) -> Answer:
    """Who am I, and where? Anonymous gets an answer too, where there are public projects."""
    who: dict[str, object] = {
        "id": ANONYMOUS,
        "descriptor": "System:PublicAccess;aaaaaaaa",
        "providerDisplayName": "Anonymous",
        "properties": {},
    }
    if ask.person is not None:
        who = _identity(ask.person, ask.desk.hosted)
    directory = (
        "/"
        if ask.desk.hosted
        else (re.sub(r"^https://[^/]+", "", ask.base).rsplit("/", 1)[0] or "/")
    )
    return ask.document(
        {
            "authenticatedUser": who,
            "authorizedUser": who,
            "instanceId": ask.place.id,
            "deploymentId": TENANT,
            "deploymentType": "hosted" if ask.desk.hosted else "onPremises",
            "locationServiceData": {
                "serviceOwner": some_id(),
                "accessMappings": [],
                "webApplicationRelativeDirectory": directory,
            },
        }
    )


def _project(ask: Ask, project: Project) -> dict[str, object]:
    return {
        "id": project.id,
        "name": project.name,
        "url": f"{ask.base}/_apis/projects/{project.id}",
        "state": "wellFormed",
        "revision": 12,
        "visibility": "private",
        "lastUpdateTime": "2026-03-26T06:42:13.473Z",
    }


def projects(ask: Ask) -> Answer:
    """A page of projects; the continuation is in a header."""
    query = ask.request.query
    skip = int(query.get("continuationtoken") or query.get("$skip") or 0)
    top = int(query.get("$top") or 100)
    page = ask.place.projects[skip : skip + top]
    answer = ask.document({"count": len(page), "value": [_project(ask, one) for one in page]})
    more = skip + top < len(ask.place.projects)
    return answer.plus(("x-ms-continuationtoken", str(skip + top))) if more else answer


def _repository(ask: Ask, project: Project, repository: Repository) -> dict[str, object]:
    base, where = ask.base, f"{project.name}/_git/{repository.name}".replace(" ", "%20")
    userinfo = f"https://{ask.place.name}@" if ask.desk.hosted else "https://"
    listed: dict[str, object] = {
        "id": repository.id,
        "name": repository.name,
        "url": f"{base}/{project.id}/_apis/git/repositories/{repository.id}",
        "project": _project(ask, project),
        "size": 0 if repository.empty else 1602,
        "remoteUrl": f"{base}/{where}".replace("https://", userinfo, 1),
        "webUrl": f"{base}/{where}",
        "isDisabled": repository.disabled,
        "isInMaintenance": False,
    }
    return listed if repository.empty else listed | {"defaultBranch": "refs/heads/main"}


def repositories(ask: Ask) -> Answer:
    """All at once, value before count, in chunks."""
    if ask.place.stakeholders:
        told = "TF401027: You need the Git 'GenericRead' permission to perform this action."
        return ask.desk.error(403, told, "GitNeedsPermissionException", ask.person)
    wanted = ask.found.get("project", "").lower()
    chosen = [
        one for one in ask.place.projects if not wanted or wanted in (one.name.lower(), one.id)
    ]
    if not chosen:
        return ask.absent(
            f"TF200016: The following project does not exist: {wanted}.",
            "ProjectDoesNotExistWithNameException",
        )
    listed = [_repository(ask, project, one) for project in chosen for one in project.repositories]
    return ask.document({"value": listed, "count": len(listed)}, chunked=True)


def repository(ask: Ask) -> Answer:
    """One repository by id or name; a write here finds nothing, ever."""
    for project in ask.place.projects:
        for one in project.repositories:
            if ask.request.method == "GET" and ask.found["id"].lower() in (
                one.id,
                one.name.lower(),
            ):
                return ask.document(_repository(ask, project, one))
    return ask.desk.no_repository(ask.found["id"], ask.person)


def work_item(ask: Ask) -> Answer:
    """There are none."""
    message = f"TF401232: Work item {ask.found['id']} does not exist, or you do not have permissions to read it."
    return ask.absent(message, "WorkItemUnauthorizedAccessException")


def attachment(ask: Ask) -> Answer:
    """There are none."""
    return ask.absent(
        f"The attachment {ask.found['id']} could not be found.", "AttachmentNotFoundException"
    )


def favorite(ask: Ask) -> Answer:
    """Services say nothing about a favorite that is not there; a Server says so."""
    if ask.desk.hosted:
        return ask.desk.empty(204, ask.person)
    return ask.absent(
        f"The favorite {ask.found['id']} could not be found.", "FavoriteNotFoundException"
    )


def project_write(ask: Ask) -> Answer:
    """A write to a project finds nothing, ever."""
    message = f"VS800075: The project with id 'vstfs:///Classification/TeamProject/{ask.found['id']}' does not exist."
    return ask.absent(message, "ProjectDoesNotExistException")


def project_read(ask: Ask) -> Answer:
    """One project by id or name."""
    for one in ask.place.projects:
        if ask.found["id"].lower() in (one.id, one.name.lower()):
            return ask.document(_project(ask, one))
    return project_write(ask)


def identities(ask: Ask) -> Answer:
    """Those asked for; null for one that is unknown."""
    asked = [one for one in ask.request.query.get("identityids", "").split(",") if one]
    known = {person.id: person for person in ask.place.members}
    listed = [_identity(known[one], ask.desk.hosted) if one in known else None for one in asked]
    return ask.document({"count": len(listed), "value": listed})


def profile(ask: Ask) -> Answer:
    """The profile of whoever asks."""
    person = ask.person
    if person is None:
        return ask.desk.not_authenticated()
    stamp = "2026-01-15T09:04:12.1234567+00:00"
    return ask.document(
        {
            "displayName": person.name,
            "publicAlias": person.id,
            "emailAddress": person.account,
            "coreRevision": 7,
            "timeStamp": stamp,
            "id": person.id,
        }
    )


def nothing_much(ask: Ask) -> Answer:
    """An empty list: only its status matters."""
    return ask.document({"count": 0, "value": []})
