"""Row R2 of the decision table, and the retirement matrix: reach × demanded × day × deployment."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import (
    GLOBAL_PAT_END,
    Calendar,
    DaySource,
    Reach,
    ReachDemanded,
    parse_day,
    parse_global_end,
)
from aspm_ado.domain.reasons import ExitCode, Reason, Status, UsageError
from aspm_ado.domain.rules.reach import ReachSeen, judge_reach, not_listed, observe_reach
from aspm_ado.domain.rules.scopes import profile_unheard

from . import replies as r

SERVICES, SERVER = Deployment.SERVICES, Deployment.SERVER
AUTO, ALL, ONE = ReachDemanded.AUTO, ReachDemanded.ALL, ReachDemanded.ORGANIZATION

# answer to R2 · a scope that implies vso.profile is proven · what the token reaches
SEEN = {
    "200": (r.profile(), False, Reach.ALL),
    "401, and a scope that implies it": (r.bare(), True, Reach.ORGANIZATION),
    "401, and none": (r.bare(), False, Reach.UNKNOWN),
    "401 with words, and a scope": (
        r.reply(401, r.NO_ANONYMOUS, r.MARKS, r.JSON),
        True,
        Reach.ORGANIZATION,
    ),
    "203": (r.reply(203, r.PAGE, r.MARKS, r.HTML), True, Reach.UNKNOWN),
    "302": (r.reply(302, "", r.MARKS), True, Reach.UNKNOWN),
    "403": (r.reply(403, r.FENCED, r.MARKS, r.JSON), True, Reach.UNKNOWN),
    "429": (r.reply(429, "", r.MARKS), True, Reach.UNKNOWN),
    "503": (r.reply(503, r.PAGE, r.HTML), True, Reach.UNKNOWN),
    "timeout": (r.silence(), True, Reach.UNKNOWN),
    "401 of a portal": (r.reply(401, r.PAGE, r.HTML), True, Reach.UNKNOWN),
    "200 that is no profile": (r.reply(200, "{}", r.MARKS, r.JSON), True, Reach.UNKNOWN),
    "not asked": (None, True, Reach.UNKNOWN),
}


@pytest.mark.parametrize("row", SEEN)
def test_what_an_answer_shows_of_the_reach(row: str) -> None:
    wide, holds, reach = SEEN[row]
    reach_seen = observe_reach(SERVICES, wide, ["Contoso"], holds_profile=holds)
    assert reach_seen.reach is reach
    assert reach_seen.because


@pytest.mark.parametrize("wide", [r.bare(), r.profile(), None, r.silence()])
def test_two_organizations_that_take_one_token_prove_all(wide: object) -> None:
    reach_seen = observe_reach(SERVICES, wide, ["Contoso", "Fabrikam"], holds_profile=False)  # type: ignore[arg-type]
    assert reach_seen.reach is Reach.ALL
    assert "Contoso" in reach_seen.because
    assert "Fabrikam" in reach_seen.because


@pytest.mark.parametrize(
    ("wide", "reach"),
    [
        (r.names("DefaultCollection", "Engineering"), Reach.ALL),
        (r.bare(), Reach.ORGANIZATION),
        (r.reply(401, "", (("WWW-Authenticate", "NTLM"),)), Reach.ORGANIZATION),
        (r.reply(404, r.NO_ROUTE, r.MARKS), Reach.UNKNOWN),
        (r.reply(200, "{}", r.JSON, answer=r.names("Main").answer), Reach.UNKNOWN),
        (r.names(), Reach.UNKNOWN),
        (r.silence(), Reach.UNKNOWN),
    ],
)
def test_the_root_of_a_server_tells(wide: object, reach: Reach) -> None:
    assert observe_reach(SERVER, wide, ["DefaultCollection"], holds_profile=True).reach is reach  # type: ignore[arg-type]


LONG_BEFORE, LAST_30, LAST_DAY = date(2026, 10, 15), date(2026, 11, 5), date(2026, 11, 30)
ON_THE_DAY, AFTER = date(2026, 12, 1), date(2027, 3, 1)
NEVER = "never"
BEFORE = (LONG_BEFORE, LAST_30, LAST_DAY)
SINCE = (ON_THE_DAY, AFTER)
DAYS = (*BEFORE, *SINCE, NEVER)


def calendar(day: date | str) -> Calendar:
    if isinstance(day, str):
        return Calendar(AFTER, DaySource.SERVER, None)
    return Calendar(day, DaySource.SERVER)


def expected(
    deployment: Deployment, reach: Reach, demanded: ReachDemanded, day: date | str
) -> tuple[Status, object]:
    """The section “Retirement of global tokens” of the contract, row by row."""
    services_ended = deployment is SERVICES and day in SINCE
    one_by_day = deployment is SERVICES and day in (LAST_30, LAST_DAY, *SINCE)
    demands_one = demanded is ONE or (demanded is AUTO and one_by_day)
    if reach is Reach.ALL:
        if deployment is SERVER or day == NEVER:
            return Status.PASS, None
        return (
            Status.WARN,
            Reason.REACH_GLOBAL_OUTLIVED if services_ended else Reason.REACH_GLOBAL_ENDS,
        )
    if reach is Reach.UNKNOWN:
        return (Status.WARN if demands_one else Status.UNKNOWN), Reason.REACH_UNKNOWN
    if not demands_one:
        return Status.FAIL, Reason.REACH_ORGANIZATION_ONLY
    if demanded is AUTO:
        return Status.WARN, Reason.REACH_AFTER_END
    return Status.PASS, None


@pytest.mark.parametrize(
    ("deployment", "reach", "demanded", "day"),
    list(product(Deployment, Reach, ReachDemanded, DAYS)),
)
def test_the_retirement_matrix(
    deployment: Deployment, reach: Reach, demanded: ReachDemanded, day: date | str
) -> None:
    because = "profiles/me answers (the inference)"
    check = judge_reach(ReachSeen(reach, because), demanded, deployment, calendar(day))
    assert (check.status, check.reason) == expected(deployment, reach, demanded, day)
    assert because in check.detail
    assert check.required
    if deployment is SERVER:
        said = f"{check.detail} {check.remedy}"
        assert not any(word in said for word in ("Microsoft", "2026", "stops", "days"))
    if check.status is Status.FAIL:
        assert "Invicti" in check.detail
        assert check.exit_code is ExitCode.NOT_GOOD_ENOUGH
        assert "--reach organization" in str(check.remedy)


def test_a_warning_says_how_many_days_are_left() -> None:
    detail = judge_reach(
        ReachSeen(Reach.ALL, "it answers"), AUTO, SERVICES, calendar(LAST_DAY)
    ).detail
    assert "2026-12-01, in 1 day," in detail
    detail = judge_reach(
        ReachSeen(Reach.ALL, "it answers"), AUTO, SERVICES, calendar(LONG_BEFORE)
    ).detail
    assert "2026-12-01, in 47 days," in detail


def test_the_day_is_the_one_that_microsoft_named() -> None:
    assert date(2026, 12, 1) == GLOBAL_PAT_END


@pytest.mark.parametrize(
    ("day", "left", "ended"),
    [(LAST_DAY, 1, False), (ON_THE_DAY, 0, True), (AFTER, -90, True), (LONG_BEFORE, 47, False)],
)
def test_days_to_the_end(day: date, left: int, ended: bool) -> None:
    assert calendar(day).days_to_end(SERVICES) == left
    assert calendar(day).ended(SERVICES) is ended
    assert calendar(day).days_to_end(SERVER) is None
    assert not calendar(day).ended(SERVER)


def test_the_end_is_near_from_thirty_days_before_it_until_it_has_come() -> None:
    near = [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 1)]
    assert [calendar(day).ends_soon(SERVICES) for day in near] == [False, True, True, False]
    assert not any(calendar(day).ends_soon(SERVER) for day in near)


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("choice", ReachDemanded)
def test_a_demand_on_record_for_all_means_one_organization_from_the_day_on(
    choice: ReachDemanded, day: date | str
) -> None:
    is_over = choice is ReachDemanded.ALL and day in SINCE
    assert calendar(day).on_record(choice, SERVICES) is (ONE if is_over else choice)
    assert calendar(day).on_record(choice, SERVER) is choice


def test_the_end_can_be_moved_or_taken_away() -> None:
    assert parse_global_end("2027-06-30") == date(2027, 6, 30)
    assert parse_global_end(" Never ") is None


@pytest.mark.parametrize(
    "text", ["", "2027", "20270331", "2027-02-30", "31.03.2027", "2027-3-31", "soon", "2027-W01-1"]
)
def test_what_is_not_a_day_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_day(text, "--pat-expires")
    assert caught.value.reason is Reason.INPUT_INVALID
    assert "--pat-expires" in caught.value.problem
    assert "YYYY-MM-DD" in caught.value.remedy


@pytest.mark.parametrize(
    ("wide", "status", "reason", "code"),
    [
        (r.bare(), Status.FAIL, Reason.ORGANIZATIONS_NOT_LISTED, 3),
        (r.names(), Status.FAIL, Reason.ORGANIZATIONS_NOT_LISTED, 3),
        (r.reply(401, r.EXPIRED, r.MARKS), Status.FAIL, Reason.TOKEN_EXPIRED, 4),
        (r.silence(), Status.UNKNOWN, Reason.TIMED_OUT, 5),
        (r.reply(429, "", r.MARKS), Status.UNKNOWN, Reason.THROTTLED, 5),
        (r.reply(302, "", r.MARKS), Status.UNKNOWN, Reason.ANSWER_UNREADABLE, 5),
        (r.reply(203, r.PAGE, r.MARKS, r.HTML), Status.UNKNOWN, Reason.ANSWER_UNREADABLE, 5),
        (r.reply(403, "Forbidden"), Status.UNKNOWN, Reason.NOT_AZURE_DEVOPS, 5),
    ],
)
@pytest.mark.parametrize("deployment", Deployment)
def test_a_list_that_could_not_be_had(
    deployment: Deployment, wide: object, status: Status, reason: Reason, code: int
) -> None:
    check = not_listed(wide, deployment)  # type: ignore[arg-type]
    assert (check.status, check.reason, check.exit_code) == (status, reason, code)
    if reason is Reason.ORGANIZATIONS_NOT_LISTED:
        assert ("-o " if deployment is SERVICES else "--collection ") in str(check.remedy)


@pytest.mark.parametrize(
    ("wide", "reason"),
    [
        (r.silence(Reason.PROXY_FAILED), Reason.PROXY_FAILED),
        (r.reply(203, r.PAGE, r.HTML), Reason.NOT_AZURE_DEVOPS),
        (r.reply(302), Reason.NOT_AZURE_DEVOPS),
        (r.reply(403, r.PAGE, r.HTML), Reason.NOT_AZURE_DEVOPS),
        (r.reply(503, r.PAGE, r.HTML), Reason.SERVICE_UNAVAILABLE),
        (r.reply(429, "", r.MARKS), Reason.THROTTLED),
    ],
)
def test_a_reach_that_was_not_heard_is_not_the_fault_of_the_token(
    wide: object, reason: Reason
) -> None:
    seen = observe_reach(SERVICES, wide, ["Contoso"], holds_profile=True)  # type: ignore[arg-type]
    check = judge_reach(seen, AUTO, SERVICES, calendar(LONG_BEFORE))
    assert (check.status, check.reason, check.exit_code) == (Status.UNKNOWN, reason, 5)
    assert "dev.azure.com" in check.detail
    assert "Tick" not in str(check.remedy)


def test_a_scope_that_was_not_heard_is_not_the_fault_of_the_token_either() -> None:
    """The list refuses, and the probe that would tell why got no answer: nothing is to be ticked."""
    unheard = profile_unheard({"work-read": r.bare(), "code-read": r.silence()})
    seen = observe_reach(SERVICES, r.bare(), ["Contoso"], holds_profile=False, unheard=unheard)
    check = judge_reach(seen, AUTO, SERVICES, calendar(LONG_BEFORE))
    assert (check.status, check.reason, check.exit_code) == (Status.UNKNOWN, Reason.TIMED_OUT, 5)
    assert "did not answer in time" in check.detail
    assert check.remedy == "Try again."
