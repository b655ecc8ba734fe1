"""The order of questions to an ASPM, driven by hand: no token before an API answers, nothing behind a refusal."""

import pytest

from aspm_ado.domain.documents import AspmPage
from aspm_ado.domain.http import Reply
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.registration.aspm import AspmTarget, validate_aspm
from aspm_ado.flows.tokens.sources import ApiToken

URL = "https://aspm.corp.example"
TOKEN = ApiToken(Secret("the-token-of-the-aspm"), "a test")
API, WANTS, PAGE = (
    (200, '{"status":"ok"}'),
    (401, '{"error":"failed to authorize"}'),
    (200, "<html>"),
)
FORBIDDEN, LIST = (
    (403, '{"message":"forbidden operation"}'),
    (200, '{"limit":1,"start":0,"total":2}'),
)
CORE, OWN = "/api/aspm/v1/api/v2", "/api/v2"


def drive(script, wished="auto", hint="auto"):
    """Run the errand over answers by path; the proof, and each round trip as (path, header of the token)."""
    errand, rounds, replies = validate_aspm(AspmTarget(URL, wished, hint), TOKEN), [], None
    try:
        while True:
            calls = errand.send(replies) if replies is not None else next(errand)
            assert all(call.method == "GET" and call.url.startswith(URL + "/") for call in calls)
            rounds.append(
                [
                    (c.url.removeprefix(URL), c.credential.header if c.credential else None)
                    for c in calls
                ]
            )
            replies = [_reply(call, script) for call in calls]
    except StopIteration as end:
        return end.value, rounds


def _reply(call, script):
    path = call.url.removeprefix(URL).partition("?")[0]
    said = script[path]
    if isinstance(said, Reason):
        return Reply(call, failure=said, problem="Silence.", remedy="Wait.")
    status, text = said
    answer = AspmPage(2) if call.expects is AspmPage and said == LIST else None
    return Reply(call, status, (("Content-Type", "application/json"),), text, answer)


def results(proof):
    return [
        (check.status.value, check.reason.value if check.reason else None) for check in proof.checks
    ]


def script(core=PAGE, own=PAGE, teams=LIST, projects=LIST):
    return {
        f"{CORE}/health/check/": core,
        f"{OWN}/health/check/": own,
        f"{CORE}/teams/": teams if core != PAGE else PAGE,
        f"{OWN}/teams/": teams if own != PAGE else PAGE,
        f"{CORE}/projects/": projects,
        f"{OWN}/projects/": projects,
    }


@pytest.mark.parametrize(
    ("at", "header", "api"),
    [({"own": API}, "X-Cookie", "standalone"), ({"core": API}, "X-Auth", "core")],
)
def test_all_is_well(at, header, api):
    proof, rounds = drive(script(**at))
    base = CORE if api == "core" else OWN
    assert results(proof) == [("pass", None)] * 3
    assert proof.api == api
    assert proof.is_good
    assert proof.accepts_token
    assert rounds == [
        [(f"{CORE}/health/check/", None), (f"{OWN}/health/check/", None)],
        [(f"{base}/teams/?start=0&limit=1", header)],
        [(f"{base}/projects/?start=0&limit=1", header)],
    ]


def test_a_dialect_that_was_named_is_asked_alone():
    proof, rounds = drive(script(core=API), wished="core")
    assert proof.api == "core"
    assert rounds[0] == [(f"{CORE}/health/check/", None)]
    proof, rounds = drive(script(core=API), wished="standalone")
    assert results(proof)[0] == ("fail", "aspm-not-an-api")
    assert proof.api == "standalone"
    assert rounds == [[(f"{OWN}/health/check/", None)], [(f"{OWN}/teams/?start=0&limit=1", None)]]
    assert "Omit --aspm-api standalone" in proof.checks[0].remedy


@pytest.mark.parametrize(
    ("core", "own", "reason"),
    [
        (PAGE, PAGE, "aspm-not-an-api"),
        (Reason.TIMED_OUT, PAGE, "timed-out"),
        (Reason.NAME_UNRESOLVED, Reason.NAME_UNRESOLVED, "name-unresolved"),
        ((302, ""), (302, ""), "aspm-not-an-api"),
        ((503, ""), PAGE, "service-unavailable"),
    ],
)
def test_the_token_is_never_sent_where_no_api_answers(core, own, reason):
    proof, rounds = drive(script(core, own))
    assert {header for calls in rounds for _, header in calls} == {None}
    assert results(proof)[0][1] == reason
    assert results(proof)[1:] == [("skip", "not-asked")] * 2
    assert proof.api == "auto"
    assert not proof.is_good


@pytest.mark.parametrize(("base", "api"), [(CORE, "core"), (OWN, "standalone")])
@pytest.mark.parametrize("absent", [PAGE, (404, '{"error":"not found"}')])
def test_an_api_without_a_health_address_is_found_by_what_it_refuses(base, api, absent):
    """The teams are asked without the token first: 401 shows the API, a page does not."""
    answers = {path: absent if "health" in path else PAGE for path in script()}
    answers |= {f"{base}/teams/": WANTS, f"{base}/projects/": LIST}
    proof, rounds = drive(answers)
    assert {header for calls in rounds[:2] for _, header in calls} == {None}
    assert results(proof)[:2] == [("pass", None), ("fail", "aspm-token-rejected")]
    assert proof.api == api


@pytest.mark.parametrize(("hint", "first"), [("auto", CORE), ("standalone", OWN), ("core", CORE)])
def test_when_both_want_a_token_the_token_tells(hint, first):
    answers = script(core=WANTS, own=WANTS)
    other = CORE if first == OWN else OWN
    answers[f"{first}/teams/"] = WANTS
    proof, rounds = drive(answers, hint=hint)
    assert [calls[0][0].partition("/teams")[0] for calls in rounds[1:3]] == [first, other]
    assert results(proof) == [("pass", None)] * 3
    assert proof.api == ("core" if other == CORE else "standalone")
    answers[f"{other}/teams/"] = WANTS
    proof, _ = drive(answers, hint=hint)
    assert results(proof)[1:] == [("fail", "aspm-token-rejected"), ("skip", "not-asked")]
    assert proof.api == "auto"
    assert not proof.accepts_token


def test_nothing_is_asked_behind_a_refusal():
    proof, rounds = drive(script(own=API, teams=WANTS))
    assert results(proof) == [
        ("pass", None),
        ("fail", "aspm-token-rejected"),
        ("skip", "not-asked"),
    ]
    assert len(rounds) == 2
    proof, _ = drive(script(own=API, projects=FORBIDDEN))
    assert results(proof) == [("pass", None), ("pass", None), ("fail", "aspm-forbidden")]
    assert proof.accepts_token
    assert not proof.is_good


@pytest.mark.parametrize(
    ("teams", "says"),
    [(WANTS, "did not accept"), ((503, ""), "could not determine"), ((429, ""), "could not")],
)
def test_what_was_not_heard_is_not_called_a_refusal(teams, says):
    proof, _ = drive(script(own=API, teams=teams))
    assert says in proof.checks[-1].detail
