"""Runs the tests that ``reliability.md`` names: ``python docs/reliability.py [ROW…]``.

Prints its rows. A row is green when none of its tests failed and at least one passed; a test that
is skipped on this machine is named. The exit code is 1 when a row is red.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "reliability.md"
ROW: Final = re.compile(
    r"^\| (?P<number>\d+) \| (?P<fault>[^|]+) \| (?P<answer>[^|]+) \| (?P<tests>[^|]+) \|$",
    re.MULTILINE,
)
TEST: Final = re.compile(r"`([\w/]+\.py(?:::\w+)+)`")
LEFT: Final = re.compile(r"left to (the workflow on \w+)")


@dataclass(frozen=True)
class Row:
    """One fault: its number, its name, the tests that show it, and where else it is tested."""

    number: int
    fault: str
    tests: tuple[str, ...]
    left_to: str


def rows(text: str | None = None) -> list[Row]:
    """The rows of the page, as they stand there."""
    page = PAGE.read_text(encoding="utf-8") if text is None else text
    return [
        Row(
            int(found["number"]),
            found["fault"],
            tuple(TEST.findall(found["tests"])),
            (LEFT.findall(found[0]) or [""])[0],
        )
        for found in ROW.finditer(page)
    ]


class Results:
    """A plugin of pytest that remembers how each test ended; the worst of its phases counts."""

    def __init__(self) -> None:
        self.ends: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called for the setup, the call and the teardown of each test, wherever it ran."""
        before = self.ends.get(report.nodeid, "")
        if before != "failed" and (report.when == "call" or report.outcome != "passed"):
            self.ends[report.nodeid] = str(report.outcome)

    def of(self, test: str) -> Counter[str]:
        """How the test ended, over its parameters and the classes that inherit it."""
        path, *names = test.split("::")
        wanted, among = names[-1], names[:-1]
        ends: Counter[str] = Counter()
        for node, end in self.ends.items():
            file, *parts = node.partition("[")[0].split("::")
            inherits = among and among[0].endswith("Contract")
            if (
                file == f"tests/{path}"
                and parts[-1] == wanted
                and (inherits or parts[:-1] == among)
            ):
                ends[end] += 1
        return ends


def run(tests: Iterable[str]) -> tuple[Results, str]:
    """Run the tests; how each ended, and what pytest said.

    Those of a real keyring share one daemon, which some of them stop: they run one after the
    other, and the rest on every core where that is possible.
    """
    results, said = Results(), io.StringIO()
    nodes = {
        f"tests/{test}" if "Contract::" not in test else f"tests/{test.split('::')[0]}"
        for test in tests
    }
    shared = {node for node in nodes if node.startswith("tests/keyring/")}
    options = ["-q", "--no-header", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    abreast = ["-n", "auto"] if find_spec("xdist") else []
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(said):
        for some, more in ((shared, []), (nodes - shared, abreast)):
            if some:
                pytest.main([*options, *more, *sorted(some)], plugins=[results])
    return results, said.getvalue()


def told(row: Row, results: Results) -> tuple[bool, list[str]]:
    """Whether the row is good, and its lines."""
    total: Counter[str] = Counter()
    lines = []
    for test in row.tests:
        ends = results.of(test)
        total += ends
        how = ", ".join(f"{count} {end}" for end, count in sorted(ends.items())) or "did not run"
        lines.append(f"          {how:<12} {test}")
        total["failed"] += not ends
    good = total["passed"] > 0 and not total["failed"]
    where = f" (the real store: {row.left_to})" if row.left_to else ""
    return good, [f"{row.number:>3} {'green' if good else 'RED':<5} {row.fault}{where}", *lines]


def main(arguments: Sequence[str]) -> int:
    """Print the rows that were asked for, or all; 1 when one is red."""
    wanted = [row for row in rows() if not arguments or str(row.number) in arguments]
    results, said = run(test for row in wanted for test in row.tests)
    outcomes = [told(row, results) for row in wanted]
    lines = [line for _, found in outcomes for line in found]
    red = sum(not good for good, _ in outcomes)
    sys.stdout.write(
        "\n".join([*lines, f"{len(outcomes)} rows, {len(outcomes) - red} green, {red} red.", ""])
    )
    if red:
        sys.stderr.write(said)
    return 1 if red or not outcomes else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
