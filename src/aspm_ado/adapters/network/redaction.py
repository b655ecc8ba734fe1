"""Strikes out of an answer what it repeats of our own secrets: gateways and error pages like to show what came in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.exchange import Sealed

if TYPE_CHECKING:
    from aspm_ado.domain.exchange import Call, Reply

STRUCK: Final = "[secret]"
PIECE: Final = 12
"""The shortest piece of a secret that is struck out; a shorter one can be guessed as well."""

_BLOCK: Final = PIECE // 2
"""Every piece holds one of the blocks that the secret is cut into, so that looking for those is enough at first."""


def forms_of(call: Call) -> tuple[str, ...]:
    """The secrets that may come back on ``call``, as they may be written: bare, in a header, in a URL, in JSON.

    The longest come first: a header is struck out whole, and not the token in it alone.
    """
    known = [call.credential.secret] if call.credential else []
    known += [call.body.secret] if isinstance(call.body, Sealed) else []
    values = [secret.reveal() for secret in (*known, *call.hides)]
    forms = {
        form for value in values for form in (value, quote(value, safe=""), json.dumps(value)[1:-1])
    }
    if call.credential:
        forms.add(call.credential.value.rpartition(" ")[2])
    return tuple(sorted(forms, key=len, reverse=True))


def struck(reply: Reply, body: str, forms: tuple[str, ...]) -> tuple[Reply, str]:
    """A reply and the whole text of its body, with what others wrote in them struck; the same where that is nothing."""
    if not _touches(
        "\n".join([reply.problem, body or reply.text, *(value for _, value in reply.headers)]),
        forms,
    ):
        return reply, body
    headers = tuple((name, strike(value, forms)) for name, value in reply.headers)
    text, problem = strike(reply.text, forms), strike(reply.problem, forms)
    return replace(reply, headers=headers, text=text, problem=problem), strike(body, forms)


def strike(text: str, forms: tuple[str, ...]) -> str:
    """``text`` without any of the forms, and without any piece of them."""
    touching = [form for form in forms if _touches(text, (form,))]
    for form in touching:  # whole first: the forms have pieces in common
        text = text.replace(form, STRUCK)
    for form in touching:
        text = _pieces_struck(text, form)
    return text


def _touches(text: str, forms: tuple[str, ...]) -> bool:
    """Whether there may be a piece of a form in the text: a quick no."""
    return any(
        form[at : at + _BLOCK] in text
        for form in forms
        for at in range(0, len(form) - _BLOCK + 1, _BLOCK)
    )


def _pieces_struck(text: str, form: str) -> str:
    found: set[int] = set()
    for start in range(len(form) - PIECE + 1):
        at = text.find(piece := form[start : start + PIECE])
        while at >= 0:
            found.add(at)
            at = text.find(piece, at + 1)
    kept, end = [], 0
    for at in sorted(found):
        if at >= end:
            kept += [text[end:at], STRUCK]
        end = at + PIECE
    return "".join(kept) + text[end:]
