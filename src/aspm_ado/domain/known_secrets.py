"""Every secret of the run, and texts without them: whole, in pieces, in any usual encoding.

All text of others is filtered where it comes in, and all text again where it leaves. Four doors
let a secret through, each on a way of its own: the Authorization header, the keyring, the
clipboard (a tool's or OSC 52), and the stdout of ``token``.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from typing import Final

from aspm_ado.domain.encodings import Form, form_of, forms_of, layers_of

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


class _Search:
    """Forms of secrets, and where a text has one or a piece of one. Linear in the text."""

    def __init__(self) -> None:
        self._blocks: set[str] = set()
        self._pieces: set[str] = set()
        self._heard: dict[str, list[str]] = {}
        """Twelve characters that count, or end these whole secrets."""
        self._short: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def add_pieces(self, form: Form) -> bool:
        """Look for the pieces of a form; whether it has one that counts."""
        text, has_one = form.text, False
        for start in range(len(text) - _PIECE + 1):
            piece = text[start : start + _PIECE]
            self._pieces.add(piece)
            if all(form.counts[start : start + _PIECE]) and len(set(piece)) >= _DISTINCT:
                has_one = True
                self._hear(piece).insert(0, piece)
        return has_one

    def add_whole(self, text: str, *, alone: bool = False) -> None:
        """Look for a form as a whole; ``alone`` where no letter or digit stands beside it."""
        if len(text) >= _PIECE:
            self._hear(text[-_PIECE:]).append(text)
            return
        self._short[text] = re.escape(text)
        if alone:
            self._short[text] = rf"(?<![^\W_]){re.escape(text)}(?![^\W_])"
        longest_first = sorted(self._short, key=len, reverse=True)
        self._pattern = re.compile("|".join(self._short[one] for one in longest_first))

    def _hear(self, piece: str) -> list[str]:
        self._blocks.update(piece[at : at + _BLOCK] for at in range(_STEP))
        return self._heard.setdefault(piece, [])

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets and pieces of them are; some may overlap."""
        if self._pattern is not None:
            for found in self._pattern.finditer(text):
                yield found.span()
        blocks, heard = self._blocks, self._heard
        end = 0
        for at in range(0, len(text) - _BLOCK + 1, _STEP):
            if text[at : at + _BLOCK] not in blocks or at + _BLOCK <= end:
                continue
            for start in range(max(at - _STEP + 1, 0), at + 1):
                if (wholes := heard.get(text[start : start + _PIECE])) is None:
                    continue
                if (begin := self._begin(text, start, wholes)) is not None:
                    end = self._end(text, start + _PIECE)
                    yield begin, end
                    break

    def _begin(self, text: str, start: int, wholes: list[str]) -> int | None:
        """Where the secret or piece begins that has the twelve characters at ``start``, if any."""
        for whole in wholes:
            begin = start + _PIECE - len(whole)
            if begin < 0 or not text.startswith(whole, begin):
                continue
            for _ in range(_LONGEST_UNCOUNTED):
                if begin == 0 or text[begin - 1 : begin - 1 + _PIECE] not in self._pieces:
                    break
                begin -= 1
            return begin
        return None

    def _end(self, text: str, end: int) -> int:
        """Where it ends: as far as it goes, also into what does not count alone."""
        while text[end : end + _PIECE] in self._pieces:
            end += _PIECE
        while text[end - _PIECE + 1 : end + 1] in self._pieces:
            end += 1
        return end


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

    def add(self, value: str) -> None:
        """Know one more. Costs nothing for one that is known, and little until text is filtered."""
        if value and value not in self._known:
            with self._lock:
                self._known.add(value)
                self._new.append(value)

    def hide(self, text: str) -> str:
        """``text`` without secrets; sentences, keys and values of ours in it stay as they are."""
        self._learn()
        return _without(text, self._everywhere)

    def hide_in_foreign(self, text: str) -> str:
        """What somebody else said, without secrets and passwords however short or plain."""
        self._learn()
        return _without(text, self._in_foreign)

    def _learn(self) -> None:
        if self._new:
            with self._lock:
                for value in self._new:
                    self._look_for(value)
                self._new = []

    def _look_for(self, value: str) -> None:
        if len(value) < _WHOLE:
            if text := form_of(value).text:
                self._in_foreign.add_whole(text, alone=True)
            return
        is_password = len(value) < _PASSWORD
        searches = [self._in_foreign]
        if not (is_password and _PLAIN.fullmatch(value)):
            searches.append(self._everywhere)
        for form in forms_of(value):
            if len(form.text) < _BLOCK:
                continue
            for search in searches:
                by_pieces = search is self._in_foreign or not is_password
                if not (by_pieces and search.add_pieces(form)):
                    search.add_whole(form.text)


def _without(text: str, search: _Search) -> str:
    hidden: bytearray | None = None
    for layer in layers_of(text):
        for start, end in search.find(layer.view):
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
