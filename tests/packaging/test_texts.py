"""What no committed text may hold: unfinished business, an index of packages, a path of somebody's machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .checkout import ROOT, files

HERE = Path(__file__).resolve()
FORBIDDEN = {
    "unfinished business": r"\b(?:TODO|FIXME|XXX)\b",
    "an index of packages": r"pypi\.(?:org|python)|pythonhosted|(?:extra-)?index-url|PIP_(?:EXTRA_)?INDEX",
    "a path of somebody's machine": r"(?<![\w.~$}/-])/(?:root|work)/|/tmp/(?:probe|bash)|"
    + re.escape(f"{ROOT}/"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_committed_text_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in files()
        if path.resolve() != HERE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_text_ends_lines_the_same_way_everywhere() -> None:
    marked = [
        str(path.relative_to(ROOT))
        for path in files()
        if path.read_bytes().startswith(b"\xef\xbb\xbf")
    ]
    assert marked == []
    assert "eol=lf" in (ROOT / ".gitattributes").read_text(encoding="utf-8")
