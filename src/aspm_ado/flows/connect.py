"""The wizard and its flags, one path: where, what for, token, proof, more organizations, Invicti ASPM, settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import Settings
from aspm_ado.domain.aspm.handoff import evidence_of
from aspm_ado.domain.aspm.registration import NewToken, Outcome, RegistrationFacts, token_of
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.errors import NotCreatedError, UsageError
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ALLOW_HTTP,
    ASPM_API,
    ASPM_URL,
    CHECK_CLONE,
    CLONE_USERNAME,
    ORGANIZATION,
    PAT_EXPIRES,
    PURPOSE,
    REACH,
    READ_ONLY_PROBES,
    REGISTER,
    SERVER_URL,
    STORE,
    TEAM_LEADS_MAY,
    Question,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import FEW, ConnectionReport, OrganizationReport, Report
from aspm_ado.domain.rules.aspm import aspm_skipped
from aspm_ado.domain.stored import (
    UNREGISTERED,
    Entry,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredAspm,
    StoredOrganization,
)
from aspm_ado.domain.text import clean
from aspm_ado.flows.handoff import is_unfinished, resume_handoff
from aspm_ado.flows.options.parts import (
    ask_aspm_url,
    ask_settings,
    distribute,
    target_given,
)
from aspm_ado.flows.options.resolve import ConnectOptions, named_by, resolve_options
from aspm_ado.flows.registration.api import demand_dialect
from aspm_ado.flows.registration.aspm import (
    AspmResult,
    AspmTarget,
    AspmTerms,
    api_asked,
    as_found,
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
)
from aspm_ado.flows.storage.successor import revoke_replaced
from aspm_ado.flows.storage.transaction import store_entry, whole_records
from aspm_ado.flows.tokens.creation import creates_unasked, not_created_report
from aspm_ado.flows.tokens.prompt import acquire
from aspm_ado.flows.tokens.retry import more_organizations, prove_until_good
from aspm_ado.flows.tokens.sources import Tokens
from aspm_ado.flows.validate import validate_stored
from aspm_ado.flows.validation.report import (
    connection_report,
    named,
    report,
)
from aspm_ado.flows.validation.result import OrganizationResult, TokenResult
from aspm_ado.flows.validation.token import AUTO

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.flows.context import Context


def connect(context: Context, name: str | None) -> Report:
    """Connect organizations, or add them to a connection that is there."""
    catalogue = whole_records(context)
    old = catalogue.connections.get(parse_name(name)) if name else None
    if old is not None and target_given(context.asker) is None:
        if is_unfinished(old, asks=context.asker.asks):
            context.voice.note(
                f"The registration of “{old.name}” is not finished: it goes on where it stopped."
            )
            return resume_handoff(context, old.name, command="connect")
        names = ", ".join(one.name for one in old.organizations)
        context.voice.note(
            f"“{old.name}” is connected already, and nothing of it is changed: {names} on {old.base_url}, for "
            f"{old.purpose}, with {old.aspm.url if old.aspm else 'no Invicti ASPM'}. Add organizations with -o NAME."
        )
        return validate_stored(context, [old.name], command="connect")
    options = resolve_options(context, name, catalogue.connections)
    results, refused = _prove(context, options)
    options = options if name else named_by(options, results, catalogue.connections)
    keeps = options.stores
    good = good_ones(context, results, options.stored if keeps else None)
    options, aspm = _with_aspm(context, options, any_good=bool(good))
    settings = ask_settings(context, options.aspm, options.demand.purpose) if good else Settings()
    delivery = conclude(context, options, good, settings, aspm) if good else Delivery()
    if options.stored is not None and keeps and good:
        revoke_replaced(
            context,
            options.stored,
            context.records.load().connections.get(options.name, options.stored),
        )
    return report(
        context, "connect", results, [concluded(context, options, results, refused, delivery, aspm)]
    )


def _with_aspm(
    context: Context, options: ConnectOptions, *, any_good: bool
) -> tuple[ConnectOptions, AspmResult | None]:
    """The options with the ASPM that was asked for and found; it is contacted where something is good."""
    if any_good:
        options = replace(options, aspm=ask_aspm_url(context, options.aspm))
    aspm = _aspm(context, options, reads=any_good or options.dry_run)
    return replace(options, aspm=as_found(context, options.aspm, aspm)), aspm


def _aspm(context: Context, options: ConnectOptions, *, reads: bool) -> AspmResult | None:
    """What is to be known of the ASPM before anything is stored or handed over. Not contacted where nothing is good."""
    old = options.stored
    if options.aspm.url is None:
        return None
    if not reads:
        told = "Not asked: no organization is good yet." if options.aspm_token else None
        checks = aspm_skipped(told, Reason.NOT_ASKED) if told else aspm_skipped()
        return AspmResult(options.aspm.url, checks, api_asked=options.aspm.api)
    known = old.aspm if old is not None else None
    target = AspmTarget(
        options.aspm.url,
        api_asked(context),
        known.api if known is not None else AUTO,
        options.target.site.ca_bundle,
    )
    terms = AspmTerms(
        needs_token=options.aspm.uses_profile,
        offers_token=options.moves
        and options.aspm.hands_over
        and context.asker.asks
        and not options.yes,
        may_move=True,
    )
    made = resolve_aspm(context, target, options.aspm_token, terms)
    if options.profile is not None:
        demand_dialect(made, options.profile)
    return made


def _prove(
    context: Context, options: ConnectOptions
) -> tuple[list[TokenResult], list[OrganizationReport]]:
    """Prove the tokens that are there; ask for the others, one page after the other. Where none could be created is
    told beside the proofs.
    """
    there, tokens, demand = options.target, options.tokens, options.demand
    bare = [place for place in there.places if tokens.of(place) is None]
    results, refused = list[TokenResult](), list[OrganizationReport]()
    if bare and (context.asker.asks or creates_unasked(context, bare[0], demand)):
        wide = context.clock.calendar().demanded(demand.reach, there.site.deployment) is Reach.ALL
        if wide:
            tokens = Tokens(acquire(context, bare[0], demand, for_all=True), tokens.own)
        else:
            results, refused = _one_by_one(context, options, bare)
            there = replace(
                there, places=tuple(place for place in there.places if place not in bare)
            )
    if there.places or there.list_all:
        results = prove_until_good(context, distribute(tokens, there, demand)) + results
    return more_organizations(context, results), refused


def _one_by_one(
    context: Context, options: ConnectOptions, places: Sequence[Place]
) -> tuple[list[TokenResult], list[OrganizationReport]]:
    """A token of its own for each organization. What is proven is kept at once, so that a person can stop anywhere.

    One that lets no token be created does not keep the others from theirs.
    """
    keeps = options.stores
    results, refused = list[TokenResult](), list[OrganizationReport]()
    names = [place.name for place in places]
    if keeps and len(names) > 1:
        context.voice.note(
            f"Each token is stored as soon as it is proven; stop when you like, and go on with: "
            f"aspm-ado connect {options.name} -o {' -o '.join(names)}"
        )
    for place in places:
        try:
            token = acquire(context, place, options.demand, for_all=False)
        except (NotCreatedError, UsageError) as error:
            if len(names) == 1:
                raise
            refused.append(not_created_report(context, place.name, error))
            continue
        token = token.meant_for(place.site, [place], options.demand)
        proved = prove_until_good(context, [token])
        if keeps and len(names) > 1:
            proved = [_kept(context, options, result) for result in proved]
        results += proved
    return results, refused


def _kept(context: Context, options: ConnectOptions, result: TokenResult) -> TokenResult:
    """The proof of a token that is stored now, if it is good."""
    good = good_ones(context, [result], options.stored)
    if not good:
        return result
    key = min(result.held, default=new_key(context))
    keep_good(context, options, good, [key], options.aspm.toggles or (), {}, None)
    result.token = replace(result.token, credential=key)
    return result


GO = Question("go", "Store and hand off?")
GO_REGISTER = Question("go", "Store and register in Invicti ASPM?")
GO_STORE = Question("go", "Store?")
GO_UNSTORED = Question("go", "Hand off?")
GO_REGISTER_UNSTORED = Question("go", "Register in Invicti ASPM?")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of the organizations, by ``Place.key``, and whether their tokens were stored."""

    outcomes: Outcomes = field(default_factory=dict)
    kept: bool = False


