"""Kill -9 before each effect on a real Secret Service, and a keyring that locks there: finished or undone."""

from __future__ import annotations

import pytest

from ..hours import NIGHT
from .secret_service import MARKS, PROFILE, Home

pytestmark = MARKS
SET, DELETE, RECORDS = "set_password", "delete_password", "records"
EFFECTS = {
    # said, two secrets written, in force; for each organization: what is to be registered, its answer, its proof
    "connect": [RECORDS, SET, SET, RECORDS, *4 * [RECORDS], RECORDS],
    # said, written, waiting; in force in the place of the old one; the old one erased, and off the list
    "rotate": [RECORDS, SET, RECORDS, RECORDS, DELETE, RECORDS],
    # the choice; each new token said, written, waiting; in force one by one, the old one erased, and the end of it
    "migrate": [RECORDS, *2 * [RECORDS, SET, RECORDS], *2 * [RECORDS], DELETE, *2 * [RECORDS]],
    # forgotten, two secrets erased, off the list
    "disconnect": [RECORDS, DELETE, DELETE, RECORDS],
}

STRIDE = {"killed": 1, "locked": 1 if NIGHT else 3}


def words(home: Home, command: str) -> tuple[str, ...]:
    return {
        "connect": home.connecting("--register", "api", "--registration-profile", PROFILE),
        "rotate": home.rotating("new", "--register", "none"),
        "migrate": home.migrating("--register", "none"),
        "disconnect": ("disconnect", "both", "-y"),
    }[command]


def begin(home: Home, command: str) -> None:
    """What is there before the command."""
    home.keyring.unlock()
    home.back(empty=command == "connect")


def assert_whole(home: Home) -> None:
    """Nothing in force names a missing secret, every secret has its name on record, and nothing is registered twice."""
    home.held()
    assert home.services_in_force() <= set(home.keyring)
    urls = [one.url.casefold() for one in home.play.simulator.world.aspm.instances]
    assert len(urls) == len(set(urls))
    assert not home.play.canaries.in_files(*home.stage.folders)


def assert_tidy(home: Home) -> None:
    """Whole, and nothing is left over."""
    assert_whole(home)
    assert home.services_in_force() == set(home.keyring)
    assert (home.records["pending"], home.records["erasing"]) == ({}, [])


def go_on(home: Home, turn: int) -> None:
    """One command after the other takes its turn to be the next, and ends well."""
    stored = "both" in home.records.get("connections", {})
    following = ("connect", "rotate", "disconnect")[turn % 3] if stored else "connect"
    waits = stored and home.records["connections"]["both"]["successors"]
    code, _ = home.fork(*words(home, following))
    assert code in (0, 2) or (code == 8 and waits), "8: Invicti ASPM lacks the token that waits"
    if code == 2:  # nothing was to be done, so nothing was cleared
        assert home.fork(*words(home, "disconnect"))[0] == 0
    assert_tidy(home)


@pytest.mark.parametrize("way", ["killed", "locked"])
@pytest.mark.parametrize("command", EFFECTS)
def test_at_each_effect(home, command, way):
    """Before each effect, in turn, the process is killed or the keyring is locked, and stays so until it has ended."""
    expected = EFFECTS[command]
    for turn in (*range(0, len(expected), STRIDE[way]), len(expected)):
        begin(home, command)
        effects: list[str] = []
        with home.stepping(*words(home, command)) as run:
            for effect in run:
                effects.append(effect)
                if len(effects) == turn + 1:
                    run.kill() if way == "killed" else home.keyring.lock()
        home.keyring.unlock()
        assert effects[: turn + 1] == expected[: turn + 1]
        if turn == len(expected):
            assert (run.code, effects) == (0, expected), "an effect that the table does not know"
            assert_tidy(home)
            break
        assert run.code == -9 if way == "killed" else run.code in (0, 7)
        assert_whole(home)
        go_on(home, turn)
