"""One step after another on the way to a host, each timed and told as the transport tells its trouble."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, ProxyError
from urllib3.util.ssl_ import ssl_wrap_socket

from aspm_ado.adapters.http.errors import Where, parse, proxy_unusable, trouble_before_answer
from aspm_ado.adapters.http.pacing import Limit
from aspm_ado.adapters.http.route import Proxies, Router
from aspm_ado.adapters.http.transport import Transport
from aspm_ado.adapters.http.trust import Trust, load_trust
from aspm_ado.adapters.http.wire import CONNECT, dial, resolve
from aspm_ado.domain.doctor import Anchors, Contact, Step, Target, Way, listed
from aspm_ado.domain.errors import UserError
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.adapters.http.route import Proxy
    from aspm_ado.domain.http import Origin

_HEAD: Final = 16 * 1024
"""Bytes of a proxy's answer that are read for its status."""

T = TypeVar("T")


class Hop:
    """The way to one host: directly, or by a proxy, whose name is then looked up in place of the host's."""

    def __init__(self, proxy: Proxy | None, where: Where, limit: Limit) -> None:
        self._proxy, self._where, self._limit = proxy, where, limit

    def step(self, work: Callable[[], tuple[str, T]]) -> tuple[Step, T | None]:
        """Take one step and its time; why it failed is told as the transport tells it.

        ``work`` returns what is said of a step that went well, and what the next one goes on with.
        """
        started = time.monotonic()
        try:
            said, value = work()
        except (OSError, ConnectTimeoutError, ProxyError) as error:
            spent = _since(started)
            trouble = trouble_before_answer(error, self._where, spent=self._limit.left <= 0)
            return Step(
                spent, "", trouble.reason, clean(trouble.problem, 600), trouble.remedy
            ), None
        return Step(_since(started), said), value

    def resolved(self, origin: Origin) -> tuple[str, list[str]]:
        """The addresses of the host, or of the proxy."""
        host, port = self._next(origin)
        try:
            found = resolve(host, port, self._limit.allow(self._limit.read))
        except OSError as error:
            raise self._blamed(error) from error
        addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
        said = listed(addresses, 3)
        if self._proxy is not None:
            said += f" is the proxy {self._proxy.shown}, which looks up the host itself"
        return f"{said}.", addresses

    def connected(
        self, origin: Origin, addresses: Sequence[str], context: Callable[[], ssl.SSLContext]
    ) -> tuple[str, Any]:
        """A connection to the first address that answers; behind a proxy, a tunnel to the host."""
        _, port = self._next(origin)
        try:
            sock, address = _first(addresses, port, self._limit)
        except OSError as error:
            raise self._blamed(ConnectTimeoutError("no connection"), error) from error
        if self._proxy is None:
            return f"{address} port {port}.", sock
        try:
            sock.settimeout(self._limit.allow(CONNECT))
            if urlsplit(self._proxy.url).scheme == "https":
                sock = ssl_wrap_socket(
                    sock, ssl_context=context(), server_hostname=urlsplit(self._proxy.url).hostname
                )
            if origin.scheme == "https":
                _tunnel(sock, self._proxy, origin, self._limit)
        except (OSError, UserError) as error:
            sock.close()
            raise self._blamed(error) from error
        return f"Through the proxy {self._proxy.shown}.", sock

    def _next(self, origin: Origin) -> tuple[str, int]:
        if self._proxy is None:
            return origin.host, origin.port
        parts = urlsplit(self._proxy.url)
        return parts.hostname or "", parts.port or 80

    def _blamed(self, error: Exception, cause: BaseException | None = None) -> Exception:
        """``error``, or the proxy's fault where there is one: so the transport's own words fit."""
        if self._proxy is None:
            return error
        return ProxyError("the way to the proxy", cause if isinstance(cause, Exception) else error)


def _first(addresses: Sequence[str], port: int, limit: Limit) -> tuple[socket.socket, str]:
    failure: OSError = TimeoutError()
    for address in addresses:
        try:
            return dial(address, port, limit, ()), address
        except OSError as error:
            failure = error
    raise failure


def _tunnel(sock: socket.socket, proxy: Proxy, origin: Origin, limit: Limit) -> None:
    """Ask the proxy for a tunnel. Raises ``OSError`` with the words of ``http.client``, which the transport reads."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"Host: {host}:{origin.port}"]
    lines += [f"{name}: {value}" for name, value in HTTPAdapter().proxy_headers(proxy.url).items()]
    sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD:
        sock.settimeout(limit.allow(limit.read))
        piece = sock.recv(4096)
        if not piece:
            break
        head += piece
    status = head.partition(b"\r\n")[0].split(b" ", 2)[1:2]
    if status != [b"200"]:
        code = status[0].decode("ascii", "replace")[:3] if status else ""
        raise OSError(f"Tunnel connection failed: {code}")


def handshake(sock: Any, context: ssl.SSLContext, host: str, limit: Limit) -> tuple[str, None]:
    """Shake hands, verified, and say with whom."""
    sock.settimeout(limit.allow(CONNECT))
    inside = isinstance(sock, ssl.SSLSocket)
    try:
        secured: Any = ssl_wrap_socket(
            sock, ssl_context=context, server_hostname=host, tls_in_tls=inside
        )
    except TimeoutError as error:
        raise ConnectTimeoutError("no handshake") from error
    with contextlib.closing(secured):
        version, der = secured.version(), secured.getpeercert(True)
    try:
        certificate = parse(der or b"")
    except ValueError:
        return f"{version}; the certificate was verified, and cannot be read by us.", None
    return (
        f"{version}; issued by {certificate.issuer}, valid until {certificate.ends:%Y-%m-%d}.",
        None,
    )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


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
