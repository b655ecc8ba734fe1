"""Connections that keep to the limit of the call they serve, and the adapter of ``requests``.

The addresses of a host race (RFC 8305); what a wait taught is kept for a run.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import http.client
import io
import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import partial
from http import HTTPStatus
from itertools import chain, zip_longest
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

from aspm_ado.adapters.http.errors import (
    HandshakeTimeoutError,
    SignInWantedError,
    SilentHostError,
    SilentNameServerError,
    TooLargeError,
)
from aspm_ado.adapters.threads import Task

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse
    from urllib3.util import Timeout

    from aspm_ado.adapters.http.route import Route

STAGGER: Final = 0.25
"""Seconds before the next address is tried beside those that are silent (RFC 8305, 5)."""

_KEPT: Final = 30.0
"""Seconds for which a host that was silent is not waited for again."""

_LONG: Final = 2.0
"""Seconds after which a temporary failure to look up a name was a wait, and no answer."""

_BEGUN: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0))

Options = Sequence[tuple[int, int, Any]]


class Limit:
    """The end of one call as a whole: its retries, its waits and every byte of its answer."""

    __slots__ = ("_clock", "_end", "addresses", "read", "socket")

    def __init__(
        self, clock: Callable[[], float], seconds: float, addresses: Addresses | None = None
    ) -> None:
        self.addresses = addresses or Addresses()
        self._clock, self._end = clock, clock() + seconds
        self.socket: Any = None
        # 15 s of the usual 30: a service that hangs once leaves room for the second try.
        self.read = seconds / 2

    @property
    def left(self) -> float:
        """Seconds until the end; not positive once it has passed."""
        return self._end - self._clock()

    def allow(self, seconds: float) -> float:
        """``seconds``, or what is left. Raises ``TimeoutError`` when nothing is."""
        left = self.left
        if left <= 0:
            raise TimeoutError
        return max(min(seconds, left), 0.001)  # 0 would make a socket non-blocking

    def cut(self) -> None:
        """End the call now, from any thread: whoever reads from its socket wakes up."""
        self._end = float("-inf")
        plain = getattr(self.socket, "socket", self.socket)  # TLS inside TLS wraps the socket
        if isinstance(plain, socket.socket):
            with contextlib.suppress(OSError):
                # Not SSLSocket's own: that one drops the TLS state under the thread that reads.
                socket.socket.shutdown(plain, socket.SHUT_RDWR)


class Addresses:
    """What a run has learned of hosts: the addresses that answered, and who is silent.

    So a wait is paid once for each host, and not for each of its connections.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], list[Any]] = {}
        self._silent: dict[tuple[str, int], tuple[float, type[OSError]]] = {}

    def connect(
        self, host: str, port: int, limit: Limit, seconds: float, options: Options
    ) -> socket.socket:
        """A connection to the address of ``host`` that answers first, within ``seconds``.

        Raises ``OSError``; ``TimeoutError`` and ``socket.gaierror`` among them.
        """
        key = host, port
        until, kind = self._silent.get(key, (0.0, OSError))
        if time.monotonic() < until:
            raise kind
        rows, given, wanted = self._found.pop(key, ()), seconds, seconds
        try:
            if not rows:
                given, wanted = limit.allow(limit.read), limit.read
                rows = interleaved(resolve(host, port, given))
            given, wanted = limit.allow(seconds), seconds
            sock, row = _race(rows, given, options)
        except (SilentHostError, SilentNameServerError) as error:
            if given >= wanted:  # else the call was about to end, which says little of the host
                self._silent[key] = time.monotonic() + _KEPT, type(error)
            raise
        self._found[key] = [row, *(other for other in rows if other is not row)]
        return sock


def interleaved(rows: Iterable[Any]) -> list[Any]:
    """The addresses, each family by turns; the system's first one stays first."""
    families: dict[int, list[Any]] = {}
    for row in rows:
        families.setdefault(row[0], []).append(row)
    turns = chain.from_iterable(zip_longest(*families.values()))
    return [row for row in turns if row is not None]


