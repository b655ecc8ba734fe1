"""Step by step to real hosts on loopback: what each step says, and which one fails."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.adapters.http import reachability
from aspm_ado.adapters.http.reachability import Reachability
from aspm_ado.domain.doctor import Health, HealthCheck, HostResult, host_checks
from aspm_ado.domain.doctor import Host as Target
from aspm_ado.domain.http import Call, Origin
from aspm_ado.domain.reasons import Reason, UsageError

from ..adapters.transport.servers import ConnectProxy, Server
from .loopback import Mute, Plain, azure, proxy

Opened = Callable[[Server], Server]
Certificates = dict[str, ssl.SSLContext]


def network(ca_bundle: Path | None = None, timeout: float = 5, **environment: str) -> Reachability:
    return Reachability(
        environment,
        ca_bundle=str(ca_bundle) if ca_bundle else None,
        timeout=timeout,
        simulator=None,
    )


class Seen:
    """A result with its three checks."""

    name: HealthCheck
    connect: HealthCheck
    tls: HealthCheck

    def __init__(self, result: HostResult) -> None:
        self.reached = result.reached
        self.name, self.connect, self.tls = host_checks(result)


def go(url: str, *settings: Any, recorded: str | None = None, **environment: Any) -> Seen:
    found = network(*settings, **environment)
    (result,) = found.connect([Target(Origin.of(url), url, recorded)])
    return Seen(result)


@pytest.fixture
def closed() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_a_good_host_is_reached_step_by_step(
    opened: Opened, certificates: Certificates, bundle: Path
) -> None:
    host = opened(azure(certificates["good"]))
    contact = go(host.url, bundle)
    assert contact.reached
    assert "127.0.0.1" in contact.name.detail
    assert contact.connect.detail == f"127.0.0.1 port {host.port}."
    assert re.fullmatch(
        r"TLSv1\.3; issued by .*Fabrikam Trust.*, valid until \d{4}-\d\d-\d\d\.", contact.tls.detail
    )
    assert host.received == []


def test_the_ca_of_a_connection_is_trusted_for_it_alone(
    opened: Opened, certificates: Certificates, bundle: Path
) -> None:
    host = opened(azure(certificates["good"]))
    origin = Origin.of(host.url)
    own, other = network().connect(
        [Target(origin, host.url, str(bundle)), Target(origin, host.url)]
    )
    assert (own.reached, other.reached) == (True, False)


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        ("unknown", Reason.TLS_UNTRUSTED, "Zscaler Inc."),
        ("expired", Reason.TLS_EXPIRED, "not valid today"),
        ("other", Reason.TLS_WRONG_HOST, "tfs.fabrikam.example"),
    ],
)
def test_certificates_that_are_not_accepted(
    opened: Opened, certificates: Certificates, bundle: Path, kind: str, reason: Reason, words: str
) -> None:
    contact = go(opened(azure(certificates[kind])).url, bundle)
    assert contact.connect.health is Health.OK
    assert contact.tls.reason is reason
    assert words in contact.tls.detail
    assert contact.tls.remedy


def test_a_port_without_tls(opened: Opened, bundle: Path) -> None:
    contact = go(opened(Plain([])).url.replace("http:", "https:"), bundle)
    assert contact.tls.reason is Reason.TLS_FAILED


def test_nobody_listens(closed: int) -> None:
    contact = go(f"https://localhost:{closed}")
    assert (contact.connect.reason, contact.tls.health) == (Reason.UNREACHABLE, Health.SKIP)
    assert "it was refused" in contact.connect.detail


def test_no_such_name() -> None:
    contact = go("https://no-such-host.invalid")
    assert (contact.name.reason, contact.connect.health, contact.tls.health) == (
        Reason.NAME_UNRESOLVED,
        Health.SKIP,
        Health.SKIP,
    )


def test_a_mute_host_costs_its_own_time_and_nobody_elses(
    opened: Opened, certificates: Certificates, bundle: Path
) -> None:
    silent, good = opened(Mute([])), opened(azure(certificates["good"]))
    addresses = [silent.url.replace("http:", "https:"), *[good.url] * 5]
    started = time.monotonic()
    results = network(bundle, 1.0).connect([Target(Origin.of(url), url) for url in addresses])
    assert time.monotonic() - started < 4
    contacts = [Seen(result) for result in results]
    assert [contact.reached for contact in contacts] == [False, *[True] * 5]
    assert contacts[0].tls.reason in (Reason.UNREACHABLE, Reason.TIMED_OUT)
    assert all((contact.tls.milliseconds or 0) < 900 for contact in contacts[1:])


def test_an_unreadable_ca_leaves_tls_untried(opened: Opened, certificates: Certificates) -> None:
    contact = go(opened(azure(certificates["good"])).url, recorded="/no/such/ca.pem")
    assert (contact.connect.health, contact.tls.health, contact.reached) == (
        Health.OK,
        Health.SKIP,
        False,
    )


FAR = "https://dev.example"


def test_through_a_proxy_the_proxys_name_is_looked_up(
    opened: Opened, certificates: Certificates, bundle: Path
) -> None:
    host = opened(azure(certificates["good"]))
    tunnel = opened(proxy(target=host.port))
    contact = go(FAR, bundle, HTTPS_PROXY=f"http://us%40er:canary@localhost:{tunnel.port}")
    assert contact.reached
    assert contact.name.detail.endswith(
        f"is the proxy localhost:{tunnel.port}, which looks up the host itself."
    )
    assert contact.connect.detail == f"Through the proxy localhost:{tunnel.port}."
    assert tunnel.received[0].line.startswith("CONNECT dev.example:443 HTTP/1.")
    [signed] = tunnel.received[0].all("Proxy-Authorization")
    assert signed.startswith("Basic dXNAZXI6Y2FuYXJ5")
    assert "canary" not in repr(vars(contact))


def test_a_proxy_over_tls(opened: Opened, certificates: Certificates, bundle: Path) -> None:
    host = opened(azure(certificates["good"]))
    tunnel = opened(proxy(target=host.port, tls=certificates["good"]))
    assert go(FAR, bundle, HTTPS_PROXY=f"https://localhost:{tunnel.port}").reached


@pytest.mark.parametrize(
    ("status", "words"), [(407, "requires a sign-in"), (403, "(status 403)"), (502, "(status 502)")]
)
def test_a_proxy_that_refuses(opened: Opened, status: int, words: str) -> None:
    contact = go(FAR, https_proxy=f"http://localhost:{opened(proxy(status)).port}")
    assert (contact.connect.reason, contact.tls.health) == (Reason.PROXY_FAILED, Health.SKIP)
    assert words in contact.connect.detail


@pytest.mark.parametrize("said", [b"\x15\x03\x01\x00\x02\x02\x28", b"SSH-2.0-x\r\n\r\n", b""])
def test_a_proxy_that_does_not_speak_http(opened: Opened, said: bytes) -> None:
    box = ConnectProxy(refusal=said or b"\n")
    contact = go(FAR, https_proxy=f"http://localhost:{opened(box).port}")
    assert not contact.reached
    assert Health.FAIL in (contact.connect.health, contact.tls.health)


def test_a_proxy_that_is_not_there(closed: int) -> None:
    contact = go(FAR, https_proxy=f"http://localhost:{closed}")
    assert contact.connect.reason is Reason.PROXY_FAILED
    contact = go(FAR, https_proxy="http://no-such-proxy.invalid:3128")
    assert contact.name.reason is Reason.PROXY_FAILED
    assert "cannot be resolved" in contact.name.detail


def test_an_untrusted_proxy_over_tls_is_the_proxys_failure(
    opened: Opened, certificates: Certificates
) -> None:
    tunnel = opened(proxy(tls=certificates["unknown"]))
    contact = go(FAR, https_proxy=f"https://localhost:{tunnel.port}")
    assert contact.connect.reason is Reason.PROXY_FAILED
    assert tunnel.received == []


def test_a_proxy_that_cannot_be_used_is_never_gone_around() -> None:
    contact = go(FAR, ALL_PROXY="socks5://localhost:1")
    assert (contact.name.reason, contact.connect.health) == (Reason.PROXY_FAILED, Health.SKIP)


@pytest.mark.parametrize(
    ("environment", "proxied", "variable", "exempt"),
    [
        ({}, "", "", ""),
        ({"HTTPS_PROXY": "http://p:1"}, "p:1", "HTTPS_PROXY", ""),
        ({"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"}, "q:2", "https_proxy", ""),
        ({"all_proxy": "http://p:1", "HTTPS_PROXY": " "}, "p:1", "all_proxy", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example"}, "", "", "NO_PROXY"),
        ({"HTTP_PROXY": "http://p:1"}, "", "", ""),
    ],
)
def test_the_variable_that_names_the_proxy(
    environment: dict[str, str], proxied: str, variable: str, exempt: str
) -> None:
    way = network(**environment).proxy_of(Origin.of(FAR))
    assert (way.proxy, way.variable, way.exempt) == (proxied, variable, exempt)


def test_who_is_trusted_is_told_with_its_source(bundle: Path) -> None:
    assert network(bundle).trusted(None)[0][-1] == f"--ca-bundle {bundle}"
    sources, notes = network(SSL_CERT_FILE="/no/such", REQUESTS_CA_BUNDLE=str(bundle)).trusted(None)
    assert sources[-1] == f"REQUESTS_CA_BUNDLE ({bundle})"
    assert notes == ("SSL_CERT_FILE is set but cannot be read, so aspm-ado ignores it.",)
    with pytest.raises(UsageError):
        network().trusted("/no/such/ca.pem")


def test_the_date_is_asked_without_a_token(
    opened: Opened, certificates: Certificates, bundle: Path
) -> None:
    host = opened(azure(certificates["good"]))
    reply = network(bundle).send(Call("GET", f"{host.url}/tfs/_apis/projectCollections"))
    assert (reply.status, reply.received is not None) == (401, True)
    (request,) = host.received
    assert request.all("Authorization") == request.all("Cookie") == []


def test_a_simulator_elsewhere_is_refused_before_anything() -> None:
    with pytest.raises(UsageError):
        Reachability({}, ca_bundle=None, timeout=1, simulator="http://dev.example:80")


def test_whom_doctor_waits_for_is_said_once(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting, and asking for the time of day: off a terminal nothing else moves."""
    monkeypatch.setattr(reachability, "_HEARTBEAT", 0.0625)
    monkeypatch.setattr(reachability, "_PATIENCE", 0.125)
    silent, said = opened(Mute([])), list[str]()
    found = Reachability({}, ca_bundle=None, timeout=1, simulator=None, note=said.append)
    found.connect([Target(Origin.of(f"https://localhost:{silent.port}"))])
    found.send(Call("GET", silent.url))
    assert said == [f"Still waiting for localhost:{silent.port}.", "Still waiting for localhost."]


def test_where_no_thread_can_be_started_hosts_are_met_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    names = ["a.example", "b.example"]
    targets = [Target(Origin.of(f"http://{name}"), name, None) for name in names]
    for name, result in zip(names, network().connect(targets), strict=True):
        assert result.problem is not None
        assert result.problem.problem.startswith(f"aspm-ado did not contact {name} ")
        assert "cannot start more threads" in result.problem.problem
