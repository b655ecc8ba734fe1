"""The secrets of stored connections, each read once, and the check that says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Check, CheckId, Command, Status
from aspm_ado.domain.errors import StoreError, UserError
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context

Secrets = dict[str, "Secret"]
SPOILT: Final = Reason.RECORDS_UNREADABLE
_SHUT: Final = frozenset(
    {
        Reason.KEYRING_ABSENT,
        Reason.KEYRING_LOCKED,
        Reason.KEYRING_SILENT,
        Reason.KEYRING_NOT_TRUSTED,
    }
)
"""A store that says this of one secret says it of all: to ask again would open its dialog again."""


def read_secrets(context: Context, entries: Sequence[Entry]) -> list[tuple[Secrets, Check]]:
    """The secrets of each connection, each read once; a store that is shut is asked once."""
    read: list[tuple[Secrets, Check]] = []
    for entry in entries:
        if read and read[-1][1].reason in _SHUT:
            read.append(({}, read[-1][1]))
        else:
            read.append(_secrets_of(context, entry))
    return read


def _secrets_of(context: Context, entry: Entry) -> tuple[Secrets, Check]:
    """The secrets of a connection by credential, and ``store.secrets``.

    None is read for a bad address.
    """
    found: Secrets = {}
    spoilt = _spoilt(entry)
    if spoilt is not None:
        return found, spoilt
    gone: list[str] = []
    try:
        for key, stored in entry.credentials.items():
            secret = context.vault.read(stored.service)
            if secret is None:
                gone.append(key)
            else:
                found[key] = secret
    except StoreError as error:
        return found, Check(CheckId.SECRETS, Status.FAIL, error.problem, error.reason, error.remedy)
    if gone:
        named = (entry.credentials[key] for key in gone)
        names = ", ".join(f"…{one.last4}" if one.last4 else one.service for one in named)
        return found, token_gone(context, entry, gone[0], f": {names}")
    return found, Check(CheckId.SECRETS, Status.PASS, f"Read from {context.vault.title}.")


def token_gone(context: Context, entry: Entry, key: str, whose: str) -> Check:
    """``store.secrets`` where a token is not in the secret store any more."""
    names = [one.name for one in entry.organizations if one.credential == key]
    command = Command("rotate", tuple(names) if len(entry.credentials) > 1 else ())
    return Check(
        CheckId.SECRETS,
        Status.FAIL,
        f"{context.vault.title} has no token any more for{whose}.",
        Reason.TOKEN_GONE,
        f"Give a new one: {command.text(entry.name)}",
        next=command,
    )


def _spoilt(entry: Entry) -> Check | None:
    """What to say where an address on record cannot be used: somebody has edited the file.

    It hides no other one.
    """
    try:
        for url in (entry.base_url, *([entry.aspm.url] if entry.aspm else [])):
            Origin.of(url)
    except UserError as error:
        problem = f"An address on record cannot be used. {error.problem}"
        remedy = f"Forget it, and connect again: aspm-ado disconnect {entry.name}"
        return Check(CheckId.SECRETS, Status.FAIL, problem, SPOILT, remedy)
    return None
