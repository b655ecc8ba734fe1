"""How the tests call `connect`: with a token that is good, and keeping nothing."""

from __future__ import annotations

from dataclasses import replace

from aspm_ado.simulator.world import World

from ..simulator.internet import Internet
from ..simulator.worlds import a_token
from .runner import Finished, Machine

KEEP_NOTHING = ("--store", "none", "--check-clone", "no")
ASPM = ("--aspm-url", "https://aspm.example.test")


def connect(
    internet: Internet, machine: Machine, world: World, *words: str, aspm_token: str | None = None
) -> Finished:
    """One organization, no clone; and nothing of it is left on disk."""
    pat = a_token()
    internet.become(replace(world, tokens=(pat,)))
    done = machine.run(
        "connect", "-o", "contoso", *KEEP_NOTHING, *words, token=pat, aspm_token=aspm_token
    )
    assert done.report.node["command"] == "connect"
    left = [
        path
        for path in machine.config.rglob("*")
        if path.is_file() and b"contoso" in path.read_bytes().lower()
    ]
    assert left == [], "--store none keeps nothing"
    return done
