"""A machine for the flows: the simulator behind real HTTP, records in a folder, a vault in memory, people by script."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from aspm_ado.adapters.http.services import AzureDevOps
from aspm_ado.adapters.http.transport import Transport, TransportSettings
from aspm_ado.adapters.http.trust import Trust, load_trust
from aspm_ado.adapters.keyring.vault import MemoryVault
from aspm_ado.adapters.profile import load_profile
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.adapters.terminal.prompter import SilentPrompter
from aspm_ado.domain.azure.requests import Caller
from aspm_ado.domain.azure.retirement import GLOBAL_PAT_END, Clock
from aspm_ado.domain.http import BodyWithSecret, Call, Reply
from aspm_ado.domain.questions import Given
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.answers import Asker
from aspm_ado.flows.context import Context
from aspm_ado.flows.validation.scheduler import Scheduler
from aspm_ado.simulator import SCENARIOS, Simulator, scenarios
from aspm_ado.simulator.world import Instance

PROFILE = scenarios.PROFILE
ASPM = "https://aspm.example.test"
STORY = SCENARIOS["global"]
PAT = STORY.answers.tokens[0][1]
TOKEN = STORY.answers.aspm_token


@cache
def trusted() -> Trust:
    """The system's certificates, which the simulator needs none of: loading them takes longer than most tests."""
    return load_trust({}, None, lambda note: None)


class Voice:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str = "") -> None:
        self.lines.append(line)

    heading = note = warn = say

    def progress(self, done: int, total: int, what: str) -> None:
        pass

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Desk:
    """A clipboard that may be one that cannot be cleared, or none."""

    def __init__(self, way: str | None = "xclip", *, clears: bool = True) -> None:
        self.way, self._clears, self.held = way, clears, None

    def open(self, url: str) -> bool:
        return False

    def copy(self, secret: Secret) -> str | None:
        self.held = secret if self.way else None
        return self.way

    @property
    def can_copy(self) -> bool:
        return self.way is not None

    @property
    def clears_after(self) -> float | None:
        return 90 if self._clears and self.held is not None else None

    def clear(self) -> None:
        if self._clears:
            self.held = None


class Person:
    """Answers by the name of the question; a list is used up, one answer a time. An exception is raised."""

    def __init__(self, **answers: object) -> None:
        self._answers = {
            name.replace("_", "-"): list(value) if isinstance(value, list) else value
            for name, value in answers.items()
        }
        self.asked: list[str] = []
        self.offered: dict[str, list[str]] = {}

    asks = True

    def _next(self, question, default=None):
        self.asked.append(question.name)
        value = self._answers.get(question.name, default)
        if isinstance(value, list):
            value = value.pop(0)
        if isinstance(value, BaseException):
            raise value
        assert value is not None, f"nobody expected to be asked for {question.name}"
        return value

    def text(self, question, default="", *, accept=None):
        return self._next(question, default)

    def secret(self, question, context=(), *, accept=None):
        self.context = "\n".join(context)
        value = self._next(question)
        return accept(value) if accept else Secret(value)

    def choose(self, question, choices, default=""):
        self.offered[question.name] = [choice.value for choice in choices]
        value = self._next(question, default if question.name == "go" else None)
        if isinstance(value, bool):  # to the plan, which has more answers than two
            value = "y" if value else "n"
        assert value in self.offered[question.name], (value, self.offered[question.name])
        return value

    def choose_many(self, question, choices, *, marked=False):
        return tuple(self._next(question, ()))

    def confirm(self, question, default):
        return bool(self._next(question, default))


class Sources:
    """Files and variables out of two dictionaries."""

    def __init__(self, files: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self._files, self._variables = files, variables

    def file(self, path: str) -> bytes:
        return self._files[path].encode()

    def variable(self, name: str) -> str:
        return self._variables.get(name, "")


@dataclass
class Wire:
    """Sends, remembers what was sent where, and may break: ``before`` or ``after`` the n-th call that ``counts``."""

    send: Callable[[Call], Reply]
    calls: list[Call] = field(default_factory=list)
    dies_at: tuple[str, int] | None = None
    counts: Callable[[Call], bool] = lambda call: call.url.startswith(ASPM)
    _seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: Call) -> Reply:
        with self._lock:
            self.calls.append(call)
            counted = self.counts(call)
            self._seen += counted
            due = counted and self.dies_at is not None and self.dies_at[1] == self._seen
        if due and self.dies_at and self.dies_at[0] == "before":
            raise KeyboardInterrupt
        reply = self.send(call)
        if due:
            raise KeyboardInterrupt
        return reply

    @property
    def writes(self) -> list[Call]:
        """What was written to the ASPM."""
        return [call for call in self.calls if call.url.startswith(ASPM) and call.method != "GET"]


