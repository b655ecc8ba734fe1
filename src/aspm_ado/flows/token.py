"""``token``: the token that the hand-off of a stored connection would hand over, for a pipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.questions import COLLECTION, ORGANIZATION, Choice, Question
from aspm_ado.domain.reasons import Reason, UsageError, UserError
from aspm_ado.domain.text import clean, typed_word
from aspm_ado.flows.handoff import due_in
from aspm_ado.flows.storage.transaction import changed_meanwhile, read_current
from aspm_ado.flows.target import entry_meant, known_name

if TYPE_CHECKING:
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Entry, StoredOrganization
    from aspm_ado.flows.context import Context

_WHICH: Final = Question("which-token", "Which token?")


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A stored token, and what a person is told of it."""

    secret: Secret
    about: str


def stored_token(context: Context, name: str | None) -> StoredToken:
    """The token of the connection: the pending one, else the one in force.

    Raises ``UsageError`` where several could be meant, and ``UserError`` where it cannot be read.
    """
    chosen: list[str] = []

    def keys_of(entry: Entry) -> list[str]:
        chosen[:] = chosen or _organizations_meant(context, entry)
        known = filter(None, map(entry.organization, chosen))
        return [entry.newest_key(one.name) for one in known][:1]

    meant = entry_meant(context, name)
    found = read_current(context, meant, keys_of)
    if found is None:
        raise changed_meanwhile(meant.name)
    entry, secrets, check = found
    if check.reason is not None:
        raise UserError(check.reason, check.detail, remedy=check.remedy or "")
    [(key, secret)] = secrets.items()
    return StoredToken(secret, _about(entry, key, chosen))


def _organizations_meant(context: Context, entry: Entry) -> list[str]:
    """The organizations whose one token is meant: those named, else those of the hand-off."""
    named = _named(context, entry)
    held: dict[str, list[str]] = {}
    for one in named or due_in(entry):
        held.setdefault(entry.newest_key(one.name), []).append(one.name)
    if len(held) == 1:
        [names] = held.values()
        return names
    if named or not context.asker.asks:
        raise _several(entry, [names[0] for names in held.values()])
    choices = [
        Choice(key, f"…{entry.credential_of(key).last4} of {clean(', '.join(names), 60)}")
        for key, names in held.items()
    ]
    return held[context.asker.prompter.choose(_WHICH, choices, choices[0].value)]


def _named(context: Context, entry: Entry) -> list[StoredOrganization]:
    """What ``-o`` names, or ``--collection`` on a Server."""
    question, other = ORGANIZATION, COLLECTION
    if entry.deployment is Deployment.SERVER:
        question, other = other, question
    mistaken = context.asker.given(other)
    if mistaken is not None and mistaken.is_flag:
        raise UsageError(
            Reason.USAGE,
            f"“{entry.name}” is a connection to {entry.deployment.product}.",
            remedy=f"Pass {question.flag} instead of {other.flag}.",
        )
    given = context.asker.given(question)
    if given is None:
        return []
    found = (entry.organization(known_name(entry, text)) for text in given.values)
    return [one for one in found if one is not None]


def _several(entry: Entry, names: list[str]) -> UsageError:
    flag = COLLECTION.flag if entry.deployment is Deployment.SERVER else ORGANIZATION.short
    return UsageError(
        Reason.INPUT_MISSING,
        f"“{entry.name}” has several tokens: of {clean(', '.join(names), 300)}.",
        remedy=f"Name one: aspm-ado token {entry.name} {flag} {typed_word(names[0])}",
    )


def _about(entry: Entry, key: str, names: list[str]) -> str:
    """Owner, end and last four of a token."""
    known = entry.credential_of(key)
    owner = known.owner or "unknown owner"
    kind = "Pending token" if key in entry.successors else "Token"
    end = f"expires {known.expires}" if known.expires else "expiry unknown"
    served = clean(", ".join(names), 120)
    return f"{kind} …{known.last4} of {clean(owner, 120)} for {served}, {end}."
