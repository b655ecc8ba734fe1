"""The stored connections: names, dates and where their secrets are, never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.secret import TokenFormat

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Site
    from aspm_ado.domain.documents import Identity

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""The names of connections: one plain word for a shell and a page."""


class RegistrationMode(StrEnum):
    """How the organization is added to Invicti ASPM."""

    API = "api"
    GUIDED = "guided"
    NONE = "none"


class RegistrationState(StrEnum):
    """How far that is."""

    REGISTERED = "registered"
    HANDED_OFF = "handed-off"
    PLANNED = "planned"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NONE = "none"


class Proof(StrEnum):
    """What proves it: the claim of a person or an answer, or more answers of Invicti ASPM."""

    NONE = "none"
    CLAIMED = "claimed"
    ALM_ACCEPTED = "alm-accepted"
    CREDENTIAL_USED = "credential-used"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Registration:
    """The state of one organization in Invicti ASPM.

    ``marker`` identifies an instance that aspm-ado created. ``unseen``: a person marked it as
    saved, and Invicti ASPM did not show it. Neither is in the report.
    """

    mode: RegistrationMode = RegistrationMode.NONE
    state: RegistrationState = RegistrationState.NONE
    proof: Proof = Proof.NONE
    instance_id: str | None = None
    marker: str = ""
    unseen: bool = False

    @property
    def for_new_token(self) -> Registration:
        """The state with a new token in force that Invicti ASPM does not have yet.

        Someone has to enter it, even if a write of a profile may have arrived. What was refused has
        not begun.
        """
        if self.state is RegistrationState.NONE:
            return self
        mode, state = RegistrationMode.GUIDED, RegistrationState.HANDED_OFF
        if self.mode is RegistrationMode.API and self.state is RegistrationState.FAILED:
            mode, state = self.mode, RegistrationState.NONE
        return replace(self, mode=mode, state=state, proof=Proof.NONE, unseen=False)

    def proven(self, proof: Proof) -> Registration:
        """The same with another proof, now that Invicti ASPM shows it."""
        return replace(self, proof=proof, unseen=False)


UNREGISTERED: Final = Registration()


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A stored token.

    ``service`` is its name in the keyring. ``authorization_id`` is its id in the PAT Lifecycle API
    if aspm-ado created it: one request can then revoke it.
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
    def identity(self) -> Identity:
        """The owner."""
        from aspm_ado.domain.documents import Identity  # 14 classes that a start does not need

        return Identity(self.identity_id, self.identity_name, self.identity_account)

    @property
    def owner(self) -> str:
        """The owner, as Azure DevOps named them."""
        return self.identity.label

    @property
    def ends(self) -> date | None:
        """The expiry date, if known."""
        return date.fromisoformat(self.expires) if self.expires else None


