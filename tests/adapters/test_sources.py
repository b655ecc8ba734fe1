"""Where secrets come from: a file that others may read is refused, unless nobody could change that."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aspm_ado.adapters import threads
from aspm_ado.adapters.sources import SystemSources
from aspm_ado.domain.reasons import Reason, UsageError

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
TOKEN = b"SimulatedNotAToken\n"


def refused(path: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        SystemSources({}).file(str(path))
    assert caught.value.exit_code == 2
    assert "SimulatedNotAToken" not in caught.value.problem + caught.value.remedy
    return caught.value


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "a token.txt"
    path.write_bytes(TOKEN)
    return path


@posix
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700, 0o610, 0o622])
def test_what_its_owner_alone_may_read_is_taken(token: Path, mode: int) -> None:
    token.chmod(mode)
    assert SystemSources({}).file(str(token)) == TOKEN


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o444, 0o440, 0o666, 0o777])
def test_what_others_may_read_is_refused_with_the_command_that_mends_it(
    token: Path, mode: int
) -> None:
    token.chmod(mode)
    error = refused(token)
    assert error.reason is Reason.FILE_NOT_PRIVATE
    _, _, command = error.remedy.partition("run: ")
    assert command == f"chmod 600 '{token}'"
    subprocess.run(["sh", "-c", command], check=True)
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert SystemSources({}).file(str(token)) == TOKEN


@posix
def test_a_link_counts_as_what_it_leads_to(token: Path, tmp_path: Path) -> None:
    """Kubernetes mounts a secret as a link to a link."""
    (tmp_path / "link").symlink_to(token)
    token.chmod(0o600)
    assert SystemSources({}).file(str(tmp_path / "link")) == TOKEN
    token.chmod(0o644)
    assert refused(tmp_path / "link").reason is Reason.FILE_NOT_PRIVATE


@posix
def test_a_pipe_has_no_mode_that_matters(tmp_path: Path) -> None:
    named = tmp_path / "pipe"
    os.mkfifo(named, 0o644)
    writer = threading.Thread(target=named.write_bytes, args=(TOKEN,))
    writer.start()
    assert SystemSources({}).file(str(named)) == TOKEN
    writer.join()
    reading, writing = os.pipe()
    os.write(writing, TOKEN)
    os.close(writing)
    assert SystemSources({}).file(f"/dev/fd/{reading}") == TOKEN  # what a shell makes of <(command)
    os.close(reading)


@posix
def test_a_file_behind_a_descriptor_is_a_file(token: Path) -> None:
    token.chmod(0o644)
    with token.open("rb") as opened:
        assert refused(f"/dev/fd/{opened.fileno()}").reason is Reason.FILE_NOT_PRIVATE


MOUNTED = """
import sys
from aspm_ado.adapters import threads
from aspm_ado.adapters.sources import SystemSources
from aspm_ado.domain.reasons import UsageError
try:
    print(SystemSources({}).file(sys.argv[1]))
except UsageError as error:
    print(error.reason)
"""
IN_A_NAMESPACE = r"""
set -e
mount -t tmpfs -o size=64k,mode=0755 none "$1"
printf 'SimulatedNotAToken\n' >"$1/pat"
chmod "$2" "$1/pat"
"$3" -c "$4" "$1/pat"
mount --bind "$1" "$5"
mount -o remount,bind,ro "$5"
"$3" -c "$4" "$5/pat"
mount -o remount,ro "$1"
"$3" -c "$4" "$1/pat"
"""


def can_mount() -> bool:
    return (
        bool(shutil.which("unshare"))
        and subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode
        == 0
    )


@pytest.mark.skipif(sys.platform != "linux", reason="mounts of Linux")
@pytest.mark.parametrize("mode", ["0444", "0440"])
def test_a_read_only_mount_is_taken_as_it_is(tmp_path: Path, mode: str) -> None:
    """As Kubernetes (tmpfs, 0444 or 0640), Docker (a read-only bind) and systemd (0440 with an ACL) bring them."""
    if not can_mount():
        pytest.skip("this machine lets nobody mount")
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    done = subprocess.run(
        [
            "unshare",
            "-rm",
            "sh",
            "-c",
            IN_A_NAMESPACE,
            "sh",
            first,
            mode,
            sys.executable,
            MOUNTED,
            second,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["file-not-private", repr(TOKEN), repr(TOKEN)]


def test_a_name_that_plays_with_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2Jb"
    error = refused(path)
    assert error.reason is Reason.FILE_UNREADABLE
    assert "\x1b" not in error.problem + error.remedy


def test_stdin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TOKEN)))
    sources = SystemSources({})
    assert sources.file("-") == TOKEN
    with pytest.raises(UsageError) as caught:
        sources.file("-")
    assert caught.value.reason is Reason.USAGE


@posix
def test_a_pipe_that_nobody_writes_to_is_named_and_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_PATIENCE", 0.0)
    monkeypatch.setattr(threads.read_in_time, "__defaults__", (0.3,))
    named = tmp_path / "pipe"
    os.mkfifo(named)
    said: list[str] = []
    with pytest.raises(UsageError) as caught:
        SystemSources({}, say=said.append).file(str(named))
    assert f"{named} cannot be read: it did not end within 0 seconds" in caught.value.problem
    assert said == [f"Waiting for the file {named} …"]
    with named.open("wb"):  # the thread of the program goes on, and ends
        reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(UsageError) as caught:
            SystemSources({}, say=said.append).file("-")
        assert caught.value.problem.startswith("stdin cannot be read: it did not end")
        assert said[1:] == ["Waiting for stdin …"]
        os.close(writing)


@posix
def test_a_stdin_that_cannot_be_read_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = os.open(tmp_path / "only to write", os.O_WRONLY | os.O_CREAT)
    with os.fdopen(descriptor) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert "stdin cannot be read: Bad file descriptor" in refused("-").problem


@posix
def test_a_terminal_named_as_a_file_is_a_hidden_prompt() -> None:
    import pty

    ours, theirs = pty.openpty()
    sources = SystemSources({}, ask=lambda: "typed")
    assert sources.file(os.ttyname(theirs)) == b"typed"
    os.close(ours)
    os.close(theirs)
