"""Getting a token from a person: the guide for this day, the page, the greyed-out button, the hidden prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.guide import Guide, administrator_request, guide
from aspm_ado.domain.questions import PAT_EXPIRES, REACH, Choice, Question
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.retirement import ReachDemanded, parse_day
from aspm_ado.flows.intake import Taken, ask_token

if TYPE_CHECKING:
    from datetime import date

    from aspm_ado.domain.place import Place
    from aspm_ado.flows.candidate import Brief
    from aspm_ado.flows.house import House

READY: Final = Question("token-ready", "Have you created the token?")
PASTE: Final = Choice("paste", "I have the token: paste it")
OPEN: Final = Choice("open", "Open the token page in the browser")
GREYED: Final = Choice("greyed", "“+ New Token” is greyed out")
LAST_DAYS: Final = 30


def choose_reach(house: House, brief: Brief, deployment: Deployment) -> Brief:
    """In the last days of global tokens a person chooses which kind to create; a script has said it, or ``auto``."""
    calendar = house.clock.told_by()
    days = calendar.days_to_end(deployment)
    if brief.reach is not ReachDemanded.AUTO or not house.asker.asks or days is None or not 0 < days <= LAST_DAYS:
        return brief
    house.voice.say(
        f"Invicti's guide asks for a token of all accessible organizations. Microsoft stops such tokens on "
        f"{calendar.global_end}, in {days} days, whatever their own expiry."
    )
    house.voice.say("A token of one organization outlives that day; whether your Invicti ASPM takes it is not known.")
    choices = [
        Choice("all", "All accessible organizations", f"as Invicti asks; stops on {calendar.global_end}"),
        Choice("organization", "One token for each organization", "outlives that day"),
    ]
    return replace(brief, reach=ReachDemanded(house.asker.pick(REACH, choices, "all")))


def acquire(house: House, place: Place, brief: Brief, *, for_all: bool) -> Taken:
    """Guide a person through the token page, then take the token and the day on which it ends.

    ``for_all``: it serves every organization named.
    """
    made = guide(place, brief.purpose, brief.reach, house.clock.told_by())
    tell_guide(house, made)
    choice = OPEN.value
    while choice != PASTE.value:
        choice = house.asker.prompter.choose(READY, [PASTE, OPEN, GREYED], PASTE.value)
        if choice == OPEN.value and not house.desktop.open(made.token_page):
            house.voice.say(f"No browser could be opened here. The page is {made.token_page}")
        elif choice == GREYED.value:
            house.voice.heading("Send this to the administrator of the organization")
            request = administrator_request(place, brief.purpose, brief.reach, house.clock.told_by())
            for line in request.splitlines():
                house.voice.say(line)
    taken = ask_token(house.asker, place.site, "" if for_all else place.name)
    return ask_expiry(house, replace(taken, organization=None) if for_all else taken, made.expires)


def ask_expiry(house: House, taken: Taken, suggested: date) -> Taken:
    """The token with its end, unless ``--pat-expires`` says it for all. Nobody but its owner can tell."""
    if not house.asker.asks or house.asker.given(PAT_EXPIRES):
        return taken
    answer = house.asker.prompter.text(PAT_EXPIRES, suggested.isoformat(), accept=_day_or_nothing)
    day = _day_or_nothing(answer)
    return replace(taken, expires=day, expires_source="prompt" if day else None)


def tell_guide(house: House, made: Guide) -> None:
    """The guide, on the terminal."""
    house.voice.heading(f"Create the token ({made.place_name})")
    for number, step in enumerate(made.steps, start=1):
        house.voice.say(f" {number}. {step.do}")
        for note in step.notes:
            house.voice.say(f"    • {note}")


def _day_or_nothing(text: str) -> date | None:
    value = text.strip().lower()
    return None if value in ("", "-", "unknown", "never") else parse_day(value, "The date")
