"""The values to enter in Invicti ASPM per organization, and the ticket if it refuses them.

Nothing here is secret. No published API registers an Azure DevOps instance: Invicti's guide ends at
its UI (facts/aspm section 2). For an unconfirmed label, the text says what the value is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.reasons import CheckId, Status
from aspm_ado.domain.report import GOOD, Check
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Settings
    from aspm_ado.domain.azure.place import Place

FIELDS: Final = (
    "Values to enter (Invicti does not publish the names of the fields, so they may differ):"
)


@dataclass(frozen=True, slots=True)
class FormValues:
    """The values for one organization."""

    deployment: Deployment
    organization: str
    where: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    switches: tuple[str, ...]
    tool: str
    notes: tuple[str, ...] = ()


def form_values(
    place: Place,
    purpose: Purpose,
    settings: Settings,
    aspm_url: str,
    last4: str,
    username: str,
    notes: tuple[str, ...] = (),
) -> FormValues:
    """Where to click, and the values and switches for one organization."""
    deployment = place.site.deployment
    tool, address = deployment.product, "Organization"
    if not purpose.reads_code:
        tool += " (issue manager)"
    if deployment is Deployment.SERVER:
        address = "Server URL and collection"
    values = [(address, place.url)]
    if username:
        values.append(("Username", f"{username} (scanners cannot clone with the token alone)"))
    which = "the one that passed"
    if last4:
        which = f"the one ending in {last4}"
    values.append(("Token", which))
    switches = [f"Advanced Settings: {label}" for label in settings.labels]
    if settings.issue_manager:
        switches.insert(0, "Select the checkbox for the issue manager (at the top of the list)")
    where = (
        f"Open {aspm_url}",
        "Integrations (left sidebar)",
        f"{tool} → Activate, or the gear if it is active",
    )
    return FormValues(deployment, place.name, where, tuple(values), tuple(switches), tool, notes)


def clone_notes(place: Place, verdict: Mapping[str, str], username: str) -> tuple[str, ...]:
    """Which form of the credential works with git on a Server. ``verdict`` is by check."""
    on_server = place.site.deployment is Deployment.SERVER
    if not on_server or verdict.get(CheckId.CLONE_USERNAME) != Status.WARN:
        return ()
    if verdict.get(CheckId.CLONE_TOKEN) != Status.WARN:
        username = ""
    return (
        "Cloning: git may fail with “https://user:TOKEN@…” on this server.",
        f"Use the header “Authorization: Basic …” with the base64 of “{username}:TOKEN” (git's "
        "http.extraHeader).",
    )


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """What was verified about a token, without secrets. Azure DevOps named its owner."""

    lines: tuple[str, ...]
    when: str
    reach: Reach = Reach.UNKNOWN
    owner: str = ""


NO_EVIDENCE: Final = TokenEvidence((), "")


def evidence_of(checks: Iterable[Check], when: str, reach: Reach, owner: str) -> TokenEvidence:
    """The checks that passed, with the activity ids for Microsoft's support."""
    lines = []
    for check in checks:
        if check.status in GOOD and check.evidence:
            line = f"{check.title}: {check.status}"
            if ids := ", ".join(one.activity_id for one in check.evidence if one.activity_id):
                line += f" (ActivityId {ids})"
            lines.append(line)
    return TokenEvidence(tuple(lines), when, reach, owner)


def stored_evidence(
    verdict: Mapping[str, str], when: str, reach: Reach, owner: str
) -> TokenEvidence:
    """The same from a stored verdict (check id → status)."""
    left_out = ("token.", "store.", "aspm.")
    lines = (
        f"{check}: {status}"
        for check, status in verdict.items()
        if status in GOOD and not check.startswith(left_out)
    )
    return TokenEvidence(tuple(lines), when, reach, owner)


def verdict_lines(evidence: TokenEvidence) -> tuple[str, ...]:
    """The conclusion if Invicti ASPM refuses a valid token."""
    when = "earlier"
    if evidence.when:
        when = f"on {evidence.when}"
    return (
        f"The token passed {len(evidence.lines)} checks of Azure DevOps {when}.",
        "You reported that Invicti ASPM refuses it.",
        "Possible causes: a value was entered differently, Invicti ASPM needs more than its guide "
        "says, or its network cannot reach Azure DevOps.",
    )


def support_ticket(
    made: FormValues, evidence: TokenEvidence, *, aspm_url: str, api: str, version: str
) -> tuple[str, ...]:
    """A text for Invicti's support."""
    reach = {
        Reach.ALL: f"all {made.deployment.all_places}",
        Reach.ORGANIZATION: f"one {made.deployment.noun}",
    }.get(evidence.reach, "unknown")
    address = aspm_url
    if api != "auto":
        address += f" ({api} API)"
    lines = [
        f"Invicti ASPM refuses a token of {made.tool} that Azure DevOps accepts.",
        f"Invicti ASPM: {address}",
        "Its version and its message: (fill in, without the token)",
        *(f"{label}: {value}" for label, value in made.values),
        *(f"Setting: {line}" for line in made.switches),
        *made.notes,
        *([f"Owner of the token: {clean(evidence.owner, 160)}"] if evidence.owner else []),
        f"Reach of the token: {reach}",
        f"Verified with aspm-ado {version} on {evidence.when or '(date not recorded)'}:",
        *(f"- {line}" for line in evidence.lines),
    ]
    if evidence.reach is Reach.ORGANIZATION:
        lines.append(_QUESTIONS[made.deployment])
    return tuple(lines)


_QUESTIONS: Final = {
    Deployment.SERVICES: "Question: your guide asks for a token for all accessible organizations. "
    "Microsoft announced the end of such tokens on Azure DevOps Services. Does this release accept "
    "a token for one organization?",
    Deployment.SERVER: "Question: your guide asks for a token for all collections. Does this "
    "release accept a token for one collection?",
}
