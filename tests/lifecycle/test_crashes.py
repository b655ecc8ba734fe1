"""Killed before and after every effect; a vault and a disk that fail at every call: finished or undone, never half."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from aspm_ado.domain.questions import Given
from aspm_ado.domain.reasons import UsageError, UserError
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.answers import Asker
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import samples

from ..hours import NIGHT
from .faults import WAYS, FailingDisk, Faulty, Killed, Switch
from .machine import ASPM, OWN, Machine, Person, asked, by_profile

GUIDED = asked(register="guided")
SECOND = {"first": samples.pat("RenewedFirst", "New3"), "second": samples.pat("RenewedToo", "New2")}


def connecting(here: Machine, **how):
    return connect(here.context(by_profile(), **how), None)


def adding(here: Machine, **how):
    given = {"organization": "fabrikam", "pat_file": "new", "register": "guided"}
    return connect(here.context(given, **how), "contoso")


def rotating(here: Machine, **how):
    person = how.pop("person", Person(handoff="saved"))
    return rotate(here.context({"pat_file": "new"}, person, **how), "contoso", [])


def rotating_one(here: Machine, **how):
    return rotate(
        here.context({"pat_file": "new", "register": "none"}, **how), "contoso", ["contoso"]
    )


def rotating_aspm(here: Machine, **how):
    context = here.context({"aspm_url": ASPM, "aspm_token_file": "aspm"}, **how)
    return rotate_aspm(context)


def migrating(here: Machine, **how):
    given = {
        "organization": tuple(OWN),
        "pat_file": tuple(f"{name}={name}" for name in OWN),
        "pat_expires": "2027-01-13",
        "register": "guided",
    }
    person = how.pop("person", Person(handoff="saved"))
    return migrate(here.context(given, person, **how), "contoso")


def binding(here: Machine, **how):
    """A secret of the form before is kept with its origin at the first use."""
    return validate_stored(here.context(**how), [])


def dating(here: Machine, **how):
    """``validate NAME --pat-expires``: the day of the record is corrected, then the verdict is kept."""
    context = here.context(**how)
    given = {"pat-expires": Given(("2027-03-31",), "--pat-expires")}
    return validate_stored(
        replace(context, asker=Asker(given, context.asker.prompter)), ["contoso"]
    )


def rotating_each(here: Machine, **how):
    given = {
        "pat_file": [f"{name}={name}" for name in OWN],
        "pat_expires": "2027-01-13",
        "register": "guided",
    }
    person = how.pop("person", Person(handoff="saved"))
    return rotate(here.context(given, person, **how), "contoso", [])


def disconnecting(here: Machine, **how):
    return disconnect(here.context({"yes": "true"}, **how), "contoso")


def handing(here: Machine, **how):
    return resume_handoff(here.context(person=Person(handoff="saved"), **how), None)


def listing(here: Machine):
    return here.context().records.load()


def looking(here: Machine):
    """What stores nothing changes nothing that a crash left."""
    before = here.catalogue.pending, here.catalogue.erasing, dict(here.secrets)
    listing(here)
    with suppress(UserError):
        validate_stored(here.context(), [])
        resume_handoff(here.context({"register": "guided"}), None)
    assert before == (here.catalogue.pending, here.catalogue.erasing, here.secrets)


NEXT = {
    "list, validate, handoff": looking,
    "connect": connecting,
    "rotate": lambda here: rotate(
        here.context({"pat_file": "new"}, Person(handoff="saved")), "contoso", ["contoso"]
    ),
    "disconnect": disconnecting,
}


def one_token_two_organizations(here: Machine) -> None:
    connect(here.context(asked("contoso", "fabrikam", register="guided")), None)


def two_tokens(here: Machine) -> None:
    connect(here.context(GUIDED), None)
    adding(here)


def a_token_each(here: Machine) -> None:
    for name, kind in zip(OWN, ("first", "second"), strict=True):
        tokens = here.stand.simulator.world.tokens
        here.world(tokens=(*tokens, samples.token(SECOND[kind], reach=name)))
        given = asked(name, register="guided", reach="organization", pat_file=kind)
        connect(here.context(given, files=SECOND), "contoso")


def with_an_old_aspm_token(here: Machine) -> None:
    connect(here.context(GUIDED), None)
    [service] = here.catalogue.aspm_tokens.values()
    here.secrets[service] = Secret("an old API token")


def of_the_form_before(here: Machine) -> None:
    two_tokens(here)
    here.origins.clear()
    here.context().records.change(lambda catalogue: replace(catalogue, origins={}))


def a_token_that_waits(here: Machine) -> None:
    one_token_two_organizations(here)
    rotate(here.context({"pat_file": "new", "register": "guided"}), "contoso", [])
    assert here.waiting()


COMMANDS = {
    "connect": (lambda here: None, connecting),
    "connect more": (lambda here: connect(here.context(GUIDED), None), adding),
    "rotate": (one_token_two_organizations, rotating),
    "rotate one of two": (one_token_two_organizations, rotating_one),
    "rotate the token of the ASPM": (with_an_old_aspm_token, rotating_aspm),
    "handoff of a new token": (a_token_that_waits, handing),
    "migrate": (one_token_two_organizations, migrating),
    "rotate each of two": (a_token_each, rotating_each),
    "validate what is of the form before": (of_the_form_before, binding),
    "validate with another end": (one_token_two_organizations, dating),
    "disconnect": (two_tokens, disconnecting),
}


MOST_TOUCHING = list(COMMANDS) if NIGHT else ["connect", "rotate", "migrate", "disconnect"]
"""What touches the disk and the keyring in most ways; the others are variations of these, for the night."""

EFFECTS = {
    # said, both secrets written, in force; what is to be registered, the one request, its answer, its proof
    "connect": "records write write records records aspm records records",
    "connect more": "records write records",
    # said, written, waiting; each in force once a person has saved it, then the old one erased, and off the list
    "rotate": "records write records records records erase records",
    "rotate one of two": "records write records records",
    "rotate the token of the ASPM": "records write records erase records",
    "handoff of a new token": "records records erase records",
    # the choice; each new token said, written, waiting; in force one by one, the old one erased, and the end of it
    "migrate": "records records write records records write records records records erase records records",
    # each new token said, written, waiting; then for each: in force, the old one erased, and off the list
    "rotate each of two": "records write records records write records records erase records records erase records",
    "validate what is of the form before": "bind bind bind records records",
    "validate with another end": "records records",
    "disconnect": "records erase erase erase records",
}
"""What outlives each command, in order: a run that nothing stops has these effects and no other."""


def kills(here: Machine, name: str):
    """Run to the n-th moment, for every n, each time from the same state; ends with the run that nothing stops."""
    _, command = COMMANDS[name]
    expected = EFFECTS[name].split()
    for at in range(1, 2 * len(expected) + 1):
        here.back()
        with pytest.raises(Killed):
            command(here, switch=Switch(at))
        yield at
    here.back()
    switch = Switch()
    command(here, switch=switch)
    assert switch.effects == expected


@pytest.mark.parametrize("following", NEXT)
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_before_and_after_every_effect(machine, name, following):
    here = machine()
    COMMANDS[name][0](here)
    here.keep()
    for _ in kills(here, name):
        here.assert_whole()
        done = False
        with suppress(UserError):
            NEXT[following](here)
            done = True
        here.assert_whole()
        if not done or following.startswith("list"):
            connecting(here)
        here.assert_tidy()
    here.assert_tidy()


SEEN: list[tuple[str, Path]] = []
"""What Python itself says of the files that are changed while ``watching`` is on."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {
    "os.rename": 1,
    "os.remove": 0,
    "os.mkdir": 0,
    "os.rmdir": 0,
    "os.link": 1,
    "os.symlink": 1,
    "os.truncate": 0,
}


