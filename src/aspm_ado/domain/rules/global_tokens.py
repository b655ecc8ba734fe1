"""What the end of global tokens means for a stored connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.retirement import Reach, count_days
from aspm_ado.domain.reasons import CheckId, Status
from aspm_ado.domain.text import FEW, clean

if TYPE_CHECKING:
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.stored import Entry, StoredCredential, StoredOrganization

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
