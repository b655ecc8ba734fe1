"""Registration by a profile: once, on record, found again; killed at every step and resumed, never two instances."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.domain.documents import Document
from aspm_ado.domain.http import Reply
from aspm_ado.domain.reasons import InterruptedByUserError, UsageError, UserError
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import RegistrationMode, RegistrationState
from aspm_ado.flows.connect import connect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.simulator.world import Instance

from .stand import (
    ASPM,
    PAT,
    PROFILE,
    TOKEN,
    Person,
    Wire,
    asked,
    by_profile,
    check,
    patless,
    states,
)

HAND_MADE = Instance("made by hand", "azurecloud", "https://dev.azure.com/Contoso")


def registration(report, organization=0):
    made = report.connections[0].organizations[organization].registration
    return made.mode.value, made.state.value, made.proof.value


def profile(tmp_path, **changes):
    """The simulator's profile with other parts; ``None`` leaves one out."""
    document = json.loads(Path(PROFILE).read_text(encoding="utf-8"))
    for key, value in changes.items():
        if value is None:
            del document[key]
        else:
            document[key] = value
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def test_registered_and_proven(stand):
    here = stand(aspm={"registers": "yes"})
    report = connect(here.context(by_profile("contoso", "fabrikam")), None)
    assert int(report.exit_code) == 0
    assert [one.url for one in here.instances] == [
        "https://dev.azure.com/contoso",
        "https://dev.azure.com/fabrikam",
    ]
    assert registration(report, 0) == ("api", "registered", "alm-accepted")
    assert registration(report, 1) == ("api", "registered", "claimed"), (
        "the tool was known before: that proves nothing"
    )
    made = check(report, "aspm.registration")
    assert made.required
    assert "undocumented endpoint" in made.detail
    assert "sha256" in made.detail
    assert "The test of Invicti ASPM passed" in made.detail
    assert report.connections[0].organizations[0].registration.instance_id == here.instances[0].id
    assert [call.method for call in here.wire.writes] == ["POST", "POST"]
    assert patless(here.wire.calls)
    assert PAT not in here.voice.text


def test_auto_with_a_profile_is_api_and_what_is_registered_is_not_registered_again(stand):
    here = stand(aspm={"registers": "yes"})
    report = connect(here.context(by_profile(register="")), None)
    assert registration(report)[1] == "registered"
    again = connect(here.context(by_profile()), None)
    assert registration(again)[1] == "registered"
    assert "earlier run" in check(again, "aspm.registration").detail
    assert here.wire.writes == []
    assert len(here.instances) == 1
    more = connect(here.context({"organization": "fabrikam", "pat_file": "pat"}), "contoso")
    assert registration(more)[1] == "registered", "the profile and the ASPM's token are remembered"
    assert len(here.instances) == 2


def test_a_rehearsal_shows_the_request_and_sends_no_write(stand):
    here = stand(aspm={"registers": "yes"})
    report = connect(here.context(by_profile(dry_run="true")), None)
    assert registration(report) == ("api", "planned", "none")
    assert int(report.exit_code) == 0
    assert here.wire.writes == []
    assert "POST https://aspm.example.test/api/simulated/v1/alm-instances/" in here.voice.text
    assert '"token": "********"' in here.voice.text
    assert "X-Cookie: ********" in here.voice.text
    assert PAT not in here.voice.text
    assert TOKEN not in here.voice.text
    assert here.records.load().connections == {}


def test_what_is_needed_is_demanded_first(stand):
    here = stand(aspm={"registers": "yes"})
    with pytest.raises(UsageError) as caught:
        connect(here.context(by_profile(aspm_token_file="")), None)
    assert "--aspm-token-file" in caught.value.remedy
    with pytest.raises(UsageError):
        connect(here.context(by_profile(registration_profile="/nowhere/at/all.json")), None)
    with pytest.raises(UsageError):
        connect(here.context(asked(register="api")), None)
    assert here.wire.calls == []


