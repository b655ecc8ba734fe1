"""Run on a pty by the tests: asks the questions named on its command line, and says on stdout what came of it.

``text!1after=SIGTERM,2before=SIGINT+SIGHUP`` is the question ``text``, and signals around the first and the second time
that the terminal's attributes are set.
"""

import json
import os
import signal
import sys
import termios
from itertools import count
from pathlib import Path

from aspm_ado.adapters.signals import interruptible
from aspm_ado.adapters.terminal.prompter import TerminalPrompter
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import Reason, UsageError, UserError
from aspm_ado.domain.secret import Secret, parse_secret

FEW = [
    Choice("a", "alpha"),
    Choice("b", "beta", "the second"),
    Choice("c", "gamma\x1b]0;owned\x07\u202e"),
]
MANY = [Choice(f"v{number}", f"project-{number:03}") for number in range(199)] + [
    Choice("cjk", "日本 プロジェクト")
]
QUESTION = Question("name", "Which one?", "--name", "ASPM_ADO_NAME")
TOKEN = Question("pat", "Personal access token", "--pat-file", "ASPM_ADO_PAT")
WHERE = "It goes to https://dev.azure.com/con\x1b[2Jtoso"
WORDY = Question(
    "wordy", "What will that great machine over there be used for when it is finished?"
)
PHRASES = [
    Choice(
        "one", "A label of more words than a narrow terminal has room for", "and a hint behind it"
    )
]
LONG = "A sentence that is longer than forty columns, so that it has to go on in the next row."


def taken(typed: str) -> Secret:
    return parse_secret(typed, "the prompt", TOKEN.prompt)


echoes: list[bool] = []


def watched(typed: str) -> list[bool]:
    echoes.append(bool(termios.tcgetattr(0)[3] & termios.ECHO))
    taken(typed)
    return echoes


def digits(text: str) -> int:
    if not text.isdigit():
        raise UsageError(
            Reason.INPUT_INVALID, f"“{text}” is not a number.", remedy="Give digits only."
        )
    return int(text)


ask = TerminalPrompter(color=not os.environ.get("NO_COLOR"))
SCENARIOS = {
    "text": lambda: ask.text(QUESTION, "con\x1b[2Jtoso"),
    "number": lambda: ask.text(QUESTION, "x", accept=digits),
    "secret": lambda: ask.secret(TOKEN, (WHERE, LONG), accept=taken).reveal(),
    "secret-text": lambda: [ask.secret(TOKEN, accept=taken).reveal(), ask.text(QUESTION, "kept")],
    "secret-watched": lambda: ask.secret(TOKEN, accept=watched),
    "few": lambda: ask.choose(QUESTION, FEW),
    "few-default": lambda: ask.choose(QUESTION, FEW, "b"),
    "many": lambda: ask.choose(QUESTION, MANY),
    "some": lambda: ask.choose_many(QUESTION, FEW),
    "marked": lambda: ask.choose_many(QUESTION, FEW, marked=True),
    "some-of-many": lambda: ask.choose_many(QUESTION, MANY),
    "wordy": lambda: ask.choose(WORDY, [*PHRASES, *FEW]),
    "wordy-some": lambda: ask.choose_many(WORDY, [*PHRASES, *FEW]),
    "wordy-yes": lambda: ask.confirm(WORDY, True),
    "yes": lambda: ask.confirm(QUESTION, True),
    "no": lambda: ask.confirm(QUESTION, False),
    "long": lambda: ask.text(Question("long", LONG)),
}


SET = termios.tcsetattr


def strike(signals: str) -> None:
    wanted = dict(each.split("=") for each in signals.split(",") if each)
    times = count(1)

    def tcsetattr(*arguments: object) -> None:
        time = next(times)
        for moment in ("before", "after"):
            for name in filter(None, wanted.pop(f"{time}{moment}", "").split("+")):
                signal.raise_signal(getattr(signal, name))
            if moment == "before":
                SET(*arguments)

    termios.tcsetattr = tcsetattr


def outcome(scenario: str, signals: str) -> dict[str, object]:
    strike(signals)
    try:
        with interruptible():
            return {"answer": SCENARIOS[scenario]()}
    except UserError as error:
        kept = os.isatty(0) and termios.tcgetattr(0) == BEFORE
        return {
            "error": error.reason,
            "problem": error.problem,
            "remedy": error.remedy,
            "kept": kept,
        }


# A terminal that goes away sends SIGHUP more than once; one that comes after the answer must not end this report of it.
signal.signal(signal.SIGHUP, lambda *_: None)
BEFORE = termios.tcgetattr(0)
Path("pid").write_text(str(os.getpid()))
outcomes = []
for number, name in enumerate(sys.argv[1:], start=1):
    sys.stderr.write(f"#{number}\n")
    scenario, _, signals = name.partition("!")
    outcomes.append(outcome(scenario, signals))
sys.stdout.write(json.dumps(outcomes))
