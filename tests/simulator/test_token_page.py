"""The page where a person edits a token: it works, shows no secret, and obeys nobody else."""

import html
import re
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import pytest

from aspm_ado.simulator import SCENARIOS

FORM = "application/x-www-form-urlencoded"


def here(ask):
    return urlsplit(ask.simulator.address).netloc


def page(ask):
    return ask.raw("GET", "/", {"Host": here(ask)})


def key_of(ask):
    return re.search(r'name="key" value="([^"]+)"', page(ask).body.decode()).group(1)


def post(ask, fields, **headers):
    sent = {"Host": here(ask), "Content-Type": FORM, "Origin": ask.simulator.address}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in sent.items() if value is not None}
    return ask.raw("POST", "/", sent, urlencode(fields, doseq=True))


def test_it_lists_tokens_without_showing_them(simulate):
    ask = simulate("two-organizations-two-tokens")
    text = page(ask).body.decode()
    for token in ask.world.tokens:
        assert f"…{token.last4}" in text
        assert token.value not in text
        assert token.value[:12] not in text
    assert text.count("<form ") == 2
    assert text.count("checked") == 8


def test_saving_edits_the_living_token(simulate):
    ask = simulate("missing-scope")
    probe = "https://dev.azure.com/contoso/_apis/git/repositories/nope?api-version=7.1"
    assert ask("PATCH", probe, body="{}").status == 401
    got = post(ask, {"key": key_of(ask), "token": "0", "scope": ["vso.code_full", "vso.work"]})
    assert (got.status, got.one("Location")) == (303, "/")
    assert ask.simulator.world.tokens[0].scopes == {"vso.code_full", "vso.work"}
    assert ask("PATCH", probe, body="{}").status == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Content_Type": "text/plain"}, 415),
    ],
)
def test_posts_from_elsewhere_are_refused(simulate, change, status):
    ask = simulate("missing-scope")
    before = ask.simulator.world
    got = post(ask, {"key": key_of(ask), "token": "0", "scope": ["app_token"]}, **change)
    assert got.status == status
    assert ask.simulator.world == before


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "", "token": "0"},
        {"key": "wrong", "token": "0"},
        {"token": "0"},
    ],
)
def test_the_form_key_is_needed(simulate, fields):
    ask = simulate("missing-scope")
    before = ask.simulator.world
    assert post(ask, fields).status == 403
    assert ask.simulator.world == before


@pytest.mark.parametrize(
    "fields", [{"token": "7"}, {"token": "-1"}, {"token": "x"}, {"token": "0", "scope": "vso.evil"}]
)
def test_unknown_tokens_and_scopes_are_refused(simulate, fields):
    ask = simulate("missing-scope")
    before = ask.simulator.world
    assert post(ask, {"key": key_of(ask)} | fields).status == 400
    assert ask.simulator.world == before


def test_keys_differ_between_runs(simulate):
    assert key_of(simulate()) != key_of(simulate())


def test_foreign_names_see_nothing(simulate):
    ask = simulate()
    got = ask.raw("GET", "/", {"Host": "rebound.example"})
    assert got.status == 421
    assert b"form" not in got.body


def test_everything_is_escaped_and_nothing_may_run(simulate):
    nasty = '<script>alert("1")</script>'
    world = SCENARIOS["global"].world
    token = replace(world.tokens[0], name=nasty, reach=nasty)
    got = page(simulate(world=replace(world, tokens=(token,))))
    assert nasty not in got.body.decode()
    assert html.escape(nasty) in got.body.decode()
    policy = got.one("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
