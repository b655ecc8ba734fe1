"""Proving tokens and telling the result: ad hoc, or those that are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.registration import RegistrationFacts, judge_registration, token_of
from aspm_ado.domain.azure.place import SERVICES, site_of
from aspm_ado.domain.azure.retirement import DaySource, Reach
from aspm_ado.domain.azure.scopes import Purpose
from aspm_ado.domain.checks import Check, CheckId, Status, refusing_warnings, skip
from aspm_ado.domain.errors import StoreError, UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import ConnectionReport, OrganizationReport, Report, TokenFacts
from aspm_ado.domain.rules.access import TokenHistory
from aspm_ado.domain.rules.changes import with_changes
from aspm_ado.domain.rules.clone import clone_skipped
from aspm_ado.domain.rules.scopes import scopes_not_asked
from aspm_ado.domain.rules.token import DEFAULT_WARN_DAYS, global_token_warnings
from aspm_ado.domain.stored import Catalogue, Entry, StoredCredential, StoredOrganization
from aspm_ado.domain.text import clean
from aspm_ado.flows.options.parts import (
    collection_missing,
    demand_given,
    demand_stored,
    distribute,
    target,
    target_given,
)
from aspm_ado.flows.options.resolve import missing, require
from aspm_ado.flows.registration.aspm import AspmResult, validate_stored_aspms
from aspm_ado.flows.storage.secrets import SPOILT, Secrets, read_secrets
from aspm_ado.flows.tokens.sources import (
    ASPM_VARIABLES,
    PAT_VARIABLES,
    Tokens,
    ask_token,
    tokens_given,
)
from aspm_ado.flows.validation.report import (
    connection_report,
    named,
    report,
    with_check,
)
from aspm_ado.flows.validation.result import TokenResult
from aspm_ado.flows.validation.run import validate
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.flows.context import Context


@dataclass(frozen=True, slots=True)
class Terms:
    """How strictly stored connections are judged."""

    warn_days: int = DEFAULT_WARN_DAYS
    fail_on_warning: bool = False

    def applied(self, made: OrganizationReport) -> OrganizationReport:
        """The report with required warnings failed, where that was asked for."""
        if not self.fail_on_warning:
            return made
        return replace(made, checks=tuple(refusing_warnings(check) for check in made.checks))

    def applied_to(self, made: ConnectionReport) -> ConnectionReport:
        """The same for a whole connection."""
        if not self.fail_on_warning:
            return made
        aspm = made.aspm
        if aspm is not None:
            aspm = replace(aspm, checks=tuple(refusing_warnings(check) for check in aspm.checks))
        return replace(
            made, organizations=tuple(self.applied(one) for one in made.organizations), aspm=aspm
        )


USUAL: Final = Terms()
AD_HOC: Final = ", or name an organization with -o to validate a token ad hoc"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A connection as it was on record, what its tokens were answered, and its report before any strictness."""

    entry: Entry
    results: Sequence[TokenResult]
    made: ConnectionReport


def validate_stored(
    context: Context, names: Sequence[str], command: str = "validate", terms: Terms = USUAL
) -> Report:
    """Prove stored connections with their stored tokens; all of them where none is named.

    What has changed since the last time is said at the check that it concerns; then this time becomes the last.
    """
    entries = stored_entries(context, names, otherwise=AD_HOC)
    for variable in (*PAT_VARIABLES, *ASPM_VARIABLES):
        if context.sources.variable(variable):
            context.voice.note(
                f"{variable} is set and not used: a stored connection is proven with its stored token."
            )
    read = read_secrets(context, entries)
    groups = [
        _stored_candidates(context, entry, secrets)
        for entry, (secrets, _) in zip(entries, read, strict=True)
    ]
    tokens = [token for group in groups for token in group]
    results = validate(context, tokens, warn_days=terms.warn_days)
    sound = [
        entry for entry, (_, check) in zip(entries, read, strict=True) if check.reason is not SPOILT
    ]
    aspms = validate_stored_aspms(context, sound)
    coming = iter(results)
    seen = []
    for entry, group, (_, check) in zip(entries, groups, read, strict=True):
        own = [next(coming) for _ in group]
        seen.append(
            _Seen(
                entry,
                own,
                _stored_report(entry, own, check, aspms.get(entry.name)),
            )
        )
    _remember(context, seen)
    made = report(context, command, results, [terms.applied_to(one.made) for one in seen])
    return replace(made, notes=tuple(line for one in seen for line in _stopping(context, one)))


