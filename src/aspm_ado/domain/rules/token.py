"""What is known of a token without requests: its format and its expiry date."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import Check, skip
from aspm_ado.domain.secret import Secret, TokenFormat

if TYPE_CHECKING:
    from aspm_ado.domain.azure.retirement import Calendar

DEFAULT_WARN_DAYS: Final = 30

_SHAPES: Final = {
    TokenFormat.V2_84: "84 characters, the format of tokens since July 2024.",
    TokenFormat.LEGACY_52: "52 characters, the format of tokens before July 2024 and of older "
    "servers.",
}


def judge_format(secret: Secret) -> Check:
    """Judge ``token.format``. It only advises: Azure DevOps may accept an unknown format."""
    shape, remedy = _SHAPES.get(secret.format), "Next time, pass the token alone."
    detail = f"aspm-ado read the token from “{secret.taken_from}”."
    if not secret.taken_from:
        if shape is not None:
            return Check(CheckId.TOKEN_FORMAT, Status.PASS, shape)
        detail = (
            f"{len(secret.reveal())} characters. Azure DevOps issues tokens of 84 (with AZDO near "
            "the end) or 52."
        )
        remedy = "If Azure DevOps rejects it, copy the whole token again."
    return Check(CheckId.TOKEN_FORMAT, Status.WARN, detail, Reason.FORMAT_UNUSUAL, remedy)


def age_hint(secret: Secret, calendar: Calendar) -> str:
    """A hint from the month of creation, if the token's text contains one."""
    created = secret.created_month
    if created is None or created > calendar.today:
        return ""
    return (
        f"The text of the token hints that it was created in {created:%Y-%m}. "
        "A token is valid for at most a year."
    )


def judge_expiry(
    expires: date | None,
    calendar: Calendar,
    warn_days: int = DEFAULT_WARN_DAYS,
    secret: Secret | None = None,
) -> Check:
    """Judge ``token.expiry`` by the date that the user gave: no service reports it.

    Without a date, the text of ``secret`` may hint at its age.
    """
    if expires is None:
        hint = age_hint(secret, calendar) if secret is not None else ""
        return skip(
            CheckId.TOKEN_EXPIRY,
            f"Expiry unknown: Azure DevOps does not report it. {hint}".strip(),
            Reason.EXPIRY_UNKNOWN,
        )
    days = (expires - calendar.today).days
    if days < 0:
        return Check(
            CheckId.TOKEN_EXPIRY,
            Status.WARN,
            f"The expiry date {expires} has passed. If the service still accepts the token, the "
            "date is wrong.",
            Reason.EXPIRY_PASSED,
            "Check the date on the token page, then pass it with --pat-expires.",
        )
    when, before = f"in {count_days(days)}", "before then"
    if days == 0:
        when, before = "which is today", "now"
    detail = f"Expires on {expires}, {when}."
    if days <= warn_days:
        remedy = f"Create the next token {before}."
        return Check(CheckId.TOKEN_EXPIRY, Status.WARN, detail, Reason.EXPIRY_NEAR, remedy)
    return Check(CheckId.TOKEN_EXPIRY, Status.PASS, detail)
