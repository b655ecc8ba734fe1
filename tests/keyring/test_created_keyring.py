"""A run is killed, as a process is, while its new token lives and is not stored: the next one finds it and ends it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aspm_ado.simulator import Simulator, samples
from aspm_ado.simulator.world import SignIn

from ..e2e.conftest import Play
from ..e2e.stage import story
from ..e2e.test_many import document
from ..forked import COMMAND
from ..minting.az import FakeAz, drawn_sign_in
from .secret_service import MARKS

pytestmark = MARKS
CREATE = ("connect", "-o", "contoso", "--reach", "organization", "--create-token", "require", "-y", "--register",
          "none", "--no-input", "--purpose", "alm")  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Play]:
    """Somebody is signed in with `az`."""
    with contextlib.ExitStack() as opened:
        made = story("global")
        play = Play(tmp_path, made, opened.enter_context(Simulator(made.scenario)), opened)
        del play.stage.environment["PYTHON_KEYRING_BACKEND"]
        for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
            play.stage.environment[name] = os.environ[name]
        sign_in = drawn_sign_in()
        FakeAz(play.stage.bin, sign_in)
        play.watch(sign_in)
        play.simulator.become(
            replace(play.simulator.world, sign_ins=(SignIn(sign_in, samples.ADA, samples.TENANT),))
        )
        yield play


def killed_while_its_token_lives(told: Play) -> None:
    """Started, and killed when it asks what was granted: the token is there, and is stored nowhere."""
    asked, goes_on, respond = threading.Event(), threading.Event(), told.simulator.respond

    def held(request):  # type: ignore[no-untyped-def]
        if request.method == "GET" and "authorizationId=" in request.target and not asked.is_set():
            asked.set()
            goes_on.wait(30)
        return respond(request)

    told.simulator.respond = held  # type: ignore[method-assign]
    running = subprocess.Popen(
        [*COMMAND, *CREATE],
        env=told.stage.environment,
        cwd=told.stage.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert asked.wait(60)
    running.kill()
    running.wait(30)
    goes_on.set()


def test_a_killed_run_leaves_no_orphan(told: Play) -> None:
    told.stage.environment["ASPM_ADO_CREATE_TOKEN"] = ""
    killed_while_its_token_lives(told)
    [orphan] = [one for one in told.simulator.world.tokens if one.authorization]
    assert not orphan.revoked
    _, written = document(told, "doctor", "--timeout", "5")
    [left] = [row for row in written["checks"] if row["id"] == "records.ordered"]
    assert (left["status"], orphan.name in left["detail"]) == ("warn", True)
    assert [path.name for path in told.stage.config.glob("*.claim")]

    code, written = document(told, *CREATE)
    assert code == 0
    [first, second] = [one for one in told.simulator.world.tokens if one.authorization]
    assert (first.revoked, second.revoked) == (True, False)
    assert written["connections"][0]["organizations"][0]["token"]["last4"] == second.last4
    assert json.loads((told.stage.config / "catalog.json").read_text())["ordered"] == []
    assert not [*told.stage.config.glob("*.claim")]
    told.watch(first.value, second.value, told.token)
    assert not told.canaries.in_files(*told.stage.folders)
