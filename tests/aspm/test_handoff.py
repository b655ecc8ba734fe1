"""The hand-off: told, copied, answered; in several sittings, and never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.domain.aspm.api import Settings
from aspm_ado.domain.aspm.handoff import (
    FormValues,
    TokenEvidence,
    clone_notes,
    form_values,
    support_ticket,
)
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import Site
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.ports import TERMINAL
from aspm_ado.domain.reasons import InterruptedByUserError, Reason, UsageError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import samples
from aspm_ado.simulator.world import Organization

from .stand import PAT, TOKEN, Desk, Person, asked, check, states

STOP = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")
NAMES = tuple(f"Team{number:02}" for number in range(12))
TWELVE = tuple(Organization(name, samples.FABRIKAM.projects, (samples.ADA,)) for name in NAMES)


def given(*names, **more):
    return asked(*(names or ("contoso",)), register="guided", **more)


def run(here, *names, **answers):
    return connect(here.context(given(*names), Person(**answers)), None)


@pytest.mark.parametrize(
    ("answer", "state", "proof", "connect_code", "handoff_code"),
    [
        ("saved", "registered", "claimed", 0, 0),
        ("later", "handed-off", "none", 0, 8),
        ("refused", "failed", "none", 6, 6),
    ],
)
def test_what_a_person_answers(stand, answer, state, proof, connect_code, handoff_code):
    here = stand()
    report = run(here, handoff=[answer])
    made = report.connections[0].organizations[0].registration
    assert (made.mode.value, made.state.value, made.proof.value) == ("guided", state, proof)
    assert int(report.exit_code) == connect_code
    assert states(here) == {"contoso": state}
    again = resume_handoff(here.context(person=Person(handoff=[answer])), None)
    assert int(again.exit_code) == handoff_code
    assert again.command == "handoff"


def test_saved_and_then_known_is_proven(stand):
    here = stand()
    person = Person(handoff=["saved"])
    choose = person.choose

    def entering(question, choices, default=""):
        answer = choose(question, choices, default)
        if question.name == "handoff":
            here.enter_by_hand()
        return answer

    person.choose = entering
    report = connect(here.context(given(), person), None)
    assert report.connections[0].organizations[0].registration.proof.value == "alm-accepted"
    assert "projects/check now knows the tool" in check(report, "aspm.registration").detail
    again = resume_handoff(here.context(person=Person(handoff=["saved"])), None)
    assert again.connections[0].organizations[0].registration.proof.value == "claimed", (
        "200 both times proves nothing"
    )


@pytest.mark.parametrize(("register", "code"), [("guided", 0), ("auto", 8)])
def test_saved_against_the_evidence_is_a_warning(stand, register, code):
    here = stand()
    person = Person(handoff=["saved"])
    report = connect(here.context(asked("contoso", register=register), person), None)
    assert report.connections[0].organizations[0].registration.proof.value == "claimed"
    made = check(report, "aspm.registration")
    assert (made.status.value, made.reason) == ("warn", "saved-not-shown")
    assert made.detail == "Marked as saved by you; Invicti ASPM does not show it yet."
    assert (int(report.exit_code), report.verdict.value) == (code, "ready-with-warnings")
    again = resume_handoff(here.context(person=Person(handoff=["saved"])), None)
    assert (int(again.exit_code), again.verdict.value) == (0, "ready-with-warnings")


def registration(report) -> tuple[str, str | None, str]:
    made = check(report, "aspm.registration")
    proof = report.connections[0].organizations[0].registration.proof
    return made.status.value, made.reason, proof.value


def test_saved_against_the_evidence_stays_a_warning_until_invicti_aspm_shows_it(stand):
    here = stand()
    run(here, handoff=["saved"])
    unseen = ("warn", "saved-not-shown", "claimed")
    for _ in range(2):
        report = validate_stored(here.context(), [])
        assert (registration(report), int(report.exit_code)) == (unseen, 0)
    later = resume_handoff(here.context(person=Person(handoff=["later"])), None)
    assert registration(later) == unseen
    here.enter_by_hand()
    shown = ("pass", None, "alm-accepted")
    assert registration(validate_stored(here.context(), [])) == shown
    assert here.records.load().connections["contoso"].organizations[0].registration.unseen is False
    again = validate_stored(here.context(), [])
    assert registration(again) == shown
    assert not any("projects/check" in call.url for call in here.wire.calls)


@pytest.mark.parametrize("answer", ["saved", "later"])
def test_what_is_shown_since_is_proven_in_the_next_handoff(stand, answer):
    here = stand()
    run(here, handoff=["saved"])
    here.enter_by_hand()
    report = resume_handoff(here.context(person=Person(handoff=[answer])), None)
    assert registration(report) == ("pass", None, "alm-accepted")


@pytest.mark.parametrize("register", ["guided", "auto"])
def test_what_was_refused_is_not_ready_the_day_after_either(stand, register):
    here = stand()
    person = Person(handoff=["refused"])
    connect(here.context(asked("contoso", register=register), person), None)
    report = validate_stored(here.context(), ["contoso"])
    assert (int(report.exit_code), report.verdict.value) == (6, "not-ready")
    assert check(report, "aspm.registration").required


@pytest.mark.parametrize(
    ("desk", "words"),
    [
        (Desk(), "for 90 seconds, or until this step is over"),
        (Desk("clip.exe", clears=False), "aspm-ado cannot clear it"),
        (Desk(TERMINAL, clears=False), "Some terminals ignore it. aspm-ado cannot clear it"),
        (Desk(TERMINAL, clears=False), "If nothing arrived: To pipe the token to a command, run"),
        (Desk(None), "run in another terminal: aspm-ado token contoso | COMMAND"),
    ],
    ids=["clears", "cannot clear", "terminal", "another way than the terminal", "none"],
)
def test_the_clipboard(stand, desk, words):
    here = stand()
    here.desk = desk
    run(here, handoff=["copy", "copy", "saved"])
    assert words in here.voice.text
    assert PAT not in here.voice.text
    assert (desk.held is None) == (desk.way not in ("clip.exe", TERMINAL))


def test_no_command_is_named_for_a_token_that_only_this_run_has(stand):
    here = stand()
    here.desk = Desk(None)
    context = here.context(given("contoso"), Person(handoff=["copy", "later"]))
    connect(replace(context, outlives_run=False), None)
    assert "Only this run has the token." in here.voice.text
    assert "aspm-ado token" not in here.voice.text


def test_of_several_organizations_the_token_command_names_one(stand):
    here = stand()
    here.desk = Desk(None)
    connect(
        here.context(given("contoso", "fabrikam"), Person(handoff=["copy", "all-later"], go=True)),
        None,
    )
    assert "aspm-ado token contoso -o contoso | COMMAND" in here.voice.text


def test_what_is_not_stored_is_not_offered_by_token(stand):
    here = stand()
    here.desk = Desk(None)
    connect(here.context(given(store="none"), Person(handoff=["copy", "saved"], go=True)), None)
    assert "Copy the token from where you stored it." in here.voice.text
    assert "aspm-ado token" not in here.voice.text


def test_refused_gives_the_verdict_and_a_text_without_secrets(stand):
    here = stand()
    run(here, handoff=["refused"])
    text = here.voice.text
    assert "1. The token passed" in text
    assert "2. You reported that Invicti ASPM refuses it" in text
    assert "3. Possible causes:" in text
    support_ticket = text.partition("To paste into a ticket")[2]
    assert "https://aspm.example.test (standalone API)" in support_ticket
    assert "ActivityId" in support_ticket
    assert "all accessible organizations" in support_ticket
    assert "Owner of the token: Ada Example <ada@contoso.example>\n" in support_ticket
    assert PAT[-4:] in support_ticket
    for secret in (PAT, TOKEN):
        assert not any(secret[at : at + 12] in text for at in range(len(secret) - 11))
    resume_handoff(here.context(person=Person(handoff=["refused"])), None)
    again = here.voice.text.partition("To paste into a ticket")[2]
    assert "scope.code: partial" in again
    assert "Owner of the token: Ada Example <ada@contoso.example>\n" in again


@pytest.mark.parametrize("server", [False, True])
def test_the_text_for_a_server_says_nothing_of_the_end_of_global_tokens(server):
    deployment = Deployment.SERVER if server else Deployment.SERVICES
    made = form_values(
        Site(deployment, "https://x.test").place("X"),
        Purpose.ALM,
        Settings(),
        "https://aspm.example.test",
        "abcd",
        "",
    )
    evidence = TokenEvidence((), "2026-11-27", Reach.ORGANIZATION)
    text = "\n".join(
        support_ticket(
            made, evidence, aspm_url="https://aspm.example.test", api="auto", version="1"
        )
    )
    assert ("Microsoft announced the end" in text) is not server
    assert ("collection" in text) is server
    assert "Question: your guide asks for" in text


@pytest.mark.parametrize(
    ("deployment", "token", "username", "form"),
    [
        (Deployment.SERVER, "pass", "warn", "“:TOKEN”"),
        (Deployment.SERVER, "warn", "warn", "“ada:TOKEN”"),
        (Deployment.SERVER, "pass", "pass", None),
        (Deployment.SERVER, "pass", "skip", None),
        (Deployment.SERVICES, "pass", "warn", None),
    ],
)
def test_the_form_that_works_is_said_where_git_may_fail(deployment, token, username, form):
    place = Site(deployment, "https://x.test").place("X")
    notes = clone_notes(place, {"clone.token": token, "clone.username": username}, "ada")
    assert bool(notes) is bool(form)
    if form:
        assert form in notes[1]
        made = FormValues(Deployment.SERVER, "X", (), (), (), "Azure DevOps Server", notes)
        text = support_ticket(made, TokenEvidence((), ""), aspm_url="u", api="auto", version="1")
        assert set(notes) <= set(text)


def test_many_organizations_in_three_sittings(stand):
    """Later at any point, also for all the rest; what is done is listed and not asked again."""
    here = stand(organizations=TWELVE)
    report = connect(here.context(given(*NAMES)), "many")
    assert int(report.exit_code) == 0
    assert set(states(here, "many").values()) == {"handed-off"}
    first = Person(handoff=["saved", "saved", "refused", "all-later"])
    report = resume_handoff(here.context(person=first), "many")
    assert int(report.exit_code) == 6
    assert first.asked.count("handoff") == 4
    assert "! Team00: saved, not shown by Invicti ASPM yet" in here.voice.text
    assert "✗ Team02: refused" in here.voice.text
    assert "• Team11: later" in here.voice.text
    assert "12 of 12 organizations" in here.voice.text
    done = states(here, "many")
    assert [done[name] for name in NAMES[:4]] == [
        "registered",
        "registered",
        "failed",
        "handed-off",
    ]
    second = Person(handoff=["saved", "saved", STOP])
    with pytest.raises(InterruptedByUserError):
        resume_handoff(here.context(person=second), "many")
    assert [states(here, "many")[name] for name in NAMES[2:5]] == [
        "registered",
        "registered",
        "handed-off",
    ]
    third = Person(handoff=["saved"] * 8)
    report = resume_handoff(here.context(person=third), "many")
    assert (
        "To enter in Invicti ASPM: 8 of 12 organizations\n  ! Team00: saved, not shown"
        in here.voice.text
    )
    assert "Team04 (5 of 12)" in here.voice.text
    assert int(report.exit_code) == 0
    assert third.asked.count("handoff") == 8
    assert "all-later" not in third.offered["handoff"], "at the last one there are no others"
    assert set(states(here, "many").values()) == {"registered"}


@pytest.mark.parametrize("there", [True, False], ids=["a person", "nobody"])
def test_looking_again_at_what_is_saved_changes_nothing(stand, there):
    here = stand()
    run(here, "contoso", "fabrikam", handoff=["saved", "saved"])
    report = resume_handoff(
        here.context(person=Person(handoff=["all-later"]) if there else None), "contoso"
    )
    assert [one.registration.state.value for one in report.connections[0].organizations] == [
        "registered"
    ] * 2
    assert int(report.exit_code) == 0
    assert states(here) == {"contoso": "registered", "fabrikam": "registered"}


def test_every_organization_that_the_token_reaches(stand):
    """None is named: they are listed, and the plan names them in one row."""
    here = stand(organizations=TWELVE)
    flags = {name: value for name, value in given().items() if name != "organization"}
    report = connect(here.context({**flags, "all_organizations": "true"}), "many")
    assert int(report.exit_code) == 0
    assert states(here, "many") == dict.fromkeys(NAMES, "handed-off")
    assert f"Organizations (12): {', '.join(NAMES)}: token …{PAT[-4:]}" in here.voice.text


def test_with_several_connections_and_nobody_there_one_has_to_be_named(stand):
    here = stand()
    run(here, handoff=["later"])
    connect(here.context(given(), Person(handoff=["later"])), "other")
    with pytest.raises(UsageError, match="Several connections are stored") as caught:
        resume_handoff(here.context(), None)
    assert caught.value.remedy == "Pass one of these names: contoso, other."


def test_stopping_in_the_middle_keeps_the_connection(stand):
    here = stand()
    with pytest.raises(InterruptedByUserError) as caught:
        run(here, "contoso", "fabrikam", handoff=["saved", STOP])
    assert caught.value.problem == (
        "Interrupted. The connection “contoso” is stored. "
        "Remaining to enter in Invicti ASPM: fabrikam."
    )
    assert caught.value.remedy == "To continue, run: aspm-ado handoff contoso"
    assert states(here) == {"contoso": "registered", "fabrikam": "handed-off"}
    assert here.desk.held is None


@pytest.mark.parametrize("stop", [STOP, KeyboardInterrupt()], ids=["at the question", "Ctrl-C"])
def test_stopping_where_nothing_is_stored_names_no_handoff(stand, stop):
    here = stand()
    run(here, handoff=["later"])
    with pytest.raises(type(stop)) as caught:
        connect(here.context(given(store="none"), Person(handoff=stop, go=True)), "contoso")
    assert "handoff" not in str(getattr(caught.value, "remedy", ""))


def test_stopping_a_later_handoff_names_it_again(stand):
    here = stand()
    run(here, handoff=["later"])
    with pytest.raises(InterruptedByUserError) as caught:
        resume_handoff(here.context(person=Person(handoff=[KeyboardInterrupt()])), None)
    assert caught.value.remedy == "To continue, run: aspm-ado handoff contoso"


def test_a_handoff_behind_an_aspm_that_rejects_its_token(stand):
    here = stand()
    run(here, handoff=["later"])
    [service] = here.records.load().aspm_tokens.values()
    from aspm_ado.domain.secret import Secret

    here.vault.write(service, Secret("revoked by now"), "https://aspm.example.test")
    report = resume_handoff(here.context(), None)
    assert int(report.exit_code) == 4
    assert check(report, "aspm.registration").status.value == "skip"
    assert states(here) == {"contoso": "handed-off"}
