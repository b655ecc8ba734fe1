"""Questions drawn by questionary, with what its lists lack.

A way out by Ctrl-D, ASCII marks, rows of any length, a search that finds nothing.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, TextIO

import questionary
from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.styles import Style
from questionary.constants import INDICATOR_SELECTED, INDICATOR_UNSELECTED
from questionary.prompts.common import InquirerControl

from aspm_ado.adapters.signals import Held, restored
from aspm_ado.adapters.terminal.voice import columns_of
from aspm_ado.domain.text import display_width, wrap

_MARKS: Final = {f"{INDICATOR_SELECTED} ": "[x] ", f"{INDICATOR_UNSELECTED} ": "[ ] "}


def tune(application: Application[Any], columns: int, *, search: bool) -> None:
    """Mend the list in ``application``, where it has one."""
    controls = application.layout.find_all_controls()
    for control in [each for each in controls if isinstance(each, InquirerControl)]:
        _draw(control, columns)
        # Bound last, so that they win over questionary's own.
        own = application.key_bindings or KeyBindings()
        keys = [own, _ways_out()]
        if search:
            keys.append(_search(control))
        application.key_bindings = merge_key_bindings(keys)


def _draw(control: InquirerControl, columns: int) -> None:
    draw: Any = control.text

    def drawn() -> StyleAndTextTuples:
        if _finds_nothing(control):
            return [("class:instruction", "   (no match: press Backspace)")]
        rows: StyleAndTextTuples = []
        column = 0
        for style, text in draw():
            shown = _MARKS.get(text, text)
            if shown != "\n" and column + display_width(shown) > columns:
                shown = ("\n" + " " * (column + 2)).join(wrap(shown, columns - column - 2))
            rows.append((style, shown))
            _, ended, row = shown.rpartition("\n")
            if ended:
                column = 0
            column += display_width(row)
        return rows

    control.text = drawn


def _ways_out() -> KeyBindings:
    keys = KeyBindings()

    @keys.add(Keys.ControlD, eager=True)
    def _end(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError)

    return keys


def _search(control: InquirerControl) -> KeyBindings:
    keys = KeyBindings()
    lost = Condition(lambda: _finds_nothing(control))
    searching = Condition(lambda: control.search_filter is not None)

    # questionary falls back to the whole list when nothing matches, and would take its first row.
    @keys.add(Keys.ControlM, eager=True, filter=lost)
    @keys.add(" ", eager=True, filter=lost)
    def _refuse(_event: KeyPressEvent) -> None:
        """Take nothing that is not shown."""

    @keys.add(Keys.Any)
    @keys.add(Keys.BracketedPaste)
    def _more(event: KeyPressEvent) -> None:
        """What questionary does not bind: letters beyond ASCII, and a pasted name."""
        for character in event.data:
            if character.isprintable():
                control.add_search_character(character)  # type: ignore[arg-type]  # keeps str(character)

    @keys.add(Keys.ControlI, eager=True)
    def _keep(_event: KeyPressEvent) -> None:
        """Tab would turn every mark over."""

    @keys.add(Keys.ControlA, eager=True, filter=searching & ~lost)
    def _mark_shown(_event: KeyPressEvent) -> None:
        shown = [choice.value for choice in control.filtered_choices]
        marked = control.selected_options
        missing = [value for value in shown if value not in marked]
        if missing:
            control.selected_options = [*marked, *missing]
        else:
            control.selected_options = [each for each in marked if each not in shown]

    return keys


def _finds_nothing(control: InquirerControl) -> bool:
    wanted = (control.search_filter or "").lower()
    return bool(wanted) and not any(
        wanted in str(choice.title).lower() for choice in control.choices
    )


# Nothing outside ASCII is drawn: cp1252 consoles and bare containers would show "?" in its place.
_MARK: Final = "?"
_POINTER: Final = ">"
_SEARCHED_FROM: Final = 13
_LONGEST: Final = 60
"""Columns for what was chosen; more is told as a number."""
_COLORS: Final = Style(
    [
        ("qmark", "ansicyan"),
        ("answer", "nobold ansicyan"),
        ("pointer", "bold ansicyan"),
        ("highlighted", "bold"),
        ("selected", "ansicyan"),
    ]
)


class DrawnConsole:
    """Draws on ``stream``, which is a terminal, and reads keys from stdin."""

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        self._stream = stream
        self._style = Style([])
        self._depth: ColorDepth | None = ColorDepth.DEPTH_1_BIT
        if color:
            self._style, self._depth = _COLORS, None

    def line(self, message: str) -> str:
        """What was typed."""
        return str(self._run(questionary.text, self._laid(message)))

    def hidden(self, message: str) -> str:
        """What was typed; the screen shows a star for each character."""
        keys = KeyBindings()
        # An old Windows console sends Ctrl-V itself, which would quote the Enter that follows it.
        keys.add("c-v")(lambda _event: None)
        return str(
            self._run(
                questionary.password, self._laid(message), key_bindings=keys, forget_ahead=True
            )
        )

    def pick(self, message: str, rows: Sequence[tuple[str, str]], default: str) -> str:
        """One row, with the arrows; a long list can be searched."""
        search, keys = len(rows) >= _SEARCHED_FROM, "(arrows, Enter)"
        if search:
            keys = "(arrows, type to search, Enter)"
        taken = str(
            self._run_list(
                questionary.select, message, keys, rows, search=search, default=default or None
            )
        )
        self._keep(message, next(label for value, label in rows if value == taken))
        return taken

    def pick_many(
        self, message: str, rows: Sequence[tuple[str, str]], *, marked: bool = False
    ) -> tuple[str, ...]:
        """Any rows: Space marks, typing searches, Ctrl-A marks all that are shown."""
        keys = "(arrows, Space marks, Ctrl-A all, type to search, Enter)"
        taken: list[str] = self._run_list(
            questionary.checkbox, message, keys, rows, search=True, marked=marked
        )
        names = ", ".join(label for value, label in rows if value in taken) or "none"
        if len(names) > _LONGEST:
            names = f"{len(taken)} chosen"
        self._keep(message, names)
        return tuple(taken)

    def yes_no(self, message: str, default: bool) -> bool:
        """Yes or no, by one key."""
        laid = self._laid(message, behind=len("(Y/n) Yes"))
        return bool(self._run(questionary.confirm, laid, default=default))

    def _run_list(
        self,
        widget: Any,
        message: str,
        keys: str,
        rows: Sequence[tuple[str, str]],
        *,
        search: bool,
        marked: bool = False,
        **options: Any,
    ) -> Any:
        return self._run(
            widget,
            self._laid(f"{message} {keys}"),
            choices=[questionary.Choice(label, value, checked=marked) for value, label in rows],
            use_search_filter=search,
            use_jk_keys=False,
            instruction=" ",  # it is in the message, to be wrapped with it
            pointer=_POINTER,
            erase_when_done=True,  # it would break words, and say "done" of nothing at all
            **options,
        )

    def _laid(self, message: str, *, behind: int = 0) -> str:
        """``message`` in rows that end between words, with so many columns ``behind`` it free.

        The library breaks a row wherever it is full.
        """
        room = f" {'x' * behind}" if behind else ""
        laid = "\n".join(wrap(f"{_MARK} {message}{room}", columns_of(self._stream)))
        return laid.removeprefix(f"{_MARK} ").removesuffix(room.strip()).rstrip(" ")

    def _keep(self, message: str, answer: str) -> None:
        """Leave a question on the screen with its answer, as the others are left."""
        laid = self._laid(f"{message} {answer}")
        asked = re.match(rf"(?:\s*\S){{{len(''.join(message.split()))}}}\s*", laid)
        end = asked.end() if asked else 0
        parts = [("class:qmark", _MARK), ("", f" {laid[:end]}"), ("class:answer", laid[end:])]
        print_formatted_text(
            FormattedText(parts), style=self._style, output=self._output(), color_depth=self._depth
        )

    def _run(self, widget: Any, message: str, *, forget_ahead: bool = False, **options: Any) -> Any:
        # The session's output is set, so that nothing inside the libraries falls back to stdout.
        with restored() as signals, create_app_session(output=self._output()) as session:
            question = widget(message, qmark=_MARK, color_depth=self._depth, **options)
            application: Application[Any] = question.application
            application.style = self._style
            search = bool(options.get("use_search_filter"))
            tune(application, columns_of(self._stream), search=search)
            try:
                return _run(application, signals)
            except BaseException:
                _leave_nothing_on(session.output)
                raise
            finally:
                if forget_ahead:
                    _forget_typed_ahead(session.input)

    def _output(self) -> Output:
        output = create_output(stdout=self._stream)
        if isinstance(output, Vt100_Output):
            # Asking for the cursor's place needs an answer, which arrives as typed text when the
            # terminal is slow, and brings a warning on the screen when it has none to give.
            output.enable_cpr = False
        return output


def _run(application: Application[Any], signals: Held) -> Any:
    """What was answered. A signal ends the question as a key does, by an event of its loop."""

    def end() -> None:
        if application.future is not None and not application.future.done():
            application.exit(exception=EOFError)

    def leave() -> None:
        if application.loop is not None:
            application.loop.call_soon_threadsafe(end)

    def begin() -> None:
        if signals.first is not None:  # it came before there was a loop to tell of it
            end()

    signals.leave, signals.resume = leave, partial(_resume, application, signals)
    return application.run(pre_run=begin, handle_sigint=False)


def _resume(application: Application[Any], signals: Held) -> None:
    """Hide the keys again after a stop, and draw the question again."""

    def redraw() -> None:
        if signals.first is None:
            application.renderer.reset()
            application.invalidate()

    try:
        # Now, since keys may be waiting; the attributes of before are put back by the caller.
        application.input.raw_mode().__enter__()
    except Exception:  # noqa: BLE001 - a terminal that is gone, which says SIGCONT, too
        return
    if application.loop is not None:
        application.loop.call_soon_threadsafe(redraw)


def _leave_nothing_on(output: Output) -> None:
    """Switch off what a question switches on, for one that fell over before it could."""
    with contextlib.suppress(OSError):
        output.reset_attributes()
        output.enable_autowrap()
        output.disable_bracketed_paste()
        output.show_cursor()
        output.flush()


def _forget_typed_ahead(source: Input) -> None:
    """Drop what was pasted behind a secret: the next question would show it, or take it."""
    clear_typeahead(source)
    if sys.platform != "win32":
        import termios

        with contextlib.suppress(termios.error):  # the terminal is gone, and what was typed with it
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
