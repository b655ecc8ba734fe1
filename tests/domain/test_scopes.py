"""The scope probe of the decision table, the ladder of levels, and Full access."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.scopes import Level, Probe, Scope, probes_for, rows_of
from aspm_ado.domain.http import Reply
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import Check
from aspm_ado.domain.rules.scopes import (
    ProbeResult,
    ScopeContext,
    holds_profile,
    judge_probe,
    judge_scopes,
    reads_code,
    scopes_not_asked,
)

from . import replies as r

SERVICES, SERVER = Deployment.SERVICES, Deployment.SERVER
PASS, PARTIAL, WARN, FAIL, UNKNOWN = (
    Status.PASS,
    Status.PARTIAL,
    Status.WARN,
    Status.FAIL,
    Status.UNKNOWN,
)
ON_SERVICES = ScopeContext(Purpose.ALM, SERVICES, "7.1")
ON_SERVER = ScopeContext(Purpose.ALM, SERVER, "7.1", r.bare())
CLOSED, OPEN, NO_CONTROL = r.bare(), r.reply(404, r.DOCUMENT, r.MARKS, r.JSON), None
TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
OUT_OF_RANGE = (
    '{"message":"The requested version is out of range.","typeKey":"VssVersionOutOfRangeException"}'
)

GRANTED = [200, 204, 400, 403, 404, 405, 409]

PROBED: dict[str, tuple[Reply, ProbeResult]] = {
    **{f"{status} with a user": (r.granted(status), ProbeResult.GRANTED) for status in GRANTED},
    "403 TF401027": (
        r.granted(
            403,
            '{"message":"TF401027: You need the Git permission.","typeKey":"GitNeedsPermissionException"}',
        ),
        ProbeResult.GRANTED,
    ),
    "403 TF50309": (
        r.granted(
            403, '{"message":"TF50309: You lack a permission.","typeKey":"AccessCheckException"}'
        ),
        ProbeResult.GRANTED,
    ),
    "404 TF401232": (
        r.granted(404, '{"message":"TF401232: …","typeKey":"WorkItemUnauthorizedAccessException"}'),
        ProbeResult.GRANTED,
    ),
    "400 version out of range": (r.granted(400, OUT_OF_RANGE), ProbeResult.GRANTED),
    **{
        f"{status} without a user": (
            r.reply(status, r.DOCUMENT, r.MARKS, r.JSON),
            ProbeResult.UNKNOWN,
        )
        for status in GRANTED
    },
    "404 with the anonymous user": (
        r.reply(404, r.DOCUMENT, r.MARKS, r.JSON, (("X-VSS-UserData", f"{r.NOBODY.id}:"),)),
        ProbeResult.UNKNOWN,
    ),
    "empty 401 with an activity id": (r.reply(401, "", r.MARKS[:1], r.BASIC), ProbeResult.MISSING),
    "empty 401 with a process id": (r.reply(401, "", r.MARKS[1:], r.BASIC), ProbeResult.MISSING),
    "empty 401 with neither": (r.reply(401, "", r.BASIC), ProbeResult.UNKNOWN),
    "401 TF400813 with a user": (r.reply(401, r.TF400813, r.MARKS, r.USER), ProbeResult.UNKNOWN),
    "401 with words": (r.reply(401, r.NO_ANONYMOUS, r.MARKS, r.JSON), ProbeResult.UNKNOWN),
    "401 expired": (r.reply(401, r.EXPIRED, r.MARKS, r.JSON), ProbeResult.UNKNOWN),
    "no such route": (r.reply(404, r.NO_ROUTE, r.MARKS, r.USER), ProbeResult.UNPROVABLE),
    **{
        f"{status} {what}": (r.reply(status, text, r.MARKS, r.USER, kind), expected)
        for status, what, text, kind, expected in (
            (404, "as plain text", "Page not found.", TEXT, ProbeResult.UNPROVABLE),
            (404, "in Chinese", "找不到页面。", TEXT, ProbeResult.UNPROVABLE),
            (404, "without a body", "", (), ProbeResult.UNPROVABLE),
            (404, "with a code, but no document", "TF401019: …", TEXT, ProbeResult.UNKNOWN),
            (
                404,
                "as a document of somebody else",
                '{"message":"none"}',
                r.JSON,
                ProbeResult.UNPROVABLE,
            ),
            (400, "as plain text", "Bad Request", TEXT, ProbeResult.UNKNOWN),
            (403, "without a body", "", (), ProbeResult.UNKNOWN),
            (405, "without a body", "", (), ProbeResult.UNKNOWN),
            (200, "with a page in it", "<html>", TEXT, ProbeResult.UNKNOWN),
        )
    },
    **{
        f"{status} that asks to wait": (
            r.reply(status, "", r.MARKS, r.BASIC, header),
            ProbeResult.UNKNOWN,
        )
        for status in (203, 401, 403)
        for header in ((("Retry-After", "45"),), (("X-RateLimit-Remaining", "0"),))
    },
    "203": (r.reply(203, r.PAGE, r.MARKS, r.HTML, r.USER), ProbeResult.UNKNOWN),
    "302": (r.reply(302, "", r.MARKS, r.USER), ProbeResult.UNKNOWN),
    "200 page": (r.reply(200, r.PAGE, r.MARKS, r.HTML, r.USER), ProbeResult.UNKNOWN),
    "404 page": (r.reply(404, r.PAGE, r.HTML, r.USER), ProbeResult.UNKNOWN),
    "429": (r.reply(429, "", r.MARKS, r.USER), ProbeResult.UNKNOWN),
    "500": (r.reply(500, "{}", r.MARKS, r.USER), ProbeResult.UNKNOWN),
    "503": (r.reply(503, r.STOPPED, r.USER), ProbeResult.UNKNOWN),
    "403 fence": (r.reply(403, r.FENCED, r.MARKS, r.USER), ProbeResult.UNKNOWN),
    "timeout": (r.silence(), ProbeResult.UNKNOWN),
}


def needed_levels(purpose: Purpose) -> dict[Scope, Level]:
    return {row.scope: row.needed[purpose] for row in rows_of(purpose)}


@pytest.mark.parametrize("row", PROBED)
def test_an_answer_on_services(row: str) -> None:
    reply, grant = PROBED[row]
    assert judge_probe(reply, ON_SERVICES) is grant


@pytest.mark.parametrize("row", [row for row in PROBED if "without a user" not in row])
def test_a_server_reads_them_alike(row: str) -> None:
    reply, grant = PROBED[row]
    if row == "404 with the anonymous user":
        return
    assert judge_probe(reply, ON_SERVER) is grant


@pytest.mark.parametrize(
    ("headers", "control", "grant"),
    [
        (r.MARKS, CLOSED, ProbeResult.GRANTED),
        (r.MARKS[1:], CLOSED, ProbeResult.GRANTED),
        (r.MARKS[:1], CLOSED, ProbeResult.UNKNOWN),
        ((), CLOSED, ProbeResult.UNKNOWN),
        (r.MARKS, OPEN, ProbeResult.UNKNOWN),
        (r.MARKS, r.silence(), ProbeResult.UNKNOWN),
        (r.MARKS, NO_CONTROL, ProbeResult.UNKNOWN),
    ],
)
def test_a_server_without_user_data_needs_a_control_that_was_refused(
    headers: tuple[tuple[str, str], ...], control: Reply | None, grant: ProbeResult
) -> None:
    scope_context = replace(ON_SERVER, control=control)
    assert judge_probe(r.reply(404, r.DOCUMENT, headers, r.JSON), scope_context) is grant


def answers(
    scope_context: ScopeContext, held: Mapping[Scope, Level], *, wide: bool = False
) -> tuple[tuple[Probe, ...], dict[str, Reply]]:
    """The plan, and what a token with these levels is told."""
    probes = probes_for(
        scope_context.purpose,
        scope_context.deployment,
        scope_context.version,
        read_only=scope_context.read_only,
    )
    told = {
        probe.name: r.granted()
        if (
            wide
            if probe.scope is Scope.FULL_ACCESS
            else probe.level <= held.get(probe.scope, Level.NONE)
        )
        else r.missing()
        for probe in probes
    }
    return probes, told


def judged(
    scope_context: ScopeContext, held: Mapping[Scope, Level], *, wide: bool = False
) -> dict[CheckId, Check]:
    probes, told = answers(scope_context, held, wide=wide)
    return {check.id: check for check in judge_scopes(told, probes, scope_context)}


NONE, READ, WRITE, MANAGE, FULL = Level.NONE, Level.READ, Level.WRITE, Level.MANAGE, Level.FULL

# scope · what the token holds · status, proven, reason on Services
LADDER = [
    (Scope.CODE, NONE, FAIL, NONE, Reason.CODE_SCOPE_MISSING),
    (Scope.CODE, READ, FAIL, READ, Reason.CODE_SCOPE_MISSING),
    (Scope.CODE, WRITE, FAIL, WRITE, Reason.CODE_SCOPE_MISSING),
    (Scope.CODE, MANAGE, PARTIAL, MANAGE, Reason.NOT_PROVABLE),
    (Scope.CODE, FULL, PARTIAL, MANAGE, Reason.NOT_PROVABLE),
    (Scope.WORK, NONE, FAIL, NONE, Reason.WORK_SCOPE_MISSING),
    (Scope.WORK, READ, FAIL, READ, Reason.WORK_SCOPE_MISSING),
    (Scope.WORK, WRITE, FAIL, WRITE, Reason.WORK_SCOPE_MISSING),
    (Scope.WORK, MANAGE, PASS, MANAGE, None),
    (Scope.IDENTITY, NONE, FAIL, NONE, Reason.IDENTITY_SCOPE_MISSING),
    (Scope.IDENTITY, READ, PARTIAL, READ, Reason.NOT_PROVABLE),
    (Scope.IDENTITY, MANAGE, PARTIAL, READ, Reason.NOT_PROVABLE),
    (Scope.PROFILE, NONE, FAIL, NONE, Reason.PROFILE_SCOPE_MISSING),
    (Scope.PROFILE, WRITE, PASS, WRITE, None),
]
ALL_OF = {
    Scope.CODE: FULL,
    Scope.WORK: MANAGE,
    Scope.IDENTITY: MANAGE,
    Scope.PROFILE: WRITE,
    Scope.PROJECT: MANAGE,
}


@pytest.mark.parametrize(("scope", "held", "status", "proven", "reason"), LADDER)
def test_the_ladder_on_services(
    scope: Scope, held: Level, status: Status, proven: Level, reason: Reason | None
) -> None:
    made = judged(ON_SERVICES, {**ALL_OF, scope: held})
    check = made[CheckId(f"scope.{scope.value}")]
    assert (check.status, check.proven, check.reason) == (status, proven, reason)
    assert check.wanted is needed_levels(Purpose.ALM)[scope]
    others = [other for other in made.values() if other is not check]
    assert all(other.status in (PASS, PARTIAL) for other in others)
    if status is FAIL:
        assert "vso." in str(check.remedy)
        assert "Show all scopes" in str(check.remedy)


@pytest.mark.parametrize(
    ("version", "identity", "profile"),
    [
        ("5.0", (PARTIAL, NONE), (PARTIAL, NONE)),
        ("6.0", (PARTIAL, READ), (PARTIAL, NONE)),
        ("7.0", (PARTIAL, READ), (PARTIAL, NONE)),
        ("7.1", (PARTIAL, READ), (PASS, WRITE)),
    ],
)
def test_what_each_server_can_show(
    version: str, identity: tuple[Status, Level], profile: tuple[Status, Level]
) -> None:
    made = judged(replace(ON_SERVER, version=version), ALL_OF)
    assert (made[CheckId.SCOPE_IDENTITY].status, made[CheckId.SCOPE_IDENTITY].proven) == identity
    assert (made[CheckId.SCOPE_PROFILE].status, made[CheckId.SCOPE_PROFILE].proven) == profile
    assert (made[CheckId.SCOPE_WORK].status, made[CheckId.SCOPE_WORK].proven) == (PARTIAL, WRITE)
    assert (made[CheckId.SCOPE_CODE].status, made[CheckId.SCOPE_CODE].proven) == (PARTIAL, MANAGE)


@pytest.mark.parametrize(
    ("low", "high"),
    [("code-read", "code-manage"), ("code-read", "code-write"), ("work-write", "work-manage")],
)
def test_a_lower_level_refused_and_a_higher_one_granted_is_a_contradiction(
    low: str, high: str
) -> None:
    probes, told = answers(ON_SERVICES, ALL_OF)
    told = {**told, low: r.missing()}
    check = next(
        c
        for c in judge_scopes(told, probes, ON_SERVICES)
        if c.id.value.startswith(f"scope.{low[:4]}")
    )
    assert (check.status, check.reason) == (UNKNOWN, Reason.ANSWERS_CONTRADICT)
    assert len([line for line in check.evidence if line.activity_id]) >= 2
    assert high in told


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (r.silence(), Reason.TIMED_OUT),
        (r.reply(429, "", r.MARKS), Reason.THROTTLED),
        (r.reply(503, r.PAGE, r.HTML), Reason.SERVICE_UNAVAILABLE),
        (r.reply(203, r.PAGE, r.HTML), Reason.NOT_AZURE_DEVOPS),
        (r.reply(403, r.FENCED, r.MARKS, r.JSON), Reason.ACCESS_FENCED),
        *(
            (r.reply(status, text, kind), Reason.NOT_AZURE_DEVOPS)
            for status in (400, 403, 404, 405)
            for text, kind in (("Blocked.", TEXT), ('{"error":"blocked"}', r.JSON), ("", ()))
        ),
        (r.reply(401, r.TF400813, r.MARKS, r.USER), Reason.PERMISSION_UNCLEAR),
        (r.reply(401, r.NO_ANONYMOUS, r.MARKS, r.JSON), Reason.SCOPE_UNKNOWN),
        (r.reply(404, r.DOCUMENT, r.MARKS, r.JSON), Reason.SCOPE_UNKNOWN),
    ],
)
def test_what_tells_nothing_is_unknown_and_never_missing(answer: Reply, reason: Reason) -> None:
    probes, told = answers(ON_SERVICES, ALL_OF)
    told["code-manage"] = answer
    [check] = [c for c in judge_scopes(told, probes, ON_SERVICES) if c.id is CheckId.SCOPE_CODE]
    assert (check.status, check.reason, check.proven) == (UNKNOWN, reason, WRITE)
    assert check.exit_code == 5


def test_a_level_refused_below_one_that_was_not_heard_is_missing_all_the_same() -> None:
    probes, told = answers(ON_SERVICES, {**ALL_OF, Scope.CODE: READ})
    told["code-manage"] = r.silence()
    [check] = [c for c in judge_scopes(told, probes, ON_SERVICES) if c.id is CheckId.SCOPE_CODE]
    assert (check.status, check.reason) == (FAIL, Reason.CODE_SCOPE_MISSING)


def test_a_route_that_is_not_there_lowers_what_can_be_shown() -> None:
    probes, told = answers(ON_SERVICES, ALL_OF)
    told["work-manage"] = r.reply(404, r.NO_ROUTE, r.MARKS, r.USER)
    [check] = [c for c in judge_scopes(told, probes, ON_SERVICES) if c.id is CheckId.SCOPE_WORK]
    assert (check.status, check.proven, check.reason) == (PARTIAL, WRITE, Reason.NOT_PROVABLE)


@pytest.mark.parametrize(
    "levels", [("read",), ("write",), ("manage",), ("write", "manage"), ("read", "write", "manage")]
)
def test_a_released_route_that_is_not_there_proves_nothing(levels: tuple[str, ...]) -> None:
    """Every version has it: that it is missing here says nothing of the scope, and is not “good as far as it goes”."""
    probes, told = answers(ON_SERVICES, ALL_OF)
    told |= dict.fromkeys(
        (f"code-{level}" for level in levels), r.reply(404, r.NO_ROUTE, r.MARKS, r.USER)
    )
    [check] = [c for c in judge_scopes(told, probes, ON_SERVICES) if c.id is CheckId.SCOPE_CODE]
    shown = PARTIAL if "manage" not in levels else UNKNOWN
    assert (check.status, check.exit_code) == (shown, 5 if shown is UNKNOWN else 0)
    assert "URL" not in str(check.remedy)


def test_where_not_one_route_is_there_the_address_is_wrong_and_nothing_is_known() -> None:
    probes, told = answers(ON_SERVICES, ALL_OF)
    told = dict.fromkeys(told, r.reply(404, r.NO_ROUTE, r.MARKS, r.USER))
    for check in judge_scopes(told, probes, ON_SERVICES):
        assert (check.status, check.reason, check.proven) == (UNKNOWN, Reason.SCOPE_UNKNOWN, NONE)
        assert "URL" in str(check.remedy)


def test_the_words_of_a_missing_route_from_a_stranger_prove_nothing() -> None:
    probes, told = answers(ON_SERVICES, ALL_OF)
    told |= dict.fromkeys(("code-read", "code-write", "code-manage"), r.reply(404, r.NO_ROUTE))
    [check] = [c for c in judge_scopes(told, probes, ON_SERVICES) if c.id is CheckId.SCOPE_CODE]
    assert check.status is UNKNOWN


@pytest.mark.parametrize("purpose", Purpose)
def test_reading_alone_leaves_levels_unproven_and_says_so(purpose: Purpose) -> None:
    scope_context = replace(ON_SERVICES, purpose=purpose, read_only=True)
    for check in judged(scope_context, ALL_OF, wide=True).values():
        if check.id is CheckId.SCOPE_IDENTITY:
            assert check.status is PARTIAL
        else:
            assert (check.status, check.reason) == (WARN, Reason.READ_ONLY_PROBES)
            assert "--read-only-probes" in str(check.remedy)


def test_reading_alone_still_shows_what_is_missing() -> None:
    made = judged(replace(ON_SERVICES, read_only=True), {**ALL_OF, Scope.CODE: NONE})
    assert (made[CheckId.SCOPE_CODE].status, made[CheckId.SCOPE_CODE].reason) == (
        FAIL,
        Reason.CODE_SCOPE_MISSING,
    )


FOUR = {key: level for key, level in ALL_OF.items() if key is not Scope.PROJECT}

# deployment · levels held · the areas far away answer · status, reason, exit code
FULL_ACCESS = [
    (SERVICES, ALL_OF, True, PARTIAL, Reason.NOT_PROVABLE, 0),
    (SERVICES, ALL_OF, False, WARN, Reason.FULL_ACCESS_BY_PARTS, 0),
    (SERVICES, FOUR, False, FAIL, Reason.FULL_ACCESS_MISSING, 3),
    (SERVICES, FOUR, True, FAIL, Reason.FULL_ACCESS_MISSING, 3),
    (SERVICES, {**ALL_OF, Scope.CODE: READ}, False, FAIL, Reason.FULL_ACCESS_MISSING, 3),
    (SERVER, ALL_OF, True, PARTIAL, Reason.NOT_PROVABLE, 0),
    (SERVER, ALL_OF, False, FAIL, Reason.FULL_ACCESS_MISSING, 3),
    (SERVER, FOUR, True, FAIL, Reason.FULL_ACCESS_MISSING, 3),
    (SERVER, {**ALL_OF, Scope.WORK: WRITE}, True, PARTIAL, Reason.NOT_PROVABLE, 0),
]


@pytest.mark.parametrize(("deployment", "held", "wide", "status", "reason", "code"), FULL_ACCESS)
def test_full_access(
    deployment: Deployment,
    held: Mapping[Scope, Level],
    wide: bool,
    status: Status,
    reason: Reason,
    code: int,
) -> None:
    scope_context = ScopeContext(Purpose.ALM_AND_ISSUE_MANAGER, deployment, "7.1", r.bare())
    made = judged(scope_context, held, wide=wide)
    check = made[CheckId.SCOPE_FULL_ACCESS]
    assert (check.status, check.reason, check.exit_code) == (status, reason, code)
    assert check.wanted is FULL
    assert len(made) == 6


def test_full_access_that_was_not_heard_on_a_server_is_unknown() -> None:
    scope_context = ScopeContext(Purpose.ALM_AND_ISSUE_MANAGER, SERVER, "7.1", r.bare())
    probes, told = answers(scope_context, ALL_OF, wide=True)
    told["agent-pools"] = r.silence()
    [check] = [
        c for c in judge_scopes(told, probes, scope_context) if c.id is CheckId.SCOPE_FULL_ACCESS
    ]
    assert (check.status, check.exit_code) == (UNKNOWN, 5)
    assert (check.reason, check.remedy) == (Reason.TIMED_OUT, "Try again.")
    assert "did not answer in time" in check.detail


def test_full_access_tells_why_a_scope_was_not_found_out() -> None:
    scope_context = ScopeContext(Purpose.ALM_AND_ISSUE_MANAGER, SERVICES, "7.1")
    probes, told = answers(scope_context, ALL_OF, wide=True)
    told |= {probe.name: r.silence() for probe in probes if probe.scope is Scope.WORK}
    made = {check.id: check for check in judge_scopes(told, probes, scope_context)}
    work, full = made[CheckId.SCOPE_WORK], made[CheckId.SCOPE_FULL_ACCESS]
    assert (full.status, full.reason, full.remedy) == (UNKNOWN, work.reason, work.remedy)
    assert work.detail.rstrip(".") in full.detail


def test_where_full_access_is_wanted_every_remedy_says_so() -> None:
    scope_context = ScopeContext(Purpose.ALM_AND_ISSUE_MANAGER, SERVICES, "7.1")
    for check in judged(scope_context, {}, wide=False).values():
        assert check.status is FAIL
        assert "Full access" in str(check.remedy)


def test_which_scopes_hold_the_profile_and_which_read_code() -> None:
    for scope in (Scope.CODE, Scope.WORK, Scope.PROFILE):
        assert holds_profile(tuple(judged(ON_SERVICES, {scope: FULL}).values()))
    assert not holds_profile(tuple(judged(ON_SERVICES, {Scope.IDENTITY: MANAGE}).values()))
    assert not holds_profile(())
    assert reads_code(tuple(judged(ON_SERVICES, {Scope.CODE: FULL}).values()))
    assert reads_code(
        tuple(judged(replace(ON_SERVICES, read_only=True), {Scope.CODE: FULL}).values())
    )
    assert not reads_code(tuple(judged(ON_SERVICES, {Scope.CODE: READ}).values()))
    assert not reads_code(())


@pytest.mark.parametrize("purpose", Purpose)
def test_behind_a_closed_door_every_scope_is_skipped_with_its_level(purpose: Purpose) -> None:
    made = scopes_not_asked(purpose, "Skipped: why.")
    assert {check.id.value.removeprefix("scope."): check.wanted for check in made} == {
        scope.value: level for scope, level in needed_levels(purpose).items()
    }
    assert {(check.status, check.reason) for check in made} == {(Status.SKIP, Reason.NOT_ASKED)}


@pytest.mark.parametrize(
    ("status", "text", "reason", "words"),
    [
        (503, r.STOPPED, Reason.ORGANIZATION_DEACTIVATED, "disabled"),
        (403, r.NEVER_SIGNED_IN, Reason.NEVER_SIGNED_IN, "never signed in"),
    ],
)
def test_what_is_wrong_with_the_organization_or_the_account_is_said_in_one_probe(
    status: int, text: str, reason: Reason, words: str
) -> None:
    scope_context = ScopeContext(Purpose.ALM, Deployment.SERVICES, "7.1")
    probes = probes_for(Purpose.ALM, Deployment.SERVICES, "7.1")
    replies = {probe.name: r.granted() for probe in probes}
    [top] = [p.name for p in probes if p.scope is Scope.IDENTITY]
    replies[top] = r.reply(status, text, r.MARKS, r.JSON)
    checks = {check.id: check for check in judge_scopes(replies, probes, scope_context)}
    check = checks[CheckId.SCOPE_IDENTITY]
    assert (check.status, check.reason) == (Status.UNKNOWN, reason)
    assert words in check.detail
