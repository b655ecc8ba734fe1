"""Keeping a connection: all of it or nothing, whatever fails and whenever (facts B.1)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import Catalogue, Entry
from aspm_ado.flows.storage.transaction import (
    prepare_storage,
    store_entry,
    undo_interrupted,
    update_entry,
)

from .context import FakeRecords, FakeVault, Plan, Voice, context, entry

HOST = "https://dev.azure.com"
OLD = entry("contoso", "old1", "old2")
NEW = entry("contoso", "new1", "new2", "new3")
OTHER = entry("other", "kept")
SECRETS = {f"new{i}": Secret("x" * 20 + str(i)) for i in (1, 2, 3)}
FAILURES: dict[str, Callable[[], BaseException]] = {
    "the store fails": lambda: StoreError(Reason.KEYRING_FAILED, "It failed.", remedy="Try again."),
    "Ctrl-C": KeyboardInterrupt,
    "a bug": lambda: RuntimeError("unforeseen"),
}


def in_place_of(expected: Entry | None, new: Entry = NEW) -> Callable[[Entry | None], Entry]:
    """Makes ``new``, once what is on record by then is ``expected``."""

    def onto(current: Entry | None) -> Entry:
        assert current == expected
        return new

    return onto


def store(
    records: FakeRecords, vault: FakeVault, expected: Entry | None = OLD, **more: Any
) -> None:
    """Put ``NEW`` in the place of what is expected to be on record."""
    made = context(records=records, vault=vault, **more)
    store_entry(made, "contoso", HOST, in_place_of(expected), SECRETS)


def furnished(vault: FakeVault) -> tuple[FakeRecords, FakeVault]:
    """Two connections are stored, whole."""
    for service in ("old1", "old2", "kept"):
        vault.secrets[service] = Secret("y" * 20)
    return FakeRecords(Catalogue({"contoso": OLD, "other": OTHER})), vault


def assert_whole(records: FakeRecords, vault: FakeVault) -> None:
    """Nothing in force names a missing secret."""
    missing = records.load().services - set(vault.secrets)
    assert not missing


def assert_clean_after_the_next_run(records: FakeRecords, vault: FakeVault) -> None:
    """The next run leaves no secret that nothing names, and nothing pending."""
    records.plan, vault.plan = Plan(), Plan()
    undo_interrupted(context(records=records, vault=vault))
    assert_whole(records, vault)
    assert set(vault.secrets) == set(records.load().services)
    assert records.load().pending == {}
    assert records.load().erasing == ()
    assert records.held == 0


def test_all_of_it() -> None:
    records, vault = furnished(FakeVault())
    store(records, vault)
    assert records.load().connections == {"contoso": NEW, "other": OTHER}
    assert set(vault.secrets) == {"new1", "new2", "new3", "kept"}
    assert records.load().pending == {}
    assert records.load().erasing == ()


def test_what_is_about_to_be_written_is_said_before() -> None:
    records, vault = furnished(FakeVault())
    seen: list[bool] = []

    class Watching(FakeVault):
        def write(self, service: str, secret: Secret, origin: str) -> None:
            seen.append(service in records.load().pending["contoso"] and records.held == 1)
            super().write(service, secret, origin)

    watching = Watching()
    watching.secrets = vault.secrets
    store(records, watching)
    assert seen == [True, True, True]


STEPS_OF_THE_VAULT = 3 + 2  # three writes, then two old secrets erased


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS_OF_THE_VAULT + 1))
def test_the_vault_fails_at_each_step(step: int, for_ever: bool, late: bool, failure: str) -> None:
    plan = Plan(step, for_ever=for_ever, error=FAILURES[failure]())
    records, vault = furnished(FakeVault(plan, late=late))
    writing = step <= 3
    fails = writing or failure != "the store fails"
    with pytest.raises(type(plan.error)) if fails else nullcontext():
        store(records, vault)
    assert_whole(records, vault)
    assert records.load().connections["contoso"] == (OLD if writing else NEW)
    assert records.load().connections["other"] == OTHER
    assert records.load().pending == {}
    assert_clean_after_the_next_run(records, vault)
    assert records.load().connections["contoso"] == (OLD if writing else NEW)


@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("step", range(1, 4))
def test_the_records_fail_at_each_change(step: int, for_ever: bool) -> None:
    """1: saying what comes; 2: putting it in force; 3: forgetting what was erased."""
    records, vault = furnished(FakeVault())
    broken = StoreError(Reason.RECORDS_UNREADABLE, "The disk is full.", remedy="Make room.")
    records.plan = Plan(step, for_ever=for_ever, error=broken)
    with pytest.raises(StoreError) as caught:
        store(records, vault)
    assert caught.value.reason is Reason.RECORDS_UNREADABLE
    assert_whole(records, vault)
    expected = OLD if step < 3 else NEW
    assert records.load().connections["contoso"] == expected
    assert_clean_after_the_next_run(records, vault)
    assert records.load().connections["contoso"] == expected


@pytest.mark.parametrize("step", range(1, 9))
def test_switched_off_between_any_two_steps(step: int) -> None:
    """One plan for both stores: from its step on nothing works any more, the undoing included."""

    class OffError(BaseException):
        pass

    plan = Plan(step, for_ever=True, error=OffError())
    records, vault = furnished(FakeVault(plan))
    records.plan = plan
    with pytest.raises(OffError):
        store(records, vault)
    assert_whole(records, vault)
    voice = Voice()
    records.plan = vault.plan = Plan()
    pending = bool(records.load().pending)
    undo_interrupted(context(records=records, vault=vault, voice=voice))
    assert bool(voice.lines) is pending
    assert_clean_after_the_next_run(records, vault)


def test_a_secret_too_large_is_refused_before_anything_is_written() -> None:
    records, vault = furnished(FakeVault(largest=10))
    before = dict(vault.secrets)
    with pytest.raises(StoreError) as caught:
        store(records, vault)
    assert caught.value.reason is Reason.SECRET_TOO_LARGE
    assert records.history == []
    assert vault.secrets == before


def test_an_old_secret_that_cannot_be_erased_is_said_and_tried_again() -> None:
    records, vault = furnished(FakeVault(Plan(4, for_ever=True)))
    voice = Voice()
    store(records, vault, voice=voice)
    assert records.load().connections["contoso"] == NEW
    assert set(records.load().erasing) == {"old1", "old2"}
    assert any("Could not delete an old secret" in line for line in voice.lines)
    assert_clean_after_the_next_run(records, vault)


def test_the_token_of_an_aspm_is_one_record_for_its_origin() -> None:
    records, vault = furnished(FakeVault())
    made = context(records=records, vault=vault)
    store_entry(
        made,
        "contoso",
        HOST,
        in_place_of(OLD),
        {**SECRETS, "aspm1": Secret("z" * 20)},
        ("https://aspm.example.test", "aspm1"),
    )
    assert records.load().aspm_tokens == {"https://aspm.example.test": "aspm1"}
    again = entry("contoso", "new4")
    secrets = {"new4": Secret("x" * 20), "aspm2": Secret("z" * 20)}
    store_entry(
        made,
        "contoso",
        HOST,
        in_place_of(NEW, again),
        secrets,
        ("https://aspm.example.test", "aspm2"),
    )
    assert set(vault.secrets) == {"new4", "aspm2", "kept"}
    assert records.load().origins == {"new4": HOST, "aspm2": "https://aspm.example.test"}


def test_an_update_touches_no_secret() -> None:
    records, vault = furnished(FakeVault(Plan(1, for_ever=True)))
    changed = replace(OLD, reach_demanded="organization")
    made = update_entry(context(records=records, vault=vault), "contoso", in_place_of(OLD, changed))
    assert made == changed
    assert records.load().connections == {"contoso": changed, "other": OTHER}
    assert set(vault.secrets) == {"old1", "old2", "kept"}


def test_an_update_erases_what_it_leaves_unnamed() -> None:
    records, vault = furnished(FakeVault())
    less = entry("contoso", "old2")
    assert (
        update_entry(context(records=records, vault=vault), "contoso", in_place_of(OLD, less))
        == less
    )
    assert set(vault.secrets) == {"old2", "kept"}
    assert_clean_after_the_next_run(records, vault)


def test_what_another_run_put_on_record_meanwhile_is_what_the_entry_is_built_on() -> None:
    """Whatever was read before the lock was had may be old: the builder is given what is there by then."""
    records, vault = furnished(FakeVault())
    later = replace(OLD, validated="2026-10-15T12:00:00Z")

    class Slow(FakeVault):
        def write(self, service: str, secret: Secret, origin: str) -> None:
            records.catalogue = replace(
                records.catalogue, connections={**records.catalogue.connections, "contoso": later}
            )
            super().write(service, secret, origin)

    slow = Slow()
    slow.secrets = vault.secrets
    store(records, slow, later)
    assert records.load().connections["contoso"] == NEW


def test_a_builder_that_fails_leaves_all_as_it_was() -> None:
    records, vault = furnished(FakeVault())

    def onto(current: Entry | None) -> Entry:
        raise RuntimeError("unforeseen")

    with pytest.raises(RuntimeError):
        store_entry(context(records=records, vault=vault), "contoso", HOST, onto, SECRETS)
    assert records.load().connections == {"contoso": OLD, "other": OTHER}
    assert set(vault.secrets) == {"old1", "old2", "kept"}
    assert_clean_after_the_next_run(records, vault)


def test_a_connection_that_is_new_is_built_on_nothing() -> None:
    records, vault = FakeRecords(), FakeVault()
    store(records, vault, None)
    assert records.load().connections == {"contoso": NEW}
    assert set(vault.secrets) == set(SECRETS)


def test_before_a_secret_is_asked_for_the_remains_are_cleared() -> None:
    records, vault = furnished(FakeVault())
    vault.secrets["half"] = Secret("x" * 20)
    records.catalogue = records.catalogue.begin("fabrikam", {"half": HOST, "never-written": HOST})
    voice = Voice()
    prepare_storage(context(records=records, vault=vault, voice=voice))
    assert "half" not in vault.secrets
    assert any("fabrikam" in line for line in voice.lines)
    assert_clean_after_the_next_run(records, vault)


def test_with_nothing_left_over_nothing_is_locked_and_nothing_said() -> None:
    records, vault = furnished(FakeVault())
    voice = Voice()
    undo_interrupted(context(records=records, vault=vault, voice=voice))
    assert records.history == []
    assert voice.lines == []
