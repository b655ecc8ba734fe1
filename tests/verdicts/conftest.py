"""What the command says in each situation, as a process of its own under the real host names.

A test says what is, runs, reads::

    token = a_token(swap("vso.work_full", "vso.work"))     # the ticked boxes
    internet.become(a_world(token))                        # everything that can answer
    done = machine.run("validate", "-o", "contoso", token=token)
    assert done.report.organization.failing == {"scope.work"}

Every run goes through an HTTPS proxy to the strict simulator. `machine.run` asserts that no rule of
`tests/simulator/strict.py` was broken, that no host was asked for that is not there, that nothing
was changed, that no secret was left anywhere, and that the document keeps the contract.
`internet.monitor` knows each request.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ..simulator.internet import Internet, internet, the_internet
from .runner import Machine

__all__ = ["internet", "the_internet"]


@pytest.fixture
def machine(internet: Internet, tmp_path: Path) -> Machine:
    """Somebody's computer."""
    machine = Machine(tmp_path, internet)
    machine.furnish()
    return machine
