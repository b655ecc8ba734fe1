"""An origin compared as parsed parts, never as text: what keeps a secret from a look-alike host."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

_PORTS: Final = {"https": 443, "http": 80}
_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL: Final = re.compile(r"[a-z0-9_-]+")


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
        return cls(
            parts.scheme, ascii_host(parts.hostname or ""), parts.port or _PORTS[parts.scheme]
        )

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
        return f"{self.scheme}://{host}" + (
            "" if _PORTS[self.scheme] == self.port else f":{self.port}"
        )


def split_url(url: str, what: str = "address") -> SplitResult:
    """``url`` in parts, or a ``UsageError`` that says what is wrong with it.

    Refused: control characters, white space and backslashes anywhere, schemes other than http(s), a password, a host
    that is no host name. A bare user name is allowed for the caller to judge (``org@dev.azure.com`` is common).
    """
    text = url.strip()
    if _UNFIT.search(text):
        raise _refused(what, text, "it has a space, a backslash or a control character in it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused(what, text, "its host or port is malformed") from None
    if parts.scheme not in _PORTS:
        raise _refused(what, text, "it does not begin with https://")
    if parts.password is not None:
        raise UsageError(
            Reason.URL_INVALID,
            f"The {what} holds a password.",
            remedy="Give the address alone; secrets are asked for, or read with --pat-file or --pat-stdin.",
        )
    if port == 0:
        raise _refused(what, text, "its port is 0")
    ascii_host(parts.hostname or "", what, text)
    return parts


def ascii_host(host: str, what: str = "address", shown: str = "") -> str:
    """``host`` in lower case and ASCII (IDNA), without a closing dot."""
    name = _encoded(host)
    if not name:
        why = "its host is malformed" if ":" in host else "it has no usable host name"
        raise _refused(what, shown or host, why)
    return name


@lru_cache(maxsize=64)  # a run talks to few hosts, and reads their addresses at every call
def _encoded(host: str) -> str:
    """The host as it is compared, or nothing where it is none."""
    name = host.rstrip(".").lower()
    try:
        if ":" in name:
            return str(ipaddress.IPv6Address(name))
        encoded = name.encode("idna").decode("ascii")
    except ValueError:  # UnicodeError is one
        return ""
    return encoded if all(map(_LABEL.fullmatch, encoded.split("."))) else ""


def _refused(what: str, given: str, why: str) -> UsageError:
    return UsageError(
        Reason.URL_INVALID,
        f"The {what} “{clean(given, 80)}” cannot be used: {why}.",
        remedy="Copy the address from the browser.",
    )
