"""Where Microsoft's clients are told that things are, and who is told."""

from dataclasses import replace

import pytest

from aspm_ado.simulator.samples import TFS
from aspm_ado.simulator.world import SERVER_2019

from .conftest import UNKNOWN_TOKEN

ORGANIZATION = "https://dev.azure.com/contoso"
TFS_ROOT = "https://tfs.example.test/tfs"
REPOSITORIES = "225f7195-f9c7-4d14-ab28-a83f7ff77e1f"
IDENTITIES = "28010c54-d0c0-4c89-a5b0-1c9e188b9fb7"


def areas(got):
    return sorted({one["area"] for one in got.json["value"]})


@pytest.mark.parametrize(
    ("scenario", "url", "expected"),
    [
        ("global", f"{ORGANIZATION}/_apis", "Favorite Location core distributedtask git wit"),
        (
            "global",
            "https://contoso.visualstudio.com/_apis/",
            "Favorite Location core distributedtask git wit",
        ),
        ("global", f"{ORGANIZATION}/_apis/git", "git"),
        ("global", f"{ORGANIZATION}/_apis/GIT", "git"),
        ("global", f"{ORGANIZATION}/_apis/nothing", ""),
        ("global", "https://vssps.dev.azure.com/contoso/_apis", "Graph IMS Location Profile"),
        ("global", "https://vsaex.dev.azure.com/contoso/_apis", "MemberEntitlementManagement"),
        ("server", f"{TFS_ROOT}/_apis", "Location core"),
        (
            "server",
            f"{TFS_ROOT}/DefaultCollection/_apis",
            "Favorite IMS Location core distributedtask git wit",
        ),
        ("server", f"{TFS_ROOT}/DefaultCollection/_apis/IMS", "IMS"),
    ],
)
def test_each_place_says_what_it_has(simulate, scenario, url, expected):
    got = simulate(scenario)("OPTIONS", url)
    assert (got.status, got.one("Content-Type")) == (200, "application/json; charset=utf-8")
    assert list(got.json) == ["value", "count"]
    assert got.json["count"] == len(got.json["value"])
    assert len({one["id"] for one in got.json["value"]}) == got.json["count"]
    assert areas(got) == expected.split()


def test_a_location_is_what_was_recorded(simulate):
    listed = simulate()("OPTIONS", f"{ORGANIZATION}/_apis/git").json["value"]
    assert next(one for one in listed if one["id"] == REPOSITORIES) == {
        "id": REPOSITORIES,
        "area": "git",
        "resourceName": "repositories",
        "routeTemplate": "{project}/_apis/{area}/{resource}/{repositoryId}",
        "resourceVersion": 1,
        "minVersion": "1.0",
        "maxVersion": "7.2",
        "releasedVersion": "7.1",
    }


def test_a_server_speaks_the_versions_of_its_edition_and_has_no_more_than_it(simulate):
    old = replace(TFS, edition=SERVER_2019)
    ask = simulate("server", world=replace(simulate("server").world, server=old))
    listed = ask("OPTIONS", f"{TFS_ROOT}/DefaultCollection/_apis").json["value"]
    repositories = next(one for one in listed if one["id"] == REPOSITORIES)
    assert (repositories["maxVersion"], repositories["releasedVersion"]) == ("5.0", "5.0")
    assert not {"Favorite", "IMS", "Graph"} & {one["area"] for one in listed}


@pytest.mark.parametrize("host", ["dev.azure.com", "vssps.dev.azure.com"])
def test_areas_name_their_hosts(simulate, host):
    got = simulate()("GET", f"https://{host}/contoso/_apis/resourceAreas?api-version=7.1-preview.1")
    assert list(got.json) == ["count", "value"]
    assert got.json["count"] == len(got.json["value"]) == 8
    by_name = {one["name"]: one["locationUrl"] for one in got.json["value"]}
    assert by_name["git"] == "https://dev.azure.com/Contoso/"
    assert by_name["IMS"] == "https://vssps.dev.azure.com/Contoso/"


@pytest.mark.parametrize("place", ["", "/DefaultCollection"])
def test_a_server_has_no_areas(simulate, place):
    got = simulate("server")("GET", f"{TFS_ROOT}{place}/_apis/resourceAreas")
    assert (got.status, got.json) == (200, {"count": 0, "value": None})


def test_what_is_listed_is_told_to_nobody_unknown(simulate):
    for url in (f"{ORGANIZATION}/_apis", f"{ORGANIZATION}/_apis/resourceAreas"):
        method = "GET" if url.endswith("Areas") else "OPTIONS"
        assert simulate()(method, url, token=UNKNOWN_TOKEN).status == 401
    assert simulate("server")("OPTIONS", f"{TFS_ROOT}/_apis", token=None).status == 401


def test_work_items_are_listed_by_their_ids_until_one_is_absent(simulate):
    ask = simulate()
    url = f"{ORGANIZATION}/_apis/wit/workItems?api-version=7.1&ids="
    got = ask("GET", f"{url}1,40")
    assert (got.json["count"], [one["id"] for one in got.json["value"]]) == (2, [1, 40])
    for ids, named in (("1,3,5", "3"), ("", "")):
        missing = ask("GET", url + ids)
        assert missing.status == 404
        assert missing.json["message"].startswith(f"TF401232: Work item {named} ")


def test_a_stranger_reads_no_work_item_of_a_private_project(simulate):
    ask = simulate("anonymous-trap")
    base = f"https://dev.azure.com/{ask.world.organizations[0].name}/_apis"
    for path in ("wit/workItems/1?", "wit/workItems?ids=1&"):
        got = ask("GET", f"{base}/{path}api-version=7.1", token=None)
        assert got.status in (401, 404), path
    projects = ask("GET", f"{base}/projects?api-version=7.1", token=None).json["value"]
    assert [one["name"] for one in projects] == ["Docs"]


def test_an_unknown_caller_is_told_where_to_sign_in(simulate):
    ask = simulate()
    got = ask("GET", f"{ORGANIZATION}/_apis/projects?api-version=7.1", token=UNKNOWN_TOKEN)
    assert got.json["typeName"] == (
        "Microsoft.TeamFoundation.Framework.Server.UnauthorizedRequestException, "
        "Microsoft.TeamFoundation.Framework.Server"
    )
    basic, bearer, federated = got.all("WWW-Authenticate")
    tenant = ask.world.organizations[0].tenant
    assert basic == f'Basic realm="{got.one("X-TFS-FedAuthRealm")}"'
    assert bearer.endswith(f"/{tenant}")
    assert federated == "TFS-Federated"
    assert got.one("X-VSS-ResourceTenant") == tenant
    assert got.one("X-TFS-FedAuthIssuer") == "https://Contoso.visualstudio.com/"
    assert got.one("X-VSS-AuthorizationEndpoint")
    assert got.one("X-VSS-S2STargetService").endswith("/visualstudio.com")
    assert got.one("X-VSS-UserData") is None
