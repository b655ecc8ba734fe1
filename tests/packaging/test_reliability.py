"""The page of faults: every row is there, and every test that it names is one."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"


def command() -> ModuleType:
    """docs/reliability.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("reliability", ROOT / "docs" / "reliability.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["reliability"] = module
    spec.loader.exec_module(module)
    return module


reliability = command()
NAMED = sorted(set(reliability.TEST.findall(PAGE.read_text(encoding="utf-8"))))


@cache
def defined(path: str) -> frozenset[str]:
    """Every test of a file, with its class."""
    found = set()
    for node in ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)
            }
    return frozenset(found)


def test_every_fault_has_a_row_with_tests() -> None:
    """The 53 faults of the start, and from 101 on the kinds of hostile bytes and odd machines."""
    rows = reliability.rows()
    numbers = [row.number for row in rows]
    assert numbers == sorted(set(numbers))
    assert {*range(1, 54), *range(101, 107), *range(111, 124)} <= set(numbers)
    assert [row.number for row in rows if not row.tests] == []
    assert [row.number for row in rows if row.left_to] == [45, 46, 47]


@pytest.mark.parametrize("test", NAMED)
def test_every_test_that_is_named_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert name in defined(path)


def test_a_red_row_is_red() -> None:
    """Failed, or not run at all; skipped everywhere is not green either."""
    row = reliability.Row(1, "a fault", ("a/test_b.py::test_c",), "")
    for ends, good in [
        ({}, False),
        (
            {"tests/a/test_b.py::test_c[1]": "failed", "tests/a/test_b.py::test_c[2]": "passed"},
            False,
        ),
        ({"tests/a/test_b.py::test_c": "skipped"}, False),
        ({"tests/a/test_b.py::test_cd": "passed"}, False),
        (
            {"tests/a/test_b.py::test_c[1]": "passed", "tests/a/test_b.py::test_c[2]": "skipped"},
            True,
        ),
    ]:
        results = reliability.Results()
        results.ends = ends
        assert reliability.told(row, results)[0] is good, Counter(ends.values())
