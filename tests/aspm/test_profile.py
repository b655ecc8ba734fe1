"""Registration profiles: what is taken, what is refused, and that no error shows a value."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest

from aspm_ado.adapters.profile import load_profile, parse_profile
from aspm_ado.domain.aspm.api import AspmCaller, Dialect, at, filled, path_of, places_in, same
from aspm_ado.domain.reasons import UsageError
from aspm_ado.domain.secret import Secret

from .stand import PROFILE

GOOD = json.loads(Path(PROFILE).read_text(encoding="utf-8"))
URL = "https://aspm.corp.example"
VALUES = {
    "marker": "aspm-ado-1", "connection": "c", "deployment": "services", "alm_tool": "azurecloud", "purpose": "alm",
    "base_url": "https://dev.azure.com", "organization": "Con toso", "username": 'a"b',
    "organization_url": "https://dev.azure.com/Contoso", "issue_manager": True, "team_leads_create_instances": False,
    "team_leads_fetch_projects": False, "team_leads_access_projects": False,
}  # fmt: skip


def parse(document):
    return parse_profile(json.dumps(document).encode(), "p.json")


def test_the_simulators_profile():
    profile = load_profile(PROFILE, pytest.fail)
    assert profile.dialect is Dialect.STANDALONE
    assert len(profile.digest) == 64
    assert profile.digest[:12] in profile.title
    assert "undocumented endpoint" in profile.title


def test_the_page_about_profiles_shows_one_that_is_taken():
    page = (Path(__file__).parents[2] / "docs" / "registration-profile.md").read_text(
        encoding="utf-8"
    )
    example = page.partition("```json\n")[2].partition("```")[0]
    assert parse(json.loads(example))


def changed(path, value):
    document = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    node = document
    for part in parents:
        node = node[part]
    if value is KeyError:
        del node[last]
    else:
        node[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", "aspm-ado/registration-profile/v2"),
        ("dialect", "both"),
        ("method", "GET"),
        ("method", "DELETE"),
        ("path", "https://elsewhere.example/S3cret"),
        ("path", "//elsewhere.example/S3cret"),
        ("path", "api/S3cret"),
        ("path", "/api/../S3cret"),
        ("path", "/api/S3cret#x"),
        ("path", "/api\\S3cret"),
        ("path", "/api/S3cret x"),
        ("path", "/api/{{pat}}"),
        ("path", "/api/{{instance_id}}"),
        ("path", "/api/{{nonsense}}"),
        ("body", {"name": "{{marker}}"}),
        ("body", {"token": "{{pat}}"}),
        ("body", {"token": "{{pat}}", "name": "{{marker}}", "x": "{{nonsense}}"}),
        ("body", ["{{pat}}"]),
        ("headers", {"Authorization": "S3cret"}),
        ("headers", {"x-cookie": "S3cret"}),
        ("headers", {"Host": "S3cret"}),
        ("headers", {"Content-Length": "3"}),
        ("headers", {"X-Thing": "{{pat}}"}),
        ("headers", {"X-Thing": "S3cret\r\nX-Other: 1"}),
        ("headers", {"X Thing": "S3cret"}),
        ("success.status", []),
        ("success.status", [302]),
        ("success.status", ["201"]),
        ("success.pointer", "instance"),
        ("conflict", [200]),
        ("find.ours", {"/url": "{{organization_url}}"}),
        ("find.ours", {}),
        ("find.match", {}),
        ("find.match", {"/name": "{{marker}}"}),
        ("find.path", "/api/?name={{marker}}"),
        ("find.match", {"url": "x"}),
        ("find.path", "https://elsewhere.example/"),
        ("find.path", "/api/{{pat}}"),
        ("find.items", KeyError),
        ("test.method", "DELETE"),
        ("test.path", "/api/{{pat}}"),
        ("find.S3cret", 1),
        ("S3cret", 1),
        ("name", ""),
        ("body", KeyError),
        ("success", KeyError),
    ],
)
def test_what_is_unclear_is_refused_without_being_shown(path, value):
    with pytest.raises(UsageError) as caught:
        parse(changed(path, value))
    assert int(caught.value.exit_code) == 2
    shown = f"{caught.value.problem} {caught.value.remedy}"
    assert "elsewhere" not in shown
    assert shown.count("S3cret") == path.count("S3cret"), "a key may be named, a value not"
    assert "registration-profile.md" in caught.value.remedy


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"a":1,"a":2}', b"[" * 100_000, b" " * 300_000],
    ids=range(7),
)
def test_what_is_no_profile_at_all(raw):
    with pytest.raises(UsageError) as caught:
        parse_profile(raw, "p.json")
    assert int(caught.value.exit_code) == 2


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError) as caught:
        load_profile(str(tmp_path / "none.json"), pytest.fail)
    assert caught.value.reason.value == "file-unreadable"


def test_the_token_is_put_in_as_the_request_is_sent_and_shown_by_nothing():
    pat, token = Secret('pat-"with\\quotes'), Secret("token-of-the-aspm")
    profile, aspm_caller = parse(GOOD), AspmCaller(URL, Dialect.STANDALONE)
    call = profile.create(aspm_caller, token, VALUES, pat, "a-mark-of-its-own")
    assert (call.method, call.url) == ("POST", f"{URL}/api/simulated/v1/alm-instances/")
    assert call.credential.header == "X-Cookie"
    assert "with" not in repr(call)
    assert "token-of-the-aspm" not in repr(call)
    assert "with" not in call.body.shown
    assert "********" in call.body.shown
    sent = json.loads(call.body.encode())
    assert sent["token"] == 'pat-"with\\quotes'
    assert sent["issue_manager"] is True
    assert sent["username"] == 'a"b'
    shown = "\n".join(profile.shown(aspm_caller, VALUES))
    assert "with" not in shown
    assert "token-of-the-aspm" not in shown
    assert shown.count("********") == 2


def test_a_sealed_body_goes_to_its_own_origin_only(stand):
    here = stand()
    call = parse(GOOD).create(
        AspmCaller("https://aspm.example.test", Dialect.STANDALONE),
        Secret("t"),
        VALUES,
        Secret("the-pat"),
        "a-mark",
    )
    with pytest.raises(RuntimeError, match="not bound to"):
        here.transport.exchange(replace(call, url="https://dev.azure.com/contoso", credential=None))
    assert here.simulator.requests == []


def test_a_value_cannot_pull_the_token_into_its_own_place():
    values = {**VALUES, "username": "{{pat}}", "organization": "{{ pat }}"}
    call = parse(GOOD).create(
        AspmCaller(URL, Dialect.STANDALONE), Secret("t"), values, Secret("the-pat"), "a-mark"
    )
    assert json.loads(call.body.encode())["username"] == "{{pat}}"


def test_places_pointers_and_matches():
    assert places_in({"a": ["x {{ organization }}", {"{{alm_tool}}": 1}]}) == {
        "organization",
        "alm_tool",
    }
    assert filled("is {{issue_manager}}", VALUES) == "is true"
    assert path_of("/a/{{organization}}?b={{username}}", VALUES) == "/a/Con%20toso?b=a%22b"
    document = {"a/b": [{"m~n": 1}], "0": "zero"}
    assert at(document, "/a~1b/0/m~0n") == 1
    assert at(document, "") is document
    assert [at(document, p) for p in ("/a~1b/1", "/a~1b/x", "/none/more", "/0/0")] == [None] * 4
    wanted = {"/url": "{{organization_url}}"}
    assert same({"url": "https://dev.azure.com/contoso/"}, wanted, VALUES)
    assert not same({"url": "https://dev.azure.com/contoso2"}, wanted, VALUES)
    assert not same({}, wanted, VALUES)
