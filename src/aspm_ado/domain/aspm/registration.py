"""What the answers to a registration mean, and the one judge of ``aspm.registration``.

A write is never sent twice. Where its answer is lost, cut or not understood, only reading can tell;
and only an instance that carries our own marker is ours (facts/reliability B, rows 25 to 27).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto
from shlex import quote
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import where_tokens_are_made
from aspm_ado.domain.aspm.profile import Profile, Values, at, same
from aspm_ado.domain.checks import Check, CheckId, Command, Status, skip
from aspm_ado.domain.documents import Document
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import NEVER_SENT, Reason
from aspm_ado.domain.rules.aspm import (
    ASPM_INCONCLUSIVE,
    AspmAnswer,
    classify_aspm,
    document_of,
    error_message,
    explain_aspm_inconclusive,
)
from aspm_ado.domain.rules.classify import redirect_target
from aspm_ado.domain.stored import (
    UNREGISTERED,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
)
from aspm_ado.domain.text import clean, clean_said

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.stored import Entry


class Presence(StrEnum):
    """What the list of instances shows of one organization."""

    ABSENT = "absent"
    OURS = "ours"
    FOREIGN = "foreign"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class InstanceSearch:
    """What the list of instances shows, and the id of our instance."""

    presence: Presence
    reply: Reply
    instance_id: str | None = None


def read_instances(profile: Profile, values: Values, reply: Reply) -> InstanceSearch:
    """Read the list of instances.

    A list that cannot be read whole shows nothing: it may hide what is there.
    """
    find, items = profile.find, _all_instances(profile, reply)
    if find is None or items is None:
        return InstanceSearch(Presence.UNCLEAR, reply)
    for item in items:
        if same(item, find.ours, values):
            return InstanceSearch(Presence.OURS, reply, _instance_id(item, find.id))
    is_there = any(same(item, find.match, values) for item in items)
    return InstanceSearch(Presence.FOREIGN if is_there else Presence.ABSENT, reply)


def _all_instances(profile: Profile, reply: Reply) -> list[object] | None:
    """The whole list; ``None`` where it was not given, or not whole."""
    find = profile.find
    if find is None or reply.status != 200 or not isinstance(reply.answer, Document):
        return None
    document = reply.answer.content
    items = at(document, find.items)
    if not isinstance(items, list):
        return None
    total = at(document, find.total) if find.total else len(items)
    is_whole = isinstance(total, int) and total <= len(items)
    return items if is_whole else None


class WriteResult(StrEnum):
    """How the one write ended."""

    CREATED = "created"
    CONFLICT = "conflict"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    NOT_SENT = "not-sent"
    UNCLEAR = "unclear"


def read_write(profile: Profile, reply: Reply) -> tuple[WriteResult, str | None]:
    """Read the answer to the write; with the id of what was created."""
    if reply.failure in NEVER_SENT:
        return WriteResult.NOT_SENT, None
    kind = classify_aspm(reply)
    if kind in ASPM_INCONCLUSIVE or reply.status == 408:
        return WriteResult.UNCLEAR, None
    if kind is AspmAnswer.REDIRECT:
        return WriteResult.REDIRECTED, None
    if reply.status in profile.conflict and reply.status >= 400:
        return WriteResult.CONFLICT, None
    if reply.status >= 400:
        return WriteResult.REFUSED, None
    document = _document(reply)
    if profile.success.met(reply.status, document):
        return WriteResult.CREATED, _instance_id(document, profile.id)
    return WriteResult.UNCLEAR, None


def may_have_acted(reply: Reply) -> bool:
    """Whether whoever redirects may have done what was asked.

    302 and 303 are also sent after a form was taken.
    """
    return reply.status in (302, 303)


def _document(reply: Reply) -> object:
    return reply.answer.content if isinstance(reply.answer, Document) else document_of(reply)


def _instance_id(document: object, pointer: str) -> str | None:
    """The id, as text fit for a report."""
    found = at(document, pointer) if pointer else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return clean_said(found, 120)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one organization that was brought to Invicti ASPM."""

    registration: Registration
    check: Check | None = None
    """More than the state tells, where the API answered."""

    def accepted(self) -> Outcome:
        """The same where ``projects/check`` knows the tool since then."""
        check = self.check
        if check is not None:
            check = check.adding("Since then projects/check knows the tool.")
        return Outcome(self.registration.proven(Proof.ALM_ACCEPTED), check)


def _outcome(marker: str, check: Check, state: RegistrationState) -> Outcome:
    return Outcome(Registration(RegistrationMode.API, state, marker=marker), check)


