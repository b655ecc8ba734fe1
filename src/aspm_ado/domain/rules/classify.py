"""What a single answer of Azure DevOps shows."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus, urljoin, urlsplit

from aspm_ado.domain.azure.place import SERVICES_HOSTS, newest_common
from aspm_ado.domain.documents import Identity, Names, UserProfile
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import CheckId, Reason, Status, UserError
from aspm_ado.domain.report import Check
from aspm_ado.domain.text import clean_said

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
    NEVER_SIGNED_IN = "never-signed-in"
    BARE_REFUSAL = "bare-refusal"
    REFUSAL = "refusal"
    NO_ROUTE = "no-route"
    ANSWER = "answer"


REFUSALS: Final = frozenset(
    {AnswerKind.BARE_REFUSAL, AnswerKind.REFUSAL, AnswerKind.SIGN_IN, AnswerKind.EXPIRED}
)
"""Azure DevOps rejected the token. (``NOT_ALLOWED`` accepts it and rejects the person.)"""

INCONCLUSIVE: Final = frozenset(
    {
        AnswerKind.NO_ANSWER,
        AnswerKind.THROTTLED,
        AnswerKind.SERVER_ERROR,
        AnswerKind.NOT_AZURE_DEVOPS,
        AnswerKind.ACCESS_POLICY,
        AnswerKind.DEACTIVATED,
        AnswerKind.NEVER_SIGNED_IN,
    }
)
"""Kinds that say nothing about the token."""

_CODE: Final = re.compile(r"\b(?:TF|VS)\d{5,6}(?!\d)", re.ASCII)
_NOTHING_LEFT: Final = re.compile(r"-\d|0+(?:\.0+)?$", re.ASCII)
"""A budget that is spent: ``0``, and as ``0.0`` or overdrawn as other figures of it are written."""
_TYPE_KEY: Final = re.compile(r'"typeKey"\s*:\s*"(\w{1,120})"', re.IGNORECASE)
_VERSION: Final = re.compile(r"(?<![\d.])\d{1,2}\.\d{1,2}(?!\.?\d)")


def classify(reply: Reply) -> AnswerKind:
    """The kind of one answer, found once. Every status and every body has one.

    By status, headers, type keys, codes and shapes: texts come in the language of the server.
    """
    if isinstance(reply.kind, AnswerKind):
        return reply.kind
    kind = _kind_of(reply)
    object.__setattr__(reply, "kind", kind)
    return kind


def _kind_of(reply: Reply) -> AnswerKind:
    if reply.failure is not None or not reply.status:
        return AnswerKind.NO_ANSWER
    text = error_text(reply)
    if _is_throttled(reply, text):
        return AnswerKind.THROTTLED
    if reply.status >= 500:
        return _broken(text)
    if "VS403463" in text:
        return AnswerKind.ACCESS_POLICY
    if reply.status in (401, 403) and _never_signed_in(reply, text):
        return AnswerKind.NEVER_SIGNED_IN
    if reply.status == 401:
        return _refusal(reply, text)
    return _let_in(reply, text)


def _let_in(reply: Reply, text: str) -> AnswerKind:
    """The kinds of an answer that does not reject the token."""
    if _leads_to_page(reply):
        return _page(reply)
    is_its_error = reply.status >= 400 and bool(type_key(reply) or _CODE.search(text))
    if is_its_error:
        return AnswerKind.ANSWER
    if not (_is_marked(reply) or recognizes(reply)):
        return AnswerKind.NOT_AZURE_DEVOPS
    if reply.status == 404:
        return AnswerKind.NO_ROUTE
    return AnswerKind.ANSWER


def _is_throttled(reply: Reply, text: str) -> bool:
    """Whether the service throttles requests. It does not always answer 429."""
    if reply.status == 429 or (reply.status >= 400 and "TF400733" in text):
        return True
    is_refusal = reply.status in (203, 401, 403) and "VS403463" not in text
    asks_to_wait = bool(reply.header("Retry-After"))
    left = reply.header("X-RateLimit-Remaining").strip()
    return is_refusal and (asks_to_wait or bool(_NOTHING_LEFT.match(left)))


def _never_signed_in(reply: Reply, text: str) -> bool:
    return type_key(reply) == "AadUserStateException" or "TF401444" in text


def _broken(text: str) -> AnswerKind:
    if "TF24668" in text:
        return AnswerKind.DEACTIVATED
    return AnswerKind.SERVER_ERROR


def _leads_to_page(reply: Reply) -> bool:
    return reply.status == 203 or 300 <= reply.status < 400 or is_html(reply)


def _refusal(reply: Reply, text: str) -> AnswerKind:
    """The kinds of 401. Two look alike and mean the opposite."""
    if recognizes(reply):
        return AnswerKind.NOT_ALLOWED
    if _has_expired(reply, text):
        return AnswerKind.EXPIRED
    if is_html(reply):
        return _page(reply)
    if _asks_web_server_sign_in(reply):
        return AnswerKind.NOT_AZURE_DEVOPS
    marked = _is_marked(reply)
    if marked and not reply.text.strip():
        return AnswerKind.BARE_REFUSAL
    if marked or _CODE.search(text) or "TFS-Federated" in reply.header_values("WWW-Authenticate"):
        return AnswerKind.REFUSAL
    return AnswerKind.NOT_AZURE_DEVOPS


def _has_expired(reply: Reply, text: str) -> bool:
    """Whether a 401 says that the token has expired.

    Only this 401 has a type key or an error header and no TF code. Its words are in the language
    of the server.
    """
    if _CODE.search(text) or not _is_marked(reply):
        return False
    key = type_key(reply)
    return key == "AccessCheckException" or (not key and bool(reply.header("X-TFS-ServiceError")))


def _page(reply: Reply) -> AnswerKind:
    """The kinds of a page: a sign-in or error page of Azure DevOps, or a page of another host."""
    if not reply.header("X-TFS-ProcessId"):
        return AnswerKind.NOT_AZURE_DEVOPS
    if reply.status == 404:
        return AnswerKind.NO_ROUTE
    if reply.status >= 400 and reply.status not in (401, 403):
        return AnswerKind.ANSWER
    return AnswerKind.SIGN_IN


def _is_marked(reply: Reply) -> bool:
    """Whether the answer has a header that Azure DevOps puts on its own answers."""
    return bool(reply.header("ActivityId") or reply.header("X-TFS-ProcessId"))


def error_text(reply: Reply) -> str:
    """Body and ``X-TFS-ServiceError``: an error is in either (a Server encodes blanks as +)."""
    return reply.text + "\n" + unquote_plus(reply.header("X-TFS-ServiceError"))


def type_key(reply: Reply) -> str:
    """The ``typeKey`` of Azure DevOps' JSON error document; empty where the answer is none.

    The last one is the document's own: that of an inner exception comes before it.
    """
    if not reply.text.lstrip("\ufeff \t\r\n").startswith("{"):
        return ""
    return "".join(_TYPE_KEY.findall(reply.text)[-1:])


def without_body(reply: Reply) -> Reply:
    """A copy whose body keeps only the type key of an error, which rules read again."""
    key = type_key(reply)
    return reply.with_text(key and f'{{"typeKey":"{key}"}}')


def is_html(reply: Reply) -> bool:
    """Whether the answer is a page instead of a document."""
    is_page = "html" in reply.header("Content-Type").lower()
    return is_page or reply.text.lstrip("\ufeff \t\r\n").startswith("<")


def user_of(reply: Reply) -> Identity | None:
    """The recognized identity (``X-VSS-UserData``, ``id:account``), except the anonymous one."""
    user, _, account = reply.header("X-VSS-UserData").partition(":")
    identity = Identity(user.strip().lower(), account=clean_said(account, 120))
    return None if identity.is_anonymous else identity


def recognizes(reply: Reply) -> bool:
    """Whether the service recognized a user."""
    user = reply.header("X-VSS-UserData").partition(":")[0]
    return not Identity(user.strip()).is_anonymous


def answers_everywhere(wide: Reply | None) -> bool:
    """Whether ``wide`` answers as only to a token of all organizations (collections).

    It is the answer of ``profiles/me``, or the list of collections at the root of a Server.
    """
    if wide is None or classify(wide) is not AnswerKind.ANSWER:
        return False
    return profile_owner(wide) is not None or (
        isinstance(wide.answer, Names) and bool(wide.answer.names)
    )


def profile_owner(wide: Reply | None) -> Identity | None:
    """The identity in ``profiles/me``, if ``wide`` is a good answer of it."""
    if wide is None or classify(wide) is not AnswerKind.ANSWER:
        return None
    if not isinstance(wide.answer, UserProfile) or wide.answer.identity.is_anonymous:
        return None
    return wide.answer.identity


SAME_HOST: Final = "another path of the same host"


def redirect_target(reply: Reply) -> str:
    """Where a redirect leads: another host, or ``SAME_HOST``, without the rest of its URL."""
    here = Origin.of(reply.call.url)
    try:
        there = Origin.of(urljoin(reply.call.url, reply.header("Location").strip()))
    except (ValueError, UserError):
        return "an invalid URL"
    if there == here:
        return SAME_HOST
    if there.host == here.host:
        return clean_said(there, 120)
    return clean_said(there.host, 120)


def server_version(reply: Reply | None) -> str:
    """The newest API version of both sides; empty if the answer names none.

    ``reply`` is the answer to a version that no server has: a ``VssVersionOutOfRangeException``,
    whose text holds that version and the server's latest.
    """
    if reply is not None and "VssVersionOutOfRangeException" in error_text(reply):
        asked = set(_VERSION.findall(urlsplit(reply.call.url).query))
        for version in _VERSION.findall(error_text(reply)):
            if version not in asked:
                return newest_common(version)
    return ""


def inconclusive(check: CheckId, reply: Reply, before: str = "") -> Check:
    """Return ``check`` as unknown, by an inconclusive ``reply``. ``before`` begins its detail."""
    reason, detail, remedy = explain_inconclusive(reply)
    return Check(check, Status.UNKNOWN, f"{before}{detail}", reason, remedy).on(reply)


_ADMINISTRATOR: Final = re.compile(r"Administrator Reason:(.+)", re.IGNORECASE | re.DOTALL)


def switched_off(reply: Reply) -> str:
    """The reason that the service gives for TF24668, as a sentence after another one.

    Source: facts 6 (a text of 2026). Empty where it gives none, or in another language.
    """
    text, document = error_text(reply), reply.document
    if isinstance(document, dict):
        text = str(document.get("message", text))
    reason = "".join(_ADMINISTRATOR.findall(text)[:1])
    if not reason.strip():
        return ""
    return f" Its administrators' reason: “{clean_said(reason, 300).strip().rstrip('.')}”."


_ON_THE_WAY: Final = "Check for a sign-in portal or a proxy between this machine and the service."
_EXPLANATIONS: Final = {
    AnswerKind.DEACTIVATED: (
        Reason.ORGANIZATION_DEACTIVATED,
        "{host} reports that the organization or collection is disabled (TF24668).",
        "Ask an administrator to reactivate it.",
    ),
    AnswerKind.NEVER_SIGNED_IN: (
        Reason.NEVER_SIGNED_IN,
        "{host} reports that this account has never signed in there.",
        "In a browser, sign in once at the URL of the organization, then run this again.",
    ),
    AnswerKind.THROTTLED: (
        Reason.THROTTLED,
        "{host} is throttling requests (status {status}).",
        "Wait some minutes, then run this again.",
    ),
    AnswerKind.NOT_AZURE_DEVOPS: (
        Reason.NOT_AZURE_DEVOPS,
        "Something else answered instead of {host} (status {status}, no mark of Azure DevOps).",
        _ON_THE_WAY,
    ),
    AnswerKind.NO_ROUTE: (
        Reason.NOT_AZURE_DEVOPS,
        "{host} found nothing at this URL (status {status}).",
        "Check the URL. Copy it from the browser.",
    ),
    AnswerKind.ACCESS_POLICY: (
        Reason.ACCESS_FENCED,
        "{host} denied access to this machine by a conditional access or IP policy (VS403463).",
        "Run this from an allowed network. Also allow Invicti's IP addresses, or its scans fail "
        "the same way.",
    ),
}
LET_TOKENS_THROUGH: Final = (
    "Ask the administrator of the server to disable IIS Basic authentication and any other sign-in "
    "in front of Azure DevOps."
)
_UNREADABLE: Final = (
    Reason.ANSWER_UNREADABLE,
    "{host} answered with status {status}, which does not describe the token.",
    "Run this again with --verbose and keep the activity id for support.",
)


def explain_inconclusive(reply: Reply) -> tuple[Reason, str, str]:
    """Reason, detail, and remedy for an answer that does not describe the token."""
    host, kind = reply.call.url.split("/")[2], classify(reply)
    if kind is AnswerKind.NO_ANSWER:
        reason = reply.failure or Reason.UNREACHABLE
        return reason, reply.problem or f"{host} did not answer.", reply.remedy or "Try again."
    if kind is AnswerKind.SERVER_ERROR:
        return Reason.SERVICE_UNAVAILABLE, *_server_error(reply, host)
    if kind is AnswerKind.NOT_AZURE_DEVOPS and _asks_web_server_sign_in(reply):
        return (
            Reason.SERVER_SIGN_IN_SETUP,
            f"The web server in front of {host} denied access before Azure DevOps received the "
            "token.",
            LET_TOKENS_THROUGH,
        )
    if kind is AnswerKind.NOT_AZURE_DEVOPS and 300 <= reply.status < 400:
        return _redirected(reply, host)
    reason, detail, remedy = _EXPLANATIONS.get(kind, _UNREADABLE)
    if kind is AnswerKind.NO_ROUTE and _is_of_services(host):
        remedy = _UNREADABLE[-1]
    detail = detail.replace("{host}", host).replace("{status}", str(reply.status))
    if kind is AnswerKind.DEACTIVATED:
        detail += switched_off(reply)
    return reason, detail, remedy


def _redirected(reply: Reply, host: str) -> tuple[Reason, str, str]:
    remedy = _ON_THE_WAY
    if not _is_of_services(host):
        remedy = (
            f"If the server has moved, use its new URL. Otherwise: {remedy[:1].lower()}{remedy[1:]}"
        )
    return (
        Reason.NOT_AZURE_DEVOPS,
        f"{host} redirects ({reply.status}) to {redirect_target(reply)}. aspm-ado does not follow "
        "redirects, since it would send the token there.",
        remedy,
    )


def _is_of_services(host: str) -> bool:
    return host.partition(":")[0] in SERVICES_HOSTS


def _server_error(reply: Reply, host: str) -> tuple[str, str]:
    """Detail and remedy of a 5xx: from the service, from its edge, or from a proxy."""
    edge = reply.header("X-MSEdge-Ref")
    if not edge and not _is_marked(reply):
        return (
            f"Something on the network path to {host} answered with an error ({reply.status}, no "
            "Azure DevOps header).",
            "Try again later. If the error persists, ask the administrator of the proxy or the "
            "server.",
        )
    reference = ""
    if edge and not reply.header("ActivityId"):
        reference = f", reference {clean_said(edge, 120)}"
    remedy = "Try again later. If the error persists, ask the administrator of the server."
    if _is_of_services(host):
        remedy = "Try again later. See https://status.dev.azure.com"
    return f"{host} answered with a server error ({reply.status}){reference}.", remedy


_QUOTED: Final = re.compile(r'"[^"]*"')
_SCHEME: Final = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)\s*(?=$|,|\s[^=\s])")
_BASIC_REALM: Final = re.compile(r'\bbasic\s+realm\s*=\s*"?([^",]*)', re.IGNORECASE)
_WEB_SERVER_SCHEMES: Final = frozenset({"basic", "digest", "kerberos", "negotiate", "ntlm"})


def _asks_web_server_sign_in(reply: Reply) -> bool:
    """Whether IIS in front of a Server denied access.

    The realm of Azure DevOps is a URL. One header may hold several challenges.
    """
    if reply.status != 401 or _is_of_services(reply.call.url.split("/")[2]):
        return False
    challenges = _challenges(reply)
    realms = [realm.strip() for realm in _BASIC_REALM.findall(challenges)]
    if realms:
        return not any("://" in realm for realm in realms)
    return offers_windows_sign_in(reply) and _schemes(reply) <= _WEB_SERVER_SCHEMES


def offers_windows_sign_in(reply: Reply) -> bool:
    """Whether a 401 offers Negotiate or NTLM, among other schemes."""
    return reply.status == 401 and bool(_schemes(reply) & {"negotiate", "ntlm"})


def _challenges(reply: Reply) -> str:
    return ", ".join(reply.header_values("WWW-Authenticate"))


def _schemes(reply: Reply) -> set[str]:
    found = _SCHEME.findall(_QUOTED.sub("x", _challenges(reply)))
    return {scheme.lower() for scheme in found}
