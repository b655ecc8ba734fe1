"""The Invicti ASPM step again, any day: the values of a stored connection, and how it went this time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.aspm.api import Dialect, settings_for
from aspm_ado.domain.aspm.handoff import stored_evidence
from aspm_ado.domain.aspm.registration import (
    NewToken,
    RegistrationFacts,
    judge_registration,
    token_of,
)
from aspm_ado.domain.azure.place import Site
from aspm_ado.domain.azure.scopes import Deployment, Purpose
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.errors import StoreError, UsageError
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import (
    AspmReport,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
)
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
from aspm_ado.flows.registration.api import profile_at
from aspm_ado.flows.registration.aspm import (
    NO_TEAM_LEADS,
    AspmProof,
    aspm_token,
    given_for,
    settle_aspm,
)
from aspm_ado.flows.registration.delivery import Delivery, deliver
from aspm_ado.flows.registration.guided import Item
from aspm_ado.flows.storage.connection import facts_on_record
from aspm_ado.flows.storage.secrets import rotation
from aspm_ado.flows.storage.successor import tell_revoking
from aspm_ado.flows.validate import stored_entries
from aspm_ado.flows.validation.report import report

if TYPE_CHECKING:
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.context import Context

WHICH = Question("connection", "Which connection")


def resume_handoff(context: Context, name: str | None, command: str = "handoff") -> Report:
    """Go on with what is not registered yet; when everything is, show it all again."""
    entry = _entry(context, name)
    if entry.aspm is None:
        raise UsageError(
            Reason.INPUT_MISSING,
            f"The connection “{entry.name}” names no Invicti ASPM.",
            remedy=f"Name it: aspm-ado connect {entry.name} -o {entry.organizations[0].name} --aspm-url URL",
        )
    due = [
        one
        for one in entry.organizations
        if one.registration.state is not RegistrationState.REGISTERED
        or entry.successor_of(one.name)
    ]
    done = [one.name for one in entry.organizations if due and one not in due]
    stored, aspm, delivery = bring(context, entry, entry.aspm, due or entry.organizations, done)
    now = context.records.load().connections.get(entry.name, entry)
    tell_revoking(context, entry, now)
    return report(context, command, [], [_document(now, stored, aspm, delivery)])


def bring(
    context: Context,
    entry: Entry,
    known: StoredAspm,
    due: Sequence[StoredOrganization],
    done: Sequence[str] = (),
) -> tuple[Check, AspmProof | None, Delivery]:
    """Bring stored organizations to ``known``: what became of their secrets, of the ASPM, and of each organization."""
    secrets, stored = _secrets(context, entry, due)
    aspm, delivery = None, Delivery()
    if stored.status is Status.PASS:
        items = [
            stored_item(entry, one, secrets[entry.successor_of(one.name) or one.credential])
            for one in due
        ]
        through = [item for item in items if _by_profile(known, item)]
        aspm = _aspm(context, entry, known, needs_token=bool(through))
        if aspm.api == Dialect.CORE.value and any(item.settings.toggles for item in items):
            context.voice.warn(NO_TEAM_LEADS)
            items = [replace(item, settings=replace(item.settings, toggles=())) for item in items]
        if aspm.is_good:
            delivery = _deliver(context, aspm, known, items, done)
    return stored, aspm, delivery


def unfinished(entry: Entry, *, asks: bool) -> bool:
    """Whether a registration through a profile was begun, or was to be, and its end is not on record; or whether a
    person who is there has something left to enter.
    """
    if asks and entry.aspm is not None and (entry.successors or _handed_off(entry)):
        return True
    return any(
        one.registration.mode is RegistrationMode.API and one.registration.state in _OPEN
        for one in entry.organizations
    )


def _handed_off(entry: Entry) -> bool:
    return any(
        one.registration.state is RegistrationState.HANDED_OFF for one in entry.organizations
    )


_OPEN = (RegistrationState.UNKNOWN, RegistrationState.NONE)


def _aspm(context: Context, entry: Entry, known: StoredAspm, *, needs_token: bool) -> AspmProof:
    """Its ASPM, proven with the token that is stored for it."""
    given = given_for(context, known.url)
    if needs_token and not context.asker.asks and aspm_token(context, known.url, given) is None:
        raise UsageError(
            Reason.INPUT_MISSING,
            f"No API token of {known.url} is stored, and there is nobody to ask.",
            remedy=f"Give it: aspm-ado connect {entry.name} -o {entry.organizations[0].name} --aspm-token-file FILE",
        )
    return settle_aspm(
        context,
        known.url,
        given,
        hint=known.api,
        needs_token=needs_token,
        ca_bundle=entry.ca_bundle,
    )


def _by_profile(known: StoredAspm, item: Item) -> bool:
    """Whether an organization goes through the profile. One that a person handed over stays with the person, and a new
    token for an instance that is there is a person's to enter: a profile only creates.
    """
    return (
        bool(known.profile)
        and item.prior.mode is not RegistrationMode.GUIDED
        and not item.successor
    )


def _deliver(
    context: Context, aspm: AspmProof, known: StoredAspm, items: Sequence[Item], done: Sequence[str]
) -> Delivery:
    """Through the profile what goes through it, and to the person the rest: also what the profile could not settle."""
    through = [item for item in items if _by_profile(known, item)]
    by_hand = [item for item in items if item not in through]
    made = Delivery()
    if through:
        profile = profile_at(context, known.profile)
        made = deliver(context, aspm, profile, through, keeps=True)
        unread = profile.find is None
        left = [item for item in through if _is_left(made.states[item.place.key], unread=unread)]
        if left and context.asker.asks:
            context.voice.note(
                "What the profile cannot settle is yours to look at in Invicti ASPM."
            )
            by_hand += left
    if not by_hand:
        return made
    handed = deliver(context, aspm, None, by_hand, keeps=True, done=done)
    checks = {key: check for key, check in made.checks.items() if key not in handed.states}
    return Delivery({**made.states, **handed.states}, {**checks, **handed.checks})


def _is_left(state: Registration, *, unread: bool) -> bool:
    return state.state is RegistrationState.FAILED or (
        state.state is RegistrationState.UNKNOWN and unread
    )


def _entry(context: Context, name: str | None) -> Entry:
    """The connection meant: named, the only one, or chosen."""
    entries = stored_entries(context, [name] if name else [])
    if len(entries) == 1:
        return entries[0]
    if not context.asker.asks:
        named = ", ".join(clean(entry.name, 60) for entry in entries)
        raise UsageError(
            Reason.INPUT_MISSING,
            f"Several connections are stored ({named}), and there is nobody to ask which one is meant.",
            remedy=f"Name it: aspm-ado handoff {clean(entries[0].name, 60)}",
        )
    names = [Choice(entry.name, clean(entry.name, 60)) for entry in entries]
    chosen = context.asker.prompter.choose(WHICH, names, names[0].value)
    return next(entry for entry in entries if entry.name == chosen)


def _secrets(
    context: Context, entry: Entry, due: Sequence[StoredOrganization]
) -> tuple[dict[str, Secret], Check]:
    """The tokens to copy, each read once; and ``store.secrets``."""
    found: dict[str, Secret] = {}
    try:
        for key in dict.fromkeys(entry.successor_of(one.name) or one.credential for one in due):
            secret = context.vault.read(entry.credential_of(key).service)
            if secret is None:
                return found, Check(
                    CheckId.SECRETS,
                    Status.FAIL,
                    f"{context.vault.title} has no token any more for this connection.",
                    Reason.TOKEN_GONE,
                    f"Give a new one: {rotation(entry, key).text(entry.name)}",
                    next=rotation(entry, key),
                )
            found[key] = secret
    except StoreError as error:
        return found, Check(CheckId.SECRETS, Status.FAIL, error.problem, error.reason, error.remedy)
    return found, Check(CheckId.SECRETS, Status.PASS, f"Read from {context.vault.title}.")


def stored_item(entry: Entry, one: StoredOrganization, secret: Secret) -> Item:
    """A stored organization, to be brought to Invicti ASPM with ``secret``: its new token, where one waits."""
    purpose, deployment = Purpose(entry.purpose), Deployment(entry.deployment)
    key = entry.successor_of(one.name) or ""
    if key:
        one = entry.successors[key].over(one, key)
    day = max(one.days.values(), default=(entry.validated or "")[:10])
    return Item(
        entry.name,
        Site(deployment, entry.base_url, entry.ca_bundle).place(one.name),
        purpose,
        settings_for(entry.toggles, purpose, entry.aspm.api if entry.aspm else "auto"),
        secret,
        one.username,
        one.repository,
        stored_evidence(one.verdict.items(), day, entry.credential_of(one.credential).reach),
        one.registration,
        key,
    )


def _document(
    entry: Entry, stored: Check, aspm: AspmProof | None, delivery: Delivery
) -> ConnectionReport:
    organizations = tuple(
        replace(
            stored_organization(entry, one),
            checks=(_check(entry, one, aspm, delivery),),
            registration=delivery.states.get(one.name.casefold(), one.registration),
        )
        for one in entry.organizations
    )
    shown = aspm.report if aspm is not None else None
    if shown is None:
        shown = AspmReport(entry.aspm.url, entry.aspm.api, aspm_skipped()) if entry.aspm else None
    return ConnectionReport(
        entry.name, entry.deployment, entry.base_url, entry.purpose, organizations, (stored,), shown
    )


def _check(
    entry: Entry, one: StoredOrganization, aspm: AspmProof | None, delivery: Delivery
) -> Check:
    """In this command the answer is the result: later is 8, refused is 6."""
    key, token = one.name.casefold(), token_of(entry, one.name)
    answer, outcome = delivery.states.get(key), delivery.checks.get(key)
    state = answer or one.registration
    begun = state.state is not RegistrationState.NONE or state.mode is RegistrationMode.API
    return judge_registration(
        RegistrationFacts(
            entry.name,
            one.name,
            one.registration,
            answer,
            token,
            outcome,
            aspm_is_good=aspm is None or aspm.is_good,
            required=begun or outcome is not None or token is NewToken.WAITS,
        )
    )


def stored_organization(entry: Entry, one: StoredOrganization) -> OrganizationReport:
    """What is on record of an organization, where nothing was asked about it."""
    required = one.registration.state is not RegistrationState.NONE
    check = judge_registration(
        RegistrationFacts(entry.name, one.name, one.registration, required=required)
    )
    return OrganizationReport(one.name, None, _facts(entry, one), (check,), one.registration)


def _facts(entry: Entry, one: StoredOrganization) -> TokenFacts:
    shared = sum(other.credential == one.credential for other in entry.organizations) > 1
    return facts_on_record(entry.credentials[one.credential], shared=shared)