def test_a_profile_of_the_other_dialect(stand):
    here = stand(aspm={"registers": "yes", "dialect": "core"})
    with pytest.raises(UsageError) as caught:
        connect(here.context(by_profile()), None)
    assert "standalone" in caught.value.problem
    assert here.wire.writes == []


def test_an_aspm_that_is_not_ready_gets_no_registration(stand):
    here = stand(aspm={"registers": "yes", "token_sees_projects": False})
    report = connect(here.context(by_profile()), None)
    assert int(report.exit_code) == 6
    assert registration(report) == ("none", "none", "none")
    assert check(report, "aspm.registration").status.value == "skip"
    assert patless(here.wire.calls, but_for_writes=False)
    assert here.wire.writes == []


def test_a_lost_answer_after_the_commit_is_found_again(stand):
    here = stand(aspm={"registers": "answer-lost"})
    report = connect(here.context(by_profile()), None)
    assert registration(report) == ("api", "registered", "alm-accepted")
    assert int(report.exit_code) == 0
    assert len(here.wire.writes) == len(here.instances) == 1


def test_a_request_that_never_arrives_stays_unknown_and_is_taken_up_later(stand):
    here = stand(aspm={"registers": "never-arrives"})
    report = connect(here.context(by_profile()), None)
    assert registration(report) == ("api", "unknown", "none")
    assert int(report.exit_code) == 8
    assert check(report, "aspm.registration").reason.value == "registration-unknown"
    assert len(here.wire.writes) == 1, "never repeated"
    _becomes(here, "yes")
    report = connect(here.context(), "contoso")
    assert report.command == "connect"
    assert registration(report)[:2] == ("api", "registered")
    assert len(here.wire.writes) == len(here.instances) == 1


@pytest.mark.parametrize("body", ['{"message": "instance cre', "", "<html>Created", "[]"])
def test_a_created_that_cannot_be_read_is_looked_for(stand, body):
    """201, and what came with it says nothing: the list does, and nothing is sent twice."""
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())
    inner, spoilt = here.wire.send, []

    def spoil(call):
        reply = inner(call)
        if call.method == "POST" and call.url.startswith(ASPM):
            spoilt.append(reply.status)
            return replace(reply, text=body)
        return reply

    here.wire.send = spoil
    report = connect(context, None)
    assert spoilt == [201]
    assert registration(report)[:2] == ("api", "registered")
    assert len(here.wire.writes) == len(here.instances) == 1


def test_without_find_an_unclear_answer_is_a_persons_to_settle(stand, tmp_path):
    here = stand(aspm={"registers": "answer-lost"})
    report = connect(
        here.context(by_profile(registration_profile=profile(tmp_path, find=None))), None
    )
    assert registration(report) == ("api", "unknown", "none")
    for _ in range(2):
        report = resume_handoff(here.context(), None)
        assert int(report.exit_code) == 8
        assert here.wire.writes == []
    report = resume_handoff(here.context(person=Person(handoff=["saved"])), None)
    assert registration(report) == ("guided", "registered", "claimed")
    assert int(report.exit_code) == 0
    assert len(here.instances) == 1


def test_an_instance_that_is_not_ours_is_neither_taken_over_nor_doubled(stand):
    here = stand(aspm={"registers": "yes", "instances": (HAND_MADE,)})
    report = connect(here.context(by_profile()), None)
    assert int(report.exit_code) == 6
    assert registration(report) == ("api", "failed", "none")
    assert check(report, "aspm.registration").reason.value == "registration-conflict"
    assert here.wire.writes == []
    assert here.instances == (HAND_MADE,)
    report = resume_handoff(here.context(person=Person(handoff=["saved"])), None)
    assert registration(report)[:2] == ("guided", "registered")


