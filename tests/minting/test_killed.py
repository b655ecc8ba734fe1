"""A run that creates tokens is killed before and after every effect: the next one leaves one of each, and no orphan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.adapters.http.services import AzureDevOps
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.domain.reasons import InterruptedByUserError, Reason
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.connect import connect
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.flows.tokens.creation import revoking_unkept
from aspm_ado.flows.validation.scheduler import Scheduler
from aspm_ado.simulator import samples
from aspm_ado.simulator.world import SignIn

from ..aspm.stand import ASPM, Person, asked
from ..hours import NIGHT
from ..lifecycle.faults import Killed, Switch
from ..lifecycle.machine import TOKENS, Machine

NAMES = ("Contoso", "Fabrikam")
BY_AZ = {"create_token": "require", "yes": "true", "register": "none"}


class SignedIn:
    """Somebody is signed in with `az`."""

    is_there = True

    def token(self, tenant: str) -> Secret:
        assert tenant in (samples.TENANT, "")
        return Secret("a-sign-in-of-entra-that-is-none")

    def forget_failures(self) -> None:
        pass


class WithoutThreads(Scheduler):
    """The scheduler where the system gives no thread: plans go on side by side, always in the same order."""

    def _start_worker(self) -> None:
        pass


class Mint(Machine):
    """A machine with `az`; the PAT Lifecycle API is asked each time, and a write there is an effect."""

    def context(self, given=None, person=None, *, switch=None, **more):
        switch = switch or Switch()
        plain = super().context(given, person, switch=switch, **more)
        remembered, really = self.stand.wire.send, AzureDevOps(self.stand.transport).send

        def send(call):
            if "/_apis/tokens/pats" not in call.url:
                return remembered(call)
            return (
                really(call)
                if call.method == "GET"
                else switch.effect(call.method, lambda: really(call))
            )

        self.stand.wire.send = send
        self.records = plain.records
        return replace(plain, scheduler=WithoutThreads(self.stand.wire), entra=SignedIn())

    def die(self) -> None:
        """The operating system lets go of what a dead process held."""
        for lock in self.records._claims._held.values():
            lock.release()

    @property
    def made(self):
        return [one for one in self.stand.simulator.world.tokens if one.authorization]

    @property
    def alive(self) -> list[str]:
        """The organization of each living token that was made, by the API."""
        return sorted(one.reach for one in self.made if not one.revoked)

    def assert_one_of_each(self, *names: str) -> None:
        assert self.alive == sorted(names)
        ids = {one.authorization for one in self.made if not one.revoked}
        assert {one.authorization_id for one in self.entry.known_credentials} == ids
        assert self.catalogue.ordered == ()
        with DiskRecords(self.folder).exclusive():
            assert not [*self.folder.glob("*.claim")]
        self.assert_tidy()


@pytest.fixture
def bare(tmp_path):
    """Nothing is connected yet."""
    organizations = tuple(replace(samples.FABRIKAM, name=name) for name in NAMES)
    sign_ins = (SignIn(SignedIn().token(samples.TENANT).reveal(), samples.ADA, samples.TENANT),)
    made = Mint(tmp_path / "machine", tokens=TOKENS, organizations=organizations, sign_ins=sign_ins)
    made.keep()
    yield made
    made.close()


@pytest.fixture
def here(bare):
    connect(bare.context(asked(*NAMES, register="none", aspm_url="", aspm_token_file="")), None)
    bare.keep()
    return bare


def connected(bare: Mint, switch: Switch | None = None) -> int:
    """Every organization of whoever is signed in."""
    given = asked(aspm_url="", aspm_token_file="", **BY_AZ)
    given |= {"organization": (), "pat_file": (), "all_organizations": "true"}
    given |= {"reach": "organization", "pat_expires": ""}
    context = bare.context({key: value for key, value in given.items() if value}, switch=switch)
    with revoking_unkept(context):
        return int(connect(context, None).exit_code)


def test_connect_of_every_organization_is_killed_at_every_effect(bare):
    for at in steps(bare, lambda switch: connected(bare, switch)):
        assert killed_at(bare, at, lambda switch: connected(bare, switch))
        kept = set(bare.catalogue.authorizations)
        assert connected(bare) == 0
        bare.assert_one_of_each(*NAMES)
        assert kept <= {one.authorization for one in bare.made if not one.revoked}, "created twice"
        bare.back()


def migrated(here: Mint, switch: Switch | None = None) -> int:
    context = here.context(BY_AZ, switch=switch)
    with revoking_unkept(context):
        return int(migrate(context, "contoso").exit_code)


def killed_at(here: Mint, at: int, run) -> bool:
    """Whether the run came to that step; it is dead then."""
    try:
        run(Switch(at))
    except Killed:
        here.die()
        return True
    return False


def steps(here: Mint, run) -> list[int]:
    """At night every step; by day the first of each kind: what it is, what came before, and on which side of it."""
    whole = Switch()
    run(whole)
    here.back()
    pairs = zip(["", *whole.effects], whole.effects, strict=False)
    kinds = [(*pair, side) for pair in pairs for side in ("before", "after")]
    return [at for at, kind in enumerate(kinds, start=1) if NIGHT or kind not in kinds[: at - 1]]


def test_migrate_is_killed_at_every_effect(here):
    orphans = 0
    for at in steps(here, lambda switch: migrated(here, switch)):
        assert killed_at(here, at, lambda switch: migrated(here, switch))
        kept = set(here.catalogue.authorizations)
        before = {one.authorization for one in here.made if not one.revoked}
        orphans += len(before - kept)
        assert len(before - kept) <= 1
        assert migrated(here) == 0
        here.assert_one_of_each(*NAMES)
        assert kept <= {one.authorization for one in here.made if not one.revoked}, "created twice"
        here.back()
    assert orphans >= 4


def test_rotate_is_killed_at_every_effect(here):
    """Create, prove, swap, revoke: one token of the organization lives in the end, and it is on record."""
    assert migrated(here) == 0
    here.keep()

    def rotated(switch: Switch | None = None) -> int:
        return int(rotate(here.context(BY_AZ, switch=switch), "contoso", ["Fabrikam"]).exit_code)

    for at in steps(here, rotated):
        assert killed_at(here, at, rotated)
        assert rotated() == 0
        here.assert_one_of_each(*NAMES)
        here.back()


def test_rotate_of_all_is_killed_at_every_effect(here):
    """Each gets a new token, with nobody there; one rerun leaves one of each, on record, and no orphan."""
    assert migrated(here) == 0
    here.keep()

    def rotated(switch: Switch | None = None) -> int:
        return int(rotate(here.context(BY_AZ, switch=switch), "contoso", []).exit_code)

    old = {one.authorization for one in here.made}
    for at in steps(here, rotated):
        assert killed_at(here, at, rotated)
        assert rotated() == 0
        here.assert_one_of_each(*NAMES)
        assert not old & {one.authorization for one in here.made if not one.revoked}
        here.back()


def left_behind(here: Mint) -> str:
    """A run was killed right after the service had created a token; the name of it."""
    at = 1
    while killed_at(here, at, lambda switch: migrated(here, switch)) and not here.made:
        here.back()
        at += 1
    [orphan] = here.made
    return orphan.name


def test_a_person_is_asked_and_may_say_no(here):
    name = left_behind(here)
    stop = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Again.")
    person = Person(
        migrate_go_on="rest", migrate_step="now", token_how="az", revoke_left=False, create=stop
    )  # fmt: skip
    context = here.context({"register": "none"}, person)
    with pytest.raises(InterruptedByUserError), revoking_unkept(context):
        migrate(context, "contoso")
    assert person.asked[-2:] == ["revoke-left", "create"]
    assert f"“{name}” is still valid" in here.stand.voice.text
    [one] = here.catalogue.ordered
    assert (one.display_name, [made.revoked for made in here.made]) == (name, [False])
    here.die()
    assert migrated(here) == 0
    here.assert_one_of_each(*NAMES)


def test_what_another_run_is_at_is_left_alone(here):
    left_behind(here)
    [one] = here.catalogue.ordered
    other = DiskRecords(here.folder)
    assert other.claim(f"order-{one.id}")
    assert migrated(here) == 0
    assert "Another run is working on" in here.stand.voice.text
    assert here.alive == sorted([*NAMES, "Contoso"])
    other.release(f"order-{one.id}")


def test_what_another_account_ordered_is_not_forgotten(here):
    """Only its owner's list tells that a token is not there."""
    left_behind(here)
    world = here.stand.simulator.world
    signed = tuple(replace(one, person=samples.GRACE) for one in world.sign_ins)
    here.world(sign_ins=signed)
    context = here.context({**BY_AZ, "allow_other_identity": "true"})
    with revoking_unkept(context):
        assert int(migrate(context, "contoso").exit_code) == 0
    assert "for another person" in here.stand.voice.text
    assert len(here.catalogue.ordered) == 1


