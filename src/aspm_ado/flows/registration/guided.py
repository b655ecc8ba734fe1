"""Registration by hand: the values that a person enters in Invicti ASPM, and how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.aspm.api import ACCESS, ALM_TOOLS, CREATE, FETCH, MARKER
from aspm_ado.domain.aspm.handoff import (
    FIELDS,
    NO_EVIDENCE,
    FormValues,
    TokenEvidence,
    clone_notes,
    form_values,
    support_ticket,
    verdict_lines,
)
from aspm_ado.domain.aspm.registration import Outcome
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.ports import TERMINAL
from aspm_ado.domain.questions import COLLECTION, ORGANIZATION, Choice, Question
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.stored import (
    UNREGISTERED,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
)
from aspm_ado.domain.text import clean, typed_word
from aspm_ado.flows.registration.aspm import knows_tool
from aspm_ado.flows.storage.successor import swap

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Settings
    from aspm_ado.domain.azure.deployment import Purpose
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.ports import Voice
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Catalogue
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.registration.aspm import AspmResult


@dataclass(frozen=True, slots=True)
class Handoff:
    """One organization to bring to Invicti ASPM, by hand or through a profile."""

    connection: str
    place: Place
    purpose: Purpose
    settings: Settings
    secret: Secret
    username: str = ""
    repository: str = ""
    """The repository that ``projects/check`` is asked about."""
    evidence: TokenEvidence = NO_EVIDENCE
    """What goes into a ticket."""
    prior: Registration = UNREGISTERED
    """What an earlier run left."""
    successor: str = ""
    """The key of a new token that waits until Invicti ASPM has it."""
    verdict: Mapping[str, str] = field(default_factory=dict)
    """The status of each check."""
    unstored: str = ""
    """The id of a created token that is stored nowhere: only Invicti ASPM may have it."""

    @property
    def standing(self) -> Registration:
        """What an earlier run left of this very token."""
        return UNREGISTERED if self.successor else self.prior

    def form(self, aspm_url: str) -> FormValues:
        """What a person is shown."""
        last4, username = self.secret.last4, self.username
        notes = clone_notes(self.place, self.verdict, username)
        return form_values(
            self.place, self.purpose, self.settings, aspm_url, last4, username, notes
        )

    def values(self, marker: str) -> dict[str, str | bool]:
        """What the places of a profile are filled with; the token is not among them."""
        site, toggles = self.place.site, self.settings.toggles
        return {
            MARKER: marker,
            "connection": self.connection,
            "deployment": site.deployment,
            "alm_tool": ALM_TOOLS[site.deployment],
            "base_url": site.base_url,
            "organization": self.place.name,
            "organization_url": self.place.url,
            "purpose": self.purpose,
            "username": self.username,
            "issue_manager": self.settings.issue_manager,
            "team_leads_create_instances": CREATE in toggles,
            "team_leads_fetch_projects": FETCH in toggles,
            "team_leads_access_projects": ACCESS in toggles,
        }


OUTCOME: Final = Question("handoff", "When you have entered it")
COPY: Final = Choice("copy", "Copy the token to the clipboard")
SAVED: Final = Choice("saved", "Saved: Invicti ASPM accepted it")
LATER: Final = Choice("later", "Later")
REFUSED: Final = Choice("refused", "Invicti ASPM refused it")
ALL_LATER: Final = Choice("all-later", "Later, and all the others too")

HANDED_OFF: Final = Registration(RegistrationMode.GUIDED, RegistrationState.HANDED_OFF)
CLAIMED: Final = Registration(RegistrationMode.GUIDED, RegistrationState.REGISTERED, Proof.CLAIMED)
UNSEEN: Final = Registration(
    RegistrationMode.GUIDED, RegistrationState.REGISTERED, Proof.CLAIMED, unseen=True
)
ACCEPTED: Final = CLAIMED.proven(Proof.ALM_ACCEPTED)
TURNED_DOWN: Final = Registration(RegistrationMode.GUIDED, RegistrationState.FAILED)
PLANNED: Final = Registration(RegistrationMode.GUIDED, RegistrationState.PLANNED)

_WORDS: Final = {
    RegistrationState.REGISTERED: "✓ {}: saved",
    RegistrationState.HANDED_OFF: "• {}: later",
    RegistrationState.FAILED: "✗ {}: refused",
}

_NAMES_PLACE: Final = {
    Deployment.SERVICES: ORGANIZATION.short,
    Deployment.SERVER: COLLECTION.flag,
}
_UNSEEN: Final = "! {}: saved, not shown by Invicti ASPM yet"


def hand_over(
    context: Context,
    handoffs: Sequence[Handoff],
    aspm: AspmResult,
    done: Mapping[str, Registration] | None = None,
) -> dict[str, Outcome]:
    """Show the values of each organization and ask how it went; what came of it by ``Place.key``.

    With nobody there, everything is handed off. Each answer is on record at once, so that
    Ctrl-C loses none. ``aspm`` is asked before and after. ``done`` are the organizations that
    earlier runs finished: they are listed and not asked again.
    """
    sitting = _Sitting(context, handoffs, aspm, done or {})
    try:
        sitting.run()
    finally:
        context.desktop.clear()
    return {key: Outcome(state) for key, state in sitting.answers.items()}


@dataclass(slots=True)
class _Sitting:
    """The organizations of one run, one after the other."""

    context: Context
    handoffs: Sequence[Handoff]
    aspm: AspmResult
    done: Mapping[str, Registration]
    answers: dict[str, Registration] = field(default_factory=dict)
    """By ``Place.key``."""

    @property
    def voice(self) -> Voice:
        return self.context.voice

    @property
    def total(self) -> int:
        return len(self.done) + len(self.handoffs)

    def run(self) -> None:
        asks = self.context.asker.asks
        if self.total > 1:
            noun = self.handoffs[0].place.noun if self.handoffs else "organization"
            left = f"{len(self.handoffs)} of {self.total} {noun}s"
            self.list(f"To enter in Invicti ASPM: {left}")
        for number, handoff in enumerate(self.handoffs, start=len(self.done) + 1):
            if not asks:
                self.show(handoff, number)
            elif self.ask(handoff, number) == ALL_LATER.value:
                break
        for handoff in self.handoffs:
            self.answers.setdefault(handoff.place.key, _later(handoff))
        if asks and self.total > 1:
            self.list("So far")
        self.voice.say()

    def list(self, heading: str) -> None:
        """Every organization, and how it went."""
        self.voice.heading(heading)
        answers = {one.place.name: self.answers.get(one.place.key) for one in self.handoffs}
        for name, answer in {**self.done, **answers}.items():
            words = "• {}"
            if answer is not None:
                words = _UNSEEN if answer.unseen else _WORDS.get(answer.state, "{}")
            self.voice.say("  " + words.format(clean(name, 60)))

    def ask(self, handoff: Handoff, number: int) -> str:
        """Show one organization and ask how it went; the answer is saved."""
        known_before = self.knows_tool(handoff)
        self.show(handoff, number)
        answer = self.answer(handoff, more=number < self.total)
        state = {SAVED.value: CLAIMED, REFUSED.value: TURNED_DOWN}.get(answer, _later(handoff))
        if answer == SAVED.value or state.unseen:
            state = self.proven(handoff, known_before=known_before)
        self.answers[handoff.place.key] = state
        record_answer(self.context, handoff, state)
        if answer == REFUSED.value:
            self.explain_refusal(handoff)
        return answer

    def knows_tool(self, handoff: Handoff) -> bool | None:
        """Whether Invicti ASPM says that it knows the tool, if it can tell."""
        deployment = handoff.place.site.deployment
        return knows_tool(self.context, self.aspm, deployment, handoff.repository)

    def show(self, handoff: Handoff, number: int) -> None:
        """Where to click and what to enter."""
        form, say = handoff.form(self.aspm.url), self.voice.say
        position = f" ({number} of {self.total})" if self.total > 1 else ""
        self.voice.heading(f"Handoff to Invicti ASPM: {handoff.place.name}{position}")
        for step, line in enumerate(form.where, start=1):
            say(f" {step}. {line}")
        say(f" {len(form.where) + 1}. {FIELDS}")
        for label, value in form.values:
            say(f"    {label}: {value}")
        for line in form.switches:
            say(f"    • {line}")
        for line in form.notes:
            say(f"    {line}")
        say(f" {len(form.where) + 2}. Save")

    def answer(self, handoff: Handoff, *, more: bool) -> str:
        """How it went. The token goes to the clipboard as often as it is wanted."""
        if handoff.unstored:
            self.voice.warn(
                "This token is stored nowhere. aspm-ado revokes it unless you answer "
                f"“{SAVED.label}”."
            )
        choices, offer = [SAVED, COPY, LATER, REFUSED, *([ALL_LATER] if more else [])], COPY
        while True:
            answer = self.context.asker.prompter.choose(OUTCOME, choices, offer.value)
            if answer != COPY.value:
                return answer
            if not self.copy(handoff):
                offer = LATER

    def copy(self, handoff: Handoff) -> bool:
        """Copy the token to the clipboard, if there is one."""
        desktop = self.context.desktop
        way = desktop.copy(handoff.secret)
        if way is None:
            self.voice.say(
                "aspm-ado cannot reach your clipboard from here. On Linux it needs wl-copy, xclip "
                "or xsel. Over SSH it needs a terminal that knows OSC 52."
            )
            self.voice.say(self.without_clipboard(handoff))
            return False
        if way == TERMINAL:
            self.voice.warn(
                "aspm-ado sent the token to the clipboard of your terminal (OSC 52). Some "
                "terminals ignore it. aspm-ado cannot clear it for certain: after you paste the "
                "token, copy something else."
            )
            self.voice.say(f"If nothing arrived: {self.without_clipboard(handoff)}")
            return True
        if seconds := desktop.clears_after:
            self.voice.say(
                f"The token is on the clipboard ({way}) for {seconds:.0f} seconds, or until this "
                "step is over."
            )
        else:
            self.voice.warn(
                f"The token is on the clipboard ({way}), and aspm-ado cannot clear it. After you "
                "paste the token, copy something else."
            )
        return True

    def without_clipboard(self, handoff: Handoff) -> str:
        """How to get the token otherwise."""
        if not self.context.asker.keeps:
            if handoff.unstored:
                return "Without a clipboard, answer “Later”: aspm-ado then revokes the token."
            return "Copy the token from where you stored it."
        if not self.context.outlives_run:
            return "Only this run has the token. To continue without it, answer “Later”."
        command, place = f"aspm-ado token {handoff.connection}", handoff.place
        if self.total > 1:
            flag = _NAMES_PLACE[place.site.deployment]
            command += f" {flag} {typed_word(place.name)}"
        return f"To pipe the token to a command, run in another terminal: {command} | COMMAND"

    def proven(self, handoff: Handoff, *, known_before: bool | None) -> Registration:
        """What a person's "saved" amounts to; an earlier one may have shown nothing."""
        was_unseen = handoff.standing.unseen
        known = known_before or self.knows_tool(handoff)
        if known and (was_unseen or known_before is False):
            self.voice.say("Invicti ASPM now shows Azure DevOps as integrated. Before, it did not.")
            return ACCEPTED
        if known is False or (known is None and was_unseen):
            return UNSEEN
        return CLAIMED

    def explain_refusal(self, handoff: Handoff) -> None:
        """What it means that the token is good and refused, and a text for the support."""
        voice, evidence = self.voice, handoff.evidence
        name = clean(handoff.place.name, 60)
        self.context.told.append(name)
        voice.heading(f"What it means that Invicti ASPM refused {name}")
        for number, line in enumerate(verdict_lines(evidence), start=1):
            voice.say(f" {number}. {line}")
        voice.heading("To paste into a ticket (it contains no secret)")
        url, api = self.aspm.url, self.aspm.api
        form = handoff.form(url)
        for line in support_ticket(form, evidence, aspm_url=url, api=api, version=__version__):
            voice.say(f"  {line}")


