"""The list of diagnoses on a machine of fakes: what is refused in one room never hides another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from aspm_ado.adapters.keyring.vault import KeyringVault, MemoryVault
from aspm_ado.domain.doctor import (
    FolderFacts,
    Health,
    HealthCheck,
    HostResult,
    MachineFacts,
    ProxyUse,
    Software,
    Subject,
    exit_code,
)
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.reasons import Reason, StoreError, UsageError
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import Catalogue, Draft
from aspm_ado.flows.doctor import EXAMINATIONS, Machine, diagnose

from .stored import CREDENTIAL, catalogue, entry

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAMAGED = StoreError(Reason.RECORDS_UNREADABLE, "It is damaged.", remedy="Restore it.")


class FakeFolder:
    def __init__(self, **refusals: StoreError) -> None:
        self._refusals = refusals

    def _do(self, what: str) -> None:
        if what in self._refusals:
            raise self._refusals[what]

    def look(self) -> FolderFacts:
        self._do("look")
        return FolderFacts("/c", True, 0o700, 10**9)

    def prove_writable(self) -> None:
        self._do("write")

    def prove_free(self) -> None:
        self._do("lock")


class FakeRecords:
    def __init__(self, stored: Catalogue | None = None, draft: Draft | None = None) -> None:
        self._stored, self._draft = stored, draft

    def load(self) -> Catalogue:
        if self._stored is None:
            raise DAMAGED
        return self._stored

    def set_aside(self) -> None:
        return None

    def load_draft(self) -> Draft | None:
        return self._draft


class FakeNetwork:
    def __init__(self, notes: tuple[str, ...] = (), refusal: UsageError | None = None) -> None:
        self._notes, self._refusal, self.asked = notes, refusal, list[Call]()

    def proxy_of(self, _: object) -> ProxyUse:
        return ProxyUse()

    def trusted(self, _: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self._refusal is not None:
            raise self._refusal
        return ("the system's store",), self._notes

    def connect(self, hosts: Any) -> list[HostResult]:
        return [HostResult(host, ("Fine.", "Fine.", "Fine."), milliseconds=1) for host in hosts]

    def send(self, call: Call) -> Reply:
        self.asked.append(call)
        return Reply(call, 401, (("ActivityId", "a"),), received=NOW)


SOFTWARE = Software("0.1.0", "CPython", "Linux", "OpenSSL", (("keyring", "25"),))


def machine(**more: Any) -> Machine:
    network = more.pop("network", FakeNetwork())
    records = more.pop("records", FakeRecords(Catalogue()))
    folder = more.pop("folder", FakeFolder())
    keeps = more.pop("keeps_secrets", True)
    facts = MachineFacts(SOFTWARE, [], "", date(2026, 12, 1), "as announced", keeps, None)
    return Machine(
        facts,
        more.pop("vault", MemoryVault()),
        lambda: folder,
        lambda: records,
        network,
        lambda: NOW,
    )


def examine(**more: Any) -> dict[Subject, HealthCheck]:
    """The findings by subject (of those that repeat, the last)."""
    return {finding.subject: finding for finding in diagnose(machine(**more), lambda *_: None)}


def test_a_healthy_machine_has_every_row_in_order() -> None:
    network = FakeNetwork()
    found = diagnose(machine(network=network), lambda *_: None)
    assert {finding.health for finding in found} == {Health.OK}
    subjects = [finding.subject for finding in found]
    assert list(dict.fromkeys(subjects)) == list(Subject)
    (call,) = network.asked
    assert (call.method, call.credential) == ("GET", None)


def test_where_only_servers_are_connected_nothing_is_told_of_the_end_of_global_tokens() -> None:
    servers = catalogue(entry("tfs", "https://tfs.example.test/tfs"))
    assert Subject.RETIREMENT not in examine(records=FakeRecords(servers))
    both = catalogue(entry("tfs", "https://tfs.example.test/tfs"), entry("contoso"))
    assert Subject.RETIREMENT in examine(records=FakeRecords(both))


def test_progress_names_each_step() -> None:
    told: list[tuple[int, int, str]] = []
    diagnose(machine(), lambda *step: told.append(step))
    assert [name for *_, name in told] == [*(name for name, *_ in EXAMINATIONS), ""]
    assert told[-1][:2] == (len(EXAMINATIONS), len(EXAMINATIONS))


def test_a_room_without_a_home_hides_no_other() -> None:
    def homeless() -> Any:
        raise StoreError(Reason.RECORDS_UNREADABLE, "There is no home.", remedy="Set HOME.")

    found = examine_with(homeless)
    assert (found[Subject.FOLDER].health, found[Subject.CATALOGUE].health) == ("fail", "fail")
    assert found[Subject.CLOCK].health is Health.OK
    assert exit_code(found.values()) == 7


def examine_with(opening: Callable[[], Any]) -> dict[Subject, HealthCheck]:
    made = machine()
    made.folder = made.records = opening
    return {finding.subject: finding for finding in diagnose(made, lambda *_: None)}


def test_damaged_records_are_told_once_and_services_are_examined() -> None:
    found = examine(records=FakeRecords(None))
    assert (found[Subject.CATALOGUE].reason, found[Subject.CATALOGUE].remedy) == (
        DAMAGED.reason,
        DAMAGED.remedy,
    )
    assert Subject.PENDING not in found
    assert found[Subject.TLS].about == "app.vssps.visualstudio.com"


def test_a_held_lock_is_a_warning() -> None:
    held = StoreError(Reason.RECORDS_LOCKED, "Process 7 is writing.", remedy="Wait.")
    found = examine(folder=FakeFolder(lock=held))
    assert (found[Subject.LOCK].health, found[Subject.LOCK].detail) == (
        "warn",
        "Process 7 is writing.",
    )
    assert exit_code(found.values()) == 0


def test_a_folder_that_takes_nothing_fails() -> None:
    found = examine(folder=FakeFolder(write=DAMAGED))
    assert (found[Subject.WRITABLE].health, found[Subject.LOCK].health) == ("fail", "skip")


def test_a_draft_is_told_by_names() -> None:
    found = examine(records=FakeRecords(Catalogue(), Draft({"organization": "canary"})))
    assert "organization" in found[Subject.DRAFT].detail
    assert "canary" not in repr(found)


def test_no_keyring_is_needed_where_nothing_is_kept() -> None:
    refused = FakeVault(StoreError(Reason.KEYRING_ABSENT, "None.", remedy="Install one."))
    found = examine(vault=refused, keeps_secrets=False)
    assert (found[Subject.KEYRING].health, found[Subject.PROBE].health) == ("skip", "skip")
    stored = FakeRecords(catalogue(entry("contoso")))
    assert (
        examine(vault=refused, keeps_secrets=False, records=stored)[Subject.KEYRING].health
        is Health.FAIL
    )


class FakeVault(MemoryVault):
    def __init__(self, refusal: StoreError) -> None:
        super().__init__()
        self._refusal = refusal

    def probe(self) -> None:
        raise self._refusal

    @property
    def title(self) -> str:
        if self._refusal.reason in (Reason.KEYRING_ABSENT, Reason.KEYRING_NOT_TRUSTED):
            raise self._refusal
        return "a keyring"


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.startswith("keyring-")])
def test_every_refusal_of_the_keyring_fails(reason: Reason) -> None:
    found = examine(vault=FakeVault(StoreError(reason, "No.", remedy="Mend it.")))
    told = [
        row for row in (found[Subject.KEYRING], found[Subject.PROBE]) if row.health is Health.FAIL
    ]
    assert [row.reason for row in told] == [reason]
    assert exit_code(found.values()) == 7


def listing(*services: str) -> MemoryVault:
    vault = MemoryVault()
    for service in services:
        vault.write(service, Secret("x" * 20), "https://dev.azure.com")
    return vault


class Unlisted(MemoryVault):
    def services(self) -> None:
        return None


NAMED = [CREDENTIAL.service, "aspm-ado:late:1", "aspm-ado:gone:1"]


@pytest.mark.parametrize(
    ("vault", "health", "told"),
    [
        (listing(*NAMED, "another program's"), Health.OK, "None."),
        (listing(*NAMED, "aspm-ado:lost:1"), Health.WARN, "aspm-ado:lost:1"),
        (Unlisted(), Health.SKIP, "cannot list the entries"),
    ],
    ids=["none", "one", "a store that lists nothing"],
)
def test_secrets_that_no_record_names_are_listed(
    vault: MemoryVault, health: Health, told: str
) -> None:
    stored = catalogue(entry("contoso"), pending={"late": (NAMED[1],)}, erasing=(NAMED[2],))
    row = examine(vault=vault, records=FakeRecords(stored))[Subject.UNNAMED]
    assert (row.health, told in row.detail) == (health, True)


def test_where_the_records_cannot_be_read_no_secret_is_called_unnamed() -> None:
    row = examine(vault=listing("aspm-ado:lost:1"), records=FakeRecords(None))[Subject.UNNAMED]
    assert row.health is Health.SKIP


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_keyring_that_hangs_is_given_up_and_the_rest_is_examined(
    release: threading.Event,
) -> None:
    def hangs(*_: object) -> Any:
        release.wait(20)

    vault = KeyringVault({}, say=None, opener=hangs, seconds=0.2)
    started = time.monotonic()
    found = examine(vault=vault)
    assert time.monotonic() - started < 3
    assert (found[Subject.KEYRING].reason, found[Subject.PROBE].health) == (
        "keyring-silent",
        "skip",
    )
    assert 150 <= (found[Subject.KEYRING].milliseconds or 0) < 3000
    assert found[Subject.CLOCK].health is Health.OK


def test_trust_that_cannot_be_built_is_a_failure_of_the_network() -> None:
    unusable = UsageError(Reason.FILE_UNREADABLE, "It cannot be read.", remedy="Name another.")
    found = examine(network=FakeNetwork(refusal=unusable))
    assert (found[Subject.TRUST].health, found[Subject.TRUST].reason) == ("fail", "tls-untrusted")
    assert exit_code(found.values()) == 5


def test_a_variable_that_cannot_be_read_is_a_warning() -> None:
    found = examine(network=FakeNetwork(("SSL_CERT_FILE is set.",)))
    assert (found[Subject.TRUST].health, found[Subject.TRUST].reason) == ("warn", "file-unreadable")


def test_an_address_on_record_that_is_none_hides_nothing_else() -> None:
    found = examine(records=FakeRecords(catalogue(entry("odd", "nonsense"))))
    assert (found[Subject.CATALOGUE].health, found[Subject.CATALOGUE].reason) == (
        "fail",
        "records-unreadable",
    )
    assert found[Subject.CLOCK].health is Health.OK
