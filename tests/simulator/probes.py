"""The scope probes of facts/azure-devops.md §3b: what each needs, and what it gets when that is granted."""

from typing import NamedTuple
from uuid import uuid4

HOSTS = {
    "DEV": "https://dev.azure.com/contoso/_apis",
    "SPS": "https://vssps.dev.azure.com/contoso/_apis",
    "AEX": "https://vsaex.dev.azure.com/contoso/_apis",
}
DEV = HOSTS["DEV"]
TEST_REV = '[{"op":"test","path":"/rev","value":1}]'
FAVORITE = "artifactType=Microsoft.TeamFoundation.Build.Definition&artifactScopeType=Project&artifactScopeId={g}"


class Probe(NamedTuple):
    scope: str
    method: str
    url: str
    body: str
    status: str
    """When it is granted."""
    kind: str = ""


# {g} is an id that nobody has; `-` is no body, `rev` the JSON patch that only looks.
PROBES = [
    Probe(*line.split())
    for line in """
vso.code            GET     DEV/git/repositories/{g}?api-version=7.1       -    404  GitRepositoryNotFoundException
vso.code_write      POST    DEV/git/repositories/{g}/refs?api-version=7.1  []   404  GitRepositoryNotFoundException
vso.code_manage     PATCH   DEV/git/repositories/{g}?api-version=7.1       {}   404  GitRepositoryNotFoundException
vso.work            GET     DEV/wit/workItems/2147483647?api-version=7.1   -    404  WorkItemUnauthorizedAccessException
vso.work_write      PATCH   DEV/wit/workItems/2147483647?validateOnly=true&api-version=7.1  rev  404  WorkItemUnauthorizedAccessException
vso.work_full       DELETE  DEV/wit/attachments/{g}?api-version=7.2-preview.4  -  404  AttachmentNotFoundException
vso.identity        GET     SPS/identities?identityIds={g}&api-version=7.1     -  200
vso.profile         GET     SPS/profile/profiles/me?api-version=7.1            -  200
vso.profile_write   DELETE  DEV/favorite/favorites/{g}?FAVORITE&api-version=7.1-preview.1   -  204
vso.project         GET     DEV/projects?$top=1&stateFilter=wellFormed&api-version=7.1      -  200
vso.project_write   PATCH   DEV/projects/{g}?api-version=7.1               {}   404  ProjectDoesNotExistException
vso.project_manage  POST    DEV/projects/{g}/teams?api-version=7.1         {}   404  ProjectDoesNotExistException
vso.agentpools      GET     DEV/distributedtask/pools?$top=1               -    200
vso.graph           GET     SPS/graph/users                                -    200
vso.memberentitlementmanagement  GET  AEX/userentitlements?top=1           -    200
""".strip().splitlines()
]


def address(probe):
    host, _, rest = probe.url.partition("/")
    return f"{HOSTS[host]}/{rest}".replace("FAVORITE", FAVORITE).replace("{g}", str(uuid4()))


def request_of(probe):
    """Its method, address, headers and body, about something that is not there."""
    body = {"-": None, "rev": TEST_REV}.get(probe.body, probe.body)
    headers = {"Content-Type": "application/json"} if body else {}
    if probe.body == "rev":
        headers = {"Content-Type": "application/json-patch+json"}
    return probe.method, address(probe), headers, body
