"""Which organizations the stored tokens of a connection reach, and which refuse them: two or three round trips."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.place import Site, parse_organization, site_of
from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.documents import Names, Profile
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.http import Call, Credential, Reply
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
from aspm_ado.flows.options.parts import demand_stored
from aspm_ado.flows.tokens.creation import creates_unasked
from aspm_ado.flows.tokens.sources import PAT_VARIABLES, Tokens, tokens_given
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context

Steps = Generator[Sequence[Call], Sequence[Reply], None]


@dataclass(slots=True)
class Survey:
    """``names`` are the organizations, each once; ``refusing`` those (case-folded) that turn the live token away."""

    calendar: Calendar
    names: tuple[str, ...] = ()
    listed: bool = False
    refusing: frozenset[str] = field(default_factory=frozenset)


def survey(context: Context, entry: Entry, *, knock: bool = False) -> Survey:
    """Ask with each stored token of several organizations what it reaches; ``knock`` asks every organization, too.

    Where it does not answer any more, the list is what is on record, and why is said.
    """
    site = site_of(entry)
    found = Survey(context.clock.calendar())
    names = [
        *(one.name for one in entry.organizations),
        *(entry.migration.organizations if entry.migration else ()),
    ]
    for key, credential in entry.credentials.items():
        secret = context.vault.read(credential.service) if entry.is_shared(key) else None
        if secret is not None:
            bound = Credential(secret, site.origins)
            context.scheduler.run_all(
                [_look(context, site, bound, found, names if knock else None)]
            )
    if not found.listed:
        names += entry.offered
        context.voice.warn(
            "The organizations could not be listed with the stored token: these are the ones on record. "
            "Name others with -o; each can be given a token of its own all the same."
        )
    once = {name.casefold(): name for name in (*reversed(found.names), *reversed(names))}
    found.names = tuple(reversed(once.values()))
    return found


def _look(
    context: Context, site: Site, bound: Credential, found: Survey, known: Sequence[str] | None
) -> Steps:
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
    once = {name.casefold(): name for name in (*known, *found.names)}
    places = [site.place(name) for name in once.values()]
    replies = yield [caller.connection_data(place, bound) for place in places]
    refusing = {
        place.key
        for place, answer in zip(places, replies, strict=True)
        if judge_access(place, answer, wide, found.calendar).access_check.reason
        is Reason.ORGANIZATION_REFUSES_TOKEN
    }
    found.refusing |= refusing


GO_ON: Final = Question("migrate-go-on", "An earlier run was not finished. What now?")
REST: Final = Choice("rest", "Go on with the rest")
ANEW: Final = Choice("anew", "Choose again")
WHICH: Final = Question(
    "migrate-which", "Which organizations shall get a token of their own?", "-o NAME"
)


def chosen(context: Context, entry: Entry, tokens: Tokens) -> tuple[str, ...]:
    """The organizations meant, each once, in the spelling on record. With nobody to ask, every token that is missing is
    named before a request is sent; those that only the list brings, right after it.
    """
    asker = context.asker
    named = [place.name for place in asker.many(ORGANIZATION, parse_organization)]
    stored = [one.name for one in entry.organizations]
    own = [place.name for place in tokens.named]
    if asker.switch(ALL_ORGANIZATIONS):
        known = once(entry, (*stored, *named, *own))
        demand_tokens(context, entry, known, tokens)
        return once(entry, (*known, *survey(context, entry).names))
    if named:
        return once(entry, (*named, *own))
    left = entry.migration.organizations if entry.migration else ()
    if not asker.asks or (left and (not entry.unmigrated or _goes_on(context, entry))):
        return once(entry, (*(left or stored), *own))
    return _picked(context, entry, tokens)


def demand_tokens(context: Context, entry: Entry, names: Sequence[str], tokens: Tokens) -> None:
    """With nobody to ask: name every organization that has no token of its own, is given none, and gets none made."""
    if context.asker.asks:
        return
    site = site_of(entry)
    brief = demand_stored(context.asker, entry, ReachDemanded.ORGANIZATION)
    lacking = [
        name for name in names if not entry.has_own(name) and tokens.of(site.place(name)) is None
    ]
    missing = [
        clean(name, 60) for name in lacking if not creates_unasked(context, site.place(name), brief)
    ]
    if missing:
        raise UsageError(
            Reason.INPUT_MISSING,
            f"A token is needed for each of these, and there is nobody to ask: {', '.join(missing)}.",
            remedy=HOW,
        )


def _goes_on(context: Context, entry: Entry) -> bool:
    """Whether the person goes on with what an earlier run has left; what is done is shown."""
    for name in entry.migration.organizations if entry.migration else ():
        context.voice.say(f"  {'done ' if entry.has_own(name) else 'to do'}  {clean(name, 60)}")
    return context.asker.prompter.choose(GO_ON, [REST, ANEW], REST.value) == REST.value


def _picked(context: Context, entry: Entry, tokens: Tokens) -> tuple[str, ...]:
    """Chosen from all that the stored token reaches."""
    stored = {one.name.casefold() for one in entry.organizations}
    offered = [
        name for name in once(entry, survey(context, entry).names) if not entry.has_own(name)
    ]
    choices = [
        Choice(
            name,
            clean(name, 60)
            + ("" if name.casefold() in stored else " (not in this connection yet)"),
        )
        for name in offered
    ]
    picked = context.asker.prompter.choose_many(WHICH, choices) if choices else ()
    if choices and not picked and not tokens.named:
        context.voice.warn(
            "None is marked: Space marks the one at the arrow, Ctrl-A all of them, Enter goes on."
        )
        picked = context.asker.prompter.choose_many(WHICH, choices)
    if not picked and not tokens.named:
        context.voice.say("Nothing was chosen, and nothing is changed.")
    return once(entry, (*picked, *(place.name for place in tokens.named)))


def once(entry: Entry, names: Sequence[str]) -> tuple[str, ...]:
    """Each name once whatever the spelling; the stored spelling wins."""
    stored = {one.name.casefold(): one.name for one in entry.organizations}
    return tuple({name.casefold(): stored.get(name.casefold(), name) for name in names}.values())


_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}")
"""No token is that short: one that was given in place of a name is refused, and not repeated."""
HOW: Final = (
    "Give it: --pat-file ORGANIZATION=FILE or --pat-variable ORGANIZATION=NAME, once for each."
)


def own_tokens(context: Context, entry: Entry) -> Tokens:
    """The token of each organization, by case-folded name. A token for all of them is what ends here: refused."""
    given = tokens_given(context.asker, context.sources)
    if given.shared is not None and given.shared.source not in PAT_VARIABLES:
        raise UsageError(
            Reason.USAGE,
            "A token is given without saying which organization it is for.",
            remedy=HOW,
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
        taken = Token(parse_pat(context.sources.variable(name), name), name, (place,))
        own[place.key] = taken
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
            remedy=f"Write {PAT_VARIABLE.flag} {PAT_VARIABLE.metavar}; NAME is the variable, never the token itself. "
            f"Or use {PAT_FILE.flag}.",
        )
    return organization.strip(), name.strip()


def _demand_different(context: Context, entry: Entry, taken: Sequence[Token]) -> None:
    """No token twice, and none that is stored for several organizations: before anything is asked of anybody."""
    if not taken:
        return
    seen: dict[Secret, str] = {}
    for one in taken:
        name = clean(one.places[0].name, 60)
        if one.secret in seen:
            raise UsageError(
                Reason.USAGE,
                f"The same token is given for {seen[one.secret]} and for {name}.",
                remedy="Create one for each organization: aspm-ado guide -o ORGANIZATION --reach organization",
            )
        seen[one.secret] = name
    for key, credential in entry.credentials.items():
        old = context.vault.read(credential.service) if entry.is_shared(key) else None
        if old is not None and old in seen:
            raise UsageError(
                Reason.TOKEN_UNCHANGED,
                f"The token given for {seen[old]} is the one of all organizations that “{entry.name}” has already.",
                remedy=f"Create a new one: aspm-ado guide -o {seen[old]} --reach organization",
            )
