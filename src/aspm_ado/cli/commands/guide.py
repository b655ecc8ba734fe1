"""``aspm-ado guide``: how to create the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.cli.output import write_document, write_lines
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.help.administrator import Policy, alternative, is_over, request_for
from aspm_ado.domain.help.guide import Guide, guide
from aspm_ado.domain.questions import COLLECTION, REQUEST
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.flows.answers import Asker, one_of
from aspm_ado.flows.options import purpose_given, reach_given
from aspm_ado.flows.target import ask_target

if TYPE_CHECKING:
    from aspm_ado.cli.context import Wiring

SCHEMA = "aspm-ado/guide/v1"


def run(wiring: Wiring, *, open: bool = False, greyed_out: bool = False) -> int:  # noqa: A002  (the option's name)
    """The steps; nothing is asked of any service, so today is this machine's."""
    asker = Asker(wiring.given, wiring.prompter)
    there = ask_target(asker)
    if not there.places:
        if not asker.asks:
            raise UsageError(
                Reason.INPUT_MISSING, "The page of which collection?", remedy=f"{COLLECTION.how}"
            )
        name = asker.prompter.text(COLLECTION, "DefaultCollection")
        there = there.adding(there.site.place(name))
    place, purpose, reach = there.places[0], purpose_given(asker), reach_given(asker)
    calendar = wiring.clock.calendar()
    made = guide(place, purpose, reach, calendar)
    asked = asker.one(REQUEST, one_of(REQUEST))
    policy = Policy(asked or Policy.CREATION)
    if policy is not Policy.CREATION and there.site.deployment is Deployment.SERVER:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"--request {policy} is about a policy of Azure DevOps Services; a server has none of that kind.",
            remedy="Pass --request creation, or name an organization with -o.",
        )
    if is_over(policy, calendar):
        raise UsageError(
            Reason.INPUT_INVALID,
            f"There is nothing to ask for with --request global: tokens of all organizations ended on "
            f"{calendar.global_end}.",
            remedy=f"Create one token for each organization: aspm-ado guide -o {place.name}",
        )
    request = request_for(policy, place, purpose, reach, calendar)
    if wiring.as_json:
        from aspm_ado.render.document import envelope

        at = wiring.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        head = envelope(SCHEMA, "guide", at, ExitCode.DONE, day_source=calendar.source.value)
        body = {
            "organization": made.place_name,
            "token_page": made.token_page,
            "token_name": made.token_name,
            "reach": made.reach.value,
            "expires": made.expires.isoformat(),
            "boxes": [{"category": box.category, "choice": box.choice} for box in made.boxes],
            "steps": [{"do": step.do, "notes": list(step.notes)} for step in made.steps],
            "administrator_request": request,
        }
        write_document({**head, **body})
    elif asked or greyed_out:
        write_lines(request.splitlines())
        if way := alternative(policy, place):
            wiring.voice.note(way)
    else:
        write_lines(_lines(made))
    if not wiring.as_json:
        wiring.voice.note(
            f"Today is {calendar.today} by this machine's clock; no service was asked."
        )
    if open and not wiring.desktop.open(made.token_page):
        wiring.voice.warn(f"No browser could be opened here. The page is {made.token_page}")
    return 0


def _lines(made: Guide) -> list[str]:
    lines = []
    for number, step in enumerate(made.steps, start=1):
        lines.append(f"{number}. {step.do}")
        lines += [f"   • {note}" for note in step.notes]
    return lines
