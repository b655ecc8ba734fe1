"""The server answers by the facts: checked without the command, so that a red test elsewhere is about the client."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
import requests

from .answers import ANONYMOUS
from .client import Client
from .internet import Internet
from .scopes import ALM, swap
from .world import ADA, ADA_AT_CORP, OnPremises, Organization, Pat, Person, Weather, World

WHO = "https://dev.azure.com/contoso/_apis/connectionData?api-version=7.1-preview.1"
PROFILE = "https://app.vssps.visualstudio.com/_apis/profile/profiles/me?api-version=7.1"


@pytest.fixture
def client(internet: Internet) -> Client:
    return Client(internet)


def live(client: Client, pat: Pat, **world: object) -> None:
    """The token exists, and the client was told it."""
    client.internet.become(replace(World(tokens=(pat,)), **world))  # type: ignore[arg-type]
    client.given(pat)


def test_a_member_is_named_and_every_answer_sets_cookies(client: Client) -> None:
    pat = Pat()
    live(client, pat)
    answer = client.ask(WHO, pat)
    assert answer.status_code == 200
    assert answer.json()["authenticatedUser"]["properties"]["Account"]["$value"] == ADA.account
    assert answer.headers["X-VSS-UserData"] == f"{ADA.id}:{ADA.account}"
    assert answer.headers["Content-Type"].startswith(
        "application/json; charset=utf-8; api-version="
    )
    assert answer.headers["Date"] == "Mon, 23 Nov 2026 00:00:00 GMT"
    assert "VstsSession" in answer.headers["Set-Cookie"]
    assert client.internet.ledger.violations == []


def test_a_missing_scope_is_an_empty_401_without_a_user(client: Client) -> None:
    pat = Pat(swap("vso.work_full"))
    live(client, pat)
    answer = client.ask(
        "https://dev.azure.com/contoso/_apis/wit/workItems/2147483647?api-version=7.1", pat
    )
    assert (answer.status_code, answer.content) == (401, b"")
    assert "ActivityId" in answer.headers
    assert not {"X-VSS-UserData", "Content-Type", "X-TFS-ServiceError"} & set(answer.headers)


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "scope"),
    [
        ("GET", "git/repositories/G?api-version=7.1", None, None, "vso.code"),
        (
            "POST",
            "git/repositories/G/refs?api-version=7.1",
            "[]",
            "application/json",
            "vso.code_write",
        ),
        (
            "PATCH",
            "git/repositories/G?api-version=7.1",
            "{}",
            "application/json",
            "vso.code_manage",
        ),
        (
            "PATCH",
            "wit/workItems/2147483647?validateOnly=true&api-version=7.1",
            '[{"op":"test","path":"/rev","value":1}]',
            "application/json-patch+json",
            "vso.work_write",
        ),
        ("DELETE", "wit/attachments/G?api-version=7.2-preview.4", None, None, "vso.work_full"),
        (
            "DELETE",
            "favorite/favorites/G?artifactType=Microsoft.TeamFoundation.Build.Definition&artifactScopeType=Project"
            "&artifactScopeId=G&api-version=7.1-preview.1",
            None,
            None,
            "vso.profile_write",
        ),
        ("PATCH", "projects/G?api-version=7.1", "{}", "application/json", "vso.project_write"),
        (
            "POST",
            "projects/G/teams?api-version=7.1",
            "{}",
            "application/json",
            "vso.project_manage",
        ),
    ],
)
def test_each_documented_probe_is_granted_by_its_scope_alone(
    client: Client, method: str, path: str, body: str | None, kind: str | None, scope: str
) -> None:
    enough, other = Pat(frozenset({scope})), Pat(frozenset({"vso.graph"}))
    client.internet.become(World(tokens=(enough, other)))
    client.given(enough, other)
    target = str(uuid4())
    for pat, status in ((enough, (204, 404)), (other, (401,))):
        url = "https://dev.azure.com/contoso/_apis/" + path.replace("G", target)
        answer = client.ask(url, pat, method, {"Content-Type": kind} if kind else None, body)
        assert answer.status_code in status
        assert ("X-VSS-UserData" in answer.headers) is (pat is enough)
    assert client.internet.ledger.violations == []


@pytest.mark.parametrize(
    ("pat", "organization", "status", "inside"),
    [
        (
            Pat(owner=Person("Eve", "eve@other.example")),
            Organization("Contoso"),
            401,
            b"TF400813: The user",
        ),
        (Pat(life="expired"), Organization("Contoso"), 401, b"has expired"),
        (Pat(life="revoked"), Organization("Contoso"), 401, b""),
        (Pat(reach="Fabrikam"), Organization("Contoso"), 401, b"Client authentication required"),
        (Pat(), Organization("Contoso", refuses_global_tokens=True), 401, b""),
        (Pat(), Organization("Contoso", fenced=True), 403, b"VS403463"),
        (Pat(), Organization("Contoso", deactivated=True), 503, b"\xef\xbb\xbf{"),
        (Pat(), Organization("Elsewhere"), 404, b"<!DOCTYPE"),
        (Pat(reach="Elsewhere"), Organization("Contoso", public=True), 200, ANONYMOUS.encode()),
    ],
)
def test_each_door_closes_in_its_own_way(
    client: Client, pat: Pat, organization: Organization, status: int, inside: bytes
) -> None:
    live(client, pat, organizations=(organization,))
    answer = client.ask(WHO, pat)
    assert answer.status_code == status
    assert inside in answer.content
    assert "X-TFS-ProcessId" in answer.headers
    assert client.internet.ledger.violations == []


def test_only_a_token_of_all_organizations_sees_its_profile_and_accounts(client: Client) -> None:
    everywhere, one = Pat(), Pat(reach="Contoso")
    client.internet.become(World(tokens=(everywhere, one)))
    client.given(everywhere, one)
    assert client.ask(PROFILE, one).status_code == 401
    person = client.ask(PROFILE, everywhere).json()["id"]
    accounts = client.ask(
        f"https://app.vssps.visualstudio.com/_apis/accounts?memberId={person}&api-version=7.1",
        everywhere,
    )
    assert [one["accountName"] for one in accounts.json()["value"]] == ["Contoso", "Fabrikam"]


def test_lists_come_in_pages_and_in_chunks_and_names_have_capitals(client: Client) -> None:
    pat = Pat()
    live(client, pat)
    page = client.ask("https://dev.azure.com/contoso/_apis/projects?$top=1&api-version=7.1", pat)
    assert page.headers["x-ms-continuationtoken"] == "1"
    listed = client.ask(
        "https://dev.azure.com/contoso/card%20payments/_apis/git/repositories?api-version=7.1", pat
    )
    assert listed.headers["Transfer-Encoding"] == "chunked"
    assert (
        listed.json()["value"][0]["remoteUrl"]
        == "https://Contoso@dev.azure.com/Contoso/Card%20Payments/_git/web%20shop"
    )


@pytest.mark.parametrize(
    ("clone", "user", "status"),
    [
        ("token", "", 200),
        ("username", "", 401),
        ("username", ADA.account, 200),
        ("neither", "", 401),
    ],
)
def test_git_takes_the_user_names_it_takes(
    client: Client, clone: str, user: str, status: int
) -> None:
    pat = Pat()
    live(client, pat, organizations=(Organization("Contoso", clone=clone),))  # type: ignore[arg-type]
    url = "https://dev.azure.com/Contoso/Card%20Payments/_git/web%20shop/info/refs?service=git-upload-pack"
    answer = client.ask(url, pat, user=user)
    assert answer.status_code == status
    assert answer.content.startswith(b"001e# service=git-upload-pack\n") is (status == 200)
    assert client.internet.ledger.violations == []


@pytest.mark.parametrize(
    ("weather", "status"),
    [
        (Weather.THROTTLED, 429),
        (Weather.EDGE_OUTAGE, 503),
        (Weather.CAPTIVE_PAGE, 200),
        (Weather.CAPTIVE_REDIRECT, 302),
    ],
)
def test_bad_weather_is_over_every_host(client: Client, weather: Weather, status: int) -> None:
    pat = Pat()
    live(client, pat, weather=weather)
    for url in (
        WHO,
        PROFILE,
        "https://tfs.corp.example/tfs/DefaultCollection/_apis/connectionData",
    ):
        answer = client.ask(url)
        assert answer.status_code == status
        assert ("X-TFS-ProcessId" in answer.headers) is (weather is Weather.THROTTLED)


def test_a_server_says_no_names_and_tells_its_version_when_asked_for_more(client: Client) -> None:
    pat = Pat(home="server", owner=ADA_AT_CORP, reach="DefaultCollection")
    live(client, pat, servers=(OnPremises(version=(6, 0)),))
    base = "https://tfs.corp.example/tfs"
    known = client.ask(f"{base}/defaultcollection/_apis/connectionData", pat)
    assert known.json()["deploymentType"] == "onPremises"
    assert "X-VSS-UserData" not in known.headers
    assert (
        "supports is 6.0."
        in client.ask(f"{base}/DefaultCollection/_apis/projects?api-version=99.0", pat).json()[
            "message"
        ]
    )
    favorites = f"{base}/DefaultCollection/_apis/favorite/favorites?api-version=6.0"
    assert "The controller for path" in client.ask(favorites, pat).text
    assert client.ask(f"{base}/_apis/projectCollections?api-version=5.0", pat).status_code == 401
    assert (
        client.ask(f"{base}/DefaultCollection/_apis/connectionData", "of-nobody").status_code == 401
    )
    assert client.internet.ledger.violations == []


def test_an_aspm_wants_its_own_token_for_all_but_its_version(client: Client) -> None:
    world = World()
    client.internet.become(world)
    client.given(aspm_token=world.aspm.token)
    base = "https://aspm.corp.example"
    assert client.ask(f"{base}/core/version").json()
    assert client.ask(f"{base}/api/v2/teams/?start=0&limit=1").status_code == 401
    assert (
        client.ask(
            f"{base}/api/v2/teams/?start=0&limit=1", headers={"X-Cookie": world.aspm.token}
        ).json()["total"]
        == 1
    )
    assert "html" in client.ask(f"{base}/api/aspm/v1/core/version").headers["Content-Type"]
    assert client.internet.ledger.violations == []


def test_an_unknown_authority_is_refused_and_an_unknown_host_is_remembered(client: Client) -> None:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(WHO, proxies={"https": client.internet.proxy_url()}, timeout=10)
    with pytest.raises(requests.exceptions.ProxyError):
        client.ask("https://dev.azure.com.attacker.example/")
    assert client.internet.ledger.refused == ["CONNECT dev.azure.com.attacker.example:443"]
    assert ALM
