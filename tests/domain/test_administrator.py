"""The letters to an administrator: one for each policy, right for place, purpose and day, and without any secret."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from aspm_ado.domain.azure.deployment import Purpose
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.guide import (
    POLICIES,
    Policy,
    alternative,
    guide,
    is_over,
    possible_policies,
    request_for,
    token_meant,
)
from aspm_ado.domain.questions import REQUEST

from . import replies as r

AUTO = ReachDemanded.AUTO
BEFORE, LAST, AFTER = date(2026, 10, 15), date(2026, 11, 30), date(2026, 12, 1)

# what the letter must name: the policy by Microsoft's name, the page it is on, and who may switch it
NAMED = {
    Policy.CREATION: (
        "“Restrict personal access token creation”",
        "→ Policies →",
        "Project Collection Administrator",
    ),
    Policy.GLOBAL: (
        "“Restrict global personal access token creation”",
        "→ Microsoft Entra →",
        "Azure DevOps Admin",
    ),
    Policy.FULL_SCOPE: (
        "“Restrict full-scoped personal access token creation”",
        "→ Microsoft Entra →",
        "Azure DevOps",
    ),
    Policy.LIFESPAN: (
        "“Enforce maximum personal access token lifespan”",
        "→ Microsoft Entra →",
        "Azure DevOps Admin",
    ),
    Policy.ACCESS: (
        "“Enable IP Conditional Access policy",
        "→ Conditional Access →",
        "Conditional Access Admin",
    ),
}


def letter(
    policy: Policy, day: date = BEFORE, purpose: Purpose = Purpose.ALM, place=r.CONTOSO, **more: str
) -> str:
    return request_for(policy, place, purpose, AUTO, replace(r.TODAY, today=day), **more)


@pytest.mark.parametrize("policy", Policy)
def test_which_policy_where_who_what_and_how_long(policy: Policy) -> None:
    text = letter(policy)
    for words in NAMED[policy]:
        assert words in text
    assert "{" not in text
    assert "Contoso" in text
    assert "Please " in text
    assert "Expires: 2026-11-30 (46 days from today)" in text
    boxes = (
        "Full access"
        if policy is Policy.FULL_SCOPE
        else "Code: Full; Identity: Read & manage; User Profile: Read & write; "
        "Work Items: Read, write, & manage"
    )
    assert f"- Scopes: {boxes}\n" in text
    assert alternative(policy, r.CONTOSO)
    assert alternative(policy, r.CONTOSO) not in text


def test_every_policy_has_a_row_and_an_option() -> None:
    assert set(POLICIES) == set(Policy) == set(NAMED)
    assert REQUEST.values == tuple(policy.value for policy in Policy)


@pytest.mark.parametrize(
    ("day", "reach", "then"),
    [
        (
            BEFORE,
            "Reach: all accessible organizations\n- Expires: 2026-11-30 (46 days from today)",
            True,
        ),
        (LAST, "Reach: Contoso only\n- Expires: 2027-05-29 (180 days from today)\n", False),
        (AFTER, "Reach: Contoso only\n- Expires: 2027-05-30 (180 days from today)", False),
    ],
)
def test_on_either_side_of_the_day(day: date, reach: str, then: bool) -> None:
    text = letter(Policy.CREATION, day)
    assert reach in text
    assert ("From then on, we need one token per organization" in text) is then


def test_in_the_last_days_only_who_asks_for_it_gets_a_letter_about_a_token_that_ends_so_soon() -> (
    None
):
    assert (
        "It is for one organization: Microsoft announced the end of global tokens for 2026-12-01."
        in letter(Policy.LIFESPAN, LAST)
    )
    assert (
        "Reach: all accessible organizations\n- Expires: 2026-12-01 (1 day from today)"
        in letter(Policy.GLOBAL, LAST)
    )
    assert [is_over(Policy.GLOBAL, replace(r.TODAY, today=day)) for day in (LAST, AFTER)] == [
        False,
        True,
    ]


@pytest.mark.parametrize("day", [date(2026, 11, 20), AFTER])
def test_in_the_last_days_the_guide_names_no_letter_that_contradicts_it(day: date) -> None:
    """The token that a letter describes is the one of the guide beside it."""
    today = replace(r.TODAY, today=day)
    made = guide(r.CONTOSO, Purpose.ALM, ReachDemanded.AUTO, today)
    assert "--request with full-scope" in made.steps[1].notes[1]
    for policy in Policy:
        if is_over(policy, today):
            continue
        purpose, choice = token_meant(policy, Purpose.ALM, ReachDemanded.AUTO, today)
        beside = guide(r.CONTOSO, purpose, choice, today)
        text = request_for(policy, r.CONTOSO, Purpose.ALM, ReachDemanded.AUTO, today)
        assert f"Expires: {beside.expires}" in text
        assert ("Reach: all accessible organizations" in text) is (beside.reach is Reach.ALL)


def test_what_the_service_answered_is_in_it() -> None:
    text = letter(Policy.LIFESPAN, answered="patLifespanPolicyViolation")
    assert "Azure DevOps answered: patLifespanPolicyViolation" in text
    assert "answered" not in letter(Policy.LIFESPAN)


@pytest.mark.parametrize(
    ("purpose", "reach", "met"),
    [
        (Purpose.ALM, Reach.ALL, ["creation", "global", "lifespan"]),
        (Purpose.ALM, Reach.ORGANIZATION, ["creation", "lifespan"]),
        (
            Purpose.ALM_AND_ISSUE_MANAGER,
            Reach.ALL,
            ["creation", "global", "full-scope", "lifespan"],
        ),
        (Purpose.ISSUE_MANAGER, Reach.ORGANIZATION, ["creation", "lifespan"]),
    ],
)
def test_what_a_person_may_meet_on_the_page(purpose: Purpose, reach: Reach, met: list[str]) -> None:
    assert [one.value for one in possible_policies(r.CONTOSO, purpose, reach)] == met
    assert [one.value for one in possible_policies(r.COLLECTION, purpose, reach)] == ["creation"]


def test_a_server_hears_of_no_policy_of_services_and_of_no_day() -> None:
    for policy, purpose, day in product(Policy, Purpose, (BEFORE, LAST, AFTER)):
        text = letter(policy, day, purpose, r.COLLECTION)
        assert not any(
            word in text
            for word in ("Microsoft", "Entra", "2026-12-01", "Restrict", "organization")
        )
        assert "DefaultCollection" in text
        assert alternative(policy, r.COLLECTION) == ""
