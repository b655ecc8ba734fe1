"""Records on a disk that is full, read-only, somebody else's, or shared with another run."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from aspm_ado.adapters.records.catalog import DiskRecords, default_folder
from aspm_ado.adapters.records.folder import Disk
from aspm_ado.domain.known_secrets import HIDDEN, KNOWN_SECRETS
from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.domain.stored import Catalogue, Draft

from .catalogues import USUAL, entry

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes mean nothing here")


def refused(work: Callable[[], object], reason: Reason = Reason.RECORDS_UNREADABLE) -> StoreError:
    with pytest.raises(StoreError) as caught:
        work()
    assert caught.value.reason is reason
    assert caught.value.remedy
    return caught.value


def put(name: str = "contoso") -> Callable[[Catalogue], Catalogue]:
    return lambda found: found.commit(entry(name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".config" / "aspm-ado"


@pytest.fixture
def records(folder: Path) -> DiskRecords:
    return DiskRecords(folder, wait=0.2)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_nothing_stored_is_empty_and_reading_creates_nothing(
    records: DiskRecords, folder: Path
) -> None:
    assert records.load() == Catalogue()
    assert records.load_draft() is None
    records.save_draft(None)
    assert records.set_aside() is None
    assert not folder.exists()


def test_changes_are_kept_and_given_back(records: DiskRecords, folder: Path) -> None:
    assert records.change(lambda _empty: USUAL) == USUAL
    assert DiskRecords(folder).load() == USUAL
    assert set(records.change(put("other")).connections) == {"contoso", "other"}
    assert records.change(lambda found: found.without("contoso")).connections.keys() == {"other"}


def test_what_could_not_be_read_again_is_never_written(
    records: DiskRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """36 MB of names put all records out of reach for good."""
    records.change(put())
    monkeypatch.setattr("aspm_ado.adapters.records.folder._LARGEST", 4000)
    many = {"x" * 200: "y" * 4000}
    error = refused(lambda: records.save_draft(Draft(many)))
    assert "too large to read again" in error.problem
    refused(lambda: records.change(lambda found: found.commit(entry("n" * 4000))))
    assert set(records.load().connections) == {"contoso"}
    assert records.load_draft() is None


def test_an_edit_that_raises_changes_nothing_and_frees_the_lock(records: DiskRecords) -> None:
    records.change(put())

    def fails(_found: Catalogue) -> Catalogue:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        records.change(fails)
    assert set(records.change(put("next")).connections) == {"contoso", "next"}


def test_a_draft_is_kept_replaced_and_forgotten(records: DiskRecords, folder: Path) -> None:
    records.save_draft(Draft({"organization": "contoso"}, "2026-11-23"))
    records.save_draft(Draft({"organization": "fabrikam"}, "2026-11-24"))
    assert DiskRecords(folder).load_draft() == Draft({"organization": "fabrikam"}, "2026-11-24")
    records.save_draft(None)
    records.save_draft(None)
    assert records.load_draft() is None


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"schema": "aspm-ado/draft/v2"}'])
def test_a_damaged_draft_is_forgotten(raw: bytes, records: DiskRecords, folder: Path) -> None:
    records.check()
    (folder / "draft.json").write_bytes(raw)
    assert records.load_draft() is None
    records.save_draft(Draft({}))
    assert records.load_draft() == Draft({})


def test_after_any_work_only_our_files_are_there(records: DiskRecords, folder: Path) -> None:
    records.check()
    assert list(folder.iterdir()) == []
    records.change(put())
    records.save_draft(Draft({}))
    assert sorted(path.name for path in folder.iterdir()) == [
        "catalog.json",
        "catalog.lock",
        "draft.json",
    ]


def test_what_a_killed_run_left_half_written_is_swept(records: DiskRecords, folder: Path) -> None:
    records.check()
    (folder / ".catalog.json.0123.tmp").write_text("half")
    records.change(put())
    assert not list(folder.glob(".*"))


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_everything_is_private_whatever_the_umask(
    umask: int, records: DiskRecords, folder: Path
) -> None:
    before = os.umask(umask)
    try:
        records.check()
        records.change(put())
        records.save_draft(Draft({}))
        seen: list[int] = []
        records.change(lambda found: seen.append(mode(folder / "catalog.holder")) or found)
    finally:
        os.umask(before)
    assert seen == [0o600]
    for made in (folder, folder.parent, folder.parent.parent):
        assert mode(made) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}


# Damaged and newer


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xef\xbb\xbf{}", b"[]", b'{"schema": "aspm-ado/catalog/v1"}']
)
def test_a_damaged_catalogue_is_never_overwritten(
    raw: bytes, records: DiskRecords, folder: Path
) -> None:
    records.check()
    path = folder / "catalog.json"
    path.write_bytes(raw)
    for work in (records.load, records.check, lambda: records.change(put())):
        assert str(path) in refused(work).problem
    assert path.read_bytes() == raw
    aside = records.set_aside()
    assert aside is not None
    assert re.fullmatch(r"catalog\.json\.damaged-\d{8}-\d{6}", aside.name)
    assert aside.read_bytes() == raw
    assert records.change(put()).connections.keys() == {"contoso"}
    assert records.set_aside() is None


def test_setting_aside_twice_in_a_second_keeps_both(records: DiskRecords, folder: Path) -> None:
    records.check()
    kept = set()
    for raw in (b"one", b"two", b"three"):
        (folder / "catalog.json").write_bytes(raw)
        kept.add(records.set_aside())
    assert {path.read_bytes() for path in kept if path} == {b"one", b"two", b"three"}


def test_a_newer_catalogue_is_never_touched(records: DiskRecords, folder: Path) -> None:
    records.check()
    raw = json.dumps({"schema": "aspm-ado/catalog/v2", "connections": 5}).encode()
    (folder / "catalog.json").write_bytes(raw)
    for work in (records.load, records.check, records.set_aside, lambda: records.change(put())):
        assert "newer" in refused(work, Reason.RECORDS_NEWER).problem
    assert (folder / "catalog.json").read_bytes() == raw


# Not ours alone


@posix
@pytest.mark.parametrize("bits", [0o770, 0o777, 0o702])
def test_a_folder_that_others_can_write_is_refused(
    bits: int, records: DiskRecords, folder: Path
) -> None:
    records.change(put())
    folder.chmod(bits)
    for work in (records.load, records.check, records.load_draft, lambda: records.change(put("x"))):
        assert f"chmod go-w {folder}" in refused(work).remedy
    folder.chmod(0o755)  # readable by others is harmless: there is no secret in it
    records.change(put("x"))


@posix
def test_a_file_that_others_can_write_is_refused(records: DiskRecords, folder: Path) -> None:
    records.change(put())
    (folder / "catalog.json").chmod(0o620)
    assert f"chmod go-w {folder / 'catalog.json'}" in refused(records.load).remedy


@posix
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)
@pytest.mark.parametrize("name", [".", "catalog.json"])
def test_what_belongs_to_another_is_refused(name: str, records: DiskRecords, folder: Path) -> None:
    records.change(put())
    os.chown(folder / name, 12345, 12345)
    assert "another user" in refused(records.load).problem
    assert "another user" in refused(lambda: records.change(put("x"))).problem


@posix
def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "nowhere").symlink_to("none")
    for name in ("link", "nowhere"):
        records = DiskRecords(tmp_path / name)
        for work in (records.load, records.check, lambda records=records: records.change(put())):
            assert "is a link" in refused(work).problem
    assert list((tmp_path / "real").iterdir()) == []
    assert not (tmp_path / "none").exists()


@posix
@pytest.mark.parametrize("name", ["catalog.json", "draft.json", "catalog.lock"])
def test_a_file_that_is_a_link_is_refused_and_its_target_untouched(
    name: str, records: DiskRecords, folder: Path, tmp_path: Path
) -> None:
    records.check()
    target = tmp_path / "precious"
    target.write_text("precious")
    (folder / name).symlink_to(target)
    refused(records.load_draft if name == "draft.json" else lambda: records.change(put()))
    assert target.read_text() == "precious"


@posix
def test_a_link_at_the_holders_note_is_replaced_and_its_target_untouched(
    records: DiskRecords, folder: Path, tmp_path: Path
) -> None:
    records.check()
    (tmp_path / "precious").write_text("precious")
    (folder / "catalog.holder").symlink_to(tmp_path / "precious")
    records.change(put())
    assert (tmp_path / "precious").read_text() == "precious"


@posix
def test_a_pipe_or_a_folder_in_place_of_the_file_does_not_hold_us(
    records: DiskRecords, folder: Path
) -> None:
    records.check()
    os.mkfifo(folder / "catalog.json", 0o600)
    (folder / "draft.json").mkdir()
    refused(records.load)
    refused(records.load_draft)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        refused(DiskRecords(path).check)
    assert DiskRecords(tmp_path / "file" / "below").load() == Catalogue()


# A disk that fails


class FailingDisk(Disk):
    """Fails on the n-th call of one operation; files that are only read are left alone."""

    def __init__(self, operation: str, code: int, nth: int = 1) -> None:
        self.operation, self.code, self.left = operation, code, nth

    def _maybe(self, operation: str) -> None:
        if operation == self.operation:
            self.left -= 1
            if self.left == 0:
                raise OSError(self.code, os.strerror(self.code))

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        if flags & os.O_CREAT:
            self._maybe("open")
        return super().open(path, flags, mode)

    def write(self, descriptor: int, data: bytes) -> int:
        self._maybe("write")
        return super().write(
            descriptor, data[: max(1, len(data) // 2)]
        )  # and never takes all at once

    def fsync(self, descriptor: int) -> None:
        self._maybe("fsync")
        super().fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._maybe("replace")
        super().replace(source, target)


def failure(records: DiskRecords) -> StoreError | None:
    try:
        records.change(put("next"))
    except StoreError as error:
        return error
    return None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("operation", ["open", "write", "fsync", "replace"])
def test_a_failing_disk_leaves_the_old_records_whole(
    operation: str, code: int, folder: Path
) -> None:
    DiskRecords(folder).change(put())
    before = (folder / "catalog.json").read_bytes()
    for nth in range(1, 30):
        disk = FailingDisk(operation, code, nth)
        records = DiskRecords(folder, disk=disk)
        error = failure(records)
        if error:
            assert error.reason is Reason.RECORDS_UNREADABLE
            assert str(folder / "catalog.json") in error.problem
            assert os.strerror(code) in error.problem
            assert (folder / "catalog.json").read_bytes() == before
        else:
            assert set(records.load().connections) == {"contoso", "next"}
            (folder / "catalog.json").write_bytes(before)
        assert sorted(path.name for path in folder.iterdir()) == ["catalog.json", "catalog.lock"]
        if disk.left > 0:
            return  # fewer calls than nth: every one of them has failed once
    pytest.fail("more calls than a change should make")


@pytest.mark.parametrize("operation", ["open", "write", "fsync"])
def test_a_folder_that_cannot_be_written_is_found_before_it_matters(
    operation: str, folder: Path
) -> None:
    error = refused(DiskRecords(folder, disk=FailingDisk(operation, errno.EROFS)).check)
    assert str(folder) in error.problem
    assert os.strerror(errno.EROFS) in error.problem
    assert "--config-dir" in error.remedy
    assert list(folder.iterdir()) == []


@posix
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_found_before_it_matters(
    code: int, records: DiskRecords, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    for work in (records.check, lambda: records.change(put()), lambda: records.claim("x")):
        error = refused(work)
        assert f"cannot be locked: {os.strerror(code)}." in error.problem
        assert error.remedy == "Pass a folder on a local disk with `--config-dir`."
    assert not (folder / "catalog.json").exists()


@posix
@pytest.mark.parametrize(("owner", "bits", "made"), [(1, 0, 0), (0, 0, 1), (1, stat.S_ISVTX, 1)])
def test_nothing_is_made_in_the_folder_of_another_user(
    owner: int,
    bits: int,
    made: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Folders of the system are root's, and everybody may have one of their own in a sticky one."""
    home, real = tmp_path / "home", Path.stat
    home.mkdir()
    theirs = os.geteuid() + 23456 if owner else 0

    def stat_as_theirs(path: Path, **more: bool) -> os.stat_result:
        found = list(real(path, **more))
        if path == home:
            found[stat.ST_UID], found[stat.ST_MODE] = theirs, found[stat.ST_MODE] | bits
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", stat_as_theirs)
    records = DiskRecords(home / ".config" / "aspm-ado")
    if made:
        records.check()
    else:
        assert "so aspm-ado creates nothing in it" in refused(records.check).problem
    assert len(list(home.iterdir())) == made


