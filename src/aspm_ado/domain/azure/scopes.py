"""The scopes of a token in one table: boxes of the token page, levels, probes, checks, reasons.

Everything else about scopes is derived from ``SCOPES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import API_VERSIONS
from aspm_ado.domain.reasons import CheckId, Reason


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
        """The word in the report."""
        return self.name.lower()


class Area(StrEnum):
    """The host of Services that a route lives on. A Server has all routes in the collection."""

    ORGANIZATION = "organization"
    IDENTITY = "identity"
    ENTITLEMENTS = "entitlements"


@dataclass(frozen=True, slots=True)
class Box:
    """One box of the token page, and Microsoft's identifier of the scope that it grants."""

    category: str
    choice: str
    vso: str

    def __str__(self) -> str:
        return f"{self.category}: {self.choice}"


@dataclass(frozen=True, slots=True)
class Probe:
    """One request, and the level that any authorized answer to it proves.

    ``alias`` replaces the name that is made of scope and level. ``version`` replaces the API
    version of the deployment. ``server_since`` is the oldest version of a Server that has the
    route; ``None`` where no Server has it.
    """

    scope: Scope
    level: Level
    method: str
    path: str
    alias: str = ""
    area: Area = Area.ORGANIZATION
    version: str = ""
    body: str | None = None
    content_type: str = "application/json"
    server_since: str | None = "5.0"

    @property
    def name(self) -> str:
        """The key of its answer."""
        return self.alias or f"{self.scope}-{self.level.word}"

    @property
    def reads(self) -> bool:
        """Whether ``--read-only-probes`` allows it."""
        return self.method == "GET"

    @property
    def is_preview(self) -> bool:
        """Whether its route is a preview, which Azure DevOps may switch off (facts section 9)."""
        return "preview" in self.version

    def is_there(self, deployment: Deployment, version: str) -> bool:
        """Whether the deployment has its route."""
        if deployment is Deployment.SERVICES:
            return True
        if self.server_since is None:
            return False
        return API_VERSIONS.index(version) <= API_VERSIONS.index(self.server_since)


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """Everything about one scope.

    ``levels`` has the label and Microsoft's identifier of the box for each level.
    ``implies_profile`` says that each level includes reading the profile (``vso.profile``, facts
    section 1). ``replaces`` are the purposes for which a person selects this box alone, instead
    of those of the other scopes.
    """

    scope: Scope
    category: str
    check: CheckId
    missing: Reason
    needed: Mapping[Purpose, Level]
    levels: Mapping[Level, tuple[str, str]]
    probes: tuple[Probe, ...]
    implies_profile: bool = False
    replaces: tuple[Purpose, ...] = ()

    def box(self, level: Level) -> Box:
        """The box of a level."""
        return Box(self.category, *self.levels[level])

    def provable(self, deployment: Deployment, version: str) -> Level:
        """The highest level that an answer can show there: that of the best probe with a route."""
        levels = (probe.level for probe in self.probes if probe.is_there(deployment, version))
        return max(levels, default=Level.NONE)


_ALM, _BOTH, _ISSUES = Purpose.ALM, Purpose.ALM_AND_ISSUE_MANAGER, Purpose.ISSUE_MANAGER
_READ, _WRITE, _MANAGE, _FULL = Level.READ, Level.WRITE, Level.MANAGE, Level.FULL
_REPOSITORY: Final = "_apis/git/repositories/{random}"
_WORK_ITEM: Final = "_apis/wit/workItems/2147483647"
_FAVORITE: Final = (
    "_apis/favorite/favorites/{random}?artifactType=Microsoft.TeamFoundation.Build.Definition"
    "&artifactScopeType=Project&artifactScopeId={random}"
)

