"""``connect``: options, tokens, validation, Invicti ASPM, storage, registration, report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import Settings
from aspm_ado.domain.aspm.handoff import clone_notes, evidence_of
from aspm_ado.domain.aspm.registration import (
    NewToken,
    Outcome,
    RegistrationFacts,
    token_of,
)
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.errors import NotCreatedError, UsageError
from aspm_ado.domain.http import Origin
from aspm_ado.domain.questions import ALL_ORGANIZATIONS, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import FEW, ConnectionReport, OrganizationReport, Report
from aspm_ado.domain.rules.aspm import aspm_skipped
from aspm_ado.domain.stored import (
    UNREGISTERED,
    Entry,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredOrganization,
)
from aspm_ado.domain.text import clean
from aspm_ado.flows.answers import AUTO
from aspm_ado.flows.connect_plan import tell_plan
from aspm_ado.flows.handoff import is_unfinished, leading_on, resume_handoff
from aspm_ado.flows.options import ConnectOptions, ask_settings, distribute, resolve_options
from aspm_ado.flows.registration.api import demand_dialect
from aspm_ado.flows.registration.aspm import (
    AspmResult,
    AspmTarget,
    AspmTerms,
    api_asked,
    resolve_aspm,
    secret_to_keep,
)
from aspm_ado.flows.registration.delivery import Outcomes, deliver, rehearse, with_registration
from aspm_ado.flows.registration.guided import HANDED_OFF, Handoff
from aspm_ado.flows.storage.connection import (
    Addition,
    good_ones,
    needed_username,
    new_key,
    parse_name,
    repository_of,
    statuses_of,
)
from aspm_ado.flows.storage.successor import revoke_replaced
from aspm_ado.flows.storage.transaction import store_entry, whole_records
from aspm_ado.flows.target import stored_by_key, target_given
from aspm_ado.flows.tokens.creation import CREATED, creates_unasked, not_created_report
from aspm_ado.flows.tokens.prompt import acquire
from aspm_ado.flows.tokens.retry import more_organizations, validate_until_good
from aspm_ado.flows.tokens.sources import Tokens
from aspm_ado.flows.validate import validate_stored
from aspm_ado.flows.validation.report import connection_report, named, report

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import OrganizationResult, TokenResult


def connect(context: Context, name: str | None) -> Report:
    """Connect organizations, or add them to a connection that is there."""
    stored = whole_records(context).connections
    if name and parse_name(name) in stored and target_given(context.asker) is None:
        return _connected_already(context, stored[parse_name(name)])
    options = resolve_options(context, name, stored)
    results, refused = _validate(context, options)
    if results:  # an address of a server may have turned out to mean another root
        options.target = options.target.at(results[0].token.site)
    if not name:
        options.name_after(results, stored)
    good = good_ones(context, results, options.replaced)
    aspm = _find_aspm(context, options, any_good=bool(good))
    is_stored = False
    if good:
        settings = ask_settings(context, options.aspm, options.demand.purpose)
        is_stored = store_and_register(context, options, good, settings, aspm)
        if options.replaced is not None:
            now = context.records.load().connections.get(options.name, options.replaced)
            revoke_replaced(context, options.replaced, now)
    shown = _report(context, options, results, refused, aspm, is_stored=is_stored)
    return report(context, "connect", results, [shown])


def _connected_already(context: Context, old: Entry) -> Report:
    """Nothing was named to be added: finish what is not finished, or validate."""
    if is_unfinished(old, asks=context.asker.asks):
        context.voice.note(
            f"The registration of “{old.name}” is not finished: it goes on where it stopped."
        )
        return resume_handoff(context, old.name, command="connect")
    names = ", ".join(one.name for one in old.organizations)
    aspm = "no Invicti ASPM"
    if old.aspm is not None:
        aspm = old.aspm.url
    context.voice.note(
        f"“{old.name}” is connected already, and nothing of it is changed: {names} on "
        f"{old.base_url}, for {old.purpose}, with {aspm}. Add organizations with -o NAME."
    )
    return validate_stored(context, [old.name], command="connect")


# Tokens and their validation


def _validate(
    context: Context, options: ConnectOptions
) -> tuple[list[TokenResult], list[OrganizationReport]]:
    """Validate the tokens that are there; ask for the others, one page after the other.

    The reports are of organizations where no token could be created.
    """
    target, tokens, demand = options.target, options.tokens, options.demand
    bare = [place for place in target.places if tokens.of(place) is None]
    results: list[TokenResult] = []
    refused: list[OrganizationReport] = []
    if bare and (context.asker.asks or creates_unasked(context, bare[0], demand)):
        reach = context.clock.calendar().demanded(demand.reach, target.site.deployment)
        if reach is Reach.ALL:
            tokens = Tokens(acquire(context, bare[0], demand, for_all=True), tokens.own)
        else:
            results, refused = _one_by_one(context, options, bare)
            target = target.without(bare)
    if not target.is_open:
        given = distribute(tokens, target, demand)
        results = validate_until_good(context, given) + results
    return more_organizations(context, results), refused


def _one_by_one(
    context: Context, options: ConnectOptions, places: Sequence[Place]
) -> tuple[list[TokenResult], list[OrganizationReport]]:
    """A token of its own for each organization.

    Each is stored when it is good, so that a person can stop anywhere.

    One that lets no token be created does not keep the others from theirs.
    """
    results: list[TokenResult] = []
    refused: list[OrganizationReport] = []
    stores_each = options.stores and len(places) > 1
    if stores_each:
        words = " ".join(f"-o {place.name}" for place in places)
        if len(places) > FEW and context.asker.switch(ALL_ORGANIZATIONS):
            words = ALL_ORGANIZATIONS.flag
        context.voice.note(
            f"Each token is stored as soon as it is proven; stop when you like, and go on with: "
            f"aspm-ado connect {options.name} {words}"
        )
    began = time.monotonic()
    for done, place in enumerate(places):
        if len(places) > FEW:
            left = _time_left(time.monotonic() - began, done, len(places))
            context.voice.progress(done, len(places), f"Tokens{left}")
        try:
            token = acquire(context, place, options.demand, for_all=False)
        except (NotCreatedError, UsageError) as error:
            if len(places) == 1:
                raise
            refused.append(not_created_report(context, place.name, error))
            continue
        token = token.meant_for(place.site, [place], options.demand)
        [result] = validate_until_good(context, [token])
        if stores_each:
            _store_alone(context, options, result)
        results.append(result)
    return results, refused


def _time_left(seconds: float, done: int, total: int) -> str:
    """How long the rest will take, as the part that is ``done`` did; nothing under a minute."""
    if not done or (left := seconds / done * (total - done)) < 60:
        return ""
    return f" (about {round(left / 60)} min left)"


def _store_alone(context: Context, options: ConnectOptions, result: TokenResult) -> None:
    """Store a token now, if it is good.

    Its key says from then on that it is not to be stored again.
    """
    good = good_ones(context, [result], options.stored)
    if good:
        key = min(result.held, default=new_key(context))
        _store(context, options, good, [key], options.aspm.toggles or (), None)
        result.token.credential = key


# Invicti ASPM


def _find_aspm(context: Context, options: ConnectOptions, *, any_good: bool) -> AspmResult | None:
    """Find the ASPM, before anything is stored or handed over, and adopt its address and API.

    It is not contacted where nothing is good.
    """
    if any_good:
        options.ask_aspm_url(context.asker)
    url = options.aspm.url
    if url is None:
        return None
    if any_good or options.dry_run:
        aspm = _contact_aspm(context, options, url)
    else:
        checks = aspm_skipped()
        if options.aspm_token is not None:
            checks = aspm_skipped("Not asked: no organization is good yet.", Reason.NOT_ASKED)
        aspm = AspmResult(url, checks, api_asked=options.aspm.api)
    options.adopt_aspm(context, aspm.url, aspm.api)
    return aspm


def _contact_aspm(context: Context, options: ConnectOptions, url: str) -> AspmResult:
    api_before = AUTO
    if options.aspm_before is not None:
        api_before = options.aspm_before.api
    by_hand = options.moves and options.aspm.hands_over
    target = AspmTarget(url, api_asked(context), api_before, options.target.site.ca_bundle)
    terms = AspmTerms(
        needs_token=options.aspm.uses_profile,
        offers_token=by_hand and context.asker.asks and not options.yes,
        may_move=True,
    )
    aspm = resolve_aspm(context, target, options.aspm_token, terms)
    if options.profile is not None:
        demand_dialect(aspm, options.profile)
    return aspm


# Storage and registration

GO_STORE = Question("go", "Store?")
_GO: Final = {
    (False, True): Question("go", "Store and hand off?"),
    (False, False): Question("go", "Hand off?"),
    (True, True): Question("go", "Store and register in Invicti ASPM?"),
    (True, False): Question("go", "Register in Invicti ASPM?"),
}
"""By whether a profile registers, and whether anything is stored."""


def store_and_register(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    settings: Settings,
    aspm: AspmResult | None,
) -> bool:
    """Store the good ones, then register or hand them over; whether they are stored now.

    What came of an organization is its ``outcome``. Behind an ASPM that is not good nothing is
    handed over.
    """
    ready = None
    if aspm is not None and aspm.is_good and options.aspm.is_wanted:
        ready = aspm
    handoffs = _prepare(context, options, good, settings, brings=ready is not None)
    tell_plan(context, options, good, settings, ready)
    if options.dry_run:
        _take(good, rehearse(context, ready, options.profile, handoffs))
        return False
    if not _is_agreed(context, options, brings=ready is not None):
        return _leave_alone(context, options, good)
    if options.keeps:
        keys = [new_key(context) for _ in good]
        _store(context, options, good, keys, settings.toggles, aspm)
    if ready is not None:
        with leading_on(context, options.name if options.keeps else ""):
            _take(good, deliver(context, ready, options.profile, handoffs, keeps=options.keeps))
    return options.keeps


def _good_organizations(good: Sequence[TokenResult]) -> Iterator[OrganizationResult]:
    for result in good:
        yield from result.good


def _take(good: Sequence[TokenResult], outcomes: Outcomes) -> None:
    """Put what came of the organizations that were brought to Invicti ASPM on their results."""
    for here in _good_organizations(good):
        here.outcome = outcomes.get(here.place.key, here.outcome)


def _prepare(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    settings: Settings,
    *,
    brings: bool,
) -> list[Handoff]:
    """What is to be brought to Invicti ASPM, which does not have it yet.

    The ``outcome`` of each organization is what is put on record of it before.
    """
    unchanged = _unchanged(options, good, settings)
    done = _registered_already(context, options, unchanged, brings=brings)
    prior: dict[str, StoredOrganization] = {}
    if options.stored is not None and not options.moves:
        prior = stored_by_key(options.stored)
    handoffs = []
    for result in good:
        for here in result.good:
            key = here.place.key
            if key in done:
                here.outcome = Outcome(done[key])
                continue
            begun = _begun(options, prior.get(key), is_unchanged=key in unchanged, brings=brings)
            here.outcome = Outcome(begun)
            handoffs.append(_handoff(context, options, settings, result, here, begun))
    return handoffs


def _is_agreed(context: Context, options: ConnectOptions, *, brings: bool) -> bool:
    """A person's yes to the plan, in its words. To nothing at all nobody has to agree."""
    if not context.asker.asks or options.yes or not (brings or options.keeps):
        return True
    question = GO_STORE
    if brings:
        question = _GO[options.aspm.uses_profile, options.keeps]
    return context.asker.prompter.confirm(question, default=True)


