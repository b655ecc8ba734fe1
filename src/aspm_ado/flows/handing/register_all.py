"""Several organizations registered one after the other, each on record before the next, so that a crash loses none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.connection import Registration, RegistrationMode
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ASPM_API, REGISTRATION_PROFILE
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean
from aspm_ado.flows.handing.register import register
from aspm_ado.flows.keeping.entry import with_registrations

if TYPE_CHECKING:
    from aspm_ado.domain.aspm import Door
    from aspm_ado.domain.aspm_profile import Profile
    from aspm_ado.domain.aspm_registration import Outcome
    from aspm_ado.domain.catalogue import Catalogue
    from aspm_ado.flows.handing.aspm import AspmProof
    from aspm_ado.flows.handing.item import Item
    from aspm_ado.flows.house import House


def register_all(
    house: House, aspm: AspmProof, profile: Profile, items: Sequence[Item], *, keeps: bool
) -> dict[str, Outcome]:
    """What came of each organization, by case-folded name.

    Where records are kept, our lock is held over one organization at a time: of two runs that are at it together, the
    second looks at what the first left, and makes no second instance.
    """
    demand_dialect(aspm, profile)
    if len(items) > 1:
        house.voice.heading(f"Registering {len(items)} organizations")
    outcomes: dict[str, Outcome] = {}
    for number, item in enumerate(items, start=1):
        key = item.place.key
        with house.records.exclusive() if keeps else nullcontext():
            current = stored_registration(house, item) if keeps else item.prior

            def save(state: Registration, item: Item = item) -> None:
                if keeps:
                    record(house, item.connection, item.place.name, state)

            outcomes[key] = register(house, aspm, profile, replace(item, prior=current), save)
        house.voice.progress(number, len(items), clean(item.place.name, 60))
    return outcomes


def record(house: House, connection: str, organization: str, state: Registration) -> None:
    """Put the state of one organization on record, and nothing else: the rest stays as it is by now.

    Raises ``UsageError`` where the connection has been forgotten meanwhile, so that nothing goes out unrecorded.
    """

    def edit(catalogue: Catalogue) -> Catalogue:
        entry = catalogue.connections.get(connection)
        if entry is None:
            raise UsageError(
                Reason.NOTHING_STORED,
                f"The connection “{clean(connection, 60)}” was forgotten by another run meanwhile.",
                remedy="See `aspm-ado list`, and look in Invicti ASPM under Integrations.",
            )
        return catalogue.commit(with_registrations(entry, {organization.casefold(): state}))

    house.records.change(edit)


def stored_registration(house: House, item: Item) -> Registration:
    """What is on record by now; another run may have been there."""
    entry = house.records.load().connections.get(item.connection)
    known = (
        {one.name.casefold(): one.registration for one in entry.organizations}
        if entry is not None
        else {}
    )
    found = known.get(item.place.key, item.prior)
    return found if found.mode is RegistrationMode.API else item.prior


def profile_at(house: House, path: str) -> Profile:
    """The operator's profile; ``UsageError`` where it cannot be used."""
    if house.load_profile is None:
        raise RuntimeError("this house reads no registration profiles")
    return house.load_profile(path)


def plan(house: House, door: Door, profile: Profile, items: Sequence[Item]) -> None:
    """Say what would be sent, secrets masked."""
    for item in items:
        house.voice.heading(f"Would be sent for {clean(item.place.name, 60)} ({profile.title})")
        for line in profile.shown(door, item.values("aspm-ado-(made when it is sent)")):
            house.voice.say(f"  {line}")


def demand_dialect(aspm: AspmProof, profile: Profile) -> None:
    """A profile is written for one API; at another one its path means nothing."""
    if aspm.door is not None and aspm.door.dialect is not profile.dialect:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"The registration profile is for the {profile.dialect} API; {aspm.url} has the {aspm.door.dialect} one.",
            remedy=f"Give the profile for it with {REGISTRATION_PROFILE.flag}, or correct {ASPM_API.flag}.",
        )