def watch(event: str, given: tuple) -> None:
    if event == "open" and isinstance(given[0], (str, bytes)) and int(given[2] or 0) & WRITES:
        SEEN.append((event, Path(os.fsdecode(given[0]))))
    elif event in CHANGES and isinstance(given[CHANGES[event]], (str, bytes, os.PathLike)):
        SEEN.append((event, Path(os.fsdecode(given[CHANGES[event]]))))


@pytest.fixture(scope="session")
def watched() -> list[tuple[str, Path]]:
    sys.addaudithook(watch)
    return SEEN


@pytest.mark.parametrize("name", COMMANDS)
def test_no_effect_but_those(machine, watched, name):
    """Counted by Python, by the keyring and by the world, and not by the switch: no effect goes past it."""
    here = machine()
    before, command = COMMANDS[name]
    before(here)
    kept = dict(here.secrets)
    there = len(here.stand.simulator.changes)
    watched.clear()
    command(here)
    seen = Counter((event, path.name) for event, path in watched if here.folder in path.parents)
    effects = Counter(EFFECTS[name].split())
    assert seen.pop(("os.rename", "catalog.json")) == effects["records"]
    unseen = {
        ("open", "catalog.lock"),
        ("os.rename", "catalog.holder"),
        ("os.remove", "catalog.holder"),
    }
    left = {(event, file) for event, file in seen if not file.endswith(".tmp")}
    assert left <= unseen, "a file that no kill was tried at"
    assert (
        len(here.stand.simulator.changes) - there == len(here.stand.wire.writes) == effects["aspm"]
    )
    assert len(set(here.secrets) - set(kept)) == effects["write"]
    assert len(set(kept) - set(here.secrets)) == effects["erase"]


