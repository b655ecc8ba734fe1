"""Documents for scripts: one JSON object, ASCII only, the same whatever happened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aspm_ado import __version__
from aspm_ado.domain.reasons import ExitCode
from aspm_ado.domain.report import REPORT_SCHEMA, Report, verdict_of

if TYPE_CHECKING:
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.errors import Problem
    from aspm_ado.domain.report import AspmReport, ConnectionReport, OrganizationReport

Document = dict[str, Any]


def dump(document: Document) -> bytes:
    """The bytes for stdout: ASCII-escaped, LF, no BOM."""
    return (json.dumps(document, ensure_ascii=True, indent=2) + "\n").encode("ascii")


def report_document(report: Report) -> Document:
    """The document of ``aspm-ado/report/v1``."""
    head = envelope(
        REPORT_SCHEMA,
        report.command,
        report.at,
        report.exit_code,
        report.error,
        day_source=report.day_source,
    )
    return {
        **head,
        "verdict": report.verdict.value,
        "connections": [_connection(connection) for connection in report.connections],
    }


def envelope(
    schema: str,
    command: str,
    at: str,
    code: ExitCode,
    error: Problem | None = None,
    *,
    day_source: str = "local",
) -> Document:
    """What every document of ours begins with."""
    return {
        "schema": schema,
        "version": __version__,
        "command": command,
        "at": at,
        "day_source": day_source,
        "verdict": verdict_of(code).value,
        "exit_code": int(code),
        "error": None
        if error is None
        else {"reason": error.reason.value, "problem": error.problem, "remedy": error.remedy},
    }


def _connection(connection: ConnectionReport) -> Document:
    return {
        "name": connection.name,
        "deployment": connection.deployment,
        "base_url": connection.base_url,
        "purpose": connection.purpose,
        "aspm": _aspm(connection.aspm),
        "checks": _checks(connection.checks),
        "organizations": [_organization(organization) for organization in connection.organizations],
    }


def _aspm(aspm: AspmReport | None) -> Document | None:
    return (
        None if aspm is None else {"url": aspm.url, "api": aspm.api, "checks": _checks(aspm.checks)}
    )


def _organization(organization: OrganizationReport) -> Document:
    identity, token, registration = (
        organization.identity,
        organization.token,
        organization.registration,
    )
    return {
        "name": organization.name,
        "identity": None
        if identity is None
        else {"id": identity.id, "name": identity.name, "account": identity.account},
        "token": {
            "format": token.format,
            "last4": token.last4,
            "expires": token.expires,
            "expires_source": token.expires_source,
            "days_left": token.days_left,
            "reach": token.reach,
            "source": token.source,
            "shared": token.shared,
        },
        "checks": _checks(organization.checks),
        "registration": {
            "mode": registration.mode.value,
            "state": registration.state.value,
            "proof": registration.proof.value,
            "instance_id": registration.instance_id,
        },
    }


def _checks(checks: Iterable[Check]) -> list[Document]:
    return [
        {
            "id": check.id.value,
            "title": check.title,
            "status": check.status.value,
            "required": check.required,
            "reason": check.reason.value if check.reason else None,
            "wanted": check.wanted.word if check.wanted is not None else None,
            "proven": check.proven.word if check.proven is not None else None,
            "detail": check.detail,
            "remedy": check.remedy,
            "evidence": [
                {
                    "method": one.method,
                    "url": one.url,
                    "status": one.status,
                    "activity_id": one.activity_id,
                }
                for one in check.evidence
            ],
        }
        for check in checks
    ]