def _later(handoff: Handoff) -> Registration:
    """What is on record of one that is left: looking again changes nothing of what is there."""
    standing = handoff.standing
    return standing if standing.state is RegistrationState.REGISTERED else HANDED_OFF


def _record_registration(context: Context, handoff: Handoff, state: Registration) -> None:
    """Put the state of one organization on record, and nothing else.

    Raises ``UsageError`` where the connection has been forgotten meanwhile, so that nothing goes
    out unrecorded.
    """

    def edit(catalogue: Catalogue) -> Catalogue:
        entry = catalogue.connections.get(handoff.connection)
        if entry is None:
            raise UsageError(
                Reason.NOTHING_STORED,
                f"The connection “{clean(handoff.connection, 60)}” was forgotten by another run "
                "meanwhile.",
                remedy="See `aspm-ado list`, and look in Invicti ASPM under Integrations.",
            )
        return catalogue.commit(entry.with_registration(handoff.place.key, state))

    context.records.change(edit)


def record_answer(context: Context, handoff: Handoff, state: Registration) -> None:
    """Put one answer on record; of a token that is stored nowhere, whether Invicti ASPM has it.

    A new token is in force where Invicti ASPM has it now; where it has not, nothing has changed: it
    has the old one, as it is on record.
    """
    if not context.asker.keeps:
        context.note_handed_over(handoff.unstored, state.state)
    elif not handoff.successor:
        _record_registration(context, handoff, state)
    elif state.state is RegistrationState.REGISTERED:
        place = handoff.place
        swap(context, handoff.connection, handoff.successor, [place.name], {place.key: state})
