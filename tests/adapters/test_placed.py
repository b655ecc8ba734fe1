"""Files that a person named: whole or as they were, with their mode, and never through a link."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from aspm_ado.adapters.records.folder import replace_file
from aspm_ado.domain.known_secrets import HIDDEN, KNOWN_SECRETS

from ..lifecycle.faults import FailingDisk

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes and pipes")


def names_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
@pytest.mark.parametrize(("before", "after"), [(None, 0o600), (0o644, 0o644), (0o640, 0o640)])
def test_a_new_file_is_private_and_one_that_is_there_keeps_its_mode(
    tmp_path: Path, before: int | None, after: int
) -> None:
    path = tmp_path / "plan.md"
    if before is not None:
        path.write_bytes(b"old")
        path.chmod(before)
    replace_file(path, b"new")
    assert (path.read_bytes(), mode_of(path)) == (b"new", after)
    assert names_in(tmp_path) == ["plan.md"]


@posix
@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe", "folder"])
def test_what_is_no_plain_file_is_refused_and_left(tmp_path: Path, kind: str) -> None:
    path, theirs = tmp_path / "plan.md", tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    make = {
        "link": lambda: path.symlink_to(theirs),
        "link to nothing": lambda: path.symlink_to(tmp_path / "nothing"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }
    make[kind]()
    before = path.lstat()
    with pytest.raises(OSError, match="not a file"):
        replace_file(path, b"new")
    assert path.lstat().st_ino == before.st_ino
    assert theirs.read_bytes() == b"theirs"
    assert sorted(names_in(tmp_path)) == ["plan.md", "theirs"]


@pytest.mark.parametrize("at", range(1, 5))
def test_a_disk_that_fails_leaves_the_old_file(tmp_path: Path, at: int) -> None:
    path = tmp_path / "plan.md"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="space"):
        replace_file(path, b"new", FailingDisk(at))
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["plan.md"]


def test_only_the_own_text_of_a_person_may_hold_what_is_a_secret_here(tmp_path: Path) -> None:
    """As a PowerShell profile that sets a token: what we add to it must not spoil the rest."""
    path, secret = tmp_path / "profile.ps1", "q7Kd93-zPw51-Lm08"
    KNOWN_SECRETS.add(secret)
    replace_file(path, secret.encode(), as_it_is=True)
    assert path.read_text() == secret
    replace_file(path, secret.encode())
    assert path.read_text() == HIDDEN
