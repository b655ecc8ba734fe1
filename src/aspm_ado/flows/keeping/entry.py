"""From proofs to what is stored: good organizations only, each naming its credential; the rest stays as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import CheckId, Status
from aspm_ado.domain.connection import NAME, Entry, Registration, StoredAspm, StoredCredential, StoredOrganization
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.origin import Origin
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import TokenFacts
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.text import clean
from aspm_ado.flows.proving.account import organizations_of

if TYPE_CHECKING:
    from aspm_ado.domain.place import Site
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.token import Secret
    from aspm_ado.flows.house import House
    from aspm_ado.flows.proving.candidate import Proof
    from aspm_ado.flows.taking.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Proven:
    """One token's proof, and the reports of its good organizations."""

    proof: Proof
    good: tuple[OrganizationReport, ...]


def facts_on_record(known: StoredCredential, *, shared: bool) -> TokenFacts:
    """What a report says of a stored token without asking. ``shared``: it serves several organizations."""
    return TokenFacts(
        known.format,
        known.last4,
        known.expires,
        known.expires_source,
        reach=known.reach,
        source="keyring",
        shared=shared,
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


def proven_of(proofs: Sequence[Proof]) -> list[Proven]:
    """The proofs that are good somewhere."""
    made = [Proven(proof, tuple(one for one in organizations_of(proof) if one.is_good)) for proof in proofs]
    return [one for one in made if one.good]


def new_key(house: House) -> str:
    """A name for a credential that none had before."""
    return house.caller.fresh().replace("-", "")[:12]


def service_of(name: str, key: str) -> str:
    """The name of a credential's secret in the secret store."""
    return f"aspm-ado:{name}:{key}"


def new_secrets(name: str, proven: Sequence[Proven], keys: Sequence[str]) -> dict[str, Secret]:
    """The secrets that are not stored yet, by service."""
    return {
        service_of(name, key): one.proof.candidate.secret
        for one, key in zip(proven, keys, strict=True)
        if not one.proof.candidate.stored
    }


def merged(
    current: Entry | None,
    name: str,
    proven: Sequence[Proven],
    keys: Sequence[str],
    wishes: Wishes,
    toggles: Iterable[str],
    registrations: dict[str, Registration],
    *,
    now: str,
    allow_http: bool = False,
    ca_bundle: str | None = None,
) -> Entry:
    """The entry with the good organizations put in or replaced; what else is on record by now stays as it is.

    ``keys`` name the credentials of ``proven``, but for those that are stored already.
    """
    candidate = proven[0].proof.candidate
    credentials = dict(current.credentials) if current else {}
    organizations = {o.name.casefold(): o for o in current.organizations} if current else {}
    for one, key in zip(proven, keys, strict=True):
        stored = one.proof.candidate.stored
        used = stored if stored in credentials else key
        service = credentials[used].service if stored in credentials else service_of(name, key)
        credentials[used] = _credential(one, service)
        for made in one.good:
            organizations[made.name.casefold()] = _organization(made, used, one.proof, registrations)
    listed = (found for one in proven for found in one.proof.listed or ())
    aspm = StoredAspm(wishes.aspm_url, wishes.aspm_api, wishes.profile or "") if wishes.aspm_url else None
    return Entry(
        name=name,
        deployment=candidate.site.deployment.value,
        base_url=candidate.site.base_url,
        purpose=candidate.brief.purpose.value,
        credentials=credentials,
        organizations=tuple(organizations.values()),
        aspm=aspm or (current.aspm if current else None),
        reach_demanded=candidate.brief.reach.value,
        toggles=tuple(toggles),
        allow_http=allow_http,
        ca_bundle=ca_bundle or (current.ca_bundle if current else None),
        created=current.created if current else now,
        validated=now,
        successors=current.unawaited(_renewed(current, proven)) if current else {},
        offered=tuple(dict.fromkeys((*(current.offered if current else ()), *listed))),
        migration=current.migration if current else None,
    ).pruned()


def _renewed(current: Entry, proven: Sequence[Proven]) -> list[str]:
    """The organizations that get another token than they had: what waited to replace that one is out of date."""
    had = {one.name.casefold(): current.credentials[one.credential].last4 for one in current.organizations}
    return [
        made.name
        for one in proven
        for made in one.good
        if had.get(made.name.casefold()) != one.proof.candidate.secret.last4
    ]


def with_registrations(entry: Entry, registrations: dict[str, Registration]) -> Entry:
    """The entry with new states of its organizations (by case-folded name)."""
    return replace(
        entry,
        organizations=tuple(
            replace(stored, registration=registrations.get(stored.name.casefold(), stored.registration))
            for stored in entry.organizations
        ),
    )


def aspm_service(url: str, fresh: Callable[[], str]) -> str:
    """A new service name for the API token of one ASPM."""
    return f"aspm-ado:aspm:{Origin.of(url).host}:{fresh().replace('-', '')[:12]}"


def _credential(one: Proven, service: str) -> StoredCredential:
    made, candidate = one.good[0], one.proof.candidate
    identity = made.identity
    return StoredCredential(
        service=service,
        format=candidate.secret.format.value,
        last4=candidate.secret.last4,
        expires=made.token.expires,
        expires_source=made.token.expires_source,
        reach=made.token.reach,
        identity_id=identity.id if identity else "",
        identity_name=identity.name if identity else "",
        identity_account=identity.account if identity else "",
        authorization_id=candidate.authorization_id,
    )


def _organization(
    made: OrganizationReport, key: str, proof: Proof, registrations: dict[str, Registration]
) -> StoredOrganization:
    return StoredOrganization(
        name=made.name,
        credential=key,
        username=needed_username(made) or proof.candidate.username,
        registration=registrations.get(made.name.casefold(), made.registration),
        repository=repository_of(proof, made.name),
    ).proven(verdict_of(made), proof.calendar.today.isoformat())


def verdict_of(made: OrganizationReport) -> dict[str, str]:
    """What is remembered of a proof: the status of each check."""
    return {check.id.value: check.status.value for check in made.checks}


def repository_of(proof: Proof, name: str) -> str:
    """The id of the repository that could be read there, where one was."""
    found = next((here.repository for here in proof.places if here.place.key == name.casefold()), None)
    return found.id if found is not None else ""


def needed_username(made: OrganizationReport) -> str:
    """The username that the hand-off carries: only where the token alone could not clone."""
    if any(check.id is CheckId.CLONE_TOKEN and check.status is Status.WARN for check in made.checks):
        return made.username
    return ""
