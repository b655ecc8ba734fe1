"""The answers to a registration, and the one judge of ``aspm.registration``.

A write is never sent twice. If its answer is lost or unclear, only reading can tell. Only an
instance with our own marker is ours (facts/reliability B, rows 25 to 27).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import (
    INSTANCE_ID,
    Profile,
    Values,
    at,
    is_readable,
    places_in,
    same,
    where_tokens_are_made,
)
from aspm_ado.domain.documents import Document
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import NEVER_SENT, CheckId, Reason, Status
from aspm_ado.domain.report import Check, Command, skip
from aspm_ado.domain.rules.aspm import (
    ASPM_INCONCLUSIVE,
    AspmAnswer,
    classify_aspm,
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
from aspm_ado.domain.text import clean_said

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Dialect
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.stored import Entry

HANDOFF: Final = Command("handoff")
_LOOK: Final = "Check in Invicti ASPM under Integrations."


class Presence(StrEnum):
    """What the list of instances shows about one organization."""

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

    A list that is incomplete, or of which an item cannot be compared, may hide an instance.
    """
    find, items = profile.find, _all_instances(profile, reply)
    if find is None or items is None:
        return InstanceSearch(Presence.UNCLEAR, reply)
    for item in items:
        if same(item, find.ours, values):
            return InstanceSearch(Presence.OURS, reply, _instance_id(item, find.id))
    if any(same(item, find.match, values) for item in items):
        return InstanceSearch(Presence.FOREIGN, reply)
    wanted = {**find.match, **find.ours}
    is_clear = all(is_readable(item, wanted) for item in items)
    return InstanceSearch(Presence.ABSENT if is_clear else Presence.UNCLEAR, reply)


def _all_instances(profile: Profile, reply: Reply) -> list[object] | None:
    """The list, or ``None`` if it is missing or incomplete."""
    find = profile.find
    if find is None or reply.status != 200 or not isinstance(reply.answer, Document):
        return None
    document = reply.answer.content
    items = at(document, find.items)
    if not isinstance(items, list):
        return None
    total = at(document, find.total) if find.total else len(items)
    is_whole = type(total) is int and 0 <= total <= len(items)  # a bool is no count
    return items if is_whole else None


class WriteResult(StrEnum):
    """The result of the one write. ``ELSEWHERE``: a redirect or a page, not from the API."""

    CREATED = "created"
    CONFLICT = "conflict"
    REFUSED = "refused"
    ELSEWHERE = "elsewhere"
    NOT_SENT = "not-sent"
    UNCLEAR = "unclear"


def read_write(profile: Profile, reply: Reply) -> tuple[WriteResult, str | None]:
    """Read the answer to the write, and the id of the new instance."""
    if reply.failure in NEVER_SENT:
        return WriteResult.NOT_SENT, None
    kind = classify_aspm(reply)
    if kind in ASPM_INCONCLUSIVE or reply.status == 408:
        return WriteResult.UNCLEAR, None
    if kind is AspmAnswer.REDIRECT:
        return WriteResult.ELSEWHERE, None
    if reply.status in profile.conflict and reply.status >= 400:
        return WriteResult.CONFLICT, None
    if kind is AspmAnswer.PAGE and reply.status >= 400:
        return WriteResult.ELSEWHERE, None
    if reply.status >= 400:
        return WriteResult.REFUSED, None
    document = _document(reply)
    if profile.success.met(reply.status, document):
        return WriteResult.CREATED, _instance_id(document, profile.id)
    return WriteResult.UNCLEAR, None


def may_have_acted(reply: Reply) -> bool:
    """Whether a redirected write may have succeeded: 302 and 303 also follow a saved form."""
    return reply.status in (302, 303)


def _document(reply: Reply) -> object:
    return reply.answer.content if isinstance(reply.answer, Document) else reply.document


