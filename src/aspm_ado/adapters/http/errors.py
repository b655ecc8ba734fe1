"""Why no answer came, or none that can be read: in words, with the host and what to do."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

from urllib3 import exceptions as urllib3

from aspm_ado.adapters.http.pacing import RETRIES
from aspm_ado.adapters.http.trust import Certificate, peek, timeless_chain
from aspm_ado.adapters.threads import NoThreadError
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean_said, system_words

_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")

# Verification errors of OpenSSL (x509_vfy.h), Windows (winerror.h, CERT_E_*) and macOS (SecBase.h,
# errSec*).
_UNKNOWN_AUTHORITY: Final = frozenset(
    {2, 18, 19, 20, 21, 0x800B0109, 0x800B010A, 0x800B0112, -67843, -25318}
)
_WRONG_HOST: Final = frozenset({62, 64, 0x800B010F, -67602})
_EXPIRED: Final = frozenset({9, 10, 0x800B0101, -67818, -67819})
_NOT_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
_OLD_TLS: Final = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"})

TOO_LARGE: Final = "is larger than anything Azure DevOps sends (5 MB)"
BODY_REMEDY: Final = "Check the URL. Something on the network path may have answered."
_AGAIN: Final = "Try again in a moment."
_NETWORK: Final = (
    "Check the URL, the VPN, and the firewall. If this machine needs a proxy, set HTTPS_PROXY."
)
_COMPANY: Final = (
    "If the server is on-premises, or a company proxy inspects TLS, pass the certificate of its "
    "authority: --ca-bundle FILE"
)
_TLS_TOOL: Final = (
    "Ask the administrator of the server or the proxy. --ca-bundle does not help here."
)
_MORE_TIME: Final = "Try again, or pass a longer --timeout SECONDS."
_PROXY: Final = "Check HTTPS_PROXY and NO_PROXY, and that the proxy is running."

_ENCODED: Final = "Write @, : and # in a user or password as %40, %3A and %23."

_SCHEMES: Final = ("NTLM", "Negotiate", "Kerberos", "Digest", "Bearer", "Basic")
_QUOTED: Final = re.compile(r'"[^"]*"?')
_WORD: Final = re.compile(r"(?:^|,)\s*(\w+)(?=\s|,|$)")

_E = TypeVar("_E", bound=BaseException)
_Chain = tuple[BaseException, ...]
"""An exception and all that it wraps."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure as a reply tells it; ``tries`` is how many more a GET is worth."""

    reason: Reason
    problem: str
    remedy: str
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Where:
    """Whom we were talking to, and how: what every problem names."""

    origin: Origin
    proxy: str = ""
    signs_in: bool = False
    simulator: str = ""
    timeout: float = 0.0
    writes: bool = False
    trust: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """``dev.azure.com (no proxy in use)``; the port where it is not the scheme's own."""
        if self.simulator:
            return f"{self.host} (simulated at {self.simulator})"
        if self.proxy:
            return f"{self.host} (through the proxy {self.proxy})"
        return f"{self.host} (no proxy in use)"

    @property
    def host(self) -> str:
        """The host, with its port where it is not the scheme's own."""
        return authority(self.origin)

    @property
    def doubt(self) -> str:
        """What cannot be known of a request that is never sent twice."""
        if self.writes:
            return " It is unknown whether it acted on the request."
        return ""


def authority(origin: Origin) -> str:
    """The host of an origin, with its port where it is not the scheme's own."""
    return str(origin).partition("://")[2]


def trouble_before_answer(error: BaseException, where: Where, *, spent: bool) -> Trouble:
    """Why no answer came. ``spent`` says that the time of the call is over."""
    chain = tuple(_causes(error))
    return (
        _too_large(chain, where)
        or _trouble_of_this_machine(chain, where)
        or _proxy_trouble(chain, where)
        or _tls_trouble(chain, where)
        or _trouble_on_the_way(chain, where, spent=spent)
        or _trouble_after_sending(chain, where)
    )


