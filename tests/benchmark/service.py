"""Azure DevOps over TLS on loopback, each answer after 80 ms: ``python -m tests.benchmark.service FOLDER COUNT``.

A process of its own, so that its work is not counted as ours. It writes the certificate of its authority and its port
into FOLDER, plays COUNT organizations with the routes of the demo, and counts requests and connections.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import trustme

from aspm_ado.demo import SCENARIOS, Simulator
from aspm_ado.demo.exchange import Request
from aspm_ado.demo.world import World

DELAY: Final = 0.08
"""Seconds before each answer."""

HOSTS: Final = (
    "dev.azure.com", "vssps.dev.azure.com", "vsaex.dev.azure.com", "app.vssps.visualstudio.com"
)  # fmt: skip
TOKEN: Final = "B" * 84
COUNTS: Final = "/counts-of-the-benchmark"


def world(count: int) -> World:
    """That many organizations, and one token of all of them."""
    scenario = SCENARIOS["ready"]
    like, token = scenario.world.organizations[0], scenario.world.tokens[0]
    names = tuple(replace(like, name=f"org{number}") for number in range(count))
    return replace(
        scenario.world, organizations=names, tokens=(replace(token, value=TOKEN, reach=None),), global_tokens_end=None
    )


class Service:
    """Answers, and counts."""

    def __init__(self, count: int, delay: float = DELAY) -> None:
        self._world, self._delay = world(count), delay
        self._simulator = Simulator(SCENARIOS["ready"], world=self._world)  # its routes; its own server is not started
        self.counts = {"requests": 0, "connections": 0}
        self.inside = self.most = 0
        """Requests that are being answered now, and the most that ever were."""
        self.hosts: Counter[str] = Counter()
        """Connections, by the host that was first asked for on each."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.counts["connections"] += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.hosts[head.lower().partition(b"\r\nhost: ")[2].partition(b"\r\n")[0].decode()] += 1
            while head:
                writer.write(await self._answer(head, reader))
                head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in rest if line))
        request = Request(method, "", target, headers)
        length = int(request.header("Content-Length") or 0)
        body = await reader.readexactly(length) if length else b""
        if target == COUNTS:
            told, self.counts = json.dumps(self.counts).encode(), {"requests": 0, "connections": 0}
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told)
        self.counts["requests"] += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        due = asyncio.get_running_loop().time() + self._delay
        request = replace(request, authority=request.header("Host") or "", body=body)
        answer = self._simulator._dispatch(request, self._world)
        lines = [f"HTTP/1.1 {answer.status} .", *(f"{name}: {value}" for name, value in answer.headers)]
        if answer.status not in (204, 304):
            lines.append(f"Content-Length: {len(answer.body)}")
        said = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + answer.body
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        self.inside -= 1
        return said


async def opened(service: Service, folder: Path) -> asyncio.Server:
    """Listening on a free port of loopback; ``ca.pem`` in the folder is whom to trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return await asyncio.start_server(service.talk, "127.0.0.1", 0, ssl=context, backlog=256)


async def serve(folder: Path, count: int) -> None:
    """Until killed."""
    server = await opened(Service(count), folder)
    ready = folder / "port.new"
    ready.write_text(str(server.sockets[0].getsockname()[1]))
    ready.rename(folder / "port")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
