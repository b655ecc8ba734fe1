"""Pipes, signals and bytes: what only a process of its own shows."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from aspm_ado.simulator import Simulator

from . import schemas
from .conftest import PAT, Run, pat_of

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
BARE = [sys.executable, "-W", "error", "-m", "aspm_ado"]


@pytest.mark.parametrize(
    "content",
    [
        "{}\n",
        "  {}\r\n",
        '"{}"\n',
        "\ufeff{}\n",
    ],
)
@pytest.mark.parametrize("words", [("--pat-stdin",), ("--pat-file", "-")])
def test_a_token_on_stdin(
    content: str, words: tuple[str, ...], simulate: Callable[..., Simulator], process: Run
) -> None:
    token = pat_of(simulate("global"))
    done = process("validate -o contoso", *words, "--json", stdin=content.format(token).encode())
    assert done.code == 0
    assert done.document["connections"][0]["organizations"][0]["token"]["source"] == "stdin"


def test_a_token_in_utf_16_on_stdin(simulate: Callable[..., Simulator], process: Run) -> None:
    token = pat_of(simulate("global"))
    assert (
        process(
            "validate -o contoso --pat-stdin --json", stdin=f"{token}\r\n".encode("utf-16")
        ).code
        == 0
    )


@pytest.mark.parametrize(
    ("stdin", "reason"),
    [(b"", "token-empty"), (b"\n", "token-empty"), (b"\xff", "token-malformed"), (b"a\x00b", "token-malformed"),
     (b"x" * 70_000, "token-malformed"), (b"eyJa.b.c", "token-is-entra")],
)  # fmt: skip
def test_no_token_on_stdin(stdin: bytes, reason: str, process: Run) -> None:
    environment = {"ASPM_ADO_PAT": PAT}
    done = process("validate -o contoso --pat-stdin --json", stdin=stdin, environment=environment)
    assert (done.code, done.reason) == (2, reason)


def test_a_pipe_is_nobody_to_ask(process: Run) -> None:
    done = process("connect --json", stdin=b"contoso\ny\n")
    assert (done.code, done.reason) == (2, "input-missing")


def test_bytes_are_ascii_with_plain_newlines_whatever_the_console(process: Run) -> None:
    done = process(
        "guide -o contoso --json", environment={"PYTHONIOENCODING": "utf-16", "PYTHONUTF8": "0"}
    )
    assert done.out.startswith('{\n  "schema"')
    assert done.document


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_an_old_console_gets_its_letters(encoding: str) -> None:
    done = subprocess.run(
        [*BARE, "guide", "-o", "contoso", "--no-input"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Show all scopes" in done.stdout
    assert ("“" if encoding == "cp1252" else '"') + "+ New Token" in done.stdout.decode(encoding)


@POSIX
@pytest.mark.parametrize(
    ("scenario", "words", "code"),
    [
        ("global", ("--json",), 0),
        ("missing-scope", ("--json",), 3),
        ("missing-scope", (), 3),
        ("expired", (), 4),
    ],
)
def test_a_closed_stdout_keeps_the_code_of_the_verdict(
    scenario: str, words: tuple[str, ...], code: int, simulate: Callable[..., Simulator]
) -> None:
    token = pat_of(simulate(scenario))
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [*BARE, "validate", "-o", "contoso", "--pat-stdin", *words],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as child:
        os.close(writing)
        _, err = child.communicate(token.encode(), timeout=60)
    assert child.returncode == code
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err
    assert b"Exception ignored" not in err


@POSIX
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("scenario", "words", "code"), [("global", "--json", 0), ("missing-scope", "-q", 3)]
)
def test_a_stream_that_is_closed_from_the_start_keeps_it_too(
    closed: str, scenario: str, words: str, code: int, simulate: Callable[..., Simulator]
) -> None:
    token = pat_of(simulate(scenario))
    line = f'"$@" validate -o contoso {words} {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", line, "sh", *BARE],
        env={**os.environ, "ASPM_ADO_PAT": token},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert (b"contoso" in done.stdout) is (">&-" not in closed.replace("2>&-", ""))


def unread(*words: str) -> subprocess.CompletedProcess[bytes]:
    """A run whose stdout nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [*BARE, *words],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)


@POSIX
@pytest.mark.parametrize(
    "words",
    [("--version",), ("--help",), (), ("connect", "--help"), ("list",), ("guide", "-o", "contoso"), ("list", "--json"),
     ("demo", "--list-scenarios")],
    ids=" ".join,
)  # fmt: skip
def test_nobody_reads_what_needs_no_network(words: tuple[str, ...]) -> None:
    done = unread(*words)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"Error" not in done.stderr
    assert b"Exception" not in done.stderr


@POSIX
def test_a_usage_error_that_nobody_reads_keeps_its_code() -> None:
    assert unread("validate", "--nonsense", "--json").returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")  # noqa: PTH110
@pytest.mark.parametrize(
    "words",
    [("--version",), ("--help",), ("guide", "-o", "contoso"), ("guide", "-o", "contoso", "--json")],
)
def test_a_result_that_does_not_fit_is_no_success(words: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [*BARE, *words], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert done.returncode == 2
    assert b"could not be written to stdout" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"bug" not in done.stderr


@POSIX
def test_a_reader_that_takes_one_line(process: Run) -> None:
    line = (
        f'"{sys.executable}" -m aspm_ado demo --list-scenarios | head -1; exit "${{PIPESTATUS[0]}}"'
    )
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"ready")


@pytest.fixture
def mute() -> socket.socket:
    """A service that takes a connection and never says a word."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    listening.settimeout(60)
    return listening


@POSIX
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT] if sys.platform != "win32" else []
)
def test_being_stopped_in_the_middle_is_130_and_one_document(
    number: signal.Signals, mute: socket.socket
) -> None:
    environment = {
        **os.environ,
        "ASPM_ADO_SIMULATOR": f"http://127.0.0.1:{mute.getsockname()[1]}/#key",
        "ASPM_ADO_PAT": PAT,
    }
    with (
        mute,
        subprocess.Popen(
            [*BARE, "validate", "-o", "contoso", "--json", "--no-input"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        ) as child,
    ):
        connected, _ = mute.accept()
        with connected:
            assert connected.recv(1)
            child.send_signal(number)
            out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"Traceback" not in err
    document = json.loads(out)
    schemas.check(document)
    assert (document["verdict"], document["error"]["reason"]) == ("unknown", "interrupted")
    assert PAT.encode() not in out + err


@POSIX
def test_a_simulation_that_is_served_ends_with_130() -> None:
    with subprocess.Popen(
        [*BARE, "demo", "--serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith(b"ASPM_ADO_SIMULATOR=http://127.0.0.1:")
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"Traceback" not in err


def test_the_version_needs_nothing() -> None:
    code = "import sys; from aspm_ado.__main__ import main; main(['--version']); sys.exit('typer' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
