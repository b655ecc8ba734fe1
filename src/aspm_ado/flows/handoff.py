"""``handoff``: the Invicti ASPM step again, any day, with the values of a stored connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aspm_ado.domain.aspm.api import Dialect, Settings, settings_for
from aspm_ado.domain.aspm.handoff import stored_evidence
from aspm_ado.domain.aspm.registration import NewToken, RegistrationFacts, token_of
from aspm_ado.domain.azure.place import options_for
from aspm_ado.domain.reasons import (
    HandoffInterruptedError,
    InterruptedByUserError,
    Reason,
    Status,
    StoreError,
    UsageError,
)
from aspm_ado.domain.report import AspmReport, Check, OrganizationReport, Report
from aspm_ado.domain.rules.aspm import aspm_skipped
from aspm_ado.domain.stored import (
    Entry,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredAspm,
    StoredOrganization,
)
from aspm_ado.domain.text import clean
from aspm_ado.flows.answers import AUTO
from aspm_ado.flows.registration.aspm import (
    NO_TEAM_LEADS,
    AspmResult,
    AspmTarget,
    AspmTerms,
    aspm_token,
    given_for,
    resolve_aspm,
)
from aspm_ado.flows.registration.delivery import Outcomes, deliver, goes_through_profile, profile_at
from aspm_ado.flows.registration.guided import Handoff
from aspm_ado.flows.storage.connection import report_on_record
from aspm_ado.flows.storage.successor import revoke_replaced
from aspm_ado.flows.storage.transaction import changed_meanwhile, read_current
from aspm_ado.flows.target import entry_meant
from aspm_ado.flows.validation.report import entry_report, report, with_registration

if TYPE_CHECKING:
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import AspmOptions


@dataclass(frozen=True, slots=True)
class HandoffResult:
    """What came of stored organizations that were brought to their Invicti ASPM."""

    stored: Check | None = None
    """``store.secrets``, where the tokens had to be read."""
    aspm: AspmResult | None = None
    outcomes: Outcomes = field(default_factory=dict)

    @property
    def unread(self) -> list[Check]:
        """``store.secrets``, where the tokens could not be read."""
        return [one for one in (self.stored,) if one and one.status is not Status.PASS]

    def facts(
        self, entry: Entry, name: str, options: AspmOptions | None = None
    ) -> RegistrationFacts:
        """What decides ``aspm.registration`` of an organization; ``entry`` is on record by now.

        ``options`` are what was asked for, where the command can be told.
        """
        facts = RegistrationFacts(
            entry.name,
            name,
            token=token_of(entry, name),
            aspm_is_good=self.aspm is None or self.aspm.is_good,
            brought=options is None or options.is_wanted,
            required=options is not None and options.counts and entry.aspm is not None,
        )
        stored = entry.organization(name)
        if stored is not None:
            facts.on_record = stored.registration
        facts.add(self.outcomes.get(name.casefold()))
        return facts


def resume_handoff(context: Context, name: str | None, command: str = "handoff") -> Report:
    """Go on with what is not registered yet; when everything is, show it all again."""
    entry = entry_meant(context, name)
    if entry.aspm is None:
        raise UsageError(
            Reason.INPUT_MISSING,
            f"The connection “{entry.name}” names no Invicti ASPM.",
            remedy=f"Name it: aspm-ado connect {entry.name} {_where(entry)} --aspm-url URL",
        )
    due = due_in(entry)
    done = {one.name: one.registration for one in entry.organizations if one not in due}
    result = bring(context, entry, entry.aspm, due, done)
    now = context.records.load().connections.get(entry.name, entry)
    revoke_replaced(context, entry, now)
    organizations = [_organization(now, one, result) for one in now.organizations]
    checks = filter(None, [result.stored])
    made = entry_report(now, organizations, checks, aspm_report(now, result.aspm))
    return report(context, command, [made])


def due_in(entry: Entry) -> list[StoredOrganization]:
    """What a hand-off is about: what is not registered yet, or everything where all is."""
    due = [one for one in entry.organizations if not is_registered(entry, one)]
    return due or list(entry.organizations)


def _how_to_continue(entry: Entry) -> tuple[str, str]:
    """What is stored when a person stops in the handoff, and the command that goes on."""
    said = f"The connection “{entry.name}” is stored."
    if entry.successors:
        said += " Its new token is stored, too. The current token stays in use."
    left = [one.name for one in entry.organizations if not is_registered(entry, one)]
    if left:
        said += f" Remaining to enter in Invicti ASPM: {clean(', '.join(left), 300)}."
    else:
        said += " Nothing remains to enter in Invicti ASPM."
    return said, f"aspm-ado handoff {entry.name}"


@contextmanager
def resumable(
    context: Context,
    name: str,
    how_to_continue: Callable[[Entry], tuple[str, str]] = _how_to_continue,
    error: type[InterruptedByUserError] = HandoffInterruptedError,
) -> Iterator[None]:
    """Inside, Ctrl-C says what is stored of the connection, and which command continues.

    Both are by the record of that moment. The outermost of several decides. If
    ``how_to_continue`` says nothing, the interrupt stays as it is.
    """
    try:
        yield
    except (InterruptedByUserError, KeyboardInterrupt):
        entry = None
        with suppress(StoreError):
            entry = context.records.load().connections.get(name)
        if entry is None:
            raise
        said, command = how_to_continue(entry)
        if not said:
            raise
        raise error(
            Reason.INTERRUPTED, f"Interrupted. {said}", remedy=f"To continue, run: {command}"
        ) from None


def is_registered(entry: Entry, one: StoredOrganization) -> bool:
    """Whether Invicti ASPM has the newest token of an organization."""
    state = one.registration.state
    return state is RegistrationState.REGISTERED and entry.successor_of(one.name) is None


def is_unfinished(entry: Entry, *, asks: bool) -> bool:
    """Whether a profile's registration is not at its end on record.

    With a person there, also whether one has something left to enter.
    """
    states = [one.registration for one in entry.organizations]
    waits = entry.successors or any(one.state is RegistrationState.HANDED_OFF for one in states)
    if asks and entry.aspm is not None and waits:
        return True
    unsettled = (RegistrationState.UNKNOWN, RegistrationState.NONE)
    return any(one.mode is RegistrationMode.API and one.state in unsettled for one in states)


def bring(
    context: Context,
    entry: Entry,
    known: StoredAspm,
    due: Sequence[StoredOrganization],
    done: Mapping[str, Registration] | None = None,
    *,
    validates: bool = True,
) -> HandoffResult:
    """Bring stored organizations to ``known``; it is validated before, where that is wanted.

    ``done`` are those that a person has finished before, by name.
    """
    wanted = {one.key for one in due}

    def keys_of(entry: Entry) -> dict[str, None]:
        there = [one for one in entry.organizations if one.key in wanted]
        return dict.fromkeys(entry.newest_key(one.name) for one in there)

    found = read_current(context, entry, keys_of)
    if found is None:
        raise changed_meanwhile(entry.name)
    entry, secrets, stored = found
    due = [one for one in entry.organizations if one.key in wanted]
    if stored.status is not Status.PASS:
        return HandoffResult(stored)
    profile_path = ""
    if any(goes_through_profile(one.registration, entry.successor_of(one.name)) for one in due):
        profile_path = known.profile
    asked, aspm = None, AspmResult(known.url, aspm_skipped())
    if validates:
        asked = aspm = _validated(context, entry, known, needs_token=bool(profile_path))
    settings = _settings(context, entry, aspm)
    if not aspm.is_good:
        return HandoffResult(stored, aspm)
    handoffs = [_handoff(entry, one, secrets[entry.newest_key(one.name)], settings) for one in due]
    profile = profile_at(context, profile_path) if profile_path else None
    with resumable(context, entry.name):
        outcomes = deliver(context, aspm, profile, handoffs, resumes=True, done=done)
    return HandoffResult(stored, asked, outcomes)


def _settings(context: Context, entry: Entry, aspm: AspmResult) -> Settings:
    """The settings on record, as far as this Invicti ASPM has them."""
    api = entry.aspm.api if entry.aspm is not None else AUTO
    settings = settings_for(entry.toggles, entry.purpose, api)
    if not settings.toggles or aspm.api != Dialect.CORE.value:
        return settings
    context.voice.warn(NO_TEAM_LEADS)
    return Settings(issue_manager=settings.issue_manager)


def _validated(
    context: Context, entry: Entry, known: StoredAspm, *, needs_token: bool
) -> AspmResult:
    """Its ASPM, validated with the token that is stored for it."""
    given = given_for(context, known.url)
    if needs_token and not context.asker.asks and aspm_token(context, known.url, given) is None:
        raise UsageError(
            Reason.INPUT_MISSING,
            f"No API token of {known.url} is stored, and prompts are unavailable.",
            remedy=f"Give it: aspm-ado connect {entry.name} {_where(entry)} --aspm-token-file FILE",
        )
    target = AspmTarget(known.url, AUTO, known.api, entry.ca_bundle)
    return resolve_aspm(context, target, given, AspmTerms(needs_token))


def _where(entry: Entry) -> str:
    return options_for(entry.site, [entry.organizations[0].name])


def _handoff(entry: Entry, one: StoredOrganization, secret: Secret, settings: Settings) -> Handoff:
    """A stored organization, to be brought to Invicti ASPM with ``secret``.

    That is its new token, where one waits.
    """
    key = entry.successor_of(one.name) or ""
    if key:
        one = entry.successors[key].in_force(one, key, one.registration)
    day = max(one.days.values(), default=(entry.validated or "")[:10])
    credential = entry.credential_of(one.credential)
    evidence = stored_evidence(one.verdict, day, credential.reach, credential.owner)
    return Handoff(
        entry.name,
        entry.site.place(one.name),
        entry.purpose,
        settings,
        secret,
        one.username,
        one.repository,
        evidence,
        one.registration,
        key,
        one.verdict,
    )


def aspm_report(entry: Entry, aspm: AspmResult | None) -> AspmReport | None:
    """The ASPM of a connection, where nothing was asked of it, too."""
    if aspm is not None:
        return aspm.report
    if entry.aspm is None:
        return None
    return AspmReport(entry.aspm.url, entry.aspm.api, aspm_skipped())


def _organization(
    entry: Entry, one: StoredOrganization, result: HandoffResult
) -> OrganizationReport:
    """In this command the answer is the result: later is 8, refused is 6, saved is 0."""
    facts = result.facts(entry, one.name)
    state = facts.registration
    begun = state.state is not RegistrationState.NONE or state.mode is RegistrationMode.API
    answered = facts.outcome is not None or facts.token is NewToken.WAITS
    facts.required = (begun or answered) and not state.unseen
    return with_registration(report_on_record(entry, one), facts)
