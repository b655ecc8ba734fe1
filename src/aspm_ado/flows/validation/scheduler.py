"""Run many request plans in parallel over few connections.

A plan is a generator: it yields the calls of its next round trip and is sent their replies. So the
order of requests is plain code without threads, locks, or network, and only this module limits how
many are in flight. A plan that yields no calls pauses, until others have, too.
"""

from __future__ import annotations

import _thread
import queue
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Generic, TypeVar

from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.ports import Send
from aspm_ado.domain.text import clean

T = TypeVar("T")
RequestPlan = Generator[Sequence[Call], Sequence[Reply], T]

IN_FLIGHT: Final = 16
PER_LANE: Final = 8
PATIENCE: Final = 5.0
"""Seconds without a reply before the scheduler names the hosts it waits for."""
_HEARTBEAT: Final = 0.5
"""Seconds between looks at Ctrl-C, where waiting for a queue does not notice it (Windows)."""


@dataclass(slots=True)
class _Task:
    """A plan under way: its place among the results, and the replies of its round trip so far."""

    place: int
    plan: RequestPlan[Any]
    replies: list[Any] | None = None
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    """One call for a worker."""

    batch: _Batch[Any]
    task: _Task
    replies: list[Any]
    slot: int
    call: Call


class _Batch(Generic[T]):
    """One run. Only the thread that runs it changes it; workers put what came into ``done``."""

    def __init__(
        self,
        plans: Iterable[RequestPlan[T]],
        then: Callable[[T], Iterable[RequestPlan[T]]] | None,
        jobs: queue.SimpleQueue[_Job],
        per_lane: int,
        say: Callable[[str], None],
    ) -> None:
        self.results: dict[int, T] = {}
        self.done: queue.SimpleQueue[tuple[_Job, Reply | BaseException]] = queue.SimpleQueue()
        self.active = self.flying = self.begun = 0
        self.is_over = False
        self.paused: list[_Task] = []
        self._waiting: deque[Iterator[RequestPlan[T]]] = deque([iter(plans)])
        self._then, self._jobs, self._per_lane = then, jobs, per_lane
        self._busy: Counter[str] = Counter()
        self._held: defaultdict[str, deque[_Job]] = defaultdict(deque)
        self._say, self._heartbeats, self._told = say, 0, set[str]()
        self._asked: Counter[str] = Counter()

    def next_task(self) -> _Task | None:
        """Begin the next waiting plan."""
        while self._waiting:
            plan = next(self._waiting[0], None)
            if plan is not None:
                self.active += 1
                self.begun += 1
                return _Task(self.begun, plan)
            self._waiting.popleft()
        return None

    def end(self, task: _Task, result: T) -> None:
        """Record the result of a finished plan, and put the plans that follow first."""
        self.active -= 1
        self.results[task.place] = result
        if self._then is not None:
            self._waiting.appendleft(iter(self._then(result)))

    def resumable(self) -> list[_Task]:
        """The plans that paused, once half of all have and no reply waits to be read."""
        if not self.done.empty() or len(self.paused) * 2 < self.active:
            return []
        tasks, self.paused = self.paused, []
        return tasks

    def hand_out(self, task: _Task, calls: Sequence[Call]) -> None:
        """Give the calls of a round trip to the workers, as far as their lanes have room."""
        task.replies, task.missing = [None] * len(calls), len(calls)
        replies = task.replies
        for slot, call in enumerate(calls):
            self.flying += 1
            self._asked[_host(call)] += 1
            self._held[call.lane].append(_Job(self, task, replies, slot, call))
            self._fill(call.lane)

    def next_reply(self) -> _Task:
        """Wait for one call to end; the task that it belongs to."""
        job, outcome = self._ended()
        self.flying -= 1
        self._asked[_host(job.call)] -= 1
        self._busy[job.call.lane] -= 1
        self._fill(job.call.lane)
        if isinstance(outcome, BaseException):
            raise outcome
        job.replies[job.slot] = outcome
        job.task.missing -= 1
        return job.task

    def _ended(self) -> tuple[_Job, Reply | BaseException]:
        while True:
            try:
                return self.done.get(timeout=_HEARTBEAT)
            except queue.Empty:
                self._show_waiting()

    def _show_waiting(self) -> None:
        """Name each host that the batch waits for, once: a log shows no progress."""
        self._heartbeats += 1
        if self._heartbeats * _HEARTBEAT < PATIENCE:
            return
        for host in sorted({*(+self._asked)} - self._told):
            self._told.add(host)
            self._say(f"Still waiting for {clean(host, 80)}.")

    def _fill(self, lane: str) -> None:
        held = self._held[lane]
        while held and self._busy[lane] < self._per_lane:
            self._busy[lane] += 1
            self._jobs.put(held.popleft())


