"""What is known of a token without asking anybody: ``token.format`` and ``token.expiry``."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.retirement import days_said
from aspm_ado.domain.token import Secret, TokenFormat

if TYPE_CHECKING:
    from aspm_ado.domain.retirement import Calendar

WARN_DAYS: Final = 30

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


def judge_expiry(expires: date | None, calendar: Calendar, warn_days: int = WARN_DAYS) -> Check:
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
            (f"in {days_said(days)}", "before then") if days else ("which is today", "now")
        )
        detail, remedy = f"It ends on {expires}, {when}.", f"Create the next token {before}."
        return Check(CheckId.TOKEN_EXPIRY, Status.WARN, detail, Reason.EXPIRY_NEAR, remedy)
    return Check(CheckId.TOKEN_EXPIRY, Status.PASS, f"It ends on {expires}, in {days_said(days)}.")
