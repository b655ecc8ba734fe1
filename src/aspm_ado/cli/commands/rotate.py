"""``aspm-ado rotate``."""

from __future__ import annotations

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_report
from aspm_ado.domain.questions import ASPM_URL, ORGANIZATION
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm
from aspm_ado.flows.target import connection_meant


def run(invocation: Invocation, name: str | None = None) -> int:
    """The Azure DevOps token of a connection, or the API token of the ASPM at ``--aspm-url``."""
    context = invocation.context()
    if name is None and invocation.on(ASPM_URL):
        return write_report(invocation, rotate_aspm(context))
    name = connection_meant(context, name)
    return write_report(invocation, rotate(context, name, invocation.values(ORGANIZATION)))
