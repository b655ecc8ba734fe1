"""What every answer carries: the headers that a hand-written fake gets wrong."""

import http.client
import re
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

CONNECTION = "https://dev.azure.com/contoso/_apis/connectionData?api-version=7.1-preview.1"
NOWHERE = "https://dev.azure.com/contoso/_apis/git/repositories/3b0ee1c5-6d3f-4a80-9d3c-6f3a4f8f1c11?api-version=7.1"
GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def test_success_names_the_version_the_user_and_itself(simulate):
    got = simulate()("GET", CONNECTION)
    assert got.status == 200
    assert got.one("Content-Type") == "application/json; charset=utf-8; api-version=7.1-preview.1"
    assert re.fullmatch(GUID + r":ada@contoso\.example", got.one("X-VSS-UserData"))
    assert re.fullmatch(GUID, got.one("X-TFS-ProcessId"))
    assert got.one("ActivityId") == got.one("X-VSS-E2EID") == got.one("X-TFS-Session")
    assert got.one("X-MSEdge-Ref").startswith("Ref A: ")
    assert got.one("X-Powered-By") is None
    assert int(got.one("Content-Length")) == len(got.body)


def test_date_is_the_pinned_day(simulate):
    assert (
        parsedate_to_datetime(simulate()("GET", CONNECTION).one("Date")).date().isoformat()
        == "2026-10-15"
    )
    late = simulate("global-after-retirement")
    assert (
        parsedate_to_datetime(late("GET", CONNECTION).one("Date")).date().isoformat()
        == "2026-12-02"
    )


def test_session_is_echoed_and_activity_is_fresh(simulate):
    ask = simulate()
    first = ask("GET", CONNECTION, headers={"X-TFS-Session": "one-run"})
    second = ask("GET", CONNECTION, headers={"X-TFS-Session": "one-run"})
    assert first.one("X-TFS-Session") == second.one("X-TFS-Session") == "one-run"
    assert first.one("ActivityId") != second.one("ActivityId")


def test_an_echoed_header_cannot_split_the_answer(simulate):
    got = simulate()("GET", CONNECTION, headers={"X-TFS-Session": "a\r\n b"})
    assert got.status == 200
    assert got.one("X-TFS-Session").split() == ["a", "b"]
    assert "\n" not in got.one("X-TFS-Session")


def test_errors_drop_the_version_and_share_one_shape(simulate):
    got = simulate()("GET", NOWHERE)
    assert got.status == 404
    assert got.one("Content-Type") == "application/json; charset=utf-8"
    assert list(got.json) == [
        "$id",
        "innerException",
        "message",
        "typeName",
        "typeKey",
        "errorCode",
        "eventId",
    ]
    assert (got.json["$id"], got.json["errorCode"], got.json["eventId"]) == ("1", 0, 3000)
    assert got.json["typeKey"] == "GitRepositoryNotFoundException"
    assert got.json["message"].startswith("TF401019: ")
    assert got.one("X-VSS-UserData") is not None


def test_the_identity_host_leaves_the_headers_of_two_machines(simulate):
    got = simulate()(
        "GET", "https://vssps.dev.azure.com/contoso/_apis/profile/profiles/me?api-version=7.1"
    )
    assert got.status == 200
    for name in ("P3P", "Strict-Transport-Security", "X-TFS-ProcessId", "Set-Cookie"):
        assert len(got.all(name)) == 2, name
    assert any(cookie.startswith("VstsSession=") for cookie in got.all("Set-Cookie"))


def test_unknown_route_is_plain_text(simulate):
    got = simulate()("GET", "https://dev.azure.com/contoso/_apis/nothing/here")
    assert (got.status, got.one("Content-Type")) == (404, "text/plain; charset=utf-8")
    assert got.body.startswith(
        b"The controller for path '/contoso/_apis/nothing/here' was not found"
    )
    assert got.one("X-TFS-ServiceError").startswith("The%20controller%20for%20path")


def test_wrong_method_is_405(simulate):
    assert (
        simulate()("PUT", "https://dev.azure.com/contoso/_apis/projects?api-version=7.1").status
        == 405
    )


