"""Tokens for many organizations, created several at a time and without a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.scopes import boxes_of
from aspm_ado.domain.reasons import NotCreatedError, UsageError
from aspm_ado.flows.tokens.correction import ABSENT_OR_NO_SERVER
from aspm_ado.flows.tokens.creation import create_unasked, not_created_report
from aspm_ado.flows.tokens.prompt import time_left
from aspm_ado.flows.tokens.retry import retry_until_good
from aspm_ado.flows.validation.run import validating

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import TokenResult
    from aspm_ado.flows.validation.scheduler import RequestPlan
    from aspm_ado.flows.validation.token import Demand


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

    def keep(_: Context, results: Sequence[TokenResult]) -> None:
        store(results)
        progress.tell(len(results))

    def connected(place: Place) -> RequestPlan[TokenResult | None]:
        try:
            token = yield from create_unasked(context, place, demand)
        except (NotCreatedError, UsageError) as error:
            refused[place.key] = not_created_report(context, place.name, error)
            progress.tell(1)
            return None
        result = yield from validating(context, token.meant_for(place.site, [place], demand))
        yield from context.together(keep, result)
        return result

    scopes = "; ".join(map(str, boxes_of(demand.purpose)))
    context.voice.say(f"Creating a token in each of {len(places)} organizations: {scopes}")
    created = context.scheduler.run_all(map(connected, places))
    validated = [one for one in created if one is not None]
    results = retry_until_good(context, validated, corrects=ABSENT_OR_NO_SERVER)
    store([one for one in results if not any(one is before for before in validated)])
    return results, [refused[place.key] for place in places if place.key in refused]


class _Progress:
    """Says how many organizations are done, and how long the rest takes at this pace."""

    def __init__(self, context: Context, total: int) -> None:
        self._context, self._total, self._done = context, total, 0
        self._begun = context.now()

    def tell(self, more: int) -> None:
        """So many more are done."""
        self._done += more
        about = time_left(self._context, self._begun, self._done, self._total)
        what = f"Organizations done (about {about} left):"
        self._context.voice.progress(self._done, self._total, what)
