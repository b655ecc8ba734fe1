"""How the tests call `connect`: with a token that is good, and keeping nothing."""

from __future__ import annotations

from dataclasses import replace

from .internet import Internet
from .runner import Finished, Machine
from .world import Pat, World

KEEP_NOTHING = ("--store", "none", "--check-clone", "no")
ASPM = ("--aspm-url", "https://aspm.corp.example")


def connect(
    internet: Internet, machine: Machine, world: World, *words: str, aspm_token: str | None = None
) -> Finished:
    """One organization, no clone; and nothing of it is left on disk."""
    pat = Pat()
    internet.become(replace(world, tokens=(pat,)))
    done = machine.run(
        "connect", "-o", "contoso", *KEEP_NOTHING, *words, pat=pat, aspm_token=aspm_token
    )
    assert done.report.node["command"] == "connect"
    left = [
        path
        for path in machine.config.rglob("*")
        if path.is_file() and b"contoso" in path.read_bytes().lower()
    ]
    assert left == [], "--store none keeps nothing"
    return done
