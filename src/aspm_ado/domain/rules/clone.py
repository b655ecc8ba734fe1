"""Whether a scanner can read a repository: ``clone.token`` and ``clone.username``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import Check, skip
from aspm_ado.domain.rules.classify import (
    INCONCLUSIVE,
    AnswerKind,
    classify,
    inconclusive,
    offers_windows_sign_in,
)
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.documents import Repository
    from aspm_ado.domain.http import Reply

_TOKEN: Final = CheckId.CLONE_TOKEN
_USERNAME: Final = CheckId.CLONE_USERNAME
_ADVERTISEMENT: Final = "application/x-git-upload-pack-advertisement"
_FIRST_LINE: Final = "001e# service=git-upload-pack"
_VERSION_2: Final = "000eversion 2"
_DUMB: Final = re.compile(r"[0-9a-f]{40,64}\t(?:refs/|HEAD)")
_EMPTY: Final = re.compile(r"0000$|[0-9a-f]{4}0{40,64} capabilities\^\{\}")
_ERROR: Final = re.compile(r"[0-9a-f]{4}ERR ")
_ANONYMOUS: Final = (AnswerKind.BARE_REFUSAL, AnswerKind.REFUSAL, AnswerKind.SIGN_IN)
_DENIALS: Final = (401, 403, 404)
MAY_READ: Final = (
    "Check in the browser that the token's owner may read the repository (access level "
    "“Stakeholder” may not). To try another one, pass --check-clone PROJECT/REPO."
)


class CloneOutcome(StrEnum):
    """The result of one attempt to read a repository."""

    READ = "read"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"


def clone_outcome(reply: Reply) -> CloneOutcome:
    """Whether an answer begins a clone (git's smart HTTP protocol)."""
    is_git = reply.header("Content-Type").lower().startswith(_ADVERTISEMENT)
    if reply.status == 200 and is_git and reply.text.startswith(_FIRST_LINE):
        if _ERROR.match(_after_first_line(reply)):
            return CloneOutcome.REFUSED
        return CloneOutcome.READ
    kind = classify(reply)
    if kind in INCONCLUSIVE or (reply.status not in _DENIALS and kind is not AnswerKind.SIGN_IN):
        return CloneOutcome.INCONCLUSIVE
    return CloneOutcome.REFUSED


def rejects_credential(reply: Reply | None) -> bool:
    """Whether git's endpoint rejected the token itself, not the access to one repository."""
    return reply is not None and classify(reply) in _ANONYMOUS


def _after_first_line(reply: Reply) -> str:
    return reply.text.removeprefix(f"{_FIRST_LINE}\n").removeprefix("0000")


def _foreign(reply: Reply) -> str:
    """How the answer differs from Azure DevOps' git protocol, if it does."""
    if reply.status == 200 and reply.text.startswith(_VERSION_2):
        return "in version 2 of git's protocol, which was not requested"
    if reply.status == 200 and _DUMB.match(reply.text):
        return "like a plain file server (git's “dumb” protocol)"
    return ""


def _unheard(check: CheckId, reply: Reply) -> Check:
    how = _foreign(reply)
    if not how:
        return inconclusive(check, reply)
    host = reply.call.url.split("/")[2]
    return Check(
        check,
        Status.UNKNOWN,
        f"{host} answered {how}. Azure DevOps does not.",
        Reason.NOT_AZURE_DEVOPS,
        f"Check for a mirror or a proxy between this machine and {host}.",
    ).on(reply)


def _read(what: str, way: str, reply: Reply) -> str:
    """The detail of a successful attempt."""
    detail = f"This machine could read {what} {way}."
    after = _after_first_line(reply)
    if _EMPTY.match(after):
        detail += " It is empty, so reading content is not verified."
    if after.startswith(_VERSION_2):
        detail += " It answers in version 2 of git's protocol, which was not requested."
    return detail


def _refusal(what: str, reply: Reply) -> tuple[str, str]:
    """The detail and remedy of a failed attempt."""
    detail = f"Could not read {what} (status {reply.status}) although the token has Code."
    if not rejects_credential(reply):
        return detail, MAY_READ
    host = reply.call.url.split("/")[2]
    return (
        f"{detail} {host} treated git's request as anonymous.",
        "Check for a proxy that removes the Authorization header. Ask the administrator whether "
        "git may sign in with tokens.",
    )


def judge_clone(
    repository: Repository, alone: Reply, named: Reply | None, username: str, *, asked_for: bool
) -> tuple[Check, Check]:
    """Judge both checks by the answers to the token ``alone`` and to the token with ``username``.

    ``asked_for``: the user named the repository.
    """
    what = clean(f"{repository.project}/{repository.name}", 120)
    first = clone_outcome(alone)
    second = clone_outcome(named) if named is not None else None
    refused = first is CloneOutcome.REFUSED
    if refused and alone.status == 404 and second is not CloneOutcome.READ and asked_for:
        return _both(
            f"There is no repository {what}, or the token cannot see it.",
            Reason.REPOSITORY_ABSENT,
            "Copy PROJECT/REPO from the URL of the repository.",
            "there is no such repository",
            alone,
        )
    who = clean(username, 120)
    return _token_alone(what, who, alone, named), _with_username(what, who, first, named)


def _both(
    detail: str, reason: Reason, remedy: str, excuse: str, *replies: Reply
) -> tuple[Check, Check]:
    """``clone.token`` as failed, and ``clone.username`` as skipped for it."""
    failed = Check(_TOKEN, Status.FAIL, detail, reason, remedy).on(*replies)
    return failed, skip(_USERNAME, f"Skipped: {excuse}.")


def _with_username(what: str, who: str, alone: CloneOutcome, named: Reply | None) -> Check:
    if named is None and who:
        return skip(_USERNAME, f"Skipped: “{who}” with the token was rejected before.")
    if named is None:
        return skip(_USERNAME, "Skipped: no username is known.", Reason.NO_USERNAME)
    outcome = clone_outcome(named)
    if outcome is CloneOutcome.INCONCLUSIVE:
        return _unheard(_USERNAME, named)
    if outcome is CloneOutcome.READ:
        detail = _read(what, f"as “{who}” with the token", named)
        return Check(_USERNAME, Status.PASS, detail).on(named)
    if alone is CloneOutcome.READ:
        return Check(
            _USERNAME,
            Status.WARN,
            f"“{who}” with the token could not read {what}. The token alone could.",
            Reason.CLONE_USERNAME_FAILED,
            "Leave the username empty in Invicti ASPM.",
        ).on(named)
    detail = f"“{who}” with the token could not read {what} either."
    _, remedy = _refusal(what, named)
    return Check(_USERNAME, Status.FAIL, detail, Reason.CLONE_FAILED, remedy).on(named)


def _token_alone(what: str, who: str, alone: Reply, named: Reply | None) -> Check:
    first = clone_outcome(alone)
    if first is CloneOutcome.READ:
        detail = _read(what, "with the token alone", alone)
        return Check(_TOKEN, Status.PASS, detail).on(alone)
    if first is CloneOutcome.INCONCLUSIVE:
        return _unheard(_TOKEN, alone).on(alone, named)
    second = clone_outcome(named) if named is not None else None
    if named is not None and second is CloneOutcome.INCONCLUSIVE:
        return _unheard(_TOKEN, named).on(alone, named)
    if second is CloneOutcome.READ:
        return Check(
            _TOKEN,
            Status.WARN,
            f"Reading {what} requires a username with the token.",
            Reason.CLONE_NEEDS_USERNAME,
            f"Enter the username “{who}” with the token in Invicti ASPM.",
        ).on(alone)
    detail, remedy = _refusal(what, alone)
    return Check(_TOKEN, Status.FAIL, detail, Reason.CLONE_FAILED, remedy).on(alone, named)


def with_sign_in(check: Check, unsigned: Reply) -> Check:
    """Judge ``clone.username`` of a Server by its answer to a request without a credential.

    Git sends that request first, then uses the strongest scheme offered. Seen with git 2.39.5 and
    its libcurl: if Negotiate or NTLM is offered, it does not send the token of a URL.
    """
    if offers_windows_sign_in(unsigned):
        return Check(
            _USERNAME,
            Status.WARN,
            f"{check.detail} The server also offers Windows sign-in (Negotiate or NTLM). Then git "
            "may fail with “https://user:TOKEN@…” (git 2.39.5 failed, others may differ).",
            Reason.CLONE_NEEDS_HEADER,
            "Configure scanners to send the token in a header (git's http.extraHeader).",
        ).on(unsigned)
    if unsigned.status == 401 or clone_outcome(unsigned) is CloneOutcome.READ:
        return check
    return inconclusive(_USERNAME, unsigned, "Could not determine how git signs in: ")


def refused_all(refused: Sequence[tuple[Check, ...]]) -> tuple[Check, Check]:
    """Return the checks of the first repository, if every tried one failed."""
    token, username = refused[0]
    more = len(refused) - 1
    if more:
        token = token.adding(f"{more} more failed as well.")
    return token, username


def repository_disabled(repository: Repository, reply: Reply) -> tuple[Check, Check]:
    """Return both checks if the named repository is disabled."""
    return _both(
        f"{clean(f'{repository.project}/{repository.name}', 120)} is disabled.",
        Reason.REPOSITORY_DISABLED,
        "Enable it in the project settings (Repositories), or pass another one with --check-clone.",
        "the repository is disabled",
        reply,
    )


def repository_elsewhere(named: str, place: Place) -> tuple[Check, Check]:
    """Return both checks if the repository belongs to another organization."""
    return _both(
        f"The repository {clean(named, 120)} does not belong to {clean(place.name, 60)}.",
        Reason.REPOSITORY_ABSENT,
        f"Pass a repository of this {place.noun}: --check-clone PROJECT/REPO",
        "there is no such repository",
    )


def clone_skipped(detail: str, reason: Reason = Reason.NOT_ASKED) -> tuple[Check, Check]:
    """Return both checks as skipped."""
    return skip(_TOKEN, detail, reason), skip(_USERNAME, detail, reason)


def clone_refused(reply: Reply) -> tuple[Check, Check]:
    """Return both checks if no project lists its repositories although Code is granted."""
    detail = (
        f"Could not list the repositories of any project (status {reply.status}) although the "
        "token has Code."
    )
    return _both(detail, Reason.CLONE_FAILED, MAY_READ, "the token can read no repository", reply)


def clone_inconclusive(reply: Reply) -> tuple[Check, Check]:
    """Return both checks if the search for a repository failed."""
    before = "Could not look for a repository: "
    if classify(reply) in INCONCLUSIVE or reply.status not in _DENIALS:
        check = inconclusive(_TOKEN, reply, before)
    else:
        check = Check(
            _TOKEN,
            Status.UNKNOWN,
            f"{before}Azure DevOps denied access to the list (status {reply.status}).",
            Reason.PERMISSION_UNCLEAR,
            "Check in the browser that the token's owner may see the projects. Or pass a "
            "repository: --check-clone PROJECT/REPO",
        ).on(reply)
    return check, skip(_USERNAME, "Skipped: aspm-ado could not look for a repository.")
