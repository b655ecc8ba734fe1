"""Strings that play with a terminal, from everybody who can name something, in everything that we say and write."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from aspm_ado.adapters.http import transport, trust
from aspm_ado.cli.commands import COMMANDS
from aspm_ado.simulator import Scenario, Simulator, samples
from aspm_ado.simulator.world import Organization

from ..adapters.transport.servers import Received, Server, answer
from ..hours import NIGHT
from .faults import STRUCK, Front
from .hostile import ATTACKS, LONG, UNWANTED, assert_harmless
from .questions import ASPM_TOKEN, HAND, MORE
from .stage import Canaries, Stage, Story, drawn_token, story
from .sweep import WAYS, Heard, Sweep
from .terminal import DOWN, ENTER, UP

SEEN = ("plain", "painted")
ASPM = ("--aspm-url", "https://aspm.example.test", "--register", "guided")


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    path = tmp_path / "system.pem"
    trustme.CA(organization_name="System").cert_pem.write_to_path(str(path))
    monkeypatch.setattr(trust, "system_stores", lambda *_: (path,))
    monkeypatch.setattr(transport, "back_off", lambda *_: 0.0)
    with ExitStack() as stack:
        yield stack


def spoiled(scenario: Scenario) -> Scenario:
    """The same world; its people, projects, repositories, other organizations and teams have such names."""

    def named(one: Organization) -> Organization:
        projects = tuple(
            replace(
                each,
                name=ATTACKS,
                repositories=tuple(replace(repo, name=LONG) for repo in each.repositories),
            )
            for each in one.projects
        )
        return replace(
            one, projects=projects, members=tuple(replace(each, name=LONG) for each in one.members)
        )

    world = scenario.world
    contoso, fabrikam = (named(one) for one in world.organizations)
    assert world.aspm is not None
    ada = contoso.members[0]
    return replace(
        scenario,
        world=replace(
            world,
            organizations=(contoso, replace(fabrikam, name=ATTACKS), replace(fabrikam, name=LONG)),
            tokens=tuple(
                replace(one, owner=replace(one.owner, name=ada.name)) for one in world.tokens
            ),
            aspm=replace(world.aspm, teams=(ATTACKS,), projects=(LONG,)),
        ),
    )


@pytest.fixture
def begin(tmp_path: Path, opened: ExitStack) -> Callable[..., tuple[Sweep, Story]]:
    """A stage before such a world, or before another."""

    def start(
        name: str = "global", change: Callable[[Scenario], Scenario] = spoiled
    ) -> tuple[Sweep, Story]:
        told = story(name)
        told = replace(told, scenario=change(told.scenario))
        simulator = opened.enter_context(Simulator(told.scenario))
        return Sweep(Stage(tmp_path / "stage", simulator.variable), Canaries([])), told

    return start


def check(done: Heard, words: tuple[str, ...], *, terminal: bool = False) -> None:
    assert done.code != 1, done.err.decode()
    assert_harmless(done.err.decode(), terminal=terminal)
    if "--json" in words:
        assert done.out.isascii()
        json.loads(done.out)
        assert not UNWANTED.search(done.out.decode().replace("\n", ""))
    else:
        assert_harmless(done.out.decode(), terminal=terminal)


@pytest.mark.parametrize("scenario", ["global", "missing-scope"])
@pytest.mark.parametrize("seen", SEEN)
def test_from_azure_devops_on_every_screen(
    begin: Callable[..., tuple[Sweep, Story]], seen: str, scenario: str
) -> None:
    """Tables, notes, traces, tickets, the hand-off, the plan of a migration and its files."""
    here, told = begin(scenario)
    token = str(here.stage.file("token", told.token))
    given = ("-o", "contoso", "--all-organizations", "--pat-file", token)
    here.terminal = seen == "painted"
    shown = b""
    commands = [("validate", *given), ("connect", "c", *given, *ASPM)]
    stored = [
        ("list",),
        ("validate", "--all"),
        ("handoff", "c"),
        ("doctor",),
        ("disconnect", "c", "-y"),
    ]
    plan = (
        "migrate",
        "c",
        "--plan",
        "--all-organizations",
        "--plan-file",
        "p.md",
        "--plan-file",
        "p.json",
        "-y",
    )
    ways = list(WAYS.values() if NIGHT else [("-v",), ("--json",)])
    for number, words in enumerate((*commands, *((plan, *stored) if scenario == "ready" else ()))):
        # By day the ways take turns once the names were seen; what is painted is never a document.
        for way in ways if NIGHT or number < 2 else [ways[number % 2]]:
            done = here.run(*words, *way)
            check(done, (*words, *way), terminal=here.terminal)
            shown += done.out + done.err
    assert b"owned" in shown, "the names were not shown at all"
    assert (b"\x1b[" in shown) is here.terminal
    if scenario == "ready":
        page = (here.stage.folder / "p.md").read_text()
        assert_harmless(page, bounded=False)
        assert "\\[l\\](https://evil" in page, "not a link"
        assert "<img" not in page.replace("\\<img", "")
        plan_document = json.loads((here.stage.folder / "p.json").read_text("ascii"))
        assert ATTACKS in [one["organization"] for one in plan_document["organizations"]], (
            "whole, and escaped"
        )


def hostile_answer(status: int) -> Callable[[socket.socket, Received], None]:
    """Every text of an answer; what HTTP lets into a header is in the headers, too."""
    bare = (
        ATTACKS.replace("\r", "")
        .replace("\n", "")
        .replace("\x00", "")
        .encode("latin-1", "ignore")
        .decode("latin-1")
    )
    body = {"error": ATTACKS, "message": f"TF400813: {LONG}", "value": [{"name": LONG, "id": ATTACKS}], "id": ATTACKS,
            "authenticatedUser": {"id": ATTACKS, "providerDisplayName": LONG, "properties": {"Account": ATTACKS}},
            "deploymentType": ATTACKS, "displayName": LONG, "exist": ATTACKS, "instance": {"id": ATTACKS}}  # fmt: skip
    headers = [f"ActivityId: {bare}", f"X-MSEdge-Ref: {bare}", f"X-VSS-UserData: {bare}:{bare}",
               f"X-TFS-ServiceError: {bare}", f"Location: https://{bare}/x", f"WWW-Authenticate: {bare}",
               f"X-TFS-ProcessId: {bare}", f"Server: {bare}"]  # fmt: skip
    whole = answer(status, json.dumps(body).encode(), *headers, "Connection: close")
    return lambda sock, _: sock.sendall(whole)


STATUSES = (200, 201, 302, 400, 401, 403, 404, 503)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("where", ["Azure DevOps", *STRUCK])
def test_from_any_answer(tmp_path: Path, opened: ExitStack, where: str, status: int) -> None:
    """Messages, envelopes, headers, the address of a redirect, ids: of Azure DevOps and of Invicti ASPM."""
    told = story("register-api")
    simulator = opened.enter_context(Simulator(told.scenario))
    front = Front(
        [hostile_answer(status)],
        behind=simulator.address,
        strikes=STRUCK.get(where, lambda _: True),
    )
    opened.callback(front.close)
    here = Sweep(
        Stage(tmp_path / "stage", f"http://127.0.0.1:{front.port}/#{simulator.key}"), Canaries([])
    )
    path = str(here.stage.file("pat", told.token))
    given = ["-o", "contoso", "--pat-file", path, "--purpose", "alm"]
    more = here.stage.aspm_flags(told)
    ways = [("-v",), ("--json", "-v")]
    turn = (STATUSES.index(status) + len(where)) % 2
    for number, way in enumerate(ways if NIGHT else [ways[turn]]):
        words = (
            ("validate", *given, *way)
            if where == "Azure DevOps"
            else ("connect", f"c{number}", *given, *more, *way)
        )
        check(here.run(*words), words)
    assert front.struck
    if here.kept:
        check(here.run("list"), ("list",))


def leaves(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each text of a document, and to where one may be."""
    if isinstance(document, str | None):
        yield at
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in items:
        yield from leaves(value, (*at, key))


