"""The git rows of the decision table: with the token alone, and with a username beside it."""

from __future__ import annotations

import pytest

from aspm_ado.domain.documents import Repository
from aspm_ado.domain.http import Reply
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.rules.clone import (
    CloneOutcome,
    clone_inconclusive,
    clone_outcome,
    clone_refused,
    clone_skipped,
    judge_clone,
    with_sign_in,
)

from . import replies as r

PASS, WARN, FAIL, UNKNOWN, SKIP = Status.PASS, Status.WARN, Status.FAIL, Status.UNKNOWN, Status.SKIP
ADVERTISED = (("Content-Type", "application/x-git-upload-pack-advertisement"),)
FIRST = "001e# service=git-upload-pack\n0000"
READ = r.reply(200, FIRST, r.MARKS, ADVERTISED)
REFUSED = r.bare()
ABSENT = r.reply(404, '{"message":"TF401019: The Git repository does not exist"}', r.MARKS, r.USER)
UNHEARD = r.silence()
V2 = "000eversion 2\n000cls-refs\n0000"
DUMB = r.reply(200, f"{'a1' * 20}\trefs/heads/main\n", (("Content-Type", "text/plain"),))
NO_OBJECT = f"00a3{'0' * 40} capabilities^{{}}\0 side-band-64k\n0000"

ANSWERS = {
    "pkt-line": (READ, CloneOutcome.READ),
    "other letters in the type": (
        r.reply(
            200,
            FIRST,
            (("Content-Type", "Application/X-Git-Upload-Pack-Advertisement; charset=utf-8"),),
        ),
        CloneOutcome.READ,
    ),
    "200 of another type": (r.reply(200, FIRST, r.MARKS, r.JSON), CloneOutcome.INCONCLUSIVE),
    "200 without the line": (r.reply(200, "0000", r.MARKS, ADVERTISED), CloneOutcome.INCONCLUSIVE),
    "an error packet": (
        r.reply(200, f"{FIRST}001bERR TF401019: absent", ADVERTISED),
        CloneOutcome.REFUSED,
    ),
    "400": (r.reply(400, "TF401041", r.MARKS), CloneOutcome.INCONCLUSIVE),
    "404 page of Azure DevOps": (r.reply(404, r.PAGE, r.MARKS, r.HTML), CloneOutcome.REFUSED),
    "a long answer, cut": (r.reply(200, FIRST + "0" * 4000, ADVERTISED), CloneOutcome.READ),
    "version 2, unasked": (r.reply(200, V2, ADVERTISED), CloneOutcome.INCONCLUSIVE),
    "a dumb server": (DUMB, CloneOutcome.INCONCLUSIVE),
    "401": (REFUSED, CloneOutcome.REFUSED),
    "401 TF400813": (r.reply(401, r.TF400813, r.MARKS, r.USER), CloneOutcome.REFUSED),
    "403": (r.reply(403, '{"message":"TF401027"}', r.MARKS, r.USER), CloneOutcome.REFUSED),
    "404": (ABSENT, CloneOutcome.REFUSED),
    "203 of Azure DevOps": (r.reply(203, r.PAGE, r.MARKS, r.HTML), CloneOutcome.REFUSED),
    "302 of Azure DevOps": (r.reply(302, "", r.MARKS), CloneOutcome.REFUSED),
    "203 of a portal": (r.reply(203, r.PAGE, r.HTML), CloneOutcome.INCONCLUSIVE),
    "200 page of a portal": (r.reply(200, r.PAGE, r.HTML), CloneOutcome.INCONCLUSIVE),
    "429": (r.reply(429, "", r.MARKS), CloneOutcome.INCONCLUSIVE),
    "503": (r.reply(503, r.PAGE, r.HTML), CloneOutcome.INCONCLUSIVE),
    "timeout": (UNHEARD, CloneOutcome.INCONCLUSIVE),
}


@pytest.mark.parametrize("row", ANSWERS)
def test_one_way_of_reading(row: str) -> None:
    reply, kind = ANSWERS[row]
    assert clone_outcome(reply) is kind


