"""What every vault promises, whatever is behind it."""

from __future__ import annotations

import itertools
import os

import pytest

from aspm_ado.domain.ports import Vault
from aspm_ado.domain.secret import Secret

ONE, TWO = Secret("A" * 76 + "AZDO" + "1234"), Secret("b" * 52)

_numbers = itertools.count(1)


class VaultContract:
    """Inherit, and give a fixture ``vault``."""

    @pytest.fixture
    def service(self, vault: Vault):
        name = f"aspm-ado-test/{os.getpid()}/{next(_numbers)}"
        yield name
        vault.erase(name)

    def test_remembers_overwrites_and_forgets(self, vault: Vault, service: str) -> None:
        vault.write(service, ONE)
        vault.write(service, TWO)
        assert vault.read(service) == TWO
        vault.erase(service)
        assert vault.read(service) is None

    def test_what_was_never_written_is_none(self, vault: Vault, service: str) -> None:
        assert vault.read(service) is None

    def test_forgetting_twice_or_what_never_was_is_no_error(
        self, vault: Vault, service: str
    ) -> None:
        vault.erase(service)
        vault.write(service, ONE)
        vault.erase(service)
        vault.erase(service)

    def test_each_service_has_its_own_secret(self, vault: Vault, service: str) -> None:
        other = service + "/next"
        vault.write(service, ONE)
        vault.write(other, TWO)
        assert (vault.read(service), vault.read(other)) == (ONE, TWO)
        vault.erase(service)
        assert vault.read(other) == TWO
        vault.erase(other)

    @pytest.mark.parametrize("value", ["!" * 40, "a~\\\"'%&<>{}$(X)|;`", "x" * 1280])
    def test_gives_back_every_character(self, vault: Vault, service: str, value: str) -> None:
        vault.check_size(Secret(value))
        vault.write(service, Secret(value))
        assert vault.read(service) == Secret(value)

    def test_probing_leaves_nothing_and_may_be_repeated(self, vault: Vault, service: str) -> None:
        vault.write(service, ONE)
        vault.probe()
        vault.probe()
        assert vault.read(service) == ONE

    def test_has_a_title_for_a_person(self, vault: Vault) -> None:
        assert vault.title.strip() == vault.title != ""
