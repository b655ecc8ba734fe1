"""`connect` at an Invicti ASPM of either dialect: the verdict, and that nothing was sent that has no business there."""

from __future__ import annotations

import json

import pytest

from .answers import TRAP_HOST
from .aspm import HOST
from .aspm_core import HEADER, PREFIX, dialect_of, token_headers
from .client import Client, basic
from .connecting import ASPM, KEEP_NOTHING, connect
from .internet import Internet
from .proxy import Tunnel
from .runner import Finished, Machine
from .world import Aspm, Pat, Tenant, World, invent_secret

CHECKS = ("aspm.reachable", "aspm.token", "aspm.projects")
GUIDED = (*ASPM, "--register", "guided")
BOTH = pytest.mark.parametrize("dialect", ["standalone", "core"])
ENVELOPES = pytest.mark.parametrize("envelope", ["error", "message"])


def meet(
    internet: Internet, machine: Machine, tenant: Tenant, *words: str, token: str | None = None
) -> Finished:
    """A guided hand-off at this tenant, with its token or another one."""
    world = World(aspm=Aspm(tenant=tenant))
    return connect(internet, machine, world, *GUIDED, *words, aspm_token=token or world.aspm.token)


def checks(done: Finished) -> list[str]:
    return [done.report.aspm(name) for name in CHECKS]


def reason(done: Finished, name: str) -> str:
    (found,) = [one for one in done.report.connection["aspm"]["checks"] if one["id"] == name]
    return str(found["reason"])


def assert_not_handed_over(done: Finished) -> None:
    registration = done.report.organization.node["registration"]
    assert (registration["state"], registration["proof"], registration["instance_id"]) == (
        "none",
        "none",
        None,
    )


def assert_no_token_was_sent(internet: Internet) -> None:
    assert [str(one) for one in internet.ledger.asked(HOST) if token_headers(one)] == []


@BOTH
@pytest.mark.parametrize("neighbour", ["page", "absent", "guarded"])
@pytest.mark.parametrize("health", ["open", "guarded"])
def test_the_dialect_is_found_out(
    internet: Internet, machine: Machine, dialect: str, neighbour: str, health: str
) -> None:
    tenant = Tenant(dialect, neighbour, health)  # type: ignore[arg-type]
    done = meet(internet, machine, tenant)
    assert (done.code, checks(done)) == (0, ["pass"] * 3)
    assert done.report.connection["aspm"]["api"] == dialect
    registration = done.report.organization.node["registration"]
    assert (registration["mode"], registration["state"], registration["proof"]) == (
        "guided",
        "handed-off",
        "none",
    )
    carried = [token_headers(one) for one in internet.ledger.asked(HOST)]
    assert {name for one in carried for name in one} >= {dialect}
    if "guarded" not in (neighbour, health):
        assert {name for one in carried for name in one} == {dialect}, (
            "without a token it was plain which one it is"
        )


@BOTH
def test_the_dialect_is_named(internet: Internet, machine: Machine, dialect: str) -> None:
    """Named, it is taken at its word: the other one is not even looked at."""
    done = meet(internet, machine, Tenant(dialect), "--aspm-api", dialect)  # type: ignore[arg-type]
    assert (done.code, checks(done)) == (0, ["pass"] * 3)
    asked = internet.ledger.asked(HOST)
    assert {dialect_of(one) for one in asked} == {dialect}
    assert {name for one in asked for name in token_headers(one)} == {dialect}


@pytest.mark.parametrize("neighbour", ["page", "absent"])
@pytest.mark.parametrize(("dialect", "named"), [("standalone", "core"), ("core", "standalone")])
def test_the_wrong_dialect_is_named(
    internet: Internet, machine: Machine, dialect: str, named: str, neighbour: str
) -> None:
    done = meet(internet, machine, Tenant(dialect, neighbour), "--aspm-api", named)  # type: ignore[arg-type]
    assert (done.code, checks(done)) == (6, ["fail", "skip", "skip"])
    assert "--aspm-api" in done.report.words()
    assert {dialect_of(one) for one in internet.ledger.asked(HOST)} == {named}
    assert_no_token_was_sent(internet)
    assert_not_handed_over(done)


@BOTH
@ENVELOPES
@pytest.mark.parametrize("health", ["open", "guarded"])
def test_a_token_that_it_does_not_know(
    internet: Internet, machine: Machine, dialect: str, envelope: str, health: str
) -> None:
    tenant = Tenant(dialect, health=health, envelope=envelope)  # type: ignore[arg-type]
    done = meet(internet, machine, tenant, token=Aspm().token)
    assert (done.code, checks(done)) == (4, ["pass", "fail", "skip"])
    assert reason(done, "aspm.token") == "aspm-token-rejected"
    words = done.report.words()
    assert "failed to authorize" in words
    assert ("API Tokens" in words, "API key" in words) == (
        dialect == "standalone",
        dialect == "core",
    )
    assert_not_handed_over(done)


