"""The requests that show a right without using it: authorized before they are validated, aimed at nothing.

Source: facts section 3b (Microsoft's published specifications name the scope of each operation). Each ``{random}``
is a fresh UUID, so a granted request finds nothing to change; the work item is the highest id there can be, and its
patch only tests. HEAD is never used, and no POST, PATCH or DELETE is ever sent twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.requirements import WANTED, Deployment, Purpose, provable
from aspm_ado.domain.scopes import Level, Scope

JSON: Final = "application/json"
JSON_PATCH: Final = "application/json-patch+json"


class Area(StrEnum):
    """Which host of an organization a route lives on. On Server all of them are the collection itself."""

    ORGANIZATION = "organization"
    IDENTITY = "identity"
    ENTITLEMENTS = "entitlements"


@dataclass(frozen=True, slots=True)
class Probe:
    """One request and the level that any authorized answer to it proves."""

    name: str
    scope: Scope
    level: Level
    method: str
    path: str
    area: Area = Area.ORGANIZATION
    version: str = ""
    body: str | None = None
    content_type: str = JSON

    @property
    def reads(self) -> bool:
        """Whether ``--read-only-probes`` allows it."""
        return self.method == "GET"

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether its route is a preview's, which may be switched off; a released one is there (facts section 9)."""
        return "preview" in self.version


PROBES: Final = (
    Probe("code-read", Scope.CODE, Level.READ, "GET", "_apis/git/repositories/{random}"),
    Probe("code-write", Scope.CODE, Level.WRITE, "POST", "_apis/git/repositories/{random}/refs", body="[]"),
    Probe("code-manage", Scope.CODE, Level.MANAGE, "PATCH", "_apis/git/repositories/{random}", body="{}"),
    Probe("work-read", Scope.WORK, Level.READ, "GET", "_apis/wit/workItems/2147483647"),
    Probe(
        "work-write",
        Scope.WORK,
        Level.WRITE,
        "PATCH",
        "_apis/wit/workItems/2147483647?validateOnly=true",
        body='[{"op":"test","path":"/rev","value":1}]',
        content_type=JSON_PATCH,
    ),
    Probe(
        "work-manage",
        Scope.WORK,
        Level.MANAGE,
        "DELETE",
        "_apis/wit/attachments/{random}",
        version="7.2-preview.4",
    ),
    Probe(
        "identity-read",
        Scope.IDENTITY,
        Level.READ,
        "GET",
        "_apis/identities?identityIds={me}",
        area=Area.IDENTITY,
    ),
    Probe(
        "profile-write",
        Scope.PROFILE,
        Level.WRITE,
        "DELETE",
        "_apis/favorite/favorites/{random}?artifactType=Microsoft.TeamFoundation.Build.Definition"
        "&artifactScopeType=Project&artifactScopeId={random}",
        version="7.1-preview.1",
    ),
    Probe("project-write", Scope.PROJECT, Level.WRITE, "PATCH", "_apis/projects/{random}", body="{}"),
    Probe("project-manage", Scope.PROJECT, Level.MANAGE, "POST", "_apis/projects/{random}/teams", body="{}"),
)

CANARIES: Final = (
    Probe(
        "agent-pools",
        Scope.FULL_ACCESS,
        Level.FULL,
        "GET",
        "_apis/distributedtask/pools?$top=1",
    ),
    Probe(
        "graph-users",
        Scope.FULL_ACCESS,
        Level.FULL,
        "GET",
        "_apis/graph/users",
        area=Area.IDENTITY,
        version="7.1-preview.1",
    ),
    Probe(
        "user-entitlements",
        Scope.FULL_ACCESS,
        Level.FULL,
        "GET",
        "_apis/userentitlements?top=1",
        area=Area.ENTITLEMENTS,
        version="7.1-preview.3",
    ),
)
"""Three areas far from each other: all of them answer to Full access, or to a token with nearly every box ticked."""


def plan(purpose: Purpose, deployment: Deployment, version: str, *, read_only: bool = False) -> tuple[Probe, ...]:
    """Every probe that says something about ``purpose`` there, lowest levels first."""
    wanted = WANTED[purpose]
    ladder = [
        probe for probe in PROBES if probe.scope in wanted and probe.level <= provable(deployment, version, probe.scope)
    ]
    if Scope.FULL_ACCESS in wanted:
        ladder += CANARIES if deployment is Deployment.SERVICES else CANARIES[:1]
    return tuple(probe for probe in ladder if probe.reads or not read_only)


def summits(probes: tuple[Probe, ...]) -> tuple[Probe, ...]:
    """The probes to ask first where the whole ladder would be too many: the highest level of each scope."""
    best = {probe.scope: probe.level for probe in probes}
    return tuple(probe for probe in probes if probe.level == best[probe.scope])
