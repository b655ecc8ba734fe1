"""Rotating and disconnecting over a real Secret Service, open and locked: the code, what is told, what is held."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import date
from typing import Any

import pexpect
import pytest

from ..e2e.questions import ENTERED, EXPIRES, TOKEN
from ..e2e.stage import until
from ..e2e.terminal import DOWN, ENTER, UP, pasted, squeezed
from .secret_service import ASPM, MARKS, Home

pytestmark = MARKS
SAVED, REFUSED = UP + ENTER, DOWN + DOWN + ENTER
OLD = {"both": [("old", None), ("old", None)]}
WAITS = {"both": [("old", "new"), ("old", "new")]}
NEW = {"both": [("new", None), ("new", None)]}


def reasons(document: dict[str, Any]) -> set[str]:
    """Why it is not good."""
    found = {document["error"]["reason"]} if document["error"] else set()
    for connection in document.get("connections", ()):
        checks = [
            *connection["checks"],
            *(connection["aspm"]["checks"] if connection["aspm"] else ()),
        ]
        checks += [check for one in connection["organizations"] for check in one["checks"]]
        found |= {
            one["reason"]
            for one in checks
            if one["required"] and one["status"] in ("fail", "unknown")
        }
    return found


def rotated(home: Home, kind: str, *more: str) -> tuple[int, set[str]]:
    code, document = home.run(*home.rotating(kind, *more))
    return code, reasons(document)


def validated(home: Home) -> tuple[int, set[str]]:
    code, document = home.fork("validate")
    return code, reasons(document)


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("graces", 3, "other-identity"),
        ("thin", 3, "code-scope-missing"),
        ("late", 4, "token-expired"),
    ],
)
def test_a_new_token_that_is_not_good_changes_nothing(home, kind, code, reason):
    assert rotated(home, kind, "--register", "none") == (code, {reason})
    assert home.listed() == OLD
    assert home.held() == ["aspm", "old"]
    assert validated(home) == (0, set())


def test_somebody_else_s_token_with_leave(home):
    assert rotated(home, "graces", "--register", "none", "--allow-other-identity") == (0, set())
    assert home.listed() == {"both": [("graces", None), ("graces", None)]}
    assert home.held() == ["aspm", "graces"]
    assert validated(home) == (0, set())


def test_an_old_token_that_has_expired(home):
    home.token("old", expires=date(2026, 10, 1))
    assert validated(home)[0] == 4
    assert rotated(home, "new", "--register", "none") == (0, set())
    assert home.listed() == NEW
    assert home.held() == ["aspm", "new"]
    assert validated(home) == (0, set())


def test_it_waits_for_invicti_aspm_and_is_finished_by_rotate(home):
    assert rotated(home, "new") == (8, set())
    assert home.listed() == WAITS
    assert home.held() == ["aspm", "new", "old"]
    assert validated(home) == (0, set())
    code, _ = home.run("rotate", "both", "--register", "none")
    assert (code, home.listed(), home.held()) == (0, NEW, ["aspm", "new"])


def test_refused_by_invicti_aspm_half_way(home):
    wizard = home.play.wizard(*home.rotating("new"))
    wizard.answer(ENTERED, SAVED)
    wizard.answer(ENTERED, REFUSED)
    assert wizard.end() == 6
    assert home.listed() == {"both": [("new", None), ("old", "new")]}
    assert home.held() == ["aspm", "new", "old"]
    assert validated(home) == (0, set())
    code, _ = home.run("rotate", "both", "-o", "fabrikam", "--register", "none")
    assert (code, home.listed(), home.held()) == (0, NEW, ["aspm", "new"])


@pytest.mark.parametrize(
    ("saved", "listed", "way"),
    [
        (0, WAITS, "handoff"),
        (0, WAITS, "rotate"),
        (1, {"both": [("new", None), ("old", "new")]}, "handoff"),
    ],
    ids=["finished by handoff", "finished by rotate", "half-way, finished by handoff"],
)
def test_the_window_is_closed(home, saved, listed, way):
    wizard = home.play.wizard(*home.rotating("new"))
    for _ in range(saved):
        wizard.answer(ENTERED, SAVED)
    wizard.see(ENTERED)
    with contextlib.suppress(
        pexpect.ExceptionPexpect
    ):  # it does not wait for the clean-up to end; the next line does
        wizard.child.close(force=False)
    until(lambda: (home.stage.folder / "code").exists(), "the end of the program")
    assert wizard.code == 130
    assert home.listed() == listed
    assert home.held() == ["aspm", "new", "old"]
    assert validated(home) == (0, set())
    wizard = home.play.wizard(way, "both")
    for _ in range(2 - saved):
        wizard.answer(ENTERED, SAVED)
    assert wizard.end() == 0
    assert home.listed() == NEW
    assert home.held() == ["aspm", "new"]
    assert validated(home) == (0, set())


def test_locked_from_the_beginning(home):
    """Nothing is asked of anybody, nothing changes, and ``list`` tells what is stored all the same."""
    asked = len(home.play.simulator.requests)
    home.keyring.lock()
    assert rotated(home, "new", "--register", "none") == (7, {"keyring-locked"})
    code, document = home.run("disconnect", "both", "-y")
    assert (code, reasons(document)) == (7, {"keyring-locked"})
    assert len(home.play.simulator.requests) == asked
    assert validated(home) == (7, {"keyring-locked"})
    assert home.listed() == OLD
    home.keyring.unlock()
    assert home.held() == ["aspm", "old"]
    assert validated(home) == (0, set())


def test_locked_before_the_new_token_is_kept(home):
    """While somebody types it: it is proven, and cannot be stored."""
    wizard = home.play.wizard("rotate", "both")
    wizard.answer(TOKEN, pasted(home.values["new"]) + ENTER)
    wizard.see(EXPIRES)
    home.keyring.lock()
    wizard.type(ENTER)
    assert wizard.end() == 7
    assert home.listed() == OLD
    home.keyring.unlock()
    assert home.held() == ["aspm", "old"]
    assert validated(home) == (0, set())


def test_locked_at_the_swap(home):
    """Invicti ASPM has the new one, so that it is in force; the old secret goes when the keyring is open again."""
    wizard = home.play.wizard(*home.rotating("new"))
    wizard.answer(ENTERED, SAVED)
    wizard.see(ENTERED)
    home.keyring.lock()
    wizard.type(SAVED)
    assert wizard.end() == 0
    assert squeezed("Could not delete an old secret yet") in wizard.everything
    assert home.listed() == NEW
    assert validated(home) == (7, {"keyring-locked"})
    home.keyring.unlock()
    assert home.held() == ["aspm", "new", "old"]
    assert len(home.records["erasing"]) == 1, "named, to be erased"
    assert validated(home) == (0, set())
    assert rotated(home, "new") == (2, {"token-unchanged"})
    assert home.held() == ["aspm", "new"]
    assert home.listed() == NEW


def test_a_new_token_of_the_aspm(home):
    other = str(home.stage.file("aspm-wrong", home.values["late"]))
    flags = ("rotate", "--aspm-url", ASPM, "--aspm-token-file")
    code, document = home.run(*flags, other)
    assert (code, reasons(document), home.held()) == (4, {"aspm-token-rejected"}, ["aspm", "old"])
    world = home.play.simulator.world
    home.play.simulator.become(replace(world, aspm=replace(world.aspm, token=home.values["late"])))
    assert validated(home) == (4, {"aspm-token-rejected"})
    home.keyring.lock()
    code, document = home.run(*flags, other)
    assert (code, reasons(document)) == (7, {"keyring-locked"})
    home.keyring.unlock()
    code, _ = home.run(*flags, other)
    assert (code, home.held(), validated(home)) == (0, ["late", "old"], (0, set()))


def forgotten(home: Home) -> tuple[int, int, int]:
    code, document = home.run("disconnect", "both", "-y")
    assert document["left_to_do"]
    assert document["revoke"] == ["https://dev.azure.com/contoso/_usersSettings/tokens"]
    return code, document["secrets_erased"], document["secrets_remaining"]


def test_disconnect_leaves_nothing(home):
    assert rotated(home, "new")[0] == 8
    assert forgotten(home) == (0, 3, 0)
    assert (home.listed(), home.held()) == ({}, [])
    assert validated(home)[0] == 2
    assert home.run("disconnect", "both", "-y")[0] == 2


def test_disconnect_though_the_secrets_are_gone(home):
    home.keyring.clear()
    assert validated(home) == (4, {"token-gone"})
    assert forgotten(home) == (0, 2, 0)
    assert (home.listed(), home.held()) == ({}, [])


def test_disconnect_leaves_what_another_connection_uses(home):
    code, _ = home.run(
        "connect", "third", "-o", "contoso", "--purpose", "alm", "--register", "guided",
        "--pat-file", home.files["new"], "--aspm-url", ASPM,
    )  # fmt: skip
    assert (code, home.held()) == (0, ["aspm", "new", "old"])
    assert forgotten(home) == (0, 1, 0)
    assert home.listed() == {"third": [("new", None)]}
    assert home.held() == ["aspm", "new"]
    assert validated(home) == (0, set())
