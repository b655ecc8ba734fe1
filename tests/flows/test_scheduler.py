"""Politeness: how much at once, in which order the results come, and what an error does. No clock decides here."""

from __future__ import annotations

import gc
import queue
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import count
from types import FrameType
from typing import Any

import pytest

from aspm_ado.domain.http import Call, Reply
from aspm_ado.flows.validation import scheduler
from aspm_ado.flows.validation.scheduler import IN_FLIGHT, PER_LANE, Scheduler

GUARD = 20
"""Seconds after which a test that hangs fails. Nothing is measured by it."""


def call(lane: str, number: int = 0) -> Call:
    return Call("GET", f"https://{lane}/{number}", lane=lane)


def errand(
    calls: Sequence[Call], answer: object = None
) -> Generator[Sequence[Call], Sequence[Reply], Any]:
    yield calls
    return answer


def test_where_no_thread_can_be_started_the_caller_does_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuse)
    plans = [errand([call("one", n), call("two", n), call("one", n)], n) for n in range(20)]
    scheduler = Scheduler(lambda sent: Reply(sent, 200), per_lane=1)
    assert scheduler.run_all(plans) == list(range(20))
    with pytest.raises(ZeroDivisionError):
        Scheduler(lambda _: 1 // 0).run(errand([call("one")]))


class Turnstile:
    """A service that answers nobody until it is told to let one through; counts who is inside."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tickets = 0
        self.inside: Counter[str] = Counter()
        self.most = 0
        self.most_of: Counter[str] = Counter()
        self.served = 0

    def __call__(self, call: Call) -> Reply:
        with self._changed:
            self.inside[call.lane] += 1
            self.most = max(self.most, self.inside.total())
            self.most_of[call.lane] = max(self.most_of[call.lane], self.inside[call.lane])
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._tickets > 0, GUARD)
            self._tickets -= 1
            self.inside[call.lane] -= 1
            self.served += 1
            self._changed.notify_all()
        return Reply(call, 200)

    def wait_until_inside(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.inside.total() == count, GUARD), self.inside

    def let_one_through(self) -> None:
        with self._changed:
            served = self.served
            self._tickets += 1
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self.served > served, GUARD)


@pytest.mark.parametrize(
    ("lanes", "at_once", "in_one_trip"),
    [
        ([f"lane{i}" for i in range(40)], IN_FLIGHT, True),
        ([f"lane{i}" for i in range(40)], IN_FLIGHT, False),
        (["one"] * 40, PER_LANE, True),
        (["one"] * 40, PER_LANE, False),
        (["one"] * 30 + ["two"] * 30, IN_FLIGHT, True),
        (["one", "two"] * 30, IN_FLIGHT, False),
        (["one"] * 30 + ["two"] * 3, PER_LANE + 3, True),
        (["one"] * 3, 3, True),
        (["one"] * 3, 3, False),
    ],
)
def test_never_more_at_once_than_is_polite_and_no_less_than_is_allowed(
    lanes: list[str], at_once: int, in_one_trip: bool
) -> None:
    turnstile = Turnstile()
    scheduler = Scheduler(turnstile)
    calls = [call(lane, i) for i, lane in enumerate(lanes)]
    errands = [errand(calls)] if in_one_trip else [errand([one]) for one in calls]
    worker = threading.Thread(target=scheduler.run_all, args=(errands,), daemon=True)
    worker.start()
    turnstile.wait_until_inside(at_once)
    for _ in lanes:
        turnstile.let_one_through()
    worker.join(GUARD)
    assert not worker.is_alive()
    assert turnstile.served == len(lanes)
    assert turnstile.most == at_once
    assert max(turnstile.most_of.values()) <= PER_LANE


def test_the_bounds_are_those_of_the_contract() -> None:
    assert (IN_FLIGHT, PER_LANE) == (16, 8)


def test_results_are_in_the_order_given_whatever_ends_first() -> None:
    last = threading.Event()

    def send(one: Call) -> Reply:
        if one.url.endswith("/0"):
            assert last.wait(GUARD)
        if one.url.endswith("/4"):
            last.set()
        return Reply(one, 200)

    done: list[Any] = []

    def then(result: object) -> tuple[()]:
        done.append(result)
        return ()

    results = Scheduler(send).run_all((errand([call("lane", i)], i) for i in range(5)), then)
    assert results == [0, 1, 2, 3, 4]
    assert done[-1] == 0
    assert sorted(done) == [0, 1, 2, 3, 4]


def test_what_follows_waits_for_nobody_else() -> None:
    """One silent host, and what follows from the others is all done before it answers."""
    others = threading.Event()

    def send(one: Call) -> Reply:
        if one.lane == "silent":
            assert others.wait(GUARD)
        return Reply(one, 200)

    followed: list[str] = []

    def then(result: str) -> list[Generator[Sequence[Call], Sequence[Reply], Any]]:
        if "again" in result:
            followed.append(result)
            if len(followed) == 4:
                others.set()
            return []
        return [errand([call(result)], f"{result} again {number}") for number in range(2)]

    lanes = ["silent", "one", "two"]
    results = Scheduler(send).run_all((errand([call(lane)], lane) for lane in lanes), then)
    assert results[:3] == lanes
    assert sorted(results[3:]) == sorted(
        f"{lane} again {number}" for lane in lanes for number in range(2)
    )
    assert {name.split()[0] for name in followed[:4]} == {"one", "two"}


def test_replies_are_in_the_order_of_the_calls() -> None:
    gate = threading.Barrier(4)

    def send(one: Call) -> Reply:
        gate.wait(GUARD)
        return Reply(one, 200, text=one.url)

    def asks() -> Generator[Sequence[Call], Sequence[Reply], list[str]]:
        replies = yield [call("lane", i) for i in range(4)]
        return [reply.text for reply in replies]

    assert Scheduler(send).run(asks()) == [f"https://lane/{i}" for i in range(4)]


def test_a_trip_begins_only_after_the_one_before_it_ended() -> None:
    log: list[str] = []

    def asks() -> Generator[Sequence[Call], Sequence[Reply], None]:
        yield [call("lane", 1), call("lane", 2)]
        log.append("between")
        yield []
        yield [call("lane", 3)]

    def send(one: Call) -> Reply:
        log.append(one.url[-1])
        return Reply(one, 200)

    Scheduler(send).run(asks())
    assert sorted(log[:2]) == ["1", "2"]
    assert log[2:] == ["between", "3"]


class UnforeseenError(Exception):
    pass


@pytest.mark.parametrize("kind", [UnforeseenError, KeyboardInterrupt, RuntimeError])
def test_an_error_while_sending_reaches_the_caller(kind: type[BaseException]) -> None:
    def send(one: Call) -> Reply:
        if one.url.endswith("/3"):
            raise kind("on the way")
        return Reply(one, 200)

    with pytest.raises(kind, match="on the way"):
        Scheduler(send).run_all(errand([call("lane", i)]) for i in range(6))


def test_what_comes_for_a_caller_that_is_gone_is_nobody_else_s() -> None:
    """A person stops a run while calls are out; what is tidied up then asks with the same crew, of two workers here."""
    gone, both = threading.Event(), threading.Barrier(2)

    def send(one: Call) -> Reply:
        if one.lane == "failing":
            raise KeyboardInterrupt
        if one.lane == "late":
            assert gone.wait(GUARD)
        else:
            both.wait(GUARD)  # the late one has been put by then: both workers are here
        return Reply(one, 200)

    scheduler = Scheduler(send, in_flight=2)
    with pytest.raises(KeyboardInterrupt):
        scheduler.run(errand([call("late"), call("failing")]))
    gone.set()
    heard: queue.SimpleQueue[object] = queue.SimpleQueue()
    own = errand([call("own", 1), call("own", 2)], "mine")
    threading.Thread(target=lambda: heard.put(scheduler.run(own)), daemon=True).start()
    assert heard.get(timeout=GUARD) == "mine"


@pytest.mark.parametrize(("in_flight", "per_lane"), [(1, PER_LANE), (2, 1)])
def test_nothing_more_is_sent_for_a_caller_that_is_gone(in_flight: int, per_lane: int) -> None:
    """Neither what waits for a thread nor what its lane held back."""
    gone, all_here = threading.Event(), threading.Barrier(in_flight)
    sent: list[str] = []

    def send(one: Call) -> Reply:
        sent.append(one.url)
        if one.lane != "stopped":
            all_here.wait(GUARD)  # every thread has passed what was before
        elif one.url.endswith("/0"):
            raise KeyboardInterrupt
        else:
            assert gone.wait(GUARD)
        return Reply(one, 200)

    scheduler = Scheduler(send, in_flight, per_lane)
    with pytest.raises(KeyboardInterrupt):
        scheduler.run(errand([call("stopped", number) for number in range(9)]))
    gone.set()
    scheduler.run(errand([call(f"own{number}") for number in range(in_flight)]))
    sent_before_it_was_known = {"https://stopped/0", "https://stopped/1"}
    assert {url for url in sent if "stopped" in url} <= sent_before_it_was_known


def stopped_at(line: int, work: Callable[[], object]) -> bool:
    """Raise before that line of ``work``, as the handler of a signal does; lines of the standard library count, too.
    Whether there was such a line.

    On a thread of its own: where an exception was being handled, Python 3.11 leaves that one on the thread for ever.
    """
    return guarded(partial(_stopped_at, line, work)) is True


def _stopped_at(line: int, work: Callable[[], object]) -> bool:
    lines = count()

    def tell(frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_filename != __file__ and next(lines) == line:
            raise KeyboardInterrupt
        return tell

    before = sys.gettrace()
    gc.disable()  # hypothesis has a callback there, which would swallow the interruption
    sys.settrace(tell)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
        gc.enable()
    return False


def guarded(work: Callable[[], object]) -> object:
    """What ``work`` returns, on another thread: one that hangs fails."""
    heard: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=lambda: heard.put(work()), daemon=True).start()
    return heard.get(timeout=GUARD)


def test_a_signal_at_any_line_leaves_a_crew_that_works() -> None:
    """Nothing may stay locked."""
    scheduler = Scheduler(lambda one: Reply(one, 200), in_flight=2, per_lane=1)

    def run_all() -> list[Any]:
        return scheduler.run_all(
            [errand([call("lane", 1), call("lane", 2), call("other")], "whole") for _ in range(2)]
        )

    run_all()
    for line in count():
        if not stopped_at(line, run_all):
            break
        assert guarded(run_all) == ["whole", "whole"], f"after {line} lines"
    assert line > 40


def test_a_signal_while_its_threads_are_begun_leaves_none_too_few() -> None:
    for line in count():
        scheduler = Scheduler(lambda one: Reply(one, 200), in_flight=1)
        run_all = partial(scheduler.run, errand([call("lane")]))
        if not stopped_at(line, run_all):
            break
        assert guarded(partial(scheduler.run, errand([call("lane")], "whole"))) == "whole", (
            f"after {line} lines"
        )
    assert line > 20


def test_two_that_conduct_at_once_keep_to_the_bound_together() -> None:
    turnstile = Turnstile()
    scheduler = Scheduler(turnstile)
    workers = [
        threading.Thread(
            target=scheduler.run_all,
            args=([errand([call(f"{name}{i}")]) for i in range(IN_FLIGHT + 4)],),
            daemon=True,
        )
        for name in ("one", "two")
    ]
    for worker in workers:
        worker.start()
    turnstile.wait_until_inside(IN_FLIGHT)
    for _ in range(2 * (IN_FLIGHT + 4)):
        turnstile.let_one_through()
    for worker in workers:
        worker.join(GUARD)
        assert not worker.is_alive()
    assert turnstile.most == IN_FLIGHT


def test_a_thread_without_work_keeps_nothing_of_its_last() -> None:
    freed = threading.Event()
    scheduler = Scheduler(lambda one: Reply(one, 200))
    own = errand([call("lane")], "done")
    watched = weakref.ref(own, lambda _: freed.set())
    assert scheduler.run(own) == "done"
    del own
    assert freed.wait(GUARD)
    assert watched() is None


def test_an_error_of_an_errand_reaches_the_caller() -> None:
    def asks() -> Generator[Sequence[Call], Sequence[Reply], None]:
        yield [call("lane")]
        raise UnforeseenError("in the errand")

    with pytest.raises(UnforeseenError, match="in the errand"):
        Scheduler(lambda one: Reply(one, 200)).run(asks())


def test_a_crew_can_be_used_again_and_with_nothing() -> None:
    scheduler = Scheduler(lambda one: Reply(one, 200))
    assert scheduler.run_all([]) == []
    assert scheduler.run(errand([], "nothing asked")) == "nothing asked"
    assert scheduler.run_all([errand([call("a")], 1), errand([call("b")], 2)]) == [1, 2]


def test_errands_are_begun_only_when_there_is_room() -> None:
    begun = 0
    most_ahead = 0
    ended = 0

    def asks(number: int) -> Generator[Sequence[Call], Sequence[Reply], None]:
        nonlocal begun, most_ahead, ended
        begun += 1
        most_ahead = max(most_ahead, begun - ended)
        yield [call(f"lane{number}")]
        ended += 1

    Scheduler(lambda one: Reply(one, 200)).run_all(asks(i) for i in range(2000))
    assert (begun, ended) == (2000, 2000)
    assert IN_FLIGHT < most_ahead <= 2 * IN_FLIGHT


def test_whom_a_quiet_batch_waits_for_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_HEARTBEAT", 0.01)
    monkeypatch.setattr(scheduler, "PATIENCE", 0.05)
    said: list[str] = []
    heard = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            heard.set()

    def send(call: Call) -> Reply:
        if "quick" not in call.url:
            assert heard.wait(GUARD)
        return Reply(call, 200)

    plans = [errand([call("slow"), call("quick")]), errand([call("slow", 1), call("a\x1b[31mb")])]
    Scheduler(send, say=say).run_all(plans)
    assert said == ["Still waiting for a[31mb.", "Still waiting for slow."]


def test_a_batch_that_is_not_quiet_says_nothing() -> None:
    said: list[str] = []
    Scheduler(lambda call: Reply(call, 200), say=said.append).run_all([errand([call("a")])] * 1)
    assert said == []
