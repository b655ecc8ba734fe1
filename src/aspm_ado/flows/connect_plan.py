"""The plan of a connection: what is stored and handed over, from where, and its changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import CREATE, FETCH, LABELS, Dialect
from aspm_ado.domain.azure.deployment import Purpose
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import hint_of
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
    Choice,
    Question,
)
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.rules.token import age_hint
from aspm_ado.domain.text import FEW, clean
from aspm_ado.flows.answers import AUTO
from aspm_ado.flows.registration.aspm import parse_aspm_url
from aspm_ado.flows.tokens.creation import REQUIRE, creation_asked
from aspm_ado.flows.tokens.prompt import acquire, ask_end, warn_of_end
from aspm_ado.flows.tokens.retry import also_reached, validate_until_good

if TYPE_CHECKING:
    from collections.abc import Callable

    from aspm_ado.domain.aspm.api import Settings
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import ConnectOptions
    from aspm_ado.flows.registration.aspm import AspmResult
    from aspm_ado.flows.validation.token import Demand, TokenResult


_WHERE_GIVEN: Final = (
    ("All organizations", ALL_ORGANIZATIONS),
    ("Username for cloning", CLONE_USERNAME),
    ("Read-only probes", READ_ONLY_PROBES),
    ("http allowed", ALLOW_HTTP),
    ("API of Invicti ASPM", ASPM_API),
)
"""What is shown only where it was given: a variable that was forgotten is seen here."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be stored; ``aspm`` is set where something is handed over."""

    context: Context
    options: ConnectOptions
    good: Sequence[TokenResult]
    settings: Settings
    aspm: AspmResult | None

    def show(self) -> None:
        """Say the plan."""
        rehearsed = " (dry run: nothing is changed)" if self.options.dry_run else ""
        self.context.voice.heading(f"The plan{rehearsed}")
        for label, value in self.rows():
            self.context.voice.say(f"  {label}: {value}")

    def rows(self) -> Iterator[tuple[str, str]]:
        """Each value with its label."""
        asker, demand = self.context.asker, self.options.demand
        yield "Connection", self.options.name
        yield "Deployment", self.with_source(self.options.target.site.base_url, SERVER_URL)
        yield from self.organizations()
        if others := also_reached(self.context, self.good, demand):
            names = [clean(place.name, 60) for place in islice(others.values(), FEW)]
            more = f", and {len(others) - FEW} more" if len(others) > FEW else ""
            yield "Not included", f"{', '.join(names)}{more} (the token reaches them, too)"
        yield "Purpose", self.known(demand.purpose.value, PURPOSE)
        first = self.good[0]
        reach = first.calendar.demanded(first.token.demand.reach, first.token.site.deployment)
        yield "Reach", self.known(reach.value, REACH)
        for label, question in _WHERE_GIVEN:
            if (given := asker.given(question)) is not None:
                yield label, f"{', '.join(given.values)} (from {given.source})"
        if (given := asker.given(CHECK_CLONE)) is not None:
            yield "Repository to try", f"{demand.check_clone} (from {given.source})"
        yield "Secrets", self.with_source(self.secret_store, STORE)
        yield from self.brought()

    def brought(self) -> Iterator[tuple[str, str]]:
        """Where it is brought to, and with which settings."""
        options, aspm = self.options, self.aspm
        if aspm is not None:
            how = "by your profile" if options.aspm.uses_profile else "by hand, in its UI"
            yield "Invicti ASPM", self.with_source(aspm.url, ASPM_URL)
            yield "Registration", self.with_source(how, REGISTER)
        elif options.aspm.url:
            yield "Invicti ASPM", f"{options.aspm.url}: no handoff"
        if aspm is not None and aspm.dialect is not Dialect.CORE:
            for label in self.settings.labels or ("none",):
                yield "Advanced Settings", self.known(label, TEAM_LEADS_MAY)
        if self.settings.issue_manager:
            yield "Issue manager", "the checkbox in its form"

    def organizations(self) -> Iterator[tuple[str, str]]:
        """The organizations of every token; many tokens that are alike are one row."""
        alike: dict[tuple[str, str], list[TokenResult]] = {}
        for result in self.good:
            alike.setdefault((result.token.source, _end(result)), []).append(result)
        for (source, end), results in alike.items():
            if len(results) > FEW:
                places = [one.place for result in results for one in result.good]
                names = self.with_source(", ".join(place.name for place in places), ORGANIZATION)
                label = f"{places[0].noun.capitalize()}s ({len(places)})"
                yield label, f"{names}: one token each (from {source}), {end}"
                continue
            for result in results:
                yield from self.of_token(result)

    def of_token(self, result: TokenResult) -> Iterator[tuple[str, str]]:
        """A row for each organization of a token; many of them are one row."""
        token, places = result.token, [one.place for one in result.good]
        last4 = f" …{token.secret.last4}" if token.secret.last4 else ""
        label, names = places[0].noun.capitalize(), [place.name for place in places]
        if len(names) > FEW:
            label, names = f"{label}s ({len(names)})", [", ".join(names)]
        for name in names:
            named = self.with_source(name, ORGANIZATION)
            yield label, f"{named}: token{last4} (from {token.source}), {_end(result)}"

    @property
    def secret_store(self) -> str:
        """Where the secrets go; a rehearsal does not open the keyring to say its name."""
        if not self.options.keeps:
            return "not stored, as requested"
        if self.options.dry_run:
            return "the keyring of this system"
        return self.context.vault.title

    def known(self, value: str, question: Question) -> str:
        """A value that is never asked for: on record, given, changed, or the default."""
        source = self.context.asker.source(question)
        if self.options.stored is not None and source == "default":
            source = "stored"
        return f"{value} ({source})"

    def with_source(self, value: str, question: Question) -> str:
        """A value, and where it was given."""
        given = self.context.asker.given(question)
        return f"{value} (from {given.source})" if given else value


