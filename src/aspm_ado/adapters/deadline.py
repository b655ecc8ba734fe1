"""A deadline for calls that may hang: a stopped keyring daemon, a pipe that nobody writes to."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from aspm_ado.adapters.threads import NoThreadError, Task

T = TypeVar("T")

_TICK: Final = 0.1
"""Seconds of one wait: on Windows Ctrl-C does not end a long one."""

PIPE_SECONDS: Final = 600.0
"""Seconds for a program at the other end of a pipe: a person may sign in to a vault there."""

_PATIENCE: Final = 5.0
"""Seconds until a person is told what the run waits for."""


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


def read_in_time(
    work: Callable[[], bytes], name: str, say: Callable[[str], None], seconds: float = PIPE_SECONDS
) -> bytes:
    """What ``work`` reads from ``name``, which may be a pipe that nobody writes to.

    Raises ``TimeoutError`` after ``seconds``, and what ``work`` raises.
    """
    notice = partial(say, f"Waiting for {name} …")
    box = TimeBox(seconds, after_interrupt=seconds, patience=_PATIENCE, on_slow=notice)
    try:
        return box.run(work)
    except NoThreadError:
        return work()
    except HungError:
        why = f"it did not end within {seconds:.0f} seconds"
        raise TimeoutError(errno.ETIMEDOUT, why) from None


def read_file(path: Path, most: int, say: Callable[[str], None], name: str) -> bytes:
    """At most ``most`` bytes of a file that a person named. Raises ``OSError``, ``ValueError``."""

    def work() -> bytes:
        with path.open("rb") as opened:
            return opened.read(most)

    return read_in_time(work, name, say)
