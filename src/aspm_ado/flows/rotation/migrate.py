"""One token for each organization: all proven and stored first, one after the other; then brought to Invicti ASPM.

A proven token of an organization that the connection has waits as its successor, so that the old one serves until
Invicti ASPM has the new one. The choice is on record: while one of the chosen organizations has no token of its own,
the old one stays, and the next run goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.registration import (
    NewToken,
    RegistrationFacts,
    token_of,
)
from aspm_ado.domain.azure.place import site_of
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.errors import NotCreatedError, UsageError
from aspm_ado.domain.questions import ALLOW_OTHER_IDENTITY, YES, Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import (
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
)
from aspm_ado.domain.stored import (
    UNREGISTERED,
    Entry,
    MigrationProgress,
    Registration,
    RegistrationMode,
)
from aspm_ado.domain.text import clean
from aspm_ado.flows.handoff import aspm_report, bring, is_registered
from aspm_ado.flows.options.parts import aspm_options, demand_stored
from aspm_ado.flows.registration.aspm import AspmResult
from aspm_ado.flows.registration.delivery import Outcomes, with_registration
from aspm_ado.flows.registration.guided import HANDED_OFF
from aspm_ado.flows.rotation.choice import chosen, demand_tokens, own_tokens
from aspm_ado.flows.storage.connection import (
    entry_report,
    facts_on_record,
    merged,
    new_key,
    service_of,
)
from aspm_ado.flows.storage.successor import compared, keep_successor, losses, swap, tell_revoking
from aspm_ado.flows.storage.transaction import changed_meanwhile, keep, ready_to_keep, update
from aspm_ado.flows.tokens.creation import REQUIRE, creation_asked, not_created_report
from aspm_ado.flows.tokens.prompt import acquire
from aspm_ado.flows.tokens.retry import prove_until_good
from aspm_ado.flows.validate import stored_entries
from aspm_ado.flows.validation.report import not_good, report, with_check
from aspm_ado.flows.validation.result import TokenResult

if TYPE_CHECKING:
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options.parts import AspmOptions
    from aspm_ado.flows.tokens.sources import Tokens
    from aspm_ado.flows.validation.token import Token


def migrate(context: Context, name: str) -> Report:
    """Give each chosen organization of a connection a token of its own."""
    entry = services_entry(context, name)
    options, tokens = aspm_options(context.asker, entry), own_tokens(context, entry)
    if is_done(entry):
        told = [clean(one.name, 60) for one in entry.organizations]
        context.voice.say(f"Nothing to do: each of {', '.join(told)} has a token of its own.")
        shown = replace(
            options, register="guided"
        )  # what is still to be entered is shown, and nothing was asked for it
        return report(context, "migrate", [], [_document(entry, told, {}, {}, None, shown)])
    ready_to_keep(context)
    names = chosen(context, entry, tokens)
    demand_tokens(context, entry, names, tokens)
    before = entry = _settled(context, entry, names)
    results = _each(
        context, entry, [one for one in names if not entry.has_own(one)], tokens, options
    )
    entry = context.records.load().connections[entry.name]
    stopped = any(result.came is Came.STOPPED for result in results.values())
    aspm, outcomes = (None, {}) if stopped else _brought(context, entry, names, options)
    now = _finished(context, context.records.load().connections[entry.name], names)
    tell_revoking(context, before, now)
    _tell_left(context, before, now)
    proofs = [result.proof for result in results.values() if result.proof is not None]
    return report(
        context, "migrate", proofs, [_document(now, names, results, outcomes, aspm, options)]
    )


def services_entry(context: Context, name: str) -> Entry:
    """The connection, which must be of Azure DevOps Services."""
    [entry] = stored_entries(context, [name])
    if entry.deployment == Deployment.SERVER.value:
        raise UsageError(
            Reason.USAGE,
            f"“{entry.name}” is a connection to an Azure DevOps Server: migrate does not concern Server.",
            remedy=f"For a new token of it: aspm-ado rotate {entry.name}",
        )
    return entry


def is_done(entry: Entry) -> bool:
    """Whether each organization has a token of its own in force, and no choice waits to be carried out."""
    return entry.migration is None and not any(
        entry.is_shared(one.credential) for one in entry.organizations
    )


def _settled(context: Context, entry: Entry, names: Sequence[str]) -> Entry:
    """The choice on record. A successor whose secret is gone is dropped: its organization needs a token again."""
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
            reach_demanded=ReachDemanded.ORGANIZATION.value,
            successors=kept,
        ).pruned()

    return update(context, entry.name, edit)


def _each(
    context: Context, entry: Entry, todo: Sequence[str], tokens: Tokens, options: AspmOptions
) -> dict[str, Result]:
    """One organization after the other; what came of each, by case-folded name."""
    results: dict[str, Result] = {}
    for number, name in enumerate(todo, start=1):
        position = f"{number} of {len(todo)}"
        result = migrate_one(
            context, entry, name, tokens.of(site_of(entry).place(name)), options, position
        )
        results[name.casefold()] = result
        if result.came is Came.STOPPED:
            break
    return results


def _brought(
    context: Context, entry: Entry, names: Sequence[str], options: AspmOptions
) -> tuple[AspmResult | None, Outcomes]:
    """What is proven, brought to Invicti ASPM; put in force at once where nothing is to be brought."""
    wanted = {name.casefold() for name in names}
    meant = [
        one
        for one in entry.organizations
        if one.name.casefold() in wanted and entry.has_own(one.name)
    ]
    if entry.aspm is None or not options.is_wanted:
        for one in meant:
            if key := entry.successor_of(one.name):
                swap(context, entry.name, key, [one.name])
        return None, {}
    due = [one for one in meant if not is_registered(entry, one)]
    if not due:
        return None, {}
    known = replace(entry.aspm, profile="") if options.register == "guided" else entry.aspm
    result = bring(context, entry, known, due)
    return result.aspm, result.outcomes


def _finished(context: Context, entry: Entry, names: Sequence[str]) -> Entry:
    """The choice off the record once nothing of it is left: every token proven and in force."""
    if (
        entry.migration is None
        or entry.unmigrated
        or any(entry.successor_of(name) for name in names)
    ):
        return entry
    return update(context, entry.name, lambda current: replace(current, migration=None).pruned())


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
    results: Mapping[str, Result],
    outcomes: Outcomes,
    aspm: AspmResult | None,
    options: AspmOptions,
) -> ConnectionReport:
    organizations = tuple(
        _organization(entry, name, results, outcomes, aspm, options) for name in names
    )
    return entry_report(entry, organizations, aspm=aspm_report(entry, aspm))


def _organization(
    entry: Entry,
    name: str,
    results: Mapping[str, Result],
    outcomes: Outcomes,
    aspm: AspmResult | None,
    options: AspmOptions,
) -> OrganizationReport:
    key = name.casefold()
    result = results.get(key, Result(Came.LEFT))
    stored = next((one for one in entry.organizations if one.name.casefold() == key), None)
    made = result.made or OrganizationReport(name, None, _facts(entry, name), ())
    token = token_of(entry, name)
    if result.came is not Came.OWN and not entry.has_own(name):
        token = NewToken.NOT_GOOD if result.made else NewToken.MISSING
    facts = RegistrationFacts(
        entry.name,
        name,
        stored.registration if stored else Registration(),
        token=token,
        aspm_is_good=aspm is None or aspm.is_good,
        brought=options.is_wanted,
        required=token is NewToken.MISSING or (options.counts and entry.aspm is not None),
    ).after(outcomes.get(key))
    return with_registration(made, facts)


def _facts(entry: Entry, name: str) -> TokenFacts:
    """What is on record of the token that an organization has: the new one, where one waits."""
    held = {one.name.casefold(): one.credential for one in entry.organizations}
    key = entry.successor_of(name) or held.get(name.casefold())
    if key is None:
        return TokenFacts("unknown", "")
    return facts_on_record(entry, key, shared=entry.is_shared(key))


STEP: Final = Question("migrate-step", "What about this organization?")
NOW: Final = Choice("now", "Create its token now")
SKIP: Final = Choice("skip", "Leave this organization out for now")
STOP: Final = Choice("stop", "Stop here; what is proven is kept")


class Came(Enum):
    """What came of one organization."""

    OWN = auto()
    NOT_GOOD = auto()
    LEFT = auto()
    STOPPED = auto()


@dataclass(frozen=True, slots=True)
class Result:
    """``made`` is the report of the token that was tried, ``proof`` what it rests on."""

    came: Came
    made: OrganizationReport | None = None
    proof: TokenResult | None = None


def migrate_one(
    context: Context,
    entry: Entry,
    name: str,
    taken: Token | None,
    options: AspmOptions,
    position: str,
) -> Result:
    """Get, prove and store the token of one organization. A person may try until it is good, or leave it out."""
    last = Result(Came.LEFT)
    agreed = context.asker.switch(YES) and creation_asked(context.asker) == REQUIRE
    while True:
        if taken is None and context.asker.asks and not agreed:
            context.voice.heading(f"{clean(name, 60)} ({position})")
            answer = context.asker.prompter.choose(STEP, [NOW, SKIP, STOP], NOW.value)
            if answer != NOW.value:
                return replace(last, came=Came.STOPPED if answer == STOP.value else last.came)
        last = _tried(context, entry, name, taken, options)
        if last.came is Came.OWN or not context.asker.asks:
            return last
        taken, agreed = None, False


def _tried(
    context: Context, entry: Entry, name: str, taken: Token | None, options: AspmOptions
) -> Result:
    site = site_of(entry)
    brief = demand_stored(context.asker, entry, ReachDemanded.ORGANIZATION)
    stored = next(
        (one for one in entry.organizations if one.name.casefold() == name.casefold()), None
    )
    brief = replace(brief, username=brief.username or (stored.username if stored else ""))
    try:
        taken = taken or acquire(context, site.place(name), brief, for_all=False)
    except (NotCreatedError, UsageError) as error:
        return Result(Came.NOT_GOOD, not_created_report(context, name, error))
    [proof] = prove_until_good(context, [taken.meant_for(site, [site.place(name)], brief)])
    made = _judged(context, entry, proof, name if stored else "")
    stands = not_good(made)
    if stands or not made.is_good:
        for check in stands if context.asker.asks else ():
            context.voice.warn(f"{check.title}: {check.detail}")
            context.voice.say(f"  {check.remedy or ''}")
        context.voice.warn(
            f"Nothing was changed for {clean(name, 60)}: the old token stays in force."
        )
        return Result(Came.NOT_GOOD, made, proof)
    for line in losses([made], entry):
        context.voice.warn(line)
    if (
        stored is not None
        and context.vault.read(entry.credentials[stored.credential].service) == proof.token.secret
    ):
        _keep_in_force(context, entry, stored.name)
    elif stored is not None:
        keep_successor(context, entry, proof, [made], [stored.name])
    else:
        _keep_new(context, entry, proof, options)
    context.voice.say(
        f"{clean(name, 60)} has a token of its own now (…{proof.token.secret.last4}): stored."
    )
    return Result(Came.OWN, made, proof)


def _judged(context: Context, entry: Entry, proof: TokenResult, stored: str) -> OrganizationReport:
    """The report of the new token: the same person's as the old one, and of this organization alone."""
    olds = [stored] if stored else [one.name for one in entry.organizations]
    [made] = compared(proof, entry, olds, allow_other=context.asker.switch(ALLOW_OTHER_IDENTITY))
    if proof.reach_seen is None or proof.reach_seen.reach is not Reach.ALL:
        return made
    check = Check(
        CheckId.REACH,
        Status.FAIL,
        f"The new token reaches all organizations, too: {proof.reach_seen.because}.",
        Reason.REACH_TOO_WIDE,
        f"On the token page choose {clean(made.name, 60)} as its organization, not “All accessible organizations”.",
    )
    [one] = proof.organizations.values()
    one.report = with_check(made, check)
    return one.report


