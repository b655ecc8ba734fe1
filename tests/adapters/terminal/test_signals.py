"""A signal unwinds the stack once, whatever comes after it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from aspm_ado.adapters.signals import guard_core_dumps, holding, interruptible
from aspm_ado.domain.reasons import InterruptedByUserError, UserError

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows delivers no such signal to a process"
)

PROGRAM = """
import os, signal, sys, time
from aspm_ado.adapters.signals import interruptible
from aspm_ado.domain.reasons import InterruptedByUserError
def wait():
    print("ready", flush=True)
    while True:
        time.sleep(60)
try:
    with interruptible():
        try:
            wait()
        finally:
            print("cleaning", flush=True)
            {cleanup}
            print("cleaned", flush=True)
except InterruptedByUserError as error:
    print(type(error.reason).__name__, error.problem, flush=True)
    sys.exit(error.exit_code)
"""


def stopped(number, cleanup="pass", again=None):
    """Run, signal when ready, signal ``again`` while it cleans up; exit code and lines."""
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(cleanup=cleanup)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        lines = [child.stdout.readline()]
        child.send_signal(number)
        lines.append(child.stdout.readline())
        if again is not None:
            child.send_signal(again)
        child.stdin.close()
        lines += child.stdout.readlines()
    return child.returncode, [line.strip() for line in lines]


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_finally_runs_and_the_exit_code_is_130(name):
    code, lines = stopped(getattr(signal, name))
    assert code == 130
    assert lines == ["ready", "cleaning", "cleaned", f"Reason The run was stopped by {name}."]


@posix
def test_ctrl_c_leaves_as_the_same_error():
    assert stopped(signal.SIGINT) == (
        130,
        ["ready", "cleaning", "cleaned", "Reason The run was stopped with Ctrl-C."],
    )


@posix
def test_a_second_hangup_does_not_tear_the_cleanup_down():
    code, lines = stopped(signal.SIGHUP, "os.read(0, 1)", signal.SIGHUP)
    assert (code, lines[2]) == (130, "cleaned")


@posix
def test_ctrl_c_ends_a_cleanup_that_hangs():
    code, lines = stopped(signal.SIGTERM, "wait()", signal.SIGINT)
    assert code == 130
    assert "cleaned" not in lines
    assert lines[-1] == "Reason The run was stopped with Ctrl-C."


@posix
def test_what_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
def test_handlers_are_put_back_and_the_error_is_ours():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(UserError) as raised, interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert isinstance(raised.value, InterruptedByUserError)
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_is_a_keyboard_interrupt_inside():
    seen = []
    with pytest.raises(InterruptedByUserError), interruptible():  # noqa: PT012
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as inside:
            seen.append(type(inside))
            raise
    assert seen == [KeyboardInterrupt]


def test_other_errors_pass_untouched():
    with pytest.raises(ZeroDivisionError), interruptible():
        _ = 1 / 0


def test_does_nothing_in_another_thread():
    ran = []

    def work():
        with interruptible():
            ran.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [True]


def test_no_core_file():
    if sys.platform == "win32":
        guard_core_dumps()
        return
    code = (
        "import resource; from aspm_ado.adapters.signals import guard_core_dumps as guard; guard(); guard();"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        == b"0\n"
    )


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_is_held_comes_once_and_behind(name):
    told, done = [], []
    with pytest.raises(InterruptedByUserError) as raised, interruptible(), holding() as held:  # noqa: PT012
        held.leave = lambda: told.append(held.first)
        signal.raise_signal(getattr(signal, name))
        for again in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.raise_signal(again)
        done.append("whole")
    assert (told, done) == ([getattr(signal, name)], ["whole"])
    assert {"SIGINT": "Ctrl-C"}.get(name, name) in raised.value.problem


@posix
def test_nothing_is_held_any_more_behind_it():
    with pytest.raises(InterruptedByUserError), interruptible():  # noqa: PT012
        with holding() as held:
            pass
        signal.raise_signal(signal.SIGTERM)
    assert held.first is None


class Dying:
    def __init__(self, name: str) -> None:
        self._number = getattr(signal, name)

    def __del__(self) -> None:
        signal.raise_signal(self._number)


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_where_nothing_can_be_raised_does_not_count(name, capfd):
    with pytest.raises(InterruptedByUserError) as raised, interruptible():  # noqa: PT012
        Dying(name)
        signal.raise_signal(getattr(signal, name))
        pytest.fail("it was lost as well")
    assert {"SIGINT": "Ctrl-C"}.get(name, name) in raised.value.problem
    assert capfd.readouterr() == ("", ""), "Python tells of nothing"
