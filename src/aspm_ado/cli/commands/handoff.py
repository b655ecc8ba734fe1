"""``aspm-ado handoff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.cli.output import write_report
from aspm_ado.flows.handoff import resume_handoff

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring


def run(wiring: Wiring, name: str | None = None) -> int:
    """The Invicti ASPM step again, any day."""
    report = resume_handoff(wiring.context(), name)
    write_report(wiring, report)
    return int(report.exit_code)
