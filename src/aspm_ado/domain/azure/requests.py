"""The requests to Azure DevOps, as data: their URLs, headers, and bodies.

Every call suppresses the redirect to a sign-in page, so that a refusal is a status. Sources:
facts sections 2, 3b, 6, 7 and 9.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.scopes import Area, Probe
from aspm_ado.domain.documents import (
    ConnectionData,
    Names,
    PatAnswer,
    Pats,
    Projects,
    Repositories,
    Repository,
    UserProfile,
)
from aspm_ado.domain.http import Call, Credential

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pats import Order
    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.documents import Answer

ACCOUNT_URL: Final = "https://app.vssps.visualstudio.com"
OUT_OF_RANGE: Final = "99.0"
"""An API version that no server has. The refusal names the newest one that it has."""

_AREA_HOSTS: Final = {
    Area.ORGANIZATION: "https://dev.azure.com",
    Area.IDENTITY: "https://vssps.dev.azure.com",
    Area.ENTITLEMENTS: "https://vsaex.dev.azure.com",
}
_PROJECTS_A_PAGE: Final = 100
_ACCEPT: Final = ("Accept", "application/json")


@dataclass(frozen=True, slots=True)
class Caller:
    """What all calls of a run share.

    ``session`` is echoed by the service and ties the calls together. ``fresh`` makes a new random
    UUID each time, so that no probe can meet an object.
    """

    session: str
    fresh: Callable[[], str]

    def connection_data(self, place: Place, credential: Credential) -> Call:
        """Who the token is here: the one call that needs no scope.

        It is a preview on Services and has no version on a Server.
        """
        url = f"{_area(place, Area.ORGANIZATION)}/_apis/connectionData"
        if place.site.deployment is Deployment.SERVICES:
            url += "?api-version=7.1-preview.1"
        return self._get(url, place.site, credential, ConnectionData)

    def profile(self, site: Site, credential: Credential) -> Call:
        """Answered to tokens of all organizations only.

        It needs ``vso.profile``, which Code and Work Items imply.
        """
        url = f"{ACCOUNT_URL}/_apis/profile/profiles/me?api-version=7.1"
        return self._get(url, site, credential, UserProfile)

    def accounts(self, profile_id: str, site: Site, credential: Credential) -> Call:
        """The organizations of a person."""
        url = f"{ACCOUNT_URL}/_apis/accounts?memberId={_quoted(profile_id)}&api-version=7.1"
        return self._get(url, site, credential, Names)

    def collections(self, site: Site, credential: Credential) -> Call:
        """The collections of a Server, at its root, which refuses a token of one collection."""
        url = f"{site.base_url}/_apis/projectCollections?api-version=5.0"
        return self._get(url, site, credential, Names)

    def version(self, place: Place, credential: Credential) -> Call:
        """Request a version that no Server has: the answer names the newest that it has."""
        url = f"{place.url}/_apis/projects?$top=1&api-version={OUT_OF_RANGE}"
        return self._get(url, place.site, credential)

    def probe(
        self, place: Place, probe: Probe, version: str, me: str, credential: Credential
    ) -> Call:
        """One probe, with new ids for ``{random}`` and the id of the token's owner for ``{me}``."""
        path = probe.path.replace("{me}", _quoted(me))
        while "{random}" in path:
            path = path.replace("{random}", self.fresh(), 1)
        joint = "&" if "?" in path else "?"
        url = f"{_area(place, probe.area)}/{path}{joint}api-version={probe.version or version}"
        headers = self._headers
        if probe.body is not None:
            headers = (*headers, ("Content-Type", probe.content_type))
        return _call(probe.method, url, place.site, credential, headers, probe.body)

    def projects(self, place: Place, version: str, credential: Credential) -> Call:
        """One page of projects."""
        query = f"$top={_PROJECTS_A_PAGE}&stateFilter=wellFormed&api-version={version}"
        return self._get(f"{place.url}/_apis/projects?{query}", place.site, credential, Projects)

    def repositories(
        self, place: Place, project: str, version: str, credential: Credential
    ) -> Call:
        """The repositories of one project.

        The list of a whole organization has no pages, so it is never asked for.
        """
        url = f"{place.url}/{_quoted(project)}/_apis/git/repositories?api-version={version}"
        return self._get(url, place.site, credential, Repositories)

    def clone(self, place: Place, repository: Repository, credential: Credential | None) -> Call:
        """The first request of a clone (git smart HTTP). The URL contains no secret.

        Without a credential it is git's own first one, which learns how to sign in. Azure Repos
        answers with every ref, so several MB are normal; the first packet decides.
        """
        path = f"{_quoted(repository.project)}/_git/{_quoted(repository.name)}"
        url = f"{place.url}/{path}/info/refs?service=git-upload-pack"
        headers = (("Accept", "*/*"), *self._headers[1:])
        return Call(
            "GET",
            url,
            credential,
            headers,
            lane=_lane(url),
            ca_bundle=place.site.ca_bundle,
            head_only=True,
        )

    def tenant(self, place: Place) -> tuple[Call, Call]:
        """Two anonymous requests whose answers name the Entra tenant of an organization."""
        identity, plain = _area(place, Area.IDENTITY), _area(place, Area.ORGANIZATION)
        return self._get(identity, place.site, None), self._get(plain, place.site, None)

    def pats(self, place: Place, credential: Credential, more: str = "") -> Call:
        """One page of the caller's active tokens; ``more`` is the token of a later page."""
        url = f"{_pats(place)}&displayFilterOption=active&$top=100"
        if more:
            url += f"&continuationToken={_quoted(more)}"
        return self._get(url, place.site, credential, Pats)

    def pat(self, place: Place, authorization_id: str, credential: Credential) -> Call:
        """A token as granted, without its value."""
        return self._get(_one_pat(place, authorization_id), place.site, credential, PatAnswer)

    def create_pat(self, order: Order, credential: Credential) -> Call:
        """Create a token. Only the answer to this holds its value."""
        body = {
            "displayName": order.display_name,
            "scope": " ".join(order.scopes),
            "validTo": f"{order.until.isoformat()}T00:00:00.000Z",
            "allOrgs": False,
        }
        return _call(
            "POST",
            _pats(order.place),
            order.place.site,
            credential,
            (*self._headers, ("Content-Type", "application/json")),
            json.dumps(body),
            PatAnswer,
        )

    def revoke_pat(self, place: Place, authorization_id: str, credential: Credential) -> Call:
        """Revoke a token. It is safe to repeat."""
        url = _one_pat(place, authorization_id)
        return _call("DELETE", url, place.site, credential, self._headers)

    @property
    def _headers(self) -> tuple[tuple[str, str], ...]:
        return (
            _ACCEPT,
            ("Accept-Language", "en-US"),
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
        return _call("GET", url, site, credential, self._headers, None, expects)


def _call(
    method: str,
    url: str,
    site: Site,
    credential: Credential | None,
    headers: tuple[tuple[str, str], ...],
    body: str | None = None,
    expects: type[Answer] | None = None,
) -> Call:
    return Call(method, url, credential, headers, body, _lane(url), expects, site.ca_bundle)


def _area(place: Place, area: Area) -> str:
    if place.site.deployment is Deployment.SERVER:
        return place.url
    return f"{_AREA_HOSTS[area]}/{_quoted(place.name)}"


def _pats(place: Place) -> str:
    """The PAT Lifecycle API: only specified as a preview, a name that a released version takes."""
    return f"{_area(place, Area.IDENTITY)}/_apis/tokens/pats?api-version=7.1-preview.1"


def _one_pat(place: Place, authorization_id: str) -> str:
    return f"{_pats(place)}&authorizationId={_quoted(authorization_id)}"


def _lane(url: str) -> str:
    """Host and first path segment: about what the service counts by when it throttles."""
    return "/".join(url.split("/", 4)[2:4]).split("?")[0].lower()


def _quoted(part: str) -> str:
    return quote(part, safe="")
