"""A world in which every call of a port is a step, and something may happen at any of them.

What is real: the commands, the door, the signal handlers, the files, the simulator behind real HTTP. Answers are
remembered for as long as the world stays the same, so that a loop over every step is quick.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from aspm_ado.adapters.http.services import AzureDevOps
from aspm_ado.adapters.http.transport import Transport, TransportSettings
from aspm_ado.adapters.keyring.vault import MemoryVault
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.adapters.records.folder import Disk
from aspm_ado.cli.app import run_command
from aspm_ado.cli.context import Invocation
from aspm_ado.domain import questions
from aspm_ado.domain.questions import Question
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import Catalogue
from aspm_ado.simulator import Simulator, scenarios

from ..aspm.stand import trusted
from ..e2e.stage import Canaries, drawn_token, story
from ..kept import Kept, asked_once
from ..lifecycle.machine import OneByOne

EVERY = [one for one in vars(questions).values() if isinstance(one, Question)]
PROFILE = scenarios.PROFILE
ASPM = "https://aspm.example.test"


class Tap:
    """Counts steps. At the step ``at``, ``strike`` is called: in place of it, or once it is done (``after``).

    Of several lines that are said or written one after the other only the first is a step.
    """

    def __init__(
        self, at: int = 0, strike: Callable[[], object] | None = None, *, after: bool = False
    ) -> None:
        self.at, self._strike, self._after = at, strike, after
        self.steps: list[str] = []
        self._last = ""

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        if self._last == name and name in ("voice.say", "stdout.write"):
            return work()
        self._last = name
        self.steps.append(name)
        due = len(self.steps) == self.at
        if due and self._strike and not self._after:
            self._strike()
        made = work()
        if due and self._strike and self._after:
            self._strike()
        return made

    @property
    def struck(self) -> bool:
        return len(self.steps) >= self.at


class Tapped:
    """A port whose every call is a step. Whether somebody is there to ask is no call."""

    def __init__(self, real: object, name: str, tap: Tap) -> None:
        self._real, self._name, self._tap = real, name, tap

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._real, attribute)
        if attribute == "asks":
            return value
        step = f"{self._name}.{attribute}"
        if callable(value):
            return lambda *given, **more: self._tap(step, lambda: value(*given, **more))
        return self._tap(step, lambda: value)


class Person:
    """Answers by the name of the question, else with what is offered. A list is used up, one answer a time."""

    asks = True

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = {
            name: list(value) if isinstance(value, list) else value
            for name, value in answers.items()
        }

    def _next(self, question: Question, otherwise: Any) -> Any:
        value = self._answers.get(question.name, otherwise)
        return value.pop(0) if isinstance(value, list) else value

    def text(self, question: Question, default: str = "", *, accept: Any = None) -> str:
        return str(self._next(question, default))

    def secret(
        self, question: Question, context: Sequence[str] = (), *, accept: Any = None
    ) -> Secret:
        value = self._next(question, "")
        return accept(value) if accept else Secret(value)

    def choose(self, question: Question, choices: Sequence[Any], default: str = "") -> str:
        return str(self._next(question, default or choices[0].value))

    def choose_many(
        self, question: Question, choices: Sequence[Any], *, marked: bool = False
    ) -> tuple[str, ...]:
        return tuple(self._next(question, ()))

    def confirm(self, question: Question, default: bool) -> bool:
        return bool(self._next(question, True))


class Desk:
    """A browser and a clipboard that do as they are told."""

    can_copy, clears_after = True, 90.0

    def open(self, url: str) -> bool:
        return True

    def copy(self, secret: Secret) -> str:
        return "a clipboard"

    def clear(self) -> None:
        pass


class Unsynced(Disk):
    """Waits for no platter."""

    def fsync(self, descriptor: int) -> None:
        pass


class Out(io.TextIOWrapper):
    """stdout, each write and flush of which is a step."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)
        self.tap = tap

    def write(self, text: str) -> int:
        return self.tap("stdout.write", lambda: super(Out, self).write(text))

    def flush(self) -> None:
        self.tap("stdout.flush", lambda: super(Out, self).flush())

    @property
    def told(self) -> bytes:
        return self.buffer.getvalue()  # type: ignore[attr-defined,no-any-return]


