"""The simulator as its users hold it: a world behind one loopback address, and what was asked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import ssl
import threading
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import TracebackType
from typing import Final, Self

from aspm_ado.simulator import azure_devops
from aspm_ado.simulator.aspm import answer_aspm
from aspm_ado.simulator.http import Headers, HttpServer, Request, Response
from aspm_ado.simulator.routing import IncomingCall
from aspm_ado.simulator.scenarios import Scenario
from aspm_ado.simulator.token_page import TokenPage
from aspm_ado.simulator.world import LiveWorld, World

_SECRET_HEADERS: Final = ("authorization", "proxy-authorization", "x-cookie", "x-auth", "cookie")
_NONCE: Final = re.compile(r"/\?nonce=([0-9a-f]{16,64})")
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
    """Azure DevOps and Invicti ASPM on 127.0.0.1. A context manager, or start() and stop() it.

    `world` and `today` replace those of the scenario; `delay_seconds` is waited before each
    response. `at` sets the clock, which then runs on, over midnight too; without it the day is
    pinned. With `tls` it speaks HTTPS.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        world: World | None = None,
        today: date | None = None,
        at: datetime | None = None,
        delay_seconds: float = 0.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.scenario = scenario
        chosen = world or scenario.world
        self._live = LiveWorld(replace(chosen, today=today) if today else chosen)
        self._delay = delay_seconds
        self._tls = tls
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._stopping = threading.Event()
        self._page = TokenPage(self.edit)
        self.key = secrets.token_urlsafe(24)
        self._http: HttpServer | None = None
        if at is not None:
            self.set_clock(at)

    def start(self) -> Self:
        """Open the port; starting twice is a mistake of the caller."""
        if self._http is not None:
            raise RuntimeError("the simulator is already running")
        self._stopping.clear()
        self._http = HttpServer(self.receive, self._tls, self.handshake_failed)
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
        return f"http://127.0.0.1:{self.port}"

    @property
    def variable(self) -> str:
        """The value of ``ASPM_ADO_SIMULATOR``: the address, and the key by which it is known."""
        return f"{self.address}/#{self.key}"

    @property
    def port(self) -> int:
        """The port of the address."""
        if self._http is None:
            raise RuntimeError("the simulator is not running")
        return self._http.server_port

    @property
    def world(self) -> World:
        """The world as it is now, with edited tokens."""
        return self._live.world

    @property
    def requests(self) -> list[Record]:
        """A copy of what was asked so far, in order of the responses."""
        with self._lock:
            return list(self._records)

    @property
    def changes(self) -> list[str]:
        """A copy of what would have been changed so far: a validation must leave this empty."""
        return self._live.changes

    def become(self, world: World) -> None:
        """From now on the world is this one."""
        self._live.change(lambda _: world)

    def set_clock(self, moment: datetime) -> None:
        """Set the clock of this world, in UTC, while it runs or before; it goes on from there."""
        self._live.set_clock(moment)

    def edit(self, token_value: str, scopes: frozenset[str]) -> None:
        """Give a living token other scopes, as its owner does on the token page."""
        token = self.world.token(token_value)
        if token is None:
            raise KeyError("there is no such token in this world")
        edited = replace(token, scopes=frozenset(scopes))
        self._live.change(lambda now: now.with_token(edited))

    def respond(self, request: Request) -> Response:
        """What the host that was asked for says; nothing is recorded."""
        world, host = self.world, request.host
        if azure_devops.is_services(host) or (world.server and host == world.server.host):
            return azure_devops.answer_azure_devops(IncomingCall(request, world, self._live))
        if world.aspm is not None and host == world.aspm.host:
            return answer_aspm(request, world, world.aspm, self._live)
        return self._page.respond(request, world, self._http.server_port if self._http else 0)

    def receive(self, request: Request) -> Response:
        """One request as it comes over the wire: answered, and recorded."""
        if self._delay > 0:
            self._stopping.wait(self._delay)  # a stop ends the waiting
        if found := _NONCE.fullmatch(request.target):
            return _signed(found[1], self.key)
        response = self.respond(request)
        if request.is_proxied:
            response = _without_tls(response)
        with self._lock:
            self._records.append(_record(request, response))
        return response

    def handshake_failed(self, reason: str) -> None:
        """A client turned away at the certificate."""


def _signed(nonce: str, key: str) -> Response:
    """What shows a client that this simulator knows the key, which never crosses the wire."""
    proof = hmac.new(key.encode(), nonce.encode(), hashlib.sha256).hexdigest()
    return Response(200, proof.encode(), (("Content-Type", "text/plain"),))


def _without_tls(response: Response) -> Response:
    """Name the simulated hosts by http://, for a client that was sent here by a proxy setting.

    The real service answers by https:// alone; the simulator has no certificate for its names.
    """
    if (response.header("Content-Type") or "").startswith("application/json"):
        response.body = response.body.replace(b"https://", b"http://")
    response.headers = tuple(
        (name, value.replace("https://", "http://") if name == "Location" else value)
        for name, value in response.headers
    )
    return response


def _record(request: Request, response: Response) -> Record:
    _, secret = request.credentials or ("", "")
    headers = tuple(
        (name, "[redacted]" if name.lower() in _SECRET_HEADERS else value)
        for name, value in request.headers
    )
    return Record(
        request.method,
        request.host,
        request.target,
        response.status,
        secret[-4:] if len(secret) >= _SHORTEST_SHOWN else None,
        headers,
    )
