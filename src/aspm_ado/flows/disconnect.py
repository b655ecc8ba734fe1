"""``disconnect``: remove a connection and its secrets; name what is left to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.questions import YES, Question
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.stored import RegistrationState
from aspm_ado.domain.text import FEW, clean
from aspm_ado.flows.answers import declined
from aspm_ado.flows.storage.connection import service_of
from aspm_ado.flows.storage.transaction import (
    bind_entries,
    changed_meanwhile,
    erase_marked,
    undo_interrupted,
)
from aspm_ado.flows.target import stored_entries

if TYPE_CHECKING:
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context

_REMOVE: Final = Question("forget", "Delete its tokens from the keyring and remove it?")


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed, and what only a person can do."""

    name: str
    organizations: tuple[str, ...]
    erased: int
    remaining: tuple[str, ...]
    """Services whose secrets could not be erased; the next run tries again."""
    left_to_do: tuple[str, ...]
    living: Mapping[str, tuple[str, ...]]
    """By token page, the last four characters of each token to revoke there."""

    @property
    def token_pages(self) -> tuple[str, ...]:
        """Where tokens are revoked."""
        return tuple(self.living)


def disconnect(context: Context, name: str) -> Removed:
    """Remove ``name``, after confirmation.

    The record goes first, with the list of secrets to erase: so a crash in between leaves no entry
    that names a missing secret, and the next run erases the rest. Of a connection that is gone,
    that rest is erased: its tokens, and that of its Invicti ASPM, which bears no connection's name.
    """
    known = context.records.load()
    if name not in known.connections and known.erasing:
        undo_interrupted(context)
        remaining = context.records.load().erasing
        ours = (service_of(name, ""), service_of("aspm", ""))
        if any(service.startswith(ours) for service in known.erasing):
            return Removed(name, (), len(known.erasing) - len(remaining), remaining, (), {})
    [entry] = stored_entries(context, [name], in_any_world=True)
    _demand_yes(context, entry)
    context.vault.probe()
    undo_interrupted(context)
    bind_entries(context)
    with context.records.exclusive():
        now = context.records.load().connections.get(name)
        if now is None:
            raise changed_meanwhile(name)
        catalogue = context.records.change(lambda old: old.without(name))
        marked = len(catalogue.erasing)
        erase_marked(context)
        remaining = context.records.load().erasing
    return Removed(
        name,
        tuple(one.name for one in now.organizations),
        marked - len(remaining),
        remaining,
        _left(now),
        _living(now),
    )


def _demand_yes(context: Context, entry: Entry) -> None:
    if context.asker.switch(YES):
        return
    if not context.asker.asks:
        raise UsageError(
            Reason.CONFIRMATION_MISSING,
            f"Removing “{entry.name}” deletes its tokens from the keyring and needs your "
            "confirmation.",
            remedy="Pass -y (or set ASPM_ADO_YES).",
        )
    names = ", ".join(one.name for one in entry.organizations)
    context.voice.say(f"“{entry.name}”: {names} on {entry.base_url}.")
    if not context.asker.prompter.confirm(_REMOVE, default=False):
        raise declined("Nothing changed.")


def _left(entry: Entry) -> tuple[str, ...]:
    """What stays in Invicti ASPM: no published API removes it."""
    if entry.aspm is None:
        return ()
    there = [
        one.name
        for one in entry.organizations
        if one.registration.state is not RegistrationState.NONE
    ]
    if not there:
        return ()
    names = clean(", ".join(there), 2000)
    if FEW < len(there) == len(entry.organizations):
        names = f"all {len(there)} organizations"
    what = f"Azure DevOps instance{'s' if len(there) > 1 else ''} of {names}"
    return (f"In Invicti ASPM ({entry.aspm.url}): Integrations → deactivate or change the {what}.",)


def _living(entry: Entry) -> dict[str, tuple[str, ...]]:
    """The tokens to revoke, by page: each credential, and each new token that waited."""
    site = entry.site
    first: dict[str, str] = {}
    for one in entry.organizations:
        first.setdefault(one.credential, one.name)
    anywhere = entry.organizations[0].name
    # the old token of a migration may serve nothing any more, and live on
    tokens = [(first.get(key, anywhere), one) for key, one in entry.credentials.items()]
    tokens += ((one.organizations[0], one.credential) for one in entry.successors.values())
    found: dict[str, tuple[str, ...]] = {}
    for name, credential in tokens:
        page = site.place(name).token_page
        found[page] = (*found.get(page, ()), credential.last4)
    return found
