"""What a person enters in Invicti ASPM for each organization, and what to send when it refuses.

Nothing here is secret. No published API registers an Azure DevOps instance: Invicti's guide ends at
its UI (facts/aspm section 2). Where a label is not confirmed, the text says what a value is for and
not where exactly it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.checks import GOOD, Check, CheckId, Status
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Settings
    from aspm_ado.domain.azure.place import Place

_TOOLS: Final = {
    Deployment.SERVICES: "Azure DevOps Services",
    Deployment.SERVER: "Azure DevOps Server",
}

FIELDS: Final = (
    "What to enter (the form may name its fields otherwise; Invicti does not publish their names):"
)


@dataclass(frozen=True, slots=True)
class FormValues:
    """What to enter for one organization."""

    organization: str
    where: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    switches: tuple[str, ...]
    tool: str = ""
    notes: tuple[str, ...] = ()


def form_values(
    place: Place, purpose: Purpose, settings: Settings, aspm_url: str, last4: str, username: str
) -> FormValues:
    """Where to click, what to enter and what to switch on for one organization."""
    deployment = place.site.deployment
    tool, address = _TOOLS[deployment], "Organization"
    if not purpose.reads_code:
        tool += " (issue manager)"
    if deployment is Deployment.SERVER:
        address = "Server URL and collection"
    values = [(address, place.url)]
    if username:
        values.append(("Username", f"{username} (scanners cannot clone with the token alone)"))
    which = "the one that was proven"
    if last4:
        which = f"the one ending in {last4}"
    values.append(("Token", which))
    switches = [f"Advanced Settings: {label}" for label in settings.labels]
    if settings.issue_manager:
        switches.insert(0, "Tick the checkbox for the issue manager (at the top of the list)")
    where = (
        f"Open {aspm_url}",
        "Integrations (left side bar)",
        f"{tool} → Activate, or the gear when it is active",
    )
    return FormValues(place.name, where, tuple(values), tuple(switches), tool)


def clone_notes(place: Place, verdict: Mapping[str, str], username: str) -> tuple[str, ...]:
    """Which form of the credential works on a Server where git may fail with another one.

    ``verdict`` is the status of each check.
    """
    on_server = place.site.deployment is Deployment.SERVER
    if not on_server or verdict.get(CheckId.CLONE_USERNAME) != Status.WARN:
        return ()
    if verdict.get(CheckId.CLONE_TOKEN) != Status.WARN:
        username = ""
    return (
        "Cloning: git may fail with “https://user:TOKEN@…” on this server.",
        f"What works is the header “Authorization: Basic …”, with the base64 of “{username}:TOKEN” "
        "(git's http.extraHeader).",
    )


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """What speaks for a token, in words that may be sent to anybody."""

    lines: tuple[str, ...]
    when: str
    reach: Reach = Reach.UNKNOWN
    owner: str = ""
    """The person that Azure DevOps named."""


NO_EVIDENCE: Final = TokenEvidence((), "")


def evidence_of(checks: Iterable[Check], when: str, reach: Reach) -> TokenEvidence:
    """The checks that hold, each with the ids that Microsoft's support finds the calls by."""
    lines = []
    for check in checks:
        if check.status in GOOD and check.evidence:
            line = f"{check.title}: {check.status}"
            if ids := ", ".join(one.activity_id for one in check.evidence if one.activity_id):
                line += f" (ActivityId {ids})"
            lines.append(line)
    return TokenEvidence(tuple(lines), when, reach)


def stored_evidence(verdict: Iterable[tuple[str, str]], when: str, reach: Reach) -> TokenEvidence:
    """The same from a stored verdict (check id, status)."""
    left_out = ("token.", "store.", "aspm.")
    lines = (
        f"{check}: {status}"
        for check, status in verdict
        if status in GOOD and not check.startswith(left_out)
    )
    return TokenEvidence(tuple(lines), when, reach)


def verdict_lines(evidence: TokenEvidence) -> tuple[str, ...]:
    """What it means that Invicti ASPM refuses a token that is good."""
    when = "earlier"
    if evidence.when:
        when = f"on {evidence.when}"
    return (
        f"The token is good: {len(evidence.lines)} checks held against Azure DevOps {when}.",
        "Invicti ASPM refuses it: that is what you saw.",
        "So the cause lies between the two: a value that was entered otherwise, something that "
        "Invicti ASPM asks of the token beside its guide, or its own network way to Azure DevOps.",
    )


def support_ticket(
    made: FormValues, evidence: TokenEvidence, *, aspm_url: str, api: str, version: str
) -> tuple[str, ...]:
    """A text for Invicti's support."""
    deployment = Deployment.SERVICES
    if made.tool.startswith(_TOOLS[Deployment.SERVER]):
        deployment = Deployment.SERVER
    reach = {
        Reach.ALL: f"all {deployment.all_places}",
        Reach.ORGANIZATION: f"one {deployment.noun}",
    }.get(evidence.reach, "not known")
    address = aspm_url
    if api != "auto":
        address += f" ({api} API)"
    lines = [
        f"Invicti ASPM refuses a token of {made.tool or 'Azure DevOps'} that Azure DevOps accepts.",
        f"Invicti ASPM: {address}",
        "Its version, and the message that it shows: (fill in; leave the token out)",
        *(f"{label}: {value}" for label, value in made.values),
        *(f"Setting: {line}" for line in made.switches),
        *made.notes,
        *([f"Owner of the token: {clean(evidence.owner, 160)}"] if evidence.owner else []),
        f"Reach of the token: {reach}",
        f"Proven with aspm-ado {version} on {evidence.when or '(day not recorded)'}:",
        *(f"- {line}" for line in evidence.lines),
    ]
    if evidence.reach is Reach.ORGANIZATION:
        lines.append(_QUESTIONS[deployment])
    return tuple(lines)


_QUESTIONS: Final = {
    Deployment.SERVICES: "Question: your guide asks for a token of all accessible organizations, "
    "and Microsoft stops such tokens on Azure DevOps Services. Does this release accept a token of "
    "one organization?",
    Deployment.SERVER: "Question: your guide asks for a token of all collections. Does this "
    "release accept one of one collection?",
}
