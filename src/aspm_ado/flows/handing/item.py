"""One organization to bring to Invicti ASPM, and everything that either way needs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.domain.aspm import ALM_TOOLS
from aspm_ado.domain.aspm_profile import MARKER
from aspm_ado.domain.connection import UNREGISTERED, Registration
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.handoff import NO_EVIDENCE, Evidence, block
from aspm_ado.domain.settings import ACCESS, CREATE, FETCH
from aspm_ado.flows.handing.handoff import Parcel

if TYPE_CHECKING:
    from aspm_ado.domain.place import Place
    from aspm_ado.domain.requirements import Purpose
    from aspm_ado.domain.settings import Settings
    from aspm_ado.domain.token import Secret


@dataclass(frozen=True, slots=True)
class Item:
    """``repository`` serves the proof, ``evidence`` the text for a ticket; ``prior`` is what an earlier run left."""

    connection: str
    place: Place
    purpose: Purpose
    settings: Settings
    secret: Secret
    username: str = ""
    repository: str = ""
    evidence: Evidence = NO_EVIDENCE
    prior: Registration = UNREGISTERED
    successor: str = ""
    """The key of the secret where it is a new token, which waits until Invicti ASPM has it."""

    def parcel(self, aspm_url: str) -> Parcel:
        """What a person is shown, and the token to copy."""
        site = self.place.site
        written = block(
            self.place.name,
            self.place.url,
            site.deployment,
            self.purpose,
            self.settings,
            aspm_url,
            self.secret.last4,
            self.username,
        )
        prior = UNREGISTERED if self.successor else self.prior
        return Parcel(written, self.secret, site.deployment, self.repository, self.evidence, prior)

    def values(self, marker: str) -> dict[str, str | bool]:
        """What the places of a profile are filled with; the token is not among them."""
        toggles = self.settings.toggles
        return {
            MARKER: marker,
            "connection": self.connection,
            "deployment": self.place.site.deployment.value,
            "alm_tool": ALM_TOOLS[self.place.site.deployment],
            "base_url": self.place.site.base_url,
            "organization": self.place.name,
            "organization_url": self.place.url,
            "purpose": self.purpose.value,
            "username": self.username,
            "issue_manager": self.settings.issue_manager,
            "team_leads_create_instances": CREATE in toggles,
            "team_leads_fetch_projects": FETCH in toggles,
            "team_leads_access_projects": ACCESS in toggles,
        }
