"""What answers at the address of Invicti ASPM, and what its token may do: the three ``aspm.*`` checks.

Sources: facts/aspm section 4. Errors come as ``{"error": …}`` or ``{"message": …}``, either on any status; a page
(HTML) is never the API, whatever its status; a redirect is never followed, so its host is named instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from aspm_ado.domain.aspm.api import Dialect, where_tokens_are_made
from aspm_ado.domain.checks import Check, CheckId, Command, Status, skip
from aspm_ado.domain.documents import AspmKnown, AspmPage
from aspm_ado.domain.errors import UserError
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.classify import is_html
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply

_HEAD: Final = 4000
"""A text of this length may be the head of a longer body."""

ASPM_CHECKS: Final = (CheckId.ASPM_REACHABLE, CheckId.ASPM_TOKEN, CheckId.ASPM_PROJECTS)
CHECK_ADDRESS: Final = "Check --aspm-url: copy the address of Invicti ASPM from the browser."
SAME_HOST: Final = "another path of the same host"


class AspmAnswer(StrEnum):
    """The kinds of answer that are told apart. The first four may say nothing about the ASPM at all."""

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


def classify_aspm(reply: Reply) -> AspmAnswer:
    """Read one answer. Total: every status and every body has a kind."""
    text = reply.text.lstrip("\ufeff \t\r\n")
    unread = reply.failure is Reason.ANSWER_UNREADABLE and 200 <= reply.status < 300 and text
    empty = 200 <= reply.status < 300 and reply.header("Content-Length") == "0"
    if not reply.status or (reply.failure is not None and not unread and not empty):
        return AspmAnswer.NO_ANSWER
    if reply.status == 429:
        return AspmAnswer.THROTTLED
    if reply.status >= 500:
        return AspmAnswer.SERVER_ERROR
    if 300 <= reply.status < 400:
        return AspmAnswer.REDIRECT
    if reply.status in (401, 403):
        return (
            AspmAnswer.PAGE
            if is_html(reply)
            else AspmAnswer.REFUSED
            if reply.status == 401
            else AspmAnswer.FORBIDDEN
        )
    if unread and text[:1] in "{[" and document_of(reply) is None:
        return AspmAnswer.NO_ANSWER  # JSON that was cut short
    if not _is_json(text):
        return AspmAnswer.PAGE
    if reply.status in (404, 405):
        return AspmAnswer.ABSENT
    return AspmAnswer.DECLINED if reply.status >= 400 else AspmAnswer.ANSWER


def dialects_to_retry(heard: Mapping[Dialect, Reply]) -> tuple[Dialect, ...]:
    """The dialects whose health address is not there, where none has one: their API may be there all the same."""
    kinds = {dialect: classify_aspm(reply) for dialect, reply in heard.items()}
    if any(kind in _STRENGTH for kind in kinds.values()):
        return ()
    return tuple(
        dialect for dialect, kind in kinds.items() if kind in (AspmAnswer.ABSENT, AspmAnswer.PAGE)
    )


def document_of(reply: Reply) -> object | None:
    """The JSON of a short body, or ``None``."""
    try:
        document: object = json.loads(reply.text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return document


def error_message(reply: Reply) -> str:
    """What an error envelope says, fit to be shown."""
    document = document_of(reply)
    if not isinstance(document, dict):
        return ""
    text = next(
        (str(document[key]) for key in ("error", "message") if isinstance(document.get(key), str)),
        "",
    )
    return clean(text, 200)


def redirect_target(reply: Reply) -> str:
    """Where a redirect leads: the host that it names, or that it stays; nothing else of it is repeated."""
    here = Origin.of(reply.call.url)
    try:
        there = Origin.of(urljoin(reply.call.url, reply.header("Location").strip()))
    except (ValueError, UserError):
        return "an address that cannot be read"
    if there == here:
        return SAME_HOST
    return clean(there.host if there.host != here.host else str(there), 120)


@dataclass(frozen=True, slots=True)
class Reachability:
    """``aspm.reachable``, and the dialects that it leaves possible, the likeliest first (none: not reached)."""

    check: Check
    dialects: tuple[Dialect, ...]


def judge_reachable(
    url: str, heard: Mapping[Dialect, Reply], hint: Dialect | None = None
) -> Reachability:
    """Which dialect answers. A silence is never taken for “the other dialect”, and a page never for an API.

    When both look alike (both want a token), the token has to tell; ``hint`` is what was found last time.
    """
    kinds = {dialect: classify_aspm(reply) for dialect, reply in heard.items()}
    best = max(_STRENGTH.get(kind, 0) for kind in kinds.values())
    if best:
        likely = [dialect for dialect, kind in kinds.items() if _STRENGTH.get(kind, 0) == best]
        likely.sort(key=lambda dialect: (dialect is not hint, dialect is not Dialect.CORE))
        detail = f"The API of Invicti ASPM answers ({' or '.join(likely)})."
        check = Check(CheckId.ASPM_REACHABLE, Status.PASS, detail).on(
            *(heard[dialect] for dialect in likely)
        )
        return Reachability(check, tuple(likely))
    unheard = next(
        (reply for dialect, reply in heard.items() if kinds[dialect] in ASPM_INCONCLUSIVE), None
    )
    if unheard is not None:
        return Reachability(_unheard(CheckId.ASPM_REACHABLE, unheard), ())
    asked = next(iter(heard)) if len(heard) == 1 else None
    return Reachability(_no_api(CheckId.ASPM_REACHABLE, url, tuple(heard.values()), asked), ())


def judge_token(url: str, dialect: Dialect, reply: Reply) -> Check:
    """``aspm.token`` by ``teams/``: 200 or 401 are documented."""
    kind = classify_aspm(reply)
    if kind is AspmAnswer.ANSWER and isinstance(reply.answer, AspmPage):
        return Check(CheckId.ASPM_TOKEN, Status.PASS, "Invicti ASPM takes the token.").on(reply)
    if kind is AspmAnswer.REFUSED:
        return replace(
            _rejected(CheckId.ASPM_TOKEN, dialect, reply), next=Command("rotate", aspm_url=url)
        )
    if kind is AspmAnswer.FORBIDDEN:
        return Check(
            CheckId.ASPM_TOKEN,
            Status.FAIL,
            f"Invicti ASPM knows the token, but lets it read nothing{_quoted(reply)}.",
            Reason.ASPM_FORBIDDEN,
            "Use a token of somebody who may sign in and see projects there, or ask its administrator.",
        ).on(reply)
    return (
        _unheard(CheckId.ASPM_TOKEN, reply)
        if kind in ASPM_INCONCLUSIVE
        else _no_api(CheckId.ASPM_TOKEN, url, (reply,))
    )


def judge_projects(url: str, dialect: Dialect, reply: Reply) -> Check:
    """``aspm.projects`` by ``projects/``: 403 means that the token's owner has no rights to projects."""
    kind = classify_aspm(reply)
    if kind is AspmAnswer.ANSWER and isinstance(reply.answer, AspmPage):
        return Check(CheckId.ASPM_PROJECTS, Status.PASS, "The token may read projects.").on(reply)
    if kind is AspmAnswer.FORBIDDEN:
        return Check(
            CheckId.ASPM_PROJECTS,
            Status.FAIL,
            f"Invicti ASPM takes the token, but its owner may not read projects{_quoted(reply)}.",
            Reason.ASPM_FORBIDDEN,
            "Ask an administrator of Invicti ASPM for the right to projects, or use a token of somebody who has it.",
        ).on(reply)
    if kind is AspmAnswer.REFUSED:
        return _rejected(CheckId.ASPM_PROJECTS, dialect, reply)
    return (
        _unheard(CheckId.ASPM_PROJECTS, reply)
        if kind in ASPM_INCONCLUSIVE
        else _no_api(CheckId.ASPM_PROJECTS, url, (reply,))
    )


