"""What makes it fast, as counts that no clock decides: modules, connections, certificates, requests, memory."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.cli.context import Invocation
from aspm_ado.domain.questions import CHECK_CLONE, ORGANIZATION, QUIET
from aspm_ado.domain.report import Report
from aspm_ado.domain.stored import Catalogue
from aspm_ado.flows.validate import validate_ad_hoc
from aspm_ado.flows.validation.requests import MOST_REQUESTS, OTHERS_ASKED
from aspm_ado.flows.validation.scheduler import IN_FLIGHT

from ..doctor.stored import entry
from .processes import distributions
from .service import TOKEN, Service

SHOW = """
import sys
from aspm_ado.__main__ import main
try:
    main(sys.argv[1:])
finally:
    sys.stderr.write("\\nMODULES " + " ".join(sys.modules))
"""
HEAVY = frozenset(
    {
        "asyncio",
        "email",
        "http.client",
        "importlib.metadata",
        "logging",
        "multiprocessing",
        "ssl",
        "unittest",
    }
)
"""Of the standard library."""

PARSER = frozenset({"typer", "annotated_doc", "shellingham"})
"""Typer, and what it loads."""

RECORDS = PARSER | {"platformdirs"}
"""Those, and where the records are."""

NETWORK = PARSER | {"requests", "urllib3", "certifi", "charset_normalizer", "idna"}
"""That, and requests with what it loads."""

OF_ANSWERS = frozenset(
    {
        "aspm_ado.domain.azure.place",
        "aspm_ado.domain.documents",
        "aspm_ado.domain.http",
        "aspm_ado.domain.report",
        "aspm_ado.flows.answers",
    }
)
"""What is made of questions and answers: thirty classes, a fifth of the time of ``list``."""

STARTS: dict[str, tuple[tuple[str, ...], dict[str, str], frozenset[str]]] = {
    "version": (("--version",), {}, frozenset()),
    "tab": (
        (),
        {"_ASPM_ADO_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "aspm-ado va"},
        PARSER,
    ),
    "bare": ((), {}, PARSER),
    "help": (("--help",), {}, PARSER),
    "help of a command": (("connect", "--help"), {}, PARSER),
    "unknown option": (("validate", "--nonsense"), {}, PARSER),
    "unknown command": (("nonsense", "--json"), {}, PARSER),
    "list": (("list",), {}, RECORDS),
    "list --json": (("list", "--json"), {}, RECORDS),
    "guide": (("guide", "-o", "contoso"), {}, PARSER),
    "rotate what is not there": (("rotate", "nobody", "--no-input"), {}, RECORDS),
}
"""What is run, with which variables, and the packages of others that it may load."""


@pytest.mark.parametrize("name", STARTS)
def test_a_command_loads_what_it_needs_and_no_more(name: str, sealed: Path) -> None:
    words, variables, allowed = STARTS[name]
    DiskRecords(sealed / ".config" / "aspm-ado").change(
        lambda _: Catalogue({"contoso": entry("contoso")})
    )
    more = _modules(SHOW, words, variables) - _bare()
    assert _of_others(more) == allowed
    assert more & HEAVY == set()
    if name in ("version", "tab", "bare", "help", "list", "list --json"):
        assert more & OF_ANSWERS == set()


def test_validate_loads_the_network_and_no_more(sealed: Path) -> None:
    """No table, no model, no prompt and no keyring, where a token is given and a document wanted."""
    words = ("validate", "-o", "contoso", "--check-clone", "no", "--json")
    nobody = {"ASPM_ADO_PAT": TOKEN, "ASPM_ADO_SIMULATOR": "http://127.0.0.1:9/#key"}
    more = _modules(SHOW, words, nobody) - _bare()
    assert "aspm_ado.adapters.http.wire" in more
    assert _of_others(more) - {"backports"} == NETWORK
    assert more & {"asyncio", "multiprocessing", "unittest"} == set()


def _of_others(modules: set[str]) -> set[str]:
    """The packages of others among them."""
    return {
        module.partition(".")[0] for module in modules if not module.startswith("aspm_ado")
    } & _packages()


@cache
def _bare() -> frozenset[str]:
    """What Python itself loads."""
    return frozenset(
        _modules('import sys; sys.stderr.write("\\nMODULES " + " ".join(sys.modules))', (), {})
    )


def _modules(code: str, words: tuple[str, ...], variables: dict[str, str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return set(done.stderr.rpartition("MODULES ")[2].split())


@cache
def _packages() -> frozenset[str]:
    """What the distributions that we bring along are imported as."""
    return frozenset(
        Path(file.parts[0]).stem
        for name, made in distributions().items()
        if name != "aspm-ado"
        for file in made.files or ()
        if file.parts[0] not in ("..", "__pycache__") and "dist-info" not in file.parts[0]
    )


class Served:
    """The service of the benchmark in this process, without its delay: every name of Azure DevOps leads to it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, monkeypatch
        self._service: Service | None = None
        self.loads: Counter[str] = Counter()

    def play(self, count: int, delay: float = 0.0) -> Service:
        made = self._service = Service(count, self._folder, delay)
        look_up = socket.getaddrinfo
        load, loads = ssl.SSLContext.load_verify_locations, self.loads

        def counted(context: ssl.SSLContext, *given: Any, **named: Any) -> None:
            loads[str(given or sorted(named.items()))] += 1
            load(context, *given, **named)

        def to_loopback(host: str, port_: Any, *given: Any, **named: Any) -> Any:
            return look_up("127.0.0.1", made.port, *given, **named)

        self._patch.setattr(socket, "getaddrinfo", to_loopback)
        self._patch.setattr(ssl.SSLContext, "load_verify_locations", counted)
        return made

    def validate(self, count: int, token: str = TOKEN) -> Report:
        names = [f"org{number}" for number in range(count)]
        environment = {
            **os.environ,
            "ASPM_ADO_PAT": token,
            "SSL_CERT_FILE": str(self._folder / "ca.pem"),
            "ASPM_ADO_GLOBAL_PAT_END": "never",
        }
        flags = {ORGANIZATION.name: names, CHECK_CLONE.name: "no", QUIET.name: True}
        wiring = Invocation("validate", (ORGANIZATION, CHECK_CLONE, QUIET), flags, environment)
        try:
            return validate_ad_hoc(wiring.context())
        finally:
            wiring.close()

    def close(self) -> None:
        if self._service is not None:
            self._service.close()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    made = Served(tmp_path, monkeypatch)
    try:
        yield made
    finally:
        made.close()


