"""Who is allowed to keep a secret: poison from the environment, from keyringrc.cfg and from installed packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aspm_ado.adapters.keyring.backends import TRUSTED, backend_title, class_of, open_backend
from aspm_ado.adapters.keyring.errors import _is_wsl, absent
from aspm_ado.domain.reasons import Reason, StoreError

POISON = [
    "keyring.backends.null.Keyring",
    "keyring.backends.fail.Keyring",
    "keyring.backends.chainer.ChainerBackend",
    "keyrings.alt.file.PlaintextKeyring",
    "evil.Keyring",
    "Keyring",
    "keyring.backends.SecretService.Keyring2",
    "keyring.backends.secretservice.keyring",
    "keyring.backends.SecretService.Keyring ; evil",
]


def named(full: str) -> object:
    """An object whose class has this module and name."""
    module, _, name = full.rpartition(".")
    return type(name, (), {"__module__": module})()


def never(name: str) -> None:
    pytest.fail(f"{name} was to be refused without being loaded")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where keyring would look for its file; a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "python_keyring"
    folder.mkdir()
    return folder / "keyringrc.cfg"


@pytest.mark.parametrize("name", POISON)
def test_the_environment_cannot_choose_another(name: str, config: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_backend({"PYTHON_KEYRING_BACKEND": name}, "linux", never)
    assert caught.value.reason is Reason.KEYRING_NOT_TRUSTED
    assert name in caught.value.problem
    assert "Unset PYTHON_KEYRING_BACKEND" in caught.value.remedy
    assert "--store none" in caught.value.remedy


@pytest.mark.parametrize("name", POISON)
def test_the_file_cannot_choose_another(name: str, config: Path) -> None:
    config.write_text(f"[backend]\ndefault-keyring={name}\n")
    with pytest.raises(StoreError) as caught:
        open_backend({}, "linux", never)
    assert caught.value.reason is Reason.KEYRING_NOT_TRUSTED
    assert name in caught.value.problem
    assert str(config) in caught.value.remedy


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"\xef\xbb\xbf[backend]\n", b"no section", b"[backend]\n[backend]\n"],
)
def test_a_choice_that_cannot_be_understood_is_not_ours_to_make(
    content: bytes, config: Path
) -> None:
    config.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        open_backend({}, "linux", never)
    assert caught.value.reason is Reason.KEYRING_NOT_TRUSTED


@pytest.mark.parametrize("name", sorted(TRUSTED))
@pytest.mark.parametrize("by", ["environment", "file"])
def test_each_trusted_class_can_be_named(name: str, by: str, config: Path) -> None:
    if by == "file":
        config.write_text(f"[backend]\ndefault-keyring = {name}\n")
    environment = {"PYTHON_KEYRING_BACKEND": name} if by == "environment" else {}
    asked: list[str] = []

    def loader(wanted: str) -> object:
        asked.append(wanted)
        return named(wanted)

    found = open_backend(environment, "linux", loader)  # type: ignore[arg-type]
    assert asked == [class_of(found)] == [name]
    assert backend_title(found) == f"{TRUSTED[name]} ({name})"


def test_a_named_class_that_does_not_work_is_not_replaced_by_another(config: Path) -> None:
    name = "keyring.backends.kwallet.DBusKeyring"
    with pytest.raises(StoreError) as caught:
        open_backend(
            {"PYTHON_KEYRING_BACKEND": name},
            "linux",
            lambda wanted: None if wanted == name else never(wanted),
        )
    assert caught.value.reason is Reason.KEYRING_ABSENT
    assert name in caught.value.problem


@pytest.mark.parametrize("name", ["macOS.Keyring", "libsecret.Keyring"])
def test_a_choice_that_this_platform_does_not_make_itself_is_to_be_undone(
    name: str, config: Path
) -> None:
    with pytest.raises(StoreError) as caught:
        open_backend(
            {"PYTHON_KEYRING_BACKEND": f"keyring.backends.{name}"}, "linux", lambda _wanted: None
        )
    assert caught.value.reason is Reason.KEYRING_ABSENT
    assert caught.value.remedy.startswith("Unset PYTHON_KEYRING_BACKEND")


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
def test_a_pipe_or_a_folder_in_place_of_the_file_is_no_silent_keyring(config: Path) -> None:
    for make in (os.mkfifo, Path.mkdir):
        make(config)
        with pytest.raises(StoreError) as caught:
            open_backend({}, "linux", never)
        assert caught.value.reason is Reason.KEYRING_NOT_TRUSTED
        assert str(config) in caught.value.problem
        config.rename(config.with_name(f"before {make.__name__}"))


@pytest.mark.parametrize(
    ("platform", "order"),
    [
        ("linux", ["SecretService.Keyring", "kwallet.DBusKeyring", "kwallet.DBusKeyringKWallet4"]),
        (
            "freebsd14",
            ["SecretService.Keyring", "kwallet.DBusKeyring", "kwallet.DBusKeyringKWallet4"],
        ),
        ("darwin", ["macOS.Keyring"]),
        ("win32", ["Windows.WinVaultKeyring"]),
    ],
)
def test_each_platform_tries_its_own_in_order_and_nothing_else(
    platform: str, order: list[str], config: Path
) -> None:
    asked: list[str] = []
    with pytest.raises(StoreError) as caught:
        open_backend({"PYTHON_KEYRING_BACKEND": ""}, platform, asked.append)
    assert caught.value.reason is Reason.KEYRING_ABSENT
    assert asked == [f"keyring.backends.{name}" for name in order]


def test_the_first_that_works_is_taken(config: Path) -> None:
    second = "keyring.backends.kwallet.DBusKeyring"
    found = open_backend({}, "linux", lambda wanted: named(wanted) if wanted == second else None)  # type: ignore[arg-type,return-value]
    assert class_of(found) == second


@pytest.mark.parametrize("impostor", ["evil.Keyring", "keyring.backends.SecretService.Other"])
def test_a_subclass_or_stranger_under_a_trusted_name_is_refused(
    impostor: str, config: Path
) -> None:
    with pytest.raises(StoreError) as caught:
        open_backend({}, "linux", lambda _wanted: named(impostor))  # type: ignore[arg-type,return-value]
    assert caught.value.reason is Reason.KEYRING_NOT_TRUSTED
    assert impostor in caught.value.problem


def test_wsl_gets_advice_of_its_own(tmp_path: Path) -> None:
    version = tmp_path / "version"
    version.write_text("Linux version 5.15.153.1-microsoft-standard-WSL2")
    assert _is_wsl(version)
    version.write_text("Linux version 6.1.0-debian")
    assert not _is_wsl(version)
    assert not _is_wsl(tmp_path / "none")
    assert "dbus-run-session" in absent("linux").remedy


EVIL = """
import pathlib
pathlib.Path({marker!r}).write_text("imported")
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 99
    def get_password(self, service, username): return None
    def set_password(self, service, username, password): pathlib.Path({marker!r}).write_text(password)
    def delete_password(self, service, username): pass