def trouble_in_answer(error: BaseException, where: Where, *, spent: bool) -> Trouble:
    """Why an answer that had begun could not be read to its end."""
    chain = tuple(_causes(error))
    if trouble := _too_large(chain, where):
        return trouble
    if spent or _first(chain, TimeoutError):
        return _timed_out(where)
    if _first(chain, urllib3.DecodeError):
        problem = (
            f"The answer of {where.name} is damaged: aspm-ado cannot decompress it.{where.doubt}"
        )
        return Trouble(Reason.ANSWER_UNREADABLE, problem, _AGAIN)
    problem = f"The answer of {where.name} was cut short.{where.doubt}"
    return Trouble(Reason.ANSWER_UNREADABLE, problem, _AGAIN, RETRIES)


def _too_large(chain: _Chain, where: Where) -> Trouble | None:
    if not _first(chain, TooLargeError):
        return None
    problem = f"The answer of {where.name} {TOO_LARGE}.{where.doubt}"
    return Trouble(Reason.ANSWER_UNREADABLE, problem, BODY_REMEDY)


def proxy_unusable(where: Where) -> Trouble:
    """A proxy is named that we cannot use, so nothing was sent."""
    return Trouble(
        Reason.PROXY_FAILED,
        f"{where.host} was not contacted: the environment names an unusable proxy, {where.proxy}.",
        "Set HTTPS_PROXY to an HTTP proxy, http://HOST:PORT, or name the host in NO_PROXY. "
        f"{_ENCODED}",
    )


class SilentHostError(TimeoutError):
    """No address of a host answered; it is not asked again in a moment."""


class SilentNameServerError(socket.gaierror):
    """Nobody said in time which addresses a host has; it is not asked again in a moment."""

    def __init__(self) -> None:
        super().__init__(socket.EAI_AGAIN, "no answer")


class TooLargeError(OSError):
    """More bytes came than any answer has."""


class HandshakeTimeoutError(urllib3.ConnectTimeoutError):
    """Connected, and then silence: in the handshake, or in a proxy's answer to CONNECT."""


class SignInWantedError(OSError):
    """The proxy answered 407 to CONNECT; ``offers`` are its headers ``Proxy-Authenticate``."""

    def __init__(self, offers: Iterable[str]) -> None:
        super().__init__("the proxy requires a sign-in")
        self.offers = tuple(offers)


def proxy_sign_in(where: Where, offers: Iterable[str]) -> Trouble:
    """The proxy answered 407, to CONNECT or to a request in plain http.

    We sign in by Basic alone: it is the one way that needs neither a domain nor a ticket.
    """
    named = {word.lower() for offer in offers for word in _WORD.findall(_QUOTED.sub("", offer))}
    schemes = [scheme for scheme in _SCHEMES if scheme.lower() in named]
    variable = f"{where.origin.scheme.upper()}_PROXY"
    problem = (
        f"The proxy {where.proxy} requires a sign-in for {where.host}. The service did not ask "
        "for it."
    )
    remedy = (
        f"Set the sign-in in {variable} (http://USER:PASSWORD@HOST:PORT), "
        "or ask the administrator of the proxy."
    )
    if where.signs_in:
        problem = (
            f"The proxy {where.proxy} rejected the sign-in of its variable. aspm-ado could not "
            f"connect to {where.host}."
        )
        remedy = f"Correct user and password in {variable}. {_ENCODED}"
    if schemes:
        problem += f" The proxy offers: {', '.join(schemes)}."
    if schemes and "Basic" not in schemes:
        remedy = (
            "aspm-ado supports only Basic sign-in. Run a helper proxy on this machine that speaks "
            f"{schemes[0]} (Cntlm, Px), and set {variable} to it."
        )
    return Trouble(Reason.PROXY_FAILED, problem, remedy)


def _proxy_trouble(chain: _Chain, where: Where) -> Trouble | None:
    if wanted := _first(chain, SignInWantedError):
        return proxy_sign_in(where, wanted.offers)
    refused = next((match for cause in chain if (match := _TUNNEL.search(str(cause)))), None)
    if refused is not None:
        status = refused.group(1)
        problem = (
            f"The proxy {where.proxy} refused the connection to {where.host} (status {status})."
        )
        remedy = "Ask the administrator of the proxy to allow this host."
        if status.startswith("5"):
            problem = f"The proxy {where.proxy} could not reach {where.host} (status {status})."
            remedy = "Try again later. If the error persists, ask the administrator of the proxy."
        return Trouble(Reason.PROXY_FAILED, problem, remedy)
    if not _first(chain, urllib3.ProxyError):
        return None
    if _first(chain, ssl.SSLError):
        problem = (
            f"No TLS connection to the proxy {where.proxy}, so {where.host} was not reached"
            f"{_words(_first(chain, ssl.SSLError))}."
        )
        remedy = (
            "Most proxies have a URL of the form http://HOST:PORT. Otherwise, pass "
            "--ca-bundle FILE."
        )
        return Trouble(Reason.PROXY_FAILED, problem, remedy)
    why = _why(chain)
    if _first(chain, socket.gaierror):
        why = "its name cannot be resolved"
    problem = f"No connection to the proxy {where.proxy} on the way to {where.host}: {why}."
    return Trouble(Reason.PROXY_FAILED, problem, _PROXY, RETRIES)


