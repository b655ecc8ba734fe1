"""Commands that print a token: split without a shell, found once and never here, run for a limited time."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from aspm_ado.adapters.programs import MOST_BYTES, TokenCommands, find_program, split
from aspm_ado.domain.reasons import Reason, UsageError

posix = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
SAID = "said-on-a-stream"


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """A program in a folder that is on the PATH of ``run``."""
    (tmp_path / "bin").mkdir()

    def make(body: str, name: str = "vault") -> Path:
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o700)
        return path

    return make


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def refused(commands: TokenCommands, command: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        commands.run(command, "--pat-command")
    error = caught.value
    assert error.exit_code == 2
    text = f"{error.problem} {error.remedy}"
    assert SAID not in text
    assert "hush" not in text, "the text of the command is shown nowhere"
    return error


@posix
@pytest.mark.parametrize(
    ("prints", "answer"),
    [
        ("printf tok", b"tok"),
        ("printf 'tok\\n'", b"tok"),
        ("printf 'tok\\r\\n'", b"tok"),
        (f"echo {SAID} >&2; printf tok", b"tok"),
        ("printf tok; sleep 30 >/dev/null & exit 0", b"tok"),
        ("printf tok; sleep 30 & exit 0", b"tok"),
        ("cat; printf tok", b"tok"),
        (f"head -c {MOST_BYTES} /dev/zero | tr '\\0' a", b"a" * MOST_BYTES),
    ],
)
def test_one_line_is_the_answer_without_its_line_end(
    program: Callable[..., Path], environment: dict[str, str], prints: str, answer: bytes
) -> None:
    program(prints)
    assert TokenCommands(environment).run("vault kv get", "--pat-command") == answer


@posix
@pytest.mark.parametrize(
    ("prints", "reason"),
    [
        (f"echo {SAID}; echo {SAID} >&2; exit 3", Reason.TOKEN_COMMAND_FAILED),
        (f"echo {SAID} >&2; kill -9 $$", Reason.TOKEN_COMMAND_FAILED),
        ("exit 0", Reason.TOKEN_EMPTY),
        ("echo", Reason.TOKEN_EMPTY),
        (f"echo {SAID}; echo more", Reason.TOKEN_COMMAND_FAILED),
        (f"echo {SAID}; echo", Reason.TOKEN_COMMAND_FAILED),
        (f"printf '{SAID}\\rmore'", Reason.TOKEN_COMMAND_FAILED),
        (f"echo {SAID}; printf '\\377'", Reason.TOKEN_COMMAND_FAILED),
        (f"head -c {MOST_BYTES + 1} /dev/zero | tr '\\0' a", Reason.TOKEN_COMMAND_FAILED),
        ("yes", Reason.TOKEN_COMMAND_FAILED),
        ("exec >&-; sleep 60", Reason.TOKEN_COMMAND_FAILED),
    ],
)
def test_another_answer_is_refused_and_neither_stream_is_shown(
    program: Callable[..., Path], environment: dict[str, str], prints: str, reason: Reason
) -> None:
    program(prints)
    commands = TokenCommands(environment, seconds=1.5)
    assert refused(commands, "vault kv get hush").reason is reason


@posix
def test_the_whole_group_ends_when_the_time_is_over(
    program: Callable[..., Path], environment: dict[str, str], tmp_path: Path
) -> None:
    program(f"sleep 600 & echo $! > {tmp_path}/child; sleep 600")
    error = refused(TokenCommands(environment, seconds=0.5), "vault hush")
    assert "did not end within" in error.problem
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False
        ).stdout
        if not state.strip() or state.startswith("Z"):
            return
        time.sleep(0.05)
    pytest.fail("the command's child is still there")


@posix
@pytest.mark.parametrize("command", ["", "  ", "vault 'hush", "vault hush\0", "'' hush"])
def test_what_is_no_command_is_refused(
    program: Callable[..., Path], environment: dict[str, str], command: str
) -> None:
    program("echo tok")
    refused(TokenCommands(environment), command)


@posix
def test_no_shell_reads_the_words(
    program: Callable[..., Path], environment: dict[str, str], tmp_path: Path
) -> None:
    program('for word in "$@"; do printf "%s," "$word"; done')
    command = f"vault $HOME ~ *.txt 'a b' \"c d\" e\\ f ; > {tmp_path}/out && $(touch x) #g"
    answer = TokenCommands(environment).run(command, "--pat-command").decode()
    expected = ["$HOME", "~", "*.txt", "a b", "c d", "e f", ";", ">", f"{tmp_path}/out", "&&"]
    assert answer.split(",")[:-1] == [*expected, "$(touch", "x)", "#g"]


@posix
def test_no_secret_of_ours_is_in_its_environment(
    program: Callable[..., Path], environment: dict[str, str]
) -> None:
    secret = secrets.token_hex(8)
    program("env | grep -c " + secret + "; true")
    ours = ("ASPM_ADO_PAT", "AZURE_DEVOPS_EXT_PAT", "INVICTI_ASPM_TOKEN", "KONDUKTO_TOKEN")
    hidden = dict.fromkeys((*ours, "SYSTEM_ACCESSTOKEN", "ASPM_ADO_PAT_COMMAND", "MY_PAT"), secret)
    answer = TokenCommands({**environment, **hidden, "VAULT_TOKEN": secret}).run("vault", "x")
    assert answer == b"1", "what signs in to the vault itself stays"


@posix
def test_a_program_of_the_current_folder_is_never_run(
    program: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program("echo tok")
    monkeypatch.chdir(path.parent)
    for folders in ("", ".", ":/usr/bin", "/usr/bin:", "../bin", "./"):
        assert find_program("vault", {"PATH": folders}) is None, folders
    for name in ("./vault", "../bin/vault", "bin/vault"):
        assert find_program(name, {"PATH": str(path.parent)}) is None, name
    assert find_program("vault", {"PATH": f".:{path.parent}"}) == str(path)
    assert find_program(str(path), {}) == str(path)
    path.chmod(0o600)
    assert find_program("vault", {"PATH": str(path.parent)}) is None
    refused(TokenCommands({"PATH": "."}), "vault hush")


@posix
def test_a_program_that_cannot_start_is_refused(
    program: Callable[..., Path], environment: dict[str, str]
) -> None:
    program("").write_bytes(b"\x7fELF")
    assert "cannot start" in refused(TokenCommands(environment), "vault hush").problem


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("vault kv get", ["vault", "kv", "get"]),
        (r'"C:\Program Files\v.exe" a', [r"C:\Program Files\v.exe", "a"]),
        (r"C:\v.exe a\b", [r"C:\v.exe", r"a\b"]),
        (r'v "a b c" d e', ["v", "a b c", "d", "e"]),
        (r'v "ab\"c" "\\" d', ["v", 'ab"c', "\\", "d"]),
        (r'v a\\\b d"e f"g h', ["v", r"a\\\b", "de fg", "h"]),
        (r"v a\\\"b c d", ["v", r"a\"b", "c", "d"]),
        (r'v a\\\\"b c" d e', ["v", r"a\\b c", "d", "e"]),
        (r'v a"b"" c d', ["v", 'ab" c d']),
        (r'v "" b', ["v", "", "b"]),
        (r"v 'a b'", ["v", "'a", "b'"]),
        ("v  a\t b ", ["v", "a", "b"]),
        ("", []),
    ],
)
def test_windows_words_are_those_of_windows(command: str, words: list[str]) -> None:
    """The table of Microsoft's page “Parsing C command-line arguments”, and more."""
    assert split(command, "win32") == words
    if words and words[1:] and '"' not in words[0]:
        assert split(subprocess.list2cmdline(words), "win32") == words