@dataclass(frozen=True, slots=True)
class StoredOrganization:
    """One organization and the key of its credential.

    ``verdict`` is the last result (check id → status), ``days`` its date (check id →
    ``YYYY-MM-DD``, as Azure DevOps counts). ``repository`` is the id of a readable repository, for
    ``projects/check``.
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
        """As ``Place.key``: the same for all spellings of the name."""
        return self.name.casefold()

    def proven(self, found: Mapping[str, str], day: str) -> StoredOrganization:
        """Add the results of ``day``."""
        days = {**self.days, **dict.fromkeys(found, day)}
        return replace(self, verdict={**self.verdict, **found}, days=days)


@dataclass(frozen=True, slots=True)
class Successor:
    """A pending token, which replaces the current one as soon as Invicti ASPM has it.

    ``verdicts`` are its results of ``day``, by organization (check id → status). A new
    ``reach_demanded`` applies to the connection from the swap on.
    """

    credential: StoredCredential
    organizations: tuple[str, ...]
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)
    day: str = ""
    reach_demanded: ReachDemanded | None = None

    def in_force(
        self, one: StoredOrganization, key: str, registration: Registration
    ) -> StoredOrganization:
        """The organization with this token in force, and only its results."""
        verdict, days = one.verdict, one.days
        if found := self.verdicts.get(one.name):
            verdict, days = found, dict.fromkeys(found, self.day)
        return StoredOrganization(
            one.name, key, one.username, registration, verdict, one.repository, days
        )


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """The organizations of a migration, and their former tokens.

    These tokens stay stored until each organization has a token of its own.
    """

    organizations: tuple[str, ...]
    credentials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredAspm:
    """The Invicti ASPM of a connection. ``profile`` is the path of the registration profile.

    The catalogue has its token, once per origin.
    """

    url: str
    api: str = "auto"
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored connection.

    ``offered`` are the organizations that its tokens could access: others are new. ``simulated``
    says whether it is of a simulator; ``None`` in records of earlier builds.
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
        """The names of its secrets in the keyring."""
        return frozenset(credential.service for credential in self.known_credentials)

    @property
    def origin(self) -> str:
        """The origin for its tokens. Raises ``UsageError`` for an invalid URL."""
        from aspm_ado.domain.http import Origin

        return str(Origin.of(self.base_url))

    @property
    def site(self) -> Site:
        """Where its organizations are."""
        from aspm_ado.domain.azure.place import Site

        return Site(self.deployment, self.base_url, self.ca_bundle)

    @property
    def known_credentials(self) -> tuple[StoredCredential, ...]:
        """Every stored token, current or pending."""
        waiting = (successor.credential for successor in self.successors.values())
        return (*self.credentials.values(), *waiting)

    def organization(self, name: str) -> StoredOrganization | None:
        """The organization of this name, whatever its case."""
        key = name.casefold()
        return next((one for one in self.organizations if one.name.casefold() == key), None)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The organizations of the migration, done or not."""
        return self.migration.organizations if self.migration else ()

    def credential_of(self, key: str) -> StoredCredential:
        """The current or pending token of this key."""
        if key in self.credentials:
            return self.credentials[key]
        return self.successors[key].credential

    def successor_of(self, name: str) -> str | None:
        """The key of the pending token of an organization."""
        for key, successor in self.successors.items():
            if name.casefold() in map(str.casefold, successor.organizations):
                return key
        return None

    def newest_key(self, name: str) -> str:
        """The key of the token that Invicti ASPM is to have of an organization; empty if none."""
        held = {one.key: one.credential for one in self.organizations}
        return self.successor_of(name) or held.get(name.casefold(), "")

    def successors_without(self, names: Iterable[str]) -> dict[str, Successor]:
        """The pending tokens without those of ``names``."""
        done, left = {name.casefold() for name in names}, {}
        for key, one in self.successors.items():
            waiting = tuple(name for name in one.organizations if name.casefold() not in done)
            if waiting:
                left[key] = replace(one, organizations=waiting)
        return left

    def awaiting(
        self,
        names: Iterable[str],
        waiting: Mapping[str, Successor] | None = None,
        reach: ReachDemanded | None = None,
    ) -> Entry:
        """Make these the only pending tokens of ``names``. A new ``reach`` applies from now on."""
        successors = {**self.successors_without(names), **(waiting or {})}
        return replace(self, successors=successors, reach_demanded=reach or self.reach_demanded)

    def renamed(self, old: str, new: str) -> Entry:
        """The same where an organization has another name, as a person says.

        Nothing that was found out under the old name is kept, nor a new token that waited for it.
        Where the new name is on record already, the old one goes.
        """
        organizations = []
        for one in self.organizations:
            if one.key == old.casefold():
                if self.organization(new) is not None:
                    continue
                state = one.registration.for_new_token
                one = StoredOrganization(new, one.credential, one.username, state)
            organizations.append(one)
        migration = self.migration
        if migration is not None:
            chosen = {one.casefold(): one for one in migration.organizations}
            chosen[old.casefold()] = new
            names = {name.casefold(): name for name in chosen.values()}
            migration = MigrationProgress(tuple(names.values()), migration.credentials)
        return replace(
            self,
            organizations=tuple(organizations),
            successors=self.successors_without([old]),
            migration=migration,
        )

    def with_successor(
        self,
        key: str,
        names: Iterable[str],
        states: Mapping[str, Registration] | None = None,
        at: str | None = None,
    ) -> Entry:
        """Put the pending token ``key`` in force for ``names``. It stays pending for the rest.

        ``states`` are their new registrations, by ``Place.key``. Without one, Invicti ASPM does not
        have the token. ``at`` is when it was validated.
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
        )

    def ending(self, day: date, source: str) -> Entry:
        """Set the expiry date of the current tokens."""
        credentials = dict(self.credentials)
        for key in {one.credential for one in self.organizations}:
            one = credentials[key]
            credentials[key] = replace(one, expires=day.isoformat(), expires_source=source)
        return replace(self, credentials=credentials)

    def with_registration(self, key: str, state: Registration) -> Entry:
        """Set the registration of one organization, by ``Place.key``."""
        organizations = []
        for one in self.organizations:
            if one.key == key:
                one = replace(one, registration=state)
            organizations.append(one)
        return replace(self, organizations=tuple(organizations))

    def migrating(self, names: Sequence[str]) -> Entry:
        """Start a migration of ``names``."""
        shared = tuple(key for key in self.credentials if self.is_shared(key))
        return replace(
            self,
            migration=MigrationProgress(tuple(names), shared),
            reach_demanded=ReachDemanded.ORGANIZATION,
        )

    def migrated(self) -> Entry:
        """End the migration."""
        return replace(self, migration=None)

    def pruned(self) -> Entry:
        """Remove credentials that no organization and no migration needs."""
        named = {one.credential for one in self.organizations}
        if self.migration and self.unmigrated:
            named.update(self.migration.credentials)
        needed = {key: one for key, one in self.credentials.items() if key in named}
        return replace(self, credentials=needed)

    def is_shared(self, key: str) -> bool:
        """Whether a token is, or may be, for several organizations."""
        if self.migration and key in self.migration.credentials:
            return True
        if self.credential_of(key).reach is Reach.ALL:
            return True
        served = {one.name for one in self.organizations if one.credential == key}
        if key in self.successors:
            served.update(self.successors[key].organizations)
        return len(served) > 1

    def has_own(self, name: str) -> bool:
        """Whether an organization has a current or pending token of its own."""
        key = self.newest_key(name)
        return bool(key) and not self.is_shared(key)

    @property
    def unmigrated(self) -> tuple[str, ...]:
        """The organizations of the migration without a token of their own."""
        if self.migration is None:
            return ()
        return tuple(name for name in self.migration.organizations if not self.has_own(name))


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """A token that was ordered from Azure DevOps and is not stored yet, or one to revoke.

    It is recorded before the order is sent, and removed when the token is stored or known not to
    exist; a ``replaced`` token when it is revoked. ``id`` is a unique part of the name, which finds
    the token if no answer came. Only the list of its ``owner`` shows that it does not exist.
    ``authorization_id`` is from the answer.
    """

    id: str
    organization: str
    display_name: str
    owner: str
    at: str
    authorization_id: str = ""
    replaced: bool = False

    def answered(self, authorization_id: str) -> TokenOrder:
        """The same with the id of the created token."""
        return replace(self, authorization_id=authorization_id)


CATALOGUE_SCHEMA: Final = "aspm-ado/catalog/v1"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All records.

    ``connections`` are by name. ``pending`` are the services of secrets that are being written, by
    connection: the next run undoes them after a crash. ``aspm_tokens`` has the service of each ASPM
    token, by origin. ``erasing`` are services of secrets to delete, recorded before and removed
    after, so that a crash leaves none behind. ``ordered`` are created tokens that are not stored
    yet, or replaced and not revoked yet. ``origins`` has the origin of each secret. A service
    without one is of an earlier format.
    """

    connections: dict[str, Entry] = field(default_factory=dict)
    pending: dict[str, tuple[str, ...]] = field(default_factory=dict)
    aspm_tokens: dict[str, str] = field(default_factory=dict)
    erasing: tuple[str, ...] = ()
    ordered: tuple[TokenOrder, ...] = ()
    origins: dict[str, str] = field(default_factory=dict)

    def begin(self, name: str, origins: Mapping[str, str]) -> Catalogue:
        """Record that secrets (service → origin) are about to be written for ``name``."""
        pending = {**self.pending, name: tuple(origins)}
        return replace(self, pending=pending, origins={**self.origins, **origins})

    def bound(self, origins: Mapping[str, str]) -> Catalogue:
        """Record the origins of these secrets."""
        return replace(self, origins={**self.origins, **origins})

    @property
    def unbound(self) -> dict[str, str]:
        """The secrets of an earlier format, with the origins that they belong to."""
        wanted = {service: url for url, service in self.aspm_tokens.items()}
        for entry in self.connections.values():
            wanted.update(dict.fromkeys(entry.services - self.origins.keys(), entry.base_url))
        return {one: url for one, url in wanted.items() if one not in self.origins}

    def commit(self, entry: Entry, aspm: tuple[str, str] | None = None) -> Catalogue:
        """Put ``entry`` in force, and the ASPM token of an origin (origin, service).

        What they replace is to be deleted, and so are tokens that ``entry`` no longer needs.
        """
        tokens = dict(self.aspm_tokens)
        if aspm is not None:
            origin, service = aspm
            tokens[origin] = service
        return self._settled(entry.name, {**self.connections, entry.name: entry.pruned()}, tokens)

    def commit_aspm(self, origin: str, service: str) -> Catalogue:
        """Put the API token of an ASPM in force. The one that it replaces is to be deleted."""
        return self._settled(origin, self.connections, {**self.aspm_tokens, origin: service})

    def abandon(self, name: str) -> Catalogue:
        """Undo what is pending under ``name``. Its secrets are to be deleted."""
        return self._settled(name, self.connections, self.aspm_tokens)

    def with_orders(self, ordered: Iterable[TokenOrder]) -> Catalogue:
        """Replace the orders."""
        return replace(self, ordered=tuple(ordered))

    def erased(self, services: frozenset[str]) -> Catalogue:
        """Record that the secrets of ``services`` are deleted."""
        left = tuple(service for service in self.erasing if service not in services)
        origins = {one: kept for one, kept in self.origins.items() if one not in services}
        return replace(self, erasing=left, origins=origins)

    def without(self, name: str) -> Catalogue:
        """Remove the connection ``name``. What only it used is to be deleted."""
        kept = {key: entry for key, entry in self.connections.items() if key != name}
        origins = {entry.aspm.url for entry in kept.values() if entry.aspm}
        tokens = {url: service for url, service in self.aspm_tokens.items() if url in origins}
        return self._settled(name, kept, tokens)

    def _settled(
        self, name: str, connections: dict[str, Entry], aspm_tokens: dict[str, str]
    ) -> Catalogue:
        """These connections and tokens of ASPM, with nothing pending under ``name``.

        Secrets that they no longer name are to be deleted. Orders of tokens that they have are
        done.
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
        """The ids of the stored tokens that aspm-ado created."""
        known = [one for entry in self.connections.values() for one in entry.known_credentials]
        return frozenset(one.authorization_id for one in known) - {""}

    @property
    def services(self) -> frozenset[str]:
        """The services of all secrets in use."""
        named = {service for entry in self.connections.values() for service in entry.services}
        return frozenset(named | set(self.aspm_tokens.values()))


@dataclass(frozen=True, slots=True)
class Draft:
    """The answers of an interrupted run, without secrets, to offer again."""

    answers: dict[str, str]
    saved: str = ""
