"""``connect``: options, tokens, validation, Invicti ASPM, storage, registration, report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import Settings
from aspm_ado.domain.aspm.handoff import clone_notes, evidence_of
from aspm_ado.domain.aspm.registration import NewToken, Outcome, RegistrationFacts, token_of
from aspm_ado.domain.azure.place import options_for
from aspm_ado.domain.azure.retirement import DaySource, Reach
from aspm_ado.domain.http import Origin
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ASPM,
    CONFIG_DIR,
    CREATE_TOKEN,
    PAT_SOURCES,
    TOKEN,
    YES,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import InterruptedByUserError, NotCreatedError, Reason, UsageError
from aspm_ado.domain.report import (
    Check,
    CheckId,
    ConnectionReport,
    OrganizationReport,
    Report,
    Status,
    TokenFacts,
    skip,
)
from aspm_ado.domain.rules.aspm import aspm_skipped
from aspm_ado.domain.stored import (
    UNREGISTERED,
    Entry,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredOrganization,
)
from aspm_ado.domain.text import FEW, clean, some_of
from aspm_ado.flows.answers import AUTO, declined
from aspm_ado.flows.connect_plan import change_answer, tell_plan
from aspm_ado.flows.handoff import is_unfinished, leading_on, resume_handoff
from aspm_ado.flows.options import (
    ConnectOptions,
    distribute,
    purpose_given,
    resolve_options,
    settings_of,
)
from aspm_ado.flows.registration.aspm import (
    AspmResult,
    AspmTarget,
    AspmTerms,
    api_asked,
    resolve_aspm,
    secret_to_keep,
    shown_since,
)
from aspm_ado.flows.registration.delivery import Outcomes, deliver, demand_dialect, rehearse
from aspm_ado.flows.registration.guided import Handoff
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
from aspm_ado.flows.target import Target, site_meant, stored_by_key, target_given
from aspm_ado.flows.tokens.creation import (
    CREATED,
    creates_at_once,
    creates_unasked,
    not_created_report,
)
from aspm_ado.flows.tokens.lifecycle import release_stored_orders
from aspm_ado.flows.tokens.prompt import acquire, ask_ends, tell_position
from aspm_ado.flows.tokens.retry import (
    ABSENT_OR_NO_SERVER,
    add_organizations,
    create_several,
    validate_until_good,
)
from aspm_ado.flows.tokens.sources import Tokens
from aspm_ado.flows.validate import validate_stored
from aspm_ado.flows.validation.report import (
    EVERY_ONE,
    connection_report,
    named,
    report,
    with_registration,
)

from ..domain.azure.place import Purpose
from ..domain.reasons import UserError

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.token import OrganizationResult, TokenResult

    from ..domain.reasons import Problem

_TYPED_AGAIN: Final = (
    *(one for one in TOKEN if one not in PAT_SOURCES), CREATE_TOKEN, *ASPM, YES, CONFIG_DIR
)  # fmt: skip
"""What a command that continues says again. No source of a token: its text is shown nowhere."""


def connect(context: Context, name: str | None) -> Report:
    """Connect organizations, or add them to a connection that is there."""
    stored = whole_records(context).connections
    if name and parse_name(name) in stored and target_given(context.asker) is None:
        return _connected_already(context, stored[parse_name(name)])
    options = resolve_options(context, name, stored)
    results, refused = _validate(context, options)
    ask_ends(context, results)
    options.adopt_places(results)
    if not name:
        options.name_after(results, stored)
    good = good_ones(context, results, options.replaced)
    aspm = _find_aspm(context, options, any_good=bool(good))
    is_stored = False
    while good:
        plan = _plan(context, options, good, aspm)
        answer = _answer_to_plan(context, options, plan)
        if answer == GO.value:
            is_stored = _carry_out(context, options, plan, aspm)
            break
        address = options.aspm.url
        results = _changed(context, options, results, answer)
        good = good_ones(context, results, options.replaced)
        if good and options.aspm.url != address:
            aspm = _find_aspm(context, options, any_good=True)
    if good and options.replaced is not None:
        now = context.records.load().connections.get(options.name, options.replaced)
        revoke_replaced(context, options.replaced, now)
    shown = _report(context, options, results, refused, aspm, is_stored=is_stored)
    return report(context, "connect", [shown])


def _connected_already(context: Context, old: Entry) -> Report:
    """Nothing was named to be added: finish what is not finished, or validate."""
    if is_unfinished(old, asks=context.asker.asks):
        context.voice.note(
            f"The registration of “{old.name}” is not finished. It continues from its last step."
        )
        return resume_handoff(context, old.name, command="connect")
    names = ", ".join(one.name for one in old.organizations)
    aspm = old.aspm.url if old.aspm is not None else "no Invicti ASPM"
    context.voice.note(
        f"“{old.name}” is already connected and unchanged: {names} on "
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
            way_on = partial(_way_on, context, options, bare)
            with leading_on(context, options.name, way_on, InterruptedByUserError):
                results, refused = _one_each(context, options, bare)
            target = target.without(bare)
    if not target.is_open:
        given = distribute(tokens, target, demand)
        results = validate_until_good(context, given, corrects=ABSENT_OR_NO_SERVER) + results
    return results, refused


def _one_each(
    context: Context, options: ConnectOptions, places: Sequence[Place]
) -> tuple[list[TokenResult], list[OrganizationReport]]:
    """A token for each organization, stored as it passes, so that a person can stop anywhere.

    One that lets no token be created does not keep the others from theirs.
    """
    results: list[TokenResult] = []
    refused: list[OrganizationReport] = []
    stores_each = options.stores and len(places) > 1

    def store(results: Sequence[TokenResult]) -> None:
        if stores_each:
            _store_now(context, options, results)

    if stores_each:
        context.voice.note(
            "aspm-ado stores each token after it passes. You can stop at any time. To continue, "
            f"run: {_again(context, options, places)}"
        )
    if len(places) > 1 and creates_at_once(context, places[0], options.demand):
        return create_several(context, places, options.demand, store)
    begun = context.now()
    for number, place in enumerate(places):
        if stores_each and number:
            tell_position(context, place, number, len(places), begun)
        try:
            token = acquire(context, place, options.demand, for_all=False)
            token = token.meant_for(place.site, [place], options.demand)
            [result] = validate_until_good(context, [token], corrects=ABSENT_OR_NO_SERVER)
        except (NotCreatedError, UsageError) as error:
            if len(places) == 1 or (error.reason is Reason.DECLINED and not results):
                raise
            if error.reason is Reason.DECLINED:
                break
            refused.append(not_created_report(context, place.name, error))
            continue
        store([result])
        results.append(result)
    return results, refused


def _again(context: Context, options: ConnectOptions, places: Sequence[Place]) -> str:
    """The command that continues with the organizations that have no token yet."""
    where = options_for(options.target.site, [place.name for place in places])
    if len(places) > FEW and context.asker.switch(ALL_ORGANIZATIONS):
        where = ALL_ORGANIZATIONS.flag
    typed = context.asker.typed(_TYPED_AGAIN)
    return " ".join(filter(None, ("aspm-ado connect", options.name, where, typed)))


def _way_on(
    context: Context, options: ConnectOptions, places: Sequence[Place], entry: Entry
) -> tuple[str, str]:
    """Which of these organizations are stored, and the command that continues."""
    wanted = {place.key for place in places}
    stored = [clean(one.name, 60) for one in entry.organizations if one.key in wanted]
    said = ""
    if stored:
        said = (
            f"Stored in “{options.name}”: {len(stored)} of {len(places)} organizations "
            f"({some_of(stored, 200)})."
        )
    return said, _again(context, options, places)


def _store_now(context: Context, options: ConnectOptions, results: Sequence[TokenResult]) -> None:
    """Store the tokens that are good.

    The key of each says from then on that it is not to be stored again.
    """
    good = good_ones(context, results, options.stored)
    if good:
        keys = [min(one.held, default=new_key(context)) for one in good]
        _store(context, options, good, keys, options.aspm.toggles or (), None)
        for one, key in zip(good, keys, strict=True):
            one.token.credential = key
        release_stored_orders(context)


# Invicti ASPM


def _find_aspm(context: Context, options: ConnectOptions, *, any_good: bool) -> AspmResult | None:
    """Find the ASPM and adopt its address and API; skip it where no organization passed."""
    asks_later = any_good and options.aspm.is_wanted
    if any_good:
        options.ask_aspm_url(context.asker)
    url = options.aspm.url
    if url is None:
        if asks_later:
            where = options_for(options.target.site, options.target.names[:1] or ("NAME",))
            context.voice.note(
                "No handoff now. To finish later, run: "
                f"aspm-ado connect {options.name} {where} --aspm-url URL"
            )
        return None
    if any_good or options.dry_run:
        aspm = _contact_aspm(context, options, url)
    else:
        checks = aspm_skipped()
        if options.aspm_token is not None:
            checks = aspm_skipped("Skipped: no organization passed.", Reason.NOT_ASKED)
        aspm = AspmResult(url, checks, api_asked=options.aspm.api)
    options.adopt_aspm(context, aspm.url, aspm.api)
    return aspm


def _contact_aspm(context: Context, options: ConnectOptions, url: str) -> AspmResult:
    api_before = options.aspm_before.api if options.aspm_before is not None else AUTO
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

_TO_STORE: Final = Question("go", "Store?")
_TO_BRING: Final = {
    (False, True): Question("go", "Store and start the handoff?"),
    (False, False): Question("go", "Start the handoff?"),
    (True, True): Question("go", "Store and register in Invicti ASPM?"),
    (True, False): Question("go", "Register in Invicti ASPM?"),
}
"""By whether a profile registers, and whether the tokens are stored."""
GO: Final = Choice("y", "Yes")
_CHANGE: Final = Choice("change", "Change an answer")
_ADD: Final = Choice("add", "Add an organization")
_NO: Final = Choice("n", "No")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be stored and brought to Invicti ASPM, once it is agreed to."""

    good: Sequence[TokenResult]
    settings: Settings
    ready: AspmResult | None
    """The ASPM, if it passed and a registration is wanted."""
    handoffs: Sequence[Handoff]


