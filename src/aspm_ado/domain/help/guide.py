"""How to create the token: the steps of the token page for one place, purpose and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import Place, options_for
from aspm_ado.domain.azure.retirement import Calendar, Reach, ReachDemanded, count_days
from aspm_ado.domain.azure.scopes import Box, boxes_of, takes_full_access

SUGGESTED_DAYS: Final = 180
"""Half a year: Invicti asks for “an appropriate expiration period”; the page allows one year."""


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One thing to do on the page, and what to know about it."""

    do: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """Everything to create one token."""

    place_name: str
    token_page: str
    token_name: str
    reach: Reach
    expires: date
    boxes: tuple[Box, ...]
    steps: tuple[GuideStep, ...]


def guide(place: Place, purpose: Purpose, choice: ReachDemanded, calendar: Calendar) -> Guide:
    """The guide for one organization or collection, right for the day of ``calendar``."""
    reach = calendar.demanded(choice, place.site.deployment)
    reached = place.name if reach is Reach.ORGANIZATION else "all"
    name = f"aspm-ado {reached} {calendar.today.isoformat()}"
    expires, expiry_note = _expiry(reach, place.site.deployment, calendar)
    boxes = boxes_of(purpose)
    steps = (
        GuideStep(f"Open {place.token_page}", ("There: User settings → Personal access tokens.",)),
        GuideStep("Choose “+ New Token”", _where_policies_forbid(place, reach)),
        GuideStep(f"Name: {name}"),
        _reach_step(place, reach, choice, calendar),
        GuideStep(f"Expiration: Custom defined, {expires.isoformat()}", (expiry_note,)),
        _scopes_step(purpose, boxes),
        GuideStep(
            "Choose “Create” and copy the token now",
            ("It is shown this once: keep it until Invicti ASPM has it too.",),
        ),
    )
    return Guide(place.name, place.token_page, name, reach, expires, boxes, steps)


def _where_policies_forbid(place: Place, reach: Reach) -> tuple[str, ...]:
    """What to do where the page does not offer a choice. Only Services have policies."""
    where = options_for(place.site, [place.name])
    below: tuple[str, ...] = ()
    if place.site.deployment is Deployment.SERVICES:
        others = "full-scope or lifespan"
        if reach is Reach.ALL:
            others = f"global, {others}"
        below = (
            f"Is something missing further down? `--request` {others} prints the request for that.",
        )
    return (
        f"Greyed out? A policy forbids it: `aspm-ado guide {where} --greyed-out` prints the "
        "request to send.",
        *below,
    )


def _reach_step(place: Place, reach: Reach, choice: ReachDemanded, calendar: Calendar) -> GuideStep:
    end, days = calendar.global_end, calendar.days_to_end(place.site.deployment)
    if reach is Reach.ORGANIZATION:
        step = f"{place.noun.capitalize()}: {place.name}"
        if days is None or choice is not ReachDemanded.AUTO:
            return GuideStep(step)
        return GuideStep(
            step,
            (
                f"Microsoft announced the end of global tokens for {end}. Invicti's written guide "
                "still says “All accessible organizations”.",
            ),
        )
    if place.site.deployment is Deployment.SERVER:
        return GuideStep(
            "Collection: all of them, where the page offers it (“All accessible organizations”)",
            ("Invicti's guide asks for it; a token of one collection makes the integration fail.",),
        )
    notes = ["Not the one organization: Invicti ASPM tries all of them and fails otherwise."]
    if days is not None and days > 0:
        notes.append(
            f"Microsoft announced their end for {end}, in {count_days(days)}. To avoid them, pass "
            "--reach organization."
        )
    elif days is not None:
        notes.append(
            f"Microsoft announced their end for {end}. To avoid them, pass --reach organization."
        )
    return GuideStep("Organization: All accessible organizations", tuple(notes))


def _expiry(reach: Reach, deployment: Deployment, calendar: Calendar) -> tuple[date, str]:
    """The day to choose, and what to know about it."""
    end, today = calendar.global_end, calendar.today
    suggested = today + timedelta(days=SUGGESTED_DAYS)
    if deployment is Deployment.SERVER or reach is not Reach.ALL:
        end = None
    if end is not None and today < end <= suggested:
        one_day = timedelta(days=1)
        last = max(end - one_day, today + one_day)  # a token cannot end today
        return last, f"A later date would not help: tokens of all organizations stop on {end}."
    return suggested, "At most one year; your organization may allow less."


def _scopes_step(purpose: Purpose, boxes: tuple[Box, ...]) -> GuideStep:
    if takes_full_access(purpose):
        return GuideStep(
            "Scopes: Full access",
            ("Invicti asks for it where Azure DevOps is also the issue manager.",),
        )
    return GuideStep(
        "Scopes: Custom defined → Show all scopes (at the bottom), then tick",
        tuple(str(box) for box in boxes),
    )
