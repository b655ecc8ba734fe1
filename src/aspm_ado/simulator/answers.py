"""The bodies and statuses Azure DevOps answers with, one function per situation of facts/azure-devops.md §3a and §4."""

from __future__ import annotations

import json
from urllib.parse import quote

from aspm_ado.simulator.exchange import Answer, Headers
from aspm_ado.simulator.world import Organization, Person

Json = dict[str, object] | list[object]

_JSON = "application/json; charset=utf-8"
_TENANT_OF_NOBODY = (
    "00000000-0000-0000-0000-000000000000"  # facts §2: a zero tenant means Microsoft accounts
)


def success(value: Json, version: str | None = None, status: int = 200) -> Answer:
    """Answer with JSON; the media type carries the api-version that was asked for (facts/reliability.md D.1)."""
    kind = f"{_JSON}; api-version={version}" if version else _JSON
    return Answer(status, _encode(value), (("Content-Type", kind),))


def items(values: list[object], version: str | None, *, count_last: bool = False) -> Answer:
    """Answer with a list; some resources write `count` first, git repositories write it last (D.10)."""
    if count_last:
        return success({"value": values, "count": len(values)}, version)
    return success({"count": len(values), "value": values}, version)


def no_content() -> Answer:
    """Answer 204: no body and no media type."""
    return Answer(204)


def error(
    status: int, message: str, kind: str, *, assembly: str, properties: Json | None = None
) -> Answer:
    """Answer with the one error shape; `kind` is the full .NET type, its last part is the typeKey (D.2)."""
    body: dict[str, object] = {"$id": "1"}
    if properties is not None:
        body["customProperties"] = properties
    body |= {
        "innerException": None,
        "message": message,
        "typeName": f"{kind}, {assembly}",
        "typeKey": kind.rpartition(".")[2],
        "errorCode": 0,
        # Work item tracking numbers its events differently (public text of TF401232 shows 3200).
        "eventId": 3200 if "WorkItemTracking" in kind else 3000,
    }
    return Answer(status, _encode(body), (("Content-Type", _JSON),))


def webapi_error(status: int, message: str, name: str, properties: Json | None = None) -> Answer:
    """Answer with an error of the common web API assembly."""
    assembly = "Microsoft.VisualStudio.Services.WebApi"
    namespace = (
        "Microsoft.VisualStudio.Services.Security" if name == "AccessCheckException" else assembly
    )
    return error(status, message, f"{namespace}.{name}", assembly=assembly, properties=properties)


def scope_missing(challenges: Headers) -> Answer:
    """Answer the empty 401: the token lives, the operation is not in its scopes. It names nobody (§3a, first row)."""
    return Answer(401, b"", challenges, names_user=False)


def authentication_required(challenges: Headers) -> Answer:
    """Answer a token that nobody owns. That a revoked token gets the same body is [unconfirmed] (§4)."""
    message = (
        "TF400813: Resource not available for anonymous access. Client authentication required."
    )
    refused = webapi_error(401, message, "UnauthorizedRequestException")
    cookie = (
        "Set-Cookie",
        "VstsSession=simulated; path=/; secure; HttpOnly",
    )  # also on a 401 (D.14)
    return service_error(refused, message).plus(*challenges, cookie)


def expired(challenges: Headers) -> Answer:
    """Answer an expired token, which is named as such in body and header (§4; AccessCheckException as posted)."""
    message = "Access Denied: The Personal Access Token used has expired."
    properties: Json = {
        "Descriptor": None,
        "IdentityDisplayName": None,
        "Token": None,
        "RequestedPermissions": 0,
        "NamespaceId": _TENANT_OF_NOBODY,
    }
    refused = webapi_error(401, message, "AccessCheckException", properties)
    return service_error(refused, message).plus(*challenges)


