"""What a command is given: its options, and the adapters to the outside, each made at first use."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from copy import copy
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from aspm_ado.adapters.terminal.voice import TerminalVoice, wants_color
from aspm_ado.cli.options import collect_given
from aspm_ado.cli.output import show_trouble
from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.questions import (
    CA_BUNDLE,
    CONFIG_DIR,
    JSON,
    NO_COLOR,
    NO_INPUT,
    PAT,
    PAT_FILE,
    PAT_STDIN,
    PAT_VARIABLE,
    QUIET,
    SECRET_VARIABLES,
    STORE,
    TIMEOUT,
    VERBOSE,
    Given,
    Question,
)
from aspm_ado.domain.reasons import ExitCode, Problem, Reason, StoreError, UsageError
from aspm_ado.domain.secret import holds_token, secret_as_value

if TYPE_CHECKING:
    from aspm_ado.adapters.http.pacing import Gate
    from aspm_ado.adapters.http.transport import Transport
    from aspm_ado.cli.report_files import ReportFiles
    from aspm_ado.domain.aspm.api import Profile
    from aspm_ado.domain.azure.retirement import Clock
    from aspm_ado.domain.ports import Desktop, Entra, Prompter, Records, Sources, Vault
    from aspm_ado.domain.report import Report
    from aspm_ado.flows.context import Context

LONGEST_TIMEOUT: Final = 600.0

_GLOBAL_END: Final = "ASPM_ADO_GLOBAL_PAT_END"
_SIMULATOR: Final = "ASPM_ADO_SIMULATOR"
_NOTHING: Final = Given((), "")
_STDIN: Final = Question("stdin", "Paste the token (hidden)", "--pat-file FILE", PAT.env)
"""What is asked where stdin is to bring a token and is a terminal."""


class Invocation:
    """One run of a command: what was given, and the outside things that its flow may touch.

    ``environment`` is a copy without the variables that hold tokens; children of ours never see
    those. A simulation replaces what a flow is given (``demo``), never the flow.
    """

    def __init__(
        self,
        command: str,
        questions: Sequence[Question],
        flags: Mapping[str, object],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.command = command
        self._closing = ExitStack()
        self._is_own_process = environment is None
        self.finished: Report | None = None
        """What was found out before the run was left, for the document."""
        if environment is None:
            environment = os.environ
        self.environment = dict(environment)
        self.secret_variables: dict[str, str] = {}
        self._hide(SECRET_VARIABLES)
        notes: list[str] = []
        self.given = collect_given(questions, flags, self.environment, notes.append)
        self.hide_token_variables(self.given)
        for name in (_GLOBAL_END, _SIMULATOR):
            if holds_token(self.environment.get(name, "")):
                raise secret_as_value(name)
        for line in notes:
            self.voice.note(line)
        named, _, self.simulator_key = self.environment.get(_SIMULATOR, "").strip().partition("#")
        self.simulator = named.rstrip("/") or None
        if self.simulator:
            from aspm_ado.domain.http import simulator_origin

            origin = simulator_origin(self.simulator)  # before it is shown
            self.voice.warn(f"A simulation: every request goes to {origin} ({_SIMULATOR}).")

    def _hide(self, variables: Iterable[str]) -> None:
        for name in variables:
            # A copy of the environment has upper-case names on Windows, however they are typed.
            kept = name.upper() if sys.platform == "win32" else name
            value = self.environment.pop(kept, "")
            self.secret_variables.setdefault(name, value)
            KNOWN_SECRETS.add(value.strip())
            if self._is_own_process:
                os.environ.pop(name, None)

    def on(self, question: Question) -> bool:
        """Whether something was given; of a switch, whether it is on."""
        return question.name in self.given

    def text(self, question: Question) -> str:
        """A plain value, or nothing."""
        return self.given.get(question.name, _NOTHING).value

    def values(self, question: Question) -> tuple[str, ...]:
        """All values of a question that takes several."""
        return self.given.get(question.name, _NOTHING).values

    def of_one(self, given: Mapping[str, Given]) -> Invocation:
        """The same run for one of several connections, which has answers of its own."""
        # Made now, so that all connections have the same ones.
        _ = (self.records, self.vault, self.sources, self.entra, self.clock, self._gate)
        made = copy(self)
        made.given, made._closing = dict(given), ExitStack()
        made.__dict__.pop("prompter", None)
        return made

    def hide_token_variables(self, given: Mapping[str, Given]) -> None:
        """Take the variables that hold tokens out of the environment of what we start."""
        values = given.get(PAT_VARIABLE.name, _NOTHING).values
        self._hide(value.partition("=")[2].strip() for value in values)

    def close(self) -> None:
        """Close the connections to the network."""
        self._closing.close()

    @property
    def as_json(self) -> bool:
        """Whether stdout is a document."""
        return self.on(JSON)

    @property
    def is_verbose(self) -> bool:
        """Whether each request is traced."""
        return self.on(VERBOSE)

    def envelope(
        self,
        schema: str,
        code: ExitCode = ExitCode.DONE,
        error: Problem | None = None,
        day_source: str = "local",
    ) -> dict[str, Any]:
        """What a document of this command begins with."""
        from aspm_ado.render.json import envelope

        return envelope(schema, self.command, self.at, code, error, day_source=day_source)

    @cached_property
    def voice(self) -> TerminalVoice:
        """stderr: the conversation."""
        return TerminalVoice(sys.stderr, quiet=self.on(QUIET), color=self.colors(sys.stderr))

    def colors(self, stream: TextIO) -> bool:
        """Whether ``stream`` may be coloured."""
        return wants_color(self.environment, stream, self.on(NO_COLOR))

    @cached_property
    def prompter(self) -> Prompter:
        """Somebody to ask, or the one who says what was missing."""
        return self._prompter("stdin holds the token" if self._stdin_is_token else "")

    def _prompter(self, why: str = "") -> Prompter:
        """Somebody to ask, or the one who says ``why`` nobody is asked."""
        from aspm_ado.adapters.terminal.prompter import SilentPrompter, TerminalPrompter

        if why := self.nobody_asks or why:
            return SilentPrompter(why)
        return TerminalPrompter(color=self.colors(sys.stderr), environment=self.environment)

    @property
    def nobody_asks(self) -> str:
        """Why there is nobody to ask; empty where there is somebody."""
        from aspm_ado.adapters.terminal.prompter import can_ask

        streams = sys.stdin, sys.stderr, sys.stdout
        return can_ask(self.environment, *streams, self.on(NO_INPUT))[1]

    @property
    def _stdin_is_token(self) -> bool:
        """Whether stdin brings a token; it then answers no prompt."""
        files = self.values(PAT_FILE)
        return self.on(PAT_STDIN) or any(value.rpartition("=")[2] == "-" for value in files)

    @cached_property
    def report_files(self) -> ReportFiles:
        """The files of ``--report``."""
        from aspm_ado.cli.report_files import ReportFiles

        return ReportFiles(self)

    @cached_property
    def records(self) -> Records:
        """Our records on disk."""
        from aspm_ado.adapters.records.catalog import DiskRecords

        command, say = f"aspm-ado {self.command}", self.voice.warn
        records = DiskRecords(lambda: self.folder, command=command, say=say)
        self._closing.callback(records.close)
        return records

    @cached_property
    def folder(self) -> Path:
        """Where our records are kept. In a container there may be no home: ``--store none`` needs
        none, and has a place where nothing is and nothing can be written.
        """
        from aspm_ado.adapters.records.catalog import default_folder

        if named := self.text(CONFIG_DIR):
            return Path(named)
        try:
            return default_folder(self.environment)
        except StoreError:
            if self.text(STORE).strip().lower() != "none":
                raise
            return Path(os.devnull, "aspm-ado")

    @cached_property
    def vault(self) -> Vault:
        """The keyring of the operating system."""
        from aspm_ado.adapters.keyring.vault import KeyringVault

        say = self.voice.warn if self.prompter.asks else None
        return KeyringVault(self.environment, say=say)

    @cached_property
    def sources(self) -> Sources:
        """Files, stdin, commands and the token variables."""
        from aspm_ado.adapters.programs import TokenCommands
        from aspm_ado.adapters.sources import SystemSources

        commands = TokenCommands(
            self.environment, attended=lambda: self.prompter.asks, say=self.voice.say
        )
        return SystemSources(self.secret_variables, self._ask_stdin, commands, say=self.voice.say)

    def _ask_stdin(self) -> str:
        """The token, where stdin brings it and is a terminal. Raises ``UsageError``."""
        from aspm_ado.domain.secret import parse_secret

        accept = partial(parse_secret, where="the prompt", what="token")
        return self._prompter().secret(_STDIN, accept=accept).reveal()

    @cached_property
    def desktop(self) -> Desktop:
        """Browser and clipboard."""
        from aspm_ado.adapters.desktop import SystemDesktop

        return SystemDesktop(self.environment, terminal=sys.stderr)

    @cached_property
    def entra(self) -> Entra:
        """The Azure CLI, which is run only when it is chosen."""
        from aspm_ado.adapters.programs import AzureCli

        return AzureCli(
            self.environment,
            seconds=lambda: self.timeout,
            is_simulated=self.simulator is not None,
        )

    @cached_property
    def clock(self) -> Clock:
        """Today by this machine, in UTC as Azure DevOps counts, and the end of global tokens."""
        from aspm_ado.domain.azure.retirement import GLOBAL_PAT_END, Clock, parse_global_end

        today = self.now().date()
        if named := self.environment.get(_GLOBAL_END, "").strip():
            return Clock(today, parse_global_end(named))
        return Clock(today, GLOBAL_PAT_END)

    @staticmethod
    def now() -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    @property
    def at(self) -> str:
        """Now, as documents have it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def timeout(self) -> float:
        """Longest time of a call as a whole, in seconds."""
        text = self.text(TIMEOUT)
        if not text:
            return 30.0
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= LONGEST_TIMEOUT:
            raise UsageError(
                Reason.INPUT_INVALID,
                "--timeout is not a number of seconds.",
                remedy="Pass a number from 1 to 600.",
            )
        return seconds

    def context(self, *, remember: bool = False) -> Context:
        """Everything for a flow; with ``remember`` also the answers of an interrupted run."""
        from aspm_ado.adapters.http.services import AzureDevOps, Exchanges
        from aspm_ado.domain.azure.requests import Caller
        from aspm_ado.flows.answers import Asker
        from aspm_ado.flows.context import Context
        from aspm_ado.flows.validation.scheduler import Scheduler

        offered = None
        if remember and self.prompter.asks and (draft := self.records.load_draft()):
            offered = draft.answers
        if offered:
            self.voice.note("The answers of your interrupted run are offered again.")
        ca_bundle = None
        if bundle := self.text(CA_BUNDLE):
            ca_bundle = os.path.realpath(bundle)  # a loop of links raises nothing here
        exchanges = Exchanges(self._transport, now=bool(bundle or self.simulator))
        self._closing.callback(exchanges.close)
        return Context(
            asker=Asker(
                self.given, self.prompter, offered, is_simulated=self.simulator is not None
            ),
            voice=self.voice,
            records=self.records,
            vault=self.vault,
            sources=self.sources,
            desktop=self.desktop,
            scheduler=Scheduler(AzureDevOps(exchanges).send, say=self.voice.note),
            caller=Caller(_random_id(), _random_id),
            clock=self.clock,
            now=self.now,
            show=lambda proofs: show_trouble(self, proofs),
            load_profile=self._load_profile,
            entra=self.entra,
            ca_bundle=ca_bundle,
            is_simulated=self.simulator is not None,
        )

    def _load_profile(self, path: str) -> Profile:
        from aspm_ado.adapters.profile import load_profile

        return load_profile(path, self.voice.say)

    def _transport(self, recorded: str | None) -> Transport:
        """A transport that trusts the system, and the CA of this run or else of a connection."""
        from aspm_ado.adapters.http.transport import Transport, TransportSettings

        bundle = None
        if named := self.text(CA_BUNDLE) or recorded:
            bundle = Path(named)
        self.demand_simulator_key()
        settings = TransportSettings(
            self.environment,
            timeout=self.timeout,
            simulator=self.simulator,
            simulator_key=self.simulator_key,
            trace=self.trace,
            note=self.voice.note,
            warn=self.voice.warn,
        )
        return Transport(settings, bundle, gate=self._gate)

    def demand_simulator_key(self) -> None:
        """Raise ``UsageError`` for a simulator that could not show that it is one."""
        from aspm_ado.adapters.http.route import unknown_simulator

        if self.simulator and not self.simulator_key:
            raise unknown_simulator("It has no key.")

    @property
    def trace(self) -> Callable[[str], None] | None:
        """Where each request is traced, if it is."""
        if self.is_verbose:
            return self.voice.trace
        return None

    @cached_property
    def _gate(self) -> Gate:
        """The pace that services ask for: of the whole run, whatever certificates are trusted."""
        from aspm_ado.adapters.http.pacing import Gate

        return Gate()


def _random_id() -> str:
    return str(uuid.uuid4())