@BOTH
def test_a_token_that_neither_door_knows(
    internet: Internet, machine: Machine, dialect: str
) -> None:
    """Both paths want a token, and it fits neither: it is the token, and both places where one is made are named."""
    tenant = Tenant(dialect, "guarded", "guarded")  # type: ignore[arg-type]
    done = meet(internet, machine, tenant, token=Aspm().token)
    assert (done.code, checks(done)) == (4, ["pass", "fail", "skip"])
    words = done.report.words()
    assert "API Tokens" in words
    assert "API key" in words


@BOTH
@ENVELOPES
def test_a_token_without_the_right_to_projects(
    internet: Internet, machine: Machine, dialect: str, envelope: str
) -> None:
    tenant = Tenant(dialect, envelope=envelope, shows_projects=False)  # type: ignore[arg-type]
    done = meet(internet, machine, tenant)
    assert (done.code, checks(done)) == (6, ["pass", "pass", "fail"])
    assert reason(done, "aspm.projects") == "aspm-forbidden"
    assert "forbidden operation" in done.report.words()
    assert_not_handed_over(done)


@pytest.mark.parametrize(
    ("weather", "api", "code", "status", "why"),
    [
        ("page", "auto", 6, "fail", "aspm-not-an-api"),
        ("page", "standalone", 6, "fail", "aspm-not-an-api"),
        ("page", "core", 6, "fail", "aspm-not-an-api"),
        ("elsewhere", "auto", 6, "fail", "aspm-not-an-api"),
        ("elsewhere", "standalone", 6, "fail", "aspm-not-an-api"),
        ("elsewhere", "core", 6, "fail", "aspm-not-an-api"),
        ("bad-gateway", "auto", 5, "unknown", "service-unavailable"),
        ("throttled", "auto", 5, "unknown", "throttled"),
        ("hangs-up", "auto", 5, "unknown", None),
    ],
)
def test_something_that_is_not_the_api(
    internet: Internet,
    machine: Machine,
    weather: str,
    api: str,
    code: int,
    status: str,
    why: str | None,
) -> None:
    """Whatever it is, it sees no token; the organization itself was proven all the same."""
    done = meet(internet, machine, Tenant(weather=weather), "--aspm-api", api)  # type: ignore[arg-type]
    assert (done.code, checks(done)) == (code, [status, "skip", "skip"])
    assert why in (None, reason(done, "aspm.reachable"))
    assert done.report.organization.failing == set()
    assert_no_token_was_sent(internet)
    assert_not_handed_over(done)
    if weather == "elsewhere":
        assert TRAP_HOST in done.report.words()
        assert internet.ledger.asked(TRAP_HOST) == []
    assert len(internet.ledger.asked(HOST)) <= 8, "patience has an end"


@pytest.mark.parametrize("status", ["403 Forbidden", "502 Bad Gateway"])
def test_an_aspm_that_the_proxy_does_not_reach(
    internet: Internet, machine: Machine, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    refuse = Tunnel._refuse
    monkeypatch.setattr(Tunnel, "_refuse", lambda self, _, more="": refuse(self, status, more))
    world = World()
    machine.only_allowed_hosts = False
    words = ("--aspm-url", "https://aspm.nowhere.example", "--register", "guided")
    done = connect(internet, machine, world, *words, aspm_token=world.aspm.token)
    assert (done.code, checks(done)) == (5, ["unknown", "skip", "skip"])
    assert set(internet.ledger.refused) == {"CONNECT aspm.nowhere.example:443"}
    assert "aspm.nowhere.example" in done.report.words()
    assert_not_handed_over(done)


@BOTH
def test_a_registration_that_was_asked_for(
    internet: Internet, machine: Machine, dialect: str
) -> None:
    """An operator's profile: one POST at its own path carries the token, and nothing else at the ASPM ever does."""
    path = PREFIX[dialect] + "/operators/own/instances"
    profile = machine.folder / "profile.json"
    profile.write_text(json.dumps(profile_of(dialect, path)))
    pat, aspm = Pat(), Aspm(tenant=Tenant(dialect, registers_at=path))  # type: ignore[arg-type]
    internet.become(World(tokens=(pat,), aspm=aspm))
    words = (*ASPM, "--register", "api", "--registration-profile", str(profile))
    rehearsed = machine.run(
        "connect",
        "-o",
        "contoso",
        *KEEP_NOTHING,
        *words,
        "--dry-run",
        pat=pat,
        aspm_token=aspm.token,
    )
    assert rehearsed.code == 0
    assert internet.ledger.asked(HOST, "POST") == []
    assert rehearsed.report.organization.node["registration"]["state"] == "planned"
    internet.start_afresh()
    internet.become(World(tokens=(pat,), aspm=aspm))
    done = machine.run(
        "connect", "-o", "contoso", *KEEP_NOTHING, *words, pat=pat, aspm_token=aspm.token
    )
    assert done.code == 0
    registration = done.report.organization.node["registration"]
    assert (registration["mode"], registration["state"]) == ("api", "registered")
    assert registration["proof"] in ("claimed", "alm-accepted")
    assert len(internet.ledger.asked(HOST, "POST")) == 1


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
            "url": "{{organization_url}}",
            "credentials": {"token": "{{pat}}"},
        },
        "success": {"status": [201], "pointer": "/data/id"},
        "id": "/data/id",
    }