"""

ASK = """
import json, sys, os
from aspm_ado.adapters.keyring.vault import KeyringVault
from aspm_ado.domain.reasons import StoreError
from aspm_ado.domain.secret import Secret
try:
    vault = KeyringVault(os.environ, say=None, platform="linux")
    vault.write("aspm-ado-test", Secret("x" * 40), "https://dev.azure.com")
    print(json.dumps([vault.title, "evil" in sys.modules]))
except StoreError as error:
    print(json.dumps([error.reason, "evil" in sys.modules]))
"""


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """An installed package whose entry point offers a keyring of priority 99, as keyrings.alt does with its own."""
    site = tmp_path / "site"
    info = site / "evil-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "evil.py").write_text(EVIL.format(marker=str(tmp_path / "marker")))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[keyring.backends]\nevil = evil\n")
    return site


def ask(code: str, tmp_path: Path, evil: Path, **more: str) -> list[object]:
    environment = {
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(evil),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/no-bus",
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_keyring_itself_would_take_the_entry_point(tmp_path: Path, evil: Path) -> None:
    """That the poison works, or the tests below would prove nothing."""
    code = "import keyring, json; print(json.dumps([type(keyring.get_keyring()).__module__]))"
    assert ask(code, tmp_path, evil) == ["evil"]


def test_an_installed_entry_point_is_never_even_imported(tmp_path: Path, evil: Path) -> None:
    assert ask(ASK, tmp_path, evil) == ["keyring-absent", False]
    assert not (tmp_path / "marker").exists()


def test_a_class_named_by_the_environment_is_never_imported(tmp_path: Path, evil: Path) -> None:
    assert ask(ASK, tmp_path, evil, PYTHON_KEYRING_BACKEND="evil.Keyring") == [
        "keyring-not-trusted",
        False,
    ]
    assert not (tmp_path / "marker").exists()


def test_a_file_adds_no_path_and_imports_nothing(tmp_path: Path, evil: Path) -> None:
    hidden = tmp_path / "hidden" / "keyring" / "backends"
    hidden.mkdir(parents=True)
    for folder in (hidden, hidden.parent):
        (folder / "__init__.py").write_text("raise SystemExit('keyring-path was applied')")
    folder = tmp_path / ".config" / "python_keyring"
    folder.mkdir(parents=True)
    config = folder / "keyringrc.cfg"
    config.write_text(f"[backend]\nkeyring-path={tmp_path / 'hidden'}\n")
    code = ASK.replace("import json, sys, os", "import json, sys, os\nbefore = list(sys.path)") + (
        "\nassert sys.path == before, sys.path\n"
    )
    assert ask(code, tmp_path, evil) == ["keyring-absent", False]
    config.write_text(f"[backend]\nkeyring-path={evil}\ndefault-keyring=evil.Keyring\n")
    assert ask(code, tmp_path, evil) == ["keyring-not-trusted", False]
    assert not (tmp_path / "marker").exists()
