"""The organizations of the person signed in with `az`, to create a token in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.requests import ACCOUNT_URL
from aspm_ado.domain.documents import Names, UserProfile
from aspm_ado.domain.http import Credential, Origin
from aspm_ado.domain.reasons import NotCreatedError, Reason
from aspm_ado.domain.rules.classify import explain_inconclusive
from aspm_ado.flows.tokens.creation import demand_creatable
from aspm_ado.flows.tokens.lifecycle import lifecycle_of
from aspm_ado.flows.validation.listing import NOT_ALL, list_accounts
from aspm_ado.flows.validation.scheduler import RequestPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.http import Reply
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.token import Demand

_ANY: Final = "*"


def reached_by_person(
    context: Context, site: Site, named: Sequence[Place], demand: Demand
) -> tuple[Place, ...]:
    """The organizations named, those that were listed, and those with unfinished creations.

    Raises ``NotCreatedError`` where no token can be created, or nothing is known.
    """
    demand_creatable(context, next(iter(named), site.place(_ANY)), demand)
    left = [one.organization for one in context.records.load().ordered if not one.replaced]
    try:
        found = _listed(context, site, named)
    except NotCreatedError as error:
        if not named:
            raise
        context.voice.warn(f"{error.problem} Only the organizations that you name are connected.")
        found = ()
    names = sorted({*found, *left}, key=str.casefold)
    return (*named, *map(site.place, names))


def _listed(context: Context, site: Site, named: Sequence[Place]) -> tuple[str, ...]:
    tenant = ""
    if named:
        tenant = context.scheduler.run(lifecycle_of(context, named[0])).tenant
    context.voice.say("Asking `az` for a sign-in to list your organizations …")
    if context.entra is None:
        raise NotCreatedError(Reason.AZ_ABSENT, "There is no Azure CLI.", remedy="Install it.")
    token = context.entra.token(tenant)
    bound = Credential(token, frozenset({Origin.of(ACCOUNT_URL)}), bearer=True)
    reply = context.scheduler.run(_list_plan(context, site, bound))
    if isinstance(reply.answer, Names) and reply.answer.names:
        context.voice.note(NOT_ALL)
        return reply.answer.names
    problem = "Azure DevOps listed no organization of the person signed in with `az`."
    if not isinstance(reply.answer, Names):
        _, why, _ = explain_inconclusive(reply)
        problem = f"The organizations could not be listed. {why}"
    raise NotCreatedError(
        Reason.ORGANIZATIONS_NOT_LISTED, problem, remedy="Name each organization with -o NAME."
    )


def _list_plan(context: Context, site: Site, bound: Credential) -> RequestPlan[Reply]:
    [wide] = yield [context.caller.profile(site, bound)]
    if not isinstance(wide.answer, UserProfile):
        return wide
    return (yield from list_accounts(context.caller.accounts(wide.answer.identity.id, site, bound)))
