"""The wizard and its flags, one path: options, tokens, validation, Invicti ASPM, storage, registration, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.aspm.api import Settings
from aspm_ado.domain.aspm.handoff import evidence_of
from aspm_ado.domain.aspm.registration import (
    NewToken,
    RegistrationFacts,
    judge_registration,
    token_of,
)
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.errors import NotCreatedError, UsageError
from aspm_ado.domain.questions import Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import ConnectionReport, OrganizationReport, Report
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
from aspm_ado.flows.handoff import resume_handoff, unfinished
from aspm_ado.flows.options import ConnectOptions, ask_settings, distribute, resolve_options
from aspm_ado.flows.registration.api import demand_dialect
from aspm_ado.flows.registration.aspm import AspmProof, secret_to_keep, settle_aspm, wished_api
from aspm_ado.flows.registration.delivery import Delivery, deliver, rehearse
from aspm_ado.flows.registration.guided import HANDED_OFF, Item
from aspm_ado.flows.storage.connection import (
    good_ones,
    merged,
    needed_username,
    new_key,
    new_secrets,
    parse_name,
    repository_of,
)
from aspm_ado.flows.storage.successor import tell_revoking
from aspm_ado.flows.storage.transaction import keep, whole_records
from aspm_ado.flows.target import stored_by_key, target_given
from aspm_ado.flows.tokens.creation import creates_unasked, uncreated
from aspm_ado.flows.tokens.prompt import acquire
from aspm_ado.flows.tokens.retry import more_organizations, prove_until_good
from aspm_ado.flows.tokens.sources import Tokens
from aspm_ado.flows.validate import validate_stored
from aspm_ado.flows.validation.report import connection_report, named, report, with_check

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import OrganizationResult, TokenResult


def connect(context: Context, name: str | None) -> Report:
    """Connect organizations, or add them to a connection that is there."""
    stored = whole_records(context).connections
    old = stored.get(parse_name(name)) if name else None
    if old is not None and target_given(context.asker) is None:
        return _connected_already(context, old)
    options = resolve_options(context, name, stored)
    results, refused = _validate(context, options)
    if not name:
        options.name_after(results, stored)
    good = good_ones(context, results, options.stored if options.stores else None)
    aspm = _find_aspm(context, options, any_good=bool(good))
    delivery = Delivery()
    if good:
        settings = ask_settings(context, options.aspm, options.demand.purpose)
        delivery = store_and_register(context, options, good, settings, aspm)
        if options.stored is not None and options.stores:
            now = context.records.load().connections.get(options.name, options.stored)
            tell_revoking(context, options.stored, now)
    shown = _report(context, options, results, refused, delivery, aspm)
    return report(context, "connect", results, [shown])


def _connected_already(context: Context, old: Entry) -> Report:
    """Nothing was named to be added: finish what is not finished, or validate."""
    if unfinished(old, asks=context.asker.asks):
        context.voice.note(
            f"The registration of “{old.name}” is not finished: it goes on where it stopped."
        )
        return resume_handoff(context, old.name, command="connect")
    names = ", ".join(one.name for one in old.organizations)
    aspm = old.aspm.url if old.aspm else "no Invicti ASPM"
    context.voice.note(
        f"“{old.name}” is connected already, and nothing of it is changed: {names} on {old.base_url}, for "
        f"{old.purpose}, with {aspm}. Add organizations with -o NAME."
    )
    return validate_stored(context, [old.name], command="connect")


# Tokens and their validation


def _validate(
    context: Context, options: ConnectOptions
) -> tuple[list[TokenResult], list[OrganizationReport]]:
    """Validate the tokens that are there; ask for the others, one page after the other. The reports are of
    organizations where no token could be created.
    """
    target, tokens, demand = options.target, options.tokens, options.demand
    bare = [place for place in target.places if tokens.of(place) is None]
    results: list[TokenResult] = []
    refused: list[OrganizationReport] = []
    if bare and (context.asker.asks or creates_unasked(context, bare[0], demand)):
        reach = context.clock.told_by().demanded(demand.reach, target.site.deployment)
        if reach is Reach.ALL:
            tokens = Tokens(acquire(context, bare[0], demand, for_all=True), tokens.own)
        else:
            results, refused = _one_by_one(context, options, bare)
            target = target.without(bare)
    if not target.is_open:
        given = distribute(tokens, target, demand)
        results = prove_until_good(context, given) + results
    return more_organizations(context, results), refused


def _one_by_one(
    context: Context, options: ConnectOptions, places: Sequence[Place]
) -> tuple[list[TokenResult], list[OrganizationReport]]:
    """A token of its own for each organization. Each is stored when it is good, so that a person can stop anywhere.

    One that lets no token be created does not keep the others from theirs.
    """
    results: list[TokenResult] = []
    refused: list[OrganizationReport] = []
    stores_each = options.stores and len(places) > 1
    if stores_each:
        names = " -o ".join(place.name for place in places)
        context.voice.note(
            f"Each token is stored as soon as it is proven; stop when you like, and go on with: "
            f"aspm-ado connect {options.name} -o {names}"
        )
    for place in places:
        try:
            token = acquire(context, place, options.demand, for_all=False)
        except (NotCreatedError, UsageError) as error:
            if len(places) == 1:
                raise
            refused.append(uncreated(context, place.name, error))
            continue
        token = token.meant_for(place.site, [place], options.demand)
        [result] = prove_until_good(context, [token])
        if stores_each:
            _store_alone(context, options, result)
        results.append(result)
    return results, refused


def _store_alone(context: Context, options: ConnectOptions, result: TokenResult) -> None:
    """Store a token now, if it is good; its key says from then on that it is not to be stored again."""
    good = good_ones(context, [result], options.stored)
    if good:
        key = min(result.held, default=new_key(context))
        _store(context, options, good, [key], options.aspm.toggles or (), {}, None)
        result.token = replace(result.token, credential=key)


# Invicti ASPM


def _find_aspm(context: Context, options: ConnectOptions, *, any_good: bool) -> AspmProof | None:
    """What is to be known of the ASPM before anything is stored or handed over; its address and API are options then.

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
        aspm = AspmProof(url, checks, wished=options.aspm.api)
    options.adopt_aspm(context, aspm.url, aspm.api)
    return aspm


