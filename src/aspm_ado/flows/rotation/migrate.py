"""``migrate``: one token for each organization, all validated and stored, then brought to ASPM.

The choice is on record: while one of the chosen organizations has no token of its own, the old one
stays, and the next run goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.registration import NewToken
from aspm_ado.domain.azure.place import site_of
from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.errors import NotCreatedError, UsageError
from aspm_ado.domain.questions import YES, Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import ConnectionReport, OrganizationReport, Report, TokenFacts
from aspm_ado.domain.stored import Entry, MigrationProgress
from aspm_ado.domain.text import clean
from aspm_ado.flows.handoff import HandoffResult, aspm_report
from aspm_ado.flows.options import GUIDED, aspm_options, demand_stored
from aspm_ado.flows.registration.delivery import with_registration
from aspm_ado.flows.rotation.choice import chosen, demand_tokens, own_tokens
from aspm_ado.flows.rotation.renewal import Renewal, bring_new, renew
from aspm_ado.flows.storage.connection import entry_report, facts_on_record
from aspm_ado.flows.storage.successor import revoke_replaced
from aspm_ado.flows.storage.transaction import prepare_storage, update_entry
from aspm_ado.flows.tokens.creation import REQUIRE, creation_asked, not_created_report
from aspm_ado.flows.tokens.prompt import acquire
from aspm_ado.flows.validate import stored_entries
from aspm_ado.flows.validation.report import not_good, report

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import AspmOptions
    from aspm_ado.flows.tokens.sources import Tokens
    from aspm_ado.flows.validation.result import TokenResult
    from aspm_ado.flows.validation.token import Token

_STEP: Final = Question("migrate-step", "What about this organization?")
_NOW: Final = Choice("now", "Create its token now")
_SKIP: Final = Choice("skip", "Leave this organization out for now")
_STOP: Final = Choice("stop", "Stop here; what is proven is kept")


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of one organization: the report of the token that was tried, if one was."""

    report: OrganizationReport | None = None
    result: TokenResult | None = None
    is_kept: bool = False
    is_last: bool = False
    """Whether a person stopped here."""


def migrate(context: Context, name: str) -> Report:
    """Give each chosen organization of a connection a token of its own."""
    entry = services_entry(context, name)
    options, tokens = aspm_options(context.asker, entry), own_tokens(context, entry)
    if is_done(entry):
        return _nothing_to_do(context, entry, options)
    prepare_storage(context)
    names = chosen(context, entry, tokens)
    demand_tokens(context, entry, names, tokens)
    before = entry = _with_choice(context, entry, names)
    place = site_of(entry).place
    groups = tuple((place(one),) for one in names if not entry.has_own(one))
    demand = demand_stored(context.asker, entry, ReachDemanded.ORGANIZATION)
    tried = _each(context, Renewal(entry, groups, demand, options, one_each=True), tokens)
    entry = context.records.load().connections[entry.name]
    brought = HandoffResult()
    if not any(one.is_last for one in tried.values()):
        own = [place(one) for one in names if entry.has_own(one)]
        brought = bring_new(context, entry, own, options, validates=True)
    now = _with_choice_finished(context, context.records.load().connections[entry.name], names)
    revoke_replaced(context, before, now)
    _tell_left(context, before, now)
    results = [one.result for one in tried.values() if one.result is not None]
    return report(context, "migrate", results, [_document(now, names, tried, brought, options)])


def services_entry(context: Context, name: str) -> Entry:
    """The connection, which must be of Azure DevOps Services."""
    [entry] = stored_entries(context, [name])
    if entry.deployment is Deployment.SERVER:
        raise UsageError(
            Reason.USAGE,
            f"“{entry.name}” is a connection to an Azure DevOps Server: "
            "migrate does not concern Server.",
            remedy=f"For a new token of it: aspm-ado rotate {entry.name}",
        )
    return entry


def is_done(entry: Entry) -> bool:
    """Whether each organization has a token of its own in force, and no choice waits."""
    return entry.migration is None and not any(
        entry.is_shared(one.credential) for one in entry.organizations
    )


def _nothing_to_do(context: Context, entry: Entry, options: AspmOptions) -> Report:
    """What is still to be entered is shown, and nothing was asked for it."""
    names = [clean(one.name, 60) for one in entry.organizations]
    context.voice.say(f"Nothing to do: each of {', '.join(names)} has a token of its own.")
    options = replace(options, register=GUIDED)
    return report(context, "migrate", [], [_document(entry, names, {}, HandoffResult(), options)])


