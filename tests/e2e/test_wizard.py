"""``aspm-ado connect`` by keystrokes, to its end and to every other ending."""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from aspm_ado.simulator import SCENARIOS

from .questions import (
    ASPM,
    ASPM_TOKEN,
    CHANGE,
    COLLECTION,
    ELSE,
    ENTERED,
    EXPIRES,
    HAND,
    LEADS,
    MORE,
    NEXT,
    TOKEN,
    WHERE,
    WHICH,
    answers,
)
from .stage import ABREAST, drawn, drawn_token
from .terminal import CTRL_C, CTRL_D, DOWN, ENTER, SPACE, UP, pasted, squeezed, stand_in

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="a pseudo-terminal is a POSIX thing"
)

ALM = frozenset({"vso.code_full", "vso.work_full", "vso.identity_manage", "vso.profile_write"})
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
WHO = ("connectiondata", "profile/profiles/me", "/accounts")


def asked(requests) -> set[tuple[str, str]]:
    """Which questions were put to Azure DevOps, whatever the random ids in them; who the token is aside."""
    called = (
        (one.method, GUID.sub("*", one.path.lower().partition("?")[0]), one.status)
        for one in requests
    )
    return {(method, path, status) for method, path, status in called if not path.endswith(WHO)}


def test_to_the_end_with_a_failed_scope_an_edit_and_a_check_again(play):
    told = play("missing-scope")
    told.stage.environment["DISPLAY"] = ":0"
    notes = stand_in(told.stage.bin, "xclip")
    wizard = told.wizard("connect", "--store", "none")
    wizard.answer(WHERE, f"https://ada@dev.azure.com/contoso/Payments/_git/checkout%20api{ENTER}")
    wizard.see("https://dev.azure.com/contoso/_usersSettings/tokens")
    for box in (
        "Code: Full",
        "Identity: Read & manage",
        "User Profile: Read & write",
        "Work Items: Read, write",
    ):
        wizard.see(box)
    wizard.answer(TOKEN, ENTER)
    wizard.see(ELSE)
    wizard.see("greyed out")
    assert "https://dev.azure.com/contoso/_usersSettings/tokens" in squeezed(wizard.text), (
        "the link has left the screen"
    )
    wizard.type(DOWN + ENTER)
    wizard.see("What is in the way?")
    wizard.see("The expiry date cannot be that late")
    wizard.type(ENTER)
    wizard.see("Restrict personal access token creation")
    wizard.see("these hosts only: dev.azure.com")
    wizard.see(TOKEN)
    assert not [one for one in told.simulator.requests if one.token_last4]
    wizard.type(pasted(told.token) + ENTER)
    wizard.see("select “Full”")
    wizard.see(NEXT)
    wizard.look_around()
    first = told.simulator.requests
    assert {one.token_last4 for one in first[1:]} == {told.token[-4:]}
    told.simulator.edit(told.token, ALM)
    wizard.type(ENTER)
    wizard.answer(EXPIRES, ENTER)
    again = asked(told.simulator.requests[len(first) :])
    granted = {(method, path) for method, path, status in asked(first) if status not in (401, 403)}
    here = {(method, path) for method, path, _ in again if path.startswith("/contoso/")}
    assert here
    assert not here & granted, "what was granted is asked again"
    wizard.answer(ASPM, f"aspm.example.test/somewhere{ENTER}")
    wizard.answer(HAND, DOWN + DOWN + ENTER, besides={ASPM_TOKEN: ENTER})
    wizard.answer(MORE, SPACE + ENTER)
    wizard.answer(HAND, DOWN + ENTER)
    wizard.answer(CHANGE, UP + UP + ENTER)
    wizard.answer(LEADS, DOWN + SPACE + ENTER)
    wizard.see("is added: fetching depends on it")
    wizard.answer(HAND, ENTER)
    wizard.see("Handoff to Invicti ASPM: contoso (1 of 2)")
    wizard.see("https://aspm.example.test")
    wizard.see("Allow team leads to fetch projects from this instance")
    wizard.answer(ENTERED, ENTER)
    wizard.see("The token is on the clipboard")
    assert notes.with_suffix(".stdin").read_text() == told.token
    wizard.look_around()
    wizard.answer(ENTERED, UP + ENTER)
    wizard.see("Handoff to Invicti ASPM: Fabrikam (2 of 2)")
    wizard.answer(ENTERED, DOWN + ENTER)
    assert wizard.end() == 8
    assert "Ready, with warnings" in wizard.text
    assert not told.canaries.in_bytes(
        notes.read_bytes(), "what the clipboard's tool was called with"
    )
    assert told.simulator.changes == []
    assert told.stage.draft() == {}
    assert told.stage.records() <= {"draft.json"}


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("contoso", "https://dev.azure.com/contoso/_usersSettings/tokens"),
        (
            "https://contoso.visualstudio.com/DefaultCollection/Web%20Shop",
            "https://dev.azure.com/contoso/_users",
        ),
        (
            "git@ssh.dev.azure.com:v3/contoso/Payments/checkout",
            "https://dev.azure.com/contoso/_usersSettings/tokens",
        ),
        (
            "https://tfs.example.test/tfs/Engineering/_git/blades",
            "https://tfs.example.test/tfs/Engineering/_users",
        ),
    ],
)
def test_any_pasted_address_leads_to_its_token_page(play, typed, page):
    wizard = play().wizard("connect", "--store", "none")
    wizard.answer(WHERE, pasted(typed) + ENTER)
    wizard.see(page)
    wizard.answer(TOKEN, CTRL_C)
    assert wizard.end() == 130


