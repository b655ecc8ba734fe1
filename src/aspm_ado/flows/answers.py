"""The answers of a run: from a flag, a variable, an earlier run or a person.

Each goes through the same parser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeVar

from aspm_ado.domain.questions import STORE
from aspm_ado.domain.reasons import Reason, UsageError, UserError
from aspm_ado.domain.secret import Secret, require_simulated
from aspm_ado.domain.text import clean, typed_word

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import NamedRepository
    from aspm_ado.domain.ports import Prompter
    from aspm_ado.domain.questions import Choice, Given, Question

T = TypeVar("T")
AUTO: Final = "auto"
NO: Final = "no"


class Asker:
    """Answers questions from what was given, else from a person.

    ``remembered`` are the answers of an interrupted run, offered as defaults; ``answered`` collects
    this run's, so that they can be offered again. Secrets never pass through here.
    """

    def __init__(
        self,
        given: Mapping[str, Given],
        prompter: Prompter,
        remembered: Mapping[str, str] | None = None,
        *,
        is_simulated: bool = False,
    ) -> None:
        self._given, self.prompter = dict(given), prompter
        self._is_simulated = is_simulated
        self._remembered = dict(remembered or {})
        self.answered: dict[str, str] = {}
        self.unstored: list[object] = []
        """The secrets that a person has typed since the last were stored."""

    @property
    def asks(self) -> bool:
        """Whether there is somebody to ask."""
        return self.prompter.asks

    @property
    def keeps(self) -> bool:
        """Whether anything of this run is to be stored (``--store``)."""
        return self.one(STORE, one_of(STORE)) != "none"

    def given(self, question: Question) -> Given | None:
        """What a flag or a variable says, if one does."""
        return self._given.get(question.name)

    def switch(self, question: Question) -> bool:
        """Whether a switch is on."""
        given = self.given(question)
        return given is not None and given.value == "true"

    def one(self, question: Question, parse: Callable[[str], T]) -> T | None:
        """The parsed answer that was given, or ``None``."""
        given = self.given(question)
        if given is None:
            return None
        return _parsed(given.value, given.source, parse)

    def many(self, question: Question, parse: Callable[[str], T]) -> tuple[T, ...]:
        """All parsed answers that were given."""
        given = self.given(question)
        if given is None:
            return ()
        return tuple(_parsed(value, given.source, parse) for value in given.values)

    def need(self, question: Question, parse: Callable[[str], T]) -> T:
        """The parsed answer, asked for where it was not given.

        Raises ``UsageError`` where nobody can be asked.
        """
        found = self.one(question, parse)
        if found is not None:
            return found
        answer = self.prompter.text(question, self.default(question), accept=parse)
        self.answered[question.name] = answer
        return parse(answer)

    def pick(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        """One of the choices, asked for where it was not given."""
        found = self.one(question, one_of(question))
        if found is None:
            found = self.prompter.choose(question, choices, self.default(question, default))
            self.answered[question.name] = found
        return found

    def secret(self, question: Question, above: Sequence[str], accept: Callable[[str], T]) -> T:
        """A hidden answer of a person, as ``accept`` returns it."""

        def accepted(typed: str) -> T:
            value = accept(typed)
            if self._is_simulated and isinstance(value, Secret):
                require_simulated(value)
            return value

        found = self.prompter.secret(question, above, accept=accepted)
        if found is not None:
            self.unstored.append(found)
        return found

    def forget(self, secret: Secret) -> None:
        """Do not tell a person to keep a secret that is of no use."""
        self.unstored = [one for one in self.unstored if one != secret]

    def default(self, question: Question, otherwise: str = "") -> str:
        """What to offer: the answer of the interrupted run, else ``otherwise``."""
        return self._remembered.get(question.name, otherwise)

    def change(self, question: Question, value: str = "") -> None:
        """Put a person's later answer in the place of what was given."""
        self._given.pop(question.name, None)
        self.answered[question.name] = value

    def typed(self, questions: Iterable[Question]) -> str:
        """The options among these as they were typed: not what a variable says."""
        words = []
        for one in questions:
            given = self.given(one)
            if given is not None and given.is_flag:
                values = [] if one.switch else given.values
                words += [f"{one.flag} {typed_word(value)}" for value in values]
                words += [one.flag] * one.switch
        return " ".join(words)

    def source(self, question: Question) -> str:
        """Where the answer came from, in words."""
        if (given := self.given(question)) is not None:
            return f"from {given.source}"
        if question.name in self.answered:
            return "your answer"
        if self._remembered.get(question.name, question.default) != question.default:
            return "your earlier answer"
        return "default"


def declined(remedy: str) -> UsageError:
    """What a person's "no" to the plan, or to a confirmation, comes to."""
    return UsageError(Reason.DECLINED, "Cancelled.", remedy=remedy)


def one_of(question: Question) -> Callable[[str], str]:
    """A parser for a question with fixed answers."""

    def parse(text: str) -> str:
        value = text.strip().lower()
        if value in question.values:
            return value
        near = get_close_matches(value, question.values, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{clean(text, 60)}” is not an answer for {question.flag}.",
            remedy=f"{hint}Choose one of: {', '.join(question.values)}.",
        )

    return parse


def parse_check_clone(text: str) -> str | NamedRepository:
    """``auto``, ``no`` or a repository."""
    value = text.strip().strip("/").lower()
    if value in (AUTO, NO):
        return value
    from aspm_ado.domain.azure.place import parse_repository

    return parse_repository(text)


def parse_username(text: str) -> str:
    """A user name for HTTP Basic: any text without a colon or control characters."""
    value = text.strip()
    if not value or ":" in value or any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):
        raise UsageError(
            Reason.INPUT_INVALID,
            "A username has no colon and no control character, and is not empty.",
            remedy="Enter the name that you sign in with. Azure DevOps Services accepts any name.",
        )
    return value


def _parsed(value: str, source: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(value)
    except UserError as error:
        if source not in error.problem:
            error.problem = f"{error.problem} (from {source})"
        raise
