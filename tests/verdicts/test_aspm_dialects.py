"""`connect` at an Invicti ASPM of either dialect: the verdict, and that nothing was sent that has no business there."""

from __future__ import annotations

import json

import pytest

from aspm_ado.simulator.aspm import INSTANCES, PREFIX, dialect_of
from aspm_ado.simulator.responses import SIGN_IN_HOST
from aspm_ado.simulator.world import Aspm

from ..simulator.internet import Internet
from ..simulator.strict import token_headers
from ..simulator.worlds import ASPM_HOST, a_token, a_world, an_aspm
from .connecting import ASPM, KEEP_NOTHING, connect
from .runner import Finished, Machine

CHECKS = ("aspm.reachable", "aspm.token", "aspm.projects")
GUIDED = (*ASPM, "--register", "guided")
BOTH = pytest.mark.parametrize("dialect", ["standalone", "core"])
ENVELOPES = pytest.mark.parametrize("envelope", ["error", "message"])


def meet(
    internet: Internet, machine: Machine, aspm: Aspm, *words: str, token: str | None = None
) -> Finished:
    """A guided hand-off at this ASPM, with its token or another one."""
    world = a_world(aspm=aspm)
    return connect(internet, machine, world, *GUIDED, *words, aspm_token=token or aspm.token)


def checks(done: Finished) -> list[str]:
    return [done.report.aspm(name) for name in CHECKS]


def reason(done: Finished, name: str) -> str:
    (found,) = [one for one in done.report.connection["aspm"]["checks"] if one["id"] == name]
    return str(found["reason"])


def assert_not_handed_over(done: Finished) -> None:
    assert done.report.registration[1:] == ("none", "none")
    assert done.report.organization.node["registration"]["instance_id"] is None


def assert_no_token_was_sent(internet: Internet) -> None:
    assert [
        str(one) for one in internet.monitor.asked(ASPM_HOST) if token_headers(one.request)
    ] == []


@BOTH
@pytest.mark.parametrize("other", ["page", "absent", "guarded"])
@pytest.mark.parametrize("health", ["open", "guarded"])
def test_the_dialect_is_found_out(
    internet: Internet, machine: Machine, dialect: str, other: str, health: str
) -> None:
    aspm = an_aspm(dialect=dialect, other_dialect=other, health=health)
    done = meet(internet, machine, aspm)
    assert (done.code, checks(done)) == (0, ["pass"] * 3)
    assert done.report.connection["aspm"]["api"] == dialect
    assert done.report.registration == ("guided", "handed-off", "none")
    assert done.report.organization.status("aspm.registration") == "warn"
    carried = [token_headers(one.request) for one in internet.monitor.asked(ASPM_HOST)]
    assert {name for one in carried for name in one} >= {dialect}
    if "guarded" not in (other, health):
        assert {name for one in carried for name in one} == {dialect}, (
            "without a token it was plain which one it is"
        )


@BOTH
def test_the_dialect_is_named(internet: Internet, machine: Machine, dialect: str) -> None:
    """Named, it is taken at its word: the other one is not even looked at."""
    done = meet(internet, machine, an_aspm(dialect=dialect), "--aspm-api", dialect)
    assert (done.code, checks(done)) == (0, ["pass"] * 3)
    asked = internet.monitor.asked(ASPM_HOST)
    assert {dialect_of(one.request) for one in asked} == {dialect}
    assert {name for one in asked for name in token_headers(one.request)} == {dialect}


@pytest.mark.parametrize("other", ["page", "absent"])
@pytest.mark.parametrize(("dialect", "named"), [("standalone", "core"), ("core", "standalone")])
def test_the_wrong_dialect_is_named(
    internet: Internet, machine: Machine, dialect: str, named: str, other: str
) -> None:
    aspm = an_aspm(dialect=dialect, other_dialect=other)
    done = meet(internet, machine, aspm, "--aspm-api", named)
    assert (done.code, checks(done)) == (6, ["fail", "skip", "skip"])
    assert "--aspm-api" in done.report.words()
    assert {dialect_of(one.request) for one in internet.monitor.asked(ASPM_HOST)} == {named}
    assert_no_token_was_sent(internet)
    assert_not_handed_over(done)


@BOTH
@ENVELOPES
@pytest.mark.parametrize("health", ["open", "guarded"])
def test_a_token_that_it_does_not_know(
    internet: Internet, machine: Machine, dialect: str, envelope: str, health: str
) -> None:
    aspm = an_aspm(dialect=dialect, health=health, envelope=envelope)
    done = meet(internet, machine, aspm, token=an_aspm().token)
    assert (done.code, checks(done)) == (4, ["pass", "fail", "skip"])
    assert reason(done, "aspm.token") == "aspm-token-rejected"
    words = done.report.words()
    assert "failed to authorize" in words
    assert ("API Tokens" in words) is (dialect == "standalone")
    assert ("API key" in words) is (dialect == "core")
    assert_not_handed_over(done)


