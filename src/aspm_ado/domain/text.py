"""Text from elsewhere, made safe for a terminal, a log and a ticket; widths and line breaks."""

from __future__ import annotations

import re
import shlex
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from aspm_ado.domain.known_secrets import KNOWN_SECRETS

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = frozenset("\t\r\n\u2028\u2029")
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
FEW: Final = 3
"""More organizations than these are counted instead of named."""

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
_OBEYED: Final = re.compile(
    r"##(?=\w*\[)"  # Azure Pipelines, TeamCity and the first form of GitHub: anywhere in a line
    r"|(?<!\S)::(?=[A-Za-z][\w-]*(?:[\s,]|::))"  # GitHub, where a row of ours may begin
    r"|section_(?:start|end):(?=\d)",  # GitLab
    re.IGNORECASE,
)
"""What a pipeline's log interprets as a command."""
_MARKER: Final = re.compile(r"(?:[-•*✓✗+!~?→]|\d{1,3}[.)]) ")


def clean(foreign: object, limit: int = _LIMIT) -> str:
    """One line of at most ``limit`` characters, without control, bidi and format characters.

    All text of a server, a file or a paste goes through here before it is shown: a terminal obeys
    ESC and C1, and rich passes both through (measured with rich 15).
    """
    line = " ".join(strip_controls(str(foreign)[: limit * 4]).split())
    if len(line) > limit:
        return line[: limit - 1] + "…"
    return line


def clean_said(foreign: object, limit: int = _LIMIT) -> str:
    """As ``clean``, for text from others: also without short or plain passwords."""
    return clean(KNOWN_SECRETS.hide_in_foreign(str(foreign)[: limit * 4]), limit)


def system_words(error: OSError | ValueError) -> str:
    """The system's message for ``error``, else its type."""
    return clean(getattr(error, "strerror", "") or type(error).__name__)


def shown_address(foreign: str) -> str:
    """A URL from the user, without a possible user name and password."""
    return clean(foreign.rpartition("@")[2], 80)


def strip_controls(text: str) -> str:
    """``text`` on one line, without secrets and what a terminal or a log obeys; its spaces stay."""
    text = KNOWN_SECRETS.hide(text)
    if not (text.isascii() and text.isprintable()):  # as nearly everything is
        text = "".join(
            " " if character in _BREAKS else character for character in text if _is_shown(character)
        )
    return _OBEYED.sub(_apart, text)


_PLAIN: Final = re.compile(r"[\w+=:.~/\\-]+", re.ASCII)
"""What cmd and PowerShell take as it stands."""


def typed_word(word: object, platform: str = sys.platform) -> str:
    """A word of a command that a person types, quoted for the shells of the platform.

    Never cut, and with all its spaces: it would name something else. On Windows in double quotes:
    cmd knows no others, and PowerShell takes them, too.
    """
    text = strip_controls(str(word))
    if platform != "win32":
        return shlex.quote(text)
    if _PLAIN.fullmatch(text):
        return text
    slashes = len(text) - len(text.rstrip("\\"))
    return '"' + text.replace('"', '\\"') + "\\" * slashes + '"'


def _apart(found: re.Match[str]) -> str:
    """What a log would obey, with a space in it."""
    return f"{found[0][:-1]} {found[0][-1]}"


def join_words(words: Sequence[str], last: str = "and") -> str:
    """``a and b``, or ``a, b, and c``."""
    if len(words) < 3:
        return f" {last} ".join(words)
    return f"{', '.join(words[:-1])}, {last} {words[-1]}"


def some_of(names: Iterable[str], room: int = 200) -> str:
    """Each name once, as many as there is room for; the others are counted."""
    text, *others = dict.fromkeys(clean(name, 160) for name in names) or [""]
    left = len(others)
    for name in others:
        if len(text) + len(name) > room:
            break
        text, left = f"{text}, {name}", left - 1
    if left:
        text += f" and {left} more"
    return text


def _is_shown(character: str) -> bool:
    if character in _BREAKS:
        return True
    return character not in _BIDI and unicodedata.category(character) not in _UNSAFE


def encodable(text: str, encoding: str | None) -> str:
    """``text`` with ASCII for our own glyphs, and ``?`` for others, that ``encoding`` lacks."""
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
    shown = [character for character in text if not unicodedata.combining(character)]
    return len(shown) + sum(unicodedata.east_asian_width(character) in "WF" for character in shown)


def wrap(line: str, width: int) -> Iterator[str]:
    """``line`` cleaned and cut between words.

    Its leading spaces stay, and the text after a list marker is indented. A word longer than
    ``width`` stays whole, since it may be a URL to copy.
    """
    indent = min(len(line) - len(line.lstrip(" ")), width // 2)
    text = clean(line, _LONGEST)
    first, *words = text.split(" ")
    row = " " * indent + first
    if marker := _MARKER.match(text):
        indent += marker.end()
    elif text.startswith(("Note: ", "Warning: ", "Error: ")):
        indent += 2
    for word in words:
        if display_width(row) + 1 + display_width(word) > width:
            yield row
            row = " " * indent + word
        else:
            row = f"{row} {word}"
    yield row.rstrip()