def test_a_conflict_that_only_the_write_shows(stand, tmp_path):
    here = stand(aspm={"registers": "yes", "instances": (HAND_MADE,)})
    report = connect(
        here.context(by_profile(registration_profile=profile(tmp_path, find=None))), None
    )
    assert check(report, "aspm.registration").reason.value == "registration-conflict"
    assert here.instances == (HAND_MADE,)


def test_a_refusal_never_repeats_the_token(stand):
    """The simulator answers with the very token that it was sent."""
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())
    inner = here.wire.send

    def retire(call):
        if call.method == "POST" and call.url.startswith(ASPM):
            world = here.simulator.world
            from dataclasses import replace

            here.simulator.become(replace(world, tokens=()))
        return inner(call)

    here.wire.send = retire
    report = connect(context, None)
    made = check(report, "aspm.registration")
    assert int(report.exit_code) == 6
    assert made.reason.value == "aspm-refused"
    assert "[secret]" in made.detail
    assert PAT not in repr(report)
    assert registration(report)[1] == "failed"


@pytest.mark.parametrize(
    ("changes", "state", "reason", "code", "sent"),
    [
        ({"path": "/api/none/"}, "failed", "aspm-refused", 6, 1),
        ({"success": {"status": [200]}}, "registered", None, 0, 1),
        ({"success": {"status": [201], "pointer": "/other"}}, "registered", None, 0, 1),
        (
            {"success": {"status": [201], "pointer": "/other"}, "find": None},
            "unknown",
            "registration-unknown",
            8,
            1,
        ),
        (
            {"test": {"path": "/api/none/", "success": {"status": [200]}}},
            "registered",
            "aspm-refused",
            6,
            1,
        ),
    ],
    ids=["no such path", "another status", "no proof in it", "nor a find", "its test fails"],
)
def test_answers_that_are_not_what_the_profile_says(
    stand, tmp_path, changes, state, reason, code, sent
):
    here = stand(aspm={"registers": "yes"})
    report = connect(
        here.context(by_profile(registration_profile=profile(tmp_path, **changes))), None
    )
    made = check(report, "aspm.registration")
    assert (registration(report)[1], made.reason.value if made.reason else None) == (state, reason)
    assert int(report.exit_code) == code
    assert len(here.wire.writes) == sent
    assert len(here.instances) <= 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("acts", "finds"), [(True, True), (False, True), (True, False), (False, False)]
)
def test_a_redirect_after_the_write_never_leads_to_a_second_instance(
    stand, tmp_path, status, acts, finds
):
    """302 and 303 are also what is sent after a form was taken: only a list tells. None of them is followed."""
    here = stand(aspm={"registers": "yes"})
    given = by_profile(registration_profile=profile(tmp_path, **({} if finds else {"find": None})))
    context = here.context(given)
    send = here.wire.send

    def redirect(call):
        if call.method != "POST" or not call.url.startswith(ASPM):
            return send(call)
        if acts:
            send(call)
        return Reply(call, status, (("Location", "https://elsewhere.example/"),))

    here.wire.send = redirect
    report = connect(context, None)
    doubtful = status in (302, 303) and not finds
    wanted = ("registered", 0) if acts and finds else ("unknown", 8) if doubtful else ("failed", 6)
    assert (registration(report)[1], int(report.exit_code)) == wanted
    assert not any("elsewhere" in call.url for call in here.wire.calls)
    if wanted[0] == "failed":
        made = check(report, "aspm.registration")
        assert made.reason.value == "aspm-not-an-api"
        assert "elsewhere.example" in made.detail
    if finds or doubtful:
        resume_handoff(here.context(), "contoso")
        assert len(here.instances) <= 1


@pytest.mark.parametrize(
    "broken", [{"path": "/integrations"}, {"items": "/none"}, {"total": "/none"}]
)
def test_a_list_that_cannot_be_read_stops_before_the_write(stand, tmp_path, broken):
    here = stand(aspm={"registers": "yes"})
    found = {**json.loads(Path(PROFILE).read_text(encoding="utf-8"))["find"], **broken}
    report = connect(
        here.context(by_profile(registration_profile=profile(tmp_path, find=found))), None
    )
    assert registration(report) == ("api", "none", "none")
    assert check(report, "aspm.registration").reason.value == "aspm-not-an-api"
    assert int(report.exit_code) == 6
    assert here.wire.writes == []


