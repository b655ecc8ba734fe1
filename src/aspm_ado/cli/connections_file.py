"""A file of connections (``connect --from``): TOML, with the names of options as keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from aspm_ado.adapters.deadline import read_file
from aspm_ado.cli.options import collect_given
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import (
    CONNECTION_KEYS,
    CREATE_TOKEN,
    FROM,
    PAT_EXPIRES,
    PAT_SOURCES,
    WHERE,
    Given,
    Question,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.secret import holds_token, secret_as_value
from aspm_ado.domain.text import clean, system_words

TABLE: Final = "connection"
_NAME: Final = Question("name", "Name of the connection")
_MOST_BYTES: Final = 1024 * 1024
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,30}")
_POSITION: Final = re.compile(r"\(at ([a-z]+ [\w, ]+)\)$")
_BY_KEY: Final = {question.name: question for question in CONNECTION_KEYS}
_TOGETHER: Final = (WHERE, (*PAT_SOURCES, CREATE_TOKEN))
"""Questions that are answered in one place: an answer to one replaces those to the others."""


@dataclass(frozen=True, slots=True)
class FileConnection:
    """One connection of the file: its name, if it has one, and its answers as if typed."""

    name: str | None
    answers: dict[str, Given]
    keys: frozenset[str]
    """What it says, also where that is no answer (``false``, or an empty text)."""

    def over(self, given: dict[str, Given]) -> dict[str, Given]:
        """The answers of a run, with those of this connection in their place."""
        replaced = set(self.keys)
        for questions in _TOGETHER:
            names = {question.name for question in questions}
            if names & self.keys:
                replaced |= names
        rest = {name: one for name, one in given.items() if name not in replaced}
        return {**rest, **self.answers}


def read_connections(path: str, say: Callable[[str], None]) -> list[FileConnection]:
    """The connections of a file, in its order.

    Raises ``UsageError`` for what is no such file, before anything of it is used. A secret in it
    is refused and not repeated.
    """
    shown = f"{FROM.flag} {clean(path, 120)}"
    text = _text(path, shown, say)
    _refuse_secret(text, shown)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _POSITION.search(str(error))
        where = f" at {found[1]}" if found else ""
        raise _refusal(shown, f"It is not TOML{where}.") from None
    tables = document.pop(TABLE, None)
    _refuse_unknown(document, {TABLE}, shown)
    if (
        not tables
        or not isinstance(tables, list)
        or any(not isinstance(one, dict) for one in tables)
    ):
        raise _refusal(shown, f"It has no [[{TABLE}]].")
    return [_connection(one, f"{shown}, {TABLE} {number}") for number, one in enumerate(tables, 1)]


def _text(path: str, shown: str, say: Callable[[str], None]) -> str:
    try:
        raw = read_file(Path(path), _MOST_BYTES + 1, say, f"the file {clean(path, 120)}")
    except OSError as error:
        raise UsageError(
            Reason.FILE_UNREADABLE,
            f"{shown}: The file cannot be read: {system_words(error)}.",
            remedy="Check its name and that you may read it.",
        ) from None
    if len(raw) > _MOST_BYTES:
        raise _refusal(shown, "It is larger than 1 MB.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refusal(shown, "It is not UTF-8.") from None


def _connection(table: dict[str, Any], shown: str) -> FileConnection:
    _refuse_unknown(table, {_NAME.name, *_BY_KEY}, shown)
    name = table.pop(_NAME.name, None)
    if name is not None:
        name = _text_of(name, _NAME, shown)
    flags = {key: _value(_BY_KEY[key], value, shown) for key, value in table.items()}
    answers = collect_given(_BY_KEY.values(), flags, {}, lambda _note: None)
    return FileConnection(name, answers, frozenset(table))


def _value(question: Question, value: object, shown: str) -> object:
    """What the parser of the command line would make of it."""
    if question.switch:
        if isinstance(value, bool):
            return value
        raise _refusal(shown, f"“{question.name}” is neither true nor false.")
    if question is PAT_EXPIRES and isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if not question.repeat:
        return _text_of(value, question, shown)
    texts = value if isinstance(value, list) else [value]
    return [_text_of(one, question, shown) for one in texts]


def _text_of(value: object, question: Question, shown: str) -> str:
    if not isinstance(value, str):
        wanted = "text, or a list of texts" if question.repeat else "text"
        raise _refusal(shown, f"“{question.name}” is not {wanted}.")
    _refuse_secret(value, shown)
    return value


def _refuse_secret(text: str, shown: str) -> None:
    if holds_token(text):
        raise secret_as_value(shown)


def _refuse_unknown(table: dict[str, Any], known: set[str], shown: str) -> None:
    for key in table:
        if key in known:
            continue
        _refuse_secret(key, shown)
        named = f"“{key}”" if _KEY.fullmatch(key) else "One of its keys"
        near = get_close_matches(key.replace("_", "-"), known, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise _refusal(
            shown,
            f"{named} is not a key of such a file.",
            f"{hint}Keys are the names of options of connect. Secrets stay out of the file: "
            "use pat-file, pat-variable, pat-command or create-token.",
        )


def _refusal(
    shown: str, problem: str, remedy: str = "docs/recipes.md has an example, and a JSON Schema."
) -> UsageError:
    return UsageError(Reason.INPUT_INVALID, f"{shown}: {problem}", remedy=remedy)
