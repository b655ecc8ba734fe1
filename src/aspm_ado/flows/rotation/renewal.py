"""New tokens for the organizations of a stored connection, in the place of the old ones.

``rotate`` gives several organizations one new token, ``migrate`` each one its own; the offer to
replace a dead token is either. Each new token is validated, has to be the same person's, and waits
beside the old one until Invicti ASPM has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.registration import NewToken
from aspm_ado.domain.azure.place import site_of
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.questions import ALLOW_OTHER_IDENTITY, YES, Choice, Question
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.report import (
    Check,
    CheckId,
    ConnectionReport,
    OrganizationReport,
    Report,
    Status,
    TokenFacts,
)
from aspm_ado.domain.stored import UNREGISTERED, StoredAspm
from aspm_ado.domain.text import clean
from aspm_ado.flows.handoff import HandoffResult, aspm_report, bring, is_registered, leading_on
from aspm_ado.flows.storage.connection import Addition, facts_on_record, keys_with_token, new_key
from aspm_ado.flows.storage.successor import (
    compare_owner,
    keep_successor,
    losses,
    revoke_replaced,
    swap,
)
from aspm_ado.flows.storage.transaction import store_entry, update_entry
from aspm_ado.flows.tokens.creation import (
    REQUIRE,
    creates_unasked,
    creation_asked,
    not_created_report,
)
from aspm_ado.flows.tokens.prompt import acquire, ask_ends, tell_position
from aspm_ado.flows.tokens.retry import ABSENT, correct_absent, validate_until_good
from aspm_ado.flows.validation.report import (
    entry_report,
    not_good,
    report,
    with_check,
    with_registration,
)
from aspm_ado.flows.validation.token import each_once

from ...domain.reasons import NotCreatedError
from ...domain.report import Command

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.stored import Entry, StoredOrganization
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import AspmOptions
    from aspm_ado.flows.tokens.sources import Tokens
    from aspm_ado.flows.validation.token import Demand, Token, TokenResult


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is renewed: one new token for each group of organizations."""

    entry: Entry
    groups: tuple[tuple[Place, ...], ...]
    demand: Demand
    aspm: AspmOptions
    one_each: bool = False
    """Whether each token has to be of one organization alone."""
    corrected: dict[str, Place] = field(default_factory=dict)
    """What a person names in place of organizations that do not exist, by their ``Place.key``."""

    @property
    def brings(self) -> bool:
        """Whether new tokens are brought to an Invicti ASPM."""
        return self.entry.aspm is not None and self.aspm.is_wanted

    def meant(self, group: Sequence[Place]) -> tuple[Place, ...]:
        """The organizations of a group under the names that exist."""
        return each_once(self.corrected.get(place.key, place) for place in group)

    def correct(self, group: Sequence[Place], now: Sequence[Place]) -> None:
        """Take in what a person named in place of some of a group; what has no new name goes."""
        keys = {place.key for place in now}
        known = {place.key for place in self.meant(group)}
        came = iter([place for place in now if place.key not in known])
        for place in group:
            if self.corrected.get(place.key, place).key not in keys:
                self.corrected[place.key] = next(came, now[0])

    def demand_of(self, group: Sequence[Place]) -> Demand:
        """What is demanded of the token of a group, with the stored username."""
        known = [self.entry.organization(place.name) for place in group]
        names = [one.username for one in known if one is not None and one.username]
        if self.demand.username or not names:
            return self.demand
        return replace(self.demand, username=names[0])


def obtain(context: Context, renewal: Renewal, group: Sequence[Place]) -> Token:
    """The new token of a group, taken in as ``connect`` does it.

    A name that does not exist is corrected before, where a person is there.
    """
    places: Sequence[Place] = renewal.meant(group)
    if context.asker.asks:
        places = correct_absent(context, places)
        renewal.correct(group, places)
    demand = renewal.demand_of(group)
    return acquire(context, places[0], demand, for_all=len(places) > 1)


