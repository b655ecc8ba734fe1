"""What is recorded of a connection: names, dates and where its secrets are, never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.documents import Identity
from aspm_ado.domain.http import Origin
from aspm_ado.domain.secret import TokenFormat

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""The names that a connection may have: one plain word for a shell and for a page."""


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
    """The state of one organization in Invicti ASPM.

    ``marker`` is what our own registration writes into the instance, to recognise it later.
    ``unseen``: a person marked it as saved, and Invicti ASPM did not show it. Neither is in the
    report.
    """

    mode: RegistrationMode = RegistrationMode.NONE
    state: RegistrationState = RegistrationState.NONE
    proof: Proof = Proof.NONE
    instance_id: str | None = None
    marker: str = ""
    unseen: bool = False

    @property
    def for_new_token(self) -> Registration:
        """The state once another token is in force that nobody has brought to Invicti ASPM.

        A person still has to enter that one, also where the write of a profile may have arrived.
        What was refused has not begun.
        """
        if self.state is RegistrationState.NONE:
            return self
        if self.mode is RegistrationMode.API and self.state is RegistrationState.FAILED:
            return Registration(
                self.mode, RegistrationState.NONE, self.proof, self.instance_id, self.marker
            )
        return Registration(
            RegistrationMode.GUIDED,
            RegistrationState.HANDED_OFF,
            instance_id=self.instance_id,
            marker=self.marker,
        )

    def proven(self, proof: Proof) -> Registration:
        """The same at another level of proof."""
        return Registration(self.mode, self.state, proof, self.instance_id, self.marker)


UNREGISTERED: Final = Registration()


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """Where a token is kept and what is known of it.

    ``service`` is its name in the secret store. ``authorization_id`` is its id in the PAT Lifecycle
    API where this program created it: it can then be revoked by one request.
    """

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

    @property
    def owner(self) -> str:
        """The person that Azure DevOps named, as a person reads them."""
        return Identity(self.identity_id, self.identity_name, self.identity_account).label

    @property
    def ends(self) -> date | None:
        """The day on which it ends, if one is known."""
        return date.fromisoformat(self.expires) if self.expires else None


@dataclass(frozen=True, slots=True)
class StoredOrganization:
    """One organization and the key of its credential.

    ``verdict`` is what was last found out (check id → status), ``days`` when (check id →
    ``YYYY-MM-DD``, as Azure DevOps counts). ``repository`` is the id of a repository that could be
    read, which ``projects/check`` is asked about.
    """

    name: str
    credential: str
    username: str = ""
    registration: Registration = UNREGISTERED
    verdict: dict[str, str] = field(default_factory=dict)
    repository: str = ""
    days: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """As ``Place.key``: what all spellings of the name share."""
        return self.name.casefold()

    def proven(self, found: Mapping[str, str], day: str) -> StoredOrganization:
        """The same with what was found out on ``day``; the rest stays as it was."""
        days = {**self.days, **dict.fromkeys(found, day)}
        return replace(self, verdict={**self.verdict, **found}, days=days)


