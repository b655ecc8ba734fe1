"""Connecting what is connected: unchanged where nothing is new, resumed where something is left, added to otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import samples
from aspm_ado.simulator.world import Instance

from .machine import NEW, PAT, Machine, Person, asked, by_profile, check

THIRD = samples.pat("Third", "Thd1")


@pytest.fixture
def here(saved) -> Machine:
    return saved


def state(here, name="contoso") -> str:
    [one] = [one for one in here.entry.organizations if one.name.casefold() == name]
    return one.registration.state.value


def test_by_its_name_alone_nothing_is_changed_and_that_is_said(here):
    before, secrets = here.entry, dict(here.secrets)
    report = connect(here.context(), "contoso")
    assert int(report.exit_code) == 0
    said = here.stand.voice.text
    assert (
        "is already connected and unchanged: contoso on https://dev.azure.com, for alm, with https://aspm"
        in said
    )
    assert (here.entry.credentials, here.secrets) == (before.credentials, secrets)
    assert state(here) == "registered"


@pytest.mark.parametrize("given", [{"organization": "contoso"}, asked(register="auto")])
def test_the_same_again_hands_nothing_over_twice(here, given):
    here.stand.enter_by_hand()
    report = connect(here.context(given), "contoso")
    assert int(report.exit_code) == 0
    assert check(report, "aspm.registration").status.value == "pass"
    assert "contoso is unchanged: Invicti ASPM already has this token." in here.stand.voice.text
    assert "Handoff to" not in here.stand.voice.text
    assert state(here) == "registered"
    here.assert_tidy()


def test_the_same_token_again_keeps_the_date_on_record_and_the_report_has_it(here):
    [before] = here.entry.credentials.values()
    report = connect(here.context(asked(pat_expires="", register="none")), "contoso")
    [made] = report.connections[0].organizations
    assert before.expires is not None
    assert (made.token.expires, made.token.expires_source) == (
        before.expires,
        before.expires_source,
    )
    assert f"expires {before.expires}" in here.stand.voice.text
    assert [one.expires for one in here.entry.credentials.values()] == [before.expires]


def test_the_same_again_goes_on_saying_what_invicti_aspm_does_not_show(here):
    report = connect(here.context(asked(register="guided")), "contoso")
    assert (int(report.exit_code), check(report, "aspm.registration").reason) == (
        0,
        "saved-not-shown",
    )
    assert "contoso is unchanged: you marked it as saved." in here.stand.voice.text


@pytest.mark.parametrize(
    ("register", "code", "status", "left"),
    [
        ("auto", 8, "warn", "handed-off"),
        ("guided", 0, "warn", "handed-off"),
        ("none", 0, "skip", "none"),
    ],
)
def test_a_connection_that_moves_to_another_invicti_aspm_is_new_there(
    here, register, code, status, left
):
    """The token and the settings are those on record, but the other Invicti ASPM has never had them."""
    moved = asked(register=register, aspm_url="https://other.example.test", aspm_token_file="")
    report = connect(here.context(moved), "contoso")
    assert int(report.exit_code) == code
    assert check(report, "aspm.registration").status.value == status
    assert "unchanged" not in here.stand.voice.text
    assert (here.entry.aspm.url, state(here)) == ("https://other.example.test", left)
    here.assert_tidy()


@pytest.mark.parametrize("more", [{"pat_file": "new"}, {"team_leads_may": ("create-instances",)}])
def test_another_token_or_other_settings_are_handed_over(here, more):
    report = connect(here.context(asked(register="auto", **more)), "contoso")
    assert int(report.exit_code) == 8
    assert state(here) == "handed-off"
    here.assert_tidy()


def test_a_no_to_the_plan_leaves_what_is_on_record_and_says_so(here):
    """Another setting, of the token that is stored."""
    given = {"organization": "contoso", "team_leads_may": ("access-projects",)}
    with pytest.raises(UsageError) as caught:
        connect(here.context(given, Person(go=False)), "contoso")
    assert (caught.value.reason, caught.value.remedy) == (Reason.DECLINED, "Nothing changed.")
    assert (state(here), here.entry.toggles) == ("registered", ())


def test_another_organization_is_added_and_the_first_stays(here):
    report = connect(here.context({"organization": "fabrikam", "register": "auto"}), "contoso")
    assert int(report.exit_code) == 8
    assert [one.name for one in report.connections[0].organizations] == ["fabrikam"]
    assert (state(here), state(here, "fabrikam")) == ("registered", "handed-off")
    here.assert_tidy()


def test_what_a_person_has_left_to_do_is_resumed_when_one_is_there(here):
    connect(here.context({"organization": "fabrikam", "register": "auto"}), "contoso")
    assert int(connect(here.context(), "contoso").exit_code) == 0
    assert state(here, "fabrikam") == "handed-off"
    person = Person(handoff=["saved"])
    assert int(connect(here.context(person=person), "contoso").exit_code) == 0
    assert person.asked == ["handoff"]
    assert state(here, "fabrikam") == "registered"


def test_a_new_token_that_waits_is_resumed(here):
    rotate(here.context({"pat_file": "new"}), "contoso", [])
    assert here.in_force() == PAT
    connect(here.context(person=Person(handoff="saved")), "contoso")
    assert (here.in_force(), here.waiting()) == (NEW, [])
    here.assert_tidy()


def test_a_new_token_that_waits_stays_while_the_old_one_is_given_again(here):
    rotate(here.context({"pat_file": "new"}), "contoso", [])
    report = connect(here.context(asked(register="guided")), "contoso")
    assert (here.in_force(), here.waiting()) == (PAT, [NEW])
    assert "A new token is verified and stored" in check(report, "aspm.registration").detail
    assert (
        "A new token is verified and stored"
        in check(validate_stored(here.context(), []), "aspm.registration").detail
    )
    here.assert_tidy()


@pytest.mark.parametrize(("file", "value"), [("new", NEW), ("third", THIRD)])
def test_a_new_token_that_waits_is_given_up_for_the_one_that_is_connected(here, file, value):
    """It was to replace the token that was in force then; be it the very one that is given now, or an older one."""
    rotate(here.context({"pat_file": "new"}), "contoso", [])
    here.world(tokens=(*here.stand.simulator.world.tokens, samples.token(THIRD)))
    context = here.context(asked(register="guided", pat_file=file), files={"third": THIRD})
    assert int(connect(context, "contoso").exit_code) == 0
    assert (here.in_force(), here.waiting()) == (value, [])
    assert state(here) == "handed-off"
    here.assert_tidy()


def test_a_waiting_token_is_told_from_its_like_by_the_whole_of_it(here):
    """Another token that ends as the one in force does: what waits was to replace that one, not this."""
    twin = samples.pat("Twin", PAT[-4:])
    rotate(here.context({"pat_file": "new"}), "contoso", [])
    here.world(tokens=(*here.stand.simulator.world.tokens, samples.token(twin)))
    assert (
        int(
            connect(
                here.context(asked(register="guided", pat_file="twin"), files={"twin": twin}),
                "contoso",
            ).exit_code
        )
        == 0
    )
    assert (here.in_force(), here.waiting()) == (twin, [])
    here.assert_tidy()


def test_the_token_that_is_stored_given_again_is_neither_written_nor_read_twice(here):
    before, context = here.entry.credentials, here.context(asked(register="guided", pat_expires=""))
    reads, read = [], here.vault.read
    here.vault.read = lambda service, origin: (reads.append(service), read(service, origin))[1]
    connect(context, "contoso")
    assert here.entry.credentials == before, "its end, too, which was not said again"
    assert reads.count(before[here.entry.organizations[0].credential].service) == 1
    connect(here.context(asked("contoso", "fabrikam", register="guided")), "contoso")
    assert list(here.entry.credentials) == list(before), "one token, one secret"
    here.assert_tidy()


def test_another_token_is_told_apart_without_the_keyring(here):
    context = here.context(asked(register="none", pat_file="new", aspm_token_file=""))
    reads, read = [], here.vault.read
    here.vault.read = lambda service, origin: (reads.append(service), read(service, origin))[1]
    service = here.entry.credentials[here.entry.organizations[0].credential].service
    connect(context, "contoso")
    assert here.in_force() == NEW
    assert service not in reads


URL = "https://dev.azure.com/Contoso"
PAGE = "https://dev.azure.com/contoso/_usersSettings/tokens"


@pytest.mark.parametrize(
    ("register", "person", "said"),
    [
        ("guided", Person(handoff="saved", go=True), "Revoke it: "),
        ("guided", None, "Revoke it when Invicti ASPM has the new one: "),
        ("none", None, "Revoke it when Invicti ASPM has the new one: "),
    ],
)
def test_a_token_that_is_replaced_is_to_be_revoked(here, register, person, said):
    connect(here.context(asked(register=register, pat_file="new"), person), "contoso")
    assert (
        f"This connection no longer uses the old token (…Rdy1). {said}{PAGE}"
        in here.stand.voice.text
    )


def test_a_token_that_is_given_again_or_kept_or_serves_elsewhere_is_not_to_be_revoked(here):
    connect(here.context(asked(register="guided")), "contoso")
    assert "Revoke" not in here.stand.voice.text
    connect(here.context(asked("fabrikam", register="guided", pat_file="new")), "contoso")
    assert "Revoke" not in here.stand.voice.text
    connect(here.context(asked("fabrikam", register="guided", pat_file="new")), "other")
    connect(here.context(asked("fabrikam", register="guided")), "contoso")
    assert "Revoke" not in here.stand.voice.text, "another connection has it"


def test_nobody_brought_the_new_token_to_invicti_aspm(here):
    """It has the old one: that is what the report, the record, the list and the hand-off say from then on."""
    report = connect(
        here.context(asked(register="none", pat_file="new", aspm_url="", aspm_token_file="")),
        "contoso",
    )
    assert int(report.exit_code) == 0
    assert check(report, "aspm.registration").status.value == "warn"
    assert "No handoff, as requested" in check(report, "aspm.registration").detail
    assert state(here) == "handed-off"
    assert check(validate_stored(here.context(), []), "aspm.registration").status.value == "warn"
    assert int(resume_handoff(here.context(), "contoso").exit_code) == 8
    person = Person(handoff="saved")
    assert int(resume_handoff(here.context(person=person), "contoso").exit_code) == 0
    assert (person.asked, state(here)) == (["handoff"], "registered")


def test_what_is_in_invicti_aspm_is_named_when_it_is_forgotten(here):
    connect(here.context(asked(register="none", pat_file="new")), "contoso")
    assert (
        "deactivate or change" in disconnect(here.context({"yes": "true"}), "contoso").left_to_do[0]
    )


@pytest.mark.parametrize("given", [{}, {"aspm_url": "", "aspm_token_file": ""}])
def test_the_same_token_that_nobody_brings_takes_nothing_back(here, given):
    report = connect(here.context(asked(register="none", **given)), "contoso")
    made = check(report, "aspm.registration")
    assert (int(report.exit_code), made.reason) == (0, "saved-not-shown")
    assert state(here) == "registered"


def test_what_was_refused_stays_refused_where_nobody_brings_it_again(machine):
    here = machine()
    connect(here.context(asked(register="guided"), Person(handoff="refused", go=True)), None)
    connect(here.context(asked(register="none")), "contoso")
    assert state(here) == "failed"


def test_an_invicti_aspm_that_never_had_a_token_has_none_now(machine):
    here = machine()
    for file in ("pat", "new"):
        connect(here.context(asked(register="none", pat_file=file)), None)
        assert state(here) == "none"


@pytest.mark.parametrize("register", ["api", "auto", "none"])
def test_a_profile_only_creates_so_another_token_is_a_persons_to_enter(machine, register):
    here = machine()
    connect(here.context(by_profile()), None)
    [before] = here.stand.instances
    given = by_profile(register=register, pat_file="new")
    report = connect(here.context(given), "contoso")
    assert int(report.exit_code) == (0 if register == "none" else 8)
    assert check(report, "aspm.registration").status.value == "warn"
    assert state(here) == "handed-off"
    assert ("contoso: Invicti ASPM has, or may have, an older token" in here.stand.voice.text) is (
        register != "none"
    )
    assert "Revoke it when Invicti ASPM has the new one" in here.stand.voice.text
    connect(here.context(given), "contoso")
    assert state(here) == "handed-off", "the same again"
    assert here.stand.instances == (before,)
    resume_handoff(here.context(person=Person(handoff="saved")), "contoso")
    assert state(here) == "registered"


@pytest.mark.parametrize("register", ["api", "none"])
def test_a_write_that_may_have_arrived_brought_the_older_token(machine, register):
    """What is found there later is not this token's: a person looks, and enters it."""
    here = machine(aspm={"registers": "never-arrives"})
    connect(here.context(by_profile()), None)
    assert state(here) == "unknown"
    connect(here.context(by_profile(register=register, pat_file="new")), "contoso")
    assert state(here) == "handed-off"


def test_what_a_profile_was_refused_is_tried_with_another_token(machine):
    here = machine(
        aspm={"registers": "yes", "instances": (Instance("by hand", "azurecloud", URL),)}
    )
    assert int(connect(here.context(by_profile()), None).exit_code) == 6
    connect(here.context(by_profile(register="none", pat_file="new")), "contoso")
    assert (state(here), here.entry.organizations[0].registration.mode.value) == ("none", "api")
    here.world(aspm=replace(here.stand.simulator.world.aspm, instances=()))
    assert int(resume_handoff(here.context(), "contoso").exit_code) == 0
    assert state(here) == "registered"


def test_a_persons_refusal_ends_with_its_own_code_whatever_was_asked(machine):
    here = machine()
    refusing = Person(handoff="refused", go=True)
    assert int(connect(here.context(asked(register="guided"), refusing), None).exit_code) == 6
    assert int(connect(here.context(asked(register="none")), "contoso").exit_code) == 6
    assert int(validate_stored(here.context(), []).exit_code) == 6
