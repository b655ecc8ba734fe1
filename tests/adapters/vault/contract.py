"""What every vault promises, whatever is behind it."""

from __future__ import annotations

import itertools
import os

import pytest

from aspm_ado.domain.ports import Vault
from aspm_ado.domain.secret import Secret

ONE, TWO = Secret("A" * 76 + "AZDO" + "1234"), Secret("b" * 52)

HOST, OTHER_HOST = "https://dev.azure.com", "https://tfs.example.test:8443"
_numbers = itertools.count(1)


class VaultContract:
    """Inherit, and give a fixture ``vault``."""

    @pytest.fixture
    def service(self, vault: Vault):
        name = f"aspm-ado-test/{os.getpid()}/{next(_numbers)}"
        yield name
        for origin in (HOST, OTHER_HOST, ""):
            vault.erase(name, origin)

    def test_remembers_overwrites_and_forgets(self, vault: Vault, service: str) -> None:
        vault.write(service, ONE, HOST)
        vault.write(service, TWO, HOST)
        assert vault.read(service, HOST) == TWO
        vault.erase(service, HOST)
        assert vault.read(service, HOST) is None

    def test_a_secret_is_given_for_its_origin_only(self, vault: Vault, service: str) -> None:
        vault.write(service, ONE, HOST)
        assert vault.read(service, OTHER_HOST) is None
        assert vault.read(service, "") is None
        vault.erase(service, OTHER_HOST)
        assert vault.read(service, HOST) == ONE

    def test_one_of_the_form_before_is_bound_to_an_origin_once(
        self, vault: Vault, service: str
    ) -> None:
        assert not vault.bind(service, HOST)
        vault.write(service, ONE, "")
        assert vault.bind(service, HOST)
        assert vault.bind(service, HOST)
        assert (vault.read(service, HOST), vault.read(service, "")) == (ONE, None)
        assert not vault.bind(service, OTHER_HOST)
        assert vault.read(service, OTHER_HOST) is None

    def test_a_binding_that_was_cut_short_is_finished(self, vault: Vault, service: str) -> None:
        vault.write(service, ONE, "")
        vault.write(service, TWO, HOST)
        assert vault.bind(service, HOST)
        assert (vault.read(service, HOST), vault.read(service, "")) == (TWO, None)

    def test_what_was_never_written_is_none(self, vault: Vault, service: str) -> None:
        assert vault.read(service, HOST) is None

    def test_forgetting_twice_or_what_never_was_is_no_error(
        self, vault: Vault, service: str
    ) -> None:
        vault.erase(service, HOST)
        vault.write(service, ONE, HOST)
        vault.erase(service, HOST)
        vault.erase(service, HOST)

    def test_each_service_has_its_own_secret(self, vault: Vault, service: str) -> None:
        other = service + "/next"
        vault.write(service, ONE, HOST)
        vault.write(other, TWO, HOST)
        assert (vault.read(service, HOST), vault.read(other, HOST)) == (ONE, TWO)
        vault.erase(service, HOST)
        assert vault.read(other, HOST) == TWO
        vault.erase(other, HOST)

    @pytest.mark.parametrize("value", ["!" * 40, "a~\\\"'%&<>{}$(X)|;`", "x" * 1280])
    def test_gives_back_every_character(self, vault: Vault, service: str, value: str) -> None:
        vault.check_size(Secret(value))
        vault.write(service, Secret(value), HOST)
        assert vault.read(service, HOST) == Secret(value)

    def test_probing_leaves_nothing_and_may_be_repeated(self, vault: Vault, service: str) -> None:
        vault.write(service, ONE, HOST)
        vault.probe()
        vault.probe()
        assert vault.read(service, HOST) == ONE

    def test_has_a_title_for_a_person(self, vault: Vault) -> None:
        assert vault.title.strip() == vault.title != ""
