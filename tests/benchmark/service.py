"""Azure DevOps over TLS on loopback, each answer after 80 ms: ``python -m tests.benchmark.service FOLDER COUNT``.

A process of its own, so that its work is not counted as ours. It writes the certificate of its authority and its port
into FOLDER, plays COUNT organizations with the routes of the demo, and counts requests and connections.

Each connection has a thread. So the service adds a sixtieth to the delay (902 calls over 16 connections, asked by bare
sockets), where a loop of asyncio added a twentieth: half of what was over the ideal was not ours.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import trustme

from aspm_ado.simulator import SCENARIOS, Simulator, samples
from aspm_ado.simulator.http import Request
from aspm_ado.simulator.world import SignIn, World

DELAY: Final = 0.08
"""Seconds before each answer."""

HOSTS: Final = (
    "dev.azure.com", "vssps.dev.azure.com", "vsaex.dev.azure.com", "app.vssps.visualstudio.com"
)  # fmt: skip
TOKEN: Final = "B" * 84
SIGN_IN: Final = "a-sign-in-of-entra-that-is-none"
"""With it, a token can be created in each organization."""
COUNTS: Final = "/counts-of-the-benchmark"
_PATIENCE: Final = 60.0
"""Seconds after which a silent connection is given up."""


def world(count: int) -> World:
    """That many organizations, and one token of all of them."""
    scenario = SCENARIOS["global"]
    like, token = scenario.world.organizations[0], scenario.world.tokens[0]
    names = tuple(replace(like, name=f"org{number}") for number in range(count))
    return replace(
        scenario.world,
        organizations=names,
        tokens=(replace(token, value=TOKEN, reach=None),),
        sign_ins=(SignIn(SIGN_IN, token.owner, samples.TENANT),),
        global_tokens_end=None,
    )


class Service:
    """Answers, and counts. It listens from the start; ``ca.pem`` in the folder is whom to trust."""

    def __init__(self, count: int, folder: Path, delay: float = DELAY) -> None:
        self._delay = delay
        self._simulator = Simulator(
            SCENARIOS["global"], world=world(count)
        )  # its routes; its own server is not started
        authority = trustme.CA()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*HOSTS).configure_cert(self._context)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        self._lock = threading.Lock()
        self.counts = {"requests": 0, "connections": 0}
        self.inside = self.most = 0
        """Requests that are being answered now, and the most that ever were."""
        self.hosts: Counter[str] = Counter()
        """Connections, by the host that was first asked for on each."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def wait(self) -> None:
        """Until it is closed."""
        self._accepting.join()

    def close(self) -> None:
        """Hang up on everybody."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for plain in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(plain, socket.SHUT_RDWR)
        self._accepting.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(plain,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        """One connection."""
        plain.settimeout(_PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(plain, server_side=True) as wrapped,
        ):
            with self._lock:
                self._open.add(wrapped)
                self.counts["connections"] += 1
            try:
                self._answer_all(wrapped)
            finally:
                with self._lock:
                    self._open.discard(wrapped)

    def _answer_all(self, wrapped: ssl.SSLSocket) -> None:
        incoming = wrapped.makefile("rb")
        is_first = True
        while first := incoming.readline():
            due = time.monotonic() + self._delay
            method, target, _ = first.decode("latin-1").split(" ")
            request = Request(method, "", target, tuple(_headers(incoming)))
            host = request.header("Host") or ""
            body = incoming.read(int(request.header("Content-Length") or 0))
            if target == COUNTS:
                wrapped.sendall(self._told())
                continue
            with self._lock:
                self.hosts[host] += is_first
                self.counts["requests"] += 1
                self.inside += 1
                self.most = max(self.most, self.inside)
            is_first = False
            answer = self._simulator.respond(replace(request, authority=host, body=body))
            lines = [
                f"HTTP/1.1 {answer.status} .",
                *(f"{name}: {value}" for name, value in answer.headers),
            ]
            if answer.status not in (204, 304):
                lines.append(f"Content-Length: {len(answer.body)}")
            said = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + answer.body
            time.sleep(max(0.0, due - time.monotonic()))
            with self._lock:
                self.inside -= 1
            wrapped.sendall(said)

    def _told(self) -> bytes:
        """What was counted since this was last asked."""
        with self._lock:
            told, self.counts = json.dumps(self.counts).encode(), {"requests": 0, "connections": 0}
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told)


def _headers(incoming: io.BufferedReader) -> list[tuple[str, str]]:
    found = []
    while (line := incoming.readline().decode("latin-1").strip()) and ":" in line:
        name, _, value = line.partition(":")
        found.append((name, value.strip()))
    return found


def serve(folder: Path, count: int) -> None:
    """Until killed."""
    service = Service(count, folder)
    ready = folder / "port.new"
    ready.write_text(str(service.port))
    ready.rename(folder / "port")
    service.wait()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
