"""Being stopped: a signal becomes one error that unwinds the stack, and a crash leaves no memory on disk."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Final

from aspm_ado.domain.errors import InterruptedByUserError
from aspm_ado.domain.reasons import Reason

_REMEDY: Final = "Run the same command again."
# SIGBREAK is what Windows sends for Ctrl-Break and when a console window is closed.
_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_STOPPING: Final = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))

_SOON: Final = 0.01
"""Seconds until a signal that was lost comes again; where it was lost is left by then."""


class StoppedError(KeyboardInterrupt):
    """As Ctrl-C, so that nothing on the way takes it for an error of its own: whoever looks what went wrong goes on
    with the next thing, and an event loop swallows any other exception that a handler raises in a callback.
    """


class Held:
    """Signals that are held back. ``leave`` is called at the first, by its handler; the others are the same wish."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.leave: Callable[[], None] = lambda: None

    def take(self, number: int) -> None:
        """Remember the first, and tell of it."""
        if self.first is None:
            self.first = number
            self.leave()


_held: Held | None = None
"""Handlers are one thing of the process, and so is this. It is switched in one step, which no signal can divide."""


@contextlib.contextmanager
def holding() -> Iterator[Held]:
    """Inside, no signal raises; ``leave`` has to bring about the end. Behind it, the first does what it always does.

    For what must not be torn anywhere: a library that switches the terminal cannot be left between two of its lines.
    Holds within ``interruptible``, in the main thread.
    """
    global _held
    held = Held()
    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    _held = held
    try:
        yield held
    finally:
        _held = None
        if held.first is not None:
            signal.raise_signal(held.first)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise a ``KeyboardInterrupt`` in the main thread, so that ``finally`` runs.

    It and that of Ctrl-C leave as ``InterruptedByUserError``. Only the first SIGTERM or
    SIGHUP raises: a closing terminal sends several, and the clean-up that the first one began must not be torn
    down by the next. Ctrl-C still raises then, so a clean-up that hangs can be ended. A signal that was ignored
    from the start (``nohup``) stays ignored. ``holding`` puts all of this off. In another thread than the main one
    this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped, last = False, signal.SIGINT
    tell_of = sys.unraisablehook

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped, last
        last = signal.Signals(number)
        if _held is not None:
            _held.take(number)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        elif not stopped:
            stopped = True
            raise StoppedError(last.name)

    def come_again(lost: sys.UnraisableHookArgs) -> None:
        """What a handler raises within ``__del__`` or a weak reference's callback, Python only tells of."""
        nonlocal stopped
        if not isinstance(lost.exc_value, KeyboardInterrupt):
            tell_of(lost)
        else:
            stopped = False
            if sys.platform != "win32":
                signal.setitimer(signal.ITIMER_REAL, _SOON)

    def ring(_number: int, frame: FrameType | None) -> None:
        if sys.platform != "win32" and _is_inside(frame, come_again.__code__):
            signal.setitimer(signal.ITIMER_REAL, _SOON)  # it would be lost here as well
        else:
            stop(last, frame)

    before = {number: signal.getsignal(number) for number in _STOPPING}
    mine = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    if sys.platform != "win32":
        alarm = signal.signal(signal.SIGALRM, ring)
    try:
        for number in mine:
            signal.signal(number, stop)
        sys.unraisablehook = come_again
        yield
    except KeyboardInterrupt as stopping:
        how = f"by {stopping}" if isinstance(stopping, StoppedError) else "with Ctrl-C"
        raise InterruptedByUserError(
            Reason.INTERRUPTED, f"The run was stopped {how}.", remedy=_REMEDY
        ) from None
    finally:
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, 0)  # first: an alarm that rang now would tear this
        sys.unraisablehook = tell_of
        for number in mine:
            signal.signal(number, before[number])
        if sys.platform != "win32":
            signal.signal(signal.SIGALRM, alarm)


def _is_inside(frame: FrameType | None, code: CodeType) -> bool:
    """Whether a function of that code is being run."""
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def guard_core_dumps() -> None:
    """Ask the system, where it can be asked, to write no core file: it would hold the tokens in clear."""
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(OSError, ValueError):
            _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
