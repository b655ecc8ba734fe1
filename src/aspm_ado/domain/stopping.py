"""Which stored tokens stop with the end of tokens of all organizations, or have stopped: a sentence for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aspm_ado.domain.checks import CheckId, Status
from aspm_ado.domain.report import FEW
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.retirement import Reach, days_said
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aspm_ado.domain.connection import Entry, StoredCredential
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.retirement import Calendar

Heard = Mapping[str, "OrganizationReport"]
"""What was heard just now, by case-folded organization; empty where nobody was asked."""


def stopping(entry: Entry, calendar: Calendar, heard: Heard | None = None) -> Iterator[str]:
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
            else f"stops on {calendar.global_end}, in {days_said(days)}, whatever its own end."
        )
    if dead:
        expired = credential.ends is not None and credential.ends < calendar.today
        return "" if expired else f"has most likely stopped: {calendar.global_end} was the day."
    if Status.PASS in who:
        return f"still answers, although it was to stop on {calendar.global_end}."
    return f"was to stop on {calendar.global_end}; whether it did was not found out."
