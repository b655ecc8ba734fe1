"""Work on daemon threads, which may hang: a stopped keyring daemon, a pipe that nobody writes to.

It keeps neither its caller, who waits until a deadline, nor the process.

The interpreter waits for the threads of a ``ThreadPoolExecutor`` when it ends, and for none of
these.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")


class NoThreadError(OSError):
    """The system starts no more threads (``ulimit -u``, or the limit of a container)."""

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "this machine cannot start more threads")


def start_thread(name: str, work: Callable[[], object]) -> None:
    """Begin ``work`` on a thread that nobody waits for. Raises ``NoThreadError``."""
    try:
        Thread(target=work, name=f"aspm-ado {name}", daemon=True).start()
    except RuntimeError:
        raise NoThreadError from None


class Task(Generic[T]):
    """One piece of work, begun at once on a thread of its own. Raises ``NoThreadError``."""

    def __init__(self, name: str, work: Callable[[], T]) -> None:
        self._work = work
        self._ended = Event()
        self._values: list[T] = []
        self._error: BaseException | None = None
        start_thread(name, self._run)

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds``; whether it has ended."""
        return self._ended.wait(seconds)

    def result(self) -> T:
        """What it returned, or raised; asked once, after it has ended.

        A ``SystemExit`` or the panic of a library in Rust is a ``RuntimeError`` here: it is no
        order to the caller.
        """
        error, self._error = self._error, None
        try:
            if error is None:
                return self._values[0]
            if isinstance(error, Exception):
                raise error
            raise RuntimeError(type(error).__name__)
        finally:
            del error  # its traceback holds this frame, and the values of all callers

    def _run(self) -> None:
        try:
            self._values.append(self._work())
        except BaseException as error:  # noqa: BLE001 - nobody is above a thread: its caller judges
            self._error = error
        finally:
            self._ended.set()


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