def _instance_id(document: object, pointer: str) -> str | None:
    """The id, or ``None`` if a report cannot show it as it is."""
    found = at(document, pointer) if pointer else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return str(found) if clean_said(found, 120) == str(found) else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one organization that was registered or handed off.

    ``check`` says more than the state, if the API answered.
    """

    registration: Registration
    check: Check | None = None

    def accepted(self) -> Outcome:
        """The same, now that ``projects/check`` knows the tool."""
        check = self.check
        if check is not None:
            check = check.adding("projects/check now knows the tool.")
        return Outcome(self.registration.proven(Proof.ALM_ACCEPTED), check)


def _open(status: Status, detail: str, reason: Reason, remedy: str, *replies: Reply) -> Check:
    """A check that ``handoff`` continues with."""
    check = Check(CheckId.REGISTRATION, status, detail, reason, remedy, next=HANDOFF)
    return check.on(*replies)


def _outcome(marker: str, check: Check, state: RegistrationState) -> Outcome:
    return Outcome(Registration(RegistrationMode.API, state, marker=marker), check)


def registered(
    marker: str, instance: str | None, profile: Profile, *replies: Reply, adopted: bool = False
) -> Outcome:
    """The instance exists, and it is ours."""
    how = "Registered in Invicti ASPM"
    if adopted:
        how = "Found in Invicti ASPM by its marker"
    detail = f"{how}{_named(instance)} ({profile.title})."
    state = Registration(
        RegistrationMode.API, RegistrationState.REGISTERED, Proof.CLAIMED, instance, marker
    )
    return Outcome(state, Check(CheckId.REGISTRATION, Status.PASS, detail).on(*replies))


def already_registered(prior: Registration) -> Outcome:
    """An earlier run registered it. A second instance is never created."""
    named = _named(prior.instance_id)
    detail = f"Registered by an earlier run{named}. This run created nothing."
    return Outcome(prior, Check(CheckId.REGISTRATION, Status.PASS, detail))


def _named(instance: str | None) -> str:
    return f" as {instance}" if instance else ""


def conflicting(marker: str, profile: Profile, *replies: Reply, doubtful: bool = False) -> Outcome:
    """An instance exists that may not be ours. It is neither changed nor duplicated.

    ``doubtful``: an earlier run may have created it, and something has changed its marker.
    """
    whose = "that aspm-ado did not create"
    if doubtful:
        whose = "without the marker of aspm-ado. An earlier run may have created it"
    check = _open(
        Status.FAIL,
        f"Invicti ASPM already has an instance for this organization {whose} "
        f"({profile.title}). Nothing changed.",
        Reason.REGISTRATION_CONFLICT,
        "In Invicti ASPM under Integrations, enter the token in that instance, or remove it.",
        *replies,
    )
    return _outcome(marker, check, RegistrationState.FAILED)


def _denied(what: str, dialect: Dialect | None, *, is_rejected: bool) -> tuple[Reason, str, str]:
    """Reason, detail and remedy, if the API token is rejected or its owner may not do ``what``."""
    if is_rejected:
        remedy = f"Use another API token. {where_tokens_are_made(dialect)}"
        return Reason.ASPM_TOKEN_REJECTED, "Invicti ASPM rejected the API token", remedy
    remedy = "Use the API token of an administrator of Invicti ASPM."
    return Reason.ASPM_FORBIDDEN, f"The owner of the API token may not {what}", remedy


def refused(marker: str, profile: Profile, reply: Reply) -> Outcome:
    """Invicti ASPM refused. Its words are quoted."""
    message = error_message(reply)
    quoted = message and f" (“{message}”)"
    if classify_aspm(reply) is AspmAnswer.REDIRECT:
        reason = Reason.ASPM_NOT_AN_API
        detail = f"Invicti ASPM redirects ({reply.status}) to {redirect_target(reply)}"
        remedy = "Correct the path in the registration profile. aspm-ado follows no redirect."
    elif classify_aspm(reply) is AspmAnswer.PAGE:
        reason = Reason.ASPM_NOT_AN_API
        host = Origin.of(reply.call.url).host
        detail = f"The answer of {host} is not from the API of Invicti ASPM ({reply.status})"
        remedy = (
            "Correct the path in the registration profile. Or ask an administrator of Invicti "
            "ASPM: a gateway may block the request."
        )
    elif reply.status in (401, 403):
        reason, detail, remedy = _denied(
            "register instances", profile.dialect, is_rejected=reply.status == 401
        )
        detail += quoted
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
    """Nothing was sent, because an earlier step failed."""
    kind, status = classify_aspm(reply), Status.FAIL
    if kind in ASPM_INCONCLUSIVE:
        status = Status.UNKNOWN
        reason, detail, remedy = explain_aspm_inconclusive(reply)
    elif kind in (AspmAnswer.REFUSED, AspmAnswer.FORBIDDEN):
        is_rejected = kind is AspmAnswer.REFUSED
        reason, detail, remedy = _denied("list instances", None, is_rejected=is_rejected)
        detail += "."
    else:
        reason, remedy = Reason.ASPM_NOT_AN_API, "Check “find” in the registration profile."
        host = Origin.of(reply.call.url).host
        detail = f"{host} did not answer with a list of instances ({reply.status})."
        if kind is AspmAnswer.REDIRECT:
            target = redirect_target(reply)
            detail = f"The list of instances redirects ({reply.status}) to {target}."
    detail = f"Not registered; nothing was sent. {detail}"
    check = Check(CheckId.REGISTRATION, status, detail, reason, remedy).on(reply)
    return Outcome(prior, check)


def in_doubt(marker: str, *replies: Reply, readable: bool) -> Outcome:
    """The write was sent, and its result is unknown."""
    remedy = "The next run checks Invicti ASPM first."
    if not readable:
        remedy = "Check in Invicti ASPM under Integrations: the profile has no “find”."
    check = _open(
        Status.UNKNOWN,
        "aspm-ado sent the registration once. It is unknown whether Invicti ASPM acted on it.",
        Reason.REGISTRATION_UNKNOWN,
        remedy,
        *replies,
    )
    return _outcome(marker, check, RegistrationState.UNKNOWN)


def untested(outcome: Outcome) -> Outcome:
    """The same, where ASPM's own test needs the id of the instance, which is not known."""
    before = outcome.check or Check(CheckId.REGISTRATION, Status.PASS)
    check = replace(
        before,
        status=Status.UNKNOWN,
        detail="Registered, but not tested: the answer has no usable ID of the instance.",
        reason=Reason.ANSWER_UNREADABLE,
        remedy="Check “id” in the registration profile.",
    )
    return Outcome(outcome.registration, check)


