"""The canary sweep: every scenario, told in every way, and no piece of a token anywhere but where it was given."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from aspm_ado.adapters.http import trust
from aspm_ado.simulator import SCENARIOS, samples
from aspm_ado.simulator.http import Request
from aspm_ado.simulator.world import CreationRules, SignIn

from ..adapters.transport.servers import Server, answer
from ..hours import NIGHT
from ..minting.az import FakeAz, drawn_sign_in
from ..simulator.strict import StrictSimulator
from .stage import ONE, Canaries, Stage, Story, drawn, drawn_token, story, where_flags
from .sweep import WAYS, Heard, Sweep, astray


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system's store of one authority: the machine's own takes longer to load than a whole run without it."""
    path = tmp_path_factory.mktemp("system") / "system.pem"
    trustme.CA(organization_name="System").cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def sweep(
    tmp_path: Path, system: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Sweep]]:
    """A stage with a simulator behind it; what was sent is looked through at the end."""
    told: list[tuple[Story, StrictSimulator]] = []
    monkeypatch.setattr(trust, "system_stores", lambda *_: (system,))

    def begin(played: Story, *secrets: str) -> Sweep:
        simulator = StrictSimulator(played.scenario).start()
        told.append((played, simulator))
        stage = Stage(tmp_path / str(len(told)), simulator.variable)
        return Sweep(stage, Canaries((*played.canaries, *secrets)))

    yield begin
    for played, simulator in told:
        simulator.stop()
        sent = [observed.request for observed in simulator.monitor.requests]
        assert sent, "nothing was asked, so nothing was tested"
        tokens, aspm = Canaries(played.tokens.values()), Canaries([played.aspm_token])
        host = played.world.aspm.host if played.world.aspm else ""
        assert not [found for request in sent for found in astray(request, tokens, aspm, host)]


def flags_of(played: Story, stage: Stage) -> tuple[list[str], list[str]]:
    """The place with its tokens, and what connect wants beside it."""
    answers = played.scenario.answers
    place = [*where_flags(played), *stage.token_flags(played.tokens)]
    place += ["--pat-expires", answers.expires.isoformat()] if answers.expires else []
    return place, stage.aspm_flags(played)


PLAYED = [name for name, told in SCENARIOS.items() if told.answers.tokens]


def ways_of(name: str) -> list[tuple[str, ...]]:
    """The ways that a scenario is told in: all of them at night and for the first scenario, else one after the other."""
    every = list(WAYS.values())
    return every if NIGHT or name == PLAYED[0] else [every[PLAYED.index(name) % len(every)]]


