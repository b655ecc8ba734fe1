"""Validate tokens: which requests, in which order, and what all answers show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import NamedRepository
from aspm_ado.domain.rules.reach import more_listed, observe_reach
from aspm_ado.domain.rules.scopes import holds_profile, profile_unheard
from aspm_ado.domain.rules.token import DEFAULT_WARN_DAYS
from aspm_ado.domain.text import clean
from aspm_ado.flows.answers import AUTO
from aspm_ado.flows.validation.report import report_on
from aspm_ado.flows.validation.requests import NOT_ALL, TokenRequests
from aspm_ado.flows.validation.token import OrganizationResult, TokenResult

if TYPE_CHECKING:
    from aspm_ado.domain.ports import Voice
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.scheduler import RequestPlan
    from aspm_ado.flows.validation.token import Token


def validate(
    context: Context,
    tokens: Sequence[Token],
    previous: Sequence[TokenResult | None] = (),
    warn_days: int = DEFAULT_WARN_DAYS,
) -> list[TokenResult]:
    """Validate every token, and show the progress.

    If a token has a ``previous`` result, only the failed checks run again.

    No token waits for the first round of another: a silent host delays only its own organizations.
    """
    for site in {token.site for token in tokens if token.site.is_unencrypted}:
        context.voice.warn(
            f"{site.base_url} has no TLS. aspm-ado sends the token unencrypted, as you allowed."
        )
    results = _ask(context, tokens, previous)
    for result, token in zip(results, tokens, strict=True):
        if result.token is not token and result.lead is not None:
            context.voice.note(f"aspm-ado read the URL as {result.lead.place.url}")
        if result.left_off and result.token.list_all:
            context.voice.warn(more_listed(result.left_off))
        _judge(result, warn_days)
    listing = [result.token.site for result in results if result.token.list_all and result.listed]
    if any(site.deployment is Deployment.SERVICES for site in listing):
        context.voice.note(NOT_ALL)
    return results


def validating(context: Context, token: Token) -> RequestPlan[TokenResult]:
    """Validate one token, as a part of a longer plan."""
    result = TokenResult(token, context.clock.calendar())
    requests = yield from _identify(context, result, None)
    result = requests.result
    for here in requests.due:
        clone = _clone_in(here, token.demand.check_clone, [result], is_first=here is result.lead)
        yield from _explore(requests, here, clone)
    _judge(result, DEFAULT_WARN_DAYS)
    return result


def _judge(result: TokenResult, warn_days: int) -> None:
    _recognise(result)
    report_on(result, warn_days)


def _identify(
    context: Context, result: TokenResult, before: TokenResult | None
) -> RequestPlan[TokenRequests]:
    requests = TokenRequests(result, context.caller, context.clock, before)
    try:
        requests = yield from requests.start()
        yield from requests.identify()
    except Exception as error:  # noqa: BLE001  (reported in its organizations; others may pass)
        requests.give_up(None, error)
    return requests


def _explore(
    requests: TokenRequests, here: OrganizationResult, clone: str | NamedRepository
) -> RequestPlan[OrganizationResult]:
    try:
        yield from requests.explore(here, clone)
    except Exception as error:  # noqa: BLE001  (reported in this organization; others may pass)
        requests.give_up(here, error)
    return here


def _ask(
    context: Context, tokens: Sequence[Token], previous: Sequence[TokenResult | None] = ()
) -> list[TokenResult]:
    """Ask everything about the tokens."""
    results = [TokenResult(token, context.clock.calendar()) for token in tokens]
    progress = _Progress(context.voice, tokens)
    first_tokens = _first_of_each_demand(tokens)

    def identify(
        at: int, before: TokenResult | None
    ) -> RequestPlan[TokenRequests | OrganizationResult]:
        requests = yield from _identify(context, results[at], before)
        results[at] = requests.result
        progress.expect(at, len(requests.due))
        return requests

    def explore(
        requests: TokenRequests, here: OrganizationResult
    ) -> RequestPlan[TokenRequests | OrganizationResult]:
        result, demand = requests.result, requests.result.token.demand
        is_first = here is result.lead and result is results[first_tokens[id(demand)]]
        clone = _clone_in(here, demand.check_clone, results, is_first=is_first)
        return (yield from _explore(requests, here, clone))

    def follow(
        done: TokenRequests | OrganizationResult,
    ) -> Iterable[RequestPlan[TokenRequests | OrganizationResult]]:
        if isinstance(done, OrganizationResult):
            progress.show(done)
            return ()
        # Organizations without a first answer need one round trip more, so they begin.
        due = sorted(done.due, key=lambda here: here.first is not None)
        return (explore(done, here) for here in due)

    known = enumerate(previous or [None] * len(tokens))
    context.scheduler.run_all((identify(at, before) for at, before in known), then=follow)
    return results


def _first_of_each_demand(tokens: Sequence[Token]) -> dict[int, int]:
    """The place of the first token of each connection.

    One that names its organizations goes before one that lists them.
    """
    first: dict[int, int] = {}
    for at, token in sorted(enumerate(tokens), key=lambda row: not row[1].places):
        first.setdefault(id(token.demand), at)
    return first


def _clone_in(
    here: OrganizationResult,
    choice: str | NamedRepository,
    results: Sequence[TokenResult],
    *,
    is_first: bool,
) -> str | NamedRepository:
    """The clone to try in one organization.

    A named repository belongs to the organization in its URL, else to the first one. If its URL
    leads to none of them, the first one reports it.
    """
    if not isinstance(choice, NamedRepository):
        return choice
    is_here = is_first
    if choice.host and is_first:
        places = [one.place for result in results for one in result.organizations.values()]
        is_here = not any(map(choice.at, places))
    if is_here or (choice.host and choice.at(here.place)):
        return choice
    return AUTO


class _Progress:
    """Show the progress of a validation.

    The number of organizations of a token is a guess until they are listed.
    """

    def __init__(self, voice: Voice, tokens: Sequence[Token]) -> None:
        self._voice, self._done = voice, 0
        self._expected = [max(1, len(token.places)) for token in tokens]
        if tokens:
            voice.progress(0, sum(self._expected), "Checking Azure DevOps")

    def expect(self, at: int, organizations: int) -> None:
        """Learn how many organizations of a token remain to be checked."""
        self._expected[at] = organizations

    def show(self, here: OrganizationResult) -> None:
        """Report one more finished organization."""
        self._done += 1
        total = max(sum(self._expected), self._done)
        self._voice.progress(self._done, total, clean(here.place.name, 60))


def _recognise(result: TokenResult) -> None:
    """Judge what only all organizations show: another one may accept a token that one rejects."""
    organizations = result.organizations.values()
    alive = next((here for here in organizations if here.is_accepted_somewhere), None)
    if alive is not None and alive.identity is not None:
        for here in organizations:
            if here.first is not None and not here.is_accepted_somewhere:
                here.access = result.access(here.place, here.first, alive.identity)
    _observe_reach(result)


def _observe_reach(result: TokenResult) -> None:
    organizations = result.organizations.values()
    result.reach_seen = observe_reach(
        result.token.site.deployment,
        result.wide,
        [here.place.name for here in organizations if here.is_accepted],
        holds_profile=any(holds_profile(here.scopes) for here in organizations),
        unheard=next(filter(None, (profile_unheard(here.replies) for here in organizations)), None),
    )
