"""Hosts of this machine to be examined: one that answers with a Date, one that hangs, and a proxy."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


class Host:
    """Takes connections on loopback, over TLS with ``tls``, and hands each to ``talk``."""

    def __init__(
        self, talk: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None
    ) -> None:
        self._talk, self._tls = talk, tls
        self.received: list[str] = []
        self.closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(10)
        with contextlib.suppress(OSError):
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._talk(sock)
        sock.close()

    def read(self, sock: socket.socket) -> str:
        """The head of one request; it is kept."""
        head = b""
        while b"\r\n\r\n" not in head:
            piece = sock.recv(4096)
            if not piece:
                return ""
            head += piece
        self.received.append(head.decode("latin-1"))
        return self.received[-1]


def azure(
    tls: ssl.SSLContext | None = None, skew: timedelta = timedelta(), date: bool = True
) -> Host:
    """Refuses everybody, as Azure DevOps does without a token, with the Date of its own clock."""

    def talk(sock: socket.socket) -> None:
        if host.read(sock):
            now = format_datetime(datetime.now(UTC) + skew, usegmt=True)
            line = f"Date: {now}\r\n" if date else ""
            sock.sendall(f"HTTP/1.1 401 Unauthorized\r\n{line}Content-Length: 0\r\n\r\n".encode())

    host = Host(talk, tls)
    return host


def mute() -> Host:
    """Takes the connection and says nothing."""
    host = Host(lambda _: host.closing.wait(20) and None)
    return host


def proxy(status: int = 200, target: int = 0, tls: ssl.SSLContext | None = None) -> Host:
    """Tunnels every CONNECT to ``target``, or refuses with ``status``."""

    def talk(sock: socket.socket) -> None:
        host.read(sock)
        sock.sendall(f"HTTP/1.1 {status} Said\r\nProxy-Agent: a test\r\n\r\n".encode())
        if status != 200:
            return
        with socket.create_connection(("127.0.0.1", target), 5) as upstream:
            back = threading.Thread(target=_pump, args=(upstream, sock), daemon=True)
            back.start()
            _pump(sock, upstream)
            back.join(5)

    host = Host(talk, tls)
    return host


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sink, socket.SHUT_RDWR)
