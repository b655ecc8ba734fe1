"""How a secret may be written by others, and how a text reads once that is undone."""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

_LAYERS: Final = 3
"""Escapes within escapes that are undone; those of one kind count as one."""
_CODE: Final = "[0-9A-Fa-f]"
_ASCII: Final = f"[0-7]{_CODE}"
_ESCAPE: Final = re.compile(
    rf"[\\%&=](?:(?P<run>(?<=%){_ASCII}(?:%{_ASCII})+|(?<=\\)u00{_ASCII}(?:\\u00{_ASCII})+"
    rf"|(?<=\\)x{_ASCII}(?:\\x{_ASCII})+|(?<=&)#x{_ASCII};(?:&#x{_ASCII};)+)"
    rf"|(?<=\\)(?<!\\\\)\\*(?:u\{{0*(?P<brace>{_CODE}{{1,6}})\}}|u(?P<unit>{_CODE}{{4}})"
    rf"|x(?P<byte>{_CODE}{{2}})|(?P<octal>[0-3][0-7]{{2}}))"
    rf"|(?<=%)(?:25)*(?:u(?P<wide>{_CODE}{{4}})|(?P<percent>{_CODE}{{2}}))"
    rf"|(?<=&)(?:amp;)*#(?:[xX]0*(?P<hexadecimal>{_CODE}{{1,6}})|0*(?P<decimal>[0-9]{{1,7}}));?"
    r'|(?<=\\)(?P<sign>["\\/])'
    r"|(?<=&)(?:amp;)*(?P<name>[A-Za-z][A-Za-z0-9]{1,24});"
    rf"|(?<==)(?:(?P<quoted>{_ASCII})|(?P<soft>[ \t]{{0,9}}\r?\n)))"
)
"""One escape, or a run of the usual ones of ASCII."""
_RUN_MARKS: Final = ("%", r"\u00", r"\x", "&#x", ";")
_MARKS: Final = re.compile(r"[\\%&=]")
_HEX_APART: Final = re.compile(
    rf"{_CODE}{{2}}(?:[ :,-]{{1,2}}(?:0x)?{_CODE}{{2}}){{7}}"
    rf"|(?:{_CODE}{{4}} ){{3}}{_CODE}{{4}}|{_CODE}{{8}} {_CODE}{{8}}"
)
"""Enough groups of bytes for a piece of a secret."""
_BETWEEN: Final = re.compile(
    rf"(?P<soft>\s(?<={_CODE}{{2}}\s)(?:(?<= ) [^\r\n]{{0,34}}\r?\n|(?<=\r)\n|(?<=\n))"
    rf"[ \t]{{0,2}}(?:0x)?{_CODE}{{4,16}}:?[ \t]{{1,3}}(?={_CODE}{{2}})"
    rf"|[ :,-](?<={_CODE}{{2}}.)[ :,-]?(?:0x)?(?=(?:{_CODE}{{2}}){{1,8}}(?![0-9A-Za-z])))"
)
"""What stands between groups of bytes in hex, also at the end of a row of `xxd` or `od`: its
characters, and where the next row begins.
"""
_CONSTANT: Final = re.compile(r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}")
_RANDOM: Final = 52
"""The first characters of a token of 84 are random; the rest is much the same in all tokens."""
_MARKER: Final = re.compile(
    "simulatednotatoken|simulated-aspm-token-|simulated-sign-in-of-entra-", re.IGNORECASE
)
"""What the secrets of a simulation begin with."""
_WORDS: Final = re.compile(
    r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[-._/:](?:[A-Z]?[a-z]+|[A-Z]+))*"  # as keys and sentences have them
)
_LONG: Final = 12
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp"})
_BLANK: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_WIDE: Final = range(0xFF01, 0xFF5F)
_MOST_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class Form:
    """A secret as a text may hold it, and which of its characters are not those of others, too."""

    text: str
    counts: tuple[bool, ...]
    every: int = 1
    """Only each so many-th piece is kept, where twelve characters of the secret are more in this
    form: they always hold one of those.
    """


class _Letters(dict[int, str | None]):
    """One case, one alphabet of base64, no invisible characters."""

    def __missing__(self, code: int) -> str | None:
        character: str | None = chr(code)
        if code in _WIDE:
            character = chr(code - _WIDE.start + ord("!"))
        if unicodedata.category(chr(code)) in _INVISIBLE or character in _BLANK:
            character = None
        if character is not None:
            lower = {"-": "+", "_": "/"}.get(character, character.lower())
            character = lower[:1]
        if len(self) < _MOST_KEPT:
            self[code] = character
        return character


_LETTERS: Final = _Letters()


def _undo(text: str) -> str:
    return _ESCAPE.sub(_undone, text)


def _undone(found: re.Match[str]) -> str:
    """One character for each escape; what only looks like one stays."""
    kind, escape = found.lastgroup or "", found[0]
    if kind == "run":
        for mark in _RUN_MARKS:
            escape = escape.replace(mark, "")
        return bytes.fromhex(escape).decode("ascii")
    if (character := _UNDONE.get(escape)) is None:
        character = _character(kind, found[kind]) or escape
        if len(_UNDONE) < _MOST_KEPT:
            _UNDONE[escape] = character
    return character


_BASES: Final = {"decimal": 10, "octal": 8}


def _character(kind: str, code: str) -> str:
    """What an escape stands for; NUL for a part of a character, and for what is none."""
    if kind == "sign":
        return code
    if kind == "soft":
        return "\0"
    if kind == "name":
        named = html.unescape(f"&{code};")
        return named if len(named) == 1 else ""
    number = int(code, _BASES.get(kind, 16))
    if number > 0x10FFFF or (kind == "percent" and number > 0x7F):
        return "\0"
    return chr(number)


