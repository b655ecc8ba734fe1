"""Twelve organizations in one run, with nobody there: one document, and each has a state of its own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.simulator import SCENARIOS, Simulator
from aspm_ado.simulator.world import Organization

from .conftest import Play
from .stage import Story, drawn_token

NAMES = (
    "Atlas", "Borealis", "Cascade", "Delta", "Ember", "Fjord",
    "Granite", "Harbor", "Isthmus", "Juniper", "Kelp", "Lagoon",
)  # fmt: skip
ASPM_URL = "https://aspm.example.test"
ASPM_CHECKS = {"aspm.reachable": "pass", "aspm.token": "pass", "aspm.projects": "pass"}
HANDED_OFF = {"mode": "guided", "state": "handed-off", "proof": "none", "instance_id": None}


def crowd(*, shared: bool, changed: dict[str, dict[str, Any]] | None = None) -> Story:
    """Twelve organizations: one token of all of them, or one for each. ``changed`` are those that are not as usual."""
    scenario = SCENARIOS["global"]
    [contoso, _] = scenario.world.organizations
    [like] = scenario.world.tokens
    places = tuple(_organization(contoso, name, (changed or {}).get(name, {})) for name in NAMES)
    given = {None: drawn_token()} if shared else {name: drawn_token() for name in NAMES}
    tokens = tuple(replace(like, value=value, reach=name) for name, value in given.items())
    assert scenario.world.aspm is not None
    aspm_token = drawn_token()
    world = replace(
        scenario.world,
        organizations=places,
        tokens=tokens,
        aspm=replace(scenario.world.aspm, token=aspm_token),
    )
    return Story(replace(scenario, world=world), given, aspm_token)


def _organization(like: Organization, name: str, changed: dict[str, Any]) -> Organization:
    return replace(like, **{"name": name, **changed})


def connect_flags(told: Play, *, named: bool = True) -> list[str]:
    """``connect everywhere`` with all twelve; with tokens of their own, ``named`` is not needed."""
    own = None not in told.story.tokens
    flags = [part for name in NAMES for part in ("-o", name)] if named else []
    flags += told.stage.token_flags(told.story.tokens)
    flags += ["--reach", "organization"] if own else []
    token = told.stage.file("aspm-token", told.story.aspm_token)
    return [
        "connect",
        "everywhere",
        *flags,
        "--aspm-url",
        ASPM_URL,
        "--aspm-token-file",
        str(token),
        "--no-input",
    ]


def document(told: Play, *words: str) -> tuple[int, dict[str, Any]]:
    """One run and its one document."""
    done = told.stage.run(*words, "--json")
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert not told.canaries.in_bytes(done.stdout + done.stderr, "the output")
    written: dict[str, Any] = json.loads(done.stdout)
    assert written["exit_code"] == done.returncode
    return done.returncode, written


def states(written: dict[str, Any]) -> dict[str, str]:
    """The state of each organization's registration."""
    [connection] = written["connections"]
    return {one["name"]: one["registration"]["state"] for one in connection["organizations"]}


def statuses(checks: list[dict[str, Any]]) -> dict[str, str]:
    return {check["id"]: check["status"] for check in checks}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Callable[[Story], Play]]:
    """A story of this file with its own simulator and folders."""
    with contextlib.ExitStack() as opened:
        yield lambda told: Play(
            tmp_path, told, opened.enter_context(Simulator(told.scenario)), opened
        )


@pytest.mark.parametrize("shared", [True, False], ids=["one-token", "twelve-tokens"])
def test_one_document_of_twelve(stand: Callable[[Story], Play], shared: bool) -> None:
    told = stand(crowd(shared=shared))
    code, written = document(told, *connect_flags(told), "--store", "none", "--register", "guided")
    assert (code, written["verdict"], written["error"]) == (0, "ready-with-warnings", None)
    [connection] = written["connections"]
    assert connection["name"] == "everywhere"
    assert statuses(connection["aspm"]["checks"]) == ASPM_CHECKS
    assert [one["name"] for one in connection["organizations"]] == list(NAMES), "in the order given"
    for one in connection["organizations"]:
        value = told.story.tokens[None if shared else one["name"]]
        assert one["registration"] == HANDED_OFF, one["name"]
        assert one["token"]["last4"] == value[-4:], one["name"]
        assert (one["token"]["reach"], one["token"]["shared"]) == (
            ("all", True) if shared else ("organization", False)
        )
        found = statuses(one["checks"])
        assert {found[check] for check in ("identity", "organization.access", "clone.token")} == {
            "pass"
        }, one["name"]
        assert not {"fail", "unknown"} & set(found.values()), one["name"]
        assert found["aspm.registration"] == "warn"
    assert told.simulator.changes == []
    assert told.stage.records() == set()


def test_twelve_tokens_name_their_organizations(stand: Callable[[Story], Play]) -> None:
    told = stand(crowd(shared=False))
    flags = [*connect_flags(told, named=False), "--store", "none", "--register", "guided"]
    code, written = document(told, *flags)
    assert (code, states(written)) == (0, dict.fromkeys(NAMES, "handed-off"))


@pytest.mark.parametrize("shared", [True, False], ids=["one-token", "twelve-tokens"])
def test_the_bad_ones_do_not_spoil_the_good(stand: Callable[[Story], Play], shared: bool) -> None:
    """Two of twelve are not good: they say why and are not handed over; the other ten are, and the worst one counts."""
    told = stand(
        crowd(shared=shared, changed={"Delta": {"deactivated": True}, "Kelp": {"members": ()}})
    )
    code, written = document(told, *connect_flags(told), "--store", "none", "--register", "guided")
    assert (code, written["verdict"]) == (3, "not-ready")
    [connection] = written["connections"]
    assert {one["name"].casefold() for one in connection["organizations"]} == {
        name.casefold() for name in NAMES
    }
    for one in connection["organizations"]:
        found = statuses(one["checks"])
        if one["name"].casefold() in ("delta", "kelp"):
            assert one["registration"]["state"] == "none", one["name"]
            assert found["organization.access"] == "fail", one["name"]
            assert {
                status for check, status in found.items() if check.startswith(("scope.", "clone."))
            } == {"skip"}
        else:
            assert one["registration"] == HANDED_OFF, one["name"]
            assert not {"fail", "unknown"} & set(found.values()), one["name"]
    assert statuses(connection["aspm"]["checks"]) == ASPM_CHECKS
    assert told.simulator.changes == []


def test_a_rehearsal_of_twelve(stand: Callable[[Story], Play]) -> None:
    """Planned, each of them; and 8 is not for rehearsals."""
    told = stand(crowd(shared=False))
    code, written = document(told, *connect_flags(told), "--dry-run", "--store", "none")
    assert (code, states(written)) == (0, dict.fromkeys(NAMES, "planned"))
    assert told.simulator.changes == []


def test_asked_to_register_and_nobody_there(stand: Callable[[Story], Play]) -> None:
    """``auto`` without a profile: the tokens are good, and a step remains for a person."""
    told = stand(crowd(shared=True))
    code, written = document(told, *connect_flags(told), "--store", "none", "--register", "auto")
    assert (code, written["verdict"]) == (8, "ready-with-warnings")
    assert states(written) == dict.fromkeys(NAMES, "handed-off")
