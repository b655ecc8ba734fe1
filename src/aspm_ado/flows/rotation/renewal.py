"""New tokens for the organizations of a stored connection, in the place of the old ones.

``rotate`` gives several organizations one new token, ``migrate`` each one its own; the offer to
replace a dead token is either. Each new token is validated, has to be the same person's, and waits
beside the old one until Invicti ASPM has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.registration import NewToken
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.questions import ALLOW_OTHER_IDENTITY, YES, Choice, Question
from aspm_ado.domain.reasons import CheckId, NotCreatedError, Reason, Status, UsageError
from aspm_ado.domain.report import (
    Check,
    Command,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
)
from aspm_ado.domain.stored import UNREGISTERED, Entry, StoredAspm
from aspm_ado.domain.text import clean
from aspm_ado.flows.handoff import HandoffResult, aspm_report, bring, is_registered, resumable
from aspm_ado.flows.storage.connection import Addition, facts_on_record, keys_with_token, new_key
from aspm_ado.flows.storage.successor import (
    compare_owner,
    losses,
    revoke_replaced,
    store_successor,
    swap,
)
from aspm_ado.flows.storage.transaction import store_entry, update_entry
from aspm_ado.flows.tokens.creation import (
    REQUIRE,
    Creation,
    creation_asked,
    not_created_report,
)
from aspm_ado.flows.tokens.prompt import acquire, ask_ends, show_position
from aspm_ado.flows.tokens.retry import ABSENT, correct_absent, validate_until_good
from aspm_ado.flows.validation.report import (
    entry_report,
    not_good,
    report,
    with_check,
    with_registration,
)
from aspm_ado.flows.validation.token import each_once

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.stored import StoredOrganization
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import AspmOptions
    from aspm_ado.flows.tokens.sources import Tokens
    from aspm_ado.flows.validation.token import Demand, Token, TokenResult


_STEP: Final = Question("migrate-step", "What do you want to do with this organization?")
_NOW: Final = Choice("now", "Create its token now")
_SKIP: Final = Choice("skip", "Skip this organization for now")
_STOP: Final = Choice("stop", "Stop here and keep what passed")


@dataclass(slots=True)
class _Tried:
    """What came of one organization: the report of the token that was tried, if one was."""

    report: OrganizationReport | None = None
    is_stored: bool = False
    is_last: bool = False
    """Whether a person stopped here."""


SOURCE_FOR_EACH: Final = (
    "Pass one per organization: --pat-file ORGANIZATION=FILE, --pat-variable ORGANIZATION=NAME "
    "or --pat-command ORGANIZATION=COMMAND."
)
"""How an organization is given a token of its own."""


@dataclass(slots=True)
class Renewal:
    """New tokens for a stored connection: one for each group of organizations."""

    context: Context
    command: str
    entry: Entry
    groups: Sequence[tuple[Place, ...]]
    demand: Demand
    aspm: AspmOptions
    one_each: bool = False
    """Whether each token has to be of one organization alone."""
    corrected: dict[str, Place] = field(default_factory=dict)
    """What a person names in place of organizations that do not exist, by their ``Place.key``."""

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

    def stored(self, group: Sequence[Place]) -> list[StoredOrganization]:
        """The organizations of a group that are on record."""
        found = (self.entry.organization(place.name) for place in group)
        return [one for one in found if one is not None]

    # One token

    def obtain(self, group: Sequence[Place]) -> Token:
        """The new token of a group, taken in as ``connect`` does it.

        A name that does not exist is corrected before, where a person is there.
        """
        places: Sequence[Place] = self.meant(group)
        if self.context.asker.asks:
            places = correct_absent(self.context, places)
            self.correct(group, places)
        return acquire(self.context, places[0], self.demand, for_all=len(places) > 1)

    def renew(self, group: Sequence[Place], token: Token) -> tuple[TokenResult, bool]:
        """Validate the new token of a group and keep it; the result, and whether it is kept.

        It is kept where it is good in every organization of the group, beside the old one. What is
        lost with it is said. Raises ``UsageError`` where the token of all of them is that very one,
        unless they only have to have one of their own.
        """
        context, entry = self.context, self.entry
        meant = token.meant_for(entry.site, self.meant(group), self.demand)
        usernames = (one.username for one in self.stored(group) if one.username)
        meant.username = meant.username or next(usernames, "")
        [result] = validate_until_good(context, [meant], corrects=ABSENT)
        self.correct(group, result.token.places)
        ask_ends(context, [result])
        in_force = self.places_with_token(group, result.token)
        awaited = self.meant([place for place in group if place not in in_force])
        if not awaited and not self.one_each:
            raise self.unchanged(result.token)
        if not context.asker.switch(ALLOW_OTHER_IDENTITY):
            replaced = self.stored(group) or entry.organizations
            compare_owner(result, [entry.credentials[one.credential] for one in replaced])
        if self.one_each:
            _refuse_wide(result)
        wanted = {place.key for place in self.meant(group)}
        if not wanted <= {one.place.key for one in result.good}:
            return result, False
        for line in losses(result.reports, entry):
            context.voice.warn(line)
        self.store(group, result, [place.name for place in awaited])
        return result, True

    def store(self, group: Sequence[Place], result: TokenResult, awaited: Sequence[str]) -> None:
        """Store the token: at once for a new organization, else beside the current one."""
        context, entry = self.context, self.with_names(group)
        names = [place.name for place in self.meant(group)]
        if any(entry.organization(name) is None for name in names):
            self.store_added(entry, result)
        elif awaited:
            store_successor(context, entry, result, awaited)
        else:  # what waits to replace it is given up
            reach = None if self.demand.on_record else self.demand.reach
            update_entry(context, entry.name, lambda current: current.awaiting(names, reach=reach))

    def store_added(self, entry: Entry, result: TokenResult) -> None:
        """Add a new organization to the connection, with its token."""
        brings = entry.aspm is not None and self.aspm.is_wanted
        begun = self.aspm.begun(UNREGISTERED, brings=brings)
        addition = Addition(
            entry.name,
            [result],
            [new_key(self.context)],
            self.context.stamp,
            registrations={one.place.key: begun for one in result.good},
            to_stored=True,
        )
        store_entry(self.context, entry.name, entry.origin, addition.onto, addition.secrets)

    def with_names(self, group: Sequence[Place]) -> Entry:
        """The connection, with its organizations renamed as a person said."""
        entry = self.entry
        for place in group:
            new = self.corrected.get(place.key)
            if new is None or not (entry.organization(place.name) or entry.migration):
                continue
            rename = partial(Entry.renamed, old=place.name, new=new.name)
            entry = update_entry(self.context, entry.name, rename)
            old, name = clean(place.name, 60), clean(new.name, 60)
            self.context.voice.say(f"The connection now has “{name}” in place of “{old}”.")
        return entry

    def places_with_token(self, group: Sequence[Place], token: Token) -> list[Place]:
        """The organizations whose current token is this one."""
        held = {one.key: one.credential for one in self.stored(group)}
        same = keys_with_token(self.context, self.entry, set(held.values()), token.secret)
        return [place for place in group if held.get(place.key) in same]

    def unchanged(self, token: Token) -> UsageError:
        """What to say where the new token is the old one."""
        name = self.entry.name
        return UsageError(
            Reason.TOKEN_UNCHANGED,
            f"The token given (…{token.secret.last4}) is already the token of “{name}”.",
            remedy="Create a new one (aspm-ado guide). To verify the current one, run: aspm-ado "
            f"validate {name}",
        )

    # Invicti ASPM

    def bring(self, entry: Entry, places: Sequence[Place]) -> HandoffResult:
        """Bring new tokens to Invicti ASPM.

        Each is used from when that has it, or at once if none is. ``entry`` is on record by now.
        """
        keys = {place.key for place in places}
        organizations = [one for one in entry.organizations if one.key in keys]
        if entry.aspm is None or not self.aspm.is_wanted:
            _put_in_force(self.context, entry, organizations)
            return HandoffResult()
        due = [one for one in organizations if not is_registered(entry, one)]
        if not due:
            return HandoffResult()
        known = entry.aspm
        if self.aspm.register == "guided":
            known = StoredAspm(known.url, known.api)
        return bring(self.context, entry, known, due, validates=self.one_each)

    # One organization after the other

    def renew_all(
        self,
        tokens: Tokens,
        places: Sequence[Place],
        finish: Callable[[Context, Entry, Sequence[str]], Entry] | None = None,
    ) -> Report:
        """Renew each group, then bring the new tokens of ``places`` to Invicti ASPM.

        All are stored before the first is brought, so that a run which ended early goes on where it
        was. ``finish`` closes what the record says of the run.
        """
        context, name, brought = self.context, self.entry.name, HandoffResult()
        with resumable(context, name, partial(self.how_to_continue, places)):
            tried = self.renew_each(tokens)
            now = context.records.load().connections[name]
            names = [place.name for place in self.meant(places)]
            if not any(one.is_last for one in tried.values()):
                own = [place for place in self.meant(places) if now.has_own(place.name)]
                brought = self.bring(now, own)
                now = context.records.load().connections[name]
            if finish is not None:
                now = finish(context, now, names)
            revoke_replaced(context, self.entry, now)
        made = each_report(now, names, tried, brought, self.aspm)
        return report(context, self.command, [made])

    def how_to_continue(self, places: Sequence[Place], now: Entry) -> tuple[str, str]:
        """What is stored when a person stops, and the command that goes on."""
        known = {"", *self.entry.credentials, *self.entry.successors}
        meant = (self.meant(group)[0].name for group in self.groups)
        left = [name for name in meant if now.newest_key(name) in known]
        said = f"New tokens stored: {len(places) - len(left)} of {len(places)}."
        if left:
            said += f" Remaining: {clean(', '.join(left), 300)}."
        names: list[str] = []
        if self.command == "rotate" and len(places) < len(now.organizations):
            names = [place.name for place in self.meant(places)]
        return said, Command(self.command, tuple(names)).text(now.name)

    def renew_each(self, tokens: Tokens) -> dict[str, _Tried]:
        """One organization after the other, until a person stops; by ``Place.key``."""
        tried: dict[str, _Tried] = {}
        begun, total = self.context.now(), len(self.groups)
        for done, group in enumerate(self.groups):
            if self.is_agreed or not self.context.asker.asks:
                show_position(self.context, group[0], done, total, begun)
            one = self.renew_one(group, tokens.of(group[0]), f"{done + 1} of {total}")
            [place] = self.meant(group)
            tried[place.key] = one
            if one.is_last:
                break
        return tried

    @property
    def is_agreed(self) -> bool:
        """Whether each token is created without a question."""
        asker = self.context.asker
        return asker.switch(YES) and creation_asked(asker) == REQUIRE

    def renew_one(self, group: Sequence[Place], token: Token | None, position: str) -> _Tried:
        """Get, validate and store the token of one organization.

        A person may try until it is good, or leave it out.
        """
        asker, last, agreed = self.context.asker, _Tried(), self.is_agreed
        while True:
            if token is None and asker.asks and not agreed:
                self.context.voice.heading(f"{clean(group[0].name, 60)} ({position})")
                answer = asker.prompter.choose(_STEP, [_NOW, _SKIP, _STOP], _NOW.value)
                if answer != _NOW.value:
                    last.is_last = answer == _STOP.value
                    return last
            last = self.try_token(group, token)
            if last.is_stored or not asker.asks:
                return last
            token, agreed = None, False

    def try_token(self, group: Sequence[Place], token: Token | None) -> _Tried:
        """Try a token, the one given or a new one."""
        context = self.context
        try:
            token = token or self.obtain(group)
            result, is_stored = self.renew(group, token)
        except (NotCreatedError, UsageError) as error:
            if error.reason is Reason.TOKEN_UNCHANGED and context.asker.asks:
                context.voice.warn(error.problem)
                return _Tried()
            if error.reason is Reason.DECLINED:
                return _Tried()  # what to do about this organization is asked again
            return _Tried(not_created_report(context, self.meant(group)[0].name, error))
        [made] = result.reports
        name = clean(made.name, 60)
        if not is_stored:
            for check in not_good(made) if context.asker.asks else ():
                context.voice.warn(f"{check.title}: {check.detail}")
                context.voice.say(f"  {check.remedy or ''}")
            context.voice.warn(f"Nothing changed for {name}. The current token stays in use.")
            return _Tried(made)
        last4 = result.token.secret.last4
        context.voice.say(f"{name} now has its own token (…{last4}), stored.")
        return _Tried(made, is_stored=True)


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


def demand_tokens(
    context: Context, places: Sequence[Place], demand: Demand, tokens: Tokens
) -> None:
    """With nobody to ask: name every one of these organizations that gets no token."""
    if context.asker.asks:
        return
    missing = [
        clean(place.name, 60)
        for place in places
        if tokens.of(place) is None and not Creation(context, place, demand).is_unasked
    ]
    if missing:
        raise UsageError(
            Reason.INPUT_MISSING,
            f"Each of these needs a token, and prompts are unavailable: {', '.join(missing)}.",
            remedy=SOURCE_FOR_EACH,
        )


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
        if not one.is_stored and not entry.has_own(name):
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
