"""A name server may be slow, silent or wrong: each question to it ends in time."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from aspm_ado.adapters.http import wire
from aspm_ado.adapters.http.wire import interleaved, resolve
from aspm_ado.adapters.threads import NoThreadError
from aspm_ado.domain.reasons import Reason, Who

from .servers import answer

GUARD = 20.0
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


class NameServer:
    """Answers when it is let; counts the questions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, int]] = []
        self.open = threading.Event()
        self.open.set()
        self.answer: list[Any] | OSError = FOUND
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: str, port: int, **_: object) -> list[Any]:
        self.asked.append((host, port))
        assert self.open.wait(GUARD)
        if isinstance(self.answer, OSError):
            raise type(self.answer)(*self.answer.args)  # a new one, as the system's
        return self.answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    return NameServer(monkeypatch)


def test_a_failure_is_told_and_not_kept(server: NameServer) -> None:
    server.answer = socket.gaierror(socket.EAI_NONAME, "unknown")
    with pytest.raises(socket.gaierror, match="unknown"):
        resolve("a.example", 443, GUARD)
    server.answer = FOUND
    assert resolve("a.example", 443, GUARD) == FOUND


def test_nothing_is_kept_of_who_was_told_a_failure(server: NameServer) -> None:
    """A traceback holds the calls of all who raised it, and so their tokens."""
    server.answer = socket.gaierror(socket.EAI_NONAME, "unknown")
    told: list[socket.gaierror] = []

    class Token:
        """Stands for what a caller has at hand."""

    def ask() -> weakref.ref[Token]:
        token = Token()
        try:
            resolve("a.example", 443, GUARD)
        except socket.gaierror as error:
            told.append(error)
        return weakref.ref(token)

    token = ask()
    assert (told[0].errno, told[0].strerror) == (socket.EAI_NONAME, "unknown")
    told.clear()
    assert token() is None


def test_a_name_server_that_is_silent_is_not_waited_for(server: NameServer) -> None:
    server.open.clear()
    for _ in range(3):
        with pytest.raises(socket.gaierror, match="no answer"):
            resolve("a.example", 443, 0.01)
    server.open.set()
    assert resolve("a.example", 443, GUARD) == FOUND


def test_where_no_thread_can_be_started_nobody_is_asked_and_the_machine_is_named(
    server: NameServer, transport, get, time, monkeypatch
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(NoThreadError):
        resolve("a.example", 443, GUARD)
    reply = transport().send(get("http://a.example/"))
    assert reply.failure is Reason.THREADS_EXHAUSTED
    assert reply.failure.who is Who.MACHINE
    assert "cannot start more threads" in reply.problem
    assert "ulimit -u" in reply.remedy
    assert "ulimit -v" in reply.remedy
    assert server.asked == []


@pytest.mark.parametrize("proxies", [{}, {"ALL_PROXY": "http://a.example:3128"}])
@pytest.mark.parametrize(
    ("number", "problem", "remedy"),
    [
        (errno.EMFILE, "this machine cannot open more files", "ulimit -n"),
        (errno.ENFILE, "this machine cannot open more files", "ulimit -n"),
        (errno.EPERM, "it failed (Operation not permitted)", ""),
    ],
)
def test_what_the_system_says_is_told_and_no_host_is_blamed_for_a_limit(
    server: NameServer, transport, get, time, monkeypatch, proxies, number, problem, remedy
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(wire, "_begin", fail)
    reply = transport(proxies).send(get("http://b.example/"))
    assert problem in reply.problem
    assert remedy in reply.remedy


def test_addresses_of_which_none_answers_are_forgotten(
    server: NameServer, transport, get, time
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()
    server.answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", closed)]
    transport().send(get("http://moved.example/"))
    assert len(server.asked) == 3, "the first attempt and two more"


def at(*place: Any) -> Any:
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", place)


@pytest.fixture
def hole() -> Iterator[Any]:
    """An address whose queue is full: nothing answers there, not even a refusal."""
    with contextlib.ExitStack() as kept:
        listener = kept.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            caller = kept.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield at(*listener.getsockname())


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses that were tried."""
    tried: list[Any] = []
    begin = wire._begin
    monkeypatch.setattr(
        wire, "_begin", lambda *given: (tried.append(given[1][4]), begin(*given))[1]
    )
    return tried


def test_silent_addresses_are_passed_by_and_the_one_that_answers_is_remembered(
    server: NameServer, start, transport, get, hole, begun
) -> None:
    """Two dead IPv6 addresses before a good IPv4 one cost 20 s, at every connection again."""
    there = start(answer(200, b"{}", "Connection: close"))
    good = at("127.0.0.1", there.port)
    server.answer = [hole, hole, good]
    client = transport()
    assert [client.send(get("http://a.example/")).status for _ in range(3)] == [200] * 3
    assert begun == [hole[4], hole[4], good[4], good[4], good[4]]
    assert len(server.asked) == 1


def test_a_refusal_is_followed_by_the_next_address_at_once(
    server: NameServer, start, transport, get, begun
) -> None:
    there = start(answer())
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = at(*free.getsockname())
    server.answer = [closed, at("127.0.0.1", there.port)]
    assert transport().send(get("http://a.example/")).status == 200
    assert len(begun) == 2


def test_a_silent_host_is_waited_for_once(
    server: NameServer, transport, get, hole, begun, time, monkeypatch
) -> None:
    monkeypatch.setattr(wire, "CONNECT", 0.1)
    server.answer = [hole, hole]
    client = transport()
    for _ in range(3):
        reply = client.send(get("http://a.example/"))
        assert reply.failure is Reason.UNREACHABLE
        assert "nothing answered" in reply.problem
    assert (len(begun), len(server.asked), time.slept) == (2, 1, [])
    other = client.send(get("http://b.example/"))
    assert (other.failure, len(begun)) == (Reason.UNREACHABLE, 4)


def test_a_wait_that_was_cut_short_teaches_nothing(
    server: NameServer, transport, get, hole, begun
) -> None:
    server.answer = [hole]
    client = transport(timeout=0.1)
    for _ in range(2):
        assert client.send(get("http://a.example/")).failure is Reason.UNREACHABLE
    assert len(begun) == 2


@pytest.mark.parametrize("by_itself", [True, False])
def test_a_mute_name_server_is_waited_for_once(
    server: NameServer, transport, get, time, monkeypatch, by_itself
) -> None:
    """Whether the system gives it up after some seconds or we do."""
    monkeypatch.setattr(wire, "_LONG", 0.0)
    server.answer = socket.gaierror(socket.EAI_AGAIN, "temporary failure")
    if not by_itself:
        server.open.clear()
    client = transport(timeout=0.1)
    for _ in range(3):
        reply = client.send(get("http://a.example/"))
        assert reply.failure is Reason.NAME_UNRESOLVED
        assert "no name server answered" in reply.problem
    assert (len(server.asked), time.slept) == (1, [])
    server.open.set()


@pytest.mark.parametrize(
    ("given", "tried"),
    [("", ""), ("444", "444"), ("666644", "646466"), ("446", "464"), ("64", "64")],
)
def test_families_take_turns(given: str, tried: str) -> None:
    rows = [
        at("::1" if family == "6" else "127.0.0.1", number) for number, family in enumerate(given)
    ]
    turns = ["6" if row[0] == socket.AF_INET6 else "4" for row in interleaved(rows)]
    assert "".join(turns) == tried
    assert sorted(interleaved(rows)) == sorted(rows)
