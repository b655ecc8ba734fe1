"""When a token ends: said by an option, else asked once, after the token is verified."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import parse_day
from aspm_ado.domain.guide import guide
from aspm_ado.domain.questions import PAT_EXPIRES
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.rules.token import age_hint
from aspm_ado.flows.tokens.sources import PROMPT
from aspm_ado.flows.validation.report import report_on

if TYPE_CHECKING:
    from datetime import date

    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import TokenResult

_NOT_KNOWN: Final = ("", "-", "unknown", "never")


def end_given(asker: Asker, today: date) -> date | None:
    """The day that ``--pat-expires`` says. Raises ``UsageError`` where it is over."""
    return asker.one(PAT_EXPIRES, partial(_day_to_come, today=today, where=PAT_EXPIRES.flag))


def ask_ends(context: Context, results: Sequence[TokenResult]) -> None:
    """Ask once when the new tokens end that are good, where that is not known.

    Nobody but their owner can tell.
    """
    if not context.asker.asks or context.asker.given(PAT_EXPIRES):
        return
    pasted = [one for one in results if one.token.source == PROMPT or len(results) == 1]
    unknown = [one for one in pasted if one.good and one.token.end is None and _is_new(one)]
    if unknown:
        ask_end(context, unknown)


def ask_end(context: Context, results: Sequence[TokenResult]) -> None:
    """Ask when some tokens end, which are of one day."""
    first = results[0]
    token, calendar, here = first.token, first.calendar, first.good[0]
    if len(results) > 1:
        names = ", ".join(one.good[0].place.name for one in results)
        context.voice.say(f"One date for the tokens of {names}. The plan lets you change each.")
    elif hint := age_hint(token.secret, calendar):
        context.voice.note(hint)
    offered = (
        token.end or guide(here.place, token.demand.purpose, token.demand.reach, calendar).expires
    )
    accept = partial(_day_or_nothing, today=calendar.today)
    answer = context.asker.prompter.text(PAT_EXPIRES, offered.isoformat(), accept=accept)
    day = accept(answer)
    for one in results:
        one.token.end, one.token.end_source = day, PROMPT if day else None
        one.token.end_asked = True
        report_on(one)


def _is_new(result: TokenResult) -> bool:
    """Whether the token was not asked about before, and comes from no connection on record."""
    return not result.token.end_asked and result.token.source != "keyring"


def _day_or_nothing(text: str, today: date) -> date | None:
    value = text.strip().lower()
    if value in _NOT_KNOWN:
        return None
    return _day_to_come(value, today, "The date")


def _day_to_come(text: str, today: date, where: str) -> date:
    day = parse_day(text, where)
    if day < today:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{where} is in the past: {day}. Today is {today}.",
            remedy="Look up the expiry date on the token page.",
        )
    return day