def _leave_alone(context: Context, options: ConnectOptions, good: Sequence[TokenResult]) -> bool:
    """Do nothing more; whether tokens were stored one by one.

    These stay, and their organizations are as on record.
    """
    is_stored = any(result.token.credential for result in good)
    entry = _entry_by_now(context, options, is_stored=is_stored)
    known: dict[str, StoredOrganization] = {}
    if entry is not None:
        known = stored_by_key(entry)
    for here in _good_organizations(good):
        here.outcome = Outcome(UNREGISTERED)
        if here.place.key in known:
            here.outcome = Outcome(known[here.place.key].registration)
    return is_stored


def _entry_by_now(context: Context, options: ConnectOptions, *, is_stored: bool) -> Entry | None:
    """The connection as it is on record, where this run has stored something of it."""
    if not is_stored:
        return None
    return context.records.load().connections.get(options.name)


def _unchanged(
    options: ConnectOptions, good: Sequence[TokenResult], settings: Settings
) -> dict[str, StoredOrganization]:
    """The organizations on record with this very token, and these settings."""
    old = options.stored
    if old is None or not options.stores or options.moves:
        return {}
    if (old.purpose, old.toggles) != (options.demand.purpose, settings.toggles):
        return {}
    held = {here.place.key: result.held for result in good for here in result.good}
    return {
        key: one for key, one in stored_by_key(old).items() if one.credential in held.get(key, ())
    }