def conclude(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    settings: Settings,
    aspm: AspmResult | None,
) -> Delivery:
    """Store the good ones, then register or hand them over. Behind an ASPM that is not good nothing is handed over."""
    pairs = [(one, made) for one in good for made in one.good]
    brings = aspm is not None and aspm.is_good and options.aspm.is_wanted
    same = _unchanged(options, pairs, settings)
    done = _done(context, options, same, brings=brings)
    begun = {
        made.place.key: _begun(options, made.place, same, brings=brings) for _, made in pairs
    } | done
    handoffs = [
        _handoff(context, options, one, made, settings, begun)
        for one, made in pairs
        if made.place.key not in done
    ]
    tell_plan(context, options, pairs, settings, aspm if brings else None)
    if options.dry_run:
        planned = rehearse(context, aspm if brings else None, options.profile, handoffs)
        return Delivery(_outcomes(done) | planned)
    if context.asker.asks and not options.yes and not _agreed(context, options, brings=brings):
        kept = any(one.token.credential for one in good)
        there = context.records.load().connections.get(options.name) if kept else None
        left = (
            {_key(options, one): one.registration for one in there.organizations}
            if there is not None
            else {}
        )
        states = {key: left.get(key, UNREGISTERED) for key in begun}
        return Delivery(_outcomes(states), kept=kept)
    if options.keeps:
        keep_good(
            context,
            options,
            good,
            [new_key(context) for _ in good],
            settings.toggles,
            begun,
            aspm,
        )
    if not brings or aspm is None:
        return Delivery(_outcomes(begun), kept=options.keeps)
    outcomes = deliver(context, aspm, options.profile, handoffs, keeps=options.keeps)
    return Delivery(_outcomes(done) | outcomes, kept=options.keeps)


