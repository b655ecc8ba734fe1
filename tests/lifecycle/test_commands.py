"""``validate``, ``rotate`` and ``disconnect`` as they are typed: exit codes, documents, and what a person sees."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from aspm_ado.cli import output
from aspm_ado.cli.commands.connect import run_connect
from aspm_ado.cli.commands.list import run_list
from aspm_ado.cli.commands.stored import run_disconnect, run_rotate
from aspm_ado.cli.commands.validate import run_validate
from aspm_ado.cli.context import Invocation
from aspm_ado.domain import questions
from aspm_ado.domain.azure.retirement import Clock
from aspm_ado.domain.questions import Question
from aspm_ado.domain.reasons import Reason, StoreError, UsageError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect as forget
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.simulator import samples

from .machine import ASPM, GRACES, NEW, PAT, Machine, Person, asked

EVERY = [one for one in vars(questions).values() if isinstance(one, Question)]


@pytest.fixture
def here(saved) -> Machine:
    return saved


@pytest.fixture
def run(here, capsys, tmp_path):
    """A command over the real wiring, with the machine's vault in place of a keyring."""
    token = tmp_path / "new.txt"
    token.write_text(NEW)
    token.chmod(0o600)

    def typed(command, *, person=None, names=None, keeps_vault=False, **flags):
        if not keeps_vault:
            here.context()
        output.forget_document()
        given = {
            key.replace("_", "-"): str(token) if value == "new" else value
            for key, value in flags.items()
        }
        environment = {"ASPM_ADO_SIMULATOR": here.stand.simulator.variable}
        wiring = Invocation("test", EVERY, {"config-dir": str(here.folder), **given}, environment)
        wiring.__dict__["vault"] = here.vault
        if person is not None:
            wiring.__dict__["prompter"] = person
        try:
            code = command(wiring, names)
        finally:
            wiring.close()
        said = capsys.readouterr()
        return code, said.out, said.err

    return typed


@pytest.mark.parametrize(
    "flags",
    [{"purpose": "alm"}, {"reach": "organization"}, {"pat_file": "new"}],
    ids=lambda flags: next(iter(flags)),
)
def test_what_is_on_record_is_not_said_again_of_a_stored_connection(run, here, flags):
    """A flag that would be ignored is refused; its variable is meant for others and is left alone."""
    with pytest.raises(UsageError, match="stored connection"):
        run(run_validate, names=["contoso"], **flags)


def test_disconnect(run, here):
    with pytest.raises(UsageError) as caught:
        run(run_disconnect, names="contoso")
    assert int(caught.value.exit_code) == 2
    code, out, _ = run(run_disconnect, names="contoso", yes=True, json=True)
    document = json.loads(out)
    assert (code, document["exit_code"], document["verdict"]) == (0, 0, "ready")
    assert document["schema"] == "aspm-ado/disconnect/v1"
    assert (document["secrets_erased"], document["secrets_remaining"]) == (2, 0)
    assert document["revoke"] == ["https://dev.azure.com/contoso/_usersSettings/tokens"]
    assert "Invicti ASPM" in document["left_to_do"][0]
    assert PAT not in out


def test_disconnect_names_each_token_that_is_left_to_revoke(run, here):
    rotate(here.context({"pat_file": "new"}), "contoso", ())
    ends = " and ".join(f"…{one.last4}" for one in here.entry.known_credentials)
    page = "https://dev.azure.com/contoso/_usersSettings/tokens"
    code, out, _ = run(run_disconnect, yes=True)
    assert code == 0
    assert f"Left to do: Revoke the tokens {ends}: {page}" in " ".join(out.split())


def test_disconnect_forgets_the_only_connection_after_a_yes(run, here):
    assert run(run_disconnect, yes=True)[0] == 0
    assert here.catalogue.connections == {}


def test_disconnect_with_a_keyring_that_fails_says_how_to_go_on(run, here):
    def locking(*_):
        here.vault.locked = True

    here.context()
    context = here.context({"yes": "true"})
    here.vault.probe = locking
    assert len(forget(context, "contoso").remaining) == 2
    code, out, _ = run(run_disconnect, names="contoso", yes=True)
    assert code == 0
    assert "Deleted 2 secrets" in out


def test_validate_shows_only_trouble_with_its_command(run, here):
    code, out, _ = run(run_validate)
    assert code == 0
    assert "clone.token" not in out
    assert "aspm-ado migrate contoso" in out
    _, everything, _ = run(run_validate, all=True)
    assert len(everything) > len(out)
    code, out, _ = run(run_validate, json=True, fail_on_warning=True)
    assert code == json.loads(out)["exit_code"] == 3