def renew(
    context: Context, renewal: Renewal, group: Sequence[Place], token: Token
) -> tuple[TokenResult, bool]:
    """Validate the new token of a group and keep it; the result, and whether it is kept.

    It is kept where it is good in every organization of the group, beside the old one. What is
    lost with it is said. Raises ``UsageError`` where the token of all of them is that very one,
    unless they only have to have one of their own.
    """
    entry = renewal.entry
    places = renewal.meant(group)
    meant = token.meant_for(site_of(entry), places, renewal.demand_of(group))
    [result] = validate_until_good(context, [meant], corrects=ABSENT)
    renewal.correct(group, result.token.places)
    ask_ends(context, [result])
    in_force = places_with_token(context, entry, group, result.token)
    awaited = renewal.meant([place for place in group if place not in in_force])
    if not awaited and not renewal.one_each:
        raise token_unchanged(entry, result.token)
    _compare_owner(context, entry, group, result)
    if renewal.one_each:
        _refuse_wide(result)
    if not {place.key for place in renewal.meant(group)} <= {one.place.key for one in result.good}:
        return result, False
    for line in losses(result.reports, entry):
        context.voice.warn(line)
    _keep(context, renewal, group, result, [place.name for place in awaited])
    return result, True


def _keep(
    context: Context,
    renewal: Renewal,
    group: Sequence[Place],
    result: TokenResult,
    awaited: Sequence[str],
) -> None:
    """Store the token: at once for a new organization, else beside the current one."""
    entry = _with_names(context, renewal, group)
    names = [place.name for place in renewal.meant(group)]
    if any(entry.organization(name) is None for name in names):
        _keep_added(context, renewal, entry, result)
    elif awaited:
        keep_successor(context, entry, result, awaited)
    else:  # what waits to replace it is given up
        reach = entry.reach_demanded
        if not renewal.demand.on_record:
            reach = renewal.demand.reach
        update_entry(
            context,
            entry.name,
            lambda current: replace(current.awaiting(names), reach_demanded=reach),
        )


def _with_names(context: Context, renewal: Renewal, group: Sequence[Place]) -> Entry:
    """The connection, with its organizations renamed as a person said."""
    entry = renewal.entry
    for place in group:
        new = renewal.corrected.get(place.key)
        if new is None or not (entry.organization(place.name) or entry.migration):
            continue
        rename = methodcaller("renamed", place.name, new.name)
        entry = update_entry(context, entry.name, rename)
        old, name = clean(place.name, 60), clean(new.name, 60)
        context.voice.say(f"The connection now has “{name}” in place of “{old}”.")
    return entry


def _compare_owner(
    context: Context, entry: Entry, group: Sequence[Place], result: TokenResult
) -> None:
    """Fail the identity of a token that is another person's, unless that is accepted."""
    if context.asker.switch(ALLOW_OTHER_IDENTITY):
        return
    known = [entry.organization(place.name) for place in group]
    replaced = [one for one in known if one is not None] or entry.organizations
    compare_owner(result, [entry.credentials[one.credential] for one in replaced])


def _refuse_wide(result: TokenResult) -> None:
    """Fail the reach of a global token where one for one organization is needed."""
    seen = result.reach_seen
    if seen is None or seen.reach is not Reach.ALL:
        return
    for one in result.organizations.values():
        check = Check(
            CheckId.REACH,
            Status.FAIL,
            f"The new token also reaches all organizations: {seen.because}.",
            Reason.REACH_TOO_WIDE,
            f"On the token page choose {clean(one.place.name, 60)} as its organization, "
            "not “All accessible organizations”.",
        )
        one.report = with_check(one.report, check)


def places_with_token(
    context: Context, entry: Entry, group: Sequence[Place], token: Token
) -> list[Place]:
    """The organizations whose current token is this one."""
    known = [entry.organization(place.name) for place in group]
    held = {one.key: one.credential for one in known if one is not None}
    same = keys_with_token(context, entry, set(held.values()), token.secret)
    return [place for place in group if held.get(place.key) in same]


def token_unchanged(entry: Entry, token: Token) -> UsageError:
    """What to say where the new token is the old one."""
    return UsageError(
        Reason.TOKEN_UNCHANGED,
        f"The token given (…{token.secret.last4}) is already the token of “{entry.name}”.",
        remedy="Create a new one (aspm-ado guide). To verify the current one, run: aspm-ado "
        f"validate {entry.name}",
    )