def _outcomes(states: Mapping[str, Registration]) -> Outcomes:
    return {key: Outcome(state) for key, state in states.items()}


def _agreed(context: Context, options: ConnectOptions, *, brings: bool) -> bool:
    """A person's yes to the plan, in its words. To nothing at all nobody has to agree."""
    keeps, by_profile = options.keeps, options.aspm.uses_profile
    if not brings:
        return not keeps or context.asker.prompter.confirm(GO_STORE, default=True)
    stored, unstored = (GO_REGISTER, GO_REGISTER_UNSTORED) if by_profile else (GO, GO_UNSTORED)
    return context.asker.prompter.confirm(stored if keeps else unstored, default=True)


def _unchanged(
    options: ConnectOptions,
    good: Sequence[tuple[TokenResult, OrganizationResult]],
    settings: Settings,
) -> dict[str, Registration]:
    """What is on record of the organizations that would be given the very token and settings again."""
    old = options.stored
    if old is None or not options.stores or options.moves:
        return {}
    if (old.purpose, old.toggles) != (options.demand.purpose.value, settings.toggles):
        return {}
    held = {made.place.key: one.held for one, made in good}
    known = ((_key(options, one), one) for one in old.organizations)
    return {key: one.registration for key, one in known if one.credential in held.get(key, ())}


def _done(
    context: Context, options: ConnectOptions, same: Mapping[str, Registration], *, brings: bool
) -> dict[str, Registration]:
    """What Invicti ASPM has already, with the very token and settings that it would be given again: it stays as it is.

    What a profile registered is looked at by the profile, where one is used.
    """
    looks = brings and options.aspm.uses_profile
    done = {
        key: state
        for key, state in same.items()
        if state.state is RegistrationState.REGISTERED
        and not (looks and state.mode is RegistrationMode.API)
    }
    for one in options.stored.organizations if options.stored is not None else ():
        if _key(options, one) in done:
            context.voice.note(
                f"{clean(one.name, 60)} is unchanged: Invicti ASPM has this token already."
            )
    return done


