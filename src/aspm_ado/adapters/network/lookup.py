"""Which addresses a name has: looked up with an end to it, and once for all connections that are opened together.

A name server may take 40 s, and the system's resolver knows no limit of ours. Nor does it keep what it heard: sixteen
connections to one host would ask sixteen times.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

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
