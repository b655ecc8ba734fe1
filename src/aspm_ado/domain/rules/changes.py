"""What has changed since a connection was last validated, said at the check that it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.checks import GOOD, Check, CheckId, Status

if TYPE_CHECKING:
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.stored import StoredCredential, StoredOrganization


def with_changes(
    made: OrganizationReport,
    stored: StoredOrganization,
    known: StoredCredential,
    fresh: tuple[str, ...] = (),
) -> OrganizationReport:
    """The report with each change put into words, since the day when that check was last found out.

    ``fresh`` are organizations that did not exist then.
    """
    checks = []
    for check in made.checks:
        changes = tuple(_changes(check, made, stored, known, fresh))
        if changes:
            check = replace(check, detail=" ".join([check.detail, *changes]), changed=True)
        checks.append(check)
    return made.with_checks(checks)


def _changes(
    check: Check,
    made: OrganizationReport,
    stored: StoredOrganization,
    known: StoredCredential,
    fresh: tuple[str, ...],
) -> Iterator[str]:
    before, day = stored.verdict.get(check.id, ""), stored.days.get(check.id)
    when = f"on {day}" if day else "the last time"
    start = when[:1].upper() + when[1:]
    if before in GOOD and check.status is Status.FAIL:
        yield f"It was good {when}."
    if before == Status.FAIL and check.status in GOOD:
        yield f"It was not good {when}."
    if check.id is CheckId.IDENTITY and _is_other(made, known):
        who = known.identity_name or known.identity_account or known.identity_id
        yield f"{start} it was {who}."
    if check.id is CheckId.REACH:
        reach = made.token.reach
        if Reach.UNKNOWN not in (known.reach, reach) and known.reach is not reach:
            yield f"{start} it reached: {known.reach}."
        if fresh:
            yield f"New since then: {', '.join(fresh)}."


def _is_other(made: OrganizationReport, known: StoredCredential) -> bool:
    if made.identity is None or not known.identity_id:
        return False
    return made.identity.id.lower() != known.identity_id.lower()
