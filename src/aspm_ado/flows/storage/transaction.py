"""Storing a connection so that a crash at any point leaves it whole, and reading its secrets.

The records name what comes, then it is stored, then one replace of the records makes it current.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.http import Origin
from aspm_ado.domain.questions import DRY_RUN, YES, Question
from aspm_ado.domain.reasons import (
    CheckId,
    DamagedRecordsError,
    Reason,
    Status,
    StoreError,
    UsageError,
    UserError,
)
from aspm_ado.domain.report import Check, Command
from aspm_ado.domain.stored import Catalogue
from aspm_ado.domain.text import clean
from aspm_ado.flows.tokens.lifecycle import with_answers

if TYPE_CHECKING:
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context


def prepare_storage(context: Context) -> None:
    """Find out before a secret is asked for whether it could be kept; finish what a crash left.

    Secrets of the form before are kept with their origins.
    """
    context.vault.probe()  # first: where nothing can be kept, no folder is made
    context.records.check()
    undo_interrupted(context)
    bind_entries(context)


def store_entry(
    context: Context,
    name: str,
    origin: str,
    onto: Callable[[Entry | None], Entry],
    secrets: Mapping[str, Secret],
    aspm: tuple[str, str] | None = None,
) -> None:
    """Store ``secrets`` (service → secret) for ``origin``, then put the entry ``name`` in force.

    All of it or nothing.

    ``onto`` makes the entry out of what is on record by then: another run may have been there.
    ``aspm`` is an origin and the service under which its API token is among the secrets.
    """

    def commit(catalogue: Catalogue) -> Catalogue:
        after = catalogue.commit(onto(catalogue.connections.get(name)), aspm)
        if after.services - catalogue.services - set(secrets):
            raise changed_meanwhile(name)
        return after

    origins = dict.fromkeys(secrets, origin)
    if aspm is not None:
        origins[aspm[1]] = aspm[0]
    _store(context, name, origins, secrets, commit)


def store_aspm_token(
    context: Context, record: tuple[str, str], secrets: Mapping[str, Secret]
) -> None:
    """Store a new API token of one ASPM; the old one is erased after."""
    origins = dict.fromkeys(secrets, record[0])
    _store(context, record[0], origins, secrets, lambda old: old.commit_aspm(*record))


def _store(
    context: Context,
    what: str,
    origins: Mapping[str, str],
    secrets: Mapping[str, Secret],
    commit: Callable[[Catalogue], Catalogue],
) -> None:
    """Record what comes, write it, and make it current; or leave everything as it was."""
    for secret in secrets.values():
        context.vault.check_size(secret)
    with context.records.exclusive():
        _undo_remains(context)
        context.records.change(lambda old: with_answers(context, old.begin(what, origins)))
        try:
            for service, secret in secrets.items():
                context.vault.write(service, secret, origins[service])
            context.records.change(commit)
        except BaseException:
            context.records.change(lambda old: old.abandon(what))
            erase_marked(context)
            raise
        context.asker.unstored.clear()
        erase_marked(context)


def update_entry(context: Context, name: str, edit: Callable[[Entry], Entry]) -> Entry:
    """Change the record of a connection as it is now; returns the new entry.

    Unused secrets are erased. Raises ``UsageError`` where another run removed the connection.
    """

    def commit(catalogue: Catalogue) -> Catalogue:
        if name not in catalogue.connections:
            raise changed_meanwhile(name)
        return catalogue.commit(edit(catalogue.connections[name]))

    with context.records.exclusive():
        _undo_remains(context)
        catalogue = context.records.change(commit)
        erase_marked(context)
    return catalogue.connections[name]


def undo_interrupted(context: Context) -> None:
    """Undo what a crash left pending, and erase unused secrets."""
    catalogue = context.records.load()
    if not catalogue.pending and not catalogue.erasing:
        return
    with context.records.exclusive():
        _undo_remains(context)
        erase_marked(context)


SHUT: Final = frozenset(
    {
        Reason.KEYRING_ABSENT,
        Reason.KEYRING_LOCKED,
        Reason.KEYRING_SILENT,
        Reason.KEYRING_NOT_TRUSTED,
    }
)
"""A store that says this of one secret says it of all: to ask again would open its dialog again."""


def bind_entries(context: Context) -> None:
    """Keep each secret of the form before with the origin that is on record now, once.

    From then on a record that somebody edits moves no secret to another host. What cannot be kept
    so now is tried again by the next run. Raises ``StoreError`` where the store is shut.
    """
    bound = {}
    for service, url in context.records.load().unbound.items():
        try:
            origin = str(Origin.of(url))
            if context.vault.bind(service, origin):
                bound[service] = origin
        except UserError as error:
            if error.reason in SHUT:
                raise
    if bound:
        with suppress(StoreError):
            context.records.change(lambda old: old.bound(bound))


def _undo_remains(context: Context) -> None:
    """Mark for erasure what is pending.

    Only for the holder of the lock: the run that was storing it has died.
    """
    for name in context.records.load().pending:
        context.voice.note(f"An interrupted run left unused secrets of “{name}”. They are deleted.")
        context.records.change(partial(Catalogue.abandon, name=name))


def changed_meanwhile(name: str) -> UsageError:
    """The error where another run has changed the record that this one began with."""
    return UsageError(
        Reason.NOTHING_STORED,
        f"Another run changed or removed “{name}” meanwhile. Nothing was stored.",
        remedy="Run the command again. To see what is stored, run: aspm-ado list",
    )


def erase_marked(context: Context) -> None:
    """Erase what is marked. A secret that cannot be erased now stays marked for the next run."""
    erased = set()
    catalogue = context.records.load()
    for service in catalogue.erasing:
        try:
            context.vault.erase(service, catalogue.origins.get(service, ""))
        except StoreError as error:
            context.voice.warn(
                f"Could not delete an old secret yet. {error.problem} The next run tries again."
            )
        else:
            erased.add(service)
    if erased:
        context.records.change(lambda catalogue: catalogue.erased(frozenset(erased)))


BEGIN = Question("begin-again", "Set the file aside and start with an empty configuration?")


def whole_records(context: Context) -> Catalogue:
    """What is stored. Damaged records are set aside first, where a person or ``-y`` says so.

    Raises ``DamagedRecordsError`` where nobody does, and in a run that is to store nothing.
    """
    try:
        return context.records.load()
    except DamagedRecordsError as error:
        if not _agreed(context, error):
            raise
    aside = context.records.set_aside()
    if aside is not None:
        context.voice.warn(
            f"The damaged file is now {clean(aside)}. Its tokens stay in the keyring, and only "
            "that file has their names, so aspm-ado cannot delete them. To use them again, repair "
            "the file and put it back. Otherwise delete the keyring entries that begin with "
            "“aspm-ado:”. Invicti ASPM keeps the values that were entered there."
        )
    return context.records.load()


def _agreed(context: Context, error: DamagedRecordsError) -> bool:
    if context.asker.switch(DRY_RUN) or not context.asker.keeps:
        return False
    if context.asker.switch(YES):
        return True
    if not context.asker.asks:
        return False
    context.voice.warn(error.problem)
    return context.asker.prompter.confirm(BEGIN, default=False)


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
