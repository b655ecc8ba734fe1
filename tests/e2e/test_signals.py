"""Stopped by somebody, at a question or while the network is asked: 130, a clean terminal, and nothing half-done."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..forked import COMMAND
from .questions import ELSE, TOKEN, WHERE
from .stage import Stage, drawn_token, until
from .terminal import ENTER, pasted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

SIGNALS = [
    pytest.param(number, id=number.name, marks=pytest.mark.skipif(
        signal.getsignal(number) is signal.SIG_IGN, reason=f"{number.name} is ignored here "
                                                           "(nohup, a background job)"
    ))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
] if sys.platform != "win32" else []  # fmt: skip


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        listening.settimeout(20)
        yield listening


@pytest.mark.parametrize("number", SIGNALS)
def test_while_the_network_is_asked(tmp_path, mute, number):
    stage, token = Stage(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}/#key"), drawn_token()
    path = stage.file("token", token)
    common = ["-o", "contoso", "--pat-file", str(path)]
    runs = [
        stage.begin("connect", *common, "--store", "none", "--register", "none", "--json"),
        stage.begin("validate", *common),
    ]
    # Which connection is whose is not known; each run first asks whether it is a simulator.
    accepted = [mute.accept()[0] for _ in runs]
    for connection in accepted:
        connection.settimeout(20)
        assert connection.recv(1)
    for run in runs:
        run.send_signal(number)
    heard = [run.communicate(timeout=20) for run in runs]
    for connection in accepted:
        connection.close()
    assert [run.returncode for run in runs] == [130, 130]
    document = json.loads(heard[0][0])
    assert (document["exit_code"], document["error"]["reason"]) == (130, "interrupted")
    assert heard[1][0] == b""
    for _, said in heard:
        assert said
        assert b"Traceback" not in said
        assert b"Exception" not in said
        assert token.encode()[:12] not in said
    assert stage.records() == set()


@pytest.mark.parametrize("number", SIGNALS)
def test_at_a_question(play, number):
    """A typed line, a list and a hidden line: each reads the terminal in its own way."""
    flags = ("connect", "--store", "none")
    plays = [play() for _ in range(3)]
    line, chosen, hidden = wizards = [told.wizard(*flags) for told in plays]
    line.see(WHERE)
    for wizard in (chosen, hidden):
        wizard.answer(WHERE, f"contoso{ENTER}")
        wizard.see(TOKEN)
    chosen.type(ENTER)
    chosen.see(ELSE)
    hidden.type(pasted(plays[2].token))
    hidden.see("***")
    for wizard in wizards:
        os.kill(wizard.pid, number)
    assert [wizard.end() for wizard in wizards] == [130, 130, 130]
    assert not [one for told in plays for one in told.simulator.requests if one.token_last4]


def test_while_a_person_waits_for_the_network(play, mute):
    """The progress line is there, and no question: Ctrl-C arrives as a signal from the terminal."""
    told = play()
    told.stage.environment["ASPM_ADO_SIMULATOR"] = f"http://127.0.0.1:{mute.getsockname()[1]}/#key"
    token = str(told.stage.file("token", told.token))
    flags = ("-o", "contoso", "-o", "fabrikam", "--store", "none", "--pat-file", token)
    wizard = told.wizard("connect", *flags)
    wizard.see("Checking Azure DevOps")
    connection, _ = mute.accept()
    connection.settimeout(20)
    assert connection.recv(1)
    wizard.type("\x03")
    assert wizard.end() == 130
    connection.close()
    assert "Checking Azure DevOps" not in wizard.text, "the progress line is left on the screen"


def test_the_terminal_is_closed(play):
    """A window that goes away at a question takes the program with it, and leaves nothing."""
    import pexpect

    told = play()
    wizard = told.wizard("connect", "--store", "none")
    wizard.answer(WHERE, f"contoso{ENTER}")
    wizard.see(TOKEN)
    pid = wizard.pid
    with contextlib.suppress(
        pexpect.ExceptionPexpect
    ):  # it looks for the end after a moment only; we wait for it
        wizard.child.close(force=False)
    until(lambda: (told.stage.folder / "code").exists(), "the end of the program")
    assert wizard.code == 130
    assert not Path(f"/proc/{pid}").exists()
    wizard.assert_clean()


@pytest.mark.parametrize("flags", [["--json"], []], ids=["document", "tables"])
def test_nobody_reads_the_result(play, flags):
    """A closed stdout ends silently, with the code of the verdict."""
    told = play("missing-scope")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "validate", "-o", "contoso", *told.stage.token_flags(told.story.tokens), *flags],
        env=told.stage.environment,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 3
    assert b"Broken" not in done.stderr
    assert b"Traceback" not in done.stderr
