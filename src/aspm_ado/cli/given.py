"""What was said before anybody was asked: flags, then variables, each value with its source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ASPM_URL, Given, Question
from aspm_ado.domain.reasons import Reason

YES: Final = frozenset({"1", "true", "yes", "on"})
NO: Final = frozenset({"0", "false", "no", "off"})
_UNEXPANDED: Final = re.compile(r"\$\([^)]*\)")
_OLD_NAMES: Final = {"KONDUKTO_HOST": "INVICTI_ASPM_HOST", "KONDUKTO_TOKEN": "INVICTI_ASPM_TOKEN"}


def collect(
    questions: Iterable[Question],
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    note: Callable[[str], None],
) -> dict[str, Given]:
    """The answers to ``questions``, by name. A flag wins over a variable; what is empty is not said."""
    found = {}
    for question in questions:
        given = _from_flag(question, flags.get(question.name)) or _from_variables(
            question, environment, note
        )
        if given is not None:
            found[question.name] = given
    return found


def truth(text: str, name: str) -> bool:
    """The value of a switch's variable."""
    value = text.strip().lower()
    if value in YES:
        return True
    if value in NO:
        return False
    raise UsageError(
        Reason.INPUT_INVALID,
        f"{name} is neither yes nor no.",
        remedy="Set it to 1 or 0, true or false, yes or no.",
    )


def _from_flag(question: Question, value: object) -> Given | None:
    if value is None or value is False or value == []:
        return None
    if value is True:
        return Given(("true",), question.flag)
    values = tuple(str(one) for one in value) if isinstance(value, list | tuple) else (str(value),)
    kept = tuple(_expanded(one, question.flag) for one in values if one.strip())
    return Given(kept, question.flag) if kept else None


def _from_variables(
    question: Question, environment: Mapping[str, str], note: Callable[[str], None]
) -> Given | None:
    names = ("INVICTI_ASPM_HOST", "KONDUKTO_HOST") if question == ASPM_URL else (question.env,)
    for name in names:
        value = environment.get(name, "").strip()
        if not value:
            continue
        _expanded(value, name)
        if name in _OLD_NAMES:
            note(f"{name} is deprecated; use {_OLD_NAMES[name]}.")
        if question.switch:
            return Given(("true",), name) if truth(value, name) else None
        values = (
            tuple(one.strip() for one in value.split(",") if one.strip())
            if question.repeat
            else (value,)
        )
        return Given(values, name) if values else None
    return None


def _expanded(value: str, source: str) -> str:
    if _UNEXPANDED.fullmatch(value.strip()):
        raise UsageError(
            Reason.VARIABLE_NOT_EXPANDED,
            f"{source} is “{value.strip()[:40]}”: a pipeline variable that was not expanded.",
            remedy="Define the variable, or map it into the environment of this step.",
        )
    return value
