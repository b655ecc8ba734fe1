"""The order of questions: how many requests, in how many round trips, and when to stop."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from importlib import import_module
from typing import Any

import pytest

from aspm_ado.domain.azure.deployment import Purpose
from aspm_ado.domain.azure.place import NamedRepository
from aspm_ado.domain.azure.retirement import Clock, Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import SCOPES, Scope
from aspm_ado.domain.documents import Repositories
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import Check
from aspm_ado.flows.validation.run import validate
from aspm_ado.flows.validation.scheduler import Scheduler
from aspm_ado.flows.validation.token import Token as Pat
from aspm_ado.flows.validation.token import TokenResult
from aspm_ado.simulator import samples
from aspm_ado.simulator.world import GitRepository, IssuedToken, TeamProject

from ..domain import replies as r
from ..simulator.worlds import LONG_AGO, a_server, an_organization, swap
from .context import Voice, context
from .service import EVERYTHING, PAT, TFS, THAT_DAY, Rounds, Service, candidate, token

CLONE = {"projects", "repositories", "clone"}
NARROW = swap("vso.code_full", "vso.code")


def proven(
    service: Service,
    made: Pat,
    previous: TokenResult | None = None,
    today: date = THAT_DAY,
    global_end: date | None = date(2026, 12, 1),
) -> tuple[TokenResult, Rounds]:
    rounds = Rounds(service)
    service.begin(made.secret.reveal())
    around = context(scheduler=rounds, clock=Clock(today, global_end))
    [proof] = validate(around, [made], [previous] if previous else ())
    assert service.problems == []
    return proof, rounds


def checks(proof: TokenResult, index: int = 0) -> dict[CheckId, Check]:
    return {check.id: check for check in proof.reports[index].checks}


def trouble(proof: TokenResult, index: int = 0) -> dict[str, Reason | None]:
    return {
        check.id.value: check.reason
        for check in checks(proof, index).values()
        if check.required and check.status in (Status.FAIL, Status.UNKNOWN)
    }


def test_a_good_token_costs_two_round_trips_and_eleven_requests() -> None:
    service = Service(token())
    proof, rounds = proven(service, candidate("contoso"))
    assert rounds.sizes == [2, 9]
    assert sorted(rounds.trips[0]) == ["connection-data", "profile"]
    assert "accounts" in rounds.trips[1]
    assert trouble(proof) == {}
    assert [place.name for place in proof.listed or ()] == ["Contoso"]


def test_a_good_token_of_one_organization_costs_one_less() -> None:
    service = Service(token(reach="Contoso"))
    proof, rounds = proven(service, candidate("contoso"))
    assert rounds.sizes == [2, 8]
    assert proof.reach_seen is not None
    assert proof.reach_seen.reach is Reach.ORGANIZATION


def test_the_clone_check_comes_after_and_costs_three_round_trips() -> None:
    service = Service(token())
    proof, rounds = proven(service, candidate("contoso", clone="auto"))
    assert rounds.sizes == [2, 9, 1, 1, 2]
    assert [set(trip) for trip in rounds.trips[2:]] == [{"projects"}, {"repositories"}, {"clone"}]
    assert checks(proof)[CheckId.CLONE_TOKEN].status is Status.PASS


@pytest.mark.parametrize(
    ("purpose", "version"),
    [(purpose, version) for purpose in Purpose for version in ("", "7.1", "7.0", "6.0", "5.0")],
)
def test_eleven_requests_are_enough_for_every_purpose_and_deployment(
    purpose: Purpose, version: str
) -> None:
    organizations = ("DefaultCollection",) if version else ("Contoso",)
    service = Service(token(EVERYTHING), organizations=organizations, version=version)
    made = candidate(*organizations, purpose=purpose, **({"site": TFS} if version else {}))
    proof, rounds = proven(service, made)
    assert len(rounds.sizes) == 2
    assert sum(rounds.sizes) <= 11
    assert trouble(proof) == {}
    if version:
        assert proof.version == version


def test_on_a_server_one_request_alone_carries_another_token() -> None:
    service = Service(token(), organizations=("DefaultCollection",), version="7.1")
    proven(service, candidate("DefaultCollection", site=TFS))
    others = [
        call for call in service.calls if call.credential and call.credential.secret.reveal() != PAT
    ]
    assert [call.method for call in others] == ["GET"]


@pytest.mark.parametrize(
    ("told", "unheard"),
    [
        (r.reply(503, "", r.MARKS), Reason.SERVICE_UNAVAILABLE),
        (r.reply(404, "Page not found.", r.MARKS, r.USER), Reason.NOT_AZURE_DEVOPS),
        (r.reply(200, "{}", r.MARKS, r.JSON, r.USER), Reason.ANSWER_UNREADABLE),
        (r.reply(400, r.OUT_OF_RANGE, r.MARKS, r.JSON, r.USER), Reason.ANSWER_UNREADABLE),
        (r.reply(400, r.PAGE, r.MARKS, r.HTML, r.USER), Reason.ANSWER_UNREADABLE),
        (r.missing(), Reason.ANSWER_UNREADABLE),
    ],
    ids=["error", "no route", "a list", "no digits", "a page", "denied"],
)
def test_a_server_whose_version_was_not_heard_is_not_taken_for_an_old_one(
    told: Reply, unheard: Reason
) -> None:
    """2019 cannot show Identity and User Profile; whether this one can, nobody knows."""
    service = Service(token(), organizations=("DefaultCollection",), version="7.1")
    service.overrides = {"version": lambda _: told}
    proof, _ = proven(service, candidate("DefaultCollection", site=TFS))
    assert trouble(proof) == {"scope.identity": unheard, "scope.profile": unheard}
    service.overrides = {}
    again, _ = proven(service, candidate("DefaultCollection", site=TFS))
    assert trouble(again) == {}


@pytest.mark.parametrize("closed", ["One", "Absent"])
@pytest.mark.parametrize("wide", [True, False])
def test_a_collection_that_is_closed_makes_no_other_one_older_than_it_is(
    closed: str, wide: bool
) -> None:
    """It does not tell the version of the server; the next one does, and shows all that this version can."""
    shut_to_all = an_organization("One", members=())
    places = (shut_to_all, an_organization("Two"), an_organization("Three"))
    service = Service(token(), version="7.1", server=a_server("7.1", collections=places))
    if not wide:
        service.overrides = {"collections": lambda _: r.bare()}
    proof, _ = proven(service, candidate(closed, "Two", "Three", site=TFS))
    assert proof.version == "7.1"
    shut, *good = proof.reports
    for one in good:
        scopes = {
            check.id.value: check.status
            for check in one.checks
            if check.id.value.startswith("scope.")
        }
        assert scopes["scope.profile"] is Status.PASS
    assert not shut.is_good
    assert service.names().count("version") == 2


@pytest.mark.parametrize(
    ("names_user", "unknown"),
    [
        (True, {"scope.code"}),
        (False, {"scope.code", "scope.work", "scope.identity", "scope.profile"}),
    ],
)
def test_a_server_that_answers_anybody_grants_nothing(names_user: bool, unknown: set[str]) -> None:
    """Where it names nobody either, there is nothing by which any answer shows a scope."""
    open_to_all = r.reply(404, '{"message":"TF401019"}', r.MARKS, r.JSON)
    here = a_server("7.1", names_user=names_user)
    service = Service(token(), version="7.1", server=here)
    service.overrides = dict.fromkeys(
        ("code-read", "code-write", "code-manage"), lambda _: open_to_all
    )
    proof, _ = proven(service, candidate("DefaultCollection", site=TFS))
    assert trouble(proof) == dict.fromkeys(unknown, Reason.SCOPE_UNKNOWN)


@pytest.mark.parametrize(
    ("token", "reason"),
    [(None, Reason.TOKEN_REJECTED), (token(expires=LONG_AGO), Reason.TOKEN_EXPIRED)],
)
def test_a_dead_token_is_asked_nothing_more(token: IssuedToken | None, reason: Reason) -> None:
    service = Service(*([token] if token else []))
    proof, rounds = proven(service, candidate("contoso", clone="auto"))
    assert rounds.sizes == [2]
    assert trouble(proof) == {"identity": reason}
    behind = [
        check
        for check in checks(proof).values()
        if check.id.value.startswith(("scope", "clone", "organization"))
    ]
    assert {check.status for check in behind} == {Status.SKIP}


def test_no_service_no_second_request() -> None:
    service = Service(token())
    service.overrides["connection-data"] = service.overrides["profile"] = lambda _: r.silence()
    proof, rounds = proven(service, candidate("a", "b", "c"))
    assert rounds.sizes == [2]
    assert [trouble(proof, i)["organization.access"] for i in range(3)] == [Reason.TIMED_OUT] * 3


def test_an_expired_token_is_shown_to_no_other_organization() -> None:
    service = Service(token(expires=LONG_AGO), organizations=("a", "b", "c"))
    proof, rounds = proven(service, candidate("a", "b", "c"))
    assert rounds.sizes == [2]
    assert [trouble(proof, i) for i in range(3)] == [{"identity": Reason.TOKEN_EXPIRED}] * 3


def test_a_bare_refusal_is_followed_by_the_opinion_of_eight_others_at_most() -> None:
    names = [f"org{i}" for i in range(20)]
    service = Service(organizations=names)
    proof, rounds = proven(service, candidate(*names))
    assert rounds.sizes == [2, 8]
    assert set(service.names()) == {"connection-data", "profile"}
    assert {str(trouble(proof, i)) for i in range(20)} == {str({"identity": Reason.TOKEN_REJECTED})}


def test_a_token_of_another_organization_is_alive_there() -> None:
    service = Service(token(reach="Fabrikam"), organizations=("Contoso", "Fabrikam"))
    proof, rounds = proven(
        service, candidate("contoso", "fabrikam", reach=ReachDemanded.ORGANIZATION)
    )
    assert rounds.sizes == [2, 1, 8]
    assert trouble(proof, 0) == {"organization.access": Reason.ORGANIZATION_REFUSES_TOKEN}
    assert proof.reports[0].identity == r.ME
    assert trouble(proof, 1) == {}


def test_an_absent_organization_does_not_stop_the_others() -> None:
    service = Service(token())
    proof, _ = proven(service, candidate("nowhere", "contoso"))
    assert trouble(proof, 0) == {"organization.access": Reason.ORGANIZATION_ABSENT}
    assert trouble(proof, 1) == {}


def test_reach_is_judged_once_and_repeated() -> None:
    service = Service(token(), organizations=("a", "b", "c"))
    proof, _ = proven(service, candidate("a", "b", "c"))
    assert service.names().count("profile") == 1
    assert service.names().count("accounts") == 1
    reaches = [checks(proof, i)[CheckId.REACH] for i in range(3)]
    assert reaches[0] == reaches[1] == reaches[2]
    assert reaches[0].reason is Reason.REACH_GLOBAL_ENDS
    assert {made.token for made in proof.reports} == {proof.reports[0].token}
    assert proof.reports[0].token.shared


def test_two_organizations_that_take_the_token_prove_all_whatever_the_profile_says() -> None:
    service = Service(token(), organizations=("a", "b"), profile_takes_tokens=False)
    proof, _ = proven(service, candidate("a", "b"))
    assert proof.reach_seen is not None
    assert proof.reach_seen.reach is Reach.ALL


def test_one_organization_named_in_two_spellings_is_asked_once() -> None:
    service = Service(token())
    proof, rounds = proven(service, candidate("contoso", "CONTOSO", "Contoso"))
    assert len(proof.organizations) == 1
    assert rounds.sizes == [2, 9]


def test_today_is_the_service_s_own_day() -> None:
    service = Service(token())
    proof, _ = proven(service, candidate("contoso"), today=date(2031, 1, 1))
    assert proof.calendar.today == date(2026, 10, 15)
    assert proof.calendar.source.value == "server"


def test_nobody_s_answer_leaves_the_day_to_this_machine() -> None:
    service = Service()
    service.overrides = dict.fromkeys(
        ("connection-data", "profile"), lambda _: r.reply(200, r.PAGE, r.HTML)
    )
    proof, _ = proven(service, candidate("contoso"), today=date(2026, 1, 2))
    assert (proof.calendar.today, proof.calendar.source.value) == (date(2026, 1, 2), "local")


def test_days_left_is_the_earlier_of_expiry_and_end() -> None:
    service = Service(token())
    for expires, left in ((None, 47), (date(2026, 10, 20), 5), (date(2027, 6, 1), 47)):
        proof, _ = proven(service, candidate("contoso", end=expires))
        assert proof.reports[0].token.days_left == left
    proof, _ = proven(service, candidate("contoso", end=date(2027, 6, 1)), global_end=None)
    assert proof.reports[0].token.days_left == 229


# --- again, after the token was edited


def test_a_second_round_asks_only_what_failed() -> None:
    service = Service(token(NARROW))
    made = candidate("contoso", clone="auto")
    first, _ = proven(service, made)
    assert trouble(first) == {"scope.code": Reason.CODE_SCOPE_MISSING}
    service.edit(token())
    second, rounds = proven(service, made, first)
    assert trouble(second) == {}
    asked = [kind for trip in rounds.trips[1:] for kind in trip if kind not in CLONE]
    assert sorted(asked) == ["code-manage", "code-write"]
    assert sorted(rounds.trips[0]) == ["connection-data", "profile"]
    assert checks(second)[CheckId.SCOPE_WORK].evidence == checks(first)[CheckId.SCOPE_WORK].evidence


def test_a_second_round_with_nothing_changed_says_the_same() -> None:
    service = Service(token(NARROW))
    made = candidate("contoso")
    first, _ = proven(service, made)
    second, rounds = proven(service, made, first)
    assert trouble(second) == trouble(first)
    assert sum(rounds.sizes) == 4


def test_a_clone_that_was_good_is_not_tried_again() -> None:
    service = Service(token(swap("vso.profile_write")))
    made = candidate("contoso", clone="auto")
    first, _ = proven(service, made)
    service.edit(token())
    _, rounds = proven(service, made, first)
    assert not CLONE & {kind for trip in rounds.trips for kind in trip}
    assert rounds.trips[1:] == [["profile-write"]]


def test_only_the_lead_is_greeted_again_and_good_organizations_cost_their_greeting() -> None:
    service = Service(token(), organizations=("a", "b"))
    made = candidate("a", "b")
    first, _ = proven(service, made)
    _, rounds = proven(service, made, first)
    assert [kind for trip in rounds.trips for kind in trip].count("connection-data") == 2
    assert sum(rounds.sizes) == 3


# --- a token that dies under way, and answers that tell nothing


def test_a_token_that_dies_under_way_is_not_a_missing_scope() -> None:
    service = Service(token())
    said = iter([r.connection_data(), r.bare()])
    service.overrides["connection-data"] = lambda _: next(said)
    service.overrides["code-manage"] = lambda _: r.reply(401, r.NO_ANONYMOUS, r.MARKS, r.JSON)
    proof, rounds = proven(service, candidate("contoso"))
    assert rounds.sizes == [2, 9, 1]
    assert "scope.code" not in trouble(proof)
    assert trouble(proof)["identity"] is Reason.TOKEN_REJECTED, (
        "that it worked elsewhere was before: nothing shows that it still does"
    )
    assert "organization.access" not in trouble(proof)


def test_a_token_that_dies_between_two_probes_is_not_a_missing_scope() -> None:
    """A lower level is refused and a higher one granted: the token is asked for again."""
    service = Service(token())
    said = iter([r.connection_data(), r.bare()])
    service.overrides["connection-data"] = lambda _: next(said)
    for name in ("work-read", "identity-read", "profile-write"):
        service.overrides[name] = lambda _: r.bare()
    proof, rounds = proven(service, candidate("contoso"))
    assert rounds.sizes == [2, 9, 1]
    assert trouble(proof)["identity"] is Reason.TOKEN_REJECTED
    assert not any(name.startswith("scope.") for name in trouble(proof))


def test_answers_that_contradict_of_a_living_token_stay_unknown() -> None:
    service = Service(token())
    service.overrides["work-read"] = lambda _: r.bare()
    proof, _ = proven(service, candidate("contoso"))
    assert trouble(proof)["scope.work"] is Reason.ANSWERS_CONTRADICT
    assert "identity" not in trouble(proof)


def test_when_not_one_scope_is_there_the_token_is_asked_for_again() -> None:
    """A revoked token gets the same bare refusal as a missing scope."""
    service = Service(token(reach="Contoso"))
    said = iter([r.connection_data(), r.bare()])
    service.overrides["connection-data"] = lambda _: next(said)
    for probe in (
        probe
        for row in SCOPES.values()
        for probe in row.probes
        if row.scope is not Scope.FULL_ACCESS
    ):
        service.overrides[probe.name] = lambda _: r.bare()
    proof, rounds = proven(service, candidate("contoso"))
    assert rounds.sizes == [2, 8, 1]
    assert trouble(proof) == {"identity": Reason.TOKEN_REJECTED}


def test_a_living_token_without_a_single_scope_is_told_so() -> None:
    service = Service(token(frozenset(), "Contoso"))
    proof, rounds = proven(service, candidate("contoso"))
    assert rounds.sizes == [2, 8, 1]
    assert {name for name in trouble(proof) if name != "reach"} == {
        "scope.code",
        "scope.work",
        "scope.identity",
        "scope.profile",
    }


def test_a_throttled_probe_is_unknown_and_not_missing() -> None:
    service = Service(token())
    service.overrides["work-manage"] = lambda _: r.reply(429, "", r.MARKS)
    proof, _ = proven(service, candidate("contoso"))
    assert trouble(proof) == {"scope.work": Reason.THROTTLED}


# --- reading alone, and lists


def test_reading_alone_sends_nothing_but_get() -> None:
    service = Service(token())
    proof, _ = proven(service, candidate("contoso", clone="auto", read_only=True))
    assert {call.method for call in service.calls} == {"GET"}
    assert trouble(proof) == {}
    assert checks(proof)[CheckId.SCOPE_CODE].reason is Reason.READ_ONLY_PROBES


def test_every_organization_that_the_token_reaches() -> None:
    service = Service(token(), organizations=("Contoso", "Fabrikam", "Tailspin"))
    proof, _ = proven(service, candidate("contoso", list_all=True))
    assert [here.place.key for here in proof.organizations.values()] == [
        "contoso",
        "fabrikam",
        "tailspin",
    ]
    asked = [call.pause for call in service.calls if "/_apis/accounts?" in call.url]
    assert asked[0] == 0.0 < asked[1] < asked[2]


def test_no_single_list_of_organizations_is_taken_for_all() -> None:
    """One token got 4, 1 and 2 organizations, not overlapping, within minutes (facts, changes 4)."""
    lists = [r.names("Contoso", "Fabrikam"), r.names(), r.names("fabrikam", "Tailspin")]
    service = Service(token(), organizations=("Contoso", "Fabrikam", "Tailspin"))
    service.overrides["accounts"] = lambda _: lists.pop(0)
    proof, _ = proven(service, candidate("named", list_all=True))
    assert list(proof.organizations) == ["named", "contoso", "fabrikam", "tailspin"]
    assert lists == []


def test_where_they_cannot_be_listed_the_union_is_still_proven() -> None:
    service = Service(token(reach="Contoso"), organizations=("Contoso", "Fabrikam"))
    proof, _ = proven(service, candidate("contoso", list_all=True))
    assert [here.place.key for here in proof.organizations.values()] == ["contoso"]
    assert proof.unlisted is not None
    assert (proof.unlisted.status, proof.unlisted.reason) == (
        Status.FAIL,
        Reason.ORGANIZATIONS_NOT_LISTED,
    )


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (r.bare(), Status.FAIL, Reason.ORGANIZATIONS_NOT_LISTED),
        (r.reply(429, "", r.MARKS), Status.UNKNOWN, Reason.THROTTLED),
        (r.silence(), Status.UNKNOWN, Reason.TIMED_OUT),
    ],
    ids=["refused", "busy", "silent"],
)
def test_a_list_that_was_not_heard_is_not_one_that_cannot_be_had(
    answer: Reply, status: Status, reason: Reason
) -> None:
    service = Service(token())
    service.overrides["accounts"] = lambda _: answer
    proof, _ = proven(service, candidate(list_all=True))
    assert proof.unlisted is not None
    assert (proof.unlisted.status, proof.unlisted.reason) == (status, reason)


def test_a_list_that_was_heard_before_and_is_not_heard_now_is_missed() -> None:
    """Else those who were on it would go without a word."""
    service = Service(token(), organizations=("Contoso", "Fabrikam"))
    before, _ = proven(service, candidate("contoso", list_all=True))
    service.overrides["accounts"] = lambda _: r.reply(503, "", r.MARKS)
    proof, _ = proven(service, candidate("contoso", list_all=True), before)
    assert proof.unlisted is not None
    assert (proof.unlisted.status, proof.unlisted.reason) == (
        Status.UNKNOWN,
        Reason.SERVICE_UNAVAILABLE,
    )


def test_whom_one_organization_knows_is_known_in_one_that_is_absent() -> None:
    service = Service(token(reach="Contoso"))
    proof, _ = proven(service, candidate("contoso", "nowhere"))
    assert checks(proof, 1)[CheckId.IDENTITY].status is Status.PASS
    assert trouble(proof, 1)["organization.access"] is Reason.ORGANIZATION_ABSENT


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        ("projects", r.bare(), (Status.UNKNOWN, Reason.PERMISSION_UNCLEAR)),
        ("projects", r.reply(500, "", r.MARKS), (Status.UNKNOWN, Reason.SERVICE_UNAVAILABLE)),
        ("repositories", r.granted(403), (Status.FAIL, Reason.CLONE_FAILED)),
        ("repositories", r.reply(500, "", r.MARKS), (Status.UNKNOWN, Reason.SERVICE_UNAVAILABLE)),
    ],
)
def test_lists_that_are_refused_are_not_empty_ones(
    kind: str, answer: Reply, expected: object
) -> None:
    service = Service(token())
    service.overrides[kind] = lambda _: answer
    proof, _ = proven(service, candidate("contoso", clone="auto"))
    check = checks(proof)[CheckId.CLONE_TOKEN]
    assert (check.status, check.reason) == expected


def test_one_project_that_may_not_be_looked_into_does_not_speak_for_the_others() -> None:
    projects = (TeamProject("Closed", (GitRepository("x"),)), TeamProject("Empty"))
    service = Service(token(), projects=projects)
    answers = iter([r.granted(403), replace(r.granted(200), answer=Repositories(()))])
    service.overrides["repositories"] = lambda _: next(answers)
    proof, _ = proven(service, candidate("contoso", clone="auto"))
    assert checks(proof)[CheckId.CLONE_TOKEN].reason is Reason.NO_REPOSITORY


def test_a_repository_that_is_gone_is_passed_over_for_the_next() -> None:
    """The list may name it still; a server before 2020 names those that are switched off, too."""
    projects = (
        TeamProject(
            "Payments", (GitRepository("gone", disabled=True), GitRepository("checkout api"))
        ),
    )
    where = {"organizations": ("DefaultCollection",), "version": "5.0"}
    service = Service(token(), projects=projects, **where)
    proof, _ = proven(service, candidate("DefaultCollection", site=TFS, clone="auto"))
    assert checks(proof)[CheckId.CLONE_TOKEN].status is Status.PASS
    assert [call.url for call in service.calls if "/_git/gone/" in call.url]
    assert proof.lead is not None
    assert proof.lead.repository is not None
    assert proof.lead.repository.name == "checkout api"


MANY = tuple(GitRepository(name) for name in ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"))
FORBIDDEN = r.reply(403, '{"message":"TF401027"}', r.MARKS, r.USER, r.JSON)
GONE = r.reply(404, '{"message":"TF401019"}', r.MARKS, r.USER, r.JSON)
ADVERTISED = r.reply(
    200,
    "001e# service=git-upload-pack\n0000",
    r.MARKS,
    (("Content-Type", "application/x-git-upload-pack-advertisement"),),
)


def cloned(
    answers: dict[str, Reply], *, clone: str | NamedRepository = "auto", **world: Any
) -> tuple[list[str], dict[CheckId, Check]]:
    """The repositories that were tried, in their order, and the checks."""
    service = Service(token(), **world)
    service.overrides["clone"] = lambda call: next(
        (reply for name, reply in answers.items() if f"/_git/{name}/" in call.url), ADVERTISED
    )
    proof, _ = proven(service, candidate("contoso", clone=clone))
    tried = [
        call.url.split("/_git/")[1].split("/")[0] for call in service.calls if "/_git/" in call.url
    ]
    return list(dict.fromkeys(tried)), checks(proof)


@pytest.mark.parametrize("refusal", [FORBIDDEN, GONE, r.bare(), r.reply(401, "", r.MARKS, r.USER)])
def test_the_next_repository_is_tried_while_one_is_refused(refusal: Reply) -> None:
    """Across projects, too; what is read ends the search."""
    projects = (TeamProject("One", MANY[:2]), TeamProject("Two", MANY[2:]))
    tried, found = cloned({"a": refusal, "b": refusal, "c": refusal}, projects=projects)
    assert tried == ["a", "b", "c", "d"]
    assert found[CheckId.CLONE_TOKEN].status is Status.PASS
    assert "Two/d" in found[CheckId.CLONE_TOKEN].detail


def test_eight_refused_repositories_are_enough() -> None:
    projects = (TeamProject("One", MANY[:5]), TeamProject("Two", MANY[5:]))
    tried, found = cloned(dict.fromkeys("abcdefghij", FORBIDDEN), projects=projects)
    assert tried == list("abcdefgh")
    check = found[CheckId.CLONE_TOKEN]
    assert (check.status, check.reason) == (Status.FAIL, Reason.CLONE_FAILED)
    assert "One/a" in check.detail
    assert "7 more failed as well" in check.detail


@pytest.mark.parametrize("readable", [True, False])
def test_a_username_is_rejected_once_and_then_waits_for_the_token_alone(readable: bool) -> None:
    """A directory may lock an account after a few wrong passwords; the token alone names none."""
    refused = "abc" if readable else "abcdefghij"
    names = ("Contoso", "Fabrikam", "Northwind")
    service = Service(
        token(), organizations=names, version="7.1", projects=(TeamProject("One", MANY),)
    )
    service.overrides["clone"] = lambda call: (
        r.bare() if call.url.split("/_git/")[1][0] in refused else ADVERTISED
    )
    proof, _ = proven(service, candidate(*names, site=TFS, clone="auto"))
    heard = [
        (call.credential.username, call.url.split("/_git/")[1][0])
        for call in service.calls
        if "/_git/" in call.url and call.credential
    ]
    rejected = [(user, name) for user, name in heard if user and name in refused]
    assert len(rejected) == 1
    assert [user for user, _ in heard].count("") == 3 * (4 if readable else 8)
    for at in range(3):
        found = checks(proof, at)
        expected = Status.PASS if readable else Status.FAIL
        assert found[CheckId.CLONE_TOKEN].status is expected
        username = found[CheckId.CLONE_USERNAME]
        assert (username.status in (Status.PASS, Status.WARN)) is readable
        assert readable or "rejected before" in username.detail or username.status is Status.FAIL


def test_what_is_not_heard_ends_the_search_and_is_no_refusal() -> None:
    tried, found = cloned({"a": GONE, "b": r.silence()}, projects=(TeamProject("One", MANY),))
    assert tried == ["a", "b"]
    assert found[CheckId.CLONE_TOKEN].reason is Reason.TIMED_OUT


def test_a_repository_with_content_is_tried_first_wherever_it_is() -> None:
    empty = GitRepository("empty", default_branch=None)
    projects = (TeamProject("One", (empty,)), TeamProject("Two", (empty, GitRepository("full"))))
    tried, found = cloned({}, projects=projects)
    assert tried == ["full"]
    tried, found = cloned({"full": GONE}, projects=projects)
    assert tried == ["full", "empty"]
    assert found[CheckId.CLONE_TOKEN].status is Status.PASS


def test_a_named_repository_that_is_disabled_is_said_to_be() -> None:
    projects = (TeamProject("One", (GitRepository("off", disabled=True), GitRepository("on"))),)
    for name, reason in (("off", Reason.REPOSITORY_DISABLED), ("gone", Reason.REPOSITORY_ABSENT)):
        named = NamedRepository(name, ("One",))
        tried, found = cloned({name: GONE}, clone=named, projects=projects)
        assert tried == [name]
        check = found[CheckId.CLONE_TOKEN]
        assert (check.status, check.reason, check.exit_code) == (Status.FAIL, reason, 3)


def test_an_address_is_tried_in_the_organization_that_it_names() -> None:
    """Elsewhere any repository is; one that leads nowhere is the first organization's failure."""
    both = ("contoso", "fabrikam")
    for host, first, second in (
        ("fabrikam", "checkout%20api", "gone"),
        ("other", "", "checkout%20api"),
    ):
        service = Service(token(), organizations=("Contoso", "Fabrikam"))
        named = NamedRepository("gone", (host, "Payments"), "dev.azure.com")
        proof, _ = proven(service, candidate(*both, clone=named))
        for at, (place, name) in enumerate(zip(both, (first, second), strict=True)):
            tried = {call.url for call in service.calls if f"{place}/Payments/_git" in call.url}
            assert len(tried) == bool(name)
            assert all(f"/_git/{name}/" in url for url in tried)
            absent = checks(proof, at)[CheckId.CLONE_TOKEN].reason is Reason.REPOSITORY_ABSENT
            assert absent is (name in ("", "gone"))


