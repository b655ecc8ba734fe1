"""Connecting what is connected: unchanged where nothing is new, resumed where something is left, added to otherwise."""

from __future__ import annotations

import pytest

from aspm_ado.demo import cast
from aspm_ado.flows.connect import connect
from aspm_ado.flows.rotate import rotate

from .machine import NEW, PAT, Machine, Person, asked, check

THIRD = cast.pat("Third", "Thd1")


@pytest.fixture
def here(machine) -> Machine:
    """One organization, and Invicti ASPM has its token."""
    made = machine()
    connect(made.house(asked(register="guided"), Person(handoff="saved", go=True)), None)
    return made


def state(here, name="contoso") -> str:
    [one] = [one for one in here.entry.organizations if one.name.casefold() == name]
    return one.registration.state.value


def test_by_its_name_alone_nothing_is_changed_and_that_is_said(here):
    before, secrets = here.entry, dict(here.secrets)
    report = connect(here.house(), "contoso")
    assert int(report.exit_code) == 0
    said = here.stand.voice.text
    assert "nothing of it is changed: contoso on https://dev.azure.com, for alm, with https://aspm" in said
    assert (here.entry.credentials, here.secrets) == (before.credentials, secrets)
    assert state(here) == "registered"


@pytest.mark.parametrize("given", [{"organization": "contoso"}, asked(register="auto")])
def test_the_same_again_hands_nothing_over_twice(here, given):
    report = connect(here.house(given), "contoso")
    assert int(report.exit_code) == 0
    assert check(report, "aspm.registration").status.value == "pass"
    assert "contoso is unchanged: Invicti ASPM has this token already." in here.stand.voice.text
    assert "Hand-off" not in here.stand.voice.text
    assert state(here) == "registered"
    here.assert_tidy()


@pytest.mark.parametrize("more", [{"pat_file": "new"}, {"team_leads_may": ("create-instances",)}])
def test_another_token_or_other_settings_are_handed_over(here, more):
    report = connect(here.house(asked(register="auto", **more)), "contoso")
    assert int(report.exit_code) == 8
    assert state(here) == "handed-off"
    here.assert_tidy()


def test_another_organization_is_added_and_the_first_stays(here):
    report = connect(here.house({"organization": "fabrikam", "register": "auto"}), "contoso")
    assert int(report.exit_code) == 8
    assert [one.name for one in report.connections[0].organizations] == ["fabrikam"]
    assert (state(here), state(here, "fabrikam")) == ("registered", "handed-off")
    here.assert_tidy()


def test_what_a_person_has_left_to_do_is_resumed_when_one_is_there(here):
    connect(here.house({"organization": "fabrikam", "register": "auto"}), "contoso")
    assert int(connect(here.house(), "contoso").exit_code) == 0
    assert state(here, "fabrikam") == "handed-off"
    person = Person(handoff=["saved"])
    assert int(connect(here.house(person=person), "contoso").exit_code) == 0
    assert person.asked == ["handoff"]
    assert state(here, "fabrikam") == "registered"


def test_a_new_token_that_waits_is_resumed(here):
    rotate(here.house({"pat_file": "new"}), "contoso", [])
    assert here.in_force() == PAT
    connect(here.house(person=Person(handoff="saved")), "contoso")
    assert (here.in_force(), here.waiting()) == (NEW, [])
    here.assert_tidy()


def test_a_new_token_that_waits_stays_while_the_old_one_is_given_again(here):
    rotate(here.house({"pat_file": "new"}), "contoso", [])
    connect(here.house(asked(register="guided")), "contoso")
    assert (here.in_force(), here.waiting()) == (PAT, [NEW])
    here.assert_tidy()


@pytest.mark.parametrize(("file", "value"), [("new", NEW), ("third", THIRD)])
def test_a_new_token_that_waits_is_given_up_for_the_one_that_is_connected(here, file, value):
    """It was to replace the token that was in force then; be it the very one that is given now, or an older one."""
    rotate(here.house({"pat_file": "new"}), "contoso", [])
    here.world(tokens=(*here.stand.simulator.world.tokens, cast.token(THIRD)))
    house = here.house(asked(register="guided", pat_file=file), files={"third": THIRD})
    assert int(connect(house, "contoso").exit_code) == 0
    assert (here.in_force(), here.waiting()) == (value, [])
    assert state(here) == "handed-off"
    here.assert_tidy()
