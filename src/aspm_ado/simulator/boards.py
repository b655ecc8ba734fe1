"""Work items and their attachments."""

from __future__ import annotations

from aspm_ado.simulator import answers, refusals
from aspm_ado.simulator.exchange import Answer
from aspm_ado.simulator.routes import Call, Route

_PATCH = "application/json-patch+json"


def read_work_item(call: Call) -> Answer:
    """Read a work item."""
    return _work_item(call) or refusals.work_item_missing(call.values["id"])


def update_work_item(call: Call) -> Answer:
    """Patch a work item. An absent one answers 404 whatever the patch says (recorded, §3a)."""
    sent = (call.request.header("Content-Type") or "").split(";")[0].strip().lower()
    if sent != _PATCH:
        return refusals.body_unsupported(call.request.method, sent, _PATCH)
    found = _work_item(call)
    if found is None:
        return refusals.work_item_missing(call.values["id"])
    if call.request.query.get("validateonly", "").lower() != "true":
        call.note_change(f"work item {call.values['id']} updated")
    return found


def _work_item(call: Call) -> Answer | None:
    identifier = call.values["id"]
    if identifier not in {str(one) for one in call.place.organization.work_items}:
        return None
    body: answers.Json = {
        "id": int(identifier),
        "rev": 1,
        "fields": {
            "System.WorkItemType": "Task",
            "System.State": "New",
            "System.Title": "Simulated work item",
        },
        "url": f"{call.place.url}/_apis/wit/workItems/{identifier}",
    }
    return answers.success(body, call.version)


def read_attachment(call: Call) -> Answer:
    """Read an attachment."""
    if call.values["id"].lower() not in call.place.organization.attachments:
        return refusals.attachment_missing(call.values["id"])
    return Answer(200, b"simulated", (("Content-Type", "application/octet-stream"),))


def destroy_attachment(call: Call) -> Answer:
    """Delete an attachment for good: the only published operation that needs work_full, in 7.2 only (§3b)."""
    if call.values["id"].lower() not in call.place.organization.attachments:
        return refusals.attachment_missing(call.values["id"])
    call.note_change(f"attachment {call.values['id']} deleted")
    return answers.no_content()


_FULL = frozenset({"vso.work_full"})
ROUTES = (
    Route(
        "GET",
        "wit/workItems/{id}",
        frozenset({"vso.work"}),
        read_work_item,
        resource=3,
        strangers=True,
    ),
    Route(
        "PATCH", "wit/workItems/{id}", frozenset({"vso.work_write"}), update_work_item, resource=3
    ),
    Route("GET", "wit/attachments/{id}", frozenset({"vso.work"}), read_attachment, resource=4),
    Route(
        "DELETE",
        "wit/attachments/{id}",
        _FULL,
        destroy_attachment,
        resource=4,
        released=False,
        since="7.2",
        server_since=None,
    ),
)