@pytest.mark.parametrize("seen", [True, False])
def test_a_server_is_asked_once_how_git_signs_in(seen: bool) -> None:
    """Without a credential, as git asks first; not at all where a refusal has said so already."""
    service = Service(token(), organizations=("DefaultCollection",), version="7.1")
    if not seen:
        send = service._send
        service._send = lambda call: _without_windows(send(call), call)
    proof, _ = proven(service, candidate("DefaultCollection", site=TFS, clone="auto"))
    unsigned = [call for call in service.calls if "/_git/" in call.url and call.credential is None]
    assert len(unsigned) == (0 if seen else 1)
    check = checks(proof)[CheckId.CLONE_USERNAME]
    assert (check.status, check.reason) == (Status.WARN, Reason.CLONE_NEEDS_HEADER)
    assert checks(proof)[CheckId.CLONE_TOKEN].status is Status.PASS


def _without_windows(reply: Reply, call: Call) -> Reply:
    """The same with Windows sign-in offered to nobody but git."""
    if "/_git/" in call.url:
        return reply
    kept = tuple(pair for pair in reply.headers if pair[1] not in ("NTLM", "Negotiate"))
    return replace(reply, headers=kept)


def test_services_are_not_asked_how_git_signs_in() -> None:
    service = Service(token())
    proof, _ = proven(service, candidate("contoso", clone="auto"))
    assert len([call for call in service.calls if "/_git/" in call.url]) == 2
    assert checks(proof)[CheckId.CLONE_USERNAME].status is Status.PASS


