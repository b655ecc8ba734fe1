"""A token of the PAT Lifecycle API: its order, how the granted token differs, and why none came.

Source: the specification of the PAT Lifecycle API, 7.2 (2026-05-12). It lists only the names of
errors. What they mean is from Microsoft's page on token policies, or our reading of the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.azure.retirement import Calendar, ReachDemanded, count_days
from aspm_ado.domain.azure.scopes import Box, boxes_of
from aspm_ado.domain.documents import PatAnswer, Pats
from aspm_ado.domain.guide import POLICIES, Policy, guide
from aspm_ado.domain.reasons import NEVER_SENT, NotCreatedError, Reason
from aspm_ado.domain.rules.classify import AnswerKind, classify, error_text, explain_inconclusive
from aspm_ado.domain.text import clean, clean_said, typed_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aspm_ado.domain.azure.deployment import Purpose
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.documents import Pat
    from aspm_ado.domain.http import Reply

SHORTER: Final = (90, 30, 7)
"""Lifespans in days to try if a policy forbids a longer one."""

EXPIRES_SOURCE: Final = "Azure DevOps"
"""The source of an exact expiry date."""

_NAME: Final = re.compile(r"aspm-ado (.+) \d{8} [0-9a-f]{8}", re.IGNORECASE)
"""The name of an order, with that of its organization."""


@dataclass(frozen=True, slots=True)
class Order:
    """The requested token: for one organization, until the beginning of a day (UTC)."""

    place: Place
    display_name: str
    boxes: tuple[Box, ...]
    scopes: tuple[str, ...]
    until: date
    id: str
    """Eight characters that no other order has; they are the end of its name."""

    def days(self, today: date) -> int:
        """The lifespan in days."""
        return (self.until - today).days

    def shorter(self, today: date) -> Iterator[Order]:
        """Yield this order, then one per shorter lifespan, the longest first."""
        yield self
        for days in SHORTER:
            until = today + timedelta(days=days)
            if until < self.until:
                yield Order(self.place, self.display_name, self.boxes, self.scopes, until, self.id)


def order_for(
    place: Place, purpose: Purpose, calendar: Calendar, drawn: str, until: date | None = None
) -> Order:
    """Order the scopes of a purpose, until ``until`` or the date in the guide.

    The name contains no personal data. It ends with the beginning of ``drawn``, a random UUID, to
    be unique.
    """
    boxes = boxes_of(purpose)
    return Order(
        place,
        f"aspm-ado {place.name} {calendar.today:%Y%m%d} {drawn[:8]}",
        boxes,
        tuple(box.vso for box in boxes),
        until or guide(place, purpose, ReachDemanded.ORGANIZATION, calendar).expires,
        drawn[:8],
    )


def is_our_name(display_name: str, place: Place) -> bool:
    """Whether a token has a name that an order for this organization would give it."""
    found = _NAME.fullmatch(display_name)
    return found is not None and found[1].casefold() == place.key


def differences(order: Order, granted: Pat, today: date) -> list[str]:
    """Differences from the order, as sentences. A policy may shorten a lifespan silently."""
    found = []
    if granted.valid_to is not None and granted.valid_to.date() < order.until:
        until = granted.valid_to.date()
        found.append(
            f"The token expires on {until} ({count_days((until - today).days)}), not on "
            f"{order.until}: a policy limits the lifespan of tokens. Replace it before with "
            "`aspm-ado rotate`. To request a longer lifespan: aspm-ado guide "
            f"-o {typed_word(order.place.name)} --request lifespan"
        )
    if granted.scopes and granted.scopes != frozenset(order.scopes):
        found.append(
            "Azure DevOps granted other scopes than aspm-ado requested: "
            f"{clean(' '.join(sorted(granted.scopes)), 200)} instead of "
            f"{' '.join(sorted(order.scopes))}. The validation shows what is missing."
        )
    if granted.is_global:
        found.append(
            "Azure DevOps created a global token, although aspm-ado requested one for this "
            "organization only."
        )
    return found


@dataclass(slots=True)
class CreatedToken:
    """A token that this run ordered, and where to revoke it. Its value is elsewhere."""

    order: Order
    tenant: str
    authorization_id: str = ""
    """Its id in the PAT Lifecycle API; it comes with the answer."""
    under_way: bool = False
    """Whether its answer is pending. Then it may appear after a search that did not find it."""
    handed_over: bool = False
    """Whether Invicti ASPM has it, or may have it, where it is stored nowhere else."""


@dataclass(frozen=True, slots=True)
class PatError:
    """Why no token came, by a value or by another answer.

    It has places for ``{organization}``, ``{page}``, ``{name}``, ``{scopes}`` and ``{status}``.

    ``shorter``: Azure DevOps may accept a shorter lifespan. ``passing``: it may accept the same
    request a moment later. Nothing was created, so it is sent once more.
    """

    reason: Reason
    problem: str
    remedy: str
    shorter: bool = False
    passing: bool = False


def _request(policy: Policy) -> str:
    return (
        "To get a request to the administrator, run: "
        f"aspm-ado guide -o {{organization}} --request {policy}"
    )


def _policy(
    policy: Policy, problem: str, otherwise: str = "", *, shorter: bool = False
) -> PatError:
    remedy = f"{otherwise} {_request(policy)}".strip()
    return PatError(Reason.CREATION_FORBIDDEN, problem, remedy, shorter)


def _person(problem: str, remedy: str = "") -> PatError:
    member = (
        "Sign in with `az` as a member of {organization}. To check who is signed in, run: "
        "az account show"
    )
    return PatError(Reason.CREATION_NOT_ALLOWED, problem, remedy or member)


def _place(problem: str) -> PatError:
    return PatError(Reason.CREATION_NOT_POSSIBLE, problem, _BY_HAND)


def _again(problem: str) -> PatError:
    remedy = "Try again in a few minutes, or create the token by hand: {page}"
    return PatError(Reason.CREATION_FAILED, problem, remedy, passing=True)


def _dead(problem: str) -> PatError:
    return PatError(Reason.CREATION_REFUSED, problem, "Create a new token: aspm-ado rotate")


def _rejected(what: str) -> PatError:
    report = f"Report this: aspm-ado {__version__} requested the scopes {{scopes}}."
    return PatError(
        Reason.CREATION_REFUSED, f"Azure DevOps does not accept {what}.", f"{report} {_BY_HAND}"
    )


_BY_HAND: Final = "Create the token by hand: {page}"
_CLIENT: Final = _person(
    "Azure DevOps does not accept the program that `az` signs in with.",
    "Update the Azure CLI (az upgrade), or create the token by hand: {page}",
)
_UNKNOWN_PERSON: Final = _person("{organization} does not know the account signed in with `az`.")
_NO_SUCH_TOKEN: Final = _dead("No token has the stored id.")
_NOT_BY_PROGRAMS: Final = _place("{organization} does not let programs create tokens this way.")

PAT_ERRORS: Final[Mapping[str, PatError]] = {
    "disablePatCreationPolicyViolation": _policy(
        Policy.CREATION,
        "{organization} forbids new tokens: its policy “Restrict personal access token creation”.",
    ),
    "globalPatPolicyViolation": _policy(
        Policy.GLOBAL,
        "The tenant forbids global tokens.",
        "Create a token for one organization.",
    ),
    "globalPATCreationBlocked": _policy(
        Policy.GLOBAL,
        "Microsoft blocks the creation of global tokens.",
        "Create a token for one organization.",
    ),
    "fullScopePatPolicyViolation": _policy(
        Policy.FULL_SCOPE,
        "The tenant forbids tokens with Full access: its policy “Restrict full-scoped personal "
        "access token creation”.",
        POLICIES[Policy.FULL_SCOPE].otherwise,
    ),
    "patLifespanPolicyViolation": _policy(
        Policy.LIFESPAN,
        "The tenant forbids every lifespan that aspm-ado requested.",
        shorter=True,
    ),
    "invalidValidTo": PatError(
        Reason.CREATION_REFUSED,
        "Azure DevOps does not accept the expiry date of the token, nor an earlier one.",
        "Pass another date within a year from today: --pat-expires YYYY-MM-DD",
        shorter=True,
    ),
    "invalidScope": _rejected("the requested scopes"),
    "invalidTargetAccounts": _rejected("a token for {organization} only"),
    "invalidTokenType": _rejected("the requested kind of token"),
    "displayNameRequired": _rejected("a token without a name, although it was “{name}”"),
    "invalidDisplayName": _rejected("“{name}” as the name of a token"),
    "userIdRequired": _person("Azure DevOps does not recognize who requests the token."),
    "invalidUserId": _UNKNOWN_PERSON,
    "invalidSubject": _UNKNOWN_PERSON,
    "invalidUserType": _person(
        "Accounts such as service principals and managed identities cannot have tokens."
    ),
    "accessDenied": _person(
        "The account signed in with `az` may not create tokens in {organization}."
    ),
    "invalidToken": _person(
        "Azure DevOps does not accept the sign-in of `az`.", "Sign in again: az login"
    ),
    "invalidAudience": _person(
        "Azure DevOps does not accept the sign-in of `az`: it is for another service."
    ),
    "invalidSourceIP": PatError(
        Reason.ACCESS_FENCED,
        "{organization} does not allow this network address to create tokens.",
        f"Use an allowed network. {_request(Policy.ACCESS)}",
    ),
    "invalidClient": _CLIENT,
    "invalidClientId": _CLIENT,
    "invalidClientType": _CLIENT,
    "failedToReadTenantPolicy": _again("Azure DevOps could not read the policies of the tenant."),
    "failedToReadOrgPolicy": _again("Azure DevOps could not read the policies of {organization}."),
    "failedToIssueAccessToken": _again("Azure DevOps failed to issue the token."),
    "failedToUpdateAccessToken": _again("Azure DevOps failed to change the token."),
    "duplicateHash": _again("Azure DevOps generated a token that already exists."),
    "tokenNotFound": _dead("The token no longer exists."),
    "invalidAuthorizationId": _NO_SUCH_TOKEN,
    "authorizationNotFound": _NO_SUCH_TOKEN,
    "expiredPatCannotBeExtended": _dead("The token has expired. Azure DevOps cannot extend it."),
    "hostAuthorizationNotFound": _place("{organization} does not let programs create tokens."),
    "sourceNotSupported": _NOT_BY_PROGRAMS,
    "invalidSource": _NOT_BY_PROGRAMS,
    "deploymentHostNotSupported": _place("Tokens belong to an organization. This URL is not one."),
    "sshPolicyDisabled": _place(
        "{organization} has disabled a sign-in method that this token would use."
    ),
}
"""By value. ``none`` is no error."""

_BY_NAME: Final = {name.lower(): name for name in PAT_ERRORS}
_WORD: Final = re.compile(r"[A-Za-z]{5,60}")


def pat_error(reply: Reply) -> str:
    """The ``patTokenError`` of an answer of any status, or an empty text.

    In an error document, it may be a word of the message.
    """
    if isinstance(reply.answer, PatAnswer):
        return reply.answer.error
    document = reply.document
    if not isinstance(document, dict):
        return ""
    fields = {str(key).lower(): value for key, value in document.items()}
    own = fields.get("pattokenerror")
    if isinstance(own, str) and own.lower() not in ("", "none"):
        return own
    message = _WORD.findall(str(fields.get("message", "")))
    return next((word for word in message if word.lower() in _BY_NAME), "")


def token_beside_error(reply: Reply) -> str | None:
    """The id, if told, of a token that came with an error; ``None`` if there is no such token."""
    if isinstance(reply.answer, PatAnswer):
        return reply.answer.beside
    document = reply.document if pat_error(reply) else None
    fields = {str(key).lower(): value for key, value in _items(document)}
    if not fields.get("pattoken"):
        return None
    inner = {str(key).lower(): value for key, value in _items(fields["pattoken"])}
    return str(inner.get("authorizationid") or "")


def _items(document: object) -> Iterable[tuple[object, object]]:
    return document.items() if isinstance(document, dict) else ()


def known(error: str) -> PatError | None:
    """The row of a value, whatever its case."""
    return PAT_ERRORS.get(_BY_NAME.get(error.lower(), ""))


def _explained(row: PatError, order: Order, reply: Reply) -> NotCreatedError:
    values = {
        "organization": order.place.name,
        "page": order.place.token_page,
        "name": order.display_name,
        "scopes": " ".join(order.scopes),
        "status": f"(status {reply.status})",
    }
    problem, remedy = _filled(row.problem, values), _filled(row.remedy, values)
    return NotCreatedError(row.reason, problem, remedy=remedy)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with its known places filled. Other braces stay: Azure DevOps may have sent them."""
    return re.sub(r"\{(\w+)\}", lambda place: values.get(place[1], place[0]), text)


