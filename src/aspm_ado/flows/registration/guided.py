"""One organization to bring to Invicti ASPM, and everything that either way needs of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.aspm.api import ACCESS, ALM_TOOLS, CREATE, FETCH
from aspm_ado.domain.aspm.handoff import (
    FIELDS,
    NO_EVIDENCE,
    FormValues,
    TokenEvidence,
    form_values,
    support_ticket,
    verdict_lines,
)
from aspm_ado.domain.aspm.profile import MARKER
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.stored import (
    UNREGISTERED,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
)
from aspm_ado.domain.text import clean
from aspm_ado.flows.registration.aspm import accepted

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Settings
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.scopes import Purpose
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.registration.aspm import AspmProof


@dataclass(frozen=True, slots=True)
class Item:
    """``repository`` serves the proof, ``evidence`` the text for a ticket; ``prior`` is what an earlier run left."""

    connection: str
    place: Place
    purpose: Purpose
    settings: Settings
    secret: Secret
    username: str = ""
    repository: str = ""
    evidence: TokenEvidence = NO_EVIDENCE
    prior: Registration = UNREGISTERED
    successor: str = ""
    """The key of the secret where it is a new token, which waits until Invicti ASPM has it."""

    def parcel(self, aspm_url: str) -> Parcel:
        """What a person is shown, and the token to copy."""
        site = self.place.site
        written = form_values(
            self.place.name,
            self.place.url,
            site.deployment,
            self.purpose,
            self.settings,
            aspm_url,
            self.secret.last4,
            self.username,
        )
        prior = UNREGISTERED if self.successor else self.prior
        return Parcel(written, self.secret, site.deployment, self.repository, self.evidence, prior)

    def values(self, marker: str) -> dict[str, str | bool]:
        """What the places of a profile are filled with; the token is not among them."""
        toggles = self.settings.toggles
        return {
            MARKER: marker,
            "connection": self.connection,
            "deployment": self.place.site.deployment.value,
            "alm_tool": ALM_TOOLS[self.place.site.deployment],
            "base_url": self.place.site.base_url,
            "organization": self.place.name,
            "organization_url": self.place.url,
            "purpose": self.purpose.value,
            "username": self.username,
            "issue_manager": self.settings.issue_manager,
            "team_leads_create_instances": CREATE in toggles,
            "team_leads_fetch_projects": FETCH in toggles,
            "team_leads_access_projects": ACCESS in toggles,
        }


OUTCOME: Final = Question("handoff", "When you have entered it")
COPY: Final = Choice("copy", "Copy the token to the clipboard")
SAVED: Final = Choice("saved", "Saved: Invicti ASPM took it")
LATER: Final = Choice("later", "Later")
REFUSED: Final = Choice("refused", "Invicti ASPM refused it")
ALL_LATER: Final = Choice("all-later", "Later, and all the others too")

HANDED_OFF: Final = Registration(RegistrationMode.GUIDED, RegistrationState.HANDED_OFF)
CLAIMED: Final = Registration(RegistrationMode.GUIDED, RegistrationState.REGISTERED, Proof.CLAIMED)
ACCEPTED: Final = replace(CLAIMED, proof=Proof.ALM_ACCEPTED)
TURNED_DOWN: Final = Registration(RegistrationMode.GUIDED, RegistrationState.FAILED)
PLANNED: Final = Registration(RegistrationMode.GUIDED, RegistrationState.PLANNED)

_WORDS: Final = {
    RegistrationState.REGISTERED: "✓ {}: saved",
    RegistrationState.HANDED_OFF: "• {}: later",
    RegistrationState.FAILED: "✗ {}: refused",
}

Save = Callable[[str, Registration], None]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One organization's block, and the token to copy. The rest serves the proof and the text for a ticket."""

    form_values: FormValues
    secret: Secret
    deployment: Deployment = Deployment.SERVICES
    repository: str = ""
    evidence: TokenEvidence = NO_EVIDENCE
    prior: Registration = UNREGISTERED
    """What Invicti ASPM has already, with this very token: looking at the values again changes nothing of it."""


