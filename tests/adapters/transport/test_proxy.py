"""Proxies: whom the variables name for which host, and what a proxy of its own says."""

import base64
import errno
import ssl
from urllib.parse import urlsplit

import pytest
from urllib3.util import parse_url

from aspm_ado.adapters.http.route import Proxies, parse_proxy
from aspm_ado.adapters.http.wire import Addresses, Wire
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import Reason

from .conftest import PAT
from .servers import answer, read_request, reset


@pytest.fixture
def far():
    """An address that is not of this machine, so that it is proxied."""
    return "https://dev.example"


def test_https_goes_through_a_tunnel(start, transport, get, proxy, certificates, bundle, far):
    server = start(answer(), tls=certificates["good"])
    tunnel = proxy(target=server.port)
    client = transport(
        {"https_proxy": f"http://us%40er:p%3Aw@127.0.0.1:{tunnel.port}"}, ca_bundle=bundle
    )
    assert [client.send(get(far + "/x")).status for _ in range(3)] == [200] * 3
    (connect,) = tunnel.received
    assert connect.line.startswith("CONNECT dev.example:443 ")
    assert connect.all("Proxy-Authorization") == [
        "Basic " + base64.b64encode(b"us@er:p:w").decode()
    ]
    assert connect.all("Authorization") == []
    assert all(request.all("Proxy-Authorization") == [] for request in server.received)


@pytest.mark.parametrize(
    "end", [reset, lambda _: None, lambda sock: sock.unwrap().sendall(b"\x15\3\3\0\2\2\x50")]
)
def test_a_write_that_is_lost_behind_a_tunnel_may_have_been_acted_on(
    start, transport, get, proxy, certificates, bundle, far, end
):
    """urllib3 blames the proxy, as if it had never been reached; then the write would look as if it was not sent."""
    server = start(end, tls=certificates["good"])
    tunnel = proxy(target=server.port)
    client = transport({"https_proxy": f"http://127.0.0.1:{tunnel.port}"}, ca_bundle=bundle)
    reply = client.send(get(far, "POST", body="{}"))
    assert (reply.failure, len(server.received)) == (Reason.UNREACHABLE, 1)
    assert "It is unknown whether it acted on the request" in reply.problem


def test_a_read_that_is_lost_behind_a_tunnel_is_sent_again(
    start, transport, get, proxy, certificates, bundle, far
):
    server = start(reset, reset, answer(), tls=certificates["good"])
    tunnel = proxy(target=server.port)
    assert (
        transport({"https_proxy": f"http://127.0.0.1:{tunnel.port}"}, ca_bundle=bundle)
        .send(get(far))
        .status
        == 200
    )


def test_a_proxy_may_be_reached_over_tls(start, transport, get, proxy, certificates, bundle, far):
    server = start(answer(200, b"x" * 100_000), tls=certificates["good"])
    tunnel = proxy(target=server.port, tls=certificates["good"])
    reply = transport({"HTTPS_PROXY": f"https://localhost:{tunnel.port}"}, ca_bundle=bundle).send(
        get(far)
    )
    assert (reply.status, reply.failure) == (200, None)


def test_plain_http_is_forwarded(transport, get, proxy):
    box = proxy()
    reply = transport({"HTTP_PROXY": f"127.0.0.1:{box.port}"}).send(
        get("http://tfs.example:8080/tfs")
    )
    assert (reply.status, reply.text) == (200, '{"by": "proxy"}')
    assert box.received[0].line == "GET http://tfs.example:8080/tfs HTTP/1.1"
    assert box.received[0].all("Host") == ["tfs.example:8080"]


GIVEN, NONE, HELPER = (
    "Correct user and password in HTTPS_PROXY",
    "Set the sign-in in HTTPS_PROXY",
    "helper proxy",
)


