"""The retirement date of global tokens, and its effect on the demanded reach."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.reasons import Reason, UsageError

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")

GLOBAL_PAT_END: Final = date(2026, 12, 1)
"""00:00 UTC of this day.

Source: Microsoft's retirement announcement of 2025-12-12, as updated on 2026-03-05.
"""
LAST_DAYS: Final = 30
"""Days before the end from which one token per organization is demanded."""


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
