"""Work on daemon threads: what hangs there keeps neither its caller nor the process.

The interpreter waits for the threads of a ``ThreadPoolExecutor`` when it ends, and for none of
these.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from threading import Event, Thread
from typing import Generic, TypeVar

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