@pytest.mark.parametrize(
    ("sign_in", "offers", "offered", "remedy"),
    [
        ("", ["Basic realm=x"], "Basic", NONE),
        ("", [], None, NONE),
        ("", ["NTLM"], "NTLM", HELPER),
        ("user:canary@", ["Basic realm=x"], "Basic", GIVEN),
        ("user:canary@", [], None, GIVEN),
        ("user:canary@", ["Negotiate", "NTLM TlRMTVNT"], "NTLM, Negotiate", HELPER),
        ("user:canary@", ['Digest realm="a, Basic b", nonce=c'], "Digest", HELPER),
        ("user:canary@", ["Negotiate, NTLM, BASIC realm=x"], "NTLM, Negotiate, Basic", GIVEN),
        ("user:canary@", ["\x1b[31m##vso[x] canary"], None, GIVEN),
    ],
)
@pytest.mark.parametrize("url", ["https://dev.example/", "http://dev.example/"])
def test_who_wants_a_sign_in_is_named_with_what_it_offers(
    transport, get, proxy, url, sign_in, offers, offered, remedy
):
    lines = [f"Proxy-Authenticate: {offer}" for offer in offers]
    refusal = answer(407, b"canary", *lines)
    box = proxy(refusal=refusal, script=[refusal])
    client = transport({"ALL_PROXY": f"http://{sign_in}127.0.0.1:{box.port}"})
    reply = client.send(get(url))
    said = (
        f"The proxy 127.0.0.1:{box.port} requires a sign-in for dev.example. "
        "The service did not ask for it."
    )
    if sign_in:
        said = (
            f"The proxy 127.0.0.1:{box.port} rejected the sign-in of its variable. "
            "aspm-ado could not connect to dev.example."
        )
    if offered:
        said += f" The proxy offers: {offered}."
    assert (reply.failure, reply.problem) == (Reason.PROXY_FAILED, said)
    remedy = remedy.replace("HTTPS", url.partition(":")[0].upper())
    assert remedy in reply.remedy
    assert len(box.received) == 1
    assert PAT not in repr(reply)
    assert "canary" not in repr(reply.problem + reply.remedy) + repr(client._router._proxies)


@pytest.mark.parametrize(
    ("address", "host", "sign_in"),
    [
        ("http://CORP\\user:pw@proxy:3128", "proxy:3128", b"CORP\\user:pw"),
        ("CORP%5Cuser:pw@proxy:3128", "proxy:3128", b"CORP\\user:pw"),
        ("http://user:%C4%84rdwark@proxy", "proxy:80", "user:Ąrdwark".encode()),
        ("http://user:Ą€ü@proxy", "proxy:80", "user:Ą€ü".encode()),
        ("http://user:caf%E9@proxy", "proxy:80", b"user:caf\xe9"),
        ("http://user:caf\udce9@proxy", "proxy:80", b"user:caf\xe9"),
        ("http://user:can#ary@proxy:3128", "proxy:3128", b"user:can#ary"),
        ("http://user:can/ary?@proxy:3128/", "proxy:3128", b"user:can/ary?"),
        ("http://us@er:c@nary@proxy:3128", "proxy:3128", b"us@er:c@nary"),
        ("http://user:100%@proxy:3128", "proxy:3128", b"user:100%"),
        ("http://user:a b\t@proxy:3128", "proxy:3128", b"user:a b\t"),
        ("HTTPS://user@Proxy", "proxy:443", b"user:"),
        ("http://[fd00::1]:3128/path", "[fd00::1]:3128", None),
        ("http://bücher.example", "xn--bcher-kva.example:80", None),
        ("http://@proxy", "proxy:80", None),
        ("http://user:p@ss#canary@proxy:3128", None, None),
        ("http://user:1#canary@proxy:3128", None, None),
        ("http://user:canary#@\\proxy", None, None),
        ("http://user:canary", None, None),
        ("http://proxy:canary@", None, None),
        ("http://proxy:99999", None, None),
        ("\\\\proxy\\canary", None, None),
    ],
)
def test_an_address_is_read_in_one_way_and_nothing_of_the_sign_in_is_shown(
    transport, get, proxy, address, host, sign_in
):
    """Whatever the sign-in holds: doctor and the transport take the address that is written anew."""
    found = parse_proxy(address)
    assert "ary" not in found.shown + repr(found)
    assert found.usable is (host is not None)
    if not found.usable:
        return
    assert (found.shown, found.signs_in) == (host, sign_in is not None)
    one, other = urlsplit(found.url), parse_url(found.url)
    assert (one.hostname, one.port) == (other.host.strip("[]"), other.port)
    sent = Wire(ssl.create_default_context(), 1).proxy_headers(found.url)
    basic = sign_in and f"Basic {base64.b64encode(sign_in).decode()}"
    assert sent.get("Proxy-Authorization") == basic


