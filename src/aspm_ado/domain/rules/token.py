"""What is known of a token without asking anybody: ``token.format`` and ``token.expiry``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import Reach, count_days
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import FEW
from aspm_ado.domain.secret import Secret, TokenFormat
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.stored import Entry, StoredCredential

DEFAULT_WARN_DAYS: Final = 30

_SHAPES: Final = {
    TokenFormat.V2_84: "84 characters, the shape of tokens since July 2024.",
    TokenFormat.LEGACY_52: "52 characters, the shape of tokens before July 2024 and of older servers.",
}


def judge_format(secret: Secret) -> Check:
    """``token.format``: advice, never a wall."""
    if shape := _SHAPES.get(secret.format):
        return Check(CheckId.TOKEN_FORMAT, Status.PASS, shape)
    return Check(
        CheckId.TOKEN_FORMAT,
        Status.WARN,
        f"{len(secret.reveal())} characters; Azure DevOps is known to give 84 (with AZDO near the end) or 52.",
        Reason.FORMAT_UNUSUAL,
        "If the service rejects it, copy it again, whole.",
    )


def judge_expiry(
    expires: date | None, calendar: Calendar, warn_days: int = DEFAULT_WARN_DAYS
) -> Check:
    """``token.expiry``: from the date that a person gave; no service tells a token its own."""
    if expires is None:
        return skip(
            CheckId.TOKEN_EXPIRY,
            "No date is known: no service tells a token when it ends.",
            Reason.EXPIRY_UNKNOWN,
        )
    days = (expires - calendar.today).days
    if days < 0:
        return Check(
            CheckId.TOKEN_EXPIRY,
            Status.WARN,
            f"It was to end on {expires}; if the service still accepts it, the date given is wrong.",
            Reason.EXPIRY_PASSED,
            "Look the date up on the token page and give it with --pat-expires.",
        )
    if days <= warn_days:
        when, before = (
            (f"in {count_days(days)}", "before then") if days else ("which is today", "now")
        )
        detail, remedy = f"It ends on {expires}, {when}.", f"Create the next token {before}."
        return Check(CheckId.TOKEN_EXPIRY, Status.WARN, detail, Reason.EXPIRY_NEAR, remedy)
    return Check(CheckId.TOKEN_EXPIRY, Status.PASS, f"It ends on {expires}, in {count_days(days)}.")


ReportsByKey = Mapping[str, "OrganizationReport"]
"""What was heard just now, by case-folded organization; empty where nobody was asked."""


def global_token_warnings(
    entry: Entry, calendar: Calendar, heard: ReportsByKey | None = None
) -> Iterator[str]:
    """A sentence for each credential of ``entry`` that reaches all organizations, while or once these end.

    Nothing for a Server, and nothing where they do not end. A token that is dead for another reason is left out.
    """
    days = calendar.days_to_end(Deployment(entry.deployment))
    if days is None:
        return
    for key, credential in entry.credentials.items():
        names = [one.name for one in entry.organizations if one.credential == key]
        reports = [
            found for name in names if (found := (heard or {}).get(name.casefold())) is not None
        ]
        reach = next(
            (one.token.reach for one in reports if one.token.reach != Reach.UNKNOWN.value),
            credential.reach,
        )
        said = (
            _said(credential, calendar, days, reports) if reach == Reach.ALL.value and names else ""
        )
        if said:
            held = (
                clean(", ".join(names), 200) if len(names) <= FEW else f"{len(names)} organizations"
            )
            yield f"Token …{credential.last4} of {entry.name} ({held}) {said} Next: aspm-ado migrate {entry.name}"


def days_left(entry: Entry, credential: StoredCredential, calendar: Calendar) -> int | None:
    """What is left of a stored token, as far as the records know."""
    return calendar.days_left(
        credential.ends, Reach.recorded(credential.reach), Deployment(entry.deployment)
    )


def _said(
    credential: StoredCredential, calendar: Calendar, days: int, reports: list[OrganizationReport]
) -> str:
    """What becomes of one token of all organizations; empty where something else is the matter with it."""
    who = [check.status for one in reports for check in one.checks if check.id is CheckId.IDENTITY]
    dead = bool(who) and all(status is Status.FAIL for status in who)
    if days > 0:
        return (
            ""
            if dead
            else f"stops on {calendar.global_end}, in {count_days(days)}, whatever its own end."
        )
    if dead:
        expired = credential.ends is not None and credential.ends < calendar.today
        return "" if expired else f"has most likely stopped: {calendar.global_end} was the day."
    if Status.PASS in who:
        return f"still answers, although it was to stop on {calendar.global_end}."
    return f"was to stop on {calendar.global_end}; whether it did was not found out."
