"""Organizations, collections and repositories, and how to read their names from a pasted URL."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.documents import Repository
from aspm_ado.domain.http import Origin, split_url
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.secret import holds_token, secret_as_value, trim
from aspm_ado.domain.text import clean, shown_address, typed_word

API_VERSIONS: Final = ("7.1", "7.0", "6.0", "5.0")
"""The API versions in use, newest first.

Services have 7.1; Server 2019 has 5.0, 2020 has 6.0, 2022 has 7.0, 2022.1 and later have 7.1.
"""


def newest_common(latest: str) -> str:
    """The newest of ``API_VERSIONS`` that a server whose newest is ``latest`` understands."""
    limit = _order(latest)
    return next((version for version in API_VERSIONS if _order(version) <= limit), API_VERSIONS[-1])


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


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
    what the URL of a Server may also mean: a root, and a collection or nothing.
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
        """The collection that the URL means in its other reading."""
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
        """The URL of the organization or collection."""
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
        """The remedy for a URL with two readings, neither of which was found."""
        if self.site.other is None:
            return ""
        root, name = self.site.other
        meaning = f"the server {root}, without a collection"
        if name:
            meaning = f"the collection “{name}” of {root}"
        return (
            f"aspm-ado read the URL as the collection “{self.name}” of {self.site.base_url}. It "
            f"may also mean {meaning}. To choose, connect and validate have --server-url for the "
            "server alone, and --collection for the name."
        )


def options_for(site: Site, names: Iterable[str]) -> str:
    """The options that name organizations or collections of a site, as a user types them."""
    if site.deployment is Deployment.SERVICES:
        return " ".join(f"-o {typed_word(name)}" for name in names)
    where = [f"--server-url {typed_word(site.base_url)}"]
    return " ".join([*where, *(f"--collection {typed_word(name)}" for name in names)])


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
"""Subdomains of ``dev.azure.com`` in URLs of parts of the service."""
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
"""Pages, without their underscore, whose URL is that of a collection and a name."""


def parse_organization(text: str) -> Place:
    """The organization of Services that ``text`` names or is a URL of.

    Raises ``UsageError`` if it is neither.
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
            "Azure DevOps Services accepts https only.",
            remedy=f"Enter the URL with https://. {_A_SERVER}",
        )
    return _organization(_name_in(parts, pasted), pasted)


def _name_in(parts: SplitResult, pasted: str) -> str:
    """The organization in a URL of Services."""
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
    """Raise if ``host`` belongs to another product, another site, or a sign-in page."""
    _refuse_other_products(host)
    if _SIGN_IN.fullmatch(host):
        raise _invalid(
            f"{host} is a sign-in page, not an organization.",
            "Sign in there, open the organization, and copy its URL: https://dev.azure.com/NAME",
        )
    if _OTHER_SITES.fullmatch(host) and not host.endswith(
        (".dev.azure.com", ".cloudapp.azure.com")
    ):
        raise _invalid(
            f"{host} is not Azure DevOps.",
            "Open the organization or the server in a browser, and copy its URL.",
        )