def _keep_in_force(context: Context, entry: Entry, name: str) -> None:
    """Its own token is in force already: what waits to replace it is given up."""
    update(
        context,
        entry.name,
        lambda current: replace(current, successors=current.successors_without([name])),
    )


def _keep_new(context: Context, entry: Entry, proven: TokenResult, options: AspmOptions) -> None:
    """An organization that the connection did not have yet: in force at once, since no other token serves it here."""
    key = new_key(context)
    now = context.stamp
    name = proven.good[0].place.key

    def onto(current: Entry | None) -> Entry:
        if current is None:
            raise changed_meanwhile(entry.name)
        begun = {name: _begun(current, options)}
        same = replace(options, url=None)  # its Invicti ASPM stays as it is on record
        return merged(
            current,
            entry.name,
            [proven],
            [key],
            same,
            current.toggles,
            begun,
            now=now,
            allow_http=current.allow_http,
        )

    keep(context, entry.name, onto, {service_of(entry.name, key): proven.token.secret})


def _begun(entry: Entry, options: AspmOptions) -> Registration:
    """What is on record of a new organization until Invicti ASPM answers, or a person does."""
    if entry.aspm is None or not options.is_wanted:
        return UNREGISTERED
    return HANDED_OFF if options.hands_over else Registration(RegistrationMode.API)
