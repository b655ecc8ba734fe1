"""The hosts of a world under their real names: HTTPS by a private authority, behind a proxy."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from aspm_ado.simulator import SCENARIOS
from aspm_ado.simulator.azure_devops import HOSTS
from aspm_ado.simulator.responses import PORTAL_HOST, SIGN_IN_HOST
from aspm_ado.simulator.world import World

from .monitor import Monitor
from .proxy import Proxy
from .strict import StrictSimulator


class Internet:
    """A strict simulator: give it a world; its monitor says what was asked."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.authority_file = folder / "corp-ca.pem"
        self._authority.cert_pem.write_to_path(str(self.authority_file))
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._remembered: dict[str, int] = {}
        front = self._context("dev.azure.com")
        front.sni_callback = self._choose
        self.simulator = StrictSimulator(SCENARIOS["global"], tls=front)
        self.proxy = Proxy(self)

    @property
    def world(self) -> World:
        """What answers now."""
        return self.simulator.world

    @property
    def monitor(self) -> Monitor:
        """What was asked in this test."""
        return self.simulator.monitor

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host that exists, those of redirects included."""
        own = (self.world.server, self.world.aspm)
        return (*HOSTS, *(one.host for one in own if one), SIGN_IN_HOST, PORTAL_HOST)

    def become(self, world: World) -> None:
        """From now on the world is so."""
        self.simulator.become(world)

    def start_afresh(self) -> None:
        """An empty monitor, an open proxy, an ordinary world; inventions are remembered."""
        self.count_round_trips(quiet=0.0)
        self.become(SCENARIOS["global"].world)
        self.proxy.reset()

    def count_round_trips(self, quiet: float) -> None:
        """Hold responses until nobody has asked for so many seconds, and number the round trips."""
        self.simulator.monitor = Monitor(self._remembered, quiet)

    def proxy_url(self, password: str | None = None) -> str:
        """The value of HTTPS_PROXY."""
        login = f"proxy-user:{password}@" if password else ""
        return f"http://{login}127.0.0.1:{self.proxy.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Internet]:
        """Up inside of the block."""
        with self.simulator, self.proxy.running():
            yield self

    def _context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(context)
            self._contexts[host] = context
        return self._contexts[host]

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        if name not in self.hosts:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self._context(name)
        return None


@pytest.fixture(scope="session")
def the_internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """Started once for all tests of a process; what it saw of an earlier test is still in there."""
    with Internet(tmp_path_factory.mktemp("authority")).running() as internet:
        yield internet


@pytest.fixture
def internet(the_internet: Internet) -> Iterator[Internet]:
    """Fresh for each test; no rule may have been broken at the end of it."""
    the_internet.start_afresh()
    yield the_internet
    assert the_internet.monitor.violations == []
