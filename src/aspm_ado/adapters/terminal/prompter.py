"""Asking a person on the terminal, and asking again what was refused.

A terminal that can do nothing else (``TERM=dumb``) is asked in whole typed lines.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn, TextIO, TypeVar

from aspm_ado.adapters.signals import StoppedError, restored
from aspm_ado.adapters.terminal.voice import DUMB_TERMINALS, columns_of, is_terminal
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import InterruptedByUserError, Reason, UsageError, UserError
from aspm_ado.domain.text import clean, encodable, wrap

if TYPE_CHECKING:
    from aspm_ado.adapters.terminal.drawn import DrawnConsole

T = TypeVar("T")

_NO: Final = ("", "0", "false", "no", "off")


class TerminalPrompter:
    """Asks on stderr, so that stdout stays the result.

    A dumb terminal is asked in whole typed lines, any other with arrow keys; the library for the
    latter is loaded at the first question. ``color`` false means not one colour code.
    """

    asks = True

    def __init__(self, *, color: bool = True, environment: Mapping[str, str] = os.environ) -> None:
        self._color = color
        self._in_emacs = bool(environment.get("INSIDE_EMACS"))
        is_comint = "comint" in environment.get("INSIDE_EMACS", "")
        self._is_dumb = is_comint or environment.get("TERM", "").lower() in DUMB_TERMINALS
        self._made: DrawnConsole | TypedConsole | None = None

    def text(
        self,
        question: Question,
        default: str = "",
        *,
        accept: Callable[[str], object] | None = None,
    ) -> str:
        """One line, trimmed; Enter alone keeps ``default``.

        What ``accept`` refuses with a ``UserError`` is explained and asked again, then without the
        default. Without ``accept`` an empty answer is an answer.
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
                if answer == default:
                    default = ""
            else:
                return answer

    def secret(
        self, question: Question, context: Sequence[str] = (), *, accept: Callable[[str], T]
    ) -> T:
        """What ``accept`` makes of a value that never reaches the screen.

        ``context`` is printed above it, each on a line of its own.
        """
        for line in context:
            self._tell(line)
        with _leaving(question), restored() as signals:
            _put_echo_off()  # also between two prompts
            while signals.first is None:
                typed = self._console.hidden(self._label(question))
                try:
                    return accept(typed)
                except UserError as refusal:
                    self._explain(refusal, typed)
            raise KeyboardInterrupt

    def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        """One of the choices' values. A ``default`` that is not among them is forgotten."""
        if all(choice.value != default for choice in choices):
            default = ""
        with _leaving(question):
            return self._console.pick(self._label(question), self._rows(choices), default)

    def choose_many(
        self, question: Question, choices: Sequence[Choice], *, marked: bool = False
    ) -> tuple[str, ...]:
        """Any of them, in their order; also none. ``marked``: all of them at first."""
        with _leaving(question):
            label, rows = self._label(question), self._rows(choices)
            return self._console.pick_many(label, rows, marked=marked)

    def confirm(self, question: Question, default: bool) -> bool:
        """Yes or no; Enter alone is ``default``."""
        with _leaving(question):
            return self._console.yes_no(self._label(question), default)

    @property
    def _console(self) -> DrawnConsole | TypedConsole:
        if self._made is None:
            if self._is_dumb:
                self._made = TypedConsole(self._stream, in_emacs=self._in_emacs)
            else:
                from aspm_ado.adapters.terminal.drawn import DrawnConsole

                self._made = DrawnConsole(self._stream, color=self._color)
        return self._made

    @property
    def _stream(self) -> TextIO:
        # prompt_toolkit talks to STD_OUTPUT_HANDLE on Windows whatever stream it is given.
        return sys.stdout if sys.platform == "win32" else sys.stderr

    def _label(self, question: Question, default: str = "") -> str:
        label = clean(question.prompt)
        if default:
            label += f" [{clean(default)}]"
        if not label.endswith(("?", ":", ".")):
            label += ":"
        return self._readable(label)

    def _rows(self, choices: Sequence[Choice]) -> list[tuple[str, str]]:
        rows = []
        for choice in choices:
            label = choice.label
            if choice.hint:
                label += f"  ({choice.hint})"
            rows.append((choice.value, self._readable(clean(label))))
        return rows

    def _explain(self, refusal: UserError, answer: str) -> None:
        if not answer.strip():
            self._tell("  The answer is empty. Type an answer, or press Ctrl-C to leave.")
            return
        self._tell(f"  {refusal.problem}")
        self._tell(f"  {refusal.remedy}")

    def _tell(self, line: str) -> None:
        rows = wrap(line, columns_of(self._stream))
        self._stream.write(self._readable("".join(row + "\n" for row in rows)))
        self._stream.flush()

    def _readable(self, text: str) -> str:
        return encodable(text, self._stream.encoding)


