"""The shapes of an answer: headers with their repeats, error bodies, and the different ways to say no."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from .world import Person, some_id

TENANT: Final = "5d3f1c7e-6a52-4b8e-9b5e-0c9f3f6d2a11"
ANONYMOUS: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """A status, headers in order, and bytes."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    chunked: bool = False

    def plus(self, *headers: tuple[str, str]) -> Answer:
        """The same answer with more headers."""
        return replace(self, headers=(*self.headers, *headers))


@dataclass(frozen=True)
class Desk:
    """Who answers: the parts of the envelope that do not depend on the question."""

    now: datetime
    hosted: bool
    realm: str
    routed: bool = False
    session: str | None = None
    activity: str = field(default_factory=some_id)

    def envelope(self, person: Person | None) -> Headers:
        """The headers that every answer of Azure DevOps carries; repeats and mixed case are the service's own."""
        common = (
            ("Cache-Control", "no-cache, no-store, must-revalidate"),
            ("Date", format_datetime(self.now, usegmt=True)),
            ("P3P", 'CP="CAO DSP COR ADMa DEV"'),
            ("X-TFS-ProcessId", some_id()),
            ("ActivityId", self.activity),
            ("X-TFS-Session", self.session or self.activity),
            ("X-VSS-E2EID", self.activity),
            ("X-Content-Type-Options", "nosniff"),
            ("Set-Cookie", f"VstsSession={some_id()}; path=/; secure; HttpOnly"),
            ("Set-Cookie", "X-VSS-UseRequestRouting=True; path=/; secure; HttpOnly"),
        )
        if not self.hosted:
            return (*common, ("X-Powered-By", "ASP.NET"), ("Lfs-Authenticate", "NTLM"))
        hosted: Headers = (
            ("x-msedge-ref", "Ref A: 0 Ref B: TEST Ref C: 0"),
            ("Strict-Transport-Security", "max-age=31536000"),
        )
        if self.routed:
            hosted = (*hosted, ("P3P", 'CP="CAO DSP COR ADMa DEV"'), ("X-TFS-ProcessId", some_id()))
        if person is not None:
            hosted = (*hosted, ("X-VSS-UserData", f"{person.id}:{person.account}"))
        return (*common, *hosted)

    def document(
        self,
        body: object,
        person: Person | None,
        version: str = "7.1",
        *,
        status: int = 200,
        chunked: bool = False,
    ) -> Answer:
        """JSON; a success names the version inside its content type, an error does not."""
        kind = "application/json; charset=utf-8" + (
            f"; api-version={version}" if status < 300 else ""
        )
        content = json.dumps(body, ensure_ascii=False).encode("utf-8")
        return Answer(status, (*self.envelope(person), ("Content-Type", kind)), content, chunked)

    def error(
        self, status: int, message: str, type_key: str, person: Person | None, *, event: int = 3000
    ) -> Answer:
        """The one shape of an error body."""
        body = {
            "$id": "1",
            "innerException": None,
            "message": message,
            "typeName": f"Microsoft.TeamFoundation.{type_key}, Microsoft.TeamFoundation.Server",
            "typeKey": type_key,
            "errorCode": 0,
            "eventId": event,
        }
        return self.document(body, person, status=status)

    def empty(self, status: int, person: Person | None) -> Answer:
        """No body and no type."""
        return Answer(status, self.envelope(person))

    def challenge(self) -> Headers:
        """What a 401 without a known user asks for."""
        if self.hosted:
            return (("WWW-Authenticate", f'Basic realm="{self.realm}"'),)
        return tuple(
            ("WWW-Authenticate", kind)
            for kind in ("Bearer", f'Basic realm="{self.realm}"', "Negotiate", "NTLM")
        )

    def scope_missing(self) -> Answer:
        """Nothing at all: no body, no type, no user; only the realm of another host."""
        return self.empty(401, None).plus(*self.challenge())

    def not_authenticated(self) -> Answer:
        """Garbage, another organization's token, or no token."""
        message = (
            "TF400813: Resource not available for anonymous access. Client authentication required."
        )
        if not self.hosted:
            page = b"<!DOCTYPE html><html><head><title>401 - Unauthorized</title></head></html>"
            return Answer(
                401,
                (
                    *self.envelope(None),
                    ("Content-Type", "text/html"),
                    ("X-TFS-SoapException", "%3c"),
                ),
                page,
            ).plus(*self.challenge())
        refusal = self.error(401, message, "UnauthorizedRequestException", None)
        bearer = (
            "WWW-Authenticate",
            f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}",
        )
        return refusal.plus(
            bearer,
            *self.challenge(),
            ("WWW-Authenticate", "TFS-Federated"),
            ("X-VSS-ResourceTenant", TENANT),
        )

    def sign_in_page(self) -> Answer:
        """What a client gets that forgot to say Suppress."""
        return Answer(
            203,
            (*self.envelope(None), ("Content-Type", "text/html; charset=utf-8")),
            b"\r\n<!DOCTYPE html><title>Sign In</title>",
        )

    def expired(self) -> Answer:
        """Said in words, twice."""
        message = "Access Denied: The Personal Access Token used has expired."
        refusal = self.error(401, message, "AccessCheckException", None)
        return refusal.plus(*self.challenge(), ("X-TFS-ServiceError", quote(message, safe="")))

    def no_member(self, person: Person) -> Answer:
        """A real person who may not come in."""
        message = f"TF400813: The user '{TENANT}\\{person.account}' is not authorized to access this resource."
        return self.error(401, message, "UnauthorizedRequestException", person).plus(
            (
                "WWW-Authenticate",
                f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}",
            ),
            ("WWW-Authenticate", "TFS-Federated"),
            ("X-TFS-FedAuthRedirect", f"https://{TRAP_HOST}/_signin"),
            ("X-VSS-AuthenticateError", "Unauthorized"),
            ("X-VSS-ResourceTenant", TENANT),
        )

    def fenced(self, person: Person) -> Answer:
        """Conditional access or an IP fence."""
        message = "VS403463: The conditional access policy defined by your Microsoft Entra administrator has failed."
        return self.error(403, message, "VssServiceException", person)

    def unknown_place(self) -> Answer:
        """No such organization or collection: a page, but Azure DevOps' own."""
        return Answer(
            404,
            (*self.envelope(None), ("Content-Type", "text/html; charset=utf-8")),
            b"<!DOCTYPE html><title>404</title>",
        )

    def deactivated(self) -> Answer:
        """A 503 that never ends: a BOM, no Retry-After, no activity id."""
        message = "TF24668: The following team project collection is stopped: it has been inactive for a long time."
        bare = tuple(
            (k, v) for k, v in self.envelope(None) if k not in ("ActivityId", "X-VSS-E2EID")
        )
        body = self.error(503, message, "HostShutdownException", None).body
        return Answer(
            503,
            (*bare, ("Content-Type", "application/json"), ("X-TFS-ServiceError", quote(message))),
            b"\xef\xbb\xbf" + body,
        )

    def no_route(self, path: str, person: Person | None) -> Answer:
        """A route that this version has not."""
        message = (
            f"The controller for path '{path}' was not found or does not implement IController."
        )
        return Answer(
            404,
            (
                *self.envelope(person),
                ("Content-Type", "text/plain; charset=utf-8"),
                ("X-TFS-ServiceError", quote(message)),
            ),
            message.encode(),
        )

    def no_repository(self, name: str, person: Person | None) -> Answer:
        """Absent or unreadable, which is the same."""
        message = f"TF401019: The Git repository with name or identifier {name} does not exist or you cannot read it."
        return self.error(404, message, "GitRepositoryNotFoundException", person)

    def throttled(self) -> Answer:
        """Come back in a second."""
        return self.error(
            429,
            "TF400733: The request has been canceled: Request was blocked.",
            "RequestBlockedException",
            None,
        ).plus(
            ("Retry-After", "1"), ("X-RateLimit-Resource", "core"), ("X-RateLimit-Remaining", "0")
        )


TRAP_HOST: Final = "spsprodcus1.vssps.visualstudio.com"
"""Where sign-in redirects point; nobody has a reason to go there."""

PORTAL_HOST: Final = "portal.hotel.example"
"""Where a captive portal's redirects point."""


def from_a_stranger(now: datetime, status: int, page: str, *headers: tuple[str, str]) -> Answer:
    """A page that is not Azure DevOps': a portal's, a proxy's, the edge's."""
    base = (
        ("Server", "nginx"),
        ("Date", format_datetime(now, usegmt=True)),
        ("Content-Type", "text/html"),
    )
    return Answer(status, (*base, *headers), page.encode())
