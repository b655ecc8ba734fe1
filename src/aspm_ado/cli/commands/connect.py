"""``aspm-ado connect``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_report
from aspm_ado.domain.errors import HandoffInterruptedError, InterruptedByUserError, StoreError
from aspm_ado.domain.stored import Draft
from aspm_ado.flows.connect import connect
from aspm_ado.flows.tokens.revocation import revoking_unkept

if TYPE_CHECKING:
    from aspm_ado.flows.context import Context


def run(invocation: Invocation, name: str | None = None) -> int:
    """The wizard. Answers of an interrupted run, never secrets, are kept for the next one."""
    context = invocation.context(remember=True)
    try:
        with revoking_unkept(context):
            report = connect(context, name)
    except HandoffInterruptedError:  # it is stored: the answers are needed no more
        with suppress(StoreError):
            context.records.save_draft(None)
        raise
    except (InterruptedByUserError, KeyboardInterrupt):
        if context.asker.keeps and context.asker.answered:
            with suppress(StoreError):
                _keep_answers(context)
        raise
    if context.asker.answered:
        context.records.save_draft(None)
    return write_report(invocation, report)


def _keep_answers(context: Context) -> None:
    answers = dict(context.asker.answered)
    if earlier := context.records.load_draft():
        answers = {**earlier.answers, **answers}
    context.records.save_draft(Draft(answers, context.now().isoformat(timespec="seconds")))
    context.voice.note(
        "Your answers are kept, without any secret: the next `aspm-ado connect` offers them."
    )
