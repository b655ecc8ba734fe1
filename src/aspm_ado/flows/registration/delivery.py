"""Bringing proven organizations to Invicti ASPM: through an operator's profile, or by a person's hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aspm_ado.domain.stored import UNREGISTERED, Registration, RegistrationMode, RegistrationState
from aspm_ado.domain.text import clean
from aspm_ado.flows.registration.api import plan, record, register_all
from aspm_ado.flows.registration.guided import PLANNED, hand_over
from aspm_ado.flows.storage.successor import swap

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.profile import Profile
    from aspm_ado.domain.checks import Check
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.registration.aspm import AspmProof
    from aspm_ado.flows.registration.guided import Item


@dataclass(frozen=True, slots=True)
class Delivery:
    """The states by case-folded name; and what the API of Invicti ASPM answered."""

    states: dict[str, Registration] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    kept: bool = False
    """Whether the tokens were stored."""


def deliver(
    context: Context,
    aspm: AspmProof,
    profile: Profile | None,
    items: Sequence[Item],
    *,
    keeps: bool,
    done: Sequence[str] = (),
) -> Delivery:
    """Register by ``profile``, or hand over where there is none. What comes of each is on record at once.

    What is a person's to enter already is handed over beside a profile, too. ``done`` are the organizations that a
    person has finished before.
    """
    if profile is not None:
        by_hand = [item for item in items if item.prior.mode is RegistrationMode.GUIDED]
        outcomes = register_all(
            context, aspm, profile, [item for item in items if item not in by_hand], keeps=keeps
        )
        if by_hand:
            names = clean(", ".join(item.place.name for item in by_hand), 300)
            context.voice.note(f"{names}: Invicti ASPM has, or may have, an older token. A profile only creates, so this "
                             "one is entered by hand.")  # fmt: skip
        handed = deliver(context, aspm, None, by_hand, keeps=keeps) if by_hand else Delivery()
        return Delivery(
            {key: outcome.registration for key, outcome in outcomes.items()} | handed.states,
            {key: outcome.check for key, outcome in outcomes.items()} | handed.checks,
        )
    bound = {item.place.key: item for item in items}

    def save(organization: str, state: Registration) -> None:
        if keeps:
            _answered(context, bound[organization.casefold()], state)

    return Delivery(hand_over(context, [item.parcel(aspm.url) for item in items], aspm, save, done))


def _answered(context: Context, item: Item, state: Registration) -> None:
    """Put one answer on record. A new token is in force where Invicti ASPM has it now; where it has not, nothing has
    changed: it has the old one, as it is on record.
    """
    if not item.successor:
        record(context, item.connection, item.place.name, state)
    elif state.state is RegistrationState.REGISTERED:
        swap(context, item.connection, item.successor, [item.place.name], {item.place.key: state})


def rehearse(
    context: Context, aspm: AspmProof | None, profile: Profile | None, items: Sequence[Item]
) -> dict[str, Registration]:
    """The plan: nothing is stored or registered, and a request is shown as it would be sent, secrets masked."""
    if aspm is None:
        return {item.place.key: UNREGISTERED for item in items}
    if profile is None:
        return {item.place.key: PLANNED for item in items}
    if aspm.aspm_caller is not None:
        plan(context, aspm.aspm_caller, profile, items)
    return {item.place.key: replace(PLANNED, mode=RegistrationMode.API) for item in items}
