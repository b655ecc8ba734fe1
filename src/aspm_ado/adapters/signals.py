"""Being stopped: a signal becomes one error that unwinds the stack; a crash leaves no core file."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

from aspm_ado.domain.reasons import InterruptedByUserError, Reason

# SIGBREAK is what Windows sends for Ctrl-Break and when a console window is closed.
_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_STOPPING: Final = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class StoppedError(KeyboardInterrupt):
    """A signal other than Ctrl-C, named in the message.

    A ``KeyboardInterrupt``, so that nothing on the way takes it for an error of its own: an event
    loop swallows any other exception that a handler raises in a callback.
    """


class Held:
    """Signals that are held back: ``first`` is the one that came first."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.leave: Callable[[], None] = lambda: None
        """Called by the handler of the first signal; those that follow are the same wish."""
        self.resume: Callable[[], None] = lambda: None
        """Called when the process goes on after a stop: the shell has switched the terminal."""

    def take(self, number: int) -> None:
        """Remember the first signal, and call ``leave`` at it."""
        if self.first is None:
            self.first = number
            self.leave()


_held: Held | None = None
"""One for the process, as handlers are; it is switched in one step, which no signal divides."""
_is_handling = False
"""Whether our handlers are in force."""


@contextlib.contextmanager
def holding() -> Iterator[Held]:
    """Inside, no signal raises; ``leave`` has to bring about the end. Afterwards the first raises.

    For what must not be torn anywhere: a library that switches the terminal cannot be left between
    two of its lines. Holds within ``interruptible``, in the main thread. An inner one gives what
    it held to the outer one.
    """
    global _held
    held = Held()
    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    outer, _held = _held, held
    try:
        with _resumed(held):
            yield held
    finally:
        _held = outer
        if held.first is not None and outer is not None:
            outer.take(held.first)
        elif held.first is not None:
            signal.raise_signal(held.first)


@contextlib.contextmanager
def _resumed(held: Held) -> Iterator[None]:
    """Inside, ``fg`` after Ctrl-Z calls ``resume``."""
    if sys.platform == "win32":
        yield
        return
    before = signal.signal(signal.SIGCONT, lambda _number, _frame: held.resume())
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before)


@contextlib.contextmanager
def restored() -> Iterator[Held]:
    """Around what switches the terminal of stdin: afterwards its attributes are those of before.

    Signals are held until that is done. Attributes of a terminal that is gone are nobody's any
    more.
    """
    with holding() as held:
        if sys.platform == "win32":
            yield held
            return
        import termios

        try:
            attributes = termios.tcgetattr(sys.stdin.fileno())
        except (OSError, ValueError, termios.error):
            yield held
            return
        try:
            yield held
        finally:
            # Now, not once all is written: that wait may never end, and a signal would end it with
            # nothing put back.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise a ``KeyboardInterrupt`` in the main thread, as Ctrl-C does.

    So ``finally`` runs, and what leaves here is an ``InterruptedByUserError``. A signal that was
    ignored from the start (``nohup``) stays ignored. ``holding`` puts all of this off. In another
    thread than the main one this does nothing. An outer one keeps the handlers for what follows an
    inner one, so that only Ctrl-C can tear the end of a run that was stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        with _handled():
            yield
    except KeyboardInterrupt as stopping:
        how = "with Ctrl-C"
        if isinstance(stopping, StoppedError):
            how = f"by {stopping}"
        raise InterruptedByUserError(
            Reason.INTERRUPTED,
            f"The run was stopped {how}.",
            remedy="Run the same command again.",
        ) from None


@contextlib.contextmanager
def _handled() -> Iterator[None]:
    """Inside, our handler is in force for every signal that stops us and that is not ignored."""
    global _is_handling
    if _is_handling:
        yield
        return
    handler, hook = _Handler(), sys.unraisablehook
    before = {number: signal.getsignal(number) for number in _STOPPING}
    ours = [number for number, earlier in before.items() if earlier not in (signal.SIG_IGN, None)]
    try:
        _is_handling = True
        sys.unraisablehook = handler.take_lost
        for number in ours:
            signal.signal(number, handler.handle)
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
        sys.unraisablehook = hook
        _is_handling = False


class _Handler:
    """Raises at Ctrl-C, and at the first of the other signals.

    A closing terminal sends several, and the clean-up that the first one began must not be torn by
    the next. Ctrl-C still raises then, so a clean-up that hangs can be ended.
    """

    def __init__(self) -> None:
        self._is_stopped = False
        self._hook = sys.unraisablehook

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Raise, or hold the signal where signals are held."""
        if _held is not None:
            _held.take(number)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        elif not self._is_stopped:
            self._is_stopped = True
            raise StoppedError(signal.Signals(number).name)

    def take_lost(self, lost: sys.UnraisableHookArgs) -> None:
        """Within ``__del__`` nothing can be raised: a signal that came there does not count."""
        if isinstance(lost.exc_value, KeyboardInterrupt):
            self._is_stopped = False
        else:
            self._hook(lost)


def guard_core_dumps() -> None:
    """Ask the system, where it can be asked, to write no core file: it would hold the tokens."""
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(OSError, ValueError):
            _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