@dataclass(frozen=True)
class Command:
    """A command line; with a ``person``, somebody is there. ``stored`` says that a connection is there before."""

    name: str
    flags: Mapping[str, Any]
    person: Mapping[str, Any] | None = None
    own: Mapping[str, Any] | None = None
    stored: bool = True


@dataclass(frozen=True)
class Ended:
    """What came of a run."""

    code: int
    out: bytes
    err: bytes
    tap: Tap


class World:
    """One machine with its simulator; its state can be put back to what it was."""

    def __init__(self, folder: Path, scenario: str = "global") -> None:
        told = story(scenario)
        self.token, self.aspm_token, self.new = told.token, told.aspm_token, drawn_token()
        like = told.world.tokens[0]
        self.own = drawn_token()
        own = replace(like, value=self.own, reach="Contoso")
        world = replace(told.world, tokens=(*told.world.tokens, replace(like, value=self.new), own))
        assert world.aspm is not None
        world = replace(world, aspm=replace(world.aspm, registers="yes"))
        self.simulator = Simulator(told.scenario, world=world).start()
        address = self.simulator.address
        self.transport = Transport(
            TransportSettings({}, timeout=30, simulator=address), trust=trusted()
        )
        self.canaries = Canaries([self.token, self.aspm_token, self.new, self.own])
        self.folder, self._given = folder / "records", folder / "given"
        self._given.mkdir(parents=True)
        self.vault = MemoryVault()
        self._really = AzureDevOps(self.transport).send
        self._heard = asked_once(self.simulator, self._really)
        self._kept: Kept | None = None
        self._numbers = itertools.count()

    def close(self) -> None:
        self.transport.close()
        self.simulator.stop()

    def file(self, secret: str) -> str:
        path = self._given / f"{next(self._numbers)}.txt"
        path.write_text(secret)
        path.chmod(0o600)
        return str(path)

    @property
    def secrets(self) -> dict[tuple[str, str], Secret]:
        return self.vault._secrets

    def send(self, call: Any) -> Any:
        is_write = call.url.startswith(ASPM) and call.method != "GET"
        return self._really(call) if is_write else self._heard(call)

    def run(self, command: Command, tap: Tap | None = None) -> Ended:
        """The command to its exit code, through the door that every run goes through."""
        tap = tap or Tap()
        flags = {"config-dir": str(self.folder), **command.flags}
        out, err = Out(tap), io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)

        def wire(*given: Any) -> Invocation:
            return Furnished(
                self,
                tap,
                command,
                *given,
                environment={"ASPM_ADO_SIMULATOR": self.simulator.variable},
            )

        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = out, err
        try:
            code = run_command(command.name, EVERY, flags, dict(command.own or {}), wire)
        finally:
            sys.stdout, sys.stderr = before
            out.tap = Tap()  # it is flushed once more when it is thrown away
        return Ended(code, out.told, err.buffer.getvalue(), tap)  # type: ignore[attr-defined]

    def keep(self) -> None:
        """Remember this state, to come back to it."""
        self._kept = Kept(self.folder, self.secrets, self.simulator)

    def back(self) -> None:
        """Come back to the state that was kept."""
        assert self._kept is not None
        self._kept.back()

    @property
    def catalogue(self) -> Catalogue:
        return DiskRecords(self.folder).load()

    def assert_whole(self) -> None:
        """Nothing in force names a missing secret; no secret is outside the vault."""
        assert self.catalogue.services <= {service for service, _ in self.secrets}
        assert not self.canaries.in_files(self.folder)

    def assert_tidy(self) -> None:
        """After the next run that stores: nothing is left over."""
        self.run(self.connecting(json=True))
        found = self.catalogue
        assert (found.pending, found.erasing) == ({}, ())
        assert self.secrets.keys() == found.origins.items()
        assert set(found.origins) == set(found.services)

    def connecting(self, **more: Any) -> Command:
        """``connect`` by flags, with nobody there."""
        flags = {
            "organization": ["contoso"],
            "pat-file": [self.file(self.token)],
            "pat-expires": "2027-01-13",
            "purpose": "alm",
            "aspm-url": ASPM,
            "aspm-token-file": self.file(self.aspm_token),
            "register": "guided",
            "no-input": True,
            **more,
        }
        return Command("connect", flags, stored=False)

    def commands(self) -> dict[str, Command]:
        """One of each kind."""
        wizard = {"organization": "contoso", "pat": self.token, "pat-expires": "2027-01-13", "aspm-url": ASPM,
                  "aspm-token": self.aspm_token, "token-ready": ["open", "paste"], "more": ("Fabrikam",),
                  "handoff": ["copy", "saved", "later"]}  # fmt: skip
        new = {"pat": self.new, "pat-expires": "2027-02-13", "handoff": ["copy", "saved"]}
        ad_hoc = {
            "organization": ["contoso"],
            "pat-file": [self.file(self.token)],
            "json": True,
            "no-input": True,
        }
        return {
            "connect, a person": Command("connect", {}, wizard, stored=False),
            "connect": self.connecting(json=True, verbose=True),
            "connect, by profile": self.connecting(
                json=True, register="api", **{"registration-profile": PROFILE}
            ),
            "validate": Command("validate", {"json": True}),
            "validate, a person": Command("validate", {"verbose": True}, {}),
            "validate, ad hoc": Command("validate", ad_hoc, stored=False),
            "list": Command("list", {}),
            "list, json": Command("list", {"json": True}),
            "guide": Command("guide", {"organization": ["contoso"]}, own={"open": True}, stored=False),
            "handoff, a person": Command("handoff", {}, {"handoff": ["copy", "saved"]}),
            "handoff": Command("handoff", {"json": True, "no-input": True}),
            "rotate, a person": Command("rotate", {}, new, {"name": "contoso"}),
            "rotate": Command(
                "rotate", {"pat-file": [self.file(self.new)], "json": True, "no-input": True}, own={"name": "contoso"}
            ),
            "disconnect, a person": Command("disconnect", {}, {}, {"name": "contoso"}),
            "disconnect": Command("disconnect", {"yes": True, "json": True}, own={"name": "contoso"}),
            "migrate, a plan": Command("migrate", {"plan": True, "json": True}, own={"name": "contoso"}),
            "migrate": Command(
                "migrate",
                {"organization": ["contoso"], "pat-file": [f"contoso={self.file(self.own)}"], "register": "guided",
                 "pat-expires": "2027-01-13", "json": True, "no-input": True},
                own={"name": "contoso"},
            ),
            "doctor": Command("doctor", {}),
            "doctor, json": Command("doctor", {"json": True}),
        }  # fmt: skip

    def prepare(self, command: Command) -> None:
        """What has to be there before; remembered, to come back to it."""
        if command.stored:
            assert self.run(self.connecting(json=True)).code == 0
        self.keep()


