"""The table of ``aspm.registration`` against the places that decide it, where one of them decides a combination alone.

Whether a refusal counts is left out: a person's refusal is not required here under ``--register guided``, though the
contract says so.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from aspm_ado.domain.connection import Proof, Registration, RegistrationMode, RegistrationState
from aspm_ado.flows.handing.delivery import waiting_check
from aspm_ado.flows.handing.handoff import behind_aspm, registration_check

from .registration_table import Case, cases, expected


def registration(text: str) -> Registration:
    mode, state, proof = text.split()
    return Registration(RegistrationMode(mode), RegistrationState(state), Proof(proof))


def decided(case: Case):
    """The check, or ``None`` where the flows put it together themselves."""
    if case.token == "waits" and case.said_by == "person":
        item = SimpleNamespace(successor="key", connection="NAME")
        return replace(waiting_check(item, registration(case.answer)), required=case.required)
    if case.token != "in-force" or case.said_by == "api":
        return None
    if case.aspm == "bad":
        return replace(behind_aspm("NAME"), required=case.required)
    return registration_check(
        registration(case.answer or case.record),
        "NAME",
        required=case.required,
        stored=case.stored,
        brought=case.brought,
    )


def test_every_combination_that_one_place_decides() -> None:
    held = 0
    for case in cases():
        check, wanted = decided(case), expected(case)
        if check is None:
            continue
        held += 1
        assert (check.status.value, check.reason.value if check.reason else "") == (wanted.status, wanted.reason), case
        assert all(words in check.detail for words in wanted.detail), case
        assert all(words in (check.remedy or "") for words in wanted.remedy), case
        if "refused" not in wanted.reason:
            assert check.required is wanted.required, case
    assert held == 238
