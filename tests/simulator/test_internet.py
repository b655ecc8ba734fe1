"""Under the real names, over TLS and through the proxy it answers by the facts, too."""

from __future__ import annotations

import pytest
import requests

from aspm_ado.simulator import samples
from aspm_ado.simulator.resources import ANONYMOUS
from aspm_ado.simulator.samples import ADA, GRACE
from aspm_ado.simulator.world import GitRepository, IssuedToken, Organization, TeamProject

from .https_client import HttpsClient
from .internet import Internet
from .probes import PROBES, Probe, request_of
from .worlds import LONG_AGO, a_server, a_token, a_world, an_organization, swap

WHO = "https://dev.azure.com/contoso/_apis/connectionData?api-version=7.1-preview.1"
PROFILE = "https://app.vssps.visualstudio.com/_apis/profile/profiles/me?api-version=7.1"
REFUSED = [one for one in PROBES if one.status != "200"]
"""Those that name what is not there."""


@pytest.fixture
def client(internet: Internet) -> HttpsClient:
    return HttpsClient(internet)


def live(client: HttpsClient, pat: IssuedToken, **world: object) -> None:
    """The token exists, and the client was told it."""
    client.internet.become(a_world(pat, **world))
    client.given(pat)


def test_a_member_is_named_and_every_answer_sets_cookies(client: HttpsClient) -> None:
    pat = a_token()
    live(client, pat)
    answer = client.ask(WHO, pat)
    assert answer.status_code == 200
    assert answer.json()["authenticatedUser"]["properties"]["Account"]["$value"] == ADA.mail
    assert answer.headers["X-VSS-UserData"] == f"{ADA.id}:{ADA.mail}"
    assert answer.headers["Content-Type"].startswith(
        "application/json; charset=utf-8; api-version="
    )
    assert answer.headers["Date"] == "Mon, 23 Nov 2026 00:00:00 GMT"
    assert "VstsSession" in answer.headers["Set-Cookie"]
    assert client.internet.monitor.violations == []


def test_a_missing_scope_is_an_empty_401_without_a_user(client: HttpsClient) -> None:
    pat = a_token(swap("vso.work_full"))
    live(client, pat)
    answer = client.ask(
        "https://dev.azure.com/contoso/_apis/wit/workItems/2147483647?api-version=7.1", pat
    )
    assert (answer.status_code, answer.content) == (401, b"")
    assert "ActivityId" in answer.headers
    assert not {"X-VSS-UserData", "Content-Type", "X-TFS-ServiceError"} & set(answer.headers)


@pytest.mark.parametrize("probe", REFUSED, ids=[one.scope for one in REFUSED])
def test_each_documented_probe_is_granted_by_its_scope_alone(
    client: HttpsClient, probe: Probe
) -> None:
    enough, other = a_token(frozenset({probe.scope})), a_token(frozenset({"vso.graph"}))
    client.internet.become(a_world(enough, other))
    client.given(enough, other)
    method, url, headers, body = request_of(probe)
    for pat, status in ((enough, (204, 404)), (other, (401,))):
        answer = client.ask(url, pat, method, headers, body)
        assert answer.status_code in status
        assert ("X-VSS-UserData" in answer.headers) is (pat is enough)
    assert client.internet.monitor.violations == []


@pytest.mark.parametrize(
    ("pat", "organization", "status", "inside"),
    [
        (
            a_token(owner=GRACE),
            an_organization("Contoso", members=(ADA,)),
            401,
            b"TF400813: The user",
        ),
        (a_token(expires=LONG_AGO), an_organization("Contoso"), 401, b"has expired"),
        (a_token(revoked=True), an_organization("Contoso"), 401, b""),
        (
            a_token(reach="Fabrikam"),
            an_organization("Contoso"),
            401,
            b"Client authentication required",
        ),
        (a_token(), an_organization("Contoso", blocks_global_tokens=True), 401, b""),
        (a_token(), an_organization("Contoso", fenced=True), 403, b"VS403463"),
        (a_token(), an_organization("Contoso", deactivated=True), 503, b"\xef\xbb\xbf{"),
        (a_token(), an_organization("Elsewhere"), 404, b"<!DOCTYPE"),
        (
            a_token(reach="Elsewhere"),
            an_organization("Contoso", projects=samples.OPEN_CONTOSO.projects),
            200,
            ANONYMOUS.encode(),
        ),
    ],
)
def test_each_door_closes_in_its_own_way(
    client: HttpsClient, pat: IssuedToken, organization: Organization, status: int, inside: bytes
) -> None:
    live(client, pat, organizations=(organization,))
    answer = client.ask(WHO, pat)
    assert answer.status_code == status
    assert inside in answer.content
    assert "X-TFS-ProcessId" in answer.headers
    assert client.internet.monitor.violations == []


