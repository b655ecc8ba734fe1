"""One HTTP exchange as data."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.origin import Origin
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from aspm_ado.domain.documents import Answer
    from aspm_ado.domain.secret import Secret


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
    """A JSON body whose secret is put in when the body is sent, so that no repr holds it.

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
"""The headers that are kept of an answer, to save memory: those that a rule reads."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    ``lane`` is what the pace of calls is counted by (a host and organization). ``expects`` is the
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
    """What came of a call: an answer with a status, or a failure that says why there is none.

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

    def without_text(self) -> Reply:
        """The same without the head of the body."""
        return replace(self, text="")

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

    def failed(self, reason: Reason, problem: str, remedy: str) -> Reply:
        """The same as no answer that can be read."""
        return replace(self, failure=reason, problem=problem, remedy=remedy)

    @property
    def evidence(self) -> Evidence:
        """What the report shows of it: no header, no body, no secret."""
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
    """What a check rests on, fit to be sent to anybody.

    ``at`` is the time by the clock of whoever answered; it is not part of the report.
    """

    method: str
    url: str
    status: int | None
    activity_id: str | None
    at: str = ""