def keep_good(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    keys: Sequence[str],
    toggles: Sequence[str],
    begun: dict[str, Registration],
    aspm: AspmResult | None,
) -> None:
    """Put the good organizations on record, upon whatever is on record by then."""
    where = options.aspm
    addition = Addition(
        options.name,
        good,
        keys,
        context.stamp,
        tuple(toggles),
        StoredAspm(where.url, where.api, where.profile) if where.url else None,
        begun,
        options.target.allow_http,
        context.ca_bundle,
    )
    beside, record = secret_to_keep(context, aspm)
    store_entry(context, options.name, addition.onto, {**addition.secrets, **beside}, record)


def _begun(
    options: ConnectOptions, place: Place, same: Mapping[str, Registration], *, brings: bool
) -> Registration:
    """What is on record until Invicti ASPM answers, or a person does. What a profile registered before is not lost.

    A profile only creates: where it has registered another token, or other settings, a person enters the new ones.
    """
    if brings and options.aspm.hands_over:
        return HANDED_OFF
    known = options.stored.organizations if options.stored is not None and not options.moves else ()
    prior = next(
        (one.registration for one in known if _key(options, one) == place.key), UNREGISTERED
    )
    if brings and prior.mode is not RegistrationMode.API and not prior.marker:
        return Registration(RegistrationMode.API)
    return same.get(place.key, prior.for_new_token)


def _handoff(
    context: Context,
    options: ConnectOptions,
    one: TokenResult,
    made: OrganizationResult,
    settings: Settings,
    begun: dict[str, Registration],
) -> Handoff:
    token = one.token
    return Handoff(
        options.name,
        made.place,
        token.demand.purpose,
        settings,
        token.secret,
        needed_username(made.report) or token.username,
        repository_of(made),
        evidence_of(
            made.report.checks, context.now().strftime("%Y-%m-%d"), made.report.token.reach
        ),
        begun[made.place.key],
    )


def concluded(
    context: Context,
    options: ConnectOptions,
    results: Sequence[TokenResult],
    refused: Sequence[OrganizationReport],
    delivery: Delivery,
    aspm: AspmResult | None,
) -> ConnectionReport:
    """The connection with the state of each organization, and what was proven of its ASPM; ``refused`` has no token."""
    organizations, stored = [], _stored(context, options, delivery)
    entry = context.records.load().connections.get(options.name) if delivery.kept else None
    for result in results:
        for made in result.reports:
            key = options.target.site.place(made.name).key
            outcome = delivery.outcomes.get(key) if made.is_good else None
            brought = options.aspm.is_wanted
            state = outcome.registration if outcome is not None else None
            facts = RegistrationFacts(
                options.name,
                made.name,
                on_record=state or UNREGISTERED,
                token=_token(entry, made.name, state),
                aspm_is_good=aspm is None or aspm.is_good or not brought,
                brought=brought,
                stored=options.keeps,
                required=options.aspm.counts,
            ).after(outcome if brought else None)
            shown = named(made, options.name if delivery.kept else None)
            organizations.append(with_registration(shown, facts))
    made_report = connection_report(
        options.name, options.target.site, options.demand.purpose, [*organizations, *refused]
    )
    return replace(
        made_report,
        aspm=aspm.report if aspm is not None else None,
        checks=(*made_report.checks, stored),
    )


def _key(options: ConnectOptions, one: StoredOrganization) -> str:
    return options.target.site.place(one.name).key


def _token(entry: Entry | None, name: str, state: Registration | None) -> NewToken:
    """What stands with the token that was proven; ``entry`` is the connection as it is stored by now.

    A new one may still wait beside it. That is said, but for a refusal: it is of the one that was brought.
    """
    if state is None:
        return NewToken.NOT_GOOD
    if entry is None or state.state is RegistrationState.FAILED:
        return NewToken.IN_FORCE
    return token_of(entry, name)


