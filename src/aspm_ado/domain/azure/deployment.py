"""What Azure DevOps is deployed as, the API versions in use, and the purposes of a connection.

Apart from ``scopes``, since records and reports need these words and not the table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Deployment(StrEnum):
    """Where Azure DevOps runs."""

    SERVICES = "services"
    SERVER = "server"

    @property
    def noun(self) -> str:
        """``organization`` or ``collection``."""
        return {Deployment.SERVICES: "organization", Deployment.SERVER: "collection"}[self]

    @property
    def all_places(self) -> str:
        """What a token of all reaches: ``accessible organizations`` or ``collections``."""
        return {Deployment.SERVICES: "accessible organizations", Deployment.SERVER: "collections"}[
            self
        ]


class Purpose(StrEnum):
    """What Invicti ASPM will use the connection for."""

    ALM = "alm"
    ALM_AND_ISSUE_MANAGER = "alm+issue-manager"
    ISSUE_MANAGER = "issue-manager"

    @property
    def reads_code(self) -> bool:
        """Whether Invicti ASPM clones repositories with this token."""
        return self is not Purpose.ISSUE_MANAGER


API_VERSIONS: Final = ("7.1", "7.0", "6.0", "5.0")
"""The API versions in use, newest first.

Services have 7.1; Server 2019 has 5.0, 2020 has 6.0, 2022 has 7.0, 2022.1 and later have 7.1.
"""


def newest_common(latest: str) -> str:
    """The newest of ``API_VERSIONS`` that a server whose newest is ``latest`` understands."""
    limit = _order(latest)
    return next((version for version in API_VERSIONS if _order(version) <= limit), API_VERSIONS[-1])


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
