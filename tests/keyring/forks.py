"""A process with the program loaded forks for each run: it costs no start, and can stop before each effect.

Every run is a process of its own that goes through the entry point of the program. With ``stops`` it halts before each
effect that outlives it (the catalogue replaced, a secret set or deleted in the keyring) and says which; it goes on when
told. What counts as an effect is seen by Python's audit events, not by anything of ours.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

KEYRING_CALLS = {"set_password", "delete_password"}


def read_line(descriptor: int) -> str:
    """One line and not a byte more: the next one is somebody else's."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            break
        line += byte
    return line.decode().rstrip("\n")


def stop_at_effects(told: int, heard: int) -> None:
    """From now on, say each effect before it happens, and wait for leave."""

    def effect(event: str, arguments: tuple[object, ...]) -> str:
        if event == "os.rename" and str(arguments[1]).endswith("/catalog.json"):
            return "records"
        if (
            event == "socket.connect"
        ):  # the keyring's class makes one connection to the bus for each of its calls
            frame = sys._getframe()
            while frame.f_back is not None:
                frame = frame.f_back
                if frame.f_code.co_name in KEYRING_CALLS and frame.f_code.co_filename.endswith(
                    "SecretService.py"
                ):
                    return frame.f_code.co_name
        return ""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("os.rename", "socket.connect") and (name := effect(event, arguments)):
            os.write(told, f"effect {name} {os.getpid()}\n".encode())
            read_line(heard)

    sys.addaudithook(hook)


def main() -> None:
    """Load the program, then run what is asked for, line by line."""
    heard, told = os.dup(0), os.dup(1)
    import keyring.backends.SecretService  # noqa: F401

    import aspm_ado.adapters.http.transport
    import aspm_ado.cli.app
    import aspm_ado.cli.commands.stored
    import aspm_ado.cli.commands.validate
    import aspm_ado.render.json  # noqa: F401
    from aspm_ado.__main__ import main as program

    while line := read_line(heard):
        run = json.loads(line)
        child = os.fork()
        if child:
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.write(told, f"end {status}\n".encode())
            continue
        os.environ.clear()
        os.environ.update(run["environment"])
        os.chdir(run["folder"])
        for number, name in enumerate((os.devnull, "out", "err")):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
        if run["stops"]:
            stop_at_effects(told, heard)
        sys.argv = ["aspm-ado", *run["words"]]
        sys.exit(program())


@dataclass(frozen=True)
class Ended:
    """What came of a run; minus the number of the signal where it was killed."""

    code: int
    out: bytes
    err: bytes


class Run:
    """A run that stops before each effect: iterate over their names. It may be killed where it stands."""

    def __init__(self, forks: Forks) -> None:
        self._forks, self._pid, self.ended = forks, 0, False

    def __iter__(self) -> Iterator[str]:
        while True:
            word, *rest = self._forks.heard()
            if word == "end":
                self.ended, self.code = True, int(rest[0])
                return
            name, pid = rest
            self._pid = int(pid)
            yield name
            if self._pid:
                self._forks.tell("go")

    def kill(self) -> None:
        """Kill -9, and wait until it is dead."""
        os.kill(self._pid, signal.SIGKILL)
        self._pid = 0


class Forks:
    """Runs the program in ``folder`` with one environment, each run in a process of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, dict(environment)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=self.environment,
        )  # fmt: skip

    def run(self, *words: str) -> Ended:
        """To the end, without a stop."""
        with self.begun(*words, stops=False) as run:
            assert list(run) == []
        return Ended(run.code, *((self.folder / name).read_bytes() for name in ("out", "err")))

    @contextmanager
    def begun(self, *words: str, stops: bool = True) -> Iterator[Run]:
        """A run that stops before each effect; whatever is left of it when the block ends is run to its end."""
        asked = {
            "words": words,
            "environment": self.environment,
            "folder": str(self.folder),
            "stops": stops,
        }
        self.tell(json.dumps(asked))
        run = Run(self)
        try:
            yield run
        finally:
            if not run.ended:
                for _ in run:
                    pass

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    def heard(self) -> list[str]:
        assert self._process.stdout is not None
        return read_line(self._process.stdout.fileno()).split()

    def close(self) -> None:
        """No more runs."""
        with closing(self._process.stdout or sys.stdin):  # type: ignore[type-var]
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(20)


if __name__ == "__main__":
    main()
