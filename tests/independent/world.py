"""The world as simple data: people, tokens, organizations, servers, weather; a test says what is, never the answer."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final, Literal
from uuid import uuid4

from .scopes import ALM

TODAY: Final = datetime(2026, 11, 23, tzinfo=UTC)
"""Eight days before global tokens end. The server's Date is pinned, so that the tests outlive the day."""

AFTER_THE_END: Final = datetime(2026, 12, 5, tzinfo=UTC)

Life = Literal["alive", "expired", "revoked"]
Home = Literal["services", "server"]
Clone = Literal["token", "username", "neither"]


class Weather(Enum):
    """What stands between the client and a plain answer of Azure DevOps."""

    FAIR = auto()
    THROTTLED = auto()
    EDGE_OUTAGE = auto()
    CAPTIVE_PAGE = auto()
    CAPTIVE_REDIRECT = auto()


def some_id() -> str:
    """A fresh id of anything."""
    return str(uuid4())


def invent_secret() -> str:
    """A token in the shape of 2024 and later: 84 characters with its signature, and a canary in each twelve."""
    letters = string.ascii_letters + string.digits
    random = "".join(secrets.choice(letters) for _ in range(68))
    return f"{random[:52]}JQQJ99CK{random[52:64]}AAAAAZDO{random[64:]}"


@dataclass(frozen=True)
class Person:
    """Somebody with an account: the e-mail address on Services, the login name on a Server."""

    name: str
    account: str
    id: str = field(default_factory=some_id)


ADA: Final = Person("Ada Lovelace", "ada@contoso.example")
ADA_AT_CORP: Final = Person("Ada Lovelace", "ada.lovelace")


@dataclass(frozen=True)
class Pat:
    """A personal access token; *reach* None is all accessible organizations, else the only one (or collection)."""

    scopes: frozenset[str] = ALM
    reach: str | None = None
    owner: Person = ADA
    life: Life = "alive"
    home: Home = "services"
    secret: str = field(default_factory=invent_secret, repr=False)

    def reaches(self, name: str) -> bool:
        """Whether the token is good in this organization, as far as its own reach goes."""
        return self.reach is None or self.reach.lower() == name.lower()


@dataclass(frozen=True)
class Repository:
    """A Git repository; a disabled one is listed and cannot be read."""

    name: str
    disabled: bool = False
    empty: bool = False
    id: str = field(default_factory=some_id)


@dataclass(frozen=True)
class Project:
    """A project and its repositories."""

    name: str
    repositories: tuple[Repository, ...] = ()
    id: str = field(default_factory=some_id)


def usual_projects() -> tuple[Project, ...]:
    """A disabled repository first, then a name with a blank: both are traps for a hasty clone check."""
    return (
        Project("Archive", (Repository("attic", disabled=True),)),
        Project("Card Payments", (Repository("web shop"), Repository("api"))),
    )


@dataclass(frozen=True)
class Organization:
    """An organization, or a collection of a Server. Its name has capitals, which nobody types."""

    name: str
    members: tuple[Person, ...] = (ADA, ADA_AT_CORP)
    projects: tuple[Project, ...] = field(default_factory=usual_projects)
    clone: Clone = "token"
    public: bool = False
    deactivated: bool = False
    fenced: bool = False
    refuses_global_tokens: bool = False
    stakeholders: bool = False
    """Whether its members have the access level that sees no repository, whatever the token may."""
    id: str = field(default_factory=some_id)


def organization_of(name: str, among: tuple[Organization, ...]) -> Organization | None:
    """Names are compared without regard to case, as the service does."""
    return next((one for one in among if one.name.lower() == name.lower()), None)


@dataclass(frozen=True)
class OnPremises:
    """An Azure DevOps Server: where it stands, which REST version it speaks, and its collections."""

    host: str = "tfs.corp.example"
    virtual_directory: str = "/tfs"
    version: tuple[int, int] = (7, 1)
    collections: tuple[Organization, ...] = (
        Organization("DefaultCollection"),
        Organization("Research"),
    )


@dataclass(frozen=True)
class Tenant:
    """An Invicti ASPM of either dialect that is strict about everything: `aspm_core` answers for it."""

    dialect: Literal["standalone", "core"] = "standalone"
    neighbour: Literal["page", "absent", "guarded"] = "page"
    """What stands at the paths of the other dialect: an application's page, a 404, or a door that wants a token."""
    health: Literal["open", "guarded"] = "open"
    envelope: Literal["error", "message"] = "error"
    weather: Literal["fine", "page", "elsewhere", "bad-gateway", "throttled", "hangs-up"] = "fine"
    shows_projects: bool = True
    registers_at: str = ""
    """The path at which an operator's profile registers, where the run was asked to use one."""


@dataclass(frozen=True)
class Aspm:
    """An Invicti ASPM of the standalone dialect and what it thinks of us; with a *tenant*, that one."""

    token: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    mood: Literal["fine", "forbids-projects", "not-an-api", "redirects"] = "fine"
    tenant: Tenant | None = None


@dataclass(frozen=True)
class World:
    """Everything that can answer, at one moment."""

    organizations: tuple[Organization, ...] = (Organization("Contoso"), Organization("Fabrikam"))
    tokens: tuple[Pat, ...] = ()
    servers: tuple[OnPremises, ...] = (OnPremises(),)
    aspm: Aspm = field(default_factory=Aspm)
    weather: Weather = Weather.FAIR
    now: datetime = TODAY
    profile_api_takes_tokens: bool = True
    accounts: Literal["listed", "none", "refused", "busy"] = "listed"

    def token(self, secret: str) -> Pat | None:
        """The token with this secret, dead or alive."""
        return next((one for one in self.tokens if one.secret == secret), None)

    def server(self, host: str) -> OnPremises | None:
        """The Server at this host."""
        return next((one for one in self.servers if one.host == host), None)

    def everything(self) -> frozenset[str]:
        """The ids of all that exists and must never be the target of a write."""
        places = [
            *self.organizations,
            *(place for server in self.servers for place in server.collections),
        ]
        ids = {place.id for place in places}
        for place in places:
            for project in place.projects:
                ids.add(project.id)
                ids.update(repository.id for repository in project.repositories)
        return frozenset(ids)
