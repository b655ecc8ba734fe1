"""Any commands in any order, each killed, failed or left anywhere: what is stored is whole, and tells the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aspm_ado.domain.http import BodyWithSecret
from aspm_ado.domain.reasons import InterruptedByUserError, Reason, UserError
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import Entry, RegistrationMode, RegistrationState
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import samples

from ..hours import NIGHT
from .faults import WAYS, FailingDisk, Faulty, Killed, Switch
from .machine import ASPM, NEW, PAT, TOKEN, TOKENS, Machine, asked, by_profile

ORGANIZATIONS = ("contoso", "fabrikam")
OWN = {name: samples.pat(f"Own{name}", f"{name[:2]}0W") for name in ORGANIZATIONS}
WIDE = {"pat": PAT, "new": NEW}
API_TOKENS = {"aspm": TOKEN, "other-aspm": "simulated-aspm-token-0002"}
PATIENCE = 30
"""Questions that somebody answers before they give up: a token that is not good is asked for again and again."""
EXPECTED = {0, 2, 3, 4, 6, 7, 8, 130}


@dataclass(frozen=True)
class Fault:
    """What goes wrong in a run, and at which effect, call or question."""

    way: str = ""
    at: int = 0


FAULTS = st.one_of(
    st.just(Fault()),
    st.builds(Fault, st.just("killed"), st.integers(1, 18)),
    st.builds(
        Fault,
        st.sampled_from(["the disk fails once", "the disk fails from then on"]),
        st.integers(1, 60),
    ),
    st.builds(Fault, st.sampled_from(WAYS), st.integers(1, 20)),
    st.builds(Fault, st.just("the person leaves"), st.integers(1, 5)),
)
ANSWERS = st.lists(
    st.sampled_from(["saved", "later", "refused", "all-later"]), min_size=1, max_size=3
)
WHO = st.one_of(st.none(), ANSWERS)
SOME = st.sampled_from([("contoso",), ("fabrikam",), ORGANIZATIONS])


class Somebody:
    """Answers hand-offs as it was told, in turn, and everything else with what is offered; leaves at one question."""

    asks = True

    def __init__(
        self, answers: list[str], on_saved: Callable[[], None], leaves_at: int = 0
    ) -> None:
        self._answers, self._on_saved, self._left, self._asked = answers, on_saved, leaves_at, 0

    def _count(self) -> None:
        self._asked += 1
        if self._asked in (self._left, PATIENCE):
            raise InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")

    def choose(self, question: Any, choices: Any, default: str = "") -> str:
        self._count()
        values = [one.value for one in choices]
        if "saved" not in values:
            return default
        wanted = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        answer = wanted if wanted in values else "later"
        if answer == "saved":
            self._on_saved()
        return answer

    def choose_many(self, question: Any, choices: Any, *, marked: bool = False) -> tuple[str, ...]:
        self._count()
        return tuple(one.value for one in choices)

    def text(self, question: Any, default: str = "", *, accept: Any = None) -> str:
        self._count()
        return default

    def confirm(self, question: Any, default: bool) -> bool:
        self._count()
        return True

    def secret(self, question: Any, context: Any = (), *, accept: Any = None) -> Secret:
        """A token of its own where the prompt names one organization, else the new one."""
        self._count()
        said = " ".join(context).casefold()
        own = next((OWN[name] for name in ORGANIZATIONS if f"for {name}." in said), NEW)
        return accept(own) if accept else Secret(own)


class Life(RuleBasedStateMachine):
    """One connection. ``told`` are the tokens that Invicti ASPM has, as far as anybody has said so."""

    here: Machine

    def __init__(self) -> None:
        super().__init__()
        self.here.back()
        self.told: set[tuple[str, str]] = set()
        self.given: dict[str, str] = {}

    # The model

    def entry(self) -> Entry | None:
        return self.here.catalogue.connections.get("contoso")

    def in_force(self) -> dict[str, str]:
        entry = self.entry()
        if entry is None:
            return {}
        services = {
            one.name.casefold(): entry.credentials[one.credential].service
            for one in entry.organizations
        }
        return {name: self.here.secrets[service].reveal() for name, service in services.items()}

    def _saved(self) -> None:
        """The person has just entered what the last hand-off showed."""
        marks = [
            line
            for line in self.here.stand.voice.lines
            if line.startswith("Handoff to Invicti ASPM: ")
        ]
        name = marks[-1].removeprefix("Handoff to Invicti ASPM: ").split(" (")[0].casefold()
        entry = self.entry()
        if entry is None:
            return
        waits = entry.successor_of(name)
        held = {one.name.casefold(): one.credential for one in entry.organizations}
        service = entry.credential_of(waits or held[name]).service
        self.told.add((name, self.given.get(name) or self.here.secrets[service].reveal()))

    def perform(
        self,
        command: Callable[[Any], Any],
        given: Mapping[str, Any],
        answers: list[str] | None,
        fault: Fault,
    ) -> int | None:
        """One run; its exit code, or ``None`` where it was killed."""
        here, keyring = self.here, None
        how: dict[str, Any] = {"switch": Switch(fault.at if fault.way == "killed" else 0)}
        if fault.way.startswith("the disk"):
            how["disk"] = FailingDisk(fault.at, for_ever=fault.way.endswith("then on"))
        if fault.way in WAYS:
            keyring = Faulty(here.secrets, fault.at, fault.way, here.origins)
            how["vault"] = keyring.vault()
        leaves = fault.at if fault.way == "the person leaves" else 0
        person = None if answers is None else Somebody(list(answers), self._saved, leaves)
        try:
            made = command(here.context(given, person, files={**OWN, **API_TOKENS}, **how))
            code = int(getattr(made, "exit_code", 0))
        except Killed:
            code = None
        except UserError as error:
            code = int(error.exit_code)
        finally:
            if keyring is not None:
                keyring.caught_up()
            for sent in here.stand.wire.writes:
                assert isinstance(sent.body, BodyWithSecret)
                url = json.loads(sent.body.encode())["url"]
                self.told.add(
                    (url.rstrip("/").rpartition("/")[2].casefold(), sent.body.secret.reveal())
                )
        assert code is None or code in EXPECTED
        return code

    # What can happen

    @initialize(names=SOME, register=st.sampled_from(["guided", "none", "api"]), answers=WHO)
    def begin(self, names: tuple[str, ...], register: str, answers: list[str] | None) -> None:
        self.connect(names, "pat", register, answers, Fault())
        self.here.assert_tidy()

    @rule(names=SOME, kind=st.sampled_from(["pat", "new", "own"]), register=st.sampled_from(["guided", "none", "api"]),
          answers=WHO, fault=FAULTS)  # fmt: skip
    def connect(
        self,
        names: tuple[str, ...],
        kind: str,
        register: str,
        answers: list[str] | None,
        fault: Fault,
    ) -> None:
        """Connected, connected again, or one more organization."""
        tokens = [f"{name}={name}" for name in names] if kind == "own" else kind
        more = {"pat_file": tokens, "reach": "organization" if kind == "own" else ""}
        given = (
            by_profile(*names, **more)
            if register == "api"
            else asked(*names, register=register, **more)
        )
        [token] = [
            kind
            for kind, value in API_TOKENS.items()
            if value == self.here.stand.simulator.world.aspm.token
        ]
        given["aspm_token_file"] = token
        before = set(self.in_force())
        self.given = {name: OWN[name] if kind == "own" else WIDE[kind] for name in names}
        code = self.perform(lambda context: connect(context, "contoso"), given, answers, fault)
        self.given = {}
        assert before <= set(self.in_force()), "connecting takes no organization away"
        if code in (0, 8) and not fault.way:
            self.here.assert_tidy()

    @precondition(lambda self: self.here.catalogue.connections)
    @rule(some=SOME, kind=st.sampled_from(["pat", "new"]), register=st.sampled_from(["auto", "none"]), answers=WHO,
          fault=FAULTS)  # fmt: skip
    def rotate(
        self,
        some: tuple[str, ...],
        kind: str,
        register: str,
        answers: list[str] | None,
        fault: Fault,
    ) -> None:
        there = self.in_force()
        names = [name for name in some if name in there] or list(there)
        given = {"pat_file": kind, "register": register}
        self.swaps(lambda context: rotate(context, "contoso", names), given, answers, fault)

    @precondition(lambda self: self.here.catalogue.connections)
    @rule(answers=WHO, fault=FAULTS)
    def go_on_with_a_rotation(self, answers: list[str] | None, fault: Fault) -> None:
        self.swaps(lambda context: rotate(context, "contoso", []), {}, answers, fault)

    @precondition(lambda self: self.here.catalogue.connections)
    @rule(answers=ANSWERS, fault=FAULTS)
    def hand_off(self, answers: list[str], fault: Fault) -> None:
        self.swaps(lambda context: resume_handoff(context, "contoso"), {}, answers, fault)

    @precondition(lambda self: self.here.catalogue.connections)
    @rule(register=st.sampled_from(["auto", "guided", "none"]), answers=WHO, fault=FAULTS)
    def migrate(self, register: str, answers: list[str] | None, fault: Fault) -> None:
        files = (
            []
            if answers
            else [f"{name}={name}" for name in ORGANIZATIONS if name in self.in_force()]
        )
        given = {"register": register, **({"pat_file": files} if files else {})}
        self.swaps(lambda context: migrate(context, "contoso"), given, answers, fault, grows=True)

    def swaps(
        self,
        command: Callable[[Any], Any],
        given: Mapping[str, Any],
        answers: list[str] | None,
        fault: Fault,
        *,
        grows: bool = False,
    ) -> None:
        """A command that puts a new token in the place of an old one: only where Invicti ASPM has it."""
        before = self.in_force()
        code = self.perform(command, given, answers, fault)
        after = self.in_force()
        assert set(after) >= set(before) if grows else set(after) == set(before)
        changed = {
            (name, value)
            for name, value in after.items()
            if name in before and value != before[name]
        }
        if (
            given.get("register") != "none"
        ):  # whoever says so says that Invicti ASPM gets it in another way
            assert changed <= self.told, "a token in force that Invicti ASPM does not have"
        if (
            code in (0, 8)
            and not fault.way
            and not self.here.catalogue.pending
            and not self.here.catalogue.erasing
        ):
            self.here.assert_tidy()

    @precondition(lambda self: self.here.catalogue.connections or self.here.catalogue.erasing)
    @rule(fault=FAULTS)
    def disconnect(self, fault: Fault) -> None:
        code = self.perform(
            lambda context: disconnect(context, "contoso"), {"yes": "true"}, None, fault
        )
        if code == 0 and not fault.way:
            assert self.entry() is None
            self.here.assert_tidy()
        if self.entry() is None:
            self.told.clear()  # what is in Invicti ASPM is not ours to tell any more

    @precondition(lambda self: self.here.catalogue.aspm_tokens)
    @rule(token=st.sampled_from(["aspm", "other-aspm"]), fault=FAULTS)
    def rotate_the_token_of_the_aspm(self, token: str, fault: Fault) -> None:
        """In the world first, then here."""
        self.here.world(aspm=replace(self.here.stand.simulator.world.aspm, token=API_TOKENS[token]))
        self.perform(rotate_aspm, {"aspm_url": ASPM, "aspm_token_file": token}, None, fault)

    @precondition(lambda self: self.here.catalogue.connections)
    @rule(fault=FAULTS)
    def validate(self, fault: Fault) -> None:
        """To look changes no secret and nothing that is in force."""
        before = (
            dict(self.here.secrets),
            self.in_force(),
            self.here.catalogue.pending,
            self.here.catalogue.erasing,
        )
        self.perform(lambda context: validate_stored(context, []), {}, None, fault)
        found = self.here.catalogue
        assert before == (dict(self.here.secrets), self.in_force(), found.pending, found.erasing)

    @precondition(lambda self: self.here.catalogue.pending or self.here.catalogue.erasing)
    @rule()
    def the_next_run_that_stores(self) -> None:
        self.here.settle()
        self.here.assert_tidy()

    # What holds after each of them

    @invariant()
    def whole(self) -> None:
        self.here.assert_whole()
        found = self.here.catalogue
        named = {
            *found.services,
            *found.erasing,
            *(one for services in found.pending.values() for one in services),
        }
        assert set(self.here.secrets) <= named, "a secret that nothing names"

    @invariant()
    def truthful(self) -> None:
        """Nobody is told that Invicti ASPM has a token which it does not have."""
        entry, held = self.entry(), self.in_force()
        instances = [one.url.casefold() for one in self.here.stand.instances]
        for one in entry.organizations if entry else ():
            if one.registration.state is not RegistrationState.REGISTERED:
                continue
            name = one.name.casefold()
            if one.registration.mode is RegistrationMode.API:
                assert any(url.rstrip("/").endswith(f"/{name}") for url in instances)
            assert (name, held[name]) in self.told

    @invariant()
    def awaited(self) -> None:
        """What waits is another token than the one that it is to replace."""
        entry, held = self.entry(), self.in_force()
        for one in entry.successors.values() if entry else ():
            waits = self.here.secrets.get(one.credential.service)
            assert not [
                name
                for name in one.organizations
                if waits and held[name.casefold()] == waits.reveal()
            ]

    def teardown(self) -> None:
        self.here.settle()
        self.here.assert_tidy()
        with suppress(UserError):
            disconnect(self.here.context({"yes": "true"}), "contoso")
        assert self.here.secrets == {}


def test_any_order(machine):
    own = tuple(samples.token(OWN[name], reach=name.capitalize()) for name in ORGANIZATIONS)
    here = machine(tokens=(*TOKENS, *own))
    here.keep()
    kind = type("Life", (Life,), {"here": here})
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=1000 if NIGHT else 12, stateful_step_count=12, deadline=None
        ),
    )
