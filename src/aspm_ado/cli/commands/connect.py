"""``aspm-ado connect``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aspm_ado.cli.connections_file import FileConnection, read_connections
from aspm_ado.cli.context import Invocation
from aspm_ado.cli.errors import problem_of
from aspm_ado.cli.output import write_report
from aspm_ado.domain.questions import FROM, PAT_SOURCES, WHERE
from aspm_ado.domain.reasons import (
    HandoffInterruptedError,
    InterruptedByUserError,
    Reason,
    StoreError,
    UsageError,
)
from aspm_ado.domain.stored import Draft
from aspm_ado.flows.connect import connect, merged, not_made, title_of
from aspm_ado.flows.tokens.creation import revoking_unkept

if TYPE_CHECKING:
    from aspm_ado.domain.report import Report
    from aspm_ado.flows.context import Context


def run(invocation: Invocation, name: str | None = None) -> int:
    """The wizard. Answers of a run that was left, never secrets, are kept for the next one."""
    if invocation.on(FROM):
        return write_report(invocation, _connect_each(invocation, name))
    context = invocation.context(remember=True)
    try:
        with revoking_unkept(context):
            report = connect(context, name)
    except HandoffInterruptedError:  # it is stored: the answers are needed no more
        with suppress(StoreError):
            context.records.save_draft(None)
        raise
    except (InterruptedByUserError, KeyboardInterrupt, UsageError) as error:
        was_left = not isinstance(error, UsageError) or error.reason is Reason.DECLINED
        if was_left and context.asker.keeps and context.asker.answered:
            with suppress(StoreError):
                _keep_answers(context)
        raise
    if context.asker.answered:
        context.records.save_draft(None)
    return write_report(invocation, report)


def _connect_each(invocation: Invocation, name: str | None) -> Report:
    """Every connection of a file, as if each were typed. One that fails keeps no other from it."""
    typed = [invocation.given.get(one.name) for one in (*WHERE, *PAT_SOURCES)]
    if name is not None or any(one is not None and one.is_flag for one in typed):
        raise UsageError(
            Reason.USAGE,
            f"{FROM.flag} names the connections, their organizations, and the sources of tokens.",
            remedy="Omit the other options, or write them in the file.",
        )
    connections = read_connections(invocation.text(FROM), invocation.voice.say)
    for one in connections:
        invocation.hide_token_variables(one.answers)
    reports: list[Report] = []
    try:
        for one in connections:
            position = f"{len(reports) + 1} of {len(connections)}"
            reports.append(_connect_one(invocation, one, position))
    except (InterruptedByUserError, KeyboardInterrupt):
        invocation.voice.note(
            f"Finished connections: {len(reports)} of {len(connections)}. "
            "To continue, run the same command again."
        )
        raise
    return merged(reports)


def _connect_one(run: Invocation, one: FileConnection, position: str) -> Report:
    invocation = run.of_one(one.over(run.given))
    context = invocation.context()
    title = title_of(context.asker, one.name)
    invocation.voice.heading(f"{title} ({position})")
    try:
        with revoking_unkept(context):
            return connect(context, one.name)
    except (InterruptedByUserError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - a bug in one keeps no other from being made
        problem = problem_of(error)
        invocation.voice.warn(f"{title}: {problem.problem} {problem.remedy}")
        return not_made(context, one.name, problem)
    finally:
        invocation.close()


def _keep_answers(context: Context) -> None:
    answers = dict(context.asker.answered)
    if earlier := context.records.load_draft():
        answers = {**earlier.answers, **answers}
    context.records.save_draft(Draft(answers, context.now().isoformat(timespec="seconds")))
    context.voice.note(
        "Your answers are saved, without secrets. To continue, run: aspm-ado connect"
    )
