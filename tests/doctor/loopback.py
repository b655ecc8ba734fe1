"""Hosts of this machine to be examined: one with a Date, one without TLS, one that hangs; a proxy."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from ..adapters.transport.servers import ConnectProxy, Server, answer


def azure(tls: ssl.SSLContext | None = None, skew: timedelta = timedelta()) -> Server:
    """Refuses everybody, as Azure DevOps does without a token, with the Date of its own clock."""
    now = format_datetime(datetime.now(UTC) + skew, usegmt=True)
    return Server([answer(401, b"", f"Date: {now}")], tls)


class Plain(Server):
    """Speaks no TLS, whatever it hears."""

    def _talk(self, sock: socket.socket) -> None:
        if sock.recv(1):
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class Mute(Server):
    """Takes the connection and says nothing."""

    def _talk(self, sock: socket.socket) -> None:
        self.done.wait(20)


def proxy(status: int = 200, target: int = 0, tls: ssl.SSLContext | None = None) -> ConnectProxy:
    """Tunnels every CONNECT to ``target``, or refuses with ``status``."""
    refusal = b"" if status == 200 else answer(status, b"", "Proxy-Agent: a test")
    return ConnectProxy(tls=tls, target=target, refusal=refusal)
