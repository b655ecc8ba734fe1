"""The one table of Azure DevOps operations, shared by Services and Server."""

from __future__ import annotations

from typing import Final

from aspm_ado.simulator import boards, code, location, people, projects
from aspm_ado.simulator.routes import Route

OPERATIONS: Final[tuple[Route, ...]] = (
    *location.ROUTES,
    *projects.ROUTES,
    *code.ROUTES,
    *boards.ROUTES,
    *people.ROUTES,
)