def test_unknown_organization_is_404_from_azure_devops(simulate):
    got = simulate()("GET", "https://dev.azure.com/nobody-has-this/_apis/connectionData")
    assert got.status == 404
    assert got.one("X-TFS-ProcessId")
    assert got.one("X-VSS-UserData") is None


def test_deactivated_organization_is_a_503_with_a_byte_order_mark(simulate):
    got = simulate("deactivated-organization")("GET", CONNECTION)
    assert got.status == 503
    assert got.body.startswith(b"\xef\xbb\xbf{")
    assert "TF24668" in got.body.decode("utf-8-sig")
    assert got.one("Content-Type") == "application/json"
    assert "TF24668%3A%20" in got.one("X-TFS-ServiceError")
    for name in ("Retry-After", "ActivityId", "X-VSS-UserData", "X-VSS-E2EID"):
        assert got.one(name) is None, name


def test_no_content_has_no_media_type(simulate):
    url = (
        "https://dev.azure.com/contoso/_apis/favorite/favorites/3b0ee1c5-6d3f-4a80-9d3c-6f3a4f8f1c11"
        "?artifactType=Microsoft.TeamFoundation.Build.Definition&api-version=7.1-preview.1"
    )
    got = simulate()("DELETE", url)
    assert (got.status, got.body, got.one("Content-Type"), got.one("Content-Length")) == (
        204,
        b"",
        None,
        None,
    )
    assert got.one("X-VSS-UserData")


@pytest.mark.parametrize(
    ("version", "status", "kind"),
    [
        ("7.1", 400, "VssInvalidPreviewVersionException"),
        ("7.1-preview", 200, None),
        ("7.2-preview.1", 200, None),
        ("7.3-preview.1", 400, "VssVersionOutOfRangeException"),
        ("nonsense", 400, "VssInvalidApiResourceVersionException"),
        (None, 200, None),
    ],
)
def test_versions_of_a_preview_resource(simulate, version, status, kind):
    url = CONNECTION.partition("?")[0] + (f"?api-version={version}" if version else "")
    got = simulate()("GET", url)
    assert got.status == status
    assert got.json.get("typeKey") == kind


@pytest.mark.parametrize(
    ("version", "status"),
    [("7.1", 200), ("5.0", 200), ("7.2", 400), ("7.2-preview.4", 200), ("9.9", 400)],
)
def test_versions_of_a_released_resource(simulate, version, status):
    got = simulate()("GET", f"https://dev.azure.com/contoso/_apis/projects?api-version={version}")
    assert got.status == status
    if version == "9.9":
        assert "The latest REST API version this server supports is 7.2." in got.json["message"]
    if version == "7.2":
        assert got.json["typeKey"] == "VssInvalidPreviewVersionException"


def test_version_may_come_in_the_accept_header(simulate):
    url = "https://dev.azure.com/contoso/_apis/projects"
    got = simulate()("GET", url, headers={"Accept": "application/json;api-version=5.1"})
    assert got.one("Content-Type").endswith("api-version=5.1")


def test_connection_stays_open_between_requests(simulate):
    ask = simulate()
    connection = http.client.HTTPConnection(urlsplit(ask.simulator.address).netloc, timeout=10)
    try:
        sockets = set()
        for _ in range(3):
            connection.request("GET", "/contoso/_apis/projects", headers={"Host": "dev.azure.com"})
            response = connection.getresponse()
            response.read()
            assert response.status == 203, "nobody is signed in, and nothing was suppressed"
            sockets.add(connection.sock.getsockname())
        assert len(sockets) == 1
    finally:
        connection.close()


def test_the_body_of_a_request_is_never_read_as_the_next_request(simulate):
    ask = simulate()
    connection = http.client.HTTPConnection(urlsplit(ask.simulator.address).netloc, timeout=10)
    try:
        for status in (203, 203):
            connection.request(
                "POST", "/contoso/_apis/projects", body=b"{}", headers={"Host": "dev.azure.com"}
            )
            response = connection.getresponse()
            response.read()
            assert response.status == status
    finally:
        connection.close()