@pytest.mark.parametrize("columns", [58, 71])
def test_a_result_ends_its_rows_between_words(play, columns):
    wizard = play().wizard("demo", "--list-scenarios", columns=columns, rows=60)
    assert wizard.end() == 0
    known = {word for one in SCENARIOS.values() for word in (one.name, *one.summary.split())}
    rows = wizard.text.splitlines()[-2 * len(SCENARIOS) : -1]
    assert {word for row in rows for word in row.split()} <= known | {"(ASPM_ADO_SIMULATOR)."}


def test_what_is_refused_is_explained_and_asked_again(play):
    told = play("issue-manager")
    wizard = told.wizard(
        "connect", "--store", "none", "--register", "none", "--purpose", "alm+issue-manager"
    )
    wizard.answer(WHERE, ENTER)
    wizard.answer(WHERE, f"tfs!example{ENTER}")
    wizard.see("For an on-premises server, enter its URL")
    wizard.answer(WHERE, f"http://[{ENTER}")
    wizard.see("http://[")
    wizard.answer(WHERE, f"contoso{ENTER}")
    wizard.see("Scopes: Full access")
    wizard.answer(TOKEN, ENTER)
    wizard.answer(ELSE, UP + ENTER)
    wizard.answer(TOKEN, pasted("eyJ0eXAiOiJKV1Qi.eyJzdWIiOiIx.c2lnbmF0dXJl") + ENTER)
    wizard.see("Entra")
    wizard.answer(TOKEN, pasted(f'  "{told.token}"  ') + ENTER)
    wizard.answer(EXPIRES, f"soon{ENTER}")
    wizard.see("YYYY-MM-DD")
    wizard.answer(EXPIRES, f"unknown{ENTER}")
    wizard.see("The plan")
    assert wizard.end() == 0


def test_a_wrong_token_then_another(play):
    told, wrong = play(), drawn_token()
    told.watch(wrong)
    wizard = told.wizard(
        "connect", "-o", "contoso", "--purpose", "alm", "--store", "none", "--register", "none"
    )
    wizard.answer(TOKEN, pasted(wrong) + ENTER)
    wizard.answer(NEXT, ENTER)
    wizard.see("The token for every organization.")
    wizard.answer(TOKEN, pasted(told.token) + ENTER)
    wizard.see("Verified: contoso: token of Ada Example <ada@contoso.example> for")
    wizard.answer(EXPIRES, ENTER)
    wizard.see("The plan")
    assert wizard.end() == 0
    before = [one.path for one in told.simulator.requests if one.token_last4 == wrong[-4:]]
    assert len(before) <= 3, "more is asked with a token that is dead"


