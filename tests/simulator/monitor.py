"""What a run under test asked, in order and in which round trip, and every rule that it broke."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from aspm_ado.simulator.http import Headers, Request
from aspm_ado.simulator.world import IssuedToken


@dataclass(frozen=True)
class Inputs:
    """What the run was given, so that everything else it sends is its own invention."""

    tokens: Mapping[str, IssuedToken] = field(default_factory=dict)
    """By their value."""
    only_for: Mapping[str, str] = field(default_factory=dict)
    """Token → the organization that it was given for, when it was given for one."""
    aspm_token: str | None = None
    clone_username: str | None = None
    decoys: tuple[str, ...] = ()
    """Secrets that lie about (in a .netrc, for the proxy) and belong in no request."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must be seen nowhere but in its own header."""
        aspm = (self.aspm_token,) if self.aspm_token else ()
        return (*self.tokens, *aspm, *self.decoys)


@dataclass
class Observed:
    """One request as it came over the wire; the status is filled in when it is known."""

    number: int
    round_trip: int
    request: Request
    status: int = 0
    activity_id: str = ""

    @property
    def host(self) -> str:
        """The host that was asked for."""
        return self.request.host

    @property
    def method(self) -> str:
        """The method."""
        return self.request.method

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.request.path)

    @property
    def headers(self) -> Headers:
        """All headers."""
        return self.request.headers

    @property
    def body(self) -> bytes:
        """The body."""
        return self.request.body

    def __str__(self) -> str:
        where = f"https://{self.host}{self.request.target}"
        return f"#{self.number} (round {self.round_trip}) {self.method} {where} -> {self.status}"


class RoundTrips:
    """Groups requests into round trips.

    It holds every response until nobody has asked anything for `quiet` seconds, so whatever was
    sent without waiting for a response arrives in the same round trip: it counts what waits for
    what, not the machine's speed.
    """

    def __init__(self, quiet: float = 0.0) -> None:
        self._quiet = quiet
        self._condition = threading.Condition()
        self._number = 0
        self._is_open = False
        self._last = 0.0

    def touch(self) -> None:
        """Somebody is on the way: a connection is being opened."""
        with self._condition:
            self._last = time.monotonic()

    def enter(self) -> int:
        """The number of the round trip that this request belongs to; waits for the others of it."""
        with self._condition:
            if not self._is_open:
                self._number, self._is_open = self._number + 1, True
            mine, self._last = self._number, time.monotonic()
            while self._is_still_open(mine):
                left = self._last + self._quiet - time.monotonic()
                if left <= 0:
                    self._is_open = False
                    self._condition.notify_all()
                else:
                    self._condition.wait(left)
            return mine

    def _is_still_open(self, number: int) -> bool:
        return self._is_open and self._number == number


class Monitor:
    """Requests, refused hosts and violations; what runs invent is remembered in `remembered`."""

    def __init__(self, remembered: dict[str, int] | None = None, quiet: float = 0.0) -> None:
        self.requests: list[Observed] = []
        self.violations: list[str] = []
        self.refused_hosts: list[str] = []
        self.failed_handshakes: list[str] = []
        self.inputs = Inputs()
        self.round_trips = RoundTrips(quiet)
        self._remembered = {} if remembered is None else remembered
        self._lock = threading.Lock()

    def begin_run(self, inputs: Inputs) -> None:
        """A new process is about to start: what it invents must not have been seen before."""
        with self._lock:
            self.inputs = inputs
            self._remembered["run"] = self._remembered.get("run", 0) + 1

    def is_new(self, invention: str) -> bool:
        """Whether this run is the first to use it."""
        with self._lock:
            run = self._remembered.get("run", 0)
            return self._remembered.setdefault(f"invention {invention.lower()}", run) == run

    def observe(self, request: Request) -> Observed:
        """Note a request; returns once all of its round trip are here."""
        round_trip = self.round_trips.enter()
        with self._lock:
            observed = Observed(len(self.requests) + 1, round_trip, request)
            self.requests.append(observed)
        return observed

    def violated(self, rule: str, observed: Observed | None = None) -> None:
        """A rule was broken."""
        with self._lock:
            self.violations.append(rule if observed is None else f"{rule}: {observed}")

    def refuse(self, authority: str) -> None:
        """A host was asked for that is not there."""
        with self._lock:
            self.refused_hosts.append(authority)

    def handshake_failed(self, reason: str) -> None:
        """A client turned away at the certificate."""
        with self._lock:
            self.failed_handshakes.append(reason)

    def asked(self, host: str = "", method: str = "", ending: str = "") -> list[Observed]:
        """The requests to hosts that begin so, of a method, whose path ends so."""
        return [
            one
            for one in self.requests
            if one.host.startswith(host)
            and one.method.startswith(method)
            and one.path.lower().endswith(ending.lower())
        ]

    @property
    def round_trips_used(self) -> int:
        """How many round trips were made."""
        return len({one.round_trip for one in self.requests})

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self.requests) or "(nothing was asked)"
