"""Connect over real HTTP: both dialects, refusals, pages; whose token goes where, and what is kept of it."""

from __future__ import annotations

import pytest

from aspm_ado.domain.http import Reply
from aspm_ado.domain.reasons import UsageError
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.connect import connect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import samples

from .stand import ASPM, PAT, TOKEN, Person, asked, check, patless, states

CHECKS = ("aspm.reachable", "aspm.token", "aspm.projects")


def results(report):
    return tuple(check(report, name).status.value for name in CHECKS)


def to_aspm(stand):
    return [call for call in stand.wire.calls if call.url.startswith(ASPM)]


@pytest.mark.parametrize(
    ("core", "header"), [(False, "X-Cookie"), (True, "X-Auth")], ids=["standalone", "core"]
)
def test_both_dialects(stand, core, header):
    here = stand(aspm={"dialect": "core" if core else "standalone"})
    report = connect(here.context(asked(register="guided")), None)
    assert results(report) == ("pass",) * 3
    assert report.connections[0].aspm.api == ("core" if core else "standalone")
    assert int(report.exit_code) == 0
    assert states(here) == {"contoso": "handed-off"}
    assert {call.credential.header for call in to_aspm(here) if call.credential} == {header}
    assert patless(here.wire.calls, but_for_writes=False)
    assert here.wire.writes == []
    assert here.simulator.changes == []
    assert all(one.status != 301 for one in here.simulator.requests)


@pytest.mark.parametrize(
    ("aspm", "given", "code", "wanted", "reason"),
    [
        ({"token": "another"}, {}, 4, ("pass", "fail", "skip"), "aspm-token-rejected"),
        ({"token_sees_projects": False}, {}, 6, ("pass", "pass", "fail"), "aspm-forbidden"),
        ({"state": "page"}, {}, 6, ("fail", "skip", "skip"), "aspm-not-an-api"),
        ({}, {"aspm_api": "core"}, 6, ("fail", "skip", "skip"), "aspm-not-an-api"),
        (
            {"dialect": "core"},
            {"aspm_api": "standalone"},
            6,
            ("fail", "skip", "skip"),
            "aspm-not-an-api",
        ),
    ],
)
@pytest.mark.parametrize("register", ["guided", "auto"])
def test_an_aspm_that_is_not_ready(stand, aspm, given, code, wanted, reason, register):
    """The good organization is stored; nothing is handed over, and a token that is not proven is not kept."""
    here = stand(aspm=aspm)
    report = connect(here.context(asked(register=register, **given)), None)
    assert int(report.exit_code) == code
    assert results(report) == wanted
    assert reason in {one.reason for one in report.connections[0].aspm.checks}
    assert check(report, "aspm.registration").status.value == "skip"
    assert report.connections[0].organizations[0].registration.mode.value == "none"
    assert states(here) == {"contoso": "none"}
    assert bool(here.records.load().aspm_tokens) == (wanted[1] == "pass")
    assert "Handoff to" not in here.voice.text


def test_without_a_token_nothing_is_asked_of_it(stand):
    here = stand()
    report = connect(here.context(asked(register="guided", aspm_token_file="")), None)
    assert int(report.exit_code) == 0
    assert results(report) == ("skip",) * 3
    assert check(report, "aspm.token").reason.value == "no-aspm-token"
    assert report.connections[0].aspm.api == "auto"
    assert to_aspm(here) == []


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("", ("skip",) * 3), (TOKEN, ("pass",) * 3)],
    ids=["enter alone", "a token"],
)
def test_a_person_may_give_a_token_that_a_guided_hand_off_does_not_need(stand, typed, wanted):
    here = stand()
    person = Person(aspm_token=typed, handoff="saved")
    report = connect(here.context(asked(register="guided", aspm_token_file=""), person), None)
    assert int(report.exit_code) == 0
    assert results(report) == wanted
    assert "aspm.example.test only" in person.context
    assert person.asked.count("aspm-token") == 1
    again = Person(handoff="saved")
    connect(
        here.context(asked("fabrikam", register="guided", aspm_token_file=""), again), "contoso"
    )
    assert "aspm-token" not in again.asked, (
        "who has been asked once for an Invicti ASPM is not asked again"
    )


