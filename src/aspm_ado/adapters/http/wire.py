"""The adapter of ``requests``, on connections that keep to the limit of the call they serve."""

from __future__ import annotations

import base64
import http.client
import io
import socket
import ssl
import time
from contextvars import ContextVar
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote_to_bytes

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)

from aspm_ado.adapters.http.body import CAP
from aspm_ado.adapters.http.errors import HandshakeTimeoutError, SignInWantedError, TooLargeError

if TYPE_CHECKING:
    from requests import PreparedRequest
    from urllib3.response import HTTPResponse

    from aspm_ado.adapters.http.pacing import Limit


CONNECT: Final = 5.0
"""Seconds for one attempt to connect, and again for its handshake."""

IDLE: Final = 30.0
"""Seconds after which a kept connection is not used again: a firewall may have dropped it without a
word, and a request that is never sent twice would be lost on it.
"""

LIMIT: ContextVar[Limit] = ContextVar("limit")
"""The limit of the call that this thread is making; urllib3 has no way to hand it down."""


LARGEST: Final = CAP + CAP // 4
"""Bytes of one answer as they come: its headers, its chunks and their lengths, still compressed."""


class _Timed(io.RawIOBase):
    """A socket's incoming bytes; each wait is the read limit or what is left of the call.

    They are counted here, before anybody reckons with what they say of their own length.
    """

    def __init__(self, sock: socket.socket, limit: Limit) -> None:
        self._sock, self._limit, self._taken = sock, limit, 0
        self._raw = cast("io.RawIOBase", sock.makefile("rb", buffering=0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._limit.allow(self._limit.read))
        count = self._raw.readinto(buffer)
        self._taken += count or 0
        if self._taken > LARGEST:
            raise TooLargeError
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Source:
    """What ``http.client.HTTPResponse`` wants of a socket: something to read from."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, *_: object) -> io.BufferedReader:
        limit = LIMIT.get()
        limit.socket = self._sock
        return io.BufferedReader(_Timed(self._sock, limit))


class _Answer(http.client.HTTPResponse):
    """An answer, or a proxy's answer to CONNECT, that is read within the limit."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(cast("socket.socket", _Source(sock)), *args, **kwargs)


class _TunnelAnswer(_Answer):
    """A proxy's answer to CONNECT: of a 407, ``http.client`` would drop how to sign in."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, words = super()._read_status()  # type: ignore[misc]
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            headers = http.client.parse_headers(self.fp)
            raise SignInWantedError(headers.get_all("Proxy-Authenticate", ()))
        return version, status, words


def _bare(host: str) -> str:
    """A host as the resolver takes it: an address of IPv6 without brackets (RFC 6874: ``%25``)."""
    if not host.startswith("["):
        return host
    return host.strip("[]").replace("%25", "%")


class _Limited(HTTPConnection):
    """A connection that keeps to the limit of the call it serves."""

    response_class = _Answer
    _used = 0.0

    def _new_conn(self) -> socket.socket:
        limit = LIMIT.get()
        try:
            options = self.socket_options or ()
            sock = limit.addresses.connect(_bare(self.host), self.port, limit, CONNECT, options)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, "failed") from error
        self.timeout = limit.allow(CONNECT)
        sock.settimeout(self.timeout)
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        # in a handshake or a proxy's CONNECT; urllib3 would call it a silent answer
        except TimeoutError as error:
            raise HandshakeTimeoutError(self, "timed out") from error

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used < IDLE and super().is_connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._used = time.monotonic()
        super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        try:
            return super().getresponse()
        except (ConnectionError, ssl.SSLError) as error:
            # The request is out. urllib3 would say that the proxy was not reached, and nothing
            # would look sent.
            raise ProtocolError("no answer", error) from error


class _LimitedTLS(_Limited, HTTPSConnection):
    """The same over TLS."""

    def _tunnel(self) -> None:
        self.response_class = _TunnelAnswer
        try:
            super()._tunnel()
        except SignInWantedError:
            self.close()
            raise
        finally:
            self.response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Limited


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _LimitedTLS


_POOLS: Final = {"http": _Pool, "https": _PoolTLS}


class Wire(HTTPAdapter):
    """One TLS context for every connection, also to and through proxies.

    The adapter's own way loads the CA bundle again for each new connection (16 to 25 ms of CPU,
    measured) and takes none at all through a proxy. urllib3's retries stay off: it would also
    repeat what must not be sent twice.
    """

    def __init__(self, context: ssl.SSLContext, workers: int) -> None:
        self._context = context
        # Organizations of the old kind have a host each; a pool that is pushed out loses its
        # connections.
        super().__init__(pool_connections=32, pool_maxsize=workers, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Build the pools on the shared context and our connections."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Build the pools behind ``proxy``; a proxy over TLS is verified by the same context."""
        manager = super().proxy_manager_for(
            proxy, **kwargs, ssl_context=self._context, proxy_ssl_context=self._context
        )
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """The sign-in of a proxy, as bytes; ``requests`` knows the letters of Latin-1 alone."""
        sign_in, at, _ = proxy.rpartition("@")
        if not at:
            return {}
        raw = unquote_to_bytes(sign_in.partition("://")[2])
        return {"Proxy-Authorization": f"Basic {base64.b64encode(raw).decode('ascii')}"}

    def ask(
        self, request: PreparedRequest, timeout: tuple[float, float], proxies: dict[str, str]
    ) -> HTTPResponse:
        """The answer as soon as it begins; the caller reads its body, and closes it."""
        answer = self.send(request, stream=True, timeout=timeout, proxies=proxies)
        return cast("HTTPResponse", answer)

    def build_response(self, req: Any, resp: Any) -> Any:  # noqa: ARG002
        """The answer of urllib3: for one of ``requests`` its cookies would be kept."""
        return resp

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ARG002
        """Verify always; no CA path is given, since each would be loaded again."""
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None
