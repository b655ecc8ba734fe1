"""Strings from elsewhere, made fit for a terminal, a log and a ticket."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = frozenset("\t\r\n\u2028\u2029")
_LIMIT: Final = 300
_LONGEST: Final = 2000

_ASCII: Final = {
    "✓": "+",
    "✗": "x",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "->",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "•": "*",
    "·": "-",
    "×": "x",
    "≥": ">=",
    "≤": "<=",
    "\u00a0": " ",
}
_MARKER: Final = re.compile(r"(?:[-•*✓✗+!~?→]|\d{1,3}[.)]) ")


def clean(foreign: object, limit: int = _LIMIT) -> str:
    """One line without control, bidi or unassigned format characters, at most ``limit`` characters long.

    Everything that a server, a file or a user's paste brings goes through here before anybody reads it: a
    terminal obeys ESC and C1, and rich passes both through (measured with rich 15).
    """
    line = " ".join(strip_controls(str(foreign)[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def strip_controls(text: str) -> str:
    """``text`` on one line, with its spaces, and without anything that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text  # as nearly everything is
    return "".join(
        " " if character in _BREAKS else character for character in text if _is_shown(character)
    )


def join_words(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), *words[-1:]]) if len(words) > 1 else "".join(words)


def _is_shown(character: str) -> bool:
    if character in _BREAKS:
        return True
    return character not in _BIDI and unicodedata.category(character) not in (
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Cn",
    )


def encodable(text: str, encoding: str | None) -> str:
    """``text`` with our own glyphs in ASCII, and ``?`` for anything else, where ``encoding`` lacks them."""
    encoding = encoding or "utf-8"
    try:
        text.encode(encoding)
    except LookupError:
        encoding = "ascii"
    except UnicodeEncodeError:
        pass
    else:
        return text
    return "".join(
        character if _has(encoding, character) else _ASCII.get(character, "?") for character in text
    )


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def display_width(text: str) -> int:
    """How many columns a terminal needs for ``text``."""
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def wrap(line: str, width: int) -> Iterator[str]:
    """``line`` cleaned and cut between words; its leading spaces stay, and what follows a list marker hangs under it.

    A word longer than ``width`` is left whole: it is an address that somebody wants to copy.
    """
    margin = line[: len(line) - len(line.lstrip(" "))][: width // 2]
    text = clean(line, _LONGEST)
    marker = _MARKER.match(text)
    titled = text.startswith(("Note: ", "Warning: ", "Error: "))
    hanging = margin + " " * (marker.end() if marker else 2 if titled else 0)
    row, empty = margin, True
    for word in text.split(" "):
        if not empty and display_width(row) + 1 + display_width(word) > width:
            yield row
            row, empty = hanging, True
        row, empty = row + ("" if empty else " ") + word, False
    yield row.rstrip()
