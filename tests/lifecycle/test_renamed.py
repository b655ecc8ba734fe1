"""An organization on record that does not exist under its name any more: a person corrects it while renewing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.domain.reasons import InterruptedByUserError, Reason
from aspm_ado.flows.connect import connect
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.flows.validate import validate_stored

from .faults import Killed, Switch
from .machine import NEW, OWN, PAT, Machine, Person, asked, check


@pytest.fixture
def here(machine) -> Machine:
    """Two organizations share one token, and Invicti ASPM has it; then fabrikam becomes “globex”."""
    made = machine(aspm={"registers": "yes", "alm_tools": ("azurecloud",)})
    given = asked("contoso", "fabrikam", register="guided")
    connect(made.context(given, Person(handoff="saved", go=True)), None)
    first, second = made.stand.simulator.world.organizations
    made.world(organizations=(first, replace(second, name="globex")))
    made.token(OWN["fabrikam"], reach="globex")
    return made


def names(here: Machine) -> list[str]:
    return [one.name for one in here.entry.organizations]


def assert_renamed(here: Machine, token: str) -> None:
    """The new name has the new token, and a person has entered it in Invicti ASPM."""
    assert names(here) == ["contoso", "globex"]
    assert here.in_force("globex") == token
    assert [one.registration.state.value for one in here.entry.organizations] == ["registered"] * 2
    here.assert_tidy()


@pytest.mark.parametrize(
    ("given", "answers"),
    [
        ({"pat_file": "new"}, {"next": "correct", "correct_which": "globex"}),
        ({}, {"instead": "globex", "token_ready": "paste", "pat": NEW, "pat_expires": "unknown"}),
    ],
    ids=["after the token is validated", "before the guide"],
)
def test_rotate_lets_a_person_correct_it_and_the_record_follows(here, given, answers):
    person = Person(handoff="saved", **answers)
    report = rotate(here.context(given, person), "contoso", ["contoso", "fabrikam"])
    assert int(report.exit_code) == 0
    assert [one.name for one in report.connections[0].organizations] == ["contoso", "globex"]
    assert_renamed(here, NEW)
    assert "The connection now has “globex” in place of “fabrikam”." in here.stand.voice.text
    assert int(validate_stored(here.context(), []).exit_code) == 0


def test_migrate_lets_a_person_correct_it_and_the_choice_follows(here):
    given = {"pat_file": [f"{name}={name}" for name in OWN]}
    person = Person(
        next="correct",
        correct_which="",
        instead="globex",
        pat_expires="unknown",
        handoff="saved",
        migrate_which=("contoso", "fabrikam"),
    )
    report = migrate(here.context(given, person), "contoso")
    assert int(report.exit_code) == 0
    assert [one.name for one in report.connections[0].organizations] == ["contoso", "globex"]
    assert_renamed(here, OWN["fabrikam"])
    assert here.entry.migration is None


def test_a_name_that_is_on_record_already_takes_its_place(here):
    connect(
        here.context(asked("globex", register="guided"), Person(handoff="saved", go=True)),
        "contoso",
    )
    person = Person(
        handoff="saved", instead="globex", token_ready="paste", pat=NEW, pat_expires="unknown"
    )
    report = rotate(here.context({}, person), "contoso", ["fabrikam"])
    assert int(report.exit_code) == 0
    assert (names(here), here.in_force("globex"), here.in_force("contoso")) == (
        ["contoso", "globex"],
        NEW,
        PAT,
    )
    here.assert_tidy()


def test_with_nobody_there_the_record_stays_as_it_is(here):
    report = rotate(here.context({"pat_file": "new"}), "contoso", ["fabrikam"])
    assert (int(report.exit_code), check(report, "organization.access").reason) == (
        3,
        "organization-absent",
    )
    assert names(here) == ["contoso", "fabrikam"]
    here.assert_tidy()


def test_a_name_that_is_corrected_and_a_token_that_fails_change_nothing(here):
    person = Person(next=["correct", "keep"], correct_which="globex", pat_expires="unknown")
    report = rotate(here.context({"pat_file": "thin"}, person), "contoso", ["fabrikam"])
    assert (int(report.exit_code), names(here)) == (3, ["contoso", "fabrikam"])
    here.assert_tidy()


def test_killed_at_every_effect_one_rerun_has_the_new_name_and_the_new_token(here):
    def run(switch=None, **answers):
        person = Person(handoff="saved", next="correct", correct_which="globex", **answers)
        names_ = [one.name for one in here.entry.organizations]
        return rotate(here.context({"pat_file": "new"}, person, switch=switch), "contoso", names_)

    here.keep()
    whole = Switch()
    run(whole)
    for at in range(1, 2 * len(whole.effects) + 1):
        here.back()
        with pytest.raises(Killed):
            run(Switch(at))
        here.assert_whole()
        if {here.in_force(name) for name in map(str.casefold, names(here))} != {NEW}:
            run()
        here.settle()
        assert_renamed(here, NEW)


def test_ctrl_c_after_the_correction_says_that_nothing_is_stored(here):
    stop = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")
    person = Person(instead="globex", token_ready="paste", pat=stop)
    with pytest.raises(InterruptedByUserError) as caught:
        rotate(here.context({}, person), "contoso", ["fabrikam"])
    assert "No new token is stored" in caught.value.problem
    assert caught.value.remedy == "To continue, run: aspm-ado rotate contoso -o fabrikam"
