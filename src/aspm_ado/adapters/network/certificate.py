"""What a certificate says that was not accepted: Python tells nothing about it, and people need the issuer's name."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.text import clean

_COMMON_NAME, _ORGANIZATION = b"\x55\x04\x03", b"\x55\x04\x0a"
_ALTERNATIVE_NAMES: Final = b"\x55\x1d\x11"
_BMP_STRING, _UTC_TIME = 0x1E, 0x17
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_VERSION, _EXTENSIONS = 0xA0, 0xA3


@dataclass(frozen=True, slots=True)
class Certificate:
    """Who issued it, from when to when, and for which names; texts are clean.

    ``fingerprint`` is the SHA-256 of the whole certificate in hexadecimal: what an administrator can compare.
    """

    issuer: str
    begins: datetime
    ends: datetime
    names: tuple[str, ...]
    fingerprint: str


def peek(host: str, port: int, seconds: float) -> Certificate | None:
    """The certificate that a server shows, or ``None``: a handshake of its own after which nothing is sent.

    Only for telling people why a connection was refused; it is not verified, and nothing is decided by it.
    """
    try:
        pem = ssl.get_server_certificate((host, port), timeout=seconds)
        return parse(ssl.PEM_cert_to_DER_cert(pem))
    except (OSError, ValueError):
        return None


def parse(der: bytes) -> Certificate:
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
        return Certificate(
            _name(issuer), begins, ends, tuple(_names(extensions)), hashlib.sha256(der).hexdigest()
        )
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
    """The organization and common name of an issuer."""
    found: dict[bytes, str] = {}
    for _, group in _parts(data):
        for _, pair in _parts(group):
            (_, kind), (tag, value) = _parts(pair)
            found[kind] = clean(
                value.decode("utf-16-be" if tag == _BMP_STRING else "utf-8", "replace"), 80
            )
    common, organization = found.get(_COMMON_NAME, ""), found.get(_ORGANIZATION, "")
    return (
        f"{common} ({organization})"
        if common and organization
        else common or organization or "nobody named"
    )


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if (
        tag == _UTC_TIME
    ):  # RFC 5280, 4.1.2.5.1: two digits of a year, 50 and above are of the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _names(extensions: bytes) -> Iterator[str]:
    for _, group in _parts(extensions):
        for _, extension in _parts(group):
            (_, kind), *_, (_, content) = _parts(extension)
            if kind != _ALTERNATIVE_NAMES:
                continue
            for _, names in _parts(content):
                for tag, value in _parts(names):
                    if tag == _DNS_NAME:
                        yield clean(value.decode("ascii", "replace"), 80)
                    elif tag == _IP_ADDRESS:
                        yield str(ipaddress.ip_address(value))
