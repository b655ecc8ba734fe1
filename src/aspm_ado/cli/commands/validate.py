"""``aspm-ado validate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_report
from aspm_ado.domain.questions import (
    ALLOW_HTTP,
    CLONE_USERNAME,
    FAIL_ON_WARNING,
    PAT_EXPIRES,
    PAT_FILE,
    PAT_SOURCES,
    PAT_VARIABLE,
    PURPOSE,
    REACH,
    WARN_DAYS,
    WHERE,
    Question,
)
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.flows.rotation.replace_dead import replace_dead
from aspm_ado.flows.validate import Terms, validate_ad_hoc, validate_stored

if TYPE_CHECKING:
    from aspm_ado.domain.report import Report

_MOST_DAYS: Final = 3660
_ON_RECORD: Final = (PURPOSE, REACH, CLONE_USERNAME, ALLOW_HTTP)


def run_validate(invocation: Invocation, names: Sequence[str] | None = None) -> int:
    """Stored connections, or a token ad hoc when a place is given."""
    if names:
        _refuse_place(invocation)
    terms = Terms(_warn_days(invocation), invocation.on(FAIL_ON_WARNING))
    if not names and any(invocation.on(question) for question in (*WHERE, PAT_FILE, PAT_VARIABLE)):
        return write_report(invocation, validate_ad_hoc(invocation.context(), terms))
    _refuse_terms_of_other_token(invocation, names or ())
    context = invocation.context()
    report = validate_stored(context, names or (), terms=terms)
    code = write_report(invocation, report)
    if not invocation.prompter.asks or invocation.as_json:
        return code

    def show(rotated: Report) -> None:
        write_report(invocation, rotated)

    after = replace_dead(context, report, show, terms)
    if after is report:
        return code
    return write_report(invocation, after)


def _refuse_place(invocation: Invocation) -> None:
    """Beside names a flag that says where is refused; a variable, meant for others, is not used."""
    for question in WHERE:
        given = invocation.given.get(question.name)
        if given is None:
            continue
        if given.is_flag:
            raise UsageError(
                Reason.USAGE,
                "Names of connections and -o or --server-url cannot be combined.",
                remedy="Pass only names, or only -o or --server-url.",
            )
        invocation.voice.note(
            f"{given.source} is ignored: a stored connection has its own organizations."
        )


def _refuse_terms_of_other_token(invocation: Invocation, names: Sequence[str]) -> None:
    """What a stored connection is for is on record, and so is its token: a flag is not ignored.

    A token may be given where a person can be offered to put it in the place of a dead one.
    """
    refused: tuple[Question, ...] = _ON_RECORD
    if len(names) != 1 and len(invocation.records.load().connections) > 1:
        refused = (*refused, PAT_EXPIRES)
    if not invocation.prompter.asks:
        refused = (*refused, *PAT_SOURCES)
    for question in refused:
        given = invocation.given.get(question.name)
        if given is not None and given.is_flag:
            raise UsageError(
                Reason.USAGE,
                f"{given.source} cannot be used with a stored connection, "
                "which has its own values.",
                remedy="Omit it. To verify a token that is not stored, pass -o or --server-url.",
            )


def _warn_days(invocation: Invocation) -> int:
    text = invocation.text(WARN_DAYS)
    if not text:
        return Terms().warn_days
    if not text.isdigit() or int(text) > _MOST_DAYS:
        raise UsageError(
            Reason.INPUT_INVALID,
            "--warn-days is not a number of days.",
            remedy=f"Pass a number from 0 to {_MOST_DAYS}.",
        )
    return int(text)
