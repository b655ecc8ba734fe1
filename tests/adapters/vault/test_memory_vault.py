"""The vault of the demo obeys the contract and shows nothing."""

from __future__ import annotations

import pytest

from aspm_ado.adapters.keyring.vault import MemoryVault

from .contract import HOST, ONE, VaultContract


class TestMemoryVault(VaultContract):
    @pytest.fixture
    def vault(self) -> MemoryVault:
        return MemoryVault()


def test_its_title_says_that_nothing_is_kept() -> None:
    assert "deleted when it ends" in MemoryVault().title


def test_each_is_a_world_of_its_own_and_shows_no_secret() -> None:
    first = MemoryVault()
    first.write("s", ONE, HOST)
    assert MemoryVault().read("s", HOST) is None
    assert ONE.reveal() not in f"{first!r}{vars(first)}"
