"""What one answer says by itself, before anything else is known."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from aspm_ado.domain.azure.place import SERVICES_HOSTS
from aspm_ado.domain.documents import Identity
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply


class AnswerKind(StrEnum):
    """The kinds of answer that the decision tables tell apart."""

    NO_ANSWER = "no-answer"
    THROTTLED = "throttled"
    DEACTIVATED = "deactivated"
    SERVER_ERROR = "server-error"
    ACCESS_POLICY = "access-policy"
    SIGN_IN = "sign-in"
    NOT_AZURE_DEVOPS = "not-azure-devops"
    EXPIRED = "expired"
    NOT_ALLOWED = "not-allowed"
    BARE_REFUSAL = "bare-refusal"
    REFUSAL = "refusal"
    NO_ROUTE = "no-route"
    ANSWER = "answer"


REFUSALS: Final = frozenset(
    {AnswerKind.BARE_REFUSAL, AnswerKind.REFUSAL, AnswerKind.SIGN_IN, AnswerKind.EXPIRED}
)
"""Azure DevOps did not take the token. (``NOT_ALLOWED`` took it, and refused the person.)"""

INCONCLUSIVE: Final = {
    AnswerKind.NO_ANSWER: Reason.UNREACHABLE,
    AnswerKind.THROTTLED: Reason.THROTTLED,
    AnswerKind.SERVER_ERROR: Reason.SERVICE_UNAVAILABLE,
    AnswerKind.NOT_AZURE_DEVOPS: Reason.NOT_AZURE_DEVOPS,
    AnswerKind.ACCESS_POLICY: Reason.ACCESS_FENCED,
}
"""Kinds that say nothing about the token, and the reason to give (a silence brings its own)."""

_EXPIRED: Final = re.compile(r"has expired", re.IGNORECASE)
_CODE: Final = re.compile(r"\b(?:TF|VS)\d{5,6}\b")
_NO_CONTROLLER: Final = re.compile(r"the controller for path", re.IGNORECASE)


def classify(reply: Reply) -> AnswerKind:
    """Read one answer. Total: every status and every body has a kind."""
    if reply.failure is not None or not reply.status:
        return AnswerKind.NO_ANSWER
    said = words(reply)
    if reply.status == 429:
        return AnswerKind.THROTTLED
    if reply.status >= 500:
        return AnswerKind.DEACTIVATED if "TF24668" in said else AnswerKind.SERVER_ERROR
    if "VS403463" in said:
        return AnswerKind.ACCESS_POLICY
    if reply.status == 401:
        return _refusal(reply, said)
    if reply.status == 203 or 300 <= reply.status < 400 or is_html(reply):
        return (
            AnswerKind.SIGN_IN if reply.header("X-TFS-ProcessId") else AnswerKind.NOT_AZURE_DEVOPS
        )
    if reply.status == 404 and _NO_CONTROLLER.search(said):
        return (
            AnswerKind.NO_ROUTE
            if _is_marked(reply) or user_of(reply)
            else AnswerKind.NOT_AZURE_DEVOPS
        )
    return AnswerKind.ANSWER


def _is_marked(reply: Reply) -> bool:
    """Whether the answer bears a mark that Azure DevOps puts on its own."""
    return bool(reply.header("ActivityId") or reply.header("X-TFS-ProcessId"))


def _refusal(reply: Reply, said: str) -> AnswerKind:
    """The kinds of 401: two look alike to a person and mean opposite things."""
    if _EXPIRED.search(said):
        return AnswerKind.EXPIRED
    if is_html(reply):
        return (
            AnswerKind.SIGN_IN if reply.header("X-TFS-ProcessId") else AnswerKind.NOT_AZURE_DEVOPS
        )
    if user_of(reply) is not None:
        return AnswerKind.NOT_ALLOWED
    marked = _is_marked(reply)
    if marked and not reply.text.strip():
        return AnswerKind.BARE_REFUSAL
    if marked or _CODE.search(said) or "TFS-Federated" in reply.header_values("WWW-Authenticate"):
        return AnswerKind.REFUSAL
    return AnswerKind.NOT_AZURE_DEVOPS


def words(reply: Reply) -> str:
    """Body and ``X-TFS-ServiceError`` together: the text of an error may be in either (Server encodes blanks as +)."""
    return reply.text + "\n" + unquote_plus(reply.header("X-TFS-ServiceError"))


def is_html(reply: Reply) -> bool:
    """Whether a page answered where a document was asked for."""
    return "html" in reply.header("Content-Type").lower() or reply.text.lstrip(
        "\ufeff \t\r\n"
    ).startswith("<")


def user_of(reply: Reply) -> Identity | None:
    """Whom the service recognised, from ``X-VSS-UserData`` (``id:account``); never the anonymous one."""
    user, _, account = reply.header("X-VSS-UserData").partition(":")
    identity = Identity(user.strip().lower(), account=clean(account, 120))
    return None if identity.is_anonymous else identity


def explain_inconclusive(reply: Reply, kind: AnswerKind) -> tuple[Reason, str, str]:
    """Reason, detail and remedy for an answer that says nothing about the token."""
    host = reply.call.url.split("/")[2]
    if kind is AnswerKind.NO_ANSWER:
        reason = reply.failure or Reason.UNREACHABLE
        return reason, reply.problem or f"{host} did not answer.", reply.remedy or "Try again."
    if kind is AnswerKind.NOT_AZURE_DEVOPS and _asks_windows_sign_in(reply):
        return (
            Reason.SERVER_SIGN_IN_SETUP,
            f"The web server in front of {host} refused before Azure DevOps saw the token.",
            "Ask the administrator of the server to leave IIS Basic authentication off; it keeps tokens out.",
        )
    detail, remedy = {
        AnswerKind.THROTTLED: (
            f"{host} asks to slow down (429).",
            "Wait some minutes, then run this again.",
        ),
        AnswerKind.SERVER_ERROR: _trouble(reply, host),
        AnswerKind.NOT_AZURE_DEVOPS: (
            f"Something else answered in the place of {host} (status {reply.status}, no mark of Azure DevOps).",
            "Look for a sign-in portal or a proxy between this machine and the service.",
        ),
        AnswerKind.ACCESS_POLICY: (
            f"{host} refused this machine by a conditional access or IP policy (VS403463).",
            "Run this from an allowed network; allow Invicti's addresses too, or its scans will be refused alike.",
        ),
    }.get(
        kind,
        (
            f"{host} answered with status {reply.status}, which says nothing about the token.",
            "Run this again with --verbose and keep the activity id for support.",
        ),
    )
    return INCONCLUSIVE.get(kind, Reason.ANSWER_UNREADABLE), detail, remedy


def _trouble(reply: Reply, host: str) -> tuple[str, str]:
    """Whose error it is: of the service, of its edge, or of something on the way (a proxy's page looks like one)."""
    reference = _reference(reply)
    if not reference and not _is_marked(reply):
        return (
            f"Something on the way to {host} answered with an error ({reply.status}, no mark of Azure DevOps).",
            "Try again in a moment; if it stays, ask whoever runs the proxy or the server.",
        )
    services = host.partition(":")[0] in SERVICES_HOSTS
    return (
        f"{host} answered with an error of its own ({reply.status}){reference}.",
        f"Try again later; {'see https://status.dev.azure.com' if services else 'ask whoever runs the server'}.",
    )


def _asks_windows_sign_in(reply: Reply) -> bool:
    offered = {value.split(" ")[0].lower() for value in reply.header_values("WWW-Authenticate")}
    return reply.status == 401 and bool(offered & {"ntlm", "negotiate"})


def _reference(reply: Reply) -> str:
    """What support asks for when an edge answered: its own reference."""
    edge = reply.header("X-MSEdge-Ref")
    return f", reference {clean(edge, 120)}" if edge and not reply.header("ActivityId") else ""
