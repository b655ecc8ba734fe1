"""``aspm-ado rotate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.cli.output import write_report
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ASPM_URL, ORGANIZATION
from aspm_ado.domain.reasons import Reason
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.flows.rotation.rotate_aspm import rotate_aspm

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring


def run(wiring: Wiring, name: str | None = None) -> int:
    """The Azure DevOps token of a connection; without a name and with ``--aspm-url``, the API token of that ASPM."""
    context = wiring.context()
    if name is None and wiring.given.get(ASPM_URL.name) is not None:
        report = rotate_aspm(context)
    elif name is None:
        raise UsageError(
            Reason.INPUT_MISSING,
            "Which connection?",
            remedy="aspm-ado rotate NAME (see aspm-ado list), or --aspm-url URL for the API token of an Invicti ASPM.",
        )
    else:
        given = wiring.given.get(ORGANIZATION.name)
        report = rotate(context, name, given.values if given else ())
    write_report(wiring, report)
    return int(report.exit_code)