def _plan(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    aspm: AspmResult | None,
) -> _Plan:
    """Make the plan, and say it."""
    settings = settings_of(options.aspm, options.demand.purpose)
    ready = aspm if aspm is not None and aspm.is_good and options.aspm.is_wanted else None
    handoffs = _prepare(context, options, good, settings, ready)
    tell_plan(context, options, good, settings, ready)
    return _Plan(good, settings, ready, handoffs)


def _answer_to_plan(context: Context, options: ConnectOptions, plan: _Plan) -> str:
    """A person's answer to the plan, if it changes anything.

    Raises ``UsageError`` after a no; tokens that are stored one by one stay.
    """
    brings = plan.ready is not None
    unasked = options.dry_run or options.yes or not (brings or options.keeps)
    if unasked or not context.asker.asks:
        return GO.value
    question = _TO_STORE
    if brings:
        question = _TO_BRING[options.aspm.uses_profile, options.keeps]
    stored = _stored_so_far(options, plan.good)
    try:
        answer = context.asker.prompter.choose(question, [GO, _CHANGE, _ADD, _NO], GO.value)
    except (InterruptedByUserError, KeyboardInterrupt):
        if stored:
            context.voice.note(stored)
        raise
    if answer == _NO.value:
        raise declined(stored or "Nothing changed.")
    return answer


