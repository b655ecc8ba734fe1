"""A keyring that obeys, fails, lies and hangs: what the vault makes of it."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable

import pytest
from keyring.errors import (
    InitError,
    KeyringError,
    KeyringLocked,
    NoKeyringError,
    PasswordDeleteError,
    PasswordSetError,
)

from aspm_ado.adapters.keyring.vault import KeyringVault
from aspm_ado.adapters.threads import NoThreadError
from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.domain.secret import Secret

from .backends import CompoundBackend, Fault, PlannedBackend, answers, hangs, raises
from .contract import HOST, ONE, TWO, VaultContract


def vault_over(backend: PlannedBackend, **more: object) -> KeyringVault:
    settings: dict[str, object] = {
        "say": None,
        "platform": "linux",
        "seconds": 2.0,
    }
    return KeyringVault({}, opener=lambda _e, _p: backend, **(settings | more))  # type: ignore[arg-type]


def refused(work: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        work()
    assert caught.value.exit_code == 7
    assert caught.value.remedy
    return caught.value


def attempt(work: Callable[[], object]) -> StoreError | None:
    try:
        work()
    except StoreError as error:
        return error
    return None


@pytest.fixture
def release():
    """Lets go of the threads that a test left hanging."""
    event = threading.Event()
    yield event
    event.set()


class TestOverAFake(VaultContract):
    @pytest.fixture
    def vault(self) -> KeyringVault:
        return vault_over(PlannedBackend())


class TestOverWindowsCompoundNames(VaultContract):
    @pytest.fixture
    def vault(self) -> KeyringVault:
        return vault_over(CompoundBackend(), platform="win32")


def test_unique_services_never_move_a_secret() -> None:
    backend = CompoundBackend()
    vault = vault_over(backend)
    for number in range(3):
        vault.write(f"aspm-ado/contoso/{number}", ONE, HOST)
        vault.write(f"aspm-ado/contoso/{number}", TWO, HOST)
    assert backend.moved == []
    assert {account for _, account in backend.kept} == {HOST}


def test_nothing_is_opened_until_the_first_call_and_then_once() -> None:
    opened: list[str] = []

    def opener(_environment: object, platform: str) -> PlannedBackend:
        opened.append(platform)
        return PlannedBackend()

    vault = KeyringVault({}, say=None, platform="linux", opener=opener)
    vault.check_size(ONE)
    assert opened == []
    vault.probe()
    vault.read("s", HOST)
    assert opened == ["linux"]


def test_probe_only_reads_and_a_name_that_is_nobodys() -> None:
    backend = PlannedBackend()
    vault_over(backend).probe()
    [(method, given)] = backend.calls
    assert method == "get"
    assert given[0].startswith("aspm-ado/no-such")


LOCKED, ABSENT, FAILED = Reason.KEYRING_LOCKED, Reason.KEYRING_ABSENT, Reason.KEYRING_FAILED


class PyWinError(Exception):
    """Shaped as pywintypes.error is."""

    def __init__(self, code: int, name: str) -> None:
        super().__init__(code, name, "some text")
        self.winerror = code


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_a_session_of_windows_without_a_store_is_named_as_elevated() -> None:
    backend = PlannedBackend({("get", 0): raises(PyWinError(1312, "CredRead"))})
    found = refused(vault_over(backend, platform="win32").probe)
    assert "(1312)" in found.problem
    assert "elevated" in found.problem
    assert "not elevated (not “Run as administrator”)" in found.remedy


def test_a_machine_without_threads_is_named_and_not_the_keyring() -> None:
    with pytest.raises(StoreError) as caught:
        vault_over(PlannedBackend({("get", 0): raises(NoThreadError())})).probe()
    assert caught.value.reason is Reason.THREADS_EXHAUSTED
    assert caught.value.exit_code == 5
    assert "ulimit -u" in caught.value.remedy


RAISED = [
    (NoKeyringError("none"), ABSENT),
    (KeyringLocked("Failed to unlock the collection!"), LOCKED),
    (InitError("Failed to create the collection: Prompt dismissed.."), LOCKED),
    (InitError("Failed to open keyring: org.freedesktop.DBus.Error"), FAILED),
    (PasswordSetError("Cancelled by user"), LOCKED),
    (PasswordSetError("Failed to store password!"), FAILED),
    (caused(KeyringError("Can't"), Exception(-25308, "Unknown Error")), LOCKED),
    (caused(PasswordSetError("Can't"), Exception(-25307, "Unknown Error")), ABSENT),
    (caused(KeyringError("Can't"), Exception(-25291, "Unknown Error")), ABSENT),
    (caused(PasswordSetError("Can't"), Exception(-25244, "Unknown Error")), FAILED),
    (PyWinError(1312, "CredRead"), ABSENT),
    (PyWinError(5, "CredWrite"), FAILED),
    (OSError(111, "Connection refused"), FAILED),
    (SystemExit(3), FAILED),
    (type("PanicException", (BaseException,), {})("a Rust panic"), FAILED),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), FAILED),
]


@pytest.mark.parametrize(("error", "reason"), RAISED, ids=lambda value: repr(value)[:60])
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_whatever_a_backend_raises_has_a_reason_and_a_way_out(
    error: Exception, reason: Reason, platform: str
) -> None:
    def backend() -> PlannedBackend:
        return PlannedBackend({("get", 0): raises(error), ("set", 0): raises(error)})

    for work in (
        vault_over(backend(), platform=platform).probe,
        lambda: vault_over(backend(), platform=platform).read("s", HOST),
        lambda: vault_over(backend(), platform=platform).write("s", ONE, HOST),
    ):
        found = refused(work)
        assert found.reason is reason
        assert "--store none" in found.remedy


def test_windows_says_too_large_in_numbers() -> None:
    backend = PlannedBackend({("set", 1): raises(PyWinError(1783, "CredWrite"))})
    assert (
        refused(lambda: vault_over(backend, platform="win32").write("s", ONE, HOST)).reason
        is Reason.SECRET_TOO_LARGE
    )


@pytest.mark.parametrize(
    "edited", ["", "two\nlines", "ends\n", "\x1b]0;owned\x07", "a space", "tokén", "nul\0"]
)
def test_what_no_secret_can_be_is_none(edited: str) -> None:
    """Somebody has edited the keyring. It would go into a header, and onto a clipboard."""
    backend = PlannedBackend()
    vault = vault_over(backend)
    vault.write("s", ONE, HOST)
    backend.kept = dict.fromkeys(backend.kept, edited)
    assert vault.read("s", HOST) is None
    vault.erase("s", HOST)
    assert backend.kept == {}


@pytest.mark.parametrize("method", ["set", "get", "delete"])
def test_a_backend_that_blurts_out_the_secret_is_not_repeated(method: str) -> None:
    secret = ONE.reveal()
    error = caused(RuntimeError(f"cannot handle {secret}", secret), ValueError(secret))
    backend = PlannedBackend({(method, 1): raises(error)})
    vault = vault_over(backend)
    if method == "delete":
        backend.kept["s", HOST] = secret
    found = refused(
        lambda: vault.erase("s", HOST) if method == "delete" else vault.write("s", ONE, HOST)
    )
    everything = "".join(traceback.format_exception(found)) + found.problem + found.remedy
    assert secret not in everything
    assert "RuntimeError" in found.problem
    assert found.__cause__ is found.__context__ is None


@pytest.mark.parametrize(
    "lie",
    [
        answers(None),
        answers(""),
        answers("another"),
        answers(ONE.reveal()[:-1]),
        answers("ü"),
        answers(ONE.reveal() + "\n"),
    ],
    ids=["none", "empty", "another", "cut", "not-ascii", "newline"],
)
def test_a_secret_that_comes_back_changed_is_refused_and_erased(lie: Fault) -> None:
    backend = PlannedBackend({("get", 1): lie})
    found = refused(lambda: vault_over(backend).write("s", ONE, HOST))
    assert found.reason is FAILED
    assert backend.kept == {}


def test_a_backend_that_stores_nothing_is_found_out() -> None:
    backend = PlannedBackend({("set", 0): answers(None)})
    assert refused(lambda: vault_over(backend).write("s", ONE, HOST)).reason is FAILED


def test_a_failure_to_tidy_up_does_not_hide_the_first_error() -> None:
    backend = PlannedBackend(
        {("get", 0): raises(KeyringLocked("x")), ("delete", 0): raises(RuntimeError("y"))}
    )
    assert refused(lambda: vault_over(backend).write("s", ONE, HOST)).reason is LOCKED


def test_a_set_that_fails_leaves_the_earlier_secret_alone() -> None:
    backend = PlannedBackend({("set", 2): raises(PasswordSetError("no"))})
    vault = vault_over(backend)
    vault.write("s", ONE, HOST)
    refused(lambda: vault.write("s", TWO, HOST))
    assert vault.read("s", HOST) == ONE


@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("method", ["set", "get", "delete"])
def test_a_failure_at_any_call_is_told_or_does_not_matter(method: str, nth: int) -> None:
    """When a method returns, what it promised holds, whichever call of the backend failed on the way."""
    backend = PlannedBackend({(method, nth): raises(RuntimeError("planned"))})
    vault = vault_over(backend)
    for service, secret in (("a", ONE), ("b", TWO), ("c", ONE)):
        error = attempt(lambda service=service, secret=secret: vault.write(service, secret, HOST))
        assert error.reason is FAILED if error else backend.kept[service, HOST] == secret.reveal()
    for service in "abc":
        error = attempt(lambda service=service: vault.erase(service, HOST))
        assert error.reason is FAILED if error else (service, HOST) not in backend.kept


def test_erasing_is_proven_by_reading() -> None:
    backend = PlannedBackend({("delete", 0): answers(None)})
    vault = vault_over(backend)
    vault.write("s", ONE, HOST)
    found = refused(lambda: vault.erase("s", HOST))
    assert found.reason is FAILED
    assert "still" in found.problem


@pytest.mark.parametrize(
    "error", [PasswordDeleteError("No such password!"), KeyError("s"), RuntimeError()]
)
def test_erasing_what_is_not_there_may_raise_anything(error: Exception) -> None:
    vault_over(PlannedBackend({("delete", 0): raises(error)})).erase("s", HOST)


def test_a_dismissed_dialog_is_not_shown_again() -> None:
    backend = PlannedBackend({("delete", 1): raises(PasswordDeleteError("Cancelled by user"))})
    assert refused(lambda: vault_over(backend).erase("s", HOST)).reason is LOCKED
    assert [method for method, _ in backend.calls] == ["delete"]


@pytest.mark.parametrize(
    ("platform", "value", "fits"),
    [
        ("win32", "x" * 1280, True),
        ("win32", "x" * 1281, False),
        ("win32", "\U0001f512" * 641, False),
        ("linux", "x" * 65536, True),
        ("linux", "x" * 65537, False),
        ("darwin", "x" * 1281, True),
    ],
)
def test_the_size_is_checked_without_asking_the_keyring(
    platform: str, value: str, fits: bool
) -> None:
    backend = PlannedBackend()
    vault = vault_over(backend, platform=platform)
    if fits:
        vault.check_size(Secret(value))
    else:
        assert refused(lambda: vault.check_size(Secret(value))).reason is Reason.SECRET_TOO_LARGE
        assert (
            refused(lambda: vault.write("s", Secret(value), HOST)).reason is Reason.SECRET_TOO_LARGE
        )
    assert backend.calls == []


def test_after_one_call_that_hangs_all_others_fail_at_once(release: threading.Event) -> None:
    backend = PlannedBackend({("get", 1): hangs(release)})
    vault = vault_over(backend, seconds=0.2)
    assert refused(vault.probe).reason is Reason.KEYRING_SILENT
    start = time.monotonic()
    for work in (
        vault.probe,
        lambda: vault.read("s", HOST),
        lambda: vault.write("s", ONE, HOST),
        lambda: vault.erase("s", HOST),
    ):
        assert refused(work).reason is Reason.KEYRING_SILENT
    assert time.monotonic() - start < 0.15
    assert len(backend.calls) == 1


def test_a_hang_while_opening_is_a_hang_too(release: threading.Event) -> None:
    vault = KeyringVault({}, say=None, seconds=0.1, opener=lambda _e, _p: release.wait(20))
    assert refused(lambda: vault.title).reason is Reason.KEYRING_SILENT


def test_a_hanging_set_fails_and_nothing_waits_for_it(release: threading.Event) -> None:
    backend = PlannedBackend({("set", 1): hangs(release)})
    vault = vault_over(backend, seconds=0.1)
    assert refused(lambda: vault.write("s", ONE, HOST)).reason is Reason.KEYRING_SILENT
    assert all(thread.daemon for thread in backend.threads)


def test_a_person_is_told_once_and_only_when_it_takes_long() -> None:
    said: list[str] = []
    backend = PlannedBackend({("get", n): (lambda *_: time.sleep(0.25)) for n in (2, 3)})
    vault = vault_over(backend, say=said.append, seconds=5.0, patience=0.1)
    vault.probe()
    assert said == []
    vault.probe()
    vault.probe()
    [line] = said
    assert line.startswith("The keyring may be waiting for you to unlock it.")


def test_how_long_we_wait_depends_on_whether_somebody_can_answer() -> None:
    for present, seconds in ((pytest.fail, "60 seconds"), (None, "3 seconds")):
        backend = PlannedBackend({("get", 1): raises(KeyboardInterrupt())})
        vault = KeyringVault({}, say=present, opener=lambda _e, _p, b=backend: b)
        vault._box._hung = True  # in place of waiting for a minute
        assert seconds in refused(vault.probe).problem


def test_an_interrupt_goes_through_and_tidying_up_does_not_wait_for_the_dialog(
    release: threading.Event,
) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    backend = PlannedBackend({("get", 1): hangs(release)})
    vault = vault_over(backend, say=interrupt, seconds=60.0, patience=0.0)
    with pytest.raises(KeyboardInterrupt):
        vault.probe()
    assert vault._box._seconds == 3.0  # in place of waiting for it