@pytest.mark.parametrize(
    "account",
    [
        "ana_example.com#EXT#@contoso.onmicrosoft.com",
        "Windows Live ID\\ana@outlook.example",
        "live.com#ana@outlook.example",
        "Zoë Ünal@contoso.example",
    ],
)
def test_a_guest_clones_as_anybody(account: str) -> None:
    guest = replace(samples.ADA, mail=account)
    service = Service(token(owner=guest))
    world = service.simulator.world
    places = tuple(replace(one, members=(guest,)) for one in world.organizations)
    service.simulator.become(replace(world, organizations=places))
    proof, _ = proven(service, candidate("contoso", clone="auto"))
    found = checks(proof)
    assert found[CheckId.IDENTITY].status is Status.PASS
    assert found[CheckId.CLONE_TOKEN].status is Status.PASS
    assert found[CheckId.CLONE_USERNAME].status is Status.PASS
    assert service.problems == []


def test_the_collections_of_a_server_are_listed_at_its_root() -> None:
    service = Service(token(), organizations=("DefaultCollection", "Engineering"), version="7.1")
    proof, _ = proven(service, candidate(site=TFS, list_all=True))
    assert [here.place.name for here in proof.organizations.values()] == [
        "DefaultCollection",
        "Engineering",
    ]
    assert checks(proof)[CheckId.REACH].status is Status.PASS


