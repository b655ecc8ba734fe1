"""Which stored connection a command means, where it may name none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import clean
from aspm_ado.flows.validate import stored_entries

if TYPE_CHECKING:
    from aspm_ado.flows.context import Context

_WHICH: Final = Question("connection", "Which connection?")


def connection_meant(context: Context, name: str | None) -> str:
    """The name given, the only connection there is, or the one that a person chooses.

    Raises ``UsageError`` with the names where there are several and nobody can choose.
    """
    if name:
        return name
    entries = stored_entries(context, [])
    names = [entry.name for entry in entries]
    if len(names) == 1:
        return names[0]
    if not context.asker.asks:
        raise UsageError(
            Reason.INPUT_MISSING,
            "Several connections are stored, and prompts are unavailable.",
            remedy=f"Pass one of these names: {', '.join(names)}.",
        )
    choices = []
    for entry in entries:
        places = clean(", ".join(one.name for one in entry.organizations), 60)
        choices.append(Choice(entry.name, entry.name, f"{places} on {clean(entry.base_url, 60)}"))
    return context.asker.prompter.choose(_WHICH, choices, names[0])
