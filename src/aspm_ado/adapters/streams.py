"""Streams of the process that may be in non-blocking mode: what is full or empty is waited for.

A parent (Node, some runners of CI) may share its pipe with us in that mode, at any time.
"""

from __future__ import annotations

import io
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


_replaced: list[TextIO] = []
"""The streams before: to forget one would close its descriptor."""


class _Patient(io.FileIO):
    """A descriptor whose owner is the process: EAGAIN is neither an end nor an error."""

    def write(self, data: ReadableBuffer, /) -> int:
        while (taken := super().write(data)) is None:
            select.select([], [self], [])
        return taken

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while (filled := super().readinto(buffer)) is None:
            select.select([self], [], [])
        return filled


def wait_for_streams() -> None:
    """Put ``sys.stdin``, ``sys.stdout`` and ``sys.stderr`` on descriptors that wait.

    For the start of the process: nothing has been read or written yet. Windows has no such mode.
    """
    if sys.platform == "win32":
        return
    _replaced.extend((sys.stdin, sys.stdout, sys.stderr))
    sys.stdin = _patient(sys.stdin, "r", io.BufferedReader)
    sys.stdout = _patient(sys.stdout, "w", io.BufferedWriter)
    sys.stderr = _patient(sys.stderr, "w", io.BufferedWriter)


def _patient(
    stream: TextIO, mode: str, buffered: type[io.BufferedReader] | type[io.BufferedWriter]
) -> TextIO:
    try:
        raw = _Patient(stream.fileno(), mode, closefd=False)
    except (OSError, ValueError):
        return stream
    return io.TextIOWrapper(
        buffered(raw),
        stream.encoding,
        stream.errors,
        line_buffering=getattr(stream, "line_buffering", False),
        write_through=getattr(stream, "write_through", False),
    )
