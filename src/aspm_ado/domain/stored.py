"""What we remember of a connection: names, dates and where its secrets are, never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final

from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import Deployment, Purpose
from aspm_ado.domain.secret import TokenFormat

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""What a connection may be named: nothing that a shell or a page would read as more than a word."""


class RegistrationMode(StrEnum):
    """How Invicti ASPM learns of the organization."""

    API = "api"
    GUIDED = "guided"
    NONE = "none"


class RegistrationState(StrEnum):
    """How far that has come."""

    REGISTERED = "registered"
    HANDED_OFF = "handed-off"
    PLANNED = "planned"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NONE = "none"


class Proof(StrEnum):
    """What shows it: a person's or an answer's claim is the least, the rest are answers of ASPM."""

    NONE = "none"
    CLAIMED = "claimed"
    ALM_ACCEPTED = "alm-accepted"
    CREDENTIAL_USED = "credential-used"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Registration:
    """The state of one organization in Invicti ASPM."""

    mode: RegistrationMode = RegistrationMode.NONE
    state: RegistrationState = RegistrationState.NONE
    proof: Proof = Proof.NONE
    instance_id: str | None = None
    marker: str = ""
    """What our own registration writes into the instance, so that it can be known again; not in the report."""

    @property
    def for_new_token(self) -> Registration:
        """What is left of it when another token is put in force, and nobody brings that one to Invicti ASPM.

        A person still has to enter it, also where a profile's write may have arrived; what was refused is not begun.
        """
        if self.state is RegistrationState.NONE:
            return self
        if self.mode is RegistrationMode.API and self.state is RegistrationState.FAILED:
            return replace(self, state=RegistrationState.NONE)
        return replace(
            self,
            mode=RegistrationMode.GUIDED,
            state=RegistrationState.HANDED_OFF,
            proof=Proof.NONE,
        )


UNREGISTERED: Final = Registration()


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """Where a token is kept and what is known of it. ``service`` is its name in the secret store."""

    service: str
    format: TokenFormat
    last4: str
    expires: str | None = None
    expires_source: str | None = None
    reach: Reach = Reach.UNKNOWN
    identity_id: str = ""
    identity_name: str = ""
    identity_account: str = ""
    authorization_id: str = ""
    """Its id in the PAT Lifecycle API, where we made it: then it can be revoked by one request."""

    @property
    def ends(self) -> date | None:
        """The day on which it ends, if one is known."""
        return date.fromisoformat(self.expires) if self.expires else None


@dataclass(frozen=True, slots=True)
class StoredOrganization:
    """One organization, the credential that it names, and its last verdict (check id → status)."""

    name: str
    credential: str
    username: str = ""
    registration: Registration = UNREGISTERED
    verdict: dict[str, str] = field(default_factory=dict)
    repository: str = ""
    """The id of a repository that could be read: what ``projects/check`` is asked about."""
    days: dict[str, str] = field(default_factory=dict)
    """The day of each of these verdicts (check id → ``YYYY-MM-DD``, as Azure DevOps counts)."""

    def proven(self, found: Mapping[str, str], day: str) -> StoredOrganization:
        """The same with what was ``found`` on ``day``; what was not found out stays as it was."""
        days = {**self.days, **dict.fromkeys(found, day)}
        return replace(self, verdict={**self.verdict, **found}, days=days)


