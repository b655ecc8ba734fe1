"""The server notices each sin: without these, `violations == []` would prove nothing."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest

from .client import Client, basic
from .internet import Internet
from .ledger import Given, Ledger
from .report import Report
from .strict import disguises
from .world import ADA_AT_CORP, Pat, World, invent_secret

DEV = "https://dev.azure.com/contoso/_apis/"
WHO = DEV + "connectionData?api-version=7.1-preview.1"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def pat() -> Pat:
    return Pat()


@pytest.fixture
def client(the_internet: Internet, pat: Pat) -> Client:
    """Not the fixture that demands a clean ledger: here it must become dirty."""
    the_internet.start_afresh()
    the_internet.become(World(tokens=(pat,)))
    client = Client(the_internet)
    client.given(pat)
    return client


def sins(client: Client) -> str:
    return "\n".join(client.internet.ledger.violations)


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"Cookie": "VstsSession=1"}, "a cookie was sent back"),
        ({"X-TFS-FedAuthRedirect": ""}, "Suppress is missing"),
        ({"User-Agent": "python"}, "does not say who it is"),
        ({"X-VSS-ForceMsaPassThrough": "true"}, "another account"),
        ({"Authorization": "Bearer abc"}, "not canonical Basic"),
        ({"Authorization": basic("x") + "="}, "not canonical Basic"),
        ({"Authorization": basic(invent_secret())}, "a token that nobody gave"),
    ],
)
def test_a_header_out_of_place(
    client: Client, pat: Pat, headers: dict[str, str], rule: str
) -> None:
    client.ask(WHO, pat, headers=headers)
    assert rule in sins(client)


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
    client: Client,
    pat: Pat,
    method: str,
    path: str,
    body: str | None,
    headers: dict[str, str] | None,
    rule: str,
) -> None:
    client.ask(DEV + path.format(new=uuid4()), pat, method, headers, body)
    assert rule in sins(client)


def test_a_target_that_exists_or_was_used_before_or_is_asked_twice(
    client: Client, pat: Pat
) -> None:
    project = client.internet.world.organizations[0].projects[0].id
    client.ask(f"{DEV}projects/{project}?api-version=7.1", pat, "PATCH", JSON, "{}")
    assert "the target of a write exists" in sins(client)
    target = str(uuid4())
    client.ask(f"{DEV}git/repositories/{target}?api-version=7.1", pat, "PATCH", JSON, "{}")
    client.ask(f"{DEV}git/repositories/{target}/refs?api-version=7.1", pat, "POST", JSON, "[]")
    assert "earlier run" not in sins(client)
    assert "twice" not in sins(client)
    client.ask(f"{DEV}git/repositories/{uuid4()}?api-version=7.1", pat, "PATCH", JSON, "{}")
    assert "a write was sent twice" in sins(client)
    client.given(pat)
    client.ask(f"{DEV}git/repositories/{target}?api-version=7.1", pat, "PATCH", JSON, "{}")
    assert "used in an earlier run" in sins(client)


def test_a_secret_away_from_home(client: Client, pat: Pat) -> None:
    aspm, poison, corporate = (
        invent_secret(),
        invent_secret(),
        Pat(home="server", owner=ADA_AT_CORP),
    )
    client.given(pat, corporate, aspm_token=aspm, poison=(poison,))
    for url, header, value in (
        ("https://aspm.corp.example/core/version", "X-Cookie", pat.secret),
        ("https://tfs.corp.example/tfs/_apis/connectionData", "Authorization", basic(pat.secret)),
        (WHO, "Authorization", basic(corporate.secret)),
        (WHO, "X-Cookie", aspm),
        (WHO, "Authorization", basic(poison, "netrc-user")),
        (f"{WHO}&token={pat.secret}", "Accept", "application/json"),
    ):
        before = len(client.internet.ledger.violations)
        client.ask(url, headers={header: value})
        assert "a secret" in "\n".join(client.internet.ledger.violations[before:]), (url, header)


def test_a_user_name_that_nobody_gave_and_a_token_of_another_organization(
    client: Client, pat: Pat
) -> None:
    client.ask(WHO, pat, user="me")
    assert "a user name that nobody gave ('me')" in sins(client)
    client.internet.ledger.begin_run(Given({pat.secret: pat}, {pat.secret: "fabrikam"}))
    client.ask(WHO, pat)
    assert "the token of fabrikam was sent to contoso" in sins(client)


def test_a_followed_redirect(client: Client, pat: Pat) -> None:
    answer = client.ask(WHO, headers={"X-TFS-FedAuthRedirect": "", "Accept": "text/html"})
    assert answer.status_code == 302
    client.ask(answer.headers["Location"])
    assert "a redirect was followed" in sins(client)


def test_requests_that_do_not_wait_for_each_other_are_one_round(client: Client, pat: Pat) -> None:
    client.internet.count_rounds(0.2)
    client.given(pat)
    for many in (2, 5):
        threads = [threading.Thread(target=client.ask, args=(WHO, pat)) for _ in range(many)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [one.wave for one in client.internet.ledger.requests] == [1] * 2 + [2] * 5


def test_a_secret_is_found_wherever_it_stands() -> None:
    secret = invent_secret()
    for user in ("", "a", "me", "ada", "somebody"):
        header = basic(secret, user)
        assert any(form in header for form in disguises(secret)), user
    assert not any(form in basic(invent_secret()) for form in disguises(secret))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "aspm-ado/report/v2"}', "{} {}", "caf\u00e9"]
)
def test_a_document_that_is_no_report(text: str) -> None:
    with pytest.raises((AssertionError, ValueError, KeyError, TypeError)):
        Report.read(text, 0)


def test_a_ledger_remembers_inventions_over_its_own_life() -> None:
    remembered: dict[str, int] = {}
    first, second = Ledger(remembered), Ledger(remembered)
    first.begin_run(Given())
    assert first.fresh("a")
    assert first.fresh("A")
    second.begin_run(Given())
    assert not second.fresh("a")