class Stand:
    """One machine and one world. Runs share its records and its vault."""

    def __init__(self, folder: Path, story=STORY, **world: object) -> None:
        aspm = world.pop("aspm", {})
        here = replace(story.world, **world)
        self.simulator = Simulator(
            story, world=replace(here, aspm=replace(here.aspm, **aspm))
        ).start()
        address = self.simulator.address
        self.transport = Transport(
            TransportSettings({}, timeout=5, simulator=address), trust=trusted()
        )
        self.records = DiskRecords(folder / "records")
        self.vault, self.voice, self.desk = MemoryVault(), Voice(), Desk()
        self.wire = Wire(AzureDevOps(self.transport).send)
        self._folder, self._numbers = folder, itertools.count()

    def close(self) -> None:
        self.transport.close()
        self.simulator.stop()

    def enter_by_hand(self) -> None:
        """A person adds contoso in Invicti ASPM."""
        made = Instance("by hand", "azurecloud", "https://dev.azure.com/Contoso")
        more = {"instances": made, "alm_tools": made.tool}
        self.simulator.become(self.simulator.world.with_more_in_aspm(**more))

    def context(
        self,
        given: Mapping[str, str | Sequence[str]] | None = None,
        person: Person | None = None,
        *,
        variables: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        records=None,
        dies_at: tuple[str, int] | None = None,
    ) -> Context:
        """Everything for one run."""
        self.wire = Wire(AzureDevOps(self.transport).send, dies_at=dies_at)
        self.voice = Voice()
        said = {
            name.replace("_", "-"): Given(
                (value,) if isinstance(value, str) else tuple(value), "a test"
            )
            for name, value in (given or {}).items()
        }
        return Context(
            asker=Asker(said, person or SilentPrompter("a test")),
            voice=self.voice,
            records=records or self.records,
            vault=self.vault,
            sources=Sources({"pat": PAT, "aspm": TOKEN, **(files or {})}, variables or {}),
            desktop=self.desk,
            scheduler=Scheduler(self.wire),
            caller=Caller("session", lambda: str(uuid.uuid4())),
            clock=Clock(STORY.today, GLOBAL_PAT_END, pinned=True),
            now=lambda: datetime(2026, 10, 15, 12, tzinfo=UTC),
            show=lambda proofs: None,
            load_profile=partial(load_profile, say=self.voice.say),
            is_simulated=True,
        )

    @property
    def instances(self):
        return self.simulator.world.aspm.instances


def asked(*organizations: str, **more: str) -> dict[str, str | Sequence[str]]:
    """The flags of a connect that is good; a token for the ASPM unless ``aspm_token_file`` is empty."""
    said: dict[str, str | Sequence[str]] = {
        "organization": organizations or ("contoso",),
        "pat_file": "pat",
        "pat_expires": "2027-01-13",
        "purpose": "alm",
        "aspm_url": ASPM,
        "aspm_token_file": "aspm",
        **more,
    }
    return {name: value for name, value in said.items() if value}


def by_profile(*organizations: str, **more: str) -> dict[str, str | Sequence[str]]:
    """The same, registering by the simulator's profile."""
    return asked(*organizations, **{"register": "api", "registration_profile": PROFILE, **more})


def states(stand: Stand, name: str = "contoso") -> dict[str, str]:
    """What is on record of each organization."""
    entry = stand.records.load().connections[name]
    return {one.name: one.registration.state.value for one in entry.organizations}


def check(report, which: str, organization: int = 0):
    """One check of the only connection."""
    [connection] = report.connections
    found = [*connection.checks, *(connection.aspm.checks if connection.aspm else ())]
    if connection.organizations:
        found += connection.organizations[organization].checks
    return next(one for one in found if one.id.value == which)


def patless(calls: Sequence[Call], *, but_for_writes: bool = True) -> bool:
    """Whether no call to the ASPM carries the token of Azure DevOps (but for a registration's own body)."""
    for call in calls:
        if not call.url.startswith(ASPM):
            continue
        if call.credential is not None and call.credential.secret.reveal() == PAT:
            return False
        if isinstance(call.body, BodyWithSecret) and not (but_for_writes and call.method == "POST"):
            return False
        if PAT in call.url or PAT in repr(call):
            return False
    return True
