"""What has changed since a connection was last proven: said at the check that it concerns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Check, CheckId, Status

if TYPE_CHECKING:
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.stored import StoredCredential, StoredOrganization

_GOOD: Final = frozenset({Status.PASS, Status.PARTIAL, Status.WARN})


def with_changes(
    made: OrganizationReport,
    stored: StoredOrganization,
    known: StoredCredential,
    fresh: tuple[str, ...] = (),
) -> OrganizationReport:
    """The report with every change put into words, each since the day on which that very check was last found out.

    ``fresh`` are organizations that came to be since.
    """
    return replace(
        made, checks=tuple(_with_change(check, made, stored, known, fresh) for check in made.checks)
    )


def _with_change(
    check: Check,
    made: OrganizationReport,
    stored: StoredOrganization,
    known: StoredCredential,
    fresh: tuple[str, ...],
) -> Check:
    before = stored.verdict.get(check.id.value, "")
    day = stored.days.get(check.id.value)
    when, start = (f"on {day}", f"On {day}") if day else ("the last time", "The last time")
    words = []
    if before in {status.value for status in _GOOD} and check.status is Status.FAIL:
        words.append(f"It was good {when}.")
    if before == Status.FAIL.value and check.status in _GOOD:
        words.append(f"It was not good {when}.")
    if check.id is CheckId.IDENTITY and _is_other(made, known):
        words.append(
            f"{start} it was {known.identity_name or known.identity_account or known.identity_id}."
        )
    if check.id is CheckId.REACH:
        if known.reach not in ("unknown", made.token.reach) and made.token.reach != "unknown":
            words.append(f"{start} it reached: {known.reach}.")
        if fresh:
            words.append(f"New since then: {', '.join(fresh)}.")
    return replace(check, detail=" ".join([check.detail, *words]), changed=True) if words else check


def _is_other(made: OrganizationReport, known: StoredCredential) -> bool:
    return bool(
        made.identity
        and known.identity_id
        and made.identity.id.lower() != known.identity_id.lower()
    )