def registered(
    marker: str, instance: str | None, profile: Profile, *replies: Reply, adopted: bool = False
) -> Outcome:
    """The instance is there, and it is ours."""
    how = "Registered in Invicti ASPM"
    if adopted:
        how = "Found in Invicti ASPM by its marker"
    detail = f"{how}{_named(instance)} ({profile.title})."
    state = Registration(
        RegistrationMode.API, RegistrationState.REGISTERED, Proof.CLAIMED, instance, marker
    )
    return Outcome(state, Check(CheckId.REGISTRATION, Status.PASS, detail).on(*replies))


def already_registered(prior: Registration) -> Outcome:
    """Registered by an earlier run: a second instance is never made."""
    named = _named(prior.instance_id)
    detail = f"Registered by an earlier run{named}; nothing was created now."
    return Outcome(prior, Check(CheckId.REGISTRATION, Status.PASS, detail))


def _named(instance: str | None) -> str:
    return f" as {instance}" if instance else ""


def conflicting(marker: str, profile: Profile, name: str, *replies: Reply) -> Outcome:
    """An instance is there that is not provably ours: it is neither taken over nor doubled."""
    check = Check(
        CheckId.REGISTRATION,
        Status.FAIL,
        "Invicti ASPM has an instance for this organization already, which this program did not "
        f"make ({profile.title}). Nothing was changed.",
        Reason.REGISTRATION_CONFLICT,
        "Look at it in Invicti ASPM under Integrations. Enter the token there by hand, or remove "
        f"it; then say so, or register anew, with: aspm-ado handoff {name}",
    ).on(*replies)
    return _outcome(marker, check, RegistrationState.FAILED)


def refused(marker: str, profile: Profile, reply: Reply) -> Outcome:
    """Invicti ASPM said no. Its words are quoted."""
    message = error_message(reply)
    quoted = message and f" (“{message}”)"
    if classify_aspm(reply) is AspmAnswer.REDIRECT:
        reason = Reason.ASPM_NOT_AN_API
        detail = f"It redirects ({reply.status}) to {redirect_target(reply)}"
        remedy = "Correct the path in the registration profile; a redirect is never followed."
    elif reply.status == 401:
        reason = Reason.ASPM_TOKEN_REJECTED
        detail = f"Invicti ASPM does not accept the API token here{quoted}"
        remedy = f"Use another API token. {where_tokens_are_made(profile.dialect)}"
    elif reply.status == 403:
        reason = Reason.ASPM_FORBIDDEN
        detail = f"The owner of the API token may not register instances{quoted}"
        remedy = "Use the API token of an administrator of Invicti ASPM."
    else:
        reason = Reason.ASPM_REFUSED
        detail = f"Invicti ASPM refused the registration ({reply.status}){quoted}"
        remedy = (
            "Check the registration profile against your version of Invicti ASPM, or pass "
            "--register guided to connect."
        )
    detail = f"{detail} ({profile.title})."
    check = Check(CheckId.REGISTRATION, Status.FAIL, detail, reason, remedy).on(reply)
    return _outcome(marker, check, RegistrationState.FAILED)


def not_begun(prior: Registration, reply: Reply) -> Outcome:
    """Nothing was sent, since something before it failed."""
    kind, status = classify_aspm(reply), Status.FAIL
    if kind in ASPM_INCONCLUSIVE:
        status = Status.UNKNOWN
        reason, detail, remedy = explain_aspm_inconclusive(reply)
    elif kind is AspmAnswer.REFUSED:
        reason = Reason.ASPM_TOKEN_REJECTED
        detail = "Invicti ASPM does not accept the API token for this list."
        remedy = f"Use another API token. {where_tokens_are_made(None)}"
    elif kind is AspmAnswer.FORBIDDEN:
        reason, detail = Reason.ASPM_FORBIDDEN, "The owner of the API token may not list instances."
        remedy = "Use the API token of an administrator of Invicti ASPM."
    else:
        reason, remedy = Reason.ASPM_NOT_AN_API, "Check “find” in the registration profile."
        host = Origin.of(reply.call.url).host
        detail = f"{host} did not answer with a list of instances ({reply.status})."
        if kind is AspmAnswer.REDIRECT:
            target = redirect_target(reply)
            detail = f"The list of instances redirects ({reply.status}) to {target}."
    detail = f"Not registered, nothing was sent: {detail[:1].lower()}{detail[1:]}"
    check = Check(CheckId.REGISTRATION, status, detail, reason, remedy).on(reply)
    return Outcome(prior, check)


