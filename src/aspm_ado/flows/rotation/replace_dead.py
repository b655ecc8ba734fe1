"""Offers to replace tokens that are dead or gone, after a validation on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.questions import Question
from aspm_ado.domain.reasons import CheckId, ExitCode, Reason, Status
from aspm_ado.domain.report import Check
from aspm_ado.domain.text import clean
from aspm_ado.flows.options import demand_stored
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.rotate import needs_one_each, rotate, rotate_aspm
from aspm_ado.flows.tokens.creation import revoking_unkept
from aspm_ado.flows.validate import USUAL, Terms, validate_stored

if TYPE_CHECKING:
    from aspm_ado.domain.report import ConnectionReport, Report
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context


@dataclass(frozen=True, slots=True)
class _Dead:
    """A token that the service rejects, or that is no longer in the keyring."""

    names: tuple[str, ...]
    is_gone: bool


def replace_dead(
    context: Context, report: Report, show: Callable[[Report], None], terms: Terms = USUAL
) -> Report:
    """The report of a validation after the offers; the same one where none was taken.

    ``show`` is given the report of a rotation that did not come to its end. What was touched is
    proven again from what is stored by then: while a new token waits, the dead one is what Invicti
    ASPM has, and that is what is said.
    """
    touched: list[str] = []
    for connection in report.connections:
        entry = context.records.load().connections.get(connection.name or "")
        if entry is not None and _offer(context, entry, connection, show):
            touched.append(entry.name)
    touched += _offer_aspm_tokens(context, report, show)
    if not touched:
        return report
    again = {one.name: one for one in validate_stored(context, touched, terms=terms).connections}
    connections = tuple(again.get(one.name, one) for one in report.connections)
    return replace(report, connections=connections)


def _offer(
    context: Context, entry: Entry, connection: ConnectionReport, show: Callable[[Report], None]
) -> bool:
    """Offer a new token for each dead one of a connection; whether one was taken."""
    touched, demand = False, demand_stored(context, entry)
    for dead in _dead(entry, connection):
        waits = any(entry.successor_of(name) for name in dead.names)
        one_each = not waits and needs_one_each(context, entry, demand, dead.names)
        question = _question(entry, dead, waits=waits, one_each=one_each)
        if not context.asker.prompter.confirm(question, default=True):
            continue
        touched = True
        if one_each and entry.deployment is Deployment.SERVER:  # migrate is for Services
            for name in dead.names:
                _show_unfinished(rotate(context, entry.name, [name]), show)
        elif one_each:
            with revoking_unkept(context):
                _show_unfinished(migrate(context, entry.name), show)
            break  # it was about all of the connection
        else:
            _show_unfinished(rotate(context, entry.name, dead.names), show)
    return touched


def _offer_aspm_tokens(
    context: Context, report: Report, show: Callable[[Report], None]
) -> list[str]:
    """Offer a new token for each ASPM whose token is dead; the connections of those taken."""
    touched: list[str] = []
    for url in dict.fromkeys(_dead_aspms(report)):
        question = Question(
            "rotate-aspm", f"Replace the rejected API token of {clean(url, 80)} now?"
        )
        if context.asker.prompter.confirm(question, default=True):
            _show_unfinished(rotate_aspm(context, url), show)
            users = (one for one in report.connections if one.aspm and one.aspm.url == url)
            touched += [one.name for one in users if one.name]
    return touched


def _show_unfinished(made: Report, show: Callable[[Report], None]) -> None:
    if made.exit_code is not ExitCode.DONE:
        show(made)


def _dead(entry: Entry, connection: ConnectionReport) -> Iterator[_Dead]:
    """The credentials to be replaced. One that some organization takes is not dead."""
    lost, identities = _has_lost_tokens(connection), _identities(connection)
    for key in entry.credentials:
        held = [one for one in entry.organizations if one.credential == key]
        checks = [identities[one.key] for one in held if one.key in identities]
        is_gone = lost and _are_skipped(checks)
        if is_gone or _is_rejected(checks):
            yield _Dead(tuple(one.name for one in held), is_gone)


def _has_lost_tokens(connection: ConnectionReport) -> bool:
    return any(
        check.id is CheckId.SECRETS and check.reason is Reason.TOKEN_GONE
        for check in connection.checks
    )


def _identities(connection: ConnectionReport) -> dict[str, Check]:
    """The check of who the token is, by ``Place.key``."""
    return {
        one.name.casefold(): check
        for one in connection.organizations
        for check in one.checks
        if check.id is CheckId.IDENTITY
    }


def _are_skipped(identities: Sequence[Check]) -> bool:
    """Whether no organization was asked with the token: it could not be read."""
    return {check.status for check in identities} == {Status.SKIP}


def _is_rejected(identities: Sequence[Check]) -> bool:
    """Whether an organization rejects the token and none takes it, or may."""
    alive = any(check.status in (Status.PASS, Status.UNKNOWN) for check in identities)
    return not alive and any(check.exit_code is ExitCode.REJECTED for check in identities)


def _question(entry: Entry, dead: _Dead, *, waits: bool, one_each: bool) -> Question:
    what = clean(f"{entry.name} ({', '.join(dead.names)})", 100)
    prompt = f"Replace the rejected token of {what} now?"
    if one_each:
        prompt = f"One token no longer serves all of {what}. Do you want to enter one for each now?"
    elif waits:
        prompt = f"A pending token for {what} waits for Invicti ASPM. Continue with it now?"
    elif dead.is_gone:
        prompt = f"The token of {what} is no longer stored. Do you want to enter a new one now?"
    return Question("rotate", prompt)


def _dead_aspms(report: Report) -> Iterator[str]:
    for connection in report.connections:
        aspm = connection.aspm
        if aspm and any(
            one.id is CheckId.ASPM_TOKEN and one.exit_code is ExitCode.REJECTED
            for one in aspm.checks
        ):
            yield aspm.url
