"""Organizations and collections: where Azure DevOps lives, and how a pasted address names one."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, quote, unquote

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.origin import Origin, split_url
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.secret import holds_token, secret_as_value, trim
from aspm_ado.domain.text import clean, shown_address

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
    """One deployment: all of Azure DevOps Services, or one Server.

    ``base_url`` is the root of a Server, with its virtual directory. ``ca_bundle`` is a file of
    certificates that are trusted for this site in addition to those of the system. ``other`` is
    what the address of a Server may mean besides: a root, and a collection or nothing.
    """

    deployment: Deployment
    base_url: str
    ca_bundle: str | None = None
    other: tuple[str, str] | None = field(default=None, compare=False)

    @property
    def origins(self) -> frozenset[Origin]:
        """The only origins that a token of this site may be sent to. No answer adds one."""
        if self.deployment is Deployment.SERVICES:
            return frozenset(Origin("https", host, 443) for host in self.hosts)
        return frozenset({Origin.of(self.base_url)})

    @property
    def is_unencrypted(self) -> bool:
        """Whether a token leaves this machine without TLS."""
        origin = Origin.of(self.base_url)
        return origin.scheme == "http" and not origin.is_loopback

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of ``origins``, the best known first."""
        if self.deployment is Deployment.SERVICES:
            return SERVICES_HOSTS
        return (self.host,)

    @property
    def host(self) -> str:
        """The host of ``base_url``."""
        return Origin.of(self.base_url).host

    @property
    def other_reading(self) -> Place | None:
        """The collection that the address means when it is read the other way."""
        if self.other is None or not self.other[1]:
            return None
        base_url, name = self.other
        return Place(Site(self.deployment, base_url, self.ca_bundle), name)

    def place(self, name: str) -> Place:
        """The organization or collection ``name`` of this site."""
        return Place(self, name)


SERVICES: Final = Site(Deployment.SERVICES, SERVICES_URL)
_A_SERVER: Final = "For an on-premises server, connect, validate and guide have --server-url."


@dataclass(frozen=True, slots=True)
class Place:
    """One organization of Services, or one collection of a Server."""

    site: Site
    name: str

    @property
    def key(self) -> str:
        """What all spellings of the name share: Azure DevOps ignores case."""
        return self.name.casefold()

    @property
    def url(self) -> str:
        """The address of the organization or collection."""
        return f"{self.site.base_url}/{quote(self.name, safe='')}"

    @property
    def token_page(self) -> str:
        """The page for creating and revoking tokens (facts section 8; not confirmed on Server)."""
        return f"{self.url}/_usersSettings/tokens"

    @property
    def noun(self) -> str:
        """``organization`` or ``collection``."""
        return self.site.deployment.noun

    @property
    def both_readings(self) -> str:
        """What to do where nothing is found at an address that can be read in two ways."""
        if self.site.other is None:
            return ""
        root, name = self.site.other
        meaning = f"the server {root}, without a collection"
        if name:
            meaning = f"the collection “{name}” of {root}"
        return (
            f"The address was read as the collection “{self.name}” of {self.site.base_url}; it may "
            f"also be {meaning}. Say which: connect and validate have --server-url for the server "
            "alone, and --collection for the name."
        )


def options_for(site: Site, names: Iterable[str]) -> str:
    """The options that name organizations or collections of a site, as a person types them."""
    if site.deployment is Deployment.SERVICES:
        return " ".join(f"-o {shlex.quote(clean(name, 100))}" for name in names)
    where = [f"--server-url {shlex.quote(clean(site.base_url, 1000))}"]
    return " ".join([*where, *(f"--collection {shlex.quote(clean(name, 100))}" for name in names)])


def site_of(entry: Entry) -> Site:
    """The site of a stored connection."""
    return Site(entry.deployment, entry.base_url, entry.ca_bundle)


