"""The config folder as a doctor sees it: looked at and tried, never made or mended."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Final

from aspm_ado.adapters.records.catalog import ASIDE
from aspm_ado.adapters.records.folder import Disk, PrivateFolder, refusal
from aspm_ado.adapters.records.lock import WriterLock
from aspm_ado.domain.doctor import FolderFacts
from aspm_ado.domain.text import clean

_PATIENCE: Final = 1.0
"""Seconds for the lock: a write takes some milliseconds, so who holds it longer is worth telling."""


class RecordsFolder:
    """The folder at ``path``, which need not be there. Every method may raise ``StoreError``."""

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        self._path = path.absolute()
        self._folder = PrivateFolder(self._path, disk or Disk())

    def look(self) -> FolderFacts:
        """What it is. Refuses a link, another user's and one that others write to, as our records do."""
        exists = self._folder.examine()
        nearest = self._nearest
        try:
            mode = (
                stat.S_IMODE(self._path.stat().st_mode)
                if exists and hasattr(os, "geteuid")
                else None
            )
            free = shutil.disk_usage(nearest).free
        except OSError:
            mode = free = None
        aside = (
            tuple(sorted(clean(file.name) for file in self._path.glob(f"{ASIDE}*")))
            if exists
            else ()
        )
        return FolderFacts(clean(self._path), exists, mode, free, aside)

    def prove_writable(self) -> None:
        """Write a file there and remove it; where the folder is not there yet, ask whether it could be made."""
        if self._path.exists():
            self._folder.prove_writable()
        elif not self._nearest.is_dir() or not os.access(self._nearest, os.W_OK | os.X_OK):
            raise refusal(
                self._path,
                "cannot be made",
                PermissionError(errno.EACCES, os.strerror(errno.EACCES)),
            )

    def prove_free(self) -> None:
        """Take the lock and give it back."""
        with WriterLock(self._folder, wait=_PATIENCE, command="aspm-ado doctor").held():
            pass

    @property
    def _nearest(self) -> Path:
        """The folder itself, or what is there of the way to it."""
        return next(
            place for place in (self._path, *self._path.parents) if place.exists() or not place.name
        )
