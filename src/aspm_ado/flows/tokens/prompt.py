"""Getting a token from a person: the guide for this day, the page, the prompt, its expiry date."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.guide import (
    POLICIES,
    Guide,
    Policy,
    alternative,
    guide,
    possible_policies,
    request_for,
)
from aspm_ado.domain.questions import PAT_EXPIRES, Choice, Question
from aspm_ado.domain.rules.token import age_hint
from aspm_ado.domain.text import clean
from aspm_ado.flows.answers import declined
from aspm_ado.flows.tokens.creation import Creation
from aspm_ado.flows.tokens.sources import PROMPT, day_to_come, missing_token, offer_token
from aspm_ado.flows.validation.report import report_on

if TYPE_CHECKING:
    from datetime import date, datetime

    from aspm_ado.domain.azure.place import Place
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.token import Demand, Token, TokenResult

READY: Final = Question("token-ready", "What do you want to do?")
PASTE: Final = Choice("paste", "Paste the token now")
OPEN: Final = Choice("open", "Open the token page in the browser")
GREYED: Final = Choice("greyed", "Something is missing or greyed out there")
NOT_NOW: Final = Choice("later", "Not now")
FORBIDDEN: Final = Question("forbidden", "What is in the way?")


def warn_of_end(context: Context, reach: ReachDemanded, deployment: Deployment) -> None:
    """Warn of a demand for a global token that is about to end, or has ended."""
    calendar = context.clock.calendar()
    is_near = calendar.ends_soon(deployment) or calendar.ended(deployment)
    if reach is ReachDemanded.ALL and is_near:
        context.voice.warn(
            f"Microsoft announced the end of global tokens for {calendar.global_end}. A global "
            "token may stop working then, regardless of its expiry date."
        )


def acquire(context: Context, place: Place, demand: Demand, *, for_all: bool) -> Token:
    """Have the token created, where that can be and is agreed to; else guide a person to it.

    ``for_all``: it serves every organization named. Raises ``UsageError`` where nobody is there to
    make it.
    """
    if (created := Creation(context, place, demand, for_all).offer()) is not None:
        return created
    if not context.asker.asks:
        raise missing_token()
    made = guide(place, demand.purpose, demand.reach, context.clock.calendar())
    show_guide(context, made)
    name = "" if for_all else place.name
    choices = [PASTE, Choice(OPEN.value, OPEN.label, made.token_page), GREYED, NOT_NOW]
    while (token := offer_token(context.asker, place.site, name)) is None:
        choice = context.asker.prompter.choose(READY, choices, OPEN.value)
        if choice == OPEN.value:
            open_page(context, made.token_page)
        elif choice == GREYED.value:
            show_request(context, place, demand)
        elif choice == NOT_NOW.value:
            raise declined("To continue when you have the token, run the same command again.")
    return token


def open_page(context: Context, page: str) -> None:
    """Open a page in the browser, or print its URL."""
    if not context.desktop.open(page):
        context.voice.say(f"aspm-ado cannot open a browser. Open this page: {page}")


def show_request(context: Context, place: Place, demand: Demand) -> None:
    """The letter to the administrator about the policy that is in the way.

    Which one it is, a person may see. What can be done without the letter is said, too.
    """
    calendar = context.clock.calendar()
    met = possible_policies(
        place, demand.purpose, calendar.demanded(demand.reach, place.site.deployment)
    )
    policy = met[0]
    if len(met) > 1:
        choices = [Choice(one.value, POLICIES[one].seen) for one in met]
        policy = Policy(context.asker.prompter.choose(FORBIDDEN, choices, policy.value))
    context.voice.heading(f"Send this to the administrator of the {place.noun}")
    for line in request_for(policy, place, demand.purpose, demand.reach, calendar).splitlines():
        context.voice.say(line)
    if way := alternative(policy, place):
        context.voice.note(way)


def show_guide(context: Context, made: Guide) -> None:
    """The guide, on the terminal."""
    context.voice.heading(f"Create the token ({made.place_name})")
    for number, step in enumerate(made.steps, start=1):
        context.voice.say(f" {number}. {step.do}")
        for note in step.notes:
            context.voice.say(f"    • {note}")


def show_position(context: Context, place: Place, done: int, total: int, begun: datetime) -> None:
    """Where a run of many organizations is, and how long the rest takes at this pace."""
    words = f"{clean(place.name, 60)}: {done + 1} of {total}"
    if done:
        words += f", about {time_left(context, begun, done, total)} left"
    context.voice.say(words)


def time_left(context: Context, begun: datetime, done: int, total: int) -> str:
    """How long the rest takes at this pace, in minutes."""
    left = (context.now() - begun) / done * (total - done)
    minutes = max(round(left.total_seconds() / 60), 1)
    return f"{minutes} {'minute' if minutes == 1 else 'minutes'}"


_NOT_KNOWN: Final = ("", "-", "unknown", "never")


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
    return day_to_come(value, today, "The date")
