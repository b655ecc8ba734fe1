"""Several connections in one run: each for itself, and one report of all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.deployment import Purpose
from aspm_ado.domain.azure.retirement import DaySource
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.errors import UserError
from aspm_ado.domain.report import OrganizationReport, Report, TokenFacts
from aspm_ado.domain.text import clean
from aspm_ado.flows.options import purpose_given
from aspm_ado.flows.target import Target, site_meant, target_given
from aspm_ado.flows.validation.report import EVERY_ONE, connection_report, report

if TYPE_CHECKING:
    from aspm_ado.domain.errors import Problem
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context


def title_of(asker: Asker, name: str | None) -> str:
    """What a connection is called before it is made: its name, or where it leads."""
    target = _target(asker)
    if name or target is None:
        return clean(name or "no name", 60)
    return clean(next(iter(target.names), target.site.host), 60)


def not_made(context: Context, name: str | None, problem: Problem) -> Report:
    """The report of a connection that could not be made: why, at each of its organizations."""
    check = Check(
        CheckId.ACCESS, Status.UNKNOWN, problem.problem, problem.reason, problem.remedy or None
    )
    target, purpose = _target(context.asker), Purpose.ALM
    with suppress(UserError):  # a purpose that is none is the problem
        purpose = purpose_given(context.asker)
    names = target.names if target is not None else ()
    organizations = [
        OrganizationReport(one, None, TokenFacts(), (check,)) for one in names or (EVERY_ONE,)
    ]
    shown = clean(name, 63) if name else None
    made = connection_report(shown, site_meant(target), purpose, organizations)
    return report(context, "connect", [], [made])


def merged(reports: Sequence[Report]) -> Report:
    """One report of several, in their order; its day is that of Azure DevOps, if one has it."""
    sources = (one.day_source for one in reports)
    return replace(
        reports[-1],
        day_source=next((one for one in sources if one is not DaySource.LOCAL), DaySource.LOCAL),
        connections=tuple(made for one in reports for made in one.connections),
        notes=tuple(note for one in reports for note in one.notes),
    )


def _target(asker: Asker) -> Target | None:
    """Where a connection leads, as far as that can be understood."""
    try:
        return target_given(asker)
    except UserError:
        return None