def test_validate_shows_what_has_changed_also_where_it_is_good(run, here):
    here.token(owner=samples.GRACE)
    code, out, _ = run(run_validate)
    assert code == 0
    assert "✓ Identity: The token belongs to Grace Example" in " ".join(out.split())
    assert "On 2026-10-15, the owner was Ada Example." in " ".join(out.split())
    assert "✓ Code" not in out
    assert "Identity:" not in run(run_validate)[1]


def test_validate_ends_with_the_new_token_that_is_needed_before_a_handoff(run, here):
    connect(here.context(asked("fabrikam", register="guided", pat_file="new")), "contoso")
    assert "Next: aspm-ado handoff contoso" in run(run_validate)[1]
    here.token(NEW, expires=date(2026, 10, 1))
    out = run(run_validate)[1]
    assert "Next: aspm-ado rotate contoso -o fabrikam" in out
    assert "Next: aspm-ado handoff" not in out


def test_a_token_that_is_gone_is_replaced_where_it_served_and_nowhere_else(run, here):
    connect(here.context(asked("fabrikam", register="guided", pat_file="new")), "contoso")
    service = next(one.service for one in here.entry.credentials.values() if one.last4 == NEW[-4:])
    del here.secrets[service]
    out = run(run_validate)[1]
    commands = [
        line.split("aspm-ado ")[1] for line in out.splitlines() if "aspm-ado rotate" in line
    ]
    assert commands == ["rotate contoso -o fabrikam"], "as what comes next, and no more"


def test_a_locked_keyring_asks_for_no_new_token(run, here):
    here.context()

    def locked(*_):
        raise StoreError(Reason.KEYRING_LOCKED, "The keyring is locked.", remedy="Unlock it.")

    here.vault.read = locked
    code, out, _ = run(run_validate, keeps_vault=True)
    assert code == 7
    assert "aspm-ado rotate" not in out
    assert "aspm-ado validate contoso" in out


def test_what_rotate_leaves_to_a_person_is_named_at_the_end(run, here):
    code, out, _ = run(run_rotate, names="contoso", pat_file="new")
    assert code == 8
    assert "Next: aspm-ado handoff contoso" in out
    assert "aspm-ado migrate contoso" in out


@pytest.mark.parametrize(
    ("command", "reason"),
    [(run_rotate, Reason.INPUT_MISSING), (run_disconnect, Reason.CONFIRMATION_MISSING)],
)
def test_the_only_connection_need_not_be_said(run, command, reason):
    with pytest.raises(UsageError) as caught:
        run(command)
    assert (caught.value.reason, "connection" in caught.value.problem) == (reason, False)


def test_a_date_said_of_a_stored_connection_corrects_its_record(run):
    code, out, _ = run(run_validate, names=["contoso"], pat_expires="2027-02-28", json=True)
    assert code == 0
    [organization] = json.loads(out)["connections"][0]["organizations"]
    assert organization["token"]["expires"] == "2027-02-28"


@pytest.mark.parametrize(("answer", "code", "force"), [(True, 0, NEW), (False, 4, PAT)])
def test_validate_offers_to_rotate_what_is_dead(run, here, answer, code, force):
    here.token(expires=date(2026, 10, 1))
    person = Person(
        rotate=answer, token_ready="paste", pat=NEW, pat_expires="2027-01-13", handoff="saved"
    )
    assert run(run_validate, person=person)[0] == code
    assert here.in_force() == force


@pytest.mark.parametrize(("answer", "code", "force"), [(True, 0, NEW), (False, 4, None)])
def test_validate_offers_to_replace_what_is_gone_from_the_keyring(run, here, answer, code, force):
    [gone] = here.entry.credentials.values()
    del here.secrets[gone.service]
    person = Person(
        rotate=answer, token_ready="paste", pat=NEW, pat_expires="2027-01-13", handoff="saved"
    )
    ended, out, _ = run(run_validate, person=person)
    assert ended == code
    assert "aspm-ado rotate contoso" in out
    assert out.rindex("(exit ") == out.rindex(f"(exit {code})"), (
        "the last verdict is the one that counts"
    )
    if force:
        assert here.in_force() == force
        here.assert_tidy()


