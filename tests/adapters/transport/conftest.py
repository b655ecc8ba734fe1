"""Servers, certificates and a transport whose clock need not be waited for."""

import datetime
import ssl
from dataclasses import dataclass, field

import pytest
import trustme

from aspm_ado.adapters.http import trust
from aspm_ado.adapters.http.pacing import Pace
from aspm_ado.adapters.http.transport import Transport, TransportSettings
from aspm_ado.domain.http import Call, Credential, Origin
from aspm_ado.domain.secret import Secret

from .servers import ConnectProxy, Server

PAT = "a" * 76 + "AZDO" + "WXYZ"


@dataclass
class Time:
    """A clock that only sleeping moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    @property
    def pace(self):
        return Pace(clock=lambda: self.now, sleep=self.sleep, jitter=lambda: 0.0)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def start():
    """Starts a server with a script."""
    servers = []

    def start(*script, tls=None):
        servers.append(Server(list(script), tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def proxy():
    """Starts a CONNECT proxy."""
    proxies = []

    def start(**settings):
        proxies.append(ConnectProxy(**settings))
        return proxies[-1]

    yield start
    for one in proxies:
        one.close()


@pytest.fixture(scope="session")
def system(tmp_path_factory):
    """A system's store of one authority, which takes no time to load."""
    path = tmp_path_factory.mktemp("system") / "system.pem"
    trustme.CA(organization_name="System").cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def transport(time, system, monkeypatch):
    """Builds transports in an empty environment, with a small system's store and the clock of the test."""
    monkeypatch.setattr(trust, "system_stores", lambda *_: (system,))
    built = []

    def build(environment=None, *, ca_bundle=None, pace=time.pace, gate=None, **settings):
        settings = TransportSettings(environment or {}, **settings)
        built.append(Transport(settings, ca_bundle, pace=pace, gate=gate))
        return built[-1]

    yield build
    for one in built:
        one.close()


@pytest.fixture
def get():
    """Builds a GET that carries the token, bound to the origin of its own address."""

    def get(url, method="GET", **settings):
        credential = Credential(Secret(PAT), frozenset({Origin.of(url)}))
        return Call(method, url, **{"credential": credential, **settings})

    return get


@pytest.fixture(scope="session")
def authority():
    return trustme.CA(organization_name="Fabrikam Trust")


@pytest.fixture(scope="session")
def certificates(authority):
    """Server contexts by what is wrong with them."""

    def context(issuer, *names, **settings):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer.issue_cert(*names, **settings).configure_cert(made)
        return made

    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    return {
        "good": context(authority, "localhost", "dev.example", "proxy.example", "127.0.0.1"),
        "other host": context(authority, "tfs.fabrikam.example", "10.1.2.3"),
        "expired": context(authority, "localhost", not_after=now - day),
        "not yet valid": context(
            authority, "localhost", not_before=now + day, not_after=now + 30 * day
        ),
        "unknown": context(trustme.CA(organization_name="Zscaler Inc."), "localhost"),
    }


@pytest.fixture(scope="session")
def bundle(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path
