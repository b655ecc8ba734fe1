"""The simulator as a function from calls to replies; and a scheduler that counts round trips."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aspm_ado.adapters.http.services import AzureDevOps
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import SERVICES, NamedRepository, Site
from aspm_ado.domain.azure.scopes import SCOPES, Probe
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.validation.token import Demand
from aspm_ado.flows.validation.token import Token as Pat
from aspm_ado.simulator import SCENARIOS
from aspm_ado.simulator.scopes import FULL_ACCESS
from aspm_ado.simulator.world import GitRepository, IssuedToken, TeamProject

from ..simulator.in_process import InProcess
from ..simulator.monitor import Inputs
from ..simulator.strict import StrictSimulator
from ..simulator.worlds import ALM, SERVER_HOST, a_server, a_token, a_world, an_organization

EVERYTHING = frozenset({FULL_ACCESS})
TODAY = datetime(2026, 10, 15, 12, tzinfo=UTC)
THAT_DAY = TODAY.date()
TFS = Site(Deployment.SERVER, f"https://{SERVER_HOST}/tfs")
PAT = "SimulatedNotAToken".ljust(76, "7") + "AZDOWx9Z"
PROJECTS = (TeamProject("Payments", (GitRepository("checkout api"),)),)


def token(scopes: frozenset[str] = ALM, reach: str | None = None, **more: Any) -> IssuedToken:
    """A token of Ada's, by default with this value."""
    return a_token(scopes, reach, **{"value": PAT, **more})


class Service:
    """Answers calls, by ``overrides`` or as the world does; every call is kept."""

    def __init__(
        self,
        *tokens: IssuedToken,
        organizations: Iterable[str] = ("Contoso",),
        version: str = "",
        projects: tuple[TeamProject, ...] = PROJECTS,
        **world: Any,
    ) -> None:
        places = tuple(an_organization(name, projects=projects) for name in organizations)
        if version:
            world = {"server": a_server(version, collections=places), **world}
            tokens = tuple(replace(one, home="server") for one in tokens)
        here = a_world(*tokens, now=TODAY, **{"organizations": places, **world})
        self.simulator = StrictSimulator(SCENARIOS["global"], world=here)
        self.monitor = self.simulator.monitor
        self._send = AzureDevOps(InProcess(self.simulator)).send
        self.overrides: dict[str, Callable[[Call], Reply]] = {}
        self.calls: list[Call] = []
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> Reply:
        with self._lock:
            self.calls.append(call)
        name = kind_of(call)
        if name in self.overrides:
            return replace(self.overrides[name](call), call=call, received=TODAY)
        return self._send(call)

    def begin(self, *secrets: str) -> None:
        """A run begins that was given these."""
        given = [one for one in self.simulator.world.tokens if one.value in secrets]
        unknown = [token(value=one) for one in secrets]
        self.monitor.requests.clear()
        self.monitor.begin_run(Inputs({one.value: one for one in (*unknown, *given)}))

    def edit(self, changed: IssuedToken) -> None:
        """A token gets other scopes."""
        self.simulator.edit(changed.value, changed.scopes)

    def names(self, since: int = 0) -> list[str]:
        """What was asked, by kind."""
        return [kind_of(call) for call in self.calls[since:]]

    @property
    def problems(self) -> list[str]:
        """The rules that were broken; a person who checks again has a probe sent again."""
        return [one for one in self.monitor.violations if not one.startswith("a write was sent")]


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


def candidate(
    *names: str,
    purpose: Purpose = Purpose.ALM,
    site: Site = SERVICES,
    secret: str = PAT,
    clone: str | NamedRepository = "no",
    **more: Any,
) -> Pat:
    """One token to be proven in these organizations."""
    demanded = {key: more.pop(key) for key in ("reach", "read_only") if key in more}
    demand = Demand(purpose, check_clone=clone, **demanded)
    places = tuple(site.place(name) for name in names)
    return Pat(Secret(secret), "a test", places, site, demand=demand, **more)
