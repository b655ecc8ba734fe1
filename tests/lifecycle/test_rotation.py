"""A new token for an old one: whatever goes wrong, a working and truthful state, and the contract's exit code."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest

from aspm_ado.domain.reasons import (
    InterruptedByUserError,
    Reason,
    Status,
    StoreError,
    UsageError,
    UserError,
)
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.ticket import responsibilities
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.rotate import rotate, rotate_aspm
from aspm_ado.flows.storage.transaction import update_entry
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import samples

from .faults import Faulty
from .machine import (
    ASPM,
    NEW,
    OLD_TOKEN,
    PAT,
    TOKEN,
    Machine,
    Person,
    asked,
    by_profile,
    check,
    codes,
)

STOP = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")


@pytest.fixture
def here(machine) -> Machine:
    """Two organizations share one token, and Invicti ASPM has it and shows it."""
    made = machine(aspm={"registers": "yes", "alm_tools": ("azurecloud",)})
    given = asked("contoso", "fabrikam", register="guided")
    connect(made.context(given, Person(handoff="saved", go=True)), None)
    return made


def with_new(here, organizations=(), person=None, *, file="new", **given):
    return rotate(here.context({"pat_file": file, **given}, person), "contoso", organizations)


def tokens(here) -> tuple[str, str, list[str]]:
    """In force for contoso and for fabrikam, and those that wait."""
    return here.in_force("contoso"), here.in_force("fabrikam"), here.waiting()


def untouched(here) -> bool:
    return tokens(here) == (PAT, PAT, [])


def test_proven_handed_over_and_swapped(here):
    report = with_new(here, person=Person(handoff="saved"))
    assert int(report.exit_code) == 0
    assert tokens(here) == (NEW, NEW, [])
    said = here.stand.voice.text
    assert (
        "This connection no longer uses the old token (…Rdy1). Revoke it: "
        "https://dev.azure.com/contoso/_users" in said
    )
    here.assert_tidy()
    assert int(validate_stored(here.context(), []).exit_code) == 0


def test_another_person(here):
    report = with_new(here, file="graces")
    assert (int(report.exit_code), codes(report)) == (3, {"other-identity"})
    assert "Grace Example" in check(report, "identity").detail
    assert "Ada Example" in check(report, "identity").detail
    assert [one.token_is_accepted for one in responsibilities(report.connections[0])] == [True], (
        "Azure DevOps takes it"
    )
    assert untouched(here)
    here.assert_tidy()
    report = with_new(here, file="graces", allow_other_identity="true", register="none")
    assert int(report.exit_code) == 0
    assert here.in_force() not in (PAT, NEW)


def test_a_thinner_token(here):
    report = with_new(here, file="thin")
    assert (int(report.exit_code), codes(report)) == (3, {"code-scope-missing"})
    assert "Nothing changed" in here.stand.voice.text
    assert untouched(here)
    here.assert_tidy()


def test_what_was_better_with_the_old_one_is_said(here):
    def better(entry):
        return replace(
            entry,
            organizations=tuple(
                replace(o, verdict={**o.verdict, "reach": "pass"}) for o in entry.organizations
            ),
        )

    update_entry(here.context(), "contoso", better)
    report = with_new(here, register="none")
    assert int(report.exit_code) == 0
    assert "contoso: Reach of the token was pass, now warn." in here.stand.voice.text


def test_a_new_one_that_is_as_good_as_the_old_warns_of_no_loss(here):
    report = with_new(here, register="none")
    assert int(report.exit_code) == 0
    assert here.in_force() == NEW
    assert ", now " not in here.stand.voice.text


def test_an_old_one_that_has_expired(here):
    here.token(PAT, expires=date(2026, 10, 1))
    assert int(validate_stored(here.context(), []).exit_code) == 4
    assert int(with_new(here, person=Person(handoff="saved")).exit_code) == 0
    assert int(validate_stored(here.context(), []).exit_code) == 0


def test_refused_half_way(here):
    report = with_new(here, person=Person(handoff=["saved", "refused"]))
    assert int(report.exit_code) == 6
    states = [one.registration.state.value for one in report.connections[0].organizations]
    assert states == ["registered", "failed"]
    assert tokens(here) == (NEW, PAT, [NEW])
    here.assert_tidy()
    assert int(validate_stored(here.context(), []).exit_code) == 0
    assert "no longer uses the old token" not in "".join(here.stand.voice.lines)
    rotate(here.context(person=Person(handoff="saved")), "contoso", ["fabrikam"])
    assert (here.in_force("fabrikam"), here.waiting()) == (NEW, [])
    here.assert_tidy()


def test_a_persons_refusal_ends_with_its_own_code_also_where_a_guided_hand_off_was_asked(here):
    report = with_new(here, person=Person(handoff="refused"), register="guided")
    assert int(report.exit_code) == 6
    assert (here.in_force(), here.waiting()) == (PAT, [NEW])


def test_the_keyring_locks_before_the_new_one_is_kept(here):
    context = here.context({"pat_file": "new"})
    here.vault.locks_at_write = True
    with pytest.raises(StoreError) as caught:
        rotate(context, "contoso", [])
    assert int(caught.value.exit_code) == 7
    assert untouched(here)
    here.assert_whole()
    here.settle()
    here.assert_tidy()


def test_the_keyring_locks_at_the_swap(here):
    """The new one is in force by then; the old one's secret is erased by the next run."""
    person = Person(handoff="saved")
    context = here.context({"pat_file": "new"}, person)
    choose = person.choose

    def locking(question, choices, default=""):
        here.vault.locked = True
        return choose(question, choices, default)

    person.choose = locking
    report = rotate(context, "contoso", [])
    assert int(report.exit_code) == 0
    assert "Could not delete an old secret yet" in here.stand.voice.text
    assert (here.in_force("contoso"), here.in_force("fabrikam")) == (NEW, NEW)
    here.assert_whole()
    here.settle()
    here.assert_tidy()


