"""Why Azure DevOps makes no token.

Every ``patTokenError`` of its specification, and what to do about each.

Source: the specification of the PAT Lifecycle API, 7.2 (2026-05-12). It knows the names alone; what
each means is Microsoft's page on token policies where one is named there, and our reading of the
name where none is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.documents import PatAnswer, Pats
from aspm_ado.domain.errors import NotCreatedError
from aspm_ado.domain.help.administrator import FIVE_SETS, Policy
from aspm_ado.domain.reasons import NEVER_SENT, Reason
from aspm_ado.domain.rules.classify import AnswerKind, classify, error_text, explain_inconclusive
from aspm_ado.domain.text import clean_said

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pat_lifecycle import Order
    from aspm_ado.domain.http import Reply


@dataclass(frozen=True, slots=True)
class PatError:
    """One value. ``{organization}``, ``{page}``, ``{name}`` and ``{scopes}`` are filled in."""

    reason: Reason
    problem: str
    remedy: str
    shorter: bool = False
    """Whether a shorter life may be granted."""
    passing: bool = False
    """Whether the same may be granted a moment later.

    Nothing was created, so that it is asked for once more.
    """


def _policy(
    policy: Policy, problem: str, otherwise: str = "", *, shorter: bool = False
) -> PatError:
    ask = f"The request to send: aspm-ado guide -o {{organization}} --request {policy}"
    return PatError(Reason.CREATION_FORBIDDEN, problem, f"{otherwise} {ask}".strip(), shorter)


def _person(problem: str, remedy: str = "") -> PatError:
    who = (
        "See who is signed in: az account show. It must be a person who is a member of "
        "{organization}."
    )
    return PatError(Reason.CREATION_NOT_ALLOWED, problem, remedy or who)


def _place(problem: str) -> PatError:
    return PatError(Reason.CREATION_NOT_POSSIBLE, problem, "Create the token by hand: {page}")


def _again(problem: str) -> PatError:
    remedy = "Try again in some minutes, or create the token by hand: {page}"
    return PatError(Reason.CREATION_FAILED, problem, remedy, passing=True)


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
        "The tenant forbids tokens with Full access: its policy “Restrict full-scoped personal "
        "access token creation”.",
        f"Without an administrator: by hand, tick {FIVE_SETS}, each at its highest; they pass with "
        "a warning.",
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
        "Use a network that is allowed. The request to send: aspm-ado guide -o {organization} "
        "--request access",
    ),
    "invalidClient": _person(_CLIENT, _NO_CLIENT),
    "invalidClientId": _person(_CLIENT, _NO_CLIENT),
    "invalidClientType": _person(_CLIENT, _NO_CLIENT),
    "failedToReadTenantPolicy": _again("Azure DevOps could not read the policies of the tenant."),
    "failedToReadOrgPolicy": _again("Azure DevOps could not read the policies of {organization}."),
    "failedToIssueAccessToken": _again("Azure DevOps failed to issue the token."),
    "failedToUpdateAccessToken": _again("Azure DevOps failed to change the token."),
    "duplicateHash": _again("Azure DevOps drew a token that already exists."),
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


def pat_error(reply: Reply) -> str:
    """The ``patTokenError`` of an answer, whatever its status; empty where there is none.

    Beside a 200 it is in its place, or a word of the common error's message.
    """
    if isinstance(reply.answer, PatAnswer):
        return reply.answer.error
    try:
        document = json.loads(reply.text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    fields = {str(key).lower(): value for key, value in document.items()}
    own = fields.get("pattokenerror")
    if isinstance(own, str) and own.lower() not in ("", "none"):
        return own
    message = _WORD.findall(str(fields.get("message", "")))
    return next((word for word in message if word.lower() in _BY_NAME), "")


def known(error: str) -> PatError | None:
    """The row of a value, by any spelling of its capitals."""
    return PAT_ERRORS.get(_BY_NAME.get(error.lower(), ""))


def _explained(error: str, order: Order) -> NotCreatedError:
    """What to say of a value; of one that we do not know, the truth."""
    row = known(error) or PatError(
        Reason.CREATION_FAILED,
        "Azure DevOps created no token, and gave a reason that this version does not know: "
        f"“{clean_said(error, 60)}”.",
        "Create the token by hand: {page}",
    )
    problem, remedy = row.problem, row.remedy
    for mark, text in (
        ("{organization}", order.place.name),
        ("{page}", order.place.token_page),
        ("{name}", order.display_name),
        ("{scopes}", " ".join(order.scopes)),
    ):
        problem, remedy = problem.replace(mark, text), remedy.replace(mark, text)
    return NotCreatedError(row.reason, problem, remedy=remedy)


RESOURCE: Final = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps, as every Entra tenant names it.

Source: Microsoft's page on Entra tokens for Azure DevOps.
"""

