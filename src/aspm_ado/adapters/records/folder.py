"""A folder of this user alone: made private, refused when it is not, its files replaced whole.

One writer at a time: locks of the system, which a dead holder loses.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.domain.text import clean, system_words, typed_word

if TYPE_CHECKING:
    from filelock import FileLock

T = TypeVar("T")

_MODE_FOLDER: Final = 0o700
_MODE_FILE: Final = 0o600
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
# Owners and modes mean something; Windows protects the profile by its ACL.
_POSIX: Final = hasattr(os, "geteuid")
_GUARD: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
# A FIFO in place of a file must not hold us for ever.
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_LARGEST: Final = 32 * 1024 * 1024
_LEFTOVER: Final = ".tmp"
_ATTEMPTS: Final = 20
ON_A_LOCAL_DISK: Final = "Pass a folder on a local disk with `--config-dir`."
_TO_MOVE: Final = "Check that file, and move it."
_WRITABLE: Final = "Fix that, or pass a writable folder with `--config-dir`."


class Disk:
    """The calls of the operating system that can fail half-way; tests let them fail here.

    On Windows they are tried for a second: what another process has open, or is just replacing, is
    refused there.
    """

    def open(self, path: Path, flags: int, mode: int = _MODE_FILE) -> int:
        """``os.open``."""
        return _patiently(lambda: os.open(path, flags, mode))

    def write(self, descriptor: int, data: bytes) -> int:
        """``os.write``: how many bytes it took, which may be fewer."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """``os.fsync``."""
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """``os.replace``."""
        _patiently(lambda: source.replace(target))

    def unlink(self, path: Path) -> None:
        """``os.unlink``; a file that is not there is gone."""
        _patiently(lambda: path.unlink(missing_ok=True))


def _patiently(work: Callable[[], T]) -> T:
    attempts = 1 if _POSIX else _ATTEMPTS
    for _ in range(attempts - 1):
        with suppress(PermissionError):
            return work()
        time.sleep(0.05)
    return work()


class PrivateFolder:
    """Our folder.

    Every method raises ``StoreError`` (records unreadable) with the path and the system's reason.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path, self._disk = path, disk
        self._lines: dict[str, frozenset[bytes]] = {}
        """The lines of each file as it was last written."""
        self._known_at: dict[str, int] = {}
        """How many secrets were known when all of a file was last looked through."""

    def ensure(self) -> None:
        """Make it for this user alone, whatever the umask, with what is above it; or examine it."""
        with _refusing(self.path, "cannot be created"):
            for folder in (*reversed(self.path.parents), self.path):
                if not folder.exists() and not folder.is_symlink():
                    require_own(folder.parent)
                    with suppress(FileExistsError):  # another run was quicker
                        folder.mkdir(_MODE_FOLDER)
                        folder.chmod(_MODE_FOLDER)  # a umask can take even the owner's bits away
        self.examine()

    def examine(self) -> bool:
        """Whether it is there; refuses one that is a link, another user's or writable by others."""
        with _refusing(self.path, "cannot be read"):
            try:
                found = self.path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return False
        if stat.S_ISLNK(found.st_mode):
            remedy = "Pass the real folder with `--config-dir`."
            raise _unfit(self.path, "is a link to somewhere else", remedy)
        if not stat.S_ISDIR(found.st_mode):
            remedy = "Move it, or pass another folder with `--config-dir`."
            raise _unfit(self.path, "is not a folder", remedy)
        _require_private(self.path, found)
        return True

    def read(self, name: str) -> bytes | None:
        """The whole file, or ``None`` where there is none."""
        path = self.path / name
        if not self.examine():
            return None
        self.require_plain(name)
        with _refusing(path, "cannot be read"):
            try:
                descriptor = self._disk.open(path, os.O_RDONLY | _GUARD | _NO_WAIT)
            except FileNotFoundError:
                return None
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
                    raise _unfit(path, "is not a file of aspm-ado", _TO_MOVE)
                _require_private(path, found)
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    return file.read(_LARGEST)
            finally:
                os.close(descriptor)

    def require_plain(self, name: str) -> None:
        """Refuse a link, a folder, a pipe or a device in the place of a file of ours."""
        path = self.path / name
        with _refusing(path, "cannot be read"):
            try:
                kind = path.lstat().st_mode
            except (FileNotFoundError, NotADirectoryError):
                return
        if stat.S_ISLNK(kind):
            remedy = "Replace the link with the file, or remove it."
            raise _unfit(path, "is a link to somewhere else", remedy)
        if not stat.S_ISREG(kind):
            raise _unfit(path, "is not a file of aspm-ado", _TO_MOVE)

    def write(self, name: str, data: bytes, *, lasts: bool = True) -> None:
        """Replace the file by one of mode 0600; after any failure the old one is as it was.

        Not ``lasts``: a power cut may take it.
        """
        path = self.path / name
        if len(data) > _LARGEST:
            remedy = "Nothing changed. Connect fewer organizations per configuration directory."
            raise _unfit(path, "would be too large to read again (32 MB)", remedy)
        with (
            _refusing(path, "cannot be written"),
            temporary_file(self._disk, path, self._filtered(name, data), lasts=lasts) as temporary,
        ):
            self._disk.replace(temporary, path)
        if lasts:
            self._settle()

    def _filtered(self, name: str, data: bytes) -> bytes:
        """``data`` without secrets. A line that this run wrote before was filtered then.

        No secret goes over several lines of JSON.
        """
        self._known_at.setdefault(name, KNOWN_SECRETS.count)
        before = self._lines.get(name, frozenset())
        new = b"\n".join(line for line in data.split(b"\n") if line not in before)
        if _without_secrets(new) != new:
            data = _without_secrets(data)
        self._lines[name] = frozenset(data.split(b"\n"))
        return data

    def has_late_secrets(self, name: str) -> bool:
        """Whether a file has a secret that was learned after that line of it was written.

        The next writing then looks through all of it.
        """
        if self._known_at.get(name, KNOWN_SECRETS.count) == KNOWN_SECRETS.count:
            return False
        raw = self.read(name)
        if raw is None or _without_secrets(raw) == raw:
            return False
        del self._lines[name], self._known_at[name]
        return True

    def prove_writable(self) -> None:
        """Write a file, lock and remove it: permissions say too little (root, a full disk, NFS)."""
        data = b"aspm-ado\n"
        with (
            _refusing(self.path, "cannot be written"),
            temporary_file(self._disk, self.path / "probe", data) as probe,
        ):
            try:
                require_locks(probe)
            except OSError as error:
                raise refusal(self.path, "cannot be locked", error, ON_A_LOCAL_DISK) from None

    def remove(self, name: str) -> None:
        """Remove a file; to remove it twice is not an error."""
        path = self.path / name
        with _refusing(path, "cannot be removed"), suppress(NotADirectoryError):
            self._disk.unlink(path)

    def rename(self, name: str, new: str) -> None:
        """Give a file another name."""
        path = self.path / name
        with _refusing(path, "cannot be renamed"):
            self._disk.replace(path, self.path / new)
        self._settle()

    def sweep(self) -> None:
        """Remove what killed runs left half-written.

        Only for the holder of the lock: nobody else is writing.
        """
        with suppress(OSError):
            for leftover in self.path.glob(f".*{_LEFTOVER}"):
                leftover.unlink(missing_ok=True)

    def _settle(self) -> None:
        """Ask that a rename outlive a power cut.

        It has happened by now, so a failure here is kept quiet: a caller would undo what the file
        already says.
        """
        if not _POSIX:
            return
        with suppress(OSError):
            descriptor = self._disk.open(self.path, os.O_RDONLY | _GUARD)
            try:
                self._disk.fsync(descriptor)
            finally:
                os.close(descriptor)


