"""The scopes of a personal access token, their contents, and their place on the token page."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Final

FULL_ACCESS: Final = "app_token"


@dataclass(frozen=True, slots=True)
class _Scope:
    """A scope, the scope that it contains, and its label on the token page, if any."""

    name: str
    contains: str | None = None
    category: str = ""
    label: str = ""


# Microsoft's published scope table (facts/azure-devops.md §1), in the order of the token page.
SCOPES: Final = (
    _Scope(FULL_ACCESS, None, "Full access", "Full access"),
    _Scope("vso.agentpools", None, "Agent Pools", "Read"),
    _Scope("vso.build", "vso.hooks_write", "Build", "Read"),
    _Scope("vso.code", "vso.hooks_write", "Code", "Read"),
    _Scope("vso.code_write", "vso.code", "Code", "Read & write"),
    _Scope("vso.code_manage", "vso.code_write", "Code", "Read, write, & manage"),
    _Scope("vso.code_full", "vso.code_manage", "Code", "Full"),
    _Scope("vso.code_status", None, "Code", "Status"),
    _Scope("vso.graph", None, "Graph", "Read"),
    _Scope("vso.identity", None, "Identity", "Read"),
    _Scope("vso.identity_manage", "vso.identity", "Identity", "Read & manage"),
    _Scope("vso.memberentitlementmanagement", None, "Member Entitlement Management", "Read"),
    _Scope("vso.project", None, "Project and Team", "Read"),
    _Scope("vso.project_write", "vso.project", "Project and Team", "Read & write"),
    _Scope("vso.project_manage", "vso.project_write", "Project and Team", "Read, write, & manage"),
    _Scope("vso.profile", None, "User Profile", "Read"),
    _Scope("vso.profile_write", "vso.profile", "User Profile", "Read & write"),
    _Scope("vso.work", "vso.hooks_write", "Work Items", "Read"),
    _Scope("vso.work_write", "vso.work", "Work Items", "Read & write"),
    _Scope("vso.work_full", "vso.work_write", "Work Items", "Read, write, & manage"),
    _Scope("vso.hooks_write", "vso.hooks"),
    _Scope("vso.hooks", "vso.profile"),
)
OFFERED: Final = frozenset(scope.name for scope in SCOPES if scope.category)
_CONTAINS: Final = {scope.name: scope.contains for scope in SCOPES}


def everything_in(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes and all that they contain."""
    held: set[str] = set()
    for scope in scopes:
        current: str | None = scope
        while current is not None and current not in held:
            held.add(current)
            current = _CONTAINS.get(current)
    return frozenset(held)


def satisfies(scopes: Iterable[str], accepted: Set[str]) -> bool:
    """Whether one of the scopes is in `accepted`, directly or not.

    An empty `accepted` means every valid token: the hidden base scope (facts/azure-devops.md §1
    [unconfirmed], consistent with connectionData as the login check).
    """
    held = everything_in(scopes)
    return not accepted or FULL_ACCESS in held or bool(held & accepted)
