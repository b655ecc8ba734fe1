"""Bringing proven organizations to Invicti ASPM: through an operator's profile, or by a person's hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aspm_ado.domain.connection import UNREGISTERED, Registration, RegistrationMode
from aspm_ado.domain.handoff import NO_EVIDENCE, Evidence, block
from aspm_ado.flows.handoff import PLANNED, Parcel, hand_over
from aspm_ado.flows.register import Job
from aspm_ado.flows.register_all import plan, record, register_all

if TYPE_CHECKING:
    from aspm_ado.domain.aspm_profile import Profile
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.place import Place
    from aspm_ado.domain.requirements import Purpose
    from aspm_ado.domain.settings import Settings
    from aspm_ado.domain.token import Secret
    from aspm_ado.flows.aspm import AspmProof
    from aspm_ado.flows.house import House


@dataclass(frozen=True, slots=True)
class Item:
    """One organization to bring, and everything that either way needs of it."""

    connection: str
    place: Place
    purpose: Purpose
    settings: Settings
    secret: Secret
    username: str = ""
    repository: str = ""
    evidence: Evidence = NO_EVIDENCE
    prior: Registration = UNREGISTERED

    def parcel(self, aspm_url: str) -> Parcel:
        """For a person."""
        site = self.place.site
        written = block(
            self.place.name,
            self.place.url,
            site.deployment,
            self.purpose,
            self.settings,
            aspm_url,
            self.secret.last4,
            self.username,
        )
        return Parcel(written, self.secret, site.deployment, self.repository, self.evidence)

    def job(self) -> Job:
        """For a profile."""
        return Job(
            self.connection,
            self.place,
            self.purpose,
            self.settings,
            self.secret,
            self.username,
            self.repository,
            self.prior,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """The states by case-folded name; and the checks that say more than their state does."""

    states: dict[str, Registration] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    kept: bool = False
    """Whether the tokens were stored."""


def deliver(house: House, aspm: AspmProof, profile: Profile | None, items: Sequence[Item], *, keeps: bool) -> Delivery:
    """Register by ``profile``, or hand over where there is none. What comes of each is on record at once."""
    if profile is not None:
        outcomes = register_all(house, aspm, profile, [item.job() for item in items], keeps=keeps)
        return Delivery(
            {key: outcome.registration for key, outcome in outcomes.items()},
            {key: outcome.check for key, outcome in outcomes.items()},
        )
    names = {item.place.key: item.connection for item in items}

    def save(organization: str, state: Registration) -> None:
        if keeps:
            record(house, names[organization.casefold()], organization, state)

    return Delivery(hand_over(house, [item.parcel(aspm.url) for item in items], aspm, save))


def rehearse(
    house: House, aspm: AspmProof | None, profile: Profile | None, items: Sequence[Item]
) -> dict[str, Registration]:
    """The plan: nothing is stored or registered, and a request is shown as it would be sent, secrets masked."""
    if aspm is None:
        return {item.place.key: UNREGISTERED for item in items}
    if profile is None:
        return {item.place.key: PLANNED for item in items}
    if aspm.door is not None:
        plan(house, aspm.door, profile, [item.job() for item in items])
    return {item.place.key: replace(PLANNED, mode=RegistrationMode.API) for item in items}
