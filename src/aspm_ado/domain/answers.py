"""What the documents of the services say, reduced to what we use; adapters read them out of JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ANONYMOUS_ID: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The id under which an organization with public projects serves anybody, a wrong token included."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person: id, display name, and the account name (a mail address, or ``DOMAIN\\user`` on Server)."""

    id: str
    name: str = ""
    account: str = ""

    @property
    def is_anonymous(self) -> bool:
        """Whether this is nobody."""
        return self.id.lower() in ("", ANONYMOUS_ID)


@dataclass(frozen=True, slots=True)
class ConnectionData:
    """``GET _apis/connectionData``: ``authenticatedUser`` as ``identity``."""

    identity: Identity
    deployment_type: str = ""
    relative_directory: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """``GET profiles/me``."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Names:
    """Organizations (``accounts``) or collections (``projectCollections``), in the order of the answer, no repeats."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """One project."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Projects:
    """One page of projects."""

    projects: tuple[Project, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """One Git repository. ``enabled`` is false when it is switched off or in maintenance."""

    id: str
    name: str
    project: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Repositories:
    """The repositories of one project."""

    repositories: tuple[Repository, ...]


@dataclass(frozen=True, slots=True)
class AspmPage:
    """A list of Invicti ASPM (``teams/``, ``projects/``): how many there are, where it says so."""

    total: int | None = None


@dataclass(frozen=True, slots=True)
class AspmKnown:
    """``GET projects/check/…``: the tool is integrated, and whether the repository is a project."""

    exists: bool


@dataclass(frozen=True, slots=True)
class Document:
    """Any JSON: the answer of an endpoint that only an operator's registration profile describes."""

    content: object


Answer = ConnectionData | Profile | Names | Projects | Repositories | AspmPage | AspmKnown | Document
