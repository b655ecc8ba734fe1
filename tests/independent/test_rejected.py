"""Dead tokens and closed organizations: whose fault it is, and how little is asked once that is clear."""

from __future__ import annotations

import pytest

from .internet import Internet
from .runner import Finished, Machine
from .world import Organization, Pat, World

THREE = (Organization("Contoso"), Organization("Fabrikam"), Organization("Northwind"))

CLOSED = (
    Organization("Members-Only", members=()),
    Organization("Asleep", deactivated=True),
    Organization("Wary", refuses_global_tokens=True),
)
SCOPES = ("scope.code", "scope.work", "scope.identity", "scope.profile")

DEAD = {
    "of-another-organization": Organization("Contoso"),
    "anonymous-trap": Organization("Contoso", public=True),
}


def test_a_live_token_before_closed_doors(internet: Internet, machine: Machine) -> None:
    """Only access fails, each door for itself; nothing behind it is asked, and none is knocked at twice."""
    pat = Pat()
    internet.become(World((*CLOSED, Organization("Contoso")), (pat,)))
    names = [*(one.name for one in CLOSED), "No-Such-Place"]
    words = [word for name in (*names, "Contoso") for word in ("-o", name)]
    done = machine.run("validate", *words, "--check-clone", "no", pat=pat)
    assert done.code == 3
    for name in names:
        one = done.report.named(name)
        assert one.failing == {"organization.access"}, name
        assert one.with_status("unknown") == set(), name
        assert {one.status(scope) for scope in SCOPES} == {"skip"}, name
        assert (
            len([asked for asked in internet.ledger.requests if asked.path.startswith(f"/{name}/")])
            == 1
        ), name
    assert done.report.named("Contoso").failing == set()


def test_a_closed_door_with_nobody_else_to_ask(internet: Internet, machine: Machine) -> None:
    """The organization says nothing at all; the profile shows the token alive and who it is."""
    pat = Pat()
    internet.become(World((CLOSED[2],), (pat,)))
    done = machine.run("validate", "-o", "wary", pat=pat)
    assert done.code == 3
    assert done.report.organization.failing == {"organization.access"}
    assert done.report.organization.node["identity"]["id"] == pat.owner.id
    assert len(internet.ledger.asked("dev.azure.com")) == 1


@pytest.mark.parametrize("situation", DEAD)
def test_a_dead_token_costs_two_questions(
    internet: Internet, machine: Machine, situation: str
) -> None:
    """Also where the organization lets anybody look at its public projects and answers 200 to a stranger."""
    pat = Pat(reach="Fabrikam")
    internet.become(World((DEAD[situation],), (pat,)))
    done = machine.run("validate", "-o", "contoso", pat=pat)
    assert done.code == 4
    assert done.report.organization.failing == {"identity"}
    assert done.report.organization.node["identity"] is None
    assert len(internet.ledger.requests) <= 2, str(internet.ledger)


def all_are_dead(done: Finished) -> None:
    """Somebody says that the token is rejected; whoever was not asked for that reason says so, and nobody says more."""
    assert done.code == 4
    assert set().union(*(one.failing for one in done.report.organizations)) == {"identity"}
    assert {one.status("identity") for one in done.report.organizations} <= {"fail", "skip"}
    assert all(
        one.with_status("partial", "warn", "unknown") == set() for one in done.report.organizations
    )


def test_an_expired_token_is_dead_for_every_organization_at_once(
    internet: Internet, machine: Machine
) -> None:
    """The service said "has expired": no other organization needs to be troubled."""
    pat = Pat(life="expired")
    internet.become(World(THREE, (pat,)))
    done = machine.run("validate", "-o", "contoso", "-o", "fabrikam", "-o", "northwind", pat=pat)
    all_are_dead(done)
    assert len(internet.ledger.requests) <= 2, str(internet.ledger)
    said = next(one.check("identity") for one in done.report.organizations if one.failing)
    assert "expired" in f"{said['reason']} {said['detail']}".lower()


def test_an_unknown_token_is_dead_once_no_organization_knows_it(
    internet: Internet, machine: Machine
) -> None:
    """It might be of the second or third, so each may be asked who it is, once, and nothing more."""
    pat = Pat(life="revoked")
    internet.become(World(THREE, (pat,)))
    done = machine.run("validate", "-o", "contoso", "-o", "fabrikam", "-o", "northwind", pat=pat)
    all_are_dead(done)
    assert len(internet.ledger.requests) <= 1 + len(THREE), str(internet.ledger)


def test_a_token_that_is_alive_elsewhere_is_not_dead_here(
    internet: Internet, machine: Machine
) -> None:
    """Only one of two organizations knows it: that is access, not identity, in whichever order they were given."""
    pat = Pat(reach="Fabrikam")
    internet.become(World(tokens=(pat,)))
    done = machine.run(
        "validate",
        "-o",
        "contoso",
        "-o",
        "fabrikam",
        "--reach",
        "organization",
        "--check-clone",
        "no",
        pat=pat,
    )
    assert done.code == 3
    assert done.report.named("contoso").failing == {"organization.access"}
    assert done.report.named("fabrikam").failing == set()