def _race(rows: Sequence[Any], seconds: float, options: Options) -> tuple[socket.socket, Any]:
    """The first connection that is made, and its row; ``seconds`` are for all of them together."""
    end, waiting = time.monotonic() + seconds, deque(rows)
    stagger = min(STAGGER, seconds / (2 * max(1, len(rows))))
    failure = OSError(errno.EADDRNOTAVAIL, "no address")
    with selectors.DefaultSelector() as under_way:
        try:
            while waiting or under_way.get_map():
                until = end
                if waiting:
                    until = min(end, time.monotonic() + stagger)
                    try:
                        _begin(under_way, waiting.popleft(), options)
                    except OSError as error:
                        failure = error
                        continue
                ended = under_way.select(max(0.0, until - time.monotonic()))
                if not ended and time.monotonic() >= end:
                    raise SilentHostError
                for key, _ in ended:
                    under_way.unregister(key.fileobj)
                    sock: Any = key.fileobj
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not code:
                        return sock, key.data
                    sock.close()
                    failure = OSError(code, os.strerror(code))
        finally:
            losers: list[Any] = [key.fileobj for key in under_way.get_map().values()]
            for sock in losers:
                sock.close()
    raise failure


def _begin(under_way: selectors.BaseSelector, row: Any, options: Options) -> None:
    """Begin to connect to one address. Raises ``OSError`` where that fails at once."""
    family, kind, protocol, _, address = row
    sock = socket.socket(family, kind, protocol)
    try:
        for option in options:
            sock.setsockopt(*option)
        sock.setblocking(False)
        code = sock.connect_ex(address)
        if code not in _BEGUN:
            raise OSError(code, os.strerror(code))
        under_way.register(sock, selectors.EVENT_WRITE, row)
    except BaseException:
        sock.close()
        raise


def resolve(host: str, port: int, seconds: float) -> list[Any]:
    """``getaddrinfo`` within ``seconds``; a name server may take 40 s.

    Raises ``socket.gaierror`` for a name without an address and where nobody answers in time,
    ``NoThreadError`` where no thread can be started to ask.
    """
    began = time.monotonic()
    task = Task("resolve", partial(_look_up, host, port))
    if not task.wait(seconds):
        raise SilentNameServerError
    try:
        return task.result()
    except socket.gaierror as error:
        # The system gives up a name server by itself after some seconds.
        if error.errno != socket.EAI_AGAIN or time.monotonic() - began < _LONG:
            raise
    raise SilentNameServerError


def _look_up(host: str, port: int) -> list[Any]:
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None


CONNECT: Final = 5.0
"""Seconds for one attempt to connect, and again for its handshake."""

IDLE: Final = 30.0
"""Seconds after which a kept connection is not used again: a firewall may have dropped it without a
word, and a request that is never sent twice would be lost on it.
"""

LIMIT: ContextVar[Limit] = ContextVar("limit")
"""The limit of the call that this thread is making; urllib3 has no way to hand it down."""


CAP: Final = 5 * 1024 * 1024
"""Bytes of a body after decompression; 10,000 projects are about 4 MB."""

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

    def _read_status(self) -> tuple[str, int, str]:
        """The status of the final answer: ``http.client`` skips a 100, and no other 1xx."""
        version, status, words = super()._read_status()  # type: ignore[misc]
        for _ in range(_INTERIM):
            if not 100 < status < 200 or status == HTTPStatus.SWITCHING_PROTOCOLS:
                break
            http.client.parse_headers(self.fp)
            version, status, words = super()._read_status()  # type: ignore[misc]
        return version, status, words


_INTERIM: Final = 10
"""Most interim answers (such as 103 Early Hints) before one that is final."""


class _TunnelAnswer(_Answer):
    """A proxy's answer to CONNECT: of a 407, ``http.client`` would drop how to sign in."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, words = super()._read_status()
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
        super().init_poolmanager(
            *args, **kwargs, cert_reqs="CERT_REQUIRED", ssl_context=self._context
        )
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Build the pools behind ``proxy``; a proxy over TLS is verified by the same context."""
        context = self._context
        manager = super().proxy_manager_for(
            proxy,
            **kwargs,
            cert_reqs="CERT_REQUIRED",
            ssl_context=context,
            proxy_ssl_context=context,
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

    def ask(self, route: Route, timeout: Timeout) -> HTTPResponse:
        """The answer as soon as it begins; the caller reads its body, and closes it.

        By the pool itself: ``send`` reads the address four times more, and keeps cookies.
        """
        manager, target, address = self.poolmanager, route.target, route.path
        if route.proxy is not None:
            manager = self.proxy_manager_for(route.proxy.url)
            if target.scheme == "http":
                address = f"{target}{route.path}"
        pool = manager.connection_from_host(target.host, target.port, target.scheme)
        return cast(
            "HTTPResponse",
            pool.urlopen(
                route.method,
                address,
                route.body,
                route.headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=timeout,
                preload_content=False,
                decode_content=False,
            ),
        )
