"""A token that nobody copies, over real HTTP: created, proven, kept, swapped, revoked; and every way it fails."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date

import pytest

from aspm_ado.domain.azure.pats import PAT_ERRORS
from aspm_ado.domain.reasons import InterruptedByUserError, NotCreatedError, Reason, UsageError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.rotation.migrate import migrate, planned
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.flows.tokens.creation import revoking_unkept
from aspm_ado.simulator import samples

from ..aspm.stand import Person

REQUIRED = {"create_token": "require", "yes": "true"}
CONTOSO_ALONE = samples.CONTOSO


def run(desk, given=None, person=None, **more):
    context = desk.context(REQUIRED if given is None else given, person, **more)
    with revoking_unkept(context):
        return connect(context, None)


def test_made_proven_and_on_record(desk):
    here = desk()
    assert int(run(here).exit_code) == 0
    [made] = here.made
    assert re.fullmatch(r"aspm-ado contoso 20261015 [0-9a-f]{8}", made.name)
    assert (made.reach, made.scopes) == ("Contoso", samples.ALM_SCOPES)
    assert made.expires == date(2027, 4, 13)
    [credential] = here.entry.credentials.values()
    assert (credential.authorization_id, credential.last4) == (made.authorization, made.last4)
    assert (credential.expires, credential.expires_source) == ("2027-04-13", "Azure DevOps")
    assert here.stand.vault.read(credential.service, "https://dev.azure.com").reveal() == made.value
    assert len(here.asked("POST")) == 1
    [call] = here.az.calls
    assert call["argv"] == [
        "account", "get-access-token", "--tenant", samples.TENANT,
        "--resource", "499b84ac-1321-427f-aa17-267ca6975798", "--output", "json",
    ]  # fmt: skip
    assert "ASPM_ADO_PAT" not in call["env"]


def test_the_sign_in_goes_to_one_host_alone(desk):
    here = desk()
    run(here)
    for call in here.stand.wire.calls:
        secret = call.credential.secret.reveal() if call.credential else ""
        assert secret != here.sign_in or call.url.startswith(
            "https://vssps.dev.azure.com/contoso/_apis/tokens/pats?"
        )
        assert here.sign_in not in repr(call)
    assert here.sign_in[:30] not in here.said


def test_a_yes_of_a_person_comes_first(desk):
    here = desk()
    report = run(here, {}, Person(token_how="az", create=True, go=True))
    assert int(report.exit_code) == 0
    assert len(here.made) == 1
    assert "vso.code_full" in here.said
    assert "2027-04-13 (180 days)" in here.said


@pytest.mark.parametrize("how", ["auto", "require"])
def test_a_no_cancels_and_no_token_is_created(desk, how):
    here = desk()
    with pytest.raises(UsageError) as caught:
        run(here, {"create_token": how}, Person(token_how="az", create=False))
    assert (here.made, here.asked("POST")) == ([], [])
    assert (caught.value.reason, caught.value.problem) == (Reason.DECLINED, "Cancelled.")
    assert "created no token" in caught.value.remedy


def test_by_hand_never_runs_az(desk):
    here = desk()
    stop = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Again.")
    with pytest.raises(InterruptedByUserError):
        run(here, {}, Person(token_how="hand", pat=stop))
    assert here.az.calls == []


@pytest.mark.parametrize(
    ("given", "files"),
    [
        ({"create_token": "never", "yes": "true"}, {}),
        ({"pat_file": "pat", "yes": "true"}, {}),
        ({"create_token": "auto"}, {}),
        ({}, {}),
    ],
)
def test_az_is_left_alone(desk, given, files):
    here = desk()
    context = here.context(given, files=files)
    if "pat_file" in given:
        connect(context, None)
    else:
        with pytest.raises(UsageError) as caught:
            connect(context, None)
        assert caught.value.reason is Reason.INPUT_MISSING
    assert (here.az.calls, here.made) == ([], [])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"create_token": "require"}, Reason.CONFIRMATION_MISSING),
        ({**REQUIRED, "dry_run": "true"}, Reason.USAGE),
        ({**REQUIRED, "store": "none"}, Reason.USAGE),
        ({**REQUIRED, "reach": "all"}, Reason.USAGE),
        ({**REQUIRED, "pat_file": "pat"}, Reason.USAGE),
    ],
)
def test_what_cannot_be_required(desk, given, reason):
    here = desk()
    with pytest.raises((NotCreatedError, UsageError)) as caught:
        run(here, given)
    assert caught.value.reason is reason
    assert (here.az.calls, here.made) == ([], [])


@pytest.mark.parametrize("inside", [True, False], ids=["inside-200", "as-400"])
@pytest.mark.parametrize("name", PAT_ERRORS)
def test_each_error_has_its_own_remedy(desk, name, inside):
    here = desk(refuses=name, errors_inside=inside)
    with pytest.raises(NotCreatedError) as caught:
        run(here)
    row = PAT_ERRORS[name]
    assert caught.value.reason is row.reason
    assert int(caught.value.exit_code) in (3, 5)
    assert caught.value.problem.startswith(row.problem.split("{")[0])
    assert "{" not in caught.value.problem + caught.value.remedy
    assert caught.value.remedy
    assert here.made == []
    assert len(here.asked("POST")) == (4 if row.shorter else 2 if row.passing else 1)


def test_every_error_of_the_specification_has_a_row():
    assert len(PAT_ERRORS) == 36
    told = [(row.problem, row.remedy) for row in PAT_ERRORS.values()]
    assert all(problem and remedy for problem, remedy in told)


def test_an_error_that_nobody_knows_is_said_as_it_is(desk):
    here = desk(refuses="somethingNew\x1b[31m")
    with pytest.raises(NotCreatedError) as caught:
        run(here)
    assert caught.value.reason is Reason.CREATION_FAILED
    assert "somethingNew" in caught.value.problem
    assert "\x1b" not in caught.value.problem


@pytest.mark.parametrize(("longest", "days"), [(100, 90), (30, 30), (10, 7)])
def test_a_shorter_life_is_tried_and_the_longest_is_said(desk, longest, days):
    here = desk(longest=longest)
    assert int(run(here).exit_code) == 0
    [made] = here.made
    assert (made.expires - date(2026, 10, 15)).days == days
    assert f"The longest that it allowed is {days} days" in here.said


def test_a_cap_without_a_word_is_said(desk):
    here = desk(longest=45, caps_in_silence=True)
    assert int(run(here).exit_code) == 0
    assert "expires on 2026-11-29 (45 days), not on 2027-04-13" in here.said
    [credential] = here.entry.credentials.values()
    assert credential.expires == "2026-11-29"


def test_other_scopes_are_said_and_not_kept(desk):
    here = desk(grants=frozenset({"vso.code", "vso.work_full"}))
    report = run(here)
    assert int(report.exit_code) == 3
    assert "granted other scopes" in here.said
    assert [one.revoked for one in here.made] == [True], "what is not kept is revoked"
    assert "aspm-ado revoked it" in here.said


@pytest.mark.parametrize("loses", ["after", "before"])
def test_a_lost_answer(desk, loses):
    here = desk(loses=loses)
    if loses == "after":
        assert int(run(here).exit_code) == 0
        assert [one.revoked for one in here.made] == [True, False]
        assert "its value did not arrive" in here.said
        assert len(here.asked("POST")) == 2
    else:
        with pytest.raises(NotCreatedError) as caught:
            run(here)
        assert caught.value.reason is Reason.CREATION_FAILED
        assert (here.made, len(here.asked("POST"))) == ([], 1), "never sent twice without looking"


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        ({"contoso": replace(CONTOSO_ALONE, tenant=None)}, Reason.CREATION_NOT_POSSIBLE),
        ({"tenant": "11111111-2222-4333-8444-555566667777"}, Reason.CREATION_NOT_ALLOWED),
        ({"is_person": False}, Reason.CREATION_NOT_ALLOWED),
        (
            {"contoso": replace(CONTOSO_ALONE, members=(samples.GRACE,))},
            Reason.CREATION_NOT_ALLOWED,
        ),
    ],
    ids=["personal-accounts", "other-tenant", "service-principal", "not-a-member"],
)
def test_who_cannot(desk, world, reason):
    here = desk(**world)
    with pytest.raises(NotCreatedError) as caught:
        run(here)
    assert caught.value.reason is reason
    assert here.made == []


def test_no_such_organization(desk):
    here = desk()
    with pytest.raises(NotCreatedError) as caught:
        run(here, {**REQUIRED, "organization": ("nowhere",)})
    assert caught.value.reason is Reason.ORGANIZATION_ABSENT
    assert here.az.calls == []


def test_auto_with_nobody_there_names_the_cause(desk):
    here = desk(refuses="disablePatCreationPolicyViolation")
    with pytest.raises(UsageError) as caught:
        run(here, {"yes": "true"})
    assert caught.value.reason is Reason.INPUT_MISSING
    assert "forbids new tokens" in caught.value.problem
    assert "aspm-ado guide -o contoso --request creation" in caught.value.remedy


def test_a_server_is_never_offered_it(desk):
    here = desk()
    with pytest.raises(NotCreatedError) as caught:
        run(
            here,
            {
                **REQUIRED,
                "organization": (),
                "server_url": "https://tfs.example.test/tfs",
                "collection": "Default",
            },
        )
    assert caught.value.reason is Reason.CREATION_NOT_POSSIBLE
    assert here.stand.simulator.requests == []


def test_what_is_declined_at_the_end_is_revoked(desk):
    here = desk()
    with pytest.raises(UsageError):
        run(here, {}, Person(token_how="az", create=True, go=False))
    assert [one.revoked for one in here.made] == [True]
    assert here.stand.records.load().connections == {}


def test_what_is_interrupted_is_revoked(desk):
    here = desk()
    stop = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Again.")
    with pytest.raises(InterruptedByUserError):
        run(here, {}, Person(token_how="az", create=True, go=stop))
    assert [one.revoked for one in here.made] == [True]


def test_two_organizations_ask_az_once(desk):
    here = desk()
    assert int(run(here, {**REQUIRED, "organization": ("contoso", "fabrikam")}).exit_code) == 0
    assert {one.reach for one in here.made} == {"Contoso", "Fabrikam"}
    assert len(here.entry.credentials) == 2
    assert len(here.az.calls) == 1


def test_rotate_is_one_command(desk):
    here = desk()
    run(here)
    [old] = here.made
    assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 0
    [first, second] = here.made
    assert (first.authorization, first.revoked, second.revoked) == (old.authorization, True, False)
    [credential] = here.entry.credentials.values()
    assert credential.authorization_id == second.authorization
    assert f"The old token (…{old.last4}) is revoked." in here.said


@pytest.mark.parametrize(("answer", "revokes"), [(True, True), (True, False), (False, True)])
def test_connect_offers_to_revoke_the_one_that_it_replaces(desk, answer, revokes):
    here = desk()
    run(here)
    here.rule(revokes=revokes)
    run(here, {"pat_file": "pat"}, Person(revoke=answer, go=True))
    assert [one.revoked for one in here.made] == [answer and revokes]
    assert ("Revoke it: https://dev.azure.com/contoso/_usersSettings/tokens" in here.said) is not (
        answer and revokes
    )
    assert [one.replaced for one in here.stand.records.load().ordered] == [True] * (
        answer and not revokes
    )


def test_the_stored_one_given_by_hand_is_still_ours_to_revoke(desk):
    here = desk()
    run(here)
    [made] = here.made
    assert int(run(here, {"pat_file": "made"}, files={"made": made.value}).exit_code) == 0
    [credential] = here.entry.credentials.values()
    assert (credential.authorization_id, credential.expires) == (made.authorization, "2027-04-13")
    assert not here.made[0].revoked


def test_an_old_token_that_cannot_be_revoked_is_a_warning_with_the_page(desk):
    here = desk()
    run(here)
    here.rule(revokes=False)
    assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 0
    assert "could not be revoked" in here.said
    assert "Revoke it: https://dev.azure.com/contoso/_usersSettings/tokens" in here.said
    assert [one.revoked for one in here.made] == [False, False]


def test_a_new_token_that_is_not_good_is_revoked_and_the_old_one_serves(desk):
    here = desk()
    run(here)
    here.rule(grants=frozenset({"vso.code"}))
    assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 3
    assert [one.revoked for one in here.made] == [False, True]
    [credential] = here.entry.credentials.values()
    assert credential.authorization_id == here.made[0].authorization


def test_an_old_token_stays_where_invicti_aspm_may_still_use_it(desk):
    here = desk()
    run(here, {"register": "guided", "aspm_url": "https://aspm.example.test", **REQUIRED})
    assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 0
    assert [one.revoked for one in here.made] == [False, False]
    assert "Revoke it when Invicti ASPM has the new one: https://dev.azure.com/contoso" in here.said
    assert here.stand.records.load().ordered == ()


def test_an_old_token_that_could_not_be_revoked_is_revoked_by_the_next_creation(desk):
    here = desk()
    run(here)
    here.rule(revokes=False)
    assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 0
    assert [one.replaced for one in here.stand.records.load().ordered] == [True]
    here.rule(revokes=True)
    assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 0
    assert [one.revoked for one in here.made] == [True, True, False]
    assert here.stand.records.load().ordered == ()


def test_a_token_of_ours_that_is_not_on_record_is_pointed_at_and_left_alone(desk):
    """Another machine may have made it and use it."""
    here = desk()
    run(here)
    here.stand.records.change(lambda catalogue: replace(catalogue, connections={}))
    run(here)
    assert f"not on record here: “{here.made[0].name}”" in here.said
    assert [one.revoked for one in here.made] == [False, False]


def test_the_records_hold_the_id_and_no_secret(desk):
    here = desk()
    run(here)
    text = json.dumps(here.entry.known_credentials[0].authorization_id)
    assert text != '""'
    files = [
        path.read_bytes() for path in here.stand._folder.glob("records/**/*") if path.is_file()
    ]
    assert any(text.strip('"').encode() in one for one in files)
    assert not any(
        here.made[0].value.encode() in one or here.sign_in.encode() in one for one in files
    )


def test_migrate_makes_one_for_each_with_nobody_there(desk):
    here = desk()
    shared = {"organization": ("contoso", "fabrikam"), "pat_file": "pat", "reach": "all"}
    assert int(run(here, shared).exit_code) == 0
    [old] = here.entry.credentials.values()
    context = here.context({**REQUIRED, "organization": (), "reach": "", "register": "none"})
    with revoking_unkept(context):
        assert int(migrate(context, "contoso").exit_code) == 0
    assert {one.reach for one in here.made} == {"Contoso", "Fabrikam"}
    now = here.entry.credentials.values()
    assert {one.authorization_id for one in now} == {one.authorization for one in here.made}
    assert old.last4 not in {one.last4 for one in now}


def test_the_plan_says_where_az_can_make_it_and_does_not_run_it(desk):
    here = desk()
    run(here, {"organization": ("contoso", "fabrikam"), "pat_file": "pat", "reach": "all"})
    world = here.stand.simulator.world
    first, second = world.organizations
    here.stand.simulator.become(replace(world, organizations=(first, replace(second, tenant=None))))

    def hows(**given):
        rows = planned(here.context({"organization": (), "reach": "", **given}), "contoso").rows
        return {row.organization: row.how.value for row in rows}

    assert hows() == {"contoso": "by-az", "fabrikam": "by-hand"}
    assert hows(create_token="never") == dict.fromkeys(("contoso", "fabrikam"), "by-hand")
    assert here.az.calls == []


@pytest.mark.parametrize("choice", ["require", "auto"])
@pytest.mark.parametrize(
    ("refuses", "code", "status"),
    [("disablePatCreationPolicyViolation", 3, "fail"), ("failedToReadOrgPolicy", 5, "unknown")],
)
def test_one_organization_that_forbids_it_keeps_no_other_from_its_token(
    desk, refuses, code, status, choice
):
    here = desk(refuses=refuses)
    run(here, {"organization": ("contoso", "fabrikam"), "pat_file": "pat", "reach": "all"})
    context = here.context(
        {"create_token": choice, "yes": "true", "organization": (), "reach": "", "register": "none"}
    )
    with revoking_unkept(context):
        report = migrate(context, "contoso")
    assert int(report.exit_code) == code
    [contoso, fabrikam] = report.connections[0].organizations
    access = next(one for one in contoso.checks if one.id.value == "organization.access")
    assert (access.status.value, access.reason, bool(access.remedy)) == (
        status,
        PAT_ERRORS[refuses].reason,
        True,
    )
    assert fabrikam.token.source == "az"
    assert here.entry.unmigrated == ("contoso",)
    here.rule(refuses="")
    context = here.context({**REQUIRED, "organization": (), "reach": ""})
    assert int(migrate(context, "contoso").exit_code) == 0
    assert sorted(one.reach for one in here.made) == ["Contoso", "Fabrikam"]


@pytest.mark.parametrize("choice", ["require", "auto"])
def test_one_organization_that_forbids_it_is_reported_and_the_others_are_connected(desk, choice):
    here = desk(refuses="disablePatCreationPolicyViolation")
    given = {**REQUIRED, "create_token": choice, "organization": ("contoso", "fabrikam")}
    report = run(here, given)
    assert int(report.exit_code) == 3
    by_name = {one.name.casefold(): one for one in report.connections[0].organizations}
    access = next(one for one in by_name["contoso"].checks if one.id.value == "organization.access")
    assert (access.status.value, access.reason.value) == ("fail", "creation-forbidden")
    assert by_name["contoso"].registration.state.value == "none"
    assert by_name["fabrikam"].is_good
    assert [one.name.casefold() for one in here.entry.organizations] == ["fabrikam"]


def test_where_every_organization_forbids_it_all_are_reported_and_nothing_is_stored(desk):
    here = desk(is_person=False)
    report = run(here, {**REQUIRED, "organization": ("contoso", "fabrikam")})
    assert len(report.connections[0].organizations) == 2
    assert int(report.exit_code) == 3
    assert here.stand.records.load().connections == {}


def test_what_ails_az_itself_ends_the_run(desk):
    here = desk()
    run(here, {"organization": ("contoso", "fabrikam"), "pat_file": "pat", "reach": "all"})
    here.az.answers(stdout="nonsense")
    with pytest.raises(NotCreatedError) as caught:
        migrate(here.context({**REQUIRED, "organization": (), "reach": ""}), "contoso")
    assert (caught.value.reason, len(here.az.calls)) == (Reason.AZ_FAILED, 1)


def test_a_yes_before_is_not_asked_for_again_for_each_organization(desk):
    """An administrator of forty organizations says it once; the rest of the questions are those of the hand-off."""
    here = desk()
    run(here, {"organization": ("contoso", "fabrikam"), "pat_file": "pat", "reach": "all"})
    person = Person(migrate_which=("contoso", "fabrikam"))
    context = here.context({**REQUIRED, "organization": (), "reach": ""}, person)
    assert int(migrate(context, "contoso").exit_code) == 0
    assert person.asked == ["migrate-which"]


def test_migrate_with_nobody_there_names_what_it_may_not_make(desk):
    here = desk()
    run(here, {"organization": ("contoso", "fabrikam"), "pat_file": "pat", "reach": "all"})
    with pytest.raises(UsageError) as caught:
        migrate(here.context({"organization": (), "reach": ""}), "contoso")
    assert caught.value.reason is Reason.INPUT_MISSING
    assert (here.az.calls, here.made) == ([], [])