@pytest.mark.parametrize("more", [{"yes": "true"}, {"register": "none"}])
def test_it_is_not_offered_to_whoever_wants_no_questions_or_no_hand_off(stand, more):
    person = Person(handoff="saved")
    connect(
        stand().context(asked(**{"register": "guided", "aspm_token_file": "", **more}), person),
        None,
    )
    assert "aspm-token" not in person.asked


def test_where_no_organization_is_good_it_is_not_contacted(stand):
    here = stand(organizations=(samples.FABRIKAM,))
    report = connect(here.context(asked(register="guided")), None)
    assert int(report.exit_code) == 3
    assert results(report) == ("skip",) * 3
    assert to_aspm(here) == []
    rehearsal = connect(here.context(asked(register="guided", dry_run="true")), None)
    assert results(rehearsal) == ("pass",) * 3
    assert here.records.load().connections == {}


def test_the_token_is_one_record_for_its_origin_and_shared(stand):
    here = stand()
    connect(here.context(asked(register="guided")), None)
    [(origin, service)] = here.records.load().aspm_tokens.items()
    assert origin == ASPM
    assert here.vault.read(service, ASPM) == Secret(TOKEN)
    connect(here.context(asked("fabrikam", register="guided", aspm_token_file="")), None)
    assert here.records.load().aspm_tokens == {origin: service}
    assert any(call.credential for call in to_aspm(here)), (
        "the stored token serves the second connection"
    )
    report = validate_stored(here.context(), [])
    assert [one.aspm.checks[1].status.value for one in report.connections] == ["pass", "pass"]
    assert len([call for call in to_aspm(here) if "/teams/" in call.url]) == 1, (
        "asked once for both"
    )
    elsewhere = {"organization": "fabrikam", "aspm_url": "https://other.example.test"}
    report = connect(
        here.context({**asked(register="guided", aspm_token_file=""), **elsewhere}), "elsewhere"
    )
    assert results(report) == ("skip",) * 3
    sent = [
        call
        for call in here.wire.calls
        if call.credential and call.credential.secret.reveal() == TOKEN
    ]
    assert sent == [], "a stored token is for its own origin"


def test_a_new_token_takes_the_place_of_the_stored_one(stand):
    here = stand()
    connect(here.context(asked(register="guided")), None)
    [before] = here.records.load().aspm_tokens.values()
    connect(here.context(asked(register="guided")), None)
    assert [*here.records.load().aspm_tokens.values()] == [before], (
        "the same token is not written again"
    )
    entry = here.records.load().aspm_tokens
    here.vault.write(before, Secret("an old one that was revoked"), ASPM)
    connect(here.context(asked(register="guided")), None)
    [after] = here.records.load().aspm_tokens.values()
    assert after != entry[ASPM]
    assert here.vault.read(before, ASPM) is None
    assert here.vault.read(after, ASPM) == Secret(TOKEN)


def test_validate_of_what_is_stored(stand):
    here = stand()
    connect(here.context(asked(register="guided", aspm_token_file="")), None)
    assert results(validate_stored(here.context(), [])) == ("skip",) * 3
    connect(here.context(asked(register="guided")), None)
    report = validate_stored(here.context(variables={"INVICTI_ASPM_TOKEN": "another ASPM's"}), [])
    assert results(report) == ("pass",) * 3
    assert "INVICTI_ASPM_TOKEN is set and not used" in here.voice.text
    [service] = here.records.load().aspm_tokens.values()
    here.vault.erase(service, ASPM)
    report = validate_stored(here.context(), [])
    assert results(report) == ("skip", "fail", "skip")
    assert check(report, "aspm.token").reason.value == "token-gone"
    assert int(report.exit_code) == 4


def test_the_old_variable_is_remarked_on(stand):
    here = stand()
    context = here.context(
        asked(register="guided", aspm_token_file=""), variables={"KONDUKTO_TOKEN": TOKEN}
    )
    assert results(connect(context, None)) == ("pass",) * 3
    assert "KONDUKTO_TOKEN is deprecated; use INVICTI_ASPM_TOKEN" in here.voice.text


