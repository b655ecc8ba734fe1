"""Many errands side by side over few connections: who asks what next, and never too much at once.

An errand is a generator: it yields the calls of its next round trip and is sent their replies. So the order of
questions is plain code without threads, locks or network in it, and politeness is decided here alone.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import field
from itertools import count
from typing import Any, Final, TypeVar

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.exchange import Call, Reply
from aspm_ado.domain.ports import Send

T = TypeVar("T")
Errand = Generator[Sequence[Call], Sequence[Reply], T]

IN_FLIGHT: Final = 16
PER_LANE: Final = 8
_HEARTBEAT: Final = 0.5
"""Seconds between looks at Ctrl-C on platforms where waiting for a queue does not notice it (Windows)."""


_Done = queue.SimpleQueue[tuple["_Job", Reply | BaseException]]
"""The outcomes for one caller: what still comes for one that was interrupted is nobody else's."""


@dataclass(slots=True)
class _Walk:
    """An errand under way: its place among the results, and the replies of its round trip so far."""

    place: int
    errand: Errand[Any]
    done: _Done
    replies: list[Reply | None] = field(default_factory=list)
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    walk: _Walk
    slot: int
    call: Call


class Crew:
    """Sends calls on daemon threads, so that a hanging one never keeps the process from ending."""

    def __init__(self, send: Send, in_flight: int = IN_FLIGHT, per_lane: int = PER_LANE) -> None:
        self._send, self._in_flight, self._per_lane = send, in_flight, per_lane
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._threads = 0

    def conduct(
        self,
        errands: Iterable[Errand[T]],
        then: Callable[[T], Iterable[Errand[T]]] | None = None,
    ) -> list[T]:
        """Run the errands to their ends; their results in the order in which they began.

        ``then`` is told each result, and what it says to do next goes on beside the rest. At most as many errands are
        under way as calls may be in flight, so memory does not grow with their number.
        """
        waiting: deque[Iterator[Errand[T]]] = deque([iter(errands)])
        begun = count()
        results: dict[int, T] = {}

        def ended(result: T) -> None:
            if then is not None:
                waiting.appendleft(iter(then(result)))

        done: _Done = queue.SimpleQueue()
        backlog: deque[_Job] = deque()
        lanes: Counter[str] = Counter()
        flying = active = 0
        while True:
            while waiting and active < self._in_flight and len(backlog) < self._in_flight:
                errand = next(waiting[0], None)
                if errand is None:
                    waiting.popleft()
                    continue
                active += 1
                active -= self._step(_Walk(next(begun), errand, done), None, backlog, results, ended)
            flying += self._dispatch(backlog, lanes, self._in_flight - flying)
            if not flying:
                if not waiting and not active:
                    return [results[place] for place in sorted(results)]
                continue
            job, outcome = _next_outcome(done)
            flying -= 1
            lanes[job.call.lane] -= 1
            if isinstance(outcome, BaseException):
                raise outcome
            job.walk.replies[job.slot] = outcome
            job.walk.missing -= 1
            if not job.walk.missing:
                replies = [reply for reply in job.walk.replies if reply is not None]
                active -= self._step(job.walk, replies, backlog, results, ended)

    def run(self, errand: Errand[T]) -> T:
        """One errand alone."""
        return self.conduct([errand])[0]

    def _step(
        self,
        walk: _Walk,
        replies: Sequence[Reply] | None,
        backlog: deque[_Job],
        results: dict[int, T],
        ended: Callable[[T], None],
    ) -> int:
        """Let an errand go on until it asks something (0) or ends (1)."""
        try:
            calls: Sequence[Call] = []
            while not calls:
                calls = walk.errand.send(replies) if replies is not None else next(walk.errand)
                replies = []
        except StopIteration as end:
            results[walk.place] = end.value
            ended(end.value)
            return 1
        walk.replies, walk.missing = [None] * len(calls), len(calls)
        backlog.extend(_Job(walk, slot, call) for slot, call in enumerate(calls))
        return 0

    def _dispatch(self, backlog: deque[_Job], lanes: Counter[str], room: int) -> int:
        """Hand out what the bounds allow, oldest first; how many."""
        sent, held_back = 0, []
        while backlog and sent < room:
            job = backlog.popleft()
            if lanes[job.call.lane] >= self._per_lane:
                held_back.append(job)
                continue
            lanes[job.call.lane] += 1
            sent += 1
            self._jobs.put(job)
            if self._threads < self._in_flight:
                self._threads += 1
                threading.Thread(target=self._work, name=f"call-{self._threads}", daemon=True).start()
        backlog.extendleft(reversed(held_back))
        return sent

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job.walk.done.put((job, self._send(job.call)))
            except BaseException as error:  # noqa: BLE001  (a thread has nobody above it; the caller raises this)
                job.walk.done.put((job, error))


def _next_outcome(done: _Done) -> tuple[_Job, Reply | BaseException]:
    while True:
        try:
            return done.get(timeout=_HEARTBEAT)
        except queue.Empty:
            continue