def _tls_trouble(chain: _Chain, where: Where) -> Trouble | None:
    if verification := _first(chain, ssl.SSLCertVerificationError):
        return _certificate_trouble(verification, where)
    error = _first(chain, ssl.SSLError)
    if error is None or (where.writes and _first(chain, urllib3.ProtocolError)):
        return None  # or the request is out, and may have been acted on
    if error.reason in _NOT_TLS:
        problem = f"The answer of {where.name} is not TLS."
        remedy = "Check the port of the URL. For plain http, pass --allow-http to connect."
        return Trouble(Reason.TLS_FAILED, problem, remedy)
    problem = f"Cannot make a TLS connection to {where.name}{_words(error)}."
    if error.reason in _OLD_TLS:
        problem = (
            f"{where.name} and this machine have no version of TLS in common. 1.2 is the oldest "
            "accepted version."
        )
    return Trouble(Reason.TLS_FAILED, problem, _TLS_TOOL)


def _words(error: ssl.SSLError | None) -> str:
    """OpenSSL's own reason, behind a colon; empty where it gave none."""
    if error is None or not error.reason:
        return ""
    return f": {clean_said(error.reason.replace('_', ' ').lower(), 120)}"


def _certificate_trouble(error: ssl.SSLCertVerificationError, where: Where) -> Trouble:
    # Through a proxy we would need its tunnel again, with the sign-in; then the certificate stays
    # unnamed.
    seen = None
    if not where.proxy:
        seen = peek(where.origin.host, where.origin.port, min(5.0, where.timeout))
    code = getattr(error, "verify_code", 0)
    if code < -0x10000000:  # a Windows error as a signed number
        code &= 0xFFFFFFFF
    if code in _WRONG_HOST:
        names = "another name"
        if seen and seen.names:
            names = _listed(seen.names)
        problem = f"The certificate of {where.name} belongs to another host: it is for {names}."
        remedy = "Use a name of the certificate. " + _TLS_TOOL
        return Trouble(Reason.TLS_WRONG_HOST, problem, remedy)
    if code in _EXPIRED:
        return _expired(where, seen)
    issued = ""
    if seen:
        issued = (
            f". It was issued by {seen.issuer} (SHA-256 of the certificate: {seen.fingerprint})"
        )
    if code in _UNKNOWN_AUTHORITY:
        problem = (
            f"The certificate of {where.name} is not signed by an authority that this "
            "machine trusts"
        )
        return Trouble(Reason.TLS_UNTRUSTED, f"{problem}{issued}.", _COMPANY)
    why = clean_said(getattr(error, "verify_message", "") or "no reason is given", 120).rstrip(".")
    problem = f"The certificate of {where.name} is not accepted: {why}{issued}."
    return Trouble(Reason.TLS_FAILED, problem, _TLS_TOOL)


def _expired(where: Where, seen: Certificate | None) -> Trouble:
    """A certificate that has ended or not begun: which one, as far as that can be told."""
    now = datetime.now(UTC)
    clock = f"the clock of this machine says {now:%Y-%m-%d}"
    remedy = f"Check the clock of this machine. {_TLS_TOOL}"
    own = f"The certificate of {where.name}"
    if seen is None:
        problem = f"{own}, or one above it, is not valid today: {clock}."
        return Trouble(Reason.TLS_EXPIRED, problem, remedy)
    if not seen.holds(now):
        problem = f"{own} is not valid today: {seen.days}, and {clock}."
        return Trouble(Reason.TLS_EXPIRED, problem, remedy)
    which = "one above it"
    for above in timeless_chain(where.origin, where.trust, where.timeout):
        if not above.holds(now):
            which = f"that of {above.subject} above it ({above.days})"
            remedy = (
                "Ask the administrator of the server to send a newer one. If this machine itself "
                "trusts the old one, pass the newer one: --ca-bundle FILE"
            )
            break
    problem = f"{own} is good, but {which} is not valid today: {clock}."
    return Trouble(Reason.TLS_EXPIRED, problem, remedy)


