"""The answers of Azure DevOps: bodies, statuses, and headers (facts/azure-devops.md §3a, §4).

`D.n` is an entry of facts/reliability.md part D, from recordings.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from importlib.resources import files
from typing import Final
from urllib.parse import quote, quote_plus, unquote
from uuid import uuid4

from aspm_ado.simulator.http import Headers, Request, Response
from aspm_ado.simulator.world import Organization, Person, Server, stable_id

NO_TENANT: Final = "00000000-0000-0000-0000-000000000000"  # §2: Microsoft accounts
SIGN_IN_HOST: Final = "spsprodeus1.vssps.visualstudio.com"
"""The target of sign-in redirects; no client should go there."""
PORTAL_HOST: Final = "portal.hotel.example"
"""The target of redirects of a captive portal."""

_JSON = "application/json; charset=utf-8"
_HTML = ("Content-Type", "text/html; charset=utf-8")
_REFUSALS: Final = tomllib.loads(
    files("aspm_ado.simulator").joinpath("refusals.toml").read_text(encoding="utf-8")
)


def success(value: Mapping[str, object], version: str | None = None, status: int = 200) -> Response:
    """JSON; the media type has the requested api-version (D.1)."""
    kind = f"{_JSON}; api-version={version}" if version else _JSON
    return Response(status, _encode(value), (("Content-Type", kind),))


def items(
    values: list[dict[str, object]], version: str | None, *, count_last: bool = False
) -> Response:
    """A list; some resources write `count` first, git repositories last (D.10)."""
    if count_last:
        return success({"value": values, "count": len(values)}, version)
    return success({"count": len(values), "value": values}, version)


def page(status: int, html: str, *headers: tuple[str, str]) -> Response:
    """A web page, which never names the user."""
    return Response(status, html.encode(), (_HTML, *headers), names_user=False)


def refuse(what: str, properties: Mapping[str, object] | None = None, **values: str) -> Response:
    """The shape of every error; the last part of its .NET type is the typeKey (D.2)."""
    known = _REFUSALS[what]
    namespace, _, type_key = known["type"].rpartition(".")
    body: dict[str, object] = {"$id": "1"}
    if properties is not None:
        body["customProperties"] = properties
    assembly = namespace.replace("Services.Security", "Services.WebApi")
    body |= {
        "innerException": None,
        "message": known["message"].format(**values),
        "typeName": f"{known['type']}, {assembly}",
        "typeKey": type_key,
        "errorCode": 0,
        # Work item tracking has other event numbers (public text of TF401232 shows 3200).
        "eventId": 3200 if ".WorkItemTracking." in namespace else 3000,
    }
    return Response(known["status"], _encode(body), (("Content-Type", _JSON),))


def project_missing(name: str) -> Response:
    """404 for an absent project, by id or by name (§3a)."""
    if len(name) == 36 and name.count("-") == 4:
        return refuse("project-id-missing", name=name)
    return refuse("project-name-missing", name=name)


def scope_missing(challenges: Headers) -> Response:
    """The empty 401: the scopes of a valid token do not suffice; it names nobody."""
    return Response(401, b"", challenges, names_user=False)


def authentication_required(challenges: Headers) -> Response:
    """For an unknown token; the same answer for a revoked one is [unconfirmed] (§4)."""
    return with_service_error(refuse("anonymous")).plus(*challenges)


def expired(challenges: Headers) -> Response:
    """For an expired token; body and header say so (§4)."""
    properties = {
        "Descriptor": None,
        "IdentityDisplayName": None,
        "Token": None,
        "RequestedPermissions": 0,
        "NamespaceId": NO_TENANT,
    }
    return with_service_error(refuse("expired", properties)).plus(*challenges)


def not_a_member(person: Person) -> Response:
    """For a known person without access here: TF400813 naming them, X-VSS-UserData (§3a)."""
    tenant = person.tenant or NO_TENANT
    shown = f"{person.tenant}\\{person.mail}" if person.tenant else person.mail
    return refuse("not-a-member", name=shown).plus(
        *federated(tenant),
        ("X-TFS-FedAuthRedirect", f"https://{SIGN_IN_HOST}/_signin?realm=dev.azure.com"),
        ("X-VSS-AuthenticateError", "Unauthorized"),
        ("X-VSS-ResourceTenant", tenant),
    )


def federated(tenant: str) -> Headers:
    """The challenges besides Basic."""
    login = f"https://login.microsoftonline.com/{tenant}"
    return (
        ("WWW-Authenticate", f"Bearer authorization_uri={login}"),
        ("WWW-Authenticate", "TFS-Federated"),
    )


def sign_in_service(challenges: Headers, organization: str) -> Headers:
    """Headers for Microsoft's clients on a 401: realm and issuer as posted.

    The realm is that of the Basic challenge (azure-pipelines-agent#1164). The values of the other
    two are [unconfirmed].
    """
    realm = challenges[0][1].split('"')[1]
    return (
        ("X-TFS-FedAuthRealm", realm),
        ("X-TFS-FedAuthIssuer", f"https://{organization}.visualstudio.com/"),
        ("X-VSS-AuthorizationEndpoint", f"https://{organization}.vssps.visualstudio.com/"),
        ("X-VSS-S2STargetService", f"{stable_id('service', realm)}/visualstudio.com"),
    )


def throttled(seconds: int = 30) -> Response:
    """429 with the rate headers (§4)."""
    return refuse("throttled").plus(
        ("Retry-After", str(seconds)),
        ("X-RateLimit-Resource", "Core"),
        ("X-RateLimit-Delay", str(seconds)),
        ("X-RateLimit-Limit", "200"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", "1792051200"),
    )


def deactivated(organization: Organization) -> Response:
    """The real 503 of a deactivated organization: BOM, no charset, no user (D.5)."""
    refused = with_service_error(refuse("deactivated", name=organization.name))
    refused.headers = (("Content-Type", "application/json"), *refused.headers[1:])
    refused.body, refused.names_user = b"\xef\xbb\xbf" + refused.body, False
    return refused


def unknown_organization() -> Response:
    """404 with X-TFS-ProcessId for an unknown name; the body is [unconfirmed] (§4)."""
    title = "<head><title>404 - Not Found</title></head>"
    return page(404, f"<!DOCTYPE html><html>{title}<body>The page was not found.</body></html>")


def no_such_route(path: str) -> Response:
    """For a path without a controller: plain text (recorded, §3a)."""
    message = f"The controller for path '{path}' was not found or does not implement IController."
    headers = (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("X-TFS-ServiceError", quote(message, safe="")),
    )
    return Response(404, message.encode(), headers)


def method_not_allowed(method: str) -> Response:
    """For a route that exists with other methods only."""
    message = f"The requested resource does not support http method '{method}'."
    return success({"Message": message}, status=405)


def sign_in_page() -> Response:
    """203 and a page, for a rejected token without X-TFS-FedAuthRedirect: Suppress (§4)."""
    return page(
        203,
        '<!DOCTYPE html>\r\n<html lang="en-US"><head><title>Azure DevOps Services | Sign In</title>'
        '</head><body class="signin"><form method="POST" '
        'action="https://login.microsoftonline.com/common">'
        '<input type="hidden" name="redirect_uri"/></form></body></html>',
    )


def to_sign_in(tenant: str | None) -> Response:
    """302 to the sign-in host, as web pages do."""
    where = f"https://{SIGN_IN_HOST}/_signin?realm=dev.azure.com&protocol=&context="
    html = (
        "<html><head><title>Object moved</title></head>"
        f'<body><a href="{where}">here</a></body></html>'
    )
    return page(302, html, ("Location", where), ("X-VSS-ResourceTenant", tenant or NO_TENANT))


def with_service_error(response: Response) -> Response:
    """Repeat the message of an error, percent-encoded, in X-TFS-ServiceError."""
    message = json.loads(response.body)["message"]
    return response.plus(("X-TFS-ServiceError", quote(message, safe="")))


def _encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


_P3P = (
    "P3P",
    'CP="CAO DSP COR ADMa DEV CONo TELo CUR PSA PSD TAI IVDo OUR SAMi '
    'BUS DEM NAV STA UNI COM INT PHY ONL FIN PUR LOC CNT"',
)
_HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
_NO_CACHE = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"), _P3P)
_SNIFF = ("X-Content-Type-Options", "nosniff")
_SESSION = ("Set-Cookie", "VstsSession=simulated; domain=.dev.azure.com; path=/; secure; HttpOnly")
_ROUTED = (
    _P3P,
    _HSTS,
    _SNIFF,
    ("X-TFS-ProcessId", stable_id("process", "routed")),
    ("X-VSS-RequestRouted", "spsprodsim1.simulated.cloudapp.azure.com"),
    ("X-Powered-By", "ARR/3.0"),
    ("Set-Cookie", "X-VSS-UseRequestRouting=True; domain=.dev.azure.com; path=/; secure; HttpOnly"),
)


def date_header(moment: datetime) -> tuple[str, str]:
    """The Date header."""
    return ("Date", format_datetime(moment.replace(microsecond=0), usegmt=True))


def with_services_headers(response: Response, request: Request, moment: datetime) -> Response:
    """Add the headers of every answer of Azure DevOps Services, even a 401 (D.14)."""
    edge = f"Ref A: {uuid4().hex.upper()} Ref B: SIM0EDGE0001 Ref C: {moment.date().isoformat()}"
    headers = [*_NO_CACHE, ("X-TFS-ProcessId", stable_id("process", request.host)), _HSTS]
    if response.status != 503:  # TF24668 came without ActivityId and X-VSS-* (D.5)
        headers += _ids(response, request)
        headers.append(("X-VSS-SenderDeploymentId", stable_id("deployment", "services")))
    headers += [
        _SESSION,
        ("X-Frame-Options", "SAMEORIGIN"),
        ("Access-Control-Expose-Headers", "Request-Context"),
        ("Request-Context", f"appId=cid-v1:{stable_id('app', request.host)}"),
        ("X-Cache", "CONFIG_NOCACHE"),
        _SNIFF,
        ("X-MSEdge-Ref", edge),
        date_header(moment),
    ]
    if response.status == 200 and request.host == "vssps.dev.azure.com":
        # A second machine routes requests to the identity host, and both add headers.
        headers += _ROUTED
    return response.plus(*headers)


def with_server_headers(
    response: Response, request: Request, moment: datetime, server: Server
) -> Response:
    """Add the headers of Azure DevOps Server: IIS, without an edge (D.15)."""
    headers: list[tuple[str, str]] = []
    for name, value in response.headers:
        if name == "X-TFS-ServiceError":
            # On premises: "+" for blanks, lower-case hex (D.5), and a SOAP twin.
            head, *rest = quote_plus(unquote(value), safe="").split("%")
            encoded = head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)
            headers += [(name, encoded), ("X-TFS-SoapException", encoded)]
        else:
            headers.append((name, value))
    response.headers = tuple(headers)
    response.names_user &= server.names_user
    return response.plus(
        *_NO_CACHE,
        ("X-TFS-ProcessId", stable_id("process", request.host)),
        *_ids(response, request),
        ("X-FRAME-OPTIONS", "SAMEORIGIN"),
        ("X-AspNet-Version", "4.0.30319"),
        ("X-Powered-By", "ASP.NET"),
        _SNIFF,
        ("Server", "Microsoft-IIS/10.0"),
        date_header(moment),
    )


def _ids(response: Response, request: Request) -> list[tuple[str, str]]:
    activity = str(uuid4())
    # The session echoes the request's, else it equals the activity (D.6).
    ids = [
        ("ActivityId", activity),
        ("X-TFS-Session", request.header("X-TFS-Session") or activity),
        ("X-VSS-E2EID", activity),
    ]
    if response.user and response.names_user:
        ids.append(("X-VSS-UserData", response.user))
    return ids
