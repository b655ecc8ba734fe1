"""Connects to hosts for ``doctor``, by the transport's own connections, and sends nothing."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from urllib3.exceptions import ProxyError

from aspm_ado.adapters.http.errors import Where, proxy_unusable, trouble_before_answer
from aspm_ado.adapters.http.route import Proxies, Router, shown
from aspm_ado.adapters.http.transport import TROUBLE, Transport, TransportSettings
from aspm_ado.adapters.http.trust import Trust, load_trust, parse_certificate
from aspm_ado.adapters.http.wire import LIMIT, Limit, Wire, resolve
from aspm_ado.domain.doctor import Host, HostResult, ProxyUse
from aspm_ado.domain.http import Call, Origin, Reply
from aspm_ado.domain.reasons import Problem, UserError
from aspm_ado.domain.text import clean, some_of

if TYPE_CHECKING:
    from aspm_ado.adapters.http.route import Proxy

_WORKERS: Final = 16
_HEARTBEAT: Final = 0.5
_PATIENCE: Final = 5.0
T = TypeVar("T")


class Reachability:
    """Goes to hosts under the same proxies, certificates and limits as the transport.

    ``ca_bundle`` is the file of this run (``--ca-bundle``); it goes before one that is recorded
    with a connection. Raises ``UsageError`` for a simulator that is not on this machine.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        ca_bundle: str | None,
        timeout: float,
        simulator: str | None,
        trace: Callable[[str], None] | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._environment, self._ca_bundle, self._timeout = environment, ca_bundle, timeout
        self._simulator, self._trace, self._note = simulator, trace, note
        self._proxies = Proxies.read(environment)
        Router(self._proxies, simulator, timeout)  # refuses a simulator elsewhere
        self._trust: dict[str | None, tuple[Trust, tuple[str, ...]]] = {}

    def proxy_of(self, origin: Origin) -> ProxyUse:
        """How ``origin`` is reached, and by which variable."""
        proxy = self._proxies.of(origin)
        variable = self._variable(f"{origin.scheme}_proxy", "all_proxy")
        if proxy is not None:
            return ProxyUse(proxy.shown, variable, proxy.usable, proxy.signs_in)
        if variable and not origin.is_loopback:
            return ProxyUse(exempt=self._variable("no_proxy"))
        return ProxyUse()

    def trusted(self, ca_bundle: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The places of the trusted certificates, a connection's own file among them, and notes.

        Raises ``UserError`` for a file that cannot be used.
        """
        trust, notes = self._load(ca_bundle)
        return trust.sources, notes

    def connect(self, hosts: Sequence[Host]) -> list[HostResult]:
        """Connect to each, side by side; results in the order given.

        A dead host costs its own time alone.
        """
        for bundle in {host.ca_bundle for host in hosts}:
            with contextlib.suppress(UserError):  # here, so that no two threads load the same
                self._load(bundle)
        return self._side_by_side([(host.name, partial(self._connect, host)) for host in hosts])

    def _side_by_side(self, work: Sequence[tuple[str, Callable[[], T]]]) -> list[T]:
        """The results of work about hosts; whom it waits for is said once."""
        pool, quiet = ThreadPoolExecutor(_WORKERS, "reach"), 0.0
        try:
            try:
                under_way = {pool.submit(one): name for name, one in work}
            except RuntimeError:  # the system gives no more threads
                pool.shutdown(wait=False, cancel_futures=True)
                return [one() for _, one in work]
            # Between two waits Ctrl-C is noticed, which a long one does not on Windows.
            while left := wait(under_way, _HEARTBEAT).not_done:
                quiet += _HEARTBEAT
                if quiet == _PATIENCE:
                    names = some_of(sorted(under_way[one] for one in left))
                    self._note(f"Still waiting for {names}.")
            return [result.result() for result in under_way]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def send(self, call: Call) -> Reply:
        """Send one call by a transport of its own."""
        settings = TransportSettings(
            self._environment,
            timeout=self._timeout,
            simulator=self._simulator,
            trace=self._trace,
        )
        transport = Transport(settings, trust=self._load(call.ca_bundle)[0])
        with contextlib.closing(transport):
            host = Origin.of(call.url).host
            return self._side_by_side([(host, partial(transport.send, call))])[0]

    def _variable(self, *names: str) -> str:
        """The variable in force, by the spelling that is set: lower case wins."""
        spellings = (spelling for name in names for spelling in (name, name.upper()))
        return next((name for name in spellings if self._environment.get(name, "").strip()), "")

    def _load(self, recorded: str | None) -> tuple[Trust, tuple[str, ...]]:
        """The certificates, and notes on variables that name unreadable ones; loaded once."""
        bundle = self._ca_bundle or recorded
        if bundle not in self._trust:
            notes: list[str] = []
            path = Path(bundle) if bundle else None
            trust = load_trust(self._environment, path, notes.append)
            self._trust[bundle] = trust, tuple(notes)
        return self._trust[bundle]

    def _connect(self, host: Host) -> HostResult:
        proxy = self._proxies.of(host.origin)
        signs_in = proxy is not None and proxy.signs_in
        trust = None
        with contextlib.suppress(UserError):
            trust = self._load(host.ca_bundle)[0].context
        where = Where(host.origin, shown(proxy), signs_in, timeout=self._timeout, trust=trust)
        limit = Limit(time.monotonic, self._timeout)
        details: list[str] = []
        problem = None
        if proxy and not proxy.usable:
            trouble = proxy_unusable(where)
            problem = Problem(trouble.reason, trouble.problem, trouble.remedy)
        else:
            try:
                self._take_steps(host, proxy, limit, details)
            except TROUBLE as error:
                trouble = trouble_before_answer(error, where, spent=limit.left <= 0)
                problem = Problem(trouble.reason, clean(trouble.problem, 600), trouble.remedy)
        spent = self._timeout - limit.left
        return HostResult(host, tuple(details), problem, round(spent * 1000))

    def _take_steps(
        self, host: Host, proxy: Proxy | None, limit: Limit, details: list[str]
    ) -> None:
        """Look up the name, connect and shake hands; each step that goes well adds to ``details``.

        A proxy's name is looked up in place of the host's. Where the certificates of this host
        cannot be read, it ends before TLS.
        """
        origin, scheme = host.origin, host.origin.scheme
        details.append(_looked_up(origin, proxy, limit))
        try:
            context = self._load(host.ca_bundle)[0].context
        except UserError:
            context, scheme = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "http"
        LIMIT.set(limit)
        with contextlib.closing(Wire(context, workers=1)) as wire:
            connection: Any = _connection(wire, f"{scheme}://{host.name}", proxy)
            with contextlib.closing(connection):
                try:
                    connection.connect()
                except TROUBLE as error:
                    if proxy and not connection.has_connected_to_proxy:
                        raise ProxyError("not connected to", error) from error
                    if connection.sock is not None:  # it was TLS that failed
                        details.append(_connected(connection, origin, proxy))
                    raise
                details.append(_connected(connection, origin, proxy))
                if scheme == "https":
                    details.append(_shaken_hands(connection.sock))


def _looked_up(origin: Origin, proxy: Proxy | None, limit: Limit) -> str:
    """The addresses of the host, or of the proxy."""
    host, port = origin.host, origin.port
    if proxy is not None:
        parts = urlsplit(proxy.url)
        host, port = parts.hostname or "", parts.port or 80
    try:
        rows = resolve(host, port, limit.allow(limit.read))
    except OSError as error:
        if proxy is not None:
            raise ProxyError("not found", error) from error
        raise
    addresses = some_of(str(row[4][0]) for row in rows)
    if proxy is not None:
        return f"{addresses} is the proxy {proxy.shown}, which looks up the host itself."
    return f"{addresses}."


def _connection(wire: Wire, url: str, proxy: Proxy | None) -> Any:
    """A connection as the transport makes them, not yet connected."""
    manager: Any = wire.poolmanager
    if proxy:
        manager = wire.proxy_manager_for(proxy.url)
    pool = manager.connection_from_url(url)
    connection = pool._new_conn()
    if proxy and pool.scheme == "https":
        scheme = urlsplit(proxy.url).scheme
        connection.set_tunnel(pool._tunnel_host, pool.port, pool.proxy_headers, scheme)
    return connection


def _connected(connection: Any, origin: Origin, proxy: Proxy | None) -> str:
    if proxy is not None:
        return f"Through the proxy {proxy.shown}."
    try:
        return f"{connection.sock.getpeername()[0]} port {origin.port}."
    except OSError:  # a failed handshake leaves nothing to ask
        return f"Port {origin.port}."


def _shaken_hands(sock: Any) -> str:
    """The version of TLS, and who issued the certificate, which is verified."""
    try:
        certificate = parse_certificate(sock.getpeercert(True) or b"")
    except ValueError:
        return f"{sock.version()}; the certificate was verified, but aspm-ado cannot read it."
    issued = f"issued by {certificate.issuer}, valid until {certificate.ends:%Y-%m-%d}"
    return f"{sock.version()}; {issued}."
