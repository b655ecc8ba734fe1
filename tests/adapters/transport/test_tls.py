"""TLS: verified always, by one context that is loaded once, and a refusal says what was wrong."""

import hashlib
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme

from aspm_ado.adapters.http import wire as transport_wire
from aspm_ado.adapters.http.errors import parse_certificate
from aspm_ado.domain.reasons import Reason

from .servers import answer


def test_a_certificate_of_a_known_authority(start, transport, get, certificates, bundle):
    server = start(answer(), tls=certificates["good"])
    client = transport(ca_bundle=bundle)
    assert [client.send(get(server.url)).status for _ in range(3)] == [200] * 3
    assert server.connections == 1


def test_certificates_are_loaded_once(start, transport, get, certificates, bundle, monkeypatch):
    loads = []
    load = ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(
        ssl.SSLContext,
        "load_verify_locations",
        lambda self, *a, **k: (loads.append(1), load(self, *a, **k))[1],
    )
    server = start(answer(200, b"{}", "Connection: close"), tls=certificates["good"])
    client = transport(ca_bundle=bundle)
    assert len(loads) == 2, "the system's store and the bundle"
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(client.send, [get(server.url)] * 12))
    assert {reply.status for reply in replies} == {200}
    assert (server.connections, len(loads)) == (12, 2)


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        ("unknown", Reason.TLS_UNTRUSTED, "issued by"),
        ("unknown", Reason.TLS_UNTRUSTED, "Zscaler Inc."),
        ("other host", Reason.TLS_WRONG_HOST, "tfs.fabrikam.example, 10.1.2.3"),
        ("expired", Reason.TLS_EXPIRED, "valid from 2000-01-01 to 20"),
        ("not yet valid", Reason.TLS_EXPIRED, "the clock of this machine says 20"),
    ],
)
def test_a_certificate_that_is_not_accepted(
    start, transport, get, certificates, bundle, kind, reason, words
):
    server = start(answer(), tls=certificates[kind])
    reply = transport(ca_bundle=bundle).send(get(server.url))
    assert reply.failure is reason
    assert words in reply.problem
    assert f"localhost:{server.port} (no proxy in use)" in reply.problem
    assert reply.remedy
    assert server.received == [], "nothing was sent"
    assert server.connections == 2, "one refused, one to look at the certificate, none again"


def test_a_certificate_can_be_compared_by_its_fingerprint(start, transport, get, tmp_path):
    leaf = trustme.CA(organization_name="Unknown").issue_cert("localhost")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(served)
    reply = transport().send(get(start(answer(), tls=served).url))
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    assert f"SHA-256 of the certificate: {hashlib.sha256(der).hexdigest()}" in reply.problem


def test_the_remedy_for_an_unknown_authority_is_the_bundle(start, transport, get, certificates):
    reply = transport().send(get(start(answer(), tls=certificates["good"]).url))
    assert reply.failure is Reason.TLS_UNTRUSTED
    assert "--ca-bundle" in reply.remedy


def test_a_self_signed_certificate_is_refused_and_can_be_named(start, transport, get, tmp_path):
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = trustme.CA(organization_name="Self").issue_cert("localhost")
    leaf.configure_cert(server_side)
    server = start(answer(), tls=server_side)
    assert transport().send(get(server.url)).failure is Reason.TLS_UNTRUSTED
    pinned = tmp_path / "leaf.pem"
    leaf.cert_chain_pems[0].write_to_path(str(pinned))
    assert transport(ca_bundle=pinned).send(get(server.url)).status == 200


def test_a_handshake_that_is_not_answered_is_no_connection(start, transport, get, monkeypatch):
    monkeypatch.setattr(transport_wire, "CONNECT", 0.1)
    server = start(answer())
    server._talk = lambda sock: server.done.wait(10)
    reply = transport().send(get(server.url.replace("http:", "https:")))
    assert reply.failure is Reason.UNREACHABLE
    assert "nothing answered" in reply.problem


def test_plain_http_answers_before_the_handshake(start, transport, get):
    def speak_first(sock):
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 3)
        server.done.wait(0.2)

    server = start(speak_first)
    server._talk = speak_first
    reply = transport().send(get(server.url.replace("http:", "https:")))
    assert reply.failure is Reason.TLS_FAILED
    assert "is not TLS" in reply.problem


def test_a_server_of_the_last_decade(start, transport, get, authority, bundle, recwarn):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(old)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    reply = transport(ca_bundle=bundle).send(get(start(answer(), tls=old).url))
    recwarn.clear()
    assert reply.failure is Reason.TLS_FAILED
    assert "1.2" in reply.problem


def test_what_is_no_certificate_is_refused(authority):
    der = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    assert "Fabrikam Trust" in parse_certificate(der).issuer
    for wrong in (
        b"",
        b"\x30",
        b"\x30\x80",
        der[:-1],
        der[:100],
        b"\x30\x03\x30\x01\x00",
        b"\xff" * 50,
    ):
        with pytest.raises(ValueError):
            parse_certificate(wrong)
