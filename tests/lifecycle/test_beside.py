"""A secret that another run replaces or removes between our look at the records and at the keyring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.domain.errors import UsageError
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm
from aspm_ado.flows.token import stored_token
from aspm_ado.flows.validate import validate_stored

from .machine import ASPM, NEW, Machine, Person, check

READERS = {
    "token": lambda context: stored_token(context, None),
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


def beside(here: Machine, *others):
    """A context in which the other runs happen just before a secret is read, one each time."""
    context, waiting = here.context(), list(others)
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
