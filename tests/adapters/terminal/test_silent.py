"""Where nobody can be asked, and what is said instead."""

from __future__ import annotations

import io
import sys

import pytest

from aspm_ado.adapters.terminal.prompter import SilentPrompter, TerminalPrompter, can_ask
from aspm_ado.domain.ports import Prompter
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import Reason, UsageError

QUESTION = Question(
    "organization", "Which organization?", "--organization", "ASPM_ADO_ORGANIZATION"
)


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "ask",
    [
        lambda prompter: prompter.text(QUESTION, "a default is no answer"),
        lambda prompter: prompter.secret(QUESTION, ("context",), accept=str),
        lambda prompter: prompter.choose(QUESTION, [Choice("a", "a")], "a"),
        lambda prompter: prompter.choose_many(QUESTION, [Choice("a", "a")]),
        lambda prompter: prompter.confirm(QUESTION, True),
    ],
)
def test_says_what_would_have_answered(ask):
    with pytest.raises(UsageError) as refused:
        ask(SilentPrompter("CI is set"))
    assert refused.value.reason is Reason.INPUT_MISSING
    assert "Which organization" in refused.value.problem
    assert "(CI is set)" in refused.value.problem
    assert refused.value.remedy == "Pass --organization or set ASPM_ADO_ORGANIZATION."


def test_both_are_prompters_and_say_whether_they_ask():
    prompters: list[Prompter] = [SilentPrompter("why"), TerminalPrompter()]
    assert [each.asks for each in prompters] == [False, True]


def test_importing_loads_no_prompt_library():
    import subprocess

    code = "import sys, aspm_ado.adapters.terminal.prompter as t; t.TerminalPrompter(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"questionary", "prompt_toolkit", "rich", "asyncio"} & set(loaded)


@pytest.mark.parametrize(
    ("environment", "no_input", "why"),
    [
        ({}, True, "--no-input"),
        ({"ASPM_ADO_NO_INPUT": "1"}, False, "ASPM_ADO_NO_INPUT"),
        ({"ASPM_ADO_NO_INPUT": "Yes"}, False, "ASPM_ADO_NO_INPUT"),
        ({"ASPM_ADO_NO_INPUT": "0", "CI": "true"}, False, "CI is set"),
        ({"CI": "woodpecker"}, False, "CI is set"),
    ],
)
def test_said_no(environment, no_input, why):
    asks, said = can_ask(environment, Tty(), Tty(), Tty(), no_input)
    assert not asks
    assert why in said


@pytest.mark.parametrize(
    "environment", [{}, {"CI": ""}, {"CI": "False"}, {"ASPM_ADO_NO_INPUT": "off"}]
)
def test_somebody_is_there(environment):
    assert can_ask(environment, Tty(), Tty(), Tty(), False) == (True, "")


def test_streams():
    closed = io.StringIO()
    closed.close()
    assert can_ask({}, io.StringIO(), Tty(), Tty(), False) == (
        False,
        "standard input is not a terminal",
    )
    assert can_ask({}, None, Tty(), Tty(), False)[0] is False
    assert can_ask({}, Tty(), closed, Tty(), False) == (False, "standard error is not a terminal")


@pytest.mark.parametrize(
    ("platform", "asks"), [("linux", True), ("darwin", True), ("win32", False)]
)
def test_a_redirected_stdout_matters_on_windows_only(monkeypatch, platform, asks):
    monkeypatch.setattr(sys, "platform", platform)
    assert can_ask({}, Tty(), Tty(), io.StringIO(), False)[0] is asks
