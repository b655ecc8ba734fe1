"""One HTTP exchange as data, and the origins that a secret may be sent to.

Origins are compared as parsed parts, never as text, so that no secret goes to a look-alike host.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.secret import trim
from aspm_ado.domain.text import shown_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from enum import StrEnum

    from aspm_ado.domain.documents import Answer
    from aspm_ado.domain.secret import Secret

_PORTS: Final = {"https": 443, "http": 80}
_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\\]")
_PASSWORD: Final = re.compile(r"//[^/?#@]*:[^/?#]*@")
"""A user name and a password before the host, in a valid URL or a malformed one."""
_NO_PORT: Final = re.compile(r"(?<=[^/:]):(?!\d*(?:[/?#]|$))[^/?#]*")
"""Text in the place of the port that is no number: it may be part of a password."""
_LABEL: Final = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, lower-case ASCII host and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of ``url``. Raises ``UsageError`` if it is no plain http(s) URL."""
        return cls.read(split_url(url))

    @classmethod
    def read(cls, parts: SplitResult) -> Origin:
        """The origin of what ``split_url`` returned."""
        host = _ascii_host(parts.hostname or "")
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


def split_url(url: str, what: str = "URL") -> SplitResult:
    """``url`` in parts. Raises ``UsageError``, which says what is wrong with it.

    Refused are control characters, white space and backslashes anywhere, schemes other than
    http(s), a password, and a host that is no host name. A user name alone is left for the caller
    to judge (``org@dev.azure.com`` is common).
    """
    text = trim(url)
    if _PASSWORD.search(text):
        raise UsageError(
            Reason.URL_INVALID,
            f"The {what} contains a password.",
            remedy="Enter the URL without it. To pass a token, connect has --pat-file FILE and "
            "--pat-stdin. Or enter it at the prompt.",
        )
    if _UNFIT.search(text):
        raise _refused(what, text, "it contains a space, a backslash, or a control character")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused(what, text, "its host or port is malformed") from None
    if parts.scheme not in _PORTS:
        raise _refused(what, text, "it does not begin with https://")
    if port == 0:
        raise _refused(what, text, "its port is 0")
    host = parts.hostname or ""
    if not _ascii_host(host):
        why = "its host is malformed" if ":" in host else "it has no usable host name"
        raise _refused(what, text, why)
    return parts


@lru_cache(maxsize=64)  # a run has few hosts, and parses their URLs at every call
def _ascii_host(host: str) -> str:
    """``host`` in lower case and ASCII (IDNA), without a closing dot; empty if it is invalid."""
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
        remedy="Copy the URL from the browser.",
    )


SIMULATOR_AS_PRINTED: Final = (
    "Set ASPM_ADO_SIMULATOR to the whole value that `aspm-ado demo --serve` prints "
    "(http://127.0.0.1:PORT/#KEY), or unset it."
)


