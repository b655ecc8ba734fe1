"""A session bus without its variable (cron, su): found where it is the user's own, else named."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aspm_ado.adapters.keyring import backends
from aspm_ado.adapters.keyring.backends import find_session_bus
from aspm_ado.adapters.keyring.errors import BUS
from aspm_ado.domain.reasons import StoreError

if sys.platform in ("win32", "darwin"):
    pytest.skip("session buses are a matter of Linux", allow_module_level=True)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path with a bus in it; ``/run/user`` has none."""
    import tempfile

    with tempfile.TemporaryDirectory() as made, socket.socket(socket.AF_UNIX) as bus:
        bus.bind(f"{made}/bus")
        monkeypatch.delenv(BUS, raising=False)
        yield Path(made)


def test_the_bus_of_the_user_is_found(folder: Path) -> None:
    assert find_session_bus({"XDG_RUNTIME_DIR": str(folder)}) == f"unix:path={folder}/bus"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder, patch: patch.setattr(os, "geteuid", lambda: 23456),
        lambda folder, patch: patch.chdir(folder.parent),
        lambda folder, patch: (folder / "bus").unlink(),
        lambda folder, patch: (folder / "bus").rename(folder / "x") and (folder / "bus").touch(),
    ],
    ids=["another user's", "a relative folder", "none", "no socket"],
)
def test_any_other_is_not(
    spoil: Callable[..., object], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(folder, monkeypatch)
    runtime = str(folder)
    if Path.cwd() == folder.parent:
        runtime = folder.name
    found = find_session_bus({"XDG_RUNTIME_DIR": runtime})
    assert found is None or str(folder) not in found


def test_a_variable_wins(folder: Path) -> None:
    environment = {BUS: "unix:path=/x", "XDG_RUNTIME_DIR": str(folder)}
    assert find_session_bus(environment) is None


def test_the_libraries_are_told_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BUS, "")
    os.environ.pop(BUS)
    seen = []
    with pytest.raises(StoreError) as caught:
        backends.open_backend(
            {"XDG_RUNTIME_DIR": str(folder)}, "linux", lambda _: seen.append(os.environ[BUS])
        )
    assert set(seen) == {f"unix:path={folder}/bus"}
    assert BUS not in caught.value.problem


def test_without_a_bus_its_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 23456)
    monkeypatch.setattr("aspm_ado.adapters.keyring.errors._is_wsl", lambda: False)
    with pytest.raises(StoreError) as caught:
        backends.open_backend({}, "linux", lambda _: None)
    assert f"{BUS} is not set" in caught.value.problem
    assert f"set {BUS}" in caught.value.remedy


def test_a_bus_without_a_keyring_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aspm_ado.adapters.keyring.errors._is_wsl", lambda: False)
    with pytest.raises(StoreError) as caught:
        backends.open_backend({BUS: "unix:path=/nowhere"}, "linux", lambda _: None)
    assert f"on the bus that {BUS} names" in caught.value.problem
