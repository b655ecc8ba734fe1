"""The simulated world as plain values: people, organizations, and tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal
from uuid import NAMESPACE_URL, uuid5


@lru_cache(4096)
def stable_id(*names: str) -> str:
    """Return the UUID of these names, the same in every run."""
    return str(uuid5(NAMESPACE_URL, "simulated:" + "/".join(names)))


def object_id(*names: str) -> str:
    """Return an id of the ASPM: 24 hexadecimal digits, the same in every run."""
    return stable_id(*names).replace("-", "")[:24]


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an Entra or Microsoft account, or a login on a Server."""

    name: str
    mail: str
    tenant: str | None = None  # None: a Microsoft account
    login: str | None = None  # e.g. LOCAL\ada; only an Azure DevOps Server knows it

    @property
    def id(self) -> str:
        """The identity id, the same in every organization (recorded)."""
        return stable_id("person", self.mail)

    def account(self, *, on_server: bool) -> str:
        """The account name: the mail on Services, LOCAL\\user on Server (D.15)."""
        return (self.login or self.name) if on_server else self.mail


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A Git repository. Without a default branch it is empty."""

    name: str
    default_branch: str | None = "refs/heads/main"
    disabled: bool = False
    readable: bool = True
    # What git accepts: a token alone, a token with a username (facts §6), or nothing.
    clone: Literal["token", "username", "nothing"] = "token"


@dataclass(frozen=True, slots=True)
class TeamProject:
    """A team project and its repositories."""

    name: str
    repositories: tuple[GitRepository, ...] = ()
    public: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True)
class CreationRules:
    """How token creation by API behaves (facts/pats-and-pains.md part B)."""

    refuses: str = ""  # the `patTokenError` of every creation
    errors_inside: bool = True  # errors arrive inside a 200, else as a 400
    longest: int | None = None  # days; longer is refused
    caps_in_silence: bool = False  # ... or shortened silently
    grants: frozenset[str] | None = None  # these scopes, whatever the request
    # The connection breaks once, before or after the creation.
    loses: Literal["nothing", "before", "after"] = "nothing"
    revokes: bool = True


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization of Services or a collection of a Server; `name` has its exact case."""

    name: str
    projects: tuple[TeamProject, ...] = ()
    members: tuple[Person, ...] = ()
    deactivated: bool = False
    blocks_global_tokens: bool = False  # policy "Restrict personal access token creation"
    fenced: bool = False  # conditional access or an IP fence refuses everybody
    throttled: bool = False  # all its members exceed the rate limit
    stakeholders: bool = False  # its members have an access level without repositories
    work_items: tuple[int, ...] = ()
    attachments: tuple[str, ...] = ()
    favorites: tuple[str, ...] = ()
    tenant: str | None = None  # the Entra tenant; None: personal Microsoft accounts
    creation: CreationRules = field(default_factory=CreationRules)

    @property
    def id(self) -> str:
        """The instance id."""
        return stable_id("organization", self.name)

    def project_id(self, project: TeamProject) -> str:
        """The id of one of its projects."""
        return stable_id("project", self.name, project.name)

    def repository_id(self, project: TeamProject, repository: GitRepository) -> str:
        """The id of a repository in one of its projects."""
        return stable_id("repository", self.name, project.name, repository.name)

    @property
    def has_public_projects(self) -> bool:
        """Whether it admits anonymous callers (the anonymous trap)."""
        return any(project.public for project in self.projects)


@dataclass(frozen=True, slots=True)
class Edition:
    """The newest released and the newest known API version of a deployment."""

    released: str
    newest: str


SERVER_2019: Final = Edition("5.0", "5.0")
SERVER_2022: Final = Edition("7.1", "7.1")  # 2022.1 and later; the first released 7.0


