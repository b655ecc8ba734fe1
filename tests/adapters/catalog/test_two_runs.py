"""Two runs at once, in processes of their own: the second waits, then says who it waits for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.domain.reasons import Reason, StoreError

from .catalogues import entry

HOLD = """
import sys, time
from pathlib import Path
from aspm_ado.adapters.records.catalog import DiskRecords

def edit(found):
    print("held", flush=True)
    sys.stdin.readline()
    return found

DiskRecords(Path(sys.argv[1]), command="aspm-ado connect").change(edit)
"""

COUNT = """
import sys
from dataclasses import replace
from pathlib import Path
from aspm_ado.adapters.records.catalog import DiskRecords

records = DiskRecords(Path(sys.argv[1]))
for _ in range(20):
    records.change(lambda found: replace(found, erasing=(*found.erasing, sys.argv[2])))
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_the_second_waits_and_then_names_the_holder(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    with holder(folder) as process:
        start = time.monotonic()
        with pytest.raises(StoreError) as caught:
            DiskRecords(folder, wait=0.3).change(lambda found: found)
        assert 0.3 <= time.monotonic() - start < 3
        assert caught.value.reason is Reason.RECORDS_LOCKED
        assert f"Process {process.pid} (aspm-ado connect, since 20" in caught.value.problem
        assert DiskRecords(folder).load().connections == {}  # reading needs no lock


def test_it_is_said_beforehand_whom_the_second_waits_for(tmp_path: Path) -> None:
    folder, said = tmp_path / "ours", list[str]()
    with holder(folder) as process:
        with pytest.raises(StoreError):
            DiskRecords(folder, wait=0.3, say=said.append, patience=0.1).change(lambda found: found)
        [line] = said
        assert f"Process {process.pid} (aspm-ado connect, since 20" in line
        assert line.endswith("Waiting for it, up to 0 s.")
        with pytest.raises(StoreError):
            DiskRecords(folder, wait=0.05, say=said.append, patience=0.1).change(
                lambda found: found
            )
        assert said == [line], "a wait that is over at once is not announced"
    DiskRecords(folder, wait=0.3, say=said.append, patience=0.1).change(lambda found: found)
    assert said == [line]


@pytest.mark.parametrize(
    "note", [b"", b"{", b"[]", b'{"pid": "x"}', b'{"pid": Infinity, "command": 1, "since": 1}']
)
def test_a_note_that_says_nothing_is_no_trouble(note: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    with holder(folder):
        (folder / "catalog.holder").write_bytes(note)
        with pytest.raises(StoreError, match="Another aspm-ado process"):
            DiskRecords(folder, wait=0.0).change(lambda found: found)


def test_the_second_goes_on_when_the_first_has_finished(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    with holder(folder) as process:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        DiskRecords(folder, wait=5).change(lambda found: found.commit(entry()))
        assert process.wait(5) == 0
    assert set(DiskRecords(folder).load().connections) == {"contoso"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    with holder(folder) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(5)
        assert json.loads((folder / "catalog.holder").read_bytes())["pid"] == process.pid
        DiskRecords(folder, wait=0.0).change(lambda found: found.commit(entry()))
    assert not (folder / "catalog.holder").exists()


def test_no_change_is_lost_between_runs(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    runs = [subprocess.Popen([sys.executable, "-c", COUNT, str(folder), name]) for name in "abc"]
    readings = 0
    while any(run.poll() is None for run in runs):
        DiskRecords(folder).load()  # always whole, without a lock
        readings += 1
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert readings
    assert sorted(DiskRecords(folder).load().erasing) == ["a"] * 20 + ["b"] * 20 + ["c"] * 20


def test_reading_imports_neither_the_lock_nor_a_library() -> None:
    code = (
        "import sys; from pathlib import Path; from aspm_ado.adapters.records.catalog import DiskRecords\n"
        "DiskRecords(Path('/nowhere')).load()\n"
        "print([m for m in ('filelock', 'platformdirs', 'pydantic', 'keyring') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"