def _registered_already(
    context: Context,
    options: ConnectOptions,
    unchanged: Mapping[str, StoredOrganization],
    *,
    brings: bool,
) -> dict[str, Registration]:
    """What Invicti ASPM has already, with the very token and settings: it stays as it is.

    What a profile registered is looked at by the profile, where one is used.
    """
    looks = brings and options.aspm.uses_profile
    done = {}
    for key, one in unchanged.items():
        state = one.registration
        if state.state is not RegistrationState.REGISTERED:
            continue
        if not (looks and state.mode is RegistrationMode.API):
            done[key] = state
            context.voice.note(
                f"{clean(one.name, 60)} is unchanged: Invicti ASPM has this token already."
            )
    return done


def _begun(
    options: ConnectOptions,
    prior: StoredOrganization | None,
    *,
    is_unchanged: bool,
    brings: bool,
) -> Registration:
    """What is on record until Invicti ASPM answers, or a person does.

    What a profile registered before is not lost.

    A profile only creates: where it has registered another token, or other settings, a person
    enters the new ones.
    """
    if brings and options.aspm.hands_over:
        return HANDED_OFF
    known = UNREGISTERED
    if prior is not None:
        known = prior.registration
    if brings and known.mode is not RegistrationMode.API and not known.marker:
        return Registration(RegistrationMode.API)
    if is_unchanged:
        return known
    return known.for_new_token


