"""From one token of all organizations to twelve: stopped at every question and every effect, and gone on with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.demo import cast
from aspm_ado.domain.connection import RegistrationState
from aspm_ado.domain.errors import InterruptedByUserError
from aspm_ado.domain.reasons import Reason
from aspm_ado.flows.connect import connect
from aspm_ado.flows.migrating.migrate import migrate
from aspm_ado.flows.stored import validate_stored

from .machine import PAT, TOKENS, Killed, Machine, Person, Switch, asked

NAMES = ("Contoso", *(f"Team{number:02d}" for number in range(1, 12)))
OWN = {name: cast.pat(f"Own{name}", f"{name[-2:]}0W") for name in NAMES}
STORED = NAMES[:6]
"""The connection has these; the others are only reached by its token."""
ORGANIZATIONS = tuple(replace(cast.FABRIKAM, name=name) for name in NAMES)
FILES = {name: OWN[name] for name in NAMES}


class Somebody:
    """Chooses everything, and creates each organization's token once; ``at`` is the question that gets Ctrl-C."""

    asks = True

    def __init__(self, created: dict[str, int], at: int = 0) -> None:
        self.created, self.at, self.asked, self.place = created, at, 0, ""
        self.given: list[str] = []

    def _count(self) -> None:
        self.asked += 1
        if self.asked == self.at:
            raise InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")

    def choose(self, question, choices, default=""):
        self._count()
        values = [one.value for one in choices]
        return "saved" if "saved" in values else default

    def choose_many(self, question, choices):
        self._count()
        return tuple(one.value for one in choices)

    def text(self, question, default="", *, accept=None):
        self._count()
        return default

    def confirm(self, question, default):
        self._count()
        return default

    def secret(self, question, context=(), *, accept=None):
        [name] = [one for one in NAMES if f"for {one}." in " ".join(context)]
        self.created.setdefault(name, 0)
        self._count()
        self.given.append(name)
        return accept(OWN[name])


@pytest.fixture
def here(machine) -> Machine:
    """Six organizations share one token, which reaches six more; Invicti ASPM has it."""
    own = tuple(cast.token(OWN[name], reach=name) for name in NAMES)
    made = machine(tokens=(*TOKENS, *own), organizations=ORGANIZATIONS)
    connect(made.house(asked(*STORED, register="guided"), Person(handoff="saved", go=True)), None)
    made.keep()
    return made


def tokens_of(here: Machine) -> dict[str, str]:
    """The newest token that each organization has: waiting, or in force."""
    entry = here.entry
    found = {one.name: one.credential for one in entry.organizations}
    found |= {name: key for key, one in entry.successors.items() for name in one.organizations}
    return {name: here.secrets[entry.credential_of(key).service].reveal() for name, key in found.items()}


def own_of(here: Machine) -> set[str]:
    return {name for name, value in tokens_of(here).items() if value == OWN.get(name)}


def assert_nothing_lost(here: Machine) -> None:
    """Every secret in force is there, and the old token stays while somebody still waits for one."""
    here.assert_whole()
    assert all(value in (PAT, OWN[name]) for name, value in tokens_of(here).items())
    if own_of(here) < set(NAMES):
        assert PAT in [one.reveal() for one in here.secrets.values()]


def assert_finished(here: Machine) -> None:
    """Twelve proven credentials, each of one organization, all in force, and nothing besides."""
    entry = here.entry
    assert tokens_of(here) == OWN
    assert (entry.successors, entry.migration) == ({}, None)
    assert len(entry.credentials) == len(NAMES)
    assert {one.reach for one in entry.credentials.values()} == {"organization"}
    assert {one.registration.state for one in entry.organizations} == {RegistrationState.REGISTERED}
    here.assert_tidy()


def run(here: Machine, somebody: Somebody, **how):
    return migrate(here.house(None, somebody, **how), "contoso")


def finish(here: Machine) -> None:
    """The next run: nobody is asked for a token that is stored."""
    before = own_of(here)
    somebody = Somebody({})
    report = run(here, somebody)
    assert int(report.exit_code) == 0
    assert not before & set(somebody.given), "created twice"
    assert_finished(here)


def test_to_the_end(here):
    somebody = Somebody({})
    report = run(here, somebody)
    assert int(report.exit_code) == 0
    assert somebody.given == list(NAMES)
    assert_finished(here)
    assert "The old token (…Rdy1) is not used here any more. Revoke it: https://dev.azure.com/Contoso" in (
        here.stand.voice.text
    )
    [connection] = report.connections
    assert [one.token.last4 for one in connection.organizations] == [OWN[name][-4:] for name in NAMES]
    assert int(validate_stored(here.house(), []).exit_code) == 0
    again = run(here, Somebody({}, at=1))
    assert int(again.exit_code) == 0
    assert "Nothing to do" in here.stand.voice.text


@pytest.mark.parametrize("part", range(4))
def test_stopped_at_every_question(here, part):
    at, stops = part + 1, 0
    while True:
        here.back()
        try:
            run(here, Somebody({}, at))
            break
        except InterruptedByUserError:
            stops += 1
        assert_nothing_lost(here)
        finish(here)
        at += 4
    assert stops >= 14


@pytest.mark.parametrize("part", range(4))
def test_killed_before_and_after_every_effect(here, part):
    at, kills = part + 1, 0
    while True:
        here.back()
        try:
            run(here, Somebody({}), switch=Switch(at))
            break
        except Killed:
            kills += 1
        assert_nothing_lost(here)
        finish(here)
        at += 4
    assert kills >= 20


def test_stopped_again_and_again(here):
    """Every run gets one token further; none begins from the start."""
    given: list[str] = []
    for _ in range(40):
        somebody = Somebody({}, at=7)
        try:
            run(here, somebody)
        except InterruptedByUserError:
            given += somebody.given
            assert_nothing_lost(here)
            continue
        given += somebody.given
        break
    assert sorted(given) == sorted(set(given))
    finish(here) if own_of(here) < set(NAMES) else assert_finished(here)
