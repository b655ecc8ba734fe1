"""The process ends with the code of its run, whatever the interpreter would do on its way out."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from .stage import Stage

IN_A_LIBRARY = """
import sys, time
from cryptography.hazmat.primitives.hashes import Hash, SHA256
from aspm_ado.__main__ import main
from aspm_ado.adapters.threads import HungError, TimeBox

class Slow(SHA256):
    @property
    def name(self):  # Rust asks for it
        time.sleep(1)

class LongFarewell:
    def __del__(self, sleep=time.sleep):
        sleep(2)

try:
    TimeBox(0.2, after_interrupt=0.2, patience=9, on_slow=None).run(lambda: Hash(Slow()))
except HungError:
    sys.farewell = LongFarewell()
    sys.argv[1:] = ["--version"]
    sys.exit(main())
"""

WITHIN_EXEC = """
import sys
from aspm_ado.__main__ import main

try:
    exec("raise KeyboardInterrupt")
except KeyboardInterrupt:
    sys.argv[1:] = ["--version"]
    sys.exit(main())
"""

BEFORE_ANYTHING = """
import os, signal, sys
from aspm_ado.__main__ import main

class Slow:
    def find_spec(self, name, path, target=None):
        if name == "typer":
            KILL

sys.meta_path.insert(0, Slow())
sys.argv[1:] = ["list"]
sys.exit(main())
"""

IN_AN_IMPORT = "os.kill(os.getpid(), signal.SIGINT)"
IN_A_CLASS = f"type('Made', (), {{'field': type('Field', (), {{'__set_name__': lambda *_: {IN_AN_IMPORT}}})()}})"


INTERRUPTED = pytest.mark.skipif(
    sys.platform == "win32" or signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="no SIGINT comes through here",
)


def ended(stage: Stage, code: str) -> subprocess.CompletedProcess[bytes]:
    (stage.folder / "program.py").write_text(code)
    return stage.run(command=(sys.executable, "-m", "program"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the keyring needs no cryptography")
def test_while_a_thread_is_in_a_library(tmp_path):
    done = ended(Stage(tmp_path, "http://127.0.0.1:1/#key"), IN_A_LIBRARY)
    assert (done.returncode, done.stderr.count(b"FATAL")) == (0, 0), done.stderr.decode()
    assert done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_after_a_signal_within_exec(tmp_path):
    done = ended(Stage(tmp_path, "http://127.0.0.1:1/#key"), WITHIN_EXEC)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout


@INTERRUPTED
@pytest.mark.parametrize(
    "where", [IN_AN_IMPORT, IN_A_CLASS], ids=["in an import", "in a class that is being made"]
)
def test_stopped_while_it_is_loaded(tmp_path, where):
    done = ended(Stage(tmp_path, "http://127.0.0.1:1/#key"), BEFORE_ANYTHING.replace("KILL", where))
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@INTERRUPTED
def test_stopped_once_it_has_begun_within_a_class_that_is_being_made(tmp_path):
    code = BEFORE_ANYTHING.replace("KILL", IN_A_CLASS).replace(
        '"typer"', '"aspm_ado.cli.commands.list"'
    )
    done = ended(Stage(tmp_path, "http://127.0.0.1:1/#key"), code)
    assert done.returncode == 130, done.stderr.decode()
    assert b"bug" not in done.stderr
