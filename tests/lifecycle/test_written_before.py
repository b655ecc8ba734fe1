"""What was stored before the rebuild (8c320a3) is read, validated, rotated, migrated and disconnected.

The folders of ``written-before-rebuild`` were written by that version on the machine of these tests:
``catalog.json`` as it lay on the disk, ``secrets.json`` with what its vault held. ``world.json`` has
the tokens that it had created; all tokens are the simulator's. ``draft.json`` is that of a run of then.
"""

from __future__ import annotations

import json
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.reasons import UserError
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import StoredAspm
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm
from aspm_ado.flows.target import connection_meant
from aspm_ado.flows.token import stored_token
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import samples
from aspm_ado.simulator.world import SignIn

from ..minting.test_killed import Mint, SignedIn, migrated
from .faults import Killed, Switch
from .machine import ASPM, NEW, PAT, TOKENS, Machine, Person, asked, codes
from .test_migration import NAMES, OWN, Somebody, run, tokens_of

WRITTEN = Path(__file__).with_name("written-before-rebuild")
STATES = sorted(path.name for path in WRITTEN.iterdir() if path.is_dir())
FOUR = NAMES[:4]
TWO = ("Contoso", "Fabrikam")


def fill(here: Machine, state: str) -> Machine:
    """Put a state of then on this machine."""
    here.folder.mkdir(mode=0o700)
    (here.folder / "catalog.json").write_bytes((WRITTEN / state / "catalog.json").read_bytes())
    held = json.loads((WRITTEN / state / "secrets.json").read_text())
    here.secrets.update({service: Secret(value) for service, value in held.items()})
    return here


def forget(here: Machine) -> set[str]:
    """Disconnect; nothing is left. The pages on which tokens are to be revoked."""
    forgotten = disconnect(here.context({"yes": "true"}), "contoso")
    assert forgotten.remaining == ()
    assert here.secrets == {}
    assert here.catalogue.connections == {}
    return {page.casefold() for page in forgotten.token_pages}


def pages(*names: str) -> set[str]:
    return {f"https://dev.azure.com/{name}/_usersSettings/tokens".casefold() for name in names}