def not_a_member(person: Person) -> Answer:
    """Answer a known person who has no access here: TF400813 naming them, two challenges, X-VSS-UserData (§3a)."""
    tenant = person.tenant or _TENANT_OF_NOBODY
    shown = f"{person.tenant}\\{person.mail}" if person.tenant else person.mail
    message = f"TF400813: The user '{shown}' is not authorized to access this resource."
    return webapi_error(401, message, "UnauthorizedRequestException").plus(
        (
            "WWW-Authenticate",
            f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}",
        ),
        ("WWW-Authenticate", "TFS-Federated"),
        (
            "X-TFS-FedAuthRedirect",
            "https://spsprodeus1.vssps.visualstudio.com/_signin?realm=dev.azure.com",
        ),
        ("X-VSS-AuthenticateError", "Unauthorized"),
        ("X-VSS-ResourceTenant", tenant),
    )


def fenced() -> Answer:
    """Answer from behind a conditional access policy (§4)."""
    message = "VS403463: The conditional access policy defined by your Azure Active Directory administrator has failed."
    return webapi_error(403, message, "VssServiceException")


def throttled() -> Answer:
    """Answer 429 with the rate headers (§4); the exception's name is [unconfirmed]."""
    message = (
        "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource "
        "'Concurrency' in namespace 'User'."
    )
    return webapi_error(429, message, "RequestBlockedException").plus(
        ("Retry-After", "30"),
        ("X-RateLimit-Resource", "Core"),
        ("X-RateLimit-Delay", "30"),
        ("X-RateLimit-Limit", "200"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", "1792051200"),
    )


def deactivated(organization: Organization) -> Answer:
    """Answer the real 503 of an organization that was switched off: BOM, no charset, no user (D.5)."""
    message = (
        f"TF24668: The following team project collection is stopped: {organization.name}. "
        "Start the collection and then try again."
    )
    refused = error(
        503,
        message,
        "Microsoft.TeamFoundation.Framework.Server.HostShutdownException",
        assembly="Microsoft.TeamFoundation.Framework.Server",
    )
    headers = (
        ("Content-Type", "application/json"),
        ("X-TFS-ServiceError", quote(message, safe="")),
    )
    return Answer(503, b"\xef\xbb\xbf" + refused.body, headers, names_user=False)


def unknown_organization() -> Answer:
    """Answer for a name that nobody registered: 404 with X-TFS-ProcessId; the HTML body is [unconfirmed] (§4)."""
    page = b"<!DOCTYPE html><html><head><title>404 - Not Found</title></head><body>The page was not found.</body></html>"
    return Answer(404, page, (("Content-Type", "text/html; charset=utf-8"),), names_user=False)


def no_such_route(path: str) -> Answer:
    """Answer for a path that no controller serves: plain text (recorded, §3a)."""
    message = f"The controller for path '{path}' was not found or does not implement IController."
    return service_error(
        Answer(404, message.encode(), (("Content-Type", "text/plain; charset=utf-8"),)), message
    )


def method_not_allowed(method: str) -> Answer:
    """Answer for a route that exists with other methods only."""
    return success(
        {"Message": f"The requested resource does not support http method '{method}'."}, status=405
    )


def sign_in_page() -> Answer:
    """Answer 203 with the sign-in page: what a dead token gets without X-TFS-FedAuthRedirect: Suppress (§4)."""
    page = (
        b'<!DOCTYPE html>\r\n<html lang="en-US"><head><title>Azure DevOps Services | Sign In</title></head>'
        b'<body class="signin"><form method="POST" action="https://login.microsoftonline.com/common">'
        b'<input type="hidden" name="redirect_uri"/></form></body></html>'
    )
    return Answer(203, page, (("Content-Type", "text/html; charset=utf-8"),), names_user=False)


def to_sign_in(tenant: str) -> Answer:
    """Answer 302 to the sign-in host, as web pages do."""
    where = (
        "https://spsprodeus1.vssps.visualstudio.com/_signin?realm=dev.azure.com&protocol=&context="
    )
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Location", where),
        ("X-VSS-ResourceTenant", tenant or _TENANT_OF_NOBODY),
    )
    page = f'<html><head><title>Object moved</title></head><body><a href="{where}">here</a></body></html>'
    return Answer(302, page.encode(), headers, names_user=False)


def service_error(answer: Answer, message: str) -> Answer:
    """Repeat the message percent-encoded in X-TFS-ServiceError."""
    return answer.plus(("X-TFS-ServiceError", quote(message, safe="")))


def _encode(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
