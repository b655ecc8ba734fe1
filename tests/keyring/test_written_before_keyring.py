"""Connections that the version before the rebuild (8c320a3) left in a real Secret Service and in its records.

``written-before-rebuild`` has the records, with the kind of a token in place of its last four
characters, and each item of the keyring with its label and attributes as that version made them.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from .secret_service import ASPM, MARKS, Home
from .test_lifecycle_keyring import NEW, OLD, rotated, validated

pytestmark = MARKS
WRITTEN = Path(__file__).with_name("written-before-rebuild")
HALF = {"both": [("old", "new"), ("old", "new")]}


def fill(home: Home, state: str) -> None:
    """Put a state of then into this home, with this world's tokens as its secrets."""
    import secretstorage

    home.back(empty=True)
    records = (WRITTEN / state / "catalog.json").read_text()
    for kind, value in home.values.items():
        records = records.replace(f'"{kind.upper()}4"', json.dumps(value[-4:]))
    home.stage.config.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home.stage.config / "catalog.json").write_text(records)
    with closing(secretstorage.dbus_init()) as bus:
        collection = secretstorage.get_default_collection(bus)
        for item in json.loads((WRITTEN / state / "keyring.json").read_text()):
            collection.create_item(
                item["label"],
                item["attributes"],
                home.values[item["token"]].encode(),
                content_type=item["content_type"],
            )


def disconnected(home: Home) -> None:
    code, document = home.run("disconnect", "both", "-y")
    assert (code, document["secrets_remaining"]) == (0, 0)
    assert home.held() == []
    assert home.listed() == {}


def test_a_connection_is_validated_rotated_and_disconnected(home):
    fill(home, "connected")
    assert home.listed() == OLD
    assert home.held() == ["aspm", "old"]
    assert validated(home) == (0, set())
    assert rotated(home, "new", "--register", "none") == (0, set())
    assert home.listed() == NEW
    assert home.held() == ["aspm", "new"]
    assert validated(home) == (0, set())
    disconnected(home)


def test_a_new_token_that_waits_is_put_in_force(home):
    fill(home, "waiting")
    assert home.listed() == HALF
    assert validated(home) == (0, set())
    code, _ = home.run("rotate", "both", "--register", "none")
    assert (code, home.listed(), home.held()) == (0, NEW, ["aspm", "new"])
    assert validated(home) == (0, set())
    disconnected(home)


@pytest.mark.parametrize(("state", "held"), [("connected", 2), ("waiting", 3)])
def test_what_is_forgotten_leaves_nothing_in_the_keyring(home, state, held):
    fill(home, state)
    assert len(home.held()) == held
    disconnected(home)


@pytest.mark.parametrize("state", ["connected", "waiting"])
def test_each_entry_is_written_anew_under_its_origin_once(home, state):
    fill(home, state)
    before = dict(home.keyring)
    assert {home.keyring.accounts[service] for service in before} == {"aspm-ado"}
    assert validated(home) == (0, set())
    assert dict(home.keyring) == before, "the same secrets, one entry each"
    assert {home.keyring.accounts[service] for service in before} == {"https://dev.azure.com", ASPM}
    home.keyring.accounts.clear()
    home.keyring.clear()
    home.keyring.update(before)  # the form before, once more
    assert validated(home) == (4, {"token-gone"})
