"""Says which token scope contains which, so that a probe meets the same ladder as on the real service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

FULL_ACCESS: Final = "app_token"

# Microsoft's published scope table (facts/azure-devops.md §1): each scope and the one it directly contains.
_CONTAINS: Final[dict[str, str]] = {
    "vso.code": "vso.hooks_write",
    "vso.code_write": "vso.code",
    "vso.code_manage": "vso.code_write",
    "vso.code_full": "vso.code_manage",
    "vso.work": "vso.hooks_write",
    "vso.work_write": "vso.work",
    "vso.work_full": "vso.work_write",
    "vso.build": "vso.hooks_write",
    "vso.identity_manage": "vso.identity",
    "vso.profile_write": "vso.profile",
    "vso.project_write": "vso.project",
    "vso.project_manage": "vso.project_write",
    "vso.hooks_write": "vso.hooks",
    "vso.hooks": "vso.profile",
}

# What the token page offers, in its own words; the simulated page shows these as check boxes.
CHECK_BOXES: Final[tuple[tuple[str, str, str], ...]] = (
    ("Full access", "Full access", FULL_ACCESS),
    ("Agent Pools", "Read", "vso.agentpools"),
    ("Build", "Read", "vso.build"),
    ("Code", "Read", "vso.code"),
    ("Code", "Read & write", "vso.code_write"),
    ("Code", "Read, write, & manage", "vso.code_manage"),
    ("Code", "Full", "vso.code_full"),
    ("Code", "Status", "vso.code_status"),
    ("Graph", "Read", "vso.graph"),
    ("Identity", "Read", "vso.identity"),
    ("Identity", "Read & manage", "vso.identity_manage"),
    ("Member Entitlement Management", "Read", "vso.memberentitlementmanagement"),
    ("Project and Team", "Read", "vso.project"),
    ("Project and Team", "Read & write", "vso.project_write"),
    ("Project and Team", "Read, write, & manage", "vso.project_manage"),
    ("User Profile", "Read", "vso.profile"),
    ("User Profile", "Read & write", "vso.profile_write"),
    ("Work Items", "Read", "vso.work"),
    ("Work Items", "Read & write", "vso.work_write"),
    ("Work Items", "Read, write, & manage", "vso.work_full"),
)
OFFERED: Final[frozenset[str]] = frozenset(scope for _, _, scope in CHECK_BOXES)


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
    """Tell whether a token with these scopes may call an operation that accepts any one of `accepted`.

    An operation that accepts nothing in particular is open to every living token: the hidden base scope
    (facts/azure-devops.md §1 [unconfirmed], consistent with connectionData being the login check).
    """
    held = everything_in(scopes)
    return not accepted or FULL_ACCESS in held or bool(held & accepted)