def _keep_added(context: Context, renewal: Renewal, entry: Entry, result: TokenResult) -> None:
    """Add a new organization to the connection, with its token."""
    begun = renewal.aspm.begun(UNREGISTERED, brings=renewal.brings)
    addition = Addition(
        entry.name,
        [result],
        [new_key(context)],
        context.stamp,
        registrations={one.place.key: begun for one in result.good},
        to_stored=True,
    )
    store_entry(context, entry.name, entry.origin, addition.onto, addition.secrets)


def bring_new(
    context: Context,
    entry: Entry,
    places: Sequence[Place],
    options: AspmOptions,
    *,
    validates: bool,
) -> HandoffResult:
    """Bring new tokens to Invicti ASPM. Each is used from when that has it, or at once if none is.

    ``validates``: the ASPM is validated first.
    """
    keys = {place.key for place in places}
    organizations = [one for one in entry.organizations if one.key in keys]
    if entry.aspm is None or not options.is_wanted:
        _put_in_force(context, entry, organizations)
        return HandoffResult()
    due = [one for one in organizations if not is_registered(entry, one)]
    if not due:
        return HandoffResult()
    known = entry.aspm
    if options.register == "guided":
        known = StoredAspm(known.url, known.api)
    return bring(context, entry, known, due, validates=validates)


def _put_in_force(
    context: Context, entry: Entry, organizations: Sequence[StoredOrganization]
) -> None:
    waiting: dict[str, list[str]] = {}
    for one in organizations:
        key = entry.successor_of(one.name)
        if key is not None:
            waiting.setdefault(key, []).append(one.name)
    for key, names in waiting.items():
        swap(context, entry.name, key, names)


_STEP: Final = Question("migrate-step", "What do you want to do with this organization?")
_NOW: Final = Choice("now", "Create its token now")
_SKIP: Final = Choice("skip", "Skip this organization for now")
_STOP: Final = Choice("stop", "Stop here and keep what passed")


@dataclass(slots=True)
class _Tried:
    """What came of one organization: the report of the token that was tried, if one was."""

    report: OrganizationReport | None = None
    is_kept: bool = False
    is_last: bool = False
    """Whether a person stopped here."""


ONE_EACH: Final = (
    "Pass one per organization: --pat-file ORGANIZATION=FILE, --pat-variable ORGANIZATION=NAME "
    "or --pat-command ORGANIZATION=COMMAND."
)
"""How an organization is given a token of its own."""


def demand_tokens(
    context: Context, places: Sequence[Place], demand: Demand, tokens: Tokens
) -> None:
    """With nobody to ask: name every one of these organizations that gets no token."""
    if context.asker.asks:
        return
    missing = [
        clean(place.name, 60)
        for place in places
        if tokens.of(place) is None and not creates_unasked(context, place, demand)
    ]
    if missing:
        raise UsageError(
            Reason.INPUT_MISSING,
            f"Each of these needs a token, and prompts are unavailable: {', '.join(missing)}.",
            remedy=ONE_EACH,
        )


def renew_all(
    context: Context,
    command: str,
    renewal: Renewal,
    tokens: Tokens,
    places: Sequence[Place],
    finish: Callable[[Context, Entry, Sequence[str]], Entry] | None = None,
) -> Report:
    """Renew each group, then bring the new tokens of ``places`` to Invicti ASPM.

    All are stored before the first is brought, so that a run which ended early goes on where it
    was. ``finish`` closes what the record says of the run.
    """
    name, brought = renewal.entry.name, HandoffResult()
    with leading_on(context, name, partial(_way_on, command, renewal, places)):
        tried = _renew_each(context, renewal, tokens)
        now = context.records.load().connections[name]
        names = [place.name for place in renewal.meant(places)]
        if not any(one.is_last for one in tried.values()):
            own = [place for place in renewal.meant(places) if now.has_own(place.name)]
            brought = bring_new(context, now, own, renewal.aspm, validates=renewal.one_each)
            now = context.records.load().connections[name]
        if finish is not None:
            now = finish(context, now, names)
        revoke_replaced(context, renewal.entry, now)
    made = each_report(now, names, tried, brought, renewal.aspm)
    return report(context, command, [made])


