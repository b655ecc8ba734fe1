"""Prints each row of the budget as a ratio, with its limit: ``python tests/benchmark [--quick] [--full] [--install]``.

Everything is measured side by side in this one run. A row over its limit is marked, and nothing fails: what must never
change is held by counts, in ``tests/benchmark/test_gates.py``. ``--quick`` takes half a minute, ``--full`` adds a
thousand organizations, ``--install`` two installations from the index of packages.
"""

from __future__ import annotations

import argparse
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from aspm_ado.adapters.records.catalog import DiskRecords  # noqa: E402
from aspm_ado.domain.azure.deployment import Deployment, Purpose  # noqa: E402
from aspm_ado.domain.secret import TokenFormat  # noqa: E402
from aspm_ado.domain.stored import (  # noqa: E402
    Catalogue,
    Entry,
    StoredCredential,
    StoredOrganization,
)
from tests.benchmark import processes, service  # noqa: E402
from tests.benchmark.processes import Run, peak_mib, ratio, side_by_side  # noqa: E402

CLIENT = Path(__file__).with_name("client.py")
SIMULATOR = (
    "import sys, time; from aspm_ado.simulator import SCENARIOS, Simulator; s = Simulator(SCENARIOS['ready']).start(); "
    "print(s.variable, next(iter(s.scenario.answers.tokens))[1], flush=True); sys.stdin.read()"
)

CONNECTION = Entry(
    "contoso",
    Deployment.SERVICES,
    "https://dev.azure.com",
    Purpose.ALM,
    {"k": StoredCredential("aspm-ado:contoso:k", TokenFormat.V2_84, "BBBB")},
    (StoredOrganization("contoso", "k"),),
)
"""What ``list`` lists."""


@dataclass(frozen=True)
class Row:
    """A figure beside its limit."""

    what: str
    value: float
    limit: float | None = None
    unit: str = "x"

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"<= {self.limit:g} {self.unit}"
        mark = "  over" if self.limit is not None and self.value > self.limit else ""
        return f"{self.what:<70} {self.value:>8.2f} {self.unit:<4} {limit:>12}{mark}"