@dataclass(frozen=True, slots=True)
class Successor:
    """A good token that replaces the one in force as soon as Invicti ASPM has it.

    ``verdicts`` is what was found out with it, by the name of the organization (check id → status),
    on ``day``. ``reach_demanded`` is the reach demanded of it, where that was said anew: from the
    swap on, the connection demands it.
    """

    credential: StoredCredential
    organizations: tuple[str, ...]
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)
    day: str = ""
    reach_demanded: ReachDemanded | None = None

    def in_force(
        self, one: StoredOrganization, key: str, registration: Registration
    ) -> StoredOrganization:
        """An organization with this token in force, and what is known of this one only."""
        verdict, days = one.verdict, one.days
        if found := self.verdicts.get(one.name):
            verdict, days = found, dict.fromkeys(found, self.day)
        return StoredOrganization(
            one.name, key, one.username, registration, verdict, one.repository, days
        )


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """The organizations chosen to get tokens of their own, and the tokens that they had.

    These tokens are kept, named by an organization or not, until each has a token of its own.
    """

    organizations: tuple[str, ...]
    credentials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredAspm:
    """The Invicti ASPM of a connection. ``profile`` is the path of the registration profile.

    Its token is recorded once for each origin, in the catalogue.
    """

    url: str
    api: str = "auto"
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One connection as stored.

    ``offered`` are the organizations that its tokens were seen to reach: others are new.
    ``simulated`` says whether a simulator was connected; earlier builds did not record it.
    """

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
    migration: MigrationProgress | None = None
    simulated: bool | None = None

    @property
    def services(self) -> frozenset[str]:
        """The names of its secrets in the secret store."""
        return frozenset(credential.service for credential in self.known_credentials)

    @property
    def origin(self) -> str:
        """What its tokens may be sent to. Raises ``UsageError`` where the address is none."""
        return str(Origin.of(self.base_url))

    @property
    def known_credentials(self) -> tuple[StoredCredential, ...]:
        """Every token on record, in force or waiting."""
        waiting = (successor.credential for successor in self.successors.values())
        return (*self.credentials.values(), *waiting)

    def organization(self, name: str) -> StoredOrganization | None:
        """The organization of this name, whatever its spelling."""
        key = name.casefold()
        return next((one for one in self.organizations if one.name.casefold() == key), None)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The organizations that were chosen to get a token of their own, done or not."""
        return self.migration.organizations if self.migration else ()

    def credential_of(self, key: str) -> StoredCredential:
        """What is known of a token, in force or waiting."""
        if key in self.credentials:
            return self.credentials[key]
        return self.successors[key].credential

    def successor_of(self, name: str) -> str | None:
        """The key of the new token that waits for an organization."""
        for key, successor in self.successors.items():
            if name.casefold() in map(str.casefold, successor.organizations):
                return key
        return None

    def successors_without(self, names: Iterable[str]) -> dict[str, Successor]:
        """The new tokens that still wait when those of ``names`` do not any more."""
        done, left = {name.casefold() for name in names}, {}
        for key, one in self.successors.items():
            waiting = tuple(name for name in one.organizations if name.casefold() not in done)
            if waiting:
                left[key] = replace(one, organizations=waiting)
        return left

    def awaiting(
        self, names: Iterable[str], waiting: Mapping[str, Successor] | None = None
    ) -> Entry:
        """The same where these new tokens and no others wait for ``names``."""
        return replace(self, successors={**self.successors_without(names), **(waiting or {})})

    def with_successor(
        self,
        key: str,
        names: Iterable[str],
        states: Mapping[str, Registration] | None = None,
        at: str | None = None,
    ) -> Entry:
        """The same with the successor ``key`` in force for ``names``; it still waits for the rest.

        ``states`` are what Invicti ASPM or a person said of them, by ``Place.key``; without one,
        nobody has brought the new token there. Credentials that no organization names any more are
        dropped. ``at`` is when it was validated.
        """
        successor, swapped = self.successors[key], {name.casefold() for name in names}
        known, organizations = states or {}, []
        for one in self.organizations:
            if one.key in swapped:
                state = known.get(one.key, one.registration.for_new_token)
                one = successor.in_force(one, key, state)
            organizations.append(one)
        return replace(
            self,
            organizations=tuple(organizations),
            credentials={**self.credentials, key: successor.credential},
            successors=self.successors_without(swapped),
            reach_demanded=successor.reach_demanded or self.reach_demanded,
            validated=at or self.validated,
        ).pruned()

    def ending(self, day: date, source: str) -> Entry:
        """The entry with another day on which its tokens in force end."""
        used = {one.credential for one in self.organizations}
        expires = day.isoformat()
        credentials = dict(self.credentials)
        for key in used:
            credentials[key] = replace(credentials[key], expires=expires, expires_source=source)
        return replace(self, credentials=credentials)

    def with_registration(self, key: str, state: Registration) -> Entry:
        """The same with a new state of one organization, by ``Place.key``."""
        organizations = []
        for one in self.organizations:
            if one.key == key:
                one = replace(one, registration=state)
            organizations.append(one)
        return replace(self, organizations=tuple(organizations))

    def migrating(self, names: Sequence[str]) -> Entry:
        """The same with ``names`` chosen to get tokens of their own."""
        shared = tuple(key for key in self.credentials if self.is_shared(key))
        return replace(
            self,
            migration=MigrationProgress(tuple(names), shared),
            reach_demanded=ReachDemanded.ORGANIZATION,
        ).pruned()

    def migrated(self) -> Entry:
        """The same with no such choice any more."""
        return replace(self, migration=None).pruned()

    def pruned(self) -> Entry:
        """The same without credentials that no organization and no migration needs any more."""
        named = {one.credential for one in self.organizations}
        if self.migration and self.unmigrated:
            named.update(self.migration.credentials)
        needed = {key: one for key, one in self.credentials.items() if key in named}
        return replace(self, credentials=needed)

    def is_shared(self, key: str) -> bool:
        """Whether a token is, or may be, of several organizations."""
        if self.migration and key in self.migration.credentials:
            return True
        if self.credential_of(key).reach is Reach.ALL:
            return True
        served = {one.name for one in self.organizations if one.credential == key}
        if key in self.successors:
            served.update(self.successors[key].organizations)
        return len(served) > 1

    def has_own(self, name: str) -> bool:
        """Whether an organization has a token of its own, in force or waiting."""
        held = {one.key: one.credential for one in self.organizations}
        key = self.successor_of(name) or held.get(name.casefold())
        return key is not None and not self.is_shared(key)

    @property
    def unmigrated(self) -> tuple[str, ...]:
        """The organizations that were chosen to get a token of their own and have none yet."""
        if self.migration is None:
            return ()
        return tuple(name for name in self.migration.organizations if not self.has_own(name))


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """A token ordered from Azure DevOps that is not stored yet, or one that is to be revoked.

    It is recorded before the order is sent, until the token is stored or known not to be there; a
    ``replaced`` token until it is revoked. ``id`` is a part of the token's name, which nothing else
    has: the name finds the token where no answer came. Only the list of its ``owner`` tells that it
    is not there. ``authorization_id`` is what the answer said.
    """

    id: str
    organization: str
    display_name: str
    owner: str
    at: str
    authorization_id: str = ""
    replaced: bool = False

    def answered(self, authorization_id: str) -> TokenOrder:
        """The same with the id of the token that was created."""
        return TokenOrder(
            self.id,
            self.organization,
            self.display_name,
            self.owner,
            self.at,
            authorization_id,
            self.replaced,
        )