def _way_on(command: str, renewal: Renewal, places: Sequence[Place], now: Entry) -> tuple[str, str]:
    """What is stored when a person stops, and the command that goes on."""
    known = {"", *renewal.entry.credentials, *renewal.entry.successors}
    meant = (renewal.meant(group)[0].name for group in renewal.groups)
    left = [name for name in meant if now.newest_key(name) in known]
    said = f"New tokens stored: {len(places) - len(left)} of {len(places)}."
    if left:
        said += f" Remaining: {clean(', '.join(left), 300)}."
    names: list[str] = []
    if command == "rotate" and len(places) < len(now.organizations):
        names = [place.name for place in renewal.meant(places)]
    return said, Command(command, tuple(names)).text(now.name)


def _renew_each(context: Context, renewal: Renewal, tokens: Tokens) -> dict[str, _Tried]:
    """One organization after the other, until a person stops; by ``Place.key``."""
    tried: dict[str, _Tried] = {}
    asker, begun, total = context.asker, context.now(), len(renewal.groups)
    agreed = asker.switch(YES) and creation_asked(asker) == REQUIRE
    for done, group in enumerate(renewal.groups):
        if agreed or not asker.asks:
            tell_position(context, group[0], done, total, begun)
        one = _until_kept(context, renewal, group, tokens.of(group[0]), f"{done + 1} of {total}")
        [place] = renewal.meant(group)
        tried[place.key] = one
        if one.is_last:
            break
    return tried


def _until_kept(
    context: Context,
    renewal: Renewal,
    group: Sequence[Place],
    token: Token | None,
    position: str,
) -> _Tried:
    """Get, validate and store the token of one organization.

    A person may try until it is good, or leave it out.
    """
    asker, last = context.asker, _Tried()
    agreed = asker.switch(YES) and creation_asked(asker) == REQUIRE
    while True:
        if token is None and asker.asks and not agreed:
            context.voice.heading(f"{clean(group[0].name, 60)} ({position})")
            answer = asker.prompter.choose(_STEP, [_NOW, _SKIP, _STOP], _NOW.value)
            if answer != _NOW.value:
                last.is_last = answer == _STOP.value
                return last
        last = _try(context, renewal, group, token)
        if last.is_kept or not asker.asks:
            return last
        token, agreed = None, False


def _try(context: Context, renewal: Renewal, group: Sequence[Place], token: Token | None) -> _Tried:
    try:
        token = token or obtain(context, renewal, group)
        result, is_kept = renew(context, renewal, group, token)
    except (NotCreatedError, UsageError) as error:
        if error.reason is Reason.TOKEN_UNCHANGED and context.asker.asks:
            context.voice.warn(error.problem)
            return _Tried()
        if error.reason is Reason.DECLINED:
            return _Tried()  # what to do about this organization is asked again
        return _Tried(not_created_report(context, renewal.meant(group)[0].name, error))
    [made] = result.reports
    name = clean(made.name, 60)
    if not is_kept:
        for check in not_good(made) if context.asker.asks else ():
            context.voice.warn(f"{check.title}: {check.detail}")
            context.voice.say(f"  {check.remedy or ''}")
        context.voice.warn(f"Nothing changed for {name}. The current token stays in use.")
        return _Tried(made)
    last4 = result.token.secret.last4
    context.voice.say(f"{name} now has its own token (…{last4}), stored.")
    return _Tried(made, is_kept=True)


def each_report(
    entry: Entry,
    names: Sequence[str],
    tried: Mapping[str, _Tried],
    brought: HandoffResult,
    options: AspmOptions,
) -> ConnectionReport:
    """The connection, with what came of each of these organizations."""
    organizations = []
    for name in names:
        one = tried.get(name.casefold(), _Tried())
        facts = brought.facts(entry, name, options)
        if not one.is_kept and not entry.has_own(name):
            facts.token = NewToken.NOT_GOOD
            if one.report is None:
                facts.token, facts.required = NewToken.MISSING, options.counts
        made = one.report or OrganizationReport(name, None, _facts(entry, name), ())
        organizations.append(with_registration(made, facts))
    return entry_report(entry, organizations, brought.unread, aspm_report(entry, brought.aspm))


def _facts(entry: Entry, name: str) -> TokenFacts:
    """What is stored of an organization's newest token."""
    key = entry.newest_key(name)
    if not key:
        return TokenFacts()
    return facts_on_record(entry, key, shared=entry.is_shared(key))