def _stored_so_far(options: ConnectOptions, good: Sequence[TokenResult]) -> str:
    """What is stored when a person stops here, and the command that continues; empty if nothing."""
    stored = [one.place.name for result in good if result.token.credential for one in result.good]
    if options.stores and stored and options.replaced is None:
        names = clean(", ".join(stored), 200)
        return f"Already stored: {names}. To continue, run: aspm-ado connect {options.name}"
    return ""


def _changed(
    context: Context, options: ConnectOptions, results: list[TokenResult], answer: str
) -> list[TokenResult]:
    """The results after a person changed an answer, or added an organization."""
    if answer == _CHANGE.value:
        results = change_answer(context, options, results)
    else:
        results = add_organizations(context, results, options.demand)
    ask_ends(context, results)
    return results


def _carry_out(
    context: Context, options: ConnectOptions, plan: _Plan, aspm: AspmResult | None
) -> bool:
    """Store the good ones, then register or hand them over; whether they are stored now."""
    good, ready = plan.good, plan.ready
    if options.dry_run:
        _take(good, rehearse(context, ready, options.profile, plan.handoffs))
        return False
    if options.keeps:
        keys = [new_key(context) for _ in good]
        _store(context, options, good, keys, plan.settings.toggles, aspm)
    if ready is not None:
        with leading_on(context, options.name if options.keeps else ""):
            brought = deliver(context, ready, options.profile, plan.handoffs)
            _take(good, brought)
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
    ready: AspmResult | None,
) -> list[Handoff]:
    """What is to be brought to Invicti ASPM, which does not have it yet.

    The ``outcome`` of each organization is what is put on record of it before.
    """
    brings = ready is not None
    unchanged = _unchanged(options, good, settings)
    done = _registered_already(context, options, unchanged, ready)
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
            known = prior[key].registration if key in prior else UNREGISTERED
            begun = options.aspm.begun(known, brings=brings, is_unchanged=key in unchanged)
            here.outcome = Outcome(begun)
            handoffs.append(_handoff(context, options, settings, result, here, begun))
    return handoffs


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
    ready: AspmResult | None,
) -> dict[str, Registration]:
    """What Invicti ASPM has already, with the very token and settings: it stays as it is.

    What a profile registered is looked at by the profile, where one is used.
    """
    looks = ready is not None and options.aspm.uses_profile
    shown = shown_since(context, options.stored, ready) if options.stored and ready else ()
    done = {}
    for key, one in unchanged.items():
        state = one.registration
        if state.state is not RegistrationState.REGISTERED:
            continue
        if not (looks and state.mode is RegistrationMode.API):
            done[key] = state.proven(Proof.ALM_ACCEPTED) if key in shown else state
            why = "Invicti ASPM already has this token"
            if done[key].unseen:
                why = "you marked it as saved"
            context.voice.note(f"{clean(one.name, 60)} is unchanged: {why}.")
    return done


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
    owner = here.report.identity.label if here.report.identity is not None else ""
    evidence = evidence_of(here.report.checks, day, here.report.token.reach, owner)
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
    entry = context.records.load().connections.get(options.name) if is_stored else None
    organizations = [
        _organization_report(options, here, entry, aspm)
        for result in results
        for here in result.reported
    ]
    return connection_report(
        options.name,
        options.target.site,
        options.demand.purpose,
        [*organizations, *refused],
        [_where_stored(context, options, is_stored=is_stored)],
        aspm.report if aspm is not None else None,
    )


