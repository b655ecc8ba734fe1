"""Which scope includes which, by Microsoft's scopes page, so that a token is described by its ticked boxes alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PARENT: Final[dict[str, str]] = {
    "vso.code_full": "vso.code_manage",
    "vso.code_manage": "vso.code_write",
    "vso.code_write": "vso.code",
    "vso.code": "vso.hooks_write",
    "vso.work_full": "vso.work_write",
    "vso.work_write": "vso.work",
    "vso.work": "vso.hooks_write",
    "vso.hooks_write": "vso.hooks",
    "vso.hooks": "vso.profile",
    "vso.identity_manage": "vso.identity",
    "vso.profile_write": "vso.profile",
    "vso.project_manage": "vso.project_write",
    "vso.project_write": "vso.project",
}

FULL_ACCESS: Final = "app_token"

ALM: Final = frozenset(
    {"vso.code_full", "vso.work_full", "vso.identity_manage", "vso.profile_write"}
)
"""The four boxes that Invicti's guide asks for."""

FIVE: Final = ALM | {"vso.project_manage"}
"""The four, and Project & Team: what passes for an issue manager on Services."""

ISSUES: Final = frozenset({"vso.project_manage", "vso.work_full"})
"""The two boxes of a token that only manages issues."""


def held(ticked: Iterable[str]) -> frozenset[str]:
    """Every scope that the ticked boxes amount to."""
    every: set[str] = set()
    for scope in ticked:
        walk: str | None = scope
        while walk is not None:
            every.add(walk)
            walk = PARENT.get(walk)
    return frozenset(every)


def allows(ticked: frozenset[str], needed: Iterable[str]) -> bool:
    """Whether a token may do what needs *one of* these scopes; none is the hidden base scope that every token has."""
    wanted = tuple(needed)
    return not wanted or FULL_ACCESS in ticked or not held(ticked).isdisjoint(wanted)


def swap(old: str, *new: str, of: frozenset[str] = ALM) -> frozenset[str]:
    """The same boxes but one: what a person ticked who was wrong about *old*."""
    if old not in of:
        raise ValueError(f"{old} is not among {sorted(of)}")
    return (of - {old}) | frozenset(new)
