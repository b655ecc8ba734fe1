"""Which organizations the stored tokens of a connection reach, and which refuse them: two or three round trips."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from aspm_ado.domain.answers import Names, Profile
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.exchange import Call, Credential, Reply
from aspm_ado.domain.judgement.reach import not_listed
from aspm_ado.domain.judgement.standing import stand
from aspm_ado.domain.place import Site, site_of
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from aspm_ado.domain.connection import Entry
    from aspm_ado.domain.retirement import Calendar
    from aspm_ado.flows.house import House

Steps = Generator[Sequence[Call], Sequence[Reply], None]


@dataclass(slots=True)
class Survey:
    """``names`` are the organizations, each once; ``refusing`` those (case-folded) that turn the live token away."""

    calendar: Calendar
    names: tuple[str, ...] = ()
    listed: bool = False
    refusing: frozenset[str] = field(default_factory=frozenset)


def survey(house: House, entry: Entry, *, knock: bool = False) -> Survey:
    """Ask with each stored token of several organizations what it reaches; ``knock`` asks every organization, too.

    Where it does not answer any more, the list is what is on record, and why is said.
    """
    site = site_of(entry)
    found = Survey(house.clock.told_by())
    names = [
        *(one.name for one in entry.organizations),
        *(entry.migration.organizations if entry.migration else ()),
    ]
    for key, credential in entry.credentials.items():
        secret = house.vault.read(credential.service) if entry.is_shared(key) else None
        if secret is not None:
            bound = Credential(secret, site.origins)
            house.crew.conduct([_look(house, site, bound, found, names if knock else None)])
    if not found.listed:
        names += entry.offered
        house.voice.warn(
            "The organizations could not be listed with the stored token: these are the ones on record. "
            "Name others with -o; each can be given a token of its own all the same."
        )
    once = {name.casefold(): name for name in (*reversed(found.names), *reversed(names))}
    found.names = tuple(reversed(once.values()))
    return found


def _look(
    house: House, site: Site, bound: Credential, found: Survey, known: Sequence[str] | None
) -> Steps:
    caller = house.caller
    [wide] = yield [caller.profile(site, bound)]
    found.calendar = house.clock.told_by(wide)
    if not isinstance(wide.answer, Profile):
        house.voice.note(not_listed(wide, site.deployment).detail)
        return
    [reply] = yield [caller.accounts(wide.answer.identity.id, site, bound)]
    if isinstance(reply.answer, Names):
        found.names, found.listed = (*found.names, *reply.answer.names), True
    if known is None:
        return
    once = {name.casefold(): name for name in (*known, *found.names)}
    places = [site.place(name) for name in once.values()]
    replies = yield [caller.connection_data(place, bound) for place in places]
    refusing = {
        place.key
        for place, answer in zip(places, replies, strict=True)
        if stand(place, answer, wide, found.calendar).access_check.reason
        is Reason.ORGANIZATION_REFUSES_TOKEN
    }
    found.refusing |= refusing