def starts(python: Path, environment: dict[str, str], folder: Path, rounds: int) -> Iterator[Row]:
    """How long a process takes that asks nobody, against Python itself and, where it is installed, gh."""
    program = str(python.with_name("aspm-ado"))
    tab = {"_ASPM_ADO_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "aspm-ado va"}
    DiskRecords(folder / "home" / "config" / "aspm-ado").change(
        lambda _: Catalogue({"contoso": CONNECTION})
    )
    with simulated(python, environment) as (asked, told):
        runs = {
            "base": Run((str(python), "-c", "pass"), {}),
            "version": Run((program, "--version"), {}),
            "tab": Run((program,), tab),
            "help": Run((program, "--help"), {}),
            "list": Run((program, "list"), {}),
            "list --json": Run((program, "list", "--json"), {}),
            "wrong": Run((program, "validate", "--nonsense"), {}, 2),
            "closed": Run((program, "validate", "contoso"), {}, 7),
            "whole": Run((program, *asked, "--json"), told),
        }
        gh = shutil.which("gh")
        if gh:
            runs["gh"] = Run((gh, "--version"), {})
        spent = side_by_side(runs, environment, rounds)
        peaks = (
            [peak_mib(python, runs[name], environment) for name in ("help", "whole")]
            if on_linux()
            else []
        )
    base = median(one.wall for one in spent["base"])
    yield Row("python -c pass, the base of the ratios", base * 1000, None, "ms")
    if gh:
        yield Row("gh --version, beside the base", ratio(spent["gh"], spent["base"]))
    for name, what, limit in (
        ("version", "--version", 2.0),
        ("tab", "Tab", 12.0),
        ("help", "--help", 15.5),
        ("list", "list", 8.5),
        ("list --json", "list --json", 8.5),
        ("wrong", "an unknown option", None),
        ("closed", "validate NAME with a null keyring, which is refused", None),
        ("whole", "validate --json, 11 requests that are answered at once", None),
    ):
        yield Row(f"{what}, of the base", ratio(spent[name], spent["base"]), limit)
        if gh:
            yield Row(f"{what}, of gh", ratio(spent[name], spent["gh"]))
    for what, peak, limit in zip(
        ("--help", "validate, one organization"), peaks, (22.0, 45.0), strict=False
    ):
        yield Row(f"peak memory of {what}", peak, limit, "MiB")


@contextmanager
def simulated(
    python: Path, environment: dict[str, str]
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The words and variables of a ``validate`` against the simulation, which runs while this is open."""
    world = subprocess.Popen(
        [str(python), "-c", SIMULATOR],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert world.stdout is not None
    try:
        address, token = world.stdout.readline().split()
        told = {"ASPM_ADO_SIMULATOR": address, "ASPM_ADO_PAT": token}
        yield ["validate", "-o", "contoso", "--check-clone", "no"], told
    finally:
        world.terminate()
        world.communicate()


@contextmanager
def served(folder: Path, count: int) -> Iterator[tuple[str, str]]:
    """The port and the trusted certificates of the service, which runs while this is open."""
    folder.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmark.service", str(folder), str(count)], cwd=ROOT
    )
    try:
        while not (folder / "port").exists():
            if child.poll() is not None:
                raise RuntimeError("the service of the benchmark did not start")
            time.sleep(0.02)
        # Beside the authority of the service, what every machine trusts: reading that is a part of the cost.
        bundle = folder / "bundle.pem"
        system = Path(ssl.get_default_verify_paths().openssl_cafile)
        extra = (folder / "ca.pem").read_bytes()
        bundle.write_bytes(extra + (system.read_bytes() if system.is_file() else b""))
        yield (folder / "port").read_text(), str(folder)
    finally:
        child.terminate()
        child.wait()


def asked(
    way: str, at: tuple[str, str], environment: dict[str, str], count: int, calls: int = 0
) -> dict[str, float]:
    """One run of a client: seconds, CPU seconds, peak memory, and what the service counted."""
    port, folder = at
    trusted = f"{folder}/{'ca' if way == 'ours' else 'bundle'}.pem"
    words = [sys.executable, str(CLIENT), way, port, trusted, str(count), str(calls)]
    began = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{way}: {done.stderr[-2000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), **counted(port, folder), "whole": whole}


def counted(port: str, folder: str) -> dict[str, int]:
    """What the service has seen since it was last asked; this question is not counted as a request."""
    import http.client

    connection = http.client.HTTPSConnection(
        "127.0.0.1", int(port), context=ssl._create_unverified_context()
    )
    connection.request("GET", service.COUNTS)
    told: dict[str, int] = json.loads(connection.getresponse().read())
    connection.close()
    return {**told, "connections": told["connections"] - 1}


def exchanges(
    environment: dict[str, str], folder: Path, rounds: int, *, full: bool
) -> Iterator[Row]:
    """How long a validation takes, against what the network alone would take."""
    with served(folder / "one", 1) as at:
        asked("ours", at, environment, 1)
        pairs = [
            (asked("ours", at, environment, 1), asked("naive", at, environment, 1, calls=11))
            for _ in range(rounds)
        ]
    requests = int(pairs[0][0]["requests"])
    ideal = 2 * service.DELAY
    yield Row(
        f"1 organization, {requests} requests in two round trips, of ideal",
        _middle(pairs, "wall") / ideal,
        1.6,
    )
    cpu = _middle(pairs, "cpu")
    yield Row("its CPU time", cpu * 1000, None, "ms")
    yield Row("its CPU time, of python -c pass", cpu / _start(environment), 7.0)
    yield Row(
        "the whole process, of a plain program with one request after the other",
        median(ours["whole"] / naive["whole"] for ours, naive in pairs),
    )
    for count, limit, times in ((10, 1.32, rounds), (100, 1.09, 2), (1000, 1.06, 1)):
        if count == 1000 and not full:
            continue
        with served(folder / str(count), count) as at:
            runs, yard = [], []
            for _ in range(min(times, rounds)):
                runs.append(asked("ours", at, environment, count))
                if len(yard) < 2:
                    yard.append(
                        asked("urllib3", at, environment, 1, calls=int(runs[-1]["requests"]))
                    )
        ideal = -(-int(runs[0]["requests"]) // 16) * service.DELAY
        what = f"{count} organizations, {int(runs[0]['requests'])} requests, 16 at once"
        yield Row(f"{what}, of ideal", median(run["wall"] for run in runs) / ideal, limit)
        yield Row(f"{what}: connections", median(run["connections"] for run in runs), None, "")
        plain = median(one["wall"] for one in yard) / ideal
        yield Row(f"{what}: as many of bare urllib3, of ideal", plain)
        if count >= 100:
            cpu = median(run["cpu"] / other["cpu"] for run, other in zip(runs, yard, strict=False))
            yield Row(f"{what}: CPU per call, of bare urllib3", cpu, 2.4)
        if on_linux():
            limit_memory = 70.0 if count == 1000 else None
            yield Row(
                f"{what}: peak memory", median(run["peak"] for run in runs), limit_memory, "MiB"
            )


def company(environment: dict[str, str], folder: Path, *, quick: bool) -> Iterator[Row]:
    """How long one command takes that creates a token in each organization of a company.

    The limit is that of 200. Before the first token, the lists of organizations take 1.24 s, most of
    it pauses between them: 0.07 of what is ideal for 200, and 0.27 of that for 50.
    """
    count, limit = (50, None) if quick else (200, 1.25)
    with served(folder / "company", count) as at:
        run = asked("company", at, environment, count)
        plain = asked("urllib3", at, environment, 1, calls=int(run["requests"]))
    ideal = -(-int(run["requests"]) // 16) * service.DELAY
    what = f"a token created in {count} organizations, {int(run['requests'])} requests"
    yield Row(f"{what}, 16 at once, of ideal", run["wall"] / ideal, limit)
    yield Row(f"{what}: as many of bare urllib3, of ideal", plain["wall"] / ideal)
    yield Row(f"{what}: CPU time of one organization", run["cpu"] / count * 1000, None, "ms")
    if on_linux():
        yield Row(f"{what}: peak memory", run["peak"], 70.0, "MiB")


def _start(environment: dict[str, str]) -> float:
    """Seconds that Python takes to start and to do nothing."""
    runs = {"base": Run((sys.executable, "-c", "pass"), {})}
    return median(one.wall for one in side_by_side(runs, environment, 5)["base"])


def _middle(pairs: list[tuple[dict[str, float], dict[str, float]]], key: str) -> float:
    return median(ours[key] for ours, _ in pairs)


def installed(folder: Path, *, wheel: bool) -> Iterator[Row]:
    """How much an installation brings; with ``wheel`` beside twine's, both from the index of packages."""
    parts = processes.distributions()
    yield Row("distributions, with ours", len(parts), 37, "")
    if not wheel:
        return
    found = {}
    for name, what in (("ours", str(ROOT)), ("twine", "twine")):
        subprocess.run([sys.executable, "-m", "venv", folder / name], check=True)
        packages = folder / name / "lib"
        before = _megabytes(packages)
        began = time.perf_counter()
        pip = [
            folder / name / "bin" / "python",
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            what,
        ]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
        found[name] = (_megabytes(packages) - before, time.perf_counter() - began)
    yield Row("megabytes installed", found["ours"][0], None, "MB")
    yield Row("megabytes, of twine's", found["ours"][0] / found["twine"][0], 1.3)
    yield Row("seconds to install, of twine's", found["ours"][1] / found["twine"][1])


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def on_linux() -> bool:
    """Whether a process can read its own peak."""
    return sys.platform == "linux"


def main() -> None:
    """Measure, and print each row as soon as it is known."""
    parser = argparse.ArgumentParser(
        prog="python tests/benchmark", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument(
        "--full", action="store_true", help="with 1000 organizations (two minutes more)"
    )
    parser.add_argument(
        "--install", action="store_true", help="with an installation beside twine's"
    )
    chosen = parser.parse_args()
    rounds = 5 if chosen.quick else 15
    sys.stdout.write(f"{processes.platform()}; medians of {rounds} rounds side by side\n")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as made:
        folder = Path(made)
        (folder / "home").mkdir()
        environment = processes.clean_environment(folder / "home")
        python = processes.bare_python(folder / "python")
        rows = [
            lambda: starts(python, environment, folder, rounds),
            lambda: exchanges(environment, folder, 3 if chosen.quick else 7, full=chosen.full),
            lambda: company(environment, folder, quick=chosen.quick),
            lambda: installed(folder, wheel=chosen.install),
        ]
        over = 0
        for some in rows:
            for row in some():
                sys.stdout.write(f"{row}\n")
                sys.stdout.flush()
                over += row.limit is not None and row.value > row.limit
    sys.stdout.write(f"{over} over the limit\n" if over else "all within their limits\n")


if __name__ == "__main__":
    main()
