"""The real command over a real Secret Service. Run: tests/keyring/with-secret-service pytest -m keyring."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.domain.reasons import ExitCode
from aspm_ado.simulator import Simulator

from ..e2e.conftest import Play
from ..e2e.questions import ASPM, ENTERED, EXPIRES, GO, TOKEN, WHERE, answers
from ..e2e.stage import story, until
from ..e2e.terminal import CTRL_D, DOWN, ENTER, UP, squeezed
from ..forked import COMMAND
from .secret_service import MARKS
from .test_secret_service import START, daemon_on_this_bus

pytestmark = MARKS
ASPM_URL = "https://aspm.example.test"


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Play]]:
    """As in ``tests/e2e``, with the session's bus in the environment."""
    with contextlib.ExitStack() as opened:
        number = 0

        def begin(name: str = "global", **options: Any) -> Play:
            nonlocal number
            number += 1
            told = story(name)
            made = Play(
                tmp_path / str(number),
                told,
                opened.enter_context(Simulator(told.scenario, **options)),
                opened,
            )
            del made.stage.environment["PYTHON_KEYRING_BACKEND"]
            for kept in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
                made.stage.environment[kept] = os.environ[kept]
            return made

        yield begin


def kept() -> list[tuple[str, str]]:
    """Everything that the Secret Service holds: the service named, and the secret."""
    import secretstorage

    found = []
    with closing(secretstorage.dbus_init()) as connection:
        for item in [
            item
            for each in secretstorage.get_all_collections(connection)
            for item in each.get_all_items()
        ]:
            with contextlib.suppress(
                secretstorage.exceptions.ItemNotFoundException
            ):  # gone since it was listed
                found.append((item.get_attributes().get("service", ""), item.get_secret().decode()))
    return found


def services_of(told: Play, secret: str) -> set[str]:
    """Where a secret is kept. Each service is named by the records, or it is an orphan.

    gnome-keyring still lists an item for a moment after it has answered that it is deleted; under load, a long moment.
    """
    found: set[str] = set()

    def tidy() -> bool:
        nonlocal found
        found = {service for service, value in kept() if value == secret}
        named = (told.stage.config / "catalog.json").read_text() if found else ""
        return all(service in named for service in found)

    until(tidy, "a keyring without a secret that nothing names")
    return found


def connect(told: Play, *flags: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """``connect`` with the story's token, its answer as a document."""
    place = [] if "-o" in flags else ["-o", "contoso"]
    tokens = told.stage.token_flags(told.story.tokens)
    more = ["--aspm-url", ASPM_URL, "--register", "guided", "--no-input", "--json"]
    done = told.stage.run("connect", *flags, *place, *tokens, *more, **options)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert not told.canaries.in_bytes(done.stdout + done.stderr, "the output")
    document = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode
    assert done.returncode != ExitCode.BUG, done.stderr.decode()
    return done.returncode, document


def assert_private(told: Play) -> None:
    """Nothing but the keyring's own file holds a secret, and what we write is ours alone."""
    home = Path(os.environ["HOME"])
    keyrings = list((home / ".local" / "share" / "keyrings").glob("*"))
    assert not told.canaries.in_files(*told.stage.folders, home, besides=keyrings)
    config = told.stage.config
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in config.rglob("*")}
    assert set(modes.values()) == {0o600}, modes


