"""Whole processes, timed side by side: every command once in each round, and ratios taken inside of a round.

A machine drifts by a quarter in minutes, so that two figures from two moments say nothing. Python is started from a
bare environment with links to the packages: one with ``.pth`` files, as an editable install has, is no yardstick.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path
from statistics import median

import aspm_ado

_MISLEADING = re.compile(
    r"PYTHON|VIRTUAL_ENV|SSL_|REQUESTS_|CURL_|ASPM_ADO|INVICTI|KONDUKTO|AZURE_|.*_proxy",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Run:
    """A command line, with variables of its own and what it shall end with."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    code: int = 0


@dataclass(frozen=True)
class Spent:
    """What a process took, in seconds."""

    wall: float
    cpu: float


_NEEDED = """
from importlib.metadata import requires
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
found, waiting = set(), ["aspm-ado"]
while waiting:
    name = canonicalize_name(waiting.pop())
    if name not in found:
        found.add(name)
        needs = map(Requirement, requires(name) or ())
        waiting += [one.name for one in needs if one.marker is None or one.marker.evaluate({"extra": ""})]
print(*found)
"""
"""In a process of its own: ``tests/packaging`` has the name of the library that reads the markers."""


@cache
def distributions() -> dict[str, Distribution]:
    """Our distribution and all that it needs on this machine and with this Python, by name."""
    asked = [sys.executable, "-P", "-c", _NEEDED]
    names = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    return {name: distribution(name) for name in names}


def bare_python(folder: Path) -> Path:
    """A Python that has the program and what it needs, and no ``.pth`` file."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(
        subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    )
    for made in distributions().values():
        for top in {
            file.parts[0] for file in made.files or () if file.parts[0] not in ("..", "__pycache__")
        }:
            here = Path(str(made.locate_file(top)))
            if here.suffix != ".pth" and here.exists() and not (packages / top).exists():
                (packages / top).symlink_to(here)
    (packages / "aspm_ado").symlink_to(Path(aspm_ado.__file__).parent)
    script = folder / "bin" / "aspm-ado"
    script.write_text(
        f"#!{python}\nimport sys\nfrom aspm_ado.__main__ import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    return python


def clean_environment(home: Path) -> dict[str, str]:
    """Nothing that makes Python slow or that leads the program elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not _MISLEADING.match(name)}
    kept |= {
        f"XDG_{kind}_HOME": str(home / kind.lower())
        for kind in ("CONFIG", "DATA", "STATE", "CACHE")
    }
    return {
        **kept,
        "HOME": str(home),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "COLUMNS": "100",
    }


def timed(run: Run, environment: Mapping[str, str]) -> Spent:
    """Run it once, its output thrown away. Raises ``RuntimeError`` when it ends with another code than it should."""
    nothing = os.open(os.devnull, os.O_RDWR)
    began = time.perf_counter()
    child = os.posix_spawn(
        run.words[0],
        run.words,
        {**environment, **run.environment},
        file_actions=[(os.POSIX_SPAWN_DUP2, nothing, number) for number in range(3)],
    )
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    os.close(nothing)
    code = os.waitstatus_to_exitcode(status)
    if code != run.code:
        raise RuntimeError(f"{' '.join(run.words)} ended with {code}, not with {run.code}")
    return Spent(wall, usage.ru_utime + usage.ru_stime)


def side_by_side(
    runs: Mapping[str, Run], environment: Mapping[str, str], rounds: int
) -> dict[str, list[Spent]]:
    """Each command once in each round; a first round for the caches is not counted."""
    spent: dict[str, list[Spent]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            took = timed(run, environment)
            if number:
                spent[name].append(took)
    return spent


def ratio(ours: Sequence[Spent], theirs: Sequence[Spent]) -> float:
    """The median of the ratios of the rounds."""
    return median(one.wall / other.wall for one, other in zip(ours, theirs, strict=True))


_PEAK = """
import re, sys
from aspm_ado.__main__ import main
code = main(sys.argv[1:])
sys.stderr.write("\\nVmHWM " + re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1] + f" {code}\\n")
"""


def peak_mib(python: Path, run: Run, environment: Mapping[str, str]) -> float:
    """The largest memory that a command of ours had, in MiB (Linux). ``ru_maxrss`` would inherit our own peak."""
    words = [str(python), "-c", _PEAK, *run.words[1:]]
    done = subprocess.run(
        words,
        env={**environment, **run.environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    found = re.search(r"VmHWM (\d+) (\d+)\s*\Z", done.stderr)
    if found is None or int(found[2]) != run.code:
        raise RuntimeError(f"{' '.join(run.words)}: {done.stderr[-500:]}")
    return int(found[1]) / 1024


def platform() -> str:
    """What it was measured on."""
    return f"CPython {sys.version.split()[0]}, {os.cpu_count()} cores, {sys.platform}"