def test_from_our_own_records(begin: Callable[..., tuple[Sweep, Story]]) -> None:
    """Somebody has edited them: each text, and each name of a connection, one at a time."""
    here, told = begin(change=lambda scenario: scenario)
    token, aspm = (
        str(here.stage.file("token", told.token)),
        str(here.stage.file("aspm", told.aspm_token)),
    )
    assert (
        here.run(
            "connect", "c", "-o", "contoso", "--pat-file", token, *ASPM, "--aspm-token-file", aspm
        ).code
        == 0
    )
    path = here.stage.config / "catalog.json"
    good = json.loads(path.read_text())
    ways = [at for at in leaves(good) if at[0] != "schema"]
    assert len(ways) > 15
    for number, at in enumerate(ways):
        edited = json.loads(json.dumps(good))
        inner = edited
        for key in at[:-1]:
            inner = inner[key]
        inner[at[-1]] = ATTACKS
        path.write_text(json.dumps(edited))
        for words in (("list",), ("validate", "c", "--json" if number % 2 else "-v")):
            if words == ("list",) or NIGHT or number % 3 == 0:
                check(here.run(*words), words)
    spoilt = {**good, "connections": {ATTACKS: good["connections"]["c"]}}
    path.write_text(json.dumps(spoilt))
    for words in (
        ("list",),
        ("validate",),
        ("handoff",),
        ("doctor",),
        ("validate", "--json"),
        ("disconnect", "c", "-y"),
    ):
        check(here.run(*words), words)
    for shell in ("bash", "zsh", "fish", "powershell"):
        asked = {
            "_ASPM_ADO_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_ARGS": "aspm-ado validate ",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "COMP_WORDS": "aspm-ado\nvalidate\n",
            "COMP_CWORD": "2",
        }
        offered = here.run(environment=asked).out.decode()
        assert_harmless(offered)
        assert "owned" not in offered, "no name that we would have given"