def _put_echo_off() -> None:
    """Let the terminal of stdin show nothing that is typed."""
    if sys.platform == "win32":
        return
    import termios

    with contextlib.suppress(OSError, ValueError, termios.error):
        attributes = termios.tcgetattr(sys.stdin.fileno())
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)


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
            Reason.INPUT_INVALID, "The answer has more than one line.", remedy="Enter one line."
        )


class SilentPrompter:
    """Never asks: every question is an error that names what would have answered it."""

    asks = False

    def __init__(self, why: str) -> None:
        self._why = why

    def refuse(self, question: Question, *_: object, **__: object) -> NoReturn:
        """Raise ``UsageError``; a default is something to offer to a person, not an answer."""
        raise UsageError(
            Reason.INPUT_MISSING,
            f"{clean(question.prompt).rstrip(' ?:')}: an answer is required, and prompts are "
            f"unavailable ({self._why}).",
            remedy=question.how,
        )

    text = secret = choose = choose_many = confirm = refuse


def says_no(value: str) -> bool:
    """Whether a variable that may say no, as ``CI``, says it or is not set."""
    return value.strip().lower() in _NO


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
        if not says_no(environment.get(name, "")):
            return False, f"{name} is set"
    needed = [("standard input", stdin), ("standard error", stderr)]
    if sys.platform == "win32":
        needed.append(("standard output", stdout))
    for title, stream in needed:
        if not is_terminal(stream):
            return False, f"{title} is not a terminal"
    return True, ""


_YES_OR_NO: Final = {True: "(Y/n)", False: "(y/N)"}
"""The keys of a question, by its default."""
_MOST_SHOWN: Final = 20


