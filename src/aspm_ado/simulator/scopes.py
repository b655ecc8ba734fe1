"""The scopes of a personal access token: what each contains, and where the token page offers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

FULL_ACCESS: Final = "app_token"


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope, the one that it directly contains, and its box on the token page, if any."""

    name: str
    contains: str | None = None
    category: str = ""
    label: str = ""


# Microsoft's published scope table (facts/azure-devops.md §1), in the order of the token page.
SCOPES: Final = (
    Scope(FULL_ACCESS, None, "Full access", "Full access"),
    Scope("vso.agentpools", None, "Agent Pools", "Read"),
    Scope("vso.build", "vso.hooks_write", "Build", "Read"),
    Scope("vso.code", "vso.hooks_write", "Code", "Read"),
    Scope("vso.code_write", "vso.code", "Code", "Read & write"),
    Scope("vso.code_manage", "vso.code_write", "Code", "Read, write, & manage"),
    Scope("vso.code_full", "vso.code_manage", "Code", "Full"),
    Scope("vso.code_status", None, "Code", "Status"),
    Scope("vso.graph", None, "Graph", "Read"),
    Scope("vso.identity", None, "Identity", "Read"),
    Scope("vso.identity_manage", "vso.identity", "Identity", "Read & manage"),
    Scope("vso.memberentitlementmanagement", None, "Member Entitlement Management", "Read"),
    Scope("vso.project", None, "Project and Team", "Read"),
    Scope("vso.project_write", "vso.project", "Project and Team", "Read & write"),
    Scope("vso.project_manage", "vso.project_write", "Project and Team", "Read, write, & manage"),
    Scope("vso.profile", None, "User Profile", "Read"),
    Scope("vso.profile_write", "vso.profile", "User Profile", "Read & write"),
    Scope("vso.work", "vso.hooks_write", "Work Items", "Read"),
    Scope("vso.work_write", "vso.work", "Work Items", "Read & write"),
    Scope("vso.work_full", "vso.work_write", "Work Items", "Read, write, & manage"),
    Scope("vso.hooks_write", "vso.hooks"),
    Scope("vso.hooks", "vso.profile"),
)
OFFERED: Final = frozenset(scope.name for scope in SCOPES if scope.category)
_CONTAINS: Final = {scope.name: scope.contains for scope in SCOPES}


def everything_in(scopes: Iterable[str]) -> frozenset[str]:
    """Return the given scopes and all that they contain."""
    held: set[str] = set()
    for scope in scopes:
        current: str | None = scope
        while current is not None and current not in held:
            held.add(current)
            current = _CONTAINS.get(current)
    return frozenset(held)


def satisfies(scopes: Iterable[str], accepted: frozenset[str]) -> bool:
    """Tell whether a token with these scopes may call what accepts any one of `accepted`.

    What accepts nothing in particular is open to every living token: the hidden base scope
    (facts/azure-devops.md §1 [unconfirmed], consistent with connectionData being the login check).
    """
    held = everything_in(scopes)
    return not accepted or FULL_ACCESS in held or bool(held & accepted)