def _answering(here, method, reply):
    """Let the ASPM do what it does, and answer as ``reply`` says: status, text."""
    inner = here.wire.send

    def send(call):
        came = inner(call)
        if call.method == method and "alm-instances" in call.url:
            return reply(call, came)
        return came

    here.wire.send = send


PAGE = "<!doctype html><html><body>Blocked</body></html>"


@pytest.mark.parametrize("status", [403, 404, 413])
@pytest.mark.parametrize(("acts", "finds"), [(True, True), (False, True), (False, False)])
def test_a_page_after_the_write_is_no_refusal_of_the_api(stand, tmp_path, status, acts, finds):
    """A gateway may put it before an answer, or before the request: the list tells which."""
    here = stand(aspm={"registers": "yes"})
    given = by_profile(registration_profile=profile(tmp_path, **({} if finds else {"find": None})))
    context = here.context(given)
    inner = here.wire.send

    def gateway(call):
        if call.method != "POST" or not call.url.startswith(ASPM):
            return inner(call)
        if acts:
            inner(call)
        return Reply(call, status, (("Content-Type", "text/html"),), PAGE)

    here.wire.send = gateway
    report = connect(context, None)
    made = check(report, "aspm.registration")
    if acts:
        assert registration(report)[1] == "registered"
    else:
        assert (registration(report)[1], made.reason.value) == ("failed", "aspm-not-an-api")
    assert len(here.wire.writes) == 1


@pytest.mark.parametrize(
    "item",
    [
        "dev.azure.com/contoso",
        None,
        ["https://dev.azure.com/contoso"],
        {"id": "1", "name": "x", "url": {"href": "https://dev.azure.com/contoso"}},
    ],
)
def test_a_list_with_an_item_that_cannot_be_compared_stops_before_the_write(stand, item):
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())
    text = json.dumps({"instances": [item], "total": 1})
    _answering(here, "GET", lambda call, came: _read_as(came, text))
    report = connect(context, None)
    assert registration(report) == ("api", "none", "none")
    assert here.wire.writes == []


@pytest.mark.parametrize("total", [True, -1, "0", None, 0.0])
def test_a_total_that_is_no_count_stops_before_the_write(stand, total):
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())
    text = json.dumps({"instances": [], "total": total})
    _answering(here, "GET", lambda call, came: _read_as(came, text))
    report = connect(context, None)
    assert registration(report) == ("api", "none", "none")
    assert here.wire.writes == []


def _read_as(came, text):
    return replace(came, text=text, answer=Document(json.loads(text)))


@pytest.mark.parametrize(
    "url",
    [
        "https://contoso.visualstudio.com",
        "https://contoso.visualstudio.com/DefaultCollection/",
        "HTTPS://DEV.AZURE.COM:443/Contoso",
        "https://contoso@dev.azure.com/contoso",
    ],
)
def test_every_url_of_an_organization_finds_its_instance(stand, url):
    here = stand(aspm={"registers": "yes", "instances": (replace(HAND_MADE, url=url),)})
    report = connect(here.context(by_profile()), None)
    assert check(report, "aspm.registration").reason.value == "registration-conflict"
    assert here.wire.writes == []


@pytest.mark.parametrize("told", [True, 1.5, ["a"], "z" * 500, "a\x1b[31mb", PAT])
def test_an_instance_without_a_usable_id_is_not_tested_and_not_called_tested(stand, told):
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())
    text = json.dumps({"instance": {"id": told}})
    _answering(here, "POST", lambda call, came: _read_as(came, text))
    report = connect(context, None)
    made = check(report, "aspm.registration")
    assert registration(report)[1] == "registered"
    assert (made.status.value, made.reason.value) == ("unknown", "answer-unreadable")
    assert report.connections[0].organizations[0].registration.instance_id is None
    assert not any("/test/" in call.url for call in here.wire.calls)
    assert PAT not in repr(report)


