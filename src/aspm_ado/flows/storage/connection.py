"""What is stored of a connection: good organizations only.

The rest of the record stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.documents import Identity
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import CheckId, Reason, Status, UsageError
from aspm_ado.domain.report import OrganizationReport, TokenFacts
from aspm_ado.domain.stored import (
    NAME,
    UNREGISTERED,
    Entry,
    Registration,
    StoredAspm,
    StoredCredential,
    StoredOrganization,
)
from aspm_ado.domain.text import clean
from aspm_ado.flows.storage.transaction import changed_meanwhile, read_token
from aspm_ado.flows.validation.report import report_on

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Site
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.token import OrganizationResult, Token, TokenResult


def facts_on_record(entry: Entry, key: str, *, shared: bool) -> TokenFacts:
    """What a report says of a stored token where nothing was asked.

    ``shared``: it serves several organizations.
    """
    known = entry.credential_of(key)
    return TokenFacts(
        known.format,
        known.last4,
        known.expires,
        known.expires_source,
        reach=known.reach,
        source="keyring",
        shared=shared,
    )


def report_on_record(entry: Entry, one: StoredOrganization) -> OrganizationReport:
    """The report of an organization where nothing was asked, without checks."""
    holders = [other for other in entry.organizations if other.credential == one.credential]
    facts = facts_on_record(entry, one.credential, shared=len(holders) > 1)
    return OrganizationReport(one.name, None, facts, ())


def parse_name(text: str) -> str:
    """The name of a connection."""
    value = text.strip()
    if not NAME.fullmatch(value):
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{clean(text, 60)}” cannot be the name of a connection.",
            remedy="Use small letters, digits, dots, hyphens and underscores, "
            "beginning with a letter or digit.",
        )
    return value


UNNAMED: Final = "azure-devops"
"""The name of a connection of every organization, until the first of them is known."""


def default_name(site: Site, names: Sequence[str]) -> str:
    """The first organization, or the server's host."""
    raw = next(iter(names), UNNAMED)
    if site.deployment is Deployment.SERVER:
        raw = site.host
    return re.sub(r"[^a-z0-9._-]+", "-", raw.lower()).strip("-._")[:63] or UNNAMED


def good_ones(
    context: Context, results: Sequence[TokenResult], current: Entry | None
) -> list[TokenResult]:
    """The results that are good somewhere.

    Each is told which credentials of ``current`` hold its token already, and the expiry date that
    is on record with them.
    """
    good = [result for result in results if result.good]
    for result in good:
        result.held = _holding(context, current, result.token)
        if current is not None:
            _adopt_end(result, current)
    return good


def _adopt_end(result: TokenResult, current: Entry) -> None:
    token, known = result.token, current.credentials
    ends = [known[key] for key in sorted(result.held) if key in known and known[key].ends]
    if ends and token.end is None and not token.end_asked:
        token.end, token.end_source = ends[0].ends, ends[0].expires_source
        report_on(result)


def _holding(context: Context, current: Entry | None, token: Token) -> frozenset[str]:
    """The credentials that hold a token."""
    if token.credential:
        return frozenset({token.credential})
    if current is None:
        return frozenset()
    return keys_with_token(context, current, current.credentials, token.secret)


def keys_with_token(
    context: Context, entry: Entry, keys: Iterable[str], token: Secret
) -> frozenset[str]:
    """The credentials among ``keys`` that hold this very token.

    What ends in other letters is not read. What the store does not find is read once more, since
    it may be wrong once: no token is to wait for itself.
    """
    alike = [key for key in keys if entry.credentials[key].last4 == token.last4]
    found = {
        key: read_token(context, entry, key) or read_token(context, entry, key) for key in alike
    }
    return frozenset(key for key, secret in found.items() if secret == token)


def new_key(context: Context) -> str:
    """A name for a credential that none had before."""
    return context.caller.fresh().replace("-", "")[:12]


def service_of(name: str, key: str) -> str:
    """The service name of a token in the keyring."""
    return f"aspm-ado:{name}:{key}"


def aspm_service(url: str, fresh: Callable[[], str]) -> str:
    """A new service name in the keyring for the API token of one ASPM."""
    return f"aspm-ado:aspm:{Origin.of(url).host}:{fresh().replace('-', '')[:12]}"