def test_from_the_command_line_and_variables(begin: Callable[..., tuple[Sweep, Story]]) -> None:
    """Every name, and every value of every option: as an argument and as a variable, by day in turns and once each."""
    here, told = begin()
    token = str(here.stage.file("token", told.token))
    here.run("validate", "-o", "contoso", "--pat-file", token)
    value = ATTACKS.replace("\x00", "")
    tried: set[str] = set()
    for command in COMMANDS:
        check(here.run(command.word, value, "--no-input"), (command.word,))
        check(here.run(command.word, f"--{value}", "--no-input"), (command.word,))
        for option in command.options:
            if option.switch or (option.name in tried and not NIGHT):
                continue
            tried.add(option.name)
            ways: list[tuple[tuple[str, ...], dict[str, str]]] = [((option.flag, value), {})]
            ways += [((), {option.env: value})] if option.env else []
            for words, environment in ways if NIGHT else [ways[len(tried) % len(ways)]]:
                check(
                    here.run(command.word, *words, "--no-input", environment=environment),
                    (command.word,),
                )
    assert len(tried) > 25
    for name in ("ASPM_ADO_SIMULATOR", "ASPM_ADO_GLOBAL_PAT_END", "HTTPS_PROXY", "SSL_CERT_FILE", "KONDUKTO_HOST",
                 "PYTHON_KEYRING_BACKEND", "HOME", "INVICTI_ASPM_TOKEN", "ASPM_ADO_PAT"):  # fmt: skip
        for words in (("validate", "-o", "contoso", "--pat-file", token), ("doctor",)):
            check(here.run(*words, environment={name: value}), words)


def test_from_a_certificate(tmp_path: Path, opened: ExitStack) -> None:
    """Its issuer, its names."""
    authority = trustme.CA(
        organization_name="\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\nforged\r\nx",
        organization_unit_name="x",
    )
    for names in (["localhost"], ["tfs.example"]):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, common_name="x").configure_cert(context)
        server = Server([answer()], tls=context)
        opened.callback(server.close)
        stage = Stage(tmp_path / names[0], "")
        del stage.environment["ASPM_ADO_SIMULATOR"]
        token = str(stage.file("token", drawn_token()))
        bundle = stage.given / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        place = ("--server-url", f"{server.url}/tfs", "--collection", "Contoso")
        where = ("validate", *place, "--pat-file", token)
        words = where if names == ["localhost"] else (*where, "--ca-bundle", str(bundle))
        done = Sweep(stage, Canaries([])).run(*words)
        assert done.code == 5
        check(done, words)
        assert b"owned" in done.out or names != ["localhost"]


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is a POSIX thing")
def test_in_the_questions_of_the_wizard(play: Callable[..., Any]) -> None:
    """A list of organizations with such names, drawn with the arrows on a pseudo-terminal."""
    told = play()
    world = told.simulator.world
    others = tuple(
        replace(samples.FABRIKAM, name=name) for name in (ATTACKS, "Fabrikam " + LONG[-300:])
    )
    told.simulator.become(replace(world, organizations=(samples.CONTOSO, *others)))
    token = str(told.stage.file("token", told.token))
    given = ("-o", "contoso", "--purpose", "alm", "--pat-file", token)
    given += ("--pat-expires", "2099-01-13", "--store", "none")
    given += ("--aspm-url", "https://aspm.example.test")
    wizard = told.wizard("connect", *given, columns=200, rows=50)
    wizard.answer(HAND, DOWN + DOWN + ENTER, besides={ASPM_TOKEN: ENTER})
    wizard.see(MORE)
    wizard.see("Enter)")
    wizard.type("\x01" + ENTER)
    wizard.answer(HAND, UP + ENTER)
    assert wizard.end() == 2
    assert "]0;owned" in wizard.text, "the name was not shown"
    assert wizard.screen.title == ""
    raw = wizard.bytes
    for unwanted in (
        b"\x1b]",
        b"\x1bc",
        b"\x1b(0",
        b"\xc2\x9b",
        b"\xc2\x9d",
        b"\x1b[?1049h",
        b"\x07",
        "\u202e".encode(),
    ):
        assert unwanted not in raw, unwanted
