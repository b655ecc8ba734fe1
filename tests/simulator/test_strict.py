"""The strict mode notices each violation: without these, an empty list would prove nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from uuid import uuid4

import pytest

from aspm_ado.simulator.aspm import HEADER, PREFIX
from aspm_ado.simulator.world import IssuedToken

from ..e2e.stage import drawn_token
from .https_client import HttpsClient, basic
from .internet import Internet
from .monitor import Inputs, Monitor
from .strict import disguises
from .worlds import ASPM_HOST, SERVER_HOST, a_token, a_world, an_aspm

DEV = "https://dev.azure.com/contoso/_apis/"
WHO = DEV + "connectionData?api-version=7.1-preview.1"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def pat() -> IssuedToken:
    return a_token()


@pytest.fixture
def client(the_internet: Internet, pat: IssuedToken) -> HttpsClient:
    """Not the fixture that demands a clean monitor: here it must become dirty."""
    the_internet.start_afresh()
    the_internet.become(a_world(pat))
    client = HttpsClient(the_internet)
    client.given(pat)
    return client


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"Cookie": "VstsSession=1"}, "a cookie was sent back"),
        ({"X-TFS-FedAuthRedirect": ""}, "Suppress is missing"),
        ({"User-Agent": "python"}, "does not say who it is"),
        ({"X-VSS-ForceMsaPassThrough": "true"}, "another account"),
        ({"Authorization": "Bearer abc"}, "not canonical Basic"),
        ({"Authorization": basic("x") + "="}, "not canonical Basic"),
        ({"Authorization": basic(drawn_token())}, "a token that nobody gave"),
    ],
)
def test_a_header_out_of_place(
    client: HttpsClient, pat: IssuedToken, headers: dict[str, str], rule: str
) -> None:
    client.ask(WHO, pat, headers=headers)
    assert rule in client.violations


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "rule"),
    [
        ("PUT", "git/repositories/{new}", "{}", JSON, "no documented probe"),
        ("POST", "projects", "{}", JSON, "no documented probe"),
        ("DELETE", "projects/{new}", None, None, "no documented probe"),
        ("HEAD", "connectionData", None, None, "HEAD"),
        (
            "PATCH",
            "projects/00000000-0000-0000-0000-000000000000?api-version=7.1",
            "{}",
            JSON,
            "no random UUID",
        ),
        (
            "PATCH",
            "projects/123e4567-e89b-12d3-a456-426614174000?api-version=7.1",
            "{}",
            JSON,
            "no random UUID",
        ),
        ("PATCH", "projects/{new}?api-version=7.1", '{"name":"x"}', JSON, "unexpected body"),
        ("PATCH", "projects/{new}?api-version=7.1", "{}", None, "a body of type"),
        ("PATCH", "projects/{new}", "{}", JSON, "without an api-version"),
        ("PATCH", "wit/workItems/1?validateOnly=true&api-version=7.1", "[]", JSON, "may exist"),
        ("PATCH", "wit/workItems/2147483647?api-version=7.1", "[]", JSON, "lacks validateonly"),
        (
            "DELETE",
            "wit/attachments/{new}?api-version=7.2-preview.4",
            "{}",
            None,
            "a body where none belongs",
        ),
    ],
)
def test_a_write_that_the_facts_do_not_allow(
    client: HttpsClient,
    pat: IssuedToken,
    method: str,
    path: str,
    body: str | None,
    headers: dict[str, str] | None,
    rule: str,
) -> None:
    client.ask(DEV + path.format(new=uuid4()), pat, method, headers, body)
    assert rule in client.violations


def test_a_target_that_exists_or_was_used_before_or_is_asked_twice(
    client: HttpsClient, pat: IssuedToken
) -> None:
    contoso = client.internet.world.organizations[0]
    project = contoso.project_id(contoso.projects[0])
    client.ask(f"{DEV}projects/{project}?api-version=7.1", pat, "PATCH", JSON, "{}")
    assert "the target of a write exists" in client.violations
    target = str(uuid4())
    client.ask(f"{DEV}git/repositories/{target}?api-version=7.1", pat, "PATCH", JSON, "{}")
    client.ask(f"{DEV}git/repositories/{target}/refs?api-version=7.1", pat, "POST", JSON, "[]")
    assert "earlier run" not in client.violations
    assert "twice" not in client.violations
    client.ask(f"{DEV}git/repositories/{uuid4()}?api-version=7.1", pat, "PATCH", JSON, "{}")
    assert "a write was sent twice" in client.violations
    client.given(pat)
    client.ask(f"{DEV}git/repositories/{target}?api-version=7.1", pat, "PATCH", JSON, "{}")
    assert "used in an earlier run" in client.violations


def test_a_secret_away_from_home(client: HttpsClient, pat: IssuedToken) -> None:
    aspm, decoy, corporate = (
        drawn_token(),
        drawn_token(),
        a_token(home="server"),
    )
    client.given(pat, corporate, aspm_token=aspm, decoys=(decoy,))
    for url, header, value in (
        (f"https://{ASPM_HOST}/core/version", "X-Cookie", pat.value),
        (f"https://{SERVER_HOST}/tfs/_apis/connectionData", "Authorization", basic(pat.value)),
        (WHO, "Authorization", basic(corporate.value)),
        (WHO, "X-Cookie", aspm),
        (WHO, "Authorization", basic(decoy, "netrc-user")),
        (f"{WHO}&token={pat.value}", "Accept", "application/json"),
    ):
        before = len(client.internet.monitor.violations)
        client.ask(url, headers={header: value})
        assert "a secret" in "\n".join(client.internet.monitor.violations[before:]), (url, header)


def test_a_user_name_that_nobody_gave_and_a_token_of_another_organization(
    client: HttpsClient, pat: IssuedToken
) -> None:
    client.ask(WHO, pat, user="me")
    assert "a user name that nobody gave ('me')" in client.violations
    client.internet.monitor.begin_run(Inputs({pat.value: pat}, {pat.value: "fabrikam"}))
    client.ask(WHO, pat)
    assert "the token of fabrikam was sent to contoso" in client.violations


def test_a_followed_redirect(client: HttpsClient, pat: IssuedToken) -> None:
    answer = client.ask("https://dev.azure.com/contoso/_usersSettings/tokens")
    assert answer.status_code == 302
    client.ask(answer.headers["Location"])
    assert "a redirect was followed" in client.violations


def test_requests_that_do_not_wait_for_each_other_are_one_round(
    client: HttpsClient, pat: IssuedToken
) -> None:
    client.internet.count_round_trips(0.2)
    client.given(pat)
    for many in (2, 5):
        threads = [threading.Thread(target=client.ask, args=(WHO, pat)) for _ in range(many)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [one.round_trip for one in client.internet.monitor.requests] == [1] * 2 + [2] * 5


def test_a_secret_is_found_wherever_it_stands() -> None:
    secret = drawn_token()
    for user in ("", "a", "me", "ada", "somebody"):
        header = basic(secret, user)
        assert any(form in header for form in disguises(secret)), user
    assert not any(form in basic(drawn_token()) for form in disguises(secret))


def test_inventions_are_remembered_over_the_life_of_a_monitor() -> None:
    remembered: dict[str, int] = {}
    first, second = Monitor(remembered), Monitor(remembered)
    first.begin_run(Inputs())
    assert first.is_new("a")
    assert first.is_new("A")
    second.begin_run(Inputs())
    assert not second.is_new("a")


@pytest.mark.parametrize("dialect", ["standalone", "core"])
def test_what_an_aspm_never_hears(client: HttpsClient, dialect: str) -> None:
    """Each sin by its name: without this, an empty list of violations would prove nothing."""
    other = {"core": "standalone", "standalone": "core"}[dialect]
    pat, aspm = a_token(), an_aspm(dialect=dialect)
    client.internet.become(a_world(pat, aspm=aspm))
    client.given(pat, aspm_token=aspm.token)
    monitor = client.internet.monitor
    here, there = f"https://{ASPM_HOST}{PREFIX[dialect]}", f"https://{ASPM_HOST}{PREFIX[other]}"
    mine, wrong = {HEADER[dialect]: aspm.token}, {HEADER[other]: aspm.token}

    def ask(url: str, **options: object) -> tuple[int, str]:
        before = len(monitor.violations)
        status = client.ask(url, **options).status_code  # type: ignore[arg-type]
        return status, "\n".join(monitor.violations[before:])

    teams = f"{here}/api/v2/teams/?start=0&limit=1"
    assert ask(f"{there}/api/v2/teams/", headers=wrong)[1] == "", "not settled yet"
    assert ask(f"{here}/core/version")[1] == ""
    assert ask(f"{here}/api/v2/health/check/") == (200, "")
    assert ask(teams, headers=mine) == (200, "")
    assert ask(teams)[0] == 401
    assert ask(f"{here}/api/v2/projects/", headers=mine) == (200, "")
    assert ask(f"{here}/api/v2/projects/check/azurecloud/1234", headers=mine) == (400, "")
    status, broken = ask(f"{here}/api/v2/teams?start=0", headers=mine)
    assert status == 301
    assert "without its slash" in broken
    for options, rule in (
        ({"headers": {**mine, **wrong}}, "tokens of two dialects"),
        ({"headers": wrong}, "on a path of the other"),
        ({"headers": {HEADER[dialect]: drawn_token()}}, "nobody gave for the ASPM"),
        ({"headers": {HEADER[dialect]: pat.value}}, "a token of Azure DevOps at the ASPM"),
        ({"headers": {"Authorization": basic(pat.value)}}, "a token of Azure DevOps at the ASPM"),
        ({"headers": {"Authorization": "Bearer x"}}, "an Authorization header"),
        ({"headers": {**mine, "Cookie": "session=of-nobody"}}, "a cookie was sent back"),
        ({"headers": {**mine, "User-Agent": "kdt"}}, "does not say who it is"),
        ({"headers": mine, "method": "HEAD"}, "HEAD"),
        ({"headers": mine, "method": "POST", "data": "{}"}, "no registration was asked for"),
        (
            {"headers": mine, "method": "POST", "data": pat.value},
            "a token of Azure DevOps at the ASPM",
        ),
        ({"headers": mine, "method": "OPTIONS"}, "no registration was asked for"),
    ):
        assert rule in ask(teams, **options)[1], options  # type: ignore[arg-type]
    assert "after the right one had answered" in ask(f"{there}/api/v2/teams/", headers=wrong)[1]
    assert "a token of Azure DevOps at the ASPM" in ask(f"{teams}&pat={pat.value}", headers=mine)[1]
    client.internet.become(a_world(pat, aspm=replace(aspm, state="redirect")))
    client.internet.monitor.requests.clear()
    assert "never looked like the API" in ask(teams, headers=mine)[1]
    assert "a redirect was followed" in ask(client.ask(teams).headers["Location"])[1]
