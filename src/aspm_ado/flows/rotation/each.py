"""One organization after the other: each gets a token of its own, validated and stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.registration import NewToken
from aspm_ado.domain.questions import YES, Choice, Question
from aspm_ado.domain.reasons import NotCreatedError, Reason, UsageError
from aspm_ado.domain.report import Command, ConnectionReport, OrganizationReport, Report, TokenFacts
from aspm_ado.domain.text import clean
from aspm_ado.flows.handoff import HandoffResult, aspm_report, leading_on
from aspm_ado.flows.registration.delivery import with_registration
from aspm_ado.flows.rotation.renewal import Renewal, bring_new, obtain, renew
from aspm_ado.flows.storage.connection import entry_report, facts_on_record
from aspm_ado.flows.storage.successor import revoke_replaced
from aspm_ado.flows.tokens.creation import (
    REQUIRE,
    creates_unasked,
    creation_asked,
    not_created_report,
)
from aspm_ado.flows.tokens.prompt import tell_position
from aspm_ado.flows.validation.report import not_good, report

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import AspmOptions
    from aspm_ado.flows.tokens.sources import Tokens
    from aspm_ado.flows.validation.result import TokenResult
    from aspm_ado.flows.validation.token import Demand, Token

_STEP: Final = Question("migrate-step", "What do you want to do with this organization?")
_NOW: Final = Choice("now", "Create its token now")
_SKIP: Final = Choice("skip", "Skip this organization for now")
_STOP: Final = Choice("stop", "Stop here and keep what passed")


@dataclass(slots=True)
class _Tried:
    """What came of one organization: the report of the token that was tried, if one was."""

    report: OrganizationReport | None = None
    result: TokenResult | None = None
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
    results = [one.result for one in tried.values() if one.result is not None]
    made = each_report(now, names, tried, brought, renewal.aspm)
    return report(context, command, results, [made])


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
        return _Tried(made, result)
    last4 = result.token.secret.last4
    context.voice.say(f"{name} now has its own token (…{last4}), stored.")
    return _Tried(made, result, is_kept=True)


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
