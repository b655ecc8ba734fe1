"""The simulator: a world behind one loopback address, and a record of its requests."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from aspm_ado.simulator import azure_devops
from aspm_ado.simulator.aspm import answer_aspm
from aspm_ado.simulator.http import Headers, HttpServer, Request, Response
from aspm_ado.simulator.routing import IncomingCall
from aspm_ado.simulator.scenarios import Scenario
from aspm_ado.simulator.scopes import TokenPage
from aspm_ado.simulator.world import LiveWorld, World

_SECRET_HEADERS: Final = ("authorization", "proxy-authorization", "x-cookie", "x-auth", "cookie")
_NONCE: Final = re.compile(r"/\?nonce=([0-9a-f]{16,64})")
_SHORTEST_SHOWN = 20  # of shorter passwords, the record shows nothing


@dataclass(frozen=True, slots=True)
class Record:
    """One request and the status of its response, without secrets."""

    method: str
    host: str
    path: str  # with its query
    status: int
    token_last4: str | None
    headers: Headers


class Simulator(LiveWorld):
    """Azure DevOps and Invicti ASPM on 127.0.0.1. Use it as a context manager, or start() it.

    `world` replaces that of the scenario. `delay_seconds` delays each response. `at` sets a clock
    that runs on; without it the day is pinned. With `tls` it speaks HTTPS.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        world: World | None = None,
        at: datetime | None = None,
        delay_seconds: float = 0.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(world or scenario.world)
        self.scenario = scenario
        self._delay = delay_seconds
        self._tls = tls
        self._records: list[Record] = []
        self._stopping = threading.Event()
        self._page = TokenPage(self)
        self.key = secrets.token_urlsafe(24)
        self._http: HttpServer | None = None
        if at is not None:
            self.set_clock(at)

    def start(self) -> Self:
        """Open the port. Raises ``RuntimeError`` if it runs already."""
        if self._http is not None:
            raise RuntimeError("the simulator is already running")
        self._stopping.clear()
        self._http = HttpServer(self.receive, self._tls, self.handshake_failed)
        return self

    def stop(self) -> None:
        """Close the port, if it runs."""
        self._stopping.set()
        running, self._http = self._http, None
        if running is not None:
            running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *problem: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """The URL of every simulated host, and of the token page."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def variable(self) -> str:
        """The value of ``ASPM_ADO_SIMULATOR``: the address and the key."""
        return f"{self.address}/#{self.key}"

    @property
    def port(self) -> int:
        """The port of the address."""
        if self._http is None:
            raise RuntimeError("the simulator is not running")
        return self._http.server_port

    @property
    def requests(self) -> list[Record]:
        """A copy of the requests, in the order of the responses."""
        with self._lock:
            return list(self._records)

    def become(self, world: World) -> None:
        """Replace the world."""
        self.change(lambda _: world)

    def edit(self, token_value: str, scopes: frozenset[str]) -> None:
        """Change the scopes of a token, as on the token page."""
        self.change(lambda now: now.with_token(token_value, scopes=scopes))

    def respond(self, request: Request) -> Response:
        """The answer of the requested host, without a record."""
        world, host = self.world, request.host
        if azure_devops.is_services(host) or (world.server and host == world.server.host):
            return azure_devops.answer_azure_devops(IncomingCall(request, world, self))
        if world.aspm is not None and host == world.aspm.host:
            return answer_aspm(request, world, world.aspm, self)
        return self._page.respond(request, self._http.server_port if self._http else 0)

    def receive(self, request: Request) -> Response:
        """Answer and record one request."""
        if self._delay > 0:
            self._stopping.wait(self._delay)  # a stop ends the delay
        if found := _NONCE.fullmatch(request.target):
            return _signed(found[1], self.key)
        response = self.respond(request)
        if request.is_proxied:
            response = _without_tls(response)
        with self._lock:
            self._records.append(_record(request, response))
        return response

    def handshake_failed(self, reason: str) -> None:
        """Called when a client rejects the certificate; strict tests override it."""


def _signed(nonce: str, key: str) -> Response:
    """Prove to a client that this simulator has the key, without sending the key."""
    proof = hmac.new(key.encode(), nonce.encode(), hashlib.sha256).hexdigest()
    return Response(200, proof.encode(), (("Content-Type", "text/plain"),))


def _without_tls(response: Response) -> Response:
    """Use http:// in URLs for a client with the simulator as its proxy.

    The real service uses https://, but the simulator has no certificate for its names.
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
