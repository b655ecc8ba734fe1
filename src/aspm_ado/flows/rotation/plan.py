"""``--plan``: the steps for each organization. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.place import parse_organization, site_of
from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.guide import Policy, guide, request_for
from aspm_ado.domain.migration_plan import PlanRow, PlanState, TokenWay
from aspm_ado.domain.questions import ALL_ORGANIZATIONS, ORGANIZATION
from aspm_ado.domain.stored import Entry, RegistrationState
from aspm_ado.flows.rotation.migrate import (
    ReachedOrganizations,
    once,
    reached_organizations,
    services_entry,
)
from aspm_ado.flows.tokens.creation import NEVER, creation_asked
from aspm_ado.flows.tokens.lifecycle import with_entra_tenant

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import DaySource
    from aspm_ado.flows.context import Context


_REACH: Final = ReachDemanded.ORGANIZATION


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """The rows, and what they rest on.

    ``listed`` whether the stored token listed its organizations.
    """

    name: str
    day: str
    day_source: DaySource
    listed: bool
    rows: tuple[PlanRow, ...]


def planned(context: Context, name: str) -> MigrationPlan:
    """The plan for the organizations named, or for all that the stored token reaches."""
    entry = services_entry(context, name)
    found = reached_organizations(context, entry, ask_each=True)
    named = [place.name for place in context.asker.many(ORGANIZATION, parse_organization)]
    everything = context.asker.switch(ALL_ORGANIZATIONS) or not named
    names = once(entry, (*named, *(found.names if everything else ())))
    by_az = _by_az(context, entry, names)
    rows = tuple(_row(entry, one, found, by_az) for one in names)
    day = found.calendar.today.isoformat()
    return MigrationPlan(entry.name, day, found.calendar.source, found.listed, rows)


def _by_az(context: Context, entry: Entry, names: Sequence[str]) -> frozenset[str]:
    """Where the token can be created, by key, as far as is seen without running `az`."""
    entra = context.entra
    if creation_asked(context.asker) == NEVER or entra is None or not entra.is_there:
        return frozenset()
    site = site_of(entry)
    places = [site.place(name) for name in names if not entry.has_own(name)]
    return with_entra_tenant(context, places)


def _row(entry: Entry, name: str, found: ReachedOrganizations, by_az: frozenset[str]) -> PlanRow:
    place, purpose = site_of(entry).place(name), entry.purpose
    made = guide(place, purpose, _REACH, found.calendar)
    request = None
    if entry.has_own(name):
        state = PlanState.WAITS if entry.successor_of(name) else PlanState.DONE
        how = TokenWay.THERE
    else:
        state, how = PlanState.TO_DO, TokenWay.BY_HAND
        if place.key in found.refusing:
            how = TokenWay.ADMINISTRATOR
            request = request_for(Policy.CREATION, place, purpose, _REACH, found.calendar)
        elif place.key in by_az:
            how = TokenWay.BY_AZ
    return PlanRow(
        name,
        entry.organization(name) is not None,
        state,
        how,
        made.token_page,
        made.token_name,
        [str(box) for box in made.boxes],
        made.expires.isoformat(),
        _REACH,
        _aspm(entry, place, state),
        request,
    )


def _aspm(entry: Entry, place: Place, state: PlanState) -> str:
    """What a person, or a profile, has to do in Invicti ASPM."""
    if entry.aspm is None:
        return "nothing: this connection names no Invicti ASPM"
    known = entry.organization(place.name)
    there = known is not None and known.registration.state is RegistrationState.REGISTERED
    if there and state is PlanState.DONE:
        return "nothing more"
    if there:
        return f"the new token, in the instance of {place.url} at {entry.aspm.url}"
    return f"an instance of {place.url} at {entry.aspm.url}, with the new token"
