"""A new token beside the one in force: the same person's, stored until Invicti ASPM has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import Check
from aspm_ado.domain.stored import (
    Entry,
    Registration,
    RegistrationState,
    StoredCredential,
    StoredOrganization,
    Successor,
)
from aspm_ado.flows.storage.connection import new_key, service_of, statuses_of, stored_credential
from aspm_ado.flows.storage.transaction import (
    changed_meanwhile,
    read_token,
    store_entry,
    update_entry,
)
from aspm_ado.flows.tokens.creation import revoke_old
from aspm_ado.flows.tokens.lifecycle import close_order, record_replaced
from aspm_ado.flows.validation.report import with_check

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.documents import Identity
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.token import TokenResult


def compare_owner(result: TokenResult, replaced: Sequence[StoredCredential]) -> None:
    """Fail ``identity`` of a new token that is another person's than those that it replaces."""
    olds = [old for old in replaced if old.identity_id]
    owners = {old.identity_id.lower() for old in olds}
    for one in result.organizations.values():
        identity = one.report.identity
        if owners and identity is not None and identity.id.lower() not in owners:
            one.report = with_check(one.report, _other_owner(identity, olds[0]))


def _other_owner(new: Identity, old: StoredCredential) -> Check:
    was = old.identity_name or old.identity_account or old.identity_id
    return Check(
        CheckId.IDENTITY,
        Status.FAIL,
        f"The new token belongs to {new.name or new.account or new.id}, the current one to {was}.",
        Reason.OTHER_IDENTITY,
        "Create it as the same person. To accept the change: rotate and migrate have "
        "--allow-other-identity.",
    )


_WORSE: Final[tuple[str, ...]] = (Status.PASS, Status.PARTIAL, Status.WARN)
"""From the best to the worst of what is good enough."""


def losses(organizations: Sequence[OrganizationReport], entry: Entry) -> list[str]:
    """What was better with the old token, though the new one is good enough."""
    old = {one.key: one.verdict for one in entry.organizations}
    lost = []
    for made in organizations:
        verdict = old.get(made.name.casefold(), {})
        for check in made.checks:
            before, now = verdict.get(check.id), check.status
            if before not in _WORSE or now not in _WORSE:
                continue
            if _WORSE.index(now) > _WORSE.index(before):
                lost.append(f"{made.name}: {check.title} was {before}, now {now}.")
    return lost


def store_successor(
    context: Context, entry: Entry, result: TokenResult, names: Sequence[str]
) -> None:
    """Store the new token beside the old one.

    For these organizations it replaces a successor that waited: there is one new token at a time.
    """
    key, demand = new_key(context), result.token.demand
    service = service_of(entry.name, key)
    verdicts = {one.name: statuses_of(one) for one in result.reports}
    successor = Successor(
        stored_credential(result, service),
        tuple(names),
        verdicts,
        result.calendar.today.isoformat(),
        None if demand.on_record else demand.reach,
    )
    wanted = {name.casefold() for name in names}

    def onto(current: Entry | None) -> Entry:
        there = {one.key for one in current.organizations} if current else set()
        if current is None or not wanted <= there:
            raise changed_meanwhile(entry.name)
        return current.awaiting(wanted, {key: successor})

    store_entry(context, entry.name, entry.origin, onto, {service: result.token.secret})


def without_lost(context: Context, entry: Entry) -> Entry:
    """The connection without new tokens that wait and that the keyring has lost."""
    lost = [
        name
        for key, one in entry.successors.items()
        if read_token(context, entry, key) is None
        for name in one.organizations
    ]
    if not lost:
        return entry
    return update_entry(context, entry.name, lambda current: current.awaiting(lost))


def swap(
    context: Context,
    name: str,
    key: str,
    organizations: Sequence[str],
    states: Mapping[str, Registration] | None = None,
) -> Entry:
    """Use the successor for ``organizations`` of a connection from now on, by one replace.

    A secret that is no longer used is erased after. ``states`` are what Invicti ASPM or a
    person said of them, by ``Place.key``; without one, nobody has brought the new token there.
    Raises ``UsageError`` where another run has put a newer token in the successor's place.
    """
    for place, old in _replaced(context, name, key, organizations):
        record_replaced(context, place, old)

    def edit(current: Entry) -> Entry:
        if key not in current.successors:
            raise changed_meanwhile(name)
        return current.with_successor(key, organizations, states, context.stamp)

    return update_entry(context, name, edit)


def _replaced(
    context: Context, name: str, key: str, organizations: Sequence[str]
) -> Iterator[tuple[Place, StoredCredential]]:
    """The tokens that are no longer used once the successor is."""
    before = context.records.load().connections.get(name)
    if before is None or key not in before.successors:
        return
    kept = before.with_successor(key, organizations).pruned().credentials
    for one, old in before.credentials.items():
        if one not in kept:
            yield _place(before, one), old


def _place(entry: Entry, key: str) -> Place:
    """Where a token is revoked: on the page of its organization, or of the first."""
    held = [one.name for one in entry.organizations if one.credential == key]
    return entry.site.place((held or [entry.organizations[0].name])[0])


def revoke_replaced(context: Context, before: Entry, after: Entry) -> None:
    """Revoke each old token that nothing here uses any more, or say where that is done.

    Where nobody says that an Invicti ASPM has the new one, it may still use the old one. A token
    that ends as one on record does may be the same, given twice: nothing is said of it.
    """
    entries = context.records.load().connections.values()
    in_use = {one.last4 for entry in entries for one in entry.known_credentials}
    for key, old in before.credentials.items():
        if key in after.credentials:
            continue
        if old.last4 in in_use:
            close_order(context, old.authorization_id)
            continue
        held = {one.name for one in before.organizations if one.credential == key}
        served = [one for one in after.organizations if one.name in held]
        _revoke_unused(context, _place(before, key), old, after, served)


def _revoke_unused(
    context: Context,
    place: Place,
    old: StoredCredential,
    after: Entry,
    served: Sequence[StoredOrganization],
) -> None:
    """Revoke a token that served these organizations, or say where that is done."""
    unused = f"This connection no longer uses the old token (…{old.last4})."
    registered = (one.registration.state is RegistrationState.REGISTERED for one in served)
    if after.aspm and not all(registered):
        close_order(context, old.authorization_id)
        context.voice.say(
            f"{unused} Revoke it when Invicti ASPM has the new one: {place.token_page}"
        )
        return
    record_replaced(context, place, old)
    by_az = any(after.credentials[one.credential].authorization_id for one in served)
    if not revoke_old(context, place, old, by_az=by_az):
        context.voice.say(f"{unused} Revoke it: {place.token_page}")
