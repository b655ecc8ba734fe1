"""The rights a token can carry: their levels, and the boxes of the token page that grant them."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

from aspm_ado.domain.dataclass import dataclass


class Scope(StrEnum):
    """One category of the token page, or Full access."""

    CODE = "code"
    WORK = "work"
    IDENTITY = "identity"
    PROFILE = "profile"
    PROJECT = "project"
    FULL_ACCESS = "full-access"


class Level(IntEnum):
    """How far a scope goes; each level includes those below it."""

    NONE = 0
    READ = 1
    WRITE = 2
    MANAGE = 3
    FULL = 4

    @property
    def word(self) -> str:
        """The word of the report."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Box:
    """What a person sees on the token page."""

    category: str
    choice: str

    def __str__(self) -> str:
        return f"{self.category}: {self.choice}"


BOXES: Final[dict[tuple[Scope, Level], Box]] = {
    (Scope.CODE, Level.READ): Box("Code", "Read"),
    (Scope.CODE, Level.WRITE): Box("Code", "Read & write"),
    (Scope.CODE, Level.MANAGE): Box("Code", "Read, write, & manage"),
    (Scope.CODE, Level.FULL): Box("Code", "Full"),
    (Scope.IDENTITY, Level.READ): Box("Identity", "Read"),
    (Scope.IDENTITY, Level.MANAGE): Box("Identity", "Read & manage"),
    (Scope.PROJECT, Level.READ): Box("Project and Team", "Read"),
    (Scope.PROJECT, Level.WRITE): Box("Project and Team", "Read & write"),
    (Scope.PROJECT, Level.MANAGE): Box("Project and Team", "Read, write, & manage"),
    (Scope.PROFILE, Level.READ): Box("User Profile", "Read"),
    (Scope.PROFILE, Level.WRITE): Box("User Profile", "Read & write"),
    (Scope.WORK, Level.READ): Box("Work Items", "Read"),
    (Scope.WORK, Level.WRITE): Box("Work Items", "Read & write"),
    (Scope.WORK, Level.MANAGE): Box("Work Items", "Read, write, & manage"),
    (Scope.FULL_ACCESS, Level.FULL): Box("Scopes", "Full access"),
}
"""Labels of the page; within a scope the rows climb. The page lists its categories by name."""

VSO: Final[dict[tuple[Scope, Level], str]] = {
    (Scope.CODE, Level.FULL): "vso.code_full",
    (Scope.WORK, Level.MANAGE): "vso.work_full",
    (Scope.IDENTITY, Level.MANAGE): "vso.identity_manage",
    (Scope.PROFILE, Level.WRITE): "vso.profile_write",
    (Scope.PROJECT, Level.MANAGE): "vso.project_manage",
    (Scope.FULL_ACCESS, Level.FULL): "app_token",
}
"""The identifiers of Microsoft's scope table for the levels that we ask for."""
