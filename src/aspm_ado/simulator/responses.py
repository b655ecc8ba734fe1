"""What Azure DevOps answers with: bodies, statuses and headers (facts/azure-devops.md §3a, §4).

`D.n` is an entry of facts/reliability.md part D, taken from recordings.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus, unquote
from uuid import uuid4

from aspm_ado.simulator.http import Headers, Request, Response
from aspm_ado.simulator.world import Organization, Person, stable_id

Json = dict[str, object] | list[object]

NO_TENANT: Final = "00000000-0000-0000-0000-000000000000"  # §2: Microsoft accounts
SIGN_IN_HOST: Final = "spsprodeus1.vssps.visualstudio.com"
"""Where sign-in redirects point; a client has no reason to go there."""
PORTAL_HOST: Final = "portal.hotel.example"
"""Where the redirects of a captive portal point."""

_JSON = "application/json; charset=utf-8"
_HTML = ("Content-Type", "text/html; charset=utf-8")
_GIT = "Microsoft.TeamFoundation.Git.Server."
_WORK = "Microsoft.TeamFoundation.WorkItemTracking.Server."
_CORE = "Microsoft.TeamFoundation.Core.WebApi."
_WEBAPI = "Microsoft.VisualStudio.Services.WebApi."


class _Refusal(NamedTuple):
    status: int
    type_name: str
    message: str


_REFUSALS: Final = {
    # Not there, or not for this person: the service does not tell which.
    "repository-missing": _Refusal(
        404,
        _GIT + "GitRepositoryNotFoundException",
        "TF401019: The Git repository with name or identifier {name} does not exist "
        "or you do not have permissions for the operation you are attempting.",
    ),
    "work-item-missing": _Refusal(  # recorded, for GET and PATCH alike
        404,
        _WORK + "WorkItemUnauthorizedAccessException",
        "TF401232: Work item {name} does not exist, or you do not have permissions to read it.",
    ),
    "attachment-missing": _Refusal(  # the answer to a DELETE is [unconfirmed] (§3b)
        404,
        _WORK + "AttachmentNotFoundException",
        "The attachment {name} does not exist.",
    ),
    "project-id-missing": _Refusal(
        404,
        _CORE + "ProjectDoesNotExistException",
        "VS800075: The project with id 'vstfs:///Classification/TeamProject/{name}' does not "
        "exist, or you do not have permission to access it.",
    ),
    "project-name-missing": _Refusal(
        404,
        _CORE + "ProjectDoesNotExistWithNameException",
        "TF200016: The following project does not exist: {name}. Verify that the name of the "
        "project is correct and that the project exists on the specified Azure DevOps Server.",
    ),
    "git-permission-missing": _Refusal(  # which code a stakeholder gets is [unconfirmed] (§4)
        403,
        _GIT + "GitNeedsPermissionException",
        "TF401027: You need the Git 'GenericRead' permission to perform this action.",
    ),
    # The request is not understood.
    "preview-flag-missing": _Refusal(
        400,
        _WEBAPI + "VssInvalidPreviewVersionException",
        'The requested version "{version}" of the resource is under preview. The -preview flag '
        "must be supplied in the api-version for such requests. "
        'For example: "{version}-preview"',
    ),
    "version-out-of-range": _Refusal(  # how a client learns the newest version (§7)
        400,
        _WEBAPI + "VssVersionOutOfRangeException",
        "The requested REST API version of {version} is out of range for this server. "
        "The latest REST API version this server supports is {newest}.",
    ),
    "version-unreadable": _Refusal(
        400,
        _WEBAPI + "VssInvalidApiResourceVersionException",
        'The api-version "{version}" is not in a valid format.',
    ),
    "version-required": _Refusal(  # for what is no GET or OPTIONS; [unconfirmed]
        400,
        _WEBAPI + "VssVersionNotSpecifiedException",
        'No api-version was supplied for the "{method}" request. The version must be supplied '
        'either as part of the Accept header (e.g. "application/json; api-version=1.0") or as a '
        'query parameter (e.g. "?api-version=1.0").',
    ),
    "media-type": _Refusal(  # a JSON patch sent as something else; [unconfirmed]
        415,
        _WEBAPI + "VssRequestContentTypeNotSupportedException",
        'The request indicated a Content-Type of "{sent}" for method type "{method}" which is '
        "not supported. Valid content types for this method are: {wanted}.",
    ),
    "member-unnamed": _Refusal(
        400,
        _WEBAPI + "VssPropertyValidationException",
        "You must specify either the memberId or the ownerId of the calling user.",
    ),
    "team-unnamed": _Refusal(
        400,
        _WEBAPI + "ArgumentNullException",
        "Value cannot be null.\r\nParameter name: team",
    ),
    # The caller is turned away.
    "anonymous": _Refusal(
        401,
        _WEBAPI + "UnauthorizedRequestException",
        "TF400813: Resource not available for anonymous access. Client authentication required.",
    ),
    "expired": _Refusal(  # as posted (§4)
        401,
        "Microsoft.VisualStudio.Services.Security.AccessCheckException",
        "Access Denied: The Personal Access Token used has expired.",
    ),
    "not-a-member": _Refusal(
        401,
        _WEBAPI + "UnauthorizedRequestException",
        "TF400813: The user '{name}' is not authorized to access this resource.",
    ),
    "fenced": _Refusal(
        403,
        _WEBAPI + "VssServiceException",
        "VS403463: The conditional access policy defined by your Azure Active Directory "
        "administrator has failed.",
    ),
    "throttled": _Refusal(  # the exception's name is [unconfirmed]
        429,
        _WEBAPI + "RequestBlockedException",
        "TF400733: The request has been canceled: Request was blocked due to exceeding usage of "
        "resource 'Concurrency' in namespace 'User'.",
    ),
    "deactivated": _Refusal(  # recorded, with this type
        503,
        _WEBAPI + "VssServiceException",
        "TF24668: The following team project collection is stopped: {name}. "
        "Start the collection and then try again.",
    ),
    # The PAT Lifecycle API.
    "no-pat-for-pats": _Refusal(
        403, _WEBAPI + "InvalidAccessException", "The requested operation is not allowed."
    ),
    "token-error": _Refusal(400, _WEBAPI + "SessionTokenCreateException", "{name}"),
    "not-revoked": _Refusal(
        500, _WEBAPI + "VssServiceException", "The token could not be revoked."
    ),
}


def success(value: Json, version: str | None = None, status: int = 200) -> Response:
    """JSON; the media type carries the api-version that was asked for (D.1)."""
    kind = f"{_JSON}; api-version={version}" if version else _JSON
    return Response(status, _encode(value), (("Content-Type", kind),))


def items(values: list[object], version: str | None, *, count_last: bool = False) -> Response:
    """A list; some resources write `count` first, git repositories write it last (D.10)."""
    if count_last:
        return success({"value": values, "count": len(values)}, version)
    return success({"count": len(values), "value": values}, version)


def no_content() -> Response:
    """204: no body and no media type."""
    return Response(204)


def page(status: int, html: str, *headers: tuple[str, str]) -> Response:
    """A web page; it names nobody."""
    return Response(status, html.encode(), (_HTML, *headers), names_user=False)


def refusal(what: str, properties: Json | None = None, **values: str) -> Response:
    """The one shape of an error; the last part of its .NET type is the typeKey (D.2)."""
    status, type_name, message = _REFUSALS[what]
    namespace, _, type_key = type_name.rpartition(".")
    body: dict[str, object] = {"$id": "1"}
    if properties is not None:
        body["customProperties"] = properties
    body |= {
        "innerException": None,
        "message": message.format(**values),
        "typeName": f"{type_name}, {namespace.replace('Services.Security', 'Services.WebApi')}",
        "typeKey": type_key,
        "errorCode": 0,
        # Work item tracking numbers its events differently (public text of TF401232 shows 3200).
        "eventId": 3200 if type_name.startswith(_WORK) else 3000,
    }
    return Response(status, _encode(body), (("Content-Type", _JSON),))


def project_missing(name: str) -> Response:
    """404 for an absent project, told apart by id or name (§3a)."""
    is_id = len(name) == 36 and name.count("-") == 4
    return refusal("project-id-missing" if is_id else "project-name-missing", name=name)


def scope_missing(challenges: Headers) -> Response:
    """The empty 401: the token lives, the operation is not in its scopes; it names nobody."""
    return Response(401, b"", challenges, names_user=False)


def authentication_required(challenges: Headers) -> Response:
    """For a token that nobody owns. That a revoked one gets the same is [unconfirmed] (§4)."""
    return with_service_error(refusal("anonymous")).plus(*challenges)


def expired(challenges: Headers) -> Response:
    """For an expired token, which is named as such in body and header (§4)."""
    properties: Json = {
        "Descriptor": None,
        "IdentityDisplayName": None,
        "Token": None,
        "RequestedPermissions": 0,
        "NamespaceId": NO_TENANT,
    }
    return with_service_error(refusal("expired", properties)).plus(*challenges)


def not_a_member(person: Person) -> Response:
    """For a known person without access here: TF400813 naming them, X-VSS-UserData (§3a)."""
    tenant = person.tenant or NO_TENANT
    shown = f"{person.tenant}\\{person.mail}" if person.tenant else person.mail
    login = f"https://login.microsoftonline.com/{tenant}"
    return refusal("not-a-member", name=shown).plus(
        ("WWW-Authenticate", f"Bearer authorization_uri={login}"),
        ("WWW-Authenticate", "TFS-Federated"),
        ("X-TFS-FedAuthRedirect", f"https://{SIGN_IN_HOST}/_signin?realm=dev.azure.com"),
        ("X-VSS-AuthenticateError", "Unauthorized"),
        ("X-VSS-ResourceTenant", tenant),
    )


def throttled(seconds: int = 30) -> Response:
    """429 with the rate headers (§4)."""
    return refusal("throttled").plus(
        ("Retry-After", str(seconds)),
        ("X-RateLimit-Resource", "Core"),
        ("X-RateLimit-Delay", str(seconds)),
        ("X-RateLimit-Limit", "200"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", "1792051200"),
    )


def deactivated(organization: Organization) -> Response:
    """The real 503 of an organization that was switched off: BOM, no charset, no user (D.5)."""
    refused = with_service_error(refusal("deactivated", name=organization.name))
    headers = tuple(
        ("Content-Type", "application/json") if name == "Content-Type" else (name, value)
        for name, value in refused.headers
    )
    return Response(503, b"\xef\xbb\xbf" + refused.body, headers, names_user=False)


def unknown_organization() -> Response:
    """404 with X-TFS-ProcessId for a name that nobody has; the body is [unconfirmed] (§4)."""
    title = "<head><title>404 - Not Found</title></head>"
    return page(404, f"<!DOCTYPE html><html>{title}<body>The page was not found.</body></html>")


def no_such_route(path: str) -> Response:
    """For a path that no controller serves: plain text (recorded, §3a)."""
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
    """203 and a page: what a dead token gets without X-TFS-FedAuthRedirect: Suppress (§4)."""
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


def _encode(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


_P3P = (
    "P3P",
    'CP="CAO DSP COR ADMa DEV CONo TELo CUR PSA PSD TAI IVDo OUR SAMi '
    'BUS DEM NAV STA UNI COM INT PHY ONL FIN PUR LOC CNT"',
)
_HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
_NO_CACHE = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"))
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
    """Add what every answer of Azure DevOps Services carries, a 401 as well (D.14)."""
    day = moment.date().isoformat()
    headers = [
        *response.headers,
        *_NO_CACHE,
        _P3P,
        ("X-TFS-ProcessId", stable_id("process", request.host)),
        _HSTS,
    ]
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
        ("X-MSEdge-Ref", f"Ref A: {uuid4().hex.upper()} Ref B: SIM0EDGE0001 Ref C: {day}"),
        date_header(moment),
    ]
    if response.status == 200 and request.host == "vssps.dev.azure.com":
        # Requests to the identity host are routed once more, and both machines leave their headers.
        headers += _ROUTED
    return replace(response, headers=tuple(headers))


def with_server_headers(
    response: Response, request: Request, moment: datetime, *, names_user: bool
) -> Response:
    """Add what an Azure DevOps Server carries: IIS shows, and there is no edge before it (D.15)."""
    headers: list[tuple[str, str]] = []
    for name, value in response.headers:
        if name == "X-TFS-ServiceError":
            # On premises: "+" for blanks, lower-case hex (D.5), and a SOAP twin.
            encoded = _lower_hex(quote_plus(unquote(value), safe=""))
            headers += [(name, encoded), ("X-TFS-SoapException", encoded)]
        else:
            headers.append((name, value))
    named = replace(response, names_user=response.names_user and names_user)
    headers += [
        *_NO_CACHE,
        _P3P,
        ("X-TFS-ProcessId", stable_id("process", request.host)),
        *_ids(named, request),
        ("X-FRAME-OPTIONS", "SAMEORIGIN"),
        ("X-AspNet-Version", "4.0.30319"),
        ("X-Powered-By", "ASP.NET"),
        _SNIFF,
        ("Server", "Microsoft-IIS/10.0"),
        date_header(moment),
    ]
    return replace(response, headers=tuple(headers))


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


def _lower_hex(encoded: str) -> str:
    head, *rest = encoded.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)