def test_a_token_that_may_be_real_is_asked_for_again_in_a_simulation(play):
    told, real = play(), drawn(76) + "AZDO" + drawn(4)
    told.watch(real)
    wizard = told.wizard(
        "connect", "-o", "contoso", "--purpose", "alm", "--store", "none", "--register", "none"
    )
    wizard.answer(TOKEN, pasted(real) + ENTER)
    wizard.see("the token is not a simulated one. aspm-ado did not send it.")
    wizard.answer(TOKEN, pasted(told.token) + ENTER)
    wizard.answer(EXPIRES, ENTER)
    assert wizard.end() == 0
    assert not any(one.token_last4 == real[-4:] for one in told.simulator.requests)


def test_finish_later_stores_nothing_that_is_not_good(play):
    told = play("missing-scope")
    wizard = told.wizard("connect", "-o", "contoso", "--purpose", "alm", "--store", "none")
    wizard.answer(TOKEN, pasted(told.token) + ENTER)
    wizard.answer(NEXT, UP + ENTER)
    assert wizard.end() == 3
    assert "not-ready" not in wizard.text


def test_two_tokens_for_two_organizations(play):
    told = play("two-organizations-two-tokens")
    first, second = told.story.tokens["contoso"], told.story.tokens["fabrikam"]
    wizard = told.wizard(
        "connect", "--reach", "organization", "--store", "none", "--purpose", "alm", "-o", "contoso"
    )
    wizard.see("https://dev.azure.com/contoso/_usersSettings/tokens")
    wizard.see("Organization: contoso")
    wizard.see("for contoso")
    wizard.answer(TOKEN, pasted(first) + ENTER)
    wizard.see("Verified: contoso")
    wizard.answer(EXPIRES, ENTER)
    wizard.answer(ASPM, f"aspm.example.test{ENTER}")
    wizard.answer(HAND, DOWN + DOWN + ENTER, besides={ASPM_TOKEN: ENTER})
    wizard.answer(WHICH, f"https://dev.azure.com/fabrikam/Fiber{ENTER}")
    wizard.see("https://dev.azure.com/fabrikam/_usersSettings/tokens")
    wizard.see("for fabrikam")
    wizard.answer(TOKEN, pasted(second) + ENTER)
    wizard.see("Verified: fabrikam")
    wizard.answer(EXPIRES, ENTER)
    wizard.see("The plan")
    came = wizard.play(answers(told.token))
    assert came.count(ENTERED) == 2
    assert wizard.code == 0
    by_token = {one.token_last4: set() for one in told.simulator.requests if one.token_last4}
    for one in told.simulator.requests:
        if one.token_last4 and one.host == "dev.azure.com":
            by_token[one.token_last4].add(one.path.split("/")[1].lower())
    assert by_token == {first[-4:]: {"contoso"}, second[-4:]: {"fabrikam"}}


def test_two_named_organizations_are_asked_for_one_after_the_other(play):
    told = play("two-organizations-two-tokens")
    wizard = told.wizard(
        "connect", "-o", "contoso", "-o", "fabrikam", "--reach", "organization", "--purpose", "alm",
        "--store", "none", "--register", "none",
    )  # fmt: skip
    for name in ("contoso", "fabrikam"):
        wizard.see(f"https://dev.azure.com/{name}/_usersSettings/tokens")
        wizard.answer(TOKEN, pasted(told.story.tokens[name]) + ENTER)
        wizard.see(f"Verified: {name}")
    wizard.play(answers(told.token))
    assert wizard.code == 0


