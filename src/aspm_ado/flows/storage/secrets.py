"""The secrets of stored connections: each read once, and what to say of those that cannot be had."""

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
    made: list[tuple[Secrets, Check]] = []
    shut: Check | None = None
    for entry in entries:
        made.append(({}, shut) if shut is not None else _of(context, entry))
        shut = made[-1][1] if made[-1][1].reason in _SHUT else None
    return made


def _of(context: Context, entry: Entry) -> tuple[Secrets, Check]:
    """The secrets of a connection by credential, and ``store.secrets``. None is read for a bad address."""
    found: Secrets = {}
    if (spoilt := _spoilt(entry)) is not None:
        return found, spoilt
    gone: dict[str, str] = {}
    try:
        for key, stored in entry.credentials.items():
            secret = context.vault.read(stored.service)
            if secret is None:
                gone[key] = f"…{stored.last4}" if stored.last4 else stored.service
            else:
                found[key] = secret
    except StoreError as error:
        return found, Check(CheckId.SECRETS, Status.FAIL, error.problem, error.reason, error.remedy)
    if gone:
        return found, Check(
            CheckId.SECRETS,
            Status.FAIL,
            f"{context.vault.title} has no token any more for: {', '.join(gone.values())}.",
            Reason.TOKEN_GONE,
            f"Give a new one: {rotation(entry, next(iter(gone))).text(entry.name)}",
            next=rotation(entry, next(iter(gone))),
        )
    return found, Check(CheckId.SECRETS, Status.PASS, f"Read from {context.vault.title}.")


def _spoilt(entry: Entry) -> Check | None:
    """What to say where an address on record cannot be used: somebody has edited the file. It hides no other one."""
    try:
        for url in (entry.base_url, *([entry.aspm.url] if entry.aspm else [])):
            Origin.of(url)
    except UserError as error:
        problem = f"An address on record cannot be used. {error.problem}"
        remedy = f"Forget it, and connect again: aspm-ado disconnect {entry.name}"
        return Check(CheckId.SECRETS, Status.FAIL, problem, SPOILT, remedy)
    return None


def rotation(entry: Entry, key: str) -> Command:
    """The command that replaces one token of a connection, in all the organizations that it serves."""
    names = [
        one.name
        for one in entry.organizations
        if one.credential == key and len(entry.credentials) > 1
    ]
    return Command("rotate", tuple(names))
