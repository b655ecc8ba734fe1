"""The body of an answer: read to its end or to a cap, decompressed, our secrets taken out."""

from __future__ import annotations

import codecs
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from aspm_ado.adapters.http.errors import TOO_LARGE
from aspm_ado.domain.documents import HOLDS_A_SECRET
from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.text import clean_said

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse

    from aspm_ado.domain.http import Reply

CAP: Final = 5 * 1024 * 1024
"""Bytes of a body after decompression; 10,000 projects are about 4 MB."""

HEAD: Final = 4096
"""Bytes of a body that a reply keeps."""

ENCODINGS: Final = "gzip, deflate"
_YEARS: Final = range(1990, 2200)
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
        raise UnusableBodyError(
            f"is in an encoding that was not asked for ({clean_said(encoding, 40)})"
        )
    body = bytearray()
    size = _CHUNK
    if head_only:
        size = HEAD
    for chunk in raw.stream(size, decode_content=True):
        body += chunk
        if head_only and len(body) >= HEAD:
            break
        if len(body) > CAP:
            raise UnusableBodyError(TOO_LARGE)
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
    """The ``Date`` of an answer, or ``None`` when it has none that a calendar can go on from."""
    try:
        moment = parsedate_to_datetime(date)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.year not in _YEARS:
        return None
    return moment


def without_secrets(reply: Reply, body: str) -> tuple[Reply, str]:
    """A reply and the whole text of its body without any secret of this run.

    A body that is to bring a new secret is read as it is.
    """
    hide = KNOWN_SECRETS.hide
    is_head = body == reply.text
    said = "\n".join([*(value for _, value in reply.headers), reply.problem, reply.text])
    if hide(said) != said:  # rare; filtering each one alone takes five times as long
        headers = tuple((name, hide(value)) for name, value in reply.headers)
        reply = replace(reply, headers=headers, text=hide(reply.text), problem=hide(reply.problem))
    if reply.call.expects in HOLDS_A_SECRET:
        return reply, body
    if is_head:
        return reply, reply.text
    return reply, hide(body)
