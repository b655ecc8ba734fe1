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


class _Party:
    """One ``conduct``: what its calls came to, how many are out, and how many of each lane.

    What still comes for one that was interrupted is nobody else's.
    """

    __slots__ = ("done", "flying", "lanes")

    def __init__(self) -> None:
        self.done: queue.SimpleQueue[tuple[_Job, Reply | BaseException]] = queue.SimpleQueue()
        self.flying = 0
        self.lanes: Counter[str] = Counter()


@dataclass(slots=True)
class _Walk:
    """An errand under way: its place among the results, and the replies of its round trip so far."""

    place: int
    errand: Errand[Any]
    party: _Party
    replies: list[Reply | None] = field(default_factory=list)
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    walk: _Walk
    slot: int
    call: Call


class Crew:
    """Sends calls on daemon threads, so that a hanging one never keeps the process from ending.

    There are as many threads as calls may be in flight. One that is free takes the next call itself: it does not wait
    until somebody has read what it brought.
    """

    def __init__(self, send: Send, in_flight: int = IN_FLIGHT, per_lane: int = PER_LANE) -> None:
        self._send, self._in_flight, self._per_lane = send, in_flight, per_lane
        self._changed = threading.Condition()
        self._backlog: deque[_Job] = deque()
        self._threads = self._idle = 0

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

        party = _Party()
        active = 0
        try:
            while True:
                while waiting and active < self._in_flight and len(self._backlog) < self._in_flight:
                    errand = next(waiting[0], None)
                    if errand is None:
                        waiting.popleft()
                        continue
                    active += 1
                    active -= self._step(_Walk(next(begun), errand, party), None, results, ended)
                if not party.flying:
                    if not waiting and not active:
                        return [results[place] for place in sorted(results)]
                    continue
                job, outcome = _next_outcome(party)
                party.flying -= 1
                if isinstance(outcome, BaseException):
                    raise outcome
                job.walk.replies[job.slot] = outcome
                job.walk.missing -= 1
                if not job.walk.missing:
                    replies = [reply for reply in job.walk.replies if reply is not None]
                    active -= self._step(job.walk, replies, results, ended)
        finally:
            self._forget(party)

    def run(self, errand: Errand[T]) -> T:
        """One errand alone."""
        return self.conduct([errand])[0]

    def _step(
        self,
        walk: _Walk,
        replies: Sequence[Reply] | None,
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
        self._post([_Job(walk, slot, call) for slot, call in enumerate(calls)])
        walk.party.flying += len(calls)
        return 0

    def _post(self, jobs: Sequence[_Job]) -> None:
        """Let the threads have these, the oldest first; more threads where all are busy."""
        with self._changed:
            self._backlog.extend(jobs)
            self._changed.notify(len(jobs))
            wanted = min(len(self._backlog) - self._idle, self._in_flight - self._threads)
        for _ in range(wanted):
            threading.Thread(target=self._work, name=f"call-{self._threads + 1}", daemon=True).start()
            self._threads += 1  # only now: who is interrupted here must not count on a thread that is not there

    def _forget(self, party: _Party) -> None:
        """Send nothing more of this one: it is over, or was stopped."""
        with self._changed:
            kept = [job for job in self._backlog if job.walk.party is not party]
            self._backlog.clear()
            self._backlog.extend(kept)

    def _work(self) -> None:
        job = self._take(None)
        while True:
            try:
                outcome: Reply | BaseException = self._send(job.call)
            except BaseException as error:  # noqa: BLE001  (a thread has nobody above it; the caller raises this)
                outcome = error
            job.walk.party.done.put((job, outcome))
            job = self._take(job)

    def _take(self, done: _Job | None) -> _Job:
        """The oldest call that the bounds allow; waits for one. ``done`` is what this thread was about until now."""
        with self._changed:
            if done is not None:
                done.walk.party.lanes[done.call.lane] -= 1  # what that held back is for this thread to take
            while True:
                for place, job in enumerate(self._backlog):
                    lanes = job.walk.party.lanes
                    if lanes[job.call.lane] < self._per_lane:
                        lanes[job.call.lane] += 1
                        del self._backlog[place]
                        return job
                self._idle += 1
                self._changed.wait()
                self._idle -= 1


def _next_outcome(party: _Party) -> tuple[_Job, Reply | BaseException]:
    while True:
        try:
            return party.done.get(timeout=_HEARTBEAT)
        except queue.Empty:
            continue
