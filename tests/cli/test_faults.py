"""The whole command before a network that fails: exit 5 with the right reason, nobody is blamed, nothing is kept."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aspm_ado.adapters.http import transport
from aspm_ado.cli.context import Invocation
from aspm_ado.simulator import Simulator

from ..adapters.transport.servers import ConnectProxy, Server, answer, reset
from .conftest import PAT, Done, Run, pat_of

BLAME = re.compile(r"\bexpired\b|\brevoked\b|mistyped|wrong token|invalid token", re.IGNORECASE)
PAGE = b"<!DOCTYPE html><title>Please sign in to the network</title>"
HTML = "Content-Type: text/html"
CLOSE = "Connection: close"
CUT = answer(200, b'{"authenticatedUser":{"id":"1', "Connection: close", length=False)
EDGE = "X-MSEdge-Ref: Ref A: 1F Ref B: AMS"


def endless(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        sock.sendall(b"x" * 65536)


FAULTS = {
    "reset": (reset, "unreachable", "closed the connection"),
    "no HTTP": (
        b"SSH-2.0-OpenSSH_9.2\r\n\r\nconnection: close",
        "answer-unreadable",
        "is not HTTP",
    ),
    "cut with a length": (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99\r\n\r\n{",
        "answer-unreadable",
        "cut short",
    ),
    "cut without a length": (CUT, "answer-unreadable", "is incomplete"),
    "a bomb": (
        answer(200, gzip.compress(b"\0" * (6 << 20), 1), "Content-Encoding: gzip"),
        "answer-unreadable",
        "larger",
    ),
    "an endless answer": (endless, "answer-unreadable", "larger"),
    "a page, 200": (answer(200, PAGE, HTML), "not-azure-devops", "Something else answered"),
    "a page, 203": (answer(203, PAGE, HTML), "not-azure-devops", "Something else answered"),
    "a redirect": (
        answer(302, b"", "Location: http://169.254.169.254/"),
        "not-azure-devops",
        "redirects (302) to 169.254.169.254",
    ),
    "429": (answer(429, b"", "Retry-After: 3600"), "throttled", "throttling"),
    "502 of a gateway": (
        answer(502, PAGE, HTML),
        "service-unavailable",
        "Something on the network path",
    ),
    "503 of the edge": (answer(503, PAGE, HTML, EDGE), "service-unavailable", "Ref A: 1F"),
    "500 of its own": (
        answer(500, b"{}", "ActivityId: 5f0a"),
        "service-unavailable",
        "a server error",
    ),
}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """A server with one step for ever; nobody waits before asking it again."""
    monkeypatch.setattr(transport, "back_off", lambda *_: 0.0)
    with contextlib.ExitStack() as opened:

        def begin(kind: type[Server], *settings: object, **more: object) -> Server:
            server = kind(*settings, **more)  # type: ignore[arg-type]
            opened.callback(server.close)
            return server

        yield begin


@pytest.fixture
def validate(run: Run, token_file) -> Run:
    """The collection Contoso of the server at ``url``, with records in ``config``."""

    def run_here(url: str, config: Path, *more: str) -> Done:
        words = ("--server-url", url, "--config-dir", str(config), "--pat-file", token_file())
        return run("validate --collection Contoso --json --no-input --timeout 20", *words, *more)

    return run_here


def nobody_is_blamed(done: object, reason: str, words: str, folder: Path) -> None:
    assert done.code == 5, (done.out, done.err)
    assert done.failing >= {reason}, done.failing
    assert [one["id"] for one in done.checks if one["status"] == "fail"] == []
    said = " ".join(f"{one['detail']} {one['remedy']}" for one in done.checks)
    assert words in said
    for text in (said, done.err):
        assert not BLAME.search(text)
    assert PAT not in done.out + done.err
    assert not [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails(fault: str, validate: Run, start, tmp_path: Path) -> None:
    step, reason, words = FAULTS[fault]
    server = start(Server, [step])
    config = tmp_path / "config"
    done = validate(f"{server.url}/tfs", config)
    nobody_is_blamed(done, reason, words, config)
    assert {request.line.split(" ")[0] for request in server.received} == {"GET"}


@pytest.mark.parametrize(
    ("page", "reason", "words"),
    [
        (answer(407, PAGE, HTML, CLOSE), "proxy-failed", "requires a sign-in"),
        (answer(503, PAGE, HTML, CLOSE), "service-unavailable", "Something on the network path"),
        (answer(403, PAGE, HTML, CLOSE), "not-azure-devops", "Something else answered"),
        (answer(401, PAGE, HTML, CLOSE), "not-azure-devops", "Something else answered"),
        (answer(200, PAGE, HTML, CLOSE), "not-azure-devops", "Something else answered"),
    ],
    ids=["407", "503", "403", "401", "200"],
)
def test_a_proxy_that_answers_for_a_server_without_tls(
    page: bytes, reason: str, words: str, validate: Run, start, tmp_path: Path, monkeypatch
) -> None:
    box, config = start(ConnectProxy, [page]), tmp_path / "config"
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{box.port}")
    done = validate("http://tfs.example/tfs", config, "--allow-http")
    nobody_is_blamed(done, reason, words, config)
    assert "has no TLS" in done.err


def test_a_name_that_does_not_exist(validate: Run, tmp_path: Path) -> None:
    config = tmp_path / "config"
    done = validate("https://tfs.invalid/tfs", config)
    nobody_is_blamed(done, "name-unresolved", "tfs.invalid", config)


def test_no_next_page_is_followed(validate: Run, start, tmp_path: Path) -> None:
    """A list that says there is more for ever is read once."""
    page = json.dumps(
        {"value": [{"name": f"Collection{number}"} for number in range(10_000)]}
    ).encode()
    server = start(Server, [answer(200, page, "x-ms-continuationtoken: 1", "ActivityId: 5f0a")])
    validate(f"{server.url}/tfs", tmp_path / "config")
    lists = [one.line for one in server.received if "projectCollections" in one.line]
    assert len(lists) == 1
    assert not any("continuationToken" in one.line or "skip" in one.line for one in server.received)


def test_the_clock_of_this_machine_decides_nothing(
    simulate: Callable[..., Simulator], run: Run, token_file, monkeypatch
) -> None:
    """A day or a year off, either way: the same checks with the same words, by the day of the service."""
    file = token_file(pat_of(simulate("global")))
    told = []
    for days in (0, 1, -1, 366, -366):
        monkeypatch.setattr(
            Invocation, "now", staticmethod(lambda days=days: datetime.now(UTC) + timedelta(days))
        )
        done = run(
            "validate -o contoso --json --no-input --pat-expires 2028-06-30 --pat-file", file
        )
        assert done.document["day_source"] == "server"
        told.append((done.code, [(one["id"], one["status"], one["detail"]) for one in done.checks]))
    assert told[1:] == [told[0]] * 4
    assert told[0][1]
