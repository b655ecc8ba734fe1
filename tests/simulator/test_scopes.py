"""The scope probes of facts/azure-devops.md §3b: what each needs, and that none of them touches anything."""

from typing import NamedTuple
from uuid import uuid4

import pytest

from aspm_ado.simulator.scopes import everything_in, satisfies

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
EACH = pytest.mark.parametrize("probe", PROBES, ids=[probe.scope for probe in PROBES])


def address(probe):
    host, _, rest = probe.url.partition("/")
    return f"{HOSTS[host]}/{rest}".replace("FAVORITE", FAVORITE).replace("{g}", str(uuid4()))


def send(ask, probe):
    body = {"-": None, "rev": TEST_REV}.get(probe.body, probe.body)
    headers = {"Content-Type": "application/json"} if body else {}
    if probe.body == "rev":
        headers = {"Content-Type": "application/json-patch+json"}
    return ask(probe.method, address(probe), body=body, headers=headers)


@EACH
def test_granted(simulate, probe):
    ask = simulate(scopes={probe.scope})
    got = send(ask, probe)
    assert got.status == int(probe.status)
    assert got.one("X-VSS-UserData"), "every authenticated answer names the user, errors included"
    if probe.kind:
        assert got.json["typeKey"] == probe.kind
    assert ask.simulator.changes == []


@EACH
@pytest.mark.parametrize("version", ["7.1", "9.9", None])
def test_missing_is_decided_before_existence_validation_and_version(simulate, probe, version):
    everything_else = {one.scope for one in PROBES} - {probe.scope}
    held = {scope for scope in everything_else if probe.scope not in everything_in({scope})}
    if probe.scope == "vso.project":
        held = {scope for scope in held if "vso.profile" not in everything_in({scope})}
    ask = simulate(scopes=held)
    url = address(probe).partition("?")[0]
    if version:
        url += f"?api-version={version}"
    got = ask(probe.method, url, body=b"not json at all" if probe.method != "GET" else None)
    assert (got.status, got.body) == (401, b"")
    assert got.one("X-VSS-UserData") is None


@EACH
def test_full_access_opens_everything(simulate, probe):
    ask = simulate(scopes={"app_token"})
    assert send(ask, probe).status == int(probe.status)
    assert ask.simulator.changes == []


@pytest.mark.parametrize(
    "scope", ["vso.code", "vso.work", "vso.build", "vso.hooks", "vso.profile_write"]
)
def test_code_work_and_build_imply_the_profile(scope):
    assert satisfies({scope}, frozenset({"vso.profile"}))


@pytest.mark.parametrize(
    ("highest", "lowest"),
    [
        ("vso.code_full", "vso.code"),
        ("vso.work_full", "vso.work"),
        ("vso.identity_manage", "vso.identity"),
        ("vso.project_manage", "vso.project"),
    ],
)
def test_higher_levels_contain_lower_ones_and_not_the_reverse(highest, lowest):
    assert satisfies({highest}, frozenset({lowest}))
    assert not satisfies({lowest}, frozenset({highest}))
    assert not satisfies({"vso.identity_manage"}, frozenset({"vso.profile"}))
    assert not satisfies({"vso.code_status"}, frozenset({"vso.code"}))


def test_a_token_without_scopes_still_knows_who_it_is(simulate):
    ask = simulate(scopes=set())
    assert ask("GET", DEV + "/connectionData").status == 200


def test_json_patch_needs_its_media_type(simulate):
    ask = simulate()
    url = DEV + "/wit/workItems/2147483647?api-version=7.1"
    assert (
        ask("PATCH", url, body=TEST_REV, headers={"Content-Type": "application/json"}).status == 415
    )


def test_version_is_required_where_something_is_written(simulate):
    got = simulate()("PATCH", DEV + f"/git/repositories/{uuid4()}", body="{}")
    assert (got.status, got.json["typeKey"]) == (400, "VssVersionNotSpecifiedException")


def test_editing_a_token_takes_effect_at_once(simulate):
    ask = simulate("missing-scope")
    probe = PROBES[2]
    assert send(ask, probe).status == 401
    ask.simulator.edit(ask.token, frozenset({"vso.code_full"}))
    assert send(ask, probe).status == 404
    assert ask.simulator.world.tokens[0].value == ask.token
    with pytest.raises(KeyError):
        ask.simulator.edit("no-such-token", frozenset())
