"""Machines that are not as they should be: the program goes on, or says in a sentence what is wrong with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aspm_ado.__main__ import _nothing
from aspm_ado.simulator import Simulator

from .conftest import PAT, Run, pat_of

if sys.platform == "win32":
    pytest.skip("paths, pipes and terminals of POSIX", allow_module_level=True)

BARE = [sys.executable, "-m", "aspm_ado"]
LATIN = os.fsdecode(b"M\xfcller")
NOBODY = "~nobodyhere/x"


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "-o", "contoso", "--pat-file", NOBODY),
        ("validate", "-o", "contoso", "--pat-file", f"contoso={NOBODY}"),
        ("validate", "-o", "contoso", "--ca-bundle", NOBODY),
        ("list", "--config-dir", NOBODY),
        ("doctor", "--config-dir", NOBODY),
        ("migrate", "x", "--plan-file", NOBODY + ".md"),
        ("connect", "-o", "contoso", "--store", "none", "--registration-profile", NOBODY),
        ("connect", "-o", "contoso", "--store", "none", "--aspm-token-file", NOBODY),
    ],
    ids=" ".join,
)
def test_the_home_of_nobody_is_named(words: tuple[str, ...], process: Run) -> None:
    done = process(*words, "--no-input", environment={"ASPM_ADO_PAT": PAT})
    assert done.code == 2
    assert "no home folder is known for ~nobodyhere" in " ".join(done.err.split())


def test_a_home_is_expanded_for_the_token_of_one_organization(
    simulate: Callable[..., Simulator], token_file: Callable[..., str], process: Run
) -> None:
    home = Path(token_file(pat_of(simulate("global")))).parent
    words = ("validate -o contoso --pat-file contoso=~/token.txt",)
    assert process(*words, environment={"HOME": str(home)}).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--config-dir", "records"),
        ("validate", "-o", "contoso", "--ca-bundle", "ca.pem"),
        ("validate", "-o", "contoso", "--pat-file", "token"),
    ],
    ids=" ".join,
)
def test_a_current_folder_that_is_gone_is_named(words: tuple[str, ...], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = 'cd "$0" && rmdir "$0" && exec "$@" --no-input'
    done = subprocess.run(
        ["/bin/sh", "-c", line, str(gone), *BARE, *words], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"the current folder is gone" in b" ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("validate", "-o", LATIN), "--organization"),
        (("validate", "-o", "contoso", "--check-clone", f"{LATIN}/repo"), "--check-clone"),
        (("validate", "-o", "contoso", "--clone-username", LATIN), "--clone-username"),
        (("validate", "-o", "contoso", "--pat-file", f"{LATIN}=~/x"), "--pat-file"),
        (("validate", "--server-url", f"https://tfs.corp.example/{LATIN}"), "--server-url"),
        (("guide", "--server-url", "https://t.example/t", "--collection", LATIN), "--collection"),
    ],
)
def test_bytes_of_another_encoding_are_refused_by_their_place(
    words: tuple[str, ...], named: str, process: Run
) -> None:
    done = process(*words, "--no-input", "--json", environment={"ASPM_ADO_PAT": PAT})
    assert done.code == 2
    assert done.document["error"]["problem"].startswith(f"{named} is not UTF-8: character ")


def test_a_variable_in_another_encoding_is_refused_by_its_name(process: Run) -> None:
    done = process("guide --json", environment={"ASPM_ADO_ORGANIZATION": LATIN})
    assert done.code == 2
    assert "ASPM_ADO_ORGANIZATION is not UTF-8" in done.document["error"]["problem"]


def test_a_file_may_have_a_name_of_any_bytes(
    simulate: Callable[..., Simulator], token_file: Callable[..., str], process: Run
) -> None:
    path = token_file(pat_of(simulate("global")), LATIN)
    assert process("validate -o contoso --pat-file", path).code == 0


def test_a_demo_without_a_temporary_folder_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryDirectory", none)
    done = run("demo --no-input --json")
    assert done.code == 2
    assert "TMPDIR" in done.document["error"]["remedy"]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_pipe_that_is_full_is_waited_for(
    words: tuple[str, ...], simulate: Callable[..., Simulator], process: Run
) -> None:
    token = pat_of(simulate("global"))
    command = ("validate", "-o", "contoso", "--pat-stdin", "--all", *words)
    whole = process(*command, stdin=token.encode()).out
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    while True:  # full from the start: the first byte has to wait, and is the first that is read
        try:
            os.write(writing, b"." * 65536)
        except BlockingIOError:
            break
    child = subprocess.Popen(
        [*BARE, *command], stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    child.stdin.write(token.encode())
    child.stdin.close()
    time.sleep(2)  # so that it meets the full pipe, as a rule
    got = b""
    while piece := os.read(reading, 4096):
        got += piece
    os.close(reading)
    assert child.wait() == 0
    child.stderr.close()
    said = got.lstrip(b".").decode()
    assert len(said.splitlines()) == len(whole.splitlines())
    assert said[-40:] == whole[-40:]


def test_a_stdin_without_bytes_yet_is_waited_for(simulate: Callable[..., Simulator]) -> None:
    token = pat_of(simulate("global"))
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    words = ["validate", "-o", "contoso", "--pat-stdin", "--json"]
    with subprocess.Popen([*BARE, *words], stdin=reading, stdout=subprocess.PIPE) as child:
        os.close(reading)
        time.sleep(1)  # so that it meets the empty pipe, as a rule
        os.write(writing, token.encode())
        os.close(writing)
        said, _ = child.communicate()
    assert json.loads(said)["exit_code"] == 0


def test_without_a_keyring_no_folder_is_made(
    simulate: Callable[..., Simulator], tmp_path: Path, process: Run
) -> None:
    token = pat_of(simulate("global"))
    given = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "HOME": str(tmp_path)}
    given |= {"XDG_CONFIG_HOME": "", "ASPM_ADO_CONFIG_DIR": ""}
    words = ("connect -o contoso --register none --pat-stdin --no-input",)
    assert process(*words, stdin=token.encode(), environment=given).code == 7
    assert list(tmp_path.iterdir()) == []


def test_warnings_of_libraries_neither_reach_people_nor_end_the_run(
    tmp_path: Path, process: Run
) -> None:
    (tmp_path / "platformdirs.py").write_text(
        "import warnings\nfrom pathlib import Path\nwarnings.warn('soon gone', DeprecationWarning)\n"
        "def user_config_path(*_, **__): return Path('/nowhere')\n"
    )
    for how in ("error", "always"):
        done = process("list", environment={"PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": how})
        assert done.code == 0
        assert "soon gone" not in done.err


@pytest.fixture
def terminal(simulate: Callable[..., Simulator]) -> Callable[..., object]:
    """Spawn the program on a terminal of 80 columns."""
    pexpect = pytest.importorskip("pexpect")

    def spawn(*words: str, **environment: str) -> object:
        given = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment}
        return pexpect.spawn(
            BARE[0], [*BARE[1:], *words], env=given, encoding="utf-8", dimensions=(100, 80)
        )

    return spawn


@pytest.mark.parametrize("words", [("--pat-stdin",), ("--pat-file", "-")])
def test_a_token_for_stdin_is_asked_hidden_on_a_terminal(
    words: tuple[str, ...], terminal, simulate: Callable[..., Simulator]
) -> None:
    token = pat_of(simulate("global"))
    child = terminal("validate", "-o", "contoso", *words)
    child.expect("Paste the token")
    child.send(token + "\r")
    child.expect("\\(exit 0\\)")
    assert token[:20] not in child.before
    child.close()


def test_where_nobody_may_be_asked_a_terminal_brings_no_token(terminal, simulate) -> None:
    simulate("global")
    child = terminal("validate", "-o", "contoso", "--pat-stdin", "--no-input")
    child.expect("--no-input was given")
    child.wait()
    assert child.exitstatus == 2


@pytest.mark.parametrize("columns", ["1", "19", "200", "many"])
def test_tables_are_as_wide_as_the_terminal_whatever_columns_says(
    columns: str, terminal, simulate, token_file: Callable[..., str]
) -> None:
    path = token_file(pat_of(simulate("global")))
    said = []
    for more in ({}, {"COLUMNS": columns}):
        child = terminal("validate", "-o", "contoso", "--all", "--pat-file", path, **more)
        child.expect("\\(exit 0\\)")
        said.append(child.before)
        child.close()
    rows = [row.partition("  ")[0] for row in said[0].splitlines()]
    assert rows == [row.partition("  ")[0] for row in said[1].splitlines()]
    assert len(rows) > 10


@pytest.mark.skipif(os.name == "nt", reason="there it is a name, not a file")
def test_closed_streams_are_opened_where_there_is_no_dev_null(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "devnull", str(tmp_path / "null"))
    with _nothing("r") as stream:
        assert stream.read() == ""
    stream = _nothing("w")
    stream.write("to nobody")
    with pytest.raises(BrokenPipeError):
        stream.flush()
    with pytest.raises(BrokenPipeError):
        stream.close()
