"""Validating until it is good: a person corrects a name, edits the token, or adds organizations."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import parse_organization, parse_server
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import boxes_of
from aspm_ado.domain.documents import Names, UserProfile
from aspm_ado.domain.questions import (
    CLONE_USERNAME,
    COLLECTION,
    PAT_EXPIRES,
    SERVER_URL,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import (
    CheckId,
    ExitCode,
    NotCreatedError,
    Reason,
    Status,
    UsageError,
    Who,
)
from aspm_ado.domain.report import Check
from aspm_ado.domain.text import FEW, clean, some_of
from aspm_ado.domain.ticket import responsibilities
from aspm_ado.flows.answers import parse_username
from aspm_ado.flows.tokens.creation import Creation, not_created_report
from aspm_ado.flows.tokens.prompt import OPEN, acquire, open_page, time_left
from aspm_ado.flows.tokens.sources import ask_token
from aspm_ado.flows.validation.report import connection_report, not_good
from aspm_ado.flows.validation.run import validate, validating
from aspm_ado.flows.validation.scheduler import one_call

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.ports import Prompter
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.scheduler import RequestPlan
    from aspm_ado.flows.validation.token import Demand, OrganizationResult, Token, TokenResult

INSTEAD: Final = Question("instead", "Organization (name or any URL in it)")
_WHICH: Final = Question("correct-which", "Which one do you mean?")
_OTHER: Final = Choice("", "Another name")
ABSENT: Final = frozenset({Reason.ORGANIZATION_ABSENT})
"""What the name of an organization that is wrong comes to."""
_NO_SERVER: Final = frozenset({Reason.NAME_UNRESOLVED, Reason.NOT_AZURE_DEVOPS})
ABSENT_OR_NO_SERVER: Final = ABSENT | _NO_SERVER
"""The same of any name or URL."""


def correct_absent(context: Context, places: Sequence[Place]) -> list[Place]:
    """The places, with those asked again that Azure DevOps says do not exist.

    Services say so without a token. Where nothing can be told, or the same name is typed again,
    the name is taken as it is.
    """
    absent = _absent(context, places)
    return [_existing(context, place) if place in absent else place for place in places]


def _existing(context: Context, place: Place) -> Place:
    """What a person names in place of an organization that does not exist."""
    while True:
        context.voice.warn(f"There is no organization named {clean(place.name, 60)}.")
        text = context.asker.prompter.text(INSTEAD, place.name, accept=parse_organization)
        before, place = place, parse_organization(text)
        if place.key == before.key or not _absent(context, [place]):
            return place


def _absent(context: Context, places: Sequence[Place]) -> list[Place]:
    asked = [one for one in places if one.site.deployment is Deployment.SERVICES]
    plans = [one_call(context.caller.tenant(place)[1]) for place in asked]
    replies = zip(asked, context.scheduler.run_all(plans), strict=True)
    return [
        place for place, it in replies if it.status == 404 and bool(it.header("X-TFS-ProcessId"))
    ]


NEXT: Final = Question("next", "What now?")
AGAIN: Final = Choice("again", "Run the failed checks again", "after editing the token on its page")
OTHER: Final = Choice("other", "Enter another token")
USERNAME: Final = Choice("username", "Try cloning with a username")
ONE_EACH: Final = Choice("one-each", "Accept it: one token for each organization")
TICKET: Final = Choice("ticket", "Show a text for a support ticket")
CORRECT: Final = "correct"
STOP: Final = Choice("keep", "Stop here (nothing is stored)")
KEEP: Final = Choice("keep", "Continue with what passed, fix the rest later")

_OTHERS: Final = frozenset({Who.ADMINISTRATOR, Who.NETWORK, Who.SERVICE})
"""Whom the person at the terminal has to write to."""


def validate_until_good(
    context: Context,
    tokens: Sequence[Token],
    previous: Sequence[TokenResult | None] = (),
    *,
    corrects: Set[Reason] = frozenset(),
) -> list[TokenResult]:
    """Validate; while a person is there and something failed, let them fix it.

    With nobody there: once. What was not found for a reason in ``corrects`` may be named anew.
    """
    results = validate(context, tokens, previous)
    return _Retry(context, results, corrects).until_good()


@dataclass(slots=True)
class _Retry:
    """Tokens that a person fixes until they are good."""

    context: Context
    results: list[TokenResult]
    corrects: Set[Reason]

    @property
    def failed(self) -> list[TokenResult]:
        """The results with trouble."""
        return [result for result in self.results if _trouble(result)]

    def until_good(self) -> list[TokenResult]:
        """While a person is there and something failed, let them fix it."""
        while self.context.asker.asks:
            for result in self.failed:
                if result.is_rejected:
                    self.context.asker.forget(result.token.secret)
            if not self.failed:
                self.show_verified()
                break
            self.context.show(self.results)
            answer = self.ask_next()
            if answer == KEEP.value:
                break
            if answer == OPEN.value:
                self.open_page()
            elif answer == TICKET.value:
                self.show_tickets()
            else:
                self.change_and_retry(answer)
        return self.results

    def show_verified(self) -> None:
        """The organizations, each with whose token it is, how far it reaches and until when."""
        verified: dict[str, list[str]] = {}
        for result in self.results:
            for one in result.reports:
                words = one.token_words(result.token.site.deployment)
                if one.token.expires:
                    words += f", expires {one.token.expires}"
                verified.setdefault(words, []).append(clean(one.name, 60))
        for words, names in verified.items():
            self.context.voice.say(f"Verified: {some_of(names)}: token{words}.")

    def ask_next(self) -> str:
        """What a person wants to do about it."""
        choices = _choices(self.failed)
        offers = filter(None, map(self.correction_of, self.failed))
        if offer := next(offers, None):
            choices.insert(0, offer)
        choices.append(KEEP if any(result.good for result in self.results) else STOP)
        return self.context.asker.prompter.choose(NEXT, choices, choices[0].value)

    def open_page(self) -> None:
        """Open the page of the first token that failed."""
        failed = self.failed
        pages = [result.lead.place.token_page for result in failed if result.lead is not None]
        open_page(self.context, next(iter(pages), failed[0].token.site.base_url))

    def show_tickets(self) -> None:
        """What to send: what was asked, what was answered, what is concluded and what is not.

        No secret is in it.
        """
        voice = self.context.voice
        for result in self.failed:
            site, purpose = result.token.site, result.token.demand.purpose
            self.context.told.append(site.base_url)
            for finding in responsibilities(connection_report(None, site, purpose, result.reports)):
                voice.heading("To paste into a ticket (it contains no secret)")
                for line in finding.ticket(self.context.shown, __version__):
                    voice.say(line)

    def change_and_retry(self, answer: str) -> None:
        """Ask again what failed, after what the person chose to change."""
        failed = self.failed
        if answer == CORRECT:
            failed = [result for result in failed if self.correction_of(result) is not None]
        tokens = [self.changed(result, answer) for result in failed]
        if answer in (OTHER.value, CORRECT):  # what was good before says nothing of what is new
            fresh = iter(validate(self.context, tokens))
        else:
            fresh = iter(validate(self.context, tokens, failed))
        changed = {id(result) for result in failed}
        self.results = [next(fresh) if id(one) in changed else one for one in self.results]

    def changed(self, result: TokenResult, answer: str) -> Token:
        """The token to be asked about, after what the person chose."""
        token = result.token
        if answer == OTHER.value:
            return self.another_token(token)
        if answer == CORRECT:
            return self.corrected(result)
        if answer == ONE_EACH.value:
            token.demand = token.demand.reaching(ReachDemanded.ORGANIZATION)
        elif answer == USERNAME.value:
            token.username = self.context.asker.need(CLONE_USERNAME, parse_username)
        return token

    def another_token(self, old: Token) -> Token:
        """A token in the place of the one that failed, for the same organizations.

        It is asked for as for the first time: without names, where it is for all.
        """
        asker, names = self.context.asker, ""
        reach = self.context.clock.calendar().demanded(old.demand.reach, old.site.deployment)
        if reach is not Reach.ALL and len(old.places) <= FEW:
            names = ", ".join(place.name for place in old.places)
        new = ask_token(asker, old.site, names)
        if asker.given(PAT_EXPIRES):
            new.end, new.end_source = old.end, old.end_source
        new.username, new.past = old.username, old.past
        return new.meant_for(old.site, old.places, old.demand, list_all=old.list_all)

    # A name or a URL that is wrong

    def wrong(self, here: OrganizationResult) -> Set[Reason]:
        """Why an organization was not found, as far as that may be corrected."""
        return self.corrects & {check.reason for check in here.report.checks}

    def correction_of(self, result: TokenResult) -> Choice | None:
        """The offer to correct what was not found, where something was not."""
        for here in result.organizations.values():
            reasons = self.wrong(here)
            if Reason.ORGANIZATION_ABSENT in reasons:
                return Choice(CORRECT, f"Correct the {here.place.noun}")
            if here.place.site.deployment is Deployment.SERVER and reasons & _NO_SERVER:
                return Choice(CORRECT, "Correct the URL of the server")
        return None

    def corrected(self, result: TokenResult) -> Token:
        """The token, meant for what a person names in place of what was not found."""
        token, places = result.token, []
        for here in result.organizations.values():
            reasons, place = self.wrong(here), here.place
            if Reason.ORGANIZATION_ABSENT in reasons:
                place = self.asked_instead(result, place.site)
            elif reasons & _NO_SERVER:
                return self.at_another_server(token)
            places.append(place)
        return token.meant_for(token.site, places, token.demand, list_all=token.list_all)

    def asked_instead(self, result: TokenResult, site: Site) -> Place:
        """One that the token reaches, or one that is named."""
        prompter, listed = self.context.asker.prompter, self.reached(result)
        reached = {one.key: one for one in listed if one.key not in result.organizations}
        if reached:
            choices = [Choice(key, clean(place.name, 60)) for key, place in reached.items()]
            if chosen := prompter.choose(_WHICH, [*choices, _OTHER], choices[0].value):
                return reached[chosen]
        return _ask_place(prompter, site, INSTEAD, COLLECTION)

    def reached(self, result: TokenResult) -> Sequence[Place]:
        """What the token reaches, as far as the service lists it."""
        token, caller = result.token, self.context.caller
        answer = result.wide.answer if result.wide is not None else None
        if result.listed is None and isinstance(answer, UserProfile):
            call = caller.accounts(answer.identity.id, token.site, token.bound())
            answer = self.context.scheduler.run(one_call(call)).answer
        if isinstance(answer, Names):
            return [token.site.place(name) for name in answer.names]
        return result.listed or ()

    def at_another_server(self, token: Token) -> Token:
        """The same collections at another address, or those that the address names."""
        allow_http = token.site.base_url.startswith("http:")

        def parse(text: str) -> tuple[Place, ...]:
            site, names = parse_server(text, allow_http=allow_http)
            return tuple(map(site.place, names or (place.name for place in token.places)))

        prompter = self.context.asker.prompter
        places = parse(prompter.text(SERVER_URL, token.site.base_url, accept=parse))
        site = places[0].site if places else token.site
        return token.meant_for(site, places, token.demand, list_all=token.list_all)


def _ask_place(
    prompter: Prompter, site: Site, organization: Question, collection: Question
) -> Place:
    """An organization of Services, or a collection of a Server, that a person names."""
    if site.deployment is Deployment.SERVICES:
        return parse_organization(prompter.text(organization, accept=parse_organization))
    return site.place(prompter.text(collection).strip())


def _trouble(result: TokenResult) -> list[Check]:
    return [check for organization in result.reports for check in not_good(organization)]


def _choices(failed: Sequence[TokenResult]) -> list[Choice]:
    """What can be done about it, the likeliest first."""
    trouble = [check for result in failed for check in _trouble(result)]
    choices = _first_choices(trouble)
    if CheckId.CLONE_TOKEN in {check.id for check in trouble}:
        choices.append(USERNAME)
    reasons = {check.reason for check in trouble if check.reason is not None}
    if Reason.REACH_ORGANIZATION_ONLY in reasons:
        choices.insert(1, ONE_EACH)
    if _OTHERS & {reason.who for reason in reasons}:
        choices.append(TICKET)
    return choices


def _first_choices(trouble: Sequence[Check]) -> list[Choice]:
    again = AGAIN
    if {check.status for check in trouble} == {Status.UNKNOWN}:
        again = Choice(AGAIN.value, AGAIN.label)  # no edit of the token mends a network
    if ExitCode.REJECTED in {check.exit_code for check in trouble}:
        return [OTHER, again, OPEN]
    return [again, OPEN, OTHER]


MORE: Final = Question("more", "The token reaches more. Which of them do you want to connect too?")
WHICH: Final = Question("another-organization", "Organization (name or any URL in it)")
_COLLECTION: Final = Question("another-collection", "Collection")


def also_reached(
    context: Context, results: Sequence[TokenResult], demand: Demand
) -> dict[str, Place]:
    """What the tokens reach and nobody has connected yet, by ``Place.key``."""
    known = {key for result in results for key in result.organizations}
    for entry in context.records.load().connections.values():
        if entry.purpose is demand.purpose:
            known |= {
                one.key for one in entry.organizations if entry.base_url == _site(results).base_url
            }
    wide = (result for result in results if result.reach_seen.reach is Reach.ALL)
    listed = (place for result in wide for place in result.listed or ())
    return {place.key: place for place in listed if place.key not in known}


def add_organizations(
    context: Context, results: Sequence[TokenResult], demand: Demand
) -> list[TokenResult]:
    """The results with organizations that a person adds.

    First of those that a token reaches; where none is wanted of them, one that is named.
    """
    others = also_reached(context, results, demand)
    added: Sequence[Place] = ()
    if others:
        choices = [Choice(key, clean(place.name, 60)) for key, place in others.items()]
        added = [others[key] for key in context.asker.prompter.choose_many(MORE, choices)]
    if not added:
        added = [_ask_place(context.asker.prompter, _site(results), WHICH, _COLLECTION)]
    known = {key for result in results for key in result.organizations}
    added = [place for place in added if place.key not in known]
    wide = next((one for one in results if one.reach_seen.reach is Reach.ALL), None)
    found = list(results)
    if wide is not None and added:
        wide.token.places += tuple(added)
        [widened] = validate_until_good(context, [wide.token], [wide])
        return [widened if one is wide else one for one in found]
    for place in added:
        token = acquire(context, place, demand, for_all=False)
        another = demand.for_another_token(results[0].token.username)
        found += validate_until_good(context, [token.meant_for(place.site, [place], another)])
    return found


def _site(results: Sequence[TokenResult]) -> Site:
    return results[0].token.site


_NAMED: Final = 20
"""Created tokens that fit a screen; of more, the progress line counts and the report names."""


def create_several(
    context: Context,
    places: Sequence[Place],
    demand: Demand,
    store: Callable[[Sequence[TokenResult]], None],
) -> tuple[list[TokenResult], list[OrganizationReport]]:
    """A token of its own for each organization; ``store`` gets each as soon as it is validated.

    The reports are of organizations where none was created. A person is asked once about those
    whose token did not pass.
    """
    refused: dict[str, OrganizationReport] = {}
    progress = _Progress(context, len(places))
    is_told = len(places) <= _NAMED

    def keep(_: Context, results: Sequence[TokenResult]) -> None:
        store(results)
        progress.show(len(results))

    def connected(place: Place) -> RequestPlan[TokenResult | None]:
        try:
            token = yield from Creation(context, place, demand).unasked(is_told=is_told)
        except (NotCreatedError, UsageError) as error:
            refused[place.key] = not_created_report(context, place.name, error)
            progress.show(1)
            return None
        result = yield from validating(context, token.meant_for(place.site, [place], demand))
        yield from context.together(keep, result)
        return result

    scopes = "; ".join(map(str, boxes_of(demand.purpose)))
    context.voice.say(f"Creating a token in each of {len(places)} organizations: {scopes}")
    created = context.scheduler.run_all(map(connected, places))
    validated = [one for one in created if one is not None]
    results = _Retry(context, validated, ABSENT_OR_NO_SERVER).until_good()
    store([one for one in results if not any(one is before for before in validated)])
    return results, [refused[place.key] for place in places if place.key in refused]


class _Progress:
    """Says how many organizations are done, and how long the rest takes at this pace."""

    def __init__(self, context: Context, total: int) -> None:
        self._context, self._total, self._done = context, total, 0
        self._begun = context.now()

    def show(self, more: int) -> None:
        """So many more are done."""
        self._done += more
        about = time_left(self._context, self._begun, self._done, self._total)
        what = f"Organizations done (about {about} left):"
        self._context.voice.progress(self._done, self._total, what)
