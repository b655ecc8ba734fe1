"""A call and what came back: the only evidence that a verdict may rest on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.dataclass import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from aspm_ado.domain.answers import Answer
    from aspm_ado.domain.origin import Origin
    from aspm_ado.domain.reasons import Reason
    from aspm_ado.domain.token import Secret


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret, the user name that goes beside it, and the only origins it may be sent to."""

    secret: Secret
    origins: frozenset[Origin]
    username: str = ""
    header: str = "Authorization"
    bearer: bool = False

    @property
    def value(self) -> str:
        """What goes into the header: HTTP Basic, Bearer, or the bare secret in a header of the service's own."""
        if self.bearer:
            return f"Bearer {self.secret.reveal()}"
        return (
            self.secret.basic(self.username)
            if self.header == "Authorization"
            else self.secret.reveal()
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """A JSON body with a secret in it, which is put in as the body is sent; no repr and no print ever holds it.

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
        "x-tfs-processid",
        "x-tfs-serviceerror",
        "x-vss-resourcetenant",
        "x-vss-userdata",
    }
)
"""What a verdict reads of an answer's headers. A reply needs no more: a thousand organizations send ten thousand."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, complete but for the transport.

    ``lane`` is what politeness counts by (a host and organization); ``expects`` is the document of a good answer;
    ``ca_bundle`` a file of certificates that are trusted for this call beside the system's; ``hides`` what else of ours
    the answer may hold, beside what is sent.
    """

    method: str
    url: str
    credential: Credential | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: str | Sealed | None = None
    lane: str = ""
    expects: type[Answer] | None = None
    ca_bundle: str | None = None
    hides: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call brought: an answer with a status, or a failure that says why there is none.

    ``text`` is the head of the body (decoded, at most 4 KiB); ``answer`` is set when a 200 held what was expected.
    ``failure``, ``problem`` and ``remedy`` are set when there is no answer that could be read.
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

    def header(self, name: str) -> str:
        """The first value of a header, by any spelling; empty when it is not there."""
        return (self.header_values(name) or ("",))[0]

    def header_values(self, name: str) -> tuple[str, ...]:
        """All values of a header: Azure DevOps repeats some. Raises ``LookupError`` for one that is not kept."""
        wanted = name.lower()
        if wanted not in HEADERS:
            raise LookupError(name)
        return tuple([value for key, value in self.headers if key.lower() == wanted])

    @property
    def evidence(self) -> Evidence:
        """The line of the report: no header, no body, no secret."""
        at = self.received.strftime("%Y-%m-%dT%H:%M:%SZ") if self.received is not None else ""
        return Evidence(
            self.call.method,
            self.call.url,
            self.status or None,
            self.header("ActivityId") or None,
            at,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict rests on, fit to be sent to anybody."""

    method: str
    url: str
    status: int | None
    activity_id: str | None
    at: str = ""
    """When, by the clock of whoever answered; not part of the report."""
