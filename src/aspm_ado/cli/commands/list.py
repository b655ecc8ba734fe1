"""``aspm-ado list``: what is stored, offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_document, write_lines
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.rules.global_tokens import global_token_warnings
from aspm_ado.domain.stored import RegistrationState
from aspm_ado.domain.text import clean, display_width

if TYPE_CHECKING:
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.stored import Entry, StoredCredential, StoredOrganization

_HEADING: Final = ("Organization", "Token", "Owner", "Expires", "Registration")
_WIDEST: Final = 21
"""Columns for a cell; a longer one pushes its own row out of line, and not all the others off a
terminal of 80 columns."""


def run_list(invocation: Invocation) -> int:
    """Names, dates and last verdicts. The keyring is never touched; today is this machine's."""
    entries = [entry for _, entry in sorted(invocation.records.load().connections.items())]
    calendar = invocation.clock.calendar()
    if invocation.as_json:
        connections = [_document(entry, calendar) for entry in entries]
        write_document({**invocation.envelope("aspm-ado/list/v1"), "connections": connections})
        return 0
    if not entries:
        invocation.voice.say("No connections stored. To create one, run: aspm-ado connect")
        return 0
    write_lines(_lines(entries, calendar))
    for entry in entries:
        for line in global_token_warnings(entry, calendar):
            invocation.voice.warn(line)
    invocation.voice.note(
        "Days are counted by the local clock. To check with Azure DevOps, run: aspm-ado validate"
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
    credential, waiting = entry.credentials[one.credential], _waiting(entry, one)
    return {
        "name": one.name,
        "token": _token(entry, credential, calendar),
        "identity": {
            "id": credential.identity_id,
            "name": credential.identity_name,
            "account": credential.identity_account,
        },
        "waiting": None if waiting is None else _token(entry, waiting, calendar),
        "registration": {
            "mode": one.registration.mode.value,
            "state": one.registration.state.value,
            "proof": one.registration.proof.value,
            "instance_id": one.registration.instance_id,
        },
        "verdict": one.verdict,
    }


def _waiting(entry: Entry, one: StoredOrganization) -> StoredCredential | None:
    """The new token that waits until Invicti ASPM has it."""
    key = entry.successor_of(one.name)
    if key is None:
        return None
    return entry.successors[key].credential


def _token(entry: Entry, credential: StoredCredential, calendar: Calendar) -> dict[str, Any]:
    return {
        "format": credential.format,
        "last4": credential.last4,
        "expires": credential.expires,
        "days_left": _days_left(entry, credential, calendar),
        "reach": credential.reach,
    }


def _lines(entries: Sequence[Entry], calendar: Calendar) -> Iterator[str]:
    """A heading, then the organizations of each connection in columns."""
    rows = {
        entry.name: [_row(entry, one, calendar) for one in entry.organizations] for entry in entries
    }
    everything = [_HEADING, *(row for some in rows.values() for row in some)]
    widths = [
        min(max(map(display_width, column)), _WIDEST) for column in zip(*everything, strict=True)
    ]
    yield "  " + _in_columns(_HEADING, widths)
    for entry in entries:
        aspm = entry.aspm.url if entry.aspm else "no Invicti ASPM"
        simulated = "  (simulated)" if entry.simulated else ""
        yield f"{entry.name}  {entry.base_url}  {entry.purpose}  {aspm}{simulated}"
        for one, row in zip(entry.organizations, rows[entry.name], strict=True):
            yield "  " + _in_columns(row, widths)
            waiting = _waiting(entry, one)
            if waiting is not None:
                owner = _owner_if_other(waiting, entry.credentials[one.credential])
                yield (
                    f"    pending token …{waiting.last4}{owner} is not in Invicti ASPM yet: "
                    f"aspm-ado handoff {entry.name}"
                )
        if left := sum(_is_left(entry, one) for one in entry.organizations):
            yield f"  {left} to enter in Invicti ASPM: aspm-ado handoff {entry.name}"


def _row(entry: Entry, one: StoredOrganization, calendar: Calendar) -> tuple[str, ...]:
    credential = entry.credentials[one.credential]
    return (
        clean(one.name, 60),
        f"…{credential.last4}",
        _owner(credential),
        _end(entry, credential, calendar),
        "saved, not shown yet" if one.registration.unseen else one.registration.state.value,
    )


def _owner(credential: StoredCredential) -> str:
    return clean(credential.identity_name or credential.identity_account or "unknown", 60)


def _owner_if_other(waiting: StoredCredential, current: StoredCredential) -> str:
    if waiting.identity_id.lower() == current.identity_id.lower():
        return ""
    return f" of {_owner(waiting)}"


def _in_columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The cells in a row; a longer one pushes the rest of its own row out of line."""
    shown = zip(cells, widths, strict=True)
    return "  ".join(cell + " " * (width - display_width(cell)) for cell, width in shown).rstrip()


def _is_left(entry: Entry, one: StoredOrganization) -> bool:
    """Whether a person still has to enter it, and no newer token waits."""
    is_handed_off = one.registration.state is RegistrationState.HANDED_OFF
    return is_handed_off and _waiting(entry, one) is None


def _end(entry: Entry, credential: StoredCredential, calendar: Calendar) -> str:
    """The earlier of its own end and that of tokens of all organizations, where it is one."""
    left, end = _days_left(entry, credential, calendar), calendar.global_end
    if left is None:
        return "unknown"
    if end is not None and left == (end - calendar.today).days and credential.ends != end:
        if left > 0:
            return f"stops {end} ({count_days(left)})"
        return f"announced end {end} (past)"
    if left < 0:
        return f"{credential.ends} (past)"
    if left == 0:
        return f"{credential.ends} (today)"
    return f"{credential.ends} ({count_days(left)})"


def _days_left(entry: Entry, credential: StoredCredential, calendar: Calendar) -> int | None:
    """Days until a stored token ends, if the configuration has its date."""
    return calendar.days_left(credential.ends, credential.reach, entry.deployment)
