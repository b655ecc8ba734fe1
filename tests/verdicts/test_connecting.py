"""`connect` without anything kept: the hand-off to Invicti ASPM, and what ASPM never hears."""

from __future__ import annotations

import pytest

from ..simulator.internet import Internet
from ..simulator.worlds import a_token, a_world, an_organization
from .connecting import ASPM, KEEP_NOTHING, connect
from .runner import Machine


def test_nothing_to_register_needs_no_aspm(internet: Internet, machine: Machine) -> None:
    done = connect(internet, machine, a_world(), "--register", "none")
    assert done.code == 0
    assert done.report.connection["aspm"] is None
    assert done.report.organization.node["registration"]["mode"] == "none"
    assert internet.monitor.asked("aspm.") == []


def test_a_hand_off_without_a_token_for_the_aspm(internet: Internet, machine: Machine) -> None:
    done = connect(internet, machine, a_world(), *ASPM, "--register", "guided")
    assert done.code == 0
    assert [done.report.aspm(name) for name in ("aspm.token", "aspm.projects")] == ["skip"] * 2
    assert done.report.organization.node["registration"]["state"] == "handed-off"


def test_no_good_organization_and_the_aspm_hears_nothing(
    internet: Internet, machine: Machine
) -> None:
    world = a_world(organizations=(an_organization("Contoso", members=()),))
    done = connect(
        internet, machine, world, *ASPM, "--register", "guided", aspm_token=world.aspm.token
    )
    assert done.code == 3
    assert internet.monitor.asked("aspm.") == []
    assert done.report.organization.node["registration"]["state"] == "none"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("--all-organizations",), "contoso"),
        (("ours", "--all-organizations"), "ours"),
        (
            ("--server-url", "https://tfs.example.test/tfs", "--all-organizations"),
            "tfs.example.test",
        ),
    ],
)
def test_whatever_the_token_reaches_is_connected_under_the_first_name(
    internet: Internet, machine: Machine, words: tuple[str, ...], name: str
) -> None:
    pat = a_token(home="server" if "--server-url" in words else "services")
    internet.become(a_world(pat))
    done = machine.run("connect", *words, *KEEP_NOTHING, "--register", "none", token=pat)
    assert done.code == 0, done.said()
    assert done.report.connection["name"] == name
    assert len(done.report.organizations) == 2
