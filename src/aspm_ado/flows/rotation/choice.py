"""Which organizations get a token of their own, and the tokens that are given for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.place import Site, parse_organization, site_of
from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.documents import Names, Profile
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.http import Credential
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ORGANIZATION,
    PAT_FILE,
    PAT_VARIABLE,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.access import judge_access
from aspm_ado.domain.rules.reach import not_listed
from aspm_ado.domain.secret import Secret, parse_pat
from aspm_ado.domain.text import clean
from aspm_ado.flows.options import demand_stored
from aspm_ado.flows.tokens.creation import creates_unasked
from aspm_ado.flows.tokens.sources import PAT_VARIABLES, Tokens, tokens_given
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.scheduler import RequestPlan


@dataclass(slots=True)
class ReachedOrganizations:
    """The organizations that the stored tokens of a connection reach, each once."""

    calendar: Calendar
    names: tuple[str, ...] = ()
    listed: bool = False
    """Whether the service listed them; else they are those on record."""
    refusing: frozenset[str] = field(default_factory=frozenset)
    """Those (by ``Place.key``) that turn the living token away."""


def reached_organizations(
    context: Context, entry: Entry, *, ask_each: bool = False
) -> ReachedOrganizations:
    """Ask with each stored token of several organizations what it reaches.

    ``ask_each`` asks every organization, too. Where it does not answer any more, the list is what
    is on record, and why is said. Two or three round trips.
    """
    site = site_of(entry)
    found = ReachedOrganizations(context.clock.calendar())
    names = [one.name for one in entry.organizations]
    if entry.migration is not None:
        names += entry.migration.organizations
    for key, credential in entry.credentials.items():
        secret = context.vault.read(credential.service) if entry.is_shared(key) else None
        if secret is not None:
            bound, asked = Credential(secret, site.origins), names if ask_each else None
            context.scheduler.run(_reach_plan(context, site, bound, found, asked))
    if not found.listed:
        names += entry.offered
        context.voice.warn(
            "The organizations could not be listed with the stored token: these are the ones on "
            "record. Name others with -o; each can be given a token of its own all the same."
        )
    last = {name.casefold(): name for name in (*reversed(found.names), *reversed(names))}
    found.names = tuple(reversed(last.values()))
    return found


def _reach_plan(
    context: Context,
    site: Site,
    bound: Credential,
    found: ReachedOrganizations,
    known: Sequence[str] | None,
) -> RequestPlan[None]:
    caller = context.caller
    [wide] = yield [caller.profile(site, bound)]
    found.calendar = context.clock.calendar(wide)
    if not isinstance(wide.answer, Profile):
        context.voice.note(not_listed(wide, site.deployment).detail)
        return
    [reply] = yield [caller.accounts(wide.answer.identity.id, site, bound)]
    if isinstance(reply.answer, Names):
        found.names, found.listed = (*found.names, *reply.answer.names), True
    if known is None:
        return
    spelled = {name.casefold(): name for name in (*known, *found.names)}
    places = [site.place(name) for name in spelled.values()]
    replies = yield [caller.connection_data(place, bound) for place in places]
    for place, answer in zip(places, replies, strict=True):
        check = judge_access(place, answer, wide, found.calendar).access_check
        if check.reason is Reason.ORGANIZATION_REFUSES_TOKEN:
            found.refusing |= {place.key}


_GO_ON: Final = Question("migrate-go-on", "An earlier run was not finished. What now?")
_REST: Final = Choice("rest", "Go on with the rest")
_ANEW: Final = Choice("anew", "Choose again")
_WHICH: Final = Question(
    "migrate-which", "Which organizations shall get a token of their own?", "-o NAME"
)


def chosen(context: Context, entry: Entry, tokens: Tokens) -> tuple[str, ...]:
    """The organizations meant, each once, in the spelling on record.

    With nobody to ask, every token that is missing is named before a request is sent; those that
    only the list brings, right after it.
    """
    asker = context.asker
    named = [place.name for place in asker.many(ORGANIZATION, parse_organization)]
    own = [place.name for place in tokens.named]
    stored = [one.name for one in entry.organizations]
    if asker.switch(ALL_ORGANIZATIONS):
        known = once(entry, (*stored, *named, *own))
        demand_tokens(context, entry, known, tokens)
        return once(entry, (*known, *reached_organizations(context, entry).names))
    if named:
        return once(entry, (*named, *own))
    left = entry.migration.organizations if entry.migration else ()
    if not asker.asks or (left and (not entry.unmigrated or _goes_on(context, entry))):
        return once(entry, (*(left or stored), *own))
    return once(entry, (*_picked(context, entry, none_is_fine=bool(own)), *own))


def demand_tokens(context: Context, entry: Entry, names: Sequence[str], tokens: Tokens) -> None:
    """With nobody to ask: name every organization that has and gets no token of its own."""
    if context.asker.asks:
        return
    site = site_of(entry)
    demand = demand_stored(context.asker, entry, ReachDemanded.ORGANIZATION)
    missing = []
    for place in map(site.place, names):
        is_there = entry.has_own(place.name) or tokens.of(place) is not None
        if not is_there and not creates_unasked(context, place, demand):
            missing.append(clean(place.name, 60))
    if missing:
        raise UsageError(
            Reason.INPUT_MISSING,
            "A token is needed for each of these, and there is nobody to ask: "
            f"{', '.join(missing)}.",
            remedy=_HOW,
        )


def _goes_on(context: Context, entry: Entry) -> bool:
    """Whether the person goes on with what an earlier run has left; what is done is shown."""
    for name in entry.migration.organizations if entry.migration else ():
        context.voice.say(f"  {'done ' if entry.has_own(name) else 'to do'}  {clean(name, 60)}")
    return context.asker.prompter.choose(_GO_ON, [_REST, _ANEW], _REST.value) == _REST.value


def _picked(context: Context, entry: Entry, *, none_is_fine: bool) -> tuple[str, ...]:
    """Chosen from all that the stored token reaches."""
    choices = []
    for name in once(entry, reached_organizations(context, entry).names):
        if not entry.has_own(name):
            label = clean(name, 60)
            if entry.organization(name) is None:
                label += " (not in this connection yet)"
            choices.append(Choice(name, label))
    picked = context.asker.prompter.choose_many(_WHICH, choices) if choices else ()
    if choices and not picked and not none_is_fine:
        context.voice.warn(
            "None is marked: Space marks the one at the arrow, Ctrl-A all of them, Enter goes on."
        )
        picked = context.asker.prompter.choose_many(_WHICH, choices)
    if not picked and not none_is_fine:
        context.voice.say("Nothing was chosen, and nothing is changed.")
    return picked


def once(entry: Entry, names: Sequence[str]) -> tuple[str, ...]:
    """Each name once whatever the spelling; the stored spelling wins."""
    stored = {one.name.casefold(): one.name for one in entry.organizations}
    return tuple({name.casefold(): stored.get(name.casefold(), name) for name in names}.values())


_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}")
"""No token is that short: one that was given in place of a name is refused, and not repeated."""
_HOW: Final = (
    "Give it: --pat-file ORGANIZATION=FILE or --pat-variable ORGANIZATION=NAME, once for each."
)


def own_tokens(context: Context, entry: Entry) -> Tokens:
    """The token of each organization, by case-folded name.

    A token for all of them is what ends here: refused.
    """
    given = tokens_given(context.asker, context.sources)
    if given.shared is not None and given.shared.source not in PAT_VARIABLES:
        raise UsageError(
            Reason.USAGE,
            "A token is given without saying which organization it is for.",
            remedy=_HOW,
        )
    if given.shared is not None:
        context.voice.note(
            f"{given.shared.source} is set and not used: each organization gets a token of its own."
        )
    own = dict(given.own)
    for organization, name in variables_named(context.asker):
        place = site_of(entry).place(organization)
        if place.key in own:
            raise UsageError(
                Reason.USAGE,
                f"Two tokens are given for {clean(organization, 60)}.",
                remedy="Name one file or one variable for each organization.",
            )
        own[place.key] = Token(parse_pat(context.sources.variable(name), name), name, (place,))
    _demand_different(context, entry, list(own.values()))
    return Tokens(None, own)


def variables_named(asker: Asker) -> list[tuple[str, str]]:
    """The organizations and variables of ``--pat-variable``."""
    return list(asker.many(PAT_VARIABLE, parse_variable))


def parse_variable(text: str) -> tuple[str, str]:
    """``ORGANIZATION=NAME``. What is no name of a variable is never repeated: it may be a token."""
    organization, _, name = text.partition("=")
    if not organization.strip() or not _VARIABLE.fullmatch(name.strip()):
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{PAT_VARIABLE.flag} does not name an organization and a variable.",
            remedy=f"Write {PAT_VARIABLE.flag} {PAT_VARIABLE.metavar}; NAME is the variable, never "
            "the token itself. "
            f"Or use {PAT_FILE.flag}.",
        )
    return organization.strip(), name.strip()


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
    for key, credential in entry.credentials.items():
        old = context.vault.read(credential.service) if entry.is_shared(key) else None
        if old is not None and old in seen:
            raise UsageError(
                Reason.TOKEN_UNCHANGED,
                f"The token given for {seen[old]} is the one of all organizations that "
                f"“{entry.name}” has already.",
                remedy=f"Create a new one: aspm-ado guide -o {seen[old]} --reach organization",
            )
