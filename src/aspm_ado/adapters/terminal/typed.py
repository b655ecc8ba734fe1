"""Questions in whole typed lines, for a terminal that can do nothing else (``TERM=dumb``)."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, TextIO

from aspm_ado.adapters.signals import Held, holding
from aspm_ado.adapters.terminal.voice import columns_of
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import wrap

YES_OR_NO: Final = {True: "(Y/n)", False: "(y/N)"}
"""The keys of a question, by its default."""
_MOST_SHOWN: Final = 20


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
        except termios.error:
            yield held
            return
        try:
            yield held
        finally:
            # Now, not once all is written: that wait may never end, and a signal would end it with
            # nothing put back.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)


class TypedConsole:
    """Writes on ``stream`` and reads lines from stdin; sends nothing but text and newlines."""

    def __init__(self, stream: TextIO, *, in_emacs: bool = False) -> None:
        self._stream, self._in_emacs = stream, in_emacs

    def line(self, message: str) -> str:
        """What was typed."""
        return self._ask(message)

    def hidden(self, message: str) -> str:
        """What was typed with the echo off; refused where it cannot be put off."""
        with warnings.catch_warnings(), restored() as signals:
            warnings.simplefilter("error", getpass.GetPassWarning)
            signals.leave = _interrupt  # nothing else ends the reading of a line
            prompt = self._prompt(message)
            signals.resume = partial(self._hide_again, prompt)
            try:
                return getpass.getpass(prompt, stream=self._stream)
            except getpass.GetPassWarning:
                raise UsageError(
                    Reason.INPUT_MISSING,
                    "This terminal cannot hide what you type, so aspm-ado does not prompt for a "
                    "secret.",
                    remedy="Pass the secret in a file, a variable, or standard input.",
                ) from None

    def _prompt(self, message: str) -> str:
        """Emacs hides what is typed behind a line that begins with the word “Password”."""
        if not self._in_emacs:
            return self._laid(message) + " "
        self._tell(message)
        return "Password or token: "

    def _hide_again(self, prompt: str) -> None:
        """Put the echo off and ask again: the shell, which has the terminal after a stop, put it
        on. What was typed meanwhile is dropped.
        """
        if sys.platform == "win32":
            return
        import termios

        terminal = sys.stdin.fileno()
        with contextlib.suppress(OSError, termios.error):  # it is gone, which says SIGCONT, too
            attributes = termios.tcgetattr(terminal)
            attributes[3] &= ~termios.ECHO
            termios.tcsetattr(terminal, termios.TCSAFLUSH, attributes)
            # Past the stream, which may be in the middle of a write and refuses a second one.
            os.write(self._stream.fileno(), prompt.encode(self._stream.encoding, "replace"))

    def pick(self, message: str, rows: Sequence[tuple[str, str]], default: str) -> str:
        """One row, by its number or by a part of its label that no other has."""
        shown = self._list(message, rows)
        while True:
            labels = (label.partition("  (")[0] for value, label in rows if value == default)
            offer = next((f" [{label}]" for label in labels if default), "")
            typed = self._ask(f"Number, or part of the name{offer}:").strip()
            if not typed and offer:
                return default
            found = _matching(typed, shown) or _matching(typed, rows)
            if len(found) == 1:
                return found[0][0]
            if found:
                shown = self._list("Several choices have that:", found)
            else:
                self._write("  No choice has that name.\n")

    def pick_many(
        self, message: str, rows: Sequence[tuple[str, str]], *, marked: bool = False
    ) -> tuple[str, ...]:
        """Any rows, by numbers or names with commas between, or all of them, or none."""
        self._list(message, rows)
        enter, other = ("all", "none") if marked else ("none", "all")
        while True:
            prompt = f"Numbers or names, with commas; {other}; or Enter for {enter}:"
            typed = self._ask(prompt).strip() or enter
            if typed.lower() == "all":
                return tuple(value for value, _label in rows)
            if typed.lower() == "none":
                return ()
            parts = filter(None, map(str.strip, typed.split(",")))
            found = [_matching(part, rows) for part in parts]
            if all(len(each) == 1 for each in found):
                taken = [each[0] for each in found]
                return tuple(row[0] for row in rows if row in taken)
            self._write("  Each name must match exactly one choice.\n")

    def yes_no(self, message: str, default: bool) -> bool:
        """Yes or no."""
        while True:
            typed = self._ask(f"{message} {YES_OR_NO[default]}").strip().lower()
            if not typed:
                return default
            if typed in ("y", "yes", "n", "no"):
                return typed.startswith("y")
            self._write("  Answer y or n.\n")

    def _list(self, message: str, rows: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        self._tell(message)
        for number, (_value, label) in enumerate(rows[:_MOST_SHOWN], start=1):
            self._tell(f"  {number}) {label}")
        if len(rows) > _MOST_SHOWN:
            self._write(f"  and {len(rows) - _MOST_SHOWN} more\n")
        return rows

    def _ask(self, prompt: str) -> str:
        self._write(self._laid(prompt) + " ")
        typed = sys.stdin.readline()
        if not typed:
            self._write("\n")
            raise EOFError
        return typed.removesuffix("\n")

    def _laid(self, text: str) -> str:
        """``text`` in rows that end between words."""
        return "\n".join(wrap(text, columns_of(self._stream)))

    def _tell(self, line: str) -> None:
        self._write(self._laid(line) + "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _interrupt() -> None:
    raise KeyboardInterrupt


def _matching(typed: str, rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The row of that number, else the one of exactly that name, else all whose label has it."""
    if typed.isdecimal() and 1 <= int(typed) <= len(rows):
        return [rows[int(typed) - 1]]
    wanted = typed.casefold()
    exact = [row for row in rows if wanted in (row[0].casefold(), row[1].casefold())]
    return exact[:1] or [row for row in rows if wanted and wanted in row[1].casefold()]
