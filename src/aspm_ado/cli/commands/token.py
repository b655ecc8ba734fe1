"""``aspm-ado token``."""

from __future__ import annotations

import sys
from typing import Final

from aspm_ado.adapters.terminal.prompter import says_no
from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import keeps_what_it_gets, write_exactly
from aspm_ado.domain.questions import YES
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import typed_word
from aspm_ado.flows.token import stored_token

_PIPELINES: Final = ("CI", "TF_BUILD", "GITHUB_ACTIONS")


def run_token(invocation: Invocation, name: str | None = None) -> int:
    """Write a stored token into a pipe; say on stderr whose it is."""
    _refuse_display(invocation, name)
    token = stored_token(invocation.context(), name)
    invocation.voice.say(token.about)
    write_exactly(token.secret.reveal().encode())
    return 0


def _refuse_display(invocation: Invocation, name: str | None) -> None:
    """Raise ``UsageError`` where the token would be shown, or kept in a file."""
    command = f"aspm-ado token {typed_word(name or 'NAME')}"
    if invocation.as_json:
        raise UsageError(
            Reason.USAGE,
            "A JSON document holds no token.",
            remedy=f"Omit --json, and pipe the token: {command} | COMMAND",
        )
    if shown := keeps_what_it_gets(sys.stdout):
        raise UsageError(
            Reason.USAGE,
            f"Standard output is {shown}. aspm-ado writes a token only to a pipe.",
            remedy=f"Pipe it to the command that needs it: {command} | COMMAND",
        )
    for variable in _PIPELINES:
        if not says_no(invocation.environment.get(variable, "")) and not invocation.on(YES):
            raise UsageError(
                Reason.CONFIRMATION_MISSING,
                f"{variable} is set. The log of a pipeline may show the token.",
                remedy=f"If standard output is not the log, confirm it: {command} --yes | COMMAND",
            )
