"""`connect` with a token for Invicti ASPM: what is proven of it; a strange answer is no good answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .connecting import ASPM, connect
from .internet import Internet
from .runner import Machine
from .world import Aspm, World


def test_a_hand_off_with_an_aspm_that_answers(internet: Internet, machine: Machine) -> None:
    """Nobody is there to say "saved": it is handed off, and that was what was asked."""
    world = World()
    done = connect(
        internet, machine, world, *ASPM, "--register", "guided", aspm_token=world.aspm.token
    )
    assert done.code == 0
    assert [
        done.report.aspm(name) for name in ("aspm.reachable", "aspm.token", "aspm.projects")
    ] == ["pass"] * 3
    registration = done.report.organization.node["registration"]
    assert (registration["mode"], registration["state"], registration["proof"]) == (
        "guided",
        "handed-off",
        "none",
    )
    assert done.report.organization.status("aspm.registration") == "warn"


@pytest.mark.parametrize(
    ("mood", "code", "failing"),
    [
        ("forbids-projects", 6, "aspm.projects"),
        ("not-an-api", 6, "aspm.reachable"),
        ("redirects", 6, "aspm.reachable"),
    ],
)
def test_an_aspm_that_is_not_what_it_should_be(
    internet: Internet, machine: Machine, mood: str, code: int, failing: str
) -> None:
    world = World()
    moody = replace(world, aspm=replace(world.aspm, mood=mood))  # type: ignore[arg-type]
    done = connect(
        internet, machine, moody, *ASPM, "--register", "guided", aspm_token=world.aspm.token
    )
    assert done.code == code
    assert done.report.aspm(failing) == "fail"


def test_an_aspm_that_rejects_its_token(internet: Internet, machine: Machine) -> None:
    done = connect(
        internet, machine, World(), *ASPM, "--register", "guided", aspm_token=Aspm().token
    )
    assert done.code == 4
    assert (
        done.report.aspm("aspm.reachable"),
        done.report.aspm("aspm.token"),
        done.report.aspm("aspm.projects"),
    ) == (
        "pass",
        "fail",
        "skip",
    )
