"""More organizations: what a token reaches beside those named, or another with its own token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.place import Deployment, parse_organization
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.text import clean
from aspm_ado.flows.tokens.prompt import acquire
from aspm_ado.flows.tokens.retry import validate_until_good

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import TokenResult
    from aspm_ado.flows.validation.token import Demand

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
        added = [_ask_place(context, _site(results))]
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


def _ask_place(context: Context, site: Site) -> Place:
    """An organization or collection that is named."""
    prompter = context.asker.prompter
    if site.deployment is Deployment.SERVICES:
        return parse_organization(prompter.text(WHICH, accept=parse_organization))
    return site.place(prompter.text(_COLLECTION).strip())
