"""A secret that another run replaces or removes between our look at the records and at the keyring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.domain.reasons import UsageError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm
from aspm_ado.flows.token import stored_token
from aspm_ado.flows.validate import validate_stored

from .machine import ASPM, NEW, Machine, Person, asked, check

READERS = {
    "token": lambda context: stored_token(context, None),
    "handoff": lambda context: resume_handoff(context, None),
    "validate": lambda context: validate_stored(context, []),
    "validate NAME": lambda context: validate_stored(context, ["contoso"]),
}


def rotated(here: Machine) -> None:
    rotate(here.context({"pat_file": "new"}, Person(handoff="saved")), "contoso", [])


def rotated_aspm(here: Machine) -> None:
    aspm = here.stand.simulator.world.aspm
    here.world(aspm=replace(aspm, token="another-token-of-the-simulated-aspm"))
    context = here.context(
        {"aspm_url": ASPM, "aspm_token_file": "other"},
        files={"other": "another-token-of-the-simulated-aspm"},
    )
    assert int(rotate_aspm(context).exit_code) == 0


def removed(here: Machine) -> None:
    disconnect(here.context({"yes": "true"}), "contoso")


def beside(here: Machine, *others, given=None):
    """A context in which the other runs happen just before a secret is read, one each time."""
    context, waiting = here.context(given), list(others)
    vault = context.vault
    read = vault.read

    def late(service, origin):
        if waiting:
            waiting.pop(0)(here)
        return read(service, origin)

    vault.read = late
    return context


def test_a_token_that_another_run_replaced_is_looked_for_again(saved):
    report = validate_stored(beside(saved, rotated), [])
    assert (int(report.exit_code), check(report, "store.secrets").status) == (0, "pass")
    assert report.connections[0].organizations[0].token.last4 == NEW[-4:]


def test_so_it_is_where_one_token_is_read(saved):
    assert stored_token(beside(saved, rotated), "contoso").secret.reveal() == NEW


def test_so_it_is_in_the_handoff(saved):
    context = beside(saved, rotated)
    report = resume_handoff(context, "contoso")
    assert (int(report.exit_code), check(report, "store.secrets").status) == (0, "pass")
    assert f"the one ending in {NEW[-4:]}" in saved.stand.voice.text


def test_so_it_is_where_an_organization_is_added(saved):
    adding = asked("fabrikam", register="none", pat_file="", pat_expires="")
    report = connect(beside(saved, rotated, given=adding), "contoso")
    assert int(report.exit_code) == 0
    assert saved.in_force("fabrikam") == saved.in_force() == NEW


def test_what_another_run_added_is_said_by_disconnect(saved):
    person = Person()

    def confirm(question, default):
        given = asked("fabrikam", register="none", pat_file="", pat_expires="")
        assert int(connect(saved.context(given), "contoso").exit_code) == 0
        return True

    person.confirm = confirm
    context = saved.context({}, person)
    assert "fabrikam" in disconnect(context, "contoso").organizations


def test_an_api_token_that_another_run_replaced_is_looked_for_again(saved):
    report = validate_stored(beside(saved, lambda here: None, rotated_aspm), [])
    assert (int(report.exit_code), check(report, "aspm.token").status) == (0, "pass")


@pytest.mark.parametrize("reader", READERS)
def test_a_connection_that_another_run_removed_is_not_a_lost_token(reader, saved):
    with pytest.raises(UsageError) as caught:
        READERS[reader](beside(saved, removed))
    assert (caught.value.reason, "contoso" in caught.value.problem) == ("nothing-stored", True)


def test_a_token_that_is_gone_for_good_is_read_once(saved):
    read: list[str] = []
    saved.secrets.clear()
    context = beside(saved, *[lambda here: read.append("read")] * 9)
    report = validate_stored(context, [])
    assert (int(report.exit_code), len(read)) == (4, 2)
