"""The runner notices a secret wherever it is left, and a report that cites what nobody said."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..simulator.https_client import basic
from ..simulator.internet import Internet
from ..simulator.monitor import Inputs
from ..simulator.worlds import a_token, a_world
from .report import Report
from .runner import Machine

LEAKS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: f"token {secret} accepted",
    "header": lambda secret: basic(secret),
    "piece": lambda secret: secret[20:32],
}


@pytest.mark.parametrize("form", LEAKS)
@pytest.mark.parametrize("place", ["stdout", "stderr", "home", "config"])
def test_a_leak_is_found(machine: Machine, form: str, place: str) -> None:
    pat = a_token()
    text = LEAKS[form](pat.value)
    streams = {"stdout": "", "stderr": "", place: text}
    done = subprocess.CompletedProcess[str]([], 0, streams["stdout"], streams["stderr"])
    if place in ("home", "config"):
        folder = machine.folder / place / "deep" / "er"
        folder.mkdir(parents=True)
        (folder / "state.bin").write_text(text, encoding="utf-16")
    with pytest.raises(AssertionError, match="a secret is in"):
        machine._assert_clean(Inputs({pat.value: pat}), done)


def test_the_last_four_are_no_leak(machine: Machine) -> None:
    pat = a_token()
    machine._assert_clean(
        Inputs({pat.value: pat}), subprocess.CompletedProcess[str]([], 0, pat.value[-4:], "")
    )


def test_the_next_run_meets_a_poisoned_home(machine: Machine, internet: Internet) -> None:
    """Every host is named in the .netrc, and the CA file of the environment is none."""
    environment = machine.environment({})
    assert "machine dev.azure.com login netrc-user" in Path(environment["NETRC"]).read_text()
    assert "CERTIFICATE" not in Path(environment["REQUESTS_CA_BUNDLE"]).read_text()
    assert environment["HTTPS_PROXY"] == internet.proxy_url()
    assert not {name for name in environment if "PAT" in name.split("_") or name.startswith("ASPM")}


def test_an_answer_that_nobody_gave(machine: Machine, internet: Internet) -> None:
    internet.become(a_world())
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


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "aspm-ado/report/v2"}', "{} {}", "caf\u00e9"]
)
def test_a_document_that_is_no_report(text: str) -> None:
    with pytest.raises((AssertionError, ValueError, KeyError, TypeError)):
        Report.read(text, 0)
