"""Could this machine read a repository the way a scanner does: ``clone.token`` and ``clone.username``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.classify import INCONCLUSIVE, classify, explain_inconclusive
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.documents import Repository
    from aspm_ado.domain.http import Reply

_ADVERTISEMENT: Final = "application/x-git-upload-pack-advertisement"
_FIRST_LINE: Final = "001e# service=git-upload-pack"
MAY_READ: Final = (
    "Check that the token's owner may read the repository in the browser (access level “Stakeholder” may not); name "
    "another one with --check-clone."
)


class CloneOutcome(StrEnum):
    """How one way of reading a repository ended."""

    READ = "read"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"


def clone_outcome(reply: Reply) -> CloneOutcome:
    """Whether an answer is the beginning of a clone (shape: git's own smart HTTP protocol)."""
    kind = reply.header("Content-Type").lower()
    if (
        reply.status == 200
        and kind.startswith(_ADVERTISEMENT)
        and reply.text.startswith(_FIRST_LINE)
    ):
        return CloneOutcome.READ
    return CloneOutcome.INCONCLUSIVE if classify(reply) in INCONCLUSIVE else CloneOutcome.REFUSED


def judge_clone(
    repository: Repository, alone: Reply, named: Reply | None, username: str, *, asked_for: bool
) -> tuple[Check, Check]:
    """Both checks. ``named`` is the answer to ``username`` and the token; ``asked_for`` that a person named the
    repository.
    """
    what = clean(f"{repository.project}/{repository.name}", 120)
    who = clean(username, 120)
    first = clone_outcome(alone)
    second = clone_outcome(named) if named is not None else None
    token, user = CheckId.CLONE_TOKEN, CheckId.CLONE_USERNAME
    if (
        first is CloneOutcome.REFUSED
        and alone.status == 404
        and second is not CloneOutcome.READ
        and asked_for
    ):
        absent = Check(
            token,
            Status.FAIL,
            f"There is no repository {what}, or the token cannot see it.",
            Reason.REPOSITORY_ABSENT,
            "Copy PROJECT/REPO from the address of the repository.",
        )
        return absent.on(alone), skip(user, "Not judged: there is no such repository.")
    if second is None:
        user_check = skip(user, "No username is known to try.", Reason.NO_USERNAME)
    elif second is CloneOutcome.READ:
        user_check = Check(
            user, Status.PASS, f"This machine could read {what} as “{who}” with the token."
        )
    elif second is CloneOutcome.INCONCLUSIVE and named is not None:
        reason, detail, remedy = explain_inconclusive(named, classify(named))
        user_check = Check(user, Status.UNKNOWN, detail, reason, remedy)
    elif first is CloneOutcome.READ:
        user_check = Check(
            user,
            Status.WARN,
            f"“{who}” with the token could not read {what}; the token alone could.",
            Reason.CLONE_USERNAME_FAILED,
            "Leave the username out in Invicti ASPM.",
        )
    else:
        told = f"“{who}” with the token could not read {what} either."
        user_check = Check(user, Status.FAIL, told, Reason.CLONE_FAILED, MAY_READ)
    user_check = user_check.on(named)

    if first is CloneOutcome.READ:
        return Check(
            token, Status.PASS, f"This machine could read {what} with the token alone."
        ).on(alone), user_check
    unheard_way = (
        alone
        if first is CloneOutcome.INCONCLUSIVE
        else named
        if second is CloneOutcome.INCONCLUSIVE
        else None
    )
    if unheard_way is not None:
        reason, detail, remedy = explain_inconclusive(unheard_way, classify(unheard_way))
        return Check(token, Status.UNKNOWN, detail, reason, remedy).on(alone, named), user_check
    if second is CloneOutcome.READ:
        needs = Check(
            token,
            Status.WARN,
            f"{what} can be read only with a username beside the token.",
            Reason.CLONE_NEEDS_USERNAME,
            f"Enter the username “{who}” beside the token in Invicti ASPM.",
        )
        return needs.on(alone), user_check
    failed = Check(
        token,
        Status.FAIL,
        f"{what} could not be read (status {alone.status}) although Code is granted.",
        Reason.CLONE_FAILED,
        MAY_READ,
    )
    return failed.on(alone, named), user_check


def clone_skipped(detail: str, reason: Reason = Reason.NOT_ASKED) -> tuple[Check, Check]:
    """Both checks where there is nothing to try."""
    return skip(CheckId.CLONE_TOKEN, detail, reason), skip(CheckId.CLONE_USERNAME, detail, reason)


def clone_refused(reply: Reply) -> tuple[Check, Check]:
    """Both checks where the repositories of no project may be looked at, although Code is granted: nothing to clone."""
    told = f"No project lets its repositories be read (status {reply.status}) although Code is granted."
    failed = Check(CheckId.CLONE_TOKEN, Status.FAIL, told, Reason.CLONE_FAILED, MAY_READ).on(reply)
    return failed, skip(CheckId.CLONE_USERNAME, "Not asked: no repository may be read.")


def clone_inconclusive(reply: Reply) -> tuple[Check, Check]:
    """Both checks where no repository could be looked for."""
    kind = classify(reply)
    if kind in INCONCLUSIVE:
        reason, detail, remedy = explain_inconclusive(reply, kind)
    else:
        reason, detail = Reason.PERMISSION_UNCLEAR, f"the list was refused (status {reply.status})."
        remedy = "Check that the token's owner may see the projects in the browser; name a repository: --check-clone."
    check = Check(
        CheckId.CLONE_TOKEN,
        Status.UNKNOWN,
        f"No repository could be looked for: {detail}",
        reason,
        remedy,
    )
    return check.on(reply), skip(
        CheckId.CLONE_USERNAME, "Not asked: no repository could be looked for."
    )
