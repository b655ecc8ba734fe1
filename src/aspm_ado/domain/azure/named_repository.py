"""A repository as users name it: ``PROJECT/REPO``, or any URL of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import DEFAULT_COLLECTION, LEGACY_SUFFIX, unquoted
from aspm_ado.domain.documents import Repository
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import shown_address

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place

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
