"""`connect` without anything kept: the hand-off to Invicti ASPM, and what ASPM never hears."""

from __future__ import annotations

import pytest

from .connecting import ASPM, KEEP_NOTHING, connect
from .internet import Internet
from .runner import Machine
from .world import ADA, ADA_AT_CORP, OnPremises, Organization, Pat, World


def test_nothing_to_register_needs_no_aspm(internet: Internet, machine: Machine) -> None:
    done = connect(internet, machine, World(), "--register", "none")
    assert done.code == 0
    assert done.report.connection["aspm"] is None
    assert done.report.organization.node["registration"]["mode"] == "none"
    assert internet.ledger.asked("aspm.") == []


def test_a_hand_off_without_a_token_for_the_aspm(internet: Internet, machine: Machine) -> None:
    done = connect(internet, machine, World(), *ASPM, "--register", "guided")
    assert done.code == 0
    assert [done.report.aspm(name) for name in ("aspm.token", "aspm.projects")] == ["skip"] * 2
    assert done.report.organization.node["registration"]["state"] == "handed-off"


def test_no_good_organization_and_the_aspm_hears_nothing(
    internet: Internet, machine: Machine
) -> None:
    world = World((Organization("Contoso", members=()),))
    done = connect(
        internet, machine, world, *ASPM, "--register", "guided", aspm_token=world.aspm.token
    )
    assert done.code == 3
    assert internet.ledger.asked("aspm.") == []
    assert done.report.organization.node["registration"]["state"] == "none"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("--all-organizations",), "contoso"),
        (("ours", "--all-organizations"), "ours"),
        (
            ("--server-url", "https://tfs.corp.example/tfs", "--all-organizations"),
            "tfs.corp.example",
        ),
    ],
)
def test_whatever_the_token_reaches_is_connected_under_the_first_name(
    internet: Internet, machine: Machine, words: tuple[str, ...], name: str
) -> None:
    pat = Pat(owner=ADA_AT_CORP, home="server") if "--server-url" in words else Pat()
    places = (Organization("Contoso", members=(ADA,)), Organization("Fabrikam", members=(ADA,)))
    internet.become(World(places, tokens=(pat,), servers=(OnPremises(),)))
    done = machine.run("connect", *words, *KEEP_NOTHING, "--register", "none", pat=pat)
    assert done.code == 0, done.said()
    assert done.report.connection["name"] == name
    assert len(done.report.organizations) == 2