def needs_id(profile: Profile) -> bool:
    """Whether ASPM's own test of an instance needs its id."""
    return profile.trial is not None and INSTANCE_ID in places_in(profile.trial.path)


def after_trial(outcome: Outcome, profile: Profile, reply: Reply) -> Outcome:
    """The same after ASPM's own test of the instance."""
    before = outcome.check or Check(CheckId.REGISTRATION, Status.PASS)
    if profile.trial is not None and profile.trial.success.met(reply.status, _document(reply)):
        check = before.adding("The test of Invicti ASPM passed.", reply)
        return Outcome(outcome.registration, check)
    if classify_aspm(reply) in ASPM_INCONCLUSIVE:
        status = Status.UNKNOWN
        reason, why, remedy = explain_aspm_inconclusive(reply)
        detail = f"Registered, but not tested: {why}"
    elif classify_aspm(reply) in (AspmAnswer.PAGE, AspmAnswer.REDIRECT):
        status, reason = Status.UNKNOWN, Reason.ASPM_NOT_AN_API
        host = Origin.of(reply.call.url).host
        detail = (
            f"Registered, but not tested: the answer of {host} is not from the API of Invicti "
            f"ASPM ({reply.status})."
        )
        remedy = "Check “test” in the registration profile."
    else:
        status, reason = Status.FAIL, Reason.ASPM_REFUSED
        message = error_message(reply)
        quoted = message and f", “{message}”"
        detail = (
            f"Registered, but the instance failed the test of Invicti ASPM ({reply.status}"
            f"{quoted})."
        )
        remedy = "Open the instance in Invicti ASPM under Integrations. The token itself passed."
    evidence = (*before.evidence, reply.evidence)
    check = Check(CheckId.REGISTRATION, status, detail, reason, remedy, evidence=evidence)
    return Outcome(outcome.registration, check)