@contextmanager
def temporary_file(
    disk: Disk, beside: Path, data: bytes, mode: int = _MODE_FILE, *, lasts: bool = True
) -> Iterator[Path]:
    """A new file with ``data`` in the same folder, gone afterwards unless it was given another
    name.
    """
    path = beside.with_name(f".{beside.name[:200]}.{os.urandom(6).hex()}{_LEFTOVER}")
    try:
        _write_new(disk, path, data, mode, lasts=lasts)
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _without_secrets(data: bytes) -> bytes:
    """A text of ours for a file, whatever it was that brought a secret into it."""
    text = KNOWN_SECRETS.hide(data.decode("utf-8", "surrogateescape"))
    return text.encode("utf-8", "surrogateescape")


def _write_new(disk: Disk, path: Path, data: bytes, mode: int, *, lasts: bool) -> None:
    descriptor = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _GUARD)
    try:
        if _POSIX:
            os.fchmod(descriptor, mode)
        rest = memoryview(data)
        while rest:
            rest = rest[disk.write(descriptor, bytes(rest)) :]
        if lasts:
            disk.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(
    path: Path, data: bytes, disk: Disk | None = None, *, as_it_is: bool = False
) -> None:
    """Write a file that a person named, whole or not at all, and never through a link.

    A new one is for its owner alone; one that is there keeps its mode. Secrets are taken out unless
    ``as_it_is``: the text is a person's own. Raises ``OSError``.
    """
    disk = disk or Disk()
    if not as_it_is:
        data = _without_secrets(data)
    with temporary_file(disk, path, data, _mode_of(path)) as temporary:
        disk.replace(temporary, path)


