"""Invicti ASPM in both dialects: tokens, envelopes, slashes, the web page, and its own registration of instances."""

import http.client
import json
from dataclasses import replace

import pytest

from aspm_ado.simulator import SCENARIOS

from .conftest import ASPM

DIALECTS = [("global", "X-Cookie", ""), ("issue-manager", "X-Auth", "/api/aspm/v1")]
CHECK = "/api/v2/projects/check/azurecloud/some-id"
INSTANCES = "/api/simulated/v1/alm-instances/"
PAT = SCENARIOS["register-api"].answers.tokens[0][1]
BODY = {"name": "mine", "tool": "azurecloud", "url": "https://dev.azure.com/Contoso", "token": PAT}


@pytest.fixture(params=DIALECTS, ids=["standalone", "core"])
def aspm(request, simulate):
    name, header, prefix = request.param
    ask = simulate(name)

    def call(path, *, secret=None, method="GET", name=header, body=None):
        return ask.aspm(prefix + path, method, secret=secret, header=name, body=body)

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
    assert aspm.ask("GET", f"{ASPM}/core/version", token=None).status == 200
    other = "/core/version" if aspm.prefix else "/api/aspm/v1/core/version"
    got = aspm.ask("GET", ASPM + other, token=None)
    assert (got.status, got.one("Content-Type")) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["/api/v2/teams", "/api/v2/projects", "/api/v2/health/check"])
def test_missing_slash_is_a_redirect(aspm, path):
    got = aspm(path + "?start=0")
    assert got.status == 301
    assert got.one("Location") == f"{ASPM}{aspm.prefix}{path}/?start=0"


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("kind", "body", "status", "shown"),
    [
        ("projects", {"name": "mine"}, 201, ("project", "name", "mine")),
        (
            "projects",
            {"name": "", "source": {"tool": "azurecloud", "url": "https://x/_git/web"}},
            201,
            ("project", "name", "web"),
        ),
        ("projects", {"name": ""}, 400, ("error", "invalid project data")),
        ("projects", [], 400, ("error", "invalid project data")),
        ("labels", {"name": "red", "color": "#f00"}, 200, ("data", "name", "red")),
        ("labels", None, 400, ("error", "invalid label data")),
        ("teams", {"name": "blue"}, 201, ("name", "blue")),
        ("teams", {}, 400, ("error", "invalid team data")),
    ],
)
def test_a_post_is_served_with_and_without_its_slash(aspm, kind, body, status, shown, slash):
    got = aspm(
        f"/api/v2/{kind}{slash}", method="POST", body=json.dumps(body) if body is not None else ""
    )
    assert got.status == status
    found = got.json
    for name in shown[:-1]:
        found = found[name]
    assert found == shown[-1]
    assert len(aspm.ask.simulator.changes) == (status != 400)
    assert aspm(f"/api/v2/{kind}{slash}", method="POST", secret="wrong").status == 401


def test_a_project_of_a_repository_is_known_afterwards(simulate):
    ask = simulate("two-organizations-two-tokens")
    url = "https://dev.azure.com/contoso/Payments/_git/web"
    check = f"/api/v2/projects/check/azurecloud/{url}"
    listed = f"/api/v2/projects/?alm={url}"
    assert ask.aspm(check).json == {"exist": False}
    assert ask.aspm(listed).json["projects"] == []
    body = {"name": "", "source": {"tool": "azurecloud", "url": url}, "override": False}
    assert ask.aspm("/api/v2/projects", "POST", body=json.dumps(body)).status == 201
    assert ask.aspm(check).json == {"exist": True}
    assert [one["name"] for one in ask.aspm(listed).json["projects"]] == ["web"]
    assert "web" in [one["name"] for one in ask.aspm("/api/v2/projects/").json["projects"]]


def test_no_project_is_made_without_the_right(simulate):
    got = simulate("aspm-forbidden").aspm("/api/v2/projects", "POST", body='{"name": "x"}')
    assert (got.status, got.json) == (403, {"message": "forbidden operation"})