def _stopping(context: Context, seen: _Seen) -> Iterator[str]:
    """Which tokens of a connection end with those of all organizations, by the day that was heard with them."""
    heard = {one.name.casefold(): one for one in seen.made.organizations}
    told = (
        result.calendar for result in seen.results if result.calendar.source is not DaySource.LOCAL
    )
    return global_token_warnings(seen.entry, next(told, context.clock.calendar()), heard)


def stored_entries(context: Context, names: Sequence[str], *, otherwise: str = "") -> list[Entry]:
    """The connections named, or all; ``nothing-stored`` (2) where one is not there. ``otherwise`` also helps then."""
    catalogue = context.records.load()
    wanted = list(dict.fromkeys(names)) or sorted(catalogue.connections)
    for name in wanted:
        if name not in catalogue.connections:
            known = ", ".join(sorted(catalogue.connections)) or "none"
            raise UsageError(
                Reason.NOTHING_STORED,
                f"There is no connection named {clean(name, 60)} (stored: {known}).",
                remedy="See `aspm-ado list`, or create one with `aspm-ado connect`.",
            )
    if not wanted:
        raise UsageError(
            Reason.NOTHING_STORED,
            "No connection is stored.",
            remedy=f"Create one with `aspm-ado connect`{otherwise}.",
        )
    return [catalogue.connections[name] for name in wanted]


def _stored_candidates(context: Context, entry: Entry, secrets: Secrets) -> list[Token]:
    site, demand = site_of(entry), demand_stored(context.asker, entry)
    made = []
    for key, secret in secrets.items():
        stored = entry.credentials[key]
        held = [
            organization for organization in entry.organizations if organization.credential == key
        ]
        if not held:
            continue  # kept for a migration that is not at its end
        username = next(
            (organization.username for organization in held if organization.username), ""
        )
        made.append(
            Token(
                secret,
                f"keyring ({context.vault.title})",
                tuple(site.place(organization.name) for organization in held),
                site,
                demand=demand,
                end=stored.ends,
                end_source=stored.expires_source,
                username=username,
                past=TokenHistory(
                    was_good=bool(stored.identity_id), reach=Reach.recorded(stored.reach)
                ),
            )
        )
    return made


def _stored_report(
    entry: Entry, results: Sequence[TokenResult], secrets: Check, found: AspmResult | None
) -> ConnectionReport:
    site = site_of(entry)
    made = {key: one.report for result in results for key, one in result.organizations.items()}
    fresh = _fresh(entry, results)
    organizations = []
    for stored in entry.organizations:
        one = made.get(site.place(stored.name).key)
        told_of = _unread(entry, stored) if one is None else _told(entry, stored, one, fresh)
        organizations.append(_with_state(told_of, stored, entry))
    aspm = found.report if found is not None else None
    return ConnectionReport(
        entry.name,
        entry.deployment,
        entry.base_url,
        entry.purpose,
        tuple(organizations),
        (secrets,),
        aspm,
    )


def _told(
    entry: Entry, stored: StoredOrganization, made: OrganizationReport, fresh: tuple[str, ...]
) -> OrganizationReport:
    return with_changes(
        named(made, entry.name), stored, entry.credentials[stored.credential], fresh
    )


def _fresh(entry: Entry, results: Sequence[TokenResult]) -> tuple[str, ...]:
    """Organizations that the tokens reach and the connection does not have; only those that came since are news."""
    if not entry.offered:
        return ()  # nothing was listed before: nobody can tell what is new
    site = site_of(entry)
    names = (*entry.offered, *(one.name for one in entry.organizations))
    known = {site.place(name).key for name in names}
    return tuple(clean(place.name, 60) for place in _listed(results) if place.key not in known)


def _with_state(
    made: OrganizationReport, stored: StoredOrganization, entry: Entry
) -> OrganizationReport:
    """With what a person still has to do in Invicti ASPM: shown here, and never the exit code of a validation."""
    facts = RegistrationFacts(
        entry.name, stored.name, stored.registration, token=token_of(entry, stored.name)
    )
    return replace(with_check(made, judge_registration(facts)), registration=stored.registration)


