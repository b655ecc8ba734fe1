"""Fakes of the outside, for flows: records, a vault and a voice that keep everything in memory and fail on demand."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.requests import Caller
from aspm_ado.domain.azure.retirement import Clock, Reach, ReachDemanded
from aspm_ado.domain.questions import Choice, Given, Question
from aspm_ado.domain.reasons import Reason, StoreError, UsageError
from aspm_ado.domain.secret import Secret, TokenFormat
from aspm_ado.domain.stored import Catalogue, Draft, Entry, StoredCredential, StoredOrganization
from aspm_ado.flows.answers import Asker
from aspm_ado.flows.context import Context
from aspm_ado.flows.validation.scheduler import Scheduler

from ..aspm.stand import Voice


class Plan:
    """Fails at the n-th step of those that count on it: once, or from there on (a machine that was switched off)."""

    def __init__(
        self, at: int = 0, *, for_ever: bool = False, error: BaseException | None = None
    ) -> None:
        self.at, self.for_ever = at, for_ever
        self.error = error or StoreError(Reason.KEYRING_FAILED, "It failed.", remedy="Try again.")
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.at and (self.steps == self.at or (self.for_ever and self.steps > self.at)):
            raise self.error


class FakeVault:
    """Secrets by service. ``late`` fails after the write was done, as a store that loses its answer does."""

    title = "a fake"

    def __init__(
        self, plan: Plan | None = None, *, late: bool = False, largest: int = 10_000
    ) -> None:
        self.plan, self.late, self.largest = plan or Plan(), late, largest
        self.secrets: dict[str, Secret] = {}
        self.origins: dict[str, str] = {}

    def probe(self) -> None:
        pass

    def check_size(self, secret: Secret) -> None:
        if len(secret.reveal()) > self.largest:
            raise StoreError(
                Reason.SECRET_TOO_LARGE, "It is too large.", remedy="Use a smaller one."
            )

    def write(self, service: str, secret: Secret, origin: str) -> None:
        if not self.late:
            self.plan.step()
        self.secrets[service], self.origins[service] = secret, origin
        if self.late:
            self.plan.step()

    def read(self, service: str, origin: str) -> Secret | None:
        return self.secrets.get(service)

    def bind(self, service: str, origin: str) -> bool:
        return service in self.secrets

    def erase(self, service: str, origin: str) -> None:
        self.plan.step()
        assert self.origins.get(service, origin) == origin
        self.secrets.pop(service, None)


class FakeRecords:
    """A catalogue in memory; every change is atomic, and asserts that the lock is held where it must be."""

    def __init__(self, catalogue: Catalogue | None = None, plan: Plan | None = None) -> None:
        self.catalogue = catalogue or Catalogue()
        self.plan = plan or Plan()
        self.draft: Draft | None = None
        self.history: list[Catalogue] = []
        self.held = 0

    def load(self) -> Catalogue:
        return self.catalogue

    def change(self, edit: Callable[[Catalogue], Catalogue]) -> Catalogue:
        self.plan.step()
        self.catalogue = edit(self.catalogue)
        self.history.append(self.catalogue)
        return self.catalogue

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    def check(self) -> None:
        pass

    def set_aside(self) -> None:
        return None

    def load_draft(self) -> Draft | None:
        return self.draft

    def save_draft(self, draft: Draft | None) -> None:
        self.draft = draft


@dataclass
class FakeSources:
    """Files by path, variables by name."""

    files: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def file(self, path: str) -> bytes:
        if path not in self.files:
            raise UsageError(
                Reason.FILE_UNREADABLE, f"The file {path} cannot be read.", remedy="Check its name."
            )
        return self.files[path]

    commands: dict[str, bytes] = field(default_factory=dict)

    def command(self, command: str, where: str) -> bytes:
        return self.commands[command]

    def variable(self, name: str) -> str:
        return self.variables.get(name, "")


class Nobody:
    """Nobody to ask: any question is a failure of the test unless it is expected."""

    asks = False

    def __getattr__(self, name: str) -> Any:
        def refuse(question: Question, *_: object, **__: object) -> Any:
            raise UsageError(Reason.INPUT_MISSING, f"{question.prompt}?", remedy=question.how)

        return refuse


class Person:
    """Somebody who answers as scripted: a value, or something to do before the answer."""

    asks = True

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.told: list[str] = []

    def _next(self, question: Question) -> Any:
        self.asked.append(question.name)
        answer = self.answers.pop(0)
        return answer() if callable(answer) else answer

    def text(self, question: Question, default: str = "", *, accept: Any = None) -> str:
        answer = self._next(question)
        return default if answer is None else str(answer)

    def secret(
        self, question: Question, context: Sequence[str] = (), *, accept: Any = None
    ) -> Secret:
        self.told.extend(context)
        answer = str(self._next(question))
        return accept(answer) if accept else Secret(answer)

    def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        answer = self._next(question)
        assert answer in [choice.value for choice in choices], (answer, choices)
        return str(answer)

    def choose_many(
        self, question: Question, choices: Sequence[Choice], *, marked: bool = False
    ) -> tuple[str, ...]:
        return tuple(self._next(question))

    def confirm(self, question: Question, default: bool) -> bool:
        return bool(self._next(question))


def asker(prompter: Any = None, **given: str | tuple[str, ...]) -> Asker:
    """Answers by the names of their questions (``pat_file=...``)."""
    rows = {
        name.replace("_", "-"): Given((value,) if isinstance(value, str) else value, f"--{name}")
        for name, value in given.items()
    }
    return Asker(rows, prompter or Nobody())


def context(**more: Any) -> Context:
    """A context of fakes."""
    parts: dict[str, Any] = {
        "asker": asker(),
        "voice": Voice(),
        "records": FakeRecords(),
        "vault": FakeVault(),
        "sources": FakeSources(),
        "desktop": None,
        "scheduler": Scheduler(lambda _: pytest_fail()),
        "caller": Caller("a-session", lambda: str(uuid.uuid4())),
        "clock": Clock(datetime(2026, 10, 15, tzinfo=UTC).date(), None),
        "now": lambda: datetime(2026, 10, 15, 12, tzinfo=UTC),
        "show": lambda proofs: None,
    }
    return Context(**{**parts, **more})


def pytest_fail() -> Any:
    raise AssertionError("nothing may be asked of anybody here")


def entry(name: str, *services: str) -> Entry:
    """A connection whose organizations each name a credential of their own."""
    credentials = {
        f"k{service}": StoredCredential(service, TokenFormat.V2_84, "Wx9Z") for service in services
    }
    organizations = tuple(
        StoredOrganization(f"org-{service}", f"k{service}") for service in services
    )
    return Entry(
        name, Deployment.SERVICES, "https://dev.azure.com", Purpose.ALM, credentials, organizations
    )


def entry_of_one(organization: str, service: str, last4: str, **more: Any) -> Entry:
    """A connection of one organization, which has a token of its own."""
    parts: dict[str, Any] = {"purpose": Purpose.ALM, "reach_demanded": ReachDemanded.ORGANIZATION}
    return Entry(
        name=organization.lower(),
        deployment=Deployment.SERVICES,
        base_url="https://dev.azure.com",
        credentials={
            "k": StoredCredential(service, TokenFormat.V2_84, last4, reach=Reach.ORGANIZATION)
        },
        organizations=(StoredOrganization(organization, "k"),),
        **{**parts, **more},
    )
