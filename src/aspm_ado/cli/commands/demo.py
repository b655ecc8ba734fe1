"""``aspm-ado demo``: run connect against simulated services."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aspm_ado.adapters.keyring.vault import MemoryVault
from aspm_ado.adapters.programs import AzureCli
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.cli.commands import SCENARIO
from aspm_ado.cli.output import result_width, write_document, write_lines, write_report
from aspm_ado.domain.aspm.api import ALM_TOOLS
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import Clock
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
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import clean, system_words, wrap
from aspm_ado.flows.answers import Asker
from aspm_ado.flows.connect import connect
from aspm_ado.flows.registration.guided import OUTCOME, SAVED
from aspm_ado.flows.tokens.creation import NEVER, REQUIRE, revoking_unkept
from aspm_ado.simulator import SCENARIOS, Answers, Scenario, Simulator
from aspm_ado.simulator.pat_lifecycle import install_azure_cli

if TYPE_CHECKING:
    from aspm_ado.cli.context import Invocation
    from aspm_ado.domain.ports import Desktop, Prompter, Voice
    from aspm_ado.domain.questions import Choice, Question
    from aspm_ado.flows.context import Context

_OVER = (
    "That was a simulation: it sent nothing and stored nothing. "
    "The commands above need a connection of your own."
)
SCHEMA = "aspm-ado/list-scenarios/v1"

_SETTLED = frozenset(
    {
        PURPOSE.name,
        REACH.name,
        REGISTER.name,
        REGISTRATION_PROFILE.name,
        ASPM_TOKEN_FILE.name,
        CREATE_TOKEN.name,
    }
)
"""What the scenario answers on a terminal, too. The person answers the rest."""


def run_demo(
    invocation: Invocation,
    *,
    scenario: str | None = None,
    list_scenarios: bool = False,
    serve: bool = False,
    at: str | None = None,
) -> int:
    """Run one scenario on this machine alone: no account, no network, nothing stored."""
    if list_scenarios:
        return _list(invocation)
    played = SCENARIOS.get(scenario := scenario or SCENARIO.default)
    if played is None:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"Unknown scenario: {clean(scenario, 60)}.",
            remedy="To list the scenarios, run: aspm-ado demo --list-scenarios",
        )
    moment = _moment(at) if at else None
    with Simulator(played, at=moment) as simulator, _temporary_folder() as folder:
        signed_in = _sign_in(invocation, played, Path(folder))
        if serve:
            return _serve(invocation, simulator, signed_in)
        invocation.simulator, invocation.simulator_key = simulator.address, simulator.key
        invocation.records = DiskRecords(Path(folder) / "records", command="aspm-ado demo")
        invocation.vault = MemoryVault()
        _introduce(invocation, simulator)
        context = _context(invocation, simulator)
        with revoking_unkept(context):
            report = connect(context, None)
        write_report(invocation, report)
        invocation.voice.say(_OVER)
        return int(report.exit_code)


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Create a folder for the configuration. Raises ``UsageError`` if that fails."""
    try:
        return tempfile.TemporaryDirectory(prefix="aspm-ado-demo-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UsageError(
            Reason.FILE_UNREADABLE,
            f"The demo cannot create a temporary folder: {system_words(error)}.",
            remedy="Set TMPDIR to a folder that you can write to.",
        ) from None


