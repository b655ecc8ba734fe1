"""``aspm-ado demo``: connect itself, given a simulated world in place of the real one."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aspm_ado.adapters.azure_cli import AzureCli
from aspm_ado.adapters.keyring.memory import MemoryVault
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.cli.output import result_width, write_document, write_lines, write_report
from aspm_ado.domain.azure.retirement import Clock
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import (
    ASPM_TOKEN_FILE,
    ASPM_URL,
    CREATE_TOKEN,
    ORGANIZATION,
    PAT_FILE,
    PURPOSE,
    REACH,
    REGISTER,
    REGISTRATION_PROFILE,
    SERVER_URL,
    YES,
    Given,
)
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.text import clean, wrap
from aspm_ado.flows.answers import Asker
from aspm_ado.flows.connect import connect
from aspm_ado.flows.tokens.creation import NEVER, REQUIRE
from aspm_ado.flows.tokens.revocation import revoking_unkept
from aspm_ado.simulator import SCENARIOS, Scenario, Simulator, azure_cli

if TYPE_CHECKING:
    from aspm_ado.cli.context import Invocation
    from aspm_ado.domain.ports import Desktop
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.context import Context

_OVER = (
    "That was a simulation: nothing was sent to anybody, and nothing was kept. "
    "The commands that it names are for a connection of your own."
)
SCHEMA = "aspm-ado/list-scenarios/v1"

_SETTLED = frozenset(
    {REACH.name, REGISTER.name, REGISTRATION_PROFILE.name, ASPM_TOKEN_FILE.name, CREATE_TOKEN.name}
)
"""What a story settles on a terminal, too: the rest is the person's to answer."""


def run(
    invocation: Invocation,
    *,
    scenario: str | None = None,
    list_scenarios: bool = False,
    serve: bool = False,
    at: str | None = None,
) -> int:
    """Play one story with nothing but this machine: no account, no network, nothing kept."""
    if list_scenarios:
        return _list(invocation)
    scenario = scenario or "ready"
    story = SCENARIOS.get(scenario)
    if story is None:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"There is no scenario named {clean(scenario, 60)}.",
            remedy="See aspm-ado demo --list-scenarios.",
        )
    moment = _moment(at) if at else None
    with (
        Simulator(story, at=moment) as simulator,
        tempfile.TemporaryDirectory(prefix="aspm-ado-demo-") as folder,
    ):
        signed_in = _sign_in(invocation, story, Path(folder))
        if serve:
            return _serve(invocation, story, simulator, signed_in)
        invocation.simulator = simulator.address
        invocation.records = DiskRecords(Path(folder) / "records", command="aspm-ado demo")
        invocation.vault = MemoryVault()
        _introduce(invocation, story, simulator)
        context = _house(invocation, story, simulator)
        with revoking_unkept(context):
            report = connect(context, None)
        write_report(invocation, report)
        invocation.voice.say(_OVER)
        return int(report.exit_code)


def _moment(text: str) -> datetime:
    """What ``--at`` says, in UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"--at is not a moment: {clean(text, 60)}.",
            remedy="Write a day or a moment in UTC, such as 2026-12-01 or 2026-11-30T23:59:00Z.",
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _sign_in(invocation: Invocation, story: Scenario, folder: Path) -> Path | None:
    """Where the `az` of the story is, if somebody is signed in with it; the real one has no part in a simulation."""
    if not story.world.sign_ins:
        return None
    found = folder / "bin"
    found.mkdir()
    azure_cli.install(found, story.world.sign_ins[0].value)
    path = os.pathsep.join((str(found), invocation.environment.get("PATH", "")))
    invocation.entra = AzureCli(
        {**invocation.environment, "PATH": path}, seconds=lambda: invocation.timeout
    )
    return found


ASPM_FILE = "simulated-aspm-token.txt"


def _file_of(organization: str | None) -> str:
    return f"simulated-token-of-{organization or 'all'}.txt"


class _Tokens:
    """Hands out the story's tokens as files would."""

    def __init__(self, story: Scenario) -> None:
        self._files = {
            _file_of(organization): value for organization, value in story.answers.tokens
        }
        self._files[ASPM_FILE] = story.answers.aspm_token

    def file(self, path: str) -> bytes:
        return self._files[path].encode()

    def variable(self, name: str) -> str:  # noqa: ARG002  (a simulation has no variables)
        return ""


class _Desk:
    """Opens the simulation's own token page, so that a person can play “edit the token”; copies as usual."""

    def __init__(self, desktop: Desktop, page: str) -> None:
        self._desktop, self._page = desktop, page

    def open(self, url: str) -> bool:  # noqa: ARG002  (the real page has no part in this)
        return self._desktop.open(self._page)

    def copy(self, secret: Secret) -> str | None:
        return self._desktop.copy(secret)

    @property
    def clears_after(self) -> float | None:
        return self._desktop.clears_after

    def clear(self) -> None:
        self._desktop.clear()


