"""Why Azure DevOps makes no token: every ``patTokenError`` of its specification, and what to do about each.

Source: the specification of the PAT Lifecycle API, 7.2 (2026-05-12). It knows the names alone; what each means is
Microsoft's page on token policies where one is named there, and our reading of the name where none is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.administrator import FIVE_SETS, Policy
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import NotCreatedError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.exchange import Reply
    from aspm_ado.domain.lifecycle import Order


@dataclass(frozen=True, slots=True)
class PatError:
    """One value. ``{organization}``, ``{page}``, ``{name}`` and ``{scopes}`` are filled in."""

    reason: Reason
    problem: str
    remedy: str
    shorter: bool = False
    """Whether a shorter life may be granted."""
    passing: bool = False
    """Whether the same may be granted a moment later: nothing was created, so that it is asked for once more."""


def _policy(
    policy: Policy, problem: str, otherwise: str = "", *, shorter: bool = False
) -> PatError:
    ask = f"The request to send: aspm-ado guide -o {{organization}} --request {policy}"
    return PatError(Reason.CREATION_FORBIDDEN, problem, f"{otherwise} {ask}".strip(), shorter)


def _person(problem: str, remedy: str = "") -> PatError:
    who = "See who is signed in: az account show. It must be a person who is a member of {organization}."
    return PatError(Reason.CREATION_NOT_ALLOWED, problem, remedy or who)


def _place(problem: str) -> PatError:
    return PatError(Reason.CREATION_NOT_POSSIBLE, problem, "Create the token by hand: {page}")


def _again(problem: str) -> PatError:
    told = "Try again in some minutes, or create the token by hand: {page}"
    return PatError(Reason.CREATION_FAILED, problem, told, passing=True)


def _dead(problem: str) -> PatError:
    return PatError(Reason.CREATION_REFUSED, problem, "Create a new token: aspm-ado rotate NAME")


def _ordered(problem: str) -> PatError:
    ordered = f"Asked for, by aspm-ado {__version__}: {{scopes}}."
    return PatError(
        Reason.CREATION_REFUSED, problem, f"Create the token by hand, and report this. {ordered}"
    )


_CLIENT: Final = "Azure DevOps does not take the program that `az` signs in with."
_NO_CLIENT: Final = "Update the Azure CLI (az upgrade), or create the token by hand: {page}"

PAT_ERRORS: Final[Mapping[str, PatError]] = {
    "disablePatCreationPolicyViolation": _policy(
        Policy.CREATION,
        "{organization} forbids new tokens: its policy “Restrict personal access token creation”.",
    ),
    "globalPatPolicyViolation": _policy(
        Policy.GLOBAL,
        "The tenant forbids tokens of all organizations.",
        "Make one of one organization.",
    ),
    "globalPATCreationBlocked": _policy(
        Policy.GLOBAL,
        "Microsoft does not let tokens of all organizations be created.",
        "Make one of one organization.",
    ),
    "fullScopePatPolicyViolation": _policy(
        Policy.FULL_SCOPE,
        "The tenant forbids tokens with Full access: its policy “Restrict full-scoped personal access token creation”.",
        f"Without an administrator: by hand, tick {FIVE_SETS}, each at its highest; they pass with a warning.",
    ),
    "patLifespanPolicyViolation": _policy(
        Policy.LIFESPAN,
        "The tenant forbids a token of this life, however short we asked for it.",
        shorter=True,
    ),
    "invalidValidTo": PatError(
        Reason.CREATION_REFUSED,
        "Azure DevOps does not take the day on which the token is to end, nor a nearer one.",
        "Name another: --pat-expires YYYY-MM-DD, within a year from today.",
        shorter=True,
    ),
    "invalidScope": _ordered(
        "Azure DevOps does not know, or does not give, the scopes that were asked for."
    ),
    "invalidTargetAccounts": _ordered("Azure DevOps cannot make a token for {organization} alone."),
    "invalidTokenType": _ordered(
        "Azure DevOps does not take the kind of token that was asked for."
    ),
    "displayNameRequired": _ordered(
        "Azure DevOps wants a name for the token, and did not see “{name}”."
    ),
    "invalidDisplayName": _ordered("Azure DevOps does not take “{name}” as the name of a token."),
    "userIdRequired": _person("Azure DevOps did not see who asks for the token."),
    "invalidUserId": _person("{organization} does not know who asks for the token."),
    "invalidSubject": _person("{organization} does not know who asks for the token."),
    "invalidUserType": _person(
        "This kind of account cannot have tokens: service principals and managed identities cannot."
    ),
    "accessDenied": _person(
        "Whoever is signed in with `az` may not create tokens in {organization}."
    ),
    "invalidToken": _person(
        "Azure DevOps does not take the sign-in of `az`.", "Sign in again: az login"
    ),
    "invalidAudience": _person(
        "Azure DevOps does not take the sign-in of `az`: it is for something else."
    ),
    "invalidSourceIP": PatError(
        Reason.ACCESS_FENCED,
        "{organization} does not let this machine's address create tokens.",
        "Use a network that is allowed. The request to send: aspm-ado guide -o {organization} --request access",
    ),
    "invalidClient": _person(_CLIENT, _NO_CLIENT),
    "invalidClientId": _person(_CLIENT, _NO_CLIENT),
    "invalidClientType": _person(_CLIENT, _NO_CLIENT),
    "failedToReadTenantPolicy": _again("Azure DevOps could not read the policies of the tenant."),
    "failedToReadOrgPolicy": _again("Azure DevOps could not read the policies of {organization}."),
    "failedToIssueAccessToken": _again("Azure DevOps failed to issue the token."),
    "failedToUpdateAccessToken": _again("Azure DevOps failed to change the token."),
    "duplicateHash": _again("Azure DevOps drew a token that is there already."),
    "tokenNotFound": _dead("There is no such token any more."),
    "invalidAuthorizationId": _dead("There is no token with the id on record."),
    "authorizationNotFound": _dead("There is no token with the id on record."),
    "expiredPatCannotBeExtended": _dead(
        "The token has ended, and what has ended cannot be extended."
    ),
    "hostAuthorizationNotFound": _place(
        "{organization} has no place for tokens that a program makes."
    ),
    "sourceNotSupported": _place("{organization} does not let a program make tokens this way."),
    "invalidSource": _place("{organization} does not let a program make tokens this way."),
    "deploymentHostNotSupported": _place(
        "Tokens are made in an organization, and this address is none."
    ),
    "sshPolicyDisabled": _place(
        "{organization} has switched off a way of signing in that this token would use."
    ),
}
"""By value. ``none`` is no error."""

_BY_NAME: Final = {name.lower(): name for name in PAT_ERRORS}
_WORD: Final = re.compile(r"[A-Za-z]{5,60}")


def error_in(reply: Reply) -> str:
    """The ``patTokenError`` of an answer that is no 200: in its place, or as the words of the common error."""
    try:
        document = json.loads(reply.text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    named = {str(key).lower(): value for key, value in document.items()}
    own = named.get("pattokenerror")
    if isinstance(own, str) and own.lower() not in ("", "none"):
        return own
    return next(
        (word for word in _WORD.findall(str(named.get("message", ""))) if word.lower() in _BY_NAME),
        "",
    )


def known(error: str) -> PatError | None:
    """The row of a value, by any spelling of its capitals."""
    return PAT_ERRORS.get(_BY_NAME.get(error.lower(), ""))


def not_created(error: str, order: Order) -> NotCreatedError:
    """What to say of a value; of one that we do not know, the truth."""
    row = known(error) or PatError(
        Reason.CREATION_FAILED,
        f"Azure DevOps created no token, and gave a reason that this version does not know: “{clean(error, 60)}”.",
        "Create the token by hand: {page}",
    )
    texts = {
        "{organization}": order.place.name,
        "{page}": order.place.token_page,
        "{name}": order.display_name,
        "{scopes}": " ".join(order.scopes),
    }
    problem, remedy = row.problem, row.remedy
    for mark, text in texts.items():
        problem, remedy = problem.replace(mark, text), remedy.replace(mark, text)
    return NotCreatedError(row.reason, problem, remedy=remedy)