@pytest.mark.parametrize("name", PLAYED)
def test_no_trace_of_a_token(sweep: Callable[..., Sweep], name: str) -> None:
    """Each command from connect to disconnect. Where no token is given, the next test has what is made."""
    played = story(name)
    here = sweep(played)
    if name == "ready":  # it plays after the end
        del here.stage.environment["ASPM_ADO_GLOBAL_PAT_END"]
    place, more = flags_of(played, here.stage)
    runs: list[Heard] = []
    for number, way in enumerate(ways_of(name)):
        connected = here.run("connect", f"c{number}", *place, *more, *way)
        # Of a registration by api only the first run makes an instance; the others find that one.
        assert connected.code == played.scenario.exit_code or (
            number and more[-2] == "--registration-profile"
        )
        runs.append(connected)
        runs.append(here.run("validate", *place, *way))
        if here.kept:
            runs += [
                here.run(*words, *way)
                for words in (("list",), ("validate", f"c{number}"), ("handoff",))
            ]
            assert here.canaries.in_bytes(repr(here.kept), "the keyring"), (
                "it is what is kept there"
            )
            runs.append(here.run("disconnect", f"c{number}", "-y", *way))
        assert not here.kept
    assert not here.files()
    assert all(run.code != 1 for run in runs)
    last4 = played.token[-4:].encode()
    assert any(last4 in run.out for run in runs), (
        "the end of the token is what a person knows it by"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for az is a POSIX script")
@pytest.mark.parametrize("refusal", [None, "disablePatCreationPolicyViolation", "az"])
def test_no_trace_of_a_sign_in(sweep: Callable[..., Sweep], refusal: str | None) -> None:
    """A token that is made for us: neither the token of Entra that makes it, nor what it makes."""
    sign_in, played = drawn_sign_in(), story("global")
    contoso = replace(
        samples.CONTOSO, creation=CreationRules(refuses="" if refusal in (None, "az") else refusal)
    )
    world = replace(
        played.world,
        organizations=(contoso, samples.FABRIKAM),
        sign_ins=(SignIn(sign_in, samples.ADA, samples.TENANT),),
    )
    here = sweep(replace(played, scenario=replace(played.scenario, world=world)), sign_in)
    az, environment = FakeAz(here.stage.bin, sign_in), {"ASPM_ADO_CREATE_TOKEN": ""}
    if refusal == "az":
        az.fails(f"ERROR: AADSTS50076 while {sign_in} was used")
    flags = [*ONE, "--create-token", "require", "-y"]
    made: list[str] = []
    for number, way in enumerate(WAYS.values()):
        told = here.run("connect", f"c{number}", *flags, *way, environment=environment)
        assert (told.code == 0) is (refusal is None), told
        made += [value for value in here.kept.values() if value not in made]
        assert not Canaries(made).in_bytes(told.out + told.err, "what was said")
    assert here.programs == len(WAYS), "az was not run"
    assert len(made) == (0 if refusal else len(WAYS))
    here.canaries = Canaries([sign_in, *made])
    assert not here.files()
    assert not here.canaries.in_bytes(repr(az.calls), "what az was called with")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_tokens_in_variables_on_stdin_and_refused(
    sweep: Callable[..., Sweep], way: tuple[str, ...]
) -> None:
    """The other ways in, and what is said of a value that is refused: its place, never its text."""
    played = story("global")
    here, token = sweep(played), played.token
    assert (
        here.run("validate", "-o", "contoso", "--pat-stdin", *way, stdin=f"{token}\n".encode()).code
        == 0
    )
    assert (
        here.run("validate", "-o", "contoso", *way, environment={"ASPM_ADO_PAT": token}).code == 0
    )
    for broken in (
        f"{token[:40]}\n{token[40:]}",
        f"{token}\x07",
        f"{token[:30]} {token[30:]}",
        "eyJ" + token + ".a.b",
    ):
        path = here.stage.file("broken", broken)
        assert here.run("validate", "-o", "contoso", "--pat-file", str(path), *way).code == 2
        assert (
            here.run("validate", "-o", "contoso", "--pat-stdin", *way, stdin=broken.encode()).code
            == 2
        )
    assert not here.files()


def test_a_token_in_the_wrong_place_breaks_nothing(sweep: Callable[..., Sweep]) -> None:
    """Where a name is expected, what is pasted is an ordinary word, and is shown as one."""
    played = story("global")
    here, token = sweep(played), played.token
    here.run("validate", "-o", "contoso", "--pat-stdin", stdin=token.encode())
    for words in (
        ["-o", token],
        ["--purpose", token],
        ["--pat-file", token],
        [token],
        ["-o", "contoso", "--reach", token],
    ):
        assert here.run("validate", *words, "--json").code in (2, 3, 4, 5)


def test_token_variables_are_dropped_before_a_program_starts(sweep: Callable[..., Sweep]) -> None:
    """The browser of `guide --open`, a real child: what it is started with, and what it sees."""
    played = story("global")
    named = drawn_token()
    here = sweep(played, named)
    here.run("validate", "-o", "contoso", "--pat-stdin", stdin=played.token.encode())
    seen = here.stage.given / "seen"
    browser = here.stage.bin / "browser"
    browser.write_text(
        f"#!/bin/sh\n{{ env; printf '%s\\n' \"$@\"; tr '\\0' '\\n' </proc/$$/environ; }} >'{seen}'\n"
    )
    browser.chmod(0o700)
    variables = {"ASPM_ADO_PAT": played.token, "AZURE_DEVOPS_EXT_PAT": named, "INVICTI_ASPM_TOKEN": played.aspm_token,
                 "KONDUKTO_TOKEN": played.aspm_token, "SYSTEM_ACCESSTOKEN": "of the pipeline",
                 "BROWSER": f"{browser} %s", "DISPLAY": ":0"}  # fmt: skip
    assert here.run("guide", "-o", "contoso", "--open", environment=variables).code == 0
    assert here.programs, "no program was started"
    assert "DISPLAY=:0" in seen.read_text()
    assert "of the pipeline" not in seen.read_text()
    assert not here.canaries.in_bytes(seen.read_bytes(), "what the browser sees")
    assert not here.files()


@pytest.mark.parametrize(
    "address",
    [
        "https://dev.azure.com@{there}/contoso", "https://dev.azure.com:443@{there}/contoso", "https://{there}/contoso",
        "https://dev.azure.com\\@{there}/contoso", "https://dev.azure.com.{there}/contoso", "//{there}/contoso",
        "https://dev.azure.com\n.{there}/contoso", "https://{there}#@dev.azure.com/contoso", "http://{there}/contoso",
        "https://{there}?dev.azure.com/contoso", "https://DEV.AZURE.COM%2f@{there}/contoso", "contoso@{there}",
        "https://contoso.visualstudio.com.{there}/x", "https://{there}/dev.azure.com/contoso", "https:{there}/contoso",
    ],
)  # fmt: skip
def test_a_look_alike_hears_nothing(tmp_path: Path, address: str) -> None:
    """A server of this machine under a name that looks like Azure DevOps: nobody as much as connects to it."""
    token = drawn_token()
    server = Server([answer()])
    stage = Stage(tmp_path / "stage", "")
    del stage.environment["ASPM_ADO_SIMULATOR"]
    here = Sweep(stage, Canaries([token]))
    said = address.format(there=f"localhost:{server.port}")
    for words in (("-o", said), ("-o", "contoso", "-o", said)):
        assert (
            here.run(
                "validate", *words, "--pat-file", str(stage.file("t", token)), "--timeout", "1"
            ).code
            == 2
        )
    server.close()
    assert server.connections == 0
    assert not here.files()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_shows_a_token(tmp_path: Path) -> None:
    """A process of its own, its arguments, its environment and its core limit, in the middle of a run."""
    import socket

    token = drawn_token()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        stage = Stage(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}/#key")
        path = stage.file("token", token)
        with stage.begin("validate", "-o", "contoso", "--pat-file", str(path), "-v") as child:
            connection, _ = mute.accept()
            assert connection.recv(1)
            folder = Path(f"/proc/{child.pid}")
            assert b"--pat-file" in (folder / "cmdline").read_bytes()
            assert b"ASPM_ADO_SIMULATOR" in (folder / "environ").read_bytes()
            assert not Canaries([token]).in_processes()
            [limit] = [
                line
                for line in (folder / "limits").read_text().splitlines()
                if line.startswith("Max core")
            ]
            assert limit.split()[4] == "0"
            connection.close()
            mute.close()
            said = b"".join(child.communicate(timeout=60))
    assert child.returncode == 5
    assert not Canaries([token]).in_bytes(said, "what it said")


FORMS: dict[str, Callable[[str], bytes]] = {
    "raw": str.encode,
    "url": lambda secret: quote(secret, safe="").encode(),
    "json": lambda secret: json.dumps(secret).encode(),
    "base64": lambda secret: base64.b64encode(secret.encode()),
    "base64 of :token": lambda secret: base64.b64encode(f":{secret}".encode()),
    "base64 of user:token": lambda secret: base64.b64encode(f"ada@example:{secret}".encode()),
    "base64 of user:token for a URL": lambda secret: base64.urlsafe_b64encode(f"me:{secret}".encode()),
    "utf-16": lambda secret: secret.encode("utf-16"),
    "utf-16 be": lambda secret: secret.encode("utf-16-be"),
    "a piece": lambda secret: secret[30:42].encode(),
    "a piece in utf-16": lambda secret: secret[-12:].encode("utf-16-le"),
    "a piece of base64": lambda secret: base64.b64encode(f"somebody:{secret}".encode())[40:60],
}  # fmt: skip


def _say(stream: str) -> Callable[[Sweep, bytes], None]:
    def leak(here: Sweep, written: bytes) -> None:
        getattr(sys, stream).buffer.write(b"some words " + written + b" and more")

    return leak


def _kept_file(here: Sweep, written: bytes) -> None:
    (here.stage.home / "deep").mkdir()
    (here.stage.home / "deep" / "note").write_bytes(b"\x00" + written)


def _passing_file(here: Sweep, written: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(written)
        file.flush()


def _replaced_file(here: Sweep, written: bytes) -> None:
    one, two = here.stage.tmp / "one", here.stage.tmp / "two"
    one.write_bytes(written)
    two.write_bytes(b"harmless")
    one.replace(two)
    two.write_bytes(b"harmless")


def _log(here: Sweep, written: bytes) -> None:
    logging.getLogger("somebody").debug("sent %s", written.decode("latin-1"))


def _child(here: Sweep, written: bytes) -> None:
    subprocess.run([sys.executable, "-c", "", written.decode("latin-1")], check=True, env={})


def _childs_environment(here: Sweep, written: bytes) -> None:
    os.environ["SOME_TOKEN"] = written.decode("latin-1")


PLACES = {
    "stdout": _say("stdout"), "stderr": _say("stderr"), "a file": _kept_file, "a file that was removed": _passing_file,
    "a file that was renamed": _replaced_file, "a log": _log, "an argument of a child": _child,
    "the environment of children": _childs_environment,
}  # fmt: skip
PLAIN = [form for form in FORMS if "utf-16" not in form]


@pytest.mark.parametrize("place", PLACES)
def test_the_sweep_finds_what_is_planted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A sweep that finds nothing is worth what it would have found: a leak in each place, in each form."""
    secret = "Q7x" * 20 + '+/="\\' + drawn(24)
    bytes_go = place not in ("an argument of a child", "the environment of children", "a log")
    forms = (
        (["a piece", "base64 of user:token"] if place.endswith("a child") else PLAIN)
        if not bytes_go
        else FORMS
    )
    for number, form in enumerate(forms):
        here = Sweep(Stage(tmp_path / str(number), "http://127.0.0.1:9/#key"), Canaries([secret]))

        def leaking(words: object, here: Sweep = here, form: str = form) -> int:
            PLACES[place](here, FORMS[form](secret))
            return 0

        monkeypatch.setattr("tests.e2e.sweep.main", leaking, raising=True)
        here.run("list")
        assert here.files(), (place, form)


def test_the_sweep_finds_a_token_sent_astray(sweep: Callable[..., Sweep]) -> None:
    played = story("global")
    here = sweep(played)
    here.run("validate", "-o", "contoso", "--pat-stdin", stdin=played.token.encode())
    tokens, aspm, host = (
        Canaries([played.token]),
        Canaries([played.aspm_token]),
        "aspm.example.test",
    )
    basic = base64.b64encode(f":{played.token}".encode()).decode()
    good = Request("GET", "dev.azure.com", "/x", (("Authorization", f"Basic {basic}"),))
    assert not astray(good, tokens, aspm, host)
    for request in (
        Request("GET", host, "/x", (("Authorization", f"Basic {basic}"),)),
        Request("GET", host, "/x", (("X-Cookie", played.token),)),
        Request("GET", "dev.azure.com", "/x", (("Authorization", played.aspm_token),)),
        Request("GET", "dev.azure.com", f"/x?token={played.token}", ()),
        Request("POST", "dev.azure.com", "/x", (), played.token.encode()),
        Request("GET", "dev.azure.com", "/x", (("Referer", basic),)),
    ):
        assert astray(request, tokens, aspm, host), request.target
