"""A migration as a person makes it: the real program on a terminal, over a real Secret Service, stopped half-way."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aspm_ado.simulator import SCENARIOS, Simulator, samples

from ..e2e.conftest import Play
from ..e2e.questions import ENTERED, EXPIRES, NEXT, TOKEN
from ..e2e.stage import Story, drawn_token
from ..e2e.terminal import CTRL_C, DOWN, ENTER, SPACE, UP, Wizard, pasted, squeezed
from ..e2e.test_many import document
from .secret_service import MARKS
from .test_connect_keyring import assert_private
from .test_many_keyring import counted

pytestmark = MARKS
WHICH = "Which organizations need their own token? (arrows"
STEP = "What do you want to do with this organization? (arrows"
GO_ON = "An earlier run is not finished. What do you want to do? (arrows"
SAVED = UP + ENTER
STORED, REACHED = ("Atlas", "Borealis", "Cascade"), ("Delta", "Ember")
CHOSEN = ("Atlas", "Borealis", "Cascade", "Delta")


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Play]:
    """Three organizations are connected with one token of all five, and Invicti ASPM has it; four others are made."""
    scenario = SCENARIOS["global"]
    [old] = scenario.world.tokens
    values = {None: drawn_token(), **{name: drawn_token() for name in CHOSEN}}
    tokens = tuple(replace(old, value=value, reach=name) for name, value in values.items())
    narrow = replace(tokens[2], scopes=samples.ALM_SCOPES - {"vso.code_full"} | {"vso.code"})
    places = tuple(replace(samples.FABRIKAM, name=name) for name in (*STORED, *REACHED))
    world = replace(scenario.world, organizations=places, tokens=(*tokens[:2], narrow, *tokens[3:]))
    aspm_token = drawn_token()
    assert world.aspm is not None
    world = replace(world, aspm=replace(world.aspm, token=aspm_token, alm_tools=("azurecloud",)))
    made = Story(replace(scenario, world=world), values, aspm_token)
    with contextlib.ExitStack() as opened:
        play = Play(tmp_path, made, opened.enter_context(Simulator(made.scenario)), opened)
        del play.stage.environment["PYTHON_KEYRING_BACKEND"]
        for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
            play.stage.environment[name] = os.environ[name]
        aspm = play.stage.file("aspm-token", aspm_token)
        given = [part for name in STORED for part in ("-o", name)] + play.stage.token_flags(
            {None: made.token}
        )
        flags = [
            "--aspm-url",
            "https://aspm.example.test",
            "--aspm-token-file",
            str(aspm),
            "--register",
            "guided",
        ]
        assert document(play, "connect", "everywhere", *given, *flags)[0] == 0
        sitting = play.wizard("handoff", "everywhere")
        for _ in STORED:
            sitting.answer(ENTERED, SAVED)
        assert sitting.end() == 0
        yield play


def created(wizard: Wizard, told: Play, name: str) -> None:
    """One token page: read, created there, pasted."""
    wizard.answer(STEP, ENTER)
    wizard.see(f"Create the token ({name})")
    wizard.see(f"https://dev.azure.com/{name}/_usersSettings/tokens")
    wizard.see(f"Organization: {name}")
    wizard.answer(TOKEN, pasted(told.story.tokens[name]) + ENTER)


def kept(told: Play) -> dict[str, str]:
    """The newest token of each organization on record, by its last four."""
    _, written = document(told, "list")
    [connection] = written["connections"]
    return {
        one["name"]: (one["waiting"] or one["token"])["last4"]
        for one in connection["organizations"]
    }


def test_four_tokens_in_two_sittings(told: Play) -> None:
    last4 = {name: value[-4:] for name, value in told.story.tokens.items()}
    wizard = told.wizard("migrate", "everywhere")
    wizard.see(WHICH)
    wizard.see("Delta (not in this connection yet)")
    wizard.type(4 * DOWN + SPACE + ENTER)  # all are marked: not Ember
    created(wizard, told, "Atlas")
    wizard.answer(EXPIRES, ENTER)
    wizard.see(f"Atlas now has its own token (…{last4['Atlas']}), stored.")
    created(wizard, told, "Borealis")
    wizard.see("Code")
    wizard.see(NEXT)
    assert squeezed("Borealis now has its own token") not in wizard.everything
    wizard.look_around()
    told.simulator.edit(told.story.tokens["Borealis"], samples.ALM_SCOPES)
    wizard.type(ENTER)
    wizard.answer(EXPIRES, ENTER)
    wizard.see(f"Borealis now has its own token (…{last4['Borealis']}), stored.")
    wizard.answer(STEP, ENTER)
    wizard.answer(TOKEN, told.story.tokens["Cascade"][:40] + CTRL_C)
    assert wizard.end() == 130

    assert kept(told) == {
        "Atlas": last4["Atlas"],
        "Borealis": last4["Borealis"],
        "Cascade": last4[None],
    }
    assert counted(told) == {
        **dict.fromkeys(last4.values(), 0), told.story.aspm_token[-4:]: 1,
        last4[None]: 1, last4["Atlas"]: 1, last4["Borealis"]: 1,
    }  # fmt: skip
    assert document(told, "validate")[0] == 0, "the old token is in force"

    wizard = told.wizard("migrate", "everywhere")
    wizard.see("done Atlas")
    wizard.see("to do Cascade")
    wizard.answer(GO_ON, ENTER)
    for name in ("Cascade", "Delta"):
        created(wizard, told, name)
        wizard.answer(EXPIRES, ENTER)
    for name in CHOSEN:
        wizard.see(f"Handoff to Invicti ASPM: {name}")
        wizard.answer(ENTERED, SAVED)
    page = "https://dev.azure.com/Atlas/_usersSettings/tokens"
    wizard.see(f"This connection no longer uses the old token (…{last4[None]}). Revoke it: {page}")
    assert wizard.end() == 0

    assert kept(told) == {name: last4[name] for name in CHOSEN}
    assert set(counted(told).values()) == {0, 1}
    assert counted(told)[last4[None]] == 0
    assert document(told, "validate")[0] == 0
    assert told.simulator.changes == []
    assert_private(told)
    wizard = told.wizard("migrate", "everywhere")
    wizard.see("Nothing to do")
    assert wizard.end() == 0
