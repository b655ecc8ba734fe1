"""A token that nobody copies, as a person sees it: the real command, a stand-in for `az` on the PATH, and a sweep."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from aspm_ado.simulator import samples
from aspm_ado.simulator.world import CreationRules, SignIn

from ..minting.az import FakeAz, drawn_sign_in
from .questions import ASPM_TOKEN, ENTERED, EXPIRES, HAND, TOKEN, answers
from .stage import ONE, drawn_token
from .terminal import ENTER, UP, pasted, squeezed, stand_in

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the stand-in for az is a POSIX script"
)
HOW = "How do you want to create the token? (arrows"
AGREE = "Create this token now? (y/N)"


def begun(play, **creation):
    """A story in which somebody is signed in; the values to look for are the sign-in and what is made."""
    told = play()
    sign_in = drawn_sign_in()
    az = FakeAz(told.stage.bin, sign_in)
    told.stage.environment["ASPM_ADO_CREATE_TOKEN"] = ""
    told.watch(sign_in)
    world = told.simulator.world
    contoso = replace(samples.CONTOSO, creation=CreationRules(**creation))
    told.simulator.become(
        replace(
            world,
            organizations=(contoso, samples.FABRIKAM),
            sign_ins=(SignIn(sign_in, samples.ADA, samples.TENANT),),
        )
    )
    return told, az


def by_clipboard(told) -> tuple[str, ...]:
    """A token that is stored nowhere is created only where a clipboard can hand it over."""
    told.stage.environment["DISPLAY"] = ":0"
    stand_in(told.stage.bin, "xclip")
    return ("connect", *ONE[:4], "--store", "none", "--aspm-url", "https://aspm.example.test")


def to_the_end(wizard) -> None:
    wizard.answer(ASPM_TOKEN, ENTER)
    wizard.answer(HAND, ENTER)
    wizard.answer(ENTERED, UP + ENTER)
    assert wizard.end() == 0


def test_offered_agreed_to_and_proven(play):
    told, az = begun(play)
    wizard = told.wizard(*by_clipboard(told))
    wizard.see(HOW)
    assert az.calls == []
    assert not [one for one in told.simulator.requests if one.token_last4]
    wizard.type(ENTER)
    wizard.see("vso.code_full vso.identity_manage vso.profile_write vso.work_full")
    wizard.answer(AGREE, "y")
    wizard.look_around()
    to_the_end(wizard)
    [made] = [one for one in told.simulator.world.tokens if one.authorization]
    told.watch(told.token, made.value)
    assert not told.canaries.in_bytes(wizard.bytes, "the terminal")
    assert not told.canaries.in_files(*told.stage.folders)


def test_what_cannot_be_done_goes_on_by_hand_and_no_answer_is_lost(play):
    told, _ = begun(play, refuses="disablePatCreationPolicyViolation")
    by_hand = replace(samples.token(drawn_token()), reach="Contoso")
    told.watch(by_hand.value)
    world = told.simulator.world
    told.simulator.become(replace(world, tokens=(*world.tokens, by_hand)))
    wizard = told.wizard(*by_clipboard(told))
    wizard.answer(HOW, ENTER)
    wizard.answer(AGREE, "y")
    wizard.see("forbids new tokens")
    wizard.see("Create it by hand.")
    wizard.answer(TOKEN, pasted(by_hand.value) + ENTER)
    wizard.answer(EXPIRES, ENTER)
    to_the_end(wizard)


def test_what_stands_in_the_way_is_found_before_az_runs(play):
    told, az = begun(play)
    flags = ("--no-input", "-y", "-v", "--json", "--create-token", "require")
    closed = told.stage.run("connect", *ONE, *flags)
    assert (closed.returncode, az.calls) == (7, []), "there is no keyring to keep it in"
    assert json.loads(closed.stdout)["error"]["reason"].startswith("keyring-")
    assert told.simulator.requests == []


def test_the_demo_plays_it_without_an_account(play):
    """A stand-in for `az` comes with the story; what is created, and what it is created with, is seen nowhere."""
    told = play("created-token")
    told.watch(*(one.value for one in told.story.world.sign_ins))
    wizard = told.wizard("demo", "--scenario", "created-token")
    wizard.play({**answers(""), AGREE: "y", ENTERED: ENTER})
    assert wizard.code == 0
    assert squeezed("Only this run has the token") in wizard.everything, "not how to pipe it"
    assert squeezed("The token that will be created (contoso)") in wizard.everything
    assert squeezed("Created “aspm-ado contoso 20261015") in wizard.everything
    assert told.stage.records() == set()
    assert told.simulator.requests == [], "the demo has a simulation of its own"