def _end(result: TokenResult) -> str:
    """When a token ends, and who says so."""
    token = result.token
    if token.end is not None:
        return f"expires {token.end} (from {token.end_source})"
    if hint := age_hint(token.secret, result.calendar):
        return f"expiry unknown. {hint}"
    return "expiry unknown"


_WHAT: Final = Question("change", "Which answer do you want to change?")
_NONE: Final = Choice("none", "None: back to the plan")
PURPOSES: Final = (
    Choice("alm", "Read and scan code", hint_of(Purpose.ALM)),
    Choice(
        "alm+issue-manager",
        "Read code, and be the issue manager too",
        hint_of(Purpose.ALM_AND_ISSUE_MANAGER),
    ),
    Choice("issue-manager", "Issue manager only", hint_of(Purpose.ISSUE_MANAGER)),
)


@dataclass(slots=True)
class Change:
    """“Change an answer” at the plan: what had a default or was answered, asked anew."""

    context: Context
    options: ConnectOptions
    results: list[TokenResult]

    def ask(self) -> list[TokenResult]:
        """Ask one question again; the results after it."""
        changes = self.offered()
        choices = [Choice(one.name, label) for label, one, _ in changes]
        answer = self.context.asker.prompter.choose(_WHAT, [*choices, _NONE], choices[0].value)
        for _, question, change in changes:
            if question.name == answer:
                change()
        return self.results

    def offered(self) -> list[tuple[str, Question, Callable[[], None]]]:
        """What can be changed. The purpose of a stored connection is that of all its tokens."""
        aspm, offered = self.options.aspm, []
        if self.options.stored is None:
            offered.append(("Purpose", PURPOSE, self.purpose))
        offered.append(("Expiry date of the token", PAT_EXPIRES, self.end))
        if self.may_change_reach():
            offered.append(("Reach of the token", REACH, self.reach))
        if aspm.is_wanted or self.context.asker.given(REGISTER) is None:
            offered.append(("URL of Invicti ASPM", ASPM_URL, self.address))
        if aspm.is_wanted and aspm.api != Dialect.CORE.value:
            offered.append(("Advanced Settings", TEAM_LEADS_MAY, self.settings))
        return offered

    def may_change_reach(self) -> bool:
        """Whether both kinds of token can be had: in the last days of global tokens."""
        calendar, deployment = self.context.clock.calendar(), self.options.target.site.deployment
        is_new = self.options.stored is None
        is_new = is_new and not any(one.token.credential for one in self.results)
        creates = creation_asked(self.context.asker) == REQUIRE
        return calendar.ends_soon(deployment) and is_new and not creates

    def purpose(self) -> None:
        """Another purpose needs other scopes: all is asked again."""
        asker, aspm, before = self.context.asker, self.options.aspm, self.options.demand.purpose
        answer = asker.prompter.choose(PURPOSE, PURPOSES, before.value)
        asker.change(PURPOSE, answer)
        purpose = Purpose(answer)
        if purpose is before:
            return
        if not purpose.reads_code and aspm.toggles:
            aspm.toggles = tuple(one for one in aspm.toggles if one != FETCH)
        self.demand_anew(lambda one: replace(one, purpose=purpose))

    def reach(self) -> None:
        """Another reach; a global token is asked for where it is not one already."""
        context, results = self.context, self.results
        calendar, deployment = context.clock.calendar(), self.options.target.site.deployment
        before = calendar.demanded(results[0].token.demand.reach, deployment)
        end = f"Microsoft announced their end for {calendar.global_end}"
        choices = [
            Choice(Reach.ORGANIZATION.value, "One token per organization", "works after that day"),
            Choice(Reach.ALL.value, "One token for all accessible organizations", end),
        ]
        answer = context.asker.prompter.choose(REACH, choices, before.value)
        if answer == before.value:
            return
        reach = ReachDemanded(answer)
        warn_of_end(context, reach, deployment)
        is_global = all(one.reach_seen.reach is Reach.ALL for one in results)
        if reach is not ReachDemanded.ALL or is_global:
            self.demand_anew(lambda one: one.reaching(reach))
        elif not self.asked_for_global(self.options.demand.reaching(reach)):
            return
        context.asker.change(REACH, answer)

    def asked_for_global(self, demand: Demand) -> bool:
        """Whether a person enters one token in place of all; it is validated then."""
        places = [place for result in self.results for place in result.token.places]
        try:
            token = acquire(self.context, places[0], demand, for_all=True)
        except UsageError as error:
            if error.reason is not Reason.DECLINED:
                raise
            return False
        meant = token.meant_for(places[0].site, places, demand)
        self.results = validate_until_good(self.context, [meant])
        self.options.demand = demand
        return True

    def demand_anew(self, changed: Callable[[Demand], Demand]) -> None:
        """Validate the same tokens under another demand."""
        self.options.demand = changed(self.options.demand)
        for result in self.results:
            result.token.demand = changed(result.token.demand)
        tokens = [result.token for result in self.results]
        self.results = validate_until_good(self.context, tokens)

    def end(self) -> None:
        """The date of each token."""
        self.context.asker.change(PAT_EXPIRES)
        for result in self.results:
            if result.good:
                self.context.voice.say(f"The token of {result.good[0].place.name}:")
                ask_end(self.context, [result])

    def address(self) -> None:
        """The URL of Invicti ASPM."""
        asker, aspm = self.context.asker, self.options.aspm
        text = asker.prompter.text(ASPM_URL, aspm.url or "", accept=parse_aspm_url)
        asker.change(ASPM_URL, text)
        if not aspm.is_wanted:  # the first answer was “later”
            aspm.register = AUTO
        aspm.url = parse_aspm_url(text)

    def settings(self) -> None:
        """Advanced Settings; what one depends on is added."""
        asker, reads_code = self.context.asker, self.options.demand.purpose.reads_code
        offered = [
            Choice(toggle, label)
            for toggle, label in LABELS.items()
            if reads_code or toggle != FETCH
        ]
        chosen = tuple(asker.prompter.choose_many(TEAM_LEADS_MAY, offered))
        if FETCH in chosen and CREATE not in chosen:
            self.context.voice.note(f"“{LABELS[CREATE]}” is added: fetching depends on it.")
            chosen = (CREATE, *chosen)
        self.options.aspm.toggles = chosen
        asker.change(TEAM_LEADS_MAY, ",".join(chosen))
