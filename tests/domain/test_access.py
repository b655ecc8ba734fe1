"""Row R1 of the decision table: what ``connectionData`` says of the token and of the organization."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

import aspm_ado.domain.rules.classify as classify_module
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.documents import Identity, Names
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.rules.access import TokenHistory, judge_access
from aspm_ado.domain.rules.classify import inconclusive, switched_off

from . import replies as r

PASS, FAIL, UNKNOWN, SKIP = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.SKIP

# answer to R1 · answer to R2 · identity (status, reason) · organization.access (status, reason) · exit code
ROWS = {
    "good": (r.connection_data(), r.bare(), (PASS, None), (PASS, None), 0),
    "good, without a mark of Azure DevOps": (
        replace(r.connection_data(), headers=r.JSON),
        r.bare(),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    "bare 401, and R2 has no mark of Azure DevOps": (
        r.bare(),
        replace(r.profile(), headers=r.JSON),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (SKIP, Reason.NOT_ASKED),
        5,
    ),
    "bare 401, and R2 names nobody": (
        r.bare(),
        r.profile(r.NOBODY),
        (FAIL, Reason.TOKEN_REJECTED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    **{
        f"an error page of Azure DevOps with {status}": (
            r.reply(status, r.PAGE, r.MARKS, r.HTML),
            r.profile(),
            (PASS, None),
            (UNKNOWN, Reason.ANSWER_UNREADABLE),
            5,
        )
        for status in (400, 405, 413)
    },
    "anonymous": (
        r.connection_data(r.NOBODY),
        r.bare(),
        (FAIL, Reason.TOKEN_ANONYMOUS),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "anonymous, but R2 knows the token": (
        r.connection_data(r.NOBODY),
        r.profile(),
        (PASS, None),
        (FAIL, Reason.ORGANIZATION_REFUSES_TOKEN),
        3,
    ),
    "200 that is no document": (
        r.reply(200, "{", r.MARKS, r.JSON),
        r.bare(),
        (UNKNOWN, Reason.ANSWER_UNREADABLE),
        (UNKNOWN, Reason.ANSWER_UNREADABLE),
        5,
    ),
    "expired, said in the body": (
        r.reply(401, r.EXPIRED, r.MARKS, r.JSON),
        r.bare(),
        (FAIL, Reason.TOKEN_EXPIRED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "expired, said in the header of Services": (
        r.reply(
            401,
            "",
            r.MARKS,
            (("X-TFS-ServiceError", "Access%20Denied%3A%20The%20token%20has%20expired."),),
        ),
        r.bare(),
        (FAIL, Reason.TOKEN_EXPIRED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "expired, said in the header of Server": (
        r.reply(
            401, "", r.MARKS, (("X-TFS-ServiceError", "Access+Denied%3a+The+token+has+expired."),)
        ),
        r.bare(),
        (FAIL, Reason.TOKEN_EXPIRED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "a user without access": (
        r.reply(401, r.TF400813, r.MARKS, r.JSON, r.USER),
        r.bare(),
        (PASS, None),
        (FAIL, Reason.NOT_A_MEMBER),
        3,
    ),
    "bare 401, R2 200": (
        r.bare(),
        r.profile(),
        (PASS, None),
        (FAIL, Reason.ORGANIZATION_REFUSES_TOKEN),
        3,
    ),
    "401 with words, R2 200": (
        r.reply(401, r.NO_ANONYMOUS, r.MARKS, r.JSON),
        r.profile(),
        (PASS, None),
        (FAIL, Reason.ORGANIZATION_REFUSES_TOKEN),
        3,
    ),
    "bare 401, R2 401": (
        r.bare(),
        r.bare(),
        (FAIL, Reason.TOKEN_REJECTED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "401 with words, R2 401": (
        r.reply(401, r.NO_ANONYMOUS, r.MARKS, r.JSON),
        r.bare(),
        (FAIL, Reason.TOKEN_REJECTED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "expired, in Chinese": (
        r.reply(401, r.EXPIRED.replace("has expired", "已过期"), r.MARKS, r.JSON),
        r.bare(),
        (FAIL, Reason.TOKEN_EXPIRED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    **{
        f"a person named by {status} {what}": (
            r.reply(status, text, r.MARKS, r.USER, kind),
            r.bare(),
            (PASS, None),
            (FAIL, Reason.NOT_A_MEMBER),
            3,
        )
        for status in (401, 403)
        for what, text, kind in (
            ("in a document", r.DOCUMENT, r.JSON),
            ("in a page", r.PAGE, r.HTML),
            ("without a body", "", ()),
            ("in words on expiry", r.EXPIRED, r.JSON),
        )
    },
    **{
        f"bare 401, and R2 names the person by {status}": (
            r.bare(),
            r.reply(status, text, r.MARKS, r.USER),
            (PASS, None),
            (FAIL, Reason.ORGANIZATION_REFUSES_TOKEN),
            3,
        )
        for status, text in ((401, r.TF400813), (401, r.PAGE), (403, r.DOCUMENT))
    },
    "403 of a document, R2 200": (
        r.reply(403, r.DOCUMENT, r.MARKS, r.JSON),
        r.profile(),
        (PASS, None),
        (FAIL, Reason.ORGANIZATION_REFUSES_TOKEN),
        3,
    ),
    "403 of a gateway, R2 200": (
        r.reply(403, r.PAGE, r.HTML),
        r.profile(),
        (PASS, None),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    **{
        f"403 of a gateway with {what}, R2 200": (
            r.reply(403, text, kind),
            r.profile(),
            (PASS, None),
            (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
            5,
        )
        for what, text, kind in (
            ("words", "Blocked by policy.", ()),
            ("a document", '{"error":"blocked"}', r.JSON),
            ("nothing", "", ()),
        )
    },
    "a fence that asks to wait": (
        r.reply(403, r.FENCED, r.MARKS, r.JSON, (("Retry-After", "45"),)),
        r.bare(),
        (UNKNOWN, Reason.ACCESS_FENCED),
        (UNKNOWN, Reason.ACCESS_FENCED),
        5,
    ),
    "bare 401, and R2 says that the person never signed in": (
        r.bare(),
        r.reply(403, r.NEVER_SIGNED_IN, r.MARKS, r.JSON),
        (UNKNOWN, Reason.NEVER_SIGNED_IN),
        (SKIP, Reason.NOT_ASKED),
        3,
    ),
    "never signed in, said around an inner exception": (
        r.reply(
            403,
            '{"innerException":{"typeKey":"AccessCheckException"},' + r.NEVER_SIGNED_IN[1:],
            r.MARKS,
            r.JSON,
        ),
        r.bare(),
        (SKIP, Reason.NOT_ASKED),
        (FAIL, Reason.NEVER_SIGNED_IN),
        3,
    ),
    "a fence that names the person": (
        r.reply(403, r.FENCED, r.MARKS, r.JSON, r.USER),
        r.bare(),
        (UNKNOWN, Reason.ACCESS_FENCED),
        (UNKNOWN, Reason.ACCESS_FENCED),
        5,
    ),
    "never signed in": (
        r.reply(403, r.NEVER_SIGNED_IN, r.MARKS, r.JSON),
        r.bare(),
        (SKIP, Reason.NOT_ASKED),
        (FAIL, Reason.NEVER_SIGNED_IN),
        3,
    ),
    "never signed in, by code and with a name": (
        r.reply(401, '{"message":"TF401444: …"}', r.MARKS, r.JSON, r.USER),
        r.bare(),
        (PASS, None),
        (FAIL, Reason.NEVER_SIGNED_IN),
        3,
    ),
    **{
        f"{status} that asks to wait": (
            r.reply(status, "", r.MARKS, r.BASIC, header),
            r.reply(status, "", r.MARKS, r.BASIC, header),
            (UNKNOWN, Reason.THROTTLED),
            (UNKNOWN, Reason.THROTTLED),
            5,
        )
        for status in (203, 401, 403)
        for header in ((("Retry-After", "45"),), (("X-RateLimit-Remaining", "0"),))
    },
    "fence": (
        r.reply(403, r.FENCED, r.MARKS, r.JSON),
        r.bare(),
        (UNKNOWN, Reason.ACCESS_FENCED),
        (UNKNOWN, Reason.ACCESS_FENCED),
        5,
    ),
    "no such organization": (
        r.reply(404, r.PAGE, r.MARKS, r.HTML),
        r.bare(),
        (SKIP, Reason.NOT_ASKED),
        (FAIL, Reason.ORGANIZATION_ABSENT),
        3,
    ),
    "404 of somebody else": (
        r.reply(404, "not found"),
        r.bare(),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    "deactivated": (
        r.reply(503, r.STOPPED, r.JSON),
        r.bare(),
        (SKIP, Reason.NOT_ASKED),
        (FAIL, Reason.ORGANIZATION_DEACTIVATED),
        3,
    ),
    "deactivated, with the reason of an administrator": (
        r.reply(503, r.STOPPED_BECAUSE, r.JSON),
        r.bare(),
        (SKIP, Reason.NOT_ASKED),
        (FAIL, Reason.ORGANIZATION_DEACTIVATED),
        3,
    ),
    "deactivated, said in the header": (
        r.reply(503, "", (("X-TFS-ServiceError", "TF24668%3A%20The%20collection%20is%20stopped"),)),
        r.bare(),
        (SKIP, Reason.NOT_ASKED),
        (FAIL, Reason.ORGANIZATION_DEACTIVATED),
        3,
    ),
    "203 of Azure DevOps": (
        r.reply(203, r.PAGE, r.MARKS, r.HTML),
        r.bare(),
        (FAIL, Reason.TOKEN_REJECTED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "302 of Azure DevOps": (
        r.reply(
            302, "", r.MARKS, (("Location", "https://spsprodsin1.vssps.visualstudio.com/_signin"),)
        ),
        r.bare(),
        (FAIL, Reason.TOKEN_REJECTED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "401 page of Azure DevOps": (
        r.reply(401, r.PAGE, r.MARKS, r.HTML),
        r.bare(),
        (FAIL, Reason.TOKEN_REJECTED),
        (SKIP, Reason.NOT_ASKED),
        4,
    ),
    "203 of a portal": (
        r.reply(203, r.PAGE, r.HTML),
        r.bare(),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    "302 of a portal": (
        r.reply(302, "", (("Location", "http://portal.example/"),)),
        r.bare(),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    "200 page of a portal": (
        r.reply(200, r.PAGE, r.HTML),
        r.bare(),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    "401 page of a portal": (
        r.reply(401, r.PAGE, r.HTML),
        r.bare(),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    "401 of somebody without a mark": (
        r.reply(401, "", r.BASIC),
        r.bare(),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    "401 of a gateway with the challenges of IIS": (
        r.reply(401, "", (("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM"))),
        r.bare(),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        (UNKNOWN, Reason.NOT_AZURE_DEVOPS),
        5,
    ),
    "429": (
        r.reply(429, "", r.MARKS),
        r.bare(),
        (UNKNOWN, Reason.THROTTLED),
        (UNKNOWN, Reason.THROTTLED),
        5,
    ),
    "503 of the edge": (
        r.reply(503, r.PAGE, r.HTML, (("X-MSEdge-Ref", "Ref A: 1"),)),
        r.bare(),
        (UNKNOWN, Reason.SERVICE_UNAVAILABLE),
        (UNKNOWN, Reason.SERVICE_UNAVAILABLE),
        5,
    ),
    "500": (
        r.reply(500, "{}", r.MARKS, r.JSON),
        r.bare(),
        (UNKNOWN, Reason.SERVICE_UNAVAILABLE),
        (UNKNOWN, Reason.SERVICE_UNAVAILABLE),
        5,
    ),
    **{
        reason.value: (
            r.silence(reason),
            r.silence(reason),
            (UNKNOWN, reason),
            (UNKNOWN, reason),
            5,
        )
        for reason in (
            Reason.NAME_UNRESOLVED,
            Reason.UNREACHABLE,
            Reason.TLS_UNTRUSTED,
            Reason.TLS_WRONG_HOST,
            Reason.TLS_EXPIRED,
            Reason.TLS_FAILED,
            Reason.PROXY_FAILED,
            Reason.TIMED_OUT,
        )
    },
}


@pytest.mark.parametrize("row", ROWS)
def test_every_row(row: str) -> None:
    first, profile, identity, access, code = ROWS[row]
    made = judge_access(r.CONTOSO, first, profile, r.TODAY)
    assert (made.identity_check.status, made.identity_check.reason) == identity
    assert (made.access_check.status, made.access_check.reason) == access
    assert max(made.identity_check.exit_code, made.access_check.exit_code) == code
    assert made.is_accepted is (row == "good")


def test_the_user_is_named_where_only_the_refusal_names_them() -> None:
    made = judge_access(r.CONTOSO, r.reply(401, r.TF400813, r.MARKS, r.USER), r.bare(), r.TODAY)
    assert made.identity is not None
    assert (made.identity.id, made.identity.account) == (r.ME.id, r.ME.account)


def test_another_organization_vouches_for_a_token_that_this_one_refuses() -> None:
    made = judge_access(r.CONTOSO, r.bare(), r.bare(), r.TODAY, r.ME)
    assert made.identity == r.ME
    assert made.identity_check.status is PASS
    assert (made.access_check.status, made.access_check.reason) == (
        FAIL,
        Reason.ORGANIZATION_REFUSES_TOKEN,
    )


def test_an_anonymous_user_in_a_header_is_nobody() -> None:
    anonymous = (("X-VSS-UserData", f"{r.NOBODY.id}:Anonymous"),)
    made = judge_access(r.CONTOSO, r.reply(401, r.TF400813, r.MARKS, anonymous), r.bare(), r.TODAY)
    assert made.identity is None
    assert made.identity_check.reason is Reason.TOKEN_REJECTED


def test_the_causes_of_a_rejection_are_listed_in_the_order_of_the_facts() -> None:
    detail = judge_access(r.CONTOSO, r.bare(), r.bare(), r.TODAY).identity_check.detail
    order = [
        detail.index(cause) for cause in ("mistyped", "revoked", "another organization", "90 days")
    ]
    assert order == sorted(order)
    assert "announced" not in detail


ALL, ONE, NOT_KNOWN = Reach.ALL, Reach.ORGANIZATION, Reach.UNKNOWN
OVER, AHEAD = date(2026, 11, 20), date(2027, 4, 1)
DAY = date(2026, 12, 1)
MARKED = {
    "expired": "has expired",
    "retired": "the end of global tokens for 2026-12-01",
    "mistyped": "mistyped",
    "revoked": "revoked",
    "policy": "token policy",
    "elsewhere": "another organization",
    "inactive": "90 days",
}
# what was known of the token · today · the causes in order · the one that is called most likely
LIKELY = {
    "never seen, before": (
        TokenHistory(),
        date(2026, 11, 30),
        "mistyped revoked elsewhere inactive",
        "",
    ),
    "never seen, on the day": (
        TokenHistory(),
        DAY,
        "mistyped revoked retired elsewhere inactive",
        "",
    ),
    "never seen, its end given": (
        TokenHistory(expires=OVER),
        DAY,
        "expired mistyped revoked retired elsewhere inactive",
        "exp",
    ),
    "global, before": (
        TokenHistory(True, ALL, AHEAD),
        date(2026, 11, 30),
        "revoked policy inactive",
        "",
    ),
    "global, on the day": (
        TokenHistory(True, ALL, AHEAD),
        DAY,
        "retired revoked policy inactive",
        "retired",
    ),
    "global, long after": (
        TokenHistory(True, ALL, AHEAD),
        date(2027, 3, 1),
        "retired revoked policy inactive",
        "retired",
    ),
    "global, no end on record": (
        TokenHistory(True, ALL),
        DAY,
        "retired revoked expired policy inactive",
        "retired",
    ),
    "global, its end is over": (
        TokenHistory(True, ALL, OVER),
        DAY,
        "expired retired revoked policy inactive",
        "expired",
    ),
    "of one organization": (TokenHistory(True, ONE, AHEAD), DAY, "revoked policy inactive", ""),
    "reach never known": (
        TokenHistory(True, NOT_KNOWN, AHEAD),
        DAY,
        "revoked policy retired inactive",
        "",
    ),
    "its last day": (TokenHistory(True, ONE, DAY), DAY, "revoked policy inactive", ""),
}


@pytest.mark.parametrize("row", LIKELY)
def test_the_likeliest_cause_comes_first_and_none_is_certain(row: str) -> None:
    past, today, order, likely = LIKELY[row]
    check = judge_access(
        r.CONTOSO, r.bare(), r.bare(), replace(r.TODAY, today=today), history=past
    ).identity_check
    assert (check.status, check.reason, check.exit_code) == (FAIL, Reason.TOKEN_REJECTED, 4)
    told = {
        cause: check.detail.index(words) for cause, words in MARKED.items() if words in check.detail
    }
    assert sorted(told, key=told.__getitem__) == order.split()
    assert check.detail.count("most likely") == (1 if likely else 0)
    if likely:
        assert check.detail.index("most likely") < min(told.values())
        assert order.startswith(likely)
    assert "Possible causes: " in check.detail
    assert ("Copy it again" in str(check.remedy)) is not past.was_good


@pytest.mark.parametrize("end", [None, date(2027, 6, 30)])
def test_where_the_day_has_not_come_nothing_has_stopped(end: date | None) -> None:
    calendar = replace(r.TODAY, today=date(2026, 12, 2), global_end=end)
    detail = judge_access(
        r.CONTOSO, r.bare(), r.bare(), calendar, history=TokenHistory(True, ALL)
    ).identity_check.detail
    assert "stopped" not in detail
    assert "most likely" not in detail


def test_a_server_hears_nothing_of_retirement_or_of_ninety_days() -> None:
    after = replace(r.TODAY, today=date(2027, 1, 1))
    check = judge_access(r.COLLECTION, r.bare(), None, after).identity_check
    assert check.reason is Reason.TOKEN_REJECTED
    assert "2026" not in check.detail
    assert "90 days" not in check.detail
    assert "another collection" in check.detail


def test_evidence_shows_no_header_and_no_body() -> None:
    first: Reply = r.reply(401, r.TF400813, r.MARKS, r.USER)
    [line] = judge_access(r.CONTOSO, first, r.bare(), r.TODAY).access_check.evidence
    assert (line.method, line.url, line.status, line.activity_id) == (
        "GET",
        r.CALL.url,
        401,
        r.MARKS[0][1],
    )
    assert r.ME.account not in repr(line)


@pytest.mark.parametrize(
    ("marks", "who"), [((), None), (r.USER, r.ME.account)], ids=["nameless", "named in a header"]
)
def test_a_server_that_lists_its_collections_shows_a_token_alive(
    marks: tuple[tuple[str, str], ...], who: str | None
) -> None:
    """A collection that refuses it is closed to its owner; the token is not called wrong."""
    listed = r.reply(200, "{}", r.MARKS, marks, answer=Names(("DefaultCollection",)))
    made = judge_access(r.COLLECTION, r.bare(), listed, r.TODAY)
    assert (made.access_check.status, made.access_check.reason) == (
        Status.FAIL,
        Reason.ORGANIZATION_REFUSES_TOKEN,
    )
    assert "polic" not in f"{made.access_check.detail}{made.access_check.remedy}"
    assert (made.is_rejected, made.is_accepted_somewhere) == (False, who is not None)
    assert (made.identity.account if made.identity else None) == who


def test_whom_another_collection_named_is_known_though_the_list_of_collections_names_nobody() -> (
    None
):
    listed = r.reply(200, "{}", r.MARKS, answer=Names(("DefaultCollection",)))
    made = judge_access(r.COLLECTION, r.bare(), listed, r.TODAY, r.ME)
    assert made.identity == r.ME
    assert made.is_accepted_somewhere
    assert (made.access_check.status, made.access_check.reason) == (
        FAIL,
        Reason.ORGANIZATION_REFUSES_TOKEN,
    )


def test_an_account_that_the_document_does_not_tell_is_read_from_the_header() -> None:
    nameless = Identity(r.ME.id, r.ME.name)
    made = judge_access(r.CONTOSO, r.connection_data(nameless), r.bare(), r.TODAY)
    assert made.identity == r.ME
    told = Identity(r.ME.id, r.ME.name, "other@contoso.example")
    assert judge_access(r.CONTOSO, r.connection_data(told), r.bare(), r.TODAY).identity == told


@pytest.mark.parametrize(
    "challenges",
    [
        ("Negotiate", "NTLM"),
        ("Negotiate, NTLM",),
        ("Bearer", "Negotiate", "NTLM", 'Basic realm="tfs.corp.example"'),
        ('Bearer, Negotiate, NTLM, Basic realm="tfs.corp.example"',),
    ],
)
def test_iis_refuses_by_challenges_that_are_not_of_azure_devops(
    challenges: tuple[str, ...],
) -> None:
    headers = tuple(("WWW-Authenticate", value) for value in challenges)
    first = replace(
        r.reply(401, r.NO_ANONYMOUS, r.MARKS, r.JSON, headers),
        call=replace(r.CALL, url="https://tfs.example.test/tfs/DefaultCollection/_apis/x"),
    )
    check = judge_access(r.COLLECTION, first, None, r.TODAY).access_check
    assert (check.status, check.reason) == (Status.UNKNOWN, Reason.SERVER_SIGN_IN_SETUP)
    assert "disable IIS Basic authentication" in str(check.remedy)


def test_why_an_organization_was_switched_off_is_told_where_the_service_tells_it() -> None:
    """At the access, and at one probe or another host that answers so."""
    reason = "Its administrators' reason: “It wasn't used[31m for {a year}”."
    because = r.reply(503, r.STOPPED_BECAUSE, r.JSON)
    access = judge_access(r.CONTOSO, because, None, r.TODAY).access_check
    assert access.detail.endswith(f"disabled (TF24668). {reason}")
    assert inconclusive(CheckId.SCOPE_CODE, because).detail.endswith(
        f"disabled (TF24668). {reason}"
    )
    assert switched_off(r.reply(503, r.STOPPED, r.JSON)) == ""
    in_header = r.reply(
        503, "", (("X-TFS-ServiceError", "TF24668%3A+x.+Administrator+Reason%3A+Unpaid."),)
    )
    assert switched_off(in_header) == " Its administrators' reason: “Unpaid”."


@pytest.mark.parametrize(
    ("where", "location", "says", "asks"),
    [
        (
            "tfs.example.test",
            "https://devops.example.test/tfs",
            "to devops.example.test",
            "new URL",
        ),
        ("tfs.example.test:8080", "/devops/Main", "to another path of the same host", "new URL"),
        ("dev.azure.com", "https://sso.example.test/?t=1", "to sso.example.test", "Check for a"),
    ],
)
def test_a_redirect_is_named_and_not_followed(
    where: str, location: str, says: str, asks: str
) -> None:
    call = Call("GET", f"https://{where}/tfs/Main/_apis/connectionData")
    moved = Reply(call, 302, (("Location", location),))
    check = inconclusive(CheckId.ACCESS, moved)
    assert (check.status, check.reason) == (UNKNOWN, Reason.NOT_AZURE_DEVOPS)
    assert says in check.detail
    assert asks in str(check.remedy)
    assert "t=1" not in check.detail


def test_an_answer_is_classified_once_however_many_rules_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[r.Reply] = []
    once = classify_module._kind_of
    monkeypatch.setattr(classify_module, "_kind_of", lambda one: looked.append(one) or once(one))
    wide = r.reply(401, "", r.MARKS)
    access = judge_access(r.CONTOSO, r.connection_data(), wide, r.TODAY)
    judge_access(r.CONTOSO, wide, wide, r.TODAY)
    assert access.is_accepted
    assert len(looked) == len({id(one) for one in looked}) == 2
    assert wide == r.reply(401, "", r.MARKS), "a verdict is no part of the answer"