def in_doubt(marker: str, name: str, *replies: Reply, readable: bool) -> Outcome:
    """A write went out, and nobody can tell yet what came of it."""
    how = "it looks first"
    if not readable:
        how = "the profile has no “find”, so look in Invicti ASPM under Integrations"
    check = Check(
        CheckId.REGISTRATION,
        Status.UNKNOWN,
        "The registration was sent, and whether Invicti ASPM acted on it is not known. "
        "It was not sent again.",
        Reason.REGISTRATION_UNKNOWN,
        f"Go on later ({how}): aspm-ado handoff {name}",
    ).on(*replies)
    return _outcome(marker, check, RegistrationState.UNKNOWN)


def not_shown(state: Registration) -> Outcome:
    """A person says that it is saved, and ``projects/check`` does not know the tool."""
    check = Check(
        CheckId.REGISTRATION,
        Status.WARN,
        "Marked as saved by you; Invicti ASPM does not show it yet.",
        Reason.SAVED_NOT_SHOWN,
        "Check in Invicti ASPM that the integration is active.",
    )
    return Outcome(state, check)


def after_trial(outcome: Outcome, profile: Profile, reply: Reply) -> Outcome:
    """The same after ASPM's own test of the instance."""
    before = outcome.check or Check(CheckId.REGISTRATION, Status.PASS)
    evidence = (*before.evidence, reply.evidence)
    if profile.trial is not None and profile.trial.success.met(reply.status, _document(reply)):
        check = before.adding("Its own test passed.", reply)
    elif classify_aspm(reply) in ASPM_INCONCLUSIVE:
        reason, why, remedy = explain_aspm_inconclusive(reply)
        detail = f"Registered, but not tested: {why}"
        check = Check(
            CheckId.REGISTRATION, Status.UNKNOWN, detail, reason, remedy, evidence=evidence
        )
    else:
        message = error_message(reply)
        quoted = message and f", “{message}”"
        check = Check(
            CheckId.REGISTRATION,
            Status.FAIL,
            "Registered, but Invicti ASPM's own test of the instance failed "
            f"({reply.status}{quoted}).",
            Reason.ASPM_REFUSED,
            "Open the instance in Invicti ASPM under Integrations; the token itself is proven (see "
            "the checks above).",
            evidence=evidence,
        )
    return Outcome(outcome.registration, check)


class NewToken(Enum):
    """What stands with the token that Invicti ASPM is to have."""

    IN_FORCE = auto()
    WAITS = auto()
    """It is proven and stored; the old one serves until Invicti ASPM has the new one."""
    NOT_GOOD = auto()
    MISSING = auto()
    """The organization is to get a token of its own and has none."""


@dataclass(slots=True)
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
    revoked: bool = False
    """Whether its token is revoked at the end, unless Invicti ASPM has it: it is stored nowhere."""
    required: bool = False
    """Whether ``--register auto`` or ``api`` was asked for."""

    @property
    def registration(self) -> Registration:
        """How far it is by now."""
        return self.answer or self.on_record

    def add(self, outcome: Outcome | None) -> None:
        """Add what came of it in this run, if it was brought to Invicti ASPM."""
        if outcome is not None:
            self.answer, self.outcome = outcome.registration, outcome.check

    @property
    def is_refused(self) -> bool:
        """Whether a person said, now or before, that Invicti ASPM refused it."""
        by_a_person = self.registration.mode is RegistrationMode.GUIDED
        return by_a_person and self.registration.state is RegistrationState.FAILED

    def counts(self, check: Check) -> bool:
        """Whether the check is required.

        A person's refusal is, whatever ``--register`` was.
        """
        is_refused = self.is_refused and check.status is Status.FAIL
        return self.required or is_refused


_WAITS: Final = (
    "A new token is verified and stored. The current token stays in use until Invicti ASPM has "
    "the new one."
)
_NOT_BROUGHT: Final = (
    "No handoff, as requested. Someone still has to enter this token in Invicti ASPM."
)
_REFUSED: Final = (
    "Invicti ASPM refused the new token, although it passed. The current token stays in use. The "
    "new one is pending."
)
_DIFFERENT: Final = (
    "The token passed, but Invicti ASPM refused it or has another instance for this organization."
)
_BEHIND: Final = "Skipped: Invicti ASPM is not ready (see its own checks)."