@dataclass(frozen=True, slots=True)
class Successor:
    """A proven token that waits until Invicti ASPM has it: then it takes the place of the one in force."""

    credential: StoredCredential
    organizations: tuple[str, ...]
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)
    """What was proven with it, by the name of the organization (check id → status)."""
    day: str = ""
    """When that was."""

    def over(self, one: StoredOrganization, key: str) -> StoredOrganization:
        """An organization with this token in force, and with what is known of this one instead of the old."""
        made = replace(one, credential=key)
        found = self.verdicts.get(one.name)
        return replace(made, verdict={}, days={}).proven(found, self.day) if found else made


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """The organizations chosen to get a token of their own, and the tokens that they come from.

    While one of the organizations has none of its own yet, these tokens stay, also where no organization names them.
    """

    organizations: tuple[str, ...]
    credentials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredAspm:
    """The Invicti ASPM of a connection; its token is one record for each origin."""

    url: str
    api: str = "auto"
    profile: str = ""
    """The path of the registration profile, where one is used."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One connection as stored."""

    name: str
    deployment: Deployment
    base_url: str
    purpose: Purpose
    credentials: dict[str, StoredCredential]
    organizations: tuple[StoredOrganization, ...]
    aspm: StoredAspm | None = None
    reach_demanded: ReachDemanded = ReachDemanded.AUTO
    toggles: tuple[str, ...] = ()
    allow_http: bool = False
    ca_bundle: str | None = None
    created: str = ""
    validated: str | None = None
    successors: dict[str, Successor] = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    """Organizations that its tokens were seen to reach: what is not among them is new."""
    migration: MigrationProgress | None = None

    @property
    def services(self) -> frozenset[str]:
        """The secrets that it names."""
        return frozenset(credential.service for credential in self.known_credentials)

    @property
    def known_credentials(self) -> tuple[StoredCredential, ...]:
        """Every token on record, in force or waiting."""
        return (
            *self.credentials.values(),
            *(successor.credential for successor in self.successors.values()),
        )

    def organization(self, name: str) -> StoredOrganization | None:
        """The organization of this name, whatever its spelling."""
        key = name.casefold()
        return next((one for one in self.organizations if one.name.casefold() == key), None)

    def credential_of(self, key: str) -> StoredCredential:
        """What is known of a token, in force or waiting."""
        return self.credentials[key] if key in self.credentials else self.successors[key].credential

    def successor_of(self, name: str) -> str | None:
        """The key of the new token that waits for an organization."""
        wanted = name.casefold()
        return next(
            (
                k
                for k, one in self.successors.items()
                if wanted in map(str.casefold, one.organizations)
            ),
            None,
        )

    def successors_without(self, names: Iterable[str]) -> dict[str, Successor]:
        """The new tokens that wait, but for ``names``."""
        wanted = {name.casefold() for name in names}
        left = {
            key: replace(
                one,
                organizations=tuple(
                    name for name in one.organizations if name.casefold() not in wanted
                ),
            )
            for key, one in self.successors.items()
        }
        return {key: one for key, one in left.items() if one.organizations}

    def with_successor(self, key: str, names: Iterable[str]) -> Entry:
        """The same with the successor ``key`` in force for ``names``; it waits on for the rest of its organizations.

        Credentials that no organization names any more are dropped.
        """
        successor, swapped = self.successors[key], {name.casefold() for name in names}
        organizations = tuple(
            successor.over(one, key) if one.name.casefold() in swapped else one
            for one in self.organizations
        )
        return replace(
            self,
            organizations=organizations,
            credentials={**self.credentials, key: successor.credential},
            successors=self.successors_without(swapped),
        ).pruned()

    def pruned(self) -> Entry:
        """The same without credentials that no organization names, and that no migration needs any more."""
        named = {one.credential for one in self.organizations}
        held = self.migration.credentials if self.migration and self.unmigrated else ()
        return replace(
            self,
            credentials={
                key: one for key, one in self.credentials.items() if key in named or key in held
            },
        )

    def is_shared(self, key: str) -> bool:
        """Whether a token is, or may be, of several organizations."""
        if (self.migration and key in self.migration.credentials) or self.credential_of(
            key
        ).reach is Reach.ALL:
            return True
        waits = self.successors[key].organizations if key in self.successors else ()
        return len({*waits, *(one.name for one in self.organizations if one.credential == key)}) > 1

    def has_own(self, name: str) -> bool:
        """Whether an organization has a token of its own, in force or waiting."""
        held = {one.name.casefold(): one.credential for one in self.organizations}
        key = self.successor_of(name) or held.get(name.casefold())
        return key is not None and not self.is_shared(key)

    @property
    def unmigrated(self) -> tuple[str, ...]:
        """The organizations that were chosen to get a token of their own and have none yet."""
        return (
            tuple(name for name in self.migration.organizations if not self.has_own(name))
            if self.migration
            else ()
        )


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """One order, from before it is sent until its token is kept, or known not to be there. Or a token that is replaced,
    from before that until it is revoked.

    The id of an order is a part of the token's name, which is thereby like no other: where the answer never came, the
    name finds the token. ``owner`` is whose it is: only the owner's list tells that a token is not there.
    """

    id: str
    organization: str
    display_name: str
    owner: str
    at: str
    authorization_id: str = ""
    """What the answer said, once there was one."""
    replaced: bool = False


