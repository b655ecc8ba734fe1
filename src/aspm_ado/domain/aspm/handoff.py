"""What a person enters in Invicti ASPM: one block for each organization; and what to send when it refuses.

Nothing in it is secret. No published API registers an Azure DevOps instance; Invicti's guide ends at its UI (facts/aspm
section 2). Where a label is not confirmed, the block says what it is for and not where exactly it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.scopes import Deployment, Purpose
from aspm_ado.domain.checks import Check, Status

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Settings
    from aspm_ado.domain.azure.place import Place

_TOOL: Final = {
    (Deployment.SERVICES, True): "Azure DevOps Services",
    (Deployment.SERVER, True): "Azure DevOps Server",
    (Deployment.SERVICES, False): "Azure DevOps Services (issue manager)",
    (Deployment.SERVER, False): "Azure DevOps Server (issue manager)",
}


FIELDS: Final = (
    "What to enter (the form may name its fields otherwise; Invicti does not publish their names):"
)


@dataclass(frozen=True, slots=True)
class FormValues:
    """The values for one organization."""

    organization: str
    where: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    switches: tuple[str, ...]
    tool: str = ""


def form_values(
    place: Place,
    purpose: Purpose,
    settings: Settings,
    aspm_url: str,
    last4: str,
    username: str = "",
) -> FormValues:
    """Where to click, what to enter and what to switch on for one organization."""
    deployment = place.site.deployment
    tool = _TOOL[deployment, purpose.reads_code]
    label = "Organization" if deployment is Deployment.SERVICES else "Server URL and collection"
    values = [(label, place.url)]
    if username:
        values.append(("Username", f"{username} (scanners cannot clone with the token alone)"))
    values.append(("Token", f"the one ending in {last4}" if last4 else "the one that was proven"))
    issue_manager = ("Tick the checkbox for the issue manager (at the top of the list)",)
    return FormValues(
        place.name,
        (
            f"Open {aspm_url}",
            "Integrations (left side bar)",
            f"{tool} → Activate, or the gear when it is active",
        ),
        tuple(values),
        (
            *(issue_manager if settings.issue_manager else ()),
            *(f"Advanced Settings: {x}" for x in settings.labels),
        ),
        tool,
    )


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """What speaks for a token, in words that may be sent to anybody. ``reach`` as in the report."""

    lines: tuple[str, ...]
    when: str
    reach: str = "unknown"


NO_EVIDENCE: Final = TokenEvidence((), "")


def evidence_of(checks: Iterable[Check], when: str, reach: str = "unknown") -> TokenEvidence:
    """The checks that hold, each with the ids under which Azure DevOps' support finds the calls."""
    lines = []
    for check in checks:
        if check.status in (Status.PASS, Status.PARTIAL, Status.WARN) and check.evidence:
            ids = ", ".join(one.activity_id for one in check.evidence if one.activity_id)
            lines.append(
                f"{check.title}: {check.status.value}" + (f" (ActivityId {ids})" if ids else "")
            )
    return TokenEvidence(tuple(lines), when, reach)


def stored_evidence(verdict: Iterable[tuple[str, str]], when: str, reach: str) -> TokenEvidence:
    """The same from a stored verdict (check id, status): what held when the token was last proven."""
    good = {Status.PASS.value, Status.PARTIAL.value, Status.WARN.value}
    left_out = ("token.", "store.", "aspm.")
    lines = [
        f"{check}: {status}"
        for check, status in verdict
        if status in good and not check.startswith(left_out)
    ]
    return TokenEvidence(tuple(lines), when, reach)


def verdict_lines(evidence: TokenEvidence) -> tuple[str, ...]:
    """What a refusal means when the token is proven: three things, each with what it rests on."""
    when = f"on {evidence.when}" if evidence.when else "earlier"
    return (
        f"The token is good: {len(evidence.lines)} checks held against Azure DevOps {when}.",
        "Invicti ASPM refuses it: that is what you saw.",
        "So the cause lies between the two: a value that was entered otherwise, something that Invicti ASPM asks of "
        "the token beside its guide, or its own network way to Azure DevOps.",
    )


def support_ticket(
    made: FormValues, evidence: TokenEvidence, *, aspm_url: str, api: str, version: str
) -> tuple[str, ...]:
    """A text for Invicti's support, without any secret."""
    server = made.tool.startswith(_TOOL[Deployment.SERVER, True])
    lines = [
        f"Invicti ASPM refuses a token of {made.tool or 'Azure DevOps'} that Azure DevOps accepts.",
        f"Invicti ASPM: {aspm_url}" + (f" ({api} API)" if api != "auto" else ""),
        "Its version, and the message that it shows: (fill in; leave the token out)",
        *(f"{label}: {value}" for label, value in made.values),
        *(f"Setting: {line}" for line in made.switches),
        f"Reach of the token: {_REACH.get((evidence.reach, server), 'not known')}",
        f"Proven with aspm-ado {version} on {evidence.when or '(day not recorded)'}:",
        *(f"- {line}" for line in evidence.lines),
    ]
    if evidence.reach == "organization":
        lines.append(_QUESTION[server])
    return tuple(lines)


_REACH: Final = {
    ("all", False): "all accessible organizations",
    ("all", True): "all collections",
    ("organization", False): "one organization",
    ("organization", True): "one collection",
}
_QUESTION: Final = {
    False: "Question: your guide asks for a token of all accessible organizations, and Microsoft stops such tokens "
    "on Azure DevOps Services. Does this release accept a token of one organization?",
    True: "Question: your guide asks for a token of all collections. Does this release accept one of one collection?",
}
"""By whether it is a Server, which the end of tokens of all organizations does not concern."""
