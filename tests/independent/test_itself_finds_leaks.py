"""The runner notices a secret wherever it is left, and a report that cites what nobody said."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .client import basic
from .internet import Internet
from .ledger import Given
from .report import Report
from .runner import Machine
from .world import Pat, World

LEAKS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: f"token {secret} accepted",
    "header": lambda secret: basic(secret),
    "piece": lambda secret: secret[20:32],
}


@pytest.mark.parametrize("form", LEAKS)
@pytest.mark.parametrize("place", ["stdout", "stderr", "home", "config"])
def test_a_leak_is_found(machine: Machine, form: str, place: str) -> None:
    pat = Pat()
    text = LEAKS[form](pat.secret)
    streams = {"stdout": "", "stderr": "", place: text}
    done = subprocess.CompletedProcess[str]([], 0, streams["stdout"], streams["stderr"])
    if place in ("home", "config"):
        folder = machine.folder / place / "deep" / "er"
        folder.mkdir(parents=True)
        (folder / "state.bin").write_text(text, encoding="utf-16")
    with pytest.raises(AssertionError, match="a secret is in"):
        machine._assert_clean(Given({pat.secret: pat}), done)


def test_the_last_four_are_no_leak(machine: Machine) -> None:
    pat = Pat()
    machine._assert_clean(
        Given({pat.secret: pat}), subprocess.CompletedProcess[str]([], 0, pat.secret[-4:], "")
    )


def test_the_next_run_meets_a_poisoned_home(machine: Machine, internet: Internet) -> None:
    """Every host is named in the .netrc, and the CA file of the environment is none."""
    environment = machine.environment({})
    assert "machine dev.azure.com login netrc-user" in Path(environment["NETRC"]).read_text()
    assert "CERTIFICATE" not in Path(environment["REQUESTS_CA_BUNDLE"]).read_text()
    assert environment["HTTPS_PROXY"] == internet.proxy_url()
    assert not {name for name in environment if "PAT" in name.split("_") or name.startswith("ASPM")}


def test_an_answer_that_nobody_gave(machine: Machine, internet: Internet) -> None:
    internet.become(World())
    cited = {
        "method": "GET",
        "url": "https://dev.azure.com/contoso",
        "status": 200,
        "activity_id": "of-nobody",
    }
    check = {"id": "identity", "evidence": [cited]}
    node = {"connections": [{"checks": [check], "aspm": None, "organizations": []}]}
    with pytest.raises(AssertionError, match="cites an answer that nobody gave"):
        machine._assert_evidence(Report(node))
