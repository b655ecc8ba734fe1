"""The guide for each deployment, purpose and day, as a person reads it. UPDATE_GOLDENS=1 writes them anew."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from aspm_ado.domain.azure.deployment import Purpose
from aspm_ado.domain.azure.place import Place
from aspm_ado.domain.azure.retirement import GLOBAL_PAT_END, Reach, ReachDemanded
from aspm_ado.domain.guide import Policy, guide, request_for

from . import replies as r

GOLDEN = Path(__file__).parent / "golden"
DAYS = {"before": date(2026, 2, 2), "last-30": date(2026, 11, 5), "after": date(2026, 12, 2)}
EDGES = {
    "last-day": (date(2026, 11, 30), GLOBAL_PAT_END),
    "on-the-day": (date(2026, 12, 1), GLOBAL_PAT_END),
    "moved": (date(2026, 12, 2), date(2027, 6, 30)),
    "never": (date(2026, 12, 2), None),
}
PLACES = {"services": r.CONTOSO, "server": r.COLLECTION}


def written(
    place: Place,
    purpose: Purpose,
    choice: ReachDemanded,
    day: date,
    end: date | None = GLOBAL_PAT_END,
) -> str:
    calendar = replace(r.TODAY, today=day, global_end=end)
    made = guide(place, purpose, choice, calendar)
    lines = [
        f"token name: {made.token_name}",
        f"reach: {made.reach.value}",
        f"expires: {made.expires}",
        "",
    ]
    for number, step in enumerate(made.steps, start=1):
        lines.append(f"{number}. {step.do}")
        lines += [f"   - {note}" for note in step.notes]
    lines += [
        "",
        "--- to the administrator",
        request_for(Policy.CREATION, place, purpose, choice, calendar),
    ]
    return "\n".join(lines)


def assert_golden(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("where", PLACES)
def test_the_guide(where: str, day: str, purpose: Purpose) -> None:
    text = written(PLACES[where], purpose, ReachDemanded.AUTO, DAYS[day])
    assert_golden(f"guide-{where}-{day}-{purpose.value.replace('+', '-and-')}", text)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("where", PLACES)
def test_the_guide_on_either_side_of_midnight_and_of_another_day(where: str, edge: str) -> None:
    """The last day, the day itself, a day that Microsoft moved, and no day at all."""
    assert_golden(
        f"guide-{where}-{edge}-alm",
        written(PLACES[where], Purpose.ALM, ReachDemanded.AUTO, *EDGES[edge]),
    )


@pytest.mark.parametrize(
    ("choice", "reach"), [("all", Reach.ALL), ("organization", Reach.ORGANIZATION)]
)
@pytest.mark.parametrize("day", [*DAYS.values(), *(day for day, _ in EDGES.values())])
def test_what_is_demanded_is_what_the_guide_says(choice: str, reach: Reach, day: date) -> None:
    text = written(r.CONTOSO, Purpose.ALM, ReachDemanded(choice), day)
    assert f"reach: {reach.value}" in text
    assert "in -" not in text
    assert "in 0 day" not in text
    assert not re.search(r"\b1 days", text)


def test_a_token_of_one_organization_can_be_demanded_any_day() -> None:
    for day in DAYS.values():
        made = guide(
            r.CONTOSO, Purpose.ALM, ReachDemanded.ORGANIZATION, replace(r.TODAY, today=day)
        )
        assert made.reach is Reach.ORGANIZATION
        assert "Organization: Contoso" in [step.do for step in made.steps]
        assert "Contoso" in made.token_name


def test_a_server_hears_nothing_of_the_end() -> None:
    for purpose in Purpose:
        for day in DAYS.values():
            text = written(r.COLLECTION, purpose, ReachDemanded.AUTO, day)
            assert "Microsoft" not in text
            assert "2026-12-01" not in text


@pytest.mark.parametrize(
    "day", [date(2026, 1, 1), date(2026, 6, 3), date(2026, 6, 4), date(2026, 11, 29)]
)
def test_no_date_is_suggested_that_a_global_token_does_not_live_to_see(day: date) -> None:
    made = guide(r.CONTOSO, Purpose.ALM, ReachDemanded.ALL, replace(r.TODAY, today=day))
    assert day < made.expires < date(2026, 12, 1)
    assert (made.expires - day).days <= 365


def test_on_the_last_day_it_suggests_the_day_of_the_end_for_no_token_ends_today() -> None:
    made = guide(
        r.CONTOSO, Purpose.ALM, ReachDemanded.ALL, replace(r.TODAY, today=date(2026, 11, 30))
    )
    assert made.expires == date(2026, 12, 1)


def test_the_page_is_the_one_of_the_place_and_the_token_is_shown_once() -> None:
    for place in PLACES.values():
        made = guide(place, Purpose.ALM, ReachDemanded.AUTO, r.TODAY)
        assert made.token_page == f"{place.url}/_usersSettings/tokens"
        assert made.token_page in made.steps[0].do
        assert "once" in " ".join(made.steps[-1].notes)
        assert any("Show all scopes" in step.do for step in made.steps)
