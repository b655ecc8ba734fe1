"""What one answer at the ASPM's address says, as tables."""

import json

import pytest

from aspm_ado.domain.aspm.api import AspmCaller, Dialect
from aspm_ado.domain.documents import AspmKnown, AspmPage
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.aspm import (
    AspmAnswer,
    classify_aspm,
    error_message,
    judge_projects,
    judge_reachable,
    judge_token,
    tool_accepted,
)
from aspm_ado.domain.rules.classify import redirect_target
from aspm_ado.domain.secret import Secret

URL = "https://aspm.corp.example"
CORE, STANDALONE = Dialect.CORE, Dialect.STANDALONE
CALL = Call("GET", f"{URL}/api/v2/teams/")
PAGE = "<!doctype html><title>Invicti</title>"
OK = '{"status":"ok"}'
NO = '{"error":"failed to authorize"}'


def reply(
    status, text="", failure=None, answer=None, location="", kind="application/json", challenge=""
):
    more = {"Location": location, "WWW-Authenticate": challenge}
    headers = (("Content-Type", kind), *((name, said) for name, said in more.items() if said))
    problem = "It was silent." if failure else ""
    return Reply(
        CALL, status, headers, text, answer, failure, problem, "Try again." if failure else ""
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(200, OK), AspmAnswer.ANSWER),
        (reply(200, "\ufeff" + OK), AspmAnswer.ANSWER),
        (reply(200, "[" + "1," * 2100), AspmAnswer.ANSWER),
        (reply(200, PAGE), AspmAnswer.PAGE),
        (reply(200, "ok", kind="text/plain"), AspmAnswer.PAGE),
        (reply(200, ""), AspmAnswer.PAGE),
        (reply(200, "{broken"), AspmAnswer.PAGE),
        (reply(200, '{"limit":', Reason.ANSWER_UNREADABLE), AspmAnswer.NO_ANSWER),
        (reply(200, "", Reason.ANSWER_UNREADABLE), AspmAnswer.NO_ANSWER),
        (reply(200, '{"other":1}', Reason.ANSWER_UNREADABLE), AspmAnswer.ANSWER),
        (reply(200, "plain words", Reason.ANSWER_UNREADABLE), AspmAnswer.PAGE),
        (reply(0, failure=Reason.TIMED_OUT), AspmAnswer.NO_ANSWER),
        (reply(301, location="/api/"), AspmAnswer.REDIRECT),
        (reply(302, PAGE, location="https://login.example/"), AspmAnswer.REDIRECT),
        (reply(304), AspmAnswer.REDIRECT),
        (reply(400, '{"error":"invalid ALM tool"}'), AspmAnswer.DECLINED),
        (reply(401, NO), AspmAnswer.REFUSED),
        (reply(401, ""), AspmAnswer.REFUSED),
        (reply(401, "", kind="", challenge="Basic"), AspmAnswer.PAGE),
        (reply(403, "Forbidden", kind="text/plain", challenge="Bearer"), AspmAnswer.PAGE),
        (reply(401, NO, challenge="Bearer"), AspmAnswer.REFUSED),
        (reply(401, PAGE, kind="text/html"), AspmAnswer.PAGE),
        (reply(403, '{"message":"forbidden operation"}'), AspmAnswer.FORBIDDEN),
        (reply(403, PAGE), AspmAnswer.PAGE),
        (reply(404, '{"error":"not found"}'), AspmAnswer.ABSENT),
        (reply(404, PAGE), AspmAnswer.PAGE),
        (reply(429, PAGE), AspmAnswer.THROTTLED),
        (reply(502, PAGE), AspmAnswer.SERVER_ERROR),
        (reply(500, '{"error":"x"}'), AspmAnswer.SERVER_ERROR),
    ],
)
def test_what_an_answer_is(answer, kind):
    assert classify_aspm(answer) is kind


API, WANTS, WEB = reply(200, OK), reply(401, NO), reply(200, PAGE)
GONE, DEAD, BUSY, SICK = (
    reply(404, NO),
    reply(0, failure=Reason.TIMED_OUT),
    reply(429),
    reply(503, PAGE),
)
AWAY = reply(302, location="https://login.example/somewhere?secret=1")


@pytest.mark.parametrize(
    ("core", "standalone", "hint", "dialects", "reason"),
    [
        (WEB, API, None, (STANDALONE,), None),
        (API, WEB, None, (CORE,), None),
        (WANTS, WEB, None, (CORE,), None),
        (WANTS, API, None, (STANDALONE,), None),
        (GONE, WANTS, None, (STANDALONE,), None),
        (DEAD, API, None, (STANDALONE,), None),
        (WANTS, WANTS, None, (CORE, STANDALONE), None),
        (WANTS, WANTS, STANDALONE, (STANDALONE, CORE), None),
        (WEB, WEB, None, (), Reason.ASPM_NOT_AN_API),
        (GONE, WEB, None, (), Reason.ASPM_NOT_AN_API),
        (GONE, GONE, None, (), Reason.ASPM_NOT_AN_API),
        (AWAY, AWAY, None, (), Reason.ASPM_NOT_AN_API),
        (DEAD, WEB, None, (), Reason.TIMED_OUT),
        (WEB, DEAD, None, (), Reason.TIMED_OUT),
        (WEB, BUSY, None, (), Reason.THROTTLED),
        (SICK, WEB, None, (), Reason.SERVICE_UNAVAILABLE),
    ],
)
def test_which_api_is_there(core, standalone, hint, dialects, reason):
    found = judge_reachable(URL, {CORE: core, STANDALONE: standalone}, hint)
    assert found.dialects == dialects
    assert found.check.reason == reason
    assert found.check.status.value == (
        "pass" if dialects else "unknown" if reason.exit_code == 5 else "fail"
    )
    assert found.check.evidence


