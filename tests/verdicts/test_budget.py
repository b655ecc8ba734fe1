"""What an answer costs: counted in requests and round trips, never in seconds."""

from __future__ import annotations

from ..simulator.internet import Internet
from ..simulator.worlds import a_token, a_world
from .runner import Machine


def test_one_organization_takes_eleven_requests_in_two_rounds(
    internet: Internet, machine: Machine
) -> None:
    """Who and how far first; then every level of every scope at once."""
    pat = a_token()
    internet.become(a_world(pat))
    internet.count_round_trips(quiet=0.4)
    done = machine.run("validate", "-o", "contoso", "--check-clone", "no", token=pat)
    assert done.code == 0
    assert len(internet.monitor.requests) <= 11, str(internet.monitor)
    assert internet.monitor.round_trips_used <= 2, str(internet.monitor)
    first = [one for one in internet.monitor.requests if one.round_trip == 1]
    assert {one.method for one in first} == {"GET"}, (
        "nothing is tried with a token that nobody vouched for"
    )