class NewToken(Enum):
    """The state of the token for Invicti ASPM.

    ``WAITS``: verified and stored, and the current token stays in use until Invicti ASPM has it.
    ``MISSING``: the organization is part of a migration and has no token of its own.
    """

    IN_FORCE = auto()
    WAITS = auto()
    NOT_GOOD = auto()
    MISSING = auto()


@dataclass(slots=True)
class RegistrationFacts:
    """Everything that decides ``aspm.registration`` of one organization.

    ``answer`` is what a person or Invicti ASPM said in this run, ``outcome`` the check of the API.
    ``brought`` is false for ``--register none``, ``required`` true for ``auto`` and ``api``.
    ``revoked``: a token that is stored nowhere is revoked, unless Invicti ASPM has it.
    """

    connection: str
    organization: str
    on_record: Registration = UNREGISTERED
    answer: Registration | None = None
    token: NewToken = NewToken.IN_FORCE
    outcome: Check | None = None
    aspm_is_good: bool = True
    brought: bool = True
    stored: bool = True
    revoked: bool = False
    required: bool = False

    @property
    def registration(self) -> Registration:
        """The state by now."""
        return self.answer or self.on_record

    def add(self, outcome: Outcome | None) -> None:
        """Add the outcome of this run, if there is one."""
        if outcome is not None:
            self.answer, self.outcome = outcome.registration, outcome.check

    @property
    def is_refused(self) -> bool:
        """Whether a person reported, now or before, that Invicti ASPM refused it."""
        by_a_person = self.registration.mode is RegistrationMode.GUIDED
        return by_a_person and self.registration.state is RegistrationState.FAILED

    def counts(self, check: Check) -> bool:
        """Whether the check is required. A reported refusal is, whatever ``--register`` was."""
        is_refused = self.is_refused and check.status is Status.FAIL
        return self.required or is_refused


_WAITS: Final = (
    "A new token is verified and stored. The current token stays in use until Invicti ASPM has "
    "the new one."
)
_WITHOUT_HANDOFF: Final = {
    Reason.HANDED_OFF: "Enter the values in Invicti ASPM now, because nothing is stored.",
    Reason.ASPM_REFUSED: "Send the printed text to Invicti's support. To try again, run: aspm-ado "
    "connect",
    Reason.REGISTRATION_CONFLICT: "In Invicti ASPM under Integrations, remove that instance. To "
    "register again, run: aspm-ado connect",
    Reason.REGISTRATION_UNKNOWN: "Check in Invicti ASPM under Integrations. If it is missing, run: "
    "aspm-ado connect",
}
"""The remedies if nothing is stored, so that ``handoff`` has nothing to continue with."""


def judge_registration(facts: RegistrationFacts) -> Check:
    """The check of one organization.

    A check that names the next command as data gets it at the end of its remedy.
    """
    made = _judged(facts)
    detail, remedy, following = made.detail, made.remedy, made.next or HANDOFF
    if not facts.stored:
        following = Command("connect")
        if facts.revoked and made.reason in (Reason.HANDED_OFF, Reason.ASPM_REFUSED):
            detail += " The token is stored nowhere, so aspm-ado revokes it."
            remedy = "To create another token and store it, run: aspm-ado connect"
        elif made.reason is not None and made.next is not None:
            remedy = _WITHOUT_HANDOFF.get(made.reason, remedy)
    elif made.next is not None:
        remedy = f"{remedy} To continue, run: {following.text(facts.connection)}"
    required = facts.counts(made)
    return replace(made, detail=detail, remedy=remedy, required=required, next=following)


