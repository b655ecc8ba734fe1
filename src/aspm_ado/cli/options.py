"""Questions as options of Typer, and the answers that flags and variables give to them.

A home folder that is not there, a current folder that is gone and bytes of another encoding make
the libraries below raise what they like, wherever such a value reaches them.
"""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from aspm_ado.cli.commands import SCENARIO
from aspm_ado.domain.questions import OLD_NAMES, Given, Question
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.secret import UNEXPANDED, holds_token, secret_as_value
from aspm_ado.domain.text import clean

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def parameter(question: Question) -> inspect.Parameter:
    """The Typer option of a question. Values stay text: the flow parses them, whoever gave them."""
    kind: Any = str | None
    default = None
    if question.switch:
        kind, default = bool, False
    elif question.repeat:
        kind = list[str] | None
    option = typer.Option(
        *filter(None, (question.flag, question.short)),
        help=_help(question),
        metavar=_metavar(question) or None,
        rich_help_panel=question.group,
        autocompletion=_completer_of(question),
    )
    return inspect.Parameter(
        _identifier(question),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, option],
    )


def _help(question: Question) -> str:
    if question.default:
        return f"{question.help} (default: {question.default})"
    return question.help


def _metavar(question: Question) -> str:
    """What the option takes: its values, where it takes one of a few."""
    if question.values:
        return "|".join(question.values)
    return question.metavar


def _completer_of(question: Question) -> Callable[[], Sequence[str]] | None:
    """What gives the values of an option, where they are known."""
    if question is SCENARIO:
        return _scenarios
    values = list(question.values)
    if not values:
        return None
    return lambda: values


def _scenarios() -> list[str]:
    from aspm_ado.simulator import SCENARIOS

    return list(SCENARIOS)


def argument(name: str, annotation: Any) -> inspect.Parameter:
    """A positional parameter that may be missing."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, kind, default=None, annotation=annotation)


def set_signature(body: Callable[..., Any], parameters: Iterable[inspect.Parameter]) -> None:
    """Give ``body`` the signature that Typer reads: its context, then ``parameters``."""
    context = inspect.Parameter(
        "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )
    made = [context, *parameters]
    body.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]
    body.__annotations__ = {one.name: one.annotation for one in made}


def flags_of(values: dict[str, Any], questions: Iterable[Question]) -> dict[str, Any]:
    """Parsed options by the names of their questions; removed from ``values``."""
    return {question.name: values.pop(_identifier(question), None) for question in questions}


def collect_given(
    questions: Iterable[Question],
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    note: Callable[[str], None],
) -> dict[str, Given]:
    """The answers that are there before anybody is asked, by the name of the question.

    A flag wins over a variable; an empty value is none. Raises ``UsageError`` for a variable
    of a pipeline that was not expanded, and for a switch that is neither yes nor no.
    """
    found = {}
    for question in questions:
        given = _from_flag(question, flags.get(question.name))
        if given is None:
            given = _from_variable(question, environment, note)
        if given is not None:
            found[question.name] = _readable(question, given)
    return found


def is_true(text: str, name: str) -> bool:
    """The value of a switch's variable ``name``. Raises ``UsageError`` where it is none."""
    value = text.strip().lower()
    if value in _TRUE or value in _FALSE:
        return value in _TRUE
    raise UsageError(
        Reason.INPUT_INVALID,
        f"{name} is neither yes nor no.",
        remedy="Set it to 1 or 0, true or false, yes or no.",
    )


def _identifier(question: Question) -> str:
    name = question.name.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def _from_flag(question: Question, value: object) -> Given | None:
    if value is None or value is False:
        return None
    if value is True:
        return Given(("true",), question.flag)
    values = [value]
    if isinstance(value, list | tuple):
        values = list(value)
    return _given([_expanded(str(one), question.flag) for one in values], question.flag)


def _given(values: Iterable[str], source: str) -> Given | None:
    kept = tuple(value for value in values if value.strip())
    if not kept:
        return None
    return Given(kept, source)


def _from_variable(
    question: Question, environment: Mapping[str, str], note: Callable[[str], None]
) -> Given | None:
    name = _variable_of(question, environment)
    if name is None:
        return None
    value = _expanded(environment[name].strip(), name)
    if holds_token(value):
        raise secret_as_value(name)
    if name in OLD_NAMES:
        note(f"{name} is deprecated; use {OLD_NAMES[name]}.")
    if question.switch and not is_true(value, name):
        return None
    if question.switch:
        return Given(("true",), name)
    if not question.repeat:
        return Given((value,), name)
    return _given([one.strip() for one in value.split(question.separator)], name)


def _variable_of(question: Question, environment: Mapping[str, str]) -> str | None:
    """The variable that has an answer, if one has."""
    names = (question.env, *(old for old, new in OLD_NAMES.items() if new == question.env))
    return next((name for name in names if environment.get(name, "").strip()), None)


def _expanded(value: str, source: str) -> str:
    if UNEXPANDED.fullmatch(value.strip()):
        raise UsageError(
            Reason.VARIABLE_NOT_EXPANDED,
            f"{source} is “{value.strip()[:40]}”: a pipeline variable that was not expanded.",
            remedy="Define the variable, or map it into the environment of this step.",
        )
    return value


# What flags and variables bring, before anything is made of it: paths, and text in UTF-8


def _readable(question: Question, given: Given) -> Given:
    """The answer with ``~`` expanded in paths. Raises ``UsageError`` for what nobody can read."""
    values = given.values
    if question.metavar.endswith(("FILE", "DIR")):
        values = tuple(_path(value, question, given.source) for value in values)
    else:
        for value in values:
            _require_text(value, given.source)
    return Given(values, given.source)


def _path(value: str, question: Question, source: str) -> str:
    """A path may have bytes of any encoding, the name of an organization before it may not."""
    if "\0" in value:  # from a file of connections: no command line or variable can hold one
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{source}: a path cannot contain a NUL character.",
            remedy="Pass the path without it.",
        )
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