def prove_replaceable(path: Path, disk: Disk | None = None) -> None:
    """Raise ``OSError`` where ``replace_file`` would: a link, a folder, a folder without leave."""
    with temporary_file(disk or Disk(), path, b"", _mode_of(path)):
        return


def _mode_of(path: Path) -> int:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return _MODE_FILE
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "it is a link, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    return stat.S_IMODE(found.st_mode) & 0o777


def refusal(path: Path, what: str, error: OSError, remedy: str = _WRITABLE) -> StoreError:
    """The refusal of this path, in the words of the system."""
    return StoreError(
        Reason.RECORDS_UNREADABLE, f"{clean(path)} {what}: {system_words(error)}.", remedy=remedy
    )


@contextmanager
def _refusing(path: Path, what: str) -> Iterator[None]:
    """Inside, an error of the system is a refusal of ``path``."""
    try:
        yield
    except OSError as error:
        raise refusal(path, what, error) from None


def _unfit(path: Path, what: str, remedy: str) -> StoreError:
    return StoreError(Reason.RECORDS_UNREADABLE, f"{clean(path)} {what}.", remedy=remedy)


def require_locks(path: Path) -> None:
    """Raise ``OSError`` where the file system has no locks that die with their holder.

    The library waits there as if somebody held the lock, or falls back to a file that stays.
    """
    if sys.platform == "win32":
        return
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _GUARD | _NO_WAIT, _MODE_FILE)
    try:
        with suppress(PermissionError):
            os.fchmod(descriptor, _MODE_FILE)
        with suppress(BlockingIOError, PermissionError):  # somebody holds it
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def require_own(folder: Path) -> None:
    """Refuse to make anything in another user's folder: as root we would lock its owner out.

    Folders of the system belong to root; in a sticky one (``/tmp``) everybody may make their own.
    """
    found = folder.stat()
    if not _POSIX or found.st_uid in (0, os.geteuid()) or found.st_mode & stat.S_ISVTX:
        return
    remedy = "Set HOME to your own home folder (sudo -H), or pass a folder with `--config-dir`."
    raise _unfit(folder, "belongs to another user, so aspm-ado creates nothing in it", remedy)


def _require_private(path: Path, found: os.stat_result) -> None:
    """Whoever writes our records chooses the hosts that tokens are sent to."""
    if not _POSIX:
        return
    if found.st_uid != os.geteuid():
        remedy = "Run aspm-ado as its owner, or pass your own folder with `--config-dir`."
        raise _unfit(path, "belongs to another user", remedy)
    if found.st_mode & _OTHERS_WRITE:
        remedy = f"Run `chmod go-w {typed_word(path)}`."
        raise _unfit(path, "can be written by other users", remedy)


LOCK: Final = "catalog.lock"
_HOLDER: Final = "catalog.holder"
_CLAIM: Final = ".claim"