def test_kdt_reaches_a_redirect_as_it_came(simulate):
    """By plain http through a proxy setting; it follows where it is sent."""
    ask = simulate()
    sent = {"Host": "aspm.example.test", "X-Cookie": ask.world.aspm.token}
    got = ask.raw("GET", "http://aspm.example.test/api/v2/projects?limit=1", sent)
    assert got.one("Location") == "http://aspm.example.test/api/v2/projects/?limit=1"
    assert ask.raw("GET", got.one("Location"), sent).json["total"] == 2


def test_projects(aspm):
    assert aspm("/api/v2/projects/?limit=1").json["total"] == 2
    assert [one["name"] for one in aspm("/api/v2/projects/?name=store").json["projects"]] == [
        "storefront"
    ]


def test_alm_tool_is_unknown_until_it_is_integrated(simulate):
    before = simulate("global").aspm(CHECK)
    assert (before.status, before.json) == (400, {"error": "invalid ALM tool"})
    ask = simulate("two-organizations-two-tokens")
    after = ask.aspm(CHECK)
    assert (after.status, after.json) == (200, {"exist": False})
    assert ask.aspm(CHECK.replace("azurecloud", "A")).status == 400


def test_rights_on_projects_are_separate(simulate):
    ask = simulate("aspm-forbidden")
    assert ask.aspm("/api/v2/teams/").status == 200
    got = ask.aspm("/api/v2/projects/")
    assert (got.status, got.json) == (403, {"message": "forbidden operation"})


def test_everything_else_is_the_web_page(simulate):
    got = simulate()("GET", f"{ASPM}/integrations", token=None)
    assert got.status == 200
    assert b'<div id="root">' in got.body


def test_the_secret_is_not_recorded(simulate):
    ask = simulate()
    ask.aspm("/api/v2/teams/")
    assert ask.world.aspm.token not in repr(ask.simulator.requests)


@pytest.fixture
def registering(simulate):
    ask = simulate("register-api")

    def call(method="GET", path=INSTANCES, body=None, secret=None):
        return ask.aspm(path, method, secret=secret, body=json.dumps(body) if body else None)

    call.simulator = ask.simulator
    return call


def test_created_listed_tested_and_known(registering):
    assert registering().json == {"total": 0, "instances": []}
    assert registering(path=CHECK).status == 400
    made = registering("POST", body=BODY)
    assert made.status == 201
    identifier = made.json["instance"]["id"]
    assert len(identifier) == 24
    assert [one["name"] for one in registering().json["instances"]] == ["mine"]
    assert registering(path=f"{INSTANCES}{identifier}/test/").json == {"connection": True}
    assert registering(path=CHECK).status == 200
    changes = registering.simulator.changes
    assert changes == ["instance mine for https://dev.azure.com/Contoso"]


def test_what_is_refused(registering):
    assert registering("POST", body=BODY, secret="wrong").status == 401
    assert registering("POST", body={"name": "mine"}).status == 400
    refused = registering("POST", body={**BODY, "token": "unknown-token-of-nobody"})
    assert (refused.status, "unknown-token-of-nobody" in refused.json["error"]) == (400, True)
    assert registering("POST", body=BODY).status == 201
    again = {**BODY, "name": "other", "url": "https://dev.azure.com/contoso/"}
    assert registering("POST", body=again).status == 409
    assert registering(path=f"{INSTANCES}nothing/test/").status == 404
    assert registering.simulator.world.aspm.instances[0].name == "mine"


@pytest.mark.parametrize(("how", "kept"), [("answer-lost", 1), ("never-arrives", 0)])
def test_an_answer_that_never_comes(simulate, how, kept):
    world = SCENARIOS["register-api"].world
    ask = simulate("register-api", world=replace(world, aspm=replace(world.aspm, registers=how)))
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        ask.aspm(INSTANCES, "POST", body=json.dumps(BODY))
    assert len(ask.simulator.world.aspm.instances) == kept
    assert len(ask.simulator.changes) == kept


def test_there_is_none_elsewhere(simulate):
    assert simulate("global").aspm(INSTANCES, "POST", body="{}").status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/health/check/",
        "/api/v2/teams/",
        "/api/aspm/v1/api/v2/health/check/",
        "/core/version",
    ],
)
def test_a_web_page_is_a_web_page_everywhere(simulate, path):
    got = simulate("aspm-is-a-web-page")("GET", ASPM + path, token=None)
    assert (got.status, got.one("Content-Type")) == (200, "text/html; charset=utf-8")