_ORGANIZATION: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_COLLECTION: Final = re.compile(
    r"[^/\\?#%:*\"<>|&;@\x00-\x20\x7f]"
    r"(?:[^/\\?#%:*\"<>|;@\x00-\x1f\x7f]{0,62}[^/\\?#%:*\"<>|;@\x00-\x20\x7f])?"
)
_SSH: Final = re.compile(
    r"(?:ssh://)?([^@/]+)@(?:ssh\.dev\.azure\.com|vs-ssh\.visualstudio\.com)(?::22)?[:/]"
    r"(?:v3/)?([^/]+)/.*",
    re.IGNORECASE,
)
_AREAS: Final = frozenset(
    {"advsec", "almsearch", "auditservice", "extmgmt", "feeds", "pkgs", "vsaex", "vsrm", "vssps"}
)
"""What stands before ``.dev.azure.com/ORGANIZATION`` in the addresses of parts of the service."""
_SIGN_IN: Final = re.compile(
    r"login\.(?:microsoftonline|windows|live|microsoft)\.(?:com|net)|aex\.dev\.azure\.com|"
    r"(?:app|(?:sps|aex|tfs)prod\w*)\.(?:vssps|vsaex|app)?\.?visualstudio\.com"
)
_OTHER_PRODUCTS: Final = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "gitea.com")
_OTHER_SITES: Final = re.compile(
    r"(?:(?:www|portal|status|management)\.)?azure\.com|(?:[\w-]+\.)*portal\.azure\.(?:com|us|cn)"
    r"|(?:[\w-]+\.)*(?:microsoft\.com|office\.com|atlassian\.net)"
)
"""Sites on which there is no Azure DevOps."""
_SCP: Final = re.compile(
    r"(?:ssh://|git://)?(?:[^@/:]+@)?([A-Za-z0-9.-]+\.[A-Za-z]+)(?::\d+)?[:/].*"
)
LEGACY_SUFFIX: Final = ".visualstudio.com"
_NO_ORGANIZATIONS: Final = frozenset(
    {"app", "marketplace", "vs-ssh", "www", "my", "docs", "visualstudio"}
)
"""First labels of hosts under ``LEGACY_SUFFIX`` that are Microsoft's own sites."""
DEFAULT_COLLECTION: Final = "defaultcollection"
_OF_COLLECTIONS: Final = frozenset({"userssettings", "details", "home"})
"""Pages, without their underscore, whose address is that of a collection and a name."""


def parse_organization(text: str) -> Place:
    """The organization of Services that ``text`` names, or that an address in ``text`` belongs to.

    Raises ``UsageError`` where it is neither.
    """
    pasted = unquoted(text)
    ssh = _SSH.fullmatch(pasted)
    if ssh:
        user, name = ssh.groups()
        if name.casefold() == DEFAULT_COLLECTION:  # an address of years ago
            name = user
        return _organization(unquote(name), pasted)
    if clone := _SCP.fullmatch(pasted):
        _refuse_other_products(clone[1].lower())
    is_bare = not any(character in pasted for character in "/.:")
    is_host = pasted.lower().endswith((".com", ".net", ".org"))
    if is_bare or (_ORGANIZATION.fullmatch(pasted) and not is_host):
        return _organization(pasted, pasted)
    parts = _split(pasted, "organization")
    if parts.scheme != "https":
        raise UsageError(
            Reason.HTTP_REFUSED,
            "Azure DevOps Services is reached over https only.",
            remedy=f"Give the address with https://. {_A_SERVER}",
        )
    return _organization(_name_in(parts, pasted), pasted)


def _name_in(parts: SplitResult, pasted: str) -> str:
    """The organization of an address of Services."""
    origin = Origin.read(parts)
    _refuse_other_sites(origin.host)
    area, _, rest = origin.host.partition(".")
    is_area = area in _AREAS and f"https://{rest}" == SERVICES_URL
    if origin.port == 443 and (is_area or f"https://{origin.host}" == SERVICES_URL):
        name = unquote(parts.path.lstrip("/").partition("/")[0])
        if not name or name.startswith("_"):
            raise _not_an_organization(pasted, "it names no organization")
        return name
    if origin.port == 443 and origin.host.endswith(LEGACY_SUFFIX):
        name = origin.host.removesuffix(LEGACY_SUFFIX).partition(".")[0]
        if name not in _NO_ORGANIZATIONS:
            return name
    raise _not_an_organization(pasted, "its host is not one of Azure DevOps Services")


def _refuse_other_sites(host: str) -> None:
    """Raise where ``host`` is that of another product, of another site or of a sign-in page."""
    _refuse_other_products(host)
    if _SIGN_IN.fullmatch(host):
        raise UsageError(
            Reason.URL_INVALID,
            f"{host} is where people sign in, and no organization.",
            remedy="Sign in there, open the organization, and copy that address: "
            "https://dev.azure.com/NAME.",
        )
    if _OTHER_SITES.fullmatch(host) and not host.endswith(
        (".dev.azure.com", ".cloudapp.azure.com")
    ):
        raise UsageError(
            Reason.URL_INVALID,
            f"{host} is no Azure DevOps.",
            remedy="Open the organization or the server in a browser, and copy that address.",
        )


