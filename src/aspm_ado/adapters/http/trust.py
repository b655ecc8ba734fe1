"""Whom this machine believes: the system's certificates, and one file more if somebody names it.

Python tells nothing about a certificate that it refused, so that one is read here (DER, RFC 5280).
``SSL_CERT_FILE`` replaces the system's store for OpenSSL and for ``ssl.create_default_context``;
the contract of the command line says that it adds to it. So the context starts empty here and the
places are loaded one by one.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
import socket
import ssl
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import clean, clean_said, typed_word

VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that name a file or folder of certificates, the first readable one wins."""

_HASHED: Final = re.compile(r"[0-9a-f]{8}\.\d+")
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, the BSDs
)
"""Where distributions keep the bundle; a Python from elsewhere (uv, conda) has other paths."""


class _EmptyError(ValueError):
    """A folder without a hashed name."""


@dataclass(frozen=True, slots=True)
class Trust:
    """A context that verifies chain and host name, and where its certificates came from."""

    context: ssl.SSLContext
    sources: tuple[str, ...]


def load_trust(
    environment: Mapping[str, str],
    ca_bundle: Path | None,
    note: Callable[[str], None],
    *,
    platform: str = sys.platform,
) -> Trust:
    """Build the context, once for a process: loading a system's bundle costs some 20 ms.

    Raises ``UsageError`` when ``ca_bundle`` or OpenSSL cannot be used; a variable that cannot is a
    note, and so is a file that others can change.
    """
    try:
        context, sources = _linux() if platform == "linux" else _native()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    except ssl.SSLError as error:
        said = getattr(error, "reason", "") or "no reason is given"
        raise UsageError(
            Reason.INPUT_INVALID,
            f"OpenSSL cannot start: {clean(said.replace('_', ' ').lower(), 80)}.",
            remedy="Check the settings of OpenSSL: OPENSSL_CONF and OPENSSL_MODULES.",
        ) from None
    if ca_bundle is not None:
        sources.append(_add_named(context, ca_bundle))
        _note_writable(ca_bundle, "--ca-bundle", note)
    else:
        sources.extend(_add_from(context, environment, note))
    return Trust(context, tuple(sources))


def system_stores(
    paths: ssl.DefaultVerifyPaths, bundles: Iterable[str] = _BUNDLES
) -> tuple[Path, ...]:
    """The system's file and its folder of hashed certificates; empty in slim containers.

    Only the compile-time paths count: the other two fields have ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR`` mixed in.
    """
    own = tuple(filter(_holds, map(Path, (paths.openssl_cafile, paths.openssl_capath))))
    return own or tuple(filter(_holds, map(Path, bundles)))[:1]


def _holds(path: Path) -> bool:
    """Whether there may be certificates."""
    try:
        return path.is_file() or (path.is_dir() and _is_hashed(path))
    except OSError:
        return False


def _is_hashed(folder: Path) -> bool:
    """Whether OpenSSL finds anything there: it looks for names such as 5ad8a5d6.0 alone.

    Raises ``OSError`` where it cannot be listed.
    """
    return any(_HASHED.fullmatch(entry.name) for entry in folder.iterdir())


