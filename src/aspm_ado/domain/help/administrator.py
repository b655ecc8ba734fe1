"""The request to an administrator where a policy forbids a token, or the choices that it needs.

All of these policies are of Azure DevOps Services. On a Server the administrator of the collection
is the only one to ask. Sources: Microsoft's pages on token policies (2026-03-03) and on conditional
access; the errors of its token API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import Calendar, Reach, ReachDemanded, count_days
from aspm_ado.domain.azure.scopes import categories_of, takes_full_access
from aspm_ado.domain.help.guide import Guide, guide
from aspm_ado.domain.text import clean, clean_said, join_words

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place


class Policy(StrEnum):
    """What may forbid a token; the values of ``guide --request``."""

    CREATION = "creation"
    GLOBAL = "global"
    FULL_SCOPE = "full-scope"
    LIFESPAN = "lifespan"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy, with places for ``{organization}`` and ``{page}``.

    ``seen`` is how a person meets it. ``hinders`` is what the letter says, ``where`` and ``who``
    where and by whom it is switched, ``please`` what is asked. ``otherwise`` is what a person can
    do without an administrator; it is not in the letter.
    """

    seen: str
    hinders: str
    where: str
    who: str
    please: str
    otherwise: str


FIVE_SETS: Final = join_words(categories_of(Purpose.ALM_AND_ISSUE_MANAGER))
_TENANT: Final = (
    "Organization settings of {organization} → Microsoft Entra → {policy} (it holds for the whole "
    "tenant)"
)
_TENANT_ADMIN: Final = "an Azure DevOps Administrator (a role of Microsoft Entra)"
_COLLECTION_ADMIN: Final = "a Project Collection Administrator of {organization}"
_ALLOW_ME: Final = "add me (or my group) to its allow list"

POLICIES: Final[Mapping[Policy, PolicyRow]] = {
    Policy.CREATION: PolicyRow(
        "“+ New Token” is greyed out",
        "On {page} the button “+ New Token” is greyed out for me.",
        "Organization settings of {organization} → Policies → “Restrict personal access token "
        "creation”",
        _COLLECTION_ADMIN,
        f"{_ALLOW_ME}, or create the token for a service account that we may use.",
        "Somebody on the allow list can create the token, too.",
    ),
    Policy.GLOBAL: PolicyRow(
        "“All accessible organizations” is not offered",
        "On {page} “All accessible organizations” is not offered to me, and Invicti's guide asks "
        "for it.",
        _TENANT.replace("{policy}", "“Restrict global personal access token creation”"),
        _TENANT_ADMIN,
        f"{_ALLOW_ME}.",
        "Without an administrator: one token for each organization (--reach organization).",
    ),
    Policy.FULL_SCOPE: PolicyRow(
        "“Full access” is not offered",
        "On {page} “Full access” is not offered to me, and Invicti's guide asks for it where Azure "
        "DevOps is the issue manager too.",
        _TENANT.replace("{policy}", "“Restrict full-scoped personal access token creation”"),
        _TENANT_ADMIN,
        f"{_ALLOW_ME}.",
        f"Without an administrator: tick the boxes of {FIVE_SETS}, each at its highest; they pass "
        "with a warning.",
    ),
    Policy.LIFESPAN: PolicyRow(
        "The expiration cannot be that late",
        "On {page} I cannot choose a day as late as is needed.",
        _TENANT.replace("{policy}", "“Enforce maximum personal access token lifespan”"),
        _TENANT_ADMIN,
        f"{_ALLOW_ME}, or allow as many days as are named below.",
        "Without an administrator: choose the latest day that the page takes, and rotate the token "
        "before it.",
    ),
    Policy.ACCESS: PolicyRow(
        "The token is refused from this network (VS403463)",
        "Azure DevOps refuses the token from our network: VS403463, a conditional access policy or "
        "an IP fence.",
        "Microsoft Entra admin center → Conditional Access → Policies (the sign-in logs name the "
        "one that refused), and Organization settings of {organization} → Policies → “Enable IP "
        "Conditional Access policy validation on non-interactive flows”",
        "a Conditional Access Administrator of Microsoft Entra; for the second, "
        f"{_COLLECTION_ADMIN}",
        "allow the addresses that the token is used from: those of Invicti ASPM (ask Invicti for "
        "the list), and that of this machine for the time of the set-up.",
        "Run this from a network that is allowed; it says nothing about the network of Invicti "
        "ASPM.",
    ),
}
"""Each policy has an allow list of its own."""

