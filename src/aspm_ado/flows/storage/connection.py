"""From proofs to what is stored: good organizations only, each naming its credential; the rest stays as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import AspmReport, ConnectionReport, OrganizationReport, TokenFacts
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

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Site
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options.parts import AspmOptions
    from aspm_ado.flows.validation.result import OrganizationResult, TokenResult
    from aspm_ado.flows.validation.token import Token


def facts_on_record(entry: Entry, key: str, *, shared: bool) -> TokenFacts:
    """What a report says of a stored token without asking. ``shared``: by organizations."""
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


def entry_report(
    entry: Entry,
    organizations: Sequence[OrganizationReport] = (),
    checks: Sequence[Check] = (),
    aspm: AspmReport | None = None,
) -> ConnectionReport:
    """The report of a stored connection."""
    return ConnectionReport(
        entry.name,
        entry.deployment,
        entry.base_url,
        entry.purpose,
        tuple(organizations),
        tuple(checks),
        aspm,
    )


def parse_name(text: str) -> str:
    """The name of a connection."""
    value = text.strip()
    if not NAME.fullmatch(value):
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{clean(text, 60)}” cannot be the name of a connection.",
            remedy="Use small letters, digits, dots, hyphens and underscores, beginning with a letter or digit.",
        )
    return value


UNNAMED: Final = "azure-devops"
"""The name of a connection of every organization, until the first of them is known."""


def default_name(site: Site, names: Sequence[str]) -> str:
    """The first organization, or the server's host."""
    raw = site.host if site.deployment is Deployment.SERVER else next(iter(names), UNNAMED)
    return re.sub(r"[^a-z0-9._-]+", "-", raw.lower()).strip("-._")[:63] or UNNAMED


def good_ones(
    context: Context, results: Sequence[TokenResult], current: Entry | None
) -> list[TokenResult]:
    """The results that are good somewhere, each with the credentials of ``current`` that hold its token."""
    good = [result for result in results if result.good]
    for result in good:
        result.held = _holding(context, current, result.token)
    return good


def _holding(context: Context, current: Entry | None, candidate: Token) -> frozenset[str]:
    """The credentials that hold ``candidate``. What ends otherwise is another, and is not read."""
    if candidate.credential or current is None:
        return frozenset({candidate.credential} - {""})
    alike = (
        (key, one)
        for key, one in current.credentials.items()
        if one.last4 == candidate.secret.last4
    )
    return frozenset(
        key for key, one in alike if context.vault.read(one.service) == candidate.secret
    )


def new_key(context: Context) -> str:
    """A name for a credential that none had before."""
    return context.caller.fresh().replace("-", "")[:12]


def service_of(name: str, key: str) -> str:
    """The name of a credential's secret in the secret store."""
    return f"aspm-ado:{name}:{key}"


def new_secrets(name: str, proven: Sequence[TokenResult], keys: Sequence[str]) -> dict[str, Secret]:
    """The secrets that are not stored yet, by service."""
    return {
        service_of(name, key): one.token.secret
        for one, key in zip(proven, keys, strict=True)
        if not one.held
    }