def _linux() -> tuple[ssl.SSLContext, list[str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As Python's own default since 3.13: a company's intermediate or a server's own certificate may
    # be the anchor.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    loaded = []
    for store in system_stores(ssl.get_default_verify_paths()):
        # A damaged or forbidden store is the same as none.
        with contextlib.suppress(OSError, ValueError):
            _load(context, store)
            loaded.append(str(store))
    if loaded:
        return context, [f"the system's store ({', '.join(loaded)})"]
    import certifi  # comes with requests, and is needed on few machines

    context.load_verify_locations(cafile=certifi.where())
    return context, ["the certificates of the Python package certifi"]


def _native() -> tuple[ssl.SSLContext, list[str]]:
    import truststore  # installed where the system keeps its own store

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ["the system's store"]


def _add_named(context: ssl.SSLContext, bundle: Path) -> str:
    try:
        _load(context, bundle)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise UsageError(
            Reason.FILE_UNREADABLE,
            f"The CA bundle {clean(bundle)} cannot be read as certificates.",
            remedy="Pass a file with one or more certificates in PEM form "
            "(-----BEGIN CERTIFICATE-----).",
        ) from None
    return f"--ca-bundle {clean(bundle)}"


def _add_from(
    context: ssl.SSLContext, environment: Mapping[str, str], note: Callable[[str], None]
) -> list[str]:
    for name in VARIABLES:
        value = environment.get(name, "").strip()
        if not value:
            continue
        try:
            _load(context, Path(value))
        except _EmptyError:
            note(
                f"{name} is a folder without hashed names, so aspm-ado ignores it. Hash the "
                "names (openssl rehash FOLDER), or set a file."
            )
        except (OSError, ValueError):
            note(f"{name} is set but cannot be read, so aspm-ado ignores it.")
        else:
            _note_writable(Path(value), name, note)
            return [f"{name} ({clean(value)})"]
    return []


def _note_writable(place: Path, name: str, note: Callable[[str], None]) -> None:
    """Say where others can change whom we believe: the file, its folder, or that of the file meant.

    In a sticky folder (``/tmp``) others cannot replace it.
    """
    if not hasattr(os, "geteuid"):
        return
    real = place.resolve()
    for one in dict.fromkeys((real, real.parent, place.absolute().parent)):
        found = one.stat()
        is_sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_uid not in (0, os.geteuid()):
            problem = f"belongs to another user: {clean(one)}"
        elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not is_sticky:
            problem = f"can be changed by other users. Run: chmod go-w {typed_word(one)}"
        else:
            continue
        note(f"Other users can choose which servers are trusted: the path in {name} {problem}")
        return


def _load(context: ssl.SSLContext, place: Path) -> None:
    if place.is_dir():
        if not _is_hashed(place):
            raise _EmptyError
        context.load_verify_locations(capath=str(place))
    elif place.is_file():
        context.load_verify_locations(cafile=str(place))
    else:  # missing; or a pipe, which may have nobody at its other end
        raise FileNotFoundError


_COMMON_NAME, _ORGANIZATION = b"\x55\x04\x03", b"\x55\x04\x0a"
_ALTERNATIVE_NAMES: Final = b"\x55\x1d\x11"
_BMP_STRING, _UTC_TIME = 0x1E, 0x17
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
_DER: Final = 2  # _ssl.ENCODING_DER


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whose it is, who issued it, from when to when, and for which names; texts are clean.

    ``fingerprint`` is the SHA-256 of the whole certificate in hexadecimal: what an administrator
    can compare.
    """

    issuer: str
    begins: datetime
    ends: datetime
    names: tuple[str, ...]
    fingerprint: str
    subject: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether it is valid at that time."""
        return self.begins <= now <= self.ends

    @property
    def days(self) -> str:
        """From when to when."""
        return f"it is valid from {self.begins:%Y-%m-%d} to {self.ends:%Y-%m-%d}"


def peek(host: str, port: int, seconds: float) -> Certificate | None:
    """The certificate that a server shows, or ``None``: a handshake after which nothing is sent.

    Only for telling people why a connection was refused; it is not verified, and nothing is decided
    by it.
    """
    try:
        pem = ssl.get_server_certificate((host, port), timeout=seconds)
        return parse_certificate(ssl.PEM_cert_to_DER_cert(pem))
    except (OSError, ValueError):
        return None


def timeless_chain(
    origin: Origin, trust: ssl.SSLContext | None, timeout: float
) -> tuple[Certificate, ...]:
    """The certificates from a server's own up to the one that is trusted, whatever the day.

    Python does not say which one has ended. So the same verification is made again without the
    time, and nothing is sent after it. Empty where it fails for another reason, too.
    """
    if trust is None:
        return ()
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags = ssl.VerifyFlags(trust.verify_flags | _NO_CHECK_TIME)
        trusted: Any = trust.get_ca_certs(binary_form=True)
        context.load_verify_locations(cadata=b"".join(trusted))
        place, seconds = (origin.host, origin.port), min(5.0, timeout)
        with (
            socket.create_connection(place, seconds) as plain,
            context.wrap_socket(plain, server_hostname=origin.host) as sock,
        ):
            # Public since Python 3.13 only.
            chain = cast("Any", sock)._sslobj.get_verified_chain()
            return tuple(parse_certificate(one.public_bytes(_DER)) for one in chain)
    except (OSError, ValueError, AttributeError):
        return ()


def parse_certificate(der: bytes) -> Certificate:
    """Read a certificate (RFC 5280, 4.1). Raises ``ValueError`` for anything else."""
    try:
        ((_, certificate),) = _parts(der)
        (_, body), *_ = _parts(certificate)
        fields = list(_parts(body))
        if fields[0][0] == _VERSION:
            del fields[0]
        issuer, validity = fields[2][1], fields[3][1]
        begins, ends = (_time(tag, value) for tag, value in _parts(validity))
        extensions = next((value for tag, value in fields[6:] if tag == _EXTENSIONS), b"")
        names = tuple(_names(extensions))
        mark = hashlib.sha256(der).hexdigest()
        return Certificate(_name(issuer), begins, ends, names, mark, _name(fields[4][1]))
    except (IndexError, UnicodeError) as error:
        raise ValueError("not a certificate") from error


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER element in ``data``."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + length]
        at += length


def _name(data: bytes) -> str:
    """The common name and organization of an issuer or a subject."""
    found: dict[bytes, str] = {}
    for _, group in _parts(data):
        for _, pair in _parts(group):
            (_, kind), (tag, value) = _parts(pair)
            encoding = {_BMP_STRING: "utf-16-be"}.get(tag, "utf-8")
            found[kind] = clean_said(value.decode(encoding, "replace"), 80)
    common, organization = found.get(_COMMON_NAME, ""), found.get(_ORGANIZATION, "")
    if common and organization:
        return f"{common} ({organization})"
    return common or organization or "nobody named"


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits of a year; 50 and above are of the last century (RFC 5280, 4.1.2.5.1).
        century = "20"
        if text[:2] >= "50":
            century = "19"
        text = century + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _names(extensions: bytes) -> Iterator[str]:
    """The alternative names among the extensions: hosts and addresses."""
    for _, group in _parts(extensions):
        for _, extension in _parts(group):
            (_, kind), *_, (_, content) = _parts(extension)
            if kind != _ALTERNATIVE_NAMES:
                continue
            for _, names in _parts(content):
                for tag, value in _parts(names):
                    if tag == _DNS_NAME:
                        yield clean_said(value.decode("ascii", "replace"), 80)
                    elif tag == _IP_ADDRESS:
                        yield str(ipaddress.ip_address(value))