def test_only_a_token_of_all_organizations_sees_its_profile_and_accounts(
    client: HttpsClient,
) -> None:
    everywhere, one = a_token(), a_token(reach="Contoso")
    client.internet.become(a_world(everywhere, one))
    client.given(everywhere, one)
    assert client.ask(PROFILE, one).status_code == 401
    person = client.ask(PROFILE, everywhere).json()["id"]
    accounts = client.ask(
        f"https://app.vssps.visualstudio.com/_apis/accounts?memberId={person}&api-version=7.1",
        everywhere,
    )
    assert [one["accountName"] for one in accounts.json()["value"]] == ["Contoso", "Fabrikam"]


def test_lists_come_in_pages_and_in_chunks_and_names_have_capitals(client: HttpsClient) -> None:
    pat = a_token()
    live(client, pat)
    page = client.ask("https://dev.azure.com/contoso/_apis/projects?$top=1&api-version=7.1", pat)
    assert page.headers["x-ms-continuationtoken"] == "1"
    listed = client.ask(
        "https://dev.azure.com/contoso/web%20shop/_apis/git/repositories?api-version=7.1", pat
    )
    assert listed.headers["Transfer-Encoding"] == "chunked"
    assert (
        listed.json()["value"][0]["remoteUrl"]
        == "https://Contoso@dev.azure.com/Contoso/Web%20Shop/_git/storefront"
    )


@pytest.mark.parametrize(
    ("clone", "user", "status"),
    [
        ("token", "", 200),
        ("username", "", 401),
        ("username", ADA.mail, 200),
        ("nothing", "", 401),
    ],
)
def test_git_takes_the_user_names_it_takes(
    client: HttpsClient, clone: str, user: str, status: int
) -> None:
    pat = a_token()
    repository = GitRepository("storefront", clone=clone)  # type: ignore[arg-type]
    projects = (TeamProject("Web Shop", (repository,)),)
    live(client, pat, organizations=(an_organization("Contoso", projects=projects),))
    url = (
        "https://dev.azure.com/Contoso/Web%20Shop/_git/storefront/info/refs?service=git-upload-pack"
    )
    answer = client.ask(url, pat, user=user)
    assert answer.status_code == status
    assert answer.content.startswith(b"001e# service=git-upload-pack\n") is (status == 200)
    assert client.internet.monitor.violations == []


@pytest.mark.parametrize(
    ("network", "status"),
    [
        ("throttled", 429),
        ("outage", 503),
        ("captive-page", 200),
        ("captive-redirect", 302),
    ],
)
def test_what_stands_in_the_way_is_before_every_host(
    client: HttpsClient, network: str, status: int
) -> None:
    pat = a_token()
    live(client, pat, network=network)
    for url in (
        WHO,
        PROFILE,
        "https://tfs.example.test/tfs/DefaultCollection/_apis/connectionData",
    ):
        answer = client.ask(url)
        assert answer.status_code == status
        assert ("X-TFS-ProcessId" in answer.headers) is (network == "throttled")


def test_a_server_says_no_names_and_tells_its_version_when_asked_for_more(
    client: HttpsClient,
) -> None:
    pat = a_token(home="server", reach="DefaultCollection")
    live(client, pat, server=a_server("6.0"))
    base = "https://tfs.example.test/tfs"
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
    assert client.internet.monitor.violations == []


def test_an_aspm_wants_its_own_token_for_all_but_its_version(client: HttpsClient) -> None:
    world = a_world()
    client.internet.become(world)
    client.given(aspm_token=world.aspm.token)
    base = "https://aspm.example.test"
    assert client.ask(f"{base}/core/version").json()
    assert client.ask(f"{base}/api/v2/teams/?start=0&limit=1").status_code == 401
    assert (
        client.ask(
            f"{base}/api/v2/teams/?start=0&limit=1", headers={"X-Cookie": world.aspm.token}
        ).json()["total"]
        == 1
    )
    assert "html" in client.ask(f"{base}/api/aspm/v1/core/version").headers["Content-Type"]
    assert client.internet.monitor.violations == []


def test_an_unknown_authority_is_refused_and_an_unknown_host_is_remembered(
    client: HttpsClient,
) -> None:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(WHO, proxies={"https": client.internet.proxy_url()}, timeout=10)
    with pytest.raises(requests.exceptions.ProxyError):
        client.ask("https://dev.azure.com.attacker.example/")
    assert client.internet.monitor.refused_hosts == ["CONNECT dev.azure.com.attacker.example:443"]
