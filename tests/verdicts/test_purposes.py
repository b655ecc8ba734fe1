"""Other purposes, other boxes: a token that manages issues, with or without the repositories."""

from __future__ import annotations

from aspm_ado.simulator.scopes import FULL_ACCESS

from ..simulator.internet import Internet
from ..simulator.worlds import ALM, FIVE, ISSUES, a_token, a_world, an_organization, swap
from .runner import Finished, Machine

EVERYTHING = frozenset({FULL_ACCESS})


def on_services(
    internet: Internet, machine: Machine, purpose: str, boxes: dict[str, frozenset[str]]
) -> Finished:
    """One organization for each choice of boxes, each with a token of its own."""
    own = {name: a_token(ticked, reach=name) for name, ticked in boxes.items()}
    places = tuple(an_organization(name) for name in own)
    internet.become(a_world(*own.values(), organizations=places))
    words = [word for name in own for word in ("-o", name)]
    done = machine.run(
        "validate", *words, "--purpose", purpose, "--reach", "organization", tokens=own
    )
    assert done.report.connection["purpose"] == purpose
    return done


def test_an_issue_manager_alone(internet: Internet, machine: Machine) -> None:
    """Repositories are no part of it: neither Code nor a clone is asked for."""
    low = swap("vso.project_manage", "vso.project_write", of=ISSUES)
    done = on_services(internet, machine, "issue-manager", {"granted": ISSUES, "too-low": low})
    assert done.code == 3
    granted, too_low = done.report.named("granted"), done.report.named("too-low")
    assert (granted.failing, too_low.failing) == (set(), {"scope.project"})
    project = granted.check("scope.project")
    assert (project["status"], project["proven"]) == ("pass", "manage")
    assert too_low.check("scope.project")["proven"] == "write"
    for one in (granted, too_low):
        assert one.status("scope.work") == "pass"
        assert {one.status(name) for name in ("scope.code", "clone.token", "clone.username")} == {
            "skip"
        }
    assert internet.monitor.asked("dev.azure.com", ending="/info/refs") == []


def test_both_purposes_on_services(internet: Internet, machine: Machine) -> None:
    """Full access is wanted, five boxes pass with a warning, four do not."""
    boxes = {"everything": EVERYTHING, "five": FIVE, "four": ALM}
    done = on_services(internet, machine, "alm+issue-manager", boxes)
    assert done.code == 3
    found = {one.name: one.status("scope.full-access") for one in done.report.organizations}
    assert found == {"everything": "partial", "five": "warn", "four": "fail"}
    assert done.report.named("everything").failing == done.report.named("five").failing == set()
    assert done.report.named("four").failing <= {"scope.full-access", "scope.project"}


def test_both_purposes_on_a_server(internet: Internet, machine: Machine) -> None:
    """There five boxes do not make Full access, and a token of one collection is what was asked for."""
    own = {
        "DefaultCollection": a_token(EVERYTHING, "DefaultCollection", home="server"),
        "Research": a_token(FIVE, "Research", home="server"),
    }
    internet.become(a_world(*own.values()))
    words = [word for name in own for word in ("--collection", name)]
    where = ("--server-url", "https://tfs.example.test/tfs", *words, "--reach", "organization")
    done = machine.run(
        "validate", *where, "--purpose", "alm+issue-manager", "--check-clone", "no", tokens=own
    )
    assert done.code == 3
    assert done.report.named("DefaultCollection").failing == set()
    assert done.report.named("DefaultCollection").status("scope.full-access") == "partial"
    assert done.report.named("Research").failing == {"scope.full-access"}
    assert [one.status("reach") for one in done.report.organizations] == ["pass", "pass"]
