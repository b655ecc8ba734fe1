"""The organizations of a user. No known answer of Azure DevOps Services lists all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.documents import Names

if TYPE_CHECKING:
    from aspm_ado.domain.http import Call, Reply
    from aspm_ado.flows.validation.scheduler import RequestPlan

_PAUSES: Final = (0.5, 1.0)
"""Seconds before the list is requested again."""

NOT_ALL: Final = (
    "Azure DevOps may not have listed every organization. To add a missing one, pass -o NAME."
)


def list_accounts(call: Call) -> RequestPlan[Reply]:
    """The answer to ``call`` with the names of three answers, which may differ.

    Unchanged if it is no list. Source: facts, changes 4 (4, 1 and 2 organizations in three
    calls within minutes).
    """
    [first] = yield [call]
    if not isinstance(first.answer, Names):
        return first
    again = yield [replace(call, pause=seconds) for seconds in _PAUSES]
    lists = [one.answer for one in (first, *again) if isinstance(one.answer, Names)]
    once = {name.casefold(): name for one in reversed(lists) for name in reversed(one.names)}
    left_off = max(one.left_off for one in lists)
    return replace(first, answer=Names(tuple(reversed(once.values())), left_off))
