"""Azure DevOps Server: collections, the root, IIS headers, and what its versions do not have."""

from dataclasses import replace
from uuid import uuid4

import pytest

from aspm_ado.simulator import SCENARIOS
from aspm_ado.simulator.world import Edition

from .conftest import UNKNOWN_TOKEN

ROOT = "https://tfs.example.test/tfs"
COLLECTION = f"{ROOT}/DefaultCollection/_apis"
OLD = "https://devops.example.test/DefaultCollection/_apis"


def with_server(**parts):
    world = SCENARIOS["server"].world
    return replace(world, server=replace(world.server, **parts))


def of_one_collection(name="Engineering"):
    world = SCENARIOS["server"].world
    return replace(world, tokens=(replace(world.tokens[0], reach=name),))


def test_connection_data(simulate):
    got = simulate("server")("GET", f"{COLLECTION}/connectionData")
    assert got.status == 200
    assert got.one("Content-Type") == "application/json; charset=utf-8"
    assert got.json["deploymentType"] == "onPremises"
    assert got.json["webApplicationRelativeDirectory"] == "/tfs"
    me = got.json["authenticatedUser"]
    assert me["properties"]["Account"]["$value"] == me["providerDisplayName"] == "LOCAL\\ada"


def test_headers_are_those_of_iis(simulate):
    got = simulate("server")("GET", f"{COLLECTION}/projects?api-version=7.1")
    assert got.one("X-Powered-By") == "ASP.NET"
    assert got.one("X-TFS-ProcessId")
    assert got.one("ActivityId")
    for name in ("X-MSEdge-Ref", "X-Cache", "Strict-Transport-Security", "X-VSS-UserData"):
        assert got.one(name) is None, name


def test_user_data_is_a_switch(simulate):
    got = simulate("server", world=with_server(names_user=True))("GET", f"{COLLECTION}/projects")
    assert got.one("X-VSS-UserData").endswith(":LOCAL\\ada")


@pytest.mark.parametrize(
    "url",
    [
        f"{ROOT}/_apis/projectCollections",
        f"{ROOT}/_apis/connectionData",
        f"{COLLECTION}/connectionData",
        f"{COLLECTION}/git/repositories",
        f"{COLLECTION}/nothing",
        f"{ROOT}/Ghost/_apis/projects",
        f"{ROOT}/DefaultCollection/Payments/_git/fresh/info/refs?service=git-upload-pack",
    ],
)
def test_nothing_answers_anybody(simulate, url):
    got = simulate("server")("GET", url, token=UNKNOWN_TOKEN)
    assert got.status == 401
    assert got.all("WWW-Authenticate") == ["Bearer", f'Basic realm="{ROOT}"', "Negotiate", "NTLM"]
    assert got.one("Lfs-Authenticate") == "NTLM"
    assert got.one("X-TFS-ProcessId")


def test_service_errors_are_encoded_in_the_servers_own_way(simulate):
    got = simulate("server")("GET", f"{COLLECTION}/nothing", token=UNKNOWN_TOKEN)
    assert got.one("X-TFS-ServiceError").startswith("TF400813%3a+Resource+not+available")
    assert got.one("X-TFS-SoapException") == got.one("X-TFS-ServiceError")


def test_root_lists_the_collections_to_wide_tokens_only(simulate):
    got = simulate("server")("GET", f"{ROOT}/_apis/projectCollections?api-version=5.0")
    assert [one["name"] for one in got.json["value"]] == ["DefaultCollection", "Engineering"]
    narrow = simulate("server", world=of_one_collection())
    assert narrow("GET", f"{ROOT}/_apis/projectCollections?api-version=5.0").status == 401
    assert narrow("GET", f"{ROOT}/_apis/connectionData").status == 401
    assert narrow("GET", f"{ROOT}/engineering/_apis/connectionData").status == 200
    assert narrow("GET", f"{COLLECTION}/connectionData").status == 401


def test_addresses_have_no_user_part(simulate):
    got = simulate("server")(
        "GET", f"{ROOT}/engineering/_apis/git/repositories?api-version=7.1"
    ).json
    assert got["value"][0]["remoteUrl"] == f"{ROOT}/Engineering/Turbines/_git/blades"
    old = simulate("server-2019")("GET", f"{OLD}/git/repositories?api-version=5.0").json
    assert "isDisabled" not in old["value"][0], "2019 lists do not say it"