class WriterLock:
    """The right to write in ``folder``, as often as its holder asks.

    The lock file stays, its note does not. ``say`` speaks to the person when the lock has not come
    after ``patience`` seconds: who holds it, and how long the waiting may last.
    """

    def __init__(
        self,
        folder: PrivateFolder,
        *,
        wait: float,
        command: str,
        say: Callable[[str], None] | None = None,
        patience: float = 1.0,
    ) -> None:
        self._folder, self._wait, self._command = folder, wait, command
        self._say, self._patience = say, patience
        self._lock: FileLock | None = None
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold it, or raise ``StoreError`` (records locked) after ``wait`` seconds.

        Whether it was not held before. The folder must be there.
        """
        from filelock import FileLock, Timeout  # 90 ms of imports that reading never needs

        path = self._folder.path / LOCK
        self._folder.require_plain(LOCK)
        try:
            if self._lock is None:
                require_locks(path)
                self._lock = FileLock(path, mode=0o600)
            try:
                self._lock.acquire(timeout=min(self._patience, self._wait))
            except Timeout:
                self._tell()
                self._lock.acquire(timeout=max(0.0, self._wait - self._patience))
        except Timeout:
            raise self._taken() from None
        except OSError as error:
            raise refusal(path, "cannot be locked", error, ON_A_LOCAL_DISK) from None
        self._depth += 1
        try:
            is_outermost = self._depth == 1
            if is_outermost:
                self._leave_note()
            yield is_outermost
        finally:
            self._depth -= 1
            if not self._depth:
                with suppress(StoreError):
                    self._folder.remove(_HOLDER)
            self._lock.release()

    def _leave_note(self) -> None:
        """Say who we are.

        Without the note the lock works all the same, so that a failure is nobody's business.
        """
        note = {
            "pid": os.getpid(),
            "command": self._command,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with suppress(StoreError):
            self._folder.write(_HOLDER, json.dumps(note).encode("ascii"), lasts=False)

    def _tell(self) -> None:
        if self._say is not None and self._wait > self._patience:
            self._say(
                f"{self._holder()} uses the configuration. Waiting for it, up to "
                f"{self._wait:.0f} s."
            )

    def _holder(self) -> str:
        who = "Another aspm-ado process"
        # The note may be anything.
        with suppress(StoreError, ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
            note = json.loads(self._folder.read(_HOLDER) or b"")
            command, since = clean(note["command"], 60), clean(note["since"], 40)
            who = f"Process {int(note['pid'])} ({command}, since {since})"
        return who

    def _taken(self) -> StoreError:
        return StoreError(
            Reason.RECORDS_LOCKED,
            f"{self._holder()} uses the configuration in {clean(self._folder.path)}, "
            f"and did not finish in {self._wait:.0f} s.",
            remedy="Wait until it ends, or stop it. A lock is free as soon as its process ends.",
        )


class Claims:
    """What this run is at, each a lock on a file of its own.

    A run that was killed is at nothing any more.
    """

    def __init__(self, folder: PrivateFolder) -> None:
        self._folder = folder
        self._held: dict[str, FileLock] = {}

    def take(self, name: str) -> bool:
        """Whether nobody else is at it; from then on this run is. The folder must be there."""
        from filelock import FileLock, Timeout

        if name in self._held:
            return True
        path = self._folder.path / f"{name}{_CLAIM}"
        self._folder.require_plain(path.name)
        lock = FileLock(path, mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            raise refusal(path, "cannot be locked", error, ON_A_LOCAL_DISK) from None
        self._held[name] = lock
        return True

    def drop(self, name: str) -> None:
        """Not to be at it any more; the file goes, too, where it can."""
        lock = self._held.pop(name, None)
        if lock is not None:
            lock.release()
            with suppress(StoreError):
                self._folder.remove(f"{name}{_CLAIM}")

    def sweep(self) -> None:
        """Remove the files of runs that were killed.

        Only for the holder of the writer's lock: so nobody begins now.
        """
        for path in self._folder.path.glob(f"*{_CLAIM}"):
            name = path.name.removesuffix(_CLAIM)
            with suppress(StoreError):
                if name not in self._held and self.take(name):
                    self.drop(name)
