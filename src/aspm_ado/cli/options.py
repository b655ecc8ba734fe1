"""Questions as options: what Typer is told of them, and what flags and variables answer."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from aspm_ado.cli.completion import completer_of
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ASPM_URL, Given, Question
from aspm_ado.domain.reasons import Reason

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_UNEXPANDED: Final = re.compile(r"\$\([^)]*\)")
_OLD_NAMES: Final = {"KONDUKTO_HOST": "INVICTI_ASPM_HOST", "KONDUKTO_TOKEN": "INVICTI_ASPM_TOKEN"}


def parameter(question: Question) -> inspect.Parameter:
    """The Typer option of a question. Values stay text: the flow parses them, whoever gave them."""
    help_ = question.help
    if question.env and "(env:" not in help_:
        help_ += f" (env: {question.env})"
    more: dict[str, Any] = {}
    if question.switch:
        kind: Any = bool
    else:
        kind = list[str] | None if question.repeat else str | None
        more = {"metavar": question.metavar or None, "autocompletion": completer_of(question)}
        if question.values and not question.repeat:
            help_ = f"{help_.removesuffix(')')}; one of: {', '.join(question.values)})"
    names = [name for name in (question.flag, question.short) if name]
    return inspect.Parameter(
        _identifier(question),
        inspect.Parameter.KEYWORD_ONLY,
        default=False if question.switch else None,
        annotation=Annotated[kind, typer.Option(*names, help=help_, **more)],
    )


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
    """What was said before anybody is asked, by the name of the question.

    A flag wins over a variable; what is empty is not said. Raises ``UsageError`` for a variable
    of a pipeline that was not expanded, and for a switch that is neither yes nor no.
    """
    found = {}
    for question in questions:
        given = _from_flag(question, flags.get(question.name))
        if given is None:
            given = _from_variable(question, environment, note)
        if given is not None:
            found[question.name] = given
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
    return question.name.replace("-", "_")


def _from_flag(question: Question, value: object) -> Given | None:
    if value is None or value is False:
        return None
    if value is True:
        return Given(("true",), question.flag)
    values = value if isinstance(value, list | tuple) else [value]
    kept = tuple(_expanded(str(one), question.flag) for one in values if str(one).strip())
    return Given(kept, question.flag) if kept else None


def _from_variable(
    question: Question, environment: Mapping[str, str], note: Callable[[str], None]
) -> Given | None:
    names = ("INVICTI_ASPM_HOST", "KONDUKTO_HOST") if question == ASPM_URL else (question.env,)
    name = next((name for name in names if environment.get(name, "").strip()), None)
    if name is None:
        return None
    value = _expanded(environment[name].strip(), name)
    if name in _OLD_NAMES:
        note(f"{name} is deprecated; use {_OLD_NAMES[name]}.")
    if question.switch:
        return Given(("true",), name) if is_true(value, name) else None
    if not question.repeat:
        return Given((value,), name)
    values = tuple(one.strip() for one in value.split(",") if one.strip())
    return Given(values, name) if values else None


def _expanded(value: str, source: str) -> str:
    if _UNEXPANDED.fullmatch(value.strip()):
        raise UsageError(
            Reason.VARIABLE_NOT_EXPANDED,
            f"{source} is “{value.strip()[:40]}”: a pipeline variable that was not expanded.",
            remedy="Define the variable, or map it into the environment of this step.",
        )
    return value
