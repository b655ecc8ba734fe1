"""Our records on disk: connections and the draft of an interrupted run, never a secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from aspm_ado.adapters.records.codec import (
    DamagedError,
    NewerError,
    decode_catalogue,
    decode_draft,
    encode_catalogue,
    encode_draft,
    older_version,
)
from aspm_ado.adapters.records.folder import LOCK, Claims, Disk, PrivateFolder, WriterLock
from aspm_ado.domain.reasons import DamagedRecordsError, Reason, StoreError
from aspm_ado.domain.stored import Catalogue, Draft
from aspm_ado.domain.text import clean

_CATALOGUE: Final = "catalog.json"
_DRAFT: Final = "draft.json"
ASIDE: Final = f"{_CATALOGUE}.damaged-"
"""How the name of a damaged catalogue begins that was set aside."""


def default_folder(environment: Mapping[str, str]) -> Path:
    """Where this user's settings are kept on this platform. Creates nothing.

    ``environment`` must be the process's own, which platformdirs reads. A relative path in an
    ``XDG_*`` variable is ignored, as its specification says.

    Raises ``StoreError`` where the user has no home: a guessed one (``/.config``, ``./~``) would be
    found by nobody.
    """
    homes = (environment.get("HOME", ""), environment.get("XDG_CONFIG_HOME", ""))
    if os.name == "posix" and not any(Path(home).is_absolute() for home in homes):
        raise StoreError(
            Reason.RECORDS_UNREADABLE,
            "There is no home folder for the configuration: HOME is not set, or is not an "
            "absolute path.",
            remedy="Set HOME, or name a folder with `--config-dir`.",
        )
    import platformdirs

    return platformdirs.user_config_path("aspm-ado", appauthor=False).absolute()


class DiskRecords:
    """``Records`` in one private folder: ``catalog.json`` and ``draft.json``, each replaced whole.

    The folder may be a function, which is asked for it at the first use. Whoever writes holds the
    lock, and waits ``wait`` seconds for it. What cannot be understood is never overwritten.
    ``command`` is what another run is told of us while we hold the lock; ``say`` is told of whom we
    wait for.
    """

    def __init__(
        self,
        folder: Path | Callable[[], Path],
        *,
        wait: float = 10.0,
        command: str = "aspm-ado",
        disk: Disk | None = None,
        say: Callable[[str], None] | None = None,
        patience: float = 1.0,
    ) -> None:
        self._place, self._disk = folder, disk or Disk()
        self._wait, self._patience = wait, patience
        self._command, self._say = command, say
        self._known: tuple[bytes, Catalogue] | None = None
        """What was last read or written: a run with hundreds of tokens reads it ten times each."""
        self._written: Catalogue | None = None

    @cached_property
    def _folder(self) -> PrivateFolder:
        path = self._place
        if not isinstance(path, Path):
            path = path()
        return PrivateFolder(path.absolute(), self._disk)

    @cached_property
    def _lock(self) -> WriterLock:
        return WriterLock(
            self._folder,
            wait=self._wait,
            command=self._command,
            say=self._say,
            patience=self._patience,
        )

    @cached_property
    def _claims(self) -> Claims:
        return Claims(self._folder)

    def load(self) -> Catalogue:
        """What is stored, without a lock: a file is replaced whole, so what is read is whole."""
        try:
            return self._decoded()
        except NewerError as error:
            raise StoreError(
                Reason.RECORDS_NEWER,
                f"{self._named} was written by a newer aspm-ado: {error}.",
                remedy="Update this program, or name another folder with `--config-dir`.",
            ) from None
        except DamagedError as error:
            raise DamagedRecordsError(
                Reason.RECORDS_UNREADABLE,
                f"{self._named} is damaged: {clean(error)}. It was left as it is.",
                remedy="Restore it from a backup. Or begin again with aspm-ado connect: "
                "when you say yes (or -y), it keeps the file under another name.",
            ) from None

    def change(self, edit: Callable[[Catalogue], Catalogue]) -> Catalogue:
        """Load, edit and replace under the lock.

        When ``edit`` raises, or anything does, nothing has changed.
        """
        with self.exclusive():
            known = self.load()
            edited = edit(known)
            if known is not self._written:
                self._keep_older()
            raw = encode_catalogue(edited)
            self._folder.write(_CATALOGUE, raw)
            self._known, self._written = (raw, edited), edited
            return edited

    def _keep_older(self) -> None:
        """Keep a copy of what an older program wrote (``catalog.json.v0``) before replacing it."""
        raw = self._folder.read(_CATALOGUE)
        if raw is not None and (version := older_version(raw)) is not None:
            self._folder.write(f"{_CATALOGUE}.v{version}", raw)

    def claim(self, name: str) -> bool:
        """Say that this run is at ``name``; whether no other run is.

        The operating system forgets it with the run.
        """
        with self.exclusive():
            return self._claims.take(name)

    def release(self, name: str) -> None:
        """Say so no longer, and leave no file of it."""
        self._claims.drop(name)

    def check(self) -> None:
        """Make the folder, prove that it takes a lock and a file, and read the catalogue."""
        self._folder.ensure()
        self._folder.require_plain(LOCK)
        self._folder.prove_writable()
        self.load()

    def close(self) -> None:
        """Take secrets that this run learned later out of what it wrote earlier."""
        if self._written is not None:
            with suppress(StoreError):
                if self._folder.has_late_secrets(_CATALOGUE):
                    self.change(lambda known: known)

    def load_draft(self) -> Draft | None:
        """The draft. A damaged one is as good as none: it holds answers that can be given again."""
        raw = self._folder.read(_DRAFT)
        if raw is None:
            return None
        try:
            return decode_draft(raw)
        except DamagedError:
            return None

    def save_draft(self, draft: Draft | None) -> None:
        """Keep the answers, or forget them."""
        if draft is None and not self._folder.examine():
            return
        with self.exclusive():
            if draft is None:
                self._folder.remove(_DRAFT)
            else:
                self._folder.write(_DRAFT, encode_draft(draft))

    def set_aside(self) -> Path | None:
        """Rename a damaged catalogue so that a new one can be begun; where it is now.

        ``None`` when there is nothing damaged. A newer catalogue is not damaged, and raises as
        ``load`` does.
        """
        if not self._folder.examine():
            return None
        with self.exclusive():
            try:
                self._decoded()
            except NewerError:
                self.load()
            except DamagedError:
                return self._renamed_aside()
            return None

    @property
    def _named(self) -> str:
        return clean(self._folder.path / _CATALOGUE)

    def _decoded(self) -> Catalogue:
        raw = self._folder.read(_CATALOGUE)
        if raw is None:
            return Catalogue()
        if self._known is None or self._known[0] != raw:
            self._known = raw, decode_catalogue(raw)
        return self._known[1]

    def _renamed_aside(self) -> Path:
        stem = f"{ASIDE}{datetime.now(UTC):%Y%m%d-%H%M%S}"
        names = (stem, *(f"{stem}-{number}" for number in range(2, 1000)))
        name = next(name for name in names if not (self._folder.path / name).exists())
        self._folder.rename(_CATALOGUE, name)
        return self._folder.path / name

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock; changes within it do not wait for themselves."""
        self._folder.ensure()
        with self._lock.held() as is_outermost:
            if is_outermost:
                self._folder.sweep()
                self._claims.sweep()
            yield
