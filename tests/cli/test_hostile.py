"""Names that play with the terminal, over real HTTP: on every screen, in the trace and in the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pyte
import pytest

from aspm_ado.demo import SCENARIOS, Simulator

from .conftest import Run

HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x1b[?1049h\x9b31m\x9d0;owned\x9c\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\"
    "\u202e\u2066\r\nforged\x00\x08\x7f [bold]b[/bold] [link=https://evil.example]l[/link]"
)
UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
WORDS = ("-o", "contoso", "--all-organizations", "--no-input")


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch, token_file: Callable[..., str]) -> Iterator[str]:
    """A world whose people, projects, repositories and other organizations have such names; one is 10 kB long."""
    story = SCENARIOS["ready"]
    long = HOSTILE + "x" * 10_000

    def spoiled(organization: object) -> object:
        projects = tuple(
            replace(one, name=HOSTILE, repositories=tuple(replace(each, name=long) for each in one.repositories))
            for one in organization.projects  # type: ignore[attr-defined]
        )
        return replace(organization, projects=projects)  # type: ignore[type-var]

    world = replace(
        story.world,
        organizations=tuple(spoiled(one) for one in story.world.organizations),  # type: ignore[arg-type,misc]
        tokens=tuple(replace(one, owner=replace(one.owner, name=long)) for one in story.world.tokens),
    )
    members = tuple(replace(one, members=tuple(each.owner for each in world.tokens)) for one in world.organizations)
    with Simulator(story, world=replace(world, organizations=members)) as simulator:
        monkeypatch.setenv("ASPM_ADO_SIMULATOR", simulator.address)
        yield token_file(story.answers.tokens[0][1])
        assert simulator.requests


@pytest.mark.parametrize(
    "words",
    [
        ("validate", *WORDS),
        ("validate", *WORDS, "-v"),
        ("validate", *WORDS, "-v", "--json"),
        ("connect", *WORDS, "--store", "none", "--aspm-url", "https://aspm.example.test", "--register", "guided"),
    ],
    ids=["plain", "trace", "document", "hand-off"],
)
def test_names_stay_text(words: tuple[str, ...], token: str, run: Run) -> None:
    done = run(*words, "--pat-file", token)
    assert done.code in (0, 3), done.err
    said = done.out + done.err
    assert "owned" in said, "the names were not shown at all"
    assert not UNWANTED.search(said)
    assert not re.search(r"^forged", said, re.MULTILINE), "a line of its own"
    people = done.err if "--json" in words else said  # the document has names whole, escaped
    assert max(map(len, people.splitlines())) < 2500
    screen = pyte.Screen(200, 400)
    pyte.Stream(screen).feed(said.replace("\n", "\r\n"))
    assert screen.title == ""
    assert screen.mode == pyte.Screen(200, 400).mode
    if "--json" in words:
        assert done.document
