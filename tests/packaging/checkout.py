"""The checkout as others get it: its text files, and the commands that its texts show."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = dict(os.environ)
"""As the run was started: fixtures that seal the environment come later."""

SUFFIXES = {".md", ".py", ".toml", ".yml", ".yaml", ".json", ".cfg", ".txt", ".svg", ""}
SHOWN = {"sh", "bash", "powershell", "yaml", "console", "dockerfile"}
"""Languages of the blocks that hold commands to run; ``text`` and ``json`` hold output."""


@cache
def files() -> tuple[Path, ...]:
    """The text files that are committed or are about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
        found = [ROOT / name for name in names]
    else:  # an archive, or a checkout of somebody else's
        tops = ("src", "tests", "docs", ".ci", ".github")
        found = [path for top in tops for path in (ROOT / top).rglob("*")]
        found += [ROOT / "README.md", ROOT / "pyproject.toml"]
    return tuple(
        path
        for path in found
        if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in path.parts
    )


def texts() -> list[Path]:
    """The pages for people."""
    return [path for path in files() if path.suffix == ".md"]


@dataclass(frozen=True)
class Shown:
    """A command line of ours in a text."""

    where: str
    line: str

    @property
    def words(self) -> list[str]:
        """Its words after ``aspm-ado``, as far as the command goes."""
        line = re.split(r"\s(?:\||>|>>|2>|&&|\|\||;|#)\s|\s#|\s*[;)}](?:\s|$)", self.line + " ")[0]
        return shlex.split(line.replace("\\", "/"))

    def __str__(self) -> str:
        return f"{self.where}: aspm-ado {self.line}"


def commands() -> Iterator[Shown]:
    """Every command of ours that a page shows, in a block or in running text."""
    for path in texts():
        where = path.relative_to(ROOT).as_posix()
        page = path.read_text(encoding="utf-8")
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
            if language in SHOWN:
                joined = re.sub(r"\s*[\\`]\n\s*", " ", block)
                for line in joined.splitlines():
                    found = re.search(r"(?:^|[\s/\\])aspm-ado\s+(.*)", line)
                    if found and not line.lstrip().startswith("#"):
                        yield Shown(where, found[1])
        running = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
        for code in re.findall(r"`aspm-ado\s+([^`]+)`", running):
            yield Shown(where, code.replace("\n", " "))


@cache
def help_of(command: str) -> str:
    """What ``--help`` of a command prints; of the program itself for no command."""
    words = [command] if command else []
    ran = subprocess.run(
        [sys.executable, "-m", "aspm_ado", *words, "--help"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, "COLUMNS": "300", "PYTHONUTF8": "1"},
        timeout=60,
    )
    assert ran.returncode == 0, f"there is no command {command}"
    return ran.stdout


def options_of(command: str) -> set[str]:
    """The options that a command takes."""
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", help_of(command)))


def setup_steps(page: str, ending: str) -> list[str]:
    """The parts of the command in ``page`` that ends with ``ending``."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    [block] = [block for block in blocks if block.rstrip().endswith(ending)]
    return [part.strip() for part in re.split(r"&&(?![^(]*\))", block.replace("\n", " "))]
