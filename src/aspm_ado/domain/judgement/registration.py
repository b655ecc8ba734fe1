"""``aspm.registration``: decided here alone, from what is on record and what this run did."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Check, CheckId, Command, Status, skip
from aspm_ado.domain.connection import (
    UNREGISTERED,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
)
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.connection import Entry


class NewToken(Enum):
    """What stands with the token that Invicti ASPM is to have."""

    IN_FORCE = auto()
    WAITS = auto()
    """It is proven and stored; the old one serves until Invicti ASPM has the new one."""
    NOT_GOOD = auto()
    MISSING = auto()
    """The organization is to get a token of its own and has none."""


@dataclass(frozen=True, slots=True)
class RegistrationFacts:
    """Everything that decides ``aspm.registration`` of one organization."""

    connection: str
    organization: str
    on_record: Registration = UNREGISTERED
    answer: Registration | None = None
    """What a person or Invicti ASPM said in this run."""
    token: NewToken = NewToken.IN_FORCE
    outcome: Check | None = None
    """More of that answer than its state, where the API gave it."""
    aspm_is_good: bool = True
    brought: bool = True
    """False where ``--register none`` was asked for."""
    stored: bool = True
    required: bool = False
    """Whether ``--register auto`` or ``api`` was asked for."""

    @property
    def registration(self) -> Registration:
        """How far it is by now."""
        return self.answer or self.on_record

    @property
    def counts(self) -> bool:
        """Whether the check is required. A person's refusal is, whatever ``--register`` was; so is a token that an
        organization was to get and has not.
        """
        said = self.answer or UNREGISTERED
        by_a_person = said.mode is RegistrationMode.GUIDED
        refused = by_a_person and said.state is RegistrationState.FAILED
        return self.required or refused or self.token is NewToken.MISSING


_WAITS: Final = (
    "A new token is proven and stored; the old one serves until Invicti ASPM has the new one."
)
_NOT_BROUGHT: Final = (
    "Nothing was handed over, as asked: a person still has to enter this token in Invicti ASPM."
)
_REFUSED: Final = "Invicti ASPM refused the new token, though it is good. The old one stays in force; the new one waits."
_DIFFERENT: Final = "The token was proven, but Invicti ASPM refused it or has another instance for this organization."
_BEHIND: Final = "Not asked: Invicti ASPM is not ready for it (see its own checks)."


def judge_registration(facts: RegistrationFacts) -> Check:
    """The check of one organization."""
    verb = "migrate" if facts.token is NewToken.MISSING else "handoff"
    return replace(_judged(facts), required=facts.counts, next=Command(verb))


def _judged(facts: RegistrationFacts) -> Check:
    if facts.token is NewToken.NOT_GOOD:
        return skip(CheckId.REGISTRATION, "Not asked: this organization is not good yet.")
    if facts.token is NewToken.MISSING:
        return _missing(facts)
    waits = facts.token is NewToken.WAITS
    if facts.outcome is not None and not (waits and facts.outcome.status is Status.PASS):
        return facts.outcome
    if not facts.aspm_is_good:
        return _behind_aspm(facts)
    if waits:
        return _waiting(facts)
    return _by_state(facts)


def token_of(entry: Entry, name: str) -> NewToken:
    """What stands with the token of a stored organization."""
    return NewToken.IN_FORCE if entry.successor_of(name) is None else NewToken.WAITS


def _missing(facts: RegistrationFacts) -> Check:
    return Check(
        CheckId.REGISTRATION,
        Status.WARN,
        "This organization has no token of its own yet; the old one stays as it is.",
        Reason.NOT_MIGRATED,
        f"Go on: aspm-ado migrate {facts.connection} -o {clean(facts.organization, 60)}",
    )


def _behind_aspm(facts: RegistrationFacts) -> Check:
    told = f"{_BEHIND} {_WAITS}" if facts.token is NewToken.WAITS else _BEHIND
    return skip(CheckId.REGISTRATION, f"{told} Afterwards: aspm-ado handoff {facts.connection}")


def _waiting(facts: RegistrationFacts) -> Check:
    if facts.answer is not None and facts.answer.state is RegistrationState.FAILED:
        check = _failed(facts)
        remedy = f"{check.remedy} Afterwards: aspm-ado handoff {facts.connection}"
        return replace(check, detail=_REFUSED, remedy=remedy)
    return replace(_handed_off(facts), detail=_WAITS)


def _by_state(facts: RegistrationFacts) -> Check:
    api = facts.registration.mode is RegistrationMode.API
    match facts.registration.state:
        case RegistrationState.REGISTERED:
            return _registered(facts.registration)
        case RegistrationState.HANDED_OFF:
            return _handed_off(facts)
        case RegistrationState.FAILED:
            return _failed(facts)
        case RegistrationState.UNKNOWN:
            return _unknown(facts, "Whether it is registered could not be found out.")
        case RegistrationState.PLANNED:
            return skip(
                CheckId.REGISTRATION,
                "A rehearsal: nothing was registered.",
                Reason.REGISTRATION_PLANNED,
            )
        case RegistrationState.NONE if api:
            return _unknown(facts, "Not registered yet.")
    return skip(CheckId.REGISTRATION, "Not registered.", Reason.NOT_WANTED)


def _registered(registration: Registration) -> Check:
    told = "A person says that Invicti ASPM took it"
    if registration.mode is RegistrationMode.API:
        told = "Its API answered that it is registered"
    if registration.proof is Proof.ALM_ACCEPTED:
        told += "; since then projects/check knows the tool"
    return Check(CheckId.REGISTRATION, Status.PASS, f"{told}.")


def _handed_off(facts: RegistrationFacts) -> Check:
    remedy = f"Enter the values in Invicti ASPM: aspm-ado handoff {facts.connection}"
    if not facts.stored:
        remedy = "Enter the values in Invicti ASPM now; nothing is stored to come back to."
    detail = "The values are handed off; a person still has to enter them."
    if not facts.brought:
        detail = _NOT_BROUGHT
    return Check(CheckId.REGISTRATION, Status.WARN, detail, Reason.HANDED_OFF, remedy)


def _failed(facts: RegistrationFacts) -> Check:
    detail = "The token is good (see the checks above), but Invicti ASPM refused it."
    remedy = f"Send Invicti's support the text that was printed; then: aspm-ado handoff {facts.connection}"
    if facts.registration.mode is RegistrationMode.API:
        detail = _DIFFERENT
        remedy = f"Go on in Invicti ASPM: aspm-ado handoff {facts.connection}"
    return Check(CheckId.REGISTRATION, Status.FAIL, detail, Reason.ASPM_REFUSED, remedy)


def _unknown(facts: RegistrationFacts, detail: str) -> Check:
    remedy = f"Go on in Invicti ASPM: aspm-ado handoff {facts.connection}"
    return Check(CheckId.REGISTRATION, Status.UNKNOWN, detail, Reason.REGISTRATION_UNKNOWN, remedy)