def test_the_root_of_a_server_asks_for_the_collection(play):
    told = play("server")
    wizard = told.wizard("connect", "--store", "none")
    wizard.answer(WHERE, f"https://tfs.example.test/tfs{ENTER}")
    wizard.answer(COLLECTION, ENTER)
    wizard.see("https://tfs.example.test/tfs/DefaultCollection/_usersSettings/tokens")
    wizard.see("these hosts only: tfs.example.test")
    wizard.answer(TOKEN, pasted(told.token) + ENTER)
    wizard.answer(EXPIRES, ENTER)
    wizard.answer(ASPM, f"aspm.example.test{ENTER}")
    wizard.answer(HAND, DOWN + DOWN + ENTER, besides={ASPM_TOKEN: ENTER})
    wizard.answer(MORE, SPACE + ENTER)
    came = wizard.play(answers(told.token))
    assert came.count(ENTERED) == 2
    assert wizard.code == 0
    assert "2026-12-01" not in wizard.everything


def test_leaving_at_every_question(play):
    """With ``--store none`` nothing at all is left. ``tests/keyring`` has the same with answers to be offered again."""
    whole = play()
    wizard = whole.wizard("connect", "--store", "none")
    questions = wizard.play(answers(whole.token))
    assert wizard.code == 0
    assert {WHERE, TOKEN, EXPIRES, ASPM, HAND, ENTERED} <= set(questions)

    def leave(one) -> None:
        told, wizard, place, keys = one
        came = wizard.play(answers(told.token), leave_at=place, with_=keys)
        assert (came, wizard.code) == (questions[: place + 1], 130)
        assert told.stage.records() == set()
        assert told.simulator.changes == []

    # Ctrl-D once for each way of asking: a line, a hidden line, a list; the rest in tests/keyring.
    kinds = {questions.index(each) for each in (WHERE, TOKEN, HAND)}
    ways = [(place, CTRL_C) for place in range(len(questions))] + [
        (place, CTRL_D) for place in sorted(kinds)
    ]
    with ThreadPoolExecutor(ABREAST) as pool:
        for start in range(0, len(ways), ABREAST):
            plays = [(play(), *way) for way in ways[start : start + ABREAST]]
            list(
                pool.map(
                    leave,
                    [
                        (told, told.wizard("connect", "--store", "none"), *way)
                        for told, *way in plays
                    ],
                )
            )


@pytest.mark.parametrize(
    ("environment", "columns"),
    [
        ({"NO_COLOR": "1"}, 80),
        ({}, 40),
        (
            {
                "LC_ALL": "",
                "LANG": "C",
                "PYTHONIOENCODING": "ascii",
                "PYTHONUTF8": "0",
                "PYTHONCOERCECLOCALE": "0",
            },
            80,
        ),
    ],
    ids=["no-color", "narrow", "ascii"],
)
def test_other_terminals_come_to_the_end(play, environment, columns):
    told = play()
    wizard = told.wizard("connect", "--store", "none", columns=columns, environment=environment)
    wizard.play(answers(told.token))
    assert wizard.code == 0
    assert squeezed("Ready") in wizard.everything
    if "NO_COLOR" in environment:
        assert not re.search(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;\d+)*m", wizard.bytes)
    if "LANG" in environment:
        assert wizard.bytes.isascii()


@pytest.mark.parametrize("question", [WHERE, "Personal access token:"])
def test_ctrl_c_on_a_terminal_that_can_only_type_ends_the_line_of_the_question(play, question):
    told = play()
    wizard = told.wizard("connect", "--store", "none", environment={"TERM": "dumb"})
    if question != WHERE:
        wizard.answer(WHERE, f"contoso{ENTER}")
    wizard.answer(question, CTRL_C)
    assert wizard.end() == 130
    assert b"\nError: Stopped at the question" in wizard.bytes


