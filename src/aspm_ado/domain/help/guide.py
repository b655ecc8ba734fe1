"""The steps to create the token, for one place, purpose and day."""

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
    """One step on the token page, with notes."""

    do: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """The guide to create one token."""

    place_name: str
    token_page: str
    token_name: str
    reach: Reach
    expires: date
    boxes: tuple[Box, ...]
    steps: tuple[GuideStep, ...]


def guide(place: Place, purpose: Purpose, choice: ReachDemanded, calendar: Calendar) -> Guide:
    """The guide for one organization or collection on the day of ``calendar``."""
    reach = calendar.demanded(choice, place.site.deployment)
    reached = place.name if reach is Reach.ORGANIZATION else "all"
    name = f"aspm-ado {reached} {calendar.today.isoformat()}"
    expires, expiry_note = _expiry(reach, place.site.deployment, calendar)
    boxes = boxes_of(purpose)
    steps = (
        GuideStep(f"Open {place.token_page}", ("Or open User settings → Personal access tokens.",)),
        GuideStep("Choose “+ New Token”", _where_policies_forbid(place, reach)),
        GuideStep(f"Name: {name}"),
        _reach_step(place, reach, choice, calendar),
        GuideStep(f"Expiration: Custom defined, {expires.isoformat()}", (expiry_note,)),
        _scopes_step(purpose, boxes),
        GuideStep(
            "Choose “Create” and copy the token now",
            ("The page shows the token only once. Keep it until it is in Invicti ASPM.",),
        ),
    )
    return Guide(place.name, place.token_page, name, reach, expires, boxes, steps)


def _where_policies_forbid(place: Place, reach: Reach) -> tuple[str, ...]:
    """What to do if the page does not offer a choice. Only Services have policies."""
    where = options_for(place.site, [place.name])
    below: tuple[str, ...] = ()
    if place.site.deployment is Deployment.SERVICES:
        others = "full-scope or lifespan"
        if reach is Reach.ALL:
            others = "global, full-scope, or lifespan"
        below = (f"If a choice below is missing, pass --request with {others} instead.",)
    return (
        "If it is greyed out, a policy forbids it. To get a request to the administrator, run: "
        f"aspm-ado guide {where} --greyed-out",
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
                f"Microsoft announced the end of global tokens for {end}. Invicti's guide still "
                "says “All accessible organizations”.",
            ),
        )
    if place.site.deployment is Deployment.SERVER:
        return GuideStep(
            "Collection: all of them, if the page offers it (“All accessible organizations”)",
            ("Invicti's guide says that the integration fails with a token for one collection.",),
        )
    notes = ["Not a single organization: Invicti's guide says that the integration then fails."]
    if days is not None:
        when = f"{end}, in {count_days(days)}" if days > 0 else f"{end}"
        notes.append(
            f"Microsoft announced the end of global tokens for {when}. To avoid them, pass "
            "--reach organization."
        )
    return GuideStep("Organization: All accessible organizations", tuple(notes))


def _expiry(reach: Reach, deployment: Deployment, calendar: Calendar) -> tuple[date, str]:
    """The expiry date to choose, and a note."""
    end, today = calendar.global_end, calendar.today
    suggested = today + timedelta(days=SUGGESTED_DAYS)
    if deployment is Deployment.SERVER or reach is not Reach.ALL:
        end = None
    if end is not None and today < end <= suggested:
        one_day = timedelta(days=1)
        last = max(end - one_day, today + one_day)  # a token cannot end today
        return (
            last,
            f"Microsoft announced the end of global tokens for {end}. A later date has no effect.",
        )
    return suggested, "At most 1 year. Your organization may allow less."


def _scopes_step(purpose: Purpose, boxes: tuple[Box, ...]) -> GuideStep:
    if takes_full_access(purpose):
        return GuideStep(
            "Scopes: Full access",
            ("Invicti asks for it if Azure DevOps is also the issue manager.",),
        )
    return GuideStep(
        "Scopes: Custom defined → Show all scopes (at the bottom), then select",
        tuple(str(box) for box in boxes),
    )
