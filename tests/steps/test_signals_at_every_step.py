"""Stopped by a signal at every step of every command, or left by the reader of its stdout: one ending, a whole state.

The signals are real, and so are their handlers. That the terminal comes back as it was is shown on pseudo-terminals, in
``tests/e2e/test_signals.py`` and ``tests/keyring``.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from ..hours import NIGHT
from .world import Tap, World, world

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
COMMANDS = (
    "connect, a person", "connect", "connect, by profile", "validate", "validate, a person", "validate, ad hoc",
    "list", "list, json", "guide", "handoff, a person", "handoff", "rotate, a person", "rotate",
    "disconnect, a person", "disconnect", "migrate, a plan", "migrate", "doctor", "doctor, json",
)  # fmt: skip
NUMBERS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@posix
@pytest.mark.parametrize("name", COMMANDS)
def test_130_and_a_whole_state(tmp_path: Path, name: str) -> None:
    """The signals take turns from step to step; at night each of them comes at each step."""
    with world(tmp_path) as here:
        command = here.commands()[name]
        here.prepare(command)
        at, struck = 0, True
        while struck:
            at += 1
            for number in NUMBERS if NIGHT else [NUMBERS[at % len(NUMBERS)]]:
                here.back()
                tap = Tap(at, lambda number=number: signal.raise_signal(number), after=True)
                done = here.run(command, tap)
                struck = tap.struck
                if not struck:
                    assert done.code in (0, 8)
                    break
                step = f"{number.name} after {tap.steps[at - 1]} ({at})"
                assert b"Traceback" not in done.err, step
                assert b"bug" not in done.err, step
                assert not here.canaries.in_bytes(done.out + done.err, step)
                if command.flags.get("json") and done.out:
                    assert json.loads(done.out)["exit_code"] == done.code, step
                assert done.code == 130 or is_told(done.out, command.flags), step
                here.assert_whole()
                tidy(here, step)
        assert at > 2


def is_told(out: bytes, flags: object) -> bool:
    """Whether the document was out already: what it says is what came of the run."""
    return "json" in flags and bool(out)  # type: ignore[operator]


def tidy(here: World, step: str) -> None:
    """The next run leaves nothing over."""
    if here.catalogue.pending or here.catalogue.erasing:
        here.assert_tidy()
    assert {service for service, _ in here.secrets} == here.catalogue.services, step


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO], ids=["a pipe", "a terminal"])
@pytest.mark.parametrize("name", COMMANDS)
def test_nobody_reads_the_result_any_more(tmp_path: Path, name: str, number: int) -> None:
    """Whenever the reader leaves, the run ends as it would have, silently."""
    with world(tmp_path) as here:
        command = here.commands()[name]
        here.prepare(command)
        whole = here.run(command)
        steps = [
            at for at, step in enumerate(whole.tap.steps, start=1) if step.startswith("stdout.")
        ]
        assert steps

        def leave() -> None:
            raise OSError(number, os.strerror(number))

        for at in steps:
            here.back()
            done = here.run(command, Tap(at, leave))
            assert done.code == whole.code
            assert b"Traceback" not in done.err
            assert done.err.count(b"Error:") == whole.err.count(b"Error:")
            here.assert_whole()