def _stored(context: Context, options: ConnectOptions, delivery: Delivery) -> Check:
    """``store.secrets``: where the tokens are now."""
    if not options.stores:
        return skip(CheckId.SECRETS, "Nothing is stored, as asked.", Reason.NOTHING_KEPT)
    if not delivery.kept:
        return skip(CheckId.SECRETS, "Nothing was stored.", Reason.NOTHING_KEPT)
    return Check(CheckId.SECRETS, Status.PASS, f"Stored in {context.vault.title}, and read back.")


_BESIDE: Final = (
    ("All organizations", ALL_ORGANIZATIONS),
    ("End of the token", PAT_EXPIRES),
    ("Username for cloning", CLONE_USERNAME),
    ("Repository to try", CHECK_CLONE),
    ("Read-only probes", READ_ONLY_PROBES),
    ("http accepted", ALLOW_HTTP),
    ("API of Invicti ASPM", ASPM_API),
)
"""What is shown where it was given, and left out where it was not: a variable that was forgotten is seen here."""


def tell_plan(
    context: Context,
    options: ConnectOptions,
    good: Sequence[tuple[TokenResult, OrganizationResult]],
    settings: Settings,
    aspm: AspmResult | None,
) -> None:
    """The plan, on stderr."""
    voice = context.voice
    voice.heading("The plan" + (" (nothing of it is done: a rehearsal)" if options.dry_run else ""))
    rows = [
        ("Connection", options.name),
        ("Deployment", _sourced(context, options.target.site.base_url, SERVER_URL)),
    ]
    rows += _places(context, good)
    rows.append(("Purpose", _sourced(context, options.demand.purpose.value, PURPOSE)))
    rows.append(("Reach", _sourced(context, options.demand.reach.value, REACH)))
    given = [(label, context.asker.given(question)) for label, question in _BESIDE]
    rows += [
        (label, f"{', '.join(one.values)} (from {one.source})")
        for label, one in given
        if one is not None
    ]
    rows.append(("Secrets", _sourced(context, _kept_in(context, options), STORE)))
    if aspm is not None:
        how = "by your profile" if options.aspm.uses_profile else "by hand, in its UI"
        rows.append(("Invicti ASPM", _sourced(context, aspm.url, ASPM_URL)))
        rows.append(("Registration", _sourced(context, how, REGISTER)))
    elif options.aspm.url:
        rows.append(("Invicti ASPM", f"{options.aspm.url}: nothing is handed over"))
    rows += [
        ("Advanced Settings", _sourced(context, label, TEAM_LEADS_MAY)) for label in settings.labels
    ]
    if settings.issue_manager:
        rows.append(("Issue manager", "the checkbox in its form"))
    for label, value in rows:
        voice.say(f"  {label}: {value}")


def _places(
    context: Context, good: Sequence[tuple[TokenResult, OrganizationResult]]
) -> Iterator[tuple[str, str]]:
    """A row for each organization; many that share a token are one row."""
    for _, group in groupby(good, lambda one: id(one[0])):
        shared = list(group)
        token = shared[0][0].token
        last4 = f" …{token.secret.last4}" if token.secret.last4 else ""
        names, label = (
            [made.place.name for _, made in shared],
            shared[0][1].place.noun.capitalize(),
        )
        if len(names) > FEW:
            label, names = f"{label}s ({len(names)})", [", ".join(names)]
        for name in names:
            yield (
                label,
                f"{_sourced(context, name, ORGANIZATION)}: token{last4} (from {token.source})",
            )


def _kept_in(context: Context, options: ConnectOptions) -> str:
    """Where the secrets go; a rehearsal does not open the keyring to say its name."""
    if not options.keeps:
        return "stored nowhere, as asked"
    return "the keyring of this system" if options.dry_run else context.vault.title


def _sourced(context: Context, value: str, question: Question) -> str:
    given = context.asker.given(question)
    return f"{value} (from {given.source})" if given else value