def judge_registration(facts: RegistrationFacts) -> Check:
    """The check of one organization."""
    made = _judged(facts)
    made = replace(made, required=facts.counts(made))
    if not facts.stored:
        return replace(_unstored(facts, made), next=Command("connect"))
    verb = "migrate" if facts.token is NewToken.MISSING else "handoff"
    return replace(made, next=Command(verb))


_WITHOUT_HANDOFF: Final = {
    Reason.HANDED_OFF: "Enter the values in Invicti ASPM now; nothing is stored to come back to.",
    Reason.SAVED_NOT_SHOWN: "Check in Invicti ASPM that the integration is active.",
    Reason.ASPM_REFUSED: "If aspm-ado printed a text for Invicti's support, send it. Then connect "
    "again: aspm-ado connect",
    Reason.REGISTRATION_CONFLICT: "Look at it in Invicti ASPM under Integrations. To register "
    "anew, remove it there, and run: aspm-ado connect",
    Reason.SAVED_NOT_SHOWN: "Look in Invicti ASPM under Integrations. If it is not there, enter "
    "the values again.",
    Reason.REGISTRATION_UNKNOWN: "Look in Invicti ASPM under Integrations. If it is not there, "
    "run: aspm-ado connect",
}


def _unstored(facts: RegistrationFacts, made: Check) -> Check:
    """The same where nothing is stored: ``handoff`` has nothing to go on with."""
    if facts.revoked and made.reason in (Reason.HANDED_OFF, Reason.ASPM_REFUSED):
        return replace(
            made,
            detail=f"{made.detail} The token is stored nowhere, so aspm-ado revokes it.",
            remedy="To create another token and store it, run: aspm-ado connect",
        )
    remedy = made.remedy or ""
    if made.reason is not None and f"aspm-ado handoff {facts.connection}" in remedy:
        remedy = _WITHOUT_HANDOFF.get(made.reason, remedy)
    return replace(made, remedy=remedy or None)


def _judged(facts: RegistrationFacts) -> Check:
    if facts.token is NewToken.NOT_GOOD:
        return skip(CheckId.REGISTRATION, "Skipped: this organization did not pass.")
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
        f"Go on: aspm-ado migrate {facts.connection} -o {quote(clean(facts.organization, 100))}",
    )


def _behind_aspm(facts: RegistrationFacts) -> Check:
    detail = _BEHIND
    if facts.token is NewToken.WAITS:
        detail += f" {_WAITS}"
    if facts.stored:
        detail += f" Afterwards: aspm-ado handoff {facts.connection}"
    return skip(CheckId.REGISTRATION, detail)


def _waiting(facts: RegistrationFacts) -> Check:
    if facts.answer is not None and facts.answer.state is RegistrationState.FAILED:
        return _failed(facts)
    return _handed_off(facts)


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
    how, proof = "Marked as saved by you", "; not confirmed by Invicti ASPM"
    if registration.mode is RegistrationMode.API:
        how, proof = "Its API answered that it is registered", ""
    if registration.proof is Proof.ALM_ACCEPTED:
        proof = "; since then projects/check knows the tool"
    return Check(CheckId.REGISTRATION, Status.PASS, f"{how}{proof}.")


def _handed_off(facts: RegistrationFacts) -> Check:
    remedy = f"Enter the values in Invicti ASPM: aspm-ado handoff {facts.connection}"
    detail = "The values are ready. Someone still has to enter them."
    if not facts.brought:
        detail = _NOT_BROUGHT
    if facts.token is NewToken.WAITS:
        detail = _WAITS
    return Check(CheckId.REGISTRATION, Status.WARN, detail, Reason.HANDED_OFF, remedy)


def _failed(facts: RegistrationFacts) -> Check:
    detail = "The token is good (see the checks above), but Invicti ASPM refused it."
    remedy = (
        "Send Invicti's support the text that was printed; then: aspm-ado handoff "
        f"{facts.connection}"
    )
    if facts.registration.mode is RegistrationMode.API:
        detail = _DIFFERENT
        remedy = f"Go on in Invicti ASPM: aspm-ado handoff {facts.connection}"
    if facts.token is NewToken.WAITS:
        detail = _REFUSED
        remedy += f" Afterwards: aspm-ado handoff {facts.connection}"
    return Check(CheckId.REGISTRATION, Status.FAIL, detail, Reason.ASPM_REFUSED, remedy)


def _unknown(facts: RegistrationFacts, detail: str) -> Check:
    remedy = f"Go on in Invicti ASPM: aspm-ado handoff {facts.connection}"
    return Check(CheckId.REGISTRATION, Status.UNKNOWN, detail, Reason.REGISTRATION_UNKNOWN, remedy)