def open_orders(orders: Iterable[TokenOrder], kept: Iterable[str]) -> tuple[TokenOrder, ...]:
    """The orders whose token is not among those ``kept`` (by their ids in the PAT Lifecycle API)."""
    done = frozenset(kept) - {""}
    return tuple(one for one in orders if one.authorization_id not in done)


CATALOGUE_SCHEMA: Final = "aspm-ado/catalog/v1"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All connections by name, whole; and the ASPM tokens by origin (origin → service in the secret store)."""

    connections: dict[str, Entry] = field(default_factory=dict)
    pending: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Connections whose secrets are being written, and the services of those: what a crash leaves to be undone."""
    aspm_tokens: dict[str, str] = field(default_factory=dict)
    erasing: tuple[str, ...] = ()
    """Services whose secrets are to be erased: written before, removed after, so that a crash orphans none."""
    ordered: tuple[TokenOrder, ...] = ()
    """Tokens of ours that nothing holds: ordered and not kept yet, or replaced and not revoked yet."""

    def begin(self, name: str, services: tuple[str, ...]) -> Catalogue:
        """The same, saying that these secrets are about to be written for ``name``."""
        return replace(self, pending={**self.pending, name: services})

    def commit(self, entry: Entry, aspm: tuple[str, str] | None = None) -> Catalogue:
        """The same with ``entry`` in force (and the ASPM token of an origin), and what they replace to be erased."""
        return self._settled(
            entry.name,
            replace(
                self,
                connections={**self.connections, entry.name: entry},
                aspm_tokens={**self.aspm_tokens, **dict([aspm] if aspm else [])},
            ),
        )

    def commit_aspm(self, origin: str, service: str) -> Catalogue:
        """The same with ``service`` holding the API token of an ASPM; the one it replaces is to be erased."""
        return self._settled(
            origin, replace(self, aspm_tokens={**self.aspm_tokens, origin: service})
        )

    def abandon(self, name: str) -> Catalogue:
        """The same without what was pending under ``name``; its secrets are to be erased."""
        return self._settled(name, self)

    def erased(self, services: frozenset[str]) -> Catalogue:
        """The same without ``services`` on the list of what is to be erased."""
        return replace(
            self, erasing=tuple(service for service in self.erasing if service not in services)
        )

    def without(self, name: str) -> Catalogue:
        """The same without the connection ``name``; what only it used is to be erased."""
        kept = {key: entry for key, entry in self.connections.items() if key != name}
        origins = {entry.aspm.url for entry in kept.values() if entry.aspm}
        tokens = {url: service for url, service in self.aspm_tokens.items() if url in origins}
        return self._settled(name, replace(self, connections=kept, aspm_tokens=tokens))

    def _settled(self, name: str, after: Catalogue) -> Catalogue:
        """``after``, with nothing pending under ``name``, and what it does not name any more to be erased."""
        left = {*self.services, *self.pending.get(name, ())} - after.services
        pending = {key: services for key, services in self.pending.items() if key != name}
        ordered = open_orders(after.ordered, after.authorizations)
        return replace(
            after, pending=pending, erasing=tuple(sorted({*self.erasing, *left})), ordered=ordered
        )

    @property
    def authorizations(self) -> frozenset[str]:
        """The ids of the tokens on record that were made here."""
        known = (
            one.authorization_id
            for entry in self.connections.values()
            for one in entry.known_credentials
        )
        return frozenset(known) - {""}

    @property
    def services(self) -> frozenset[str]:
        """Every secret that something in force names."""
        named = {service for entry in self.connections.values() for service in entry.services}
        return frozenset(named | set(self.aspm_tokens.values()))


@dataclass(frozen=True, slots=True)
class Draft:
    """The answers of a run that was interrupted, without secrets, to be offered again."""

    answers: dict[str, str]
    saved: str = ""
