"""Where Azure DevOps lives: an organization of Services or a collection of a Server, and the origins of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.origin import Origin
from aspm_ado.domain.requirements import Deployment

if TYPE_CHECKING:
    from aspm_ado.domain.connection import Entry

SERVICES_URL: Final = "https://dev.azure.com"
SERVICES_HOSTS: Final = (
    "dev.azure.com",
    "vssps.dev.azure.com",
    "vsaex.dev.azure.com",
    "app.vssps.visualstudio.com",
)


@dataclass(frozen=True, slots=True)
class Site:
    """One deployment: all of Azure DevOps Services, or one Server (its root URL, virtual directory included).

    ``ca_bundle`` is a file of certificates to trust for it beside the system's, recorded with its connection.
    """

    deployment: Deployment
    base_url: str
    ca_bundle: str | None = None

    @property
    def origins(self) -> frozenset[Origin]:
        """The exact origins that a token of this deployment may be sent to; nothing an answer says adds one."""
        if self.deployment is Deployment.SERVICES:
            return frozenset(Origin("https", host, 443) for host in self.hosts)
        return frozenset({Origin.of(self.base_url)})

    @property
    def is_in_clear(self) -> bool:
        """Whether a token travels to it without TLS, over more than this machine."""
        origin = Origin.of(self.base_url)
        return origin.scheme == "http" and not origin.is_loopback

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that a token may be sent to, the one that a person knows first."""
        return SERVICES_HOSTS if self.deployment is Deployment.SERVICES else (self.host,)

    @property
    def host(self) -> str:
        """The host that a person knows it by."""
        return Origin.of(self.base_url).host

    def place(self, name: str) -> Place:
        """An organization or collection here."""
        return Place(self, name)


SERVICES: Final = Site(Deployment.SERVICES, SERVICES_URL)


@dataclass(frozen=True, slots=True)
class Place:
    """One organization, or one collection of a Server."""

    site: Site
    name: str

    @property
    def key(self) -> str:
        """What two spellings of one organization share: Azure DevOps compares names without case."""
        return self.name.casefold()

    @property
    def url(self) -> str:
        """The address of the organization or collection."""
        return f"{self.site.base_url}/{quote(self.name, safe='')}"

    @property
    def token_page(self) -> str:
        """The page where a person creates, edits and revokes tokens (facts section 8; on Server not confirmed)."""
        return f"{self.url}/_usersSettings/tokens"

    @property
    def noun(self) -> str:
        """``organization`` or ``collection``."""
        return "organization" if self.site.deployment is Deployment.SERVICES else "collection"


def site_of(entry: Entry) -> Site:
    """Where the organizations of a connection are, with what is trusted there."""
    return Site(Deployment(entry.deployment), entry.base_url, entry.ca_bundle)
