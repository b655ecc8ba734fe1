"""The way of a call: the request as it is sent, and the proxy that the environment names for it."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from aspm_ado import __version__
from aspm_ado.adapters.http.errors import Where, authority
from aspm_ado.domain.http import (
    SIMULATOR_AS_PRINTED,
    BodyWithSecret,
    Call,
    Credential,
    Origin,
    simulator_origin,
    split_url,
)
from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.reasons import Reason, UsageError

ENCODINGS: Final = "gzip, deflate"
_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"(?:([A-Za-z][\w+.-]*)://)?(.*)", re.DOTALL)
_PATH: Final = re.compile(r"[/?#]")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy with its sign-in, if it has one; ``shown`` is what anybody may read."""

    url: str = field(repr=False)
    shown: str
    usable: bool = True

    @property
    def signs_in(self) -> bool:
        """Whether it is given a user and a password."""
        return "@" in self.url


@dataclass(frozen=True, slots=True)
class Proxies:
    """What ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say.

    In either case; lower case wins.
    """

    by_scheme: Mapping[str, Proxy]
    exempt: tuple[str, ...]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Proxies:
        """Read the variables; an empty one is as good as none."""

        def value(name: str) -> str:
            spellings = (name.lower(), name.upper())
            found = (environment.get(spelling, "").strip() for spelling in spellings)
            return next(filter(None, found), "")

        by_scheme = {}
        for scheme in ("http", "https"):
            if named := value(f"{scheme}_proxy") or value("all_proxy"):
                by_scheme[scheme] = parse_proxy(named)
        return cls(by_scheme, tuple(value("no_proxy").replace(",", " ").lower().split()))

    def of(self, origin: Origin) -> Proxy | None:
        """The proxy for ``origin``. This machine itself is never reached through one."""
        if origin.is_loopback or any(_matches(entry, origin) for entry in self.exempt):
            return None
        return self.by_scheme.get(origin.scheme)


def parse_proxy(text: str) -> Proxy:
    """A proxy as people write it, with or without ``http://``; SOCKS is not ``usable``.

    The one reader of such addresses: its ``url`` is written anew, with every byte of the sign-in
    percent-encoded, so that each library reads the same host. The sign-in may hold anything
    (``DOMAIN\\user``, ``#``, ``/``, letters of any language); it ends at the last ``@``. Where an
    earlier end would be as good, nobody can tell what is a host, and nothing is used or shown.
    """
    scheme, rest = _SCHEME.fullmatch(text).groups(default="http")  # type: ignore[union-attr]
    scheme = scheme.lower()
    before = _PATH.split(rest, maxsplit=1)[0]
    sign_in, _, place = rest.rpartition("@")
    is_ambiguous = "@" in rest[len(before) :] and _place(before.rpartition("@")[2], "http")
    place = _place(_PATH.split(place, maxsplit=1)[0], scheme)
    if not place or is_ambiguous:
        return Proxy("", "with a URL that cannot be read", usable=False)
    if scheme not in _PORTS:
        return Proxy("", f"{scheme}://{place}", usable=False)
    if sign_in:
        user, _, password = map(_encoded_again, sign_in.partition(":"))
        _let_know(user, password)
        sign_in = f"{user}:{password}@"
    return Proxy(f"{scheme}://{sign_in}{place}", place)


def _let_know(user: str, password: str) -> None:
    """A password, and the header that has it, are secrets of this run."""
    raw = unquote_to_bytes(password)
    KNOWN_SECRETS.add(raw.decode("utf-8", "replace"))
    if raw:
        pair = unquote_to_bytes(user) + b":" + raw
        KNOWN_SECRETS.add(base64.b64encode(pair).decode("ascii"))


def _encoded_again(text: str) -> str:
    """The bytes that are meant, each percent-encoded that is more than a letter or digit."""
    return quote(unquote_to_bytes(text.encode("utf-8", "surrogateescape")), safe="")


def _place(text: str, scheme: str) -> str:
    """Host and port; empty where there is no host."""
    try:
        parts = split_url(f"http://{text}")
        host, port = Origin.read(parts).host, parts.port or _PORTS.get(scheme)
    except UsageError:
        return ""
    if ":" in host:
        host = f"[{host}]"
    if port:
        host += f":{port}"
    return host


