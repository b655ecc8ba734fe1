"""An answer taken off the wire: read to its end or to the cap, decompressed, and told as a ``Reply``."""

from __future__ import annotations

import codecs
import json
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.http import BodyWithSecret
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse

    from aspm_ado.domain.http import Call, Reply

CAP: Final = 5 * 1024 * 1024
"""Bytes of a body after decompression; 10,000 projects are about 4 MB."""

HEAD: Final = 4096
"""Bytes of a body that a reply keeps."""

ENCODINGS: Final = "gzip, deflate"
_CHUNK: Final = 64 * 1024


class UnusableBodyError(Exception):
    """A body that is not read to its end; the text is ours and can be shown."""


def read_body(raw: HTTPResponse) -> bytes:
    """The whole body. Raises ``UnusableBodyError``, or what urllib3 raises when it is cut short or damaged.

    200 KB of gzip can become 200 MB; so what comes out is counted, in pieces, and only one layer of the two
    encodings that we ask for is undone (urllib3 would take brotli and zstd where their modules are installed).
    """
    encoding = str(raw.headers.get("Content-Encoding", "")).strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise UnusableBodyError(f"is in an encoding that was not asked for ({clean(encoding, 40)})")
    body = bytearray()
    for chunk in raw.stream(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > CAP:
            raise UnusableBodyError("is larger than anything Azure DevOps sends (5 MB)")
    return bytes(body)


def text_of(body: bytes) -> str:
    """The body as text; Azure DevOps puts a BOM before some answers (recorded: 503 TF24668)."""
    return body.decode("utf-8-sig", "replace")


def head_of(body: bytes) -> str:
    """The first 4 KiB as text, not cut within a character."""
    return codecs.getincrementaldecoder("utf-8-sig")("replace").decode(
        body[:HEAD], final=len(body) <= HEAD
    )


@lru_cache(maxsize=8)  # many answers are of the same second
def received_at(date: str) -> datetime | None:
    """The ``Date`` of an answer, or ``None`` when it has none that can be read."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
    known += [call.body.secret] if isinstance(call.body, BodyWithSecret) else []
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
