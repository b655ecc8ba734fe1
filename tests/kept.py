"""What loops over every step of a run need: a state to come back to, and answers that are asked for once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aspm_ado.domain.http import Call, Reply
from aspm_ado.simulator import Simulator
from aspm_ado.simulator.world import World

_HEARD: dict[World, dict[object, Reply]] = {}
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def asked_once(simulator: Simulator, send: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
    """Send, unless this world has answered such a call before: for whoever asks, and never for a write."""

    def ask(call: Call) -> Reply:
        credential = call.credential
        signed = (credential.secret.reveal(), credential.username) if credential else None
        key = (call.method, _RANDOM.sub("?", call.url), signed)
        heard = _HEARD.setdefault(simulator.world, {})
        if key not in heard:
            heard[key] = send(call)
        return replace(heard[key], call=call)

    return ask


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
