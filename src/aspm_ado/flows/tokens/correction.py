"""A name or a URL that is wrong: seen before the guide where anybody is told, and corrected."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.place import Deployment, parse_organization, parse_server
from aspm_ado.domain.documents import Names, UserProfile
from aspm_ado.domain.questions import COLLECTION, SERVER_URL, Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean
from aspm_ado.flows.validation.scheduler import one_call

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import TokenResult
    from aspm_ado.flows.validation.token import Token

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


def correction_of(result: TokenResult, corrects: Set[Reason]) -> Choice | None:
    """The offer to correct what was not found for one of these reasons, where something was not."""
    for here in result.organizations.values():
        reasons = corrects & {check.reason for check in here.report.checks}
        if Reason.ORGANIZATION_ABSENT in reasons:
            return Choice("correct", f"Correct the {here.place.noun}")
        if here.place.site.deployment is Deployment.SERVER and reasons & _NO_SERVER:
            return Choice("correct", "Correct the URL of the server")
    return None


def corrected(context: Context, result: TokenResult, corrects: Set[Reason]) -> Token:
    """The token, meant for what a person names in place of what was not found."""
    token, places = result.token, []
    for here in result.organizations.values():
        reasons = corrects & {check.reason for check in here.report.checks}
        if Reason.ORGANIZATION_ABSENT in reasons:
            places.append(_asked_instead(context, result, here.place))
        elif reasons & _NO_SERVER:
            return _at_another_server(context, token)
        else:
            places.append(here.place)
    return token.meant_for(token.site, places, token.demand, list_all=token.list_all)


def _asked_instead(context: Context, result: TokenResult, wrong: Place) -> Place:
    """One that the token reaches, or one that is named."""
    prompter = context.asker.prompter
    listed = _reached(context, result)
    reached = {one.key: one for one in listed if one.key not in result.organizations}
    if reached:
        choices = [Choice(key, clean(place.name, 60)) for key, place in reached.items()]
        if chosen := prompter.choose(_WHICH, [*choices, _OTHER], choices[0].value):
            return reached[chosen]
    if wrong.site.deployment is Deployment.SERVICES:
        return parse_organization(prompter.text(INSTEAD, accept=parse_organization))
    return wrong.site.place(prompter.text(COLLECTION).strip())


def _reached(context: Context, result: TokenResult) -> Sequence[Place]:
    """What the token reaches, as far as the service lists it."""
    token, answer = result.token, result.wide.answer if result.wide is not None else None
    if result.listed is None and isinstance(answer, UserProfile):
        call = context.caller.accounts(answer.identity.id, token.site, token.bound())
        answer = context.scheduler.run(one_call(call)).answer
    if isinstance(answer, Names):
        return [token.site.place(name) for name in answer.names]
    return result.listed or ()


def _at_another_server(context: Context, token: Token) -> Token:
    """The same collections at another address, or those that the address names."""
    allow_http = token.site.base_url.startswith("http:")

    def parse(text: str) -> tuple[Place, ...]:
        site, names = parse_server(text, allow_http=allow_http)
        return tuple(map(site.place, names or (place.name for place in token.places)))

    text = context.asker.prompter.text(SERVER_URL, token.site.base_url, accept=parse)
    places = parse(text)
    site = places[0].site if places else token.site
    return token.meant_for(site, places, token.demand, list_all=token.list_all)
