"""Two real processes side by side on one keyring, again and again: no wrong exit code, no secret that is lost."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..hours import NIGHT
from .secret_service import MARKS, Home

pytestmark = MARKS
TIMES = 40 if NIGHT else 6
ROTATE = ("--register", "none")
PAIRS = {
    "validate beside rotate": (
        lambda home: ("validate", "both"),
        lambda home: home.rotating("new", *ROTATE),
        {"new"},
    ),
    "rotate beside rotate": (
        lambda home: home.rotating("newer", *ROTATE),
        lambda home: home.rotating("new", *ROTATE),
        {"new", "newer"},
    ),
    "migrate beside validate": (
        lambda home: home.migrating(*ROTATE),
        lambda home: ("validate", "both"),
        {"contoso", "fabrikam"},
    ),
}
MEANWHILE = "nothing-stored"
"""Why one of two that store ends with 2: the other one was there meanwhile."""


@pytest.mark.parametrize("pair", PAIRS)
def test_two_processes_side_by_side(home: Home, pair: str) -> None:
    first, second, kinds = PAIRS[pair]
    seen: Counter[tuple[int, str]] = Counter()
    with home.beside() as other, ThreadPoolExecutor(1) as pool:
        for turn in range(TIMES):
            home.back()
            running = pool.submit(other, *first(home))
            time.sleep(turn % 8 * 0.05)  # so that they meet at other steps
            ended = [home.fork(*second(home)), running.result(60)]
            for code, document in ended:
                reason = (document["error"] or {"reason": ""})["reason"]
                seen[code, reason] += 1
                assert code == 0 or (code, reason) == (2, MEANWHILE), document
            assert 0 in [code for code, _ in ended]
            assert {new or old for old, new in home.listed()["both"]} <= kinds
            assert home.services_in_force() <= set(home.keyring)
            assert home.fork("validate", "both")[0] == 0
            assert home.fork("disconnect", "both", "-y")[0] == 0
            assert dict(home.keyring) == {}
    assert seen[0, ""] >= TIMES