@dataclass(frozen=True, slots=True)
class Addition:
    """Good organizations to store, and the terms of their connection: those of ``None`` stay."""

    name: str
    results: Sequence[TokenResult]
    keys: Sequence[str]
    """The credentials of ``results``, but for tokens that are stored already."""
    now: str
    toggles: tuple[str, ...] | None = None
    aspm: StoredAspm | None = None
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    """By ``Place.key``."""
    allow_http: bool | None = None
    ca_bundle: str | None = None
    simulated: bool | None = None
    to_stored: bool = False
    """Whether the connection has to be on record."""

    @property
    def secrets(self) -> dict[str, Secret]:
        """The secrets that are not stored yet, by service."""
        return {
            service_of(self.name, key): one.token.secret
            for one, key in zip(self.results, self.keys, strict=True)
            if not one.held
        }

    def onto(self, current: Entry | None) -> Entry:
        """The entry with the organizations put in or replaced.

        What else is on record by now stays as it is; what waited to replace a token is given up
        with it. Raises ``UsageError`` where another run has removed the connection.
        """
        if current is None and self.to_stored:
            raise changed_meanwhile(self.name)
        token = self.results[0].token
        site, demand = token.site, token.demand
        base = current or Entry(
            self.name, site.deployment, site.base_url, demand.purpose, {}, (), created=self.now
        )
        organizations = {one.key: one for one in base.organizations}
        credentials = dict(base.credentials)
        renewed = []
        for result, key in zip(self.results, self.keys, strict=True):
            service = service_of(self.name, key)
            for one in result.good:
                prior = organizations.get(one.place.key)
                used = _used(result, key, prior, credentials)
                credentials[used] = stored_credential(result, service, credentials.get(used))
                if prior is None or prior.credential != used:
                    renewed.append(one.place.name)
                state = self._state(base, one, prior, used)
                organizations[one.place.key] = _organization(one, used, result, state)
        order = [one.place.key for result in self.results for one in result.good]
        if organizations.keys() <= set(order):  # several at once are stored in any order
            organizations = {key: organizations[key] for key in order}
        return replace(
            base,
            deployment=site.deployment,
            base_url=site.base_url,
            purpose=demand.purpose,
            credentials=credentials,
            organizations=tuple(organizations.values()),
            aspm=self.aspm or base.aspm,
            reach_demanded=demand.reach,
            toggles=base.toggles if self.toggles is None else self.toggles,
            allow_http=base.allow_http if self.allow_http is None else self.allow_http,
            ca_bundle=self.ca_bundle or base.ca_bundle,
            validated=self.now,
            simulated=base.simulated if self.simulated is None else self.simulated,
            successors=base.successors_without(renewed),
            offered=tuple(dict.fromkeys((*base.offered, *self._listed))),
        )

    @property
    def _listed(self) -> Iterable[str]:
        """The organizations that the tokens were seen to reach."""
        return (place.name for result in self.results for place in result.listed or ())

    def _state(
        self,
        base: Entry,
        made: OrganizationResult,
        prior: StoredOrganization | None,
        used: str,
    ) -> Registration:
        """The registration to store for an organization."""
        if begun := self.registrations.get(made.place.key):
            return begun
        moves = self.aspm and base.aspm and self.aspm.url != base.aspm.url
        if prior is None or moves:
            return UNREGISTERED
        if prior.credential == used:
            return prior.registration
        return prior.registration.for_new_token


def _used(
    result: TokenResult,
    key: str,
    prior: StoredOrganization | None,
    credentials: Mapping[str, StoredCredential],
) -> str:
    """The credential that an organization names.

    The one that it has, or another that holds the token, or ``key``.
    """
    if prior is not None and prior.credential in result.held:
        return prior.credential
    return min(result.held & credentials.keys(), default=key)


def stored_credential(
    result: TokenResult, service: str, known: StoredCredential | None = None
) -> StoredCredential:
    """A token as it is now; ``known`` is its stored form, if any."""
    report, token = result.good[0].report, result.token
    known = known or StoredCredential(service, token.secret.format, token.secret.last4)
    identity = report.identity or Identity("")
    ends = report.token if report.token.expires is not None else known
    return StoredCredential(
        service=known.service,
        format=token.secret.format,
        last4=token.secret.last4,
        expires=ends.expires,
        expires_source=ends.expires_source,
        reach=report.token.reach,
        identity_id=identity.id,
        identity_name=identity.name,
        identity_account=identity.account,
        authorization_id=token.authorization_id or known.authorization_id,
    )


def _organization(
    made: OrganizationResult, key: str, result: TokenResult, state: Registration
) -> StoredOrganization:
    return StoredOrganization(
        name=made.place.name,
        credential=key,
        username=needed_username(made.report) or result.token.username,
        registration=state,
        repository=repository_of(made),
    ).proven(statuses_of(made.report), result.calendar.today.isoformat())


def statuses_of(made: OrganizationReport) -> dict[str, str]:
    """What is remembered of a validation: the status of each check."""
    return {check.id: check.status for check in made.checks}


def repository_of(made: OrganizationResult) -> str:
    """The id of the repository that could be read there, where one was."""
    if made.repository is None:
        return ""
    return made.repository.id


def needed_username(made: OrganizationReport) -> str:
    """The username of the hand-off: only where the token alone could not clone."""
    for check in made.checks:
        if check.id is CheckId.CLONE_TOKEN and check.status is Status.WARN:
            return made.username
    return ""
