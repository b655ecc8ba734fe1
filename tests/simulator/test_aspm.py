"""Invicti ASPM in both dialects: tokens, envelopes, slashes and the web page behind everything else."""

import pytest

HOST = "https://aspm.example.test"
DIALECTS = [("ready", "X-Cookie", ""), ("issue-manager", "X-Auth", "/api/aspm/v1")]


@pytest.fixture(params=DIALECTS, ids=["standalone", "core"])
def aspm(request, simulate):
    name, header, prefix = request.param
    ask = simulate(name)

    def call(path, *, secret=None, method="GET", name=header):
        value = ask.world.aspm.token if secret is None else secret
        return ask(method, HOST + prefix + path, token=None, headers={name: value})

    call.other_header = {"X-Cookie": "X-Auth", "X-Auth": "X-Cookie"}[header]
    call.ask = ask
    call.prefix = prefix
    return call


def test_token_is_proven_by_teams(aspm):
    got = aspm("/api/v2/teams/?start=0&limit=1")
    assert got.status == 200
    assert (got.json["limit"], got.json["start"], got.json["total"]) == (1, 0, 1)
    assert got.json["teams"][0]["name"] == "Default Team"
    assert len(got.json["teams"][0]["id"]) == 24


@pytest.mark.parametrize(
    "path", ["/api/v2/teams/", "/api/v2/projects/", "/api/v2/projects/check/azurecloud/x"]
)
def test_wrong_token_or_wrong_header(aspm, path):
    for got in (aspm(path, secret="wrong"), aspm(path, name=aspm.other_header)):
        assert (got.status, got.json) == (401, {"error": "failed to authorize"})


def test_health_proves_nothing(aspm):
    got = aspm("/api/v2/health/check/", secret="wrong")
    assert (got.status, got.json) == (200, {"status": "ok"})


def test_version_is_json_here_and_a_page_in_the_other_dialect(aspm):
    assert aspm("/core/version").json["version"]
    other = "/core/version" if aspm.prefix else "/api/aspm/v1/core/version"
    got = aspm.ask("GET", HOST + other, token=None)
    assert (got.status, got.one("Content-Type")) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["/api/v2/teams", "/api/v2/projects", "/api/v2/health/check"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_missing_slash_is_a_redirect(aspm, path, method):
    got = aspm(path + "?start=0", method=method)
    assert got.status == 301
    assert got.one("Location") == f"{HOST}{aspm.prefix}{path}/?start=0"


def test_projects(aspm):
    assert aspm("/api/v2/projects/?limit=1").json["total"] == 2
    assert [one["name"] for one in aspm("/api/v2/projects/?name=store").json["projects"]] == [
        "storefront"
    ]


def test_alm_tool_is_unknown_until_it_is_integrated(simulate):
    header = {"X-Cookie": "simulated-aspm-token-0001"}
    before = simulate("ready")(
        "GET", f"{HOST}/api/v2/projects/check/azurecloud/some-id", token=None, headers=header
    )
    assert (before.status, before.json) == (400, {"error": "invalid ALM tool"})
    ask = simulate("two-organizations-two-tokens")
    after = ask(
        "GET", f"{HOST}/api/v2/projects/check/azurecloud/some-id", token=None, headers=header
    )
    assert (after.status, after.json) == (200, {"exist": False})
    unknown = ask("GET", f"{HOST}/api/v2/projects/check/A/some-id", token=None, headers=header)
    assert unknown.status == 400


def test_rights_on_projects_are_separate(simulate):
    from dataclasses import replace

    from aspm_ado.simulator import SCENARIOS

    world = SCENARIOS["ready"].world
    ask = simulate(world=replace(world, aspm=replace(world.aspm, token_sees_projects=False)))
    header = {"X-Cookie": world.aspm.token}
    assert ask("GET", f"{HOST}/api/v2/teams/", token=None, headers=header).status == 200
    got = ask("GET", f"{HOST}/api/v2/projects/", token=None, headers=header)
    assert (got.status, got.json) == (403, {"message": "forbidden operation"})


def test_everything_else_is_the_web_page(simulate):
    got = simulate()("GET", f"{HOST}/integrations", token=None)
    assert got.status == 200
    assert b'<div id="root">' in got.body


def test_the_secret_is_not_recorded(simulate):
    ask = simulate()
    ask("GET", f"{HOST}/api/v2/teams/", token=None, headers={"X-Cookie": ask.world.aspm.token})
    assert ask.world.aspm.token not in repr(ask.simulator.requests)
