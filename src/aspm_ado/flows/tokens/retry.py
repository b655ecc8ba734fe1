"""On a terminal, until it is good: see what failed, edit the token, ask again only that."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.questions import CLONE_USERNAME, PAT_EXPIRES, Choice, Question
from aspm_ado.domain.reasons import ExitCode, Reason, Who
from aspm_ado.domain.report import Check, CheckId, Status
from aspm_ado.domain.text import FEW, clean, some_of
from aspm_ado.domain.ticket import responsibilities
from aspm_ado.flows.answers import parse_username
from aspm_ado.flows.tokens.correction import corrected, correction_of
from aspm_ado.flows.tokens.prompt import OPEN, open_page
from aspm_ado.flows.tokens.sources import ask_token
from aspm_ado.flows.validation.report import connection_report, not_good
from aspm_ado.flows.validation.run import validate

if TYPE_CHECKING:
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import TokenResult
    from aspm_ado.flows.validation.token import Token

NEXT: Final = Question("next", "What now?")
AGAIN: Final = Choice("again", "Run the failed checks again", "after editing the token on its page")
OTHER: Final = Choice("other", "Enter another token")
USERNAME: Final = Choice("username", "Try cloning with a username")
ONE_EACH: Final = Choice("one-each", "Accept it: one token for each organization")
TICKET: Final = Choice("ticket", "Show a text for a support ticket")
CORRECT: Final = "correct"
STOP: Final = Choice("keep", "Stop here; nothing is stored")
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
    return retry_until_good(context, results, corrects=corrects)


def retry_until_good(
    context: Context,
    results: list[TokenResult],
    *,
    corrects: Set[Reason] = frozenset(),
) -> list[TokenResult]:
    """While a person is there and something failed, let them fix it."""
    while context.asker.asks:
        failed = [result for result in results if _trouble(result)]
        if not failed:
            _tell_proven(context, results)
            break
        context.show(results)
        answer = _ask_next(context, results, failed, corrects)
        if answer == KEEP.value:
            break
        if answer == OPEN.value:
            _open_page(context, failed)
        elif answer == TICKET.value:
            _tell_tickets(context, failed)
        else:
            results = _mended(context, results, answer, corrects)
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
        context.voice.say(f"Verified: {some_of(names, 200)}: token{words}.")


def _ask_next(
    context: Context,
    results: Sequence[TokenResult],
    failed: Sequence[TokenResult],
    corrects: Set[Reason],
) -> str:
    choices = _choices(failed)
    offers = filter(None, (correction_of(result, corrects) for result in failed))
    if offer := next(offers, None):
        choices.insert(0, offer)
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
            context.voice.heading("To paste into a ticket (it contains no secret)")
            for line in finding.ticket(context.shown, __version__):
                context.voice.say(line)


def _mended(
    context: Context, results: list[TokenResult], answer: str, corrects: Set[Reason]
) -> list[TokenResult]:
    """Ask again what failed, after what the person chose to change."""
    failed = [result for result in results if _trouble(result)]
    if answer == CORRECT:
        failed = [result for result in failed if correction_of(result, corrects) is not None]
    tokens = [_changed(context, result, answer, corrects) for result in failed]
    if answer in (OTHER.value, CORRECT):  # what was good before says nothing of what is new
        fresh = iter(validate(context, tokens))
    else:
        fresh = iter(validate(context, tokens, failed))
    changed = {id(result) for result in failed}
    return [next(fresh) if id(result) in changed else result for result in results]


def _changed(context: Context, result: TokenResult, answer: str, corrects: Set[Reason]) -> Token:
    """The token to be asked about, after what the person chose."""
    token = result.token
    if answer == OTHER.value:
        return _another_token(context, token)
    if answer == CORRECT:
        return corrected(context, result, corrects)
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
