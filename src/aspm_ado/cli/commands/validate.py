"""``aspm-ado validate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aspm_ado.cli.output import write_report
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ALLOW_HTTP,
    CLONE_USERNAME,
    COLLECTION,
    FAIL_ON_WARNING,
    ORGANIZATION,
    PAT_EXPIRES,
    PAT_FILE,
    PAT_STDIN,
    PURPOSE,
    REACH,
    SERVER_URL,
    SHOW_ALL,
    WARN_DAYS,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.flows.rotation.replace_dead import replace_dead
from aspm_ado.flows.validate import Terms, validate_ad_hoc, validate_stored

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring

MOST_DAYS = 3660
PLACE = (ORGANIZATION, SERVER_URL, COLLECTION, ALL_ORGANIZATIONS)
ON_RECORD = (PURPOSE, PAT_EXPIRES, REACH, CLONE_USERNAME, ALLOW_HTTP)


def run(wiring: Wiring, names: Sequence[str] | None = None) -> int:
    """Stored connections, or a token ad hoc when a place is given."""
    if names:
        _refuse_a_place(wiring)
    ad_hoc = not names and any(wiring.on(question) for question in (*PLACE, PAT_FILE))
    terms = Terms(_days(wiring), wiring.on(FAIL_ON_WARNING))
    if not ad_hoc:
        _refuse_terms_of_another_token(wiring)
    context = wiring.context()
    if ad_hoc:
        report = validate_ad_hoc(context, terms)
        write_report(wiring, report)
        return int(report.exit_code)
    report = validate_stored(context, names or (), terms=terms)
    write_report(wiring, report, everything=wiring.on(SHOW_ALL))
    if wiring.prompter.asks and not wiring.as_json:
        after = replace_dead(context, report, lambda rotated: write_report(wiring, rotated), terms)
        if after is not report:
            write_report(wiring, after, everything=wiring.on(SHOW_ALL))
        report = after
    return int(report.exit_code)


def _refuse_a_place(wiring: Wiring) -> None:
    """Beside names a flag that says where is refused, and a variable, meant for other runs, is not used."""
    for question in PLACE:
        given = wiring.given.get(question.name) if wiring.on(question) else None
        if given is not None and given.is_flag:
            raise UsageError(
                Reason.USAGE,
                "Stored connections and a place are two different things to validate.",
                remedy="Give names alone, or -o/--server-url alone.",
            )
        if given is not None:
            wiring.voice.note(
                f"{given.source} is set and not used: where a stored connection leads is on record."
            )


def _refuse_terms_of_another_token(wiring: Wiring) -> None:
    """What a stored connection is for is on record, and so is its token: a flag that says otherwise is not ignored.

    A token may be given where a person can be offered to put it in the place of a dead one.
    """
    tokens = () if wiring.prompter.asks else (PAT_STDIN, PAT_FILE)
    flags = (wiring.given.get(one.name) for one in (*ON_RECORD, *tokens))
    found = next((given for given in flags if given is not None and given.is_flag), None)
    if found is not None:
        raise UsageError(
            Reason.USAGE,
            f"{found.source} is said of a token that is not stored; a stored connection is proven as it is on record.",
            remedy="Name where with -o or --server-url to prove a token ad hoc, or leave it out.",
        )


def _days(wiring: Wiring) -> int:
    text = wiring.text(WARN_DAYS)
    if not text:
        return Terms().warn_days
    if not text.isdigit() or int(text) > MOST_DAYS:
        raise UsageError(
            Reason.INPUT_INVALID,
            "--warn-days is not a number of days.",
            remedy=f"Give one from 0 to {MOST_DAYS}.",
        )
    return int(text)
