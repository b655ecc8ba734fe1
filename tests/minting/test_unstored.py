"""A created token that is stored nowhere: Invicti ASPM has it in the end, or it is revoked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.domain.reasons import InterruptedByUserError, NotCreatedError, Reason, UsageError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.tokens.creation import revoking_unkept

from ..aspm.stand import ASPM, Desk, Person, by_profile, check

GIVEN = {"store": "none", "register": "guided", "aspm_url": ASPM, "aspm_token_file": "aspm"}
PROFILE = {name: by_profile()[name] for name in ("register", "registration_profile")}
STOP = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")


def run(here, person=None, **given):
    context = here.context({**GIVEN, **given}, person)
    with revoking_unkept(context):
        return connect(context, None)


def person(**answers):
    return Person(token_how="az", create=True, another=False, **{"go": True, **answers})


def living(here) -> int:
    return len([one for one in here.made if not one.revoked])


@pytest.mark.parametrize(
    ("answers", "register", "lives", "code"),
    [
        ({"handoff": "saved"}, "guided", 1, 0),
        ({"handoff": ["copy", "saved"]}, "guided", 1, 0),
        ({"handoff": "later"}, "guided", 0, 0),
        ({"handoff": "later"}, "auto", 0, 8),
        ({"handoff": "refused"}, "guided", 0, 6),
    ],
)
def test_only_what_invicti_aspm_has_is_left_alive(desk, answers, register, lives, code):
    here = desk()
    report = run(here, person(**answers), register=register)
    assert (len(here.made), living(here)) == (1, lives)
    assert int(report.exit_code) == code
    assert ("was not stored. aspm-ado revoked it" in here.said) == (not lives)
    assert "revokes it unless you answer “Saved: Invicti ASPM accepted it”" in here.said
    made = check(report, "aspm.registration")
    assert "handoff" not in f"{made.detail} {made.remedy} {made.next}"
    if not lives:
        assert made.detail.endswith("The token is stored nowhere, so aspm-ado revokes it.")
        assert made.remedy.endswith("run: aspm-ado connect")


def test_a_clipboard_that_fails_leaves_only_later(desk):
    here = desk()
    here.stand.desk = Desk(None)
    here.stand.desk.__class__ = type("Failing", (Desk,), {"can_copy": True})
    run(here, person(handoff=["copy", "later"]))
    assert "answer “Later”: aspm-ado then revokes the token" in here.said
    assert living(here) == 0


def test_a_stop_in_the_hand_off_revokes_what_is_not_saved(desk):
    here = desk()
    with pytest.raises(InterruptedByUserError):
        run(here, person(handoff=STOP))
    assert (len(here.made), living(here)) == (1, 0)


@pytest.mark.parametrize("given", [{"register": "none"}, {}, PROFILE | {"register": "guided"}])
@pytest.mark.parametrize("asks", [True, False])
def test_without_a_way_to_hand_it_over_nothing_is_created(desk, given, asks):
    here = desk()
    if given.get("register") != "none":
        here.stand.desk = Desk(None)
    with pytest.raises(NotCreatedError) as caught:
        run(here, person() if asks else None, create_token="require", yes="true", **given)
    assert "--store none" in caught.value.problem
    assert (here.az.calls, here.made) == ([], [])


@pytest.mark.parametrize(("state", "lives"), [("registered", 1), ("unknown", 1), ("none", 0)])
def test_a_profile_is_a_way_without_a_person(desk, state, lives):
    here = desk()
    here.stand.desk = Desk(None)
    registers = {"registered": "yes", "unknown": "never-arrives", "none": "no"}[state]
    simulator = here.stand.simulator
    aspm = replace(simulator.world.aspm, registers=registers)
    simulator.become(replace(simulator.world, aspm=aspm))
    report = run(here, create_token="require", yes="true", **PROFILE)
    [made] = report.connections[0].organizations
    assert made.registration.state == state
    assert (len(here.made), living(here)) == (1, lives)
    assert "handoff" not in str(check(report, "aspm.registration").remedy)


def test_a_token_that_was_given_is_never_revoked(desk):
    here = desk()
    run(here, person(handoff="later"), pat_file="pat", pat_expires="2027-01-13", reach="all")
    assert here.asked("DELETE") == []
    assert "revoke" not in here.said


def test_a_token_that_is_stored_is_never_revoked_by_later(desk):
    here = desk()
    for answer in ("later", "refused"):
        run(here, person(handoff=answer), store="keyring")
        assert living(here) == len(here.made) == 1
        here = desk()


def test_a_no_at_the_plan_revokes_what_was_created(desk):
    here = desk()
    with pytest.raises(UsageError) as caught:
        run(here, person(go=False), register="guided")
    assert caught.value.reason is Reason.DECLINED
    assert (len(here.made), living(here)) == (1, 0)
    assert "was not stored. aspm-ado revoked it" in here.said
