"""Whom we believe: the system, and one file more; a variable never takes the system's store away."""

import os
import ssl
import sys
from pathlib import Path

import pytest

from aspm_ado.adapters.http.trust import load_trust, system_stores
from aspm_ado.domain.reasons import Reason, UsageError

from .servers import answer


def load(environment=None, bundle=None, notes=None, **settings):
    return load_trust(
        environment or {}, bundle, (notes if notes is not None else []).append, **settings
    )


def trusts(trust, authority):
    der = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    return der in trust.context.get_ca_certs(binary_form=True)


def test_every_context_verifies_everything():
    context = load().context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_an_openssl_that_cannot_start_is_named(monkeypatch):
    """As with an OPENSSL_CONF that switches all of its providers off."""

    def fail(_protocol):
        raise ssl.SSLError(1, "error")

    monkeypatch.setattr(ssl, "SSLContext", fail)
    with pytest.raises(UsageError, match="OpenSSL cannot start") as caught:
        load(platform="linux")
    assert "OPENSSL_CONF" in caught.value.remedy


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
def test_a_pipe_is_no_bundle(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    notes = []
    load({"SSL_CERT_FILE": str(tmp_path / "pipe")}, notes=notes)
    assert notes == ["SSL_CERT_FILE is set but cannot be read, so aspm-ado ignores it."]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_variable_adds_to_the_system(bundle, authority, name, monkeypatch):
    monkeypatch.setenv(
        name, str(bundle)
    )  # in the process too: OpenSSL would take it as the whole store
    trust = load({name: str(bundle)})
    assert trust.sources[0].startswith("the system's store (")
    assert trust.sources[1:] == (f"{name} ({bundle})",)
    assert trusts(trust, authority)


def test_the_system_is_trusted_whatever_the_process_says(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    plain = load()
    assert len(plain.sources) == 1
    assert str(tmp_path) not in plain.sources[0]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), False),
        (("ca.pem", "root.crt", "5ad8a5d6.r0", "x.0"), False),
        (("5ad8a5d6.0",), True),
        (("ca.pem", "5ad8a5d6.1"), True),
    ],
)
def test_a_folder_counts_where_openssl_finds_something(bundle, tmp_path, names, found):
    for name in names:
        (tmp_path / name).write_bytes(bundle.read_bytes())
    trust = load(
        {"SSL_CERT_FILE": str(tmp_path), "REQUESTS_CA_BUNDLE": str(bundle)}, None, notes := []
    )
    if found:
        assert (trust.sources[1], notes) == (f"SSL_CERT_FILE ({tmp_path})", [])
    else:
        assert trust.sources[1] == f"REQUESTS_CA_BUNDLE ({bundle})"
        assert notes[0].startswith("SSL_CERT_FILE is a folder without hashed names")
        assert "openssl rehash" in notes[0]


def test_ca_bundle_wins_over_variables(bundle, authority, tmp_path):
    trust = load({"SSL_CERT_FILE": "/nowhere"}, bundle, notes := [])
    assert trust.sources[1:] == (f"--ca-bundle {bundle}",)
    assert trusts(trust, authority)
    assert notes == []


def test_poisoned_variables_do_not_replace_the_bundle(
    start, transport, get, certificates, bundle, monkeypatch, tmp_path
):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "poison"))
    server = start(answer(), tls=certificates["good"])
    poison = {"REQUESTS_CA_BUNDLE": str(tmp_path / "poison")}
    assert transport(poison, ca_bundle=bundle).send(get(server.url)).status == 200
    assert transport({"SSL_CERT_FILE": str(bundle)}).send(get(server.url)).status == 200


def test_a_variable_that_cannot_be_read_is_a_note(bundle, authority, tmp_path):
    (tmp_path / "junk").write_text("no certificate")
    environment = {"SSL_CERT_FILE": str(tmp_path / "junk"), "REQUESTS_CA_BUNDLE": str(bundle)}
    trust = load(environment, None, notes := [])
    assert notes == ["SSL_CERT_FILE is set but cannot be read, so aspm-ado ignores it."]
    assert trusts(trust, authority)
    load({"SSL_CERT_FILE": "/no/where\0", "REQUESTS_CA_BUNDLE": ""}, None, notes := [])
    assert notes == ["SSL_CERT_FILE is set but cannot be read, so aspm-ado ignores it."]


@pytest.mark.parametrize(
    "content", [None, "", "junk", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_bundle_that_cannot_be_read_ends_the_run(tmp_path, content):
    path = tmp_path / "b\x1b[31m.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError) as caught:
        load(bundle=path)
    assert caught.value.reason is Reason.FILE_UNREADABLE
    assert "\x1b" not in caught.value.problem
    with pytest.raises(UsageError):
        load(bundle=tmp_path)


def paths(file, folder):
    return ssl.DefaultVerifyPaths(
        None, None, "SSL_CERT_FILE", str(file), "SSL_CERT_DIR", str(folder)
    )


def test_where_the_system_keeps_its_store(tmp_path, bundle):
    empty, hashed = tmp_path / "empty", tmp_path / "hashed"
    empty.mkdir()
    hashed.mkdir()
    (hashed / "5ad8a5d6.0").write_text("")
    assert system_stores(paths(bundle, hashed), ()) == (bundle, hashed)
    assert system_stores(paths("/nowhere", hashed), (str(bundle),)) == (hashed,)
    assert system_stores(paths("/nowhere", empty), ("/nowhere", str(bundle), str(bundle))) == (
        bundle,
    )
    assert system_stores(paths("/nowhere", empty), ()) == ()


def test_without_a_system_stores_certifi_serves(monkeypatch, bundle, authority):
    monkeypatch.setattr("aspm_ado.adapters.http.trust.system_stores", lambda *_: ())
    trust = load(bundle=bundle)
    assert "certifi" in trust.sources[0]
    assert trusts(trust, authority)
    monkeypatch.setattr(
        "aspm_ado.adapters.http.trust.system_stores", lambda *_: (Path("/nowhere"),)
    )
    assert "certifi" in load().sources[0]


def test_elsewhere_the_system_verifies(bundle):
    truststore = pytest.importorskip("truststore")
    trust = load(bundle=bundle, platform="darwin")
    assert isinstance(trust.context, truststore.SSLContext)
    assert trust.sources == ("the system's store", f"--ca-bundle {bundle}")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("by_variable", [True, False], ids=["a variable", "--ca-bundle"])
@pytest.mark.parametrize(
    ("modes", "told"),
    [
        ((0o644, 0o755), None),
        ((0o600, 0o1777), None),
        ((0o664, 0o755), "mine.pem"),
        ((0o646, 0o755), "mine.pem"),
        ((0o644, 0o777), "certificates"),
    ],
)
def test_a_file_that_others_can_change_is_warned_about(bundle, tmp_path, by_variable, modes, told):
    folder = tmp_path / "certificates"
    folder.mkdir()
    path = folder / "mine.pem"
    path.write_bytes(bundle.read_bytes())
    path.chmod(modes[0])
    folder.chmod(modes[1])
    linked = tmp_path / "linked.pem"
    linked.symlink_to(path)
    for place in (path, linked):
        if by_variable:
            load({"SSL_CERT_FILE": str(place)}, None, notes := [])
        else:
            load({}, place, notes := [])
        assert [f"chmod go-w {folder.parent}" in note for note in notes] == [True] * bool(told)
        assert [note.endswith(told) for note in notes] == [True] * bool(told)
