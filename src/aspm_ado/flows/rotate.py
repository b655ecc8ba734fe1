"""A new token for an old one: proven first, by the same person, kept beside it until ASPM has it, then swapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.addresses import parse_organization
from aspm_ado.domain.connection import Entry, Registration, RegistrationState, StoredOrganization
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.place import Site
from aspm_ado.domain.questions import ALLOW_OTHER_IDENTITY, Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import ConnectionReport, OrganizationReport, Report
from aspm_ado.domain.requirements import Deployment, Purpose
from aspm_ado.domain.retirement import ReachDemanded
from aspm_ado.domain.text import clean
from aspm_ado.flows.account import connection_report, report, with_check
from aspm_ado.flows.acquire import acquire
from aspm_ado.flows.candidate import Brief, Candidate, Proof
from aspm_ado.flows.handoff import hand_over, registration_check
from aspm_ado.flows.intake import Taken, Tokens, missing_token, tokens_given
from aspm_ado.flows.keep import ready_to_keep
from aspm_ado.flows.resume import stored_item, stored_organization
from aspm_ado.flows.stored import stored_entries
from aspm_ado.flows.successor import compared, is_whole, keep_successor, losses, swap
from aspm_ado.flows.terms import beside_given, candidate
from aspm_ado.flows.until_good import prove_until_good
from aspm_ado.flows.wishes import Wishes, wishes_given

if TYPE_CHECKING:
    from aspm_ado.flows.house import House

WHICH_TOKEN = Question("which-token", "Which token shall be replaced?", "-o NAME", "ASPM_ADO_ORGANIZATION")


def rotate(house: House, name: str, organizations: Sequence[str]) -> Report:
    """Replace the token of a connection, or that of the organizations named alone."""
    [entry] = stored_entries(house, [name])
    wishes = wishes_given(house.asker, entry)
    given = tokens_given(house.asker, house.sources)
    names = _meant(house, entry, organizations or given.named)
    taken = _one_token(given, names)
    if taken is None and not house.asker.asks and entry.successor_of(names[0]) is None:
        raise missing_token()
    ready_to_keep(house)
    if taken is None and (key := _waiting(house, entry, names[0])) is not None:
        house.voice.note("A new token is proven already and waits for Invicti ASPM.")
        covered = {one.casefold() for one in entry.successors[key].organizations}
        return _hand_on(house, entry, key, [one for one in names if one.casefold() in covered], wishes, ())
    if taken is None and not house.asker.asks:
        raise missing_token()
    proof = _prove(house, entry, names, taken)
    made = compared(proof, entry, names, allow_other=house.asker.switch(ALLOW_OTHER_IDENTITY))
    if not is_whole(made, names):
        house.voice.warn("Nothing was changed: the old token stays in force.")
        return report(house, "rotate", [proof], [connection_report(entry.name, [proof], made)])
    for line in losses(made, entry):
        house.voice.warn(line)
    entry, key = keep_successor(house, entry, proof, made, names)
    return _hand_on(house, entry, key, names, wishes, (proof,), made)


def _one_token(given: Tokens, names: Sequence[str]) -> Taken | None:
    """The new token, if one is given: the same for all of ``names``."""
    taken = given.of(names[0])
    if any(given.of(name) is not taken for name in names):
        raise UsageError(
            Reason.USAGE,
            f"Different tokens are given for {clean(', '.join(names), 120)}.",
            remedy="Replace one after the other: aspm-ado rotate NAME -o ORGANIZATION --pat-file FILE",
        )
    return taken


def _waiting(house: House, entry: Entry, name: str) -> str | None:
    """The key of the new token that waits for an organization, if the secret store still has it."""
    key = entry.successor_of(name)
    if key is not None and house.vault.read(entry.successors[key].credential.service) is None:
        house.voice.warn("The new token that waited is not in the secret store any more: another one is needed.")
        return None
    return key


def _meant(house: House, entry: Entry, organizations: Sequence[str]) -> tuple[str, ...]:
    """The organizations whose token is replaced: those named, or all that share the one token meant."""
    stored = {one.name.casefold(): one.name for one in entry.organizations}
    if organizations:
        return tuple(dict.fromkeys(_known(entry, stored, text) for text in organizations))
    held = {key: [one.name for one in entry.organizations if one.credential == key] for key in entry.credentials}
    if len(held) == 1:
        return tuple(next(iter(held.values())))
    choices = [
        Choice(key, f"…{entry.credentials[key].last4} of {clean(', '.join(names), 60)}") for key, names in held.items()
    ]
    return tuple(held[house.asker.prompter.choose(WHICH_TOKEN, choices, choices[0].value)])


def _known(entry: Entry, stored: Mapping[str, str], text: str) -> str:
    """The stored name of an organization that is named, or that a pasted address belongs to."""
    name = text.strip()
    if name.casefold() not in stored and entry.deployment == Deployment.SERVICES.value:
        name = parse_organization(text).name
    if name.casefold() not in stored:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{entry.name}” has no organization named {clean(name, 60)}.",
            remedy=f"It has: {clean(', '.join(stored.values()), 300)}.",
        )
    return stored[name.casefold()]


def _prove(house: House, entry: Entry, names: Sequence[str], taken: Taken | None) -> Proof:
    """Take the new token in as connect does, and prove it where the old one served."""
    site = Site(Deployment(entry.deployment), entry.base_url, entry.ca_bundle)
    brief = Brief(Purpose(entry.purpose), house.caller, house.clock, ReachDemanded(entry.reach_demanded))
    username = next((one.username for one in entry.organizations if one.name in names and one.username), "")
    beside = replace(beside_given(house.asker), username=beside_given(house.asker).username or username)
    if taken is None:
        taken = acquire(house, site.place(names[0]), brief, for_all=len(names) > 1)
    made: Candidate = candidate(taken, site, names, brief, beside)
    [proof] = prove_until_good(house, [made])
    return proof


def _hand_on(
    house: House,
    entry: Entry,
    key: str,
    names: Sequence[str],
    wishes: Wishes,
    proofs: Sequence[Proof],
    made: Sequence[OrganizationReport] = (),
) -> Report:
    """Give the new token to Invicti ASPM, and put it in force where ASPM has it. The old one serves until then."""
    old = {one.credential: entry.credentials[one.credential].last4 for one in entry.organizations if one.name in names}
    states: dict[str, Registration] = {}
    if entry.aspm is None or wishes.register == "none":
        entry = swap(house, entry, key, names, made)
    else:
        secret = house.vault.read(entry.successors[key].credential.service)
        waiting = [] if secret is None else [stored_item(entry, one, secret) for one in _stored(entry, names)]

        def save(name: str, state: Registration) -> None:
            nonlocal entry
            if state.state is RegistrationState.REGISTERED:
                entry = swap(house, entry, key, [name], made, {name.casefold(): state})

        states = hand_over(house, [item.parcel(entry.aspm.url) for item in waiting], save=save)
    _tell_revoking(house, entry, old)
    return report(house, "rotate", proofs, [_document(entry, names, states, made, wishes)])


def _stored(entry: Entry, names: Sequence[str]) -> list[StoredOrganization]:
    wanted = {name.casefold() for name in names}
    return [one for one in entry.organizations if one.name.casefold() in wanted]


def _tell_revoking(house: House, entry: Entry, old: dict[str, str]) -> None:
    """Where the old token is revoked, once nothing here uses it."""
    site = Site(Deployment(entry.deployment), entry.base_url)
    for key, last4 in old.items():
        if key not in entry.credentials:
            page = site.place(entry.organizations[0].name).token_page
            house.voice.say(f"The old token (…{last4}) is not used here any more. Revoke it: {page}")


def _document(
    entry: Entry,
    names: Sequence[str],
    states: dict[str, Registration],
    made: Sequence[OrganizationReport],
    wishes: Wishes,
) -> ConnectionReport:
    reports = {one.name.casefold(): one for one in made}
    organizations = []
    for name in names:
        stored = next(one for one in entry.organizations if one.name.casefold() == name.casefold())
        one = reports.get(name.casefold()) or stored_organization(entry, stored)
        state = states.get(name.casefold(), stored.registration)
        check = registration_check(state, entry.name, required=wishes.counts and bool(states))
        organizations.append(replace(with_check(one, check), registration=state))
    return ConnectionReport(entry.name, entry.deployment, entry.base_url, entry.purpose, tuple(organizations))