@BOTH
def test_a_token_that_neither_door_knows(
    internet: Internet, machine: Machine, dialect: str
) -> None:
    """Both paths want a token, and it fits neither: it is the token, and both places where one is made are named."""
    aspm = an_aspm(dialect=dialect, other_dialect="guarded", health="guarded")
    done = meet(internet, machine, aspm, token=an_aspm().token)
    assert (done.code, checks(done)) == (4, ["pass", "fail", "skip"])
    words = done.report.words()
    assert "API Tokens" in words
    assert "API key" in words


@BOTH
@ENVELOPES
def test_a_token_without_the_right_to_projects(
    internet: Internet, machine: Machine, dialect: str, envelope: str
) -> None:
    aspm = an_aspm(dialect=dialect, envelope=envelope, token_sees_projects=False)
    done = meet(internet, machine, aspm)
    assert (done.code, checks(done)) == (6, ["pass", "pass", "fail"])
    assert reason(done, "aspm.projects") == "aspm-forbidden"
    assert "forbidden operation" in done.report.words()
    assert_not_handed_over(done)


@pytest.mark.parametrize(
    ("state", "api", "code", "status", "why"),
    [
        *(
            (state, api, 6, "fail", "aspm-not-an-api")
            for state in ("page", "redirect")
            for api in ("auto", "standalone", "core")
        ),
        ("bad-gateway", "auto", 5, "unknown", "service-unavailable"),
        ("throttled", "auto", 5, "unknown", "throttled"),
        ("reset", "auto", 5, "unknown", None),
    ],
)
def test_something_that_is_not_the_api(
    internet: Internet,
    machine: Machine,
    state: str,
    api: str,
    code: int,
    status: str,
    why: str | None,
) -> None:
    """Whatever it is, it sees no token; the organization itself was proven all the same."""
    done = meet(internet, machine, an_aspm(state=state), "--aspm-api", api)
    assert (done.code, checks(done)) == (code, [status, "skip", "skip"])
    assert why in (None, reason(done, "aspm.reachable"))
    assert done.report.organization.failing == set()
    assert_no_token_was_sent(internet)
    assert_not_handed_over(done)
    if state == "redirect":
        assert SIGN_IN_HOST in done.report.words()
        assert internet.monitor.asked(SIGN_IN_HOST) == []
    assert len(internet.monitor.asked(ASPM_HOST)) <= 8, "patience has an end"


@pytest.mark.parametrize("status", ["403 Forbidden", "502 Bad Gateway"])
def test_an_aspm_that_the_proxy_does_not_reach(
    internet: Internet, machine: Machine, status: str
) -> None:
    internet.proxy.refusal = status
    world = a_world()
    machine.only_allowed_hosts = False
    words = ("--aspm-url", "https://aspm.nowhere.example", "--register", "guided")
    done = connect(internet, machine, world, *words, aspm_token=world.aspm.token)
    assert (done.code, checks(done)) == (5, ["unknown", "skip", "skip"])
    assert set(internet.monitor.refused_hosts) == {"CONNECT aspm.nowhere.example:443"}
    assert "aspm.nowhere.example" in done.report.words()
    assert_not_handed_over(done)


@BOTH
def test_a_registration_that_was_asked_for(
    internet: Internet, machine: Machine, dialect: str
) -> None:
    """An operator's profile: one POST at its own path carries the token, and nothing else at the ASPM ever does."""
    path = PREFIX[dialect] + INSTANCES
    profile = machine.folder / "profile.json"
    profile.write_text(json.dumps(profile_of(dialect, path)))
    pat, aspm = a_token(), an_aspm(dialect=dialect, registers="yes")
    internet.become(a_world(pat, aspm=aspm))
    words = ("connect", "-o", "contoso", *KEEP_NOTHING, *ASPM, "--register", "api")
    words += ("--registration-profile", str(profile))
    rehearsed = machine.run(*words, "--dry-run", token=pat, aspm_token=aspm.token)
    assert rehearsed.code == 0
    assert internet.monitor.asked(ASPM_HOST, "POST") == []
    assert rehearsed.report.organization.node["registration"]["state"] == "planned"
    internet.start_afresh()
    internet.become(a_world(pat, aspm=aspm))
    done = machine.run(*words, token=pat, aspm_token=aspm.token)
    assert done.code == 0
    assert done.report.registration[:2] == ("api", "registered")
    assert done.report.registration[2] in ("claimed", "alm-accepted")
    assert len(internet.monitor.asked(ASPM_HOST, "POST")) == 1


def profile_of(dialect: str, path: str) -> dict[str, object]:
    """What an operator might write: without a way to look it up again."""
    return {
        "schema": "aspm-ado/registration-profile/v1",
        "name": "our-own",
        "dialect": dialect,
        "product_versions": ["1.112"],
        "path": path,
        "body": {
            "name": "{{marker}}",
            "tool": "{{alm_tool}}",
            "url": "{{organization_url}}",
            "token": "{{pat}}",
        },
        "success": {"status": [201], "pointer": "/instance/id"},
        "id": "/instance/id",
    }
