"""Which proxy the environment names for an address; ``requests`` can only ask the environment of the process."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aspm_ado.domain.dataclass import dataclass

if TYPE_CHECKING:
    from aspm_ado.domain.origin import Origin

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
