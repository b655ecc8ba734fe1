"""Bringing organizations to Invicti ASPM, through a profile or by hand.

Through a profile each is looked for, recorded, sent once and looked for again. Each answer is on
record at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aspm_ado.domain.aspm.api import INSTANCE_ID, path_of
from aspm_ado.domain.aspm.registration import (
    Outcome,
    Presence,
    WriteResult,
    after_trial,
    already_registered,
    conflicting,
    in_doubt,
    may_have_acted,
    needs_id,
    not_begun,
    read_instances,
    read_write,
    refused,
    registered,
    untested,
)
from aspm_ado.domain.questions import ASPM_API, REGISTRATION_PROFILE
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.stored import UNREGISTERED, Registration, RegistrationMode, RegistrationState
from aspm_ado.domain.text import clean
from aspm_ado.flows.registration.aspm import knows_tool
from aspm_ado.flows.registration.guided import PLANNED, hand_over, record_answer
from aspm_ado.flows.validation.scheduler import one_call

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import AspmCaller, Profile, Values
    from aspm_ado.domain.aspm.registration import InstanceSearch
    from aspm_ado.domain.http import Call, Reply
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.registration.aspm import AspmResult
    from aspm_ado.flows.registration.guided import Handoff


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The registration of one organization, and everything that its requests need."""

    context: Context
    profile: Profile
    caller: AspmCaller
    token: Secret
    handoff: Handoff
    marker: str

    @property
    def values(self) -> Values:
        return self.handoff.values(self.marker)

    def look_first(self, prior: Registration) -> Outcome | None:
        """What is known before anything is sent; ``None`` where nothing is there."""
        doubtful = prior.state is RegistrationState.UNKNOWN
        found = self.search()
        if found is None:
            return in_doubt(self.marker, readable=False) if doubtful else None
        match found.presence:
            case Presence.OURS:
                instance = found.instance_id
                return registered(self.marker, instance, self.profile, found.reply, adopted=True)
            case Presence.FOREIGN:
                return conflicting(self.marker, self.profile, found.reply, doubtful=doubtful)
            case Presence.ABSENT:
                return None
        if doubtful:
            return in_doubt(self.marker, found.reply, readable=True)
        return not_begun(prior, found.reply)

    def search(self) -> InstanceSearch | None:
        """Look for the organization's instance, where the profile can. It changes nothing."""
        if self.profile.find is None:
            return None
        path = path_of(self.profile.find.path, self.values)
        reply = self._ask(self.profile.read(self.caller, self.token, path))
        return read_instances(self.profile, self.values, reply)

    def send(self) -> Outcome:
        """The one write, and what came of it.

        Where its answer does not tell, the list of instances is read; the write is not sent again.
        """
        marker, profile = self.marker, self.profile
        fresh = self.context.caller.fresh()
        reply = self._ask(
            profile.create(self.caller, self.token, self.values, self.handoff.secret, fresh)
        )
        result, instance = read_write(profile, reply)
        match result:
            case WriteResult.CREATED:
                return registered(marker, instance, profile, reply)
            case WriteResult.REFUSED:
                return refused(marker, profile, reply)
            case WriteResult.NOT_SENT:
                return not_begun(Registration(RegistrationMode.API, marker=marker), reply)
        found = self.search()
        if found is not None and found.presence is Presence.OURS:
            instance = found.instance_id
            return registered(marker, instance, profile, reply, found.reply, adopted=True)
        if result is WriteResult.CONFLICT:
            return conflicting(marker, profile, reply)
        if result is WriteResult.ELSEWHERE and self._is_surely_absent(found, reply):
            return refused(marker, profile, reply)
        if found is None:
            return in_doubt(marker, reply, readable=False)
        return in_doubt(marker, reply, found.reply, readable=True)

    @staticmethod
    def _is_surely_absent(found: InstanceSearch | None, reply: Reply) -> bool:
        """Whether a write made nothing that was redirected, or refused by a page."""
        is_absent = found is not None and found.presence is not Presence.UNCLEAR
        return is_absent or not may_have_acted(reply)

    def test(self, outcome: Outcome) -> Outcome:
        """The same after ASPM's own test of the instance, where the profile knows one."""
        trial = self.profile.trial
        if trial is None:
            return outcome
        instance = outcome.registration.instance_id or ""
        if not instance and needs_id(self.profile):
            return untested(outcome)
        path = path_of(trial.path, {**self.values, INSTANCE_ID: instance})
        call = self.profile.read(self.caller, self.token, path, trial.method)
        return after_trial(outcome, self.profile, self._ask(call))

    def _ask(self, call: Call) -> Reply:
        return self.context.scheduler.run(one_call(call))


def _register(context: Context, aspm: AspmResult, profile: Profile, handoff: Handoff) -> Outcome:
    """Register an organization, with one write at most.

    Before the write, ``unknown`` is on record. A crash at any point leaves a record from which the
    next run looks first, and never doubles what is there.
    """
    if aspm.caller is None or aspm.token is None:
        raise RuntimeError("a registration without a proven ASPM")
    prior = _registration_by_now(context, handoff)
    if prior.mode is not RegistrationMode.API:
        prior = Registration(RegistrationMode.API)
    if prior.state is RegistrationState.REGISTERED:
        return already_registered(prior)
    marker = prior.marker or f"aspm-ado-{context.caller.fresh().replace('-', '')[:12]}"
    attempt = _Attempt(context, profile, aspm.caller, aspm.token.secret, handoff, marker)
    known_before = None
    outcome = attempt.look_first(prior)
    if outcome is None:
        known_before = knows_tool(context, aspm, handoff.place.site.deployment, handoff.repository)
        unknown = Registration(RegistrationMode.API, RegistrationState.UNKNOWN, marker=marker)
        record_answer(context, handoff, unknown)
        outcome = attempt.send()
    record_answer(context, handoff, outcome.registration)
    if outcome.registration.state is not RegistrationState.REGISTERED:
        return outcome
    if known_before is False and knows_tool(
        context, aspm, handoff.place.site.deployment, handoff.repository
    ):
        outcome = outcome.accepted()
        record_answer(context, handoff, outcome.registration)
    return attempt.test(outcome)