class Furnished(Invocation):
    """The wiring of a run, with the ports of a ``World``."""

    def __init__(
        self, world: World, tap: Tap, command: Command, *given: Any, environment: Mapping[str, str]
    ) -> None:
        self._world, self._tap, self._run = world, tap, command
        super().__init__(*given, environment)

    @cached_property
    def prompter(self) -> Any:  # type: ignore[override]
        if self._run.person is None:
            return super().prompter
        return Tapped(Person(self._run.person), "prompter", self._tap)

    @cached_property
    def records(self) -> Any:  # type: ignore[override]
        made = DiskRecords(self._world.folder, wait=0.5, disk=Unsynced())
        return Tapped(made, "records", self._tap)

    @cached_property
    def vault(self) -> Any:  # type: ignore[override]
        return Tapped(self._world.vault, "vault", self._tap)

    @cached_property
    def sources(self) -> Any:  # type: ignore[override]
        return Tapped(super().sources, "sources", self._tap)

    @cached_property
    def desktop(self) -> Any:  # type: ignore[override]
        return Tapped(Desk(), "desktop", self._tap)

    def _transport(self, recorded: str | None) -> Any:  # type: ignore[override]
        return io.BytesIO()  # something to close: the crew sends by the world's own

    def context(self, **more: Any) -> Any:
        made = super().context(**more)
        send = lambda call: self._tap("caller.send", lambda: self._world.send(call))  # noqa: E731
        return replace(made, scheduler=OneByOne(send), voice=Tapped(self.voice, "voice", self._tap))


@contextlib.contextmanager
def world(folder: Path, scenario: str = "global") -> Iterator[World]:
    made = World(folder, scenario)
    try:
        yield made
    finally:
        made.close()