def _contact_aspm(context: Context, options: ConnectOptions, url: str) -> AspmProof:
    known = options.stored.aspm if options.stored is not None else None
    by_hand = options.moves and options.aspm.hands_over
    aspm = settle_aspm(
        context,
        url,
        options.aspm_token,
        wished=wished_api(context),
        hint=known.api if known is not None else AUTO,
        needs_token=options.aspm.uses_profile,
        offers=by_hand and context.asker.asks and not options.yes,
        ca_bundle=options.target.site.ca_bundle,
        may_move=True,
    )
    if options.profile is not None:
        demand_dialect(aspm, options.profile)
    return aspm


# Storage and registration

GO = Question("go", "Store and hand off?")
GO_REGISTER = Question("go", "Store and register in Invicti ASPM?")
GO_STORE = Question("go", "Store?")
GO_UNSTORED = Question("go", "Hand off?")
GO_REGISTER_UNSTORED = Question("go", "Register in Invicti ASPM?")


def store_and_register(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    settings: Settings,
    aspm: AspmProof | None,
) -> Delivery:
    """Store the good ones, then register or hand them over. Behind an ASPM that is not good nothing is handed over."""
    ready = None
    if aspm is not None and aspm.is_good and options.aspm.is_wanted:
        ready = aspm
    done, items = _prepare(context, options, good, settings, brings=ready is not None)
    begun = {**done, **{item.place.key: item.prior for item in items}}
    tell_plan(context, options, good, settings, ready)
    if options.dry_run:
        return Delivery({**done, **rehearse(context, ready, options.profile, items)})
    if not _is_agreed(context, options, brings=ready is not None):
        return _left_alone(context, options, good, begun)
    if options.keeps:
        keys = [new_key(context) for _ in good]
        _store(context, options, good, keys, settings.toggles, begun, aspm)
    if ready is None:
        return Delivery(begun, kept=options.keeps)
    made = deliver(context, ready, options.profile, items, keeps=options.keeps)
    return Delivery({**done, **made.states}, made.checks, options.keeps)


