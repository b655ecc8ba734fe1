"""``aspm-ado disconnect``."""

from __future__ import annotations

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_document, write_lines
from aspm_ado.domain.errors import Problem, StoreError
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.text import clean
from aspm_ado.flows.disconnect import Forgotten, disconnect
from aspm_ado.flows.which import connection_meant


def run(invocation: Invocation, name: str | None = None) -> int:
    """Forget a connection, and say what is left for a person to do."""
    context = invocation.context()
    forgotten = disconnect(context, connection_meant(context, name))
    code, error, problem = ExitCode.DONE, None, None
    if forgotten.remaining:
        error = StoreError(
            Reason.KEYRING_FAILED,
            f"{_secrets(len(forgotten.remaining))} could not be deleted yet.",
            remedy=f"Unlock the keyring, then run: aspm-ado disconnect {forgotten.name} -y",
        )
        code, problem = error.exit_code, Problem.of(error)
    if invocation.as_json:
        head = invocation.envelope("aspm-ado/disconnect/v1", code, problem)
        body = {
            "name": forgotten.name,
            "organizations": list(forgotten.organizations),
            "secrets_erased": forgotten.erased,
            "secrets_remaining": len(forgotten.remaining),
            "left_to_do": list(forgotten.left_to_do),
            "revoke": list(forgotten.token_pages),
        }
        write_document({**head, **body})
    else:
        write_lines(_lines(forgotten))
    if error:
        invocation.voice.error(error.problem, error.remedy)
    return int(code)


def _lines(forgotten: Forgotten) -> list[str]:
    secrets = _secrets(forgotten.erased)
    if not forgotten.organizations:
        return [f"“{forgotten.name}” was removed before. Deleted {secrets} that remained."]
    names = ", ".join(clean(name, 80) for name in forgotten.organizations)
    return [
        f"Removed {forgotten.name} ({names}). Deleted {secrets}.",
        *(f"Left to do: {clean(line, 3000)}" for line in forgotten.left_to_do),
        *(f"Left to do: Revoke the token: {clean(page, 400)}" for page in forgotten.token_pages),
    ]


def _secrets(number: int) -> str:
    if number == 1:
        return "1 secret"
    return f"{number} secrets"
