"""An origin compared as parsed parts, never as text: what keeps a secret from a look-alike host."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, lower-case ASCII host and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of ``url``. Raises ``UsageError`` for anything that is not a plain http(s) address."""
        return cls.read(split_url(url))

    @classmethod
    def read(cls, parts: SplitResult) -> Origin:
        """The origin of an address that ``split_url`` took."""
        return cls(parts.scheme, ascii_host(parts.hostname or ""), parts.port or _PORTS[parts.scheme])

    @property
    def is_loopback(self) -> bool:
        """Whether it can only be this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if _PORTS[self.scheme] == self.port else f":{self.port}")


def split_url(url: str, what: str = "address") -> SplitResult:
    """``url`` in parts, or a ``UsageError`` that says what is wrong with it.

    Refused: control characters, white space and backslashes anywhere, schemes other than http(s), a password, a host
    that is no host name. A bare user name is allowed for the caller to judge (``org@dev.azure.com`` is common).
    """
    text = url.strip()
    shown = clean(text, 80)
    if any(ord(c) <= 0x20 or ord(c) == 0x7F or c == "\\" for c in text):
        raise _refused(what, shown, "it has a space, a backslash or a control character in it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused(what, shown, "its host or port is malformed") from None
    if parts.scheme not in _PORTS:
        raise _refused(what, shown, "it does not begin with https://")
    if parts.password is not None:
        raise UsageError(
            Reason.URL_INVALID,
            f"The {what} holds a password.",
            remedy="Give the address alone; secrets are asked for, or read with --pat-file or --pat-stdin.",
        )
    if port == 0:
        raise _refused(what, shown, "its port is 0")
    ascii_host(parts.hostname or "", what, shown)
    return parts


def ascii_host(host: str, what: str = "address", shown: str = "") -> str:
    """``host`` in lower case and ASCII (IDNA), without a closing dot."""
    name = host.rstrip(".").lower()
    if ":" in name:
        try:
            return str(ipaddress.IPv6Address(name))
        except ValueError:
            raise _refused(what, shown or clean(host), "its host is malformed") from None
    try:
        encoded = name.encode("idna").decode("ascii")
    except UnicodeError:
        encoded = ""
    labels = encoded.split(".")
    if not encoded or not all(label and all(c.isalnum() or c in "-_" for c in label) for label in labels):
        raise _refused(what, shown or clean(host), "it has no usable host name")
    return encoded


def _refused(what: str, shown: str, why: str) -> UsageError:
    return UsageError(
        Reason.URL_INVALID,
        f"The {what} “{shown}” cannot be used: {why}.",
        remedy="Copy the address from the browser.",
    )
