"""The faults of docs/reliability.md that can be played over a socket, as data; and a simulator that has them."""

from __future__ import annotations

import contextlib
import gzip
import hmac
import http.client
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from ..adapters.transport.servers import Received, Server, answer, read_request, reset

Step = bytes | Callable[[socket.socket, Received], None]

PAGE, HTML, CLOSE = (
    b"<!DOCTYPE html><title>Sign in</title>",
    "Content-Type: text/html",
    "Connection: close",
)
MARK = "X-TFS-ProcessId: 4a1f0f0e-0000-4000-8000-000000000001"
ACTIVITY = "ActivityId: 5f0a2b8e-0000-4000-8000-000000000001"
IDLE = b'\xef\xbb\xbf{"message": "TF24668: The following team project collection is stopped: contoso."}'
USER = b'{"message": "TF400813: The user \'1111\' is not authorized to access this resource.", "typeKey": "X"}'


def _silent(sock: socket.socket, _request: Received) -> None:
    with contextlib.suppress(OSError):
        sock.settimeout(1)
        sock.recv(1)


def _drip(sock: socket.socket, _request: Received) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    with contextlib.suppress(OSError):
        while True:
            sock.sendall(b"{")
            time.sleep(0.05)


def _endless(sock: socket.socket, _request: Received) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        sock.sendall(b"x" * 65536)


def _repeats(status: int) -> Callable[[socket.socket, Received], None]:
    """An answer that repeats all that came, in the ways that gateways and error pages have."""

    def play(sock: socket.socket, request: Received) -> None:
        whole = [
            request.line,
            *(f"{name}: {value}" for name, value in request.headers),
            request.body.decode("latin-1"),
        ]
        signed = next(
            (v for n, v in request.headers if n.lower() in ("authorization", "x-cookie", "x-auth")),
            "nobody",
        )
        import base64
        import json

        bare = signed
        if signed.startswith("Basic "):
            bare = base64.b64decode(signed[6:]).decode().partition(":")[2]
        said = {"error": f"refused {bare}", "message": f"TF400813: {bare} and {signed} of {quote(bare, safe='')}",
                "authenticatedUser": {"id": "1", "providerDisplayName": bare, "properties": {"Account": signed}},
                "value": [{"name": bare, "id": bare, "accountName": bare[:30]}], "request": whole}  # fmt: skip
        headers = [f"ActivityId: {bare}", f"X-MSEdge-Ref: {signed}", f"X-TFS-ServiceError: {quote(bare, safe='')}",
                   f"X-VSS-UserData: {bare}:{bare}", f"Location: https://{bare[:20]}.example/?{quote(bare, safe='')}",
                   f"WWW-Authenticate: Basic realm={bare}", MARK, "Content-Type: application/json"]  # fmt: skip
        sock.sendall(answer(status, json.dumps(said).encode(), *headers, CLOSE))

    return play


