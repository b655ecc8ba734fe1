"""The steps to create the token, and the request to an administrator if a policy forbids it.

These policies are of Azure DevOps Services. On a Server, the administrator of the server decides.
Sources: Microsoft's pages on token policies (2026-03-03) and on conditional access; the errors of
its token API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import Place, options_for
from aspm_ado.domain.azure.retirement import Calendar, Reach, ReachDemanded, count_days
from aspm_ado.domain.azure.scopes import Box, boxes_of, categories_of, takes_full_access
from aspm_ado.domain.text import clean, clean_said, join_words

SUGGESTED_DAYS: Final = 180
"""Half a year: Invicti asks for “an appropriate expiration period”; the page allows one year."""


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One step on the token page, with notes."""

    do: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """The guide to create one token."""

    place_name: str
    token_page: str
    token_name: str
    reach: Reach
    expires: date
    boxes: tuple[Box, ...]
    steps: tuple[GuideStep, ...]


def guide(place: Place, purpose: Purpose, choice: ReachDemanded, calendar: Calendar) -> Guide:
    """The guide for one organization or collection on the day of ``calendar``."""
    reach = calendar.demanded(choice, place.site.deployment)
    reached = place.name if reach is Reach.ORGANIZATION else "all"
    name = f"aspm-ado {reached} {calendar.today.isoformat()}"
    expires, expiry_note = _expiry(reach, place.site.deployment, calendar)
    boxes = boxes_of(purpose)
    steps = (
        GuideStep(f"Open {place.token_page}", ("Or open User settings → Personal access tokens.",)),
        GuideStep("Choose “+ New Token”", _where_policies_forbid(place, reach)),
        GuideStep(f"Name: {name}"),
        _reach_step(place, reach, choice, calendar),
        GuideStep(f"Expiration: Custom defined, {expires.isoformat()}", (expiry_note,)),
        _scopes_step(purpose, boxes),
        GuideStep(
            "Choose “Create” and copy the token now",
            ("The page shows the token only once. Keep it until it is in Invicti ASPM.",),
        ),
    )
    return Guide(place.name, place.token_page, name, reach, expires, boxes, steps)


def _where_policies_forbid(place: Place, reach: Reach) -> tuple[str, ...]:
    """What to do if the page does not offer a choice. Only Services have policies."""
    where = options_for(place.site, [place.name])
    below: tuple[str, ...] = ()
    if place.site.deployment is Deployment.SERVICES:
        others = "full-scope or lifespan"
        if reach is Reach.ALL:
            others = "global, full-scope, or lifespan"
        below = (f"If a choice below is missing, pass --request with {others} instead.",)
    return (
        "If it is greyed out, a policy forbids it. To get a request to the administrator, run: "
        f"aspm-ado guide {where} --greyed-out",
        *below,
    )


def _reach_step(place: Place, reach: Reach, choice: ReachDemanded, calendar: Calendar) -> GuideStep:
    end, days = calendar.global_end, calendar.days_to_end(place.site.deployment)
    if reach is Reach.ORGANIZATION:
        step = f"{place.noun.capitalize()}: {place.name}"
        if days is None or choice is not ReachDemanded.AUTO:
            return GuideStep(step)
        return GuideStep(
            step,
            (
                f"Microsoft announced the end of global tokens for {end}. Invicti's guide still "
                "says “All accessible organizations”.",
            ),
        )
    if place.site.deployment is Deployment.SERVER:
        return GuideStep(
            "Collection: all of them, if the page offers it (“All accessible organizations”)",
            ("Invicti's guide says that the integration fails with a token for one collection.",),
        )
    notes = ["Not a single organization: Invicti's guide says that the integration then fails."]
    if days is not None:
        when = f"{end}, in {count_days(days)}" if days > 0 else f"{end}"
        notes.append(
            f"Microsoft announced the end of global tokens for {when}. To avoid them, pass "
            "--reach organization."
        )
    return GuideStep("Organization: All accessible organizations", tuple(notes))


