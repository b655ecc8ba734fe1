"""Where Azure DevOps runs, which versions of it we speak, and what Invicti ASPM uses a connection for."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Deployment(StrEnum):
    """Where Azure DevOps runs."""

    SERVICES = "services"
    SERVER = "server"


class Purpose(StrEnum):
    """What Invicti ASPM will use the connection for."""

    ALM = "alm"
    ALM_AND_ISSUE_MANAGER = "alm+issue-manager"
    ISSUE_MANAGER = "issue-manager"

    @property
    def reads_code(self) -> bool:
        """Whether ASPM clones repositories with this token."""
        return self is not Purpose.ISSUE_MANAGER


API_VERSIONS: Final = ("7.1", "7.0", "6.0", "5.0")
"""The versions we speak, newest first: 7.1 on Services; on Server 2019 → 5.0, 2020 → 6.0, 2022 → 7.0, 2022.1+ → 7.1."""


def newest_common(latest: str) -> str:
    """The newest version we speak that a server whose latest is ``latest`` understands (``7.2`` → ``7.1``)."""
    limit = _order(latest)
    return next((version for version in API_VERSIONS if _order(version) <= limit), API_VERSIONS[-1])


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
