"""Ctrl-C at each question of what changes a stored connection: the words, the code, the terminal, and what is stored."""

from __future__ import annotations

import pytest

from ..e2e.questions import ENTERED, EXPIRES, TOKEN
from ..e2e.terminal import CTRL_C, ENTER, UP, pasted, squeezed
from .secret_service import MARKS

pytestmark = MARKS
OLD, WAITS, NEW = ("old", None), ("old", "new"), ("new", None)
STORED = "Error: Interrupted. The connection “both” is stored. Remaining to enter in Invicti ASPM: "
KEPT = "Error: Interrupted. No new token is stored. The current token stays in use."
WAITING = "Error: Interrupted. The new token is stored. The current token stays in use until Invicti ASPM has it."
NONE_YET = "Error: Interrupted. New tokens stored: 0 of 2. Remaining: contoso, fabrikam."
STEP = "What do you want to do with this organization? (arrows"
WHICH = "Which organizations need their own token? (arrows"


@pytest.mark.parametrize(
    ("command", "questions", "left"),
    [
        (
            "handoff",
            [ENTERED, ENTERED],
            [
                ([OLD, OLD], f"{STORED}contoso, fabrikam.", "handoff"),
                ([OLD, OLD], f"{STORED}fabrikam.", "handoff"),
            ],
        ),
        (
            "rotate",
            [TOKEN, EXPIRES, ENTERED, ENTERED],
            [
                ([OLD, OLD], KEPT, "rotate"),
                ([OLD, OLD], KEPT, "rotate"),
                ([WAITS, WAITS], WAITING, "handoff"),
                ([NEW, WAITS], WAITING, "handoff"),
            ],
        ),
        (
            "migrate",
            [WHICH, STEP, TOKEN],
            [
                ([OLD, OLD], f"Error: Stopped at the question: {WHICH[:-8]}", ""),
                ([OLD, OLD], NONE_YET, "migrate"),
                ([OLD, OLD], NONE_YET, "migrate"),
            ],
        ),
    ],
    ids=["handoff", "rotate", "migrate"],
)
def test_ctrl_c_says_what_is_stored_and_the_command_that_continues(home, command, questions, left):
    """The exit code is 130, the terminal is as it was, and no secret is on it: ``play`` looks."""
    given = {
        WHICH: ENTER, STEP: ENTER, TOKEN: pasted(home.values["new"]) + ENTER, EXPIRES: ENTER,
        ENTERED: UP + ENTER,
    }  # fmt: skip
    for leave_at, (stored, words, following) in enumerate(left):
        home.back()
        wizard = home.play.wizard(command, "both")
        came = wizard.play(given, leave_at=leave_at, with_=CTRL_C)
        assert (came, wizard.code) == (questions[: leave_at + 1], 130)
        assert home.listed() == {"both": stored}
        said = wizard.everything
        assert squeezed(words) in said, wizard.text
        go_on = (
            f"Tocontinue,run:aspm-ado{following}both" if following else "Runthesamecommandagain."
        )
        assert said.endswith(f"→{go_on}(over)")
