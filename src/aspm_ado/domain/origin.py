"""The origins that a secret may be sent to, and URLs that name them.

Origins are compared as parsed parts, never as text, so that no secret goes to a look-alike host.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.secret import trim
from aspm_ado.domain.text import shown_address

_PORTS: Final = {"https": 443, "http": 80}
_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\\]")
_PASSWORD: Final = re.compile(r"//[^/?#@]*:[^/?#]*@")
"""A user name and a password before the host, in a sound address or a broken one."""
_NO_PORT: Final = re.compile(r"(?<=[^/:]):(?!\d*(?:[/?#]|$))[^/?#]*")
"""What stands in the place of a port and is no number: it may be half a password."""
_LABEL: Final = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, lower-case ASCII host and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of ``url``. Raises ``UsageError`` where it is no plain http(s) address."""
        return cls.read(split_url(url))

    @classmethod
    def read(cls, parts: SplitResult) -> Origin:
        """The origin of what ``split_url`` returned."""
        host = _ascii_host(parts.hostname or "", "address", parts.hostname or "")
        return cls(parts.scheme, host, parts.port or _PORTS[parts.scheme])

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
        host, port = self.host, ""
        if ":" in host:
            host = f"[{host}]"
        if self.port != _PORTS[self.scheme]:
            port = f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def split_url(url: str, what: str = "address") -> SplitResult:
    """``url`` in parts. Raises ``UsageError``, which says what is wrong with it.

    Refused are control characters, white space and backslashes anywhere, schemes other than
    http(s), a password, and a host that is no host name. A user name alone is left for the caller
    to judge (``org@dev.azure.com`` is common).
    """
    text = trim(url)
    if _PASSWORD.search(text):
        raise UsageError(
            Reason.URL_INVALID,
            f"The {what} holds a password.",
            remedy="Give the address alone. To pass a token, connect has --pat-file FILE and "
            "--pat-stdin. Or enter it at the prompt.",
        )
    if _UNFIT.search(text):
        raise _refused(what, text, "it has a space, a backslash or a control character in it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused(what, text, "its host or port is malformed") from None
    if parts.scheme not in _PORTS:
        raise _refused(what, text, "it does not begin with https://")
    if port == 0:
        raise _refused(what, text, "its port is 0")
    _ascii_host(parts.hostname or "", what, text)
    return parts


def _ascii_host(host: str, what: str, shown: str) -> str:
    """``host`` in lower case and ASCII (IDNA), without a closing dot."""
    name = _encoded(host)
    if not name:
        why = "it has no usable host name"
        if ":" in host:
            why = "its host is malformed"
        raise _refused(what, shown, why)
    return name


@lru_cache(maxsize=64)  # a run talks to few hosts, and reads their addresses at every call
def _encoded(host: str) -> str:
    """The host as it is compared; empty where it is none."""
    name = host.rstrip(".").lower()
    try:
        if ":" in name:
            return str(ipaddress.IPv6Address(name))
        encoded = name.encode("idna").decode("ascii")
    except ValueError:  # UnicodeError is one
        return ""
    if not all(map(_LABEL.fullmatch, encoded.split("."))):
        return ""
    return encoded


def _refused(what: str, given: str, why: str) -> UsageError:
    return UsageError(
        Reason.URL_INVALID,
        f"The {what} “{_NO_PORT.sub(':…', shown_address(given))}” cannot be used: {why}.",
        remedy="Copy the address from the browser.",
    )