def is_within(old: object, new: object) -> bool:
    """Whether everything of the old document is in the new one."""
    if isinstance(old, dict):
        assert isinstance(new, dict)
        return all(key in new and is_within(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        assert isinstance(new, list)
        return len(old) == len(new) and all(map(is_within, old, new))
    return old == new


@pytest.mark.parametrize("state", STATES)
def test_nothing_on_record_is_lost_when_it_is_written_again(machine, state):
    here = fill(machine(), state)
    old = json.loads((here.folder / "catalog.json").read_bytes())
    here.context().records.change(lambda catalogue: replace(catalogue, erasing=("aspm-ado:one",)))
    new = json.loads((here.folder / "catalog.json").read_bytes())
    assert new["erasing"] == ["aspm-ado:one"]
    assert is_within({**old, "erasing": new["erasing"]}, new)


def test_the_answers_of_an_interrupted_run_are_offered_again(machine):
    here = machine()
    here.folder.mkdir(mode=0o700)
    (here.folder / "draft.json").write_bytes((WRITTEN / "draft.json").read_bytes())
    draft = here.context().records.load_draft()
    assert draft is not None
    assert draft.answers == {
        "deployment": "services",
        "organization": "contoso",
        "purpose": "alm",
        "aspm-url": "https://aspm.example.test",
    }


@pytest.mark.parametrize("way", ["rotate", "connect"])
def test_one_token_of_all_organizations(machine, way):
    here = fill(machine(), "global")
    assert int(validate_stored(here.context(), []).exit_code) == 0
    assert here.in_force("fabrikam") == PAT
    if way == "rotate":
        report = rotate(here.context({"pat_file": "new"}, Person(handoff="saved")), "contoso", ())
    else:
        given = asked("contoso", "fabrikam", register="guided", pat_file="new")
        report = connect(here.context(given, Person(handoff="saved", go=True)), None)
    assert int(report.exit_code) == 0
    assert (here.in_force("contoso"), here.in_force("fabrikam")) == (NEW, NEW)
    here.assert_tidy()
    assert int(validate_stored(here.context(), []).exit_code) == 0
    assert forget(here) == pages("contoso")


def test_a_new_token_that_waits(machine):
    here = fill(machine(), "waiting")
    assert int(validate_stored(here.context(), []).exit_code) == 0
    assert (here.in_force("contoso"), here.in_force("fabrikam")) == (NEW, PAT)
    assert here.waiting() == [NEW]
    report = resume_handoff(here.context(person=Person(handoff="saved")), "contoso")
    assert int(report.exit_code) == 0
    assert (here.in_force("contoso"), here.in_force("fabrikam")) == (NEW, NEW)
    here.assert_tidy()
    assert forget(here) == pages("contoso")


def test_a_new_token_that_waits_is_forgotten_with_the_rest(machine):
    assert forget(fill(machine(), "waiting"))


def test_a_write_that_was_interrupted(machine):
    here = fill(machine(), "interrupted")
    assert [one.reveal() for one in here.secrets.values()].count(NEW) == 1
    assert int(validate_stored(here.context(), []).exit_code) == 0
    here.settle()
    here.assert_tidy()
    assert NEW not in [one.reveal() for one in here.secrets.values()]
    report = rotate(here.context({"pat_file": "new", "register": "none"}), "contoso", ())
    assert int(report.exit_code) == 0
    assert here.in_force("fabrikam") == NEW
    here.assert_tidy()


@pytest.fixture
def half_migrated(machine) -> Machine:
    own = tuple(samples.token(OWN[name], reach=name) for name in FOUR)
    organizations = tuple(replace(samples.FABRIKAM, name=name) for name in FOUR)
    aspm = {"registers": "yes", "alm_tools": ("azurecloud",)}
    world = {"tokens": (*TOKENS, *own), "organizations": organizations, "aspm": aspm}
    return fill(machine(**world), "half-migrated")


def test_a_migration_goes_on_where_it_stood(half_migrated):
    here = half_migrated
    assert int(validate_stored(here.context(), []).exit_code) == 0
    there = {name for name, value in tokens_of(here).items() if value == OWN[name]}
    assert there
    somebody = Somebody({})
    assert int(run(here, somebody).exit_code) == 0
    assert not there & set(somebody.given), "created twice"
    assert tokens_of(here) == {name: OWN[name] for name in FOUR}
    assert (here.entry.successors, here.entry.migration) == ({}, None)
    here.assert_tidy()
    assert forget(here) == pages(*FOUR)


def test_a_half_migrated_connection_is_forgotten_with_every_token(half_migrated):
    assert forget(half_migrated) >= pages("Contoso", "Team01")


@pytest.fixture
def created(tmp_path):
    """A token that was created and waits, and an order whose token is there and was not kept."""
    made = json.loads((WRITTEN / "created" / "world.json").read_text())
    created = tuple(
        replace(
            samples.token(one["value"], reach=one["organization"]),
            name=one["name"],
            authorization=one["authorization"],
        )
        for one in made
    )
    here = Mint(
        tmp_path / "machine",
        tokens=(*TOKENS, *created),
        organizations=tuple(replace(samples.FABRIKAM, name=name) for name in TWO),
        sign_ins=(SignIn(SignedIn().token(samples.TENANT).reveal(), samples.ADA, samples.TENANT),),
    )
    with closing(here):
        yield fill(here, "created")


def test_what_was_created_is_taken_on_and_what_was_not_kept_is_revoked(created):
    here = created
    assert int(validate_stored(here.context(), []).exit_code) == 0
    [order] = here.catalogue.ordered
    assert order.organization == "Fabrikam"
    assert here.alive == list(TWO)
    [first] = [one for one in here.made if one.reach == "Contoso"]
    assert migrated(here) == 0
    assert not [one for one in here.made if one.value == first.value and one.revoked]
    here.assert_one_of_each(*TWO)
    assert here.in_force("contoso") == first.value
    assert forget(here) == pages(*TWO)


@pytest.mark.parametrize("state", [state for state in STATES if state != "created"])
def test_each_secret_is_bound_to_its_origin_once(machine, state):
    here = fill(machine(), state)
    assert here.catalogue.unbound
    validate_stored(here.context(), [])
    assert here.catalogue.unbound == {}
    assert here.catalogue.origins.items() <= here.origins.items()
    for url in here.catalogue.aspm_tokens:
        assert here.origins[here.catalogue.aspm_tokens[url]] == url
    here.origins.clear()  # the form before, once more
    report = validate_stored(here.context(), [])
    assert codes(report) == {"token-gone"}
    assert here.origins == {}


def test_a_binding_that_is_killed_at_each_step_goes_on(machine):
    here = fill(machine(), "waiting")
    here.keep()
    for at in count(1):
        here.back()
        switch = Switch(at)
        with suppress(Killed):
            validate_stored(here.context(switch=switch), [])
        assert int(validate_stored(here.context(), []).exit_code) == 0
        assert here.catalogue.unbound == {}
        if not switch.off:
            break
    assert "bind" in switch.effects


EDITED = {
    "azure devops": lambda entry, aspm: (
        replace(entry, deployment=Deployment.SERVER, base_url=ELSEWHERE),
        aspm,
    ),
    "invicti aspm": lambda entry, aspm: (
        replace(entry, aspm=StoredAspm(ELSEWHERE)),
        dict.fromkeys([ELSEWHERE], next(iter(aspm.values()))),
    ),
    "one secret for another": lambda entry, aspm: (
        replace(
            entry,
            credentials={
                key: replace(one, service=next(iter(aspm.values())))
                for key, one in entry.credentials.items()
            },
        ),
        aspm,
    ),
}
ELSEWHERE = "https://elsewhere.example.test"


@pytest.mark.parametrize("edit", EDITED)
@pytest.mark.parametrize("is_bound", [True, False], ids=["bound", "bound, and not on record"])
def test_an_edited_record_moves_no_secret(machine, edit, is_bound):
    here = machine()
    connect(here.context(asked("contoso", register="guided")), None)

    def edited(catalogue):
        entry, aspm = EDITED[edit](catalogue.connections["contoso"], catalogue.aspm_tokens)
        changed = replace(catalogue, connections={"contoso": entry}, aspm_tokens=aspm)
        return changed if is_bound else replace(changed, origins={})

    here.context().records.change(edited)
    report = validate_stored(here.context(), [])
    assert "token-gone" in codes(report)
    moved = [one for one in here.stand.wire.calls if one.credential and ELSEWHERE in one.url]
    assert moved == []
    with suppress(UserError):
        rotate(here.context({"pat_file": "new", "register": "none"}), "contoso", ())
    moved = [one.credential.secret.reveal() for one in here.stand.wire.calls if one.credential]
    assert set(moved) <= {NEW}


@pytest.mark.parametrize("is_simulated", [True, False], ids=["simulated", "real"])
def test_a_simulated_connection_is_for_a_simulation_only_and_a_real_one_for_none(
    machine, is_simulated
):
    here = machine()

    def context(given, *, other=False):
        made = here.context(given)
        return replace(made, is_simulated=is_simulated is not other)

    connect(context(asked("contoso", register="guided")), None)
    assert here.entry.simulated is is_simulated
    for run_other in (
        lambda: validate_stored(context({}, other=True), []),
        lambda: rotate(context({"pat_file": "new"}, other=True), "contoso", ()),
        lambda: rotate_aspm(context({"aspm_url": ASPM, "aspm_token_file": "aspm"}, other=True)),
        lambda: resume_handoff(context({}, other=True), "contoso"),
        lambda: stored_token(context({}, other=True), "contoso"),
        lambda: migrate(context({}, other=True), "contoso"),
        lambda: connect(context(asked("fabrikam", pat_file="new"), other=True), "contoso"),
    ):
        with pytest.raises(UserError) as refused:
            run_other()
        assert int(refused.value.exit_code) == 2
        assert "ASPM_ADO_SIMULATOR" in refused.value.remedy
        assert here.stand.wire.calls == []
    assert int(validate_stored(context({}), []).exit_code) == 0
    again = asked("fabrikam", pat_file="new", register="guided")
    connect(context(again, other=True), "another")
    for other, name in ((False, "contoso"), (True, "another")):
        assert connection_meant(context({}, other=other), None) == name
        [shown] = validate_stored(context({}, other=other), []).connections
        assert shown.name == name
    disconnect(context({"yes": "true"}, other=True), "another")
    disconnect(context({"yes": "true"}, other=True), "contoso")
    assert here.secrets == {}