def test_no_setting_of_team_leads_on_core(stand):
    here = stand(aspm={"dialect": "core"})
    report = connect(
        here.context(asked(register="guided", team_leads_may="create-instances")), None
    )
    assert int(report.exit_code) == 0
    assert "no team-lead integrations" in here.voice.text
    assert here.records.load().connections["contoso"].toggles == ()
    with pytest.raises(UsageError):
        connect(
            here.context(
                asked(register="guided", team_leads_may="create-instances", aspm_api="core")
            ),
            "other",
        )


def test_core_that_shows_only_at_the_hand_off(stand):
    """Without an API token nobody looked before, so the settings are on record."""
    here = stand(aspm={"dialect": "core"})
    connect(
        here.context(
            asked(register="guided", team_leads_may="create-instances", aspm_token_file="")
        ),
        None,
    )
    assert "Advanced Settings" in here.voice.text
    resume_handoff(here.context({"aspm_url": ASPM, "aspm_token_file": "aspm"}), None)
    assert "no team-lead integrations" in here.voice.text
    assert "Advanced Settings" not in here.voice.text


def test_a_person_mends_the_token_of_the_aspm(stand):
    here = stand()
    person = Person(
        aspm_next=["again", "other"],
        aspm_token=[TOKEN],
        go=True,
        handoff=["later"],
        more=(),
        team_leads_may=(),
    )
    report = connect(here.context(asked(), person, files={"aspm": "a-mistyped-one"}), None)
    assert person.asked.count("aspm-next") == 2
    assert "aspm.example.test only" in person.context
    assert "API Tokens" in person.context
    assert results(report) == ("pass",) * 3
    assert int(report.exit_code) == 8, "a hand-off that waits, where auto was asked"
    assert [
        here.vault.read(service, ASPM) for service in here.records.load().aspm_tokens.values()
    ] == [Secret(TOKEN)]


def test_a_person_corrects_the_address_of_the_aspm(stand):
    """It is offered first, and what is stored and handed over afterwards is the corrected one."""
    here = stand()
    person = Person(aspm_next=["address"], aspm_url=[f"{ASPM}/projects"], handoff=["saved"])
    wrong = "https://aspm.example.nowhere"
    real = here.wire.send
    context = here.context(asked(register="guided", aspm_url=wrong), person)
    here.wire.send = lambda call: (
        Reply(call, 200, text="<html>") if call.url.startswith(wrong) else real(call)
    )
    report = connect(context, None)
    assert person.offered["aspm-next"][0] == "address"
    assert results(report) == ("pass",) * 3
    assert report.connections[0].aspm.url == ASPM
    assert here.records.load().connections["contoso"].aspm.url == ASPM
    assert list(here.records.load().aspm_tokens) == [ASPM]
    assert all(call.credential is None for call in here.wire.calls if call.url.startswith(wrong))


def test_who_corrects_the_address_need_not_give_the_token_again(stand):
    """It was given for another host; a guided hand-off needs none for this one either."""
    here = stand()
    wrong = "https://aspm.example.nowhere"
    person = Person(
        aspm_token=[TOKEN, ""], aspm_next=["address"], aspm_url=[ASPM], handoff=["saved"]
    )
    context = here.context(asked(register="guided", aspm_url=wrong, aspm_token_file=""), person)
    real = here.wire.send
    here.wire.send = lambda call: (
        Reply(call, 200, text="<html>") if call.url.startswith(wrong) else real(call)
    )
    report = connect(context, None)
    assert results(report) == ("skip",) * 3
    assert here.records.load().connections["contoso"].aspm.url == ASPM
    assert to_aspm(here) == []


def test_a_person_goes_on_without_the_token_of_the_aspm(stand):
    here = stand(aspm={"state": "page"})
    report = connect(
        here.context(asked(register="guided"), Person(aspm_next=["without"], handoff=["saved"])),
        None,
    )
    assert results(report) == ("skip",) * 3
    assert states(here) == {"contoso": "registered"}
    other = connect(here.context(asked(register="guided"), Person(aspm_next=["finish"])), "later")
    assert results(other) == ("fail", "skip", "skip")
    assert states(here, "later") == {"contoso": "none"}


def test_the_pat_is_nowhere_in_what_is_said(stand):
    here = stand()
    connect(here.context(asked(register="guided")), None)
    assert PAT not in here.voice.text
    assert TOKEN not in here.voice.text