def _house(invocation: Invocation, story: Scenario, simulator: Simulator) -> Context:
    """The usual context, with the story's answers: given where nobody is there, offered where somebody is."""
    context = invocation.context()
    given = _given(story)
    if invocation.prompter.asks:
        given = {name: value for name, value in given.items() if name in _SETTLED}
    given = {**given, **invocation.given}
    offered = {
        ORGANIZATION.name: next(iter(story.answers.organizations), story.answers.server_url or ""),
        PURPOSE.name: story.answers.purpose,
        ASPM_URL.name: story.answers.aspm_url or "",
    }
    offered = {name: value for name, value in offered.items() if value}
    return replace(
        context,
        asker=Asker(given, invocation.prompter, offered),
        sources=_Tokens(story),
        desktop=_Desk(invocation.desktop, simulator.address),
        entra=context.entra if story.world.sign_ins else None,
        clock=Clock(simulator.world.today, invocation.clock.global_end, pinned=True),
    )


def _given(story: Scenario) -> dict[str, Given]:
    answers = story.answers
    files = tuple(
        f"{organization}={_file_of(organization)}" if organization else _file_of(None)
        for organization, _ in answers.tokens
    )
    said = {
        ORGANIZATION.name: tuple(answers.organizations),
        SERVER_URL.name: (answers.server_url,) if answers.server_url else (),
        "collection": tuple(answers.collections),
        PURPOSE.name: (answers.purpose,) if answers.purpose else (),
        REACH.name: (answers.reach,) if answers.reach != "auto" else (),
        "clone-username": (answers.clone_username,) if answers.clone_username else (),
        "pat-expires": (str(answers.expires),) if answers.expires else (),
        ASPM_URL.name: (answers.aspm_url,) if answers.aspm_url else (),
        PAT_FILE.name: files,
        ASPM_TOKEN_FILE.name: (ASPM_FILE,) if answers.aspm_token else (),
        REGISTER.name: (answers.register,),
        REGISTRATION_PROFILE.name: (answers.profile,) if answers.profile else (),
        CREATE_TOKEN.name: (REQUIRE if answers.by_az else NEVER,),
        YES.name: ("true",) if answers.by_az else (),
    }
    return {name: Given(values, "the simulation") for name, values in said.items() if values}


def _introduce(invocation: Invocation, story: Scenario, simulator: Simulator) -> None:
    voice = invocation.voice
    voice.heading(f"A simulation: {story.name}")
    voice.say(story.summary)
    voice.say(
        f"Azure DevOps and Invicti ASPM are played on {simulator.address}, where today is {simulator.world.today}."
    )
    if invocation.prompter.asks:
        for organization, value in story.answers.tokens:
            voice.say(
                f"The token to paste{f' for {organization}' if organization else ''}: {value}"
            )
        voice.say(f"Its page, where you can edit it: {simulator.address}")


def _list(invocation: Invocation) -> int:
    if invocation.as_json:
        from aspm_ado.render.json import envelope

        at = invocation.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = [
            {"name": one.name, "summary": one.summary, "today": one.today.isoformat(),
             "expected_exit_code": one.exit_code, "expected_reasons": list(one.reasons)}
            for one in SCENARIOS.values()
        ]  # fmt: skip
        write_document({**envelope(SCHEMA, "demo", at, ExitCode.DONE), "scenarios": rows})
        return 0
    write_lines(_stories(max(len(name) for name in SCENARIOS) + 2))
    return 0


def _stories(margin: int) -> Iterator[str]:
    width = result_width()
    for one in SCENARIOS.values():
        name = one.name
        for row in (
            [one.summary] if width is None else wrap(one.summary, max(width - margin, margin))
        ):
            yield f"{name:<{margin}}{row}"
            name = ""


def _serve(
    invocation: Invocation, story: Scenario, simulator: Simulator, signed_in: Path | None
) -> int:
    """Only the simulation, for another terminal, until Ctrl-C."""
    write_lines([f"ASPM_ADO_SIMULATOR={simulator.address}"])
    tokens = story.answers.tokens or [(token.reach, token.value) for token in story.world.tokens]
    for organization, value in tokens:
        invocation.voice.say(f"Token{f' of {organization}' if organization else ''}: {value}")
    invocation.voice.say(
        f"Set that variable in another terminal; every request then goes here. Scenario: {story.name}."
    )
    if signed_in is not None:
        invocation.voice.say(
            f"Somebody is signed in with the `az` of the story: put {signed_in} first on its PATH, too."
        )
    invocation.voice.say(
        f"Its clock shows {simulator.world.moment:%Y-%m-%dT%H:%M:%SZ}. Ctrl-C ends it."
    )
    sys.stderr.flush()
    while True:
        time.sleep(3600)
