"""Every secret of the run, and texts without them: whole, in pieces, in any usual encoding.

All text of others is filtered where it comes in, and all text again where it leaves. Four doors
let a secret through, each on a way of its own: the Authorization header, the keyring, the
clipboard (a tool's or OSC 52), and the stdout of ``token``.
"""

from __future__ import annotations

import io
import re
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, compress, takewhile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aspm_ado.domain.encodings import Form


HIDDEN: Final = "[secret]"
"""What stands in the place of a secret."""

_PIECE: Final = 12
"""The shortest piece that counts: a shorter one can be guessed as well."""
_BLOCK: Final = 6
_STEP: Final = _PIECE - _BLOCK + 1
"""At one of its first seven characters every piece has a block that begins at such a step."""
_DISTINCT: Final = 4
"""Different characters of a piece that counts: fewer are padding."""
_WHOLE: Final = 8
"""The shortest secret that is looked for in all text; a shorter one in that of others only."""
_PASSWORD: Final = 24
"""Below this length a secret is one that a person chose, and its pieces may be words of ours."""
_WORD: Final = "(?:[A-Z]?[a-z]+|[A-Z]+)"
_PLAIN: Final = re.compile(rf"[-._/:]*{_WORD}(?:[-._/:]+{_WORD})*[-._/:]*")
"""What may stand in a sentence, a key or an option of ours."""
_LONGEST_UNCOUNTED: Final = 64
"""How far what does not count alone is taken along before a piece that does."""
_ONES: Final = re.compile(b"\1+")
_FEWEST_SLOTS: Final = 1 << 11
_FLAGS: Final = 16
"""Flags of blocks for each slot of a piece."""
_CUTS: Final = tuple(slice(at, at + _BLOCK) for at in range(0, 512 * _STEP, _STEP))
_WINDOW: Final = len(_CUTS) * _STEP


