"""What flags and variables bring, before anything is made of it: paths, and text in UTF-8.

A home folder that is not there, a current folder that is gone and bytes of another encoding make
the libraries below raise what they like, wherever such a value reaches them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aspm_ado.domain.questions import Given, Question
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import clean


def readable(question: Question, given: Given) -> Given:
    """The answer with ``~`` expanded in paths. Raises ``UsageError`` for what nobody can read."""
    values = given.values
    if question.metavar.endswith(("FILE", "DIR")):
        values = tuple(_path(value, question, given.source) for value in values)
    else:
        for value in values:
            _require_text(value, given.source)
    return replace(given, values=values)


def _path(value: str, question: Question, source: str) -> str:
    """A path may have bytes of any encoding, the name of an organization before it may not."""
    before, equals, path = value.partition("=")
    if not (equals and "=" in question.metavar and path.startswith("~")):
        before, equals, path = "", "", value
    _require_text(before, source)
    return before + equals + expand(path, source)


def expand(path: str, source: str) -> str:
    """``path`` with the home folder in place of ``~``. Raises ``UsageError``."""
    if path == "-":
        return path
    try:
        place = Path(path).expanduser()
        if not place.is_absolute():
            Path.cwd()
    except RuntimeError:
        named = clean(Path(path).parts[0], 40)
        problem, remedy = (
            f"{source}: no home folder is known for {named}.",
            "Pass the absolute path.",
        )
    except OSError:
        problem = f"{source}: the path is relative, and the current folder is gone."
        remedy = "Pass the absolute path, or change to a folder that exists."
    else:
        return str(place)
    raise UsageError(Reason.INPUT_INVALID, problem, remedy=remedy)


def _require_text(value: str, source: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{source} is not UTF-8: character {error.start + 1} is a byte of another encoding.",
            remedy="Use a terminal in UTF-8, or save the script in UTF-8.",
        ) from None
