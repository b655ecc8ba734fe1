"""Files that a person named: written beside, put in place whole, and never through a link."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from aspm_ado.adapters.records.folder import Disk

_GUARD = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def put_in_place(path: Path, data: bytes, disk: Disk | None = None) -> None:
    """Replace the file by one with ``data``, or leave it as it was and raise ``OSError``.

    A new file is for its owner only; one that is there keeps its mode. A link, a device and a pipe
    are refused: they are somebody else's.
    """
    disk, mode = disk or Disk(), 0o600
    with suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is a link, or not a file")
        mode = stat.S_IMODE(found.st_mode)
    beside = path.with_name(f".{path.name[:100]}.{os.urandom(6).hex()}.tmp")
    try:
        _write(beside, data, mode, disk)
        disk.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _write(path: Path, data: bytes, mode: int, disk: Disk) -> None:
    descriptor = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _GUARD)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)
        rest = memoryview(data)
        while rest:
            rest = rest[disk.write(descriptor, bytes(rest)) :]
        disk.fsync(descriptor)
    finally:
        os.close(descriptor)