# alone · with the username · named by a person · clone.token · clone.username · exit code
ROWS = [
    (READ, None, False, (PASS, None), (SKIP, Reason.NO_USERNAME), 0),
    (READ, READ, False, (PASS, None), (PASS, None), 0),
    (READ, REFUSED, False, (PASS, None), (WARN, Reason.CLONE_USERNAME_FAILED), 0),
    (READ, UNHEARD, False, (PASS, None), (UNKNOWN, Reason.TIMED_OUT), 0),
    (REFUSED, READ, False, (WARN, Reason.CLONE_NEEDS_USERNAME), (PASS, None), 0),
    (ABSENT, READ, True, (WARN, Reason.CLONE_NEEDS_USERNAME), (PASS, None), 0),
    (REFUSED, None, False, (FAIL, Reason.CLONE_FAILED), (SKIP, Reason.NO_USERNAME), 3),
    (REFUSED, REFUSED, False, (FAIL, Reason.CLONE_FAILED), (FAIL, Reason.CLONE_FAILED), 3),
    (REFUSED, None, True, (FAIL, Reason.CLONE_FAILED), (SKIP, Reason.NO_USERNAME), 3),
    (REFUSED, REFUSED, True, (FAIL, Reason.CLONE_FAILED), (FAIL, Reason.CLONE_FAILED), 3),
    (ABSENT, ABSENT, False, (FAIL, Reason.CLONE_FAILED), (FAIL, Reason.CLONE_FAILED), 3),
    (ABSENT, ABSENT, True, (FAIL, Reason.REPOSITORY_ABSENT), (SKIP, Reason.NOT_ASKED), 3),
    (ABSENT, None, True, (FAIL, Reason.REPOSITORY_ABSENT), (SKIP, Reason.NOT_ASKED), 3),
    (UNHEARD, None, False, (UNKNOWN, Reason.TIMED_OUT), (SKIP, Reason.NO_USERNAME), 5),
    (UNHEARD, UNHEARD, False, (UNKNOWN, Reason.TIMED_OUT), (UNKNOWN, Reason.TIMED_OUT), 5),
    (UNHEARD, READ, False, (UNKNOWN, Reason.TIMED_OUT), (PASS, None), 5),
    (REFUSED, UNHEARD, False, (UNKNOWN, Reason.TIMED_OUT), (UNKNOWN, Reason.TIMED_OUT), 5),
]


@pytest.mark.parametrize(("alone", "named", "asked_for", "token", "user", "code"), ROWS)
def test_both_ways(
    alone: Reply, named: Reply | None, asked_for: bool, token: object, user: object, code: int
) -> None:
    repository = Repository("1", "checkout api", "Payments")
    first, second = judge_clone(
        repository, alone, named, "ada" if named else "", asked_for=asked_for
    )
    assert (first.status, first.reason) == token
    assert (second.status, second.reason) == user
    assert max(first.exit_code, second.exit_code) == code
    assert first.required
    assert not second.required


SENTENCES = [
    (DUMB, "like a plain file server", Reason.NOT_AZURE_DEVOPS),
    (r.reply(200, V2, ADVERTISED), "in version 2 of git's protocol", Reason.NOT_AZURE_DEVOPS),
    (r.reply(200, FIRST + V2, ADVERTISED), "It answers in version 2", None),
    (r.reply(200, FIRST + NO_OBJECT, ADVERTISED), "It is empty", None),
    (r.reply(200, FIRST + "0000", ADVERTISED), "It is empty", None),
    (r.reply(401, r.NO_ANONYMOUS, r.MARKS), "as anonymous", Reason.CLONE_FAILED),
    (r.reply(203, r.PAGE, r.MARKS, r.HTML), "as anonymous", Reason.CLONE_FAILED),
]


@pytest.mark.parametrize(("reply", "words", "reason"), SENTENCES)
@pytest.mark.parametrize("asked_for", [False, True])
def test_each_answer_has_its_own_sentence(
    reply: Reply, words: str, reason: Reason | None, asked_for: bool
) -> None:
    token, _ = judge_clone(Repository("1", "web", "Shop"), reply, None, "", asked_for=asked_for)
    assert words in token.detail
    assert token.reason is reason


