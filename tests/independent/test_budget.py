"""What an answer costs: counted in requests and round trips, never in seconds."""

from __future__ import annotations

from .internet import Internet
from .runner import Machine
from .world import Pat, World


def test_one_organization_takes_eleven_requests_in_two_rounds(
    internet: Internet, machine: Machine
) -> None:
    """Who and how far first; then every level of every scope at once."""
    pat = Pat()
    internet.become(World(tokens=(pat,)))
    internet.count_rounds(quiet=0.4)
    done = machine.run("validate", "-o", "contoso", "--check-clone", "no", pat=pat)
    assert done.code == 0
    assert len(internet.ledger.requests) <= 11, str(internet.ledger)
    assert internet.ledger.rounds_used() <= 2, str(internet.ledger)
    first = [one for one in internet.ledger.requests if one.wave == 1]
    assert {one.method for one in first} == {"GET"}, (
        "nothing is tried with a token that nobody vouched for"
    )
