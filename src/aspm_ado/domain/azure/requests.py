"""The requests to Azure DevOps, as data: where each route lives, and what goes with it.

Sources: facts sections 2, 3b, 6, 7 and 9. Every call suppresses the sign-in redirect, so that a refusal is a status.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.azure.scopes import Area, Deployment, Probe
from aspm_ado.domain.documents import (
    ConnectionData,
    Names,
    PatAnswer,
    Pats,
    Profile,
    Projects,
    Repositories,
    Repository,
)
from aspm_ado.domain.http import Call, Credential

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pat_lifecycle import Order
    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.documents import Answer

ACCOUNT_URL: Final = "https://app.vssps.visualstudio.com"
OUT_OF_RANGE: Final = "99.0"
"""An api-version that no server has: its refusal names the newest one that it does have."""

_AREA_HOSTS: Final = {
    Area.ORGANIZATION: "https://dev.azure.com",
    Area.IDENTITY: "https://vssps.dev.azure.com",
    Area.ENTITLEMENTS: "https://vsaex.dev.azure.com",
}
_PROJECTS_A_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """What all calls of a run share. ``session`` is echoed by the service and ties a run's calls together."""

    session: str
    fresh: Callable[[], str]
    """A new random UUID at each call, so that no probe can meet an object."""

    def connection_data(self, place: Place, credential: Credential) -> Call:
        """Who the token is here: the one call that needs no scope (preview-only on Services, unversioned on Server)."""
        version = (
            "?api-version=7.1-preview.1" if place.site.deployment is Deployment.SERVICES else ""
        )
        return self._get(
            _area(place, Area.ORGANIZATION) + "/_apis/connectionData" + version,
            place.site,
            credential,
            ConnectionData,
        )

    def profile(self, site: Site, credential: Credential) -> Call:
        """Answers tokens of all organizations only; needs vso.profile, which Code and Work Items imply."""
        return self._get(
            f"{ACCOUNT_URL}/_apis/profile/profiles/me?api-version=7.1", site, credential, Profile
        )

    def accounts(self, profile_id: str, site: Site, credential: Credential) -> Call:
        """The organizations of a person."""
        url = f"{ACCOUNT_URL}/_apis/accounts?memberId={quote(profile_id, safe='')}&api-version=7.1"
        return self._get(url, site, credential, Names)

    def collections(self, site: Site, credential: Credential) -> Call:
        """The collections of a Server, at its root: a token of one collection is refused there."""
        return self._get(
            f"{site.base_url}/_apis/projectCollections?api-version=5.0", site, credential, Names
        )

    def version(self, place: Place, credential: Credential) -> Call:
        """Asks for a version that no Server has, with a GET, to read which it does have."""
        return self._get(
            f"{place.url}/_apis/projects?$top=1&api-version={OUT_OF_RANGE}", place.site, credential
        )

    def probe(
        self, place: Place, probe: Probe, version: str, me: str, credential: Credential
    ) -> Call:
        """One probe, aimed at ids that were made for it."""
        path = probe.path.replace("{me}", quote(me, safe=""))
        while "{random}" in path:
            path = path.replace("{random}", self.fresh(), 1)
        joint = "&" if "?" in path else "?"
        url = f"{_area(place, probe.area)}/{path}{joint}api-version={probe.version or version}"
        kind = (("Content-Type", probe.content_type),) if probe.body is not None else ()
        headers = (*self._headers, *kind)
        return Call(
            probe.method,
            url,
            credential,
            headers,
            probe.body,
            _lane(url),
            ca_bundle=place.site.ca_bundle,
        )

    def projects(self, place: Place, version: str, credential: Credential) -> Call:
        """One page of projects."""
        query = f"$top={_PROJECTS_A_PAGE}&stateFilter=wellFormed&api-version={version}"
        return self._get(f"{place.url}/_apis/projects?{query}", place.site, credential, Projects)

    def repositories(
        self, place: Place, project: str, version: str, credential: Credential
    ) -> Call:
        """The repositories of one project; the list of a whole organization has no pages, so it is never asked for."""
        url = f"{place.url}/{quote(project, safe='')}/_apis/git/repositories?api-version={version}"
        return self._get(url, place.site, credential, Repositories)

    def clone(self, place: Place, repository: Repository, credential: Credential) -> Call:
        """The first request of a clone (git smart HTTP); the secret is in the header, never in the address."""
        path = f"{quote(repository.project, safe='')}/_git/{quote(repository.name, safe='')}"
        url = f"{place.url}/{path}/info/refs?service=git-upload-pack"
        headers = (("Accept", "*/*"), *(pair for pair in self._headers if pair[0] != "Accept"))
        return Call(
            "GET", url, credential, headers, lane=_lane(url), ca_bundle=place.site.ca_bundle
        )

    def tenant(self, place: Place) -> tuple[Call, Call]:
        """Two addresses that tell the Entra tenant of an organization to anybody, without a credential."""
        identity, plain = _area(place, Area.IDENTITY), _area(place, Area.ORGANIZATION)
        return self._get(identity, place.site, None), self._get(plain, place.site, None)

    def pats(self, place: Place, credential: Credential, more: str = "") -> Call:
        """One page of the living tokens of whoever asks."""
        asked = f"&continuationToken={quote(more, safe='')}" if more else ""
        return self._get(
            f"{_pats(place)}&displayFilterOption=active&$top=100{asked}",
            place.site,
            credential,
            Pats,
        )

    def pat(self, place: Place, authorization_id: str, credential: Credential) -> Call:
        """What was really granted of a token; its value is not among it."""
        return self._get(_one_pat(place, authorization_id), place.site, credential, PatAnswer)

    def create_pat(self, order: Order, credential: Credential) -> Call:
        """Create a token. Its answer holds the value, once."""
        body = {
            "displayName": order.display_name,
            "scope": " ".join(order.scopes),
            "validTo": f"{order.until.isoformat()}T00:00:00.000Z",
            "allOrgs": False,
        }
        url, site = _pats(order.place), order.place.site
        headers = (*self._headers, ("Content-Type", "application/json"))
        return Call(
            "POST",
            url,
            credential,
            headers,
            json.dumps(body),
            _lane(url),
            PatAnswer,
            site.ca_bundle,
        )

    def revoke_pat(self, place: Place, authorization_id: str, credential: Credential) -> Call:
        """End a token. Once ended it stays so: to ask twice does no harm."""
        url = _one_pat(place, authorization_id)
        return Call(
            "DELETE",
            url,
            credential,
            self._headers,
            lane=_lane(url),
            ca_bundle=place.site.ca_bundle,
        )

    @property
    def _headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("Accept", "application/json"),
            ("X-TFS-FedAuthRedirect", "Suppress"),
            ("X-TFS-Session", self.session),
        )

    def _get(
        self,
        url: str,
        site: Site,
        credential: Credential | None,
        expects: type[Answer] | None = None,
    ) -> Call:
        lane = _lane(url)
        return Call(
            "GET",
            url,
            credential,
            self._headers,
            lane=lane,
            expects=expects,
            ca_bundle=site.ca_bundle,
        )


def _area(place: Place, area: Area) -> str:
    if place.site.deployment is Deployment.SERVER:
        return place.url
    return f"{_AREA_HOSTS[area]}/{quote(place.name, safe='')}"


def _pats(place: Place) -> str:
    """The PAT Lifecycle API, preview-only in the specification; a released version takes that name, too."""
    return f"{_area(place, Area.IDENTITY)}/_apis/tokens/pats?api-version=7.1-preview.1"


def _one_pat(place: Place, authorization_id: str) -> str:
    return f"{_pats(place)}&authorizationId={quote(authorization_id, safe='')}"


def _lane(url: str) -> str:
    """Host and first path segment: what the service's own throttling counts by, near enough."""
    return "/".join(url.split("/", 4)[2:4]).split("?")[0].lower()
