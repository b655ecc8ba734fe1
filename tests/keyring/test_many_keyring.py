"""Twelve organizations stored over a real Secret Service, and brought to Invicti ASPM in three sittings."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aspm_ado.simulator import Simulator

from ..e2e.conftest import Play
from ..e2e.questions import ENTERED
from ..e2e.stage import Story, until
from ..e2e.terminal import CTRL_C, DOWN, ENTER, UP, squeezed
from ..e2e.test_many import NAMES, connect_flags, crowd, document, states
from .secret_service import MARKS
from .test_connect_keyring import assert_private, kept

pytestmark = MARKS
SAVED, LATER, ALL_LATER = UP + ENTER, DOWN + ENTER, 3 * DOWN + ENTER
"""The list begins at “Copy the token”: above it “Saved”, below it “Later”, “refused” and “all the others too”."""


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Callable[[Story], Play]]:
    """A story with the session's bus in its environment."""
    with contextlib.ExitStack() as opened:

        def begin(told: Story) -> Play:
            made = Play(tmp_path, told, opened.enter_context(Simulator(told.scenario)), opened)
            del made.stage.environment["PYTHON_KEYRING_BACKEND"]
            for kept in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
                made.stage.environment[kept] = os.environ[kept]
            return made

        yield begin


def counted(told: Play) -> dict[str, int]:
    """How often the Secret Service holds each secret of the story, by its last four; no record is an orphan."""
    ours: list[tuple[str, str]] = []

    def tidy() -> bool:
        named = (told.stage.config / "catalog.json").read_text()
        ours[:] = [(service, value) for service, value in kept() if value in told.story.canaries]
        return all(service in named for service, _ in ours)

    until(tidy, "a keyring without a secret that nothing names")
    return {
        secret[-4:]: sum(value == secret for _, value in ours) for secret in told.story.canaries
    }


def listed(told: Play) -> dict[str, str]:
    """What ``list`` says of each organization, offline."""
    asked = len(told.simulator.requests)
    code, written = document(told, "list")
    assert code == 0
    assert len(told.simulator.requests) == asked
    return states(written)


def sitting(told: Play, *keys: str) -> tuple[int, str]:
    """``handoff`` on a terminal, with these keys at one block after the other; its exit code, and all that was said."""
    wizard = told.wizard("handoff", "everywhere")
    for pressed in keys:
        wizard.answer(ENTERED, pressed)
    return wizard.end(), wizard.everything


def in_order(registered: int) -> dict[str, str]:
    """So many saved, and the rest not yet."""
    return {
        name: "registered" if at < registered else "handed-off" for at, name in enumerate(NAMES)
    }


@pytest.mark.parametrize("shared", [True, False], ids=["one-token", "twelve-tokens"])
def test_three_sittings(stand: Callable[[Story], Play], shared: bool) -> None:
    told = stand(crowd(shared=shared))
    code, written = document(told, *connect_flags(told), "--register", "guided")
    assert (code, states(written)) == (0, in_order(0))
    assert set(counted(told).values()) == {1}, "each token is stored once"
    assert listed(told) == in_order(0)

    code, written = document(told, "handoff", "everywhere", "--no-input")
    assert (code, states(written), listed(told)) == (8, in_order(0), in_order(0))

    code, said = sitting(told, SAVED, SAVED, SAVED, ALL_LATER)
    assert (code, listed(told)) == (8, in_order(3))
    assert squeezed("12 of 12 organizations") in said
    assert squeezed("(4 of 12)") in said
    assert squeezed("(5 of 12)") not in said

    code, said = sitting(told, SAVED, LATER, SAVED, CTRL_C)
    after = in_order(4) | {"Fjord": "registered"}
    assert (code, listed(told)) == (130, after), (
        "what was answered before Ctrl-C counts, and nothing else"
    )
    assert squeezed("9 of 12 organizations") in said
    assert squeezed("Handoff to Invicti ASPM: Atlas") not in said

    code, written = document(told, "validate", "everywhere")
    assert (code, states(written)) == (0, after), "proving them again changes nothing"

    code, said = sitting(told, *[SAVED] * 7)
    assert (code, listed(told)) == (0, in_order(12))
    assert squeezed("7 of 12 organizations") in said
    assert squeezed("Handoff to Invicti ASPM: Ember (6 of 12)") in said

    code, written = document(told, "list")
    [connection] = written["connections"]
    assert {one["registration"]["proof"] for one in connection["organizations"]} == {"claimed"}
    assert set(counted(told).values()) == {1}
    assert_private(told)
    assert told.simulator.changes == []


def test_only_the_good_ones_are_stored(stand: Callable[[Story], Play]) -> None:
    """A bad one among twelve: its token is not kept, and no sitting asks for it."""
    told = stand(crowd(shared=False, changed={"Delta": {"deactivated": True}}))
    code, _ = document(told, *connect_flags(told), "--register", "guided")
    assert code == 3
    good = [name for name in NAMES if name != "Delta"]
    assert listed(told) == dict.fromkeys(good, "handed-off")
    once = counted(told)
    assert once.pop(told.story.tokens["Delta"][-4:]) == 0
    assert set(once.values()) == {1}
    code, said = sitting(told, ALL_LATER)
    assert code == 8
    assert squeezed("11 of 11 organizations") in said
    assert "Delta" not in said
