"""What is sent, and to whom: the secret to the origins it is bound to, and nothing that somebody else adds."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from aspm_ado import __version__
from aspm_ado.adapters.http import wire as transport_wire
from aspm_ado.domain.http import Call, Credential, Origin
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.secret import Secret

from .conftest import PAT
from .servers import answer

BASIC = "Basic " + base64.b64encode(f":{PAT}".encode()).decode()


def test_a_call_carries_the_token_and_who_we_are(start, transport, get):
    server = start(answer())
    reply = transport().send(
        get(server.url + "/c/_apis/x?a=b%20c&d=%2F", headers=(("X-TFS-Session", "1"),))
    )
    (request,) = server.received
    assert request.line == "GET /c/_apis/x?a=b%20c&d=%2F HTTP/1.1"
    assert request.all("Authorization") == [BASIC]
    assert request.all("User-Agent") == [f"aspm-ado/{__version__}"]
    assert request.all("Accept") == ["application/json"]
    assert request.all("Accept-Encoding") == ["gzip, deflate"]
    assert request.all("Host") == [f"localhost:{server.port}"]
    assert request.all("X-TFS-Session") == ["1"]
    assert (reply.status, reply.text, reply.failure) == (200, "{}", None)


def test_a_call_may_say_what_it_accepts_and_what_it_sends(start, transport, get):
    server = start(answer())
    headers = (
        ("accept", "text/html"),
        ("Content-Type", "application/json-patch+json"),
        ("accept-encoding", "br"),
    )
    transport().send(get(server.url, "PATCH", headers=headers, body='[{"op":"ü"}]'))
    (request,) = server.received
    assert request.all("Accept") == ["text/html"]
    assert request.all("Accept-Encoding") == ["gzip, deflate"], "only those that are undone"
    assert request.all("Content-Type") == ["application/json-patch+json"]
    assert request.body == '[{"op":"ü"}]'.encode()


def test_a_service_may_have_a_header_of_its_own(start, transport):
    server = start(answer())
    secret = Credential(Secret("s3cret"), frozenset({Origin.of(server.url)}), header="X-Cookie")
    transport().send(Call("GET", server.url, secret))
    assert server.received[0].all("X-Cookie") == ["s3cret"]
    assert server.received[0].all("Authorization") == []


@pytest.mark.parametrize("credential", [True, False])
def test_netrc_is_never_read(start, transport, get, monkeypatch, tmp_path, credential):
    poison = tmp_path / ".netrc"
    poison.write_text(
        "machine localhost login evil password evil\ndefault login evil password evil\n"
    )
    poison.chmod(0o600)
    monkeypatch.setenv("NETRC", str(poison))
    monkeypatch.setenv("HOME", str(tmp_path))
    server = start(answer())
    transport().send(get(server.url) if credential else Call("GET", server.url))
    assert server.received[0].all("Authorization") == ([BASIC] if credential else [])


def test_variables_of_the_process_do_not_count(start, transport, get, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nowhere")
    assert transport().send(get(start(answer()).url)).status == 200


def test_cookies_are_not_kept(start, transport, get):
    server = start(
        answer(200, b"{}", "Set-Cookie: VstsSession=1; path=/", "Set-Cookie: b=2"), answer()
    )
    client = transport()
    client.send(get(server.url))
    client.send(get(server.url))
    assert server.received[1].all("Cookie") == []


def test_a_redirect_is_an_answer(start, transport, get):
    other = start(answer())
    endless = b"x" * 100_000
    server = start(answer(302, endless, f"Location: {other.url}/_signin"))
    reply = transport().send(get(server.url))
    assert (reply.status, reply.header("Location")) == (302, other.url + "/_signin")
    assert other.received == []


def test_a_malformed_redirect_is_an_answer_too(start, transport, get):
    assert transport().send(get(start(answer(302, b"", "Location: http://[bad")).url)).status == 302


@pytest.mark.parametrize(
    "url",
    [
        "https://dev.azure.com.evil.example/contoso",
        "https://evil.example/dev.azure.com",
        "https://dev.azure.com@evil.example/",
        "http://dev.azure.com/contoso",
        "https://dev.azure.com:8443/contoso",
        "https://xn--dv-0ia.azure.com/contoso",
        "https://deν.azure.com/contoso",
        "https://evil-dev.azure.com/",
        "https://vssps.dev.azure.com/",
    ],
)
def test_a_secret_goes_to_its_own_origins_only(transport, url, monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    bound = Credential(Secret(PAT), frozenset({Origin.of("https://dev.azure.com")}))
    with pytest.raises(RuntimeError, match="not bound") as caught:
        transport().send(Call("GET", url, bound))
    assert PAT not in str(caught.value)
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://dev.azure.com\\@evil.example/", "https://dev.azure.com\n.evil/", "file:///x"]
)
def test_an_address_with_two_readings_is_refused(transport, url):
    bound = Credential(Secret(PAT), frozenset({Origin.of("https://dev.azure.com")}))
    with pytest.raises(UsageError):
        transport().send(Call("GET", url, bound))


@pytest.mark.parametrize("name", ["authorization", "Cookie", "HOST", "Proxy-Authorization"])
def test_a_call_cannot_go_around_the_binding(transport, name):
    with pytest.raises(RuntimeError, match="belongs to the transport"):
        transport().send(Call("GET", "https://dev.azure.com", headers=((name, "s3cret"),)))


def test_a_secret_that_is_no_header_is_not_shown(start, transport):
    server = start(answer())
    secret = Credential(
        Secret("canary\r\nX: y"), frozenset({Origin.of(server.url)}), header="X-Cookie"
    )
    with pytest.raises(RuntimeError) as caught:
        transport().send(Call("GET", server.url, secret))
    assert "canary" not in str(caught.value)
    assert server.received == []


def test_connections_are_used_again(start, transport, get):
    server = start(answer(), answer(401, b""), answer(204, b""), answer(200, b"x" * 10_000))
    client = transport()
    for _ in range(5):
        client.send(get(server.url))
    client.send(get(server.url, "POST", body="{}"))
    assert (len(server.received), server.connections) == (6, 1)


def test_a_connection_that_was_closed_meanwhile_is_not_used_for_a_write(start, transport, get):
    server = start(answer(200, b"{}", "X-Note: connection: close"), answer())
    client = transport()
    client.send(get(server.url))
    server.ended.wait(5)
    reply = client.send(get(server.url, "POST", body="{}"))
    assert (reply.status, server.connections, len(server.received)) == (200, 2, 2)


def test_a_connection_that_was_long_idle_is_not_trusted(start, transport, get, monkeypatch):
    server, client = start(answer()), transport()
    client.send(get(server.url))
    monkeypatch.setattr(transport_wire, "IDLE", 0.0)
    client.send(get(server.url, "POST"))
    assert (len(server.received), server.connections) == (2, 2)


def test_sixteen_threads_share_connections(start, transport, get):
    server, client = start(answer()), transport()
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(client.send, [get(server.url)] * 200))
    assert {reply.status for reply in replies} == {200}
    assert server.connections <= 16


def test_redaction_headers_and_the_date_are_kept(start, transport, get):
    lines = (
        "WWW-Authenticate: Bearer x",
        "Www-Authenticate: TFS-Federated",
        "Date: Mon, 23 Nov 2026 10:00:00 GMT",
    )
    reply = transport().send(get(start(answer(401, b"", *lines)).url))
    assert reply.header_values("WWW-Authenticate") == ("Bearer x", "TFS-Federated")
    assert reply.received == datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 99 Nov 2026 10:00:00 GMT", "Mon, 23 Nov 99999 10:00:00 +9999"]
)
def test_a_date_that_is_none_is_none(start, transport, get, date):
    assert transport().send(get(start(answer(200, b"{}", f"Date: {date}")).url)).received is None


def test_the_simulator_gets_everything_under_the_real_name(start, transport, get):
    server = start(answer())
    client = transport(
        {"HTTPS_PROXY": "http://127.0.0.1:9"}, simulator=f"http://127.0.0.1:{server.port}"
    )
    reply = client.send(get("https://dev.azure.com/contoso/_apis/x?y=1"))
    client.send(get("http://tfs.fabrikam.example:8080/tfs"))
    assert [request.line for request in server.received] == [
        "GET /contoso/_apis/x?y=1 HTTP/1.1",
        "GET /tfs HTTP/1.1",
    ]
    assert [request.all("Host") for request in server.received] == [
        ["dev.azure.com"],
        ["tfs.fabrikam.example:8080"],
    ]
    assert reply.evidence.url == "https://dev.azure.com/contoso/_apis/x?y=1"


def test_the_simulator_does_not_loosen_the_binding(transport):
    bound = Credential(Secret(PAT), frozenset({Origin.of("https://dev.azure.com")}))
    with pytest.raises(RuntimeError):
        transport(simulator="http://127.0.0.1:9").send(Call("GET", "https://evil.example", bound))


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.1:80",
        "https://127.0.0.1:80",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1/x",
        "127.0.0.1:80",
    ],
)
def test_a_simulator_is_on_this_machine(transport, address):
    with pytest.raises(UsageError) as caught:
        transport(simulator=address)
    assert caught.value.reason is Reason.URL_INVALID


def test_the_trace_is_one_line_without_secrets(start, transport, get):
    lines = []
    secrets = (
        "Set-Cookie: VstsSession=hidden",
        "X-VSS-UserData: guid:me@hidden.example",
        "ActivityId: abc\x1b[31m",
    )
    server = start(answer(401, b"hidden", *secrets))
    transport(trace=lines.append).send(get(server.url + "/x"))
    assert lines == [f"GET {server.url}/x 401 0 ms ActivityId=abc[31m"]


def test_close_ends_calls_under_way(start, transport, get):
    asked = threading.Event()

    def hang(sock):
        asked.set()
        server.done.wait(10)

    server = start(hang)
    client = transport()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(client.send, get(server.url))
        asked.wait(5)
        while not any(limit.socket for limit in client._calls):
            threading.Event().wait(0.01)
        client.close()
        assert future.result(5).failure is not None
    with pytest.raises(RuntimeError, match="closed"):
        client.send(get(server.url))
