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


def test_the_picture_shows_the_questions_of_the_wizard_and_their_answers() -> None:
    root = ElementTree.fromstring(PICTURE.read_text(encoding="utf-8"))
    shown = "".join(part.text or "" for part in root.iter() if part.tag.endswith("text"))
    shown = shown.replace("\N{NO-BREAK SPACE}", " ")
    for words in (
        "Organization or server (name or any URL in it) [contoso]: contoso",
        "Personal access token: ***",
        "When does the token expire?",
        "URL of your Invicti ASPM",
        "Store and start the handoff? Yes",
        "When you have entered it: Saved",
        "Ready",
    ):
        assert words in shown
