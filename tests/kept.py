"""The state of a machine of the tests, to come back to: its records, its secrets and the world that it talks to."""

from __future__ import annotations

import shutil
from pathlib import Path

from aspm_ado.demo import Simulator
from aspm_ado.domain.token import Secret


class Kept:
    """What is there now, for as often as ``back`` is called."""

    def __init__(self, folder: Path, secrets: dict[str, Secret], simulator: Simulator) -> None:
        self._folder, self._secrets, self._simulator = folder, secrets, simulator
        self._copy = folder.with_name("kept")
        shutil.rmtree(self._copy, ignore_errors=True)
        if folder.exists():
            shutil.copytree(folder, self._copy)
        self._were, self._world = dict(secrets), simulator.world

    def back(self) -> None:
        """Make it as it was."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._copy.exists():
            shutil.copytree(self._copy, self._folder)
        self._secrets.clear()
        self._secrets.update(self._were)
        self._simulator._world = self._world
