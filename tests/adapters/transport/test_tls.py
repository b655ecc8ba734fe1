"""TLS: verified always, by one context that is loaded once, and a refusal says what was wrong."""

import datetime
import hashlib
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from urllib3.exceptions import ConnectTimeoutError

from aspm_ado.adapters.http import wire as transport_wire
from aspm_ado.adapters.http.errors import Where, trouble_before_answer
from aspm_ado.adapters.http.trust import parse_certificate
from aspm_ado.domain.http import Origin
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
    assert "did not answer" in reply.problem


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


NOW, DAY = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
EXPIRED = (NOW - 400 * DAY, NOW - 5 * DAY)
ALIVE = (NOW - 5 * DAY, NOW + 300 * DAY)
ENDED = f"it is valid from {EXPIRED[0]:%Y-%m-%d} to {EXPIRED[1]:%Y-%m-%d}"


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signed(subject, key, issuer, issuer_key, days, *extensions):
    made = x509.CertificateBuilder(named(issuer), named(subject), key.public_key(), 7, *days)
    for extension in extensions:
        made = made.add_extension(extension, critical=True)
    return made.sign(issuer_key, hashes.SHA256())


@pytest.fixture
def chained(tmp_path):
    """A server's context whose own certificate, or one above it, is not as it should be; and the root in a file."""

    def make(root=ALIVE, middle=ALIVE, leaf=ALIVE, bits=2048, use="SERVER_AUTH", constrained=False):
        keys = [rsa.generate_private_key(65537, size) for size in (2048, 2048, bits)]
        ca = x509.BasicConstraints(True, None)
        within = x509.NameConstraints([x509.DNSName("other.example")], None)
        own = (
            x509.SubjectAlternativeName([x509.DNSName("localhost")]),
            x509.ExtendedKeyUsage([getattr(ExtendedKeyUsageOID, use)]),
        )
        top = signed("The Root", keys[0], "The Root", keys[0], root, ca)
        mid = signed("Mid", keys[1], "The Root", keys[0], middle, ca, *[within] * constrained)
        end = signed("localhost", keys[2], "Mid", keys[1], leaf, *own)
        pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (tmp_path / "root.pem").write_bytes(top.public_bytes(pem))
        (tmp_path / "own.pem").write_bytes(
            keys[2].private_bytes(pem, private, serialization.NoEncryption())
            + end.public_bytes(pem)
            + mid.public_bytes(pem)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(tmp_path / "own.pem")
        return context, tmp_path / "root.pem"

    return make


@pytest.mark.parametrize(
    ("wrong", "reason", "words"),
    [
        ({}, None, ""),
        ({"middle": EXPIRED}, Reason.TLS_EXPIRED, f"is good, but that of Mid above it ({ENDED})"),
        (
            {"root": EXPIRED},
            Reason.TLS_EXPIRED,
            f"is good, but that of The Root above it ({ENDED})",
        ),
        ({"root": EXPIRED, "leaf": EXPIRED}, Reason.TLS_EXPIRED, f"is not valid today: {ENDED}"),
        (
            {"middle": EXPIRED, "bits": 1024},
            Reason.TLS_FAILED,
            "is not accepted: EE certificate key too weak. It was issued by Mid",
        ),
        ({"bits": 1024}, Reason.TLS_FAILED, "is not accepted: EE certificate key too weak"),
        ({"use": "CLIENT_AUTH"}, Reason.TLS_FAILED, "is not accepted: un"),
        ({"constrained": True}, Reason.TLS_FAILED, "is not accepted: permitted subtree violation"),
    ],
)
def test_what_is_wrong_in_a_chain_is_told_in_its_own_words(
    start, transport, get, chained, wrong, reason, words
):
    context, root = chained(**wrong)
    reply = transport(ca_bundle=root).send(get(start(answer(), tls=context).url))
    assert reply.failure is reason
    assert words in reply.problem
    if reason is Reason.TLS_FAILED:
        assert "--ca-bundle does not help" in reply.remedy


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ((2, 18, 19, 20, 21, 0x800B0109 - 2**32, -67843), Reason.TLS_UNTRUSTED),
        ((9, 10, 0x800B0101 - 2**32, -67818), Reason.TLS_EXPIRED),
        ((62, 64), Reason.TLS_WRONG_HOST),
        ((0, 1, 7, 23, 24, 26, 47, 66, 67, 68, -1, 0x800B010C - 2**32), Reason.TLS_FAILED),
    ],
)
def test_only_an_unknown_authority_is_called_one(codes, reason):
    """Through a proxy, where the certificate cannot be looked at again."""
    where = Where(Origin("https", "dev.example", 443), proxy="p:1")
    for code in codes:
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_code, error.verify_message = code, "a word\x1b[31m of the library."
        trouble = trouble_before_answer(error, where, spent=False)
        assert trouble.reason is reason, code
        assert ("not accepted: a word[31m of the library." in trouble.problem) == (
            reason is Reason.TLS_FAILED
        )
        assert ("or one above it, is not valid" in trouble.problem) == (
            reason is Reason.TLS_EXPIRED
        )
    bare = trouble_before_answer(ssl.SSLCertVerificationError("no code"), where, spent=False)
    assert "no reason is given" in bare.problem


def test_how_far_it_came_decides_and_not_the_clock():
    where = Where(Origin("https", "dev.example", 443), timeout=5.0)
    for spent in (False, True):
        trouble = trouble_before_answer(ConnectTimeoutError(None, "x"), where, spent=spent)
        assert trouble.reason is Reason.UNREACHABLE


def test_a_server_of_before_2010_is_told_in_the_words_of_openssl(start, transport, get):
    """Its hello lacks what RFC 5746 demands."""
    hello = b"\x03\x03" + b"\x11" * 32 + b"\x00\xc0\x2f\x00"
    handshake = b"\x02" + len(hello).to_bytes(3, "big") + hello

    def old(sock):
        sock.recv(4096)
        sock.sendall(b"\x16\x03\x03" + len(handshake).to_bytes(2, "big") + handshake)
        sock.recv(4096)

    server = start(answer())
    server._talk = old
    reply = transport().send(get(server.url.replace("http:", "https:")))
    assert reply.failure is Reason.TLS_FAILED
    assert "(no proxy in use): unsafe legacy renegotiation disabled." in reply.problem