def test_a_redirect_is_named_by_its_host_and_by_no_more():
    check = judge_reachable(URL, {CORE: WEB, STANDALONE: AWAY}).check
    assert "login.example" in check.detail
    assert "secret" not in check.detail
    assert redirect_target(reply(301, location="/other/")) == "another path of the same host"
    assert redirect_target(reply(301, location=f"{URL}/other/")) == "another path of the same host"
    assert redirect_target(reply(301, location="//Other.example/x?s=1")) == "other.example"
    assert (
        redirect_target(reply(301, location="http://aspm.corp.example/"))
        == "http://aspm.corp.example"
    )
    assert redirect_target(reply(301, location="https://[broken")) == "an invalid URL"


def test_a_redirect_says_what_to_do_next():
    away = judge_token(URL, CORE, AWAY)
    assert "If Invicti ASPM has moved there, pass --aspm-url URL to connect" in away.remedy
    assert "Copy the URL" in judge_token(URL, CORE, reply(301, location="/x/")).remedy


def test_a_page_is_called_a_page_and_nothing_else_is():
    assert "answered with a web page" in judge_token(URL, CORE, WEB).detail
    for other in (reply(200, "ok", kind="text/plain"), reply(204), GONE):
        assert "a web page" not in judge_token(URL, CORE, other).detail


def test_an_empty_answer_that_came_whole_is_not_the_api():
    empty = Reply(CALL, 200, (("Content-Length", "0"),), failure=Reason.ANSWER_UNREADABLE)
    assert judge_token(URL, CORE, empty).reason is Reason.ASPM_NOT_AN_API


LIST = reply(200, '{"limit":1,"start":0}', answer=AspmPage(3))
STRANGE = reply(200, '{"other":1}', Reason.ANSWER_UNREADABLE)


@pytest.mark.parametrize(
    ("answer", "token", "projects"),
    [
        (LIST, None, None),
        (WANTS, Reason.ASPM_TOKEN_REJECTED, Reason.ASPM_TOKEN_REJECTED),
        (
            reply(403, '{"message":"forbidden operation"}'),
            Reason.ASPM_FORBIDDEN,
            Reason.ASPM_FORBIDDEN,
        ),
        (WEB, Reason.ASPM_NOT_AN_API, Reason.ASPM_NOT_AN_API),
        (STRANGE, Reason.ASPM_NOT_AN_API, Reason.ASPM_NOT_AN_API),
        (AWAY, Reason.ASPM_NOT_AN_API, Reason.ASPM_NOT_AN_API),
        (GONE, Reason.ASPM_NOT_AN_API, Reason.ASPM_NOT_AN_API),
        (DEAD, Reason.TIMED_OUT, Reason.TIMED_OUT),
        (BUSY, Reason.THROTTLED, Reason.THROTTLED),
        (SICK, Reason.SERVICE_UNAVAILABLE, Reason.SERVICE_UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_token_and_its_rights(answer, token, projects, dialect):
    assert judge_token(URL, dialect, answer).reason == token
    assert judge_projects(URL, dialect, answer).reason == projects


def test_a_rejected_token_says_where_the_next_one_is_made():
    assert "API Tokens" in judge_token(URL, STANDALONE, WANTS).remedy
    assert "Personal Access Token → Generate Token" in judge_token(URL, STANDALONE, WANTS).remedy
    assert "User settings → API key → Generate new API key" in judge_token(URL, CORE, WANTS).remedy


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        (reply(200, '{"exist":false}', answer=AspmKnown(exists=False)), True),
        (reply(400, '{"error":"invalid ALM tool"}'), False),
        (reply(400, PAGE), None),
        (WANTS, None),
        (DEAD, None),
        (WEB, None),
    ],
)
def test_whether_the_tool_is_known(answer, known):
    assert tool_accepted(answer) is known


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "failed to authorize"}, "failed to authorize"),
        ({"message": "forbidden operation"}, "forbidden operation"),
        ({"error": "bad \x1b[31mtoken here"}, "bad [31mtoken here"),
        ({"error": {"code": 1}}, ""),
        ([1], ""),
    ],
)
def test_what_an_error_says_is_fit_to_be_shown(body, words):
    assert error_message(reply(400, json.dumps(body))) == words


def test_where_the_routes_are_and_whose_the_token_is():
    token = Secret("t" * 20)
    core = AspmCaller(URL, CORE).teams(token)
    assert core.url == f"{URL}/api/aspm/v1/api/v2/teams/?start=0&limit=1"
    assert (core.credential.header, core.credential.value) == ("X-Auth", "t" * 20)
    own = AspmCaller(URL, STANDALONE).projects(token)
    assert own.url == f"{URL}/api/v2/projects/?start=0&limit=1"
    assert own.credential.header == "X-Cookie"
    assert {str(origin) for origin in own.credential.origins} == {URL}
    assert AspmCaller(URL, STANDALONE).health().credential is None
