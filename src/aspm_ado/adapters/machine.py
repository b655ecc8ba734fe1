"""What ``doctor`` sees of this machine: the software that runs here, and the config folder.

The folder is looked at and tried, never made or mended.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import shutil
import ssl
import stat
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from aspm_ado import __version__
from aspm_ado.adapters.records.catalog import ASIDE
from aspm_ado.adapters.records.folder import Disk, PrivateFolder, WriterLock, refusal
from aspm_ado.domain.doctor import FolderFacts, Software
from aspm_ado.domain.text import clean

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def installed_software() -> Software:
    """Versions and places; nothing of it names the person or the machine."""
    kind = "not in a virtual environment"
    if sys.prefix != sys.base_prefix:
        kind = "in a virtual environment"
    version = f"{platform.python_implementation()} {platform.python_version()}"
    return Software(
        program=__version__,
        python=clean(f"{version} ({sys.executable}), {kind}"),
        platform=clean(platform.platform()),
        openssl=ssl.OPENSSL_VERSION,
        dependencies=dependencies(),
    )


def dependencies(package: str = "aspm-ado") -> tuple[tuple[str, str | None], ...]:
    """What this package asks for, and the versions found.

    None where it was not installed as a package.
    What is asked for on some platforms only is listed where it is there, and missed nowhere.
    """
    try:
        required = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return ()
    found = []
    for line in required:
        name, _, condition = line.partition(";")
        match = _NAME.match(name.strip())
        if match is None or "extra" in condition:
            continue
        version = _version(match[0])
        if version is not None or not condition:
            found.append((match[0], version))
    return tuple(found)


def _version(name: str) -> str | None:
    try:
        return clean(metadata.version(name), 40)
    except metadata.PackageNotFoundError:
        return None


_PATIENCE: Final = 1.0
"""Seconds to wait for the lock; a write takes some milliseconds."""


class RecordsFolder:
    """The folder at ``path``, which may be missing. Every method may raise ``StoreError``."""

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        self._path = path.absolute()
        self._folder = PrivateFolder(self._path, disk or Disk())

    def look(self) -> FolderFacts:
        """What it is. Refuses what our records refuse: a link, another user's, others' to write."""
        exists = self._folder.examine()
        mode = free = None
        aside: list[str] = []
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(self._nearest).free
            if exists and hasattr(os, "geteuid"):
                mode = stat.S_IMODE(self._path.stat().st_mode)
        if exists:
            aside = sorted(clean(file.name) for file in self._path.glob(f"{ASIDE}*"))
        return FolderFacts(clean(self._path), exists, mode, free, tuple(aside))

    def prove_writable(self) -> None:
        """Write a file there and remove it; or ask whether the folder could be made."""
        if self._path.exists():
            self._folder.prove_writable()
        elif not self._nearest.is_dir() or not os.access(self._nearest, os.W_OK | os.X_OK):
            denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            raise refusal(self._path, "cannot be created", denied)

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
