"""``aspm-ado handoff``."""

from __future__ import annotations

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_report
from aspm_ado.flows.handoff import resume_handoff


def run(invocation: Invocation, name: str | None = None) -> int:
    """The Invicti ASPM step again, any day."""
    return write_report(invocation, resume_handoff(invocation.context(), name))
