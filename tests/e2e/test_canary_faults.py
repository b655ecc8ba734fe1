"""The canary sweep goes on where something is wrong: each fault at each service, told in every way."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from aspm_ado.adapters.http import transport, trust
from aspm_ado.simulator import Simulator

from ..adapters.transport.servers import ConnectProxy, Server, answer
from ..hours import NIGHT
from .faults import FAULTS, STRUCK, Front
from .stage import Canaries, Stage, drawn, drawn_token, story
from .sweep import WAYS, Sweep
from .test_canary import flags_of

# Where the whole call has to end first, its time is short.
QUICK = ("--timeout", "3")
SLOW = ("silence", "a drip", "a drip in the head", "200 and slower", "429 for long")
TOLD_MOST = [way for way in WAYS.values() if way]
"""What tells more than the default does. By day they take turns from fault to fault where a run is long."""


def _turn(number: int) -> str:
    """By day one of the three places, which take turns from fault to fault."""
    return list(STRUCK)[number % len(STRUCK)]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Fabrikam Trust")


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setattr(trust, "system_stores", lambda *_: (path,))
    monkeypatch.setattr(transport, "back_off", lambda *_: 0.0)  # nobody waits before asking again
    return path


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("fault", FAULTS)
def test_no_trace_where_azure_devops_fails(
    tmp_path: Path, bundle: Path, opened: ExitStack, fault: str
) -> None:
    token = drawn_token()
    server = Front([FAULTS[fault][1]])
    opened.callback(server.close)
    stage = Stage(tmp_path / "stage", f"http://127.0.0.1:{server.port}/#key")
    here, path = Sweep(stage, Canaries([token])), stage.file("token", token)
    for way in WAYS.values() if NIGHT or fault not in SLOW else TOLD_MOST[:1]:
        quick = QUICK if fault in SLOW else ()
        told = here.run("validate", "-o", "contoso", "--pat-file", str(path), *quick, *way)
        assert told.code in (3, 4, 5), told
    assert server.struck
    assert not here.files()


PLACES = [
    (fault, where)
    for number, fault in enumerate(FAULTS)
    for where in (STRUCK if NIGHT else [_turn(number)])
]


@pytest.mark.parametrize(("fault", "where"), PLACES)
def test_no_trace_where_the_aspm_fails(
    tmp_path: Path, bundle: Path, opened: ExitStack, fault: str, where: str
) -> None:
    """At every request, at the one write, and where it is looked for what came of it."""
    played = story("register-api")
    simulator = opened.enter_context(Simulator(played.scenario))
    front = Front([FAULTS[fault][1]], behind=simulator.address, strikes=STRUCK[where])
    opened.callback(front.close)
    here = Sweep(
        Stage(tmp_path / "stage", f"http://127.0.0.1:{front.port}/#{simulator.key}"),
        Canaries(played.canaries),
    )
    place, more = flags_of(played, here.stage)
    quick = QUICK if fault in SLOW else ()
    turn = (list(FAULTS).index(fault) + list(STRUCK).index(where)) % len(TOLD_MOST)
    for number, way in enumerate(WAYS.values() if NIGHT else [TOLD_MOST[turn]]):
        here.run("connect", f"c{number}", *place, *more, *quick, *way)
        assert front.struck, "the fault was never met"
        if NIGHT and here.kept:
            for words in (("validate",), ("list",), ("handoff", f"c{number}")):
                here.run(*words, *(quick if words[0] != "list" else ()), *way)
    assert not here.files()


def certificate(
    authority: trustme.CA, *names: str, **settings: datetime.datetime
) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **settings).configure_cert(made)
    return made


@pytest.mark.parametrize(
    "kind", ["DNS", "refused", "unknown", "expired", "other host", "407", "a page of the proxy"]
)
def test_no_trace_where_nobody_is_reached(
    tmp_path: Path, bundle: Path, authority: trustme.CA, opened: ExitStack, kind: str
) -> None:
    """Rows 1 to 8: the name, the port, the certificate and the proxy, with a password of its own."""
    token, password = drawn_token(), drawn(40)
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    made = {
        "unknown": lambda: certificate(trustme.CA(organization_name="Nobody"), "localhost"),
        "expired": lambda: certificate(authority, "localhost", not_after=yesterday),
        "other host": lambda: certificate(authority, "tfs.example"),
    }
    environment, address = {}, "https://tfs.invalid/tfs"
    if kind in made:
        server = Server([answer()], tls=made[kind]())
        opened.callback(server.close)
        address = f"{server.url}/tfs"
    elif kind == "refused":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            address = f"https://127.0.0.1:{closed.getsockname()[1]}/tfs"
    elif kind != "DNS":
        refusal = answer(503, b"<p>")
        if kind == "407":
            refusal = answer(407, b"<p>who are you", "Proxy-Authenticate: Basic realm=x")
        page = answer(200, b"<p>a page", "Content-Type: text/html")
        box = ConnectProxy([page], refusal=refusal)
        opened.callback(box.close)
        environment = {"HTTPS_PROXY": f"http://ada:{password}@127.0.0.1:{box.port}"}
    stage = Stage(tmp_path / "stage", "")
    del stage.environment["ASPM_ADO_SIMULATOR"]
    here = Sweep(stage, Canaries([token, password]))
    where = ["--server-url", address, "--collection", "Contoso"]
    where += ["--pat-file", str(stage.file("token", token))]
    for way in WAYS.values():
        told = here.run("validate", *where, "--timeout", "5", *way, environment=environment)
        assert told.code == 5, told
    # A token variable named a proxy's own place: the environment of children keeps the proxy, as every program does.
    left = [one for one in here.files() if "environment of a child" not in one]
    assert not left