class _Search:
    """Forms of secrets, and where a text has one or a piece of one. Linear in the text.

    Small for each secret: of a piece it keeps four bytes that say where a form has it, and flags
    that say which blocks there are.
    """

    def __init__(self) -> None:
        self._forms: list[str] = []
        self._begins = array("I")
        """Where each form begins, had they all been written one after the other."""
        self._after = 1
        self._slots = array("I", [0]) * _FEWEST_SLOTS
        """Where pieces are in the forms: at a slot by their hash, or at the next one that was free;
        at least half of them are.
        """
        self._taken = 0
        self._blocks = bytearray(_FEWEST_SLOTS * _FLAGS)
        """A flag for each hash of a block that a piece or a whole has."""
        self._wholes: dict[str, list[str]] = {}
        """Forms that count as a whole only, by their last twelve characters."""
        self._short: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def add_pieces(self, form: Form) -> bool:
        """Look for the pieces of a form; whether it has one that counts."""
        text, uncounted, starts = form.text, -1, []
        for last, counts in enumerate(form.counts):
            start = last - _PIECE + 1
            if not counts:
                uncounted = last
            elif (
                start > uncounted
                and start % form.every == 0
                and len(set(text[start : last + 1])) >= _DISTINCT
            ):
                starts.append(start)
        if not starts:
            return False
        self._forms.append(text)
        self._begins.append(self._after)
        while (self._taken + len(starts)) * 2 > len(self._slots):
            self._grow()
        for start in starts:
            piece = text[start : start + _PIECE]
            slot, known = self._look_up(piece)
            if known is None:
                self._slots[slot] = self._after + start
                self._taken += 1
                self._flag(piece)
        self._after += len(text)
        return True

    def add_whole(self, text: str, *, alone: bool = False) -> None:
        """Look for a form as a whole; ``alone`` where no letter or digit stands beside it."""
        if len(text) >= _PIECE:
            self._wholes.setdefault(text[-_PIECE:], []).append(text)
            self._flag(text[-_PIECE:])
            return
        self._short[text] = re.escape(text)
        if alone:
            self._short[text] = rf"(?<![^\W_]){re.escape(text)}(?![^\W_])"
        longest_first = sorted(self._short, key=len, reverse=True)
        self._pattern = re.compile("|".join(self._short[one] for one in longest_first))

    def _flag(self, piece: str) -> None:
        last = len(self._blocks) - 1
        for at in range(_STEP):
            self._blocks[hash(piece[at : at + _BLOCK]) & last] = 1

    def _grow(self) -> None:
        """Twice as many slots."""
        places = filter(None, self._slots)
        self._slots = array("I", [0]) * (len(self._slots) * 2)
        self._blocks = bytearray(len(self._slots) * _FLAGS)
        last = len(self._slots) - 1
        for place in places:
            form, offset = self._at(place)
            piece = form[offset : offset + _PIECE]
            self._flag(piece)
            slot = hash(piece) & last
            while self._slots[slot]:
                slot = slot + 1 & last
            self._slots[slot] = place
        for piece in self._wholes:
            self._flag(piece)

    def _at(self, place: int) -> tuple[str, int]:
        """The form of a place, and where in it that is."""
        number = bisect_right(self._begins, place) - 1
        return self._forms[number], place - self._begins[number]

    def _look_up(self, piece: str) -> tuple[int, tuple[str, int] | None]:
        """The slot of twelve characters, and the form that has them and where, if any."""
        slots = self._slots
        last = len(slots) - 1
        slot = hash(piece) & last
        while place := slots[slot]:
            form, offset = self._at(place)
            if form.startswith(piece, offset):
                return slot, (form, offset)
            slot = slot + 1 & last
        return slot, None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets and pieces of them are; some may overlap."""
        if self._pattern is not None:
            for found in self._pattern.finditer(text):
                yield found.span()
        if not (self._forms or self._wholes):
            return
        end = 0
        for at in self._suspects(text):
            for start in range(max(at - _STEP + 1, end - _PIECE + 1, 0), at + 1):
                if start + _PIECE > end and (span := self._span(text, start)) is not None:
                    yield span
                    end = span[1]

    def _suspects(self, text: str) -> Iterator[int]:
        """Where the text has a block of a piece, and another one next to it."""
        blocks, last = self._blocks, len(self._blocks) - 1
        for begin in range(0, len(text) - _BLOCK + 1, _WINDOW):
            window = text[begin : begin + _WINDOW + _BLOCK]
            # All text comes here, so no Python code runs for each block.
            codes = map(hash, map(window.__getitem__, _CUTS))
            flags = map(blocks.__getitem__, map(last.__and__, codes))
            for at in compress(range(0, len(window) - _BLOCK + 1, _STEP), flags):
                beside = (window[at - 1 : at + _BLOCK - 1], window[at + 1 : at + _BLOCK + 1])
                if any(blocks[hash(block) & last] for block in beside):
                    yield begin + at

    def _span(self, text: str, start: int) -> tuple[int, int] | None:
        """Where the secret or piece is that has the twelve characters at ``start``, if any.

        As far as it goes on both sides, also into what does not count alone.
        """
        piece, end = text[start : start + _PIECE], start + _PIECE
        if end > len(text):  # fewer characters than a piece has, so that it can be guessed
            return None
        for whole in self._wholes.get(piece, ()):
            if end >= len(whole) and text.startswith(whole, end - len(whole)):
                return end - len(whole), end
        known = self._look_up(piece)[1]
        if known is None:
            return None
        form, offset = known
        before = _alike(text[max(start - _LONGEST_UNCOUNTED, 0) : start][::-1], form[:offset][::-1])
        after = form[offset + _PIECE :]
        return start - before, end + _alike(text[end : end + len(after)], after)


def _alike(one: str, other: str) -> int:
    """How many characters are the same, from the first on."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class KnownSecrets:
    """What is secret in this run, whoever sent or read it; safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Know none."""
        with self._lock:
            self._known: set[str] = set()
            self._new: list[str] = []
            self._everywhere, self._in_foreign = _Search(), _Search()
            """The second is for what is looked for in the text of others only."""

    def add(self, value: str) -> None:
        """Know one more. Costs nothing for one that is known, and little until text is filtered."""
        if value and value not in self._known:
            with self._lock:
                self._known.add(value)
                self._new.append(value)

    @property
    def count(self) -> int:
        """How many are known."""
        return len(self._known)

    def hide(self, text: str) -> str:
        """``text`` without secrets; sentences, keys and values of ours in it stay as they are."""
        if not self._known:
            return text
        self._learn()
        return _without(text, (self._everywhere,))

    def hide_in_foreign(self, text: str) -> str:
        """What somebody else said, without secrets and passwords however short or plain."""
        if not self._known:
            return text
        self._learn()
        return _without(text, (self._everywhere, self._in_foreign))

    def _learn(self) -> None:
        if self._new:
            with self._lock:
                for value in self._new:
                    self._look_for(value)
                self._new = []

    def _look_for(self, value: str) -> None:
        from aspm_ado.domain.encodings import form_of, forms_of

        if len(value) < _WHOLE:
            if text := form_of(value).text:
                self._in_foreign.add_whole(text, alone=True)
            return
        is_password = len(value) < _PASSWORD
        by_pieces = self._in_foreign if is_password else self._everywhere
        for form in forms_of(value):
            if len(form.text) < _BLOCK:
                continue
            if not by_pieces.add_pieces(form):
                by_pieces.add_whole(form.text)
            if is_password and not _PLAIN.fullmatch(value):
                self._everywhere.add_whole(form.text)


def _without(text: str, searches: Iterable[_Search]) -> str:
    from aspm_ado.domain.encodings import layers_of

    hidden: bytearray | None = None
    for layer in layers_of(text):
        for start, end in chain.from_iterable(search.find(layer.view) for search in searches):
            if hidden is None:
                hidden = bytearray(len(text))
            first, last = start, end
            if not layer.is_text:
                first, last = layer.origin(start)[0], layer.origin(end - 1)[1]
            hidden[first:last] = b"\1" * (last - first)
    if hidden is None:
        return text
    kept, end = io.StringIO(), 0
    for found in _ONES.finditer(hidden):
        kept.write(text[end : found.start()])
        kept.write(HIDDEN)
        end = found.end()
    kept.write(text[end:])
    return kept.getvalue()


KNOWN_SECRETS: Final = KnownSecrets()
"""The one of this process: a secret is known from when it is made."""
