"""``aspm-ado guide``: how to create the token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aspm_ado.cli.context import Invocation
from aspm_ado.cli.output import write_document, write_lines
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.guide import (
    Guide,
    Policy,
    alternative,
    guide,
    is_over,
    request_for,
    token_meant,
)
from aspm_ado.domain.questions import COLLECTION, REQUEST
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import typed_word
from aspm_ado.flows.answers import Asker, one_of
from aspm_ado.flows.options import purpose_given, reach_given
from aspm_ado.flows.target import ask_target

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import Calendar


def run_guide(invocation: Invocation, *, open: bool = False, greyed_out: bool = False) -> int:  # noqa: A002 - the option's name
    """The steps; nothing is asked of any service, so today is this machine's."""
    asker = Asker(invocation.given, invocation.prompter)
    place = _place(asker)
    purpose, reach = purpose_given(asker), reach_given(asker)
    calendar = invocation.clock.calendar()
    asked = asker.one(REQUEST, one_of(REQUEST))
    policy = Policy(asked or Policy.CREATION)
    _refuse_pointless_request(policy, place, calendar)
    purpose, reach = token_meant(policy, purpose, reach, calendar)
    steps = guide(place, purpose, reach, calendar)
    request = request_for(policy, place, purpose, reach, calendar)
    if invocation.as_json:
        head = invocation.envelope("aspm-ado/guide/v1", day_source=calendar.source.value)
        write_document({**head, **_body(steps), "administrator_request": request})
    else:
        if asked or greyed_out:
            write_lines(request.splitlines())
            if way := alternative(policy, place):
                invocation.voice.note(way)
        else:
            write_lines(_lines(steps))
        invocation.voice.note(
            f"Today is {calendar.today} by the local clock. aspm-ado sent no request."
        )
    if open and not invocation.desktop.open(steps.token_page):
        invocation.voice.warn(f"aspm-ado cannot open a browser. Open this page: {steps.token_page}")
    return 0


def _place(asker: Asker) -> Place:
    """The organization or collection that was given, or the one that a person names."""
    found = ask_target(asker)
    if not found.places:
        if not asker.asks:
            raise UsageError(
                Reason.INPUT_MISSING, "A collection is required.", remedy=COLLECTION.how
            )
        name = asker.prompter.text(COLLECTION, "DefaultCollection")
        found = found.adding(found.site.place(name))
    return found.places[0]


def _refuse_pointless_request(policy: Policy, place: Place, calendar: Calendar) -> None:
    if policy is not Policy.CREATION and place.site.deployment is Deployment.SERVER:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"--request {policy} is about a policy of Azure DevOps Services. "
            "A server has no such policy.",
            remedy="Pass --request creation, or name an organization with -o.",
        )
    if is_over(policy, calendar):
        raise UsageError(
            Reason.INPUT_INVALID,
            "--request global has no use: "
            f"Microsoft announced the end of global tokens for {calendar.global_end}.",
            remedy=f"Create one token per organization: aspm-ado guide -o {typed_word(place.name)}",
        )


def _body(steps: Guide) -> dict[str, Any]:
    return {
        "organization": steps.place_name,
        "token_page": steps.token_page,
        "token_name": steps.token_name,
        "reach": steps.reach.value,
        "expires": steps.expires.isoformat(),
        "boxes": [{"category": box.category, "choice": box.choice} for box in steps.boxes],
        "steps": [{"do": step.do, "notes": list(step.notes)} for step in steps.steps],
    }


def _lines(steps: Guide) -> Iterator[str]:
    for number, step in enumerate(steps.steps, start=1):
        yield f"{number}. {step.do}"
        for note in step.notes:
            yield f"   • {note}"
