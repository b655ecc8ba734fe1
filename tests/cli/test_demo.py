"""Every scenario ends as it says, in both formats, and changes nothing."""

from __future__ import annotations

import pytest

from aspm_ado.simulator import SCENARIOS

from .conftest import Run

ALL = pytest.mark.parametrize("name", SCENARIOS)


@ALL
def test_with_json(name: str, run: Run) -> None:
    done = run("demo --scenario", name, "--json", "--no-input")
    story = SCENARIOS[name]
    assert done.code == story.exit_code
    assert done.failing == set(story.reasons)
    document = done.document
    assert (document["command"], document["day_source"]) in {
        ("connect", "pinned"),
        ("demo", "pinned"),
    }
    assert "simulation" in done.err.lower()


@ALL
def test_as_text(name: str, run: Run) -> None:
    done = run("demo --scenario", name, "--no-input")
    assert done.code == SCENARIOS[name].exit_code
    assert f"(exit {done.code})" in done.out
    assert "\x1b" not in done.out + done.err
    for _, token in SCENARIOS[name].answers.tokens:
        assert token not in done.out + done.err
    if SCENARIOS[name].reasons:
        assert "→" in done.out


def test_the_default_is_ready(run: Run) -> None:
    done = run("demo --json --no-input")
    assert done.code == 0
    assert done.failing == set()


def test_nobody_copies_the_created_token(run: Run) -> None:
    document = run("demo --scenario created-token --json --no-input").document
    [organization] = document["connections"][0]["organizations"]
    token = organization["token"]
    assert (token["source"], token["reach"], token["expires_source"]) == (
        "az",
        "organization",
        "Azure DevOps",
    )


def test_the_list_of_scenarios(run: Run) -> None:
    document = run("demo --list-scenarios --json").document
    assert [one["name"] for one in document["scenarios"]] == list(SCENARIOS)
    for one in document["scenarios"]:
        story = SCENARIOS[one["name"]]
        assert (one["expected_exit_code"], one["expected_reasons"]) == (
            story.exit_code,
            list(story.reasons),
        )
    text = run("demo --list-scenarios")
    assert text.code == 0
    assert all(name in text.out for name in SCENARIOS)
    assert text.err == ""
