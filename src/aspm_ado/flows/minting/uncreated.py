"""An organization that let no token be created: what is reported of it, while the others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.errors import NotCreatedError
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.report import OrganizationReport, TokenFacts
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.errors import UserError
    from aspm_ado.flows.house import House

_OF_THE_ORGANIZATION: Final = frozenset({
    Reason.ACCESS_FENCED, Reason.AZ_NOT_SIGNED_IN, Reason.CREATION_FAILED, Reason.CREATION_FORBIDDEN,
    Reason.CREATION_NOT_ALLOWED, Reason.CREATION_NOT_POSSIBLE, Reason.CREATION_REFUSED, Reason.CREATION_UNCERTAIN,
    Reason.ORGANIZATION_ABSENT, Reason.OTHER_TENANT, Reason.TENANT_UNKNOWN,
})  # fmt: skip
"""Why no token was created, where that says nothing about the next organization. The rest ends the run: `az` itself."""


def uncreated(house: House, name: str, error: UserError) -> OrganizationReport:
    """The report of the organization ``name``. Raises ``error`` where it is not of this organization alone."""
    why = error if isinstance(error, NotCreatedError) else error.__cause__
    if not isinstance(why, NotCreatedError) or why.reason not in _OF_THE_ORGANIZATION:
        raise error
    house.voice.warn(f"{clean(name, 60)}: {why.problem} {why.remedy}")
    status = Status.FAIL if why.exit_code is ExitCode.NOT_GOOD_ENOUGH else Status.UNKNOWN
    check = Check(CheckId.ACCESS, status, why.problem, why.reason, why.remedy)
    return OrganizationReport(name, None, TokenFacts("unknown", ""), (check,))