RESOURCE: Final = "499b84ac-1321-427f-aa17-267ca6975798"
"""The id of Azure DevOps in every Entra tenant (Microsoft's page on Entra tokens for it)."""

PERSONAL: Final = "00000000-0000-0000-0000-000000000000"
"""The tenant of an organization of personal Microsoft accounts (Git Credential Manager)."""

GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"authorization_uri=\S*?/(" + GUID.pattern + ")", re.IGNORECASE)
_CODE: Final = re.compile(r"AADSTS(\d{4,7})")


def tenant_in(reply: Reply) -> str:
    """The tenant that an anonymous answer names: a lower-case GUID, ``PERSONAL``, or nothing."""
    if reply.failure is not None:
        return ""
    found = GUID.findall(reply.header("X-VSS-ResourceTenant"))
    for value in reply.header_values("WWW-Authenticate") if not found else ():
        found += _AUTHORITY.findall(value)
    named = [tenant.lower() for tenant in found]
    return next((tenant for tenant in named if tenant != PERSONAL), named[0] if named else "")


@dataclass(frozen=True, slots=True)
class AzFailure:
    """A failure of `az`, recognized by codes of Entra or words of `az`."""

    reason: Reason
    problem: str
    remedy: str
    codes: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


AZ_FAILURES: Final = (
    AzFailure(
        Reason.ACCESS_FENCED,
        "Conditional Access does not allow `az` a token for Azure DevOps here ({code}).",
        "Use a device and network that the policy allows. Or ask an administrator of Microsoft "
        "Entra: its sign-in logs name the policy.",
        _codes("53000 53001 53002 53003 53004 530002 530003 530034"),
    ),
    AzFailure(
        Reason.OTHER_TENANT,
        "The account signed in with `az` is not in the tenant {tenant} of the organization "
        "({code}).",
        "Check who is signed in: az account show. Sign in as a member: az login --tenant {tenant} "
        "--allow-no-subscriptions",
        _codes("50020 50034 50128 51004 90072 700016"),
    ),
    AzFailure(
        Reason.CREATION_NOT_ALLOWED,
        "The tenant {tenant} requires an administrator's consent before `az` can get a token for "
        "Azure DevOps ({code}).",
        "Ask an administrator of Microsoft Entra for that consent, or create the token by hand.",
        _codes("65001 90094 90095 50105"),
    ),
    AzFailure(
        Reason.TENANT_UNKNOWN,
        "Entra does not know the tenant {tenant} ({code}).",
        "Check that `az` uses the right cloud: az cloud show",
        _codes("90002 900023 900021"),
    ),
    AzFailure(
        Reason.TLS_UNTRUSTED,
        "`az` does not trust a certificate on the network path to Microsoft Entra.",
        "Set REQUESTS_CA_BUNDLE to the file of your company's certificates.",
        words=("certificate_verify_failed", "certificate verify failed"),
    ),
    AzFailure(
        Reason.UNREACHABLE,
        "`az` cannot reach Microsoft Entra.",
        "Check the network. Behind a proxy, set HTTPS_PROXY.",
        words=(
            "max retries exceeded",
            "failed to establish",
            "name resolution",
            "getaddrinfo",
            "connection aborted",
        ),
    ),
    AzFailure(
        Reason.AZ_NOT_SIGNED_IN,
        "Nobody is signed in with `az` to the tenant {tenant} of the organization, or the sign-in "
        "has expired{code}.",
        "Sign in: az login --tenant {tenant} --allow-no-subscriptions",
        _codes("50058 50076 50078 50079 50089 50132 50133 50173 70043 70044 700082 700084"),
        ("az login", "interaction_required", "invalid_grant", "interactive authentication"),
    ),
)
"""The first match counts. `az` prints "az login" with many errors, so that is last.

Codes: Microsoft's list of Entra errors.
"""

