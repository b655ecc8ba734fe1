"""The simulator's own registration of instances: who may, what it keeps, and the two ways to lose an answer."""

import http.client
import json

import pytest

from aspm_ado.simulator import SCENARIOS

HOST = "https://aspm.example.test"
PATH = "/api/simulated/v1/alm-instances/"
PAT = SCENARIOS["register-api"].answers.tokens[0][1]
BODY = {"name": "mine", "tool": "azurecloud", "url": "https://dev.azure.com/Contoso", "token": PAT}


@pytest.fixture
def start(simulate):
    def started(name="register-api"):
        ask = simulate(name)

        def call(method="GET", path=PATH, body=None, secret=None):
            headers = {"X-Cookie": secret or ask.world.aspm.token}
            return ask(
                method,
                HOST + path,
                token=None,
                headers=headers,
                body=json.dumps(body) if body else None,
            )

        call.simulator = ask.simulator
        return call

    return started


def test_created_listed_tested_and_known(start):
    call = start()
    assert call().json == {"total": 0, "instances": []}
    assert call(path="/api/v2/projects/check/azurecloud/some-id").status == 400
    made = call("POST", body=BODY)
    assert made.status == 201
    assert len(made.json["instance"]["id"]) == 24
    assert [one["name"] for one in call().json["instances"]] == ["mine"]
    assert call(path=f"{PATH}{made.json['instance']['id']}/test/").json == {"connection": True}
    assert call(path="/api/v2/projects/check/azurecloud/some-id").status == 200
    assert call.simulator.changes == ["instance mine for https://dev.azure.com/Contoso"]


def test_what_is_refused(start):
    call = start()
    assert call("POST", body=BODY, secret="wrong").status == 401
    assert call("POST", body={"name": "mine"}).status == 400
    refused = call("POST", body={**BODY, "token": "unknown-token-of-nobody"})
    assert (refused.status, "unknown-token-of-nobody" in refused.json["error"]) == (400, True)
    assert call("POST", body=BODY).status == 201
    assert (
        call("POST", body={**BODY, "name": "other", "url": "https://dev.azure.com/contoso/"}).status
        == 409
    )
    assert call(path=f"{PATH}nothing/test/").status == 404
    assert call.simulator.world.aspm.instances[0].name == "mine"


@pytest.mark.parametrize(("how", "kept"), [("answer-lost", 1), ("never-arrives", 0)])
def test_an_answer_that_never_comes(simulate, how, kept):
    from dataclasses import replace

    world = SCENARIOS["register-api"].world
    ask = simulate("register-api", world=replace(world, aspm=replace(world.aspm, registers=how)))
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        ask(
            "POST",
            HOST + PATH,
            token=None,
            headers={"X-Cookie": world.aspm.token},
            body=json.dumps(BODY),
        )
    assert len(ask.simulator.world.aspm.instances) == kept
    assert len(ask.simulator.changes) == kept


def test_there_is_none_elsewhere(simulate):
    ask = simulate("ready")
    got = ask(
        "POST", HOST + PATH, token=None, headers={"X-Cookie": ask.world.aspm.token}, body="{}"
    )
    assert got.status == 405


def test_a_web_page_is_a_web_page_everywhere(simulate):
    ask = simulate("aspm-is-a-web-page")
    for path in (
        "/api/v2/health/check/",
        "/api/v2/teams/",
        "/api/aspm/v1/api/v2/health/check/",
        "/core/version",
    ):
        got = ask("GET", HOST + path, token=None)
        assert (got.status, got.one("Content-Type")) == (200, "text/html; charset=utf-8")