ON_SERVER: Final = PolicyRow(
    POLICIES[Policy.CREATION].seen,
    POLICIES[Policy.CREATION].hinders,
    "The collection {organization}",
    "an administrator of the server",
    "allow me to create a personal access token there.",
    "",
)

_USES: Final = {
    Purpose.ALM: "read our code and its issues",
    Purpose.ALM_AND_ISSUE_MANAGER: "read our code and to manage issues",
    Purpose.ISSUE_MANAGER: "manage issues",
}


def possible_policies(place: Place, purpose: Purpose, reach: Reach) -> tuple[Policy, ...]:
    """The policies that a person may meet on the token page there, the likeliest first."""
    if place.site.deployment is Deployment.SERVER:
        return (Policy.CREATION,)
    met = {
        Policy.CREATION: True,
        Policy.GLOBAL: reach is Reach.ALL,
        Policy.FULL_SCOPE: takes_full_access(purpose),
        Policy.LIFESPAN: True,
    }
    return tuple(policy for policy, is_met in met.items() if is_met)


def request_for(
    policy: Policy,
    place: Place,
    purpose: Purpose,
    choice: ReachDemanded,
    calendar: Calendar,
    *,
    answered: str = "",
) -> str:
    """The letter. There is no secret in it.

    ``answered`` is what Azure DevOps said, in its own words.
    """
    purpose, choice = token_meant(policy, purpose, choice, calendar)
    row = _row(policy, place)
    answer = f"\nAzure DevOps answered: {clean_said(answered)}\n" if answered else ""
    made = guide(place, purpose, choice, calendar)
    return (
        "Hello,\n\nInvicti ASPM needs a personal access token of Azure DevOps to "
        f"{_USES[purpose]}. {_filled(row.hinders, place)}\n{answer}\n"
        f"Setting: {_filled(row.where, place)}.\n"
        f"Who can: {_filled(row.who, place)}.\n"
        f"Please {row.please}\n\n"
        f"{_token_wanted(place, made, calendar)}\n"
    )


def token_meant(
    policy: Policy, purpose: Purpose, choice: ReachDemanded, calendar: Calendar
) -> tuple[Purpose, ReachDemanded]:
    """The purpose and the reach of the token that a policy stands in the way of."""
    if policy is Policy.GLOBAL and choice is ReachDemanded.AUTO and not is_over(policy, calendar):
        choice = ReachDemanded.ALL
    if policy is Policy.FULL_SCOPE:
        purpose = Purpose.ALM_AND_ISSUE_MANAGER
    return purpose, choice


def is_over(policy: Policy, calendar: Calendar) -> bool:
    """Whether there is nothing to ask for: on Services, tokens of all organizations have ended."""
    return policy is Policy.GLOBAL and calendar.ended(Deployment.SERVICES)


def alternative(policy: Policy, place: Place) -> str:
    """What a person can do without the administrator; empty where there is nothing."""
    return _row(policy, place).otherwise


def _row(policy: Policy, place: Place) -> PolicyRow:
    return POLICIES[policy] if place.site.deployment is Deployment.SERVICES else ON_SERVER


def _filled(text: str, place: Place) -> str:
    return text.replace("{organization}", clean(place.name, 80)).replace("{page}", place.token_page)


def _token_wanted(place: Place, made: Guide, calendar: Calendar) -> str:
    """What the token will be: boxes, reach and end; the days are counted from today."""
    deployment, end = place.site.deployment, calendar.global_end
    boxes = "; ".join(str(box) for box in made.boxes)
    reach = "all accessible organizations"
    if made.reach is Reach.ORGANIZATION:
        reach = f"{clean(place.name, 80)} only"
    elif deployment is Deployment.SERVER:
        reach = "all collections"
    until = made.expires.isoformat()
    if days := (made.expires - calendar.today).days:
        until = f"{until} ({count_days(days)})"
    after = "One like it is needed for as long as we use Invicti ASPM."
    left = calendar.days_to_end(deployment)
    if made.reach is Reach.ALL and left is not None and left > 0:
        after = (
            f"Microsoft announced the end of tokens of all organizations for {end}; from then on "
            "one token for each organization is needed, for as long as we use Invicti ASPM."
        )
    elif calendar.ends_soon(deployment):
        after += (
            f" It is of one organization: Microsoft announced the end of tokens of all for {end}."
        )
    return f"What the token will be: {boxes}; reach: {reach}; until {until}. {after}"
