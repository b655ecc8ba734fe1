"""What is said beside the result: plain lines on stderr that no foreign string can break."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from typing import Final, TextIO

from aspm_ado.domain.text import clean, display_width, encodable, wrap

DUMB_TERMINALS: Final = ("dumb", "unknown")
"""Values of ``TERM`` for a terminal that can do nothing but show text."""

_MODERN_WINDOWS: Final = ("WT_SESSION", "CONEMUANSI", "TERM_PROGRAM")
"""Windows has the names of variables in upper case."""
_SGR: Final = {"heading": "1", "note": "2", "warn": "33", "error": "31"}
_WORTH_TELLING: Final = 10
_UNKNOWN_WIDTH: Final = 80
_NARROWEST: Final = 20


def wants_color(environment: Mapping[str, str], stream: TextIO, no_color: bool) -> bool:
    """Whether colour codes may go to ``stream``: a terminal that knows them, and nobody said no."""
    if no_color or environment.get("NO_COLOR"):
        return False
    if environment.get("TERM", "").lower() in DUMB_TERMINALS:
        return False
    if os.name == "nt" and not any(map(environment.get, _MODERN_WINDOWS)):
        return False  # an old console window shows the codes instead of obeying them
    return is_terminal(stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at it. A missing or closed stream is no terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def columns_of(stream: TextIO) -> int:
    """How wide a row on ``stream`` may be.

    A terminal knows best: ``COLUMNS`` may be of another one, and counts where a terminal does not
    know its width. What is under 20 there is not believed.
    """
    try:
        columns = os.get_terminal_size(stream.fileno()).columns or _columns_exported()
    except (OSError, ValueError):
        return _UNKNOWN_WIDTH
    # One less than there is: some consoles start a new line by themselves once the last column is
    # filled.
    return max(columns - 1, _NARROWEST)


def _columns_exported() -> int:
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns < _NARROWEST:
        return _UNKNOWN_WIDTH + 1
    return columns


class TerminalVoice:
    """Speaks on ``stream``, and never fails.

    What it cannot encode becomes ASCII, and a reader that left is no error. One call is one line,
    whatever newlines a foreign string brings. ``width`` is asked of the terminal when it is not
    given. ``live`` says whether one line may be rewritten while a step goes on; by default, on a
    terminal.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        quiet: bool,
        color: bool,
        width: int | None = None,
        live: bool | None = None,
    ) -> None:
        self._stream, self._quiet, self._color, self._width = stream, quiet, color, width
        if live is None:
            live = is_terminal(stream)
        self._live = live
        self._lock = threading.RLock()
        self._on_line = 0
        self._told = (0, -1)  # of which total, how many quarters

    def say(self, line: str = "") -> None:
        """A line of the conversation."""
        if not self._quiet:
            self._speak(line)

    def heading(self, line: str) -> None:
        """The title of a step, set apart by a blank line."""
        if not self._quiet:
            self._speak("", line, style="heading")

    def note(self, line: str) -> None:
        """Something to know that asks for nothing."""
        if not self._quiet:
            self._speak(f"Note: {line}", style="note")

    def warn(self, line: str) -> None:
        """Something to act on. Not silenced by ``--quiet``."""
        self._speak(f"Warning: {line}", style="warn")

    def error(self, problem: str, remedy: str) -> None:
        """Why it ended, and what to do about it."""
        self._speak(f"Error: {problem}", style="error")
        if remedy:
            self._speak(f"  → {remedy}")

    def trace(self, line: str) -> None:
        """A line for a log: cleaned, never cut, whatever the width."""
        with self._lock:
            self._redraw("")
            self._write(encodable(clean(line, 2000), self._stream.encoding) + "\n")

    def progress(self, done: int, total: int, what: str) -> None:
        """How far a long step has come: one line rewritten in place and erased at the end.

        Where nothing can be rewritten, a long step gets a line at its start, at each quarter and at
        its end, and a short one none.
        """
        if self._quiet:
            return
        with self._lock:
            if self._live:
                line = f"{clean(what, 200)} {done}/{total}"
                if done >= total:
                    line = ""
                elif total == 1:
                    line = f"{clean(what, 200)} …"
                self._redraw(line)
            elif total >= _WORTH_TELLING:
                quarter = min(done, total) * 4 // total
                if self._told[0] != total or quarter > self._told[1]:
                    self._speak(f"{what} {done}/{total}")
                    self._told = (total, quarter)
                    if quarter == 4:
                        self._told = (0, -1)

    def end_progress(self) -> None:
        """Take the live line away: a step ended early, or somebody else is about to write."""
        with self._lock:
            self._redraw("")

    def _redraw(self, text: str) -> None:
        while display_width(text) > self._columns():
            text = text[:-1]
        if text or self._on_line:
            text = encodable(text, self._stream.encoding)
            covered, self._on_line = self._on_line, max(self._on_line, display_width(text))
            row = "\r" + text + " " * (covered - display_width(text))
            if not text:
                row += "\r"
            self._write(row)
            self._on_line = display_width(text)

    def _speak(self, *lines: str, style: str = "") -> None:
        with self._lock:
            self._redraw("")
            for line in lines:
                for row in wrap(line, self._columns()):
                    said = encodable(row, self._stream.encoding)
                    if self._color and said and style:
                        said = f"\x1b[{_SGR[style]}m{said}\x1b[0m"
                    self._write(f"{said}\n")

    def _columns(self) -> int:
        if self._width is not None:
            return max(self._width, _NARROWEST)
        return columns_of(self._stream)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._hush()

    def _hush(self) -> None:
        """Nobody listens any more.

        What is still buffered would fail again at exit, as exit code 120.
        """
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
