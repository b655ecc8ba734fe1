"""Where Azure DevOps runs, and what a connection is for; apart, since every start needs these."""

from __future__ import annotations

from enum import StrEnum


class Deployment(StrEnum):
    """Where Azure DevOps runs."""

    SERVICES = "services"
    SERVER = "server"

    @property
    def product(self) -> str:
        """What Microsoft calls it."""
        return "Azure DevOps Services" if self is Deployment.SERVICES else "Azure DevOps Server"

    @property
    def noun(self) -> str:
        """``organization`` or ``collection``."""
        return "organization" if self is Deployment.SERVICES else "collection"

    @property
    def all_places(self) -> str:
        """What a token of all reaches: ``accessible organizations`` or ``collections``."""
        return "accessible organizations" if self is Deployment.SERVICES else "collections"


class Purpose(StrEnum):
    """What Invicti ASPM will use the connection for."""

    ALM = "alm"
    ALM_AND_ISSUE_MANAGER = "alm+issue-manager"
    ISSUE_MANAGER = "issue-manager"

    @property
    def reads_code(self) -> bool:
        """Whether Invicti ASPM clones repositories with this token."""
        return self is not Purpose.ISSUE_MANAGER