def test_a_terminal_that_can_only_type(play):
    told = play("missing-scope")
    wizard = told.wizard("connect", "--store", "none", environment={"TERM": "dumb"})
    wizard.answer(WHERE, f"contoso{ENTER}")
    wizard.answer(TOKEN, ENTER)
    wizard.answer("Number, or part of the name", f"paste{ENTER}")
    wizard.answer(TOKEN, told.token + ENTER)
    wizard.see("What now?")
    told.simulator.edit(told.token, ALM)
    wizard.answer("Number, or part of the name", f"run the failed{ENTER}")
    wizard.answer(EXPIRES, ENTER)
    wizard.answer(ASPM, f"aspm.example.test{ENTER}", besides={ASPM_TOKEN: ENTER})
    wizard.answer("Number, or part of the name", f"change{ENTER}", besides={ASPM_TOKEN: ENTER})
    wizard.answer("Number, or part of the name", f"advanced{ENTER}")
    wizard.answer(
        "Numbers or names, with commas; all; or Enter for none:", f"1, access projects{ENTER}"
    )
    wizard.answer("Number, or part of the name [Yes]", f"yes{ENTER}")
    wizard.answer("When you have entered it", f"saved{ENTER}")
    assert wizard.end() == 0
    assert b"\x1b" not in wizard.bytes


def test_the_document_goes_to_a_file_and_the_questions_to_the_terminal(play):
    told = play()
    wizard = told.wizard("connect", "--json", "--store", "none", to=">document")
    wizard.play(answers(told.token, **{ENTERED: DOWN + ENTER}))
    raw = (told.stage.folder / "document").read_bytes()
    document = json.loads(raw)
    assert raw.isascii()
    assert raw.endswith(b"}\n")
    assert b"\r" not in raw
    assert (
        (document["command"], document["exit_code"]) == ("connect", wizard.code) == ("connect", 8)
    )
    [organization] = document["connections"][0]["organizations"]
    assert organization["registration"]["state"] == "handed-off"
    assert organization["token"]["last4"] == told.token[-4:]
    assert not told.canaries.in_bytes(raw, "the document")
    assert '"schema"' not in wizard.everything


def test_a_document_of_a_run_that_was_left(play):
    told = play()
    wizard = told.wizard("connect", "--json", "--store", "none", to=">document")
    wizard.answer(WHERE, f"contoso{ENTER}")
    wizard.answer(TOKEN, CTRL_C)
    assert wizard.end() == 130
    document = json.loads((told.stage.folder / "document").read_text())
    assert (document["exit_code"], document["verdict"], document["error"]["reason"]) == (
        130,
        "unknown",
        "interrupted",
    )


def test_a_reader_that_wants_one_line_only(play):
    told = play()
    wizard = told.wizard("connect", "--store", "none", to="| head -1 >first")
    wizard.play(answers(told.token))
    assert wizard.code == 0
    assert (told.stage.folder / "first").read_text().count("\n") == 1
    assert "Broken" not in wizard.everything


def test_without_a_keyring_no_question_is_asked(play):
    """What cannot be kept is said before anybody creates a token for it."""
    told = play()
    wizard = told.wizard("connect")
    assert wizard.end() == 7
    assert "--store none" in wizard.text
    assert "?" not in wizard.text.replace("Where is your code?", "")
    assert told.simulator.requests == []


def test_the_demo_is_the_wizard_and_keeps_nothing(play):
    """What it says to paste is pasted; Enter answers the rest."""
    told = play()
    del (
        told.stage.environment["ASPM_ADO_SIMULATOR"],
        told.stage.environment["ASPM_ADO_GLOBAL_PAT_END"],
    )
    wizard = told.wizard("demo", rows=70)
    simulated = SCENARIOS["ready"].answers.tokens[0][1]
    wizard.see(f"The token to paste: {simulated}")
    wizard.play(answers(simulated, **{WHERE: ENTER, ASPM: ENTER}))
    assert wizard.code == 0
    assert squeezed("That was a simulation") in wizard.everything
    rows = wizard.text.partition(ENTERED.partition(" (")[0])[2].rpartition("When you have")[2]
    ending = rows.partition("(over)")[0].splitlines()[1:]
    assert 5 < len(ending) <= 24, wizard.text
    whose = "✓ contoso: token …Own1 of Ada Example <ada@contoso.example> for one"
    assert whose in ending
    assert "\x1b[32m✓\x1b[0m contoso".encode() in wizard.bytes
    assert not list(told.stage.tmp.iterdir())
    assert told.stage.records() == set()
    assert told.simulator.requests == []
