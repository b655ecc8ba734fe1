"""The bodies: names with their capitals, list shapes, identities, profile, accounts."""

import re

import pytest

DEV = "https://dev.azure.com/contoso"


def test_connection_data(simulate):
    got = simulate()("GET", f"{DEV}/_apis/connectionData?api-version=7.1-preview.1").json
    me = got["authenticatedUser"]
    assert me == got["authorizedUser"]
    assert me["properties"]["Account"] == {
        "$type": "System.String",
        "$value": "ada@contoso.example",
    }
    assert me["descriptor"].startswith("Microsoft.IdentityModel.Claims.ClaimsIdentity;")
    assert me["descriptor"].endswith("\\ada@contoso.example")
    assert me["subjectDescriptor"].startswith("aad.")
    assert got["deploymentType"] == "hosted"
    assert "webApplicationRelativeDirectory" not in got
    assert "count" not in got


def test_names_come_back_with_their_real_capitals(simulate):
    got = simulate()("GET", f"{DEV}/_apis/projects?api-version=7.1").json
    assert got["value"][0]["url"].startswith("https://dev.azure.com/Contoso/_apis/projects/")
    legacy = simulate()(
        "GET", "https://CONTOSO.visualstudio.com/_apis/projects?api-version=7.1"
    ).json
    assert legacy["count"] == got["count"] == 2


def test_projects_page_by_page(simulate):
    ask = simulate()
    first = ask("GET", f"{DEV}/_apis/projects?$top=1&$skip=0&api-version=7.1")
    assert first.one("x-ms-continuationtoken") == "1"
    assert list(first.json) == ["count", "value"]
    second = ask("GET", f"{DEV}/_apis/projects?$top=1&continuationToken=1&api-version=7.1")
    assert second.one("x-ms-continuationtoken") is None
    names = [page.json["value"][0]["name"] for page in (first, second)]
    assert names == ["Payments", "Web Shop"]
    assert ask("GET", f"{DEV}/_apis/projects?api-version=7.1").one("x-ms-continuationtoken") is None
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{2,3}Z", first.json["value"][0]["lastUpdateTime"]
    )


@pytest.mark.parametrize("scope", ["vso.project", "vso.profile", "vso.code"])
def test_project_list_is_open_to_profile_or_project(simulate, scope):
    assert simulate(scopes={scope})("GET", f"{DEV}/_apis/projects").status == 200


def test_project_by_name_and_absent(simulate):
    ask = simulate()
    assert ask("GET", f"{DEV}/_apis/projects/web%20shop").json["name"] == "Web Shop"
    got = ask("GET", f"{DEV}/_apis/projects/Ghost")
    assert (got.status, got.json["typeKey"]) == (404, "ProjectDoesNotExistWithNameException")
    assert got.json["message"].startswith("TF200016: The following project does not exist: Ghost.")


def test_repositories_of_a_project_and_of_all(simulate):
    ask = simulate()
    inside = ask("GET", f"{DEV}/Payments/_apis/git/repositories?api-version=7.1")
    assert list(inside.json) == ["value", "count"], "git writes count last"
    assert inside.one("Transfer-Encoding") == "chunked"
    names = [one["name"] for one in inside.json["value"]]
    assert names == ["attic", "fresh", "checkout api"], "what is not readable is not listed"
    attic, fresh, api = inside.json["value"]
    assert attic["isDisabled"] is True
    assert "defaultBranch" not in fresh
    assert api["remoteUrl"] == "https://Contoso@dev.azure.com/Contoso/Payments/_git/checkout%20api"
    assert api["webUrl"] == "https://dev.azure.com/Contoso/Payments/_git/checkout%20api"
    assert api["project"]["name"] == "Payments"
    every = ask("GET", f"{DEV}/_apis/git/repositories?api-version=7.1").json
    assert every["count"] == 4
    by_id = ask("GET", f"{DEV}/_apis/git/repositories/{api['id']}?api-version=7.1")
    assert by_id.json == api
    assert ask("GET", f"{DEV}/Ghost/_apis/git/repositories").status == 404


def test_identities(simulate):
    ask = simulate()
    mine = ask("GET", f"{DEV}/_apis/connectionData").json["authenticatedUser"]["id"]
    url = "https://vssps.dev.azure.com/contoso/_apis/identities"
    got = ask("GET", f"{url}?identityIds={mine}&api-version=7.1").json
    assert [one["id"] for one in got["value"]] == [mine]
    assert got["value"][0]["properties"]["Mail"]["$value"] == "ada@contoso.example"
    assert ask("GET", f"{url}?identityIds=00000000-0000-0000-0000-000000000001").json == {
        "count": 0,
        "value": [],
    }
    assert ask("GET", f"{DEV}/_apis/identities").status == 404, "dev.azure.com has no identity area"


def test_profile_and_accounts_of_a_global_token(simulate):
    ask = simulate("not-a-member")
    base = "https://app.vssps.visualstudio.com/_apis"
    me = ask("GET", f"{base}/profile/profiles/me?api-version=7.1")
    assert me.one("X-VSS-UserData") == f"{me.json['id']}:ada@contoso.example"
    assert me.json["publicAlias"] == me.json["id"]
    assert re.fullmatch(r".*\.\d{7}\+00:00", me.json["timeStamp"])
    accounts = ask("GET", f"{base}/accounts?memberId={me.json['id']}&api-version=7.1").json
    assert accounts["count"] == 1, "only the organizations of this person"
    assert accounts["value"][0]["accountName"] == "Contoso"
    assert accounts["value"][0]["accountUri"] == "https://vssps.dev.azure.com:443/Contoso/"
    assert ask("GET", f"{base}/accounts?api-version=7.1").status == 400
    assert ask("GET", f"{base}/profile/profiles/me?api-version=9.9").status == 400
    assert ask("GET", f"{base}/projects").one("Content-Type") == "text/plain; charset=utf-8"


def test_accounts_host_needs_the_profile_scope(simulate):
    got = simulate(scopes={"vso.identity"})(
        "GET", "https://app.vssps.visualstudio.com/_apis/profile/profiles/me"
    )
    assert (got.status, got.body) == (401, b"")
