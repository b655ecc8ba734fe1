"""What the formats for people show first: a row for each organization, and who has to do what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.checks import Command, Status
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import OrganizationReport, TokenFacts, Verdict
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.identity import Identity
    from aspm_ado.domain.report import ConnectionReport, Report

VERDICTS: Final = {
    Verdict.READY: "Ready",
    Verdict.READY_WITH_WARNINGS: "Ready, with warnings",
    Verdict.NOT_READY: "Not ready",
    Verdict.UNKNOWN: "Unknown: some checks could not finish",
}
STATUSES: Final = {
    Status.PASS: "passed",
    Status.PARTIAL: "verified as far as the API allows",
    Status.WARN: "warning",
    Status.FAIL: "failed",
    Status.UNKNOWN: "could not check",
    Status.SKIP: "skipped",
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check as people read it."""

    title: str
    status: Status
    detail: str
    to_do: str

    @property
    def word(self) -> str:
        """Its status in words."""
        return STATUSES[self.status]


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """An organization, or what concerns a connection as a whole; every text is clean."""

    place: str
    connection: str
    verdict: Verdict
    owner: str
    account: str
    others: str
    end: str
    reach: str
    to_do: tuple[str, ...]
    checks: tuple[CheckRow, ...]

    @property
    def result(self) -> str:
        """The verdict in words."""
        return VERDICTS[self.verdict]


def overview(report: Report) -> Iterator[OverviewRow]:
    """The rows in the order of the report.

    Secrets and Invicti ASPM have one where there is something to do.
    """
    for connection in report.connections:
        whole = [("Stored secrets", connection.checks)]
        if connection.aspm is not None:
            whole.append((connection.aspm.url, connection.aspm.checks))
        for one in connection.organizations:
            place = one.name
            if connection.deployment is not Deployment.SERVICES:
                place = f"{connection.base_url}/{one.name}"
            yield _row(connection, place, one)
        for place, checks in whole:
            if any(check.is_trouble for check in checks):
                made = OrganizationReport(place, None, TokenFacts(), checks)
                yield replace(_row(connection, place, made), owner="", end="", reach="")


def stored_name(connection: ConnectionReport) -> str | None:
    """The name of the connection for commands, where this run left one that is stored."""
    if any(check.reason is Reason.NOTHING_KEPT for check in connection.checks):
        return None
    return connection.name


def step(check: Check, connection: str | None) -> str:
    """What to do about it: its remedy and, of a stored connection, the command to go on."""
    if not check.is_trouble:
        return ""
    remedy, command = clean(check.remedy or "", 600), ""
    following = check.next
    if following is None and check.status in (Status.FAIL, Status.UNKNOWN):
        following = Command("validate")
    if connection is not None and following is not None:
        command = following.text(connection)
    if remedy.endswith(command):
        command = ""
    return " → ".join(filter(None, (remedy, command)))


def _row(connection: ConnectionReport, place: str, made: OrganizationReport) -> OverviewRow:
    token = made.token
    owner, account = _owner(made.identity)
    checks = tuple(_check(check, stored_name(connection)) for check in made.checks)
    return OverviewRow(
        clean(place, 120),
        clean(connection.name or "", 70),
        made.verdict,
        owner,
        account,
        clean(", ".join(made.others)),
        _end(token),
        token.reach.value,
        tuple(dict.fromkeys(check.to_do for check in checks if check.to_do)),
        checks,
    )


def _check(check: Check, connection: str | None) -> CheckRow:
    detail = clean(check.detail, 600)
    return CheckRow(check.title, check.status, detail, step(check, connection))


def _owner(identity: Identity | None) -> tuple[str, str]:
    if identity is None:
        return "unknown", ""
    name, account = clean(identity.name, 120), clean(identity.account, 120)
    if account == name or not name:
        return name or account or clean(identity.id, 60), ""
    return name, account


def _end(token: TokenFacts) -> str:
    end, days = clean(token.end or "unknown", 10), token.days_left
    if token.end is None or days is None:
        return end
    if days < 0:
        return f"{end} (passed)"
    if days == 0:
        return f"{end} (today)"
    return f"{end} ({count_days(days)} left)"
