"""What a purpose demands of a token, and how much of it a deployment lets anybody prove."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from aspm_ado.domain.scopes import Level, Scope


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


_ALM: Final = {
    Scope.CODE: Level.FULL,
    Scope.IDENTITY: Level.MANAGE,
    Scope.PROFILE: Level.WRITE,
    Scope.WORK: Level.MANAGE,
}
_FIVE: Final = {**_ALM, Scope.PROJECT: Level.MANAGE}

WANTED: Final[Mapping[Purpose, Mapping[Scope, Level]]] = {
    Purpose.ALM: _ALM,
    Purpose.ALM_AND_ISSUE_MANAGER: {**_FIVE, Scope.FULL_ACCESS: Level.FULL},
    Purpose.ISSUE_MANAGER: {Scope.PROJECT: Level.MANAGE, Scope.WORK: Level.MANAGE},
}
"""Levels by purpose, from Invicti's three Azure pages. Under ``alm+issue-manager`` the five sets are what Full access
is judged by."""

TICKED: Final[Mapping[Purpose, tuple[tuple[Scope, Level], ...]]] = {
    Purpose.ALM: (
        (Scope.CODE, Level.FULL),
        (Scope.IDENTITY, Level.MANAGE),
        (Scope.PROFILE, Level.WRITE),
        (Scope.WORK, Level.MANAGE),
    ),
    Purpose.ALM_AND_ISSUE_MANAGER: ((Scope.FULL_ACCESS, Level.FULL),),
    Purpose.ISSUE_MANAGER: ((Scope.PROJECT, Level.MANAGE), (Scope.WORK, Level.MANAGE)),
}
"""The boxes a person ticks, in page order."""

API_VERSIONS: Final = ("7.1", "7.0", "6.0", "5.0")
"""The versions we speak, newest first: 7.1 on Services; on Server 2019 → 5.0, 2020 → 6.0, 2022 → 7.0, 2022.1+ → 7.1."""

_SERVICES: Final = {
    Scope.CODE: Level.MANAGE,
    Scope.WORK: Level.MANAGE,
    Scope.IDENTITY: Level.READ,
    Scope.PROFILE: Level.WRITE,
    Scope.PROJECT: Level.MANAGE,
}
_SERVER: Final = {**_SERVICES, Scope.WORK: Level.WRITE}


def provable(deployment: Deployment, version: str, scope: Scope) -> Level:
    """The highest level of ``scope`` that an answer can show there (facts: SPEC scan, sections 3b and 7).

    Code Full and Identity Manage guard no published operation; Work Items Manage guards one, on Services only;
    Server has the identities route from 6.0 and favorites (User Profile) from 7.1.
    """
    if deployment is Deployment.SERVICES:
        return _SERVICES[scope]
    too_old = {Scope.IDENTITY: ("5.0",), Scope.PROFILE: ("5.0", "6.0", "7.0")}.get(scope, ())
    return Level.NONE if version in too_old else _SERVER[scope]


def newest_common(latest: str) -> str:
    """The newest version we speak that a server whose latest is ``latest`` understands (``7.2`` → ``7.1``)."""
    limit = _order(latest)
    return next((version for version in API_VERSIONS if _order(version) <= limit), API_VERSIONS[-1])


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
