"""An answer taken off the wire: read to its end or to the cap, decompressed, and told as a ``Reply``."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse

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