def _prepare(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    settings: Settings,
    *,
    brings: bool,
) -> tuple[dict[str, Registration], list[Item]]:
    """What Invicti ASPM has already, and what is to be brought there. Each is to be on record as it stands before."""
    unchanged = _unchanged(options, good, settings)
    done = _registered_already(context, options, unchanged, brings=brings)
    prior: dict[str, StoredOrganization] = {}
    if options.stored is not None and not options.moves:
        prior = stored_by_key(options.stored)
    items = []
    for result in good:
        for here in result.good:
            key = here.place.key
            if key not in done:
                begun = _begun(options, prior.get(key), unchanged.get(key), brings=brings)
                items.append(_item(context, options, settings, result, here, begun))
    return done, items


def _is_agreed(context: Context, options: ConnectOptions, *, brings: bool) -> bool:
    """A person's yes to the plan, in its words. To nothing at all nobody has to agree."""
    if not context.asker.asks or options.yes or not (brings or options.keeps):
        return True
    if not brings:
        question = GO_STORE
    elif options.aspm.uses_profile:
        question = GO_REGISTER if options.keeps else GO_REGISTER_UNSTORED
    else:
        question = GO if options.keeps else GO_UNSTORED
    return context.asker.prompter.confirm(question, default=True)


def _left_alone(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    begun: Mapping[str, Registration],
) -> Delivery:
    """Nothing more is done. Tokens that were stored one by one stay, and their organizations are as on record."""
    kept = any(result.token.credential for result in good)
    entry = context.records.load().connections.get(options.name) if kept else None
    on_record = stored_by_key(entry) if entry is not None else {}
    states = {key: on_record[key].registration for key in begun if key in on_record}
    return Delivery({**dict.fromkeys(begun, UNREGISTERED), **states}, kept=kept)


def _unchanged(
    options: ConnectOptions, good: Sequence[TokenResult], settings: Settings
) -> dict[str, Registration]:
    """What is on record of the organizations that would be given the very token and settings again."""
    old = options.stored
    if old is None or not options.stores or options.moves:
        return {}
    if (old.purpose, old.toggles) != (options.demand.purpose.value, settings.toggles):
        return {}
    held = {
        key: result.held
        for result in good
        for key, one in result.organizations.items()
        if one.is_good
    }
    return {
        key: one.registration
        for key, one in stored_by_key(old).items()
        if one.credential in held.get(key, ())
    }


def _registered_already(
    context: Context,
    options: ConnectOptions,
    unchanged: Mapping[str, Registration],
    *,
    brings: bool,
) -> dict[str, Registration]:
    """What Invicti ASPM has already, with the very token and settings that it would be given again: it stays as it is.

    What a profile registered is looked at by the profile, where one is used.
    """
    looks = brings and options.aspm.uses_profile
    done = {}
    for one in options.stored.organizations if options.stored is not None else ():
        key = options.target.site.place(one.name).key
        state = unchanged.get(key, UNREGISTERED)
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
    unchanged: Registration | None,
    *,
    brings: bool,
) -> Registration:
    """What is on record until Invicti ASPM answers, or a person does. What a profile registered before is not lost.

    A profile only creates: where it has registered another token, or other settings, a person enters the new ones.
    """
    if brings and options.aspm.hands_over:
        return HANDED_OFF
    known = prior.registration if prior is not None else UNREGISTERED
    if brings and known.mode is not RegistrationMode.API and not known.marker:
        return Registration(RegistrationMode.API)
    return unchanged or known.of_older