@pytest.mark.parametrize("way", ["handoff", "rotate"])
def test_the_window_is_closed(here, way):
    with pytest.raises(InterruptedByUserError):
        with_new(here, person=Person(handoff=STOP))
    assert tokens(here) == (PAT, PAT, [NEW])
    here.assert_tidy()
    shown = validate_stored(here.context(), [])
    assert int(shown.exit_code) == 0
    assert check(shown, "aspm.registration").status.value == "warn"
    assert "A new token is verified and stored" in check(shown, "aspm.registration").detail
    context = here.context(person=Person(handoff="saved"))
    report = resume_handoff(context, None) if way == "handoff" else rotate(context, "contoso", [])
    assert int(report.exit_code) == 0
    assert tokens(here) == (NEW, NEW, [])
    here.assert_tidy()


def test_the_window_is_closed_half_way(here):
    """What was saved is in force; only the rest is asked again."""
    with pytest.raises(InterruptedByUserError):
        with_new(here, person=Person(handoff=["saved", STOP]))
    assert tokens(here) == (NEW, PAT, [NEW])
    person = Person(handoff=["saved"])
    resume_handoff(here.context(person=person), None)
    assert person.asked.count("handoff") == 1
    assert (here.in_force("fabrikam"), here.waiting()) == (NEW, [])
    here.assert_tidy()


def test_refused_on_another_day(here):
    """The old token is where it was; the record says nothing else, and the new one waits on."""
    with_new(here)
    report = resume_handoff(here.context(person=Person(handoff=["refused", "later"])), None)
    assert int(report.exit_code) == 6
    states = [
        (one.registration.state.value, one.checks[-1].detail)
        for one in report.connections[0].organizations
    ]
    assert states[0][0] == "failed"
    assert "The current token stays in use" in states[0][1]
    assert states[1][0] == "handed-off"
    assert "The current token stays in use until" in states[1][1]
    assert tokens(here) == (PAT, PAT, [NEW])
    assert {one.registration.state.value for one in here.entry.organizations} == {"registered"}
    assert int(validate_stored(here.context(), []).exit_code) == 0


