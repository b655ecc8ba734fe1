"""Asking a person on the terminal, and asking again what was refused."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol, TextIO, TypeVar

from aspm_ado.adapters.signals import StoppedError
from aspm_ado.adapters.terminal.voice import columns_of, is_terminal
from aspm_ado.domain.errors import InterruptedByUserError, UsageError, UserError
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean, encodable, wrap

T = TypeVar("T")

__all__ = ["SilentPrompter", "TerminalPrompter", "can_ask"]

_DUMB: Final = ("dumb", "unknown")


class Console(Protocol):
    """One way to put a question on a terminal. Raises ``KeyboardInterrupt`` or ``EOFError`` when the person leaves."""

    def line(self, message: str) -> str:
        """What was typed, untouched."""
        ...

    def hidden(self, message: str) -> str:
        """What was typed and not shown."""
        ...

    def pick(self, message: str, rows: Sequence[tuple[str, str]], default: str) -> str:
        """The value of one of the rows (value, label); ``default`` is one of the values or empty."""
        ...

    def pick_many(self, message: str, rows: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The values of any of the rows, in their order."""
        ...

    def yes_no(self, message: str, default: bool) -> bool:
        """Yes or no; Enter alone is ``default``."""
        ...


class TerminalPrompter:
    """Asks on the terminal, on stderr, so that stdout stays the result (on Windows the console is reached by stdout).

    A dumb terminal is asked in whole typed lines, any other with arrow keys; the library for the latter is loaded
    at the first question. ``color`` false means not one colour code.
    """

    def __init__(self, *, color: bool = True, environment: Mapping[str, str] = os.environ) -> None:
        self._color, self._dumb = color, environment.get("TERM", "").lower() in _DUMB
        self._made: Console | None = None

    @property
    def asks(self) -> bool:
        """There is somebody to ask."""
        return True

    def text(
        self,
        question: Question,
        default: str = "",
        *,
        accept: Callable[[str], object] | None = None,
    ) -> str:
        """One line, trimmed; Enter alone keeps ``default``.

        What ``accept`` refuses with a ``UserError`` is explained and asked again, then without the default.
        Without ``accept`` an empty answer is an answer.
        """
        while True:
            with _leaving(question):
                answer = self._console.line(self._label(question, default)).strip() or default
            try:
                _one_line(answer)
                if accept is not None:
                    accept(answer)
            except UserError as refusal:
                self._explain(refusal, answer)
                default = default if answer != default else ""
            else:
                return answer

    def secret(
        self, question: Question, context: Sequence[str] = (), *, accept: Callable[[str], T]
    ) -> T:
        """What ``accept`` makes of a value that never reaches the screen; ``context`` is printed above it, each on a
        line of its own.
        """
        for line in context:
            self._tell(line)
        while True:
            with _leaving(question):
                typed = self._console.hidden(self._label(question))
            try:
                return accept(typed)
            except UserError as refusal:
                self._explain(refusal, typed)

    def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        """One of the choices' values. A ``default`` that is not among them is forgotten."""
        known = any(choice.value == default for choice in choices)
        with _leaving(question):
            return self._console.pick(
                self._label(question), self._rows(choices), default if known else ""
            )

    def choose_many(self, question: Question, choices: Sequence[Choice]) -> tuple[str, ...]:
        """Any of them, in their order; also none."""
        with _leaving(question):
            return self._console.pick_many(self._label(question), self._rows(choices))

    def confirm(self, question: Question, default: bool) -> bool:
        """Yes or no; Enter alone is ``default``."""
        with _leaving(question):
            return self._console.yes_no(self._label(question), default)

    @property
    def _console(self) -> Console:
        if self._made is None:
            if self._dumb:
                from aspm_ado.adapters.terminal.typed import TypedConsole

                self._made = TypedConsole(self._stream)
            else:
                from aspm_ado.adapters.terminal.drawn import DrawnConsole

                self._made = DrawnConsole(self._stream, color=self._color)
        return self._made

    @property
    def _stream(self) -> TextIO:
        # prompt_toolkit talks to STD_OUTPUT_HANDLE on Windows whatever stream it is given.
        return sys.stdout if sys.platform == "win32" else sys.stderr

    def _label(self, question: Question, default: str = "") -> str:
        label = clean(question.prompt) + (f" [{clean(default)}]" if default else "")
        return self._readable(label if label.endswith(("?", ":", ".")) else label + ":")

    def _rows(self, choices: Sequence[Choice]) -> list[tuple[str, str]]:
        return [
            (
                choice.value,
                self._readable(
                    clean(f"{choice.label}  ({choice.hint})" if choice.hint else choice.label)
                ),
            )
            for choice in choices
        ]

    def _explain(self, refusal: UserError, answer: str) -> None:
        empty = ("That was empty. Type an answer, or leave with Ctrl-C.",)
        for line in (refusal.problem, refusal.remedy) if answer.strip() else empty:
            self._tell(f"  {line}")

    def _tell(self, line: str) -> None:
        rows = wrap(line, columns_of(self._stream))
        self._stream.write(self._readable("".join(row + "\n" for row in rows)))
        self._stream.flush()

    def _readable(self, text: str) -> str:
        return encodable(text, self._stream.encoding)


@contextlib.contextmanager
def _leaving(question: Question) -> Iterator[None]:
    """Ctrl-C, Ctrl-D and a terminal that is gone (``OSError``) are the same wish."""
    try:
        yield
    except (KeyboardInterrupt, EOFError, OSError) as left:
        if isinstance(left, StoppedError):
            raise  # it has words of its own
        raise InterruptedByUserError(
            Reason.INTERRUPTED,
            f"Stopped at the question: {clean(question.prompt).rstrip(' :')}",
            remedy="Run the same command again.",
        ) from None


def _one_line(answer: str) -> None:
    if len(answer.splitlines()) > 1:
        raise UsageError(
            Reason.INPUT_INVALID, "That was more than one line.", remedy="Give one line."
        )


# ruff: noqa: ARG002 - it takes what every prompter takes, and needs none of it


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
