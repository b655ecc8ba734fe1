"""Validating tokens and reporting the result: one that is given, or those that are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.registration import RegistrationFacts, token_of
from aspm_ado.domain.azure.retirement import DaySource, Reach
from aspm_ado.domain.questions import PAT_EXPIRES, PAT_SOURCES, SECRET_VARIABLES
from aspm_ado.domain.reasons import CheckId, Reason, Status, StoreError, UsageError
from aspm_ado.domain.report import (
    AspmReport,
    Check,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
    refusing_warnings,
    skip,
    with_changes,
)
from aspm_ado.domain.rules.access import TokenHistory
from aspm_ado.domain.rules.clone import clone_skipped
from aspm_ado.domain.rules.global_tokens import global_token_warnings
from aspm_ado.domain.rules.scopes import scopes_not_asked
from aspm_ado.domain.rules.token import DEFAULT_WARN_DAYS
from aspm_ado.domain.stored import (
    Catalogue,
    Entry,
    Proof,
    Registration,
    StoredCredential,
    StoredOrganization,
)
from aspm_ado.domain.text import clean
from aspm_ado.flows.options import (
    demand_given,
    demand_stored,
    distribute,
    missing_tokens,
    refuse_missing,
)
from aspm_ado.flows.registration.aspm import shown_since, validate_stored_aspms
from aspm_ado.flows.storage.transaction import (
    SPOILT,
    Secrets,
    changed_meanwhile,
    read_secrets,
    update_entry,
)
from aspm_ado.flows.target import (
    ask_target,
    collection_missing,
    site_meant,
    stored_by_key,
    stored_entries,
    target_given,
)
from aspm_ado.flows.tokens.sources import (
    Tokens,
    ask_token,
    end_given,
    tokens_given,
)
from aspm_ado.flows.validation.report import (
    connection_report,
    entry_report,
    named,
    report,
    with_registration,
)
from aspm_ado.flows.validation.run import validate
from aspm_ado.flows.validation.token import OrganizationResult, Token, TokenResult

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.flows.context import Context


@dataclass(frozen=True, slots=True)
class Terms:
    """How strictly stored connections are judged."""

    warn_days: int = DEFAULT_WARN_DAYS
    fail_on_warning: bool = False

    def judged(self, checks: Iterable[Check]) -> tuple[Check, ...]:
        """The checks with required warnings failed, where that was asked for."""
        if not self.fail_on_warning:
            return tuple(checks)
        return tuple(map(refusing_warnings, checks))

    def applied_to(self, made: OrganizationReport) -> OrganizationReport:
        """The report with its checks judged like this."""
        return made.with_checks(self.judged(made.checks))


USUAL: Final = Terms()
AD_HOC: Final = ", or name an organization with -o to validate a token ad hoc"


@dataclass(slots=True)
class _Validation:
    """A stored connection, its tokens, and their results."""

    entry: Entry
    secrets: Check
    tokens: Sequence[Token]
    results: Sequence[TokenResult] = ()
    aspm: AspmReport | None = None
    shown: set[str] = field(default_factory=set)
    """What Invicti ASPM shows now and did not when a person marked it as saved."""

    @property
    def organizations(self) -> dict[str, OrganizationResult]:
        """The organizations that were asked, by ``Place.key``."""
        return {key: one for result in self.results for key, one in result.organizations.items()}

    @property
    def listed(self) -> tuple[Place, ...]:
        """What the tokens reach."""
        listed = (place for result in self.results for place in result.listed or ())
        return tuple(dict.fromkeys(listed))

    @property
    def calendar(self) -> Calendar | None:
        """The day as Azure DevOps says it, where it was reached."""
        calendars = (result.calendar for result in self.results)
        return next((one for one in calendars if one.source is not DaySource.LOCAL), None)


def validate_stored(
    context: Context, names: Sequence[str], command: str = "validate", terms: Terms = USUAL
) -> Report:
    """Validate stored connections with their stored tokens; all of them where none is named.

    What has changed since the last time is said at the check that it concerns; then this time
    becomes the last.
    """
    entries = [
        _with_end_given(context, entry)
        for entry in stored_entries(context, names, otherwise=AD_HOC)
    ]
    variables = [one for one in SECRET_VARIABLES if context.sources.variable(one)]
    given = filter(None, map(context.asker.given, PAT_SOURCES))
    variables += [one.source for one in given if not one.is_flag]
    for variable in variables:
        context.voice.note(
            f"{variable} is set and not used: a stored connection uses its stored token."
        )
    validations = [
        _Validation(entry, check, _stored_tokens(context, entry, secrets))
        for entry, secrets, check in read_secrets(context, entries)
    ]
    if not validations:
        raise changed_meanwhile(entries[0].name)
    _validate(context, validations, terms.warn_days)
    reports: list[ConnectionReport] = []
    notes: list[str] = []
    catalogue = context.records.load()
    for one in validations:
        reports.append(_report(one, terms, _fresh(one, catalogue)))
        notes += _stopping(context, one)
    _remember(context, validations)
    return report(context, command, reports, notes)


def validate_ad_hoc(context: Context, terms: Terms = USUAL) -> Report:
    """Validate a token that is stored nowhere, and store nothing."""
    asker = context.asker
    given = target_given(asker)
    places = given.places if given is not None else ()
    tokens = tokens_given(asker, context.sources, site_meant(given), places)
    demand = demand_given(context)
    if not asker.asks:
        refuse_missing(*missing_tokens(context, given, tokens, demand, None))
    target = ask_target(asker, tokens.named)
    if target.is_open:
        raise collection_missing(target.site)
    if tokens.lacks(target.places, list_all=target.list_all):
        bare = (place.name for place in target.places if tokens.of(place) is None)
        tokens = Tokens(ask_token(asker, target.site, next(bare, "")), tokens.own)
    results = validate(context, distribute(tokens, target, demand), warn_days=terms.warn_days)
    site = next((result.token.site for result in results), target.site)
    reports = (terms.applied_to(named(made, None)) for result in results for made in result.reports)
    connection = connection_report(None, site, demand.purpose, reports)
    return report(context, "validate", [connection])


def _with_end_given(context: Context, entry: Entry) -> Entry:
    """The connection with the day that ``--pat-expires`` says on record.

    Raises ``UsageError`` where it has several tokens: the day is that of one.
    """
    given = context.asker.given(PAT_EXPIRES)
    day = end_given(context.asker, context.clock.calendar().today)
    if given is None or day is None or not given.is_flag:
        return entry
    used = {one.credential for one in entry.organizations}
    if len(used) > 1:
        raise UsageError(
            Reason.USAGE,
            f"“{entry.name}” has {len(used)} tokens, and {PAT_EXPIRES.flag} is the date of one.",
            remedy=f"Name its organization: aspm-ado connect {entry.name} -o ORGANIZATION "
            f"{PAT_EXPIRES.flag} {day}",
        )
    before = ", ".join(sorted(entry.credentials[key].expires or "unknown" for key in used))
    context.voice.note(f"The expiry date of “{entry.name}” is now {day}. It was: {before}.")
    return update_entry(context, entry.name, lambda now: now.ending(day, given.source))


def _validate(context: Context, validations: Sequence[_Validation], warn_days: int) -> None:
    """Validate all tokens side by side, then each ASPM.

    What comes of them goes to their connections.
    """
    tokens = [token for one in validations for token in one.tokens]
    coming = iter(validate(context, tokens, warn_days=warn_days))
    sound = [one.entry for one in validations if one.secrets.reason is not SPOILT]
    aspms = validate_stored_aspms(context, sound)
    for one in validations:
        one.results = list(islice(coming, len(one.tokens)))
        if one.entry.name in aspms:
            one.aspm = aspms[one.entry.name].report
            one.shown = shown_since(context, one.entry, aspms[one.entry.name])


def _stopping(context: Context, one: _Validation) -> Iterator[str]:
    """Which tokens of a connection end with those of all organizations.

    The day is that of the answers.
    """
    reports = {key: here.report for key, here in one.organizations.items()}
    return global_token_warnings(one.entry, one.calendar or context.clock.calendar(), reports)


def _stored_tokens(context: Context, entry: Entry, secrets: Secrets) -> list[Token]:
    """The tokens of a connection with the organizations that they serve."""
    site, demand = entry.site, demand_stored(context, entry)
    tokens = []
    for key, secret in secrets.items():
        known = entry.credentials[key]
        held = [one for one in entry.organizations if one.credential == key]
        if not held:
            continue  # an unfinished migration still needs it
        tokens.append(
            Token(
                secret,
                f"keyring ({context.vault.title})",
                tuple(site.place(one.name) for one in held),
                site,
                demand=demand,
                end=known.ends,
                end_source=known.expires_source,
                username=next((one.username for one in held if one.username), ""),
                past=TokenHistory(was_good=bool(known.identity_id), reach=known.reach),
            )
        )
    return tokens


def _report(validation: _Validation, terms: Terms, fresh: tuple[str, ...]) -> ConnectionReport:
    """The connection, with what has changed, and with what remains to be done in Invicti ASPM.

    ``fresh`` are organizations that are new. What remains is a person's, and never the exit code.
    """
    entry = validation.entry
    found = validation.organizations
    organizations = []
    for key, stored in stored_by_key(entry).items():
        if key in found:
            known = entry.credentials[stored.credential]
            made = with_changes(found[key].report, stored, known, fresh)
        else:
            made = _unread(entry, stored)
        state = _registration(validation, stored)
        facts = RegistrationFacts(
            entry.name, stored.name, state, token=token_of(entry, stored.name)
        )
        organizations.append(terms.applied_to(with_registration(made, facts)))
    aspm = validation.aspm
    if aspm is not None:
        aspm = AspmReport(aspm.url, aspm.api, terms.judged(aspm.checks))
    return entry_report(entry, organizations, [validation.secrets], aspm)


def _registration(validation: _Validation, stored: StoredOrganization) -> Registration:
    """What is known of the registration by now."""
    state = stored.registration
    is_shown = state.unseen and stored.key in validation.shown
    return state.proven(Proof.ALM_ACCEPTED) if is_shown else state


def _fresh(validation: _Validation, catalogue: Catalogue) -> tuple[str, ...]:
    """Organizations that the tokens reach and no connection has.

    Only those that came since are news.
    """
    entry = validation.entry
    if not entry.offered:
        return ()  # nothing was listed before: nobody can tell what is new
    site = entry.site
    known = {site.place(name).key for name in entry.offered}
    for other in catalogue.connections.values():
        if other.base_url == entry.base_url:
            known |= stored_by_key(other).keys()
    return tuple(clean(place.name, 60) for place in validation.listed if place.key not in known)


def _unread(entry: Entry, stored: StoredOrganization) -> OrganizationReport:
    """An organization whose token could not be read: its checks are skipped."""
    known = entry.credentials[stored.credential]
    excuse = "Skipped: aspm-ado could not read its token from the keyring."
    checks = [skip(check, excuse) for check in (CheckId.IDENTITY, CheckId.ACCESS, CheckId.REACH)]
    scopes = scopes_not_asked(entry.purpose, excuse)
    facts = TokenFacts(
        known.format, known.last4, known.expires, known.expires_source, source="keyring"
    )
    return OrganizationReport(stored.name, None, facts, (*checks, *scopes, *clone_skipped(excuse)))


# What is remembered

_NOT_FOUND_OUT: Final = (Status.UNKNOWN, Status.SKIP)


def _remember(context: Context, validations: Sequence[_Validation]) -> None:
    """Make this the last verdict.

    A lock that another run holds, or a full disk, fails no validation.
    """
    if not any(one.calendar for one in validations):
        return
    now = context.stamp

    def edit(catalogue: Catalogue) -> Catalogue:
        connections = dict(catalogue.connections)
        for one in validations:
            if one.entry.name in connections:
                connections[one.entry.name] = _found_out(connections[one.entry.name], one, now)
        return replace(catalogue, connections=connections)

    try:
        context.records.change(edit)
    except StoreError as error:
        context.voice.note(
            "aspm-ado could not save this result. The next run reports the same changes again. "
            f"{error.problem}"
        )


def _found_out(entry: Entry, validation: _Validation, now: str) -> Entry:
    """The entry with the verdicts, the reach and the identity that were just found out.

    What was not found out stays as it was, and so does what another run has given another token
    meanwhile.
    """
    tried = {(one.key, one.credential) for one in validation.entry.organizations}
    organizations, credentials = stored_by_key(entry), dict(entry.credentials)
    validated = entry.validated
    for result in validation.results:
        for key, here in result.organizations.items():
            if not _is_found_out(here.report):
                continue
            validated, stored = now, organizations.get(key)
            if stored is not None and (key, stored.credential) in tried:
                day = result.calendar.today.isoformat()
                organizations[key] = stored.proven(_verdict(here.report), day)
                known = credentials[stored.credential]
                credentials[stored.credential] = _with_owner(known, here.report)
    offered = (*entry.offered, *(place.name for place in validation.listed))
    entry = replace(
        entry,
        organizations=tuple(organizations.values()),
        credentials=credentials,
        offered=tuple(dict.fromkeys(offered)),
        validated=validated,
    )
    for one in entry.organizations:
        if one.key in validation.shown:
            entry = entry.with_registration(one.key, _registration(validation, one))
    return entry


def _verdict(made: OrganizationReport) -> dict[str, str]:
    """The status of each check that was found out."""
    return {
        check.id.value: check.status.value
        for check in made.checks
        if check.status not in _NOT_FOUND_OUT
    }


def _is_found_out(made: OrganizationReport) -> bool:
    """Whether somebody said who the token is, or that it is nobody's any more."""
    return any(
        check.id is CheckId.IDENTITY and check.status not in _NOT_FOUND_OUT for check in made.checks
    )


def _with_owner(credential: StoredCredential, made: OrganizationReport) -> StoredCredential:
    """The credential with the reach and the owner that were found out."""
    who, reach = made.identity or credential.identity, made.token.reach
    if reach is Reach.UNKNOWN:
        reach = credential.reach
    return replace(
        credential,
        reach=reach,
        identity_id=who.id,
        identity_name=who.name,
        identity_account=who.account,
    )
