"""Opens simulators, stages and terminals, and closes them whatever is still running."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.simulator import Simulator

from .stage import Canaries, Stage, Story, story


class Play:
    """A story with its simulator, its stage and what must never be seen of it."""

    def __init__(
        self, folder: Path, told: Story, simulator: Simulator, terminals: contextlib.ExitStack
    ) -> None:
        self.story, self.simulator, self._terminals = told, simulator, terminals
        self.stage, self.canaries = Stage(folder, simulator.variable), Canaries(told.canaries)

    @property
    def token(self) -> str:
        return self.story.token

    def watch(self, *secrets: str) -> None:
        """Look for these, too."""
        self.canaries = Canaries((*self.story.canaries, *secrets))

    def wizard(self, *arguments: str, **options: Any) -> Any:
        """The command on a terminal."""
        if sys.platform == "win32":
            pytest.skip("a pseudo-terminal is a POSIX thing")
        from .terminal import Wizard

        made = Wizard(self.stage, *arguments, canaries=self.canaries, **options)
        self._terminals.callback(made.close)
        return made


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Play]]:
    """Begin a story; each has its own simulator and its own folders."""
    with contextlib.ExitStack() as opened:
        number = 0

        def begin(name: str = "global", **options: Any) -> Play:
            nonlocal number
            number += 1
            told = story(name)
            simulator = opened.enter_context(Simulator(told.scenario, **options))
            return Play(tmp_path / str(number), told, simulator, opened)

        yield begin
