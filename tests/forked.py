"""The program as a process of its own, forked from one that has loaded it: a run costs a third of what a start costs.

Each run goes through the entry point with its own arguments, variables, folder and streams. It is started in the
ordinary way where that is what a test looks at (a terminal, the command line in ``/proc``, another locale), and where
a process cannot be forked so.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

COMMAND: Final = (sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-m", "aspm_ado")
"""The program, started in the ordinary way."""
LIMIT: Final = 60
"""Seconds that a run may take."""
_READ_AT_THE_START: Final = ("PYTHON", "LC_", "LANG", "LD_")
"""What of the environment the interpreter reads once."""
_REQUEST: Final = 1 << 20


def run_program(
    words: Sequence[str], *, environment: Mapping[str, str], folder: Path, typed: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run ``aspm-ado WORDS`` to its end; ``typed`` is what its standard input holds."""
    if not _can_fork(environment):
        return subprocess.run(
            [*COMMAND, *words],
            env=dict(environment),
            cwd=folder,
            input=typed.encode(),
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:  # fmt: skip
        stdin.write(typed.encode())
        stdin.seek(0)
        request = {"words": list(words), "environment": dict(environment), "folder": str(folder)}
        code = _parent().run(request, [one.fileno() for one in (stdin, out, err)])
        for one in (out, err):
            one.seek(0)
        return subprocess.CompletedProcess(["aspm-ado", *words], code, out.read(), err.read())


def _can_fork(environment: Mapping[str, str]) -> bool:
    if sys.platform != "linux":
        return False
    return not any(
        name.startswith(_READ_AT_THE_START)
        for name in environment
        if name != "PYTHON_KEYRING_BACKEND"
    )


class _Parent:
    """The process that has the program loaded, seen from the tests."""

    def __init__(self) -> None:
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._door, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _REQUEST)
        with theirs:
            self._process = subprocess.Popen(
                [*COMMAND[:-2], __file__, str(theirs.fileno())],
                env={"PATH": os.environ["PATH"]},
                cwd="/",
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._close)

    def run(self, request: Mapping[str, Any], streams: Sequence[int]) -> int:
        """Run the program; its exit code, or minus the signal that ended it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            socket.send_fds(self._door, [json.dumps(request).encode()], [*streams, theirs.fileno()])
            theirs.close()
            ours.settimeout(LIMIT)
            pid, status = 0, b""
            try:
                pid = int(ours.recv(32))
                status = ours.recv(32)
            except TimeoutError:
                if pid:
                    os.kill(pid, signal.SIGKILL)
                raise
            return int(status)

    def _close(self) -> None:
        self._door.close()
        self._process.wait(20)


_lock = threading.Lock()
_started: list[_Parent] = []


def _parent() -> _Parent:
    with _lock:
        if not _started:
            _started.append(_Parent())
        return _started[0]


# --- in the process that has the program loaded


def _serve(door: socket.socket) -> None:
    for module in pkgutil.walk_packages(importlib.import_module("aspm_ado").__path__, "aspm_ado."):
        importlib.import_module(module.name)
    waiting = 0
    while True:
        message, descriptors, *_ = socket.recv_fds(door, _REQUEST, 4)
        if not message:
            return
        if os.fork() == 0:
            door.close()
            _wait_for_a_run(json.loads(message), descriptors)
        waiting += 1
        while waiting and os.waitpid(-1, os.WNOHANG)[0]:
            waiting -= 1
        for one in descriptors:
            os.close(one)


def _wait_for_a_run(request: Mapping[str, Any], descriptors: Sequence[int]) -> NoReturn:
    *streams, told = descriptors
    child = os.fork()
    if child == 0:
        os.close(told)
        _become(request, streams)
    os.write(told, b"%d" % child)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(told, b"%d" % status)
    os._exit(0)


def _become(request: Mapping[str, Any], streams: Sequence[int]) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update({"LC_CTYPE": "C.UTF-8", **request["environment"]})
    time.tzset()
    tempfile.tempdir = None
    os.chdir(request["folder"])
    entry = importlib.import_module("aspm_ado.__main__")
    sys.argv = [str(entry.__file__), *request["words"]]
    sys.exit(entry.main())


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
