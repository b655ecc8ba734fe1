"""Where Azure DevOps runs, and what a connection is for; apart, since every start needs these."""

from __future__ import annotations

from enum import StrEnum


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
