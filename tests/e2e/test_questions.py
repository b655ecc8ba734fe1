"""How many times a person waits for Enter, and how long the ending is, in the stories that go well."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from aspm_ado.simulator import SCENARIOS

from .questions import ASPM, ASPM_TOKEN, ELSE, ENTERED, EXPIRES, GO, HAND, TOKEN, WHERE
from .terminal import DOWN, ENTER, UP, pasted, squeezed

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="a pseudo-terminal is a POSIX thing"
)

TWO = "two-organizations-two-tokens"
SAVED = (ENTERED, UP + ENTER)
AFTER = ((ASPM, ENTER), (GO, ENTER))
SCREEN = 24


def token(scenario: str, number: int = 0) -> tuple[str, str]:
    return TOKEN, pasted(SCENARIOS[scenario].answers.tokens[number][1]) + ENTER


@pytest.mark.parametrize(
    ("scenario", "most", "questions"),
    [
        ("ready", 7, [(WHERE, ENTER), token("ready"), (EXPIRES, ENTER), *AFTER, SAVED]),
        (
            TWO,
            9,
            [(WHERE, ENTER), token(TWO), token(TWO, 1), (EXPIRES, ENTER), *AFTER, SAVED, SAVED],
        ),
        (
            "created-token",
            9,
            [(WHERE, ENTER), ("Create this token now? (y/N)", "y"), *AFTER, SAVED],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_story_of_the_demo_asks_so_much_and_no_more(play, scenario, most, questions):
    assert len(questions) <= most
    told = play(scenario)
    del told.stage.environment["ASPM_ADO_GLOBAL_PAT_END"]
    wizard = told.wizard("demo", "--scenario", scenario, rows=70)
    through(wizard, questions)
    *_, last = wizard.text.partition("(over)")[0].split("When you have entered it")
    ending = last.splitlines()[1:]
    assert 3 < len(ending) <= SCREEN, wizard.text


@pytest.mark.parametrize("days", [-30, 12], ids=["after the end", "the last days"])
def test_connecting_one_organization_asks_seven_questions(play, days):
    told = play()
    day = (datetime.now(UTC) + timedelta(days)).date().isoformat()
    told.stage.environment["ASPM_ADO_GLOBAL_PAT_END"] = day
    questions = [
        (WHERE, f"contoso{ENTER}"),
        (TOKEN, pasted(told.token) + ENTER),
        (EXPIRES, ENTER),
        (ASPM, f"aspm.example.test{ENTER}"),
        (ASPM_TOKEN, pasted(told.story.aspm_token) + ENTER),
        (HAND, ENTER),
        SAVED,
    ]
    assert len(questions) == 7
    through(told.wizard("connect", "--store", "none", "--register", "guided"), questions)


def through(wizard, questions):
    for question, keys in questions:
        wizard.answer(question, keys)
        if question == TOKEN:
            wizard.see("Verified:")
    assert wizard.end() == 0


def test_finish_later_at_the_url_stores_and_says_how_to_go_on(play):
    """No handoff, and the plan says no less."""
    told = play()
    wizard = told.wizard(
        "connect", "-o", "contoso", "--pat-expires", "2099-01-31", "--store", "none"
    )
    wizard.answer(TOKEN, pasted(told.token) + ENTER)
    wizard.answer(ASPM, f"later{ENTER}")
    wizard.see("aspm-ado connect contoso -o contoso --aspm-url URL")
    assert wizard.end() == 0


def test_no_at_the_plan_cancels_and_not_now_at_the_token_too(play):
    for steps in (
        [(TOKEN, ENTER), (ELSE, DOWN + DOWN + ENTER)],
        [
            (TOKEN, True),
            (EXPIRES, ENTER),
            (ASPM, f"aspm.example.test{ENTER}"),
            (ASPM_TOKEN, ENTER),
            (HAND, UP + ENTER),
        ],
    ):
        told = play()
        wizard = told.wizard(
            "connect", "-o", "contoso", "--store", "none", "--json", to=">document"
        )
        for question, keys in steps:
            wizard.answer(question, pasted(told.token) + ENTER if keys is True else keys)
        assert wizard.end() == 2
        assert squeezed("Cancelled.") in wizard.everything
        assert "Error" not in wizard.everything
        document = json.loads((told.stage.folder / "document").read_text())
        assert (document["error"]["reason"], document["exit_code"]) == ("declined", 2)