@dataclass(frozen=True, slots=True)
class Server:
    """An Azure DevOps Server on premises."""

    host: str
    edition: Edition
    collections: tuple[Organization, ...]
    directory: str = ""  # virtual directory, e.g. "/tfs"
    names_user: bool = False  # X-VSS-UserData on Server is [unconfirmed]

    @property
    def url(self) -> str:
        """The root address."""
        return f"https://{self.host}{self.directory}"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A personal access token. `reach` names its only organization or collection; None is all."""

    value: str
    name: str
    owner: Person
    scopes: frozenset[str]
    reach: str | None = None
    expires: date = date(2027, 4, 30)
    revoked: bool = False
    authorization: str = ""  # its id, where it was made by API
    home: Literal["services", "server"] = "services"  # who issued it, and accepts it

    @property
    def last4(self) -> str:
        """The last 4 characters: no other part is shown."""
        return self.value[-4:]

    def reaches(self, organization: str) -> bool:
        """Whether it is for this organization or collection."""
        return self.reach is None or self.reach.casefold() == organization.casefold()


@dataclass(frozen=True, slots=True)
class SignIn:
    """A token of Microsoft Entra for Azure DevOps: whose, and of which tenant."""

    value: str
    person: Person
    tenant: str
    is_person: bool = True  # False: a service principal


@dataclass(frozen=True, slots=True)
class Instance:
    """A connection of the ASPM to an organization or collection."""

    name: str
    tool: str
    url: str
    username: str = ""

    @property
    def id(self) -> str:
        """The id of an instance."""
        return object_id("instance", self.name, self.url)

    def is_for(self, url: str) -> bool:
        """Whether it connects the organization at this URL."""
        return self.url.rstrip("/").casefold() == url.rstrip("/").casefold()


@dataclass(frozen=True, slots=True)
class Aspm:
    """An Invicti ASPM: its host, dialect, and permissions."""

    host: str
    token: str
    dialect: Literal["standalone", "core"] = "standalone"
    # The answer at paths of the other dialect: a web page, 404, or 401.
    other_dialect: Literal["page", "absent", "guarded"] = "page"
    # Whether its health needs a token: both are published.
    health: Literal["open", "guarded"] = "open"
    # The key of an error message: both are published.
    envelope: Literal["published", "error", "message"] = "published"
    # Whether the API answers, or a page, a redirect, a dead gateway, a rate limit, or a reset.
    state: Literal["up", "page", "redirect", "bad-gateway", "throttled", "reset"] = "up"
    teams: tuple[str, ...] = ("Default Team",)
    projects: tuple[str, ...] = ()
    token_sees_projects: bool = True
    alm_tools: tuple[str, ...] = ()  # ALM integrations that are active
    repositories: tuple[str, ...] = ()  # repository ids already onboarded
    onboarded: tuple[tuple[str, str], ...] = ()  # id or URL of a repository, name of its project
    # The invented registration of instances; no ASPM publishes one (facts/aspm.md §2).
    registers: Literal["no", "yes", "answer-lost", "never-arrives"] = "no"
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """The state of the simulator."""

    today: date
    organizations: tuple[Organization, ...] = ()
    tokens: tuple[IssuedToken, ...] = ()
    server: Server | None = None
    aspm: Aspm | None = None
    # facts/azure-devops.md §0: whatever their own expiry
    global_tokens_end: date | None = date(2026, 12, 1)
    sign_ins: tuple[SignIn, ...] = ()
    clock: datetime | None = None  # unset: today, at the current time of day
    # What answers for every host of Azure DevOps: its rate limit, its edge, or a captive portal.
    network: Literal["fair", "throttled", "outage", "captive-page", "captive-redirect"] = "fair"
    profile_takes_tokens: bool = True  # whether the host above all organizations accepts tokens
    accounts: Literal["listed", "none", "refused", "busy"] = "listed"

    @property
    def moment(self) -> datetime:
        """The time of the Date header."""
        return self.clock or datetime.combine(self.today, datetime.now(UTC).time(), tzinfo=UTC)

    def organization(self, name: str) -> Organization | None:
        """Find an organization; Azure DevOps compares names without case."""
        return _named(self.organizations, name)

    def collection(self, name: str) -> Organization | None:
        """Find a collection of the server."""
        return _named(self.server.collections if self.server else (), name)

    def token(self, value: str) -> IssuedToken | None:
        """Find a token by its exact value."""
        return next((one for one in self.tokens if one.value == value), None)

    def with_token(self, value: str, **changes: Any) -> World:
        """Return this world with a changed token. Raises ``KeyError`` if there is none."""
        if self.token(value) is None:
            raise KeyError("there is no such token in this world")
        every = (replace(one, **changes) if one.value == value else one for one in self.tokens)
        return replace(self, tokens=tuple(every))

    def with_instance(self, instance: Instance) -> World:
        """Return this world with an instance, whose tool is then active."""
        return self.with_more_in_aspm(instances=instance, alm_tools=instance.tool)

    def with_more_in_aspm(self, **more: Any) -> World:
        """Return this world with one more in each of these lists of its ASPM."""
        if self.aspm is None:
            raise KeyError("there is no ASPM in this world")
        lists: dict[str, Any] = {
            name: (*getattr(self.aspm, name), one) for name, one in more.items()
        }
        return replace(self, aspm=replace(self.aspm, **lists))


def _named(organizations: tuple[Organization, ...], name: str) -> Organization | None:
    return next((one for one in organizations if one.name.casefold() == name.casefold()), None)


class LiveWorld:
    """The current world and its changes; safe for threads."""

    def __init__(self, world: World) -> None:
        self._lock = threading.Lock()
        self._world = world
        self._changes: list[str] = []
        self._lost: set[str] = set()
        self._clock: tuple[datetime, float] | None = None

    @property
    def world(self) -> World:
        """The world as it is now, with edited tokens and the time of its clock."""
        with self._lock:
            if self._clock is None:
                return self._world
            start, since = self._clock
            moment = start + timedelta(seconds=time.monotonic() - since)
            return replace(self._world, today=moment.date(), clock=moment)

    @property
    def changes(self) -> list[str]:
        """A copy of the changes; a validation must leave it empty."""
        with self._lock:
            return list(self._changes)

    def set_clock(self, moment: datetime) -> None:
        """Set the clock, in UTC; it runs on from there."""
        with self._lock:
            self._clock = (moment, time.monotonic())

    def change(self, make: Callable[[World], World]) -> None:
        """Replace the world by a changed one."""
        with self._lock:
            self._world = make(self._world)

    def note_change(self, what: str) -> None:
        """Record a change that has no effect in this world."""
        with self._lock:
            self._changes.append(what)

    def lose(self, organization: str) -> bool:
        """Whether a connection breaks here: only the first does."""
        with self._lock:
            is_first = organization not in self._lost
            self._lost.add(organization)
            return is_first

    def connect(self, instance: Instance) -> bool:
        """Add an instance to the ASPM, unless its organization has one; atomic."""
        with self._lock:
            there = self._world.aspm.instances if self._world.aspm else ()
            if any(one.is_for(instance.url) for one in there):
                return False
            self._world = self._world.with_instance(instance)
            self._changes.append(f"instance {instance.name} for {instance.url}")
            return True
