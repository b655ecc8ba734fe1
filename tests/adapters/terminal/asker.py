"""Run on a pty by the tests: asks the questions named on its command line, and says on stdout what came of it."""

import json
import os
import signal
import sys
import termios
from pathlib import Path

from aspm_ado.adapters.signals import interruptible
from aspm_ado.adapters.terminal.prompter import TerminalPrompter
from aspm_ado.domain.errors import UsageError, UserError
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import Reason

FEW = [Choice("a", "alpha"), Choice("b", "beta", "the second"), Choice("c", "gamma\x1b]0;owned\x07\u202e")]
MANY = [Choice(f"v{number}", f"project-{number:03}") for number in range(199)] + [Choice("cjk", "日本 プロジェクト")]
QUESTION = Question("name", "Which one?", "--name", "ASPM_ADO_NAME")
TOKEN = Question("pat", "Personal access token", "--pat-file", "ASPM_ADO_PAT")
LONG = "A sentence that is longer than forty columns, so that it has to go on in the next row."


def digits(text: str) -> int:
    if not text.isdigit():
        raise UsageError(Reason.INPUT_INVALID, f"“{text}” is not a number.", remedy="Give digits only.")
    return int(text)


ask = TerminalPrompter(color=not os.environ.get("NO_COLOR"))
SCENARIOS = {
    "text": lambda: ask.text(QUESTION, "con\x1b[2Jtoso"),
    "number": lambda: ask.text(QUESTION, "x", accept=digits),
    "secret": lambda: ask.secret(TOKEN, ("It goes to https://dev.azure.com/con\x1b[2Jtoso", LONG)).reveal(),
    "secret-text": lambda: [ask.secret(TOKEN).reveal(), ask.text(QUESTION, "kept")],
    "few": lambda: ask.choose(QUESTION, FEW),
    "few-default": lambda: ask.choose(QUESTION, FEW, "b"),
    "many": lambda: ask.choose(QUESTION, MANY),
    "some": lambda: ask.choose_many(QUESTION, FEW),
    "some-of-many": lambda: ask.choose_many(QUESTION, MANY),
    "yes": lambda: ask.confirm(QUESTION, True),
    "no": lambda: ask.confirm(QUESTION, False),
    "long": lambda: ask.text(Question("long", LONG)),
}


def outcome(scenario: str) -> dict[str, object]:
    try:
        with interruptible():
            return {"answer": SCENARIOS[scenario]()}
    except UserError as error:
        echo = os.isatty(0) and bool(termios.tcgetattr(0)[3] & termios.ECHO)
        return {"error": error.reason, "problem": error.problem, "remedy": error.remedy, "echo": echo}


# A terminal that goes away sends SIGHUP more than once; one that comes after the answer must not end this report of it.
signal.signal(signal.SIGHUP, lambda *_: None)
Path("pid").write_text(str(os.getpid()))
outcomes = []
for number, name in enumerate(sys.argv[1:], start=1):
    sys.stderr.write(f"#{number}\n")
    outcomes.append(outcome(name))
sys.stdout.write(json.dumps(outcomes))
