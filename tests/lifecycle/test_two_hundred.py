"""Two hundred stored connections over real HTTP, one of them with a dead host: every cost is what the plan says."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.adapters.http.trust import load_trust
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import API_VERSIONS
from aspm_ado.domain.azure.scopes import highest_probes, probes_for
from aspm_ado.domain.stored import Catalogue, StoredAspm
from aspm_ado.flows.validation.requests import MOST_REQUESTS
from aspm_ado.flows.validation.scheduler import IN_FLIGHT
from aspm_ado.simulator import SCENARIOS, Simulator, samples
from aspm_ado.simulator.http import Request, Response
from aspm_ado.simulator.scopes import FULL_ACCESS
from aspm_ado.simulator.world import GitRepository, Organization, TeamProject

from ..flows.context import entry_of_one

MANY = 200
DEAD = "Org117"
ASPM = f"https://{samples.ASPM_HOST}"
TRIES = 3
"""How often a GET is sent to a host that hangs up: once, and twice again."""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the most memory of a process is read from /proc"
)


def purpose_of(number: int) -> Purpose:
    """Every tenth connection files issues only, every other tenth both."""
    return {0: Purpose.ISSUE_MANAGER, 5: Purpose.ALM_AND_ISSUE_MANAGER}.get(
        number % 10, Purpose.ALM
    )


NAMES = {f"Org{number:03}": purpose_of(number) for number in range(MANY)}
SCOPES = {
    Purpose.ALM: samples.ALM_SCOPES,
    Purpose.ISSUE_MANAGER: frozenset({"vso.project_manage", "vso.work_full"}),
    Purpose.ALM_AND_ISSUE_MANAGER: frozenset({FULL_ACCESS}),
}


@dataclass(frozen=True)
class Cost:
    """Of one connection."""

    requests: int
    rounds: int


def cost(purpose: Purpose) -> Cost:
    """Who it is and how far it sees; the scopes at once; then a clone: its project, its repository, and both ways."""
    probes = probes_for(purpose, Deployment.SERVICES, API_VERSIONS[0])
    if len(probes) + 3 > MOST_REQUESTS:
        probes = highest_probes(probes)
    clone = Cost(4, 3) if purpose.reads_code else Cost(0, 0)
    return Cost(2 + len(probes) + clone.requests, 2 + clone.rounds)


def token_of(name: str) -> str:
    return samples.pat(name, name[-4:])


class WithADeadHost(Simulator):
    """One organization is never answered: what asks it is let go, unanswered, once all others said who they are."""

    def __init__(self, *rest: Any, **more: Any) -> None:
        super().__init__(*rest, **more)
        self.greeted: set[str] = set()
        self.all_greeted = threading.Event()
        self.kept_waiting: list[bool] = []

    def respond(self, request: Request) -> Response:
        name = request.segments[0] if request.segments else ""
        if name == DEAD:
            self.kept_waiting.append(self.all_greeted.wait(60))
            return Response(0, is_lost=True)
        response = super().respond(request)
        if name in NAMES:
            self.greeted.add(name)
            if len(self.greeted) == MANY - 1:
                self.all_greeted.set()
        return response


def catalogue() -> Catalogue:
    aspm = StoredAspm(ASPM, "standalone")
    entries = [
        entry_of_one(name, f"aspm-ado:{name}:k", name[-4:], purpose=purpose, aspm=aspm)
        for name, purpose in NAMES.items()
    ]
    made = Catalogue(
        {entry.name: entry for entry in entries}, aspm_tokens={ASPM: "aspm-ado:aspm:k"}
    )
    return made.bound(made.unbound)


def world():
    repository = (TeamProject("Payments", (GitRepository("checkout api"),)),)
    like = samples.token("", expires=date(2027, 1, 13))
    return replace(
        SCENARIOS["global"].world,
        organizations=tuple(Organization(name, repository, (samples.ADA,)) for name in NAMES),
        tokens=tuple(
            replace(like, value=token_of(name), scopes=SCOPES[purpose], reach=name)
            for name, purpose in NAMES.items()
        ),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The document, the counts, and the simulator that was asked."""
    folder: Path = tmp_path_factory.mktemp("two-hundred")
    DiskRecords(folder / "records").change(lambda _: catalogue())
    secrets = {f"aspm-ado:{name}:k": token_of(name) for name in NAMES} | {
        "aspm-ado:aspm:k": samples.ASPM_TOKEN
    }
    (folder / "kept").write_text(json.dumps(secrets))
    with WithADeadHost(SCENARIOS["global"], world=world()) as simulator:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("counted.py")), str(folder / "kept"), str(folder / "counts"),
             "validate", "--json", "--quiet", "--timeout", "120"],
            env={"HOME": str(folder), "ASPM_ADO_CONFIG_DIR": str(folder / "records"),
                 "ASPM_ADO_GLOBAL_PAT_END": "never", "ASPM_ADO_SIMULATOR": simulator.variable},
            capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        document = json.loads(done.stdout)
        assert document["exit_code"] == done.returncode
        return document, json.loads((folder / "counts").read_text()), simulator


def test_each_costs_what_the_plan_says(run):
    """Requests and round trips of each connection, by its purpose; the ASPM that all of them share is asked once."""
    _, counts, simulator = run
    sent = Counter(one.token_last4 for one in simulator.requests if one.host != samples.ASPM_HOST)
    living = {name: purpose for name, purpose in NAMES.items() if name != DEAD}
    assert {name: sent[name[-4:]] for name in living} == {
        name: cost(purpose).requests for name, purpose in living.items()
    }
    assert {name: counts["rounds"][name.lower()] for name in living} == {
        name: cost(purpose).rounds for name, purpose in living.items()
    }
    aspm = [
        one.path.partition("?")[0] for one in simulator.requests if one.host == samples.ASPM_HOST
    ]
    assert len(aspm) == len(set(aspm)) == counts["rounds"][samples.ASPM_HOST] + 1, (
        "both health addresses, token, projects"
    )
    assert simulator.changes == []


def test_connections_certificates_and_secrets(run, monkeypatch):
    """A connection for each call in flight at most, kept; certificates loaded once; each secret read once."""
    _, counts, simulator = run
    loads = []
    load = ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(
        ssl.SSLContext,
        "load_verify_locations",
        lambda self, **places: (loads.append(""), load(self, **places))[1],
    )
    load_trust({}, None, pytest.fail)
    assert counts["loads"] == len(loads)
    lost = len(simulator.kept_waiting)
    assert counts["opened"] <= IN_FLIGHT + lost, (
        "only what the dead host hung up on is opened again"
    )
    assert set(counts["reads"].values()) == {1}
    assert len(counts["reads"]) == MANY + 1


def test_a_dead_host_costs_its_own_call_and_no_other_verdict(run):
    """It was let go when all others had said who they are: so none of them waited for it. It was asked no more."""
    document, counts, simulator = run
    assert simulator.kept_waiting == [True] * TRIES
    assert counts["rounds"][DEAD.lower()] == 1
    verdicts = {
        connection["name"]: {
            check["status"]
            for check in connection["organizations"][0]["checks"]
            if check["required"]
        }
        for connection in document["connections"]
    }
    assert "unknown" in verdicts.pop(DEAD.lower())
    assert len(verdicts) == MANY - 1
    assert not [name for name, found in verdicts.items() if found & {"fail", "unknown"}]
    assert document["exit_code"] == 5


def test_the_most_memory(run):
    """Less than 60 MiB, whatever is stored."""
    _, counts, _ = run
    assert 0 < counts["peak_kib"] < 60 * 1024