FAULTS: Mapping[str, tuple[str, Step]] = {
    "silence": ("9", _silent),
    "a drip": ("10", _drip),
    "a drip in the head": ("10", b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "cut with a length": (
        "11",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99\r\n\r\n{",
    ),
    "cut without a length": (
        "12",
        answer(200, b'{"authenticatedUser":{"id":"1', CLOSE, length=False),
    ),
    "a page, 203": ("13", answer(203, PAGE, HTML, MARK)),
    "a page, 200": ("13", answer(200, PAGE, HTML)),
    "a redirect": ("14", answer(302, b"", "Location: http://169.254.169.254/latest")),
    "a bomb": ("15", answer(200, gzip.compress(b"\0" * (6 << 20), 1), "Content-Encoding: gzip")),
    "an endless answer": ("15", _endless),
    "429 for long": ("16", answer(429, b"", "Retry-After: 3600")),
    "429 with nonsense": ("16", answer(429, b"", "Retry-After: -x")),
    "200 and slower": ("17", answer(200, b"{}", "Retry-After: 1", MARK)),
    "500": ("18", answer(500, b"{}", ACTIVITY)),
    "502": ("18", answer(502, PAGE, HTML)),
    "503, deactivated": ("19", answer(503, IDLE, "Content-Type: application/json")),
    "503 of the edge": ("20", answer(503, PAGE, HTML, "X-MSEdge-Ref: Ref A: 1F")),
    "an empty 401": (
        "21",
        answer(401, b"", 'WWW-Authenticate: Basic realm="https://tfs.example/"', ACTIVITY),
    ),
    "401 with a user": (
        "22",
        answer(401, USER, "X-VSS-UserData: 1111:ada@example", ACTIVITY, MARK),
    ),
    "404, no controller": ("23", answer(404, b"The controller for path '/x' was not found.", MARK)),
    "401 of IIS": ("24", answer(401, b"", "WWW-Authenticate: NTLM", "WWW-Authenticate: Negotiate")),
    "a reset": ("25", lambda sock, _: reset(sock)),
    "409": ("26", answer(409, b'{"error": "an instance exists"}')),
    "201, unreadable": ("27", answer(201, b"\xff{{{")),
    "no HTTP": ("12", b"SSH-2.0-OpenSSH_9.2\r\n\r\nconnection: close"),
    "it repeats us, 200": ("13", _repeats(200)),
    "it repeats us, 302": ("14", _repeats(302)),
    "it repeats us, 400": ("26", _repeats(400)),
    "it repeats us, 401": ("21", _repeats(401)),
    "it repeats us, 403": ("22", _repeats(403)),
    "it repeats us, 503": ("20", _repeats(503)),
}
"""By name: the row of the page, and what is sent in place of an answer."""


def signed(nonce: str) -> bytes:
    """What a simulator with the key “key” answers to whoever asks whether it is one."""
    return answer(200, hmac.new(b"key", nonce.encode(), "sha256").hexdigest().encode())


@dataclass
class Front(Server):
    """Passes every request on to a simulator, but for those that it ``strikes``: there the one step is played."""

    script: list[Step] = field(default_factory=list)
    behind: str = ""
    strikes: Callable[[Received], bool] = lambda request: True
    struck: int = 0

    def _talk(self, sock: socket.socket) -> None:
        with sock.makefile("rb") as stream:
            while (request := read_request(stream)) is not None:
                if nonce := request.line.partition("/?nonce=")[2].partition(" ")[0]:
                    sock.sendall(self._passed_on(request) if self.behind else signed(nonce))
                    continue
                self.received.append(request)
                if not self.strikes(request):
                    sock.sendall(self._passed_on(request))
                    continue
                self.struck += 1
                [step] = self.script
                if not isinstance(step, bytes):
                    step(sock, request)
                    return
                sock.sendall(step)
                if CLOSE.encode().lower() in step.lower():
                    return

    def _passed_on(self, request: Received) -> bytes:
        there = urlsplit(self.behind)
        connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=10)
        with contextlib.closing(connection):
            method, target, _ = request.line.split(" ")
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                connection.putheader(name, value)
            connection.endheaders(request.body or None)
            made = connection.getresponse()
            kept = [
                f"{name}: {value}"
                for name, value in made.getheaders()
                if name.lower() not in _FRAMING
            ]
            return answer(made.status, made.read(), *kept)


_FRAMING = ("content-length", "transfer-encoding", "connection")


def to_aspm(request: Received) -> bool:
    """Whether it goes to Invicti ASPM."""
    return any(value.startswith("aspm.") for value in request.all("host"))


def registering(request: Received) -> bool:
    """Whether it is the one write of a registration."""
    return to_aspm(request) and request.line.startswith("POST")


def looking(request: Received) -> bool:
    """Whether it looks for what is registered."""
    return to_aspm(request) and "/alm-instances/" in request.line and request.line.startswith("GET")


STRUCK: Mapping[str, Callable[[Received], bool]] = {
    "every request": to_aspm, "the write": registering, "the look": looking
}  # fmt: skip