def simulator_origin(address: str) -> Origin:
    """The simulator's origin. Raises ``UsageError`` unless it is plain http on this machine."""
    try:
        parts = split_url(address, "simulator's URL")
    except UsageError as error:
        raise UsageError(error.reason, error.problem, remedy=SIMULATOR_AS_PRINTED) from None
    origin = Origin.read(parts)
    is_bare = not (parts.path.strip("/") or parts.query or parts.username)
    if origin.scheme != "http" or not origin.is_loopback or not is_bare:
        raise UsageError(
            Reason.URL_INVALID,
            "The URL of the simulator is not on this machine.",
            remedy=SIMULATOR_AS_PRINTED,
        )
    return origin


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret, the user name sent with it, and the only origins that it may be sent to."""

    secret: Secret
    origins: frozenset[Origin]
    username: str = ""
    header: str = "Authorization"
    bearer: bool = False

    @property
    def value(self) -> str:
        """The value of the header: HTTP Basic, Bearer, or the bare secret in another header."""
        if self.bearer:
            return f"Bearer {self.secret.reveal()}"
        if self.header == "Authorization":
            return self.secret.basic(self.username)
        return self.secret.reveal()


@dataclass(frozen=True, slots=True)
class BodyWithSecret:
    """A JSON body whose secret is inserted when it is sent, so that no repr contains it.

    ``text`` holds ``mark`` in the secret's place; ``origins`` are the only ones it may be sent to.
    """

    text: str
    mark: str
    secret: Secret
    origins: frozenset[Origin]

    @property
    def shown(self) -> str:
        """The body for a person: the secret masked."""
        return self.text.replace(self.mark, MASK)

    def encode(self) -> bytes:
        """The bytes for the wire."""
        return self.text.replace(self.mark, json.dumps(self.secret.reveal())[1:-1]).encode()


MASK = "********"

HEADERS: Final = frozenset(
    {
        "activityid",
        "content-length",
        "content-type",
        "location",
        "retry-after",
        "www-authenticate",
        "x-msedge-ref",
        "x-ratelimit-remaining",
        "x-tfs-processid",
        "x-tfs-serviceerror",
        "x-vss-resourcetenant",
        "x-vss-userdata",
    }
)
"""The headers to keep of an answer: those that a rule reads."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    ``lane`` is the unit of the rate limit (a host and organization). ``expects`` is the
    document of a good answer. ``ca_bundle`` is a file of certificates that are trusted for this
    call in addition to the system's. ``head_only`` says that the head of the body is enough,
    however long it is. ``pause`` is for how many seconds it waits before it is sent.
    """

    method: str
    url: str
    credential: Credential | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: str | BodyWithSecret | None = None
    lane: str = ""
    expects: type[Answer] | None = None
    ca_bundle: str | None = None
    head_only: bool = False
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a call: an answer with a status, or the failure that explains its absence.

    ``text`` is the head of the body (decoded, at most 4 KiB). ``answer`` is set when a 200 held
    what was expected. ``failure``, ``problem`` and ``remedy`` are set when no answer could be read.
    """

    call: Call
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    answer: Answer | None = None
    failure: Reason | None = None
    problem: str = ""
    remedy: str = ""
    received: datetime | None = None
    kind: StrEnum | None = field(default=None, init=False, compare=False, repr=False)
    """Its ``AnswerKind``, once ``classify`` has looked."""

    def answering(self, answer: Answer) -> Reply:
        """The same with the document that was expected."""
        return replace(self, answer=answer)

    def with_text(self, text: str) -> Reply:
        """The same with another head of the body."""
        return replace(self, text=text)

    def header(self, name: str) -> str:
        """The first value of a header, in any case; empty when it is not there."""
        return next(self._values(name), "")

    def header_values(self, name: str) -> tuple[str, ...]:
        """All values of a header: Azure DevOps repeats some.

        Raises ``LookupError`` for one that is not kept.
        """
        return tuple(self._values(name))

    def _values(self, name: str) -> Iterator[str]:
        wanted = name.lower()
        if wanted not in HEADERS:
            raise LookupError(name)
        return (value for key, value in self.headers if key.lower() == wanted)

    @property
    def document(self) -> object | None:
        """The JSON of a short body, or ``None``."""
        try:
            document: object = json.loads(self.text.lstrip("\ufeff \t\r\n"))
        except (ValueError, RecursionError):
            return None
        return document

    def failed(self, reason: Reason, problem: str, remedy: str) -> Reply:
        """The same as no answer that can be read."""
        return replace(self, failure=reason, problem=problem, remedy=remedy)

    @property
    def evidence(self) -> Evidence:
        """The part that the report shows: no header, no body, no secret."""
        at = "" if self.received is None else _stamp(self.received)
        return Evidence(
            self.call.method,
            self.call.url,
            self.status or None,
            self.header("ActivityId") or None,
            at,
        )


@lru_cache(maxsize=8)  # many answers are of the same second
def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a check, without secrets.

    ``at`` is the time by the clock of the answering host. It is not part of the report.
    """

    method: str
    url: str
    status: int | None
    activity_id: str | None
    at: str = ""
