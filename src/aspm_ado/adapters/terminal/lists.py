"""What questionary's lists lack: a way out by Ctrl-D, ASCII marks, rows of any length, a search that finds nothing."""

from __future__ import annotations

from typing import Any, Final

from prompt_toolkit.application import Application
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.keys import Keys
from questionary.constants import INDICATOR_SELECTED, INDICATOR_UNSELECTED
from questionary.prompts.common import InquirerControl

from aspm_ado.domain.text import cells, wrapped

_MARKS: Final = {f"{INDICATOR_SELECTED} ": "[x] ", f"{INDICATOR_UNSELECTED} ": "[ ] "}


def tune(application: Application[Any], columns: int, *, search: bool) -> None:
    """Mend the list in ``application``, searched or not, in so many columns; leave what is no list alone."""
    control = next(
        (
            each
            for each in application.layout.find_all_controls()
            if isinstance(each, InquirerControl)
        ),
        None,
    )
    if control is not None:
        _draw(control, columns)
        # Bound last, so that they win over questionary's own.
        own = application.key_bindings or KeyBindings()
        more = [_search(control)] if search else []
        application.key_bindings = merge_key_bindings([own, _ways_out(), *more])


def _draw(control: InquirerControl, columns: int) -> None:
    draw: Any = control.text

    def drawn() -> StyleAndTextTuples:
        if _finds_nothing(control):
            return [("class:instruction", "   (nothing has that; Backspace)")]
        rows: StyleAndTextTuples = []
        column = 0
        for style, text in draw():
            shown = _MARKS.get(text, text)
            if shown != "\n" and column + cells(shown) > columns:
                shown = ("\n" + " " * (column + 2)).join(wrapped(shown, columns - column - 2))
            rows.append((style, shown))
            _, ended, row = shown.rpartition("\n")
            column = cells(row) if ended else column + cells(row)
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
        control.selected_options = (
            [*marked, *missing] if missing else [each for each in marked if each not in shown]
        )

    return keys


def _finds_nothing(control: InquirerControl) -> bool:
    wanted = (control.search_filter or "").lower()
    return bool(wanted) and not any(
        wanted in str(choice.title).lower() for choice in control.choices
    )
