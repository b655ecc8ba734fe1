"""Real HTTP/1.1 on loopback: turns bytes into requests and answers into bytes, and knows nothing of either service."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from aspm_ado.simulator.exchange import Answer, Request

_LARGEST_BODY: Final = 1_000_000


class _Conversation(BaseHTTPRequestHandler):
    """One connection; it is kept alive until either side closes it."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if (
            "Transfer-Encoding" in self.headers
            or not (length.isascii() and length.isdigit())
            or int(length) > _LARGEST_BODY
        ):
            self.close_connection = True
            self._write(
                Answer(
                    411, b"Send a body with its Content-Length.", (("Content-Type", "text/plain"),)
                )
            )
            return
        body = self.rfile.read(int(length))
        authority, target = self.headers.get("Host", ""), self.path
        if target.startswith("http://"):  # absolute form, as sent to a proxy
            authority, slash, rest = target.removeprefix("http://").partition("/")
            target = slash + rest
        request = Request(self.command, authority, target, tuple(self.headers.items()), body)
        self._write(self.server.answer(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 (named by the base)

    def _write(self, answer: Answer) -> None:
        """Send everything at once, so that no answer waits for a delayed acknowledgement."""
        if answer.is_lost:
            self._reset()
            return
        lines = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('Unknown',))[0]}"]
        for name, value in answer.headers:
            # Some values echo the request, and a folded header may hold a line break.
            lines.append(f"{name}: {' '.join(value.splitlines())}")
        if answer.status not in (204, 304):
            lines.append(f"Content-Length: {len(answer.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        self.wfile.write(head if self.command == "HEAD" else head + answer.body)

    def _reset(self) -> None:
        """Cut the connection as a machine that dies does: the client hears of a reset and of nothing else."""
        at_once = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named by the base)
        """Say nothing: the simulator keeps its own record."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.answer = answer
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Conversation)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a client goes away; everything else is a bug to be seen."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Close connections that clients keep alive."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class HttpServer:
    """A running loopback server; `answer` is called once per request, from many threads."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self._server = _Server(answer)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="simulator",
            daemon=True,
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The ephemeral port."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop accepting, hang up, and free the port."""
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()