def tool_accepted(reply: Reply) -> bool | None:
    """What ``projects/check`` tells: the tool is integrated (200), is not (400), or nothing.

    That an inactive tool gets the same 400 as an unknown name is not confirmed (facts/aspm section 8).
    """
    if isinstance(reply.answer, AspmKnown):
        return True
    return False if reply.status == 400 and classify_aspm(reply) is AspmAnswer.DECLINED else None


def aspm_skipped(
    detail: str = "No API token of Invicti ASPM is known; a guided hand-off needs none.",
    reason: Reason = Reason.NO_ASPM_TOKEN,
) -> tuple[Check, ...]:
    """The three checks where nothing is asked."""
    return tuple(skip(check, detail, reason) for check in ASPM_CHECKS)


def _rejected(check: CheckId, dialect: Dialect, reply: Reply) -> Check:
    detail = f"Invicti ASPM does not accept the API token{_quoted(reply)}."
    remedy = f"Copy it again, or make a new one. {where_tokens_are_made(dialect)}"
    return Check(check, Status.FAIL, detail, Reason.ASPM_TOKEN_REJECTED, remedy).on(reply)


def _no_api(
    check: CheckId, url: str, replies: tuple[Reply, ...], asked: Dialect | None = None
) -> Check:
    """``asked``: the only dialect that was tried."""
    host, remedy = Origin.of(url).host, CHECK_ADDRESS
    moved = next((reply for reply in replies if classify_aspm(reply) is AspmAnswer.REDIRECT), None)
    if moved is not None:
        target = redirect_target(moved)
        detail = f"{host} redirects ({moved.status}) to {target}; not followed, since the token would go along."
        if target != SAME_HOST:
            remedy = "If Invicti ASPM has moved there, give --aspm-url that address; else ask who runs it why."
    elif any(is_html(reply) for reply in replies):
        detail = f"A web page answers at {host}, not the API of Invicti ASPM (status {replies[-1].status})."
    else:
        detail = (
            f"What answers at {host} is not the API of Invicti ASPM (status {replies[-1].status})."
        )
    if asked is not None and moved is None:
        remedy = f"Leave --aspm-api {asked} out, so that both APIs are tried. {CHECK_ADDRESS}"
    return Check(check, Status.FAIL, detail, Reason.ASPM_NOT_AN_API, remedy).on(*replies)


