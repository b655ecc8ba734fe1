"""The retirement date of global tokens, and its effect on the demanded reach."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.reasons import CheckId, Reason, Status, UsageError
from aspm_ado.domain.text import FEW, clean

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.stored import Entry, StoredCredential, StoredOrganization

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")

GLOBAL_PAT_END: Final = date(2026, 12, 1)
"""00:00 UTC of this day.

Source: Microsoft's retirement announcement of 2025-12-12, as updated on 2026-03-05.
"""
LAST_DAYS: Final = 30
"""Days before the end from which one token per organization is demanded."""
MIGRATE: Final = "aspm-ado migrate NAME"
"""The command that prepares a stored connection; NAME is filled in if known."""


class Reach(StrEnum):
    """What a token can see."""

    ALL = "all"
    ORGANIZATION = "organization"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _value: object) -> Reach:
        return cls.UNKNOWN  # what another version recorded


class ReachDemanded(StrEnum):
    """The choice of ``--reach``."""

    AUTO = "auto"
    ALL = "all"
    ORGANIZATION = "organization"


class DaySource(StrEnum):
    """The source of ``today``."""

    SERVER = "server"
    LOCAL = "local"
    PINNED = "pinned"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Today, the clock that it is from, and the day when global tokens end (``None``: never)."""

    today: date
    source: DaySource
    global_end: date | None = GLOBAL_PAT_END

    def days_to_end(self, deployment: Deployment) -> int | None:
        """Days until global tokens stop there, or 0 and less; ``None`` where they do not stop."""
        if deployment is Deployment.SERVER or self.global_end is None:
            return None
        return (self.global_end - self.today).days

    def ended(self, deployment: Deployment) -> bool:
        """Whether the retirement date of global tokens has passed there."""
        days = self.days_to_end(deployment)
        return days is not None and days <= 0

    def ends_soon(self, deployment: Deployment) -> bool:
        """Whether the end of global tokens there is near, and not here yet."""
        days = self.days_to_end(deployment)
        return days is not None and 0 < days <= LAST_DAYS

    def days_left(self, expires: date | None, reach: Reach, deployment: Deployment) -> int | None:
        """Days until a token ends: by its own date, or by the retirement of global tokens.

        Negative after that date; ``None`` if no end is known.
        """
        ends = []
        if expires is not None:
            ends.append((expires - self.today).days)
        if reach is Reach.ALL and (end := self.days_to_end(deployment)) is not None:
            ends.append(end)
        return min(ends, default=None)

    def demanded(self, choice: ReachDemanded, deployment: Deployment) -> Reach:
        """The reach that ``choice`` means there and today."""
        if choice is not ReachDemanded.AUTO:
            return Reach(choice)
        if self.ended(deployment) or self.ends_soon(deployment):
            return Reach.ORGANIZATION
        return Reach.ALL

    def on_record(self, choice: ReachDemanded, deployment: Deployment) -> ReachDemanded:
        """The stored demand as of today: “all” becomes “organization” after the retirement."""
        if choice is ReachDemanded.ALL and self.ended(deployment):
            return ReachDemanded.ORGANIZATION
        return choice


@dataclass(slots=True)
class Clock:
    """Today by the local clock, until Azure DevOps sends a date."""

    today: date
    global_end: date | None
    pinned: bool = False
    told: datetime | None = None
    """When Azure DevOps gave its first answer in this run, by its own ``Date``."""

    def calendar(self, *replies: Reply | None) -> Calendar:
        """The calendar, by the ``Date`` of the first answer that Azure DevOps itself gave.

        Without one, by what it said before in this run.
        """
        moment = self.told
        for reply in replies:
            if reply is None or reply.received is None:
                continue
            if reply.header("X-TFS-ProcessId") or reply.header("ActivityId"):
                moment = reply.received
                self.told = self.told or moment
                break
        if moment is None:
            return Calendar(self.today, DaySource.LOCAL, self.global_end)
        source = DaySource.PINNED if self.pinned else DaySource.SERVER
        return Calendar(moment.date(), source, self.global_end)


def count_days(days: int) -> str:
    """``1 day``, ``2 days``."""
    if days == 1:
        return "1 day"
    return f"{days} days"


def parse_global_end(text: str) -> date | None:
    """``YYYY-MM-DD`` or ``never`` (the value of ``ASPM_ADO_GLOBAL_PAT_END``)."""
    if text.strip().lower() == "never":
        return None
    return parse_day(text, "ASPM_ADO_GLOBAL_PAT_END")


def parse_day(text: str, where: str) -> date:
    """Parse a date ``YYYY-MM-DD``. Raises ``UsageError``, which names ``where``."""
    value = text.strip()
    try:
        if not _DAY.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{where} is not a date.",
            remedy="Use the format YYYY-MM-DD, such as 2027-03-31.",
        ) from None


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
