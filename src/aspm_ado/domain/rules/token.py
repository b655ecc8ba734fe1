"""What is known of a token without requests: format, expiry, and the end of global tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import Reach, count_days
from aspm_ado.domain.reasons import CheckId, Reason
from aspm_ado.domain.report import Check, Status, skip
from aspm_ado.domain.secret import Secret, TokenFormat
from aspm_ado.domain.text import FEW, clean

if TYPE_CHECKING:
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.stored import Entry, StoredCredential, StoredOrganization

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


ReportsByKey = Mapping[str, "OrganizationReport"]
"""The reports of this run, by ``Place.key``."""


def global_token_warnings(
    entry: Entry, calendar: Calendar, reports: ReportsByKey = MappingProxyType({})
) -> Iterator[str]:
    """Yield a warning per global token of ``entry``.

    There is none on a Server, where such tokens do not end, and none for a token that is rejected
    for another reason.
    """
    days = calendar.days_to_end(entry.deployment)
    if days is None:
        return
    if note := stored_demand_note(entry, calendar):
        yield note
    for key, credential in entry.credentials.items():
        held = [one for one in entry.organizations if one.credential == key]
        found = [reports[one.key] for one in held if one.key in reports]
        if not held or _reach(credential, found) is not Reach.ALL:
            continue
        if sentence := _sentence(credential, calendar, days, _identity_statuses(found)):
            yield (
                f"Token …{credential.last4} of {entry.name} ({_names(held)}) {sentence} "
                f"Next: aspm-ado migrate {entry.name}"
            )


def stored_demand_note(entry: Entry, calendar: Calendar) -> str:
    """What a stored reach of “all” means now; empty if it is unchanged."""
    if calendar.on_record(entry.reach_demanded, entry.deployment) is entry.reach_demanded:
        return ""
    return (
        f"{entry.name} is stored with the reach “all”. Since {calendar.global_end} that "
        "means one token per organization."
    )


def _names(held: Sequence[StoredOrganization]) -> str:
    if len(held) > FEW:
        return f"{len(held)} organizations"
    return clean(", ".join(one.name for one in held), 200)


def _identity_statuses(reports: Sequence[OrganizationReport]) -> set[Status]:
    checks = chain.from_iterable(one.checks for one in reports)
    return {check.status for check in checks if check.id is CheckId.IDENTITY}


def _reach(credential: StoredCredential, reports: Sequence[OrganizationReport]) -> Reach:
    """The reach seen in this run, else the stored one."""
    for one in reports:
        if one.token.reach is not Reach.UNKNOWN:
            return one.token.reach
    return credential.reach


def _sentence(
    credential: StoredCredential, calendar: Calendar, days: int, seen: Set[Status]
) -> str:
    """The state of one global token; empty if it is rejected for another reason.

    ``seen`` are the statuses of its ``identity``.
    """
    is_rejected = seen == {Status.FAIL}
    has_expired = credential.ends is not None and credential.ends < calendar.today
    if is_rejected and (days > 0 or has_expired):
        return ""
    end = calendar.global_end
    if days > 0:
        return f"stops working on {end}, in {count_days(days)}, regardless of its expiry date."
    if is_rejected:
        return f"most likely stopped working: Microsoft announced its end for {end}."
    if Status.PASS in seen:
        return f"still works, although Microsoft announced its end for {end}."
    return f"was announced to stop on {end}. Could not check whether it still works."
