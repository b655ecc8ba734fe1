"""The only way out: a proxy on loopback that tunnels to known hosts; every other one it refuses and remembers."""

from __future__ import annotations

import base64
import selectors
import socket
import socketserver

from .ledger import Ledger
from .listener import PLAN


class Proxy(socketserver.ThreadingTCPServer):
    """CONNECT to a known host at port 443 reaches *target*; with *closed* nothing does; *password* demands Basic."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.ledger = Ledger()
        self.closed = False
        self.password: str | None = None
        super().__init__(("127.0.0.1", 0), Tunnel)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; a mistake of this proxy must fail the test."""
        import sys

        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):
            self.ledger.violated(f"the proxy itself failed: {problem!r}")

    def admits(self, headers: dict[str, str]) -> bool:
        """Whether the Basic credentials are right, where any are wanted."""
        if self.password is None:
            return True
        wanted = base64.b64encode(f"proxy-user:{self.password}".encode()).decode("ascii")
        return headers.get("proxy-authorization") == f"Basic {wanted}"


class Tunnel(socketserver.StreamRequestHandler):
    """One client connection."""

    rbufsize = 0
    server: Proxy

    def handle(self) -> None:
        """Read one request; open a tunnel or refuse."""
        method, authority = ([*self._line().split(" "), "", ""])[:2]
        headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if not method:
            return
        if not self.server.admits(headers):
            self._refuse(
                "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="corp"\r\n'
            )
            return
        host, _, port = authority.rpartition(":")
        if self.server.closed:
            self._refuse("403 Forbidden")
        elif method != "CONNECT" or port != "443" or host.lower() not in PLAN:
            self.server.ledger.refuse(f"{method} {authority}")
            self._refuse("403 Forbidden")
        else:
            self.server.ledger.rounds.touch()
            self._tunnel()

    def _line(self) -> str:
        return self.rfile.readline(8192).decode("latin-1").strip()

    def _refuse(self, status: str, more: str = "") -> None:
        page = "<html><title>Blocked by the proxy</title></html>"
        head = (
            f"HTTP/1.1 {status}\r\n{more}Content-Type: text/html\r\nContent-Length: {len(page)}\r\n"
        )
        self.wfile.write(f"{head}Connection: close\r\n\r\n{page}".encode())

    def _tunnel(self) -> None:
        near: socket.socket = self.connection
        with (
            socket.create_connection(self.server.target) as far,
            selectors.DefaultSelector() as selector,
        ):
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.wfile.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in selector.select():
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    key.data.sendall(data)
