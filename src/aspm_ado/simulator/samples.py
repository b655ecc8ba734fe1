"""The invented people, organizations, and tokens of the scenarios."""

from __future__ import annotations

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


def _contoso(**changes: Any) -> Organization:
    usual = {
        "name": "Contoso",
        "members": (ADA, GRACE),
        "tenant": TENANT,
        "projects": _PROJECTS,
        "work_items": (1, 2, 40),
        "attachments": ("0d4c2f86-90ab-4c1e-8f0a-1b2c3d4e5f60",),
        "favorites": ("7f6e5d4c-3b2a-4190-8f7e-6d5c4b3a2910",),
    }
    return Organization(**{**usual, **changes})


def _fabrikam(*members: Person) -> Organization:
    fiber = TeamProject("Fiber", (GitRepository("fiber"),))
    return Organization("Fabrikam", (fiber,), members, tenant=TENANT)


CONTOSO: Final = _contoso()
DEACTIVATED_CONTOSO: Final = _contoso(deactivated=True)
# Its public project is open to all, so it rejects no token.
OPEN_CONTOSO: Final = _contoso(
    name="OpenContoso",
    projects=(*_PROJECTS, TeamProject("Docs", (GitRepository("handbook"),), public=True)),
)
# Its git endpoint needs a username with the token.
NAMED_CONTOSO: Final = _contoso(
    projects=(TeamProject("Payments", (GitRepository("checkout api", clone="username"),)),)
)
FABRIKAM: Final = _fabrikam(ADA, GRACE)
CLOSED_FABRIKAM: Final = _fabrikam(GRACE)
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
    usual = {"scopes": ALM_SCOPES, "expires": date(2027, 1, 13)}
    return IssuedToken(value, "aspm-ado demo", ADA, **{**usual, **changes})


def aspm(*alm_tools: str, **changes: Any) -> Aspm:
    """Make the ASPM of a scenario; without an active integration it has no ALM tools."""
    usual = {"projects": ("checkout api", "storefront"), "alm_tools": alm_tools}
    return Aspm(ASPM_HOST, ASPM_TOKEN, **{**usual, **changes})
