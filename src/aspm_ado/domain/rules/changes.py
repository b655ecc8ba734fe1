"""What changed since the last validation of a connection, added to the check concerned."""

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
    """Add each change since the last result of that check to the report.

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
    when, start = "the last time", "The last time"
    if day:
        when, start = f"on {day}", f"On {day}"
    if turned := _turned(before, check.status):
        yield f"{turned} {when}."
    if check.id is CheckId.IDENTITY and _is_other(made, known):
        yield f"{start}, the owner was {_owner(known)}."
    if check.id is CheckId.REACH:
        if _reaches_otherwise(made, known):
            yield f"{start}, its reach was: {known.reach}."
        if fresh:
            yield f"New since then: {', '.join(fresh)}."


def _turned(before: str, now: Status) -> str:
    if before in GOOD and now is Status.FAIL:
        return "It passed"
    if before == Status.FAIL and now in GOOD:
        return "It did not pass"
    return ""


def _is_other(made: OrganizationReport, known: StoredCredential) -> bool:
    if made.identity is None or not known.identity_id:
        return False
    return made.identity.id.lower() != known.identity_id.lower()


def _owner(known: StoredCredential) -> str:
    return known.identity_name or known.identity_account or known.identity_id


def _reaches_otherwise(made: OrganizationReport, known: StoredCredential) -> bool:
    reach = made.token.reach
    return Reach.UNKNOWN not in (known.reach, reach) and known.reach is not reach