def explain_aspm_inconclusive(reply: Reply) -> tuple[Reason, str, str]:
    """Reason, detail and remedy of an answer that says nothing."""
    host = Origin.of(reply.call.url).host
    kind = classify_aspm(reply)
    if kind is AspmAnswer.THROTTLED:
        return (
            Reason.THROTTLED,
            f"{host} asks to slow down (429).",
            "Wait some minutes, then run this again.",
        )
    if kind is AspmAnswer.SERVER_ERROR:
        detail = f"{host} answered with an error of its own ({reply.status})."
        return (
            Reason.SERVICE_UNAVAILABLE,
            detail,
            "Try again later; ask whoever runs Invicti ASPM if it stays.",
        )
    reason = reply.failure or Reason.UNREACHABLE
    if reason is Reason.TLS_FAILED:
        return (
            reason,
            reply.problem,
            "Check the address and its port: Invicti ASPM is reached over https only.",
        )
    if reason is Reason.ANSWER_UNREADABLE and reply.status:
        return reason, f"The answer of {host} was cut short.", "Try again in a moment."
    return (
        reason,
        reply.problem or f"{host} did not answer.",
        reply.remedy or "Try again in a moment.",
    )


def _unheard(check: CheckId, reply: Reply) -> Check:
    reason, detail, remedy = explain_aspm_inconclusive(reply)
    return Check(check, Status.UNKNOWN, detail, reason, remedy).on(reply)


def _quoted(reply: Reply) -> str:
    words = error_message(reply)
    return f" (“{words}”)" if words else ""


def _is_json(text: str) -> bool:
    if text[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return len(text) >= _HEAD
    return True
