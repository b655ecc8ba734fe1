"""``aspm-ado handoff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.cli.output import write_report
from aspm_ado.flows.handoff import resume_handoff

if TYPE_CHECKING:
    from aspm_ado.cli.context import Invocation


def run(invocation: Invocation, name: str | None = None) -> int:
    """The Invicti ASPM step again, any day."""
    return write_report(invocation, resume_handoff(invocation.context(), name))