def _remember(context: Context, seen: Sequence[_Seen]) -> None:
    """Make this the last verdict. A lock that another run holds, or a full disk, fails no validation."""
    if not any(
        result.calendar.source is not DaySource.LOCAL for one in seen for result in one.results
    ):
        return
    now = context.stamp

    def edit(catalogue: Catalogue) -> Catalogue:
        there = catalogue.connections
        proven = {
            one.entry.name: _proven(there[one.entry.name], one, now)
            for one in seen
            if one.entry.name in there
        }
        return replace(catalogue, connections={**there, **proven})

    try:
        context.records.change(edit)
    except StoreError as error:
        context.voice.note(
            f"This verdict is not remembered, so that changes are told again next time. {error.problem}"
        )


def _listed(results: Sequence[TokenResult]) -> tuple[Place, ...]:
    """What the tokens of a connection reach."""
    return tuple(dict.fromkeys(place for result in results for place in result.listed or ()))


def _proven(entry: Entry, seen: _Seen, now: str) -> Entry:
    """The entry with the verdicts, the reach and the identity that were just proven.

    What was not found out stays as it was, and so does what another run has given another token meanwhile.
    """
    verdicts = {one.name.casefold(): one for one in seen.made.organizations if _is_found_out(one)}
    days = {key: result.calendar.today for result in seen.results for key in result.organizations}
    tried = {one.name.casefold(): one.credential for one in seen.entry.organizations}
    credentials = dict(entry.credentials)
    organizations = []
    for stored in entry.organizations:
        one = verdicts.get(stored.name.casefold())
        if one is not None and tried.get(stored.name.casefold()) == stored.credential:
            found = {
                check.id.value: check.status.value
                for check in one.checks
                if check.status not in _NOT_FOUND_OUT
            }
            stored = stored.proven(found, days[stored.name.casefold()].isoformat())
            credentials[stored.credential] = _known(credentials[stored.credential], one)
        organizations.append(stored)
    return replace(
        entry,
        organizations=tuple(organizations),
        credentials=credentials,
        offered=tuple(
            dict.fromkeys((*entry.offered, *(place.name for place in _listed(seen.results))))
        ),
        validated=now if verdicts else entry.validated,
    )


_NOT_FOUND_OUT: Final = (Status.UNKNOWN, Status.SKIP)


def _is_found_out(made: OrganizationReport) -> bool:
    """Whether somebody said who the token is, or that it is nobody's any more."""
    return any(
        check.id is CheckId.IDENTITY and check.status not in _NOT_FOUND_OUT for check in made.checks
    )


def _known(credential: StoredCredential, made: OrganizationReport) -> StoredCredential:
    if made.token.reach != Reach.UNKNOWN.value:
        credential = replace(credential, reach=made.token.reach)
    if made.identity is not None:
        who = made.identity
        credential = replace(
            credential, identity_id=who.id, identity_name=who.name, identity_account=who.account
        )
    return credential


def _unread(entry: Entry, stored: StoredOrganization) -> OrganizationReport:
    """An organization whose token could not be had from the secret store: nothing was asked."""
    known = entry.credentials[stored.credential]
    excuse = "Not asked: its token could not be read from the secret store."
    checks = [skip(check, excuse) for check in (CheckId.IDENTITY, CheckId.ACCESS, CheckId.REACH)]
    scopes = scopes_not_asked(Purpose(entry.purpose), excuse)
    facts = TokenFacts(
        known.format, known.last4, known.expires, known.expires_source, source="keyring"
    )
    return OrganizationReport(stored.name, None, facts, (*checks, *scopes, *clone_skipped(excuse)))


def validate_ad_hoc(context: Context, terms: Terms = USUAL) -> Report:
    """Prove a token that is stored nowhere, and store nothing."""
    asker = context.asker
    given = target_given(asker)
    tokens = tokens_given(asker, context.sources, given.site if given else SERVICES)
    demand = demand_given(asker)
    if not asker.asks:
        require(missing(context, given, tokens, demand, None))
    there = target(asker, tokens.named)
    if there.is_open:
        raise collection_missing(there.site)
    if tokens.lacks(there.places, list_all=there.list_all):
        first = next((place.name for place in there.places if tokens.of(place) is None), "")
        tokens = Tokens(ask_token(asker, there.site, first), tokens.own)
    results = validate(context, distribute(tokens, there, demand), warn_days=terms.warn_days)
    organizations = [
        terms.applied(named(made, None)) for result in results for made in result.reports
    ]
    return report(
        context,
        "validate",
        results,
        [connection_report(None, there.site, demand.purpose, organizations)],
    )