def test_a_page_is_no_result_of_the_test_of_an_instance(stand):
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())

    def page(call, came):
        if "/test/" in call.url:
            return Reply(call, 403, (("Content-Type", "text/html"),), PAGE)
        return came

    _answering(here, "GET", page)
    made = check(connect(context, None), "aspm.registration")
    assert (made.status.value, made.reason.value) == ("unknown", "aspm-not-an-api")


def test_an_instance_that_lost_its_marker_after_a_lost_answer_is_not_called_a_strangers(stand):
    here = stand(aspm={"registers": "answer-lost"})
    context = here.context(by_profile())
    inner = here.wire.send

    def renaming(call):
        came = inner(call)
        if call.method == "POST" and "alm-instances" in call.url:
            world = here.simulator.world
            renamed = tuple(replace(one, name="Azure (1)") for one in world.aspm.instances)
            here.simulator.become(replace(world, aspm=replace(world.aspm, instances=renamed)))
        return came

    here.wire.send = renaming
    assert registration(connect(context, None))[1] == "unknown"
    made = check(resume_handoff(here.context(), None), "aspm.registration")
    assert made.reason.value == "registration-conflict"
    assert "An earlier run may have created it" in made.detail
    assert "did not create" not in made.detail
    assert len(here.instances) == 1


def _becomes(here, registers):
    from dataclasses import replace

    world = here.simulator.world
    here.simulator.become(replace(world, aspm=replace(world.aspm, registers=registers)))


def _go_on(here):
    """Whoever comes back: with ``handoff`` where something is stored, else with ``connect``."""
    stored = here.records.load().connections.get("contoso")
    context = here.context(by_profile())
    if stored is None:
        return connect(context, None)
    if all(one.registration.state is RegistrationState.REGISTERED for one in stored.organizations):
        return None
    return resume_handoff(here.context(), "contoso")


