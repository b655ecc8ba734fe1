"""One stored connection over the day on which tokens of all organizations end, over real HTTP: before, on, after."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import (
    Calendar,
    Clock,
    DaySource,
    Reach,
    ReachDemanded,
)
from aspm_ado.domain.report import Report
from aspm_ado.domain.rules.global_tokens import global_token_warnings
from aspm_ado.flows.connect import connect
from aspm_ado.flows.validate import validate_stored
from aspm_ado.render.ending import closing, ending
from aspm_ado.render.json import report_document
from aspm_ado.render.text import sections, tickets
from aspm_ado.simulator import SCENARIOS

from ..aspm.stand import Person, Stand, asked, check

EVE, DAY, AFTER = (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC),
                   datetime(2027, 1, 5, tzinfo=UTC))  # fmt: skip
NOT_OF_A_SERVER = ("2026-12-01", "migrate", "stop", "all accessible")


@pytest.fixture
def stand(tmp_path):
    made = []

    def start(scenario: str = "global", **world: object) -> Stand:
        made.append(Stand(tmp_path / str(len(made)), SCENARIOS[scenario], **world))
        return made[-1]

    yield start
    for one in made:
        one.close()


def validated(here: Stand, moment: datetime, *, end: date | None = date(2026, 12, 1)) -> Report:
    here.simulator.set_clock(moment)
    context = here.context()
    return validate_stored(
        replace(context, clock=replace(context.clock, global_end=end, pinned=False)), []
    )


def connected(here: Stand, *organizations: str, **more: str) -> Stand:
    here.simulator.set_clock(datetime(2026, 10, 15, tzinfo=UTC))
    connect(here.context(asked(*organizations, register="guided", **more)), None)
    return here


def test_a_global_token_lives_on_the_eve_and_has_most_likely_stopped_on_the_day(stand):
    here = connected(stand(), "contoso", "fabrikam")
    eve = validated(here, EVE)
    assert (int(eve.exit_code), eve.day_source) == (0, "server")
    assert check(eve, "reach").reason == "reach-global-ends"
    assert "in 1 day," in check(eve, "reach").detail
    assert eve.connections[0].organizations[0].token.days_left == 1
    [line] = eve.notes
    assert "(contoso, fabrikam) stops working on 2026-12-01, in 1 day" in line
    assert "aspm-ado migrate contoso" in line
    for moment in (DAY, AFTER):
        report = validated(here, moment)
        assert (int(report.exit_code), report.day_source) == (4, "server")
        detail = check(report, "identity").detail
        assert "Possible causes: most likely it is a global token" in detail
        assert (
            detail.index("Microsoft announced") < detail.index("revoked") < detail.index("policy")
        )
        assert "mistyped" not in detail
        assert report.connections[0].organizations[0].token.days_left is None
        [line] = report.notes
        assert "most likely stopped working" in line
        assert closing(report)[-1] == "Next: aspm-ado migrate contoso", (
            "not the hand-off of a dead token"
        )
    assert int(validated(here, EVE).exit_code) == 0, "the record has forgotten nothing of it"


def test_an_end_on_record_that_has_passed_comes_first(stand):
    here = stand()
    token = here.simulator.world.tokens[0]
    here.simulator.become(
        replace(here.simulator.world, tokens=(replace(token, expires=date(2027, 4, 30)),))
    )
    connected(here, pat_expires="2026-12-20")
    detail = check(validated(here, AFTER), "identity").detail
    assert "Possible causes: most likely it has expired" in detail
    assert detail.index("2026-12-20") < detail.index("2026-12-01")
    assert validated(here, AFTER).notes == ()


def test_a_token_that_stops_anyway_is_not_replaced_by_another_that_does(stand):
    here = connected(stand(), "contoso", "fabrikam", pat_expires="2026-12-20")
    lines = [line for _, line in ending(validated(here, EVE))]
    assert len([line for line in lines if "Token expiry: " in line]) == 1
    assert len([line for line in lines if "aspm-ado migrate contoso" in line]) == 1
    assert not [line for line in lines if "aspm-ado rotate" in line]


def test_a_run_has_one_today_whatever_the_clock_of_this_machine(stand):
    """What Azure DevOps told holds for the tickets, the guide and the demand that come after it."""
    here = stand()
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    here.simulator.set_clock(moment)
    context = here.context(
        asked(register="guided", reach="all"), Person(handoff="refused", go=True)
    )
    clock = Clock(date(2024, 2, 29), date(2026, 12, 1))
    wrong = replace(context, clock=clock, now=lambda: datetime(2024, 2, 29, tzinfo=UTC))
    report = connect(wrong, None)
    assert int(report.exit_code) == 6
    assert f"on {moment.date()}:" in here.voice.text.partition("To paste into a ticket")[2]
    told = here.voice.text + "\n".join(tickets(report))
    assert not re.search(r"2024-\d\d-\d\d\b|\b(?:Feb|February) 2024", told)
    assert f" on {moment.date()}T" in "\n".join(tickets(report))
    assert clock.calendar() == Calendar(moment.date(), DaySource.SERVER, date(2026, 12, 1))
    assert clock.calendar().demanded(ReachDemanded.AUTO, Deployment.SERVICES) is Reach.ORGANIZATION
    assert report.at == "2024-02-29T00:00:00Z", "the document has the clock of this machine"


def test_many_organizations_of_one_token_are_counted(stand):
    here = connected(stand(), "contoso", "fabrikam")
    entry = here.records.load().connections["contoso"]
    [one, *_] = entry.organizations
    many = tuple(replace(one, name=f"team-{number:02}") for number in range(40))
    [line] = global_token_warnings(
        replace(entry, organizations=many), Calendar(EVE.date(), DaySource.LOCAL)
    )
    assert "of contoso (40 organizations) stops" in line


def test_microsoft_moved_the_day_and_nobody_told_us(stand):
    here = connected(stand(global_tokens_end=date(2027, 6, 30)))
    report = validated(here, AFTER)
    assert int(report.exit_code) == 0
    assert check(report, "reach").reason == "reach-global-outlived"
    [line] = report.notes
    assert "still works" in line
    left = report.connections[0].organizations[0].token.days_left
    assert (left, closing(report) and left < 0) == ((date(2026, 12, 1) - AFTER.date()).days, True)
    shown = repr(list(sections(report)))
    assert "past its expiry date" in shown
    assert f"{left} day" not in shown


@pytest.mark.parametrize(
    ("end", "reason", "days", "notes"),
    [(date(2027, 6, 30), "reach-global-ends", 1, 1), (None, None, 1000, 0)],
)
def test_microsoft_moved_the_day_and_we_were_told(stand, end, reason, days, notes):
    here = connected(stand(global_tokens_end=end), pat_expires="2030-01-01")
    token = here.simulator.world.tokens[0]
    here.simulator.become(
        replace(here.simulator.world, tokens=(replace(token, expires=date(2030, 1, 1)),))
    )
    report = validated(here, datetime(2027, 6, 29, tzinfo=UTC) if end else AFTER, end=end)
    assert int(report.exit_code) == 0
    assert check(report, "reach").reason == reason
    left = report.connections[0].organizations[0].token.days_left
    assert left == 1 if end else left > days
    assert len(report.notes) == notes


@pytest.mark.parametrize(
    ("demanded", "before", "since"),
    [
        ("auto", (0, "reach-after-end"), (0, "reach-after-end")),
        ("organization", (0, None), (0, None)),
        ("all", (3, "reach-organization-only"), (0, None)),
    ],
)
def test_a_token_of_one_organization(stand, demanded, before, since):
    """Stored under ``organization``, and demanded anew: what is demanded follows the day, what it reaches does not."""
    story = SCENARIOS["organization-only"]
    here = stand("organization-only")
    here.simulator.set_clock(datetime(2026, 10, 15, tzinfo=UTC))
    files = {"one": story.answers.tokens[0][1]}
    connect(
        here.context(asked(pat_file="one", reach="organization", register="guided"), files=files),
        None,
    )

    def demand(catalogue):
        entries = {
            name: replace(one, reach_demanded=ReachDemanded(demanded))
            for name, one in catalogue.connections.items()
        }
        return replace(catalogue, connections=entries)

    here.records.change(demand)
    for moment, (code, reason) in ((EVE, before), (DAY, since), (AFTER, since)):
        report = validated(here, moment)
        assert (int(report.exit_code), check(report, "reach").reason) == (code, reason)
        read_anew = demanded == "all" and moment > EVE
        assert [note for note in report.notes if "stored with the reach “all”" not in note] == []
        assert len(report.notes) == int(read_anew)


@pytest.mark.parametrize("moment", [EVE, DAY, AFTER])
@pytest.mark.parametrize("alive", [True, False])
def test_a_server_hears_nothing_of_it(stand, moment, alive):
    here, story = stand("server"), SCENARIOS["server"]
    here.simulator.set_clock(datetime(2026, 10, 15, tzinfo=UTC))
    said = {
        "server_url": story.answers.server_url,
        "collection": story.answers.collections,
        "organization": "",
    }
    files = {"pat": story.answers.tokens[0][1]}
    given = {name: value for name, value in asked(register="guided", **said).items() if value}
    connect(here.context(given, files=files), None)
    assert here.records.load().connections
    tokens = tuple(
        replace(one, revoked=not alive, expires=date(2028, 1, 1))
        for one in here.simulator.world.tokens
    )
    here.simulator.become(replace(here.simulator.world, tokens=tokens))
    report = validated(here, moment)
    assert int(report.exit_code) == (0 if alive else 4)
    texts = [repr(report_document(report)), *map(repr, sections(report)), *closing(report)]
    assert not [(word, text) for word in NOT_OF_A_SERVER for text in texts if word in text]
