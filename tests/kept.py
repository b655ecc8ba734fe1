"""The state of a machine of the tests, to come back to: its records, its secrets and the world that it talks to."""

from __future__ import annotations

import shutil
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from aspm_ado.simulator import Simulator


class Kept:
    """What is there now, for as often as ``back`` is called."""

    def __init__(
        self, folder: Path, secrets: MutableMapping[str, Any], simulator: Simulator
    ) -> None:
        self._folder, self._secrets, self._simulator = folder, secrets, simulator
        self._copy = folder.with_name("kept")
        shutil.rmtree(self._copy, ignore_errors=True)
        if folder.exists():
            shutil.copytree(folder, self._copy)
        self._were, self._world = dict(secrets), simulator.world

    def back(self, *, empty: bool = False) -> None:
        """Make it as it was; ``empty``: but with nothing stored."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._secrets.clear()
        if not empty:
            if self._copy.exists():
                shutil.copytree(self._copy, self._folder)
            self._secrets.update(self._were)
        self._simulator.become(self._world)