PERSONAL: Final = "00000000-0000-0000-0000-000000000000"
"""The tenant of an organization of personal Microsoft accounts: none.

Source: Git Credential Manager.
"""

GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"authorization_uri=\S*?/(" + GUID.pattern + ")", re.IGNORECASE)
_CODE: Final = re.compile(r"AADSTS(\d{4,7})")


def tenant_in(reply: Reply) -> str:
    """The tenant that an answer to anybody names.

    A GUID in lower case, ``PERSONAL``, or nothing.
    """
    if reply.failure is not None:
        return ""
    found = GUID.findall(reply.header("X-VSS-ResourceTenant"))
    for value in reply.header_values("WWW-Authenticate") if not found else ():
        found += _AUTHORITY.findall(value)
    named = [tenant.lower() for tenant in found]
    return next((tenant for tenant in named if tenant != PERSONAL), named[0] if named else "")


@dataclass(frozen=True, slots=True)
class AzFailure:
    """How a failure of `az` is known, by a code of Entra or words of `az`, and what to do."""

    codes: tuple[str, ...]
    words: tuple[str, ...]
    reason: Reason
    problem: str
    remedy: str


_SIGN_IN: Final = "Sign in: az login --tenant {tenant} --allow-no-subscriptions"

AZ_FAILURES: Final = (
    AzFailure(
        ("53000", "53001", "53002", "53003", "53004", "530002", "530003", "530034"),
        (),
        Reason.ACCESS_FENCED,
        "Conditional Access does not let `az` have a token for Azure DevOps here ({code}).",
        "Use a device and network that the policy allows, or ask whoever keeps it: the sign-in "
        "logs of Entra name it.",
    ),
    AzFailure(
        ("50020", "50034", "50128", "51004", "90072", "700016"),
        (),
        Reason.OTHER_TENANT,
        "Whoever is signed in with `az` has no account in the tenant {tenant} of the organization "
        "({code}).",
        "See who it is: az account show. Sign in as a member: az login --tenant {tenant} "
        "--allow-no-subscriptions",
    ),
    AzFailure(
        ("65001", "90094", "90095", "50105"),
        (),
        Reason.CREATION_NOT_ALLOWED,
        "The tenant {tenant} wants an administrator's consent before `az` may have a token for "
        "Azure DevOps ({code}).",
        "Ask an administrator of Microsoft Entra for that consent, or create the token by hand.",
    ),
    AzFailure(
        ("90002", "900023", "900021"),
        (),
        Reason.TENANT_UNKNOWN,
        "Entra does not know the tenant {tenant} ({code}).",
        "Check that `az` is set to the right cloud: az cloud show",
    ),
    AzFailure(
        (),
        ("certificate_verify_failed", "certificate verify failed"),
        Reason.TLS_UNTRUSTED,
        "`az` does not trust the certificate that it meets on the way to Microsoft Entra.",
        "Give `az` your company's certificates: set REQUESTS_CA_BUNDLE to their file.",
    ),
    AzFailure(
        (),
        (
            "max retries exceeded",
            "failed to establish",
            "name resolution",
            "getaddrinfo",
            "connection aborted",
        ),
        Reason.UNREACHABLE,
        "`az` could not reach Microsoft Entra.",
        "Check the network; behind a proxy, set HTTPS_PROXY.",
    ),
    AzFailure(
        (
            "50058",
            "50076",
            "50078",
            "50079",
            "50089",
            "50132",
            "50133",
            "50173",
            "70043",
            "70044",
            "700082",
            "700084",
        ),
        ("az login", "interaction_required", "invalid_grant", "interactive authentication"),
        Reason.AZ_NOT_SIGNED_IN,
        "Nobody is signed in with `az` to the tenant {tenant} of the organization, or the sign-in "
        "has lapsed{code}.",
        _SIGN_IN,
    ),
)
"""The first that fits. Codes: Microsoft's list of Entra errors.

`az` says "az login" beside many of them: last.
"""

