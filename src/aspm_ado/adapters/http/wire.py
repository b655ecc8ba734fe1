"""Which addresses a name has: looked up with an end to it, and once for all connections that are opened together.

A name server may take 40 s, and the system's resolver knows no limit of ours. Nor does it keep what it heard: sixteen
connections to one host would ask sixteen times.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from requests import PreparedRequest
    from urllib3.response import HTTPResponse

    from aspm_ado.adapters.http.pacing import Limit

KEPT: Final = 30.0
"""Seconds for which the addresses of a name are used again: those of Azure DevOps are given out for longer."""


def resolve(host: str, port: int, seconds: float) -> list[Any]:
    """``getaddrinfo`` with an end to it: a thread is left behind, which does not keep the process alive.

    Raises ``socket.gaierror`` for a name that has no address, and where nobody answers in time.
    """
    return _Lookup(host, port).wait(seconds)


class Lookups:
    """What was looked up in this run. Several threads that want one name wait for one answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._asked: dict[tuple[str, int], tuple[_Lookup, float]] = {}

    def resolve(self, host: str, port: int, seconds: float) -> list[Any]:
        """As ``resolve``, or what it found a moment ago. A failure is told to those who waited and is not kept."""
        key, now = (host, port), self._clock()
        with self._lock:
            lookup, since = self._asked.get(key, (None, 0.0))
            if lookup is None or lookup.has_failed or now - since > KEPT:
                lookup = _Lookup(host, port)
                self._asked[key] = lookup, now
        return lookup.wait(seconds)

    def forget(self, host: str, port: int) -> None:
        """Look the name up again next time: none of its addresses answered."""
        with self._lock:
            self._asked.pop((host, port), None)


class _Lookup:
    """One question to the system, on a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._answered = threading.Event()
        self._answer: list[Any] | OSError = []
        threading.Thread(target=self._ask, name="resolve", daemon=True).start()

    @property
    def has_failed(self) -> bool:
        return self._answered.is_set() and isinstance(self._answer, OSError)

    def wait(self, seconds: float) -> list[Any]:
        if not self._answered.wait(seconds):
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        if isinstance(self._answer, OSError):
            # To each his own: one that many raise, and that is kept here, would keep the calls of all of them.
            raise type(self._answer)(*self._answer.args)
        return self._answer

    def _ask(self) -> None:
        try:
            self._answer = list(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
        except OSError as error:
            self._answer = error
        except UnicodeError:
            self._answer = socket.gaierror(socket.EAI_NONAME, "not a host name")
        finally:
            self._answered.set()


CONNECT: Final = 5.0
"""Seconds for one attempt to connect, and again for its handshake."""

IDLE: Final = 30.0
"""Seconds after which a kept connection is not used again: a firewall may have dropped it without a word, and a
request that is never sent twice would be lost on it."""

LIMIT: ContextVar[Limit] = ContextVar("limit")
"""The limit of the call that this thread is making; urllib3 has no way to hand it down."""


class _Timed(io.RawIOBase):
    """A socket's incoming bytes; each wait is the read limit or what is left of the call."""

    def __init__(self, sock: socket.socket, limit: Limit) -> None:
        self._sock, self._limit = sock, limit
        self._raw = cast("io.RawIOBase", sock.makefile("rb", buffering=0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._limit.allow(self._limit.read))
        return self._raw.readinto(buffer)

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


class _Limited(HTTPConnection):
    """A connection that keeps to the limit of the call it serves."""

    response_class = _Answer
    _used = 0.0

    def __init__(self, *args: Any, lookups: Lookups, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lookups = lookups

    def _new_conn(self) -> socket.socket:
        limit = LIMIT.get()
        try:
            sock = dial(
                self.host, self.port, limit, self.socket_options or [], self._lookups.resolve
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except OSError as error:
            self._lookups.forget(self.host, self.port)
            if isinstance(error, TimeoutError):
                raise ConnectTimeoutError(self, "timed out") from error
            raise NewConnectionError(self, "failed") from error
        self.timeout = limit.allow(CONNECT)
        sock.settimeout(self.timeout)
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        except (
            TimeoutError
        ) as error:  # in a handshake or a proxy's CONNECT; urllib3 would call it a silent answer
            raise ConnectTimeoutError(self, "timed out") from error

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
            # The request is out. urllib3 would say that the proxy was not reached, and nothing would look sent.
            raise ProtocolError("no answer", error) from error


class _LimitedTLS(_Limited, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Limited


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _LimitedTLS


class Wire(HTTPAdapter):
    """The adapter of ``requests`` with one TLS context for every connection, also to and through proxies.

    Its own way loads the CA bundle again for each new connection (16 to 25 ms of CPU, measured) and takes none at all
    through a proxy. urllib3's retries stay off: it would also repeat what must not be sent twice.
    """

    def __init__(self, context: ssl.SSLContext, workers: int) -> None:
        self._context = context
        lookups = Lookups()
        self._pools = {
            "http": partial(_Pool, lookups=lookups),
            "https": partial(_PoolTLS, lookups=lookups),
        }
        # Organizations of the old kind have a host each; a pool that is pushed out loses its connections.
        super().__init__(pool_connections=32, pool_maxsize=workers, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Build the pools on the shared context and our connections."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Build the pools behind ``proxy`` likewise; a proxy reached over TLS is verified by the same context."""
        manager = super().proxy_manager_for(
            proxy, **kwargs, ssl_context=self._context, proxy_ssl_context=self._context
        )
        manager.pool_classes_by_scheme = self._pools
        return manager

    def ask(
        self, request: PreparedRequest, timeout: tuple[float, float], proxies: dict[str, str]
    ) -> HTTPResponse:
        """Send, and bring the answer as soon as it begins; its body is for the caller to read, and to close."""
        return cast(
            "HTTPResponse", self.send(request, stream=True, timeout=timeout, proxies=proxies)
        )

    def build_response(self, req: Any, resp: Any) -> Any:  # noqa: ARG002 - the signature is theirs
        """The answer as it is: to make one of ``requests``, its cookies would be looked for and kept."""
        return resp

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002 - the signature is theirs
        """Demand a verified certificate, whatever was asked for; no CA path here, each would be loaded again."""
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None


def dial(
    host: str,
    port: int,
    limit: Limit,
    options: Sequence[tuple[int, int, Any]],
    look_up: Callable[[str, int, float], list[Any]] = resolve,
) -> socket.socket:
    """Connect to the first address of ``host`` that answers. Raises ``OSError``; ``TimeoutError`` and
    ``socket.gaierror`` among them.
    """
    failure: OSError = TimeoutError()
    for family, kind, protocol, _, address in look_up(host, port, limit.allow(limit.read)):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(limit.allow(CONNECT))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure
