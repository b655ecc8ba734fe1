"""The secrets of stored connections, each read once, and the check that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import Reason, StoreError, UsageError, UserError
from aspm_ado.domain.report import Check, CheckId, Command, Status
from aspm_ado.domain.text import clean
from aspm_ado.flows.storage.transaction import SHUT, bind_entries

if TYPE_CHECKING:
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context

Secrets = dict[str, "Secret"]
Read = tuple["Entry", Secrets, Check]
"""A connection, those of its secrets that could be read, and the check that says so."""
SPOILT: Final = Reason.RECORDS_UNREADABLE


def require_same_world(context: Context, entries: Iterable[Entry]) -> None:
    """Refuse a simulated connection outside of a simulation, and a real one in it."""
    for entry in entries:
        if entry.simulated is (not context.is_simulated):
            kind, remedy = _WORLDS[context.is_simulated]
            raise UsageError(
                Reason.USAGE, f"“{clean(entry.name, 60)}” is a {kind} connection.", remedy=remedy
            )


_WORLDS: Final = {
    True: ("real", "To use it, unset ASPM_ADO_SIMULATOR."),
    False: (
        "simulated",
        "To use it, set ASPM_ADO_SIMULATOR to what `aspm-ado demo --serve` prints. "
        "To remove it, run: aspm-ado disconnect NAME",
    ),
}


def read_secrets(context: Context, entries: Sequence[Entry]) -> list[Read]:
    """The secrets of each connection by credential, and ``store.secrets``.

    Each with the connection as it is on record by then; one that was removed meanwhile is left
    out. A store that is shut is asked once. None is read for a bad address.
    """
    read: list[Read] = []
    try:
        bind_entries(context)
    except StoreError as error:
        return [(entry, {}, _refused(error)) for entry in entries]
    for entry in entries:
        if read and read[-1][2].reason in SHUT:
            read.append((entry, {}, read[-1][2]))
        elif (spoilt := _spoilt(entry)) is not None:
            read.append((entry, {}, spoilt))
        else:
            found = _read_current(context, entry, lambda entry: entry.credentials)
            if found is not None:
                read.append(found)
    return read


def read_token(context: Context, entry: Entry, key: str) -> Secret | None:
    """A token of a connection, for the stored origin only."""
    return context.vault.read(entry.credential_of(key).service, entry.origin)


def read_aspm_token(context: Context, url: str) -> Secret | None:
    """The API token of the ASPM at ``url``, where one is stored."""
    service = context.records.load().aspm_tokens.get(url)
    if service is None:
        return None
    return context.vault.read(service, url)


def _refused(error: StoreError) -> Check:
    return Check(CheckId.SECRETS, Status.FAIL, error.problem, error.reason, error.remedy)


def _read(context: Context, entry: Entry, keys: Iterable[str]) -> tuple[Secrets, Check]:
    found: Secrets = {}
    gone: list[str] = []
    try:
        for key in keys:
            secret = read_token(context, entry, key)
            if secret is None:
                gone.append(key)
            else:
                found[key] = secret
    except StoreError as error:
        return found, _refused(error)
    if not gone:
        return found, Check(CheckId.SECRETS, Status.PASS, f"Read from {context.vault.title}.")
    return found, _gone(context, entry, gone)


def read_current(
    context: Context, entry: Entry, keys_of: Callable[[Entry], Iterable[str]]
) -> Read | None:
    """The tokens of a connection, the entry that names them, and ``store.secrets``.

    One that is gone is looked for again under what the records name now: another run may have
    replaced it. ``None`` where another run has removed the connection.
    """
    try:
        bind_entries(context)
    except StoreError as error:
        return entry, {}, _refused(error)
    return _read_current(context, entry, keys_of)


def _read_current(
    context: Context, entry: Entry, keys_of: Callable[[Entry], Iterable[str]]
) -> Read | None:
    while True:
        secrets, check = _read(context, entry, keys_of(entry))
        if check.reason is not Reason.TOKEN_GONE:
            return entry, secrets, check
        now = context.records.load().connections.get(entry.name)
        if now is None:
            return None
        if now.services == entry.services:
            return entry, secrets, check
        entry = now


def _gone(context: Context, entry: Entry, gone: Sequence[str]) -> Check:
    """The check of tokens that are no longer in the keyring."""
    names: list[str] = []
    if len(entry.credentials) > 1:
        names = [one.name for one in entry.organizations if one.credential == gone[0]]
    command = Command("rotate", tuple(names))
    known = (entry.credential_of(key) for key in gone)
    lost = ", ".join(f"…{one.last4}" if one.last4 else one.service for one in known)
    return Check(
        CheckId.SECRETS,
        Status.FAIL,
        f"{context.vault.title} no longer has token {lost}.",
        Reason.TOKEN_GONE,
        f"To enter a new one, run: {command.text(entry.name)}",
        next=command,
    )


def _spoilt(entry: Entry) -> Check | None:
    """The check of a connection whose stored URL is not valid: somebody has edited the file."""
    try:
        for url in (entry.base_url, *([entry.aspm.url] if entry.aspm else [])):
            Origin.of(url)
    except UserError as error:
        problem = f"A stored URL is not valid. {error.problem}"
        remedy = f"To remove the connection, run: aspm-ado disconnect {entry.name}"
        return Check(CheckId.SECRETS, Status.FAIL, problem, SPOILT, remedy)
    return None
