"""The config folder: looked at and tried, never made."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.adapters.machine import RecordsFolder
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.adapters.records.folder import Disk
from aspm_ado.domain.reasons import Reason, StoreError

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")


class Full(Disk):
    """A disk without room: root writes wherever modes forbid it, so the failure is made here."""

    def write(self, descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    folder = RecordsFolder(tmp_path / "a" / "b")
    facts = folder.look()
    assert (facts.exists, facts.mode) == (False, None)
    assert facts.free
    folder.prove_writable()
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_folder_of_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = RecordsFolder(tmp_path)
    assert folder.look().mode == 0o700
    folder.prove_writable()
    folder.prove_free()
    assert [path.name for path in tmp_path.iterdir()] in ([], ["catalog.lock"])


@posix
@pytest.mark.parametrize("mode", [0o770, 0o722, 0o777])
def test_a_folder_that_others_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(StoreError) as refused:
        RecordsFolder(tmp_path).look()
    assert refused.value.reason is Reason.RECORDS_UNREADABLE
    assert "chmod go-w" in refused.value.remedy


@posix
def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="is a link"):
        RecordsFolder(tmp_path / "link").look()


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(StoreError, match="No space left"):
        RecordsFolder(tmp_path, Full()).prove_writable()
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be created"):
        RecordsFolder(tmp_path / "file" / "aspm-ado").prove_writable()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root"
)
def test_a_parent_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be created"):
        RecordsFolder(tmp_path / "aspm-ado").prove_writable()


def test_a_lock_that_another_run_holds_is_told_with_its_holder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    holder: Any = DiskRecords(tmp_path, command="aspm-ado rotate")
    with holder.exclusive(), pytest.raises(StoreError) as refused:
        RecordsFolder(tmp_path).prove_free()
    assert refused.value.reason is Reason.RECORDS_LOCKED
    assert f"Process {os.getpid()} (aspm-ado rotate" in str(refused.value)