def test_the_window_is_closed_half_way_on_another_day(here):
    """Each answer counts as soon as it is given."""
    with_new(here)
    with pytest.raises(InterruptedByUserError):
        resume_handoff(here.context(person=Person(handoff=["saved", STOP])), None)
    assert tokens(here) == (NEW, PAT, [NEW])
    here.assert_tidy()
    resume_handoff(here.context(person=Person(handoff=["saved"])), None)
    assert (
        "This connection no longer uses the old token (…Rdy1). Revoke it: https://"
        in here.stand.voice.text
    )
    here.assert_tidy()


def test_a_step_remains_while_a_new_token_waits(here):
    with_new(here)
    report = resume_handoff(here.context(), None)
    assert int(report.exit_code) == 8
    assert untouched(here) is False
    assert here.waiting() == [NEW]


def test_what_was_proven_of_the_new_token_is_not_forgotten_while_it_waits(here):
    here.token(PAT, expires=date(2026, 10, 1))
    validate_stored(here.context(), [])
    assert here.entry.organizations[0].verdict["identity"] == "fail"
    with_new(here)
    resume_handoff(here.context(person=Person(handoff="saved")), None)
    assert {one.verdict["identity"] for one in here.entry.organizations} == {"pass"}
    assert {one.days["identity"] for one in here.entry.organizations} == {"2026-10-15"}
    report = validate_stored(here.context(), [])
    assert int(report.exit_code) == 0
    assert "It was" not in check(report, "identity").detail


def test_the_very_token_that_is_in_force(here):
    with pytest.raises(UsageError) as caught:
        with_new(here, file="pat")
    assert (caught.value.reason, int(caught.value.exit_code)) == (Reason.TOKEN_UNCHANGED, 2)
    assert "…Rdy1" in caught.value.problem
    assert "aspm-ado validate contoso" in caught.value.remedy
    assert untouched(here)
    person = Person(token_ready="paste", pat=[PAT, NEW], pat_expires="2027-01-13", handoff="saved")
    rotate(here.context(person=person), "contoso", [])
    assert "…Rdy1" in here.stand.voice.text, "said, and asked again"
    assert here.in_force() == NEW
    here.assert_tidy()


def test_the_very_token_that_one_of_two_has(here):
    with_new(here, ["contoso"], register="none")
    with_new(here, ["contoso", "fabrikam"], register="none")
    assert "contoso has this token already." in here.stand.voice.text
    assert (here.in_force("contoso"), here.in_force("fabrikam")) == (NEW, NEW)
    here.assert_tidy()


@pytest.mark.parametrize("at", range(1, 16))
@pytest.mark.parametrize("file", ["new", ""])
def test_a_keyring_that_lies_once_makes_no_token_its_own_successor(here, file, at):
    with_new(here, ["fabrikam"], register="none")
    keyring = Faulty(here.secrets, at, "lies", here.origins)
    person = Person(
        handoff="later", token_ready="paste", pat=[NEW, PAT, NEW], pat_expires="2027-01-13"
    )
    given = {"pat_file": file} if file else {}
    context = here.context(given, person, vault=keyring.vault())
    with suppress(UserError, IndexError):
        rotate(context, "contoso", ["contoso", "fabrikam"])
    for successor in here.entry.successors.values():
        waits = here.secrets[successor.credential.service].reveal()
        assert waits not in [here.in_force(name) for name in successor.organizations]


def test_how_it_is_asked_is_heeded(here):
    report = with_new(here, check_clone="no", register="none")
    assert check(report, "clone.token").status is Status.SKIP
    assert here.in_force() == NEW


def test_one_organization_of_a_shared_token(here):
    report = with_new(here, ["https://dev.azure.com/Fabrikam/_git/fiber"], Person(handoff="saved"))
    assert [one.name for one in report.connections[0].organizations] == ["fabrikam"]
    assert (here.in_force("contoso"), here.in_force("fabrikam")) == (PAT, NEW)
    assert "Revoke it" not in here.stand.voice.text, "the other organization uses it"
    with pytest.raises(UsageError) as caught:
        with_new(here, ["elsewhere"])
    assert "contoso, fabrikam" in caught.value.remedy
    with pytest.raises(UsageError):
        with_new(here)  # nobody says which of the two tokens


