"""``aspm-ado rotate``."""

from __future__ import annotations

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_report
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ASPM_URL, ORGANIZATION
from aspm_ado.domain.reasons import Reason
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm


def run(invocation: Invocation, name: str | None = None) -> int:
    """The Azure DevOps token of a connection, or the API token of the ASPM at ``--aspm-url``."""
    context = invocation.context()
    if name is not None:
        return write_report(invocation, rotate(context, name, invocation.values(ORGANIZATION)))
    if invocation.on(ASPM_URL):
        return write_report(invocation, rotate_aspm(context))
    raise UsageError(
        Reason.INPUT_MISSING,
        "Which connection?",
        remedy="aspm-ado rotate NAME (see aspm-ado list), or --aspm-url URL for the API token "
        "of an Invicti ASPM.",
    )
