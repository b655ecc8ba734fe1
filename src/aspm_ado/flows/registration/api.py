"""One organization registered through an operator's profile: looked for, said, sent once, and looked for again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.aspm.profile import INSTANCE_ID, path_of
from aspm_ado.domain.aspm.registration import (
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
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ASPM_API, REGISTRATION_PROFILE
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.stored import (
    UNREGISTERED,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
)
from aspm_ado.domain.text import clean
from aspm_ado.flows.registration.aspm import AspmProof, accepted
from aspm_ado.flows.storage.connection import with_registrations

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import AspmCaller
    from aspm_ado.domain.aspm.profile import Profile, Values
    from aspm_ado.domain.http import Call, Reply
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Catalogue
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.registration.guided import Item

Save = Callable[[Registration], None]


def register(
    context: Context, proof: AspmProof, profile: Profile, item: Item, save: Save
) -> Outcome:
    """Register ``item``, with one write at most. ``save`` puts a state on record; before the write it says ``unknown``.

    A crash at any point leaves a record from which the next run looks first, and never doubles what is there.
    """
    if proof.aspm_caller is None or proof.token is None:
        raise RuntimeError("a registration without a proven ASPM")
    prior = item.prior if item.prior.mode is RegistrationMode.API else UNREGISTERED
    if prior.state is RegistrationState.REGISTERED:
        return kept(prior)
    marker = prior.marker or f"aspm-ado-{context.caller.fresh().replace('-', '')[:12]}"
    aspm_caller, token, values = proof.aspm_caller, proof.token.secret, item.values(marker)
    before = None
    outcome = _looked_first(context, profile, aspm_caller, token, values, item, marker, prior)
    if outcome is None:
        before = accepted(context, proof, item.place.site.deployment, item.repository)
        save(Registration(RegistrationMode.API, RegistrationState.UNKNOWN, marker=marker))
        mark = context.caller.fresh()
        reply = context.scheduler.run(
            _one(profile.create(aspm_caller, token, values, item.secret, mark))
        )
        outcome = _concluded(context, profile, aspm_caller, token, values, item, marker, reply)
    save(outcome.registration)
    if outcome.registration.state is not RegistrationState.REGISTERED:
        return outcome
    if before is False and accepted(context, proof, item.place.site.deployment, item.repository):
        outcome = outcome.proven(Proof.ALM_ACCEPTED)
        save(outcome.registration)
    if profile.trial is not None:
        trial = context.scheduler.run(
            _one(
                _trial(profile, aspm_caller, token, item, values, outcome.registration.instance_id)
            )
        )
        outcome = tried(outcome, profile, trial)
    return outcome


def _looked_first(
    context: Context,
    profile: Profile,
    aspm_caller: AspmCaller,
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
    seen = context.scheduler.run(find(profile, aspm_caller, token, item, values))
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
    profile: Profile, aspm_caller: AspmCaller, token: Secret, item: Item, values: Values
) -> Generator[Sequence[Call], Sequence[Reply], Sighting]:
    """Look for the organization's instance. Reading may be repeated; it changes nothing."""
    path = path_of(profile.find.path if profile.find else "", values)
    [reply] = yield [profile.read(aspm_caller, token, path, item.secret)]
    return look(profile, values, reply)


def _concluded(
    context: Context,
    profile: Profile,
    aspm_caller: AspmCaller,
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
        context.scheduler.run(find(profile, aspm_caller, token, item, values))
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
    profile: Profile,
    aspm_caller: AspmCaller,
    token: Secret,
    item: Item,
    values: Values,
    instance: str | None,
) -> Call:
    trial = profile.trial
    if trial is None:
        raise RuntimeError("no test in this profile")
    path = path_of(trial.path, {**values, INSTANCE_ID: instance or ""})
    return profile.read(aspm_caller, token, path, item.secret, trial.method)


def _one(call: Call) -> Generator[Sequence[Call], Sequence[Reply], Reply]:
    [reply] = yield [call]
    return reply


def register_all(
    context: Context, aspm: AspmProof, profile: Profile, items: Sequence[Item], *, keeps: bool
) -> dict[str, Outcome]:
    """What came of each organization, by case-folded name.

    Where records are kept, our lock is held over one organization at a time: of two runs that are at it together, the
    second looks at what the first left, and makes no second instance.
    """
    demand_dialect(aspm, profile)
    if len(items) > 1:
        context.voice.heading(f"Registering {len(items)} organizations")
    outcomes: dict[str, Outcome] = {}
    for number, item in enumerate(items, start=1):
        key = item.place.key
        with context.records.exclusive() if keeps else nullcontext():
            current = stored_registration(context, item) if keeps else item.prior

            def save(state: Registration, item: Item = item) -> None:
                if keeps:
                    record(context, item.connection, item.place.name, state)

            outcomes[key] = register(context, aspm, profile, replace(item, prior=current), save)
        context.voice.progress(number, len(items), clean(item.place.name, 60))
    return outcomes


def record(context: Context, connection: str, organization: str, state: Registration) -> None:
    """Put the state of one organization on record, and nothing else: the rest stays as it is by now.

    Raises ``UsageError`` where the connection has been forgotten meanwhile, so that nothing goes out unrecorded.
    """

    def edit(catalogue: Catalogue) -> Catalogue:
        entry = catalogue.connections.get(connection)
        if entry is None:
            raise UsageError(
                Reason.NOTHING_STORED,
                f"The connection “{clean(connection, 60)}” was forgotten by another run meanwhile.",
                remedy="See `aspm-ado list`, and look in Invicti ASPM under Integrations.",
            )
        return catalogue.commit(with_registrations(entry, {organization.casefold(): state}))

    context.records.change(edit)


def stored_registration(context: Context, item: Item) -> Registration:
    """What is on record by now; another run may have been there."""
    entry = context.records.load().connections.get(item.connection)
    known = (
        {one.name.casefold(): one.registration for one in entry.organizations}
        if entry is not None
        else {}
    )
    found = known.get(item.place.key, item.prior)
    return found if found.mode is RegistrationMode.API else item.prior


def profile_at(context: Context, path: str) -> Profile:
    """The operator's profile; ``UsageError`` where it cannot be used."""
    if context.load_profile is None:
        raise RuntimeError("this house reads no registration profiles")
    return context.load_profile(path)


def plan(
    context: Context, aspm_caller: AspmCaller, profile: Profile, items: Sequence[Item]
) -> None:
    """Say what would be sent, secrets masked."""
    for item in items:
        context.voice.heading(f"Would be sent for {clean(item.place.name, 60)} ({profile.title})")
        for line in profile.shown(aspm_caller, item.values("aspm-ado-(made when it is sent)")):
            context.voice.say(f"  {line}")


def demand_dialect(aspm: AspmProof, profile: Profile) -> None:
    """A profile is written for one API; at another one its path means nothing."""
    if aspm.aspm_caller is not None and aspm.aspm_caller.dialect is not profile.dialect:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"The registration profile is for the {profile.dialect} API; {aspm.url} has the {aspm.aspm_caller.dialect} one.",
            remedy=f"Give the profile for it with {REGISTRATION_PROFILE.flag}, or correct {ASPM_API.flag}.",
        )