def test_stopped_while_the_answer_is_awaited(here):
    """Ctrl-C in the middle of the request: whether it was created is looked up at once, and it is revoked."""
    context = here.context(BY_AZ)
    send = here.stand.wire.send

    def broken(call):
        reply = send(call)
        if call.method == "POST" and "/_apis/tokens/pats" in call.url:
            raise KeyboardInterrupt
        return reply

    here.stand.wire.send = broken
    with pytest.raises(InterruptedByUserError), revoking_unkept(context):
        migrate(context, "contoso")
    assert [one.revoked for one in here.made] == [True]
    assert here.catalogue.ordered == ()


def test_what_comes_to_be_after_the_look_is_not_forgotten(here):
    """Ctrl-C while the service is still at it: nothing is found, and the order stays for the next creation."""
    context = here.context(BY_AZ)
    send, held = here.stand.wire.send, []

    def broken(call):
        if call.method == "POST" and "/_apis/tokens/pats" in call.url:
            held.append(call)
            raise KeyboardInterrupt
        return send(call)

    here.stand.wire.send = broken
    with pytest.raises(InterruptedByUserError), revoking_unkept(context):
        migrate(context, "contoso")
    assert "may still be created" in here.stand.voice.text
    assert (here.made, len(here.catalogue.ordered)) == ([], 1)
    here.stand.wire.send = send
    send(held[0])
    assert migrated(here) == 0
    here.assert_one_of_each(*NAMES)


def test_nothing_of_it_is_on_record_where_nothing_is_stored(here):
    here.world(organizations=tuple(replace(samples.FABRIKAM, name=name) for name in NAMES))
    before = (here.folder / "catalog.json").read_bytes()
    person = Person(token_how="az", create=True, go=True, another=False, handoff="saved")
    given = {
        "organization": "contoso",
        "purpose": "alm",
        "reach": "organization",
        "store": "none",
        "register": "guided",
        "aspm_url": ASPM,
        "aspm_token_file": "aspm",
    }
    context = here.context(given, person)
    with revoking_unkept(context):
        connect(context, "other")
    assert here.alive == ["Contoso"]
    assert (here.folder / "catalog.json").read_bytes() == before
