"""Whether a repository can be read as a scanner does it: ``clone.token`` and ``clone.username``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.classify import INCONCLUSIVE, classify, inconclusive
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.documents import Repository
    from aspm_ado.domain.http import Reply

_TOKEN: Final = CheckId.CLONE_TOKEN
_USERNAME: Final = CheckId.CLONE_USERNAME
_ADVERTISEMENT: Final = "application/x-git-upload-pack-advertisement"
_FIRST_LINE: Final = "001e# service=git-upload-pack"
MAY_READ: Final = (
    "Check that the token's owner may read the repository in the browser (access level "
    "“Stakeholder” may not); name another one with --check-clone."
)


class CloneOutcome(StrEnum):
    """How one way of reading a repository ended."""

    READ = "read"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"


def clone_outcome(reply: Reply) -> CloneOutcome:
    """Whether an answer is the beginning of a clone (shape: git's own smart HTTP protocol)."""
    is_git = reply.header("Content-Type").lower().startswith(_ADVERTISEMENT)
    if reply.status == 200 and is_git and reply.text.startswith(_FIRST_LINE):
        return CloneOutcome.READ
    if classify(reply) in INCONCLUSIVE:
        return CloneOutcome.INCONCLUSIVE
    return CloneOutcome.REFUSED


def judge_clone(
    repository: Repository, alone: Reply, named: Reply | None, username: str, *, asked_for: bool
) -> tuple[Check, Check]:
    """Both checks, by the answers to the token ``alone`` and to the token with ``username``.

    ``asked_for`` says that a person named the repository.
    """
    what = clean(f"{repository.project}/{repository.name}", 120)
    first = clone_outcome(alone)
    second = clone_outcome(named) if named is not None else None
    refused = first is CloneOutcome.REFUSED
    if refused and alone.status == 404 and second is not CloneOutcome.READ and asked_for:
        absent = Check(
            _TOKEN,
            Status.FAIL,
            f"There is no repository {what}, or the token cannot see it.",
            Reason.REPOSITORY_ABSENT,
            "Copy PROJECT/REPO from the address of the repository.",
        )
        return absent.on(alone), skip(_USERNAME, "Not judged: there is no such repository.")
    who = clean(username, 120)
    return _token_alone(what, who, alone, named), _with_username(what, who, first, named)


def _with_username(what: str, who: str, alone: CloneOutcome, named: Reply | None) -> Check:
    if named is None:
        return skip(_USERNAME, "No username is known to try.", Reason.NO_USERNAME)
    outcome = clone_outcome(named)
    if outcome is CloneOutcome.INCONCLUSIVE:
        return inconclusive(_USERNAME, named)
    if outcome is CloneOutcome.READ:
        detail = f"This machine could read {what} as “{who}” with the token."
        return Check(_USERNAME, Status.PASS, detail).on(named)
    if alone is CloneOutcome.READ:
        return Check(
            _USERNAME,
            Status.WARN,
            f"“{who}” with the token could not read {what}; the token alone could.",
            Reason.CLONE_USERNAME_FAILED,
            "Leave the username out in Invicti ASPM.",
        ).on(named)
    detail = f"“{who}” with the token could not read {what} either."
    return Check(_USERNAME, Status.FAIL, detail, Reason.CLONE_FAILED, MAY_READ).on(named)


def _token_alone(what: str, who: str, alone: Reply, named: Reply | None) -> Check:
    first = clone_outcome(alone)
    if first is CloneOutcome.READ:
        detail = f"This machine could read {what} with the token alone."
        return Check(_TOKEN, Status.PASS, detail).on(alone)
    if first is CloneOutcome.INCONCLUSIVE:
        return inconclusive(_TOKEN, alone).on(alone, named)
    second = clone_outcome(named) if named is not None else None
    if named is not None and second is CloneOutcome.INCONCLUSIVE:
        return inconclusive(_TOKEN, named).on(alone, named)
    if second is CloneOutcome.READ:
        return Check(
            _TOKEN,
            Status.WARN,
            f"{what} can be read only with a username beside the token.",
            Reason.CLONE_NEEDS_USERNAME,
            f"Enter the username “{who}” beside the token in Invicti ASPM.",
        ).on(alone)
    detail = f"{what} could not be read (status {alone.status}) although Code is granted."
    return Check(_TOKEN, Status.FAIL, detail, Reason.CLONE_FAILED, MAY_READ).on(alone, named)


def clone_skipped(detail: str, reason: Reason = Reason.NOT_ASKED) -> tuple[Check, Check]:
    """Both checks where there is nothing to try."""
    return skip(_TOKEN, detail, reason), skip(_USERNAME, detail, reason)


def clone_refused(reply: Reply) -> tuple[Check, Check]:
    """Both checks where no project shows its repositories although Code is granted."""
    detail = (
        f"No project lets its repositories be read (status {reply.status}) although Code is "
        "granted."
    )
    failed = Check(_TOKEN, Status.FAIL, detail, Reason.CLONE_FAILED, MAY_READ).on(reply)
    return failed, skip(_USERNAME, "Not asked: no repository may be read.")


def clone_inconclusive(reply: Reply) -> tuple[Check, Check]:
    """Both checks where no repository could be looked for."""
    before = "No repository could be looked for: "
    if classify(reply) in INCONCLUSIVE:
        check = inconclusive(_TOKEN, reply, before)
    else:
        check = Check(
            _TOKEN,
            Status.UNKNOWN,
            f"{before}the list was refused (status {reply.status}).",
            Reason.PERMISSION_UNCLEAR,
            "Check that the token's owner may see the projects in the browser; name a repository: "
            "--check-clone.",
        ).on(reply)
    return check, skip(_USERNAME, "Not asked: no repository could be looked for.")