def test_what_waits_for_one_organization_is_not_put_in_force_for_another(here):
    with pytest.raises(InterruptedByUserError):
        with_new(here, ["contoso"], Person(handoff=STOP))
    rotate(here.context({"register": "none"}), "contoso", [])
    assert (here.in_force("contoso"), here.in_force("fabrikam")) == (NEW, PAT)


def test_a_token_of_one_organization_replaces_that_one_alone(here):
    with_new(here, file="fabrikam=new", register="none")
    assert (here.in_force("contoso"), here.in_force("fabrikam")) == (PAT, NEW)
    context = here.context({"pat_file": ("contoso=new", "fabrikam=graces"), "register": "none"})
    with pytest.raises(UsageError) as caught:
        rotate(context, "contoso", [])
    assert "Different tokens" in caught.value.problem


@pytest.mark.parametrize(
    ("register", "code", "state", "force"),
    [
        ("guided", 0, "handed-off", PAT),
        ("auto", 8, "handed-off", PAT),
        ("none", 0, "handed-off", NEW),
    ],
)
def test_with_nobody_there(here, register, code, state, force):
    report = with_new(here, register=register)
    assert int(report.exit_code) == code
    assert {one.registration.state.value for one in report.connections[0].organizations} == {state}
    assert (here.in_force(), here.waiting()) == (force, [NEW] if force == PAT else [])
    here.assert_tidy()


def test_nothing_to_rotate_with(here):
    with pytest.raises(UsageError) as caught:
        rotate(here.context(), "contoso", [])
    assert caught.value.reason is Reason.INPUT_MISSING
    with_new(here)
    for one in here.entry.successors.values():
        del here.secrets[one.credential.service]
    with pytest.raises(UsageError) as caught:
        rotate(here.context(), "contoso", [])
    assert "no longer in the keyring" in here.stand.voice.text
    assert caught.value.reason is Reason.INPUT_MISSING
    assert int(with_new(here, register="none").exit_code) == 0
    here.assert_tidy()


@pytest.mark.parametrize("other", ["disconnect", "rotate"])
def test_another_run_was_there_meanwhile(here, other):
    """While a person reads the hand-off, another run forgets the connection, or puts another token in place."""
    person = Person(handoff="saved")
    choose = person.choose

    def meanwhile(question, choices, default=""):
        if other == "disconnect":
            disconnect(here.context({"yes": "true"}), "contoso")
        else:
            with_new(here, register="guided")
        return choose(question, choices, default)

    person.choose = meanwhile
    with pytest.raises(UsageError) as caught:
        with_new(here, person=person)
    assert "meanwhile" in caught.value.problem
    here.assert_tidy()


def test_what_a_profile_registered_before_is_not_taken_for_the_new_token(machine):
    here = machine()
    connect(here.context(by_profile()), None)
    assert int(with_new(here).exit_code) == 8
    resume_handoff(here.context(), None)
    assert here.in_force() == PAT, "nobody has given Invicti ASPM the new token"


NEW_API_TOKEN = "simulated-aspm-token-0002"


def new_api_token(here, value=NEW_API_TOKEN):
    context = here.context({"aspm_url": ASPM, "aspm_token_file": "api"}, files={"api": value})
    return rotate_aspm(context)


def api_token(here) -> str:
    [service] = here.catalogue.aspm_tokens.values()
    return here.secrets[service].reveal()


def test_the_token_of_the_aspm(here):
    connect(here.context(asked("fabrikam", register="guided")), "second")
    report = new_api_token(here, "simulated-aspm-token-9999")
    assert (int(report.exit_code), codes(report)) == (4, {"aspm-token-rejected"})
    assert api_token(here) == TOKEN
    assert "Nothing changed" in here.stand.voice.text
    aspm = here.stand.simulator.world.aspm
    here.world(aspm=replace(aspm, token=NEW_API_TOKEN))
    assert int(validate_stored(here.context(), []).exit_code) == 4
    report = new_api_token(here)
    assert int(report.exit_code) == 0
    assert [one.name for one in report.connections] == ["contoso", "second"]
    assert api_token(here) == NEW_API_TOKEN
    here.assert_tidy()
    assert int(validate_stored(here.context(), []).exit_code) == 0


