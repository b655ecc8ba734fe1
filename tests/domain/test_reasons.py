"""The public table of reasons, and the exit code as a function of the report."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import DaySource
from aspm_ado.domain.reasons import CheckId, ExitCode, Problem, Reason, Status, UserError, Verdict
from aspm_ado.domain.report import (
    NEVER_REQUIRED,
    AspmReport,
    Check,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
    in_order,
    skip,
    verdict_of,
)
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import Registration

GRAVEST_FIRST = (1, 7, 4, 3, 6, 5, 8)
"""The contract, under “Streams and exit codes”."""

CHECKS = [
    "token.format", "token.expiry", "identity", "organization.access", "reach", "scope.code", "scope.work",
    "scope.identity", "scope.profile", "scope.project", "scope.full-access", "clone.token", "clone.username",
    "aspm.registration", "aspm.reachable", "aspm.token", "aspm.projects", "store.secrets",
]  # fmt: skip
"""The contract, under “The report”, in its order."""

# One reason for each thing that the contract's table names.
CODES = {
    0: ["reach-global-ends", "not-asked", "not-provable", "full-access-by-parts", "clone-needs-username"],
    1: ["internal-error"],
    2: ["usage", "input-missing", "input-invalid", "url-invalid", "token-empty", "token-malformed", "token-is-entra",
        "variable-not-expanded", "file-unreadable", "file-not-private", "nothing-stored", "http-refused"],
    3: ["code-scope-missing", "work-scope-missing", "identity-scope-missing", "profile-scope-missing",
        "project-scope-missing", "full-access-missing", "reach-organization-only", "not-a-member",
        "organization-absent", "organization-deactivated", "organization-refuses-token", "clone-failed",
        "repository-absent", "organizations-not-listed"],
    4: ["token-gone", "token-rejected", "token-expired", "token-anonymous", "aspm-token-rejected"],
    5: ["name-unresolved", "unreachable", "tls-untrusted", "tls-wrong-host", "tls-expired", "tls-failed",
        "proxy-failed", "timed-out", "throttled", "service-unavailable", "access-fenced", "not-azure-devops"],
    6: ["aspm-forbidden", "aspm-not-an-api", "aspm-refused"],
    7: ["keyring-absent", "keyring-locked", "keyring-silent", "keyring-not-trusted", "records-locked",
        "records-unreadable", "records-newer"],
    8: ["handed-off"],
    130: ["interrupted"],
}  # fmt: skip


REASONS = Path(str(inspect.getsourcefile(Reason))).read_text("utf-8")
MEANINGS = dict(
    re.findall(
        r'^    ([A-Z_]+) = "[^\n]+\n    \"\"\"([^"]+)\"\"\"$',
        REASONS[REASONS.index("class Reason") :],
        re.MULTILINE,
    )
)


def test_every_reason_is_unique_and_has_a_known_code_and_a_sentence() -> None:
    assert len({reason.value for reason in Reason}) == len(Reason.__members__)
    assert len(set(MEANINGS.values())) == len(Reason.__members__)
    for reason in Reason:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.value)
        assert reason.name == reason.value.upper().replace("-", "_")
        assert isinstance(reason.exit_code, ExitCode)
        assert MEANINGS[reason.name].endswith(".")
        assert Reason(reason.value) is reason


@pytest.mark.parametrize(
    ("code", "reason"), [(code, reason) for code, found in CODES.items() for reason in found]
)
def test_what_the_contract_says_of_each_code(code: int, reason: str) -> None:
    assert Reason(reason).exit_code == code


def test_every_code_of_the_contract_is_there_and_no_other() -> None:
    assert {int(code) for code in ExitCode} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 130}
    assert {int(reason.exit_code) for reason in Reason} == {int(code) for code in ExitCode}


def test_the_ids_of_checks_are_public_and_in_order() -> None:
    assert [check.value for check in CheckId] == CHECKS
    assert {one for one in CheckId if one.title} == set(CheckId)
    assert {check.value for check in NEVER_REQUIRED} == {
        "token.format",
        "token.expiry",
        "clone.username",
    }
    shuffled = [skip(check, "why") for check in reversed(CheckId)]
    assert [check.id for check in in_order(shuffled)] == list(CheckId)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PASS])
def test_a_check_without_a_reason_cannot_be(status: Status) -> None:
    with pytest.raises(ValueError, match="reason"):
        Check(CheckId.REACH, status, "why", remedy="what to do")


@pytest.mark.parametrize("status", [Status.WARN, Status.FAIL])
def test_a_warning_or_a_failure_without_a_remedy_cannot_be(status: Status) -> None:
    with pytest.raises(ValueError, match="remedy"):
        Check(CheckId.REACH, status, "why", Reason.REACH_UNKNOWN)


@pytest.mark.parametrize("check", sorted(NEVER_REQUIRED))
def test_what_informs_never_decides(check: CheckId) -> None:
    made = Check(check, Status.FAIL, "why", Reason.TOKEN_REJECTED, "do", required=True)
    assert not made.required
    assert made.exit_code == 0


@pytest.mark.parametrize(
    ("check", "status", "reason", "required", "code"),
    [
        (CheckId.REACH, Status.FAIL, Reason.REACH_ORGANIZATION_ONLY, True, 3),
        (CheckId.REACH, Status.UNKNOWN, Reason.REACH_UNKNOWN, True, 5),
        (CheckId.REACH, Status.WARN, Reason.REACH_UNKNOWN, True, 0),
        (CheckId.REACH, Status.PARTIAL, Reason.NOT_PROVABLE, True, 0),
        (CheckId.REACH, Status.SKIP, Reason.NOT_ASKED, True, 0),
        (CheckId.REACH, Status.FAIL, Reason.REACH_ORGANIZATION_ONLY, False, 0),
        (CheckId.REGISTRATION, Status.WARN, Reason.HANDED_OFF, True, 8),
        (CheckId.REGISTRATION, Status.WARN, Reason.HANDED_OFF, False, 0),
        (CheckId.REGISTRATION, Status.SKIP, Reason.REGISTRATION_PLANNED, True, 0),
        (CheckId.REGISTRATION, Status.FAIL, Reason.ASPM_REFUSED, True, 6),
    ],
)
def test_what_a_check_counts_as(
    check: CheckId, status: Status, reason: Reason, required: bool, code: int
) -> None:
    assert Check(check, status, "why", reason, "do", required=required).exit_code == code


COUNTING = [reason for reason in Reason if int(reason.exit_code) in GRAVEST_FIRST]
ANY_CHECK = st.builds(
    Check,
    id=st.sampled_from([check for check in CheckId if check is not CheckId.REGISTRATION]),
    status=st.sampled_from([status for status in Status if status is not Status.PASS]),
    detail=st.just("why"),
    reason=st.sampled_from(COUNTING),
    remedy=st.just("do"),
    required=st.booleans(),
)


def report(*groups: list[Check], error: Problem | None = None) -> Report:
    facts = TokenFacts(TokenFormat.V2_84, "Wx9Z")
    whole, aspm, *organizations = groups
    made = tuple(
        OrganizationReport("o", None, facts, tuple(checks), Registration())
        for checks in organizations
    )
    one = ConnectionReport(
        "c",
        Deployment.SERVICES,
        "https://dev.azure.com",
        Purpose.ALM,
        made,
        tuple(whole),
        AspmReport("https://a", "auto", tuple(aspm)),
    )
    return Report("connect", "2026-10-15T00:00:00Z", DaySource.SERVER, (one,), error)


@given(st.lists(st.lists(ANY_CHECK, max_size=4), min_size=3, max_size=4))
def test_the_gravest_wins_within_and_over_organizations(groups: list[list[Check]]) -> None:
    counted = {
        int(check.reason.exit_code)
        for group in groups
        for check in group
        if check.required and check.reason and check.status in (Status.FAIL, Status.UNKNOWN)
    }
    made = report(*groups)
    assert int(made.exit_code) == next((code for code in GRAVEST_FIRST if code in counted), 0)
    assert made.verdict is verdict_of(
        made.exit_code, warned=any(one.status is Status.WARN for g in groups for one in g)
    )


@pytest.mark.parametrize("code", [2, 130])
@given(group=st.lists(ANY_CHECK, max_size=4))
def test_usage_and_interruption_end_the_run_whatever_was_proven(
    code: int, group: list[Check]
) -> None:
    reason = next(reason for reason in Reason if reason.exit_code == code)
    assert report(group, [], group, error=Problem(reason, "what", "do")).exit_code == code


VERDICTS = {
    0: Verdict.READY, 1: Verdict.UNKNOWN, 2: Verdict.UNKNOWN, 3: Verdict.NOT_READY, 4: Verdict.NOT_READY,
    5: Verdict.UNKNOWN, 6: Verdict.NOT_READY, 7: Verdict.NOT_READY, 8: Verdict.READY_WITH_WARNINGS,
    130: Verdict.UNKNOWN,
}  # fmt: skip


@pytest.mark.parametrize("code", ExitCode)
def test_the_verdict_is_the_code_in_a_word(code: ExitCode) -> None:
    assert verdict_of(code) is VERDICTS[int(code)]
    assert verdict_of(code, warned=True) is (
        Verdict.READY_WITH_WARNINGS if code == 0 else VERDICTS[int(code)]
    )


def test_an_error_carries_the_code_of_its_reason() -> None:
    error = UserError(Reason.KEYRING_LOCKED, "It is locked.", remedy="Unlock it.")
    assert error.exit_code == 7
    assert Problem.of(error) == Problem(Reason.KEYRING_LOCKED, "It is locked.", "Unlock it.")


def test_an_organization_is_good_only_when_something_was_proven() -> None:
    facts = TokenFacts(TokenFormat.V2_84, "Wx9Z")
    who = Check(CheckId.IDENTITY, Status.PASS, "Ada")
    assert OrganizationReport("o", None, facts, (who,)).is_good
    assert not OrganizationReport("o", None, facts, ()).is_good
    assert not OrganizationReport("o", None, facts, (skip(CheckId.IDENTITY, "why"),)).is_good
    bad = Check(CheckId.REACH, Status.UNKNOWN, "why", Reason.REACH_UNKNOWN, "do")
    assert not OrganizationReport("o", None, facts, (who, bad)).is_good
    waiting = Check(CheckId.REGISTRATION, Status.WARN, "later", Reason.HANDED_OFF, "do")
    assert OrganizationReport("o", None, facts, (who, waiting)).is_good
