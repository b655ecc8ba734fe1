"""The figures of style, each beside its limit: ``python tests/figures.py``; exit 1 where one is over.

Code is what is left without docstrings, comments and blank lines; characters are counted without
the indentation. Complexity is radon's, which counts conditional expressions and boolean operators.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from radon.complexity import cc_visit
from radon.visitors import Function

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src"
COMPLEX = 10
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Module:
    """One file of the source."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(SOURCE).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def code(self) -> list[str]:
        """Its lines of code, stripped."""
        strings: set[int] = set()
        for node in self.nodes:
            if _is_text(node):
                strings.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        lines = enumerate(map(str.strip, self.text.splitlines()), start=1)
        return [
            line
            for number, line in lines
            if line and not line.startswith("#") and number not in strings
        ]

    @property
    def public_names(self) -> set[str]:
        """Functions and classes that others may import."""
        return {
            node.name
            for node in self.tree.body
            if isinstance(node, DEFINITIONS) and not node.name.startswith("_")
        }

    @property
    def functions(self) -> Iterator[tuple[str, int]]:
        """Where each function is, and how many lines it has."""
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{self.name}:{node.lineno} {node.name}", lines

    @property
    def complexities(self) -> Iterator[tuple[str, int]]:
        """Where each function and method is, and its complexity."""
        for block in cc_visit(self.text):
            if isinstance(block, Function):
                yield f"{self.name}:{block.lineno} {block.name}", block.complexity

    @property
    def ternaries(self) -> int:
        return sum(isinstance(node, ast.IfExp) for node in self.nodes)

    @property
    def replacements(self) -> int:
        """Calls of ``dataclasses.replace``, imported by name or not."""
        calls = (node.func for node in self.nodes if isinstance(node, ast.Call))
        return sum(ast.unparse(call) in ("replace", "dataclasses.replace") for call in calls)


class Figure(NamedTuple):
    """What was counted, how much it may be, and where the most of it is."""

    what: str
    value: float
    limit: float
    where: tuple[str, ...] = ()


def modules() -> list[Module]:
    """The whole source."""
    return [Module(path) for path in sorted(SOURCE.rglob("*.py"))]


def defined_twice(source: list[Module]) -> dict[str, list[str]]:
    """Public names that more than one module defines, and these modules."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in source:
        for name in module.public_names:
            found[name].append(module.name)
    return {name: places for name, places in sorted(found.items()) if len(places) > 1}


def figures() -> Iterator[Figure]:
    """Every figure of the project."""
    source = modules()
    code = sum(len(module.code) for module in source)
    # After the rebuild; what is added later may take 3,000 lines and 80,000 characters more.
    yield Figure("lines in src", sum(module.text.count("\n") for module in source), 24_500)
    characters = sum(len(line) for module in source for line in module.code)
    yield Figure("characters of code", characters, 620_000)
    yield Figure("files", len(source), 145)
    twice = defined_twice(source)
    names = tuple(f"{name}: {', '.join(places)}" for name, places in twice.items())
    yield Figure("public names defined in two modules", len(twice), 10, names)
    longest = max((one for module in source for one in module.functions), key=lambda one: one[1])
    yield Figure("lines of the longest function", longest[1], 60, longest[:1])
    complexities = [one for module in source for one in module.complexities]
    above = [(place, many) for place, many in complexities if many > COMPLEX]
    worst = tuple(f"{many} {place}" for place, many in sorted(above, key=lambda one: -one[1]))
    share = 100 * len(above) / len(complexities)
    yield Figure(f"% of functions with a complexity over {COMPLEX}", share, 4, worst)
    ternaries = sum(module.ternaries for module in source)
    yield Figure("ternaries in 1,000 lines of code", 1000 * ternaries / code, 15)
    yield Figure("calls of replace on values", sum(one.replacements for one in source), 40)
    tests = sum(path.read_text("utf-8").count("\n") for path in TESTS.rglob("*.py"))
    yield Figure("lines in tests", tests, 34_000)


def main() -> int:
    """Print each figure; with ``--where`` also what counts in those that are over."""
    over = False
    for figure in figures():
        too_much = figure.value > figure.limit
        over = over or too_much
        value = f"{figure.value:,.1f}".removesuffix(".0")
        mark = "over" if too_much else ""
        lines = [f"{figure.what:45} {value:>10}   ≤ {figure.limit:>8,}   {mark}".rstrip()]
        if too_much and "--where" in sys.argv[1:]:
            lines += [f"    {place}" for place in figure.where]
        sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if over else 0


def _is_text(node: ast.AST) -> bool:
    """A docstring, or a text below an attribute."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


if __name__ == "__main__":
    sys.exit(main())
