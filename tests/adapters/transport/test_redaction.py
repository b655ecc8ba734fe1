"""What a server repeats of any secret of the run is struck out before anybody reads it."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from aspm_ado.domain.documents import PatAnswer
from aspm_ado.domain.http import Call, Credential, Origin
from aspm_ado.domain.known_secrets import HIDDEN
from aspm_ado.domain.secret import Secret

from .servers import answer

TOKEN = "Zq8Vb3Xk5Rt7" * 7 + '+/="\\' + "WXYZ"
REPEATS = {
    "bare": TOKEN,
    "in a sentence": f"the token {TOKEN} was not accepted",
    "in a URL": quote(TOKEN, safe=""),
    "in JSON": json.dumps(TOKEN),
    "in escapes": "".join(f"\\u{ord(one):04x}" for one in TOKEN),
    "the header": Secret(TOKEN, made_up=True).basic("ada"),
    "a piece": TOKEN[20:33],
    "its end": "..." + TOKEN[-12:],
    "twice, and a piece": f"{TOKEN}{TOKEN} and {TOKEN[:40]}",
}  # fmt: skip


def call_with(url, **more):
    return Call("GET", url, Credential(Secret(TOKEN), frozenset({Origin.of(url)}), "ada"), **more)


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
    assert HIDDEN in text
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert HIDDEN in reply.header("ActivityId")


def test_the_authorization_header_holds_the_token(start, transport):
    """One of the four doors."""
    server = start(answer(200, b"{}"))
    transport().send(call_with(f"{server.url}/"))
    sent = server.received[0].all("Authorization")[0].partition(" ")[2]
    assert base64.b64decode(sent).decode() == f"ada:{TOKEN}"


def test_in_the_name_of_an_encoding(start, transport):
    Secret(TOKEN)
    server = start(answer(200, b"{}", f"Content-Encoding: {TOKEN[:30]}"))
    reply = transport().send(call_with(f"{server.url}/"))
    assert "encoding" in reply.problem
    assert_struck(reply.problem)


def test_a_secret_of_another_call(start, transport, get):
    Secret(TOKEN)
    server = start(answer(200, json.dumps({"sent": TOKEN}).encode()))
    _, text = transport().exchange(get(f"{server.url}/"))
    assert json.loads(text) == {"sent": HIDDEN}


def test_the_password_of_a_proxy(start, transport, get):
    server = start(answer(200, b'{"message": "hunter22 and bWU6aHVudGVyMjI="}'))
    proxied = transport(environment={"HTTP_PROXY": "http://me:hunter22@127.0.0.1:9"})
    _, text = proxied.exchange(get(f"{server.url}/"))
    assert json.loads(text) == {"message": f"{HIDDEN} and {HIDDEN}"}


def test_a_body_that_brings_a_new_secret_is_read_as_it_is(start, transport):
    """The new token may have much in common with the one before, as in a simulation."""
    said = json.dumps({"patToken": {"token": TOKEN}}).encode()
    server = start(answer(200, said))
    _, text = transport().exchange(call_with(f"{server.url}/", expects=PatAnswer))
    assert text == said.decode()
