"""One organization registered through an operator's profile: looked for, said, sent once, and looked for again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from aspm_ado.domain.aspm_profile import INSTANCE_ID, path_of
from aspm_ado.domain.aspm_registration import (
    Outcome,
    Presence,
    Sighting,
    Upshot,
    conflicting,
    in_doubt,
    kept,
    look,
    may_have_acted,
    not_begun,
    refused,
    registered,
    tried,
    upshot,
)
from aspm_ado.domain.connection import (
    UNREGISTERED,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
)
from aspm_ado.flows.handing.aspm import AspmProof, accepted

if TYPE_CHECKING:
    from aspm_ado.domain.aspm import Door
    from aspm_ado.domain.aspm_profile import Profile, Values
    from aspm_ado.domain.exchange import Call, Reply
    from aspm_ado.domain.token import Secret
    from aspm_ado.flows.handing.item import Item
    from aspm_ado.flows.house import House

Save = Callable[[Registration], None]


def register(house: House, proof: AspmProof, profile: Profile, item: Item, save: Save) -> Outcome:
    """Register ``item``, with one write at most. ``save`` puts a state on record; before the write it says ``unknown``.

    A crash at any point leaves a record from which the next run looks first, and never doubles what is there.
    """
    if proof.door is None or proof.token is None:
        raise RuntimeError("a registration without a proven ASPM")
    prior = item.prior if item.prior.mode is RegistrationMode.API else UNREGISTERED
    if prior.state is RegistrationState.REGISTERED:
        return kept(prior)
    marker = prior.marker or f"aspm-ado-{house.caller.fresh().replace('-', '')[:12]}"
    door, token, values = proof.door, proof.token.secret, item.values(marker)
    before = None
    outcome = _looked_first(house, profile, door, token, values, item, marker, prior)
    if outcome is None:
        before = accepted(house, proof, item.place.site.deployment, item.repository)
        save(Registration(RegistrationMode.API, RegistrationState.UNKNOWN, marker=marker))
        mark = house.caller.fresh()
        reply = house.crew.run(_one(profile.create(door, token, values, item.secret, mark)))
        outcome = _concluded(house, profile, door, token, values, item, marker, reply)
    save(outcome.registration)
    if outcome.registration.state is not RegistrationState.REGISTERED:
        return outcome
    if before is False and accepted(house, proof, item.place.site.deployment, item.repository):
        outcome = outcome.proven(Proof.ALM_ACCEPTED)
        save(outcome.registration)
    if profile.trial is not None:
        trial = house.crew.run(
            _one(_trial(profile, door, token, item, values, outcome.registration.instance_id))
        )
        outcome = tried(outcome, profile, trial)
    return outcome


def _looked_first(
    house: House,
    profile: Profile,
    door: Door,
    token: Secret,
    values: Values,
    item: Item,
    marker: str,
    prior: Registration,
) -> Outcome | None:
    """What is known before anything is sent; ``None`` where nothing is there, so that it may be."""
    doubtful = prior.state is RegistrationState.UNKNOWN
    if profile.find is None:
        return in_doubt(marker, item.connection, readable=False) if doubtful else None
    seen = house.crew.run(find(profile, door, token, item, values))
    if seen.presence is Presence.OURS:
        return registered(marker, seen.instance_id, profile, seen.reply, adopted=True)
    if seen.presence is Presence.FOREIGN:
        return conflicting(marker, profile, item.connection, seen.reply)
    if seen.presence is Presence.ABSENT:
        return None
    return (
        in_doubt(marker, item.connection, seen.reply, readable=True)
        if doubtful
        else not_begun(prior, seen.reply)
    )


def find(
    profile: Profile, door: Door, token: Secret, item: Item, values: Values
) -> Generator[Sequence[Call], Sequence[Reply], Sighting]:
    """Look for the organization's instance. Reading may be repeated; it changes nothing."""
    path = path_of(profile.find.path if profile.find else "", values)
    [reply] = yield [profile.read(door, token, path, item.secret)]
    return look(profile, values, reply)


def _concluded(
    house: House,
    profile: Profile,
    door: Door,
    token: Secret,
    values: Values,
    item: Item,
    marker: str,
    reply: Reply,
) -> Outcome:
    """What came of the write. Where its answer does not tell, the list of instances is read; the write is not sent
    again.
    """
    result, instance = upshot(profile, reply)
    if result is Upshot.CREATED:
        return registered(marker, instance, profile, reply)
    if result is Upshot.REFUSED:
        return refused(marker, profile, reply)
    if result is Upshot.NOT_SENT:
        return not_begun(Registration(marker=marker), reply)
    seen = (
        house.crew.run(find(profile, door, token, item, values))
        if profile.find is not None
        else None
    )
    if seen is not None and seen.presence is Presence.OURS:
        return registered(marker, seen.instance_id, profile, reply, seen.reply, adopted=True)
    if result is Upshot.CONFLICT:
        return conflicting(marker, profile, item.connection, reply)
    if result is Upshot.REDIRECTED and (
        not may_have_acted(reply) or (seen and seen.presence is not Presence.UNCLEAR)
    ):
        return refused(marker, profile, reply)
    replies = (reply,) if seen is None else (reply, seen.reply)
    return in_doubt(marker, item.connection, *replies, readable=profile.find is not None)


def _trial(
    profile: Profile, door: Door, token: Secret, item: Item, values: Values, instance: str | None
) -> Call:
    trial = profile.trial
    if trial is None:
        raise RuntimeError("no test in this profile")
    path = path_of(trial.path, {**values, INSTANCE_ID: instance or ""})
    return profile.read(door, token, path, item.secret, trial.method)


def _one(call: Call) -> Generator[Sequence[Call], Sequence[Reply], Reply]:
    [reply] = yield [call]
    return reply
