"""Where Azure DevOps lives: an organization of Services or a collection of a Server, and the origins of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.http import Origin, split_url
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.stored import Entry

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
    def is_unencrypted(self) -> bool:
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


_ORGANIZATION: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_COLLECTION: Final = re.compile(
    r"[^/\\?#%:*\"<>|&;@\x00-\x20\x7f](?:[^/\\?#%:*\"<>|;@\x00-\x1f\x7f]{0,62}[^/\\?#%:*\"<>|;@\x00-\x20\x7f])?"
)
_SSH: Final = re.compile(
    r"(?:ssh://)?[^@/]+@(?:ssh\.dev\.azure\.com(?::22)?[:/]v3/([^/]+)/.*|vs-ssh\.visualstudio\.com(?::22)?[:/]v3/([^/]+)/.*)"
)
_LEGACY_SUFFIX: Final = ".visualstudio.com"
_NO_ORGANIZATIONS: Final = frozenset(
    {"app", "marketplace", "vs-ssh", "www", "my", "docs", "visualstudio"}
)
"""First labels of hosts there that belong to Microsoft's own sites, not to an organization."""
_DEFAULT_COLLECTION: Final = "defaultcollection"


def parse_organization(text: str) -> Place:
    """The organization of Azure DevOps Services that ``text`` names or that a pasted URL belongs to."""
    pasted = text.strip().strip("'\"").strip()
    ssh = _SSH.fullmatch(pasted)
    if ssh:
        return _organization(ssh.group(1) or ssh.group(2), pasted)
    if "/" not in pasted and "." not in pasted and ":" not in pasted:
        return _organization(pasted, pasted)
    if (
        "://" not in pasted
        and "/" not in pasted
        and _ORGANIZATION.fullmatch(pasted)
        and not _is_host(pasted)
    ):
        return _organization(pasted, pasted)
    parts = split_url(pasted if "://" in pasted else f"https://{pasted}", "organization")
    origin = Origin.read(parts)
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    if parts.scheme != "https":
        raise UsageError(
            Reason.HTTP_REFUSED,
            "Azure DevOps Services is reached over https only.",
            remedy="Give the address with https://, or --server-url for an on-premises server.",
        )
    if origin.port == 443 and origin.host in SERVICES_HOSTS[:3]:
        if not segments or segments[0].startswith("_"):
            raise _not_an_organization(pasted, "it names no organization")
        return _organization(segments[0], pasted)
    name = origin.host.removesuffix(_LEGACY_SUFFIX).partition(".")[0]
    if (
        origin.port == 443
        and origin.host.endswith(_LEGACY_SUFFIX)
        and name not in _NO_ORGANIZATIONS
    ):
        return _organization(name, pasted)
    raise _not_an_organization(pasted, "its host is not one of Azure DevOps Services")


def parse_server(
    text: str,
    collections: Sequence[str] = (),
    *,
    everything: bool = False,
    allow_http: bool = False,
) -> tuple[Site, tuple[str, ...]]:
    """The root of an on-premises server and the collections meant, from a root, collection, project or repository URL.

    A path has no grammar that tells a virtual directory from a collection, so these rules do, in this order: what
    ``--collection`` names is a collection; ``DefaultCollection`` is one; ``/tfs`` is a virtual directory; one other
    segment is a collection, or a virtual directory where ``everything`` on the server is meant; of two, the first is a
    virtual directory; what follows ``_git`` and the like is cut off.
    """
    pasted = text.strip().strip("'\"").strip()
    parts = split_url(pasted if "://" in pasted else f"https://{pasted}", "server URL")
    origin = Origin.read(parts)
    if origin.host in SERVICES_HOSTS or origin.host.endswith(".visualstudio.com"):
        raise UsageError(
            Reason.URL_INVALID,
            f"{origin.host} is Azure DevOps Services, not an on-premises server.",
            remedy="Name the organization with --organization.",
        )
    if parts.username:
        raise UsageError(
            Reason.URL_INVALID,
            "The server URL holds a user name.",
            remedy="Give the address alone.",
        )
    if origin.scheme == "http" and not (allow_http or origin.is_loopback):
        raise UsageError(
            Reason.HTTP_REFUSED,
            f"{origin} has no TLS: the token would travel in clear.",
            remedy="Use https, or accept that with --allow-http.",
        )
    directory, found = _divide(
        parts.path, [name.casefold() for name in collections], everything=everything
    )
    named = tuple(_collection(name) for name in collections) or tuple(
        _collection(name) for name in found
    )
    return Site(Deployment.SERVER, "/".join([str(origin), *directory])), named


def _divide(path: str, named: Sequence[str], *, everything: bool) -> tuple[list[str], list[str]]:
    """Virtual directory and collection of a path; ``named`` are collections known from elsewhere."""
    segments: list[str] = []
    marked = False
    for segment in path.split("/"):
        if segment.startswith("_"):
            marked = True
            break
        if segment:
            segments.append(unquote(segment))
    folded = [segment.casefold() for segment in segments]
    for index, segment in enumerate(folded):
        if segment in named or segment == _DEFAULT_COLLECTION:
            return segments[:index], segments[index : index + 1]
    if folded[:1] == ["tfs"]:
        return segments[:1], segments[1:2]
    if named:
        return segments, []
    if len(segments) >= 2 and not (marked and len(segments) == 2):
        return segments[:1], segments[1:2]
    return ([], segments[:1]) if marked or not everything else (segments[:1], [])


def _organization(name: str, pasted: str) -> Place:
    if not _ORGANIZATION.fullmatch(name):
        raise _not_an_organization(
            pasted, "an organization is named with letters, digits and hyphens"
        )
    return SERVICES.place(name)


def _collection(name: str) -> str:
    value = name.strip()
    if not _COLLECTION.fullmatch(value) or value.startswith("_") or ".." in value:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{clean(name, 60)}” cannot be the name of a collection.",
            remedy="Copy the name from the address of the collection.",
        )
    return value


def _is_host(text: str) -> bool:
    return text.lower().endswith((".com", ".net", ".org"))


def _not_an_organization(pasted: str, why: str) -> UsageError:
    return UsageError(
        Reason.URL_INVALID,
        f"“{clean(pasted, 80)}” is not an organization of Azure DevOps Services: {why}.",
        remedy="Give its name, or any address that begins with https://dev.azure.com/NAME. "
        "An on-premises server is named with --server-url.",
    )