def _handoff(
    context: Context,
    options: ConnectOptions,
    settings: Settings,
    result: TokenResult,
    here: OrganizationResult,
    begun: Registration,
) -> Handoff:
    day = context.shown[:10]
    username = needed_username(here.report) or result.token.username
    evidence = evidence_of(here.report.checks, day, here.report.token.reach)
    if here.report.identity is not None:
        evidence = replace(evidence, owner=here.report.identity.label)
    return Handoff(
        options.name,
        here.place,
        options.demand.purpose,
        settings,
        result.token.secret,
        username,
        repository_of(here),
        evidence,
        begun,
        notes=clone_notes(here.place, statuses_of(here.report), username),
        unstored="" if options.keeps else result.token.authorization_id,
    )


def _store(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    keys: Sequence[str],
    toggles: Sequence[str],
    aspm: AspmResult | None,
) -> None:
    """Put the good organizations on record, upon whatever is on record by then."""
    addition = Addition(
        options.name,
        good,
        keys,
        context.stamp,
        tuple(toggles),
        options.aspm.on_record,
        {
            here.place.key: here.outcome.registration
            for here in _good_organizations(good)
            if here.outcome is not None
        },
        options.target.allow_http,
        context.ca_bundle,
        context.is_simulated,
    )
    secrets, record = secret_to_keep(context, aspm)
    origin = str(Origin.of(options.target.site.base_url))
    kept = {**addition.secrets, **secrets}
    store_entry(context, options.name, origin, addition.onto, kept, record)


# The report


def _report(
    context: Context,
    options: ConnectOptions,
    results: Sequence[TokenResult],
    refused: Sequence[OrganizationReport],
    aspm: AspmResult | None,
    *,
    is_stored: bool,
) -> ConnectionReport:
    """The connection with the state of each organization; the ``refused`` have no token."""
    entry = _entry_by_now(context, options, is_stored=is_stored)
    organizations = [
        _organization_report(options, here, entry, aspm, is_stored=is_stored)
        for result in results
        for here in result.reported
    ]
    aspm_report = None
    if aspm is not None:
        aspm_report = aspm.report
    return connection_report(
        options.name,
        options.target.site,
        options.demand.purpose,
        [*organizations, *refused],
        [_where_stored(context, options, is_stored=is_stored)],
        aspm_report,
    )


def _organization_report(
    options: ConnectOptions,
    here: OrganizationResult,
    entry: Entry | None,
    aspm: AspmResult | None,
    *,
    is_stored: bool,
) -> OrganizationReport:
    """The report with what became of the registration.

    ``entry`` is the connection as it is stored by now.
    """
    name, brought = here.report.name, options.aspm.is_wanted
    state, token = UNREGISTERED, NewToken.NOT_GOOD
    if here.outcome is not None:
        state = here.outcome.registration
        token = _token_by_now(entry, name, state)
    facts = RegistrationFacts(
        options.name,
        name,
        on_record=state,
        token=token,
        aspm_is_good=aspm is None or aspm.is_good or not brought,
        brought=brought,
        stored=options.keeps,
        revoked=not options.keeps and here.report.token.source == CREATED,
        required=options.aspm.counts,
    )
    if brought:
        facts.add(here.outcome)
    return with_registration(named(here.report, options.name if is_stored else None), facts)


def _token_by_now(entry: Entry | None, name: str, state: Registration) -> NewToken:
    """What stands with the token that was validated.

    ``entry`` is the connection as it is stored by now: a new token may still wait there. That is
    said, but for a refusal: it is of the one that was brought.
    """
    if entry is None or state.state is RegistrationState.FAILED:
        return NewToken.IN_FORCE
    return token_of(entry, name)


def _where_stored(context: Context, options: ConnectOptions, *, is_stored: bool) -> Check:
    """``store.secrets``: where the tokens are now."""
    if not options.stores:
        return skip(CheckId.SECRETS, "Nothing is stored, as asked.", Reason.NOTHING_KEPT)
    if not is_stored:
        return skip(CheckId.SECRETS, "Nothing was stored.", Reason.NOTHING_KEPT)
    return Check(CheckId.SECRETS, Status.PASS, f"Stored in {context.vault.title}, and read back.")
