"""Azure DevOps as a function from calls to replies, made of tables; and a conductor that counts round trips."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from aspm_ado.domain.azure.place import SERVICES, Site
from aspm_ado.domain.azure.scopes import SCOPES, Deployment, Level, Probe, Purpose, Scope
from aspm_ado.domain.documents import Identity, Project, Projects, Repositories, Repository
from aspm_ado.domain.http import Call, Origin, Reply
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.validation.token import Demand, Token

from ..domain import replies as r

ALM = {
    Scope.CODE: Level.FULL,
    Scope.WORK: Level.MANAGE,
    Scope.IDENTITY: Level.MANAGE,
    Scope.PROFILE: Level.WRITE,
}
EVERYTHING = {**ALM, Scope.PROJECT: Level.MANAGE, Scope.FULL_ACCESS: Level.FULL}
TODAY = datetime(2026, 10, 15, 12, tzinfo=UTC)
THAT_DAY = TODAY.date()
TFS = Site(Deployment.SERVER, "https://tfs.example.test/tfs")
PAT = "SimulatedNotAToken".ljust(76, "7") + "AZDOWx9Z"


@dataclass(frozen=True)
class Rights:
    """What a token may do, and where. ``organizations`` is None for all of them."""

    scopes: Mapping[Scope, Level] = field(default_factory=lambda: dict(ALM))
    organizations: tuple[str, ...] | None = None
    expired: bool = False

    def reaches(self, name: str) -> bool:
        return self.organizations is None or name.casefold() in map(
            str.casefold, self.organizations
        )


class Service:
    """Answers calls. Every call is kept, and what no call may do is asserted of each."""

    def __init__(
        self,
        tokens: Mapping[str, Rights],
        organizations: Iterable[str] = ("Contoso",),
        version: str = "",
    ) -> None:
        self.tokens = dict(tokens)
        self.organizations = tuple(organizations)
        self.version = version
        self.me = r.ME
        self.overrides: dict[str, Callable[[Call], Reply]] = {}
        self.repositories = {"Payments": ("checkout api",)}
        self.calls: list[Call] = []
        self.problems: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> Reply:
        with self._lock:
            self._check(call)
            self.calls.append(call)
        name = kind_of(call)
        made = self.overrides[name](call) if name in self.overrides else self._answer(call, name)
        return replace(made, call=call, received=TODAY)

    def names(self, since: int = 0) -> list[str]:
        """What was asked, by kind."""
        return [kind_of(call) for call in self.calls[since:]]

    def _check(self, call: Call) -> None:
        assert call.credential is not None
        if Origin.of(call.url) not in call.credential.origins:
            self.problems.append(f"a secret for another origin: {call.url}")
        if call.credential.secret.reveal() in unquote(call.url):
            self.problems.append("a secret in an address")
        if call.method == "HEAD":
            self.problems.append("HEAD")
        if (
            call.method != "GET"
            and "workItems" not in call.url
            and any(call.url == one.url for one in self.calls)
        ):
            self.problems.append(f"sent twice: {call.method} {call.url}")

    def _answer(self, call: Call, kind: str) -> Reply:
        assert call.credential is not None
        token = self.tokens.get(call.credential.secret.reveal())
        path = [unquote(part) for part in urlsplit(call.url).path.split("/") if part]
        if token is None:
            return r.bare()
        if token.expired:
            return r.reply(401, r.EXPIRED, r.MARKS, r.JSON)
        if kind in ("profile", "accounts", "collections"):
            if token.organizations is not None:
                return r.bare()
            return r.profile(self.me) if kind == "profile" else r.names(*self.organizations)
        name = path[1] if self.version else path[0]
        if name.casefold() not in map(str.casefold, self.organizations):
            return r.reply(404, r.PAGE, r.MARKS, r.HTML)
        if not token.reaches(name):
            return r.bare()
        return self._inside(call, kind, token)

    def _inside(self, call: Call, kind: str, token: Rights) -> Reply:
        if kind == "connection-data":
            return r.connection_data(self.me)
        if kind == "version":
            said = f'{{"message":"The latest REST API version this server supports is {self.version}."}}'
            return r.reply(400, said, r.MARKS, r.JSON)
        if kind == "projects":
            return replace(
                r.granted(200), answer=Projects(tuple(Project(n, n) for n in self.repositories))
            )
        if kind == "repositories":
            project = unquote(urlsplit(call.url).path.split("/_apis")[0].rpartition("/")[2])
            found = tuple(Repository(name, name, project) for name in self.repositories[project])
            return replace(r.granted(200), answer=Repositories(found))
        if kind == "clone":
            kinds = (("Content-Type", "application/x-git-upload-pack-advertisement"),)
            return r.reply(200, "001e# service=git-upload-pack\n", r.MARKS, kinds)
        probe = PROBE_BY_NAME[kind]
        if token.scopes.get(probe.scope, Level.NONE) < probe.level:
            return r.missing()
        return r.granted(200 if probe.reads and "{random}" not in probe.path else 404)


PROBE_BY_NAME: dict[str, Probe] = {
    probe.name: probe for row in SCOPES.values() for probe in row.probes
}
UUID = "[0-9a-f]{8}-[0-9a-f-]{27}"


def _pattern(path: str) -> str:
    return re.escape(path).replace(r"\{random\}", UUID).replace(r"\{me\}", "[^&]*")


_PROBE_PATHS = {
    name: re.compile(_pattern(probe.path) + r"[?&]api-version=[^&]*$")
    for name, probe in PROBE_BY_NAME.items()
}


def kind_of(call: Call) -> str:
    """What a call asks: the name of a probe, or of the route."""
    for part, kind in (
        ("/_apis/connectionData", "connection-data"),
        ("/profile/profiles/me", "profile"),
        ("/_apis/accounts?", "accounts"),
        ("/_apis/projectCollections?", "collections"),
        ("api-version=99.0", "version"),
        ("/_apis/projects?$top=100", "projects"),
        ("/_apis/git/repositories?", "repositories"),
        ("/info/refs?service=git-upload-pack", "clone"),
    ):
        if part in call.url:
            return kind
    for name, path in _PROBE_PATHS.items():
        if path.search(call.url) and PROBE_BY_NAME[name].method == call.method:
            return name
    raise AssertionError(f"nobody plans this: {call.method} {call.url}")


class Rounds:
    """Errands side by side, with calls that all take as long; keeps every round trip: a crew for counting."""

    def __init__(self, send: Callable[[Call], Reply]) -> None:
        self._send = send
        self.trips: list[list[str]] = []

    def run_all(
        self, errands: Iterable[Any], then: Callable[[Any], Iterable[Any]] | None = None
    ) -> list[Any]:
        results: list[Any] = []
        under_way: list[tuple[Any, list[Reply] | None]] = [(errand, None) for errand in errands]
        while under_way:
            waiting, asked = under_way, []
            while waiting:
                errand, answers = waiting.pop(0)
                try:
                    asked.append((errand, errand.send(answers)))
                except StopIteration as end:
                    results.append(end.value)
                    waiting += [
                        (more, None) for more in (then(end.value) if then is not None else ())
                    ]
            if trip := [kind_of(call) for _, calls in asked for call in calls]:
                self.trips.append(trip)
            under_way = [(errand, [self._send(call) for call in calls]) for errand, calls in asked]
        return results

    @property
    def sizes(self) -> list[int]:
        return [len(trip) for trip in self.trips]


def pat(
    *names: str,
    purpose: Purpose = Purpose.ALM,
    site: Site = SERVICES,
    secret: str = PAT,
    clone: str = "no",
    **more: Any,
) -> Token:
    """One token to be proven in these organizations."""
    demanded = {key: more.pop(key) for key in ("reach", "read_only") if key in more}
    demand = Demand(purpose, check_clone=clone, **demanded)
    places = tuple(site.place(name) for name in names)
    return Token(Secret(secret), "a test", places, site, demand=demand, **more)


GRACE = Identity("99999999-2222-4333-8444-555555555555", "Grace Example", "grace@fabrikam.example")
