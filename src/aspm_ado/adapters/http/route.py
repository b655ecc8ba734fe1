"""Which proxy the environment names for an address; ``requests`` can only ask the environment of the process."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

from aspm_ado import __version__
from aspm_ado.adapters.http.body import ENCODINGS
from aspm_ado.adapters.http.errors import Where
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.http import BodyWithSecret, Call, Credential, Origin, split_url
from aspm_ado.domain.reasons import Reason

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy with its sign-in, if it has one; ``shown`` is what anybody may read."""

    url: str = field(repr=False)
    shown: str
    usable: bool = True


@dataclass(frozen=True, slots=True)
class Proxies:
    """What ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say, in either case; lower case wins."""

    by_scheme: Mapping[str, Proxy]
    exempt: tuple[str, ...]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Proxies:
        """Read the variables; an empty one is as good as none."""

        def value(name: str) -> str:
            return (
                environment.get(name.lower(), "").strip()
                or environment.get(name.upper(), "").strip()
            )

        found = {
            scheme: value(f"{scheme}_proxy") or value("all_proxy") for scheme in ("http", "https")
        }
        return cls(
            {scheme: parse(url) for scheme, url in found.items() if url},
            tuple(value("no_proxy").replace(",", " ").lower().split()),
        )

    def of(self, origin: Origin) -> Proxy | None:
        """The proxy for ``origin``. This machine itself is never reached through one."""
        if origin.is_loopback or any(_matches(entry, origin) for entry in self.exempt):
            return None
        return self.by_scheme.get(origin.scheme)


def parse(text: str) -> Proxy:
    """A proxy as people write it, with or without ``http://``; not ``usable`` if it is malformed or SOCKS."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return Proxy("", "with an address that cannot be read", usable=False)
    if not host or any(ord(c) <= 0x20 or ord(c) > 0x7E for c in url):
        return Proxy("", "with an address that cannot be read", usable=False)
    bracketed = f"[{host}]" if ":" in host else host
    place = f"{bracketed}:{port}" if port else bracketed
    if parts.scheme not in _PORTS:
        return Proxy("", f"{parts.scheme}://{place}", usable=False)
    sign_in = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return Proxy(f"{parts.scheme}://{sign_in}{place}", place)


def _matches(entry: str, origin: Origin) -> bool:
    """One word of ``NO_PROXY``: ``*``, a name and all below it, a port if named, an address or a network."""
    if entry == "*":
        return True
    try:
        network = ipaddress.ip_network(entry.strip("[]"), strict=False)
        return ipaddress.ip_address(origin.host) in network
    except ValueError:
        pass  # One of the two is a name.
    name, port = entry, ""
    head, colon, tail = entry.rpartition(":")
    if colon and tail.isascii() and tail.isdigit():
        name, port = head, tail
    if port and int(port) != origin.port:
        return False
    name = name.strip("[]").removeprefix("*").lstrip(".").rstrip(".")
    return bool(name) and (origin.host == name or origin.host.endswith(f".{name}"))


_OURS: Final = frozenset(
    {"authorization", "cookie", "host", "proxy-authorization", "content-length"}
)
"""Headers that a call may not set itself: a secret travels as a credential, bound to its origins."""


@dataclass(frozen=True, slots=True)
class Route:
    """A call made ready: the request as it is sent, and the way to its host."""

    request: PreparedRequest
    where: Where
    lane: str
    proxy: Proxy | None

    @property
    def proxies(self) -> dict[str, str]:
        """The proxy as ``requests`` takes it."""
        return {self.where.origin.scheme: self.proxy.url} if self.proxy else {}


class Router:
    """Makes calls ready. With a simulator every call goes there, under its real ``Host``, and past any proxy."""

    def __init__(self, proxies: Proxies, simulator: str | None, timeout: float) -> None:
        self._proxies, self._timeout = proxies, timeout
        self._simulator = _loopback(simulator) if simulator else None

    def route(self, call: Call) -> Route:
        """The way of ``call``. Raises ``RuntimeError`` for a secret that is not bound to the call's origin.

        The request is built from the origin that was compared, not from the text: two readers of one address that
        disagree about its host are how secrets got out elsewhere (CVE-2024-53858 and its like). It is filled in here,
        since what else ``prepare`` does (cookies, ``~/.netrc``, reading the address again) is not wanted.
        """
        parts = split_url(call.url)
        origin = Origin.read(parts)
        if call.credential and origin not in call.credential.origins:
            raise RuntimeError(
                "a credential was about to be sent to an origin that it is not bound to"
            )
        if isinstance(call.body, BodyWithSecret) and origin not in call.body.origins:
            raise RuntimeError(
                "a secret in a body was about to be sent to an origin that it is not bound to"
            )
        if any(name.lower() in _OURS for name, _ in call.headers):
            raise RuntimeError("a call sets a header that belongs to the transport")
        target = self._simulator or origin
        request = PreparedRequest()
        request.method = call.method
        request.url = f"{target}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
        request.body = call.body.encode() if call.body is not None else None
        request.headers = headers = CaseInsensitiveDict(
            {"User-Agent": f"aspm-ado/{__version__}", "Accept": "application/json"}
        )
        headers.update(call.headers)
        headers.update({"Accept-Encoding": ENCODINGS, "Host": str(origin).partition("://")[2]})
        if request.body is not None or call.method not in ("GET", "HEAD"):
            headers["Content-Length"] = str(len(request.body or b""))
        if call.credential:
            headers[call.credential.header] = _signed(call.credential)
        if Origin.of(request.url) != target:
            raise RuntimeError("an address was read in two ways")
        proxy = None if self._simulator else self._proxies.of(origin)
        where = Where(
            origin,
            proxy=proxy.shown if proxy else "",
            simulator=str(self._simulator or "").partition("://")[2],
            timeout=self._timeout,
            writes=call.method != "GET",
        )
        return Route(request, where, call.lane or str(origin), proxy)


def _signed(credential: Credential) -> str:
    """The value of the header with the secret."""
    value = credential.value
    if not (value.isascii() and value.isprintable()):
        raise RuntimeError("a credential holds what no header can")
    return value


def _loopback(address: str) -> Origin:
    """The simulator's origin; anything but a plain http address of this machine is a ``UsageError``."""
    parts = split_url(address, "simulator's address")
    origin = Origin.read(parts)
    if (
        origin.scheme != "http"
        or not origin.is_loopback
        or parts.path.strip("/")
        or parts.query
        or parts.username
    ):
        raise UsageError(
            Reason.URL_INVALID,
            "The simulator's address is not one of this machine.",
            remedy="Set ASPM_ADO_SIMULATOR to http://127.0.0.1:PORT, or unset it.",
        )
    return origin