def test_a_sign_in_is_wanted_for_plain_http_too(transport, get, proxy):
    box = proxy(script=[answer(407, b"<html>canary")])
    reply = transport({"HTTP_PROXY": f"127.0.0.1:{box.port}"}).send(get("http://tfs.example/"))
    assert (reply.failure, reply.status) == (Reason.PROXY_FAILED, 407)


def test_a_proxy_that_forbids(transport, get, proxy, far):
    box = proxy(refusal=b"HTTP/1.1 403 \x1b[31mNo\r\n\r\n")
    reply = transport({"HTTPS_PROXY": f"http://127.0.0.1:{box.port}"}).send(get(far))
    assert reply.failure is Reason.PROXY_FAILED
    assert "refused the connection to dev.example (status 403)" in reply.problem


@pytest.mark.parametrize("status", [502, 503, 511])
def test_the_page_of_a_proxy_in_place_of_a_tunnel(transport, get, proxy, far, status):
    page = b"<html><title>Blocked</title>"
    box = proxy(refusal=f"HTTP/1.1 {status} X\r\nContent-Type: text/html\r\n\r\n".encode() + page)
    reply = transport({"HTTPS_PROXY": f"http://127.0.0.1:{box.port}"}).send(get(far))
    assert (reply.failure, reply.status, reply.text) == (Reason.PROXY_FAILED, 0, "")
    assert f"could not reach dev.example (status {status})" in reply.problem
    assert "allow this host" not in reply.remedy


def test_a_proxy_that_puts_a_page_into_the_tunnel(transport, get, proxy, far):
    """It says 200 to CONNECT and then speaks itself, in plain text."""
    box = proxy()

    def speak(sock):
        with sock.makefile("rb", buffering=0) as stream:
            box.received.append(read_request(stream))
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            stream.read(1)
            sock.sendall(b"<html>Please sign in to the network</html>" * 9)
            while stream.read(4096):
                pass

    box._talk = speak
    reply = transport({"HTTPS_PROXY": f"http://127.0.0.1:{box.port}"}).send(get(far))
    assert (reply.failure, reply.text) == (Reason.TLS_FAILED, "")
    assert f"(through the proxy 127.0.0.1:{box.port}) is not TLS" in reply.problem
    assert all(request.all("Authorization") == [] for request in box.received)


def test_the_sign_in_of_a_proxy_follows_no_redirect(transport, get, proxy, start):
    elsewhere = start(answer())
    box = proxy(script=[answer(302, b"", f"Location: {elsewhere.url}/")])
    client = transport({"HTTP_PROXY": f"http://user:canary@127.0.0.1:{box.port}"})
    assert client.send(get("http://tfs.example/")).status == 302
    assert len(box.received) == 1
    assert box.received[0].all("Proxy-Authorization") == [
        "Basic " + base64.b64encode(b"user:canary").decode()
    ]
    assert elsewhere.received == []


@pytest.mark.parametrize(
    ("address", "words"), [("127.0.0.1:9", "refused"), ("no-such-proxy.invalid:8080", "name")]
)
def test_a_proxy_that_is_not_there(transport, get, far, address, words):
    reply = transport({"ALL_PROXY": f"http://{address}"}).send(get(far))
    assert reply.failure is Reason.PROXY_FAILED
    assert f"the proxy {address}" in reply.problem
    assert words in reply.problem