_ROWS: Final = (
    ScopeRow(
        Scope.CODE, "Code", CheckId.SCOPE_CODE, Reason.CODE_SCOPE_MISSING,
        needed={_ALM: _FULL, _BOTH: _FULL},
        levels={
            _READ: ("Read", "vso.code"),
            _WRITE: ("Read & write", "vso.code_write"),
            _MANAGE: ("Read, write, & manage", "vso.code_manage"),
            _FULL: ("Full", "vso.code_full"),
        },
        probes=(
            Probe(Scope.CODE, _READ, "GET", _REPOSITORY),
            Probe(Scope.CODE, _WRITE, "POST", f"{_REPOSITORY}/refs", body="[]"),
            Probe(Scope.CODE, _MANAGE, "PATCH", _REPOSITORY, body="{}"),
        ),
        implies_profile=True,
    ),
    ScopeRow(
        Scope.WORK, "Work Items", CheckId.SCOPE_WORK, Reason.WORK_SCOPE_MISSING,
        needed={_ALM: _MANAGE, _BOTH: _MANAGE, _ISSUES: _MANAGE},
        levels={
            _READ: ("Read", "vso.work"),
            _WRITE: ("Read & write", "vso.work_write"),
            _MANAGE: ("Read, write, & manage", "vso.work_full"),
        },
        probes=(
            Probe(Scope.WORK, _READ, "GET", _WORK_ITEM),
            Probe(
                Scope.WORK, _WRITE, "PATCH", f"{_WORK_ITEM}?validateOnly=true",
                body='[{"op":"test","path":"/rev","value":1}]',
                content_type="application/json-patch+json",
            ),
            Probe(
                Scope.WORK, _MANAGE, "DELETE", "_apis/wit/attachments/{random}",
                version="7.2-preview.4", server_since=None,
            ),
        ),
        implies_profile=True,
    ),
    ScopeRow(
        Scope.IDENTITY, "Identity", CheckId.SCOPE_IDENTITY, Reason.IDENTITY_SCOPE_MISSING,
        needed={_ALM: _MANAGE, _BOTH: _MANAGE},
        levels={
            _READ: ("Read", "vso.identity"),
            _MANAGE: ("Read & manage", "vso.identity_manage"),
        },
        probes=(
            Probe(
                Scope.IDENTITY, _READ, "GET", "_apis/identities?identityIds={me}",
                area=Area.IDENTITY, server_since="6.0",
            ),
        ),
    ),
    ScopeRow(
        Scope.PROFILE, "User Profile", CheckId.SCOPE_PROFILE, Reason.PROFILE_SCOPE_MISSING,
        needed={_ALM: _WRITE, _BOTH: _WRITE},
        levels={
            _READ: ("Read", "vso.profile"),
            _WRITE: ("Read & write", "vso.profile_write"),
        },
        probes=(
            Probe(
                Scope.PROFILE, _WRITE, "DELETE", _FAVORITE,
                version="7.1-preview.1", server_since="7.1",
            ),
        ),
        implies_profile=True,
    ),
    ScopeRow(
        Scope.PROJECT, "Project and Team", CheckId.SCOPE_PROJECT, Reason.PROJECT_SCOPE_MISSING,
        needed={_BOTH: _MANAGE, _ISSUES: _MANAGE},
        levels={
            _READ: ("Read", "vso.project"),
            _WRITE: ("Read & write", "vso.project_write"),
            _MANAGE: ("Read, write, & manage", "vso.project_manage"),
        },
        probes=(
            Probe(Scope.PROJECT, _WRITE, "PATCH", "_apis/projects/{random}", body="{}"),
            Probe(Scope.PROJECT, _MANAGE, "POST", "_apis/projects/{random}/teams", body="{}"),
        ),
    ),
    ScopeRow(
        Scope.FULL_ACCESS, "Scopes", CheckId.SCOPE_FULL_ACCESS, Reason.FULL_ACCESS_MISSING,
        needed={_BOTH: _FULL},
        levels={_FULL: ("Full access", "app_token")},
        # Three areas far from each other: all answer to Full access, or to nearly every box.
        probes=(
            Probe(
                Scope.FULL_ACCESS, _FULL, "GET", "_apis/distributedtask/pools?$top=1",
                alias="agent-pools",
            ),
            Probe(
                Scope.FULL_ACCESS, _FULL, "GET", "_apis/graph/users", alias="graph-users",
                area=Area.IDENTITY, version="7.1-preview.1", server_since=None,
            ),
            Probe(
                Scope.FULL_ACCESS, _FULL, "GET", "_apis/userentitlements?top=1",
                alias="user-entitlements", area=Area.ENTITLEMENTS, version="7.1-preview.3",
                server_since=None,
            ),
        ),
        replaces=(_BOTH,),
    ),
)  # fmt: skip

SCOPES: Final[Mapping[Scope, ScopeRow]] = {row.scope: row for row in _ROWS}


def rows_of(purpose: Purpose) -> tuple[ScopeRow, ...]:
    """The scopes that a purpose needs."""
    return tuple(row for row in _ROWS if purpose in row.needed)


def boxes_of(purpose: Purpose) -> tuple[Box, ...]:
    """The boxes to select, in the order of the token page."""
    rows = rows_of(purpose)
    alone = [row for row in rows if purpose in row.replaces]
    boxes = (row.box(row.needed[purpose]) for row in alone or rows)
    return tuple(sorted(boxes, key=lambda box: box.category))


def categories_of(purpose: Purpose) -> list[str]:
    """The categories of a purpose without Full access, in the order of the token page."""
    return sorted(row.category for row in rows_of(purpose) if row.scope is not Scope.FULL_ACCESS)


def hint_of(purpose: Purpose) -> str:
    """The boxes of a purpose in a few words."""
    if takes_full_access(purpose):
        return "Full access"
    return ", ".join(box.category for box in boxes_of(purpose))


def takes_full_access(purpose: Purpose) -> bool:
    """Whether Invicti asks for Full access instead of single scopes."""
    return purpose in SCOPES[Scope.FULL_ACCESS].replaces


def probes_for(
    purpose: Purpose, deployment: Deployment, version: str, *, read_only: bool = False
) -> tuple[Probe, ...]:
    """Every probe for ``purpose`` that exists there, the lowest levels first."""
    return tuple(
        probe
        for row in rows_of(purpose)
        for probe in row.probes
        if probe.is_there(deployment, version) and (probe.reads or not read_only)
    )


def highest_probes(probes: tuple[Probe, ...]) -> tuple[Probe, ...]:
    """The probes of the highest level per scope, sent first if all are too many."""
    best = {probe.scope: probe.level for probe in probes}
    return tuple(probe for probe in probes if probe.level == best[probe.scope])
