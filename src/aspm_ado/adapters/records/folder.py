"""A folder and files of this user alone: made private, refused when they are not, replaced whole or not at all."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from aspm_ado.domain.errors import StoreError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

_MODE_FOLDER: Final = 0o700
_MODE_FILE: Final = 0o600
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_POSIX: Final = hasattr(
    os, "geteuid"
)  # owners and modes mean something; Windows protects the profile by its ACL
_GUARD: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
_NO_WAIT: Final = getattr(
    os, "O_NONBLOCK", 0
)  # a FIFO in place of a file must not hold us for ever
_LARGEST: Final = 32 * 1024 * 1024
_LEFTOVER: Final = ".tmp"
_ATTEMPTS: Final = 20


class Disk:
    """The calls of the operating system that can fail half-way: the seam at which tests let them fail."""

    def open(self, path: Path, flags: int, mode: int = _MODE_FILE) -> int:
        """``os.open``."""
        return os.open(path, flags, mode)

    def write(self, descriptor: int, data: bytes) -> int:
        """``os.write``: how many bytes it took, which may be fewer."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """``os.fsync``."""
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """``os.replace``. Windows refuses while somebody reads the target, so that there we try for a second."""
        for attempt in range(_ATTEMPTS):
            try:
                source.replace(target)
            except PermissionError:
                if _POSIX or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.05)
            else:
                return


class PrivateFolder:
    """Our folder. Every method raises ``StoreError`` (records unreadable) with the path and the system's reason."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path, self._disk = path, disk

    def ensure(self) -> None:
        """Make it, and what is missing above it, for this user alone whatever the umask; or check what is there."""
        try:
            for folder in (*reversed(self.path.parents), self.path):
                if not folder.exists() and not folder.is_symlink():
                    with suppress(FileExistsError):  # another run was quicker
                        folder.mkdir(_MODE_FOLDER)
                        folder.chmod(_MODE_FOLDER)  # a umask can take even the owner's bits away
        except OSError as error:
            raise refusal(self.path, "cannot be created", error) from None
        self.examine()

    def examine(self) -> bool:
        """Whether it is there; refuses one that is a link, another user's or writable by others."""
        try:
            found = self.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise refusal(self.path, "cannot be read", error) from None
        if stat.S_ISLNK(found.st_mode):
            raise _unfit(
                self.path,
                "is a link to somewhere else",
                "Name the real folder with `--config-dir`.",
            )
        if not stat.S_ISDIR(found.st_mode):
            raise _unfit(
                self.path,
                "is not a folder",
                "Move it away, or name another folder with `--config-dir`.",
            )
        _require_private(self.path, found)
        return True

    def read(self, name: str) -> bytes | None:
        """The whole file, or ``None`` where there is none."""
        path = self.path / name
        if not self.examine():
            return None
        if path.is_symlink():
            raise _unfit(
                path,
                "is a link to somewhere else",
                "Put the file itself there, or remove the link.",
            )
        try:
            descriptor = self._disk.open(path, os.O_RDONLY | _GUARD | _NO_WAIT)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refusal(path, "cannot be read", error) from None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
                raise _unfit(path, "is not a file that we wrote", "Look at it, and move it away.")
            _require_private(path, found)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(_LARGEST)
        except OSError as error:
            raise refusal(path, "cannot be read", error) from None
        finally:
            os.close(descriptor)

    def write(self, name: str, data: bytes) -> None:
        """Replace the file by one of mode 0600 that holds ``data``: after any failure the old one is as it was."""
        path = self.path / name
        temporary = self.path / f".{name}.{os.urandom(6).hex()}{_LEFTOVER}"
        try:
            self._write_new(temporary, data)
            self._disk.replace(temporary, path)
        except OSError as error:
            raise refusal(path, "cannot be written", error) from None
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        self._settle()

    def prove_writable(self) -> None:
        """Write a file and remove it again: permissions say too little (root, read-only mounts, a full disk)."""
        probe = self.path / f".probe.{os.urandom(6).hex()}{_LEFTOVER}"
        try:
            self._write_new(probe, b"aspm-ado\n")
        except OSError as error:
            raise refusal(self.path, "cannot be written", error) from None
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file; to remove it twice is not an error."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise refusal(self.path / name, "cannot be removed", error) from None

    def rename(self, name: str, new: str) -> None:
        """Give a file another name."""
        try:
            self._disk.replace(self.path / name, self.path / new)
        except OSError as error:
            raise refusal(self.path / name, "cannot be renamed", error) from None
        self._settle()

    def sweep(self) -> None:
        """Remove what killed runs left half-written. Only for the holder of the lock: nobody else is writing."""
        with suppress(OSError):
            for leftover in self.path.glob(f".*{_LEFTOVER}"):
                leftover.unlink(missing_ok=True)

    def _write_new(self, path: Path, data: bytes) -> None:
        descriptor = self._disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _GUARD)
        try:
            if _POSIX:
                os.fchmod(descriptor, _MODE_FILE)
            rest = memoryview(data)
            while rest:
                rest = rest[self._disk.write(descriptor, bytes(rest)) :]
            self._disk.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _settle(self) -> None:
        """Ask that a rename outlive a power cut.

        It has happened by now, so that a failure here is kept quiet: a caller would undo what the file already says.
        """
        if not _POSIX:
            return
        with suppress(OSError):
            descriptor = self._disk.open(self.path, os.O_RDONLY | _GUARD)
            try:
                self._disk.fsync(descriptor)
            finally:
                os.close(descriptor)


def refusal(path: Path, what: str, error: OSError) -> StoreError:
    """What the system said of this path, and what usually helps."""
    return StoreError(
        Reason.RECORDS_UNREADABLE,
        f"{clean(path)} {what}: {clean(error.strerror or type(error).__name__)}.",
        remedy="Mend that, or name a folder that can be written with `--config-dir`.",
    )


def _unfit(path: Path, what: str, remedy: str) -> StoreError:
    return StoreError(Reason.RECORDS_UNREADABLE, f"{clean(path)} {what}.", remedy=remedy)


def _require_private(path: Path, found: os.stat_result) -> None:
    """Whoever writes our records chooses the hosts that tokens are sent to."""
    if not _POSIX:
        return
    if found.st_uid != os.geteuid():
        raise _unfit(
            path,
            "belongs to another user",
            "Run this as its owner, or name a folder of yours with `--config-dir`.",
        )
    if found.st_mode & _OTHERS_WRITE:
        from shlex import quote

        raise _unfit(
            path, "can be written by other users", f"Run `chmod go-w {quote(clean(path))}`."
        )
