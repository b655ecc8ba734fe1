"""``aspm-ado connect``."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.cli.output import write_report
from aspm_ado.domain.errors import InterruptedByUserError, StoreError
from aspm_ado.domain.stored import Draft
from aspm_ado.flows.connect import connect
from aspm_ado.flows.tokens.revocation import revoking_unkept

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring
    from aspm_ado.flows.context import Context


def run(wiring: Wiring, name: str | None = None) -> int:
    """The wizard. When it is interrupted, its answers are kept for the next run; secrets are not among them."""
    context = wiring.context(remember=True)
    try:
        with revoking_unkept(context):
            report = connect(context, name)
    except (InterruptedByUserError, KeyboardInterrupt):
        if context.asker.keeps and context.asker.answered:
            with suppress(StoreError):
                _keep_answers(context)
                context.voice.note(
                    "Your answers are kept, without any secret: the next `aspm-ado connect` offers them."
                )
        raise
    if context.asker.answered:
        context.records.save_draft(None)
    write_report(wiring, report)
    return int(report.exit_code)


def _keep_answers(context: Context) -> None:
    draft = Draft(dict(context.asker.answered), context.now().isoformat(timespec="seconds"))
    earlier = context.records.load_draft()
    answers = {**earlier.answers, **draft.answers} if earlier else draft.answers
    context.records.save_draft(replace(draft, answers=answers))
