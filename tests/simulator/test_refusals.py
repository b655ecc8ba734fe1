"""Every way of being turned away, told apart as the real service tells them apart, or not."""

import base64
import time
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from aspm_ado.simulator import SCENARIOS

from .conftest import UNKNOWN_TOKEN

ORGANIZATION = "https://dev.azure.com/contoso"
CONNECTION = f"{ORGANIZATION}/_apis/connectionData?api-version=7.1-preview.1"
PROFILE = "https://app.vssps.visualstudio.com/_apis/profile/profiles/me?api-version=7.1"
API_ROUTES = (
    CONNECTION,
    f"{ORGANIZATION}/_apis/projects?api-version=7.1",
    f"{ORGANIZATION}/_apis/git/repositories?api-version=7.1",
    f"{ORGANIZATION}/_apis/wit/workItems/1?api-version=7.1",
    f"{ORGANIZATION}/_apis/distributedtask/pools",
    f"{ORGANIZATION}/_apis/nothing",
    f"{ORGANIZATION}/Payments/_git/checkout%20api/info/refs?service=git-upload-pack",
    "https://contoso.visualstudio.com/_apis/projects",
    "https://vssps.dev.azure.com/contoso/_apis/identities?identityIds=x",
    "https://vssps.dev.azure.com/contoso/_apis/graph/users",
    "https://vsaex.dev.azure.com/contoso/_apis/userentitlements",
    PROFILE,
    "https://app.vssps.visualstudio.com/_apis/accounts?memberId=x",
)


def challenges(got):
    return [value.partition(" ")[0] for value in got.all("WWW-Authenticate")]


@pytest.mark.parametrize("url", API_ROUTES)
@pytest.mark.parametrize("token", [UNKNOWN_TOKEN, None], ids=["random", "none"])
def test_nothing_answers_anybody(simulate, url, token):
    got = simulate()("GET", url, token=token)
    assert got.status == 401
    assert got.json["message"].startswith("TF400813: Resource not available for anonymous access.")
    assert challenges(got) == ["Basic", "Bearer", "TFS-Federated"]
    assert got.one("X-VSS-UserData") is None
    assert got.one("X-TFS-ProcessId")


def test_missing_scope_is_the_empty_401(simulate):
    ask = simulate(scopes={"vso.work"})
    got = ask("GET", f"{ORGANIZATION}/_apis/git/repositories?api-version=7.1")
    assert (got.status, got.body, got.one("Content-Length"), got.one("Content-Type")) == (
        401,
        b"",
        "0",
        None,
    )
    realm = got.one("WWW-Authenticate")
    assert realm.startswith('Basic realm="https://tfsprod')
    assert "dev.azure.com" not in realm
    assert got.one("X-VSS-UserData") is None
    assert got.one("X-TFS-ServiceError") is None
    assert got.one("ActivityId")


@pytest.mark.parametrize(
    ("host", "path", "prefix"),
    [("vssps", "graph/users", "spsprod"), ("vsaex", "userentitlements", "aexprod")],
)
def test_each_host_names_its_own_realm(simulate, host, path, prefix):
    got = simulate()("GET", f"https://{host}.dev.azure.com/contoso/_apis/{path}")
    assert (got.status, got.body) == (401, b"")
    assert got.one("WWW-Authenticate").startswith(f'Basic realm="https://{prefix}')


def test_not_a_member_is_named(simulate):
    got = simulate("not-a-member")("GET", CONNECTION.replace("contoso", "fabrikam"))
    assert got.status == 401
    assert got.json["typeKey"] == "UnauthorizedRequestException"
    assert got.json["message"].startswith("TF400813: The user '")
    assert "ada@contoso.example" in got.json["message"]
    assert got.one("X-VSS-UserData").endswith(":ada@contoso.example")
    assert got.one("X-VSS-AuthenticateError") == "Unauthorized"
    assert got.one("X-VSS-ResourceTenant")
    assert [one.split("=")[0] for one in got.all("WWW-Authenticate")] == [
        "Bearer authorization_uri",
        "TFS-Federated",
    ]


def test_expired_is_said_in_body_and_header(simulate):
    ask = simulate("expired")
    for url in (CONNECTION, PROFILE):
        got = ask("GET", url)
        assert got.status == 401
        assert got.json["typeKey"] == "AccessCheckException"
        assert got.json["message"] == "Access Denied: The Personal Access Token used has expired."
        assert list(got.json)[1] == "customProperties"
        assert got.one("X-TFS-ServiceError").endswith("has%20expired.")


def test_the_last_day_still_counts(simulate):
    token = SCENARIOS["global"].world.tokens[0]
    assert simulate(today=token.expires, organization={})("GET", CONNECTION).status == 401, (
        "global tokens are gone"
    )
    one = SCENARIOS["organization-only"].world.tokens[0]
    assert simulate("organization-only", today=one.expires)("GET", CONNECTION).status == 200
    assert simulate("organization-only", today=date(2027, 1, 14))("GET", CONNECTION).status == 401


def test_revoked_looks_like_unknown(simulate):
    world = SCENARIOS["global"].world
    revoked = replace(world, tokens=(replace(world.tokens[0], revoked=True),))
    got = simulate(world=revoked)("GET", CONNECTION)
    assert got.status == 401
    assert "anonymous access" in got.json["message"]


@pytest.mark.parametrize("url", [CONNECTION, PROFILE])
def test_retired_global_token_gets_a_bare_401(simulate, url):
    got = simulate("global-after-retirement")("GET", url)
    assert (got.status, got.body, challenges(got)) == (401, b"", ["Basic"])
    assert got.one("X-VSS-UserData") is None


