"""Why a token may be rejected, when Azure DevOps does not say: the causes that are possible, the likeliest first.

None is certain. What a stopped token of all organizations is answered was not known when this was written; a bare 401,
which tells nothing, is expected.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.retirement import Reach

if TYPE_CHECKING:
    from aspm_ado.domain.place import Place
    from aspm_ado.domain.retirement import Calendar


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a token beside the answers of today.

    ``was_good``: it was accepted when it was last proven. ``reach``: how far it went then. ``expires``: the end on
    record.
    """

    was_good: bool = False
    reach: Reach = Reach.UNKNOWN
    expires: date | None = None

    def has_expired(self, calendar: Calendar) -> bool:
        """Whether the end on record is over."""
        return self.expires is not None and self.expires < calendar.today

    def has_stopped(self, deployment: Deployment, calendar: Calendar) -> bool:
        """Whether it reached all organizations, and the day of such tokens has come."""
        return self.reach is Reach.ALL and calendar.ended(deployment)


NOTHING_KNOWN = Past()


def causes(place: Place, past: Past, calendar: Calendar) -> tuple[str, ...]:
    """What may have happened, likeliest first, in words that follow “one of these:”."""
    deployment = place.site.deployment
    services = deployment is Deployment.SERVICES
    expired, stopped = past.has_expired(calendar), past.has_stopped(deployment, calendar)
    may_have_stopped = calendar.ended(deployment) and past.reach is Reach.UNKNOWN
    retired = (
        f"it was a token of all organizations, which Microsoft stopped on {calendar.global_end}"
    )
    rows = (
        (expired, f"most likely it has expired: the end on record is {past.expires}"),
        (stopped and not expired, f"most likely {retired}"),
        (stopped and expired, retired),
        (not past.was_good, "it was mistyped or cut"),
        (True, "it was revoked"),
        (past.was_good and past.expires is None, "it has expired (no end is on record)"),
        (past.was_good and services, "a token policy refuses it now"),
        (may_have_stopped, retired),
        (not past.was_good, f"it belongs to another {place.noun}"),
        (services, "its owner has not signed in for 90 days"),
    )
    return tuple(words for is_possible, words in rows if is_possible)
