"""One question to the name server for all who ask at once; what was heard is kept for a moment, a failure is not."""

from __future__ import annotations

import queue
import socket
import threading
import weakref
from typing import Any

import pytest

from aspm_ado.adapters.http.wire import KEPT, Lookups

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
            raise self.answer
        return self.answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    return NameServer(monkeypatch)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_sixteen_that_ask_at_once_ask_once(server: NameServer) -> None:
    lookups, heard = Lookups(), queue.SimpleQueue()
    server.open.clear()
    for _ in range(16):
        threading.Thread(
            target=lambda: heard.put(lookups.resolve("a.example", 443, GUARD)), daemon=True
        ).start()
    server.open.set()
    assert [heard.get(timeout=GUARD) for _ in range(16)] == [FOUND] * 16
    assert server.asked == [("a.example", 443)]


def test_what_was_heard_is_kept_for_a_moment_for_its_own_name(server: NameServer) -> None:
    clock = Clock()
    lookups = Lookups(clock)
    for now, name in (
        (0.0, "a.example"),
        (KEPT, "a.example"),
        (KEPT, "b.example"),
        (KEPT + 1, "a.example"),
    ):
        clock.now = now
        assert lookups.resolve(name, 443, GUARD) == FOUND
    assert [name for name, _ in server.asked] == ["a.example", "b.example", "a.example"]


def test_a_failure_is_told_and_not_kept(server: NameServer) -> None:
    lookups = Lookups()
    server.answer = socket.gaierror(socket.EAI_NONAME, "unknown")
    with pytest.raises(socket.gaierror, match="unknown"):
        lookups.resolve("a.example", 443, GUARD)
    server.answer = FOUND
    assert lookups.resolve("a.example", 443, GUARD) == FOUND


def test_nothing_is_kept_of_who_was_told_a_failure(server: NameServer) -> None:
    """A traceback holds the calls of all who raised it, and so their tokens."""
    server.answer = socket.gaierror(socket.EAI_NONAME, "unknown")
    lookups = Lookups()
    told: list[socket.gaierror] = []

    class Token:
        """Stands for what a caller has at hand."""

    def ask() -> weakref.ref[Token]:
        token = Token()
        try:
            lookups.resolve("a.example", 443, GUARD)
        except socket.gaierror as error:
            told.append(error)
        return weakref.ref(token)

    token = ask()
    assert (told[0].errno, told[0].strerror) == (socket.EAI_NONAME, "unknown")
    told.clear()
    assert token() is None


def test_a_name_server_that_is_silent_is_not_asked_again_by_each(server: NameServer) -> None:
    lookups = Lookups()
    server.open.clear()
    for _ in range(3):
        with pytest.raises(socket.gaierror, match="no answer"):
            lookups.resolve("a.example", 443, 0.01)
    server.open.set()
    assert lookups.resolve("a.example", 443, GUARD) == FOUND
    assert len(server.asked) == 1


def test_addresses_of_which_none_answers_are_forgotten(
    server: NameServer, transport, get, time
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()
    server.answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", closed)]
    transport().send(get("http://moved.example/"))
    assert len(server.asked) == 3, "the first attempt and two more"