def test_retirement_day_is_the_first_of_december(simulate):
    assert simulate(today=date(2026, 11, 30))("GET", CONNECTION).status == 200
    assert simulate(today=date(2026, 12, 1))("GET", CONNECTION).status == 401


def test_the_clock_passes_the_day_while_it_runs(simulate):
    """Its Date header says which side of midnight it is on, and what it answers fits."""
    ask = simulate(at=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    end = time.monotonic() + 30
    seen = set()
    while time.monotonic() < end and (401, "01 Dec") not in seen:
        got = ask("GET", CONNECTION)
        seen.add((got.status, got.one("Date")[5:11]))
    assert seen <= {(200, "30 Nov"), (401, "01 Dec")}
    assert (401, "01 Dec") in seen
    ask.simulator.set_clock(datetime(2026, 11, 29, tzinfo=UTC))
    assert ask("GET", CONNECTION).status == 200


def test_one_organization_token_is_a_stranger_elsewhere(simulate):
    ask = simulate("organization-only")
    assert ask("GET", CONNECTION).status == 200
    assert ask("GET", CONNECTION.replace("contoso", "fabrikam")).status == 401
    assert ask("GET", PROFILE).status == 401
    assert (
        ask(
            "GET", "https://vssps.dev.azure.com/contoso/_apis/profile/profiles/me?api-version=7.1"
        ).status
        == 200
    )


def test_organization_that_refuses_global_tokens(simulate):
    ask = simulate(organization={"blocks_global_tokens": True})
    assert (ask("GET", CONNECTION).status, ask("GET", CONNECTION).body) == (401, b"")
    assert ask("GET", PROFILE).status == 200


def test_fence(simulate):
    got = simulate(organization={"fenced": True})("GET", CONNECTION)
    assert (got.status, got.json["typeKey"]) == (403, "VssServiceException")
    assert got.json["message"].startswith("VS403463: ")


def test_throttled(simulate):
    got = simulate(organization={"throttled": True})("GET", CONNECTION)
    assert (got.status, got.one("Retry-After")) == (429, "30")
    assert got.json["message"].startswith("TF400733: ")


@pytest.mark.parametrize(("method", "status"), [("GET", 203), ("PATCH", 401)])
def test_expiry_may_be_masked_by_the_sign_in_page(simulate, method, status):
    assert simulate("expired")(method, CONNECTION, suppress=False).status == status


def test_anonymous_trap(simulate):
    ask = simulate("anonymous-trap")
    got = ask("GET", CONNECTION.replace("contoso", "opencontoso"), token=UNKNOWN_TOKEN)
    assert got.status == 200
    assert got.json["authenticatedUser"]["id"] == "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
    assert got.one("X-VSS-UserData") is None
    base = "https://dev.azure.com/opencontoso/_apis"
    listed = ask("GET", f"{base}/projects?api-version=7.1", token=UNKNOWN_TOKEN)
    assert [one["name"] for one in listed.json["value"]] == ["Docs"], (
        "a stranger sees public projects only"
    )
    hidden = ask("GET", f"{base}/git/repositories?api-version=7.1", token=UNKNOWN_TOKEN)
    assert [one["name"] for one in hidden.json["value"]] == ["handbook"]
    assert (
        ask("PATCH", f"{base}/projects/x?api-version=7.1", token=UNKNOWN_TOKEN, body="{}").status
        == 401
    )
    assert ask("GET", f"{base}/distributedtask/pools", token=UNKNOWN_TOKEN).status == 401


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 203), ("POST", 203), ("PATCH", 401), ("DELETE", 401)]
)
def test_without_suppress_a_dead_token_is_sent_to_sign_in(simulate, method, status):
    got = simulate()(method, f"{ORGANIZATION}/_apis/projects", token=UNKNOWN_TOKEN, suppress=False)
    assert got.status == status
    if status == 203:
        assert got.one("Content-Type") == "text/html; charset=utf-8"
        assert got.body.lstrip().startswith(b"<!DOCTYPE html>")
        assert got.one("X-TFS-ProcessId")


def test_without_suppress_the_accounts_host_redirects(simulate):
    got = simulate("organization-only")("GET", PROFILE, suppress=False)
    assert got.status == 302
    assert got.one("Location").startswith("https://spsprod")


def test_web_pages_redirect_to_sign_in(simulate):
    got = simulate()("GET", f"{ORGANIZATION}/_usersSettings/tokens")
    assert got.status == 302
    assert got.one("X-VSS-ResourceTenant") not in (None, "00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    "value",
    [
        "Bearer {token}",
        "Bearer {encoded}",
        "Basic {token}",
        "Basic {spaced}",
        "Basic {loose}",
        "NTLM {encoded}",
    ],
)
def test_only_canonical_basic_is_accepted(simulate, value):
    ask = simulate()
    encoded = base64.b64encode(f":{ask.token}".encode()).decode()
    loose = encoded[:-3] + chr(ord(encoded[-3]) + 1) + "=="  # decodes to the same bytes
    assert base64.b64decode(loose) == base64.b64decode(encoded)
    spaced = encoded[:40] + " " + encoded[40:]
    sent = value.format(token=ask.token, encoded=encoded, loose=loose, spaced=spaced)
    headers = {"Host": "dev.azure.com", "X-TFS-FedAuthRedirect": "Suppress"}
    path = "/contoso/_apis/projects"
    assert ask.raw("GET", path, headers | {"Authorization": sent}).status == 401
    assert ask.raw("GET", path, headers | {"Authorization": f"Basic {encoded}"}).status == 200


def test_any_user_name_will_do(simulate):
    assert simulate()("GET", CONNECTION, user="whoever").status == 200
