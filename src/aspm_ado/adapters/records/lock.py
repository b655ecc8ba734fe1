"""One writer at a time, and who is at what: locks of the system, which a dead holder loses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from aspm_ado.adapters.records.folder import ON_A_LOCAL_DISK, PrivateFolder, refusal, require_locks
from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from filelock import FileLock

_LOCK: Final = "catalog.lock"
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

        path = self._folder.path / _LOCK
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
