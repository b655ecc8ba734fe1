"""Whether there is somebody to ask; and where there is nobody, saying which option would have answered."""

# ruff: noqa: ARG002 - it takes what every prompter takes, and needs none of it

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TextIO, TypeVar

from aspm_ado.adapters.terminal.voice import is_terminal
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

T = TypeVar("T")
_NO: Final = ("", "0", "false", "no", "off")


class SilentPrompter:
    """Never asks: every question is an error that names the option or the variable which would have answered."""

    def __init__(self, why: str) -> None:
        self._why = why

    @property
    def asks(self) -> bool:
        """There is nobody to ask."""
        return False

    def text(
        self,
        question: Question,
        default: str = "",
        *,
        accept: Callable[[str], object] | None = None,
    ) -> str:
        """Raises ``UsageError``; a default is something to offer to a person, not an answer."""
        raise self._refusal(question)

    def secret(
        self,
        question: Question,
        context: Sequence[str] = (),
        *,
        accept: Callable[[str], T],
    ) -> T:
        """Raises ``UsageError``."""
        raise self._refusal(question)

    def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        """Raises ``UsageError``."""
        raise self._refusal(question)

    def choose_many(self, question: Question, choices: Sequence[Choice]) -> tuple[str, ...]:
        """Raises ``UsageError``."""
        raise self._refusal(question)

    def confirm(self, question: Question, default: bool) -> bool:
        """Raises ``UsageError``."""
        raise self._refusal(question)

    def _refusal(self, question: Question) -> UsageError:
        return UsageError(
            Reason.INPUT_MISSING,
            f"{clean(question.prompt).rstrip(' ?:')}: an answer is needed and there is nobody to ask ({self._why}).",
            remedy=question.how,
        )


def can_ask(
    environment: Mapping[str, str],
    stdin: TextIO | None,
    stderr: TextIO | None,
    stdout: TextIO | None,
    no_input: bool,
) -> tuple[bool, str]:
    """Whether somebody can be asked, and if not, why not."""
    if no_input:
        return False, "--no-input was given"
    for name in ("ASPM_ADO_NO_INPUT", "CI"):
        if environment.get(name, "").strip().lower() not in _NO:
            return False, f"{name} is set"
    needed = [("standard input", stdin), ("standard error", stderr)]
    if sys.platform == "win32":
        needed.append(("standard output", stdout))
    for title, stream in needed:
        if not is_terminal(stream):
            return False, f"{title} is not a terminal"
    return True, ""
