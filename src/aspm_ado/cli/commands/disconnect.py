"""``aspm-ado disconnect``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aspm_ado.cli.output import write_document, write_lines
from aspm_ado.domain.errors import Problem, StoreError, UsageError
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.text import clean
from aspm_ado.flows.disconnect import Forgotten, disconnect

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring

SCHEMA = "aspm-ado/disconnect/v1"


def run(wiring: Wiring, name: str | None) -> int:
    """Forget a connection, and say what is left for a person to do. None is forgotten that was not named."""
    if not name:
        raise UsageError(
            Reason.INPUT_MISSING,
            "Which connection is to be forgotten?",
            remedy="Name it: aspm-ado disconnect NAME. `aspm-ado list` shows what is stored.",
        )
    forgotten = disconnect(wiring.context(), name)
    if wiring.as_json:
        write_document(_document(wiring, forgotten))
    else:
        write_lines(_lines(forgotten))
    if forgotten.remaining:
        error = _remaining(forgotten)
        wiring.voice.error(error.problem, error.remedy)
        return int(error.exit_code)
    return 0


def _document(wiring: Wiring, forgotten: Forgotten) -> dict[str, Any]:
    from aspm_ado.render.document import envelope

    error = Problem.of(_remaining(forgotten)) if forgotten.remaining else None
    code = ExitCode.STORE if error else ExitCode.DONE
    head = envelope(SCHEMA, "disconnect", wiring.now().strftime("%Y-%m-%dT%H:%M:%SZ"), code, error)
    return {
        **head,
        "name": forgotten.name,
        "organizations": list(forgotten.organizations),
        "secrets_erased": forgotten.erased,
        "secrets_remaining": len(forgotten.remaining),
        "left_to_do": list(forgotten.left_to_do),
        "revoke": list(forgotten.token_pages),
    }


def _lines(forgotten: Forgotten) -> list[str]:
    if not forgotten.organizations:
        return [
            f"No connection “{forgotten.name}” is stored any more; {_secrets(forgotten.erased)} erased that "
            f"{'was' if forgotten.erased == 1 else 'were'} left."
        ]
    what = ", ".join(clean(name, 80) for name in forgotten.organizations)
    lines = [f"Forgotten: {forgotten.name} ({what}); {_secrets(forgotten.erased)} erased."]
    lines += [f"Left to do: {clean(line, 3000)}" for line in forgotten.left_to_do]
    return lines + [
        f"Left to do: revoke the token on {clean(page, 400)}" for page in forgotten.token_pages
    ]


def _remaining(forgotten: Forgotten) -> StoreError:
    return StoreError(
        Reason.KEYRING_FAILED,
        f"{_secrets(len(forgotten.remaining))} could not be erased yet.",
        remedy=f"Open the secret store and run this again: aspm-ado disconnect {forgotten.name} -y",
    )


def _secrets(number: int) -> str:
    return "1 secret" if number == 1 else f"{number} secrets"
