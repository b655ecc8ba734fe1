"""Dead tokens and closed organizations: whose fault it is, and how little is asked once that is clear."""

from __future__ import annotations

import pytest

from aspm_ado.simulator import samples

from ..simulator.internet import Internet
from ..simulator.worlds import LONG_AGO, a_token, a_world, an_organization
from .runner import Finished, Machine

THREE = (an_organization("Contoso"), an_organization("Fabrikam"), an_organization("Northwind"))

CLOSED = (
    an_organization("Members-Only", members=()),
    an_organization("Asleep", deactivated=True),
    an_organization("Wary", blocks_global_tokens=True),
)
SCOPES = ("scope.code", "scope.work", "scope.identity", "scope.profile")

DEAD = {
    "of-another-organization": an_organization("Contoso"),
    "anonymous-trap": an_organization("Contoso", projects=samples.OPEN_CONTOSO.projects),
}


def test_a_live_token_before_closed_doors(internet: Internet, machine: Machine) -> None:
    """Only access fails, each door for itself; nothing behind it is asked, and none is knocked at twice."""
    pat = a_token()
    internet.become(a_world(pat, organizations=(*CLOSED, an_organization("Contoso"))))
    names = [*(one.name for one in CLOSED), "No-Such-Place"]
    words = [word for name in (*names, "Contoso") for word in ("-o", name)]
    done = machine.run("validate", *words, "--check-clone", "no", token=pat)
    assert done.code == 3
    for name in names:
        one = done.report.named(name)
        assert one.failing == {"organization.access"}, name
        assert one.with_status("unknown") == set(), name
        assert {one.status(scope) for scope in SCOPES} == {"skip"}, name
        assert (
            len(
                [asked for asked in internet.monitor.requests if asked.path.startswith(f"/{name}/")]
            )
            == 1
        ), name
    assert done.report.named("Contoso").failing == set()


def test_a_closed_door_with_nobody_else_to_ask(internet: Internet, machine: Machine) -> None:
    """The organization says nothing at all; the profile shows the token alive and who it is."""
    pat = a_token()
    internet.become(a_world(pat, organizations=(CLOSED[2],)))
    done = machine.run("validate", "-o", "wary", token=pat)
    assert done.code == 3
    assert done.report.organization.failing == {"organization.access"}
    assert done.report.organization.node["identity"]["id"] == pat.owner.id
    assert len(internet.monitor.asked("dev.azure.com")) == 1


@pytest.mark.parametrize("situation", DEAD)
def test_a_dead_token_costs_two_questions(
    internet: Internet, machine: Machine, situation: str
) -> None:
    """Also where the organization lets anybody look at its public projects and answers 200 to a stranger."""
    pat = a_token(reach="Fabrikam")
    internet.become(a_world(pat, organizations=(DEAD[situation],)))
    done = machine.run("validate", "-o", "contoso", token=pat)
    assert done.code == 4
    assert done.report.organization.failing == {"identity"}
    assert done.report.organization.node["identity"] is None
    assert len(internet.monitor.requests) <= 2, str(internet.monitor)


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
    pat = a_token(expires=LONG_AGO)
    internet.become(a_world(pat, organizations=THREE))
    done = machine.run("validate", "-o", "contoso", "-o", "fabrikam", "-o", "northwind", token=pat)
    all_are_dead(done)
    assert len(internet.monitor.requests) <= 2, str(internet.monitor)
    said = next(one.check("identity") for one in done.report.organizations if one.failing)
    assert "expired" in f"{said['reason']} {said['detail']}".lower()


def test_an_unknown_token_is_dead_once_no_organization_knows_it(
    internet: Internet, machine: Machine
) -> None:
    """It might be of the second or third, so each may be asked who it is, once, and nothing more."""
    pat = a_token(revoked=True)
    internet.become(a_world(pat, organizations=THREE))
    done = machine.run("validate", "-o", "contoso", "-o", "fabrikam", "-o", "northwind", token=pat)
    all_are_dead(done)
    assert len(internet.monitor.requests) <= 1 + len(THREE), str(internet.monitor)


def test_a_token_that_is_alive_elsewhere_is_not_dead_here(
    internet: Internet, machine: Machine
) -> None:
    """Only one of two organizations knows it: that is access, not identity, in whichever order they were given."""
    pat = a_token(reach="Fabrikam")
    internet.become(a_world(pat))
    places = ("-o", "contoso", "-o", "fabrikam", "--reach", "organization")
    done = machine.run("validate", *places, "--check-clone", "no", token=pat)
    assert done.code == 3
    assert done.report.named("contoso").failing == {"organization.access"}
    assert done.report.named("fabrikam").failing == set()
