"""A new token for an old one: proven first, by the same person, kept beside it until ASPM has it, then swapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.aspm.registration import RegistrationFacts, token_of
from aspm_ado.domain.azure.place import parse_organization, site_of
from aspm_ado.domain.azure.retirement import MIGRATE, Reach
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ALLOW_OTHER_IDENTITY, Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import ConnectionReport, OrganizationReport, Report
from aspm_ado.domain.rules.aspm import aspm_skipped
from aspm_ado.domain.stored import Entry, StoredOrganization
from aspm_ado.domain.text import clean
from aspm_ado.flows.handoff import stored_handoff
from aspm_ado.flows.options.parts import AspmOptions, aspm_options, demand_stored
from aspm_ado.flows.registration.aspm import AspmResult
from aspm_ado.flows.registration.delivery import Outcomes, deliver_by_hand, with_registration
from aspm_ado.flows.storage.connection import entry_report, report_on_record
from aspm_ado.flows.storage.successor import (
    compared,
    is_whole,
    keep_successor,
    losses,
    swap,
    tell_revoking,
)
from aspm_ado.flows.storage.transaction import ready_to_keep
from aspm_ado.flows.tokens.creation import REQUIRE, creates_unasked, creation_asked
from aspm_ado.flows.tokens.prompt import acquire
from aspm_ado.flows.tokens.retry import prove_until_good
from aspm_ado.flows.tokens.revocation import revoking_unkept
from aspm_ado.flows.tokens.sources import PAT_VARIABLES, Tokens, missing_token, tokens_given
from aspm_ado.flows.validate import stored_entries
from aspm_ado.flows.validation.report import connection_report, named, report
from aspm_ado.flows.validation.result import TokenResult
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.context import Context

WHICH_TOKEN = Question(
    "which-token", "Which token shall be replaced?", "-o NAME", "ASPM_ADO_ORGANIZATION"
)


def rotate(context: Context, name: str, organizations: Sequence[str]) -> Report:
    """Replace the token of a connection, or that of the organizations named alone."""
    with revoking_unkept(context):
        return _rotated(context, name, organizations)


def _rotated(context: Context, name: str, organizations: Sequence[str]) -> Report:
    [entry] = stored_entries(context, [name])
    options = aspm_options(context.asker, entry)
    given = tokens_given(context.asker, context.sources, site_of(entry))
    names = _meant(context, entry, organizations or [place.name for place in given.named])
    taken = _one_token(entry, given, names)
    site, brief = site_of(entry), demand_stored(context.asker, entry)
    if (
        taken is None
        and entry.successor_of(names[0]) is None
        and needs_one_each(context, entry, names)
    ):
        raise UsageError(
            Reason.USAGE,
            f"One new token does not serve all of {clean(', '.join(names), 120)}: each needs its own.",
            remedy=MIGRATE.replace("NAME", entry.name),
        )
    makes = len(names) == 1 and creates_unasked(context, site.place(names[0]), brief)
    nobody = taken is None and not context.asker.asks and not makes
    if nobody and entry.successor_of(names[0]) is None:
        raise missing_token()
    ready_to_keep(context)
    if taken is None and (key := _waiting(context, entry, names[0])) is not None:
        context.voice.note("A new token is proven already and waits for Invicti ASPM.")
        covered = {one.casefold() for one in entry.successors[key].organizations}
        return _hand_on(
            context, entry, key, [one for one in names if one.casefold() in covered], options, ()
        )
    if nobody:
        raise missing_token()
    if taken is not None and (left := _without(context, entry, names, taken.secret)) != names:
        if left:
            context.voice.note(
                f"{', '.join(name for name in names if name not in left)} has this token already."
            )
            names = left
        elif taken.source not in PAT_VARIABLES or not context.asker.asks:
            raise _unchanged(entry, taken.secret)
        else:
            context.voice.warn(_unchanged(entry, taken.secret).problem)
            taken = None
    if taken is not None:
        context.voice.note(f"The new token is taken from: {taken.source}.")
    proof = _prove(context, entry, names, taken)
    allow_other = context.asker.switch(ALLOW_OTHER_IDENTITY)
    made = tuple(
        named(one, entry.name) for one in compared(proof, entry, names, allow_other=allow_other)
    )
    if not is_whole(made, names):
        context.voice.warn("Nothing was changed: the old token stays in force.")
        tried = proof.token
        shown = connection_report(entry.name, tried.site, tried.demand.purpose, made)
        return report(context, "rotate", [proof], [shown])
    for line in losses(made, entry):
        context.voice.warn(line)
    entry, key = keep_successor(context, entry, proof, made, names)
    return _hand_on(context, entry, key, names, options, (proof,), made)


def needs_one_each(context: Context, entry: Entry, names: Sequence[str]) -> bool:
    """Whether a new token that is asked for now would be of one organization alone, and these are several."""
    if len(names) > 1 and creation_asked(context.asker) == REQUIRE:
        return True
    site, brief = site_of(entry), demand_stored(context.asker, entry)
    return (
        len(names) > 1
        and context.clock.calendar().demanded(brief.reach, site.deployment) is Reach.ORGANIZATION
    )


def _one_token(entry: Entry, given: Tokens, names: Sequence[str]) -> Token | None:
    """The new token, if one is given: the same for all of ``names``."""
    site = site_of(entry)
    taken = given.of(site.place(names[0]))
    if any(given.of(site.place(name)) is not taken for name in names):
        raise UsageError(
            Reason.USAGE,
            f"Different tokens are given for {clean(', '.join(names), 120)}.",
            remedy="Replace one after the other: aspm-ado rotate NAME -o ORGANIZATION --pat-file FILE",
        )
    return taken


def _waiting(context: Context, entry: Entry, name: str) -> str | None:
    """The key of the new token that waits for an organization, if the secret store still has it."""
    key = entry.successor_of(name)
    if key is not None and context.vault.read(entry.successors[key].credential.service) is None:
        context.voice.warn(
            "The new token that waited is not in the secret store any more: another one is needed."
        )
        return None
    return key


def _meant(context: Context, entry: Entry, organizations: Sequence[str]) -> tuple[str, ...]:
    """The organizations whose token is replaced: those named, or all that share the one token meant."""
    stored = {one.name.casefold(): one.name for one in entry.organizations}
    if organizations:
        return tuple(dict.fromkeys(_known(entry, stored, text) for text in organizations))
    held = {
        key: [one.name for one in entry.organizations if one.credential == key]
        for key in entry.credentials
    }
    held = {key: names for key, names in held.items() if names}
    if len(held) == 1:
        return tuple(next(iter(held.values())))
    choices = [
        Choice(key, f"…{entry.credentials[key].last4} of {clean(', '.join(names), 60)}")
        for key, names in held.items()
    ]
    return tuple(held[context.asker.prompter.choose(WHICH_TOKEN, choices, choices[0].value)])


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


def _prove(
    context: Context, entry: Entry, names: Sequence[str], taken: Token | None
) -> TokenResult:
    """Take the new token in as connect does, and prove it where the old one served."""
    site, brief = site_of(entry), demand_stored(context.asker, entry)
    username = next(
        (one.username for one in entry.organizations if one.name in names and one.username), ""
    )
    brief = replace(brief, username=brief.username or username)
    while taken is None:
        taken = acquire(context, site.place(names[0]), brief, for_all=len(names) > 1)
        if not _without(context, entry, names, taken.secret):
            context.voice.warn(_unchanged(entry, taken.secret).problem)
            taken = None
    places = [site.place(name) for name in names]
    [proof] = prove_until_good(context, [taken.meant_for(site, places, brief)])
    if not _without(context, entry, names, proof.token.secret):
        raise _unchanged(entry, proof.token.secret)
    return proof


def _without(
    context: Context, entry: Entry, names: Sequence[str], secret: Secret
) -> tuple[str, ...]:
    """Those organizations whose token in force is another one than ``secret``."""
    held = {one.name: one.credential for one in entry.organizations if one.name in names}
    same = {
        key
        for key in set(held.values())
        if context.vault.read(entry.credentials[key].service) == secret
    }
    return tuple(name for name in names if held[name] not in same)


def _unchanged(entry: Entry, secret: Secret) -> UsageError:
    return UsageError(
        Reason.TOKEN_UNCHANGED,
        f"The token given (…{secret.last4}) is the one that “{entry.name}” has already: a new one is needed.",
        remedy=f"Create a new one (aspm-ado guide). Whether the one in force is good: aspm-ado validate {entry.name}",
    )


def _hand_on(
    context: Context,
    entry: Entry,
    key: str,
    names: Sequence[str],
    options: AspmOptions,
    proofs: Sequence[TokenResult],
    made: Sequence[OrganizationReport] = (),
) -> Report:
    """Give the new token to Invicti ASPM, and put it in force where ASPM has it. The old one serves until then."""
    outcomes: Outcomes = {}
    if entry.aspm is None or not options.is_wanted:
        swap(context, entry.name, key, names)
    else:
        secret = context.vault.read(entry.successors[key].credential.service)
        handoffs = []
        if secret is not None:
            handoffs = [stored_handoff(entry, one, secret) for one in _stored(entry, names)]
        aspm = AspmResult(entry.aspm.url, aspm_skipped())
        outcomes = deliver_by_hand(context, aspm, handoffs, keeps=True)
    now = context.records.load().connections.get(entry.name, entry)
    tell_revoking(context, entry, now)
    return report(context, "rotate", proofs, [_document(now, names, outcomes, made, options)])


def _stored(entry: Entry, names: Sequence[str]) -> list[StoredOrganization]:
    wanted = {name.casefold() for name in names}
    return [one for one in entry.organizations if one.name.casefold() in wanted]


def _document(
    entry: Entry,
    names: Sequence[str],
    outcomes: Outcomes,
    made: Sequence[OrganizationReport],
    options: AspmOptions,
) -> ConnectionReport:
    reports = {one.name.casefold(): one for one in made}
    organizations = []
    for stored in _stored(entry, names):
        key = stored.name.casefold()
        facts = RegistrationFacts(
            entry.name,
            stored.name,
            stored.registration,
            token=token_of(entry, stored.name),
            brought=options.is_wanted,
            required=options.counts and bool(outcomes),
        ).after(outcomes.get(key))
        one = reports.get(key) or report_on_record(entry, stored)
        organizations.append(with_registration(one, facts))
    return entry_report(entry, organizations)
