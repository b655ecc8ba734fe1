"""Records that are opened when they are first needed: a run that stores nothing needs no folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from aspm_ado.domain.catalogue import Catalogue, Draft
    from aspm_ado.domain.ports import Records


class LateRecords:
    """``Records`` whose folder is looked for at the first use; where there is none, that use raises."""

    def __init__(self, open_: Callable[[], Records]) -> None:
        self._open = open_

    @cached_property
    def _records(self) -> Records:
        return self._open()

    def load(self) -> Catalogue:
        """What is stored."""
        return self._records.load()

    def change(self, edit: Callable[[Catalogue], Catalogue]) -> Catalogue:
        """Edit and replace."""
        return self._records.change(edit)

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock."""
        return self._records.exclusive()

    def claim(self, name: str) -> bool:
        """Say that this run is at it."""
        return self._records.claim(name)

    def release(self, name: str) -> None:
        """Say so no longer."""
        self._records.release(name)

    def check(self) -> None:
        """Raise now what would raise later."""
        self._records.check()

    def set_aside(self) -> Path | None:
        """Rename a damaged catalogue; where it is now."""
        return self._records.set_aside()

    def load_draft(self) -> Draft | None:
        """The answers of an interrupted run."""
        return self._records.load_draft()

    def save_draft(self, draft: Draft | None) -> None:
        """Keep or forget them."""
        self._records.save_draft(draft)
