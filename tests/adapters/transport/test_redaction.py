"""What a server repeats of our secrets is struck out before anybody reads it, however it repeats them."""

import base64
import json
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspm_ado.adapters.http.body import REDACTED, redact, secret_forms
from aspm_ado.domain.http import BodyWithSecret, Call, Credential, Origin
from aspm_ado.domain.secret import Secret

from .conftest import PAT
from .servers import answer

TOKEN = "Zq8" * 25 + '+/="\\' + "WXYZ"
SECRET = Secret(TOKEN)
REPEATS = {
    "bare": TOKEN,
    "in a sentence": f"the token {TOKEN} was not accepted",
    "in a URL": quote(TOKEN, safe=""),
    "in JSON": json.dumps(TOKEN),
    "the header": SECRET.basic("ada"),
    "a piece": TOKEN[20:33],
    "its end": "..." + TOKEN[-12:],
    "twice, and a piece": f"{TOKEN}{TOKEN} and {TOKEN[:40]}",
}  # fmt: skip


def call_with(url, **more):
    return Call("GET", url, Credential(SECRET, frozenset({Origin.of(url)}), "ada"), **more)


def assert_struck(text):
    pieces = [TOKEN, base64.b64encode(f"ada:{TOKEN}".encode()).decode()]
    for form in pieces:
        for start in range(len(form) - 11):
            assert form[start : start + 12] not in text


@pytest.mark.parametrize("said", REPEATS.values(), ids=REPEATS)
@pytest.mark.parametrize("status", [200, 407, 500])
def test_in_a_body_and_in_a_header(start, transport, said, status):
    header = json.dumps(said).strip('"')
    server = start(
        answer(
            status,
            f"before {said} after".encode(),
            f"ActivityId: {header}",
            f"X-MSEdge-Ref: {said}",
        )
    )
    lines = []
    reply, text = transport(trace=lines.append).exchange(call_with(f"{server.url}/"))
    assert len(server.received[0].all("Authorization")) == 1
    told = [
        reply.text,
        text,
        reply.problem,
        *(value for _, value in reply.headers),
        *lines,
        repr(reply.evidence),
    ]
    for each in told:
        assert_struck(each)
    assert REDACTED in text
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert REDACTED in reply.header("ActivityId")


def test_in_the_name_of_an_encoding(start, transport):
    server = start(answer(200, b"{}", f"Content-Encoding: {TOKEN[:30]}"))
    reply = transport().send(call_with(f"{server.url}/"))
    assert "encoding" in reply.problem
    assert_struck(reply.problem)


def test_what_was_sent_in_a_body_or_may_be_known_from_before(start, transport, get):
    server = start(answer(200, json.dumps({"sent": TOKEN, "own": PAT}).encode()))
    here = frozenset({Origin.of(server.url)})
    sealed = BodyWithSecret('{"token": "?mark?"}', "?mark?", SECRET, here)
    for call in (
        get(f"{server.url}/", "POST", body=sealed),
        get(f"{server.url}/", hides=(SECRET,)),
    ):
        _, text = transport().exchange(call)
        assert json.loads(text) == {"sent": REDACTED, "own": REDACTED}


TOKENS = st.text(string.ascii_letters + string.digits + '+/="\\%', min_size=20, max_size=90)


@given(TOKENS, st.text(max_size=40), st.text(max_size=40), st.integers(0, 70), st.integers(12, 90))
def test_no_piece_of_twelve_characters_is_left(token, before, after, start, length):
    forms = secret_forms(
        Call("GET", "https://dev.azure.com/", Credential(Secret(token), frozenset()))
    )
    struck = redact(before + token[start : start + length] + after, forms)
    for form in forms:
        for at in range(len(form) - 11):
            assert form[at : at + 12] not in struck.replace(REDACTED, "\n")


@given(st.text(string.ascii_lowercase + ' {}":,', max_size=400))
def test_what_is_none_of_it_stays(text):
    assert redact(text, secret_forms(call_with("https://dev.azure.com/"))) == text
