"""Which organizations are to get a token of their own: said, chosen, or left by an earlier run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.addresses import parse_organization
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ALL_ORGANIZATIONS, ORGANIZATION, Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.retirement import ReachDemanded
from aspm_ado.domain.text import clean
from aspm_ado.flows.migrating.given import HOW
from aspm_ado.flows.migrating.survey import survey
from aspm_ado.flows.minting.create import creates_unasked
from aspm_ado.flows.taking.options import stored_terms

if TYPE_CHECKING:
    from aspm_ado.domain.connection import Entry
    from aspm_ado.flows.house import House
    from aspm_ado.flows.taking.intake import Tokens

GO_ON: Final = Question("migrate-go-on", "An earlier run was not finished. What now?")
REST: Final = Choice("rest", "Go on with the rest")
ANEW: Final = Choice("anew", "Choose again")
WHICH: Final = Question(
    "migrate-which", "Which organizations shall get a token of their own?", "-o NAME"
)


def chosen(house: House, entry: Entry, tokens: Tokens) -> tuple[str, ...]:
    """The organizations meant, each once, in the spelling on record. With nobody to ask, every token that is missing is
    named before a request is sent; those that only the list brings, right after it.
    """
    asker = house.asker
    named = [place.name for place in asker.many(ORGANIZATION, parse_organization)]
    stored = [one.name for one in entry.organizations]
    if asker.switch(ALL_ORGANIZATIONS):
        known = once(entry, (*stored, *named, *tokens.named))
        demand_tokens(house, entry, known, tokens)
        return once(entry, (*known, *survey(house, entry).names))
    if named:
        return once(entry, (*named, *tokens.named))
    left = entry.migration.organizations if entry.migration else ()
    if not asker.asks or (left and (not entry.unmigrated or _goes_on(house, entry))):
        return once(entry, (*(left or stored), *tokens.named))
    return _picked(house, entry, tokens)


def demand_tokens(house: House, entry: Entry, names: Sequence[str], tokens: Tokens) -> None:
    """With nobody to ask: name every organization that has no token of its own, is given none, and gets none made."""
    if house.asker.asks:
        return
    site, brief = stored_terms(house, entry, ReachDemanded.ORGANIZATION)
    lacking = [name for name in names if not entry.has_own(name) and tokens.of(name) is None]
    missing = [
        clean(name, 60) for name in lacking if not creates_unasked(house, site.place(name), brief)
    ]
    if missing:
        raise UsageError(
            Reason.INPUT_MISSING,
            f"A token is needed for each of these, and there is nobody to ask: {', '.join(missing)}.",
            remedy=HOW,
        )


def _goes_on(house: House, entry: Entry) -> bool:
    """Whether the person goes on with what an earlier run has left; what is done is shown."""
    for name in entry.migration.organizations if entry.migration else ():
        house.voice.say(f"  {'done ' if entry.has_own(name) else 'to do'}  {clean(name, 60)}")
    return house.asker.prompter.choose(GO_ON, [REST, ANEW], REST.value) == REST.value


def _picked(house: House, entry: Entry, tokens: Tokens) -> tuple[str, ...]:
    """Chosen from all that the stored token reaches."""
    stored = {one.name.casefold() for one in entry.organizations}
    offered = [name for name in once(entry, survey(house, entry).names) if not entry.has_own(name)]
    choices = [
        Choice(
            name,
            clean(name, 60)
            + ("" if name.casefold() in stored else " (not in this connection yet)"),
        )
        for name in offered
    ]
    picked = house.asker.prompter.choose_many(WHICH, choices) if choices else ()
    if choices and not picked and not tokens.named:
        house.voice.warn(
            "None is marked: Space marks the one at the arrow, Ctrl-A all of them, Enter goes on."
        )
        picked = house.asker.prompter.choose_many(WHICH, choices)
    if not picked and not tokens.named:
        house.voice.say("Nothing was chosen, and nothing is changed.")
    return once(entry, (*picked, *tokens.named))


def once(entry: Entry, names: Sequence[str]) -> tuple[str, ...]:
    """Each name once whatever the spelling; the stored spelling wins."""
    stored = {one.name.casefold(): one.name for one in entry.organizations}
    return tuple({name.casefold(): stored.get(name.casefold(), name) for name in names}.values())