_UNDONE: Final[dict[str, str]] = {}


class Layer:
    """A text with some escapes undone, as it is searched, and where in the text that came from."""

    def __init__(self, text: str, below: Layer | None, escape: re.Pattern[str] = _ESCAPE) -> None:
        self.text, self._below, self._escape = text, below, escape
        self.view = text.translate(_LETTERS)
        self.is_text = below is None and len(self.view) == len(text)
        """Whether every character of the view is where it is in the text."""

    def origin(self, index: int) -> tuple[int, int]:
        """Where the character of the view begins and ends in the text at the bottom."""
        if self._kept is not None:
            index = self._kept[index]
        return self.place(index)

    def place(self, index: int) -> tuple[int, int]:
        """Where a character of the text begins and ends at the bottom."""
        if self._below is None:
            return index, index + 1
        places, starts, widths, counts = self._escapes
        at = bisect_right(places, index) - 1
        start, width = index, 1
        if at >= 0:
            beyond = index - places[at]
            start, width = starts[at] + min(beyond, counts[at]) * widths[at], widths[at]
            if beyond >= counts[at]:
                start, width = start + beyond - counts[at], 1
        return self._below.place(start)[0], self._below.place(start + width - 1)[1]

    @cached_property
    def _kept(self) -> array[int] | None:
        """Where the characters of the view are in the text; ``None`` where all are."""
        if len(self.view) == len(self.text):
            return None
        get = _LETTERS.__getitem__
        return array("I", (at for at, one in enumerate(self.text) if get(ord(one)) is not None))

    @cached_property
    def _escapes(self) -> tuple[array[int], array[int], array[int], array[int]]:
        """Where each undone escape is here and begins below, its width there, and how many follow
        of that width.
        """
        places, starts, widths, counts = (array("I") for _ in range(4))
        shorter = 0
        for found in self._escape.finditer(self._below.text if self._below else ""):
            start, end = found.span()
            count = len(_undone(found))
            places.append(start - shorter)
            starts.append(start)
            widths.append((end - start) // count)
            counts.append(count)
            shorter += end - start - count
        return places, starts, widths, counts


def layers_of(text: str) -> Iterator[Layer]:
    """The text, then with groups of hex joined, then with escapes decoded, as often as needed."""
    layer = Layer(text, None)
    yield layer
    if _HEX_APART.search(text):
        yield Layer(_BETWEEN.sub("\0", text), layer, _BETWEEN)
    for _ in range(_LAYERS):
        if not _MARKS.search(layer.text):
            return
        undone = _undo(layer.text)
        if undone == layer.text:
            return
        layer = Layer(undone, layer)
        yield layer


def is_simulated(secret: str) -> bool:
    """Whether a secret begins as those of a simulation do."""
    return _MARKER.match(secret) is not None


def form_of(secret: str) -> Form:
    """The secret itself.

    The constant part of a token, the marker of a simulated one and long words do not count: texts
    of ours have them, too.
    """
    counts = [True] * len(secret)
    if _CONSTANT.fullmatch(secret):
        counts[_RANDOM:] = [False] * (len(secret) - _RANDOM)
    if marker := _MARKER.match(secret):
        counts[: marker.end()] = [False] * marker.end()
    for words in _WORDS.finditer(secret):
        if (length := words.end() - words.start()) >= _LONG:
            counts[words.start() : words.end()] = [False] * length
    seen = [_LETTERS[ord(one)] for one in secret]
    kept = [(one, count) for one, count in zip(seen, counts, strict=True) if one is not None]
    return Form("".join(one for one, _ in kept), tuple(count for _, count in kept))


def forms_of(secret: str) -> Iterator[Form]:
    """The secret as it is, with its own escapes undone, in hex and in base64 at each shift."""
    plain = form_of(secret)
    yield plain
    if (undone := _undo(secret)) != secret:
        yield form_of(undone)
    raw = secret.encode("utf-8", "replace")
    counts = plain.counts
    if len(counts) != len(raw):
        counts = (True,) * len(raw)
    yield from _hex(raw, counts)
    yield from _base64(raw, counts, 5)
    # As PowerShell encodes a command: UTF-16, of which each order is the other one shifted.
    wide = b"\0".join(bytes([one]) for one in raw)
    yield from _base64(wide, tuple(count for count in counts for _ in range(2))[:-1], 21)


def _hex(raw: bytes, counts: tuple[bool, ...]) -> Iterator[Form]:
    """Byte by byte; and in words of two bytes, of which the second comes first (`od -x`)."""
    yield Form(raw.hex(), tuple(count for count in counts for _ in range(2)), 13)
    for shift in range(2):
        order = [at ^ 1 for at in range(len(raw) - shift & ~1)]
        yield Form(
            bytes(raw[shift + at] for at in order).hex(),
            tuple(counts[shift + at] for at in order for _ in range(2)),
            9,
        )


def _base64(raw: bytes, counts: tuple[bool, ...], every: int) -> Iterator[Form]:
    """What no bytes before or after change, for each of the three places in a group of bytes."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw + b"\0\0").decode("ascii")
        first, last = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
        sure = tuple(
            counts[at * 6 // 8 - shift] and counts[(at * 6 + 5) // 8 - shift]
            for at in range(first, last)
        )
        yield Form(encoded[first:last].translate(_LETTERS), sure, every)
