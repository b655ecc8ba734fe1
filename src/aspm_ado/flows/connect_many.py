"""Several connections in one run, with one report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.place import Purpose
from aspm_ado.domain.azure.retirement import DaySource
from aspm_ado.domain.reasons import UserError
from aspm_ado.domain.report import Check, CheckId, OrganizationReport, Report, Status, TokenFacts
from aspm_ado.domain.text import clean
from aspm_ado.flows.options import purpose_given
from aspm_ado.flows.target import Target, site_meant, target_given
from aspm_ado.flows.validation.report import EVERY_ONE, connection_report, report

if TYPE_CHECKING:
    from aspm_ado.domain.reasons import Problem
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context


def title_of(asker: Asker, name: str | None) -> str:
    """The title of a connection before it exists: its name, or its first place."""
    target = _target(asker)
    if name or target is None:
        return clean(name or "no name", 60)
    return clean(next(iter(target.names), target.site.host), 60)


def not_made(context: Context, name: str | None, problem: Problem) -> Report:
    """Report the problem at each organization of a connection that was not created."""
    check = Check(
        CheckId.ACCESS, Status.UNKNOWN, problem.problem, problem.reason, problem.remedy or None
    )
    target, purpose = _target(context.asker), Purpose.ALM
    with suppress(UserError):  # the purpose may be the problem
        purpose = purpose_given(context.asker)
    names = target.names if target is not None else ()
    organizations = [
        OrganizationReport(one, None, TokenFacts(), (check,)) for one in names or (EVERY_ONE,)
    ]
    shown = clean(name, 63) if name else None
    made = connection_report(shown, site_meant(target), purpose, organizations)
    return report(context, "connect", [], [made])


def merged(reports: Sequence[Report]) -> Report:
    """Merge reports in their order; the day is that of Azure DevOps, if known."""
    sources = (one.day_source for one in reports)
    return replace(
        reports[-1],
        day_source=next((one for one in sources if one is not DaySource.LOCAL), DaySource.LOCAL),
        connections=tuple(made for one in reports for made in one.connections),
        notes=tuple(note for one in reports for note in one.notes),
    )


def _target(asker: Asker) -> Target | None:
    """The target of a connection, or None if its answers are invalid."""
    try:
        return target_given(asker)
    except UserError:
        return None