def merged(
    current: Entry | None,
    name: str,
    proven: Sequence[TokenResult],
    keys: Sequence[str],
    options: AspmOptions,
    toggles: Iterable[str],
    registrations: dict[str, Registration],
    *,
    now: str,
    allow_http: bool = False,
    ca_bundle: str | None = None,
) -> Entry:
    """The entry with the good organizations put in or replaced; what else is on record by now stays as it is.

    ``keys`` name the credentials of ``proven``, but for those that are stored already. What waited to replace a token
    is given up with it.
    """
    candidate = proven[0].token
    credentials = dict(current.credentials) if current else {}
    organizations = {o.name.casefold(): o for o in current.organizations} if current else {}
    aspm = StoredAspm(options.url, options.api, options.profile or "") if options.url else None
    renewed = []
    for one, key in zip(proven, keys, strict=True):
        for made in one.good:
            name_key = made.place.key
            prior = organizations.get(name_key)
            used = _used(one, key, prior, credentials)
            credentials[used] = _credential(one, credentials.get(used), service_of(name, key))
            if prior is None or prior.credential != used:
                renewed.append(made.place.name)
            state = registrations.get(name_key, _left(current, prior, used, aspm))
            organizations[name_key] = _organization(made, used, one, state)
    listed = (found.name for one in proven for found in one.listed or ())
    return Entry(
        name=name,
        deployment=candidate.site.deployment.value,
        base_url=candidate.site.base_url,
        purpose=candidate.demand.purpose.value,
        credentials=credentials,
        organizations=tuple(organizations.values()),
        aspm=aspm or (current.aspm if current else None),
        reach_demanded=candidate.demand.reach.value,
        toggles=tuple(toggles),
        allow_http=allow_http,
        ca_bundle=ca_bundle or (current.ca_bundle if current else None),
        created=current.created if current else now,
        validated=now,
        successors=current.successors_without(renewed) if current else {},
        offered=tuple(dict.fromkeys((*(current.offered if current else ()), *listed))),
        migration=current.migration if current else None,
    ).pruned()


def _used(
    one: TokenResult,
    key: str,
    prior: StoredOrganization | None,
    credentials: Mapping[str, StoredCredential],
) -> str:
    """The credential that an organization names: the one that it has, or another that holds the token, or ``key``."""
    if prior is not None and prior.credential in one.held:
        return prior.credential
    return min(one.held & credentials.keys(), default=key)


def _left(
    current: Entry | None, prior: StoredOrganization | None, used: str, aspm: StoredAspm | None
) -> Registration:
    """What is on record of an organization that nobody brings to Invicti ASPM now, with the credential ``used``."""
    if current is None or prior is None or (aspm and current.aspm and aspm.url != current.aspm.url):
        return UNREGISTERED
    return prior.registration if prior.credential == used else prior.registration.for_new_token


def with_registrations(entry: Entry, registrations: dict[str, Registration]) -> Entry:
    """The entry with new states of its organizations (by case-folded name)."""
    return replace(
        entry,
        organizations=tuple(
            replace(
                stored, registration=registrations.get(stored.name.casefold(), stored.registration)
            )
            for stored in entry.organizations
        ),
    )


def aspm_service(url: str, fresh: Callable[[], str]) -> str:
    """A new service name for the API token of one ASPM."""
    return f"aspm-ado:aspm:{Origin.of(url).host}:{fresh().replace('-', '')[:12]}"


def _credential(one: TokenResult, known: StoredCredential | None, service: str) -> StoredCredential:
    """A token as it is now; ``known`` is what is on record of it, where it is stored already."""
    made, candidate = one.good[0].report, one.token
    identity = made.identity
    ends = known if known is not None and made.token.expires is None else made.token
    return StoredCredential(
        service=known.service if known else service,
        format=candidate.secret.format.value,
        last4=candidate.secret.last4,
        expires=ends.expires,
        expires_source=ends.expires_source,
        reach=made.token.reach,
        identity_id=identity.id if identity else "",
        identity_name=identity.name if identity else "",
        identity_account=identity.account if identity else "",
        authorization_id=candidate.authorization_id or (known.authorization_id if known else ""),
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
    ).proven(verdict_of(made.report), result.calendar.today.isoformat())


def verdict_of(made: OrganizationReport) -> dict[str, str]:
    """What is remembered of a proof: the status of each check."""
    return {check.id.value: check.status.value for check in made.checks}


def repository_of(made: OrganizationResult) -> str:
    """The id of the repository that could be read there, where one was."""
    return made.repository.id if made.repository is not None else ""


def needed_username(made: OrganizationReport) -> str:
    """The username that the hand-off carries: only where the token alone could not clone."""
    if any(
        check.id is CheckId.CLONE_TOKEN and check.status is Status.WARN for check in made.checks
    ):
        return made.username
    return ""
