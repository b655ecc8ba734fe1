"""``aspm-ado connect``."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.cli.output import write_report
from aspm_ado.domain.errors import InterruptedByUserError, StoreError
from aspm_ado.domain.stored import Draft
from aspm_ado.flows.connect import connect
from aspm_ado.flows.tokens.revocation import tidied

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring
    from aspm_ado.flows.context import House


def run(wiring: Wiring, name: str | None = None) -> int:
    """The wizard. When it is interrupted, its answers are kept for the next run; secrets are not among them."""
    house = wiring.house(remember=True)
    try:
        with tidied(house):
            report = connect(house, name)
    except (InterruptedByUserError, KeyboardInterrupt):
        if house.asker.keeps and house.asker.answered:
            with suppress(StoreError):
                _keep_answers(house)
                house.voice.note(
                    "Your answers are kept, without any secret: the next `aspm-ado connect` offers them."
                )
        raise
    if house.asker.answered:
        house.records.save_draft(None)
    write_report(wiring, report)
    return int(report.exit_code)


def _keep_answers(house: House) -> None:
    draft = Draft(dict(house.asker.answered), house.now().isoformat(timespec="seconds"))
    earlier = house.records.load_draft()
    answers = {**earlier.answers, **draft.answers} if earlier else draft.answers
    house.records.save_draft(replace(draft, answers=answers))
