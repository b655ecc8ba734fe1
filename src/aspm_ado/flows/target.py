"""What a command means: a deployment and its organizations, or a stored connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import SERVICES, Site, parse_organization, parse_server
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ALLOW_HTTP,
    COLLECTION,
    ORGANIZATION,
    SERVER_URL,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import Reason, UsageError, UserError
from aspm_ado.domain.text import clean
from aspm_ado.flows.storage.transaction import require_same_world
from aspm_ado.flows.validation.token import each_once

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.questions import Given
    from aspm_ado.domain.stored import Entry, StoredOrganization
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment and the places meant there, each once.

    ``list_all``: whatever else the token reaches, too.
    """

    site: Site
    places: tuple[Place, ...] = ()
    list_all: bool = False
    allow_http: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is not said yet which collection of a server is meant."""
        return not self.places and not self.list_all

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its places."""
        return tuple(place.name for place in self.places)

    def adding(self, *places: Place) -> Target:
        """The same with more places."""
        return self._of((*self.places, *places))

    def listed(self, places: Iterable[Place]) -> Target:
        """The same once it is known what else the token reaches."""
        return replace(self.adding(*places), list_all=False)

    def without(self, places: Iterable[Place]) -> Target:
        """The same without some of its places."""
        left_out = {place.key for place in places}
        return self._of(place for place in self.places if place.key not in left_out)

    def at(self, site: Site) -> Target:
        """The same with more known of its deployment."""
        places = tuple(map(site.place, self.names))
        return Target(site, places, self.list_all, self.allow_http)

    def read_otherwise(self) -> Target:
        """The same address of a server read the other way, where that names a collection."""
        place = self.site.other_reading
        if place is None:
            return self
        return Target(place.site, (place,), self.list_all, self.allow_http)

    def _of(self, places: Iterable[Place]) -> Target:
        return Target(self.site, each_once(places), self.list_all, self.allow_http)


def target_given(asker: Asker) -> Target | None:
    """What flags and variables say; ``None`` when they say nothing. Contradictions are exit 2."""
    organizations, server, collections = _addresses(asker)
    list_all, allow_http = asker.switch(ALL_ORGANIZATIONS), asker.switch(ALLOW_HTTP)
    if server is not None:
        return _on_server(server.value, collections, list_all=list_all, allow_http=allow_http)
    if organizations is not None:
        places = asker.many(ORGANIZATION, parse_organization)
        return Target(SERVICES, each_once(places), list_all, allow_http)
    if list_all:
        return Target(SERVICES, (), list_all, allow_http)
    return None


def _addresses(asker: Asker) -> tuple[Given | None, Given | None, tuple[str, ...]]:
    """The organizations of Services, or the server and its collections, that were given."""
    organizations, server = asker.given(ORGANIZATION), asker.given(SERVER_URL)
    collections = asker.given(COLLECTION)
    if organizations and server:
        if organizations.is_flag == server.is_flag:
            raise UsageError(
                Reason.USAGE,
                "--organization names an organization of Services, and --server-url an on-premises "
                "server. A connection is to one of them.",
                remedy="Omit one. On a server, name collections with --collection.",
            )
        if organizations.is_flag:  # a flag wins over a variable
            return organizations, None, ()
        organizations = None
    if collections is None:
        return organizations, server, ()
    if server is None:
        raise UsageError(
            Reason.USAGE,
            "--collection needs --server-url.",
            remedy="Pass --server-url, or name an organization with --organization.",
        )
    return organizations, server, collections.values


def site_meant(given: Target | None) -> Site:
    """The deployment that organizations of given tokens are in: Services, where none is said."""
    if given is None:
        return SERVICES
    return given.site


def ask_target(asker: Asker, own: Sequence[Place] = ()) -> Target:
    """Where, asked for when it was not given: one address tells Services from a server.

    ``own`` are organizations that have a token of their own given (``--pat-file
    ORGANIZATION=FILE``): they are meant.
    """
    target = target_given(asker)
    allow_http = asker.switch(ALLOW_HTTP)
    if target is None and own:
        target = Target(SERVICES, allow_http=allow_http)
    if target is None:
        target = asker.need(ORGANIZATION, lambda text: _parse(text, allow_http=allow_http))
    return target.adding(*own)