def _with_choice(context: Context, entry: Entry, names: Sequence[str]) -> Entry:
    """The choice on record.

    A successor whose secret is gone is dropped: its organization needs a token again.
    """
    gone = {
        key
        for key, one in entry.successors.items()
        if context.vault.read(one.credential.service) is None
    }
    if all(entry.has_own(name) for name in names) and not gone:
        return entry

    def edit(current: Entry) -> Entry:
        shared = tuple(key for key in current.credentials if current.is_shared(key))
        kept = {key: one for key, one in current.successors.items() if key not in gone}
        return replace(
            current,
            migration=MigrationProgress(tuple(names), shared),
            reach_demanded=ReachDemanded.ORGANIZATION,
            successors=kept,
        ).pruned()

    return update_entry(context, entry.name, edit)


def _with_choice_finished(context: Context, entry: Entry, names: Sequence[str]) -> Entry:
    """The choice off the record once every token of it is proven and in force."""
    waits = entry.unmigrated or any(entry.successor_of(name) for name in names)
    if entry.migration is None or waits:
        return entry
    return update_entry(
        context, entry.name, lambda current: replace(current, migration=None).pruned()
    )


def _each(context: Context, renewal: Renewal, tokens: Tokens) -> dict[str, _Tried]:
    """One organization after the other, until a person stops; by ``Place.key``."""
    tried: dict[str, _Tried] = {}
    for number, (place,) in enumerate(renewal.groups, start=1):
        position = f"{number} of {len(renewal.groups)}"
        one = _until_kept(context, renewal, place, tokens.of(place), position)
        tried[place.key] = one
        if one.is_last:
            break
    return tried


def _until_kept(
    context: Context, renewal: Renewal, place: Place, token: Token | None, position: str
) -> _Tried:
    """Get, validate and store the token of one organization.

    A person may try until it is good, or leave it out.
    """
    asker, last = context.asker, _Tried()
    agreed = asker.switch(YES) and creation_asked(asker) == REQUIRE
    while True:
        if token is None and asker.asks and not agreed:
            context.voice.heading(f"{clean(place.name, 60)} ({position})")
            answer = asker.prompter.choose(_STEP, [_NOW, _SKIP, _STOP], _NOW.value)
            if answer != _NOW.value:
                return replace(last, is_last=answer == _STOP.value)
        last = _try(context, renewal, place, token)
        if last.is_kept or not asker.asks:
            return last
        token, agreed = None, False


def _try(context: Context, renewal: Renewal, place: Place, token: Token | None) -> _Tried:
    group, name = (place,), clean(place.name, 60)
    try:
        token = token or acquire(context, place, renewal.demand_of(group), for_all=False)
    except (NotCreatedError, UsageError) as error:
        return _Tried(not_created_report(context, place.name, error))
    result, is_kept = renew(context, renewal, group, token)
    [made] = result.reports
    if not is_kept:
        for check in not_good(made) if context.asker.asks else ():
            context.voice.warn(f"{check.title}: {check.detail}")
            context.voice.say(f"  {check.remedy or ''}")
        context.voice.warn(f"Nothing was changed for {name}: the old token stays in force.")
        return _Tried(made, result)
    last4 = result.token.secret.last4
    context.voice.say(f"{name} has a token of its own now (…{last4}): stored.")
    return _Tried(made, result, is_kept=True)


def _tell_left(context: Context, before: Entry, now: Entry) -> None:
    """Which organizations the old token still serves, or what it is kept for."""
    for key, old in before.credentials.items():
        if not before.is_shared(key) or key not in now.credentials:
            continue
        held = [clean(one.name, 60) for one in now.organizations if one.credential == key]
        if held:
            context.voice.say(f"The old token (…{old.last4}) still serves {', '.join(held)}.")
    if now.unmigrated:
        left = ", ".join(clean(name, 60) for name in now.unmigrated)
        context.voice.say(f"Left: {left}. Go on with: aspm-ado migrate {now.name}")


def _document(
    entry: Entry,
    names: Sequence[str],
    tried: Mapping[str, _Tried],
    brought: HandoffResult,
    options: AspmOptions,
) -> ConnectionReport:
    organizations = []
    for name in names:
        one = tried.get(name.casefold(), _Tried())
        facts = brought.facts(entry, name, options)
        if not one.is_kept and not entry.has_own(name):
            token = NewToken.MISSING if one.report is None else NewToken.NOT_GOOD
            facts = replace(facts, token=token)
        made = one.report or OrganizationReport(name, None, _facts(entry, name), ())
        organizations.append(with_registration(made, facts))
    return entry_report(entry, organizations, aspm=aspm_report(entry, brought.aspm))


def _facts(entry: Entry, name: str) -> TokenFacts:
    """What is on record of an organization's token: the new one, where one waits."""
    one = entry.organization(name)
    key = entry.successor_of(name) or (one.credential if one is not None else None)
    if key is None:
        return TokenFacts()
    return facts_on_record(entry, key, shared=entry.is_shared(key))