def test_a_connection_and_its_life(play):
    told = play()
    aspm = str(told.stage.file("aspm-token", told.story.aspm_token))
    code, document = connect(told, "--aspm-token-file", aspm)
    assert (code, document["verdict"]) == (0, "ready-with-warnings")
    [entry] = document["connections"]
    assert entry["name"] == "contoso"
    assert entry["organizations"][0]["registration"] == {
        "mode": "guided", "state": "handed-off", "proof": "none", "instance_id": None
    }  # fmt: skip
    assert len(services_of(told, told.token)) == 1
    assert len(services_of(told, told.story.aspm_token)) == 1
    assert_private(told)

    # ``validate`` needs nothing but the keyring, and a token in a variable is not its business.
    done = told.stage.run("validate", "contoso", "--json", environment={"ASPM_ADO_PAT": "x" * 84})
    proven = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr.decode()
    assert b"ASPM_ADO_PAT" in done.stderr
    checks = {check["id"]: check["status"] for check in proven["connections"][0]["checks"]}
    assert checks["store.secrets"] == "pass"
    assert proven["connections"][0]["organizations"][0]["token"]["last4"] == told.token[-4:]
    checks = {check["id"]: check["status"] for check in proven["connections"][0]["aspm"]["checks"]}
    assert checks["aspm.token"] == "pass"

    # Another organization, its token being the same: the ASPM's token is still one record.
    code, document = connect(told, "contoso", "-o", "fabrikam", "--aspm-token-file", aspm)
    assert code == 0
    assert len(services_of(told, told.story.aspm_token)) == 1
    asked = len(told.simulator.requests)
    done = told.stage.run(
        "list", "--json", environment={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
    )
    assert done.returncode == 0, done.stderr.decode()
    [stored] = json.loads(done.stdout)["connections"]
    assert [one["name"].lower() for one in stored["organizations"]] == ["contoso", "fabrikam"]
    assert len(told.simulator.requests) == asked, "list is offline"
    done = told.stage.run("validate", "--json")
    assert [
        one["name"].lower() for one in json.loads(done.stdout)["connections"][0]["organizations"]
    ] == ["contoso", "fabrikam"]
    assert services_of(told, told.token)
    assert_private(told)
    assert told.simulator.changes == []


def test_a_new_token_replaces_the_old_one(play):
    """Connecting the same organization again leaves one secret: what it replaces is erased."""
    told = play()
    connect(told)
    connect(told, "contoso", "-o", "contoso")
    assert len(services_of(told, told.token)) == 1


def test_what_is_not_good_is_not_kept(play):
    told = play("missing-scope")
    code, document = connect(told)
    assert (code, document["verdict"]) == (3, "not-ready")
    assert services_of(told, told.token) == set()
    done = told.stage.run("list", "--json")
    assert json.loads(done.stdout)["connections"] == []


def under_session(home: Path, password: str) -> list[str]:
    """A session bus of its own, with a keyring that is opened with ``password``."""
    (home / "run").mkdir(0o700, parents=True, exist_ok=True)
    return ["dbus-run-session", "--", "bash", "-c", START, "start", password]


def other_session(told: Play, home: Path) -> dict[str, str]:
    told.stage.environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
    return {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
    }


def test_a_locked_keyring_ends_it_before_anything_is_asked(play, tmp_path):
    told, home = play(), tmp_path / "other"
    under = under_session(home, "right")
    environment = other_session(told, home)
    code, _ = connect(told, environment=environment, under=under)
    assert code == 0
    before = told.stage.records(), (told.stage.config / "catalog.json").read_bytes()
    asked = len(told.simulator.requests)
    locked = under_session(home, "wrong")
    code, document = connect(told, "other", environment=environment, under=locked)
    assert (code, document["error"]["reason"]) == (7, "keyring-locked")
    assert len(told.simulator.requests) == asked
    assert (told.stage.records(), (told.stage.config / "catalog.json").read_bytes()) == before
    done = told.stage.run("validate", "contoso", "--json", environment=environment, under=locked)
    document = json.loads(done.stdout)
    assert (done.returncode, document["exit_code"]) == (7, 7)
    [check] = [
        check for check in document["connections"][0]["checks"] if check["id"] == "store.secrets"
    ]
    assert (check["status"], check["reason"]) == ("fail", "keyring-locked")
    assert check["remedy"]
    done = told.stage.run("list", "--json", environment=environment, under=locked)
    assert done.returncode == 0


def test_no_keyring_ends_it_before_anything_is_asked(play, tmp_path):
    told = play()
    del told.stage.environment["DBUS_SESSION_BUS_ADDRESS"]
    told.stage.environment["XDG_RUNTIME_DIR"] = str(tmp_path)
    code, document = connect(told)
    assert (code, document["error"]["reason"]) == (7, "keyring-absent")
    assert "--store none" in document["error"]["remedy"]
    assert told.simulator.requests == []
    assert told.stage.records() == set()
    code, document = connect(told, "--store", "none")
    assert code == 0
    assert told.stage.records() == set()


STORING = ("connect", "-o", "contoso", "--aspm-url", ASPM_URL, "--register", "guided", "--no-input")


def test_killed_while_it_stores(play):
    """The daemon is stopped once the questions are over, so that the program stands at its first write; kill -9."""
    told = play(delay_seconds=0.3)  # so that the daemon is surely stopped before the last answer
    daemon = daemon_on_this_bus()
    run = subprocess.Popen(
        [*COMMAND, *STORING, *told.stage.token_flags(told.story.tokens)],
        env=told.stage.environment,
        cwd=told.stage.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(said := (told.stage.folder / "said").open("wb")),
    )
    try:
        until(
            lambda: told.simulator.requests or run.poll() is not None,
            "the first request: the keyring is probed before",
        )
        assert run.poll() is None, (told.stage.folder / "said").read_text()
        os.kill(daemon, signal.SIGSTOP)
        catalog = told.stage.config / "catalog.json"
        told.simulator._delay = 0.0
        until(
            lambda: catalog.exists() and json.loads(catalog.read_text())["pending"],
            "what is about to be stored",
        )
    finally:
        run.kill()
        run.wait(timeout=20)
        said.close()
        os.kill(daemon, signal.SIGCONT)
        kept()  # it has caught up with what was asked meanwhile
    document = json.loads(told.stage.run("list", "--json").stdout)
    assert document["connections"] == []
    assert connect(told)[0] == 0
    assert len(services_of(told, told.token)) == 1
    records = json.loads((told.stage.config / "catalog.json").read_text())
    assert (records["pending"], records["erasing"]) == ({}, [])
    assert_private(told)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stopped_while_it_stores(play, number):
    """The same with a signal that can be handled: 130, and what was begun is undone in that very run or the next."""
    told = play(delay_seconds=0.3)  # so that the daemon is surely stopped before the last answer
    daemon = daemon_on_this_bus()
    run = subprocess.Popen(
        [*COMMAND, *STORING, "--json", *told.stage.token_flags(told.story.tokens)],
        env=told.stage.environment,
        cwd=told.stage.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: told.simulator.requests, "the first request")
        os.kill(daemon, signal.SIGSTOP)
        catalog = told.stage.config / "catalog.json"
        told.simulator._delay = 0.0
        until(
            lambda: catalog.exists() and json.loads(catalog.read_text())["pending"],
            "what is about to be stored",
        )
        run.send_signal(number)
        out, err = run.communicate(timeout=30)
    finally:
        os.kill(daemon, signal.SIGCONT)
        kept()  # it has caught up with what was asked meanwhile
    assert run.returncode == 130, err.decode()
    assert json.loads(out)["exit_code"] == 130
    assert b"Traceback" not in err
    assert json.loads(told.stage.run("list", "--json").stdout)["connections"] == []
    told.stage.run("validate")
    assert connect(told)[0] == 0
    assert len(services_of(told, told.token)) == 1


def test_leaving_at_every_question_and_coming_back(play):
    """One home, left with Ctrl-D at each question in turn; the next run offers the answers, so that Enter goes on."""
    told = play()
    given = answers(told.token)
    left: list[str] = []
    while True:
        wizard = told.wizard("connect")
        came = wizard.play(given, leave_at=len(left), with_=CTRL_D)
        if len(left) > 1:
            assert (
                squeezed("The answers of your interrupted run are offered again")
                in wizard.everything
            )
            assert squeezed("[contoso]") in wizard.everything
        if came[-1] == ENTERED:
            break
        left.append(came[-1])
        assert wizard.code == 130, came
        kept = (
            squeezed("Your answers are saved for the next run of connect, without secrets")
            in wizard.everything
        )
        assert kept is (len(left) > 1), "there is none before the first"
        assert told.stage.records() <= {"draft.json", "catalog.json"}
        assert services_of(told, told.token) == set()
        if len(left) > 1:
            assert told.stage.draft()["organization"] == "contoso"
            given[WHERE] = ENTER
        if ASPM in left[:-1]:
            assert "aspm.example.test" in told.stage.draft()["aspm-url"]
            given[ASPM] = ENTER
    assert {WHERE, TOKEN, EXPIRES, ASPM, GO} <= set(left)
    assert told.simulator.changes == []

    # It was left in the hand-off: the connection is stored, whole, and the hand-off goes on another day.
    assert wizard.code == 130
    assert len(services_of(told, told.token)) == 1
    [stored] = json.loads(told.stage.run("list", "--json").stdout)["connections"]
    assert stored["organizations"][0]["registration"]["state"] == "handed-off"
    wizard = told.wizard("handoff", "contoso")
    wizard.answer(ENTERED, DOWN + ENTER)
    assert wizard.end() == 8
    wizard = told.wizard("handoff")
    wizard.answer(ENTERED, UP + ENTER)
    assert wizard.end() == 0
    [stored] = json.loads(told.stage.run("list", "--json").stdout)["connections"]
    assert stored["organizations"][0]["registration"]["proof"] == "claimed"
    assert_private(told)


def test_the_wizard_stores_and_the_next_days_work_from_it(play):
    told = play()
    wizard = told.wizard("connect")
    wizard.play(answers(told.token, **{ENTERED: DOWN + DOWN + ENTER}))
    assert wizard.code == 6
    assert len(services_of(told, told.token)) == 1
    assert told.stage.draft() == {}
    done = told.stage.run("validate", "contoso", "--json")
    [organization] = json.loads(done.stdout)["connections"][0]["organizations"]
    assert organization["registration"]["state"] == "failed"
    assert done.returncode in (0, 6)
    assert_private(told)