def test_a_refusal_of_a_person_is_no_anonymous_one_and_content_is_no_emptiness() -> None:
    refused = r.reply(403, '{"message":"TF401027"}', r.MARKS, r.USER)
    full = r.reply(200, f"{FIRST}00a3{'a1' * 20} HEAD\0multi_ack\n", ADVERTISED)
    for reply in (refused, READ, full):
        token, _ = judge_clone(Repository("1", "web", "Shop"), reply, None, "", asked_for=True)
        assert "anonymous" not in token.detail
        assert "empty" not in token.detail


BASIC = ("WWW-Authenticate", 'Basic realm="https://tfs.example.test/tfs"')
OFFERS = [
    (((BASIC), ("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")), WARN),
    (((BASIC), ("www-authenticate", "ntlm")), WARN),
    ((("WWW-Authenticate", 'Bearer, Basic realm="http://a, b", Negotiate, NTLM'),), WARN),
    ((("WWW-Authenticate", "Negotiate oYG2MIGz"), BASIC), WARN),
    ((("WWW-Authenticate", "Negotiate"),), WARN),
    ((BASIC, ("WWW-Authenticate", "Bearer"), ("WWW-Authenticate", "TFS-Federated")), PASS),
    ((("WWW-Authenticate", 'Basic realm="NTLM, Negotiate"'),), PASS),
]


@pytest.mark.parametrize(("challenges", "status"), OFFERS)
@pytest.mark.parametrize("marks", [(), r.MARKS])
def test_git_may_fail_where_windows_sign_in_is_offered(
    challenges: tuple[tuple[str, str], ...], status: Status, marks: tuple[tuple[str, str], ...]
) -> None:
    _, passed = judge_clone(Repository("1", "web", "Shop"), READ, READ, "ada", asked_for=True)
    judged = with_sign_in(passed, r.reply(401, "", marks, challenges))
    assert (judged.status, judged.exit_code) == (status, 0)
    if status is WARN:
        assert judged.reason is Reason.CLONE_NEEDS_HEADER
        assert judged.detail.startswith(passed.detail)
        assert "git 2.39.5" in judged.detail
        assert "http.extraHeader" in str(judged.remedy)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(READ, PASS), (UNHEARD, UNKNOWN), (r.reply(503, ""), UNKNOWN), (r.reply(302, ""), UNKNOWN)],
)
def test_without_a_question_for_credentials_nothing_is_said_of_git(
    answer: Reply, status: Status
) -> None:
    _, passed = judge_clone(Repository("1", "web", "Shop"), READ, READ, "ada", asked_for=True)
    assert with_sign_in(passed, answer).status is status


def test_it_proves_this_machine_and_the_remedy_carries_the_username() -> None:
    repository = Repository("1", "checkout api", "Payments")
    passed, _ = judge_clone(repository, READ, None, "", asked_for=False)
    assert passed.detail.startswith("This machine could read Payments/checkout api")
    warned, _ = judge_clone(repository, REFUSED, READ, "aspm-scanner", asked_for=False)
    assert "aspm-scanner" in str(warned.remedy)


def test_where_there_is_nothing_to_try() -> None:
    for check in clone_skipped("No repository.", Reason.NO_REPOSITORY):
        assert (check.status, check.reason, check.exit_code) == (SKIP, Reason.NO_REPOSITORY, 0)
    token, user = clone_inconclusive(r.silence())
    assert (token.id, token.status, token.exit_code) == (CheckId.CLONE_TOKEN, UNKNOWN, 5)
    assert user.status is SKIP


def test_a_list_that_is_refused_is_no_silence_of_the_service() -> None:
    token, user = clone_inconclusive(r.bare())
    assert (token.status, token.reason, token.exit_code) == (UNKNOWN, Reason.PERMISSION_UNCLEAR, 5)
    assert "401" in token.detail
    assert user.status is SKIP


def test_repositories_that_may_not_be_looked_at_cannot_be_cloned() -> None:
    token, user = clone_refused(r.reply(403, '{"message":"TF401027"}', r.MARKS, r.USER))
    assert (token.status, token.reason, token.exit_code) == (FAIL, Reason.CLONE_FAILED, 3)
    assert "Stakeholder" in str(token.remedy)
    assert user.status is SKIP
