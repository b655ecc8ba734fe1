"""A new token in the place of an old one: proven, the same person's, nothing lost; then kept until ASPM has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.place import site_of
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.stored import (
    Entry,
    Registration,
    RegistrationState,
    StoredCredential,
    Successor,
)
from aspm_ado.flows.storage.connection import new_key, service_of, verdict_of, with_registrations
from aspm_ado.flows.storage.transaction import changed_meanwhile, keep, update
from aspm_ado.flows.tokens.orders import close_order, record_replaced
from aspm_ado.flows.tokens.revocation import revoke_old
from aspm_ado.flows.validation.report import not_good, with_check

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import TokenResult

NO_STATES: Final[Mapping[str, Registration]] = MappingProxyType({})


def compared(
    proof: TokenResult, entry: Entry, names: Sequence[str], *, allow_other: bool
) -> tuple[OrganizationReport, ...]:
    """The reports of the new token, judged beside what the old one was: another person's token fails ``identity``."""
    wanted = {name.casefold() for name in names}
    olds = [
        entry.credentials[one.credential]
        for one in entry.organizations
        if one.name.casefold() in wanted
    ]
    for one in proof.organizations.values():
        one.report = _by_the_same(one.report, olds, allow_other=allow_other)
    return proof.reports


def is_whole(organizations: Sequence[OrganizationReport], names: Sequence[str]) -> bool:
    """Whether the new token is good in every organization that the old one served."""
    good = {made.name.casefold() for made in organizations if not not_good(made)}
    return all(name.casefold() in good for name in names)


def losses(organizations: Sequence[OrganizationReport], entry: Entry) -> list[str]:
    """What was better with the old token, though the new one is good enough."""
    order = [Status.PASS.value, Status.PARTIAL.value, Status.WARN.value]
    old = {one.name.casefold(): one.verdict for one in entry.organizations}
    return [
        f"{made.name}: {check.title} was {before}, now {check.status.value}."
        for made in organizations
        for check in made.checks
        if (before := old.get(made.name.casefold(), {}).get(check.id.value)) in order
        and check.status.value in order
        and order.index(check.status.value) > order.index(before)
    ]


def keep_successor(
    context: Context,
    entry: Entry,
    proof: TokenResult,
    organizations: Sequence[OrganizationReport],
    names: Sequence[str],
) -> tuple[Entry, str]:
    """Store the new token beside the old one; the entry and the key of the successor.

    For these organizations it replaces a successor that waited: there is one new token at a time.
    """
    key = new_key(context)
    service = service_of(entry.name, key)
    made, secret = organizations[0], proof.token.secret
    identity = made.identity
    credential = StoredCredential(
        service,
        secret.format.value,
        secret.last4,
        made.token.expires,
        made.token.expires_source,
        made.token.reach,
        identity.id if identity else "",
        identity.name if identity else "",
        identity.account if identity else "",
        proof.token.authorization_id,
    )
    wanted = {name.casefold() for name in names}
    verdicts = {one.name: verdict_of(one) for one in organizations}
    successor = Successor(credential, tuple(names), verdicts, proof.calendar.today.isoformat())

    def onto(current: Entry | None) -> Entry:
        there = {one.name.casefold() for one in current.organizations} if current else set()
        if current is None or not wanted <= there:
            raise changed_meanwhile(entry.name)
        return replace(current, successors={**current.successors_without(wanted), key: successor})

    keep(context, entry.name, onto, {service: secret})
    return context.records.load().connections[entry.name], key


def swap(
    context: Context,
    name: str,
    key: str,
    organizations: Sequence[str],
    states: Mapping[str, Registration] = NO_STATES,
) -> Entry:
    """Put the successor in force for ``organizations`` of the connection ``name`` by one replace; a secret that nothing
    names any more is erased after.

    ``states`` are what Invicti ASPM or a person said of them (by case-folded name); without one, nobody has brought the
    new token there. Raises ``UsageError`` where another run has put a newer token in the successor's place.
    """
    now = context.stamp
    for place, old in _going(context, name, key, organizations):
        record_replaced(context, place, old)

    def edit(current: Entry) -> Entry:
        if key not in current.successors:
            raise changed_meanwhile(name)
        meant = {one.casefold() for one in organizations}
        known = {
            one.name.casefold(): one.registration.for_new_token for one in current.organizations
        }
        made = {one: states.get(one, known[one]) for one in meant & known.keys()}
        return replace(
            with_registrations(current.with_successor(key, organizations), made), validated=now
        )

    return update(context, name, edit)


def _going(
    context: Context, name: str, key: str, organizations: Sequence[str]
) -> Iterator[tuple[Place, StoredCredential]]:
    """What nothing will name any more once the successor is in force."""
    before = context.records.load().connections.get(name)
    if before is None or key not in before.successors:
        return
    kept = before.with_successor(key, organizations).credentials
    for one, old in before.credentials.items():
        if one not in kept:
            yield _place(before, one), old


def _place(entry: Entry, key: str) -> Place:
    """Where a token is revoked: on the page of its organization, or of the first."""
    held = [one.name for one in entry.organizations if one.credential == key]
    return site_of(entry).place((held or [entry.organizations[0].name])[0])


def tell_revoking(context: Context, before: Entry, after: Entry) -> None:
    """Revoke each old token that nothing here uses any more, where that is ours to do; else say where it is done.

    Where nobody says that an Invicti ASPM has the new one, it may still use the old one. A token that ends as one on
    record does may be the same, given twice: nothing is said of it.
    """
    entries = context.records.load().connections.values()
    in_use = {one.last4 for entry in entries for one in entry.known_credentials}
    for key, old in before.credentials.items():
        if key in after.credentials:
            continue
        if old.last4 in in_use:
            close_order(context, old.authorization_id)
            continue
        place, held = (
            _place(before, key),
            {one.name for one in before.organizations if one.credential == key},
        )
        served = [one for one in after.organizations if one.name in held]
        told = f"The old token (…{old.last4}) is not used here any more."
        if after.aspm and any(
            one.registration.state is not RegistrationState.REGISTERED for one in served
        ):
            close_order(context, old.authorization_id)
            context.voice.say(
                f"{told} Revoke it when Invicti ASPM has the new one: {place.token_page}"
            )
            continue
        record_replaced(context, place, old)
        by_az = any(after.credentials[one.credential].authorization_id for one in served)
        if not revoke_old(context, place, old, by_az=by_az):
            context.voice.say(f"{told} Revoke it: {place.token_page}")


def _by_the_same(
    made: OrganizationReport, olds: Sequence[StoredCredential], *, allow_other: bool
) -> OrganizationReport:
    known = {old.identity_id.lower() for old in olds if old.identity_id}
    if allow_other or made.identity is None or not known or made.identity.id.lower() in known:
        return made
    was = next(
        old.identity_name or old.identity_account or old.identity_id
        for old in olds
        if old.identity_id
    )
    who = made.identity.name or made.identity.account or made.identity.id
    check = Check(
        CheckId.IDENTITY,
        Status.FAIL,
        f"The new token is {who}'s; the one to replace is {was}'s.",
        Reason.OTHER_IDENTITY,
        "Sign in as the same person to create it, or accept the change with --allow-other-identity.",
    )
    return with_check(made, check)
