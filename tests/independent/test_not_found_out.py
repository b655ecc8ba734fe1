"""When nobody can tell, nobody is blamed: exit 5, no failure, and no word about a wrong token."""

from __future__ import annotations

import re

import pytest

from .internet import Internet
from .runner import Finished, Machine
from .world import Organization, Pat, Weather, World

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
    weather: Weather = Weather.FAIR,
) -> Finished:
    pat = Pat()
    internet.become(World((organization or Organization("Contoso"),), (pat,), weather=weather))
    done = machine.run("validate", "-o", "contoso", pat=pat)
    nobody_is_blamed(done)
    return done


@pytest.mark.parametrize("weather", [Weather.CAPTIVE_PAGE, Weather.CAPTIVE_REDIRECT])
def test_a_captive_portal_is_not_azure_devops(
    internet: Internet, machine: Machine, weather: Weather
) -> None:
    validate(internet, machine, weather=weather)
    assert {one.method for one in internet.ledger.requests} == {"GET"}
    assert len(internet.ledger.requests) <= 2


@pytest.mark.parametrize("weather", [Weather.THROTTLED, Weather.EDGE_OUTAGE])
def test_a_busy_service_is_asked_again_twice_and_no_more(
    internet: Internet, machine: Machine, weather: Weather
) -> None:
    """Its Retry-After is one second."""
    validate(internet, machine, weather=weather)
    asked = [(one.host, one.path) for one in internet.ledger.requests]
    assert {one.method for one in internet.ledger.requests} == {"GET"}
    assert 2 <= max(asked.count(one) for one in asked) <= 3


def test_a_fence_is_about_this_machine(internet: Internet, machine: Machine) -> None:
    done = validate(internet, machine, Organization("Contoso", fenced=True))
    assert done.report.organization.with_status("pass", "partial").isdisjoint(
        {"scope.code", "scope.work", "scope.identity"}
    )
    assert re.search(r"VS403463|conditional access|\bIP\b", done.report.words())


def test_a_proxy_that_refuses_is_called_a_proxy(internet: Internet, machine: Machine) -> None:
    internet.proxy.closed = True
    done = validate(internet, machine)
    assert "proxy" in done.report.words().lower()
    assert internet.ledger.requests == []


def test_a_proxy_that_wants_a_password_is_not_azure_devops(
    internet: Internet, machine: Machine
) -> None:
    internet.proxy.password = "correct-horse-battery"
    done = validate(internet, machine)
    assert "proxy" in done.report.words().lower()
    assert internet.ledger.requests == []


def test_an_unknown_authority_is_about_certificates(internet: Internet, machine: Machine) -> None:
    """Nothing is sent past a certificate that nobody vouches for, and --ca-bundle is the way out."""
    machine.trusts_the_authority = False
    done = validate(internet, machine)
    assert internet.ledger.requests == []
    assert internet.ledger.failed_handshakes
    assert "--ca-bundle" in done.report.words()
