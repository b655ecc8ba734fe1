"""``aspm-ado disconnect``."""

from __future__ import annotations

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_document, write_lines
from aspm_ado.domain.reasons import ExitCode, Problem, Reason, StoreError
from aspm_ado.domain.text import clean
from aspm_ado.flows.disconnect import Removed, disconnect
from aspm_ado.flows.target import connection_meant


def run(invocation: Invocation, name: str | None = None) -> int:
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
        write_lines(_lines(removed))
    if error:
        invocation.voice.error(error.problem, error.remedy)
    return int(code)


def _lines(removed: Removed) -> list[str]:
    secrets = _secrets(removed.erased)
    if not removed.organizations:
        return [f"“{removed.name}” was removed before. Deleted {secrets} that remained."]
    names = ", ".join(clean(name, 80) for name in removed.organizations)
    return [
        f"Removed {removed.name} ({names}). Deleted {secrets}.",
        *(f"Left to do: {clean(line, 3000)}" for line in removed.left_to_do),
        *(f"Left to do: Revoke the token: {clean(page, 400)}" for page in removed.token_pages),
    ]


def _secrets(number: int) -> str:
    if number == 1:
        return "1 secret"
    return f"{number} secrets"