def _refuse_other_products(host: str) -> None:
    for product in _OTHER_PRODUCTS:
        if host == product or host.endswith(f".{product}"):
            raise UsageError(
                Reason.URL_INVALID,
                f"{product} is not Azure DevOps, and aspm-ado connects Azure DevOps only.",
                remedy="Give the name of an organization, or any address in it.",
            )


def parse_server(
    text: str,
    collections: Sequence[str] = (),
    *,
    everything: bool = False,
    allow_http: bool = False,
) -> tuple[Site, tuple[str, ...]]:
    """A Server and the collections meant, from the URL of its root or of anything in it.

    A path does not tell a virtual directory from a collection. These rules do, in this order:

    1. A segment that ``collections`` names is a collection, and so is ``DefaultCollection``.
    2. ``/tfs`` is a virtual directory, and so is what is before it.
    3. A single other segment is a collection, or a virtual directory with ``everything``.
    4. Before the token page or another page of collections, the last segment is a collection.
    5. Of two segments, the first is a virtual directory.

    ``_git`` and the like, and all after it, is ignored. Raises ``UsageError``.
    """
    pasted = unquoted(text)
    if clone := _SCP.fullmatch(pasted):
        _refuse_other_products(clone[1].lower())
    parts = _split(pasted, "server URL")
    origin = Origin.read(parts)
    _refuse_other_sites(origin.host)
    if (
        origin.host in SERVICES_HOSTS
        or origin.host.endswith(".dev.azure.com")
        or origin.host.endswith(LEGACY_SUFFIX)
    ):
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
    known = [name.casefold() for name in collections]
    segments, length, is_sure = _divide(parts.path, known, everything=everything)
    names = tuple(_collection(name) for name in collections or segments[length : length + 1])
    other = None
    if not is_sure and names:
        flipped = 1 - length
        name = "".join(filter(_COLLECTION.fullmatch, segments[flipped : flipped + 1]))
        other = "/".join([str(origin), *segments[:flipped]]), name
    root = "/".join([str(origin), *segments[:length]])
    return Site(Deployment.SERVER, root, other=other), names


def _divide(path: str, known: Sequence[str], *, everything: bool) -> tuple[list[str], int, bool]:
    """The segments of a path, how many of them are the virtual directory, and whether that is sure.

    ``known`` are collections, case-folded. Where it is not sure, it is none or one.
    """
    before, marked, after = path.partition("/_")
    segments = [unquote(segment) for segment in before.split("/") if segment]
    folded = [segment.casefold() for segment in segments]
    length = _known_length(folded, known)
    if length is None and after.partition("/")[0].casefold() in _OF_COLLECTIONS:
        length = max(0, len(segments) - 1)
    if length is not None:
        return segments, length, True
    is_directory = len(segments) > 2 or (not marked and (len(segments) == 2 or everything))
    return segments, int(is_directory), not segments


def _known_length(segments: Sequence[str], known: Sequence[str]) -> int | None:
    """How many segments are the virtual directory, where names tell."""
    for index, segment in enumerate(segments):
        if segment in known or segment == DEFAULT_COLLECTION:
            return index
    if "tfs" in segments:
        return segments.index("tfs") + 1
    if known:
        return len(segments)
    return None


def unquoted(text: str) -> str:
    """What was pasted, without blanks, invisible characters and quotes around it."""
    pasted = trim(trim(text).strip("'\""))
    if pasted.startswith("<") and pasted.endswith(">"):  # as mail programs write an address
        return trim(pasted[1:-1])
    return pasted


def _split(pasted: str, what: str) -> SplitResult:
    if "://" not in pasted:
        pasted = f"https://{pasted}"
    if holds_token(pasted):
        raise secret_as_value(f"The {what}")
    return split_url(pasted, what)


def _organization(name: str, pasted: str) -> Place:
    if not _ORGANIZATION.fullmatch(name):
        why = "an organization is named with letters, digits and hyphens"
        raise _not_an_organization(pasted, why)
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


def _not_an_organization(pasted: str, why: str) -> UsageError:
    if holds_token(pasted):
        return secret_as_value("The name of the organization")
    for position, character in enumerate(pasted, start=1):
        if unicodedata.category(character) in ("Cf", "Zs"):
            why = f"it has an invisible character or a space at position {position}"
            break
    return UsageError(
        Reason.URL_INVALID,
        f"“{shown_address(pasted)}” is not an organization of Azure DevOps Services: {why}.",
        remedy="Give its name, or any address that begins with https://dev.azure.com/NAME. "
        f"{_A_SERVER}",
    )
