"""What a person is asked, told and allowed to take back: names, dates, the plan, and which connection is meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import Calendar, DaySource
from aspm_ado.domain.questions import PAT_EXPIRES, Given
from aspm_ado.domain.reasons import InterruptedByUserError, Reason, UsageError
from aspm_ado.domain.rules.token import judge_expiry
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.answers import Asker
from aspm_ado.flows.connect import connect
from aspm_ado.flows.context import Context
from aspm_ado.flows.target import ask_target, connection_meant
from aspm_ado.flows.tokens.creation import revoking_unkept
from aspm_ado.flows.tokens.sources import end_given
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import SCENARIOS

from ..aspm.stand import PAT, Person, Stand, asked, check

TODAY = Calendar(date(2026, 10, 15), DaySource.PINNED)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(tmp_path)
    yield stand
    stand.close()


def typed(**more: str) -> dict[str, object]:
    """Nothing is given but what keeps the run short."""
    return dict(asked(pat_file="", pat_expires="", purpose="", register="none", **more))


def test_a_refusal_that_names_the_option_says_so_once() -> None:
    for source, ending in (("--pat-expires", "date."), ("MY_VARIABLE", "date. (from MY_VARIABLE)")):
        asker = Asker({PAT_EXPIRES.name: Given(("soon",), source)}, Person())
        with pytest.raises(UsageError) as error:
            end_given(asker, date(2026, 10, 15))
        assert error.value.problem.endswith(ending)


# The name of the organization


def test_a_name_that_does_not_exist_is_asked_again_before_the_token(here: Stand) -> None:
    person = Person(instead=["contsoo", "contoso"], pat=PAT, pat_expires="unknown", go=True)
    report = connect(here.context({**typed(), "organization": "contso"}, person), None)
    assert person.asked == ["instead", "instead", "pat", "pat-expires", "go"]
    assert [one.name for one in report.connections] == ["contoso"]
    assert [call.credential for call in here.wire.calls[:3]] == [None, None, None]
    assert "There is no organization named contso." in here.voice.lines


def test_the_same_name_again_is_taken_as_it_is(here: Stand) -> None:
    person = Person(instead="contso", pat=PAT, next="keep")
    report = connect(here.context({**typed(), "organization": "contso"}, person), None)
    assert check(report, "organization.access").reason is Reason.ORGANIZATION_ABSENT


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ({"correct_which": "fabrikam"}, "fabrikam"),
        ({"correct_which": "", "instead": "contoso"}, "contoso"),
    ],
    ids=["picked from what the token reaches", "typed"],
)
def test_an_organization_that_is_not_found_is_corrected(
    here: Stand, answers: dict[str, str], name: str
) -> None:
    person = Person(next="correct", go=True, **answers)
    report = connect(here.context(asked("contso", register="none"), person), None)
    assert person.offered["next"][0] == "correct"
    assert [one.name.casefold() for one in report.connections[0].organizations] == [name]
    assert list(here.records.load().connections) == [name]


def test_a_collection_or_a_server_that_is_not_found_is_corrected(tmp_path: Path) -> None:
    story = SCENARIOS["server"]
    token = story.answers.tokens[0][1]
    for url, question, answers in (
        ("https://tfs.example.test/tfs/Nowhere", "correct-which", {"correct_which": "engineering"}),
        (
            "https://tfs.example.test/wrong/DefaultCollection",
            "server-url",
            {"server_url": "https://tfs.example.test/tfs"},
        ),
    ):
        stand = Stand(tmp_path / question, story)
        given = asked(organization="", server_url=url, register="none")
        person = Person(next="correct", go=True, **answers)
        report = connect(stand.context(given, person, files={"pat": token}), None)
        stand.close()
        assert question in person.asked
        assert int(report.exit_code) == 0
        entry = stand.records.load().connections["tfs.example.test"]
        assert (entry.deployment, entry.base_url) == (
            Deployment.SERVER,
            "https://tfs.example.test/tfs",
        )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("contoso", ["contoso"]),
        ("contoso, fabrikam ,contoso", ["contoso", "fabrikam"]),
        ("https://dev.azure.com/contoso/A,B/_git/c", ["contoso"]),
        (
            "https://dev.azure.com/contoso/A, https://fabrikam.visualstudio.com",
            ["contoso", "fabrikam"],
        ),
    ],
)
def test_several_organizations_are_typed_with_commas(text: str, names: list[str]) -> None:
    person = Person(organization=text)
    assert list(ask_target(Asker({}, person)).names) == names


# The end of the token


def secret(year: str, month: str) -> Secret:
    return Secret("a" * 52 + f"JQQJ99{year}{month}" + "B" * 16 + "AZDO" + "wxyz")


@pytest.mark.parametrize(
    ("token", "told"),
    [
        (secret("C", "C"), "2026-03"),
        (secret("A", "L"), "2024-12"),
        (secret("C", "L"), ""),  # after today: another encoding
        (secret("C", "M"), ""),  # there is no such month
        (Secret("a" * 76 + "AZDO" + "wxyz"), ""),
        (Secret("a" * 52), ""),
    ],
)
def test_without_a_date_the_month_of_creation_is_a_hint_and_no_verdict(
    token: Secret, told: str
) -> None:
    found = judge_expiry(None, TODAY, secret=token)
    assert (found.status, found.reason) == ("skip", Reason.EXPIRY_UNKNOWN)
    assert ("at most a year" in found.detail, told in found.detail) == (bool(told), True)
    known = judge_expiry(date(2027, 1, 1), TODAY, secret=token)
    assert "hints" not in known.detail


def test_a_day_that_is_over_is_refused_before_any_request(here: Stand) -> None:
    with pytest.raises(UsageError) as error:
        connect(here.context(asked(pat_expires="2026-10-14")), None)
    assert (error.value.reason, here.wire.calls) == (Reason.INPUT_INVALID, [])
    assert int(connect(here.context(asked(pat_expires="2026-10-15")), None).exit_code) in (0, 8)


def test_the_end_is_asked_once_and_the_plan_names_its_source(here: Stand) -> None:
    person = Person(pat=PAT, pat_expires="2027-01-13", go=True)
    connect(here.context(typed(), person), None)
    assert person.asked.count("pat-expires") == 1
    assert "expires 2027-01-13 (from prompt)" in here.voice.text
    again = Person(go=True)
    connect(here.context({**typed(), "organization": "contoso"}, again), "contoso")
    assert "pat-expires" not in again.asked
    assert "expires 2027-01-13 (from prompt)" in here.voice.text


def ending(stand: Stand, day: str, organization: str = "") -> str | None:
    """``--pat-expires`` with a stored connection."""
    given = {PAT_EXPIRES.name: Given((day,), "--pat-expires")}
    if organization:
        given |= {
            "organization": Given((organization,), "-o"),
            "register": Given(("none",), "--register"),
        }
    context = stand.context()
    context = replace(context, asker=Asker(given, context.asker.prompter))
    connect(context, "contoso")
    [credential] = stand.records.load().connections["contoso"].credentials.values()
    return credential.expires


def test_with_a_stored_connection_it_corrects_the_record(here: Stand) -> None:
    connect(here.context(asked()), None)
    assert ending(here, "2027-02-28") == "2027-02-28"
    assert "It was: 2027-01-13." in here.voice.text
    assert ending(here, "2027-03-31", "contoso") == "2027-03-31"
    given = {PAT_EXPIRES.name: Given(("2027-04-30",), "--pat-expires")}
    context = here.context()
    report = validate_stored(
        replace(context, asker=Asker(given, context.asker.prompter)), ["contoso"]
    )
    assert check(report, "token.expiry").detail.startswith("Expires on 2027-04-30")


# The plan


def test_an_answer_is_changed_at_the_plan(here: Stand) -> None:
    person = Person(
        pat=PAT,
        pat_expires=["unknown", "2027-01-13"],
        aspm_url=["aspm.example.test", "https://aspm.example.test"],
        aspm_token="",
        go=["change", "change", "change", "change", "change", "y"],
        change=["pat-expires", "purpose", "team-leads-may", "aspm-url", "none"],
        purpose="alm",
        team_leads_may=("fetch-projects",),
        handoff="saved",
    )
    given = {**typed(), "aspm_url": "", "aspm_token_file": "", "register": ""}
    report = connect(here.context({k: v for k, v in given.items() if v}, person), None)
    assert int(report.exit_code) == 0
    entry = here.records.load().connections["contoso"]
    assert set(entry.toggles) == {"create-instances", "fetch-projects"}
    assert [one.expires for one in entry.credentials.values()] == ["2027-01-13"]
    assert "Purpose: alm (default)" in here.voice.text
    assert "Advanced Settings: none (default)" in here.voice.text


def test_a_url_that_was_left_for_later_can_be_given_at_the_plan(here: Stand) -> None:
    person = Person(
        aspm_url=["later", "aspm.example.test"],
        go=["change", "y"],
        change="aspm-url",
        aspm_token="",
        handoff="saved",
    )
    report = connect(here.context(asked(aspm_url="", aspm_token_file=""), person), None)
    assert report.connections[0].organizations[0].registration.state == "registered"


def test_another_purpose_is_verified_anew(here: Stand) -> None:
    person = Person(go=["change", "y"], change="purpose", purpose="issue-manager", next="keep")
    report = connect(here.context(asked(register="none"), person), None)
    assert report.connections[0].purpose == "issue-manager"
    assert check(report, "scope.project").reason is Reason.PROJECT_SCOPE_MISSING


def in_the_last_days(here: Stand, person: Person, **given: str) -> Context:
    context = here.context({**typed(), **given}, person)
    clock = replace(context.clock, today=date(2026, 11, 20))
    here.simulator.set_clock(datetime(2026, 11, 20, tzinfo=UTC))
    return replace(context, clock=clock)


def test_in_the_last_days_of_global_tokens_the_plan_lets_the_reach_be_changed(here: Stand) -> None:
    person = Person(
        pat=PAT,
        pat_expires="unknown",
        go=["change", "change", "y"],
        change="reach",
        reach=["organization", "all"],
    )
    connect(in_the_last_days(here, person, organization="contoso"), None)
    assert person.asked[:3] == ["pat", "pat-expires", "go"]
    assert person.asked.count("pat") == 1, "the token is global already"
    assert here.records.load().connections["contoso"].reach_demanded == "all"
    plans = [line for line in here.voice.lines if line.startswith("  Reach: ")]
    assert plans == ["  Reach: organization (default)"] * 2 + ["  Reach: all (your answer)"]


def test_a_global_token_is_asked_for_when_the_plan_is_changed_to_one(here: Stand) -> None:
    world = here.simulator.world
    own = f"{PAT[:-4]}own1"
    alone = replace(world.tokens[0], value=own, reach="Contoso")
    here.simulator.become(replace(world, tokens=(*world.tokens, alone)))
    person = Person(
        pat=[own, "", PAT],
        token_ready="later",
        pat_expires="unknown",
        go=["change", "change", "y"],
        change="reach",
        reach="all",
    )
    connect(in_the_last_days(here, person, organization="contoso"), None)
    [credential] = here.records.load().connections["contoso"].credentials.values()
    assert (credential.last4, credential.reach) == (PAT[-4:], "all")
    assert person.asked.count("pat-expires") == 2


def test_at_other_times_there_is_no_reach_to_change(here: Stand) -> None:
    person = Person(go=["change", "y"], change="none")
    connect(here.context(asked(register="none"), person), None)
    assert person.offered["change"] == ["purpose", "pat-expires", "none"]


def test_an_organization_is_added_at_the_plan_and_one_that_is_connected_is_not_offered(
    here: Stand,
) -> None:
    person = Person(go=["add", "y"], more=("fabrikam",))
    report = connect(here.context(asked(register="none"), person), None)
    assert [one.name for one in report.connections[0].organizations] == ["contoso", "Fabrikam"]
    again = Person(go="y")
    connect(here.context(asked("contoso", register="none"), again), "other")
    assert "Not included" not in here.voice.text


def test_no_is_declined_and_nothing_changes(here: Stand) -> None:
    with pytest.raises(UsageError) as error:
        connect(here.context(asked(), Person(go=False)), None)
    assert (error.value.reason, error.value.problem) == (Reason.DECLINED, "Cancelled.")
    assert here.records.load().connections == {}


LEFT = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")
NOT_STORED = "The token that you entered is not stored. Keep your copy"


@pytest.mark.parametrize(
    ("store", "answers", "said"),
    [
        ("", {"pat": LEFT}, False),
        ("", {"pat": f"{PAT[:-4]}Nope", "next": LEFT}, False),
        ("", {"pat_expires": LEFT}, True),
        ("", {"go": LEFT}, True),
        ("", {"go": False}, True),
        ("none", {"pat_expires": LEFT}, False),
        ("", {"handoff": LEFT}, False),
    ],
    ids=[
        "no token yet",
        "a rejected one",
        "the date",
        "the plan",
        "no",
        "nothing is to be stored",
        "it is stored",
    ],
)
def test_who_leaves_is_told_that_a_pasted_token_is_not_stored(here, store, answers, said) -> None:
    person = Person(**{"pat": PAT, "pat_expires": "unknown", "go": True, **answers})
    given = asked(pat_file="", pat_expires="", register="guided", store=store)
    context = here.context(given, person)
    with pytest.raises((InterruptedByUserError, UsageError)), revoking_unkept(context):
        connect(context, None)
    assert (NOT_STORED in here.voice.text) is said


# Which connection


def test_the_only_connection_is_meant_and_of_several_one_is_chosen(here: Stand) -> None:
    with pytest.raises(UsageError) as error:
        connection_meant(here.context(), None)
    assert error.value.reason is Reason.NOTHING_STORED
    connect(here.context(asked()), "one")
    assert connection_meant(here.context(), None) == "one"
    assert connection_meant(here.context(), "two") == "two"
    connect(here.context(asked()), "two")
    assert connection_meant(here.context({}, Person(connection="two")), None) == "two"
    with pytest.raises(UsageError) as error:
        connection_meant(here.context(), None)
    assert (error.value.reason, "one, two" in error.value.remedy) == (Reason.INPUT_MISSING, True)
