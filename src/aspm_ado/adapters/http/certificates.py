"""Certificates as they are shown, in DER (RFC 5280): Python tells nothing about a refused one."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from aspm_ado.domain.text import clean_said

if TYPE_CHECKING:
    from aspm_ado.adapters.http.errors import Where

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


def timeless_chain(where: Where) -> tuple[Certificate, ...]:
    """The certificates from a server's own up to the one that is trusted, whatever the day.

    Python does not say which one has ended. So the same verification is made again without the
    time, and nothing is sent after it. Empty where it fails for another reason, too.
    """
    if where.trust is None:
        return ()
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags = ssl.VerifyFlags(where.trust.verify_flags | _NO_CHECK_TIME)
        trusted: Any = where.trust.get_ca_certs(binary_form=True)
        context.load_verify_locations(cadata=b"".join(trusted))
        place, seconds = (where.origin.host, where.origin.port), min(5.0, where.timeout)
        with (
            socket.create_connection(place, seconds) as plain,
            context.wrap_socket(plain, server_hostname=where.origin.host) as sock,
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
