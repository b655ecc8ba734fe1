"""A rotation on a terminal over a real Secret Service: the window goes away half-way, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pexpect
import pytest

from aspm_ado.demo import Simulator

from ..e2e.conftest import Play
from ..e2e.questions import ENTERED
from ..e2e.stage import Story, drawn_token, story, until
from ..e2e.terminal import ENTER, UP
from ..e2e.test_many import document
from .test_many_keyring import counted

pytestmark = [
    pytest.mark.keyring,
    pytest.mark.xdist_group("secret-service"),
    pytest.mark.skipif(
        os.environ.get("ASPM_ADO_TEST_SECRET_SERVICE") != "1",
        reason="needs a real Secret Service: tests/keyring/with-secret-service pytest -m keyring",
    ),
]
SAVED = UP + ENTER
ASPM = "https://aspm.example.test"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Play]:
    """The story “ready” with a second token of the same person."""
    made = story("ready")
    [first, *rest] = made.scenario.world.tokens
    new = replace(first, value=drawn_token(first.value))
    scenario = replace(made.scenario, world=replace(made.scenario.world, tokens=(first, new, *rest)))
    two = Story(scenario, {None: made.token, "new": new.value}, made.aspm_token)
    with contextlib.ExitStack() as opened:
        play = Play(tmp_path, two, opened.enter_context(Simulator(scenario)), opened)
        del play.stage.environment["PYTHON_KEYRING_BACKEND"]
        for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
            play.stage.environment[name] = os.environ[name]
        yield play


def tokens(told: Play) -> list[tuple[str, str | None]]:
    """The token in force for each organization, and the one that waits, by their last four."""
    code, written = document(told, "list")
    assert code == 0
    [connection] = written["connections"]
    return [(one["token"]["last4"], one["waiting"] and one["waiting"]["last4"]) for one in connection["organizations"]]


def test_the_window_goes_away_half_way(told: Play) -> None:
    old, new = (value[-4:] for value in told.story.tokens.values())
    pat, successor = (told.stage.file(value[-4:], value) for value in told.story.tokens.values())
    code, _ = document(
        told, "connect", "both", "-o", "contoso", "-o", "fabrikam", "--pat-file", str(pat), "--aspm-url", ASPM,
        "--register", "guided", "--purpose", "alm",
    )  # fmt: skip
    assert code == 0
    assert tokens(told) == [(old, None), (old, None)]
    wizard = told.wizard("rotate", "both", "--pat-file", str(successor), "--pat-expires", "2027-01-13")
    wizard.answer(ENTERED, SAVED)
    wizard.see("(2 of 2)")
    wizard.see(ENTERED)
    with contextlib.suppress(pexpect.ExceptionPexpect):  # it does not wait for the clean-up to end; the next line does
        wizard.child.close(force=False)
    until(lambda: (told.stage.folder / "code").exists(), "the end of the program")
    assert wizard.code == 130
    assert tokens(told) == [(new, None), (old, new)]
    assert (counted(told)[old], counted(told)[new]) == (1, 1)
    code, _ = document(told, "validate")
    assert code == 0
    wizard = told.wizard("handoff", "both")
    wizard.answer(ENTERED, SAVED)
    assert wizard.end() == 0
    assert tokens(told) == [(new, None), (new, None)]
    assert (counted(told)[old], counted(told)[new]) == (0, 1)