def _refuse_other_products(host: str) -> None:
    for product in _OTHER_PRODUCTS:
        if host == product or host.endswith(f".{product}"):
            raise _invalid(
                f"{product} is not Azure DevOps, and aspm-ado connects Azure DevOps only.",
                "Enter the name of an organization, or any URL in it.",
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
        raise _invalid(
            f"{origin.host} is Azure DevOps Services, not an on-premises server.",
            "Pass the organization with --organization.",
        )
    if parts.username:
        raise _invalid("The server URL contains a user name.", "Enter the URL without it.")
    if origin.scheme == "http" and not (allow_http or origin.is_loopback):
        raise UsageError(
            Reason.HTTP_REFUSED,
            f"{origin} has no TLS: the token would be sent unencrypted.",
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
        why = "organization names consist of letters, digits, and hyphens"
        raise _not_an_organization(pasted, why)
    return SERVICES.place(name)


def _collection(name: str) -> str:
    value = name.strip()
    if not _COLLECTION.fullmatch(value) or value.startswith("_") or ".." in value:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{clean(name, 60)}” is not a valid collection name.",
            remedy="Copy the name from the URL of the collection.",
        )
    return value


def _invalid(problem: str, remedy: str) -> UsageError:
    return UsageError(Reason.URL_INVALID, problem, remedy=remedy)


def _not_an_organization(pasted: str, why: str) -> UsageError:
    if holds_token(pasted):
        return secret_as_value("The name of the organization")
    for position, character in enumerate(pasted, start=1):
        if unicodedata.category(character) in ("Cf", "Zs"):
            why = f"it has an invisible character or a space at position {position}"
            break
    return _invalid(
        f"“{shown_address(pasted)}” is not an organization of Azure DevOps Services: {why}.",
        f"Enter its name, or any URL that begins with https://dev.azure.com/NAME. {_A_SERVER}",
    )


_SERVICES: Final = "dev.azure.com"
_SSH_HOSTS: Final = ("ssh.dev.azure.com", "vs-ssh.visualstudio.com")
_ADDRESS: Final = re.compile(
    r"(?:[a-z+]+://)?(?:[^/]*@)?([^/@:\[\]]+|\[[0-9a-f:]+\])(?::\d*)?[:/](.+)", re.IGNORECASE
)
"""A URL of https or ssh, with or without scheme, user, and port: the host and the path."""
_MARKERS: Final = ("_git", "_ssh")
_FORBIDDEN: Final = frozenset('\\/:*?"<>|')
_VIEWS: Final = ("_full", "_optimized")
"""Optional segments between ``_git`` and the name."""


@dataclass(frozen=True, slots=True)
class NamedRepository:
    """What the user named.

    ``path`` leads to it: a project, or with a ``host`` the organization (virtual directory and
    collection) and the project, which a URL omits if it has the repository's name.
    """

    name: str
    path: tuple[str, ...]
    host: str = ""

    def __str__(self) -> str:
        return "/".join((*self.path, self.name))

    def at(self, place: Place) -> Repository | None:
        """The repository in ``place``; ``None`` if its URL leads elsewhere.

        The host of a Server is not compared: many have more than one name.
        """
        rest = self.path
        if self.host:
            directory = unquote(urlsplit(place.site.base_url).path).split("/")
            above = [part.casefold() for part in (*directory, place.name) if part]
            of_services = place.site.deployment is Deployment.SERVICES
            if of_services is not (self.host == _SERVICES):
                return None
            if [part.casefold() for part in rest[: len(above)]] != above:
                return None
            rest = rest[len(above) :]
        if len(rest) > 1:
            return None
        return Repository("", self.name, (*rest, self.name)[0])


def parse_repository(text: str) -> NamedRepository:
    """The repository that ``text`` names. Raises ``UsageError``."""
    pasted = unquoted(text).rstrip("/")
    named = _of_words(pasted) or _of_address(pasted)
    if named is None or not all(map(_is_name, (named.name, *named.path))):
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{shown_address(pasted)}” does not name a repository.",
            remedy="Enter PROJECT/REPO, the URL of the repository, auto, or no.",
        )
    return named


def _of_words(pasted: str) -> NamedRepository | None:
    """``PROJECT/REPO``, also with the ``_git`` of a URL between the two."""
    parts = [unquote(part) for part in pasted.split("/")]
    if parts[0].lower().endswith(LEGACY_SUFFIX):
        return None
    if len(parts) == 3 and parts[1] in _MARKERS:
        del parts[1]
    if len(parts) != 2:
        return None
    return NamedRepository(parts[1].removesuffix(".git"), (parts[0],))


def _of_address(pasted: str) -> NamedRepository | None:
    found = _ADDRESS.fullmatch(re.split(r"[?#]", pasted, maxsplit=1)[0])
    if found is None:
        return None
    host = found[1].lower().rstrip(".")
    parts = [unquote(part) for part in found[2].split("/") if part]
    if host in _SSH_HOSTS and parts[0] == "v3":
        return _below(_SERVICES, parts[1:3], parts[3:])
    at = next((at for at, part in enumerate(parts) if part in _MARKERS), len(parts))
    path, rest = parts[:at], parts[at + 1 :]
    if rest and rest[0] in _VIEWS:
        del rest[0]
    if host in _SSH_HOSTS:
        host = _SERVICES
    if host.endswith(LEGACY_SUFFIX):
        path = [host.partition(".")[0], *path]
        host = _SERVICES
    if host == _SERVICES and len(path) > 1 and path[1].casefold() == DEFAULT_COLLECTION:
        del path[1]
    return _below(host, path, rest)


def _below(host: str, path: list[str], rest: list[str]) -> NamedRepository | None:
    """The repository that ``rest`` begins with; what follows is a page of it."""
    if not path or not rest:
        return None
    return NamedRepository(rest[0].removesuffix(".git"), tuple(path), host)


def _is_name(part: str) -> bool:
    return part.strip(". ") != "" and part.isprintable() and not _FORBIDDEN & set(part)