def _trouble_of_this_machine(chain: _Chain, where: Where) -> Trouble | None:
    """A limit of this machine: nothing was sent."""
    if _first(chain, NoThreadError):
        problem = f"aspm-ado did not contact {where.name}: this machine cannot start more threads."
        remedy = (
            "Raise the limit of processes or of memory (ulimit -u, ulimit -v, or that of the "
            "container)."
        )
        return Trouble(Reason.THREADS_EXHAUSTED, problem, remedy)
    if _numbers(chain) & {errno.EMFILE, errno.ENFILE}:
        problem = f"aspm-ado did not contact {where.name}: this machine cannot open more files."
        remedy = "Raise the limit of open files: ulimit -n 256"
        return Trouble(Reason.THREADS_EXHAUSTED, problem, remedy, RETRIES)
    return None


def _trouble_on_the_way(chain: _Chain, where: Where, *, spent: bool) -> Trouble | None:
    if unresolved := _first(chain, socket.gaierror):
        problem, tries = f"Cannot resolve {where.name}", 0
        if isinstance(unresolved, SilentNameServerError):
            problem = f"Cannot resolve {where.name}: no name server answered in time"
        elif unresolved.errno == socket.EAI_AGAIN:
            tries = RETRIES
        return Trouble(Reason.NAME_UNRESOLVED, f"{problem}.", _NETWORK, tries)
    if _first(chain, urllib3.ConnectTimeoutError):
        problem = f"No connection to {where.name}: {_why(chain)}."
        tries = RETRIES
        if _first(chain, SilentHostError):
            tries = 0
        return Trouble(Reason.UNREACHABLE, problem, _NETWORK, tries)
    if spent or _first(chain, TimeoutError) or _first(chain, urllib3.TimeoutError):
        return _timed_out(where)
    return None


def _trouble_after_sending(chain: _Chain, where: Where) -> Trouble:
    # http.client.RemoteDisconnected is a ConnectionError.
    if _first(chain, ssl.SSLError) or _first(chain, ConnectionError):
        problem = f"{where.name} closed the connection before it answered.{where.doubt}"
        return Trouble(Reason.UNREACHABLE, problem, _AGAIN, RETRIES)
    if _first(chain, http.client.HTTPException) or _first(chain, urllib3.InvalidHeader):
        problem = f"The answer of {where.name} is not HTTP.{where.doubt}"
        return Trouble(Reason.ANSWER_UNREADABLE, problem, "Check the URL and its port.")
    return Trouble(Reason.UNREACHABLE, f"No answer from {where.name}.{where.doubt}", _NETWORK)


def _timed_out(where: Where) -> Trouble:
    problem = (
        f"{where.name} gave no complete answer in time ({where.timeout:g} s for a "
        f"call).{where.doubt}"
    )
    return Trouble(Reason.TIMED_OUT, problem, _MORE_TIME, 1)


def _listed(names: tuple[str, ...]) -> str:
    listed = ", ".join(names[:5])
    if len(names) > 5:
        listed += f" and {len(names) - 5} more"
    return listed


def _why(chain: _Chain) -> str:
    numbers = _numbers(chain)
    if errno.ECONNREFUSED in numbers:
        return "it was refused"
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH}:
        return "no route leads to it"
    if _first(chain, HandshakeTimeoutError):
        return "it accepted the connection, but did not answer"
    if _first(chain, TimeoutError):
        return "nothing answered"
    said = next((cause for cause in chain if isinstance(cause, OSError) and cause.errno), None)
    if said is not None:
        return f"it failed ({system_words(said)})"
    return "it failed"


def _numbers(chain: _Chain) -> set[int]:
    # The errors of requests are OSErrors without a number.
    return {cause.errno for cause in chain if isinstance(cause, OSError) and cause.errno}


def _first(chain: _Chain, kind: type[_E]) -> _E | None:
    return next((cause for cause in chain if isinstance(cause, kind)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all it wraps: in its arguments, as ``reason`` (urllib3), or chained."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inside = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        waiting += [part for part in inside if isinstance(part, BaseException)]