CATALOGUE_SCHEMA: Final = "aspm-ado/catalog/v1"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All records.

    ``connections`` are by name. ``pending`` are the services of secrets that are being written, by
    connection: what a crash leaves to be undone. ``aspm_tokens`` has the service of each ASPM
    token, by origin. ``erasing`` are services whose secrets are to be erased, recorded before and
    removed after, so that a crash leaves none behind. ``ordered`` are created tokens that nothing
    holds: not stored yet, or replaced and not revoked yet. ``origins`` has the origin that is kept
    with each secret; a service without one is of the form before.
    """

    connections: dict[str, Entry] = field(default_factory=dict)
    pending: dict[str, tuple[str, ...]] = field(default_factory=dict)
    aspm_tokens: dict[str, str] = field(default_factory=dict)
    erasing: tuple[str, ...] = ()
    ordered: tuple[TokenOrder, ...] = ()
    origins: dict[str, str] = field(default_factory=dict)

    def begin(self, name: str, origins: Mapping[str, str]) -> Catalogue:
        """The same, with secrets (service → origin) about to be written for ``name``."""
        pending = {**self.pending, name: tuple(origins)}
        return replace(self, pending=pending).bound(origins)

    def bound(self, origins: Mapping[str, str]) -> Catalogue:
        """The same, with these secrets kept with their origins."""
        return replace(self, origins={**self.origins, **origins})

    @property
    def unbound(self) -> dict[str, str]:
        """The secrets in use that are of the form before, with the origins that they go to."""
        wanted = {service: url for url, service in self.aspm_tokens.items()}
        for entry in self.connections.values():
            wanted.update(dict.fromkeys(entry.services - self.origins.keys(), entry.base_url))
        return {one: url for one, url in wanted.items() if one not in self.origins}

    def commit(self, entry: Entry, aspm: tuple[str, str] | None = None) -> Catalogue:
        """The same with ``entry`` in force, and the ASPM token of an origin (origin, service).

        What they replace is to be erased.
        """
        tokens = dict(self.aspm_tokens)
        if aspm is not None:
            origin, service = aspm
            tokens[origin] = service
        return self._settled(entry.name, {**self.connections, entry.name: entry}, tokens)

    def commit_aspm(self, origin: str, service: str) -> Catalogue:
        """The same with the API token of an ASPM; the one that it replaces is to be erased."""
        return self._settled(origin, self.connections, {**self.aspm_tokens, origin: service})

    def abandon(self, name: str) -> Catalogue:
        """The same without what was pending under ``name``; its secrets are to be erased."""
        return self._settled(name, self.connections, self.aspm_tokens)

    def with_orders(self, ordered: Iterable[TokenOrder]) -> Catalogue:
        """The same with these orders on record, and no others."""
        return replace(self, ordered=tuple(ordered))

    def erased(self, services: frozenset[str]) -> Catalogue:
        """The same without ``services`` among those to be erased."""
        left = tuple(service for service in self.erasing if service not in services)
        origins = {one: kept for one, kept in self.origins.items() if one not in services}
        return replace(self, erasing=left, origins=origins)

    def without(self, name: str) -> Catalogue:
        """The same without the connection ``name``; what only it used is to be erased."""
        kept = {key: entry for key, entry in self.connections.items() if key != name}
        origins = {entry.aspm.url for entry in kept.values() if entry.aspm}
        tokens = {url: service for url, service in self.aspm_tokens.items() if url in origins}
        return self._settled(name, kept, tokens)

    def _settled(
        self, name: str, connections: dict[str, Entry], aspm_tokens: dict[str, str]
    ) -> Catalogue:
        """These connections and tokens of ASPM, with nothing pending under ``name``.

        Secrets that they do not name any more are to be erased, and orders of tokens that they hold
        are done.
        """
        after = Catalogue(connections, aspm_tokens=aspm_tokens)
        left = {*self.services, *self.pending.get(name, ())} - after.services
        done = after.authorizations
        return Catalogue(
            connections,
            {key: services for key, services in self.pending.items() if key != name},
            aspm_tokens,
            tuple(sorted({*self.erasing, *left})),
            tuple(one for one in self.ordered if one.authorization_id not in done),
            self.origins,
        )

    @property
    def authorizations(self) -> frozenset[str]:
        """The ids of the tokens on record that this program created."""
        known = [one for entry in self.connections.values() for one in entry.known_credentials]
        return frozenset(one.authorization_id for one in known) - {""}

    @property
    def services(self) -> frozenset[str]:
        """The services of all secrets that are in use."""
        named = {service for entry in self.connections.values() for service in entry.services}
        return frozenset(named | set(self.aspm_tokens.values()))


@dataclass(frozen=True, slots=True)
class Draft:
    """The answers of an interrupted run, without secrets, to be offered again."""

    answers: dict[str, str]
    saved: str = ""
