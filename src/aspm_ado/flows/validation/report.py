"""From answers to reports: the checks of each organization, in the order of the contract."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.registration import RegistrationFacts, judge_registration
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.reasons import CheckId, Reason, Status, StoreError
from aspm_ado.domain.report import (
    BAD,
    EVERY_ONE,
    MIGRATE,
    AspmReport,
    Check,
    Command,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
    in_order,
    skip,
)
from aspm_ado.domain.rules.access import Access, identity_known
from aspm_ado.domain.rules.classify import profile_owner
from aspm_ado.domain.rules.clone import clone_skipped
from aspm_ado.domain.rules.reach import judge_reach, reach_not_asked
from aspm_ado.domain.rules.scopes import scopes_not_asked
from aspm_ado.domain.rules.token import DEFAULT_WARN_DAYS, judge_expiry, judge_format
from aspm_ado.domain.stored import Entry
from aspm_ado.domain.text import clean
from aspm_ado.flows.validation.token import OrganizationResult

if TYPE_CHECKING:
    from aspm_ado.domain.azure.deployment import Purpose
    from aspm_ado.domain.azure.place import Site
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.token import TokenResult


def report_on(result: TokenResult, warn_days: int = DEFAULT_WARN_DAYS) -> None:
    """Make the report on each organization of a token, after all requests."""
    token, organizations = result.token, result.organizations.values()
    reach_check = result.unlisted
    if reach_check is None or result.is_rejected:
        reach_check = _reach(result)
    expiry = skip(CheckId.TOKEN_EXPIRY, "Skipped: Azure DevOps did not accept the token.")
    if not result.is_rejected:
        expiry = judge_expiry(token.end, result.calendar, warn_days, token.secret)
    facts, own = _facts(result), (judge_format(token.secret), expiry, reach_check)
    if result.unlisted is not None and not organizations:
        result.every_one = OrganizationResult(
            token.site.place(EVERY_ONE), report=_every_one(result, facts, own)
        )
    for here in organizations:
        here.report = _organization(here, facts, own, token.demand.purpose)
        if result.is_nowhere and (both := here.place.both_readings):
            here.report = here.report.with_checks(
                _with_remedy(here.report.checks, clean(both, 400))
            )


def _facts(result: TokenResult) -> TokenFacts:
    token, reach = result.token, result.reach_seen.reach
    days_left = expires = expires_source = ends = None
    if not result.is_rejected:
        days_left = result.calendar.days_left(token.end, reach, token.site.deployment)
    if days_left is not None:
        ends = (result.calendar.today + timedelta(days_left)).isoformat()
    if token.end is not None:
        expires, expires_source = token.end.isoformat(), token.end_source
    return TokenFacts(
        token.secret.format,
        token.secret.last4,
        expires,
        expires_source,
        days_left,
        reach,
        token.source,
        shared=len(result.organizations) > 1,
        ends=ends,
    )


def connection_report(
    name: str | None,
    site: Site,
    purpose: Purpose,
    organizations: Iterable[OrganizationReport],
    checks: Iterable[Check] = (),
    aspm: AspmReport | None = None,
) -> ConnectionReport:
    """One connection."""
    return ConnectionReport(
        name,
        site.deployment,
        site.base_url,
        purpose,
        tuple(organizations),
        tuple(checks),
        aspm,
    )


def report(
    context: Context,
    command: str,
    connections: Iterable[ConnectionReport],
    notes: Iterable[str] = (),
) -> Report:
    """The document, with the date of Azure DevOps if one answer has it."""
    return Report(
        command,
        context.stamp,
        context.clock.calendar().source,
        with_other_connections(context, connections),
        notes=tuple(notes),
        told=bool(context.told),
        shown=context.shown,
    )


def not_good(organization: OrganizationReport) -> tuple[Check, ...]:
    """The required checks that did not pass, registration aside."""
    return tuple(
        check
        for check in organization.checks
        if check.required and check.status in BAD and check.id is not CheckId.REGISTRATION
    )


def with_check(organization: OrganizationReport, check: Check) -> OrganizationReport:
    """A copy with one more check, in order."""
    before = next((old for old in organization.checks if old.id is check.id), check)
    kept = [old for old in organization.checks if old.id is not check.id]
    kept.append(check.followed_by(check.next or before.next))
    return organization.with_checks(in_order(kept))


def named(organization: OrganizationReport, name: str | None) -> OrganizationReport:
    """A copy whose remedies end with their commands, for the connection of this name.

    Without a name, they end with the option that helps instead.
    """
    checks = []
    for check in organization.checks:
        if check.remedy and check.remedied_by is not None:
            end = f": {check.remedied_by.text(name)}" if name else " (--reach organization)."
            check = check.advising(check.remedy.removesuffix(".") + end)
        checks.append(check)
    return organization.with_checks(checks)


_NEW_TOKEN: Final = frozenset({CheckId.IDENTITY, CheckId.TOKEN_EXPIRY, CheckId.REACH})


def _with_next(checks: Sequence[Check], name: str, *, shared: bool) -> tuple[Check, ...]:
    """Add the command that replaces the token to its checks."""
    moves = any(check.next == MIGRATE for check in checks)
    found = []
    for check in checks:
        if check.id in _NEW_TOKEN and check.reason is not Reason.REACH_AFTER_END:
            command = Command("rotate", (name,))
            if moves:
                command = MIGRATE
            elif shared and check.id is not CheckId.REACH:
                command = Command("rotate")
            check = check.followed_by(command)
        found.append(check)
    return tuple(found)


_NOTHING_THERE: Final = frozenset(
    {Reason.ORGANIZATION_ABSENT, Reason.NOT_AZURE_DEVOPS, Reason.SCOPE_UNKNOWN}
)


def _with_remedy(checks: Iterable[Check], remedy: str) -> Iterator[Check]:
    for check in checks:
        if check.reason in _NOTHING_THERE:
            check = check.advising(remedy)
        yield check


def _organization(
    here: OrganizationResult, facts: TokenFacts, own: Sequence[Check], purpose: Purpose
) -> OrganizationReport:
    access, name = here.access, here.place.name
    if access is None:
        excuse = "Skipped."
        access = Access(None, skip(CheckId.IDENTITY, excuse), skip(CheckId.ACCESS, excuse))
    elif access.access_check.status is Status.UNKNOWN:
        excuse = "Skipped: could not determine whether the organization accepts the token."
    else:
        excuse = "Skipped: the organization does not accept the token."
    scopes = here.scopes or scopes_not_asked(purpose, excuse)
    clone = here.clone or clone_skipped(excuse)
    checks = in_order([*own, access.identity_check, access.access_check, *scopes, *clone])
    checks = _with_next(checks, name, shared=facts.shared)
    return OrganizationReport(name, access.identity, facts, checks, username=here.username)


def _every_one(result: TokenResult, facts: TokenFacts, own: Sequence[Check]) -> OrganizationReport:
    """The report for all organizations of a token, if they could not be listed."""
    excuse = "Skipped: no organization was named, and Azure DevOps listed none."
    owner, identity = profile_owner(result.wide), skip(CheckId.IDENTITY, excuse)
    if owner is not None:
        identity = identity_known(owner, result.wide)
    scopes = scopes_not_asked(result.token.demand.purpose, excuse)
    access = skip(CheckId.ACCESS, excuse)
    checks = in_order([*own, identity, access, *scopes, *clone_skipped(excuse)])
    return OrganizationReport(EVERY_ONE, owner, facts, checks)


def _reach(result: TokenResult) -> Check:
    """Judge ``reach`` once per token. Skip it if no organization accepts the token."""
    token, reach_seen = result.token, result.reach_seen
    organizations = result.organizations.values()
    if reach_seen.reach is not Reach.UNKNOWN or any(here.is_accepted for here in organizations):
        demanded, deployment = token.demand.reach, token.site.deployment
        if token.demand.on_record:
            demanded = result.calendar.on_record(demanded, deployment)
        return judge_reach(reach_seen, demanded, deployment, result.calendar)
    checks = (here.access.access_check for here in organizations if here.access is not None)
    if any(check.status is Status.UNKNOWN for check in checks):
        return reach_not_asked(
            "Skipped: could not determine whether an organization accepts the token."
        )
    return reach_not_asked("Skipped: no organization accepts the token.")


def with_other_connections(
    context: Context, connections: Iterable[ConnectionReport]
) -> tuple[ConnectionReport, ...]:
    """Add the other stored connections of each owner to the reports."""
    connections, owned = tuple(connections), defaultdict[str, set[str]](set)
    if not any(one.name for one in connections):
        return connections
    with suppress(StoreError):
        for name, entry in context.records.load().connections.items():
            for credential in entry.known_credentials:
                owned[credential.identity_id.lower()].add(name)
    return tuple(
        replace(
            connection,
            organizations=tuple(
                _naming(made, owned, connection.name) for made in connection.organizations
            ),
        )
        for connection in connections
    )


def _naming(
    made: OrganizationReport, owned: Mapping[str, set[str]], own: str | None
) -> OrganizationReport:
    if made.identity is None or made.identity.is_anonymous:
        return made
    others = tuple(sorted(owned.get(made.identity.id.lower(), set()) - {own}))
    if not others:
        return made
    sentence = f"Other connections with this owner: {clean(', '.join(others))}."
    checks = (
        check.adding(sentence) if check.id is CheckId.IDENTITY else check for check in made.checks
    )
    return replace(made, checks=tuple(checks), others=others)


def with_registration(made: OrganizationReport, facts: RegistrationFacts) -> OrganizationReport:
    """The report with ``aspm.registration``, and with how far the registration is."""
    check = judge_registration(facts)
    return replace(with_check(made, check), registration=facts.registration)


def entry_report(
    entry: Entry,
    organizations: Iterable[OrganizationReport] = (),
    checks: Iterable[Check] = (),
    aspm: AspmReport | None = None,
) -> ConnectionReport:
    """The report of a stored connection."""
    made = (named(one, entry.name) for one in organizations)
    return connection_report(entry.name, entry.site, entry.purpose, made, checks, aspm)
