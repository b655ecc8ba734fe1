"""One step after another on the way to a host, each timed and told as the transport tells its trouble."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, ProxyError
from urllib3.util.ssl_ import ssl_wrap_socket

from aspm_ado.adapters.network.certificate import parse
from aspm_ado.adapters.network.errors import Where, trouble_before_answer
from aspm_ado.adapters.network.lookup import resolve
from aspm_ado.adapters.network.wire import CONNECT, dial
from aspm_ado.domain.diagnosis import listed
from aspm_ado.domain.errors import UserError
from aspm_ado.domain.machine import Step
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.adapters.network.pacing import Limit
    from aspm_ado.adapters.network.proxy import Proxy
    from aspm_ado.domain.origin import Origin

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
