"""On a terminal, until it is good: see what failed, edit the token, ask again only that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import parse_organization
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.help.guide import Guide, guide
from aspm_ado.domain.help.ticket import responsibilities
from aspm_ado.domain.questions import CLONE_USERNAME, PAT_EXPIRES, Choice, Question
from aspm_ado.domain.reasons import ExitCode, Reason, Who
from aspm_ado.domain.report import FEW
from aspm_ado.domain.text import clean, some_of
from aspm_ado.flows.answers import parse_username
from aspm_ado.flows.tokens.prompt import OPEN, acquire, ask_expiry, open_page
from aspm_ado.flows.tokens.sources import ask_token
from aspm_ado.flows.validation.report import connection_report, not_good
from aspm_ado.flows.validation.run import validate

if TYPE_CHECKING:
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import TokenResult
    from aspm_ado.flows.validation.token import Token

NEXT: Final = Question("next", "What now?")
AGAIN: Final = Choice("again", "Check again what failed", "after editing the token on its page")
OTHER: Final = Choice("other", "Give another token")
USERNAME: Final = Choice("username", "Try cloning with a username")
ONE_EACH: Final = Choice("one-each", "Accept it: one token for each organization")
TICKET: Final = Choice("ticket", "Show a text for whoever can mend it")
STOP: Final = Choice("keep", "Stop here; nothing is stored")
KEEP: Final = Choice("keep", "Keep what is good, and finish later")

_OTHERS: Final = frozenset({Who.ADMINISTRATOR, Who.NETWORK, Who.SERVICE})
"""Whom the person at the terminal has to write to."""


def validate_until_good(
    context: Context, tokens: Sequence[Token], previous: Sequence[TokenResult | None] = ()
) -> list[TokenResult]:
    """Validate; while a person is there and something failed, let them mend it.

    With nobody there: once.
    """
    results = validate(context, tokens, previous)
    while context.asker.asks:
        failed = [result for result in results if _trouble(result)]
        if not failed:
            _tell_proven(context, results)
            break
        context.show(results)
        answer = _ask_next(context, results, failed)
        if answer == KEEP.value:
            break
        if answer == OPEN.value:
            _open_page(context, failed)
        elif answer == TICKET.value:
            _tell_tickets(context, failed)
        else:
            results = _mended(context, results, answer)
    return results


def _tell_proven(context: Context, results: Sequence[TokenResult]) -> None:
    """The organizations, each with whose token it is, how far it reaches and until when."""
    proven: dict[str, list[str]] = {}
    for result in results:
        for one in result.reports:
            words = one.token_words(result.token.site.deployment)
            if one.token.expires:
                words += f", expires {one.token.expires}"
            proven.setdefault(words, []).append(clean(one.name, 60))
    for words, names in proven.items():
        context.voice.say(f"Proven: {some_of(names, 200)}: token{words}.")


def _ask_next(
    context: Context, results: Sequence[TokenResult], failed: Sequence[TokenResult]
) -> str:
    choices = _choices(failed)
    choices.append(KEEP if any(result.good for result in results) else STOP)
    return context.asker.prompter.choose(NEXT, choices, choices[0].value)


def _open_page(context: Context, failed: Sequence[TokenResult]) -> None:
    pages = [result.lead.place.token_page for result in failed if result.lead is not None]
    open_page(context, next(iter(pages), failed[0].token.site.base_url))


def _tell_tickets(context: Context, failed: Sequence[TokenResult]) -> None:
    """What to send: what was asked, what was answered, what is concluded and what is not.

    No secret is in it.
    """
    for result in failed:
        site, purpose = result.token.site, result.token.demand.purpose
        context.told.append(site.base_url)
        for finding in responsibilities(connection_report(None, site, purpose, result.reports)):
            context.voice.heading("To paste into a ticket (no secret is in it)")
            for line in finding.ticket(context.shown, __version__):
                context.voice.say(line)


def _mended(context: Context, results: list[TokenResult], answer: str) -> list[TokenResult]:
    """Ask again what failed, after what the person chose to change."""
    failed = [result for result in results if _trouble(result)]
    tokens = [_changed(context, result, answer) for result in failed]
    if answer == OTHER.value:  # nothing that was good of the old token says anything of the new one
        fresh = iter(validate(context, tokens))
    else:
        fresh = iter(validate(context, tokens, failed))
    return [next(fresh) if _trouble(result) else result for result in results]


def _changed(context: Context, result: TokenResult, answer: str) -> Token:
    """The token to be asked about, after what the person chose."""
    token = result.token
    if answer == OTHER.value:
        return _another_token(context, token)
    if answer == ONE_EACH.value:
        token.demand = token.demand.for_one_organization()
    elif answer == USERNAME.value:
        token.username = context.asker.need(CLONE_USERNAME, parse_username)
    return token


def _another_token(context: Context, old: Token) -> Token:
    """A token in the place of the one that failed, for the same organizations."""
    new = ask_token(context.asker, old.site, _asked_for(context, old))
    if context.asker.given(PAT_EXPIRES):
        new.end, new.end_source = old.end, old.end_source
    else:
        ask_expiry(context, new, old.end or _guide_for(context, old).expires)
    new.username, new.past = old.username, old.past
    return new.meant_for(old.site, old.places, old.demand, list_all=old.list_all)


def _asked_for(context: Context, token: Token) -> str:
    """The organizations that a token is asked for, as it was for the first time.

    None where it is for all.
    """
    wide = context.clock.calendar().demanded(token.demand.reach, token.site.deployment)
    if wide is Reach.ALL or len(token.places) > FEW:
        return ""
    return ", ".join(place.name for place in token.places)


def _trouble(result: TokenResult) -> list[Check]:
    return [check for organization in result.reports for check in not_good(organization)]


def _guide_for(context: Context, token: Token) -> Guide:
    place = next(iter(token.places), token.site.place("_"))
    return guide(place, token.demand.purpose, token.demand.reach, context.clock.calendar())


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


MORE: Final = Question("more", "The token reaches more. Which of them shall be connected too?")
ANOTHER: Final = Question("another", "Connect another organization, with a token of its own?")
WHICH: Final = Question(
    "another-organization", "Which organization? (its name, or any address in it)"
)


def more_organizations(context: Context, results: list[TokenResult]) -> list[TokenResult]:
    """Offer what the tokens reach beside what was named.

    Then, where they reach one organization only, another with a token of its own.
    """
    if not context.asker.asks or not any(result.good for result in results):
        return results
    known = {key for result in results for key in result.organizations}
    offered = [_offer(context, result, known) for result in results]
    if all(_reaches_all(result) for result in offered):
        return offered
    while context.asker.prompter.confirm(ANOTHER, default=False):
        offered += _another_organization(context, offered[0].token)
    return offered


def _reaches_all(result: TokenResult) -> bool:
    return result.reach_seen.reach is Reach.ALL


def _offer(context: Context, result: TokenResult, known: set[str]) -> TokenResult:
    """The result with those of the token's organizations that a person adds.

    What is ``known`` is in already.
    """
    others = {place.name: place for place in result.listed or () if place.key not in known}
    if not others or not _reaches_all(result):
        return result
    choices = [Choice(place.name, clean(place.name, 60)) for place in others.values()]
    chosen = context.asker.prompter.choose_many(MORE, choices)
    if not chosen:
        return result
    added = [others[name] for name in chosen]
    known.update(place.key for place in added)
    result.token.places += tuple(added)
    return validate_until_good(context, [result.token], [result])[0]


def _another_organization(context: Context, like: Token) -> list[TokenResult]:
    """One more organization or collection, guided from its own token page."""
    site = like.site
    if site.deployment is Deployment.SERVICES:
        place = parse_organization(context.asker.prompter.text(WHICH, accept=parse_organization))
    else:
        question = Question("another-collection", "Which collection")
        place = site.place(context.asker.prompter.text(question).strip())
    token = acquire(context, place, like.demand, for_all=False)
    demand = like.demand.for_another_token(like.username)
    return validate_until_good(context, [token.meant_for(site, [place], demand)])
