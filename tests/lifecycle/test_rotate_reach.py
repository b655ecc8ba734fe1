"""``rotate`` and the reach: after the end of global tokens, and where ``--reach`` says it anew."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from aspm_ado.domain.reasons import UsageError
from aspm_ado.domain.rules.global_tokens import global_token_warnings
from aspm_ado.flows.connect import connect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.replace_dead import replace_dead
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import SCENARIOS

from ..aspm.stand import Stand
from .machine import NEW, PAT, Machine, Person, asked, check

AFTER = datetime(2027, 1, 5, tzinfo=UTC)


@pytest.fixture
def connected(machine):
    def set_up(*organizations: str, reach: str = "all", own: str | None = "Contoso") -> Machine:
        made = machine(aspm={"registers": "yes", "alm_tools": ("azurecloud",)})
        given = asked(*organizations, register="guided", reach=reach)
        connect(made.context(given, Person(handoff="saved", go=True)), None)
        made.token(NEW, reach=own, expires=datetime(2027, 12, 1, tzinfo=UTC).date())
        return made

    return set_up


def later(here: Machine, given=None, person=None):
    """A context of the day after the end, on this machine and in Azure DevOps."""
    here.stand.simulator.set_clock(AFTER)
    context = here.context(given, person)
    return replace(context, clock=replace(context.clock, today=AFTER.date()))


def renewed(here, organizations=(), answer="saved", context=None, next_="keep", **given):
    given = {"pat_file": "new", **given}
    context = context or here.context(given, Person(handoff=answer, next=next_))
    return rotate(context, "contoso", organizations)


def test_after_the_end_everything_leads_to_a_token_of_one_organization(connected):
    here = connected("contoso")
    assert here.entry.reach_demanded == "all"
    report = validate_stored(later(here), [])
    assert (int(report.exit_code), check(report, "identity").status) == (4, "fail")
    listed = list(global_token_warnings(here.entry, later(here).clock.calendar()))
    assert [line.split(". ")[-1] for line in (*listed[1:], *report.notes[1:])] == [
        "Next: aspm-ado migrate contoso"
    ] * 2
    person = Person(handoff="saved")
    report = renewed(here, context=later(here, {"pat_file": "new"}, person))
    assert (int(report.exit_code), here.in_force()) == (0, NEW)
    assert "stored with the reach “all”" in here.stand.voice.text
    assert int(validate_stored(later(here), []).exit_code) == 0


def test_after_the_end_a_shared_token_leads_to_migrate_or_to_one_organization(connected):
    here = connected("contoso", "fabrikam")
    with pytest.raises(UsageError) as caught:
        rotate(later(here, {}, Person()), "contoso", [])
    assert caught.value.remedy == "aspm-ado migrate contoso"
    person = Person(handoff="saved")
    report = renewed(here, ["contoso"], context=later(here, {"pat_file": "new"}, person))
    assert (int(report.exit_code), here.in_force(), here.in_force("fabrikam")) == (0, NEW, PAT)


@pytest.mark.parametrize(("reach", "before"), [("organization", "all"), ("auto", "organization")])
def test_a_reach_that_is_said_anew_is_on_record_from_the_swap_on(connected, reach, before):
    here = connected("contoso", reach=before, own="Contoso" if reach == "organization" else None)
    renewed(here, answer="later", reach=reach)
    assert (here.entry.reach_demanded, here.waiting()) == (before, [NEW])
    resume_handoff(here.context(person=Person(handoff="saved")), "contoso")
    assert (here.entry.reach_demanded, here.in_force()) == (reach, NEW)
    assert int(validate_stored(here.context(), []).exit_code) == 0


def test_without_it_a_token_is_judged_as_on_record(connected):
    here = connected("contoso")
    assert int(renewed(here).exit_code) == 3
    assert (here.entry.reach_demanded, here.in_force()) == ("all", PAT)
    assert int(renewed(here, reach="organization").exit_code) == 0


def test_one_organization_accepted_by_a_person_is_on_record_too(connected):
    here = connected("contoso")
    assert int(renewed(here, next_="one-each").exit_code) == 0
    assert (here.entry.reach_demanded, here.in_force()) == ("organization", NEW)
    assert int(validate_stored(here.context(), []).exit_code) == 0


def test_the_token_in_force_may_get_another_reach_by_itself(connected):
    here = connected("contoso")
    renewed(here, answer="later", reach="organization")
    with pytest.raises(UsageError, match="is already the token"):
        renewed(here, pat_file="pat", reach="organization")
    assert here.entry.reach_demanded == "all"


def test_a_global_token_is_warned_of_as_in_connect(connected):
    here = connected("contoso", own=None)
    context = here.context({"pat_file": "new", "reach": "all"}, Person(handoff="saved"))
    soon = replace(context.clock, today=datetime(2026, 11, 20, tzinfo=UTC).date())
    assert int(renewed(here, context=replace(context, clock=soon)).exit_code) == 0
    assert "Microsoft announced the end of global tokens" in here.stand.voice.text


@pytest.fixture
def server(tmp_path):
    """Two collections that share a token, where one of one collection was demanded."""
    story = SCENARIOS["server"]
    with contextlib.closing(Stand(tmp_path, story)) as made:
        said = {
            "organization": "",
            "server_url": story.answers.server_url,
            "collection": ("DefaultCollection", "Engineering"),
            "reach": "organization",
        }
        files = {"pat": story.answers.tokens[0][1]}
        connect(made.context(asked(register="guided", **said), files=files), "server")
        yield made


def test_a_server_is_led_to_one_collection_after_the_other(server):
    with pytest.raises(UsageError) as caught:
        rotate(server.context({}, Person()), "server", [])
    assert caught.value.remedy == "aspm-ado rotate server -o DefaultCollection"


def test_a_dead_token_of_a_server_is_replaced_collection_by_collection(server):
    world = server.simulator.world
    dead = tuple(replace(one, revoked=True) for one in world.tokens)
    server.simulator.become(replace(world, tokens=dead))
    report = validate_stored(server.context(), [])
    asked_for: list[str] = []

    class Typing(Person):
        def secret(self, question, context=(), *, accept=None):
            asked_for.append(question.name)
            raise UsageError(report.connections[0].checks[0].id, "typed", remedy="none")

    person = Typing(rotate=True, token_ready="paste")
    with pytest.raises(UsageError, match="typed"):
        replace_dead(server.context({}, person), report, lambda one: None)
    assert asked_for == ["pat"]