@pytest.mark.parametrize(
    ("address", "asked"), [("[::1]:3128", "::1"), ("[fe80::1%25eth0]:3128", "fe80::1%eth0")]
)
def test_a_proxy_with_an_address_of_ipv6_is_found(transport, get, far, monkeypatch, address, asked):
    """Its brackets are no part of what is looked up."""
    seen = []

    def refuse(_self, host, port, *_):
        seen.append((host, port))
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(Addresses, "connect", refuse)
    reply = transport({"HTTPS_PROXY": f"http://{address}"}).send(get(far))
    assert seen[0] == (asked, 3128)
    assert f"the proxy {address}" in reply.problem


def test_a_proxy_with_an_unknown_certificate(transport, get, proxy, certificates, far):
    box = proxy(tls=certificates["unknown"])
    reply = transport({"HTTPS_PROXY": f"https://localhost:{box.port}"}).send(get(far))
    assert reply.failure is Reason.PROXY_FAILED
    assert "TLS" in reply.problem


def test_a_certificate_behind_a_proxy_is_judged_too(
    start, transport, get, proxy, certificates, bundle, far
):
    server = start(answer(), tls=certificates["other host"])
    tunnel = proxy(target=server.port)
    reply = transport({"HTTPS_PROXY": f"http://127.0.0.1:{tunnel.port}"}, ca_bundle=bundle).send(
        get(far)
    )
    assert reply.failure is Reason.TLS_WRONG_HOST
    assert f"dev.example (through the proxy 127.0.0.1:{tunnel.port})" in reply.problem
    assert server.received == []


@pytest.mark.parametrize(
    "address", ["socks5://127.0.0.1:1080", "http://", "http://[bad", "http://a b:80"]
)
def test_a_proxy_that_cannot_be_used_stops_the_call(transport, get, far, address):
    reply = transport({"HTTPS_PROXY": address}).send(get(far))
    assert reply.failure is Reason.PROXY_FAILED
    assert "dev.example was not contacted" in reply.problem


def test_this_machine_is_never_proxied(start, transport, get):
    server = start(answer())
    client = transport({"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"})
    assert client.send(get(server.url)).status == 200
    assert client.send(get(f"http://127.0.0.1:{server.port}")).status == 200


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://a:1"}, None),
        ({"HTTPS_PROXY": "http://u:p@a:1"}, "a:1"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "b:2"}, "b:2"),
        ({"ALL_PROXY": "http://c"}, "c:80"),
        ({"HTTPS_PROXY": "http://[::1]:3", "ALL_PROXY": "c"}, "[::1]:3"),
    ],
)
def test_which_variable_counts(environment, shown):
    found = Proxies.read(environment).of(Origin.of("https://dev.azure.com"))
    assert (found and found.shown) == shown


@pytest.mark.parametrize(
    ("exempt", "url", "direct"),
    [
        ("*", "https://dev.azure.com", True),
        ("azure.com", "https://dev.azure.com", True),
        (".azure.com", "https://dev.azure.com", True),
        ("*.azure.com", "https://dev.azure.com", True),
        (".AZURE.com., other", "https://dev.azure.com", True),
        ("zure.com", "https://dev.azure.com", False),
        ("dev.azure.com.evil", "https://dev.azure.com", False),
        ("other dev.azure.com", "https://dev.azure.com", True),
        ("tfs:8080", "http://tfs:8080", True),
        ("tfs:8080", "http://tfs", False),
        ("dev.azure.com:443", "https://dev.azure.com", True),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("10.1.2.3", "http://10.1.2.3:8080", True),
        ("10.1.2.3:80", "http://10.1.2.3:8080", False),
        ("fd00::/8", "http://[fd00::1]", True),
        ("[fd00::1]", "http://[fd00::1]", True),
        ("[fd00::1]:81", "http://[fd00::1]", False),
        (",, ,.", "https://dev.azure.com", False),
    ],
)
def test_no_proxy(exempt, url, direct):
    proxies = Proxies.read({"ALL_PROXY": "http://p:1", "NO_PROXY": exempt})
    assert (proxies.of(Origin.of(url)) is None) == direct


def test_the_sign_in_of_a_proxy_is_not_shown():
    assert "canary" not in repr(parse_proxy("http://user:canary@p:1"))
    assert "canary" not in parse_proxy("socks5://user:canary@p:1").shown
