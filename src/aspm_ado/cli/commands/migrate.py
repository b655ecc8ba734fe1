"""``aspm-ado migrate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aspm_ado.cli.output import width_of_result, write_document, write_lines, write_report
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.migration_plan import PLAN_SCHEMA, markdown, rows_out
from aspm_ado.domain.questions import PLAN, PLAN_FILE, YES
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.text import clean
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.plan import MigrationPlan, planned
from aspm_ado.flows.tokens.revocation import revoking_unkept

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring

_SUFFIXES = (".json", ".md")


def run(wiring: Wiring, name: str | None = None) -> int:
    """One token for each organization; or, with a plan, what is to be done for it, and nothing else."""
    if name is None:
        raise UsageError(
            Reason.INPUT_MISSING,
            "Which connection?",
            remedy="aspm-ado migrate NAME (see aspm-ado list).",
        )
    given = wiring.given.get(PLAN_FILE.name)
    files = [Path(one).expanduser() for one in (given.values if given else ())]
    if wiring.on(PLAN) or files:
        _demand_writable(files, overwrite=wiring.on(YES))
        return _plan(wiring, planned(wiring.context(), name), files)
    context = wiring.context()
    with revoking_unkept(context):
        report = migrate(context, name)
    write_report(wiring, report)
    return int(report.exit_code)


def _demand_writable(files: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse before any request what could not be written after."""
    for path in files:
        if path.suffix.lower() not in _SUFFIXES:
            raise UsageError(
                Reason.INPUT_INVALID,
                f"{clean(path, 120)} ends neither in .json nor in .md.",
                remedy=f"Name the file so; give {PLAN_FILE.flag} twice for both.",
            )
        if path.exists() and not overwrite:
            raise UsageError(
                Reason.CONFIRMATION_MISSING,
                f"{clean(path, 120)} is there already.",
                remedy="Name another file, or overwrite it with -y.",
            )


def _plan(wiring: Wiring, plan: MigrationPlan, files: Sequence[Path]) -> int:
    from aspm_ado.render.document import dump

    document = _document(wiring, plan)
    text = [*markdown(plan.name, plan.day, plan.rows, listed=plan.listed)]
    for path in files:
        raw = (
            dump(document) if path.suffix.lower() == ".json" else ("\n".join(text) + "\n").encode()
        )
        try:
            path.write_bytes(raw)
        except OSError as error:
            raise UsageError(
                Reason.FILE_UNREADABLE,
                f"{clean(path, 120)} cannot be written: {error.strerror or type(error).__name__}.",
                remedy="Check that its folder is there and yours.",
            ) from None
        wiring.voice.note(f"The plan is in {clean(path, 120)}.")
    if wiring.as_json:
        write_document(document)
    else:
        seen = width_of_result() is not None
        write_lines(
            markdown(plan.name, plan.day, plan.rows, listed=plan.listed, table=False)
            if seen
            else text
        )
    return 0


def _document(wiring: Wiring, plan: MigrationPlan) -> dict[str, Any]:
    from aspm_ado.render.document import envelope

    at = wiring.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    head = envelope(PLAN_SCHEMA, "migrate", at, ExitCode.DONE, day_source=plan.day_source.value)
    return {**head, "name": plan.name, "listed": plan.listed, "organizations": rows_out(plan.rows)}
