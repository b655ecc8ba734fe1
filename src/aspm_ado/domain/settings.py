"""Advanced Settings of the integration in Invicti ASPM: their labels, and what depends on what.

Labels and dependencies: Invicti's pages on team-lead integrations (facts/aspm section 1.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.requirements import Purpose

CREATE: Final = "create-instances"
FETCH: Final = "fetch-projects"
ACCESS: Final = "access-projects"

LABELS: Final = {
    CREATE: "Allow team leads to create new instances",
    FETCH: "Allow team leads to fetch projects from this instance",
    ACCESS: "Allow team leads to access projects of this instance",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What to switch on in the form."""

    toggles: tuple[str, ...] = ()
    issue_manager: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The toggles by their labels, in the order of the form."""
        return tuple(LABELS[toggle] for toggle in LABELS if toggle in self.toggles)


def settings_for(toggles: Iterable[str], purpose: Purpose, api: str) -> Settings:
    """The settings, or a ``UsageError`` where they cannot be had together."""
    wanted = tuple(dict.fromkeys(toggles))
    if wanted and api == "core":
        raise UsageError(
            Reason.INPUT_INVALID,
            "Invicti AppSec Core has no team-lead integrations.",
            remedy="Leave --team-leads-may out, or give the --aspm-api that you really have.",
        )
    if FETCH in wanted and CREATE not in wanted:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{LABELS[FETCH]}” depends on “{LABELS[CREATE]}”.",
            remedy=f"Add --team-leads-may {CREATE}.",
        )
    if FETCH in wanted and not purpose.reads_code:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{LABELS[FETCH]}” exists for code integrations only, not for an issue manager.",
            remedy="Leave it out, or choose another --purpose.",
        )
    return Settings(wanted, issue_manager=purpose is Purpose.ALM_AND_ISSUE_MANAGER)
