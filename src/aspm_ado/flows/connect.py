"""``connect``: options, tokens, validation, Invicti ASPM, storage, registration, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import Settings, settings_for
from aspm_ado.domain.aspm.handoff import evidence_of
from aspm_ado.domain.aspm.registration import NewToken, Outcome, RegistrationFacts, token_of
from aspm_ado.domain.azure.deployment import Purpose
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
from aspm_ado.domain.reasons import (
    CheckId,
    InterruptedByUserError,
    NotCreatedError,
    Reason,
    Status,
    UsageError,
    UserError,
)
from aspm_ado.domain.report import (
    EVERY_ONE,
    Check,
    ConnectionReport,
    OrganizationReport,
    Report,
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
from aspm_ado.flows.connect_plan import Change, Plan
from aspm_ado.flows.handoff import is_unfinished, resumable, resume_handoff
from aspm_ado.flows.options import (
    ConnectOptions,
    distribute,
    purpose_given,
    resolve_options,
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
    Creation,
    not_created_report,
)
from aspm_ado.flows.tokens.lifecycle import release_stored_orders
from aspm_ado.flows.tokens.prompt import acquire, ask_ends, show_position
from aspm_ado.flows.tokens.retry import (
    ABSENT_OR_NO_SERVER,
    add_organizations,
    create_several,
    validate_until_good,
)
from aspm_ado.flows.tokens.sources import Tokens
from aspm_ado.flows.validate import validate_stored
from aspm_ado.flows.validation.report import (
    connection_report,
    named,
    report,
    with_registration,
)

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.reasons import Problem
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.token import OrganizationResult, TokenResult

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
    run = _Connecting(context, options)
    run.validate()
    options.adopt_places(run.results)
    if not name:
        options.name_after(run.results, stored)
    run.store_and_register()
    return report(context, "connect", [run.connection()])


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
_NO: Final = Choice("n", "No")


@dataclass(slots=True)
class _Connecting:
    """One run of ``connect``, and what has come of it so far."""

    context: Context
    options: ConnectOptions
    results: list[TokenResult] = field(default_factory=list)
    refused: list[OrganizationReport] = field(default_factory=list)
    """Of organizations where no token could be created."""
    good: list[TokenResult] = field(default_factory=list)
    aspm: AspmResult | None = None
    is_stored: bool = False

    @property
    def settings(self) -> Settings:
        """Advanced Settings: those given, or none, which the plan lets a person change."""
        aspm = self.options.aspm
        return settings_for(aspm.toggles or (), self.options.demand.purpose, aspm.api)

    @property
    def ready(self) -> AspmResult | None:
        """The ASPM, if it passed and a registration is wanted."""
        if self.aspm is not None and self.aspm.is_good and self.options.aspm.is_wanted:
            return self.aspm
        return None

    def store_and_register(self) -> None:
        """Ask about the plan until it is agreed to, then carry it out."""
        context, options = self.context, self.options
        name = options.name if options.keeps else ""
        how_to_continue = partial(self.how_to_continue, self.places)
        with resumable(context, name, how_to_continue, InterruptedByUserError):
            handoffs = self.agreed()
        if self.good:
            self.carry_out(handoffs)
        if self.good and options.replaced is not None:
            now = context.records.load().connections.get(options.name, options.replaced)
            revoke_replaced(context, options.replaced, now)

    def agreed(self) -> Sequence[Handoff]:
        """What is to be brought to Invicti ASPM by the plan that a person agrees to."""
        context, options = self.context, self.options
        self.find_good()
        self.find_aspm()
        while self.good:
            handoffs = self.prepare()
            Plan(context, options, self.good, self.settings, self.ready).show()
            answer = self.answer_to_plan()
            if answer == GO.value:
                return handoffs
            address = options.aspm.url
            if answer == _CHANGE.value:
                self.results = Change(context, options, self.results).ask()
            else:
                self.results = add_organizations(context, self.results, options.demand)
            self.find_good()
            if self.good and options.aspm.url != address:
                self.find_aspm()
        return ()

    def find_good(self) -> None:
        """Find what passed, and ask for the expiry dates that are not known."""
        self.good = good_ones(self.context, self.results, self.options.replaced)
        ask_ends(self.context, self.results)

    # Tokens and their validation

    @property
    def places(self) -> list[Place]:
        """The organizations of the tokens of this run."""
        return [one.place for result in self.results for one in result.organizations.values()]

    def validate(self) -> None:
        """Validate the tokens that are there; ask for the others, one page after the other."""
        context, target, demand = self.context, self.options.target, self.options.demand
        tokens = self.options.tokens
        bare = [place for place in target.places if tokens.of(place) is None]
        if bare and (context.asker.asks or Creation(context, bare[0], demand).is_unasked):
            reach = context.clock.calendar().demanded(demand.reach, target.site.deployment)
            if reach is Reach.ALL:
                tokens = Tokens(acquire(context, bare[0], demand, for_all=True), tokens.own)
            else:
                how_to_continue = partial(self.how_to_continue, bare)
                with resumable(context, self.options.name, how_to_continue, InterruptedByUserError):
                    self.acquire_each(bare)
                target = target.without(bare)
        if not target.is_open:
            given = distribute(tokens, target, demand)
            found = validate_until_good(context, given, corrects=ABSENT_OR_NO_SERVER)
            self.results = found + self.results

    def acquire_each(self, places: Sequence[Place]) -> None:
        """A token for each organization, stored as it passes, so that a person can stop anywhere.

        One that lets no token be created does not keep the others from theirs.
        """
        context, demand = self.context, self.options.demand
        stores_each = self.options.stores and len(places) > 1
        if stores_each:
            context.voice.note(
                "aspm-ado stores each token after it passes. You can stop at any time. To "
                f"continue, run: {self.command_to_continue(places)}"
            )
        if len(places) > 1 and Creation(context, places[0], demand).is_at_once:
            self.results, self.refused = create_several(context, places, demand, self.store_now)
            return
        begun = context.now()
        for number, place in enumerate(places):
            if stores_each and number:
                show_position(context, place, number, len(places), begun)
            try:
                token = acquire(context, place, demand, for_all=False)
                token = token.meant_for(place.site, [place], demand)
                [result] = validate_until_good(context, [token], corrects=ABSENT_OR_NO_SERVER)
            except (NotCreatedError, UsageError) as error:
                if len(places) == 1 or (error.reason is Reason.DECLINED and not self.results):
                    raise
                if error.reason is Reason.DECLINED:
                    break
                self.refused.append(not_created_report(context, place.name, error))
                continue
            if stores_each:
                self.store_now([result])
            self.results.append(result)

    def command_to_continue(self, places: Sequence[Place]) -> str:
        """The command that continues with the organizations that have no token yet."""
        asker, options = self.context.asker, self.options
        where = options_for(options.target.site, [place.name for place in places])
        if len(places) > FEW and asker.switch(ALL_ORGANIZATIONS):
            where = ALL_ORGANIZATIONS.flag
        words = ("aspm-ado connect", options.name, where, asker.typed(_TYPED_AGAIN))
        return " ".join(filter(None, words))

    def how_to_continue(self, places: Sequence[Place], entry: Entry) -> tuple[str, str]:
        """Which of these organizations are stored, and the command that continues."""
        wanted = {place.key for place in places} - {
            key
            for result in self.results
            if not (result.token.credential or result.held)
            for key in result.organizations
        }
        stored = [clean(one.name, 60) for one in entry.organizations if one.key in wanted]
        said = ""
        if stored:
            total = f"{len(stored)} of {len(places)} {places[0].noun}s"
            said = f"Stored in “{self.options.name}”: {total} ({some_of(stored)})."
        return said, self.command_to_continue(places)

    def store_now(self, results: Sequence[TokenResult]) -> None:
        """Store the tokens that are good, where anything is stored.

        The key of each says from then on that it is not to be stored again.
        """
        good = good_ones(self.context, results, self.options.stored)
        if good and self.options.stores:
            keys = [min(one.held, default=new_key(self.context)) for one in good]
            self.store(good, keys, self.options.aspm.toggles or ())
            for one, key in zip(good, keys, strict=True):
                one.token.credential = key
            release_stored_orders(self.context)

    # Invicti ASPM

    def find_aspm(self) -> None:
        """Find the ASPM and adopt its address and API; skip it where no organization passed."""
        options = self.options
        asks_later = self.good and options.aspm.is_wanted
        if self.good:
            options.ask_aspm_url(self.context.asker)
        url, self.aspm = options.aspm.url, None
        if url is None:
            if asks_later:
                where = options_for(options.target.site, options.target.names[:1] or ("NAME",))
                self.context.voice.note(
                    "No handoff now. To finish later, run: "
                    f"aspm-ado connect {options.name} {where} --aspm-url URL"
                )
            return
        if self.good or options.dry_run:
            self.aspm = self.contact_aspm(url)
        else:
            checks = aspm_skipped()
            if options.aspm_token is not None:
                checks = aspm_skipped("Skipped: no organization passed.", Reason.NOT_ASKED)
            self.aspm = AspmResult(url, checks, api_asked=options.aspm.api)
        options.adopt_aspm(self.context, self.aspm.url, self.aspm.api)

    def contact_aspm(self, url: str) -> AspmResult:
        """Validate the ASPM at an address, with a token where one is needed or offered."""
        context, options = self.context, self.options
        api_before = options.aspm_before.api if options.aspm_before is not None else AUTO
        target = AspmTarget(url, api_asked(context), api_before, options.target.site.ca_bundle)
        by_hand = options.moves and options.aspm.hands_over
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

    def answer_to_plan(self) -> str:
        """A person's answer to the plan, if it changes anything.

        Raises ``UsageError`` after a no; tokens that are stored one by one stay.
        """
        context, options = self.context, self.options
        brings = self.ready is not None
        unasked = options.dry_run or options.yes or not (brings or options.keeps)
        if unasked or not context.asker.asks:
            return GO.value
        question = _TO_STORE
        if brings:
            question = _TO_BRING[options.aspm.uses_profile, options.keeps]
        add = Choice("add", f"Add another {options.target.site.deployment.noun}")
        answer = context.asker.prompter.choose(question, [GO, _CHANGE, add, _NO], GO.value)
        if answer == _NO.value:
            raise declined(self.stored_so_far() or "Nothing changed.")
        return answer

    def stored_so_far(self) -> str:
        """What is stored if a person stops here, and the command that continues; else nothing."""
        options = self.options
        stored = [
            one.place.name for result in self.good if result.token.credential for one in result.good
        ]
        if options.stores and stored and options.replaced is None:
            names = clean(", ".join(stored), 200)
            return f"Already stored: {names}. To continue, run: aspm-ado connect {options.name}"
        return ""

    def carry_out(self, handoffs: Sequence[Handoff]) -> None:
        """Store the good ones, then register or hand them over."""
        context, options, ready = self.context, self.options, self.ready
        if options.dry_run:
            self.take(rehearse(context, ready, options.profile, handoffs))
            return
        if options.keeps:
            keys = [new_key(context) for _ in self.good]
            self.store(self.good, keys, self.settings.toggles)
            self.is_stored = True
        if ready is not None:
            with resumable(context, options.name if options.keeps else ""):
                self.take(deliver(context, ready, options.profile, handoffs))

    def take(self, outcomes: Outcomes) -> None:
        """Put what came of the organizations that were brought to Invicti ASPM on the results."""
        for result in self.good:
            for here in result.good:
                here.outcome = outcomes.get(here.place.key, here.outcome)

    def prepare(self) -> list[Handoff]:
        """What is to be brought to Invicti ASPM, which does not have it yet.

        The ``outcome`` of each organization is what is put on record of it before.
        """
        options, brings = self.options, self.ready is not None
        unchanged = self.unchanged()
        done = self.registered_already(unchanged)
        prior: dict[str, StoredOrganization] = {}
        if options.stored is not None and not options.moves:
            prior = stored_by_key(options.stored)
        handoffs = []
        for result in self.good:
            for here in result.good:
                key = here.place.key
                if key in done:
                    here.outcome = Outcome(done[key])
                    continue
                known = prior[key].registration if key in prior else UNREGISTERED
                begun = options.aspm.begun(known, brings=brings, is_unchanged=key in unchanged)
                here.outcome = Outcome(begun)
                handoffs.append(self.handoff(result, here, begun))
        return handoffs

    def unchanged(self) -> dict[str, StoredOrganization]:
        """The organizations on record with this very token, and these settings."""
        options, old = self.options, self.options.stored
        if old is None or not options.stores or options.moves:
            return {}
        if (old.purpose, old.toggles) != (options.demand.purpose, self.settings.toggles):
            return {}
        held = {here.place.key: result.held for result in self.good for here in result.good}
        stored = stored_by_key(old)
        return {key: one for key, one in stored.items() if one.credential in held.get(key, ())}

    def registered_already(
        self, unchanged: Mapping[str, StoredOrganization]
    ) -> dict[str, Registration]:
        """What Invicti ASPM has already, with the very token and settings: it stays as it is.

        What a profile registered is looked at by the profile, where one is used.
        """
        context, ready, old = self.context, self.ready, self.options.stored
        looks = ready is not None and self.options.aspm.uses_profile
        shown = shown_since(context, old, ready) if old and ready else ()
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

    def handoff(
        self, result: TokenResult, here: OrganizationResult, begun: Registration
    ) -> Handoff:
        """One organization to bring to Invicti ASPM."""
        made, day = here.report, self.context.shown[:10]
        username = needed_username(made) or result.token.username
        owner = made.identity.label if made.identity is not None else ""
        return Handoff(
            self.options.name,
            here.place,
            self.options.demand.purpose,
            self.settings,
            result.token.secret,
            username,
            repository_of(here),
            evidence_of(made.checks, day, made.token.reach, owner),
            begun,
            verdict=statuses_of(made),
            unstored="" if self.options.keeps else result.token.authorization_id,
        )

    def store(
        self, good: Sequence[TokenResult], keys: Sequence[str], toggles: Sequence[str]
    ) -> None:
        """Put the good organizations on record, upon whatever is on record by then."""
        context, options = self.context, self.options
        reached = (here for result in good for here in result.good)
        addition = Addition(
            options.name,
            good,
            keys,
            context.stamp,
            tuple(toggles),
            options.aspm.on_record,
            {one.place.key: one.outcome.registration for one in reached if one.outcome is not None},
            options.target.allow_http,
            context.ca_bundle,
            context.is_simulated,
        )
        secrets, record = secret_to_keep(context, self.aspm)
        origin = str(Origin.of(options.target.site.base_url))
        kept = {**addition.secrets, **secrets}
        store_entry(context, options.name, origin, addition.onto, kept, record)

    # The report

    def connection(self) -> ConnectionReport:
        """The connection with the state of each organization."""
        options, entry = self.options, None
        if self.is_stored:
            entry = self.context.records.load().connections.get(options.name)
        reported = (here for result in self.results for here in result.reported)
        return connection_report(
            options.name,
            options.target.site,
            options.demand.purpose,
            [*(self.organization(here, entry) for here in reported), *self.refused],
            [self.where_stored()],
            self.aspm.report if self.aspm is not None else None,
        )

    def organization(self, here: OrganizationResult, entry: Entry | None) -> OrganizationReport:
        """The report with what became of the registration; ``entry`` is what this run stored."""
        options, name = self.options, here.report.name
        state, token = UNREGISTERED, NewToken.NOT_GOOD
        if here.outcome is not None:
            state, token = here.outcome.registration, NewToken.IN_FORCE
            # A refusal is of the token that was brought now, not of one that is pending.
            if entry is not None and state.state is not RegistrationState.FAILED:
                token = token_of(entry, name)
        brought = options.aspm.is_wanted
        facts = RegistrationFacts(
            options.name,
            name,
            on_record=state,
            token=token,
            aspm_is_good=self.aspm is None or self.aspm.is_good or not brought,
            brought=brought,
            stored=options.keeps,
            revoked=not options.keeps and here.report.token.source == CREATED,
            required=options.aspm.counts,
        )
        if brought:
            facts.add(here.outcome)
        return with_registration(
            named(here.report, entry.name if entry is not None else None), facts
        )

    def where_stored(self) -> Check:
        """``store.secrets``: where the tokens are now."""
        if not self.options.stores:
            return skip(CheckId.SECRETS, "Nothing is stored, as requested.", Reason.NOTHING_KEPT)
        if not self.is_stored:
            told = "Nothing is stored." if self.options.stored is None else "Nothing changed."
            return skip(CheckId.SECRETS, told, Reason.NOTHING_KEPT)
        where = self.context.vault.title
        return Check(CheckId.SECRETS, Status.PASS, f"Stored in {where}, and read back.")


# Several connections of a file


def connection_title(asker: Asker, name: str | None) -> str:
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
