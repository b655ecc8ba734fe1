"""Not-found and bad-request answers of the Azure DevOps areas, with the codes that real answers carry."""

from __future__ import annotations

from aspm_ado.simulator.answers import error, webapi_error
from aspm_ado.simulator.exchange import Answer


def repository_missing(identifier: str) -> Answer:
    """404 TF401019: absent, or not readable by this person (§3a)."""
    return error(
        404,
        f"TF401019: The Git repository with name or identifier {identifier} does not exist "
        "or you do not have permissions for the operation you are attempting.",
        "Microsoft.TeamFoundation.Git.Server.GitRepositoryNotFoundException",
        assembly="Microsoft.TeamFoundation.Git.Server",
    )


def work_item_missing(identifier: str) -> Answer:
    """404 TF401232, for GET and PATCH alike (recorded, §3a)."""
    return error(
        404,
        f"TF401232: Work item {identifier} does not exist, or you do not have permissions to read it.",
        "Microsoft.TeamFoundation.WorkItemTracking.Server.WorkItemUnauthorizedAccessException",
        assembly="Microsoft.TeamFoundation.WorkItemTracking.Server",
    )


def attachment_missing(identifier: str) -> Answer:
    """404 for an unknown attachment; the answer to a DELETE of one is [unconfirmed] (§3b)."""
    return error(
        404,
        f"The attachment {identifier} does not exist.",
        "Microsoft.TeamFoundation.WorkItemTracking.Server.AttachmentNotFoundException",
        assembly="Microsoft.TeamFoundation.WorkItemTracking.Server",
    )


def project_missing(name: str) -> Answer:
    """404 for an absent project: VS800075 when asked by id, TF200016 by name (§3a)."""
    assembly = "Microsoft.TeamFoundation.Core.WebApi"
    if len(name) == 36 and name.count("-") == 4:
        message = (
            f"VS800075: The project with id 'vstfs:///Classification/TeamProject/{name}' does not exist, "
            "or you do not have permission to access it."
        )
        kind = "Microsoft.TeamFoundation.Core.WebApi.ProjectDoesNotExistException"
    else:
        message = (
            f"TF200016: The following project does not exist: {name}. Verify that the name of the project is "
            "correct and that the project exists on the specified Azure DevOps Server."
        )
        kind = "Microsoft.TeamFoundation.Core.WebApi.ProjectDoesNotExistWithNameException"
    return error(404, message, kind, assembly=assembly)


def preview_flag_missing(version: str) -> Answer:
    """400: the resource is preview only in this version (§3a)."""
    return webapi_error(
        400,
        f'The requested version "{version}" of the resource is under preview. The -preview flag must be supplied '
        f'in the api-version for such requests. For example: "{version}-preview"',
        "VssInvalidPreviewVersionException",
    )


def version_out_of_range(version: str, newest: str) -> Answer:
    """400: newer than this service; the message is how a client learns the newest version (§3a, §7)."""
    return webapi_error(
        400,
        f"The requested REST API version of {version} is out of range for this server. "
        f"The latest REST API version this server supports is {newest}.",
        "VssVersionOutOfRangeException",
    )


def version_unreadable(version: str) -> Answer:
    """400: not an api-version at all."""
    return webapi_error(
        400,
        f'The api-version "{version}" is not in a valid format.',
        "VssInvalidApiResourceVersionException",
    )


def version_required(method: str) -> Answer:
    """400: only GET and OPTIONS may leave the version out ([unconfirmed] in the facts, posted for POST and PUT)."""
    return webapi_error(
        400,
        f'No api-version was supplied for the "{method}" request. The version must be supplied either as part of '
        'the Accept header (e.g. "application/json; api-version=1.0") or as a query parameter '
        '(e.g. "?api-version=1.0").',
        "VssVersionNotSpecifiedException",
    )


def body_unsupported(method: str, sent: str, wanted: str) -> Answer:
    """415: a JSON patch sent as something else ([unconfirmed] in the facts)."""
    return webapi_error(
        415,
        f'The request indicated a Content-Type of "{sent}" for method type "{method}" which is not supported. '
        f"Valid content types for this method are: {wanted}.",
        "VssRequestContentTypeNotSupportedException",
    )
