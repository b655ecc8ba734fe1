"""The scope probes of facts/azure-devops.md §3b: what each needs, and that none of them touches anything."""

from uuid import uuid4

import pytest

from aspm_ado.simulator.scopes import everything_in, satisfies

from .probes import DEV, PROBES, TEST_REV, address, request_of

EACH = pytest.mark.parametrize("probe", PROBES, ids=[probe.scope for probe in PROBES])


def send(ask, probe):
    method, url, headers, body = request_of(probe)
    return ask(method, url, headers=headers, body=body)


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
