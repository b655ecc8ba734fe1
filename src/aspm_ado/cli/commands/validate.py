"""``aspm-ado validate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.cli.output import write_report
from aspm_ado.domain.checks import CheckId, Status
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    COLLECTION,
    FAIL_ON_WARNING,
    ORGANIZATION,
    PAT_FILE,
    SERVER_URL,
    SHOW_ALL,
    WARN_DAYS,
    Question,
)
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.text import clean
from aspm_ado.flows.stored import Terms, validate_stored
from aspm_ado.flows.validate import validate_ad_hoc

if TYPE_CHECKING:
    from aspm_ado.cli.wiring import Wiring
    from aspm_ado.domain.report import ConnectionReport, Report
    from aspm_ado.flows.house import House

MOST_DAYS = 3660


def run(wiring: Wiring, names: Sequence[str] | None = None) -> int:
    """Stored connections, or a token ad hoc when a place is given."""
    ad_hoc = any(wiring.on(question) for question in (ORGANIZATION, SERVER_URL, COLLECTION, ALL_ORGANIZATIONS))
    ad_hoc = ad_hoc or (wiring.on(PAT_FILE) and not names)
    if ad_hoc and names:
        raise UsageError(
            Reason.USAGE,
            "Stored connections and a place are two different things to validate.",
            remedy="Give names alone, or -o/--server-url alone.",
        )
    terms = Terms(_days(wiring), wiring.on(FAIL_ON_WARNING))
    house = wiring.house()
    if ad_hoc:
        report = validate_ad_hoc(house, terms)
        write_report(wiring, report)
        return int(report.exit_code)
    report = validate_stored(house, names or (), terms=terms)
    write_report(wiring, report, everything=wiring.on(SHOW_ALL))
    return _offer_to_rotate(wiring, house, report)


def _offer_to_rotate(wiring: Wiring, house: House, report: Report) -> int:
    """On a terminal, replace at once what the service rejects; the exit code of all that there is then."""
    if not wiring.prompter.asks or wiring.as_json:
        return int(report.exit_code)
    connections = []
    for connection in report.connections:
        for names in _dead(house, connection):
            told = f"{connection.name} ({', '.join(names)})"
            question = Question("rotate", f"Replace the dead token of {clean(told, 100)} now?")
            if wiring.prompter.confirm(question, default=True):
                from aspm_ado.flows.rotate import rotate

                rotated = rotate(house, connection.name or "", names)
                write_report(wiring, rotated)
                connection = _with(connection, rotated)
        connections.append(connection)
    code = replace(report, connections=tuple(connections)).exit_code
    return int(ExitCode.DONE if code is ExitCode.STEP_REMAINS else code)


def _dead(house: House, connection: ConnectionReport) -> list[list[str]]:
    """The organizations whose token is rejected, by token."""
    entry = house.records.load().connections.get(connection.name or "")
    held = {one.name: one.credential for one in entry.organizations} if entry else {}
    groups: dict[str, list[str]] = {}
    for one in connection.organizations:
        rejected = any(check.id is CheckId.IDENTITY and check.status is Status.FAIL for check in one.checks)
        if rejected and one.name in held:
            groups.setdefault(held[one.name], []).append(one.name)
    return list(groups.values())


def _with(connection: ConnectionReport, rotated: Report) -> ConnectionReport:
    """The connection with what came of a rotation in place of what was before."""
    after = {one.name: one for made in rotated.connections for one in made.organizations}
    return replace(connection, organizations=tuple(after.get(one.name, one) for one in connection.organizations))


def _days(wiring: Wiring) -> int:
    text = wiring.text(WARN_DAYS)
    if not text:
        return Terms().warn_days
    if not text.isdigit() or int(text) > MOST_DAYS:
        raise UsageError(
            Reason.INPUT_INVALID, "--warn-days is not a number of days.", remedy=f"Give one from 0 to {MOST_DAYS}."
        )
    return int(text)