def test_what_is_interrupted_is_finished_or_undone(machine):
    """After the next run, either the old token is in force alone, or the new one is."""
    here = machine()
    one_token_two_organizations(here)
    here.keep()
    seen = set()
    for _ in kills(here, "rotate"):
        seen.add((here.in_force("contoso")[-4:], here.in_force("fabrikam")[-4:]))
        with suppress(UsageError):  # where nothing is left to be replaced
            given = {"pat_file": "new", "register": "none"}
            rotate(here.context(given), "contoso", ["contoso", "fabrikam"])
        assert {here.in_force("contoso")[-4:], here.in_force("fabrikam")[-4:]} == {"New1"}
        here.assert_tidy()
    assert seen == {("Rdy1", "Rdy1"), ("New1", "Rdy1"), ("New1", "New1")}


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", MOST_TOUCHING)
def test_the_disk_fails_at_every_call(machine, name, for_ever):
    """By day every other call fails once, and those between from then on; at night every call in both ways."""
    here = machine()
    first, stride = (1, 1) if NIGHT else (1 + for_ever, 2)
    before, command = COMMANDS[name]
    before(here)
    here.keep()
    struck: Counter[str] = Counter()
    for at in count(first, stride):
        here.back()
        disk = FailingDisk(at, for_ever=for_ever)
        assert ending(command, here, disk=disk) in (0, 7, 8)
        here.assert_whole()
        here.settle()
        here.assert_tidy()
        if not disk.struck:
            break
        struck[disk.steps[at - 1]] += 1
    assert struck == Counter(disk.steps[first - 1 :: stride]), (
        "each call of a run that nothing stops was the one that failed"
    )
    assert set(disk.steps) == {"open", "write", "fsync", "replace"}
    assert disk.steps.count("replace") > EFFECTS[name].split().count("records")


def ending(command, here: Machine, **how) -> int:
    """The exit code of a run, whichever way it ends."""
    try:
        made = command(here, **how)
    except UserError as error:
        return int(error.exit_code)
    return int(getattr(made, "exit_code", 0))


KEYRING_CALLS = {"set": "write", "delete": "erase"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MOST_TOUCHING)
def test_the_keyring_goes_wrong_at_every_call(machine, name, way):
    here = machine()
    before, command = COMMANDS[name]
    before(here)
    here.keep()
    struck: Counter[str] = Counter()
    for at in count(1):
        here.back()
        keyring = Faulty(here.secrets, at, way, here.origins)
        assert ending(command, here, vault=keyring.vault()) in (0, 2, 4, 7, 8)
        here.assert_whole()
        keyring.caught_up()
        here.settle()
        here.assert_tidy()
        if not keyring.struck:
            break
        struck[keyring.calls[at - 1]] += 1
    assert struck == Counter(keyring.calls), (
        "each call of a run that nothing stops was the one that went wrong"
    )
    effects = EFFECTS[name].split()
    assert {call: struck[call] for call in KEYRING_CALLS} == {
        call: effects.count(effect) for call, effect in KEYRING_CALLS.items()
    }


def test_a_handoff_after_a_crash_orphans_nothing(machine):
    """A crash left a secret pending; a person then answers a hand-off; the next run still knows what to erase."""
    here = machine()
    connect(here.context(GUIDED), None)
    here.keep()
    for _ in kills(here, "connect more"):
        resume_handoff(here.context(person=Person(handoff="saved")), None)
        here.assert_whole()
        connecting(here)
        here.assert_tidy()
