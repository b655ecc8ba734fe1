"""Documents for scripts: one JSON object, ASCII only, the same whatever happened."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from aspm_ado import __version__
from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.reasons import ExitCode, verdict_of

if TYPE_CHECKING:
    from aspm_ado.domain.azure.scopes import Level
    from aspm_ado.domain.reasons import Problem
    from aspm_ado.domain.report import Check, ConnectionReport, OrganizationReport, Report

Document = dict[str, Any]
_OBEYED: Final = re.compile(r"#(?=#)|:(?=:)|(?<=section_start):|(?<=section_end):")

REPORT_SCHEMA: Final = "aspm-ado/report/v1"
_PART: Final = 20_000
"""Chunks of the encoder, each of them a token of JSON."""


def _word(level: Level | None) -> str | None:
    if level is None:
        return None
    return level.word


def dump(document: Document) -> bytes:
    """The bytes for stdout: ASCII-escaped, LF, no BOM, no secret, nothing that a pipeline obeys.

    Two of these characters, or a colon behind GitLab's words, stand in strings alone.
    """
    # In parts, so that a document of many megabytes is in memory once; no string is cut.
    out, chunks = io.BytesIO(), json.JSONEncoder(indent=2).iterencode(document)
    while part := "".join(islice(chunks, _PART)):
        lines = "\n".join(dict.fromkeys(part.split("\n")))  # each once, as most repeat
        if KNOWN_SECRETS.hide(lines) != lines:
            part = KNOWN_SECRETS.hide(part)
        if _OBEYED.search(lines):
            part = _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", part)
        out.write(part.encode("ascii"))
    out.write(b"\n")
    return out.getvalue()


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
        "error": error and asdict(error),
    }


def report_document(report: Report) -> Document:
    """The document of ``aspm-ado/report/v1``."""
    code, source = report.exit_code, report.day_source
    return {
        **envelope(REPORT_SCHEMA, report.command, report.at, code, report.error, day_source=source),
        "verdict": report.verdict.value,
        "connections": [_connection(connection) for connection in report.connections],
    }


def report_bytes(report: Report) -> bytes:
    """The same, as ``--report FILE.json`` has it: the bytes that stdout would get."""
    return dump(report_document(report))


def _connection(connection: ConnectionReport) -> Document:
    aspm = None
    if connection.aspm is not None:
        aspm = {
            "url": connection.aspm.url,
            "api": connection.aspm.api,
            "checks": _checks(connection.aspm.checks),
        }
    return {
        "name": connection.name,
        "deployment": connection.deployment,
        "base_url": connection.base_url,
        "purpose": connection.purpose,
        "aspm": aspm,
        "checks": _checks(connection.checks),
        "organizations": [_organization(organization) for organization in connection.organizations],
    }


def _organization(organization: OrganizationReport) -> Document:
    token, registration = organization.token, organization.registration
    identity = None
    if (owner := organization.identity) is not None:
        identity = {"id": owner.id, "name": owner.name, "account": owner.account}
    return {
        "name": organization.name,
        "identity": identity,
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
    return [_check(check) for check in checks]


def _check(check: Check) -> Document:
    return {
        "id": check.id.value,
        "title": check.title,
        "status": check.status.value,
        "required": check.required,
        "reason": check.reason,
        "wanted": _word(check.wanted),
        "proven": _word(check.proven),
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