def _host(call: Call) -> str:
    return call.url.partition("://")[2].partition("/")[0]


def one_call(call: Call) -> RequestPlan[Reply]:
    """The plan of one call, whose result is its reply."""
    [reply] = yield [call]
    return reply


class Scheduler:
    """Runs request plans.

    Workers are threads that nobody waits for, so that a hanging call keeps no process alive.

    A call is given to workers that live, in a queue that no signal divides; nothing is given twice.
    Where the system gives no more threads, those that are there do the work: the caller's, if need
    be. ``say`` is told of hosts that let a run wait.
    """

    def __init__(
        self,
        send: Send,
        in_flight: int = IN_FLIGHT,
        per_lane: int = PER_LANE,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._send, self._in_flight, self._per_lane = send, in_flight, per_lane
        self._say = say
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._numbers = count()
        self._workers = 0

    def run_all(
        self,
        plans: Iterable[RequestPlan[T]],
        then: Callable[[T], Iterable[RequestPlan[T]]] | None = None,
    ) -> list[T]:
        """Run the plans to their ends; their results in the order in which they began.

        ``then`` is told each result, and what it says to do next runs in parallel. At most
        twice as many plans are under way as calls may be in flight: so some calls wait for a
        worker, never the other way round, and memory does not grow with the number of plans.
        """
        batch = _Batch(plans, then, self._jobs, self._per_lane, self._say)
        try:
            while True:
                while self._has_room(batch) and (begun := batch.next_task()) is not None:
                    self._advance(batch, begun)
                if self._workers or not batch.flying:
                    for task in (resumed := batch.resumable()):
                        self._advance(batch, task)
                    if resumed:
                        continue
                if not batch.flying:  # and so nothing is under way, and nothing waits
                    return [batch.results[place] for place in sorted(batch.results)]
                while not self._workers and batch.done.empty():  # jobs of an earlier batch, too
                    self._serve(self._jobs.get_nowait())
                task = batch.next_reply()
                if not task.missing:
                    self._advance(batch, task)
        finally:
            batch.is_over = True

    def run(self, plan: RequestPlan[T]) -> T:
        """One plan alone."""
        return self.run_all([plan])[0]

    def _has_room(self, batch: _Batch[T]) -> bool:
        return max(batch.active, batch.flying) < 2 * self._in_flight

    def _advance(self, batch: _Batch[T], task: _Task) -> None:
        """Let a plan go on until it asks something, pauses or ends."""
        try:
            calls = next(task.plan) if task.replies is None else task.plan.send(task.replies)
        except StopIteration as end:
            batch.end(task, end.value)
            return
        if not calls:
            task.replies = []
            batch.paused.append(task)
            return
        for _ in calls:
            self._start_worker()
        batch.hand_out(task, calls)

    def _start_worker(self) -> None:
        """One worker more, up to as many as calls may be in flight."""
        if self._workers >= self._in_flight:
            return
        try:
            _thread.start_new_thread(self._work, ())
        except RuntimeError:  # the system gives no more threads
            return
        # Only now: one too many ends by itself, one too few would be missed for ever.
        self._workers += 1

    def _work(self) -> None:
        if next(self._numbers) >= self._in_flight:
            return
        while True:
            self._serve(self._jobs.get())

    def _serve(self, job: _Job) -> None:
        if job.batch.is_over:
            return
        try:
            outcome: Reply | BaseException = self._send(job.call)
        except BaseException as error:  # noqa: BLE001  (whoever runs the batch raises it)
            outcome = error
        job.batch.done.put((job, outcome))