@posix
@pytest.mark.parametrize("value", ["~/.config", "config", "./config", "~nobodyhere/x"])
def test_a_relative_xdg_folder_is_ignored(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    usual = default_folder(os.environ)
    monkeypatch.setenv("XDG_CONFIG_HOME", value)
    assert default_folder(os.environ) == usual


def test_a_rename_that_happened_is_not_called_a_failure(folder: Path) -> None:
    """The catalogue, then the folder: by the last fsync the new records are what everybody reads."""
    disk = FailingDisk("fsync", errno.EIO, 2)
    records = DiskRecords(folder, disk=disk)
    records.change(put())
    assert disk.left == 0
    assert set(records.load().connections) == {"contoso"}


# Where


@posix
@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_no_home_is_said_and_not_guessed(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert "--config-dir" in refused(lambda: default_folder(os.environ)).remedy


@posix
def test_the_folder_is_where_the_platform_keeps_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    found = default_folder(os.environ)
    assert found.is_relative_to(tmp_path)
    assert found.name == "aspm-ado"
    assert not found.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs is asked itself")
@pytest.mark.parametrize("home", ["/home/ada", "", "relative"])
@pytest.mark.parametrize("settings", ["/etc/ada", ""])
def test_on_linux_it_is_where_platformdirs_would_have_it(
    home: str, settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("XDG_CONFIG_HOME", settings)
    if not (home.startswith("/") or settings):
        pytest.skip("no home at all: the test above")
    assert default_folder(os.environ) == platformdirs.user_config_path("aspm-ado", appauthor=False)


def test_a_pending_entry_survives_as_pending(records: DiskRecords) -> None:
    origins = {"aspm-ado/contoso/1": "https://dev.azure.com"}
    records.change(lambda found: found.begin("contoso", origins))
    kept = Catalogue(pending={"contoso": ("aspm-ado/contoso/1",)}, origins=origins)
    assert records.load() == kept


@posix
@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "loop"])
@pytest.mark.parametrize("name", ["catalog.lock", "catalog.json"])
def test_what_is_no_file_in_the_place_of_ours_is_found_before_it_matters(
    name: str, kind: str, records: DiskRecords, folder: Path
) -> None:
    folder.mkdir(mode=0o700, parents=True)
    place = folder / name
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place, 0o600)
    else:
        place.symlink_to(folder / "nothing" if kind == "link" else place)
    for work in (records.check, lambda: records.change(put())):
        error = refused(work)
        assert str(place) in error.problem
        said = "is not a file of aspm-ado." if kind in ("folder", "pipe") else "is a link"
        assert said in error.problem
    assert not (folder / "nothing").exists()


def test_a_secret_that_is_learned_later_is_taken_out_of_what_was_written_before(
    records: DiskRecords, folder: Path
) -> None:
    """The name of another's organization or person may hold it."""
    secret = "q7Rf2Kd9Xw4Lm1Zs8Tb3Vc6Ny5Hj0Gp7"
    named = replace(entry("first").credentials["1"], identity_name=f"Ada {secret}")
    known = replace(entry("first"), credentials={"1": named})
    records.change(lambda found: found.commit(known))
    KNOWN_SECRETS.add(secret)
    records.change(put("second"))
    records.close()
    written = (folder / "catalog.json").read_text("utf-8")
    assert secret not in written
    assert f"Ada {HIDDEN}" in written
    assert sorted(DiskRecords(folder).load().connections) == ["first", "second"]
    before = (folder / "catalog.json").stat().st_mtime_ns
    records.close()
    assert (folder / "catalog.json").stat().st_mtime_ns == before
