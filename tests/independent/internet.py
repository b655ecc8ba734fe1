"""The whole outside, started once: the hosts, the proxy before them, the authority that signed their certificates."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from .ledger import Ledger
from .listener import Listener
from .proxy import Proxy
from .world import World


class Internet:
    """Give it a world; it answers, and its ledger says what was asked."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority_file = folder / "corp-ca.pem"
        authority.cert_pem.write_to_path(str(self.authority_file))
        self.listener = Listener(authority)
        host, port = self.listener.server_address[:2]
        self.proxy = Proxy((str(host), int(port)))
        self._remembered: dict[str, int] = {}

    @property
    def world(self) -> World:
        """What answers now."""
        return self.listener.world

    @property
    def ledger(self) -> Ledger:
        """What was asked in this test."""
        return self.listener.ledger

    def become(self, world: World) -> None:
        """From now on the world is so."""
        self.listener.world = world

    def start_afresh(self) -> None:
        """An empty ledger, an open proxy, an ordinary world."""
        self.use(Ledger(self._remembered))
        self.become(World())
        self.proxy.closed, self.proxy.password = False, None

    def count_rounds(self, quiet: float) -> None:
        """Hold answers until nobody has asked for so many seconds, and number the round trips."""
        self.use(Ledger(self._remembered, quiet))

    def use(self, ledger: Ledger) -> None:
        """Both the hosts and the proxy write into this ledger."""
        self.listener.ledger = self.proxy.ledger = ledger

    def proxy_url(self, password: str | None = None) -> str:
        """The value of HTTPS_PROXY."""
        login = f"proxy-user:{password}@" if password else ""
        return f"http://{login}127.0.0.1:{self.proxy.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Internet]:
        """Up inside of the block."""
        servers = (self.listener, self.proxy)
        threads = [
            threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True) for one in servers
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            for one in servers:
                one.shutdown()
                one.server_close()
            for thread in threads:
                thread.join(5)