def _organization_report(
    options: ConnectOptions,
    here: OrganizationResult,
    entry: Entry | None,
    aspm: AspmResult | None,
) -> OrganizationReport:
    """The report with what became of the registration; ``entry`` is what this run stored."""
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
    return with_registration(named(here.report, entry.name if entry is not None else None), facts)


def _token_by_now(entry: Entry | None, name: str, state: Registration) -> NewToken:
    """Whether a new token is still pending on record; a refusal is of the token brought now."""
    if entry is None or state.state is RegistrationState.FAILED:
        return NewToken.IN_FORCE
    return token_of(entry, name)


def _where_stored(context: Context, options: ConnectOptions, *, is_stored: bool) -> Check:
    """``store.secrets``: where the tokens are now."""
    if not options.stores:
        return skip(CheckId.SECRETS, "Nothing is stored, as requested.", Reason.NOTHING_KEPT)
    if not is_stored:
        told = "Nothing is stored." if options.stored is None else "Nothing changed."
        return skip(CheckId.SECRETS, told, Reason.NOTHING_KEPT)
    return Check(CheckId.SECRETS, Status.PASS, f"Stored in {context.vault.title}, and read back.")


def title_of(asker: Asker, name: str | None) -> str:
    """The title of a connection before it exists: its name, or its first place."""
    target = _target(asker)
    if name or target is None:
        return clean(name or "no name", 60)
    return clean(next(iter(target.names), target.site.host), 60)


def not_made(context: Context, name: str | None, problem: Problem) -> Report:
    """Report the problem at each organization of a connection that was not created."""
    check = Check(
        CheckId.ACCESS, Status.UNKNOWN, problem.problem, problem.reason, problem.remedy or None
    )
    target, purpose = _target(context.asker), Purpose.ALM
    with suppress(UserError):  # the purpose may be the problem
        purpose = purpose_given(context.asker)
    names = target.names if target is not None else ()
    organizations = [
        OrganizationReport(one, None, TokenFacts(), (check,)) for one in names or (EVERY_ONE,)
    ]
    shown = clean(name, 63) if name else None
    made = connection_report(shown, site_meant(target), purpose, organizations)
    return report(context, "connect", [made])


def merged(reports: Sequence[Report]) -> Report:
    """Merge reports in their order; the day is that of Azure DevOps, if known."""
    sources = (one.day_source for one in reports)
    return replace(
        reports[-1],
        day_source=next((one for one in sources if one is not DaySource.LOCAL), DaySource.LOCAL),
        connections=tuple(made for one in reports for made in one.connections),
        notes=tuple(note for one in reports for note in one.notes),
    )


def _target(asker: Asker) -> Target | None:
    """The target of a connection, or None if its answers are invalid."""
    try:
        return target_given(asker)
    except UserError:
        return None