# --- side by side


def test_the_real_crew_hears_the_same() -> None:
    names = [f"org{i}" for i in range(30)]
    service = Service(token(), organizations=names)
    service.begin(PAT)
    done: list[str] = []

    class Watching(Voice):
        def progress(self, so_far: int, total: int, what: str) -> None:
            done.append(what)

    [proof] = validate(context(scheduler=Scheduler(service), voice=Watching()), [candidate(*names)])
    assert done.pop(0) == "Checking Azure DevOps"
    assert service.problems == []
    assert sorted(done) == sorted(names)
    assert [here.place.name for here in proof.organizations.values()] == names
    assert len(service.calls) == 2 + 1 + 8 + 29 * 9


def test_tokens_are_judged_apart() -> None:
    other = PAT[:-4] + "othr"
    own = token(reach="a"), token(NARROW, "b", value=other)
    service = Service(*own, organizations=("a", "b"))
    one = candidate("a", reach=ReachDemanded.ORGANIZATION)
    two = replace(candidate("b", secret=other), demand=one.demand)
    proofs = validate(context(scheduler=Scheduler(service)), [one, two])
    assert trouble(proofs[0]) == {}
    assert trouble(proofs[1]) == {"scope.code": Reason.CODE_SCOPE_MISSING}
    for call in service.calls:
        assert call.credential is not None
        if "/b/" in call.url:
            assert call.credential.secret.reveal() == other