def test_clone(simulate):
    url = f"{ROOT}/Engineering/Turbines/_git/blades/info/refs?service=git-upload-pack"
    got = simulate("server")("GET", url)
    assert got.status == 200
    assert got.body.startswith(b"001e# service=git-upload-pack\n0000")


def test_missing_scope_is_empty_here_too(simulate):
    got = simulate("server", scopes={"vso.work"})("GET", f"{COLLECTION}/git/repositories/{uuid4()}")
    assert (got.status, got.body, got.one("Content-Type")) == (401, b"", None)
    assert got.one("ActivityId")
    assert got.one("X-TFS-ProcessId")


def test_retirement_of_global_tokens_does_not_concern_a_server(simulate):
    from datetime import date

    assert (
        simulate("server", today=date(2026, 12, 24))("GET", f"{COLLECTION}/projects").status == 200
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "profile/profiles/me", 404),
        ("GET", "graph/users", 404),
        ("GET", "userentitlements", 404),
        ("GET", "accounts", 404),
        ("DELETE", "wit/attachments/3b0ee1c5-6d3f-4a80-9d3c-6f3a4f8f1c11?api-version=7.1", 405),
        ("GET", "identities?identityIds=x&api-version=7.1", 200),
        ("DELETE", "favorite/favorites/x?api-version=7.1-preview.1", 204),
        ("GET", "distributedtask/pools", 401),
    ],
)
def test_what_a_server_has(simulate, method, path, status):
    assert simulate("server")(method, f"{COLLECTION}/{path}").status == status


@pytest.mark.parametrize("path", ["identities?identityIds=x", "favorite/favorites/x"])
def test_what_2019_does_not_have_yet(simulate, path):
    got = simulate("server-2019")("GET", f"{OLD}/{path}")
    assert (got.status, got.one("Content-Type")) == (404, "text/plain; charset=utf-8")


# A 2020 server says "the latest ... supports is 6.1" while 6.1 is still preview there
# (issue: microsoft/azure-devops-extension-sample#161); the version map names the released one, 6.0.
SERVER_2020 = Edition("6.0", "6.1")


@pytest.mark.parametrize(
    ("edition", "version", "said"),
    [(None, "9.9", "7.1"), (None, "7.2-preview.4", "7.1"), (SERVER_2020, "7.1", "6.1")],
)
def test_a_version_too_high_teaches_the_newest(simulate, edition, version, said):
    ask = simulate(
        "server", world=with_server(edition=edition) if edition else SCENARIOS["server"].world
    )
    got = ask("GET", f"{COLLECTION}/projects?api-version={version}")
    assert (got.status, got.json["typeKey"]) == (400, "VssVersionOutOfRangeException")
    assert f"The latest REST API version this server supports is {said}." in got.json["message"]


def test_the_newest_is_not_always_released(simulate):
    first_2022 = with_server(edition=Edition("7.0", "7.1"))
    ask = simulate("server", world=first_2022)
    assert ask("GET", f"{COLLECTION}/projects?api-version=7.0").status == 200
    assert (
        ask("GET", f"{COLLECTION}/projects?api-version=7.1").json["typeKey"]
        == "VssInvalidPreviewVersionException"
    )
    assert ask("GET", f"{COLLECTION}/projects?api-version=7.1-preview").status == 200


def test_2019_speaks_5_0(simulate):
    ask = simulate("server-2019")
    assert len(ask.token) == 52
    assert ask("GET", f"{OLD}/projects?api-version=5.0").status == 200
    got = ask("GET", f"{OLD}/connectionData?api-version=7.1-preview.1")
    assert "server supports is 5.0." in got.json["message"]
    assert ask("GET", f"{OLD}/connectionData").json["webApplicationRelativeDirectory"] == "/"


def test_outside_of_the_application_iis_answers_alone(simulate):
    got = simulate("server")("GET", "https://tfs.example.test/DefaultCollection/_apis/projects")
    assert got.status == 404
    assert not [name for name, _ in got.headers if name.lower().startswith(("x-tfs", "x-vss"))]


def test_not_a_member_of_a_collection(simulate):
    world = SCENARIOS["server"].world
    default, engineering = world.server.collections
    server = replace(world.server, collections=(default, replace(engineering, members=())))
    got = simulate("server", world=replace(world, server=server))(
        "GET", f"{ROOT}/Engineering/_apis/projects"
    )
    assert got.status == 401
    assert (
        got.json["message"]
        == "TF400813: The user 'LOCAL\\ada' is not authorized to access this resource."
    )
