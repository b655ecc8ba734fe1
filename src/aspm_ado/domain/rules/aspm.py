"""What answers at the URL of Invicti ASPM, and what its API token may do: the ``aspm.*`` checks.

An error is ``{"error": …}`` or ``{"message": …}``, either with any status. A page (HTML) is never
the API, whatever its status. A redirect is not followed: its host is named instead. Source:
facts/aspm section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import Dialect, where_tokens_are_made
from aspm_ado.domain.documents import AspmKnown, AspmPage
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import Check, Command, skip
from aspm_ado.domain.rules.classify import SAME_HOST, is_html, redirect_target
from aspm_ado.domain.text import clean_said

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply

_HEAD: Final = 4000
"""A text of this length may be the head of a longer body."""

ASPM_CHECKS: Final = (CheckId.ASPM_REACHABLE, CheckId.ASPM_TOKEN, CheckId.ASPM_PROJECTS)
CHECK_ADDRESS: Final = (
    "Copy the URL of Invicti ASPM from the browser, and pass --aspm-url URL to connect."
)


class AspmAnswer(StrEnum):
    """The kinds of answer that the rules tell apart."""

    NO_ANSWER = "no-answer"
    THROTTLED = "throttled"
    SERVER_ERROR = "server-error"
    REDIRECT = "redirect"
    PAGE = "page"
    ABSENT = "absent"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"
    DECLINED = "declined"
    ANSWER = "answer"


ASPM_INCONCLUSIVE: Final = frozenset(
    {AspmAnswer.NO_ANSWER, AspmAnswer.THROTTLED, AspmAnswer.SERVER_ERROR}
)
_STRENGTH: Final = {AspmAnswer.ANSWER: 2, AspmAnswer.REFUSED: 1, AspmAnswer.FORBIDDEN: 1}
"""How strongly a kind shows that the API answered. Other kinds do not show it."""


def classify_aspm(reply: Reply) -> AspmAnswer:
    """The kind of one answer. Every status and every body has one."""
    text = reply.text.lstrip("\ufeff \t\r\n")
    if not reply.status or _has_failed(reply, text):
        return AspmAnswer.NO_ANSWER
    return _by_status(reply) or _by_body(reply, text)


def _has_failed(reply: Reply, text: str) -> bool:
    """Whether no answer came; a success with another body than was asked for is one."""
    if reply.failure is None:
        return False
    if not 200 <= reply.status < 300:
        return True
    has_body = reply.failure is Reason.ANSWER_UNREADABLE and bool(text)
    return not has_body and reply.header("Content-Length") != "0"


def _by_status(reply: Reply) -> AspmAnswer | None:
    """The kind, where the body does not matter."""
    if reply.status == 429:
        return AspmAnswer.THROTTLED
    if reply.status >= 500:
        return AspmAnswer.SERVER_ERROR
    if 300 <= reply.status < 400:
        return AspmAnswer.REDIRECT
    if reply.status not in (401, 403):
        return None
    is_of_another = bool(reply.header("WWW-Authenticate")) and not error_message(reply)
    if is_html(reply) or is_of_another:  # the API asks for no sign-in of a web server
        return AspmAnswer.PAGE
    if reply.status == 401:
        return AspmAnswer.REFUSED
    return AspmAnswer.FORBIDDEN


def _by_body(reply: Reply, text: str) -> AspmAnswer:
    is_unread = reply.failure is Reason.ANSWER_UNREADABLE
    if is_unread and text.startswith(("{", "[")) and reply.document is None:
        return AspmAnswer.NO_ANSWER  # JSON that was cut short
    is_json = text.startswith(("{", "[")) and (reply.document is not None or len(text) >= _HEAD)
    if not is_json:
        return AspmAnswer.PAGE
    if reply.status in (404, 405):
        return AspmAnswer.ABSENT
    if reply.status >= 400:
        return AspmAnswer.DECLINED
    return AspmAnswer.ANSWER


def error_message(reply: Reply) -> str:
    """The cleaned message of an error document."""
    document = reply.document
    if isinstance(document, dict):
        for key in ("error", "message"):
            if isinstance(document.get(key), str):
                return clean_said(document[key], 200)
    return ""


def dialects_to_retry(answers: Mapping[Dialect, Reply]) -> tuple[Dialect, ...]:
    """The dialects whose API may exist although its health URL does not."""
    kinds = {dialect: classify_aspm(reply) for dialect, reply in answers.items()}
    if not _STRENGTH.keys().isdisjoint(kinds.values()):
        return ()
    absent = (AspmAnswer.ABSENT, AspmAnswer.PAGE)
    return tuple(dialect for dialect, kind in kinds.items() if kind in absent)


@dataclass(frozen=True, slots=True)
class DialectsFound:
    """``aspm.reachable``, and the possible dialects, the likeliest first.

    There are none if the API did not answer.
    """

    check: Check
    dialects: tuple[Dialect, ...]


def judge_reachable(
    url: str, answers: Mapping[Dialect, Reply], hint: Dialect | None = None
) -> DialectsFound:
    """``aspm.reachable``: which dialect answers.

    No answer does not mean that the other dialect exists, and a page is never an API. If both
    dialects require a token, the check of the token decides. ``hint`` is the dialect of the last
    run.
    """
    kinds = {dialect: classify_aspm(reply) for dialect, reply in answers.items()}
    best = max(_STRENGTH.get(kind, 0) for kind in kinds.values())
    if best:
        likely = [dialect for dialect, kind in kinds.items() if _STRENGTH.get(kind) == best]
        likely.sort(key=lambda dialect: (dialect is not hint, dialect is not Dialect.CORE))
        detail = f"The API of Invicti ASPM answers ({' or '.join(likely)})."
        check = Check(CheckId.ASPM_REACHABLE, Status.PASS, detail)
        return DialectsFound(check.on(*(answers[dialect] for dialect in likely)), tuple(likely))
    for dialect, reply in answers.items():
        if kinds[dialect] in ASPM_INCONCLUSIVE:
            return DialectsFound(_inconclusive(CheckId.ASPM_REACHABLE, reply), ())
    asked = None
    if len(answers) == 1:
        (asked,) = answers
    check = _no_api(CheckId.ASPM_REACHABLE, url, tuple(answers.values()), asked)
    return DialectsFound(check, ())


_FORBIDDEN: Final = {
    CheckId.ASPM_TOKEN: (
        "Invicti ASPM knows the API token, but denies it access",
        "Use an API token whose owner may sign in and see projects, or ask an administrator of "
        "Invicti ASPM.",
    ),
    CheckId.ASPM_PROJECTS: (
        "Invicti ASPM accepts the API token, but its owner may not read projects",
        "Ask an administrator of Invicti ASPM for permission to read projects, or use the API "
        "token of someone who has it.",
    ),
}
"""What a 403 means, and its remedy."""


def judge_token(url: str, dialect: Dialect | None, reply: Reply) -> Check:
    """``aspm.token``, by the answer of ``teams/``: 200 or 401 are documented."""
    good = Check(CheckId.ASPM_TOKEN, Status.PASS, "Invicti ASPM accepts the API token.")
    return _judge_list(good, url, dialect, reply)


def judge_projects(url: str, dialect: Dialect, reply: Reply) -> Check:
    """``aspm.projects``, by the answer of ``projects/``: 403 where the owner lacks the right."""
    good = Check(CheckId.ASPM_PROJECTS, Status.PASS, "The API token may read projects.")
    return _judge_list(good, url, dialect, reply)


def _judge_list(good: Check, url: str, dialect: Dialect | None, reply: Reply) -> Check:
    """Return ``good``, or the failure in the answer."""
    kind, following = classify_aspm(reply), None
    if kind is AspmAnswer.ANSWER and isinstance(reply.answer, AspmPage):
        return good.on(reply)
    if kind is AspmAnswer.FORBIDDEN:
        reason, (detail, remedy) = Reason.ASPM_FORBIDDEN, _FORBIDDEN[good.id]
    elif kind is AspmAnswer.REFUSED:
        reason, detail = Reason.ASPM_TOKEN_REJECTED, "Invicti ASPM does not accept the API token"
        if good.id is CheckId.ASPM_TOKEN:
            following = Command("rotate", aspm_url=url)
        remedy = f"Copy it again, or create a new one. {where_tokens_are_made(dialect)}"
    elif kind in ASPM_INCONCLUSIVE:
        return _inconclusive(good.id, reply)
    else:
        return _no_api(good.id, url, (reply,))
    if message := error_message(reply):
        detail += f" (“{message}”)"
    return Check(good.id, Status.FAIL, f"{detail}.", reason, remedy, next=following).on(reply)


def tool_accepted(reply: Reply) -> bool | None:
    """Whether ``projects/check`` shows an integrated tool: 200 is yes, 400 is no, else unknown.

    That an inactive tool gets the same 400 as an unknown name is not confirmed (facts/aspm section
    8).
    """
    if isinstance(reply.answer, AspmKnown):
        return True
    if reply.status == 400 and classify_aspm(reply) is AspmAnswer.DECLINED:
        return False
    return None


def aspm_skipped(
    detail: str = "No API token of Invicti ASPM is available. The handoff works without it.",
    reason: Reason = Reason.NO_ASPM_TOKEN,
) -> tuple[Check, ...]:
    """Return the three checks as skipped."""
    return tuple(skip(check, detail, reason) for check in ASPM_CHECKS)


def _no_api(
    check: CheckId, url: str, replies: tuple[Reply, ...], asked: Dialect | None = None
) -> Check:
    """Report an answer that is not from the API; ``asked`` is the only dialect that was tried."""
    host, status, remedy = Origin.of(url).host, replies[-1].status, CHECK_ADDRESS
    if asked is not None:
        remedy = f"Omit --aspm-api {asked} to try both APIs. {CHECK_ADDRESS}"
    if any(is_html(reply) for reply in replies):
        detail = f"{host} answered with a web page, not the API of Invicti ASPM (status {status})."
    else:
        detail = f"The answer of {host} is not from the API of Invicti ASPM (status {status})."
    for reply in replies:
        if classify_aspm(reply) is AspmAnswer.REDIRECT:
            target = redirect_target(reply)
            detail = (
                f"{host} redirects ({reply.status}) to {target}. aspm-ado does not follow "
                "redirects, since it would send the token there."
            )
            remedy = CHECK_ADDRESS
            if target != SAME_HOST:
                remedy = (
                    "If Invicti ASPM has moved there, pass --aspm-url URL to connect. "
                    "Otherwise, ask an administrator of Invicti ASPM."
                )
            break
    return Check(check, Status.FAIL, detail, Reason.ASPM_NOT_AN_API, remedy).on(*replies)


def explain_aspm_inconclusive(reply: Reply) -> tuple[Reason, str, str]:
    """Reason, detail, and remedy of an inconclusive answer."""
    host = Origin.of(reply.call.url).host
    kind = classify_aspm(reply)
    if kind is AspmAnswer.THROTTLED:
        detail = f"{host} is throttling requests (429)."
        return Reason.THROTTLED, detail, "Wait some minutes, then run this again."
    if kind is AspmAnswer.SERVER_ERROR:
        return (
            Reason.SERVICE_UNAVAILABLE,
            f"{host} answered with a server error ({reply.status}).",
            "Try again later. If the error persists, ask the administrator of Invicti ASPM.",
        )
    reason = reply.failure or Reason.UNREACHABLE
    again = "Try again in a moment."
    if reason is Reason.TLS_FAILED:
        remedy = "Check the URL and its port. aspm-ado connects to Invicti ASPM over https only."
        return reason, reply.problem, remedy
    if reason is Reason.ANSWER_UNREADABLE and reply.status:
        return reason, f"The answer of {host} is incomplete.", again
    return reason, reply.problem or f"{host} did not answer.", reply.remedy or again


def _inconclusive(check: CheckId, reply: Reply) -> Check:
    reason, detail, remedy = explain_aspm_inconclusive(reply)
    return Check(check, Status.UNKNOWN, detail, reason, remedy).on(reply)