def _item(
    context: Context,
    options: ConnectOptions,
    settings: Settings,
    result: TokenResult,
    here: OrganizationResult,
    begun: Registration,
) -> Item:
    """One organization as it is brought to Invicti ASPM."""
    day = context.now().strftime("%Y-%m-%d")
    return Item(
        options.name,
        here.place,
        options.demand.purpose,
        settings,
        result.token.secret,
        needed_username(here.report) or result.token.username,
        repository_of(here),
        evidence_of(here.report.checks, day, here.report.token.reach),
        begun,
    )


def _store(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    keys: Sequence[str],
    toggles: Sequence[str],
    begun: dict[str, Registration],
    aspm: AspmProof | None,
) -> None:
    """Put the good organizations on record, upon whatever is on record by then."""
    now = context.stamp

    def onto(current: Entry | None) -> Entry:
        return merged(
            current,
            options.name,
            good,
            keys,
            options.aspm.on_record,
            toggles,
            begun,
            now=now,
            allow_http=options.target.allow_http,
            ca_bundle=context.ca_bundle,
        )

    aspm_secrets, record = secret_to_keep(context, aspm)
    secrets = {**new_secrets(options.name, good, keys), **aspm_secrets}
    keep(context, options.name, onto, secrets, record)


# The report


def _report(
    context: Context,
    options: ConnectOptions,
    results: Sequence[TokenResult],
    refused: Sequence[OrganizationReport],
    delivery: Delivery,
    aspm: AspmProof | None,
) -> ConnectionReport:
    """The connection with the state of each organization; the ``refused`` have no token."""
    entry = context.records.load().connections.get(options.name) if delivery.kept else None
    organizations = [
        _organization_report(options, made, entry, delivery, aspm)
        for result in results
        for made in result.reports
    ]
    connection = connection_report(
        options.name, options.target.site, options.demand.purpose, [*organizations, *refused]
    )
    return replace(
        connection,
        aspm=aspm.report if aspm is not None else None,
        checks=(_where_stored(context, options, delivery),),
    )


def _organization_report(
    options: ConnectOptions,
    made: OrganizationReport,
    entry: Entry | None,
    delivery: Delivery,
    aspm: AspmProof | None,
) -> OrganizationReport:
    """The report with what became of the registration; ``entry`` is the connection as it is stored by now."""
    key = options.target.site.place(made.name).key
    state = delivery.states.get(key) if made.is_good else None
    brought = options.aspm.is_wanted
    facts = RegistrationFacts(
        options.name,
        made.name,
        on_record=state or UNREGISTERED,
        answer=state if brought else None,
        token=_token_by_now(entry, made.name, state),
        outcome=delivery.checks.get(key),
        aspm_is_good=aspm is None or aspm.is_good or not brought,
        brought=brought,
        stored=options.keeps,
        required=options.aspm.counts,
    )
    shown = named(made, options.name if delivery.kept else None)
    shown = with_check(shown, judge_registration(facts))
    return replace(shown, registration=state or UNREGISTERED)


def _token_by_now(entry: Entry | None, name: str, state: Registration | None) -> NewToken:
    """What stands with the token that was proven; ``entry`` is the connection as it is stored by now.

    A new one may still wait beside it. That is said, but for a refusal: it is of the one that was brought.
    """
    if state is None:
        return NewToken.NOT_GOOD
    if entry is None or state.state is RegistrationState.FAILED:
        return NewToken.IN_FORCE
    return token_of(entry, name)


def _where_stored(context: Context, options: ConnectOptions, delivery: Delivery) -> Check:
    """``store.secrets``: where the tokens are now."""
    if not options.stores:
        return skip(CheckId.SECRETS, "Nothing is stored, as asked.", Reason.NOTHING_KEPT)
    if not delivery.kept:
        return skip(CheckId.SECRETS, "Nothing was stored.", Reason.NOTHING_KEPT)
    return Check(CheckId.SECRETS, Status.PASS, f"Stored in {context.vault.title}, and read back.")
