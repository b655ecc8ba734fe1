"""The body of an answer: read to its end or to a cap, decompressed, our secrets taken out."""

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


def read_body(raw: HTTPResponse, *, head_only: bool = False) -> bytes:
    """The whole body, or its head.

    Raises ``UnusableBodyError``, or what urllib3 raises when it is cut short or damaged.

    200 KB of gzip can become 200 MB; so what comes out is counted, in pieces, and only one layer of
    the two encodings that we ask for is undone (urllib3 would take brotli and zstd where their
    modules are installed).
    """
    encoding = str(raw.headers.get("Content-Encoding", "")).strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise UnusableBodyError(f"is in an encoding that was not asked for ({clean(encoding, 40)})")
    body = bytearray()
    size = _CHUNK
    if head_only:
        size = HEAD
    for chunk in raw.stream(size, decode_content=True):
        body += chunk
        if head_only and len(body) >= HEAD:
            break
        if len(body) > CAP:
            raise UnusableBodyError("is larger than anything Azure DevOps sends (5 MB)")
    return bytes(body)


def text_of(body: bytes) -> str:
    """The body as text; Azure DevOps puts a BOM before some answers (recorded: 503 TF24668)."""
    return body.decode("utf-8-sig", "replace")


def head_of(body: bytes) -> str:
    """The first 4 KiB as text, not cut within a character."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    return decoder.decode(body[:HEAD], final=len(body) <= HEAD)


# Many answers are of the same second.
@lru_cache(maxsize=8)
def received_at(date: str) -> datetime | None:
    """The ``Date`` of an answer, or ``None`` when it has none that can be read."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


REDACTED: Final = "[secret]"
"""What stands in the place of a secret that an answer repeats."""

_PIECE: Final = 12
"""The shortest piece of a secret that is taken out; a shorter one can be guessed as well."""

_BLOCK: Final = _PIECE // 2
"""Every piece holds a block that the secret is cut into: looking for those is enough at first."""


def secret_forms(call: Call) -> tuple[str, ...]:
    """The secrets that may come back on ``call``: bare, in a header, in a URL, in JSON.

    The longest come first: a header is taken out whole, and not the token in it alone.
    """
    forms = set()
    secrets = list(call.hides)
    if call.credential:
        secrets.append(call.credential.secret)
        forms.add(call.credential.value.rpartition(" ")[2])
    if isinstance(call.body, BodyWithSecret):
        secrets.append(call.body.secret)
    for secret in secrets:
        value = secret.reveal()
        forms.update((value, quote(value, safe=""), json.dumps(value)[1:-1]))
    return tuple(sorted(forms, key=len, reverse=True))


def redact_reply(reply: Reply, body: str, forms: tuple[str, ...]) -> tuple[Reply, str]:
    """A reply and the whole text of its body without the secrets; the same where there are none."""
    values = (value for _, value in reply.headers)
    if not _may_hold("\n".join([reply.problem, body or reply.text, *values]), forms):
        return reply, body
    redacted = replace(
        reply,
        headers=tuple((name, redact(value, forms)) for name, value in reply.headers),
        text=redact(reply.text, forms),
        problem=redact(reply.problem, forms),
    )
    return redacted, redact(body, forms)


def redact(text: str, forms: tuple[str, ...]) -> str:
    """``text`` without any of the forms, and without any piece of them."""
    held = [form for form in forms if _may_hold(text, (form,))]
    for form in held:  # whole first: the forms have pieces in common
        text = text.replace(form, REDACTED)
    for form in held:
        text = _without_pieces(text, form)
    return text


def _may_hold(text: str, forms: tuple[str, ...]) -> bool:
    """Whether there may be a piece of a form in the text: a quick no."""
    return any(
        form[at : at + _BLOCK] in text
        for form in forms
        for at in range(0, len(form) - _BLOCK + 1, _BLOCK)
    )


def _without_pieces(text: str, form: str) -> str:
    found: set[int] = set()
    for start in range(len(form) - _PIECE + 1):
        piece = form[start : start + _PIECE]
        at = text.find(piece)
        while at >= 0:
            found.add(at)
            at = text.find(piece, at + 1)
    kept, end = [], 0
    for at in sorted(found):
        if at >= end:
            kept += [text[end:at], REDACTED]
        end = at + _PIECE
    return "".join(kept) + text[end:]
