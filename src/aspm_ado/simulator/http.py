"""HTTP on loopback: requests and responses as values, and the only code with sockets."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

Headers = tuple[tuple[str, str], ...]

_LARGEST_BODY: Final = 1_000_000
_SECONDS_IDLE: Final = 60
_NO_BODY: Final = (204, 304)


@dataclass(frozen=True)
class Request:
    """A request; `target` is the path with its query, as sent."""

    method: str
    authority: str  # the Host header
    target: str
    headers: Headers
    body: bytes = b""
    is_proxied: bool = False  # for a host by plain http, as a proxy is asked

    @cached_property
    def host(self) -> str:
        """The requested host name, in lower case."""
        try:
            return urlsplit("//" + self.authority).hostname or ""
        except ValueError:  # an incomplete IPv6 address
            return ""

    @cached_property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit("//host" + self.target).path

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The decoded path segments without empty ones."""
        return tuple(unquote(part) for part in self.path.split("/") if part)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters with names in lower case; the first of several wins."""
        pairs = parse_qsl(urlsplit("//host" + self.target).query, keep_blank_values=True)
        return {name.lower(): value for name, value in reversed(pairs)}

    def number(self, name: str, default: int) -> int:
        """Return a whole number of the query, or the default."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdigit() else default

    def all(self, name: str) -> list[str]:
        """Every header of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next(iter(self.all(name)), None)

    @cached_property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of Basic authentication; its base64 must be canonical (facts §5)."""
        scheme, _, encoded = (self.header("Authorization") or "").partition(" ")
        encoded = encoded.strip()
        if scheme.lower() != "basic":
            return None
        try:
            plain = base64.b64decode(encoded, validate=True)
            user, colon, password = plain.decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        is_canonical = base64.b64encode(plain).decode() == encoded
        return (user, password) if colon and is_canonical else None


@dataclass
class Response:
    """A response. With `names_user`, the header X-VSS-UserData names `user`."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    names_user: bool = True
    user: str | None = None
    is_chunked: bool = False
    is_lost: bool = False  # never sent: the connection is reset instead

    def plus(self, *headers: tuple[str, str]) -> Response:
        """Add headers; repeats are kept. Returns this response."""
        self.headers += headers
        return self

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


Respond = Callable[[Request], Response]


class HttpServer(ThreadingHTTPServer):
    """A running loopback server; it calls `respond` once per request, from many threads.

    With `tls` it speaks HTTPS, and calls `refused` with the reason of a failed handshake.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        respond: Respond,
        tls: ssl.SSLContext | None = None,
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.respond, self.tls, self.refused = respond, tls, refused
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Connection)
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="simulator", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop accepting, close kept-alive connections, and free the port."""
        self.shutdown()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `close` can end it."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that disconnects; everything else is a bug."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | ssl.SSLError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    """One connection, kept alive until either side closes it."""

    protocol_version = "HTTP/1.1"
    timeout = _SECONDS_IDLE
    disable_nagle_algorithm = True
    server: HttpServer
    is_tunnel = False

    def setup(self) -> None:
        """Do the TLS handshake in the thread of the connection."""
        if self.server.tls is not None:
            self.request.settimeout(self.timeout)
            try:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            except OSError as problem:
                self.server.refused(str(problem))
                self.request.close()
                raise ConnectionAbortedError("no handshake") from problem
        super().setup()

    def finish(self) -> None:
        """Close the TLS socket, which replaced the plain one."""
        super().finish()
        if self.server.tls is not None:
            self.request.close()

    def __getattr__(self, name: str) -> Any:
        """Serve every method; the base class looks for its `do_` attribute."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        is_number = length.isascii() and length.isdigit()
        if "Transfer-Encoding" in self.headers or not is_number or int(length) > _LARGEST_BODY:
            self.close_connection = True
            text = (("Content-Type", "text/plain"),)
            self._write(Response(411, b"Send a body with its Content-Length.", text))
            return
        body = self.rfile.read(int(length))
        authority, target = self.headers.get("Host", ""), self.path
        is_proxied = target.startswith("http://")
        if is_proxied:  # absolute form, as sent to a proxy
            authority, slash, rest = target.removeprefix("http://").partition("/")
            target = slash + rest
        elif self.command == "CONNECT" and target.endswith(":80"):
            self.is_tunnel, self.close_connection = True, False
            self.wfile.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            return
        headers = tuple(self.headers.items())
        is_proxied |= self.is_tunnel
        request = Request(self.command, authority, target, headers, body, is_proxied)
        self._write(self.server.respond(request))

    def _write(self, response: Response) -> None:
        """Send everything at once, without waiting for a delayed acknowledgement."""
        if response.is_lost:
            self._reset()
            return
        reason = self.responses.get(response.status, ("Unknown",))[0]
        lines = [f"HTTP/1.1 {response.status} {reason}"]
        for name, value in response.headers:
            # Some values echo the request, and a folded header may hold a line break.
            lines.append(f"{name}: {' '.join(value.splitlines())}")
        body = response.body
        if response.is_chunked:
            lines.append("Transfer-Encoding: chunked")
            body = _in_chunks(body)
        elif response.status not in _NO_BODY:
            lines.append(f"Content-Length: {len(body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        self.wfile.write(head if self.command == "HEAD" else head + body)

    def _reset(self) -> None:
        """Reset the connection, as a machine that crashes."""
        at_once = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named by the base)
        """Print nothing: the simulator has its own record."""


def _in_chunks(body: bytes) -> bytes:
    half = len(body) // 2
    chunks = (part for part in (body[:half], body[half:]) if part)
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in chunks) + b"0\r\n\r\n"
