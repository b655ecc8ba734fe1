"""What was asked, in order and in which round trip, and every rule that was broken: the memory of all hosts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from .world import Pat


@dataclass(frozen=True)
class Given:
    """What the run under test was told, so that everything else it sends is its own invention."""

    pats: dict[str, Pat] = field(default_factory=dict)
    """By secret."""
    only_for: dict[str, str] = field(default_factory=dict)
    """Secret → the organization that it was given for, when it was given for one."""
    aspm_token: str | None = None
    clone_username: str | None = None
    poison: tuple[str, ...] = ()
    """Secrets that lie about (a .netrc, the proxy's password) and belong in no request."""

    def secrets(self) -> tuple[str, ...]:
        """Everything that must be seen nowhere but in its own header."""
        return (*self.pats, *([self.aspm_token] if self.aspm_token else []), *self.poison)


@dataclass
class Request:
    """One request as it came over the wire; the answer's status is filled in when it is known."""

    number: int
    wave: int
    host: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int = 0
    activity_id: str = ""

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The decoded query; names in lower case, as the service reads them."""
        return {
            name.lower(): value
            for name, value in parse_qsl(urlsplit(self.target).query, keep_blank_values=True)
        }

    def all(self, name: str) -> list[str]:
        """Each value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The only value of a header, or the first."""
        return next(iter(self.all(name)), None)

    def __str__(self) -> str:
        return f"#{self.number} (round {self.wave}) {self.method} https://{self.host}{self.target} -> {self.status}"


class Rounds:
    """Groups requests into round trips.

    Closed, it holds every answer until nobody has asked anything for *quiet* seconds, so whatever was sent without
    waiting for an answer arrives in the same round: it counts what waits for what, not the machine's speed.
    """

    def __init__(self, quiet: float = 0.0) -> None:
        self.quiet = quiet
        self._condition = threading.Condition()
        self._round = 0
        self._open = False
        self._last = 0.0

    def touch(self) -> None:
        """Somebody is on the way: a connection is being opened."""
        with self._condition:
            self._last = time.monotonic()

    def enter(self) -> int:
        """The number of the round that this request belongs to; waits for the others of its round."""
        with self._condition:
            if not self._open:
                self._round, self._open = self._round + 1, True
            mine, self._last = self._round, time.monotonic()
            while self._is_open(mine) and (left := self._last + self.quiet - time.monotonic()) > 0:
                self._condition.wait(left)
            if self._is_open(mine):
                self._open = False
                self._condition.notify_all()
            return mine

    def _is_open(self, number: int) -> bool:
        return self._open and self._round == number


class Ledger:
    """Requests, refused hosts and violations of one test; the targets of writes are remembered over all tests."""

    def __init__(self, remembered: dict[str, int] | None = None, quiet: float = 0.0) -> None:
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.refused: list[str] = []
        self.failed_handshakes: list[str] = []
        self.given = Given()
        self.rounds = Rounds(quiet)
        self._remembered = {} if remembered is None else remembered
        self._lock = threading.Lock()

    def begin_run(self, given: Given) -> None:
        """A new process is about to start: what it invents must not have been seen before."""
        with self._lock:
            self.given = given
            self._remembered["run"] = self._remembered.get("run", 0) + 1

    def fresh(self, invention: str) -> bool:
        """Whether this run is the first to use it."""
        with self._lock:
            run = self._remembered.get("run", 0)
            return self._remembered.setdefault(f"invention {invention.lower()}", run) == run

    @contextmanager
    def written(
        self, host: str, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> Iterator[Request]:
        """Note a request, in its round, while it is being answered."""
        wave = self.rounds.enter()
        with self._lock:
            request = Request(len(self.requests) + 1, wave, host, method, target, headers, body)
            self.requests.append(request)
        yield request

    def violated(self, rule: str, request: Request | None = None) -> None:
        """A rule was broken."""
        with self._lock:
            self.violations.append(rule if request is None else f"{rule}: {request}")

    def refuse(self, authority: str) -> None:
        """A host was asked for that is not in the plan."""
        with self._lock:
            self.refused.append(authority)

    def handshake_failed(self, reason: str) -> None:
        """A client turned away at the certificate."""
        with self._lock:
            self.failed_handshakes.append(reason)

    def asked(self, host: str = "", method: str = "", ending: str = "") -> list[Request]:
        """The requests of a host, of a method, whose path ends so."""
        return [
            one
            for one in self.requests
            if one.host.startswith(host)
            and one.method.startswith(method)
            and one.path.lower().endswith(ending.lower())
        ]

    def rounds_used(self) -> int:
        """How many round trips were made."""
        return len({one.wave for one in self.requests})

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self.requests) or "(nothing was asked)"