OTHERWISE: Final = AzFailure(
    Reason.AZ_FAILED,
    "`az` failed{code}. Its output may contain a token, so aspm-ado does not show it.",
    "To see the output, run: az account get-access-token --tenant {tenant} --resource "
    f"{RESOURCE} --output none",
)


def az_failed(output: str, tenant: str) -> NotCreatedError:
    """The error for a failure of `az`. It repeats only the code in the output."""
    codes, found = _CODE.findall(output), OTHERWISE
    for failure in AZ_FAILURES:
        is_named = not failure.codes.isdisjoint(codes)
        if is_named or any(word in output.lower() for word in failure.words):
            found = failure
            break
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
    """``text`` about a tenant, or about the default one of `az`."""
    if not tenant:
        text = re.sub(r" -+tenant {tenant}| {tenant} of the organization", "", text)
    return text.replace("{tenant}", tenant or "of `az`")


_GONE: Final = frozenset({"tokennotfound", "authorizationnotfound", "invalidauthorizationid"})


def is_uncertain(reply: Reply) -> bool:
    """Whether a token may have been created although its value did not arrive.

    Only Azure DevOps itself can say that there is none: what else answers may have passed the
    request on before.
    """
    if isinstance(reply.answer, PatAnswer):
        return not reply.answer.error and (
            reply.answer.pat is None or reply.answer.pat.secret is None
        )
    if pat_error(reply) or reply.failure in NEVER_SENT:
        return False
    is_accepted = 200 <= reply.status < 300 and reply.status != 203
    return is_accepted or classify(reply) in _NOT_ITS_ANSWER


