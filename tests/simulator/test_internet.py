"""Under the real names, over TLS and through the proxy it answers by the facts, too."""

from __future__ import annotations

import pytest
import requests

from aspm_ado.simulator.samples import ADA
from aspm_ado.simulator.world import IssuedToken

from .https_client import HttpsClient
from .internet import Internet
from .probes import PROBES, Probe, request_of
from .worlds import a_token, a_world

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