def register_all(
    context: Context,
    aspm: AspmResult,
    profile: Profile,
    handoffs: Sequence[Handoff],
) -> dict[str, Outcome]:
    """What came of each organization, by ``Place.key``.

    Where records are kept, our lock is held over one organization at a time: of two runs that are
    at it together, the second looks at what the first left, and makes no second instance.
    """
    demand_dialect(aspm, profile)
    if len(handoffs) > 1:
        context.voice.heading(f"Registering {len(handoffs)} organizations")
    outcomes: dict[str, Outcome] = {}
    for number, handoff in enumerate(handoffs, start=1):
        with context.records.exclusive() if context.asker.keeps else nullcontext():
            outcomes[handoff.place.key] = _register(context, aspm, profile, handoff)
        context.voice.progress(number, len(handoffs), clean(handoff.place.name, 60))
    return outcomes


def _registration_by_now(context: Context, handoff: Handoff) -> Registration:
    """What an earlier run left, or what is on record by now: another run may have been there."""
    entry = None
    if context.asker.keeps:
        entry = context.records.load().connections.get(handoff.connection)
    for one in entry.organizations if entry is not None else ():
        is_api = one.registration.mode is RegistrationMode.API
        if one.key == handoff.place.key and is_api:
            return one.registration
    return handoff.prior


def profile_at(context: Context, path: str) -> Profile:
    """The operator's profile; ``UsageError`` where it cannot be used."""
    if context.load_profile is None:
        raise RuntimeError("registration profiles cannot be read here")
    return context.load_profile(path)


def show_requests(
    context: Context, caller: AspmCaller, profile: Profile, handoffs: Sequence[Handoff]
) -> None:
    """Say what would be sent, secrets masked."""
    for handoff in handoffs:
        name = clean(handoff.place.name, 60)
        context.voice.heading(f"Would be sent for {name} ({profile.title})")
        for line in profile.shown(caller, handoff.values("aspm-ado-(made when it is sent)")):
            context.voice.say(f"  {line}")


def demand_dialect(aspm: AspmResult, profile: Profile) -> None:
    """Refuse a profile at another API than the one that it is written for."""
    if aspm.caller is not None and aspm.caller.dialect is not profile.dialect:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"The registration profile is for the {profile.dialect} API; "
            f"{aspm.url} has the {aspm.caller.dialect} one.",
            remedy=f"Give the profile for it with {REGISTRATION_PROFILE.flag}, "
            f"or correct {ASPM_API.flag}.",
        )


Outcomes = dict[str, Outcome]
"""What came of each organization that was brought to Invicti ASPM, by ``Place.key``."""


def goes_through_profile(registration: Registration, successor: str | None) -> bool:
    """Whether a profile may register an organization: it only creates.

    One that a person handed over stays with the person, and a new token for an instance that is
    there is a person's to enter.
    """
    return registration.mode is not RegistrationMode.GUIDED and not successor


def deliver(
    context: Context,
    aspm: AspmResult,
    profile: Profile | None,
    handoffs: Sequence[Handoff],
    *,
    resumes: bool = False,
    done: Mapping[str, Registration] | None = None,
) -> Outcomes:
    """Register by ``profile`` what may go through it, and hand over the rest.
    ``resumes``: an earlier run began it, so that what the profile cannot settle is a person's, too.
    ``done`` are the organizations that a person has finished before, by name.
    """
    if profile is None:
        return hand_over(context, handoffs, aspm, done)
    through, by_hand = [], []
    for one in handoffs:
        if goes_through_profile(one.prior, one.successor):
            through.append(one)
        else:
            by_hand.append(one)
    outcomes = register_all(context, aspm, profile, through)
    if resumes:
        by_hand += _unsettled(context, profile, through, outcomes)
    elif by_hand:
        names = clean(", ".join(one.place.name for one in by_hand), 300)
        context.voice.note(
            f"{names}: Invicti ASPM has, or may have, an older token. A profile only creates, "
            "so this one is entered by hand."
        )
    if by_hand:
        outcomes |= hand_over(context, by_hand, aspm, done)
    return outcomes


def _unsettled(
    context: Context, profile: Profile, through: Sequence[Handoff], outcomes: Outcomes
) -> list[Handoff]:
    """What a person has to look at after the profile, if one is there."""
    unsettled = [RegistrationState.FAILED]
    if profile.find is None:
        unsettled.append(RegistrationState.UNKNOWN)
    left = [one for one in through if outcomes[one.place.key].registration.state in unsettled]
    if not left or not context.asker.asks:
        return []
    context.voice.note("Check in Invicti ASPM what the profile could not complete.")
    return left


def rehearse(
    context: Context,
    aspm: AspmResult | None,
    profile: Profile | None,
    handoffs: Sequence[Handoff],
) -> Outcomes:
    """What would be done, and nothing of it: a request is shown as it would be sent."""
    state = PLANNED
    if aspm is None:
        state = UNREGISTERED
    elif profile is not None:
        state = Registration(RegistrationMode.API, RegistrationState.PLANNED)
        if aspm.caller is not None:
            show_requests(context, aspm.caller, profile, handoffs)
    return {one.place.key: Outcome(state) for one in handoffs}