_NOT_ITS_ANSWER: Final = (
    AnswerKind.NO_ANSWER,
    AnswerKind.SERVER_ERROR,
    AnswerKind.NOT_AZURE_DEVOPS,
)


def is_revoked(reply: Reply) -> bool:
    """Whether Azure DevOps says that a token is revoked, or no longer exists."""
    if error := pat_error(reply):
        return error.lower() in _GONE
    return reply.status in (200, 202, 204) and classify(reply) is AnswerKind.ANSWER


_NOT_A_MEMBER: Final = (
    AnswerKind.SIGN_IN,
    AnswerKind.REFUSAL,
    AnswerKind.BARE_REFUSAL,
    AnswerKind.NOT_ALLOWED,
    AnswerKind.EXPIRED,
)
_STRANGER: Final = _person(
    "The account signed in with `az` may not create tokens in {organization} {status}. It is not a "
    "member, or not a person.",
    "Check who is signed in: az account show. Sign in as a member: az login "
    "--allow-no-subscriptions",
)
_NO_PERSON: Final = _person(
    "{organization} does not let the sign-in of `az` create tokens {status}.",
    "Sign in with `az` as a person (az login). Or create the token by hand: {page}",
)
_NO_PROGRAM: Final = _place("{organization} does not let programs create tokens {status}.")
_NO_REASON: Final = PatError(
    Reason.CREATION_FAILED,
    "Azure DevOps created no token and gave no reason {status}.",
    f"To get the activity id, run this again with --verbose. {_BY_HAND}",
)


def creation_error(reply: Reply, order: Order) -> NotCreatedError:
    """The error for an answer without a new token."""
    row = _named(pat_error(reply)) or _unnamed(reply)
    if row is not None:
        return _explained(row, order, reply)
    reason, problem, remedy = explain_inconclusive(reply)
    return NotCreatedError(reason, problem, remedy=remedy)


def _named(error: str) -> PatError | None:
    """The row of a value; for an unknown one, its name."""
    if not error:
        return None
    return known(error) or PatError(
        Reason.CREATION_FAILED,
        "Azure DevOps created no token. This version does not know its reason: "
        f"“{clean_said(error, 60)}”.",
        _BY_HAND,
    )


def _unnamed(reply: Reply) -> PatError | None:
    """The row of an answer without a value, if it is about the token."""
    kind = classify(reply)
    answered = kind is AnswerKind.ANSWER
    if kind in _NOT_A_MEMBER:
        return _STRANGER
    if "InvalidAccessException" in error_text(reply) or (answered and reply.status == 403):
        return _NO_PERSON
    if kind is AnswerKind.NO_ROUTE or (answered and reply.status == 404):
        return _NO_PROGRAM
    if answered and not isinstance(reply.answer, PatAnswer | Pats):
        return _NO_REASON
    return None
