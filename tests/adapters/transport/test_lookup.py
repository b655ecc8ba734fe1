"""A name server may be slow, silent or wrong: each question to it ends in time."""

from __future__ import annotations

import socket
import threading
import weakref
from typing import Any

import pytest

from aspm_ado.adapters.http.dial import resolve
from aspm_ado.adapters.threads import NoThreadError

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
    assert "starts no more threads" in reply.problem
    assert "ulimit -u" in reply.remedy
    assert server.asked == []


def test_addresses_of_which_none_answers_are_forgotten(
    server: NameServer, transport, get, time
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()
    server.answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", closed)]
    transport().send(get("http://moved.example/"))
    assert len(server.asked) == 3, "the first attempt and two more"
