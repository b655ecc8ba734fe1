"""Judgement is total: whatever answers, nothing raises, everything has a reason, and what is unknown is not granted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from aspm_ado.domain.aspm.api import Dialect, Profile, Success
from aspm_ado.domain.aspm.registration import (
    WriteResult,
    after_trial,
    not_begun,
    read_write,
    refused,
    registered,
)
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import API_VERSIONS
from aspm_ado.domain.azure.retirement import Calendar, DaySource, Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import Level, probes_for
from aspm_ado.domain.documents import (
    ANONYMOUS_ID,
    AspmKnown,
    AspmPage,
    ConnectionData,
    Document,
    Identity,
    Names,
    Repository,
    UserProfile,
)
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.reasons import ExitCode, Reason, Status
from aspm_ado.domain.report import Check
from aspm_ado.domain.rules.access import TokenHistory, judge_access
from aspm_ado.domain.rules.aspm import (
    error_message,
    judge_projects,
    judge_reachable,
    judge_token,
    tool_accepted,
)
from aspm_ado.domain.rules.classify import (
    AnswerKind,
    classify,
    explain_inconclusive,
    redirect_target,
    server_version,
)
from aspm_ado.domain.rules.clone import clone_inconclusive, judge_clone
from aspm_ado.domain.rules.reach import judge_reach, not_listed, observe_reach
from aspm_ado.domain.rules.scopes import ProbeResult, ScopeContext, judge_probe, judge_scopes
from aspm_ado.domain.stored import Registration, RegistrationMode
from aspm_ado.domain.text import clean

from . import replies as r

identities = st.builds(
    Identity,
    st.sampled_from(["", ANONYMOUS_ID, r.ME.id]) | st.text(max_size=8),
    st.text(max_size=8),
)
documents = st.one_of(
    st.none(),
    st.builds(ConnectionData, identities),
    st.builds(UserProfile, identities),
    st.builds(Names, st.lists(st.text(max_size=8), max_size=3).map(tuple)),
)
headers = st.lists(
    st.one_of(
        st.sampled_from(
            [*r.MARKS, *r.USER, *r.JSON, *r.HTML, *r.BASIC, ("WWW-Authenticate", "NTLM")]
        ),
        st.tuples(
            st.sampled_from(
                [
                    "x-vss-userdata",
                    "Content-Type",
                    "X-TFS-ServiceError",
                    "WWW-Authenticate",
                    "ActivityId",
                ]
            ),
            st.text(max_size=20),
        ),
    ),
    max_size=5,
).map(tuple)
bodies = st.sampled_from(
    [
        *(
            "",
            r.PAGE,
            r.TF400813,
            r.NO_ANONYMOUS,
            r.EXPIRED,
            r.NO_ROUTE,
            r.STOPPED,
            r.FENCED,
            "{}",
            "[]",
        ),
        "001e# service=git-upload-pack",
        "The latest REST API version this server supports is 99999999999.0",
    ]
) | st.text(max_size=60)
replies = st.builds(
    Reply,
    call=st.just(r.CALL),
    status=st.sampled_from(
        [0, 100, 200, 203, 204, 302, 400, 401, 403, 404, 405, 407, 409, 429, 500, 503, 599, 999]
    ),
    headers=headers,
    text=bodies,
    answer=documents,
    failure=st.sampled_from([None, None, None, Reason.TIMED_OUT, Reason.TLS_FAILED]),
).map(
    lambda reply: (
        reply if reply.status == 200 and not reply.failure else replace(reply, answer=None)
    )
)
calendars = st.builds(
    Calendar,
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.sampled_from(DaySource),
    st.none() | st.just(date(2026, 12, 1)),
)
pasts = st.builds(
    TokenHistory,
    st.booleans(),
    st.sampled_from(Reach),
    st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
benches = st.builds(
    ScopeContext,
    st.sampled_from(Purpose),
    st.sampled_from(Deployment),
    st.sampled_from(API_VERSIONS),
    st.none() | replies,
    st.booleans(),
)


def assert_whole(*checks: Check) -> None:
    """The rules of the report for one check."""
    for check in checks:
        assert check.detail
        assert (check.reason is None) == (check.status is Status.PASS)
        assert check.remedy or check.status not in (Status.WARN, Status.FAIL)
        assert isinstance(check.exit_code, ExitCode)
        assert check.exit_code not in (ExitCode.BUG, ExitCode.USAGE, ExitCode.INTERRUPTED)
        if check.status in (Status.FAIL, Status.UNKNOWN) and check.required:
            assert check.exit_code is not ExitCode.DONE


@given(
    replies,
    st.none() | replies,
    calendars,
    st.none() | identities,
    st.sampled_from(Deployment),
    pasts,
)
def test_access(
    first: Reply,
    profile: Reply | None,
    calendar: Calendar,
    elsewhere: Identity | None,
    deployment: Deployment,
    past: TokenHistory,
) -> None:
    made = judge_access(r.place_of(deployment), first, profile, calendar, elsewhere, history=past)
    assert_whole(made.identity_check, made.access_check)
    assert not (made.is_accepted and (made.identity is None or made.identity.is_anonymous))
    assert not (made.is_accepted and first.status != 200)
    codes = {made.identity_check.exit_code, made.access_check.exit_code}
    assert made.is_accepted or codes & {
        ExitCode.REJECTED,
        ExitCode.NOT_GOOD_ENOUGH,
        ExitCode.COULD_NOT_FIND_OUT,
    }


@given(
    st.none() | replies,
    st.lists(st.text(max_size=5), max_size=3),
    st.booleans(),
    st.sampled_from(Deployment),
)
def test_reach(
    wide: Reply | None, recognised: list[str], holds: bool, deployment: Deployment
) -> None:
    reach_seen = observe_reach(deployment, wide, recognised, holds_profile=holds)
    for demanded in ReachDemanded:
        assert_whole(judge_reach(reach_seen, demanded, deployment, r.TODAY))


@given(replies, st.sampled_from(Deployment), calendars, st.sampled_from(ReachDemanded))
def test_lists_and_versions(
    wide: Reply, deployment: Deployment, calendar: Calendar, demanded: ReachDemanded
) -> None:
    assert_whole(not_listed(wide, deployment))
    assert server_version(wide) in (*API_VERSIONS, "")
    kind = classify(wide)
    reason, detail, remedy = explain_inconclusive(wide)
    if kind in (AnswerKind.DEACTIVATED, AnswerKind.NEVER_SIGNED_IN):
        assert reason.exit_code is ExitCode.NOT_GOOD_ENOUGH
    else:
        assert reason.exit_code is ExitCode.COULD_NOT_FIND_OUT
    assert detail
    assert remedy
    assert_whole(
        judge_reach(
            observe_reach(deployment, wide, [], holds_profile=False), demanded, deployment, calendar
        )
    )


@given(benches, st.data())
def test_scopes(scope_context: ScopeContext, data: st.DataObject) -> None:
    probes = probes_for(
        scope_context.purpose,
        scope_context.deployment,
        scope_context.version,
        read_only=scope_context.read_only,
    )
    heard = {probe.name: data.draw(replies) for probe in probes if data.draw(st.booleans())}
    checks = judge_scopes(heard, probes, scope_context)
    assert_whole(*checks)
    for check in checks:
        shown = [
            probe.level
            for probe in probes
            if f"scope.{probe.scope.value}" == check.id.value
            and probe.name in heard
            and judge_probe(heard[probe.name], scope_context) is ProbeResult.GRANTED
        ]
        if check.id.value != "scope.full-access":
            assert check.proven == max(shown, default=Level.NONE)
            assert check.status is not Status.PASS or check.proven >= (check.wanted or Level.FULL)


@given(replies, benches)
def test_only_an_answer_that_the_service_vouches_for_is_granted(
    reply: Reply, scope_context: ScopeContext
) -> None:
    grant = judge_probe(reply, scope_context)
    if grant is ProbeResult.GRANTED:
        assert reply.failure is None
        assert reply.status not in (0, 203, 302, 401, 429)
        assert reply.status < 500
        assert "html" not in reply.header("Content-Type")
        user = reply.header("X-VSS-UserData").partition(":")[0].strip().lower()
        vouched = scope_context.deployment is Deployment.SERVER and reply.header("X-TFS-ProcessId")
        assert user not in ("", ANONYMOUS_ID) or vouched
    if grant is ProbeResult.MISSING:
        assert reply.status == 401
        assert not reply.text.strip()
        assert reply.header("ActivityId") or reply.header("X-TFS-ProcessId")


aspm_replies = st.builds(
    Reply,
    call=st.just(Call("GET", "https://aspm.example.test/api/v2/teams/?start=0&limit=1")),
    status=st.integers(0, 599),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Location", "Content-Type", "ActivityId"]), st.text(max_size=30)
        ),
        max_size=3,
    ).map(tuple),
    text=st.text(max_size=40)
    | st.recursive(
        st.none() | st.text(max_size=9),
        lambda inner: st.dictionaries(st.sampled_from(["error", "message", "id"]), inner),
    ).map(json.dumps),
    answer=st.none()
    | st.just(AspmPage(None))
    | st.just(AspmKnown(True))
    | st.builds(Document, st.none() | st.text()),
    failure=st.sampled_from(
        [None, None, Reason.TIMED_OUT, Reason.TLS_FAILED, Reason.ANSWER_UNREADABLE]
    ),
).map(
    lambda reply: (
        replace(reply, problem="It failed.", remedy="Try again.") if reply.failure else reply
    )
)


@given(aspm_replies, aspm_replies, st.sampled_from(Dialect))
def test_aspm(one: Reply, other: Reply, dialect: Dialect) -> None:
    """Which API answers, whose token it takes, and what came of a registration."""
    url = "https://aspm.example.test"
    found = judge_reachable(
        url, {dialect: one, next(each for each in Dialect if each is not dialect): other}
    )
    assert (found.check.status is Status.PASS) == bool(found.dialects)
    assert_whole(found.check, judge_token(url, dialect, one), judge_projects(url, dialect, one))
    assert tool_accepted(one) in (True, False, None)
    for text in (error_message(one), redirect_target(one)):
        assert text == clean(text)
    profile = Profile("p", dialect, "/x", {}, Success({201}), "0" * 64, id="/id")
    result, instance = read_write(profile, one)
    assert instance is None or instance == clean(instance)
    assert_whole(
        refused("m", profile, one).check, not_begun(Registration(RegistrationMode.API), one).check
    )
    assert_whole(after_trial(registered("m", instance, profile, one), profile, other).check)
    assert result is not WriteResult.CREATED or one.status == 201


@given(replies, st.none() | replies, st.booleans(), st.text(max_size=10))
def test_clone(alone: Reply, named: Reply | None, asked_for: bool, text: str) -> None:
    repository = Repository(text, text, text)
    token, user = judge_clone(repository, alone, named, text, asked_for=asked_for)
    assert_whole(token)
    assert (user.reason is None) == (user.status is Status.PASS)
    assert_whole(clone_inconclusive(alone)[0])