def test_the_very_token_that_the_aspm_has(here):
    with pytest.raises(UsageError) as caught:
        new_api_token(here, TOKEN)
    assert caught.value.reason is Reason.TOKEN_UNCHANGED
    assert api_token(here) == TOKEN


def test_the_token_of_an_aspm_that_nobody_uses(here):
    with pytest.raises(UsageError) as caught:
        rotate_aspm(
            here.context({"aspm_url": "https://other.example.test", "aspm_token_file": "aspm"})
        )
    assert caught.value.reason is Reason.NOTHING_STORED


# Disconnecting


def forgetting(here, **given):
    return disconnect(here.context({"yes": "true", **given}), "contoso")


def test_forgotten_and_proven_gone(here):
    forgotten = forgetting(here)
    assert here.secrets == {}
    assert here.catalogue.connections == {}
    assert (forgotten.erased, forgotten.remaining) == (2, ())
    assert f"In Invicti ASPM ({ASPM})" in forgotten.left_to_do[0]
    assert forgotten.token_pages == ("https://dev.azure.com/contoso/_usersSettings/tokens",)
    here.assert_tidy()


def test_forgotten_with_a_token_that_waits(here):
    with_new(here)
    ends = [one.last4 for one in here.entry.known_credentials]
    forgotten = forgetting(here)
    assert here.secrets == {}
    assert len(ends) == 2
    assert list(forgotten.living.values()) == [tuple(ends)], "both tokens are on one page"


def test_the_token_of_the_aspm_stays_while_somebody_uses_it(here):
    connect(here.context(asked("fabrikam", register="guided")), "second")
    forgetting(here)
    assert api_token(here) == TOKEN
    here.assert_tidy()


def test_forgotten_though_the_secrets_are_gone(here):
    here.secrets.clear()
    forgetting(here)
    here.assert_tidy()


def test_what_was_never_in_the_aspm_is_not_left_to_do(machine):
    here = machine()
    connect(here.context(asked(register="none", aspm_url="", aspm_token_file="")), None)
    assert forgetting(here).left_to_do == ()


def test_a_locked_keyring_forgets_nothing(here):
    context = here.context({"yes": "true"})
    here.vault.locked = True
    with pytest.raises(StoreError) as caught:
        disconnect(context, "contoso")
    assert int(caught.value.exit_code) == 7
    assert untouched(here)
    here.assert_tidy()


def test_nobody_says_yes(here):
    for context, reason in (
        (here.context(), Reason.CONFIRMATION_MISSING),
        (here.context(person=Person(forget=False)), Reason.DECLINED),
    ):
        with pytest.raises(UsageError) as caught:
            disconnect(context, "contoso")
        assert (caught.value.reason, int(caught.value.exit_code)) == (reason, 2)
        assert untouched(here)


def test_what_could_not_be_erased_is_erased_when_it_is_said_again(here):
    context = here.context({"yes": "true"})
    erase = here.vault.erase

    def failing(service, origin):
        raise StoreError(Reason.KEYRING_FAILED, "It failed.", remedy="Try again.")

    here.vault.erase = failing
    assert len(disconnect(context, "contoso").remaining) == 2
    assert erase
    here.assert_whole()
    assert forgetting(here).erased == 2
    here.assert_tidy()
    with pytest.raises(UsageError):
        forgetting(here)


def test_what_the_aspm_left_alone_is_erased_when_it_is_said_again(here):
    """The secret of an ASPM bears no connection's name."""
    context = here.context({"yes": "true"})
    erase = here.vault.erase

    def failing(service, origin):
        if service.startswith("aspm-ado:aspm:"):
            raise StoreError(Reason.KEYRING_FAILED, "It failed.", remedy="Try again.")
        erase(service, origin)

    here.vault.erase = failing
    forgotten = disconnect(context, "contoso")
    assert (forgotten.erased, len(forgotten.remaining)) == (1, 1)
    again = forgetting(here)
    assert (again.erased, again.remaining) == (1, ())
    assert here.secrets == {}
    here.assert_tidy()


def test_the_tokens_are_what_they_are():
    assert OLD_TOKEN.value == PAT
    assert samples.ASPM_TOKEN == TOKEN
    assert Secret(PAT).last4 == "Rdy1"