@pytest.fixture
def client(the_internet: Internet) -> Client:
    """Not the fixture that demands a clean ledger: here it must become dirty."""
    the_internet.start_afresh()
    return Client(the_internet)


@BOTH
def test_it_is_strict_itself(client: Client, dialect: str) -> None:
    """Each sin by its name: without this, an empty list of violations would prove nothing."""
    other = {"core": "standalone", "standalone": "core"}[dialect]
    pat, aspm = Pat(), Aspm(tenant=Tenant(dialect))  # type: ignore[arg-type]
    client.internet.become(World(tokens=(pat,), aspm=aspm))
    client.given(pat, aspm_token=aspm.token)
    ledger = client.internet.ledger
    here, there = f"https://{HOST}{PREFIX[dialect]}", f"https://{HOST}{PREFIX[other]}"
    mine, wrong = {HEADER[dialect]: aspm.token}, {HEADER[other]: aspm.token}

    def ask(url: str, **options: object) -> tuple[int, str]:
        before = len(ledger.violations)
        status = client.ask(url, **options).status_code  # type: ignore[arg-type]
        return status, "\n".join(ledger.violations[before:])

    teams = f"{here}/api/v2/teams/?start=0&limit=1"
    assert ask(f"{there}/api/v2/teams/", headers=wrong)[1] == "", "not settled yet"
    assert ask(f"{here}/core/version") == (200, "")
    assert ask(f"{here}/api/v2/health/check/") == (200, "")
    assert ask(teams, headers=mine) == (200, "")
    assert ask(teams)[0] == 401
    assert ask(f"{here}/api/v2/projects/", headers=mine) == (200, "")
    assert ask(f"{here}/api/v2/projects/check/azurecloud/1234", headers=mine) == (400, "")
    status, sins = ask(f"{here}/api/v2/teams?start=0", headers=mine)
    assert status == 301
    assert "without its slash" in sins
    for options, rule in (
        ({"headers": {**mine, **wrong}}, "tokens of two dialects"),
        ({"headers": wrong}, "on a path of the other"),
        ({"headers": {HEADER[dialect]: invent_secret()}}, "nobody gave for the ASPM"),
        ({"headers": {HEADER[dialect]: pat.secret}}, "a token of Azure DevOps at the ASPM"),
        ({"headers": {"Authorization": basic(pat.secret)}}, "a token of Azure DevOps at the ASPM"),
        ({"headers": {"Authorization": "Bearer x"}}, "an Authorization header"),
        ({"headers": {**mine, "Cookie": "session=of-nobody"}}, "a cookie was sent back"),
        ({"headers": {**mine, "User-Agent": "kdt"}}, "does not say who it is"),
        ({"headers": mine, "method": "HEAD"}, "HEAD"),
        ({"headers": mine, "method": "POST", "data": "{}"}, "no registration was asked for"),
        (
            {"headers": mine, "method": "POST", "data": pat.secret},
            "a token of Azure DevOps at the ASPM",
        ),
        ({"headers": mine, "method": "OPTIONS"}, "no registration was asked for"),
    ):
        assert rule in ask(teams, **options)[1], options  # type: ignore[arg-type]
    assert "after the right one had answered" in ask(f"{there}/api/v2/teams/", headers=wrong)[1]
    assert (
        "a token of Azure DevOps at the ASPM" in ask(f"{teams}&pat={pat.secret}", headers=mine)[1]
    )
    client.internet.become(
        World(tokens=(pat,), aspm=Aspm(aspm.token, tenant=Tenant(dialect, weather="elsewhere")))
    )  # type: ignore[arg-type]
    client.internet.ledger.requests.clear()
    assert "never looked like the API" in ask(teams, headers=mine)[1]
    assert "a redirect was followed" in ask(client.ask(teams).headers["Location"])[1]
