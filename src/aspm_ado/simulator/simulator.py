"""The simulator as its users hold it: a world behind one loopback address, and a record of what was asked of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Self

from aspm_ado.simulator import admission, aspm, server_edition, services
from aspm_ado.simulator.exchange import Answer, Headers, Request
from aspm_ado.simulator.http_server import HttpServer
from aspm_ado.simulator.scenarios import Scenario
from aspm_ado.simulator.token_page import TokenPage
from aspm_ado.simulator.world import Instance, World

_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-cookie", "x-auth", "cookie"}
)
_SHORTEST_SHOWN = 20  # a password that is hardly longer than its last four is not shown at all


@dataclass(frozen=True, slots=True)
class Record:
    """One request as it arrived and the status it got; secrets are left out."""

    method: str
    host: str
    path: str  # with its query
    status: int
    token_last4: str | None
    headers: Headers


class Simulator:
    """Azure DevOps and Invicti ASPM on 127.0.0.1. Use it as a context manager, or start() and stop() it.

    `world` and `today` replace those of the scenario; `delay_seconds` is waited before each answer. `at` sets the
    clock, which then runs on, over midnight too; without it the day is pinned.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        world: World | None = None,
        today: date | None = None,
        at: datetime | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        self.scenario = scenario
        chosen = world or scenario.world
        self._world = replace(chosen, today=today) if today else chosen
        self._delay = delay_seconds
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._changes: list[str] = []
        self._stopping = threading.Event()
        self._page = TokenPage(self.edit)
        self._http: HttpServer | None = None
        self._set: tuple[datetime, float] | None = None
        if at is not None:
            self.set_clock(at)

    def start(self) -> Self:
        """Open the port; starting twice is a mistake of the caller."""
        if self._http is not None:
            raise RuntimeError("the simulator is already running")
        self._stopping.clear()
        self._http = HttpServer(self._answer)
        return self

    def stop(self) -> None:
        """Close the port; stopping what is not running does nothing."""
        self._stopping.set()
        running, self._http = self._http, None
        if running is not None:
            running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where every simulated host is reached; the page of tokens is at its root."""
        if self._http is None:
            raise RuntimeError("the simulator is not running")
        return f"http://127.0.0.1:{self._http.port}"

    @property
    def world(self) -> World:
        """The world as it is now, with edited tokens."""
        with self._lock:
            if self._set is None:
                return self._world
            start, since = self._set
            clock = start + timedelta(seconds=time.monotonic() - since)
            return replace(self._world, today=clock.date(), clock=clock)

    @property
    def requests(self) -> list[Record]:
        """A copy of what was asked so far, in order of the answers."""
        with self._lock:
            return list(self._records)

    @property
    def changes(self) -> list[str]:
        """A copy of what would have been changed so far: a validation must leave this empty."""
        with self._lock:
            return list(self._changes)

    def set_clock(self, moment: datetime) -> None:
        """Set the clock of this world, in UTC, while it runs or before; it goes on from there."""
        with self._lock:
            self._set = (moment, time.monotonic())

    def edit(self, token_value: str, scopes: frozenset[str]) -> None:
        """Give a living token other scopes, as its owner does on the token page; its value stays."""
        with self._lock:
            self._world = self._world.with_scopes(token_value, frozenset(scopes))

    def _answer(self, request: Request) -> Answer:
        if self._delay > 0:
            self._stopping.wait(self._delay)  # a stop ends the waiting
        world = self.world
        answer = self._dispatch(request, world)
        with self._lock:
            self._records.append(_record(request, answer))
        return answer

    def _dispatch(self, request: Request, world: World) -> Answer:
        host = request.host
        if services.serves(host):
            return services.answer(request, world, self._note_change, self._change)
        if world.server is not None and host == world.server.host:
            return server_edition.answer(request, world, world.server, self._note_change)
        if world.aspm is not None and host == world.aspm.host:
            return aspm.answer(request, world, world.aspm, self._connect_instance)
        return self._page.answer(request, world, self._http.port if self._http else 0)

    def _connect_instance(self, instance: Instance) -> bool:
        """Add an instance to the ASPM, unless its organization has one. At once, whoever else is asking."""
        with self._lock:
            there = self._world.aspm.instances if self._world.aspm else ()
            if any(
                one.url.rstrip("/").casefold() == instance.url.rstrip("/").casefold()
                for one in there
            ):
                return False
            self._world = self._world.with_instance(instance)
            self._changes.append(f"instance {instance.name} for {instance.url}")
            return True

    def _change(self, make: Callable[[World], World]) -> None:
        """Put another world in the place of the present one: something was made or ended."""
        with self._lock:
            self._world = make(self._world)

    def _note_change(self, what: str) -> None:
        with self._lock:
            self._changes.append(what)


def _record(request: Request, answer: Answer) -> Record:
    sent = admission.credentials(request)
    shown = sent[1][-4:] if sent and len(sent[1]) >= _SHORTEST_SHOWN else None
    headers = tuple(
        (name, "[redacted]" if name.lower() in _SECRET_HEADERS else value)
        for name, value in request.headers
    )
    return Record(request.method, request.host, request.target, answer.status, shown, headers)
