"""Options made from the questions: one row gives the flag and its help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import typer

from aspm_ado.domain.questions import SHARED, Question


def parameter(question: Question) -> inspect.Parameter:
    """The Typer option of a question. Values stay text: the flow parses them, whoever gave them."""
    names = (question.flag, question.short) if question.short else (question.flag,)
    text = question.help + (
        f" (env: {question.env})" if question.env and "(env:" not in question.help else ""
    )
    if question.switch:
        return _keyword(question, typer.Option(*names, help=text), bool, default=False)
    if question.values and not question.repeat:
        text = f"{text.removesuffix(')')}; one of: {', '.join(question.values)})"
    more: dict[str, Any] = {"help": text, "metavar": question.metavar or None}
    kind = list[str] | None if question.repeat else str | None
    return _keyword(question, typer.Option(*names, **more), kind, default=None)


def add_options(
    run: Callable[..., Any], own: Sequence[inspect.Parameter], questions: Sequence[Question]
) -> None:
    """Give ``run`` the signature that Typer reads: its own arguments, then its questions, then the shared ones."""
    parameters = [*own, *(parameter(question) for question in (*questions, *SHARED))]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}


def flags_of(values: dict[str, object], questions: Sequence[Question]) -> dict[str, object]:
    """Parsed options by the names of their questions; removed from ``values``."""
    return {
        question.name: values.pop(_identifier(question), None) for question in (*questions, *SHARED)
    }


def _keyword(
    question: Question, info: object, kind: object, *, default: object
) -> inspect.Parameter:
    from typing import Annotated

    return inspect.Parameter(
        _identifier(question),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, info],
    )


def _identifier(question: Question) -> str:
    return question.name.replace("-", "_")
