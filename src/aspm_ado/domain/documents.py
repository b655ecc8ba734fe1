"""The answers of the services, reduced to the fields in use. Adapters parse them from JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from aspm_ado.domain.secret import Secret

ANONYMOUS_ID: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The id of anonymous users and invalid tokens in an organization with public projects."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person. ``account`` is a mail address, or ``DOMAIN\\user`` on a Server."""

    id: str
    name: str = ""
    account: str = ""

    @property
    def label(self) -> str:
        """The name and the account, as a person reads them."""
        who = self.name or self.account or self.id
        if self.name and self.account and self.name != self.account:
            who = f"{self.name} <{self.account}>"
        return who

    @property
    def is_anonymous(self) -> bool:
        """Whether this is the anonymous user."""
        return self.id.strip("{}").lower() in ("", ANONYMOUS_ID)


@dataclass(frozen=True, slots=True)
class ConnectionData:
    """``GET _apis/connectionData``: ``authenticatedUser`` as ``identity``."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class UserProfile:
    """``GET profiles/me``."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Names:
    """Organizations (``accounts``) or collections (``projectCollections``), each once.

    ``left_off`` is how many more were listed than are used.
    """

    names: tuple[str, ...]
    left_off: int = 0


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
    """One Git repository.

    ``enabled`` is false when it is switched off or in maintenance; ``has_content`` is
    false when its list names no branch and no more than 0 bytes.
    """

    id: str
    name: str
    project: str
    enabled: bool = True
    has_content: bool = True


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
    """Any JSON: the answer of an endpoint that only a registration profile describes."""

    content: object


@dataclass(frozen=True, slots=True)
class Pat:
    """One token as the PAT Lifecycle API shows it.

    Its value, ``secret``, is only in the answer that creates it. ``is_global`` is true where
    ``targetAccounts`` is null, as for a token of all organizations.
    """

    authorization_id: str
    display_name: str = ""
    scopes: frozenset[str] = frozenset()
    valid_to: datetime | None = None
    is_global: bool = False
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class PatAnswer:
    """A token, or the ``patTokenError`` (empty for ``none``), which a 200 may also hold.

    ``beside``: the id, if told, of a token that came with an error.
    """

    pat: Pat | None
    error: str = ""
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Pats:
    """One page of tokens, without their values; ``more`` asks for the next one."""

    pats: tuple[Pat, ...]
    more: str = ""


Answer = (
    ConnectionData
    | UserProfile
    | Names
    | Projects
    | Repositories
    | AspmPage
    | AspmKnown
    | Document
    | PatAnswer
    | Pats
)
HOLDS_A_SECRET: Final = (PatAnswer,)
"""Answers whose text is dropped as soon as they are read."""