def test_a_new_token_that_waits_does_not_bring_a_dead_one_back(run, here):
    """Invicti ASPM has the dead one until somebody enters the new one there."""
    here.token(expires=date(2026, 10, 1))
    later = Person(
        rotate=True, token_ready="paste", pat=NEW, pat_expires="2027-01-13", handoff="later"
    )
    code, out, _ = run(run_validate, person=later)
    assert code == 4
    assert out.rindex("(exit ") == out.rindex("(exit 4)")
    assert (here.in_force(), here.waiting()) == (PAT, [NEW])
    assert run(run_validate, person=Person(rotate=True, handoff="saved"))[0] == 0
    assert (here.in_force(), here.waiting()) == (NEW, [])


def test_an_offer_whose_new_token_is_not_good_changes_nothing(run, here):
    here.token(expires=date(2026, 10, 1))
    person = Person(rotate=True, token_ready="paste", pat=GRACES, pat_expires="2027-01-13")
    code, out, _ = run(run_validate, person=person)
    assert code == 4
    assert "Grace Example" in out
    assert (here.in_force(), here.waiting()) == (PAT, [])


def test_validate_offers_a_new_token_for_the_aspm(run, here):
    aspm = here.stand.simulator.world.aspm
    here.world(aspm=replace(aspm, token="simulated-aspm-token-0002"))
    refused, out, _ = run(run_validate, person=Person(rotate_aspm=False))
    assert refused == 4
    assert f"aspm-ado rotate --aspm-url {ASPM}" in out
    person = Person(rotate_aspm=True, aspm_token="simulated-aspm-token-0002")
    assert run(run_validate, person=person)[0] == 0
    here.assert_tidy()


def test_a_rotation_does_not_hide_another_failure(run, here):
    connect(
        here.context(
            asked("fabrikam", register="none", aspm_url="", aspm_token_file="", pat_file="graces")
        ),
        "other",
    )
    [gone] = here.catalogue.connections["other"].credentials.values()
    del here.secrets[gone.service]
    here.token(expires=date(2026, 10, 1))
    assert (
        run(
            run_validate,
            names=["contoso", "other"],
            person=Person(rotate=True, handoff="saved"),
            pat_file="new",
        )[0]
        == 4
    )
    assert here.in_force() == NEW


def listing(wiring, names):
    return run_list(wiring)


def test_list_says_what_waits_and_what_to_run(run, here):
    assert "handoff" not in run(listing)[1]
    run(run_rotate, names="contoso", pat_file="new")
    code, out, _ = run(listing)
    assert code == 0
    assert "pending token …New1 is not in Invicti ASPM yet: aspm-ado handoff contoso" in out
    [organization] = json.loads(run(listing, json=True)[1])["connections"][0]["organizations"]
    assert (organization["token"]["last4"], organization["waiting"]["last4"]) == ("Rdy1", "New1")


END = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("today", "end", "said", "left"),
    [
        (date(2026, 11, 30), END, "stops 2026-12-01 (1 day)", 1),
        (date(2026, 12, 1), END, "announced end 2026-12-01 (past)", 0),
        (date(2026, 12, 4), END, "announced end 2026-12-01 (past)", -3),
        (date(2027, 1, 12), None, "2027-01-13 (1 day)", 1),
        (date(2027, 1, 13), None, "2027-01-13 (today)", 0),
        (date(2027, 1, 16), None, "2027-01-13 (past)", -3),
    ],
)
def test_list_counts_to_the_earlier_end_and_past_it(run, today, end, said, left):
    def on_that_day(wiring, names):
        wiring.__dict__["clock"] = Clock(today, end)
        return run_list(wiring)

    out = run(on_that_day)[1]
    assert f"  {said}  " in out
    assert "-3 day" not in out
    [organization] = json.loads(run(on_that_day, json=True)[1])["connections"][0]["organizations"]
    assert organization["token"]["days_left"] == left


def test_rotate(run, here):
    with pytest.raises(UsageError):
        run(run_rotate)
    code, out, _ = run(run_rotate, names="contoso", pat_file="new", json=True)
    assert code == json.loads(out)["exit_code"] == 8
    code, out, _ = run(run_rotate, names="contoso", register="none", json=True)
    assert code == 0
    assert here.in_force() == NEW
    here.assert_tidy()


def test_a_connect_that_verified_everything_names_no_next_step(run):
    code, out, _ = run(
        run_connect, names="other", organization=("contoso",), pat_file="new", register="none"
    )
    assert (code, "Ready" in out) == (0, True)
    assert "Next:" not in out


def test_a_connection_that_stays_as_it_was_is_not_said_to_be_unstored(run):
    code, out, _ = run(run_connect, names="contoso", organization=("nosuchorg",), pat_file="new")
    assert code == 3
    assert "Nothing changed." in out
    assert "Nothing is stored" not in out