def test_many_organizations_over_few_connections(served: Served) -> None:
    service = served.play(40, delay=0.01)
    report = served.validate(40)
    assert (int(report.exit_code), len(report.connections[0].organizations)) == (0, 40)
    assert service.counts["requests"] <= MOST_REQUESTS * 40
    assert 1 < service.most <= IN_FLIGHT, (
        "side by side, and no more than is polite (test_scheduler counts exactly)"
    )
    assert set(service.hosts) == {
        "dev.azure.com",
        "app.vssps.visualstudio.com",
        "vssps.dev.azure.com",
    } & set(service.hosts)
    assert max(service.hosts.values()) <= IN_FLIGHT, "each worker keeps its connection"
    assert served.loads
    assert set(served.loads.values()) == {1}, "each file of certificates is read once"


@pytest.mark.parametrize(("count", "most"), [(1, 2), (3, 2 + 2), (40, 2 + OTHERS_ASKED)])
def test_nothing_follows_where_the_first_answer_shows_a_dead_token(
    served: Served, count: int, most: int
) -> None:
    service = served.play(count)
    report = served.validate(count, token="C" * 84)
    assert int(report.exit_code) == 4
    assert service.counts["requests"] == most


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts what CPython allocates")
def test_memory_does_not_grow_with_what_is_under_way(served: Served) -> None:
    """What is kept of an organization is its report and the answers that it rests on: bounded for each.

    The service plays in this process, and is counted with it.
    """
    served.play(50)
    served.validate(4)  # whatever is imported or cached once
    few, many = _peak(lambda: served.validate(20)), _peak(lambda: served.validate(50))
    assert (many - few) / 30 < 75_000, "bytes for each further organization"


def _peak(run: Callable[[], object]) -> int:
    """The lesser peak of two runs.

    The interpreter has one table of all interned strings. Now and then it doubles, by 2 to 8 MB at
    once; whether within this run depends on all that the process did before, and it does not happen
    twice in a row.
    """
    peaks = []
    for _ in range(2):
        tracemalloc.start()
        try:
            run()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(peaks)


def test_an_installation_brings_little() -> None:
    """Every distribution is something to trust, to update and to download."""
    assert len(distributions()) <= 37