@pytest.mark.parametrize("registers", ["yes", "answer-lost"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", range(1, 11))
def test_killed_at_every_request_to_the_aspm(stand, registers, moment, step):
    here = stand(aspm={"registers": registers})
    try:
        connect(here.context(by_profile(), dies_at=(moment, step)), None)
        died = False
    except (KeyboardInterrupt, InterruptedByUserError):
        died = True
    assert len(here.instances) <= 1
    stored = here.records.load().connections.get("contoso")
    if died and stored is not None and here.instances:
        assert stored.organizations[0].registration.state is not RegistrationState.NONE, (
            "the intent is on record first"
        )
    written = len(here.wire.writes)
    _go_on(here)
    assert written + len(here.wire.writes) <= 2
    assert len(here.instances) == 1
    assert states(here) == {"contoso": "registered"}
    assert patless(here.wire.calls)


class Dying(DiskRecords):
    """Records that are killed before or after their n-th change."""

    def __init__(self, folder, moment, step):
        super().__init__(folder)
        self._moment, self._left = moment, step

    def change(self, edit):
        self._left -= 1
        if self._left == 0 and self._moment == "before":
            raise KeyboardInterrupt
        changed = super().change(edit)
        if self._left == 0:
            raise KeyboardInterrupt
        return changed


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", range(1, 7))
def test_killed_at_every_record(stand, moment, step):
    here = stand(aspm={"registers": "answer-lost"})
    dying = Dying(here._folder / "records", moment, step)
    try:
        connect(here.context(by_profile(), records=dying), None)
    except (KeyboardInterrupt, InterruptedByUserError):
        assert len(here.instances) <= 1
    _go_on(here)
    assert len(here.instances) == 1
    assert states(here) == {"contoso": "registered"}
    catalogue = here.records.load()
    assert all(here.vault.bind(*kept) for kept in catalogue.origins.items())


def test_a_connection_that_is_forgotten_meanwhile_gets_no_registration(stand):
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())
    inner = here.wire.send

    def forget(call):
        if call.url.endswith("/alm-instances/") and call.method == "GET":
            # Our own thread holds the lock, so that this is what a program without locks would do.
            raw = here._folder / "records" / "catalog.json"
            document = json.loads(raw.read_text())
            document["connections"] = {}
            raw.write_text(json.dumps(document))
        return inner(call)

    here.wire.send = forget
    with pytest.raises(UsageError):
        connect(context, None)
    assert here.wire.writes == []
    assert here.instances == ()


def test_two_organizations_killed_between_them(stand):
    here = stand(aspm={"registers": "yes"})
    seen = []

    def second_write(call):
        if call.url.startswith(ASPM) and call.method == "POST":
            seen.append(call)
        return len(seen) == 2 and call.method == "POST"

    context = here.context(by_profile("contoso", "fabrikam"))
    here.wire.counts, here.wire.dies_at = second_write, ("after", 1)
    with pytest.raises(InterruptedByUserError) as caught:
        connect(context, None)
    assert "Remaining to enter in Invicti ASPM: fabrikam." in caught.value.problem
    assert states(here) == {"contoso": "registered", "fabrikam": "unknown"}
    assert len(here.instances) == 2
    report = resume_handoff(here.context(), None)
    assert here.wire.writes == []
    assert states(here) == {"contoso": "registered", "fabrikam": "registered"}
    assert int(report.exit_code) == 0


def test_another_run_that_was_faster_is_not_doubled(stand):
    """What is on record when our turn comes counts, not what was there when we began."""
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())
    inner, done = here.wire.send, []

    def meanwhile(call):
        if call.url.startswith(ASPM) and "health" in call.url and not done:
            done.append(True)
            other = here.context(by_profile())
            connect(other, None)
            here.wire = Wire(inner)
        return inner(call)

    context.scheduler._send = meanwhile
    connect(context, None)
    assert len(here.instances) == 1


def test_a_connection_refused_is_no_registration(stand):
    here = stand(aspm={"registers": "yes"})
    context = here.context(by_profile())
    inner = here.wire.send
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))

        def broken(call):
            if call.method == "POST" and call.url.startswith(ASPM):
                from dataclasses import replace

                from aspm_ado.domain.reasons import Reason

                return replace(
                    inner(type(call)("GET", f"{ASPM}/api/v2/health/check/")),
                    call=call, status=0, text="", failure=Reason.TLS_UNTRUSTED, problem="No trust.", remedy="A CA.",
                )  # fmt: skip
            return inner(call)

        here.wire.send = broken
        report = connect(context, None)
    assert registration(report) == ("api", "none", "none")
    assert check(report, "aspm.registration").reason.value == "tls-untrusted"
    assert int(report.exit_code) == 5
    entry = here.records.load().connections["contoso"]
    assert entry.organizations[0].registration.mode is RegistrationMode.API
    assert registration(resume_handoff(here.context(), None))[1] == "registered"


def test_a_resume_without_the_aspms_token_says_how_to_give_it(stand):
    here = stand(aspm={"registers": "never-arrives"})
    connect(here.context(by_profile()), None)
    [service] = here.records.load().aspm_tokens.values()
    here.vault.erase(service, ASPM)
    with pytest.raises(UserError) as caught:
        resume_handoff(here.context(variables={"INVICTI_ASPM_TOKEN": "of another ASPM"}), None)
    assert "--aspm-token-file" in caught.value.remedy
    assert not any(call.credential for call in here.wire.calls)
    _becomes(here, "yes")
    person = Person(aspm_token=[TOKEN])
    assert registration(resume_handoff(here.context(person=person), None))[1] == "registered"
    assert here.vault.read(service, ASPM) != Secret("of another ASPM")