OTHERWISE: Final = AzFailure(
    (),
    (),
    Reason.AZ_FAILED,
    "`az` failed{code}. What it said is not repeated here: it may hold a token.",
    f"See what it says: az account get-access-token --tenant {{tenant}} --resource {RESOURCE} "
    "--output none",
)


def _az_failure(codes: list[str], output: str) -> AzFailure:
    for failure in AZ_FAILURES:
        if set(codes) & set(failure.codes) or any(word in output for word in failure.words):
            return failure
    return OTHERWISE


def az_failed(output: str, tenant: str) -> NotCreatedError:
    """What it means when `az` ends with an error. Only the number in its text is repeated."""
    codes = _CODE.findall(output)
    found = _az_failure(codes, output.lower())
    code = next((code for code in codes if code in found.codes), codes[0] if codes else "")
    shown = f"AADSTS{code}" if code else ""
    if shown and "({code})" not in found.problem:
        shown = f" ({shown})"
    return NotCreatedError(
        found.reason,
        _with_tenant(found.problem, tenant).replace("{code}", shown),
        remedy=_with_tenant(found.remedy, tenant),
    )


def _with_tenant(text: str, tenant: str) -> str:
    """``text`` about a tenant, or about the one that `az` takes by itself."""
    if not tenant:
        text = re.sub(r" -+tenant {tenant}| {tenant} of the organization", "", text)
    return text.replace("{tenant}", tenant or "of `az`")


_GONE: Final = frozenset({"tokennotfound", "authorizationnotfound", "invalidauthorizationid"})


def is_uncertain(reply: Reply) -> bool:
    """Whether a creation may have happened although no value came: only looking tells."""
    if isinstance(reply.answer, PatAnswer):
        return not reply.answer.error and (
            reply.answer.pat is None or reply.answer.pat.secret is None
        )
    if pat_error(reply) or reply.failure in NEVER_SENT:
        return False
    return classify(reply) in (AnswerKind.NO_ANSWER, AnswerKind.SERVER_ERROR) or reply.status in (
        200,
        201,
    )


def is_revoked(reply: Reply) -> bool:
    """Whether a token is ended now; one that is not there any more is."""
    return reply.status in (200, 202, 204) or pat_error(reply).lower() in _GONE


_NOT_A_MEMBER: Final = (
    AnswerKind.SIGN_IN,
    AnswerKind.REFUSAL,
    AnswerKind.BARE_REFUSAL,
    AnswerKind.NOT_ALLOWED,
    AnswerKind.EXPIRED,
)


def _refuses_sign_in(reply: Reply, kind: AnswerKind) -> bool:
    if "InvalidAccessException" in error_text(reply):
        return True
    return kind is AnswerKind.ANSWER and reply.status == 403


def creation_error(reply: Reply, order: Order) -> NotCreatedError:
    """The error that an answer other than a good one is."""
    if error := pat_error(reply):
        return _explained(error, order)
    kind, place, status = classify(reply), order.place, f"(status {reply.status})"
    answered = kind is AnswerKind.ANSWER
    if kind in _NOT_A_MEMBER:
        return NotCreatedError(
            Reason.CREATION_NOT_ALLOWED,
            f"{place.name} does not let whoever is signed in with `az` make tokens {status}: not a "
            "member, or not a person; service principals and managed identities cannot.",
            remedy="See who is signed in: az account show. Sign in as a member: az login "
            "--allow-no-subscriptions",
        )
    if _refuses_sign_in(reply, kind):
        return NotCreatedError(
            Reason.CREATION_NOT_ALLOWED,
            f"{place.name} does not allow tokens to be made with the sign-in of `az` {status}.",
            remedy="Sign in with `az` as a person: az login. "
            f"Or create the token by hand: {place.token_page}",
        )
    if kind is AnswerKind.NO_ROUTE or (answered and reply.status == 404):
        return NotCreatedError(
            Reason.CREATION_NOT_POSSIBLE,
            f"{place.name} has no place where a program could make a token {status}.",
            remedy=f"Create the token by hand: {place.token_page}",
        )
    if answered and not isinstance(reply.answer, PatAnswer | Pats):
        return NotCreatedError(
            Reason.CREATION_FAILED,
            f"Azure DevOps created no token, and did not say why {status}.",
            remedy="Run it again with --verbose and keep the activity id; "
            f"or create it by hand: {place.token_page}",
        )
    reason, problem, remedy = explain_inconclusive(reply, kind)
    return NotCreatedError(reason, problem, remedy=remedy)
