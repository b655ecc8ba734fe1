"""The simulated world as plain values: who exists, what they own, what their tokens may do, and which day it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

GLOBAL_TOKENS_END: Final = date(
    2026, 12, 1
)  # facts/azure-devops.md §0: all of them, whatever their own expiry


def stable_id(*names: str) -> str:
    """Return a UUID that is the same in every run for the same names."""
    return str(uuid5(NAMESPACE_URL, "simulated:" + "/".join(names)))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account: in an Entra tenant, a Microsoft account (no tenant), or a Windows login on Server."""

    name: str
    mail: str
    tenant: str | None = None
    login: str | None = None  # e.g. LOCAL\ada; only an Azure DevOps Server knows it

    @property
    def id(self) -> str:
        """The identity id (facts: the same in every organization of our recordings)."""
        return stable_id("person", self.mail)


@dataclass(frozen=True, slots=True)
class Repository:
    """A Git repository. Without a default branch it is empty."""

    name: str
    default_branch: str | None = "refs/heads/main"
    disabled: bool = False
    readable: bool = True
    needs_username: bool = False  # its git endpoint refuses an empty user name (facts §6)


@dataclass(frozen=True, slots=True)
class Project:
    """A team project and its repositories."""

    name: str
    repositories: tuple[Repository, ...] = ()
    public: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """What happens to whoever makes a token here through the API (facts/pats-and-pains.md part B)."""

    refuses: str = ""  # the `patTokenError` of every creation
    errors_inside: bool = True  # errors arrive inside a 200, else as a 400
    longest: int | None = None  # days; what is longer is refused
    caps_in_silence: bool = False  # ... or shortened without a word
    forbids_full_access: bool = False
    grants: frozenset[str] | None = None  # these scopes, whatever was asked for
    loses: Literal["nothing", "before", "after"] = (
        "nothing"  # the wire breaks once, before or after it is made
    )
    revokes: bool = True


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization of Azure DevOps Services, or a project collection of a Server; `name` has its real capitals."""

    name: str
    projects: tuple[Project, ...] = ()
    members: tuple[Person, ...] = ()
    deactivated: bool = False
    blocks_global_tokens: bool = False  # policy "Restrict personal access token creation"
    fenced: bool = False  # conditional access or IP fence turns everybody away
    throttled: bool = False  # everybody here has used up the rate limit
    work_items: tuple[int, ...] = ()
    attachments: tuple[str, ...] = ()
    favorites: tuple[str, ...] = ()
    tenant: str | None = None  # the Entra tenant; None: personal Microsoft accounts
    creation: Creation = field(default_factory=lambda: Creation())

    @property
    def id(self) -> str:
        """The instance id."""
        return stable_id("organization", self.name)

    @property
    def has_public_projects(self) -> bool:
        """Whether strangers are let in at all (the anonymous trap)."""
        return any(project.public for project in self.projects)


@dataclass(frozen=True, slots=True)
class Edition:
    """A release of Azure DevOps Server: its year, its released API version and the newest that it knows."""

    label: str
    released: str
    newest: str


SERVER_2019: Final = Edition("2019", "5.0", "5.0")
SERVER_2022: Final = Edition("2022", "7.1", "7.1")  # 2022.1 and later; the first 2022 released 7.0


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
class Token:
    """A personal access token. `reach` names its only organization or collection; None reaches all."""

    value: str
    name: str
    owner: Person
    scopes: frozenset[str]
    reach: str | None = None
    expires: date = date(2027, 4, 30)
    revoked: bool = False
    authorization: str = ""  # its id, where it was made through the API

    @property
    def last4(self) -> str:
        """All of the token that may be shown."""
        return self.value[-4:]


@dataclass(frozen=True, slots=True)
class SignIn:
    """A token of Microsoft Entra for Azure DevOps: whose, and of which tenant."""

    value: str
    person: Person
    tenant: str
    is_person: bool = True  # False: a service principal


@dataclass(frozen=True, slots=True)
class Instance:
    """An Azure DevOps organization or collection that is connected to the ASPM; `name` is whatever its maker chose."""

    name: str
    tool: str
    url: str
    username: str = ""

    @property
    def id(self) -> str:
        """24 hexadecimal digits, as all ids of the ASPM."""
        return stable_id("instance", self.name, self.url).replace("-", "")[:24]


@dataclass(frozen=True, slots=True)
class Aspm:
    """An Invicti ASPM: where it is, which dialect it speaks, who may do what."""

    host: str
    token: str
    dialect: Literal["standalone", "core"] = "standalone"
    teams: tuple[str, ...] = ("Default Team",)
    projects: tuple[str, ...] = ()
    token_sees_projects: bool = True
    alm_tools: tuple[str, ...] = ()  # ALM integrations that are active
    repositories: tuple[str, ...] = ()  # repository ids already onboarded
    is_a_web_page: bool = False  # the address is not the ASPM's API at all
    # The simulator's own way to register instances; no real ASPM publishes one (facts/aspm.md §2).
    registers: Literal["no", "yes", "answer-lost", "never-arrives"] = "no"
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the simulator knows."""

    today: date
    organizations: tuple[Organization, ...] = ()
    tokens: tuple[Token, ...] = ()
    server: Server | None = None
    aspm: Aspm | None = None
    global_tokens_end: date | None = GLOBAL_TOKENS_END
    sign_ins: tuple[SignIn, ...] = ()
    clock: datetime | None = None  # what its clock shows; unset: today, at the running time of day

    @property
    def moment(self) -> datetime:
        """What a Date header says."""
        return self.clock or datetime.combine(self.today, datetime.now(UTC).time(), tzinfo=UTC)

    def organization(self, name: str) -> Organization | None:
        """Find an organization; Azure DevOps compares names without case."""
        return _named(self.organizations, name)

    def collection(self, name: str) -> Organization | None:
        """Find a collection of the server."""
        return _named(self.server.collections if self.server else (), name)

    def token(self, value: str) -> Token | None:
        """Find a token by its exact value."""
        return next((token for token in self.tokens if token.value == value), None)

    def with_instance(self, instance: Instance) -> World:
        """Return this world after an instance was connected: its tool is active from then on."""
        if self.aspm is None:
            raise KeyError("there is no ASPM in this world")
        tools = tuple(dict.fromkeys((*self.aspm.alm_tools, instance.tool)))
        return replace(
            self,
            aspm=replace(self.aspm, instances=(*self.aspm.instances, instance), alm_tools=tools),
        )

    def with_scopes(self, value: str, scopes: frozenset[str]) -> World:
        """Return this world after the token was edited on its page."""
        if self.token(value) is None:
            raise KeyError("there is no such token in this world")
        return replace(
            self,
            tokens=tuple(
                replace(token, scopes=scopes) if token.value == value else token
                for token in self.tokens
            ),
        )


def _named(organizations: tuple[Organization, ...], name: str) -> Organization | None:
    return next((one for one in organizations if one.name.casefold() == name.casefold()), None)
