"""The command as a script meets it: in this process where that is enough, as a process of its own where it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.__main__ import main
from aspm_ado.simulator import SCENARIOS, Simulator

from . import schemas

PAT = "SimulatedNotAToken".ljust(76, "7") + "AZDOWx9Z"


@dataclass(frozen=True)
class Done:
    """A run that is over."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one document on stdout, checked: whole, ASCII, and what its schema says."""
        assert self.out.isascii()
        assert self.out.endswith("}\n")
        assert "\r" not in self.out
        document: dict[str, Any] = json.loads(self.out)
        schemas.check(document)
        assert document["exit_code"] == self.code
        return document

    @property
    def reason(self) -> str:
        """Why it ended early."""
        return str(self.document["error"]["reason"])

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Every check of the report."""
        return [
            check
            for connection in self.document["connections"]
            for checks in (
                connection["checks"],
                *([connection["aspm"]["checks"]] if connection["aspm"] else []),
                *(organization["checks"] for organization in connection["organizations"]),
            )
            for check in checks
        ]

    @property
    def failing(self) -> set[str]:
        """The reasons of the required checks that stand in the way."""
        return {
            one["reason"]
            for one in self.checks
            if one["required"] and one["status"] in ("fail", "unknown")
        }


Run = Callable[..., Done]


def split(words: Sequence[str]) -> list[str]:
    """The words of a command line, the first as it is typed: ``"validate -o contoso"``."""
    return [*words[0].split(), *words[1:]] if words else []


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`aspm-ado WORDS` in this process."""

    def run_here(*words: str) -> Done:
        capsys.readouterr()
        code = main(split(words))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Done(code, said.out, said.err)

    return run_here


@pytest.fixture
def process() -> Run:
    """`aspm-ado WORDS` as a process of its own, with bytes on its stdin."""

    def run_there(
        *words: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Done:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "aspm_ado", *split(words)],
            input=stdin,
            capture_output=True,
            env={**os.environ, **(environment or {})},
            timeout=60,
            check=False,
        )
        err = done.stderr.decode()
        assert "Traceback" not in err
        return Done(done.returncode, done.stdout.decode(), err)

    return run_there


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Simulator]]:
    """Play a scenario; every request of this process and its children goes there."""
    running: list[Simulator] = []

    def start(name: str = "global") -> Simulator:
        simulator = Simulator(SCENARIOS[name]).start()
        running.append(simulator)
        monkeypatch.setenv("ASPM_ADO_SIMULATOR", simulator.variable)
        return simulator

    yield start
    for simulator in running:
        simulator.stop()


@pytest.fixture
def token_file(tmp_path: Path) -> Callable[..., str]:
    """A file with a secret in it."""

    def write(content: str | bytes = PAT, name: str = "token.txt") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o600)
        return str(path)

    return write


def pat_of(simulator: Simulator) -> str:
    """The first token of a scenario."""
    return str(simulator.scenario.answers.tokens[0][1])
