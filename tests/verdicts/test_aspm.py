"""`connect` with a token for Invicti ASPM: what is proven of it; a strange answer is no good answer."""

from __future__ import annotations

import pytest

from ..simulator.internet import Internet
from ..simulator.worlds import a_world, an_aspm
from .connecting import ASPM, connect
from .runner import Machine


def test_a_hand_off_with_an_aspm_that_answers(internet: Internet, machine: Machine) -> None:
    """Nobody is there to say "saved": it is handed off, and that was what was asked."""
    world = a_world()
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
    ("aspm", "code", "failing"),
    [
        ({"token_sees_projects": False}, 6, "aspm.projects"),
        ({"state": "page"}, 6, "aspm.reachable"),
        ({"state": "redirect"}, 6, "aspm.reachable"),
    ],
)
def test_an_aspm_that_is_not_what_it_should_be(
    internet: Internet, machine: Machine, aspm: dict[str, object], code: int, failing: str
) -> None:
    here = an_aspm(**aspm)
    world = a_world(aspm=here)
    done = connect(internet, machine, world, *ASPM, "--register", "guided", aspm_token=here.token)
    assert done.code == code
    assert done.report.aspm(failing) == "fail"


def test_an_aspm_that_rejects_its_token(internet: Internet, machine: Machine) -> None:
    done = connect(
        internet, machine, a_world(), *ASPM, "--register", "guided", aspm_token=an_aspm().token
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
