"""A deadline for calls that may hang for ever: a stopped keyring daemon never answers, and never errs."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_TICK: Final = 0.1  # On Windows Ctrl-C does not end a long wait, so that we wait in short ones.


class HungError(Exception):
    """A call did not come back in ``seconds``, now or earlier."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer in {seconds:.0f} s")
        self.seconds = seconds


class _Call(Generic[T]):
    """One piece of work and what became of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._value: list[T] = []
        self._error: BaseException | None = None
        self.finished = Event()

    def make(self) -> None:
        try:
            self._value.append(self._work())
        except BaseException as error:  # noqa: BLE001 - nobody is above a thread: handed to the caller, who judges
            self._error = error
        finally:
            self.finished.set()

    def outcome(self) -> T:
        if self._error is None:
            return self._value[0]
        if isinstance(self._error, Exception):
            raise self._error
        # A backend's own SystemExit, or a Rust panic (cryptography): not an order to us to stop.
        raise RuntimeError(type(self._error).__name__)


class TimeBox:
    """Runs calls one after another, each with the same deadline, and gives up for good after the first that hangs.

    Each call has a daemon thread: the interpreter does not wait for those at exit, while the threads of a
    ``ThreadPoolExecutor`` are joined and keep a finished process alive. ``on_slow`` is called at most once, when a
    call has taken ``patience`` seconds. After an interrupt (Ctrl-C) the deadline is ``after_interrupt`` seconds:
    tidying up must not wait for the dialog that the person has just refused.
    """

    def __init__(
        self,
        seconds: float,
        *,
        after_interrupt: float,
        patience: float,
        on_slow: Callable[[], None] | None,
    ) -> None:
        self._seconds, self._after_interrupt = seconds, after_interrupt
        self._patience, self._on_slow = patience, on_slow
        self._hung = False

    def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises; ``HungError`` when it does neither in time, or did not earlier."""
        if self._hung:
            raise HungError(self._seconds)
        call = _Call(work)
        Thread(target=call.make, name="aspm-ado keyring", daemon=True).start()
        try:
            finished = self._await(call.finished)
        except BaseException:
            self._seconds = min(self._seconds, self._after_interrupt)
            raise
        if not finished:
            self._hung = True
            raise HungError(self._seconds)
        return call.outcome()

    def _await(self, finished: Event) -> bool:
        start = time.monotonic()
        while not finished.is_set():
            waited = time.monotonic() - start
            if waited >= self._seconds:
                return False
            if waited >= self._patience and self._on_slow is not None:
                notice, self._on_slow = self._on_slow, None
                notice()
            finished.wait(min(_TICK, self._seconds - waited))
        return True
