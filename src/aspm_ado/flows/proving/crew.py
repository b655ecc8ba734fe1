"""Many errands side by side over few connections: who asks what next, and never too much at once.

An errand is a generator: it yields the calls of its next round trip and is sent their replies. So the order of
questions is plain code without threads, locks or network in it, and politeness is decided here alone.
"""

from __future__ import annotations

import _thread
import queue
import threading
from collections import Counter, defaultdict, deque
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
    """One ``conduct``: what its calls came to, how many are out, and in each lane how many are under way or held back.

    What still comes for one that was interrupted is nobody else's, and nothing more is sent of it.
    """

    __slots__ = ("done", "flying", "held", "is_over", "lanes")

    def __init__(self) -> None:
        self.done: queue.SimpleQueue[tuple[_Job, Reply | BaseException]] = queue.SimpleQueue()
        self.flying = 0
        self.lanes: Counter[str] = Counter()
        self.held: defaultdict[str, deque[_Job]] = defaultdict(deque)
        self.is_over = False


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
    """Sends calls on threads that nobody waits for, so that a hanging one never keeps the process from ending.

    There are as many threads as calls may be in flight. One that is free takes the next call itself: it does not wait
    until somebody has read what it brought.

    A signal may tear ``conduct`` anywhere, and a ``Condition`` is not given back then (its ``__enter__`` and
    ``__exit__`` are code like any other). So whoever conducts takes no lock: the calls go over in a queue that no
    signal can divide, and the lock here is the threads' own. Nor are they begun by ``Thread.start``, which waits for a
    ``Condition``, too.
    """

    def __init__(self, send: Send, in_flight: int = IN_FLIGHT, per_lane: int = PER_LANE) -> None:
        self._send, self._in_flight, self._per_lane = send, in_flight, per_lane
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._begun = self._threads = 0

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
                while waiting and active < self._in_flight and party.flying < 2 * self._in_flight:
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
            party.is_over = True  # in one step, which a second signal cannot keep from happening

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
        walk.party.flying += len(calls)
        for slot, call in enumerate(calls):
            self._jobs.put(_Job(walk, slot, call))
            if self._begun < self._in_flight:
                self._begin()
        return 0

    def _begin(self) -> None:
        """One thread more, and let it come to its first wait: sixteen that begin at once keep each other waiting."""
        here = _thread.allocate_lock()
        here.acquire()
        _thread.start_new_thread(self._work, (here,))
        self._begun += 1  # only now: a thread too many ends by itself, one too few would be missed for ever
        here.acquire()

    def _work(self, here: _thread.LockType) -> None:
        here.release()
        with self._lock:
            if self._threads >= self._in_flight:
                return  # one too many
            self._threads += 1
        while True:
            job = self._admit(self._jobs.get())
            while job is not None:
                job = self._carry_out(job)

    def _admit(self, job: _Job) -> _Job | None:
        """``job`` where its lane has room; else the lane keeps it, or nobody where its party is over."""
        party, lane = job.walk.party, job.call.lane
        with self._lock:
            if party.is_over:
                return None
            if party.lanes[lane] >= self._per_lane:
                party.held[lane].append(job)
                return None
            party.lanes[lane] += 1
            return job

    def _carry_out(self, job: _Job) -> _Job | None:
        """Send ``job``, and tell its party; what its lane held back takes its place: older than all in the queue."""
        party, lane = job.walk.party, job.call.lane
        try:
            outcome: Reply | BaseException = self._send(job.call)
        except BaseException as error:  # noqa: BLE001  (a thread has nobody above it; the caller raises this)
            outcome = error
        party.done.put((job, outcome))
        with self._lock:
            if party.held[lane] and not party.is_over:
                return party.held[lane].popleft()
            party.lanes[lane] -= 1
            return None


def _next_outcome(party: _Party) -> tuple[_Job, Reply | BaseException]:
    while True:
        try:
            return party.done.get(timeout=_HEARTBEAT)
        except queue.Empty:
            continue
