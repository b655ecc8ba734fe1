"""Being stopped: a signal becomes one error that unwinds the stack, and a crash leaves no memory on disk."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

from aspm_ado.domain.errors import InterruptedByUserError
from aspm_ado.domain.reasons import Reason

_REMEDY: Final = "Run the same command again; your answers are offered."
# SIGBREAK is what Windows sends for Ctrl-Break and when a console window is closed.
_STOPPING: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class _StoppedError(KeyboardInterrupt):
    """As Ctrl-C, so that nothing on the way takes it for an error of its own: whoever looks what went wrong goes on
    with the next thing, and an event loop swallows any other exception that a handler raises in a callback.
    """


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise a ``KeyboardInterrupt`` in the main thread, so that ``finally`` runs.

    It and that of Ctrl-C leave as ``InterruptedByUserError``. Only the first SIGTERM or
    SIGHUP raises: a closing terminal sends several, and the clean-up that the first one began must not be torn
    down by the next. Ctrl-C still raises then, so a clean-up that hangs can be ended. A signal that was ignored
    from the start (``nohup``) stays ignored. In another thread than the main one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            raise _StoppedError(signal.Signals(number).name)

    before = {number: signal.getsignal(number) for number in _STOPPING}
    mine = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    try:
        for number in mine:
            signal.signal(number, stop)
        yield
    except KeyboardInterrupt as stopping:
        how = f"by {stopping}" if isinstance(stopping, _StoppedError) else "with Ctrl-C"
        raise InterruptedByUserError(Reason.INTERRUPTED, f"The run was stopped {how}.", remedy=_REMEDY) from None
    finally:
        for number in mine:
            signal.signal(number, before[number])


def guard_core_dumps() -> None:
    """Ask the system, where it can be asked, to write no core file: it would hold the tokens in clear."""
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(OSError, ValueError):
            _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
