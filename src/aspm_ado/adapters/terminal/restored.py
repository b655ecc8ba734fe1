"""The terminal as it was before a question, whatever the library behind the question left undone."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from aspm_ado.adapters.signals import Held, holding


@contextlib.contextmanager
def restored() -> Iterator[Held]:
    """Around what switches the terminal of stdin: afterwards its attributes are those of before.

    Signals are held until that is done. Attributes of a terminal that is gone are nobody's any more.
    """
    with holding() as held:
        if sys.platform == "win32":
            yield held
            return
        import termios

        try:
            attributes = termios.tcgetattr(sys.stdin.fileno())
        except termios.error:
            yield held
            return
        try:
            yield held
        finally:
            # Now, not once all is written: that wait may never end, and a signal would end it with nothing put back.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)
