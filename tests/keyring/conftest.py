"""A home whose connection is in the real keyring, made once and put back for each test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from .secret_service import Home


@pytest.fixture(scope="session", autouse=True)
def alone() -> None:
    """Several workers would change the one keyring of the session under each other's hands."""
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        pytest.fail("one keyring, one worker: run tests/keyring without -n", pytrace=False)


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose connection “both” is stored, made once for all tests of a module."""
    with contextlib.ExitStack() as opened:
        made = Home(tmp_path_factory.mktemp("connected"), opened)
        made.keyring.clear()
        assert made.fork(*made.connecting())[0] == 0
        made.keep()
        yield made
        made.keyring.clear()


@pytest.fixture
def home(connected: Home) -> Home:
    """That home as it was after ``connect``."""
    connected.keyring.unlock()
    connected.back()
    return connected
