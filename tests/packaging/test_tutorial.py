"""What the tutorial shows of the wizard, of ``guide``, and of errors is what they print today."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from datetime import date
from types import ModuleType

import pytest

from aspm_ado.domain.azure.deployment import Purpose
from aspm_ado.domain.azure.place import SERVICES
from aspm_ado.domain.azure.retirement import GLOBAL_PAT_END, Clock, ReachDemanded
from aspm_ado.domain.guide import guide
from aspm_ado.simulator import SCENARIOS

from .checkout import ENVIRONMENT, ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the wizard is on a Unix terminal")

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?<!-->\n)^```text\n(.*?)^```", re.DOTALL | re.MULTILINE)
DAY = date(2027, 1, 15)
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CHANGED = "It passed on 2027-01-08."
"""In a block that only a connection of another day prints."""
ENTER, UP = "\r", "\x1b[A"
MISSING = (
    ("Organization or server", "contoso" + ENTER),
    ("Personal access token:", SCENARIOS["missing-scope"].answers.tokens[0][1] + ENTER),
    ("What now?", UP + ENTER),
)


@pytest.fixture(scope="module")
def picture() -> ModuleType:
    """The script that plays the demo on a terminal."""
    spec = importlib.util.spec_from_file_location("picture", ROOT / "docs" / "picture.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def printed(picture: ModuleType) -> str:
    """A whole wizard, one whose token lacks a scope, a guide, and an error, without white space."""
    runs = (("demo",), picture.ANSWERS), (("demo", "--scenario", "missing-scope"), MISSING)
    texts = [picture.played(*run)[0].written.decode() for run in runs]
    calendar = Clock(DAY, GLOBAL_PAT_END).calendar()
    steps = guide(SERVICES.place("contoso"), Purpose.ALM, ReachDemanded.AUTO, calendar).steps
    for number, step in enumerate(steps, start=1):
        texts += [f"{number}. {step.do}", *(f"• {note}" for note in step.notes)]
    asked = [sys.executable, "-m", "aspm_ado", "connect", "-o", "contoso", "--no-input"]
    error = subprocess.run(
        asked, capture_output=True, text=True, encoding="utf-8", env=ENVIRONMENT, check=False
    )
    return _squeezed("\n".join([*texts, error.stderr]))


def test_each_dialog_of_the_tutorial_is_what_the_program_prints(printed: str) -> None:
    blocks = [found[1] for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    assert len(blocks) >= 5
    lines = [line for block in blocks if CHANGED not in block for line in block.splitlines()]
    assert [line for line in lines if _squeezed(line) not in printed] == []


def _squeezed(text: str) -> str:
    """Without colors, cursor movements, and white space."""
    return "".join(CONTROLS.sub("", text).split())