def _judged(facts: RegistrationFacts) -> Check:
    if facts.token is NewToken.NOT_GOOD:
        return skip(CheckId.REGISTRATION, "Skipped: this organization did not pass.")
    if facts.token is NewToken.MISSING:
        return Check(
            CheckId.REGISTRATION,
            Status.WARN,
            "This organization has no token of its own yet. The current token stays in use.",
            Reason.NOT_MIGRATED,
            "Create a token for it.",
            next=Command("migrate", (facts.organization,)),
        )
    waits = facts.token is NewToken.WAITS
    if facts.outcome is not None and not (waits and facts.outcome.status is Status.PASS):
        return facts.outcome
    if not facts.aspm_is_good:
        behind = "Skipped: Invicti ASPM is not ready (see its own checks)."
        return skip(CheckId.REGISTRATION, f"{behind} {_WAITS}" if waits else behind)
    if waits:
        answer = facts.answer
        failed = answer is not None and answer.state is RegistrationState.FAILED
        return _failed(facts) if failed else _handed_off(facts)
    return _by_state(facts)


def token_of(entry: Entry, name: str) -> NewToken:
    """The state of the token of a stored organization."""
    return NewToken.IN_FORCE if entry.successor_of(name) is None else NewToken.WAITS


def _by_state(facts: RegistrationFacts) -> Check:
    by_api = facts.registration.mode is RegistrationMode.API
    match facts.registration.state:
        case RegistrationState.REGISTERED:
            return _registered(facts.registration)
        case RegistrationState.HANDED_OFF:
            return _handed_off(facts)
        case RegistrationState.FAILED:
            return _failed(facts)
        case RegistrationState.PLANNED:
            detail = "Dry run: nothing was registered."
            return skip(CheckId.REGISTRATION, detail, Reason.REGISTRATION_PLANNED)
        case RegistrationState.NONE if not by_api:
            return skip(CheckId.REGISTRATION, "Not registered.", Reason.NOT_WANTED)
        case RegistrationState.NONE:
            detail = "Not registered yet."
        case RegistrationState.UNKNOWN:
            detail = "Could not determine whether it is registered."
    return _open(Status.UNKNOWN, detail, Reason.REGISTRATION_UNKNOWN, _LOOK)


def _registered(registration: Registration) -> Check:
    if registration.unseen:
        return Check(
            CheckId.REGISTRATION,
            Status.WARN,
            "Marked as saved by you; Invicti ASPM does not show it yet.",
            Reason.SAVED_NOT_SHOWN,
            "Check in Invicti ASPM that the integration is active.",
        )
    how, proof = "Marked as saved by you", "; not confirmed by Invicti ASPM"
    if registration.mode is RegistrationMode.API:
        how, proof = "The API of Invicti ASPM reported it as registered", ""
    if registration.proof is Proof.ALM_ACCEPTED:
        proof = "; projects/check now knows the tool"
    return Check(CheckId.REGISTRATION, Status.PASS, f"{how}{proof}.")


def _handed_off(facts: RegistrationFacts) -> Check:
    detail = "The values are ready. Someone still has to enter them."
    if not facts.brought:
        detail = "No handoff, as requested. Someone still has to enter this token in Invicti ASPM."
    if facts.token is NewToken.WAITS:
        detail = _WAITS
    return _open(Status.WARN, detail, Reason.HANDED_OFF, "Enter the values in Invicti ASPM.")


def _failed(facts: RegistrationFacts) -> Check:
    detail = "The token passed, but Invicti ASPM refused it."
    remedy = "Send the printed text to Invicti's support."
    if facts.registration.mode is RegistrationMode.API:
        detail = f"{detail[:-1]} or has another instance for this organization."
        remedy = _LOOK
    if facts.token is NewToken.WAITS:
        detail = (
            "The new token passed, but Invicti ASPM refused it. The current token stays in use. "
            "The new one is pending."
        )
    return _open(Status.FAIL, detail, Reason.ASPM_REFUSED, remedy)
