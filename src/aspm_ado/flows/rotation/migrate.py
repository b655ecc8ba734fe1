"""``migrate``: one token for each organization, all validated and stored, then brought to ASPM.

The choice is stored: while a chosen organization has no token of its own, the old token stays, and
the next run continues with the rest. ``--plan`` shows the steps, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import Site, parse_organization
from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.documents import Names
from aspm_ado.domain.guide import Policy, guide, request_for
from aspm_ado.domain.http import Credential
from aspm_ado.domain.migration_plan import PlanRow, PlanState, TokenWay
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ORGANIZATION,
    PAT_VARIABLES,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.report import Report
from aspm_ado.domain.rules.access import judge_access
from aspm_ado.domain.rules.reach import more_listed, not_listed
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import Entry, RegistrationState
from aspm_ado.domain.text import clean, typed_word
from aspm_ado.flows.answers import declined
from aspm_ado.flows.handoff import HandoffResult
from aspm_ado.flows.options import GUIDED, aspm_options, demand_stored
from aspm_ado.flows.rotation.renewal import SOURCE_FOR_EACH, Renewal, demand_tokens, each_report
from aspm_ado.flows.storage.successor import without_lost
from aspm_ado.flows.storage.transaction import (
    bind_entries,
    prepare_storage,
    read_token,
    update_entry,
)
from aspm_ado.flows.target import stored_entries
from aspm_ado.flows.tokens.creation import NEVER, creation_asked
from aspm_ado.flows.tokens.lifecycle import with_entra_tenant
from aspm_ado.flows.tokens.sources import Tokens, tokens_given
from aspm_ado.flows.validation.report import report
from aspm_ado.flows.validation.requests import NOT_ALL, profile_and_list
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import Calendar, DaySource
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import AspmOptions
    from aspm_ado.flows.validation.scheduler import RequestPlan


def migrate(context: Context, name: str) -> Report:
    """Give each chosen organization of a connection a token of its own."""
    entry = services_entry(context, name)
    options, tokens = aspm_options(context.asker, entry), _own_tokens(context, entry)
    if _is_done(entry):
        return _nothing_to_do(context, entry, options)
    prepare_storage(context)
    names = _chosen(context, entry, tokens)
    _demand_tokens(context, entry, names, tokens)
    before = entry = _with_choice(context, entry, names)
    places = [entry.site.place(one) for one in names]
    groups = tuple((one,) for one in places if not entry.has_own(one.name))
    demand = demand_stored(context, entry, ReachDemanded.ORGANIZATION)
    renewal = Renewal(context, "migrate", entry, groups, demand, options, one_each=True)
    made = renewal.renew_all(tokens, places, _with_choice_finished)
    _show_left(context, before, context.records.load().connections[entry.name])
    return made


def services_entry(context: Context, name: str) -> Entry:
    """The connection, which must be of Azure DevOps Services."""
    [entry] = stored_entries(context, [name])
    if entry.deployment is Deployment.SERVER:
        raise UsageError(
            Reason.USAGE,
            f"“{entry.name}” is a connection to an Azure DevOps Server. "
            "migrate is for Azure DevOps Services.",
            remedy=f"For a new token of it: aspm-ado rotate {entry.name}",
        )
    return entry


def _is_done(entry: Entry) -> bool:
    """Whether each organization uses a token of its own, and no choice is stored."""
    return entry.migration is None and not any(
        entry.is_shared(one.credential) for one in entry.organizations
    )


def _nothing_to_do(context: Context, entry: Entry, options: AspmOptions) -> Report:
    """What is still to be entered is shown, and nothing was asked for it."""
    names = [clean(one.name, 60) for one in entry.organizations]
    context.voice.say(f"Nothing to do. Organizations with their own token: {', '.join(names)}.")
    options.register = GUIDED
    made = each_report(entry, names, {}, HandoffResult(), options)
    return report(context, "migrate", [made])


def _with_choice(context: Context, entry: Entry, names: Sequence[str]) -> Entry:
    """Store the choice. An organization whose pending token is lost needs one again."""
    entry = without_lost(context, entry)
    if all(entry.has_own(name) for name in names):
        return entry
    return update_entry(context, entry.name, lambda now: now.migrating(names))


def _with_choice_finished(context: Context, entry: Entry, names: Sequence[str]) -> Entry:
    """Remove the choice once each chosen organization uses its own token."""
    waits = entry.unmigrated or any(entry.successor_of(name) for name in names)
    if entry.migration is None or waits:
        return entry
    return update_entry(context, entry.name, Entry.migrated)


def _show_left(context: Context, before: Entry, now: Entry) -> None:
    """Which organizations the old token still serves, or what it is kept for."""
    for key, old in before.credentials.items():
        if not before.is_shared(key) or key not in now.credentials:
            continue
        held = [clean(one.name, 60) for one in now.organizations if one.credential == key]
        if held:
            context.voice.say(f"The current token (…{old.last4}) still serves {', '.join(held)}.")
    if now.unmigrated:
        left = ", ".join(clean(name, 60) for name in now.unmigrated)
        context.voice.say(f"Remaining: {left}. To continue, run: aspm-ado migrate {now.name}")


# Which organizations


@dataclass(slots=True)
class ReachedOrganizations:
    """The organizations that the stored tokens of a connection reach, each once."""

    calendar: Calendar
    names: tuple[str, ...] = ()
    listed: bool = False
    """Whether the service listed them; else they are the stored ones."""
    refusing: frozenset[str] = field(default_factory=frozenset)
    """Those (by ``Place.key``) that turn the living token away."""


def reached_organizations(
    context: Context, entry: Entry, *, ask_each: bool = False
) -> ReachedOrganizations:
    """Ask with each stored token of several organizations what it reaches.

    ``ask_each`` asks every organization, too. Where it does not answer any more, the list is what
    is on record, and why is said. Two or three round trips.
    """
    site, is_asked = entry.site, False
    found = ReachedOrganizations(context.clock.calendar())
    names = [*(one.name for one in entry.organizations), *entry.chosen]
    for secret in _shared_tokens(context, entry):
        is_asked = True
        bound, asked = Credential(secret, site.origins), names if ask_each else None
        context.scheduler.run(_reach_plan(context, site, bound, found, asked))
    if found.listed:
        context.voice.note(NOT_ALL)
    else:
        names += entry.offered
        why = "No stored token lists more organizations."
        if is_asked:
            why = "The stored token could not list the organizations."
        context.voice.warn(f"{why} The configuration has these. To add others, pass -o.")
    last = {name.casefold(): name for name in (*reversed(found.names), *reversed(names))}
    found.names = tuple(reversed(last.values()))
    return found


def _shared_tokens(context: Context, entry: Entry) -> Iterator[Secret]:
    """The stored tokens that are, or may be, of several organizations."""
    bind_entries(context)
    for key in entry.credentials:
        if entry.is_shared(key):
            secret = read_token(context, entry, key)
            if secret is not None:
                yield secret


def _reach_plan(
    context: Context,
    site: Site,
    bound: Credential,
    found: ReachedOrganizations,
    known: Sequence[str] | None,
) -> RequestPlan[None]:
    wide, reply = yield from profile_and_list(context.caller, site, bound)
    found.calendar = context.clock.calendar(wide)
    if reply is wide:
        context.voice.note(not_listed(wide, site.deployment).detail)
        return
    if isinstance(reply.answer, Names) and reply.answer.names:
        found.names, found.listed = (*found.names, *reply.answer.names), True
        if reply.answer.left_off:
            context.voice.warn(more_listed(reply.answer.left_off))
    if known is None:
        return
    spelled = {name.casefold(): name for name in (*known, *found.names)}
    places = [site.place(name) for name in spelled.values()]
    replies = yield [context.caller.connection_data(place, bound) for place in places]
    for place, answer in zip(places, replies, strict=True):
        check = judge_access(place, answer, wide, found.calendar).access_check
        if check.reason is Reason.ORGANIZATION_REFUSES_TOKEN:
            found.refusing |= {place.key}


_GO_ON: Final = Question("migrate-go-on", "An earlier run is not finished. What do you want to do?")
_REST: Final = Choice("rest", "Continue with the rest")
_ANEW: Final = Choice("anew", "Select again")
_WHICH: Final = Question("migrate-which", "Which organizations need their own token?", "-o NAME")


def _chosen(context: Context, entry: Entry, tokens: Tokens) -> tuple[str, ...]:
    """The organizations meant, each once, in the spelling on record.

    With nobody to ask, every token that is missing is named before a request is sent; those that
    only the list brings, right after it.
    """
    asker = context.asker
    named = [place.name for place in asker.many(ORGANIZATION, parse_organization)]
    own = [place.name for place in tokens.named]
    stored = [one.name for one in entry.organizations]
    if asker.switch(ALL_ORGANIZATIONS):
        known = _each_name_once(entry, (*stored, *named, *own))
        _demand_tokens(context, entry, known, tokens)
        return _each_name_once(entry, (*known, *reached_organizations(context, entry).names))
    if named:
        return _each_name_once(entry, (*named, *own))
    if not asker.asks:
        return _each_name_once(entry, (*(entry.chosen or stored), *own))
    if entry.chosen and _goes_on(context, entry):
        return _each_name_once(entry, (*entry.chosen, *own))
    return _each_name_once(entry, (*_picked(context, entry, none_is_fine=bool(own)), *own))


def _demand_tokens(context: Context, entry: Entry, names: Sequence[str], tokens: Tokens) -> None:
    """With nobody to ask: name every organization that has and gets no token of its own."""
    places = [entry.site.place(name) for name in names if not entry.has_own(name)]
    demand = demand_stored(context, entry, ReachDemanded.ORGANIZATION)
    demand_tokens(context, places, demand, tokens)


def _goes_on(context: Context, entry: Entry) -> bool:
    """Whether it goes on with what an earlier run has left, if a person says so.

    What is done is shown. Where nothing is left to be made, it only has to be brought on.
    """
    if not entry.unmigrated:
        return True
    for name in entry.chosen:
        context.voice.say(f"  {'done ' if entry.has_own(name) else 'to do'}  {clean(name, 60)}")
    return context.asker.prompter.choose(_GO_ON, [_REST, _ANEW], _REST.value) == _REST.value


def _picked(context: Context, entry: Entry, *, none_is_fine: bool) -> tuple[str, ...]:
    """Chosen from all that the stored token reaches."""
    choices = []
    for name in _each_name_once(
        entry, (*reached_organizations(context, entry).names, *entry.offered)
    ):
        if not entry.has_own(name):
            label = clean(name, 60)
            if entry.organization(name) is None:
                label += " (not in this connection yet)"
            choices.append(Choice(name, label))
    picked: tuple[str, ...] = ()
    if choices:
        picked = context.asker.prompter.choose_many(_WHICH, choices, marked=True)
    if choices and not picked and not none_is_fine:
        raise declined("No organization was selected. Nothing changed.")
    return picked


def _each_name_once(entry: Entry, names: Sequence[str]) -> tuple[str, ...]:
    """Each name once whatever the spelling; the stored spelling wins."""
    stored = {one.key: one.name for one in entry.organizations}
    return tuple({name.casefold(): stored.get(name.casefold(), name) for name in names}.values())


# The tokens that are given for them


def _own_tokens(context: Context, entry: Entry) -> Tokens:
    """The token of each organization, by case-folded name.

    A token for all of them is what ends here: refused.
    """
    site = entry.site
    stored = [site.place(one.name) for one in entry.organizations]
    named = (*context.asker.many(ORGANIZATION, parse_organization), *stored)
    given = tokens_given(context.asker, context.sources, site, named)
    if given.shared is not None and given.shared.source not in PAT_VARIABLES:
        raise UsageError(
            Reason.USAGE,
            "A token is passed without its organization.",
            remedy=SOURCE_FOR_EACH,
        )
    if given.shared is not None:
        context.voice.note(
            f"{given.shared.source} is set and not used: each organization gets a token of its own."
        )
    _demand_different(context, entry, list(given.own.values()))
    return Tokens(own=given.own)


def _demand_different(context: Context, entry: Entry, tokens: Sequence[Token]) -> None:
    """No token twice, and none that is stored for several organizations.

    Before anything is asked of anybody.
    """
    if not tokens:
        return
    seen: dict[Secret, str] = {}
    for one in tokens:
        name = clean(one.places[0].name, 60)
        if one.secret in seen:
            raise UsageError(
                Reason.USAGE,
                f"The same token is given for {seen[one.secret]} and for {name}.",
                remedy="Create one for each organization: aspm-ado guide -o ORGANIZATION --reach "
                "organization",
            )
        seen[one.secret] = name
    for old in _shared_tokens(context, entry):
        if old in seen:
            raise UsageError(
                Reason.TOKEN_UNCHANGED,
                f"The token for {seen[old]} is already the global token of “{entry.name}”.",
                remedy=f"Create a new one: aspm-ado guide -o {typed_word(seen[old])} "
                "--reach organization",
            )


_REACH: Final = ReachDemanded.ORGANIZATION


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """The rows, and what they rest on.

    ``listed`` whether the stored token listed its organizations.
    """

    name: str
    day: str
    day_source: DaySource
    listed: bool
    rows: tuple[PlanRow, ...]


def planned(context: Context, name: str) -> MigrationPlan:
    """The plan for the organizations named, or for all that the stored token reaches."""
    entry = services_entry(context, name)
    found = reached_organizations(context, entry, ask_each=True)
    named = [place.name for place in context.asker.many(ORGANIZATION, parse_organization)]
    everything = context.asker.switch(ALL_ORGANIZATIONS) or not named
    names = _each_name_once(entry, (*named, *(found.names if everything else ())))
    by_az = _by_az(context, entry, names)
    rows = tuple(_row(entry, one, found, by_az) for one in names)
    day = found.calendar.today.isoformat()
    return MigrationPlan(entry.name, day, found.calendar.source, found.listed, rows)


def _by_az(context: Context, entry: Entry, names: Sequence[str]) -> frozenset[str]:
    """Where the token can be created, by key, as far as is seen without running `az`."""
    entra = context.entra
    if creation_asked(context.asker) == NEVER or entra is None or not entra.is_there:
        return frozenset()
    site = entry.site
    places = [site.place(name) for name in names if not entry.has_own(name)]
    return with_entra_tenant(context, places)


def _row(entry: Entry, name: str, found: ReachedOrganizations, by_az: frozenset[str]) -> PlanRow:
    place, purpose = entry.site.place(name), entry.purpose
    made = guide(place, purpose, _REACH, found.calendar)
    request = None
    if entry.has_own(name):
        state = PlanState.WAITS if entry.successor_of(name) else PlanState.DONE
        how = TokenWay.THERE
    else:
        state, how = PlanState.TO_DO, TokenWay.BY_HAND
        if place.key in found.refusing:
            how = TokenWay.ADMINISTRATOR
            request = request_for(Policy.CREATION, place, purpose, _REACH, found.calendar)
        elif place.key in by_az:
            how = TokenWay.BY_AZ
    return PlanRow(
        name,
        entry.organization(name) is not None,
        state,
        how,
        made.token_page,
        made.token_name,
        [str(box) for box in made.boxes],
        made.expires.isoformat(),
        _REACH,
        _aspm(entry, place, state),
        request,
    )


def _aspm(entry: Entry, place: Place, state: PlanState) -> str:
    """What a person, or a profile, has to do in Invicti ASPM."""
    if entry.aspm is None:
        return "nothing: this connection names no Invicti ASPM"
    known = entry.organization(place.name)
    there = known is not None and known.registration.state is RegistrationState.REGISTERED
    if there and state is PlanState.DONE:
        return "nothing more"
    if there:
        return f"the new token, in the instance of {place.url} at {entry.aspm.url}"
    return f"an instance of {place.url} at {entry.aspm.url}, with the new token"
