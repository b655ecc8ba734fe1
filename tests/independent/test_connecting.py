"""`connect` without anything kept: the hand-off to Invicti ASPM, and what ASPM never hears."""

from __future__ import annotations

from .connecting import ASPM, connect
from .internet import Internet
from .runner import Machine
from .world import Organization, World


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


def test_no_good_organization_and_the_aspm_hears_nothing(internet: Internet, machine: Machine) -> None:
    world = World((Organization("Contoso", members=()),))
    done = connect(internet, machine, world, *ASPM, "--register", "guided", aspm_token=world.aspm.token)
    assert done.code == 3
    assert internet.ledger.asked("aspm.") == []
    assert done.report.organization.node["registration"]["state"] == "none"