@pytest.mark.parametrize("argument", [*"&|<>^%!()", '\\"', "%PATH%", "a&calc", '"a & b"'])
@pytest.mark.parametrize("ending", ["cmd", "CMD", "bat"])
def test_a_batch_file_gets_no_argument_that_cmd_obeys(
    tmp_path: Path, argument: str, ending: str
) -> None:
    batch = tmp_path / f"tok.{ending}"
    batch.write_text("#!/bin/sh\necho tok\n")
    batch.chmod(0o700)
    commands = TokenCommands({"PATH": str(tmp_path)}, platform="win32")
    error = refused(commands, f"{batch} hush {argument}")
    assert "batch file" in error.problem


@pytest.mark.parametrize(
    ("name", "files", "found"),
    [
        ("az", ["az.cmd", "az"], "az.cmd"),
        ("vault", ["vault.exe", "vault.bat"], "vault.exe"),
        ("az.cmd", ["az.cmd", "az.cmd.exe"], "az.cmd"),
        ("az", ["az"], None),
        ("sub/az", ["az.cmd"], None),
        (r".\az", [r".\az.cmd"], None),
    ],
)
def test_windows_looks_for_the_endings_of_programs(
    tmp_path: Path, name: str, files: list[str], found: str | None
) -> None:
    for file in files:
        (tmp_path / file).touch(0o700)
    path = find_program(name, {"PATH": f".;{tmp_path}"}, "win32")
    assert path == (str(tmp_path / found) if found else None)


ATTENDED = """
import os, sys
from aspm_ado.adapters import programs
programs._NOTICE = 0.2
commands = programs.TokenCommands(
    os.environ, attended=lambda: True, say=lambda line: print(line, flush=True), seconds=float(sys.argv[2])
)
try:
    answer = commands.run(sys.argv[1], "--pat-command")
    print("answer", answer.decode())
except KeyboardInterrupt:
    print("interrupted")
except Exception as error:
    print("refused", error)
print("mine", os.tcgetpgrp(0) == os.getpgrp(), input("then? "))
"""


@posix
@pytest.mark.parametrize(
    ("body", "seconds", "typed", "expected"),
    [
        ("printf 'PIN? ' >/dev/tty; read pin </dev/tty; echo $pin", 20, "1234\n", "answer 1234"),
        ("printf 'PIN? ' >/dev/tty; exec sleep 20", 20, "\x03", "interrupted"),
        ("printf 'PIN? ' >/dev/tty; stty -echo </dev/tty; exec sleep 20", 1, "", "refused"),
    ],
)
def test_with_somebody_there_the_terminal_is_the_commands_and_comes_back(
    program: Callable[..., Path],
    environment: dict[str, str],
    body: str,
    seconds: float,
    typed: str,
    expected: str,
) -> None:
    program(body, "pass")
    child = pexpect.spawn(
        sys.executable,
        ["-c", ATTENDED, "pass show hush", str(seconds)],
        env={**os.environ, "PATH": environment["PATH"]},
        encoding="utf-8",
        timeout=20,
    )
    try:
        child.expect_exact("PIN? ")
        child.expect_exact("Waiting for pass …")
        child.send(typed)
        child.expect_exact(expected)
        child.expect_exact("then? ")
        child.sendline("on")
        child.expect_exact("on")
        child.expect_exact("mine True on")
    finally:
        child.close(force=True)


@posix
def test_with_nobody_there_no_terminal_can_be_reached(
    program: Callable[..., Path], environment: dict[str, str]
) -> None:
    program("(: </dev/tty) 2>/dev/null && echo reached || echo none")
    assert TokenCommands(environment).run("vault", "x") == b"none"
