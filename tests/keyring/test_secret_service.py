"""The vault over a real Secret Service (gnome-keyring). Run: tests/keyring/with-secret-service pytest -m keyring."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from aspm_ado.adapters.keyring.vault import KeyringVault
from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.domain.secret import Secret

from ..adapters.vault.contract import HOST, TWO, VaultContract
from .secret_service import MARKS

pytestmark = [
    *MARKS,
    # keyring leaves its D-Bus socket open when a collection is locked or cannot be made
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SERVICE = "aspm-ado-test/secret-service"


def open_vault(environment: dict[str, str] | None = None) -> KeyringVault:
    return KeyringVault(environment or {}, say=None)


def reason_and_seconds(vault: KeyringVault) -> tuple[Reason, float]:
    start = time.monotonic()
    with pytest.raises(StoreError) as caught:
        vault.probe()
    return caught.value.reason, time.monotonic() - start


class TestSecretService(VaultContract):
    @pytest.fixture
    def vault(self) -> KeyringVault:
        return open_vault()


def test_it_is_the_class_that_we_trust() -> None:
    assert open_vault().title == "Secret Service (keyring.backends.SecretService.Keyring)"
    chosen = {"PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring"}
    assert open_vault(chosen).title == open_vault().title


def test_another_process_reads_the_same_and_prints_nothing() -> None:
    vault = open_vault()
    vault.write(SERVICE, TWO, HOST)
    code = (
        "import sys; from aspm_ado.adapters.keyring.vault import KeyringVault\n"
        "vault = KeyringVault({}, say=None)\n"
        f"sys.stdout.write(vault.read({SERVICE!r}, {HOST!r}).last4); vault.erase({SERVICE!r}, {HOST!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == (TWO.last4, "")
    assert vault.read(SERVICE, HOST) is None


def test_the_largest_secret_that_we_allow_fits() -> None:
    vault, largest = open_vault(), Secret("x" * 64 * 1024)
    vault.write(SERVICE, largest, HOST)
    assert vault.read(SERVICE, HOST) == largest
    vault.erase(SERVICE, HOST)


def test_its_entries_are_listed_by_name() -> None:
    vault = open_vault()
    vault.write("aspm-ado:test:listed", TWO, HOST)
    assert "aspm-ado:test:listed" in (vault.services() or ())
    vault.erase("aspm-ado:test:listed", HOST)
    assert "aspm-ado:test:listed" not in (vault.services() or ())


START = (
    "password=$1; shift; "
    '[ -z "$password" ] || printf %s "$password" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; '
    'exec "$@"'
)


def in_session(home: Path, password: str, body: str) -> tuple[str, float]:
    """What ``body`` prints or refuses for in a session of its own on ``home``, and its seconds.

    ``password`` is the one given to the daemon at the start; without one it is started by its first use, locked.
    """
    code = (
        "import sys, time\n"
        "from aspm_ado.adapters.keyring.vault import KeyringVault\n"
        "from aspm_ado.domain.reasons import StoreError\n"
        "from aspm_ado.domain.secret import Secret\n"
        "HOST = 'https://dev.azure.com'\n"
        "vault, start = KeyringVault({}, say=None), time.monotonic()\n"
        f"try: {body}\n"
        "except StoreError as error: print(error.reason)\n"
        "print(time.monotonic() - start)"
    )
    (home / "run").mkdir(0o700, exist_ok=True)
    environment = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    del environment["DBUS_SESSION_BUS_ADDRESS"]
    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-c", START, "start", password, sys.executable, "-c", code],
        env=environment, capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    *said, seconds = done.stdout.splitlines()
    return "\n".join(said), float(seconds)


@pytest.mark.parametrize(
    "call", ["probe()", "read('s', HOST)", "write('s', Secret('y' * 40), HOST)", "erase('s', HOST)"]
)
def test_locked_is_told_promptly_and_nothing_is_lost(call: str, tmp_path: Path) -> None:
    """A keyring that was made with one password and not opened by another; no display for a dialog."""
    in_session(tmp_path, "right", "vault.write('s', Secret('x' * 40), HOST)")
    said, seconds = in_session(tmp_path, "wrong", f"vault.{call}")
    assert said == "keyring-locked"
    assert seconds < 2
    said, _ = in_session(tmp_path, "right", "print(vault.read('s', HOST).reveal())")
    assert said == "x" * 40


def test_locked_while_we_run(tmp_path: Path) -> None:
    lock = "import secretstorage; secretstorage.get_default_collection(secretstorage.dbus_init()).lock()"
    said, seconds = in_session(
        tmp_path,
        "right",
        f"vault.write('s', Secret('x' * 40), HOST); {lock}; vault.read('s', HOST)",
    )
    assert said == "keyring-locked"
    assert seconds < 2


def test_a_service_that_was_never_unlocked_has_no_collection_to_open(tmp_path: Path) -> None:
    """A home without a keyring: the dialog that would make one dismisses itself."""
    said, seconds = in_session(tmp_path, "", "vault.probe()")
    assert said == "keyring-locked"
    assert seconds < 2


def test_a_stopped_daemon_is_given_up_and_the_process_ends() -> None:
    """SIGSTOP: the service is there and never answers. Without a deadline this hangs for ever."""
    vault = open_vault()
    vault.probe()
    daemon = daemon_on_this_bus()
    code = (
        "import sys; from aspm_ado.adapters.keyring.vault import KeyringVault\n"
        "from aspm_ado.domain.reasons import StoreError\n"
        "try: KeyringVault({}, say=None, seconds=1.0).probe()\n"
        "except StoreError as error: sys.exit(error.reason)"
    )
    os.kill(daemon, signal.SIGSTOP)
    try:
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
        )
        assert time.monotonic() - start < 4
        assert (done.returncode, done.stderr) == (1, "keyring-silent\n")
    finally:
        os.kill(daemon, signal.SIGCONT)
    vault.probe()


def daemon_on_this_bus() -> int:
    """The process that owns the Secret Service on the private bus of the wrapper: this run's own, and no other."""
    import secretstorage
    from jeepney import DBusAddress, new_method_call

    bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    with closing(secretstorage.dbus_init()) as connection:
        call = new_method_call(bus, "GetConnectionUnixProcessID", "s", ("org.freedesktop.secrets",))
        return int(connection.send_and_get_reply(call).body[0])


def test_no_bus_is_no_keyring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for address in ("", f"unix:path={tmp_path}/none", "nonsense"):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        reason, seconds = reason_and_seconds(open_vault())
        assert reason is Reason.KEYRING_ABSENT
        assert seconds < 2


def test_a_bus_that_accepts_and_never_answers_is_no_keyring(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "bus"))
        mute.listen()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
        reason, seconds = reason_and_seconds(open_vault())
    assert reason in {Reason.KEYRING_ABSENT, Reason.KEYRING_SILENT}
    assert seconds < 4
