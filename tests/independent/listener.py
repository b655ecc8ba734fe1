"""One TLS listener on loopback that is every host of the world, with a certificate for each."""

from __future__ import annotations

import socket
import socketserver
import ssl
from http.server import BaseHTTPRequestHandler
from typing import Final

import trustme

from . import aspm, aspm_core
from .answers import PORTAL_HOST, TRAP_HOST, Answer, from_a_stranger
from .azure import HOSTS, PROFILE_HOST, services
from .ledger import Ledger, Request
from .onpremises import server
from .strict import broken_rules
from .world import World

TRAPS: Final = (TRAP_HOST, PORTAL_HOST)
ON_PREMISES: Final = ("tfs.corp.example", "ado.corp.example")
PLAN: Final = (*HOSTS, PROFILE_HOST, *ON_PREMISES, aspm.HOST, *TRAPS)
"""Every host that exists."""


def answer(request: Request, world: World, ledger: Ledger) -> Answer:
    """The answer of the host that was asked."""
    if request.host in TRAPS:
        ledger.violated("a redirect was followed", request)
        return from_a_stranger(world.now, 200, "<title>Sign in</title>")
    if request.host == aspm.HOST:
        return (
            aspm_core.answer(request, world, ledger)
            if world.aspm.tenant
            else aspm.aspm(request, world)
        )
    here = world.server(request.host)
    if here is not None:
        return server(request, world, here)
    if request.host in HOSTS or request.host == PROFILE_HOST:
        return services(request, world)
    ledger.violated("a host that this world does not have", request)
    return from_a_stranger(world.now, 404, "<title>Nobody</title>")


class Listener(socketserver.ThreadingTCPServer):
    """Listens until closed; *world* and *ledger* may be exchanged between tests."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, authority: trustme.CA) -> None:
        self.world = World()
        self.ledger = Ledger()
        self._contexts = {host: self._context(authority, host) for host in PLAN}
        self.front = self._contexts["dev.azure.com"]
        self.front.sni_callback = self._choose
        super().__init__(("127.0.0.1", 0), Conversation)

    @staticmethod
    def _context(authority: trustme.CA, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        return context

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        if name not in self._contexts:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self._contexts[name]
        return None

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; a mistake of this server must fail the test."""
        import sys

        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):
            self.ledger.violated(f"the server itself failed: {problem!r}")


class Conversation(BaseHTTPRequestHandler):
    """One connection: HTTP/1.1 within TLS, whole answers in one write."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Listener

    def setup(self) -> None:
        """The handshake happens here, in the connection's own thread."""
        raw: socket.socket = self.request
        raw.settimeout(self.timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.request = self.server.front.wrap_socket(raw, server_side=True)
        except (ssl.SSLError, OSError) as problem:
            self.server.ledger.handshake_failed(str(problem))
            raw.close()
            raise ConnectionAbortedError("no handshake") from problem
        super().setup()

    def finish(self) -> None:
        """TLS sockets detach the plain one, so nobody else closes them."""
        super().finish()
        self.request.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is inherited)
        """The ledger remembers; stderr stays clean."""

    def handle_one_request(self) -> None:
        """Any method at all is heard, noted, judged and answered."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            self.close_connection = True
            if self.raw_requestline and self.parse_request():
                self._hear()
        except (TimeoutError, ssl.SSLError, ConnectionError):
            self.close_connection = True

    def _hear(self) -> None:
        ledger, world = self.server.ledger, self.server.world
        headers = tuple(self.headers.items())
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = (self.headers.get("Host") or "").lower().removesuffix(":443")
        with ledger.written(host, self.command, self.path, headers, body) as request:
            for rule in broken_rules(request, ledger, world):
                if not aspm_core.excused(rule, request, ledger, world):
                    ledger.violated(rule, request)
            said = answer(request, world, ledger)
            request.status = said.status
            request.activity_id = next(
                (value for name, value in said.headers if name == "ActivityId"), ""
            )
        self._say(said)

    def _say(self, said: Answer) -> None:
        self.send_response_only(said.status)
        for name, value in said.headers:
            self.send_header(name, value)
        head_only = self.command == "HEAD" or said.status == 204
        content = said.body
        if said.chunked and not head_only:
            self.send_header("Transfer-Encoding", "chunked")
            half = len(content) // 2 or 1
            parts = [content[:half], content[half:]] if content[half:] else [content]
            content = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        elif said.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.flush_with(b"" if head_only else content)

    def flush_with(self, content: bytes) -> None:
        """Headers and body in one segment."""
        self._headers_buffer.append(b"\r\n" + content)  # type: ignore[attr-defined]
        self.flush_headers()
