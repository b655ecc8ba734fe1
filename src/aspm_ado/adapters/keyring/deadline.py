"""A deadline for calls that may hang: a stopped keyring daemon never answers, and never errs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from aspm_ado.adapters.threads import Task

T = TypeVar("T")

_TICK: Final = 0.1
"""Seconds of one wait: on Windows Ctrl-C does not end a long one."""


class HungError(Exception):
    """A call did not come back in ``seconds``, now or earlier."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer in {seconds:.0f} s")
        self.seconds = seconds


class TimeBox:
    """Runs calls one by one, each with the same deadline; after one that hangs it runs no more.

    ``on_slow`` is called at most once, when a call has taken ``patience`` seconds. After an
    interrupt (Ctrl-C) the deadline is ``after_interrupt`` seconds: tidying up must not wait for the
    dialog that the person has just refused.
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
        """What ``work`` returns or raises; ``HungError`` when it takes too long, or one before did.

        Raises ``NoThreadError`` where no thread can be started for it.
        """
        if self._hung:
            raise HungError(self._seconds)
        task = Task("keyring", work)
        try:
            self._hung = not self._wait(task)
        except BaseException:
            self._seconds = min(self._seconds, self._after_interrupt)
            raise
        if self._hung:
            raise HungError(self._seconds)
        return task.result()

    def _wait(self, task: Task[Any]) -> bool:
        start = time.monotonic()
        left = self._seconds
        while not task.wait(max(0.0, min(_TICK, left))):
            waited = time.monotonic() - start
            left = self._seconds - waited
            if left <= 0:
                return False
            if waited >= self._patience and self._on_slow is not None:
                notice, self._on_slow = self._on_slow, None
                notice()
        return True