def shown(proxy: Proxy | None) -> str:
    """What anybody may read of a proxy; empty where there is none."""
    if proxy is None:
        return ""
    return proxy.shown


def _matches(entry: str, origin: Origin) -> bool:
    """One word of ``NO_PROXY``: ``*``, a name and all below it, an address or a network."""
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


_SPELLING: Final = {name.lower(): name for name in ("User-Agent", "Accept", "Accept-Encoding")}
_OURS: Final = frozenset(
    {"authorization", "cookie", "host", "proxy-authorization", "content-length"}
)
"""Headers that a call may not set itself: a secret travels as a credential, bound to its origins.
"""


@dataclass(frozen=True, slots=True)
class Route:
    """A call made ready: the request as it is sent, and the way to its host.

    ``target`` is where it goes: the origin that was compared, or the simulator.
    """

    method: str
    target: Origin
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    where: Where
    lane: str
    proxy: Proxy | None


class Router:
    """Makes calls ready.

    With a simulator every call goes there, under its real ``Host``, and past any proxy.
    """

    def __init__(
        self,
        proxies: Proxies,
        simulator: str | None,
        timeout: float,
        trust: SSLContext | None = None,
    ) -> None:
        self._proxies, self._timeout, self._trust = proxies, timeout, trust
        self._simulator = None
        if simulator:
            self._simulator = simulator_origin(simulator)

    def route(self, call: Call) -> Route:
        """The way of ``call``.

        The request goes to the origin that was compared; nobody reads its address again: two
        readers of one address that disagree about its host are how secrets got out elsewhere
        (CVE-2024-53858 and its like).

        Raises ``RuntimeError`` for a secret that is not bound to the call's origin.
        """
        parts = split_url(call.url)
        origin = Origin.read(parts)
        _check(call, origin)
        path = parts.path or "/"
        if parts.query:
            path += f"?{parts.query}"
        proxy, simulator = None, ""
        if self._simulator:
            simulator = authority(self._simulator)
        else:
            proxy = self._proxies.of(origin)
        where = Where(
            origin,
            proxy=shown(proxy),
            signs_in=proxy is not None and proxy.signs_in,
            simulator=simulator,
            timeout=self._timeout,
            writes=call.method != "GET",
            trust=self._trust,
        )
        body = None if call.body is None else call.body.encode()
        return Route(
            call.method,
            self._simulator or origin,
            path,
            _headers(call, authority(origin), body),
            body,
            where,
            call.lane or str(origin),
            proxy,
        )


def _check(call: Call, origin: Origin) -> None:
    if call.credential and origin not in call.credential.origins:
        raise RuntimeError("a credential was about to be sent to an origin that it is not bound to")
    if isinstance(call.body, BodyWithSecret) and origin not in call.body.origins:
        raise RuntimeError(
            "a secret in a body was about to be sent to an origin that it is not bound to"
        )
    if any(name.lower() in _OURS for name, _ in call.headers):
        raise RuntimeError("a call sets a header that belongs to the transport")


def _headers(call: Call, host: str, body: bytes | None) -> dict[str, str]:
    """The headers of the request, each once, however the call spells them."""
    headers = {"User-Agent": f"aspm-ado/{__version__}", "Accept": "application/json"}
    for name, value in call.headers:
        headers[_SPELLING.get(name.lower(), name)] = value
    headers |= {"Accept-Encoding": ENCODINGS, "Host": host}
    if body is not None or call.method not in ("GET", "HEAD"):
        headers["Content-Length"] = str(len(body or b""))
    if call.credential:
        headers[call.credential.header] = _signed(call.credential)
    return headers


def _signed(credential: Credential) -> str:
    """The value of the header with the secret."""
    value = credential.value
    if not (value.isascii() and value.isprintable()):
        raise RuntimeError("a credential holds what no header can")
    return value


def unknown_simulator(why: str) -> UsageError:
    """The refusal of an address that is not shown to be that of our simulator."""
    return UsageError(
        Reason.URL_INVALID,
        f"ASPM_ADO_SIMULATOR does not name a simulator of this program. {why}",
        remedy=SIMULATOR_AS_PRINTED,
    )
