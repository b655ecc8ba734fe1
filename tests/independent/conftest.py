"""One internet for all tests, a fresh ledger and a fresh machine for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .internet import Internet
from .runner import Machine


@pytest.fixture(scope="session")
def the_internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """Started once: certificates are slow to make."""
    with Internet(tmp_path_factory.mktemp("authority")).running() as internet:
        yield internet


@pytest.fixture
def internet(the_internet: Internet) -> Iterator[Internet]:
    """The same hosts with nothing remembered of the last test but what must never be used twice."""
    the_internet.start_afresh()
    yield the_internet
    assert the_internet.ledger.violations == []


@pytest.fixture
def machine(internet: Internet, tmp_path: Path) -> Machine:
    """Somebody's computer."""
    machine = Machine(tmp_path, internet)
    machine.furnish()
    return machine