class UnforeseenError(Exception):
    """Of a kind that nobody wrote a sentence for."""


@pytest.mark.parametrize("spoiled", ["One", "Two"])
@pytest.mark.parametrize("kind", ["connection-data", "code-manage"])
def test_an_answer_that_cannot_be_read_spoils_one_organization(spoiled: str, kind: str) -> None:
    """Whether it is asked first or not: what is unreadable there says nothing of the others."""
    service = Service(token(), organizations=("One", "Two", "Three"))
    good = service._send

    def half(call: Call) -> Reply:
        if f"/{spoiled}/" not in call.url:
            return good(call)
        return Reply(call, 200).failed(Reason.ANSWER_UNREADABLE, "It has half a character.", "Ask.")

    service.overrides = {kind: half}
    proof, _ = proven(service, candidate("One", "Two", "Three"))
    for report in proof.reports:
        assert report.is_good is (report.name != spoiled)
    bad = next(one for one in proof.reports if one.name == spoiled)
    assert Reason.ANSWER_UNREADABLE in {check.reason for check in bad.checks}


@pytest.mark.parametrize("spoiled", ["One", "Two"])
@pytest.mark.parametrize("place", ["requests.judge_scopes", "token.judge_access"])
def test_a_bug_stays_in_its_organization_and_its_id_is_told(
    monkeypatch: pytest.MonkeyPatch, spoiled: str, place: str
) -> None:
    service = Service(token(), organizations=("One", "Two", "Three"))
    module, _, name = place.partition(".")
    module = f"aspm_ado.flows.validation.{module}"
    rule = getattr(import_module(module), name)
    struck: list[str] = []

    def breaks(*given: Any, **more: Any) -> Any:
        if spoiled in repr(given)[:2000] and spoiled not in struck:
            struck.append(spoiled)
            raise UnforeseenError("canary")
        return rule(*given, **more)

    monkeypatch.setattr(module + "." + name, breaks)
    proof, _ = proven(service, candidate("One", "Two", "Three"))
    assert struck
    for report in proof.reports:
        assert report.is_good is (report.name != spoiled)
    bad = next(one for one in proof.reports if one.name == spoiled)
    told = " ".join(check.detail for check in bad.checks)
    assert re.search(r"A bug in aspm-ado: UnforeseenError at \S+:\d+ \(id [0-9a-f]{8}\)", told)
    assert "canary" not in told
    codes = {check.reason.exit_code for check in bad.checks if check.is_trouble and check.reason}
    assert codes - {0} == {5}


def test_a_bug_that_has_no_organization_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(token())

    def breaks(*_: Any) -> None:
        raise UnforeseenError

    monkeypatch.setattr("aspm_ado.flows.validation.requests.TokenRequests._first_round", breaks)
    with pytest.raises(UnforeseenError):
        proven(service, candidate())
