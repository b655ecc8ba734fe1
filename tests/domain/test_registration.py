"""The judge of ``aspm.registration`` against the table of all combinations."""

from __future__ import annotations

import pytest

from aspm_ado.domain.aspm.registration import (
    NewToken,
    RegistrationFacts,
    in_doubt,
    judge_registration,
)
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import Check, Command
from aspm_ado.domain.stored import Proof, Registration, RegistrationMode, RegistrationState

from .registration_table import ROWS, Case, Expected, cases, expected

TOKENS = {
    "in-force": NewToken.IN_FORCE,
    "waits": NewToken.WAITS,
    "not-good": NewToken.NOT_GOOD,
    "missing": NewToken.MISSING,
}
OUTCOMES = {
    "pass": Check(CheckId.REGISTRATION, Status.PASS, "Made."),
    "fail": Check(
        CheckId.REGISTRATION, Status.FAIL, "Not made.", Reason.REGISTRATION_CONFLICT, "Look at it."
    ),
    "unknown": Check(
        CheckId.REGISTRATION, Status.UNKNOWN, "Perhaps.", Reason.TIMED_OUT, "Ask again."
    ),
}


def registration(text: str) -> Registration:
    mode, state, proof = text.split()
    return Registration(RegistrationMode(mode), RegistrationState(state), Proof(proof))


def judged(case: Case) -> Check:
    return judge_registration(
        RegistrationFacts(
            "NAME",
            "contoso",
            registration(case.record),
            registration(case.answer) if case.answer else None,
            TOKENS[case.token],
            OUTCOMES.get(case.outcome),
            aspm_is_good=case.aspm == "good",
            brought=case.brought,
            stored=case.stored,
            required=case.required,
        )
    )


def fits(check: Check, wanted: Expected, case: Case) -> bool:
    """Whether the check says what the table does; what came with an answer of the API, unchanged."""
    if check.required is not wanted.required or check.status.value != wanted.status:
        return False
    if wanted.reason == "=":
        came = OUTCOMES[case.outcome]
        return (check.detail, check.reason, check.remedy) == (came.detail, came.reason, came.remedy)
    return (
        (check.reason.value if check.reason else "") == wanted.reason
        and all(words in check.detail for words in wanted.detail)
        and all(words in (check.remedy or "") for words in wanted.remedy)
    )


def test_every_combination_has_one_row_and_every_row_a_combination() -> None:
    every = list(cases())
    assert len(every) == len(set(every)) == 654
    assert {sum(row.applies(case) for row in ROWS) for case in every} == {1}
    assert all(any(row.applies(case) for case in every) for row in ROWS)


@pytest.mark.parametrize("token", TOKENS)
def test_the_judge_says_what_the_table_says(token: str) -> None:
    mine = [case for case in cases() if case.token == token]
    wrong = [
        (case, check) for case in mine if not fits(check := judged(case), expected(case), case)
    ]
    assert not wrong, f"{len(wrong)} of {len(mine)}; the first: {wrong[0]}"


def test_a_remedy_with_a_command_ends_with_the_next_command() -> None:
    """A command is data. Where nothing is stored, it has no name of a connection."""
    for case in cases():
        check = judged(case)
        if "aspm-ado" in (check.remedy or ""):
            assert isinstance(check.next, Command)
            command = check.next.text("NAME") if case.stored else "aspm-ado connect"
            assert str(check.remedy).endswith(f"run: {command}"), case


@pytest.mark.parametrize("stored", [True, False])
def test_what_the_api_left_in_doubt_leads_on_by_the_same_rule(stored: bool) -> None:
    outcome = in_doubt("marker", readable=True)
    facts = RegistrationFacts("NAME", "contoso", outcome=outcome.check, stored=stored)
    remedy = str(judge_registration(facts).remedy)
    assert "aspm-ado" not in str(outcome.check and outcome.check.remedy)
    assert remedy.endswith("run: aspm-ado handoff NAME" if stored else "run: aspm-ado connect")
