"""What is different on Windows, by stand-ins for its functions: no test here runs there alone."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from aspm_ado.adapters.programs import AzureCli, find_program
from aspm_ado.adapters.records import folder as folder_module
from aspm_ado.adapters.records.folder import Disk, PrivateFolder
from aspm_ado.adapters.terminal import voice
from aspm_ado.cli import context
from aspm_ado.cli.context import Invocation
from aspm_ado.domain.questions import PAT_VARIABLE, Given
from aspm_ado.domain.reasons import StoreError
from aspm_ado.domain.text import typed_word


class Tty(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("word", "windows", "elsewhere"),
    [
        ("contoso", "contoso", "contoso"),
        (r"C:\Users\ada\aspm", r"C:\Users\ada\aspm", r"'C:\Users\ada\aspm'"),
        ("Default Collection", '"Default Collection"', "'Default Collection'"),
        ("C:\\My Folder\\", '"C:\\My Folder\\\\"', "'C:\\My Folder\\'"),
        ("a&b", '"a&b"', "'a&b'"),
        ("", '""', "''"),
    ],
)
def test_a_word_to_be_typed_is_quoted_for_the_shells_of_the_platform(
    word: str, windows: str, elsewhere: str
) -> None:
    """Cmd takes a single quote for a part of the word."""
    assert typed_word(word, "win32") == windows
    assert typed_word(word, "darwin") == typed_word(word, "linux") == elsewhere


@pytest.mark.parametrize("typed", ["fabrikam_pat", "FABRIKAM_PAT"])
def test_a_variable_is_found_however_its_name_is_typed(
    typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the environment has its names in upper case there."""
    monkeypatch.setattr(context, "sys", SimpleNamespace(platform="win32"))
    run = Invocation("validate", (), {}, {"FABRIKAM_PAT": "a" * 84})
    run.hide_token_variables({PAT_VARIABLE.name: Given((f"fabrikam={typed}",), "")})
    assert run.secret_variables[typed] == "a" * 84
    assert run.environment == {}


@pytest.mark.parametrize("name", ["WT_SESSION", "ConEmuANSI"])
def test_a_console_that_knows_colors_gets_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "os", SimpleNamespace(name="nt"))
    assert voice.wants_color({name.upper(): "ON"}, Tty(io.BytesIO()), no_color=False)
    assert not voice.wants_color({}, Tty(io.BytesIO()), no_color=False)


@pytest.mark.parametrize("file", ["az.cmd", "az.bat", "az.exe"])
def test_az_is_found_however_it_was_installed(file: str, tmp_path: Path) -> None:
    """The installer brings a .cmd, pip a .bat; a folder of the PATH may be in quotation marks."""
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / file).touch(0o700)
    assert AzureCli({"PATH": f'C:;"{folder}"'}, platform="win32").is_there
    assert not AzureCli({"PATH": "."}, platform="win32").is_there


def test_an_empty_ending_among_those_of_programs_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "vault.exe").touch(0o700)
    environment = {"PATH": str(tmp_path), "PATHEXT": ".COM;.EXE;"}
    assert find_program("vault", environment, "win32") == str(tmp_path / "vault.exe")


class Shared:
    """A function of the system that refuses while another process has the file open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> None:
        self.left, self._real = 0, getattr(place, name)
        monkeypatch.setattr(place, name, lambda *args, **more: self.call(*args, **more))

    def call(self, *args: object, **more: object) -> object:
        if self.left:
            self.left -= 1
            raise PermissionError(13, "The process cannot access the file")
        return self._real(*args, **more)


@pytest.mark.parametrize(
    ("place", "name"), [(os, "open"), (Path, "unlink"), (Path, "replace")], ids=lambda one: str(one)
)
def test_a_file_that_another_process_has_open_is_tried_again(
    place: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a second: a scanner, or a run that is just replacing it. Elsewhere a refusal is final."""
    monkeypatch.setattr(folder_module, "time", SimpleNamespace(sleep=lambda _seconds: None))
    tmp_path.chmod(0o700)
    folder = PrivateFolder(tmp_path, Disk())
    folder.write("a.json", b"{}")

    def use() -> None:
        assert folder.read("a.json") == b"{}"
        folder.rename("a.json", "b.json")
        folder.rename("b.json", "a.json")
        folder.remove("none.json")

    shared = Shared(monkeypatch, place, name)
    shared.left = 3
    with pytest.raises(StoreError):
        use()
    monkeypatch.setattr(folder_module, "_POSIX", False)
    shared.left = 3
    use()
    shared.left = 100
    with pytest.raises(StoreError):
        use()
