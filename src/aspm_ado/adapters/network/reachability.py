"""How far one comes with a host, step by step: its name, a connection (through a proxy where one is set), TLS.

The transport does all of this at once and tells what failed; here each step is taken, timed and told by itself. No
secret is at hand, and after the handshake nothing is sent.
"""

from __future__ import annotations

import contextlib
import queue
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aspm_ado.adapters.network.errors import Where, proxy_unusable
from aspm_ado.adapters.network.pacing import Limit
from aspm_ado.adapters.network.proxy import Proxies
from aspm_ado.adapters.network.route import Router
from aspm_ado.adapters.network.steps import Hop, handshake
from aspm_ado.adapters.network.transport import Transport
from aspm_ado.adapters.network.trust import Trust, load_trust
from aspm_ado.domain.errors import UserError
from aspm_ado.domain.exchange import Call, Reply
from aspm_ado.domain.machine import Anchors, Contact, Step, Target, Way

if TYPE_CHECKING:
    from aspm_ado.domain.origin import Origin

WORKERS: Final = 16
_HEARTBEAT: Final = 0.5


class Reachability:
    """Goes to hosts under the same proxies, certificates and limits as the transport.

    ``ca_bundle`` is the file of this run (``--ca-bundle``); it goes before one that is recorded with a connection.
    Raises ``UsageError`` for a simulator that is not on this machine.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        ca_bundle: str | None,
        timeout: float,
        simulator: str | None,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self._environment, self._ca_bundle, self._timeout = environment, ca_bundle, timeout
        self._simulator, self._trace = simulator, trace
        self._proxies = Proxies.read(environment)
        Router(self._proxies, simulator, timeout)  # refuses a simulator elsewhere
        self._trust: dict[str | None, tuple[Trust, tuple[str, ...]] | UserError] = {}

    def way(self, origin: Origin) -> Way:
        """How ``origin`` is reached, and by which variable."""
        proxy = self._proxies.of(origin)
        variable = self._variable(f"{origin.scheme}_proxy", "all_proxy")
        if proxy is None:
            return Way(
                exempt=self._variable("no_proxy") if variable and not origin.is_loopback else ""
            )
        return Way(proxy.shown, variable, proxy.usable, signs_in="@" in proxy.url)

    def anchors(self, ca_bundle: str | None) -> Anchors:
        """Who is trusted beside the system, with a connection's own file. Raises ``UserError`` where it is unusable."""
        trust, notes = self._trusting(ca_bundle)
        return Anchors(trust.sources, notes)

    def reach(self, targets: Sequence[Target]) -> list[Contact]:
        """Go to each, side by side; results in the order given. A dead host costs its own time alone."""
        for bundle in {
            target.ca_bundle for target in targets
        }:  # here, so that no two threads load the same
            with contextlib.suppress(UserError):
                self._trusting(bundle)
        return side_by_side(self._reach, targets)

    def send(self, call: Call) -> Reply:
        """Send one call by a transport of its own."""
        transport = Transport(
            environment=self._environment,
            ca_bundle=None,
            timeout=self._timeout,
            simulator=self._simulator,
            trace=self._trace,
            trust=self._trusting(call.ca_bundle)[0],
        )
        with contextlib.closing(transport):
            return transport.send(call)

    def _variable(self, *names: str) -> str:
        """The variable in force, by the spelling that is set (see ``Proxies.read``: lower case wins)."""
        spellings = (spelling for name in names for spelling in (name, name.upper()))
        return next((name for name in spellings if self._environment.get(name, "").strip()), "")

    def _trusting(self, recorded: str | None) -> tuple[Trust, tuple[str, ...]]:
        bundle = self._ca_bundle or recorded
        if bundle not in self._trust:
            notes: list[str] = []
            try:
                path = Path(bundle).expanduser() if bundle else None
                self._trust[bundle] = (
                    load_trust(self._environment, path, notes.append),
                    tuple(notes),
                )
            except UserError as error:
                self._trust[bundle] = error
        found = self._trust[bundle]
        if isinstance(found, UserError):
            raise found
        return found

    def _reach(self, target: Target) -> Contact:
        origin, proxy = target.origin, self._proxies.of(target.origin)
        where = Where(origin, proxy=proxy.shown if proxy else "", timeout=self._timeout)
        limit = Limit(time.monotonic, self._timeout)
        if proxy and not proxy.usable:
            trouble = proxy_unusable(where)
            return Contact(target, Step(0, "", trouble.reason, trouble.problem, trouble.remedy))
        hop = Hop(proxy, where, limit)
        name, addresses = hop.step(partial(hop.resolved, origin))
        if addresses is None:
            return Contact(target, name)
        connect, sock = hop.step(partial(hop.connected, origin, addresses, self._proxy_context))
        if sock is None:
            return Contact(target, name, connect)
        with contextlib.closing(sock):
            if origin.scheme != "https":
                return Contact(target, name, connect)
            try:
                context = self._trusting(target.ca_bundle)[0].context
            except UserError:
                return Contact(target, name, connect)
            tls, _ = hop.step(partial(handshake, sock, context, origin.host, limit))
            return Contact(target, name, connect, tls)

    def _proxy_context(self) -> ssl.SSLContext:
        return self._trusting(None)[0].context


def side_by_side(work: Callable[[Target], Contact], targets: Sequence[Target]) -> list[Contact]:
    """``work`` done for each, at most ``WORKERS`` at a time, on threads that never keep the process from ending."""
    jobs: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Contact | BaseException]] = queue.SimpleQueue()

    def labour() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                place = jobs.get_nowait()
                try:
                    done.put((place, work(targets[place])))
                except BaseException as error:  # noqa: BLE001  (a thread has nobody above it; the caller raises this)
                    done.put((place, error))

    for place in range(len(targets)):
        jobs.put(place)
    for number in range(min(WORKERS, len(targets))):
        threading.Thread(target=labour, name=f"reach-{number}", daemon=True).start()
    found: dict[int, Contact] = {}
    while len(found) < len(targets):
        try:
            place, outcome = done.get(timeout=_HEARTBEAT)
        except queue.Empty:  # a look at Ctrl-C, which a long wait does not notice on Windows
            continue
        if isinstance(outcome, BaseException):
            raise outcome
        found[place] = outcome
    return [found[place] for place in range(len(targets))]
