"""One token for each organization: all proven and stored first, one after the other; then brought to Invicti ASPM.

A proven token of an organization that the connection has waits as its successor, so that the old one serves until
Invicti ASPM has the new one. The choice is on record: while one of the chosen organizations has no token of its own,
the old one stays, and the next run goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.connection import Entry, Migration, Registration, RegistrationState
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.judgement.aspm import aspm_skipped
from aspm_ado.domain.judgement.registration import (
    NewToken,
    RegistrationFacts,
    judge_registration,
    token_of,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import (
    AspmReport,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
)
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.retirement import ReachDemanded
from aspm_ado.domain.text import clean
from aspm_ado.flows.handing.aspm import AspmProof
from aspm_ado.flows.handing.delivery import Delivery
from aspm_ado.flows.keeping.entry import facts_on_record
from aspm_ado.flows.keeping.keep import ready_to_keep, update
from aspm_ado.flows.keeping.successor import swap, tell_revoking
from aspm_ado.flows.migrating.choice import chosen, demand_tokens
from aspm_ado.flows.migrating.each import Came, Result, migrate_one
from aspm_ado.flows.migrating.given import own_tokens
from aspm_ado.flows.proving.account import report, with_check
from aspm_ado.flows.resume import bring
from aspm_ado.flows.stored import stored_entries
from aspm_ado.flows.taking.options import aspm_options

if TYPE_CHECKING:
    from aspm_ado.flows.house import House
    from aspm_ado.flows.taking.intake import Tokens
    from aspm_ado.flows.taking.options import AspmOptions


def migrate(house: House, name: str) -> Report:
    """Give each chosen organization of a connection a token of its own."""
    entry = services_entry(house, name)
    options, tokens = aspm_options(house.asker, entry), own_tokens(house, entry)
    if is_done(entry):
        told = [clean(one.name, 60) for one in entry.organizations]
        house.voice.say(f"Nothing to do: each of {', '.join(told)} has a token of its own.")
        shown = replace(
            options, register="guided"
        )  # what is still to be entered is shown, and nothing was asked for it
        return report(house, "migrate", [], [_document(entry, told, {}, Delivery(), None, shown)])
    ready_to_keep(house)
    names = chosen(house, entry, tokens)
    demand_tokens(house, entry, names, tokens)
    before = entry = _settled(house, entry, names)
    results = _each(house, entry, [one for one in names if not entry.has_own(one)], tokens, options)
    entry = house.records.load().connections[entry.name]
    stopped = any(result.came is Came.STOPPED for result in results.values())
    aspm, delivery = (None, Delivery()) if stopped else _brought(house, entry, names, options)
    now = _finished(house, house.records.load().connections[entry.name], names)
    tell_revoking(house, before, now)
    _tell_left(house, before, now)
    proofs = [result.proof for result in results.values() if result.proof is not None]
    return report(
        house, "migrate", proofs, [_document(now, names, results, delivery, aspm, options)]
    )


def services_entry(house: House, name: str) -> Entry:
    """The connection, which must be of Azure DevOps Services."""
    [entry] = stored_entries(house, [name])
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


def _settled(house: House, entry: Entry, names: Sequence[str]) -> Entry:
    """The choice on record. A successor whose secret is gone is dropped: its organization needs a token again."""
    gone = {
        key
        for key, one in entry.successors.items()
        if house.vault.read(one.credential.service) is None
    }
    if all(entry.has_own(name) for name in names) and not gone:
        return entry

    def edit(current: Entry) -> Entry:
        shared = tuple(key for key in current.credentials if current.is_shared(key))
        kept = {key: one for key, one in current.successors.items() if key not in gone}
        return replace(
            current,
            migration=Migration(tuple(names), shared),
            reach_demanded=ReachDemanded.ORGANIZATION.value,
            successors=kept,
        ).pruned()

    return update(house, entry.name, edit)


def _each(
    house: House, entry: Entry, todo: Sequence[str], tokens: Tokens, options: AspmOptions
) -> dict[str, Result]:
    """One organization after the other; what came of each, by case-folded name."""
    results: dict[str, Result] = {}
    for number, name in enumerate(todo, start=1):
        position = f"{number} of {len(todo)}"
        result = migrate_one(house, entry, name, tokens.of(name), options, position)
        results[name.casefold()] = result
        if result.came is Came.STOPPED:
            break
    return results


def _brought(
    house: House, entry: Entry, names: Sequence[str], options: AspmOptions
) -> tuple[AspmProof | None, Delivery]:
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
                swap(house, entry.name, key, [one.name])
        return None, Delivery()
    due = [
        one
        for one in meant
        if entry.successor_of(one.name)
        or one.registration.state is not RegistrationState.REGISTERED
    ]
    if not due:
        return None, Delivery()
    known = replace(entry.aspm, profile="") if options.register == "guided" else entry.aspm
    _, aspm, delivery = bring(house, entry, known, due)
    return aspm, delivery


def _finished(house: House, entry: Entry, names: Sequence[str]) -> Entry:
    """The choice off the record once nothing of it is left: every token proven and in force."""
    if (
        entry.migration is None
        or entry.unmigrated
        or any(entry.successor_of(name) for name in names)
    ):
        return entry
    return update(house, entry.name, lambda current: replace(current, migration=None).pruned())


def _tell_left(house: House, before: Entry, now: Entry) -> None:
    """Which organizations the old token still serves, or what it is kept for."""
    for key, old in before.credentials.items():
        if not before.is_shared(key) or key not in now.credentials:
            continue
        held = [clean(one.name, 60) for one in now.organizations if one.credential == key]
        if held:
            house.voice.say(f"The old token (…{old.last4}) still serves {', '.join(held)}.")
    if now.unmigrated:
        left = ", ".join(clean(name, 60) for name in now.unmigrated)
        house.voice.say(f"Left: {left}. Go on with: aspm-ado migrate {now.name}")


def _document(
    entry: Entry,
    names: Sequence[str],
    results: Mapping[str, Result],
    delivery: Delivery,
    aspm: AspmProof | None,
    options: AspmOptions,
) -> ConnectionReport:
    organizations = tuple(
        _organization(entry, name, results, delivery, aspm, options) for name in names
    )
    shown = aspm.report if aspm is not None else None
    if shown is None and entry.aspm is not None:
        shown = AspmReport(entry.aspm.url, entry.aspm.api, aspm_skipped())
    return ConnectionReport(
        entry.name, entry.deployment, entry.base_url, entry.purpose, organizations, (), shown
    )


def _organization(
    entry: Entry,
    name: str,
    results: Mapping[str, Result],
    delivery: Delivery,
    aspm: AspmProof | None,
    options: AspmOptions,
) -> OrganizationReport:
    key = name.casefold()
    result = results.get(key, Result(Came.LEFT))
    stored = next((one for one in entry.organizations if one.name.casefold() == key), None)
    on_record, answer = stored.registration if stored else Registration(), delivery.states.get(key)
    made = result.made or OrganizationReport(name, None, _facts(entry, name), ())
    token = token_of(entry, name)
    if result.came is not Came.OWN and not entry.has_own(name):
        token = NewToken.NOT_GOOD if result.made else NewToken.MISSING
    check = judge_registration(
        RegistrationFacts(
            entry.name,
            name,
            on_record,
            answer,
            token,
            delivery.checks.get(key),
            aspm_is_good=aspm is None or aspm.is_good,
            brought=options.is_wanted,
            required=options.counts and entry.aspm is not None,
        )
    )
    return replace(with_check(made, check), registration=answer or on_record)


def _facts(entry: Entry, name: str) -> TokenFacts:
    """What is on record of the token that an organization has: the new one, where one waits."""
    held = {one.name.casefold(): one.credential for one in entry.organizations}
    key = entry.successor_of(name) or held.get(name.casefold())
    if key is None:
        return TokenFacts("unknown", "")
    return facts_on_record(entry.credential_of(key), shared=entry.is_shared(key))
