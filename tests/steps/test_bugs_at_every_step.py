"""Whatever a port raises, wherever: a type and an id are shown, never a value, and what is stored is whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .world import Tap, World, world

COMMANDS = (
    "connect, a person", "connect", "connect, by profile", "validate", "validate, a person", "validate, ad hoc",
    "list", "list, json", "guide", "handoff, a person", "handoff", "rotate, a person", "rotate",
    "disconnect, a person", "disconnect", "migrate, a plan", "migrate", "doctor", "doctor, json",
)  # fmt: skip
BUG = re.compile(r"A bug in aspm-ado: BlurtingError at \S+:\d+ \(id [0-9a-f]{8}\)")


class BlurtingError(Exception):
    """Says all that it knows."""


def blurting(*secrets: str) -> None:
    """Raise with secrets in the message, in a cause and in a local variable."""
    held = dict(enumerate(secrets))
    try:
        raise ValueError(f"cannot take {held}")
    except ValueError as cause:
        raise BlurtingError(f"Authorization: Basic {held}", *secrets) from cause


def test_the_table_is_whole(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        assert tuple(here.commands()) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_type_and_an_id_and_never_a_value(tmp_path: Path, name: str) -> None:
    with world(tmp_path) as here:
        command = here.commands()[name]
        here.prepare(command)
        at, shown, struck = 0, 0, True
        while struck:
            at += 1
            here.back()
            tap = Tap(at, lambda: blurting(here.token, here.aspm_token, here.new))
            done = here.run(command, tap)
            struck = tap.struck
            step = tap.steps[at - 1] if struck else "the end"
            assert not here.canaries.in_bytes(done.out, f"stdout, {step}")
            assert not here.canaries.in_bytes(done.err, f"stderr, {step}")
            assert b"Traceback" not in done.err
            here.assert_whole()
            if command.flags.get("json"):
                document = json.loads(done.out)
                assert document["exit_code"] == done.code, (
                    "the code is a function of the one document"
                )
            if BUG.search(" ".join(done.err.decode().split())):
                shown += 1
            if done.code == 1:
                said = " ".join(done.err.decode().split())
                assert BUG.search(said), (step, said)
                assert (
                    not command.flags.get("json") or document["error"]["reason"] == "internal-error"
                )
            if struck and command.name in ("connect", "rotate", "disconnect"):
                tidy(here, step)
        assert shown >= at - 3, "a failure that nobody heard of"
        assert at > 3


def tidy(here: World, step: str) -> None:
    """The next run leaves nothing over."""
    if here.catalogue.pending or here.catalogue.erasing:
        here.assert_tidy()
    assert {service for service, _ in here.secrets} == here.catalogue.services, step
