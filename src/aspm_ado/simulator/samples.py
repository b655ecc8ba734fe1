"""The invented people, organizations, and tokens of the scenarios."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final

from aspm_ado.simulator.world import (
    SERVER_2019,
    SERVER_2022,
    Aspm,
    GitRepository,
    IssuedToken,
    Organization,
    Person,
    Server,
    TeamProject,
)

ASPM_HOST: Final = "aspm.example.test"
ASPM_TOKEN: Final = "simulated-aspm-token-0001"  # noqa: S105 (opens nothing)

TENANT: Final = "5c1b2a30-1111-4222-8333-444455556666"
ADA: Final = Person("Ada Example", "ada@contoso.example", tenant=TENANT, login="LOCAL\\ada")
GRACE: Final = Person("Grace Example", "grace@fabrikam.example", login="LOCAL\\grace")

ALM_SCOPES: Final = frozenset(
    {"vso.code_full", "vso.work_full", "vso.identity_manage", "vso.profile_write"}
)
"""The scopes that Invicti's guide requires."""
CODE_READ_ONLY: Final = ALM_SCOPES - {"vso.code_full"} | {"vso.code"}

_PROJECTS = (
    TeamProject(
        "Payments",
        (
            GitRepository("attic", disabled=True),
            GitRepository("fresh", default_branch=None),
            GitRepository("checkout api"),
            GitRepository("vault", readable=False),
        ),
        description="Taking money",
    ),
    TeamProject("Web Shop", (GitRepository("storefront", default_branch="refs/heads/develop"),)),
)
CONTOSO: Final = Organization(
    "Contoso",
    _PROJECTS,
    (ADA, GRACE),
    work_items=(1, 2, 40),
    attachments=("0d4c2f86-90ab-4c1e-8f0a-1b2c3d4e5f60",),
    favorites=("7f6e5d4c-3b2a-4190-8f7e-6d5c4b3a2910",),
    tenant=TENANT,
)
FABRIKAM: Final = Organization(
    "Fabrikam", (TeamProject("Fiber", (GitRepository("fiber"),)),), (ADA, GRACE), tenant=TENANT
)

# Its public project is open to all, so it rejects no token.
OPEN_CONTOSO: Final = replace(
    CONTOSO,
    name="OpenContoso",
    projects=(*_PROJECTS, TeamProject("Docs", (GitRepository("handbook"),), public=True)),
)
# Its git endpoint needs a username with the token.
NAMED_CONTOSO: Final = replace(
    CONTOSO, projects=(TeamProject("Payments", (GitRepository("checkout api", clone="username"),)),)
)
TFS: Final = Server(
    "tfs.example.test",
    SERVER_2022,
    (
        Organization("DefaultCollection", _PROJECTS, (ADA, GRACE), work_items=(7,)),
        Organization("Engineering", (TeamProject("Turbines", (GitRepository("blades"),)),), (ADA,)),
    ),
    directory="/tfs",
)
# An installation without a virtual directory: the collection is the first path segment.
TFS_2019: Final = Server(
    "devops.example.test",
    SERVER_2019,
    (Organization("DefaultCollection", _PROJECTS, (ADA,), work_items=(7,)),),
)


MARKER: Final = "SimulatedNotAToken"
"""The start of every simulated token, in any case."""


def pat(label: str, last4: str) -> str:
    """Make an invented token in the current format: 84 characters, AZDO at 76..79 (facts §5).

    Its text hints at 2026-08: a year from then covers the days of all scenarios.
    """
    start = f"{MARKER}{label}".ljust(52, "0")[:52] + "JQQJ99CHAC"
    return start.ljust(76, "A") + "AZDO" + last4


def legacy_pat(label: str, last4: str) -> str:
    """Make an invented token in the old format: 52 characters of a-z and 2-7 (facts §5)."""
    return f"{MARKER.lower()}{label}".ljust(48, "2")[:48] + last4


def token(value: str, **changes: Any) -> IssuedToken:
    """Make one of Ada's tokens."""
    made = IssuedToken(value, "aspm-ado demo", ADA, ALM_SCOPES, expires=date(2027, 1, 13))
    return replace(made, **changes)


def aspm(*alm_tools: str, **changes: Any) -> Aspm:
    """Make the ASPM of a scenario; without an active integration it has no ALM tools."""
    made = Aspm(ASPM_HOST, ASPM_TOKEN, projects=("checkout api", "storefront"), alm_tools=alm_tools)
    return replace(made, **changes)
