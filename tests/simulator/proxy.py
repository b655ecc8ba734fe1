"""The only way out: a proxy on loopback that tunnels to the simulator; it refuses other hosts."""

from __future__ import annotations

import base64
import selectors
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .internet import Internet


class Proxy(socketserver.ThreadingTCPServer):
    """CONNECT to port 443 of a host that exists reaches the simulator.

    With `closed` nothing does; `password` demands Basic; `refusal` is what a refused client hears.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        self.reset()
        super().__init__(("127.0.0.1", 0), Tunnel)

    def reset(self) -> None:
        """Open to everybody."""
        self.closed = False
        self.password: str | None = None
        self.refusal = "403 Forbidden"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Up inside of the block."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()
            thread.join(5)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; a mistake of this proxy must fail the test."""
        if not isinstance(sys.exception(), OSError):
            self.internet.monitor.violated(f"the proxy itself failed: {sys.exception()!r}")

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
        internet = self.server.internet
        host, _, port = authority.rpartition(":")
        if not self.server.admits(headers):
            asked_for = 'Proxy-Authenticate: Basic realm="corp"\r\n'
            self._refuse("407 Proxy Authentication Required", asked_for)
        elif self.server.closed:
            self._refuse(self.server.refusal)
        elif method != "CONNECT" or port != "443" or host.lower() not in internet.hosts:
            internet.monitor.refuse(f"{method} {authority}")
            self._refuse(self.server.refusal)
        else:
            internet.monitor.round_trips.touch()
            self._tunnel(("127.0.0.1", internet.simulator.port))

    def _line(self) -> str:
        return self.rfile.readline(8192).decode("latin-1").strip()

    def _refuse(self, status: str, more: str = "") -> None:
        page = "<html><title>Blocked by the proxy</title></html>"
        about = f"Content-Type: text/html\r\nContent-Length: {len(page)}\r\nConnection: close"
        self.wfile.write(f"HTTP/1.1 {status}\r\n{more}{about}\r\n\r\n{page}".encode())

    def _tunnel(self, target: tuple[str, int]) -> None:
        near: socket.socket = self.connection
        with (
            socket.create_connection(target) as far,
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
