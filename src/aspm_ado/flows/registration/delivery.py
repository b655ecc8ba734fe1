"""Bringing organizations to Invicti ASPM, through a profile or by hand.

Each answer is on record at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.aspm.registration import Outcome, RegistrationFacts, judge_registration
from aspm_ado.domain.stored import UNREGISTERED, Registration, RegistrationMode, RegistrationState
from aspm_ado.domain.text import clean
from aspm_ado.flows.registration.api import record_registration, register_all, show_requests
from aspm_ado.flows.registration.guided import PLANNED, hand_over
from aspm_ado.flows.storage.successor import swap
from aspm_ado.flows.validation.report import with_check

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Profile
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.registration.aspm import AspmResult
    from aspm_ado.flows.registration.guided import Handoff

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
    keeps: bool,
    resumes: bool = False,
    done: Mapping[str, Registration] | None = None,
) -> Outcomes:
    """Register by ``profile`` what may go through it, and hand over the rest.

    ``resumes``: an earlier run began it, so that what the profile cannot settle is a person's, too.
    ``done`` are the organizations that a person has finished before, by name.
    """

    def save(handoff: Handoff, state: Registration) -> None:
        if keeps:
            _record_answer(context, handoff, state)
        else:
            context.note_handed_over(handoff.unstored, state.state)

    if profile is None:
        return hand_over(context, handoffs, aspm, save, done)
    through, by_hand = [], []
    for one in handoffs:
        if goes_through_profile(one.prior, one.successor):
            through.append(one)
        else:
            by_hand.append(one)
    outcomes = register_all(context, aspm, profile, through, keeps=keeps)
    if resumes:
        by_hand += _unsettled(context, profile, through, outcomes)
    elif by_hand:
        names = clean(", ".join(one.place.name for one in by_hand), 300)
        context.voice.note(
            f"{names}: Invicti ASPM has, or may have, an older token. A profile only creates, "
            "so this one is entered by hand."
        )
    if by_hand:
        outcomes |= hand_over(context, by_hand, aspm, save, done)
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


def _record_answer(context: Context, handoff: Handoff, state: Registration) -> None:
    """Put one answer on record.

    A new token is in force where Invicti ASPM has it now; where it has not, nothing has changed: it
    has the old one, as it is on record.
    """
    if not handoff.successor:
        record_registration(context, handoff, state)
    elif state.state is RegistrationState.REGISTERED:
        place = handoff.place
        swap(context, handoff.connection, handoff.successor, [place.name], {place.key: state})


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


def with_registration(made: OrganizationReport, facts: RegistrationFacts) -> OrganizationReport:
    """The report with ``aspm.registration``, and with how far the registration is."""
    check = judge_registration(facts)
    return replace(with_check(made, check), registration=facts.registration)
