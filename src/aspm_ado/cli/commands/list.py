"""``aspm-ado list``: what is stored, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aspm_ado.cli.output import write_document, write_lines
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.reasons import ExitCode
from aspm_ado.domain.rules.token import days_left, global_token_warnings
from aspm_ado.domain.stored import RegistrationState
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.stored import Entry, StoredCredential, StoredOrganization

SCHEMA = "aspm-ado/list/v1"
_WIDEST = 17
"""Columns for a name; a longer one pushes its row out of line, and not all the others off an 80-column terminal."""


def run(wiring: Wiring) -> int:
    """Names, dates and last verdicts. The keyring is never touched, and today is this machine's."""
    entries = [entry for _, entry in sorted(wiring.records.load().connections.items())]
    calendar = wiring.clock.calendar()
    if wiring.as_json:
        from aspm_ado.render.document import envelope

        at = wiring.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        head = envelope(SCHEMA, "list", at, ExitCode.DONE)
        connections = [_document(entry, calendar) for entry in entries]
        write_document({**head, "connections": connections})
        return 0
    if not entries:
        wiring.voice.say("Nothing is stored yet. Begin with: aspm-ado connect")
    write_lines(line for entry in entries for line in _lines(entry, calendar))
    if entries:
        for line in (line for entry in entries for line in global_token_warnings(entry, calendar)):
            wiring.voice.warn(line)
        wiring.voice.note(
            "Days are counted by this machine's clock; `aspm-ado validate` asks Azure DevOps."
        )
    return 0


def _document(entry: Entry, calendar: Calendar) -> dict[str, Any]:
    return {
        "name": entry.name,
        "deployment": entry.deployment,
        "base_url": entry.base_url,
        "purpose": entry.purpose,
        "aspm": None if entry.aspm is None else {"url": entry.aspm.url, "api": entry.aspm.api},
        "created": entry.created,
        "validated": entry.validated,
        "organizations": [_organization(entry, one, calendar) for one in entry.organizations],
    }


def _organization(entry: Entry, one: StoredOrganization, calendar: Calendar) -> dict[str, Any]:
    credential = entry.credentials[one.credential]
    return {
        "name": one.name,
        "token": _token(entry, credential, calendar),
        "identity": {"id": credential.identity_id, "name": credential.identity_name,
                     "account": credential.identity_account},
        "waiting": _waiting(entry, one, calendar),
        "registration": {"mode": one.registration.mode.value, "state": one.registration.state.value,
                         "proof": one.registration.proof.value, "instance_id": one.registration.instance_id},
        "verdict": one.verdict,
    }  # fmt: skip


def _waiting(entry: Entry, one: StoredOrganization, calendar: Calendar) -> dict[str, Any] | None:
    """The new token that waits until Invicti ASPM has it."""
    key = entry.successor_of(one.name)
    return None if key is None else _token(entry, entry.successors[key].credential, calendar)


def _token(entry: Entry, credential: StoredCredential, calendar: Calendar) -> dict[str, Any]:
    return {
        "format": credential.format,
        "last4": credential.last4,
        "expires": credential.expires,
        "days_left": days_left(entry, credential, calendar),
        "reach": credential.reach,
    }


def _lines(entry: Entry, calendar: Calendar) -> list[str]:
    aspm = entry.aspm.url if entry.aspm else "no Invicti ASPM"
    lines = [f"{entry.name}  {entry.base_url}  {entry.purpose}  {aspm}"]
    widest = min(max((len(one.name) for one in entry.organizations), default=0), _WIDEST)
    for one in entry.organizations:
        credential = entry.credentials[one.credential]
        parts = [
            f"{clean(one.name, 60):<{widest}}",
            f"…{credential.last4}",
            f"reach {credential.reach}",
            _end(entry, credential, calendar),
            one.registration.state.value,
        ]
        lines.append("  " + "  ".join(parts))
        if key := entry.successor_of(one.name):
            waiting = entry.successors[key].credential.last4
            lines.append(
                f"    new token …{waiting} waits for Invicti ASPM: aspm-ado handoff {entry.name}"
            )
    left = sum(
        one.registration.state is RegistrationState.HANDED_OFF and not entry.successor_of(one.name)
        for one in entry.organizations
    )
    if left:
        lines.append(f"  {left} still to be entered in Invicti ASPM: aspm-ado handoff {entry.name}")
    return lines


def _end(entry: Entry, credential: StoredCredential, calendar: Calendar) -> str:
    """The earlier of its own end and that of tokens of all organizations, where it is one."""
    left, end = days_left(entry, credential, calendar), calendar.global_end
    if left is None:
        return "end unknown"
    if end is not None and left == (end - calendar.today).days and credential.ends != end:
        return f"stops {end} ({count_days(left)})" if left > 0 else f"was to stop {end}"
    if left < 0:
        return f"was to end {credential.ends}"
    return f"ends {credential.ends} ({count_days(left) if left else 'today'})"