def hand_over(
    context: Context,
    parcels: Sequence[Parcel],
    aspm: AspmProof | None = None,
    save: Save | None = None,
    done: Sequence[str] = (),
) -> dict[str, Registration]:
    """Show each block and ask how it went. With nobody there, everything is handed off (by case-folded name).

    ``save`` is told of each answer as it is given, so that Ctrl-C loses none. ``aspm`` is what can be asked before and
    after. ``done`` are the organizations that an earlier sitting finished: they are listed and not asked again.
    """
    states: dict[str, Registration] = {}
    asks = context.asker.asks
    try:
        total = len(done) + len(parcels)
        if total > 1:
            context.voice.heading(
                f"To enter in Invicti ASPM: {len(parcels)} of {total} organizations"
            )
            _list(context, parcels, states, done)
        for number, parcel in enumerate(parcels, start=1):
            name = parcel.form_values.organization
            rest = parcels[number:]
            before = accepted(context, aspm, parcel.deployment, parcel.repository) if asks else None
            _show(
                context, parcel.form_values, f"{len(done) + number} of {total}" if total > 1 else ""
            )
            answer = _answer(context, parcel, more=bool(rest)) if asks else LATER.value
            state = _state(answer, parcel)
            if answer == SAVED.value and before is False:
                state = _proven(context, aspm, parcel, state)
            states[name.casefold()] = state
            if save is not None and asks:
                save(name, state)
            if answer == REFUSED.value:
                _tell_refusal(context, parcel, aspm)
            if answer == ALL_LATER.value:
                states.update(
                    {
                        other.form_values.organization.casefold(): _state(answer, other)
                        for other in rest
                    }
                )
                break
        if asks and total > 1:
            context.voice.heading("So far")
            _list(context, parcels, states, done)
        context.voice.say()
    finally:
        context.desktop.clear()
    return states


def _show(context: Context, form_values: FormValues, position: str) -> None:
    voice = context.voice
    voice.heading(
        f"Hand-off to Invicti ASPM: {form_values.organization}"
        + (f" ({position})" if position else "")
    )
    for number, line in enumerate(form_values.where, start=1):
        voice.say(f" {number}. {line}")
    voice.say(f" {len(form_values.where) + 1}. {FIELDS}")
    for label, value in form_values.values:
        voice.say(f"    {label}: {value}")
    for line in form_values.switches:
        voice.say(f"    • {line}")
    voice.say(f" {len(form_values.where) + 2}. Save")


def _answer(context: Context, parcel: Parcel, *, more: bool) -> str:
    """How it went. The token goes to the clipboard as often as it is wanted."""
    choices, offer = [SAVED, COPY, LATER, REFUSED, *([ALL_LATER] if more else [])], COPY
    while True:
        answer = context.asker.prompter.choose(OUTCOME, choices, offer.value)
        if answer != COPY.value:
            return answer
        way = context.desktop.copy(parcel.secret)
        if way is None:
            offer = LATER
            context.voice.say(
                "No clipboard of yours can be reached from here: over SSH it would be the other machine's, and Linux "
                "needs wl-copy, xclip or xsel. Take the token from where you keep it."
            )
        elif seconds := context.desktop.clears_after:
            context.voice.say(
                f"The token is on the clipboard ({way}) for {seconds:.0f} seconds, or until this step is over."
            )
        else:
            context.voice.warn(
                f"The token is on the clipboard ({way}), and cannot be taken off again from here: "
                "copy something else when you have pasted it."
            )


def _state(answer: str, parcel: Parcel) -> Registration:
    later = parcel.prior if parcel.prior.state is RegistrationState.REGISTERED else HANDED_OFF
    return {SAVED.value: CLAIMED, REFUSED.value: TURNED_DOWN}.get(answer, later)


def _proven(
    context: Context, aspm: AspmProof | None, parcel: Parcel, state: Registration
) -> Registration:
    """Whether Invicti ASPM knows the tool now, which it did not before."""
    after = accepted(context, aspm, parcel.deployment, parcel.repository)
    if after:
        context.voice.say("Invicti ASPM knows the tool now; before, it did not.")
        return ACCEPTED
    if after is False:
        context.voice.note(
            "Invicti ASPM still answers that the tool is not integrated; look whether it is active there."
        )
    return state


def _tell_refusal(context: Context, parcel: Parcel, aspm: AspmProof | None) -> None:
    """The three-way verdict, and a text for the support that holds no secret."""
    context.voice.heading(
        f"Invicti ASPM refuses {clean(parcel.form_values.organization, 60)}: what that means"
    )
    for number, line in enumerate(verdict_lines(parcel.evidence), start=1):
        context.voice.say(f" {number}. {line}")
    context.voice.heading("To paste into a ticket (no secret is in it)")
    url = aspm.url if aspm is not None else parcel.form_values.where[0].removeprefix("Open ")
    api = aspm.api if aspm is not None else "auto"
    for line in support_ticket(
        parcel.form_values, parcel.evidence, aspm_url=url, api=api, version=__version__
    ):
        context.voice.say(f"  {line}")


def _list(
    context: Context,
    parcels: Sequence[Parcel],
    states: dict[str, Registration],
    done: Sequence[str] = (),
) -> None:
    for name in done:
        context.voice.say("  " + _WORDS[RegistrationState.REGISTERED].format(clean(name, 60)))
    for parcel in parcels:
        state = states.get(parcel.form_values.organization.casefold())
        words = "• {}" if state is None else _WORDS.get(state.state, "{}")
        context.voice.say("  " + words.format(clean(parcel.form_values.organization, 60)))
