"""Connects to a host: its addresses race (RFC 8305), and what a wait taught is kept for a run."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, Final

from aspm_ado.adapters.threads import Task

if TYPE_CHECKING:
    from aspm_ado.adapters.http.pacing import Limit

STAGGER: Final = 0.25
"""Seconds before the next address is tried beside those that are silent (RFC 8305, 5)."""

_KEPT: Final = 30.0
"""Seconds for which a host that was silent is not waited for again."""

_LONG: Final = 2.0
"""Seconds after which a temporary failure to look up a name was a wait, and no answer."""

_BEGUN: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0))

Options = Sequence[tuple[int, int, Any]]


class SilentHostError(TimeoutError):
    """No address of a host answered; it is not asked again in a moment."""


class SilentNameServerError(socket.gaierror):
    """Nobody said in time which addresses a host has; it is not asked again in a moment."""

    def __init__(self) -> None:
        super().__init__(socket.EAI_AGAIN, "no answer")


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
