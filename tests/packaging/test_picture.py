"""The picture of the README and the output in the pages are what the demo prints."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from .checkout import ENVIRONMENT, ROOT

PICTURE = ROOT / "docs" / "demo.svg"


@pytest.mark.skipif(sys.platform == "win32", reason="the picture is drawn on a Unix terminal")
@pytest.mark.parametrize("script", ["picture.py", "pasted.py"])
def test_what_the_pages_show_is_what_the_demo_prints(script: str) -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "docs" / script, "--check"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=ENVIRONMENT,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stderr


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    picture = PICTURE.read_text(encoding="utf-8")
    root = ElementTree.fromstring(picture)
    drawn = [part for part in root.iter() if not part.tag.endswith(("text", "title"))]
    assert not any("://" in value for part in drawn for value in part.attrib.values())
    assert "://" not in "".join(part.text or "" for part in drawn)
    assert not any(part.tag.endswith("script") for part in drawn)