def collection_missing(site: Site) -> UsageError:
    """What to say when a server's root was given, and nobody can choose a collection."""
    return UsageError(
        Reason.INPUT_MISSING,
        f"{site.base_url} is the root of a server, and no collection is named.",
        remedy="Pass --collection NAME (or set ASPM_ADO_COLLECTION), or --all-organizations for "
        "every collection.",
    )


def _parse(text: str, *, allow_http: bool) -> Target:
    """Organizations of Services, or a server, from whatever address a person copied."""
    try:
        return Target(SERVICES, each_once(map(parse_organization, _parts(text))))
    except UserError as refusal:
        if "/" not in text:
            remedy = (
                "Enter its name, or any URL in it. For an on-premises server, enter its URL, with "
                "https://."
            )
            raise UsageError(refusal.reason, refusal.problem, remedy=remedy) from None
    return _on_server(text, allow_http=allow_http)


def _parts(text: str) -> list[str]:
    """The names or addresses with commas between. A comma within an address is part of it."""
    parts = [part for part in text.split(",") if part.strip()]
    if parts and ("/" not in text or all("://" in part for part in parts)):
        return parts
    return [text]


def _on_server(
    url: str, collections: tuple[str, ...] = (), *, list_all: bool = False, allow_http: bool
) -> Target:
    site, names = parse_server(url, collections, everything=list_all, allow_http=allow_http)
    return Target(site, each_once(map(site.place, names)), list_all, allow_http)


def stored_by_key(entry: Entry) -> dict[str, StoredOrganization]:
    """The organizations on record of a connection, by ``Place.key``."""
    return {one.key: one for one in entry.organizations}


def known_name(entry: Entry, text: str) -> str:
    """The stored name of an organization that is named, or that a pasted address belongs to."""
    name = text.strip()
    if entry.organization(name) is None and entry.deployment is Deployment.SERVICES:
        name = parse_organization(text).name
    found = entry.organization(name)
    if found is None:
        stored = ", ".join(one.name for one in entry.organizations)
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{entry.name}” has no organization named {clean(name, 60)}.",
            remedy=f"It has: {clean(stored, 300)}.",
        )
    return found.name


_WHICH: Final = Question("connection", "Which connection?")


def connection_meant(context: Context, name: str | None) -> str:
    """The name given, the only connection there is, or the one that a person chooses.

    Raises ``UsageError`` with the names where there are several and nobody can choose.
    """
    if name:
        return name
    entries = stored_entries(context, [])
    names = [entry.name for entry in entries]
    if len(names) == 1:
        return names[0]
    if not context.asker.asks:
        raise UsageError(
            Reason.INPUT_MISSING,
            "Several connections are stored, and prompts are unavailable.",
            remedy=f"Pass one of these names: {', '.join(names)}.",
        )
    choices = []
    for entry in entries:
        places = clean(", ".join(one.name for one in entry.organizations), 60)
        choices.append(Choice(entry.name, entry.name, f"{places} on {clean(entry.base_url, 60)}"))
    return context.asker.prompter.choose(_WHICH, choices, names[0])


def stored_entries(
    context: Context, names: Sequence[str], *, otherwise: str = "", in_any_world: bool = False
) -> list[Entry]:
    """The connections named, or all; ``nothing-stored`` (2) where one is not there.

    ``otherwise`` also helps then. Simulated connections are for a simulation only, and real ones
    for none, unless ``in_any_world``. Of both kinds, only those that fit are meant by no name.
    """
    catalogue = context.records.load()
    usable = [
        name
        for name, entry in catalogue.connections.items()
        if entry.simulated is not (not context.is_simulated)
    ]
    wanted = list(dict.fromkeys(names)) or sorted(usable or catalogue.connections)
    for name in wanted:
        if name not in catalogue.connections:
            known = ", ".join(sorted(catalogue.connections)) or "none"
            raise UsageError(
                Reason.NOTHING_STORED,
                f"There is no connection named {clean(name, 60)} (stored: {known}).",
                remedy="See `aspm-ado list`, or run `aspm-ado connect` to create one.",
            )
    if not wanted:
        raise UsageError(
            Reason.NOTHING_STORED,
            "No connections stored.",
            remedy=f"To create one, run `aspm-ado connect`{otherwise}.",
        )
    entries = [catalogue.connections[name] for name in wanted]
    if not in_any_world:
        require_same_world(context, entries)
    return entries


def entry_meant(context: Context, name: str | None) -> Entry:
    """The connection meant: named, the only one, or chosen."""
    [entry] = stored_entries(context, [connection_meant(context, name)])
    return entry
