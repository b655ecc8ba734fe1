"""Microsoft Entra: the tenant of an organization, and what it means when `az` gives no token for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import NotCreatedError
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from aspm_ado.domain.exchange import Reply

RESOURCE: Final = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps, as every Entra tenant names it. Source: Microsoft's page on Entra tokens for Azure DevOps."""

PERSONAL: Final = "00000000-0000-0000-0000-000000000000"
"""The tenant of an organization of personal Microsoft accounts: none. Source: Git Credential Manager."""

GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"authorization_uri=\S*?/(" + GUID.pattern + ")", re.IGNORECASE)
_CODE: Final = re.compile(r"AADSTS(\d{4,7})")


def tenant_in(reply: Reply) -> str:
    """The tenant that an answer to anybody names: a GUID in lower case, ``PERSONAL``, or nothing."""
    if reply.failure is not None:
        return ""
    found = GUID.findall(reply.header("X-VSS-ResourceTenant"))
    for value in reply.header_values("WWW-Authenticate") if not found else ():
        found += _AUTHORITY.findall(value)
    named = [tenant.lower() for tenant in found]
    return next((tenant for tenant in named if tenant != PERSONAL), named[0] if named else "")


@dataclass(frozen=True, slots=True)
class Sign:
    """How a failure of `az` is known, by a code of Entra or words of `az`, and what to do about it."""

    codes: tuple[str, ...]
    words: tuple[str, ...]
    reason: Reason
    problem: str
    remedy: str


_SIGN_IN: Final = "Sign in: az login --tenant {tenant} --allow-no-subscriptions"

SIGNS: Final = (
    Sign(
        ("53000", "53001", "53002", "53003", "53004", "530002", "530003", "530034"),
        (),
        Reason.ACCESS_FENCED,
        "Conditional Access does not let `az` have a token for Azure DevOps here ({code}).",
        "Use a device and network that the policy allows, or ask whoever keeps it: the sign-in logs of Entra name it.",
    ),
    Sign(
        ("50020", "50034", "50128", "51004", "90072", "700016"),
        (),
        Reason.OTHER_TENANT,
        "Whoever is signed in with `az` has no account in the tenant {tenant} of the organization ({code}).",
        "See who it is: az account show. Sign in as a member: az login --tenant {tenant} --allow-no-subscriptions",
    ),
    Sign(
        ("65001", "90094", "90095", "50105"),
        (),
        Reason.CREATION_NOT_ALLOWED,
        "The tenant {tenant} wants an administrator's consent before `az` may have a token for Azure DevOps ({code}).",
        "Ask an administrator of Microsoft Entra for that consent, or create the token by hand.",
    ),
    Sign(
        ("90002", "900023", "900021"),
        (),
        Reason.TENANT_UNKNOWN,
        "Entra does not know the tenant {tenant} ({code}).",
        "Check that `az` is set to the right cloud: az cloud show",
    ),
    Sign(
        (),
        ("certificate_verify_failed", "certificate verify failed"),
        Reason.TLS_UNTRUSTED,
        "`az` does not trust the certificate that it meets on the way to Microsoft Entra.",
        "Give `az` your company's certificates: set REQUESTS_CA_BUNDLE to their file.",
    ),
    Sign(
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
    Sign(
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
        "Nobody is signed in with `az` to the tenant {tenant} of the organization, or the sign-in has lapsed{code}.",
        _SIGN_IN,
    ),
)
"""The first that fits. Codes: Microsoft's list of Entra errors. `az` says "az login" beside many of them: last."""

OTHERWISE: Final = Sign(
    (),
    (),
    Reason.AZ_FAILED,
    "`az` failed{code}. What it said is not repeated here: it may hold a token.",
    f"See what it says: az account get-access-token --tenant {{tenant}} --resource {RESOURCE} --output none",
)


def az_failed(said: str, tenant: str) -> NotCreatedError:
    """What it means when `az` ends with an error. Of its text only the number of the error is repeated."""
    codes, low = _CODE.findall(said), said.lower()
    sign = next(
        (
            one
            for one in SIGNS
            if set(codes) & set(one.codes) or any(word in low for word in one.words)
        ),
        OTHERWISE,
    )
    code = next((code for code in codes if code in sign.codes), codes[0] if codes else "")
    shown = f"AADSTS{code}" if code else ""
    shown = f" ({shown})" if shown and "({code})" not in sign.problem else shown
    return NotCreatedError(
        sign.reason,
        sign.problem.replace("{tenant}", tenant).replace("{code}", shown),
        remedy=sign.remedy.replace("{tenant}", tenant),
    )
