"""``.ics``: an all-day event for the end of the token of each organization. No owner is in it."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from icalendar import Alarm, Calendar, Event

from aspm_ado.domain.reasons import CheckId
from aspm_ado.domain.report import Command
from aspm_ado.domain.text import clean
from aspm_ado.render.formats.pages import stored_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aspm_ado.domain.report import ConnectionReport, OrganizationReport, Report

_DAYS_BEFORE: Final = (30, 7)
_SINCE: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""SEQUENCE counts seconds from here: it grows with each run, and fits 31 bits until 2088."""


def render_calendar(report: Report) -> bytes:
    """The calendar. Imported again, each event takes the place of what it was."""
    calendar = Calendar()
    calendar.add("prodid", "-//aspm-ado//report//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    at = datetime.fromisoformat(report.at)
    for connection in report.connections:
        for event in _events(connection, at):
            calendar.add_component(event)
    raw: bytes = calendar.to_ical()
    return raw


def _events(connection: ConnectionReport, at: datetime) -> Iterator[Event]:
    for one in connection.organizations:
        if one.token.end is not None:
            yield _event(connection, one, date.fromisoformat(one.token.end), at)


def _event(connection: ConnectionReport, one: OrganizationReport, end: date, at: datetime) -> Event:
    event, place = Event(), clean(one.name, 120)
    summary = f"Azure DevOps token expires: {place}"
    if (name := stored_name(connection)) is not None:
        summary += f" ({clean(name, 70)})"
        event.add("description", f"To replace it, run: {_command(one).text(name)}")
    event.add("uid", _uid(connection, one.name))
    event.add("sequence", int((at - _SINCE).total_seconds()))
    event.add("dtstamp", at)
    event.add("dtstart", end)
    event.add("dtend", end + timedelta(1))
    event.add("summary", summary)
    event.add("transp", "TRANSPARENT")
    for days in _DAYS_BEFORE:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", summary)
        alarm.add("trigger", timedelta(-days))
        event.add_component(alarm)
    return event


def _command(one: OrganizationReport) -> Command:
    """What replaces the token: the report knows it where the token serves several."""
    commands = (check.next for check in one.checks if check.id is CheckId.TOKEN_EXPIRY)
    return next(commands, None) or Command("rotate", (one.name,))


def _uid(connection: ConnectionReport, organization: str) -> str:
    """The same for whatever token is used there, and whenever that one ends."""
    place = "\n".join((connection.name or "", connection.base_url, organization.casefold()))
    return f"{hashlib.sha256(place.encode(errors='replace')).hexdigest()[:32]}@aspm-ado"
