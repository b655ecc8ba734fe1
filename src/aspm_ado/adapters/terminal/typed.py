"""Questions in whole typed lines, for a terminal that can do nothing else (``TERM=dumb``, an editor's shell)."""

from __future__ import annotations

import getpass
import sys
import warnings
from collections.abc import Sequence
from typing import Final, TextIO

from aspm_ado.adapters.terminal.drawn import restored
from aspm_ado.adapters.terminal.voice import columns_of
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import wrap

_MOST_SHOWN: Final = 20


class TypedConsole:
    """Writes on ``stream`` and reads lines from stdin; sends nothing but text and newlines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, message: str) -> str:
        """What was typed."""
        return self._ask(message)

    def hidden(self, message: str) -> str:
        """What was typed with the echo off; refused where it cannot be put off."""
        with warnings.catch_warnings(), restored() as signals:
            warnings.simplefilter("error", getpass.GetPassWarning)
            signals.leave = _interrupt  # nothing else ends the reading of a line
            try:
                return getpass.getpass(self._laid(message) + " ", stream=self._stream)
            except getpass.GetPassWarning:
                raise UsageError(
                    Reason.INPUT_MISSING,
                    "This terminal cannot hide what is typed, so no secret is asked for here.",
                    remedy="Give the secret by a file, a variable or standard input.",
                ) from None

    def pick(self, message: str, rows: Sequence[tuple[str, str]], default: str) -> str:
        """One row, by its number or by a part of its label that no other has."""
        shown = self._list(message, rows)
        while True:
            offer = next(
                (f" [{label}]" for value, label in rows if default and value == default), ""
            )
            typed = self._ask(f"Number, or part of the name{offer}:").strip()
            if not typed and offer:
                return default
            found = _matching(typed, shown) or _matching(typed, rows)
            if len(found) == 1:
                return found[0][0]
            if found:
                shown = self._list("Several have that:", found)
            else:
                self._write("  That is none of them.\n")

    def pick_many(self, message: str, rows: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Any rows, by numbers or names with commas between, or all of them."""
        self._list(message, rows)
        while True:
            typed = self._ask("Numbers or names, with commas; all; or Enter for none:").strip()
            if typed.lower() == "all":
                return tuple(value for value, _label in rows)
            found = [_matching(part.strip(), rows) for part in typed.split(",") if part.strip()]
            if all(len(each) == 1 for each in found):
                taken = {each[0][0] for each in found}
                return tuple(value for value, _label in rows if value in taken)
            self._write("  Not every one of these names exactly one of them.\n")

    def yes_no(self, message: str, default: bool) -> bool:
        """Yes or no."""
        while True:
            typed = self._ask(f"{message} {'(Y/n)' if default else '(y/N)'}").strip().lower()
            if typed in ("", "y", "yes", "n", "no"):
                return default if not typed else typed.startswith("y")
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
