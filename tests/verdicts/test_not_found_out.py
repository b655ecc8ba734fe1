"""When nobody can tell, nobody is blamed: exit 5, no failure, and no word about a wrong token."""

from __future__ import annotations

import re

import pytest

from aspm_ado.simulator.world import Organization

from ..simulator.internet import Internet
from ..simulator.worlds import a_token, a_world, an_organization
from .runner import Finished, Machine

BLAME = re.compile(
    r"\bexpired\b|\brevoked\b|mistyped|wrong token|token is wrong|invalid token", re.IGNORECASE
)


def nobody_is_blamed(done: Finished) -> None:
    assert done.code == 5, done.said()
    failing = [one["id"] for one in done.report.checks() if one["status"] == "fail"]
    assert failing == []
    assert not BLAME.search(done.report.words()), done.report.words()
    assert not BLAME.search(done.stderr), done.stderr


def validate(
    internet: Internet,
    machine: Machine,
    organization: Organization | None = None,
    network: str = "fair",
) -> Finished:
    pat = a_token()
    here = organization or an_organization("Contoso")
    internet.become(a_world(pat, organizations=(here,), network=network))
    done = machine.run("validate", "-o", "contoso", token=pat)
    nobody_is_blamed(done)
    return done


@pytest.mark.parametrize("network", ["captive-page", "captive-redirect"])
def test_a_captive_portal_is_not_azure_devops(
    internet: Internet, machine: Machine, network: str
) -> None:
    validate(internet, machine, network=network)
    assert {one.method for one in internet.monitor.requests} == {"GET"}
    assert len(internet.monitor.requests) <= 2


@pytest.mark.parametrize("network", ["throttled", "outage"])
def test_a_busy_service_is_asked_again_twice_and_no_more(
    internet: Internet, machine: Machine, network: str
) -> None:
    """Its Retry-After is one second."""
    validate(internet, machine, network=network)
    asked = [(one.host, one.path) for one in internet.monitor.requests]
    assert {one.method for one in internet.monitor.requests} == {"GET"}
    assert 2 <= max(asked.count(one) for one in asked) <= 3


def test_a_fence_is_about_this_machine(internet: Internet, machine: Machine) -> None:
    done = validate(internet, machine, an_organization("Contoso", fenced=True))
    assert done.report.organization.with_status("pass", "partial").isdisjoint(
        {"scope.code", "scope.work", "scope.identity"}
    )
    assert re.search(r"VS403463|conditional access|\bIP\b", done.report.words())


def test_a_proxy_that_refuses_is_called_a_proxy(internet: Internet, machine: Machine) -> None:
    internet.proxy.closed = True
    done = validate(internet, machine)
    assert "proxy" in done.report.words().lower()
    assert internet.monitor.requests == []


def test_a_proxy_that_wants_a_password_is_not_azure_devops(
    internet: Internet, machine: Machine
) -> None:
    internet.proxy.password = "correct-horse-battery"
    done = validate(internet, machine)
    assert "proxy" in done.report.words().lower()
    assert internet.monitor.requests == []


def test_an_unknown_authority_is_about_certificates(internet: Internet, machine: Machine) -> None:
    """Nothing is sent past a certificate that nobody vouches for, and --ca-bundle is the way out."""
    machine.trusts_the_authority = False
    done = validate(internet, machine)
    assert internet.monitor.requests == []
    assert internet.monitor.failed_handshakes
    assert "--ca-bundle" in done.report.words()
