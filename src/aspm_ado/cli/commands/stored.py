"""What is done with one stored connection: hand off, rotate, migrate, disconnect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import result_width, write_document, write_lines, write_report
from aspm_ado.cli.report_files import demand_writable, unwritable
from aspm_ado.domain.migration_plan import PLAN_SCHEMA, markdown, rows_out
from aspm_ado.domain.questions import ASPM_URL, ORGANIZATION, PLAN, PLAN_FILE, REPORT, YES
from aspm_ado.domain.reasons import ExitCode, Problem, Reason, StoreError, UsageError
from aspm_ado.domain.text import clean, join_words
from aspm_ado.flows.disconnect import Removed, disconnect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.migrate import MigrationPlan, migrate, planned
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm
from aspm_ado.flows.target import connection_meant
from aspm_ado.flows.tokens.creation import revoking_unkept


def run_handoff(invocation: Invocation, name: str | None = None) -> int:
    """The Invicti ASPM step again, any day."""
    return write_report(invocation, resume_handoff(invocation.context(), name))


def run_rotate(invocation: Invocation, name: str | None = None) -> int:
    """The Azure DevOps token of a connection, or the API token of the ASPM at ``--aspm-url``."""
    context = invocation.context()
    if name is None and invocation.on(ASPM_URL):
        return write_report(invocation, rotate_aspm(context))
    name = connection_meant(context, name)
    return write_report(invocation, rotate(context, name, invocation.values(ORGANIZATION)))


def run_migrate(invocation: Invocation, name: str | None = None) -> int:
    """One token for each organization; or, with a plan, what is to be done, and nothing else."""
    files = [Path(one) for one in invocation.values(PLAN_FILE)]
    if invocation.on(PLAN) or files:
        _refuse_report(invocation)
        _check_writable(invocation, files)
    context = invocation.context()
    name = connection_meant(context, name)
    if invocation.on(PLAN) or files:
        _write_plan(invocation, planned(context, name), files)
        return 0
    with revoking_unkept(context):
        report = migrate(context, name)
    return write_report(invocation, report)


def _refuse_report(invocation: Invocation) -> None:
    given = invocation.given.get(REPORT.name)
    if given is not None and given.is_flag:
        raise UsageError(
            Reason.USAGE,
            f"{REPORT.flag} cannot be used with a plan.",
            remedy=f"Omit {REPORT.flag}, or write the plan with {PLAN_FILE.flag}.",
        )


def _check_writable(invocation: Invocation, files: Sequence[Path]) -> None:
    """Refuse before any request what could not be written after."""
    for path in files:
        if path.suffix.lower() not in (".json", ".md"):
            raise UsageError(
                Reason.INPUT_INVALID,
                f"{clean(path, 120)} is neither a .json nor a .md file.",
                remedy="Pass a file that ends in .json or .md.",
            )
        demand_writable(invocation, path, PLAN_FILE.flag)
        if path.exists() and not invocation.on(YES):
            raise UsageError(
                Reason.CONFIRMATION_MISSING,
                f"{clean(path, 120)} exists already.",
                remedy="Pass another file, or overwrite it: -y",
            )


def _write_plan(invocation: Invocation, plan: MigrationPlan, files: Sequence[Path]) -> None:
    from aspm_ado.adapters.records.folder import replace_file
    from aspm_ado.render.json import dump

    document = {
        **invocation.envelope(PLAN_SCHEMA, day_source=plan.day_source.value),
        "name": plan.name,
        "listed": plan.listed,
        "organizations": rows_out(plan.rows),
    }
    text = "\n".join(_plan_lines(plan)) + "\n"
    for path in files:
        raw = dump(document) if path.suffix.lower() == ".json" else text.encode()
        try:
            replace_file(path, raw)
        except OSError as error:
            raise unwritable(path, PLAN_FILE.flag, error) from None
        invocation.voice.note(f"Wrote the plan to {clean(path, 120)}.")
    if invocation.as_json:
        write_document(document)
    else:
        write_lines(_plan_lines(plan, result_width()))


def _plan_lines(plan: MigrationPlan, columns: int | None = None) -> Iterator[str]:
    return markdown(plan.name, plan.day, plan.rows, listed=plan.listed, columns=columns)


def run_disconnect(invocation: Invocation, name: str | None = None) -> int:
    """Remove a connection, and show what is left to do."""
    context = invocation.context()
    removed = disconnect(context, connection_meant(context, name))
    code, error, problem = ExitCode.DONE, None, None
    if removed.remaining:
        error = StoreError(
            Reason.KEYRING_FAILED,
            f"{_secrets(len(removed.remaining))} could not be deleted yet.",
            remedy=f"Unlock the keyring, then run: aspm-ado disconnect {removed.name} -y",
        )
        code, problem = error.exit_code, Problem.of(error)
    if invocation.as_json:
        head = invocation.envelope("aspm-ado/disconnect/v1", code, problem)
        body = {
            "name": removed.name,
            "organizations": list(removed.organizations),
            "secrets_erased": removed.erased,
            "secrets_remaining": len(removed.remaining),
            "left_to_do": list(removed.left_to_do),
            "revoke": list(removed.token_pages),
        }
        write_document({**head, **body})
    else:
        write_lines(_removed_lines(removed))
    if error:
        invocation.voice.error(error.problem, error.remedy)
    return int(code)


def _removed_lines(removed: Removed) -> list[str]:
    secrets = _secrets(removed.erased)
    if not removed.organizations:
        return [f"“{removed.name}” was removed before. Deleted {secrets} that remained."]
    names = ", ".join(clean(name, 80) for name in removed.organizations)
    return [
        f"Removed {removed.name} ({names}). Deleted {secrets}.",
        *(f"Left to do: {clean(line, 3000)}" for line in removed.left_to_do),
        *(
            f"Left to do: Revoke {_tokens(last4)}: {clean(page, 400)}"
            for page, last4 in removed.living.items()
        ),
    ]


def _tokens(last4: Sequence[str]) -> str:
    noun = "the token" if len(last4) == 1 else "the tokens"
    return f"{noun} {join_words([f'…{clean(one, 4)}' for one in last4])}"


def _secrets(number: int) -> str:
    if number == 1:
        return "1 secret"
    return f"{number} secrets"