def _moment(text: str) -> datetime:
    """The value of ``--at``, in UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"--at is not a date or time: {clean(text, 60)}.",
            remedy="Pass a date or time in UTC, such as 2026-12-01 or 2026-11-30T23:59:00Z.",
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _sign_in(invocation: Invocation, scenario: Scenario, folder: Path) -> Path | None:
    """Install the simulated `az` if the scenario has a sign-in, and return its folder."""
    if not scenario.world.sign_ins:
        return None
    found = folder / "bin"
    found.mkdir()
    install_azure_cli(found, scenario.world.sign_ins[0].value)
    path = os.pathsep.join((str(found), invocation.environment.get("PATH", "")))
    invocation.entra = AzureCli(
        {**invocation.environment, "PATH": path}, seconds=lambda: invocation.timeout
    )
    return found


ASPM_FILE = "simulated-aspm-token.txt"


def _file_of(organization: str | None) -> str:
    return f"simulated-token-of-{organization or 'all'}.txt"


class _Tokens:
    """The tokens of the scenario, as if they were in files."""

    def __init__(self, answers: Answers) -> None:
        self._files = {_file_of(where): value for where, value in answers.tokens}
        self._files[ASPM_FILE] = answers.aspm_token

    def file(self, path: str) -> bytes:
        return self._files[path].encode()

    def command(self, command: str, where: str) -> bytes:  # noqa: ARG002
        raise UsageError(
            Reason.USAGE,
            f"{where}: A simulation cannot run commands.",
            remedy="Omit the option: the scenario has tokens.",
        )

    def variable(self, name: str) -> str:  # noqa: ARG002  (a simulation has no variables)
        return ""


class _SimulatedDesktop:
    """Opens the simulated token page in place of the real one; copies as usual."""

    def __init__(self, desktop: Desktop, page: str, voice: Voice) -> None:
        self._desktop, self._page, self._voice = desktop, page, voice

    def open(self, url: str) -> bool:  # noqa: ARG002  (never the real page)
        if not self._desktop.open(self._page):
            self._voice.say(f"aspm-ado cannot open a browser. Open this page: {self._page}")
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desktop, name)


class _Person:
    """The person at the prompts. “Saved” has an effect in the simulated Invicti ASPM."""

    def __init__(self, prompter: Prompter, simulator: Simulator, tool: str) -> None:
        self._prompter, self._simulator, self._tool = prompter, simulator, tool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prompter, name)

    def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        """Prompt; after “saved”, activate the tool in the simulated Invicti ASPM."""
        answer = self._prompter.choose(question, choices, default)
        if (question, answer) == (OUTCOME, SAVED.value):
            self._simulator.change(lambda now: now.with_more_in_aspm(alm_tools=self._tool))
        return answer


def _context(invocation: Invocation, simulator: Simulator) -> Context:
    """The usual context with the answers of the scenario: as defaults if it can prompt."""
    context, answers = invocation.context(), simulator.scenario.answers
    given = _given(answers)
    if invocation.prompter.asks:
        given = {name: value for name, value in given.items() if name in _SETTLED}
    offered = {
        ORGANIZATION.name: ", ".join(answers.organizations) or answers.server_url or "",
        ASPM_URL.name: answers.aspm_url,
    }
    deployment = Deployment.SERVER if answers.server_url else Deployment.SERVICES
    person = _Person(invocation.prompter, simulator, ALM_TOOLS[deployment])
    desktop = _SimulatedDesktop(invocation.desktop, simulator.address, invocation.voice)
    return replace(
        context,
        asker=Asker(
            {**given, **invocation.given}, cast("Prompter", person), offered, is_simulated=True
        ),
        sources=_Tokens(answers),
        desktop=cast("Desktop", desktop),
        entra=context.entra if simulator.world.sign_ins else None,
        clock=Clock(simulator.world.today, invocation.clock.global_end, pinned=True),
        outlives_run=False,
    )


def _given(answers: Answers) -> dict[str, Given]:
    files = []
    for organization, _ in answers.tokens:
        prefix = f"{organization}=" if organization else ""
        files.append(prefix + _file_of(organization))
    one_value = {
        SERVER_URL.name: answers.server_url,
        PURPOSE.name: answers.purpose,
        REACH.name: answers.reach.replace("auto", ""),
        "clone-username": answers.clone_username,
        "pat-expires": str(answers.expires or ""),
        ASPM_URL.name: answers.aspm_url,
        ASPM_TOKEN_FILE.name: ASPM_FILE,
        REGISTER.name: answers.register,
        REGISTRATION_PROFILE.name: answers.profile,
        CREATE_TOKEN.name: NEVER,
    }
    if answers.by_az:
        one_value |= {CREATE_TOKEN.name: REQUIRE, YES.name: "true"}
    several = {
        ORGANIZATION.name: answers.organizations,
        "collection": answers.collections,
        PAT_FILE.name: tuple(files),
    }
    several |= {name: (value,) for name, value in one_value.items() if value}
    return {name: Given(values, "the simulation") for name, values in several.items() if values}


def _introduce(invocation: Invocation, simulator: Simulator) -> None:
    voice, scenario = invocation.voice, simulator.scenario
    voice.heading(f"A simulation: {scenario.name}")
    voice.say(scenario.summary)
    voice.say(
        f"Azure DevOps and Invicti ASPM are simulated on {simulator.address}. "
        f"Today is {simulator.world.today}."
    )
    if invocation.prompter.asks:
        for organization, value in scenario.answers.tokens:
            whose = f" for {organization}" if organization else ""
            voice.say(f"The token to paste{whose}: {value}")
        voice.say(f"To edit the token, open: {simulator.address}")


def _list(invocation: Invocation) -> int:
    if not invocation.as_json:
        write_lines(_scenario_lines(max(map(len, SCENARIOS)) + 2))
        return 0
    rows = [
        {
            "name": one.name,
            "summary": one.summary,
            "today": one.today.isoformat(),
            "expected_exit_code": one.exit_code,
            "expected_reasons": list(one.reasons),
        }
        for one in SCENARIOS.values()
    ]
    write_document({**invocation.envelope(SCHEMA), "scenarios": rows})
    return 0


def _scenario_lines(margin: int) -> Iterator[str]:
    width = result_width()
    for one in SCENARIOS.values():
        rows: Iterable[str] = [one.summary]
        if width is not None:
            rows = wrap(one.summary, max(width - margin, margin))
        for name, row in zip_longest([one.name], rows, fillvalue=""):
            yield f"{name:<{margin}}{row}"


def _serve(invocation: Invocation, simulator: Simulator, signed_in: Path | None) -> int:
    """Run only the simulation, for another terminal, until Ctrl-C."""
    voice, answers = invocation.voice, simulator.scenario.answers
    write_lines([f"ASPM_ADO_SIMULATOR={simulator.variable}"])
    tokens = answers.tokens or [(one.reach, one.value) for one in simulator.world.tokens]
    for organization, value in tokens:
        whose = f" of {organization}" if organization else ""
        voice.say(f"Token{whose}: {value}")
    voice.say(f"API token of Invicti ASPM: {answers.aspm_token}")
    voice.say(
        "To send every request to this simulation, set that variable in another terminal. "
        f"Scenario: {simulator.scenario.name}."
    )
    voice.say(
        f"For other clients, set this proxy and use plain http: http_proxy={simulator.address}"
    )
    voice.say(f"URL for other clients: {_url_for_others(answers)}")
    if signed_in is not None:
        voice.say(f"To use the simulated Azure CLI, put this folder first on the PATH: {signed_in}")
    voice.say(
        f"The simulated time is {simulator.world.moment:%Y-%m-%dT%H:%M:%SZ}. To stop, press Ctrl-C."
    )
    sys.stderr.flush()
    while True:
        time.sleep(3600)


def _url_for_others(answers: Answers) -> str:
    """The http URL of the first organization or collection."""
    place = next(iter(answers.organizations or answers.collections), "")
    site = answers.server_url or "https://dev.azure.com"
    return f"{site.replace('https://', 'http://')}/{place}"