def _expiry(reach: Reach, deployment: Deployment, calendar: Calendar) -> tuple[date, str]:
    """The expiry date to choose, and a note."""
    end, today = calendar.global_end, calendar.today
    suggested = today + timedelta(days=SUGGESTED_DAYS)
    if deployment is Deployment.SERVER or reach is not Reach.ALL:
        end = None
    if end is not None and today < end <= suggested:
        one_day = timedelta(days=1)
        last = max(end - one_day, today + one_day)  # a token cannot end today
        return (
            last,
            f"Microsoft announced the end of global tokens for {end}. A later date has no effect.",
        )
    return suggested, f"At most 1 year. Your {deployment.noun} may allow less."


def _scopes_step(purpose: Purpose, boxes: tuple[Box, ...]) -> GuideStep:
    if takes_full_access(purpose):
        return GuideStep(
            "Scopes: Full access",
            ("Invicti asks for it if Azure DevOps is also the issue manager.",),
        )
    return GuideStep(
        "Scopes: Custom defined → Show all scopes (at the bottom), then select",
        tuple(str(box) for box in boxes),
    )


class Policy(StrEnum):
    """The policies that can forbid a token, as ``guide --request`` names them."""

    CREATION = "creation"
    GLOBAL = "global"
    FULL_SCOPE = "full-scope"
    LIFESPAN = "lifespan"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy, with places for ``{organization}`` and ``{page}``.

    ``seen`` is its effect, as a choice of the wizard; ``hinders`` is the same in the letter.
    ``where`` is the setting, ``who`` can change it, ``please`` is the request. ``otherwise`` is
    what to do without an administrator. It is not in the letter.
    """

    seen: str
    hinders: str
    where: str
    who: str
    please: str
    otherwise: str


FIVE_SETS: Final = join_words(categories_of(Purpose.ALM_AND_ISSUE_MANAGER))
_TENANT: Final = (
    "Organization settings of {organization} → Microsoft Entra → {policy} (applies to the whole "
    "tenant)"
)
_TENANT_ADMIN: Final = "an Azure DevOps Administrator (a role of Microsoft Entra)"
_COLLECTION_ADMIN: Final = "a Project Collection Administrator of {organization}"
_ALLOW_ME: Final = "add me or my group to its allow list"

POLICIES: Final[Mapping[Policy, PolicyRow]] = {
    Policy.CREATION: PolicyRow(
        "“+ New Token” is greyed out",
        "On {page}, the button “+ New Token” is greyed out for me.",
        "Organization settings of {organization} → Policies → “Restrict personal access token "
        "creation”",
        _COLLECTION_ADMIN,
        f"{_ALLOW_ME}, or create the token for a service account that we may use.",
        "Someone on the allow list can also create the token.",
    ),
    Policy.GLOBAL: PolicyRow(
        "“All accessible organizations” is missing",
        "On {page}, “All accessible organizations” is missing. Invicti's guide asks for it.",
        _TENANT.replace("{policy}", "“Restrict global personal access token creation”"),
        _TENANT_ADMIN,
        f"{_ALLOW_ME}.",
        "Without an administrator, use one token per organization: --reach organization",
    ),
    Policy.FULL_SCOPE: PolicyRow(
        "“Full access” is missing",
        "On {page}, “Full access” is missing. Invicti's guide asks for it if Azure DevOps is also "
        "the issue manager.",
        _TENANT.replace("{policy}", "“Restrict full-scoped personal access token creation”"),
        _TENANT_ADMIN,
        f"{_ALLOW_ME}.",
        f"Without an administrator, select {FIVE_SETS}, each at its highest level. They pass with "
        "a warning.",
    ),
    Policy.LIFESPAN: PolicyRow(
        "The expiry date cannot be that late",
        "On {page}, I cannot choose an expiry date as late as the one below.",
        _TENANT.replace("{policy}", "“Enforce maximum personal access token lifespan”"),
        _TENANT_ADMIN,
        f"{_ALLOW_ME}, or allow the number of days below.",
        "Without an administrator, choose the latest date that the page accepts. Rotate the token "
        "before it expires.",
    ),
    Policy.ACCESS: PolicyRow(
        "Azure DevOps rejects the token from this network (VS403463)",
        "Azure DevOps rejects the token from our network. The error is VS403463: a conditional "
        "access policy or an IP fence.",
        "Microsoft Entra admin center → Conditional Access → Policies (the sign-in logs name the "
        "policy), and Organization settings of {organization} → Policies → “Enable IP "
        "Conditional Access policy validation on non-interactive flows”",
        "a Conditional Access Administrator of Microsoft Entra; for the second, "
        f"{_COLLECTION_ADMIN}",
        "allow the addresses that use the token: those of Invicti ASPM (Invicti has the list) and, "
        "during setup, that of this machine.",
        "Without an administrator, run this command from an allowed network. Invicti ASPM still "
        "needs access from its own network.",
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
    Purpose.ALM_AND_ISSUE_MANAGER: "read our code and manage issues",
    Purpose.ISSUE_MANAGER: "manage issues",
}


def possible_policies(place: Place, purpose: Purpose, reach: Reach) -> tuple[Policy, ...]:
    """The policies that the token page may enforce, the likeliest first."""
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
    """Write the letter, without a secret. ``answered`` is what Azure DevOps answered."""
    purpose, choice = token_meant(policy, purpose, choice, calendar)
    row = _row(policy, place)
    need = f"Invicti ASPM needs an Azure DevOps personal access token to {_USES[purpose]}."
    answer = [f"Azure DevOps answered: {clean_said(answered)}"] if answered else []
    paragraphs = [
        "Hello,",
        f"{need} {_filled(row.hinders, place)}",
        *answer,
        f"Setting: {_filled(row.where, place)}\nWho can change it: {_filled(row.who, place)}",
        f"Please {row.please}",
        *_token_wanted(place, guide(place, purpose, choice, calendar), calendar),
    ]
    return "\n\n".join(paragraphs) + "\n"


def token_meant(
    policy: Policy, purpose: Purpose, choice: ReachDemanded, calendar: Calendar
) -> tuple[Purpose, ReachDemanded]:
    """The purpose and the reach of the token that a policy forbids."""
    if policy is Policy.GLOBAL and choice is ReachDemanded.AUTO and not is_over(policy, calendar):
        choice = ReachDemanded.ALL
    if policy is Policy.FULL_SCOPE:
        purpose = Purpose.ALM_AND_ISSUE_MANAGER
    return purpose, choice


def is_over(policy: Policy, calendar: Calendar) -> bool:
    """Whether the request is pointless, because global tokens have ended on Services."""
    return policy is Policy.GLOBAL and calendar.ended(Deployment.SERVICES)


def alternative(policy: Policy, place: Place) -> str:
    """What a person can do without an administrator, if anything."""
    return _row(policy, place).otherwise


def _row(policy: Policy, place: Place) -> PolicyRow:
    return POLICIES[policy] if place.site.deployment is Deployment.SERVICES else ON_SERVER


def _filled(text: str, place: Place) -> str:
    return text.replace("{organization}", clean(place.name, 80)).replace("{page}", place.token_page)


def _token_wanted(place: Place, made: Guide, calendar: Calendar) -> tuple[str, str]:
    """Describe the token (scopes, reach, expiry date), and what comes after it."""
    deployment, end = place.site.deployment, calendar.global_end
    reach = "all accessible organizations"
    if made.reach is Reach.ORGANIZATION:
        reach = f"{clean(place.name, 80)} only"
    elif deployment is Deployment.SERVER:
        reach = "all collections"
    expires = made.expires.isoformat()
    if days := (made.expires - calendar.today).days:
        expires = f"{expires} ({count_days(days)} from today)"
    scopes = "; ".join(str(box) for box in made.boxes).removeprefix("Scopes: ")
    token = f"The token:\n- Scopes: {scopes}\n- Reach: {reach}\n- Expires: {expires}"
    announced = f"Microsoft announced the end of global tokens for {end}."
    after = "We need such a token for as long as we use Invicti ASPM."
    left = calendar.days_to_end(deployment)
    if made.reach is Reach.ALL and left is not None and left > 0:
        after = (
            f"{announced} From then on, we need one token per organization, for as long as we use "
            "Invicti ASPM."
        )
    elif calendar.ends_soon(deployment):
        after += f" It is for one organization: {announced}"
    return token, after