class TypedConsole:
    """Writes on ``stream`` and reads lines from stdin; sends nothing but text and newlines."""

    def __init__(self, stream: TextIO, *, in_emacs: bool = False) -> None:
        self._stream, self._in_emacs = stream, in_emacs

    def line(self, message: str) -> str:
        """What was typed."""
        return self._ask(message)

    def hidden(self, message: str) -> str:
        """What was typed with the echo off; refused where it cannot be put off."""
        with warnings.catch_warnings(), restored() as signals:
            warnings.simplefilter("error", getpass.GetPassWarning)
            signals.leave = _interrupt  # nothing else ends the reading of a line
            prompt = self._prompt(message)
            signals.resume = partial(self._hide_again, prompt)
            if signals.first is not None:  # it came before it could end anything
                _interrupt()
            try:
                with self._line_ended():
                    return getpass.getpass(prompt, stream=self._stream)
            except getpass.GetPassWarning:
                raise UsageError(
                    Reason.INPUT_MISSING,
                    "This terminal cannot hide what you type, so aspm-ado does not prompt for a "
                    "secret.",
                    remedy="Pass the secret in a file, a variable, or standard input.",
                ) from None

    def _prompt(self, message: str) -> str:
        """Emacs hides what is typed behind a line that begins with the word “Password”."""
        if not self._in_emacs:
            return self._laid(message) + " "
        self._tell(message)
        return "Password or token: "

    def _hide_again(self, prompt: str) -> None:
        """Put the echo off and ask again: the shell, which has the terminal after a stop, put it
        on. What was typed meanwhile is dropped.
        """
        if sys.platform == "win32":
            return
        import termios

        terminal = sys.stdin.fileno()
        with contextlib.suppress(OSError, termios.error):  # it is gone, which says SIGCONT, too
            attributes = termios.tcgetattr(terminal)
            attributes[3] &= ~termios.ECHO
            termios.tcsetattr(terminal, termios.TCSAFLUSH, attributes)
            # Past the stream, which may be in the middle of a write and refuses a second one.
            os.write(self._stream.fileno(), prompt.encode(self._stream.encoding, "replace"))

    def pick(self, message: str, rows: Sequence[tuple[str, str]], default: str) -> str:
        """One row, by its number or by a part of its label that no other has."""
        shown = self._list(message, rows)
        while True:
            labels = (label.partition("  (")[0] for value, label in rows if value == default)
            offer = next((f" [{label}]" for label in labels if default), "")
            typed = self._ask(f"Number, or part of the name{offer}:").strip()
            if not typed and offer:
                return default
            found = _matching(typed, shown) or _matching(typed, rows)
            if len(found) == 1:
                return found[0][0]
            if found:
                shown = self._list("Several choices have that:", found)
            else:
                self._write("  No choice has that name.\n")

    def pick_many(
        self, message: str, rows: Sequence[tuple[str, str]], *, marked: bool = False
    ) -> tuple[str, ...]:
        """Any rows, by numbers or names with commas between, or all of them, or none."""
        self._list(message, rows)
        enter, other = ("all", "none") if marked else ("none", "all")
        while True:
            prompt = f"Numbers or names, with commas; {other}; or Enter for {enter}:"
            typed = self._ask(prompt).strip() or enter
            if typed.lower() == "all":
                return tuple(value for value, _label in rows)
            if typed.lower() == "none":
                return ()
            parts = filter(None, map(str.strip, typed.split(",")))
            found = [_matching(part, rows) for part in parts]
            if all(len(each) == 1 for each in found):
                taken = [each[0] for each in found]
                return tuple(row[0] for row in rows if row in taken)
            self._write("  Each name must match exactly one choice.\n")

    def yes_no(self, message: str, default: bool) -> bool:
        """Yes or no."""
        while True:
            typed = self._ask(f"{message} {_YES_OR_NO[default]}").strip().lower()
            if not typed:
                return default
            if typed in ("y", "yes", "n", "no"):
                return typed.startswith("y")
            self._write("  Answer y or n.\n")

    def _list(self, message: str, rows: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        self._tell(message)
        for number, (_value, label) in enumerate(rows[:_MOST_SHOWN], start=1):
            self._tell(f"  {number}) {label}")
        if len(rows) > _MOST_SHOWN:
            self._write(f"  and {len(rows) - _MOST_SHOWN} more\n")
        return rows

    def _ask(self, prompt: str) -> str:
        self._write(self._laid(prompt) + " ")
        with self._line_ended():
            typed = sys.stdin.readline()
        if not typed:
            self._write("\n")
            raise EOFError
        return typed.removesuffix("\n")

    @contextlib.contextmanager
    def _line_ended(self) -> Iterator[None]:
        """Inside, Ctrl-C ends the line of the question, so that what follows begins its own."""
        try:
            yield
        except KeyboardInterrupt:
            with contextlib.suppress(OSError, ValueError):  # the terminal is gone
                self._write("\n")
            raise

    def _laid(self, text: str) -> str:
        """``text`` in rows that end between words."""
        return "\n".join(wrap(text, columns_of(self._stream)))

    def _tell(self, line: str) -> None:
        self._write(self._laid(line) + "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _interrupt() -> None:
    raise KeyboardInterrupt


def _matching(typed: str, rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The row of that number, else the one of exactly that name, else all whose label has it."""
    if typed.isdecimal() and 1 <= int(typed) <= len(rows):
        return [rows[int(typed) - 1]]
    wanted = typed.casefold()
    exact = [row for row in rows if wanted in (row[0].casefold(), row[1].casefold())]
    return exact[:1] or [row for row in rows if wanted and wanted in row[1].casefold()]
