"""Where a call really goes: its address read once, its secret bound, the simulator or a proxy put in between."""

from __future__ import annotations

from typing import Final

from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

from aspm_ado import __version__
from aspm_ado.adapters.network.body import ENCODINGS
from aspm_ado.adapters.network.errors import Where
from aspm_ado.adapters.network.proxy import Proxies, Proxy
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.exchange import Call, Credential, Sealed
from aspm_ado.domain.origin import Origin, split_url
from aspm_ado.domain.reasons import Reason

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
        if isinstance(call.body, Sealed) and origin not in call.body.origins:
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
