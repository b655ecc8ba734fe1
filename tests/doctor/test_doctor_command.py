"""The command from outside: the document, the lines, the exit code, and what must never be in either."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.domain.stored import Catalogue, Draft, RegistrationState
from aspm_ado.simulator import SCENARIOS, Simulator

from ..adapters.transport.servers import Server
from .conftest import row, rows
from .loopback import azure, proxy
from .stored import catalogue, entry

Doctor = Callable[..., tuple[int, Any]]
Opened = Callable[[Server], Server]

CANARIES = {
    "ASPM_ADO_PAT": "canary-pat-3141592653",
    "AZURE_DEVOPS_EXT_PAT": "canary-ext-2718281828",
    "INVICTI_ASPM_TOKEN": "canary-aspm-1414213562",
    "KONDUKTO_TOKEN": "canary-old-1732050807",
    "ASPM_ADO_ORGANIZATION": "canary-organization",
    "ASPM_ADO_TYPO_PAT": "canary-typo-2236067977",
    "INVICTI_ASPM_HOST": "https://canary-host.invalid",
}


@pytest.fixture
def home(sealed: Path) -> Path:
    return sealed


@pytest.fixture
def store(home: Path) -> Callable[[Catalogue], Path]:
    """Puts connections on record."""

    def put(stored: Catalogue) -> Path:
        folder = home / ".config" / "aspm-ado"
        DiskRecords(folder).change(lambda _: stored)
        return folder

    return put


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulation in which everything is in order, and nothing is kept."""
    monkeypatch.setenv("ASPM_ADO_STORE", "none")


def test_a_machine_in_order_is_0(
    doctor: Doctor, nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator(SCENARIOS["global"]) as simulator:
        address = simulator.address
        monkeypatch.setenv("ASPM_ADO_SIMULATOR", simulator.variable)
        code, document = doctor()
    assert (code, document["exit_code"], document["error"]) == (0, 0, None)
    assert document["verdict"] == "ready"
    assert {check["status"] for check in document["checks"]} == {"ok", "skip"}
    assert [check["title"] for check in rows(document, "network.dns")] == [address[7:] + ": DNS"]
    assert row(document, "network.clock")["detail"].startswith("Skipped: a simulation")
    assert row(document, "keyring.read")["reason"] == "nothing-kept"


def test_the_document_has_the_agreed_shape(doctor: Doctor) -> None:
    _, document = doctor()
    assert document["schema"] == "aspm-ado/doctor/v1"
    assert document["command"] == "doctor"
    assert {"version", "at", "verdict", "exit_code", "error", "checks"} <= set(document)
    for check in document["checks"]:
        assert [*check] == ["id", "title", "status", "reason", "detail", "remedy", "milliseconds"]
        assert check["status"] in ("ok", "warn", "fail", "skip")
        assert check["detail"]
        assert check["remedy"] or check["status"] not in ("warn", "fail")
        assert check["reason"] or check["status"] != "skip"
        assert check["milliseconds"] is None or isinstance(check["milliseconds"], int)


def test_hosts_of_services_are_examined_when_nothing_is_stored(doctor: Doctor) -> None:
    code, document = doctor("--timeout", "2")
    names = [check["title"].partition(":")[0] for check in rows(document, "network.dns")]
    assert names == [
        "dev.azure.com",
        "vssps.dev.azure.com",
        "vsaex.dev.azure.com",
        "app.vssps.visualstudio.com",
    ]
    assert code == 7
    assert row(document, "keyring.class")["reason"] == "keyring-not-trusted"


def test_a_dead_host_is_5(doctor: Doctor, nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ASPM_ADO_SIMULATOR", f"http://127.0.0.1:{holder.getsockname()[1]}/#key")
        code, document = doctor()
    assert (code, document["verdict"]) == (5, "unknown")
    assert row(document, "network.connect")["reason"] == "unreachable"
    assert row(document, "network.clock")["status"] == "skip"


@pytest.mark.parametrize(
    ("skew", "status"),
    [(timedelta(0), "ok"), (timedelta(minutes=9), "warn"), (timedelta(days=3), "fail")],
)
def test_a_stored_server_is_examined_to_its_clock(
    doctor: Doctor,
    store: Callable[[Catalogue], Path],
    opened: Opened,
    certificates: dict[str, ssl.SSLContext],
    bundle: Path,
    skew: timedelta,
    status: str,
) -> None:
    host = opened(azure(certificates["good"], skew))
    store(catalogue(entry("tfs", f"{host.url}/tfs", ca_bundle=str(bundle))))
    _, document = doctor()
    assert [check["status"] for name in ("dns", "connect", "tls") for check in rows(document, f"network.{name}")] == [
        "ok", "ok", "ok"
    ]  # fmt: skip
    clock = row(document, "network.clock")
    assert clock["status"] == status
    assert f"GET {host.url}/tfs/_apis/projectCollections?api-version=5.0" in clock["detail"]
    (request,) = host.received
    assert request.all("Authorization") == []
    assert [check["title"] for check in rows(document, "network.trust")] == [
        "Trusted certificates", f"{bundle}: Trusted certificates"
    ]  # fmt: skip


def test_a_proxy_that_refuses_is_told_without_its_sign_in(
    doctor: Doctor,
    store: Callable[[Catalogue], Path],
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    box = opened(proxy(407))
    store(catalogue(entry("tfs", "https://tfs.example/tfs")))
    monkeypatch.setenv("HTTPS_PROXY", f"http://canary-user:canary-password@localhost:{box.port}")
    _, document = doctor()
    assert row(document, "network.proxy")["detail"] == (
        f"tfs.example: through localhost:{box.port} (HTTPS_PROXY, with a sign-in)."
    )
    assert row(document, "network.connect")["reason"] == "proxy-failed"
    assert "canary" not in json.dumps(document)


@pytest.mark.parametrize(
    "backend",
    [
        "keyring.backends.null.Keyring",
        "keyring.backends.chainer.ChainerBackend",
        "keyrings.alt.file.Any",
    ],
)
def test_a_keyring_that_is_not_trusted(
    doctor: Doctor, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    code, document = doctor("--timeout", "2")
    found = row(document, "keyring.class")
    assert (code, found["status"], found["reason"]) == (7, "fail", "keyring-not-trusted")
    assert backend in found["detail"]
    assert row(document, "keyring.read")["status"] == "skip"


@pytest.mark.skipif(sys.platform != "linux", reason="a session without a bus")
def test_a_session_without_a_keyring(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/no/such/bus")
    code, document = doctor("--timeout", "2")
    assert (code, row(document, "keyring.class")["reason"]) == (7, "keyring-absent")


def test_records_that_are_damaged_or_newer(
    doctor: Doctor, store: Callable[[Catalogue], Path]
) -> None:
    folder = store(catalogue())
    (folder / "catalog.json").write_text("{")
    assert row(doctor("--timeout", "2")[1], "records.catalogue")["reason"] == "records-unreadable"
    (folder / "catalog.json").write_text('{"schema": "aspm-ado/catalog/v99"}')
    assert row(doctor("--timeout", "2")[1], "records.catalogue")["reason"] == "records-newer"
    assert (folder / "catalog.json").read_text() == '{"schema": "aspm-ado/catalog/v99"}'


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_a_folder_that_others_write_to(doctor: Doctor, store: Callable[[Catalogue], Path]) -> None:
    store(catalogue()).chmod(0o770)
    code, document = doctor("--timeout", "2")
    found = row(document, "records.folder")
    assert (code, found["reason"]) == (7, "records-unreadable")
    assert found["remedy"] == "Run `chmod go-w ~/.config/aspm-ado`."


def test_unfinished_work_is_told_with_the_command(
    doctor: Doctor, store: Callable[[Catalogue], Path]
) -> None:
    stored = catalogue(
        entry("contoso", "http://127.0.0.1:9/tfs", state=RegistrationState.HANDED_OFF),
        pending={"late": ("s",)},
    )
    DiskRecords(store(stored)).save_draft(Draft({"purpose": "alm"}))
    _, document = doctor()
    told = {check["id"]: check for check in document["checks"]}
    assert told["records.pending"]["remedy"] == "To continue, run: aspm-ado connect late"
    assert told["records.handoff"]["remedy"] == "To continue, run: aspm-ado handoff contoso"
    assert told["records.handoff"]["reason"] == "handed-off"
    assert told["records.draft"]["status"] == "warn"


def test_an_unreadable_ca_bundle_is_told_and_the_rest_is_examined(
    doctor: Doctor, opened: Opened, store: Callable[[Catalogue], Path]
) -> None:
    host = opened(azure())
    store(catalogue(entry("tfs", host.url.replace("http:", "https:"))))
    _, document = doctor("--ca-bundle", "/no/such/ca.pem")
    assert row(document, "network.trust")["reason"] == "tls-untrusted"
    assert row(document, "network.connect")["status"] == "ok"
    assert row(document, "network.tls")["status"] == "skip"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASPM_ADO_GLOBAL_PAT_END", "soon"),
        ("ASPM_ADO_TIMEOUT", "-1"),
        ("ASPM_ADO_SIMULATOR", "http://dev.example"),
    ],
)
def test_a_value_that_is_refused_ends_the_run_with_a_document(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    code, document = doctor()
    assert (code, document["schema"]) == (2, "aspm-ado/doctor/v1")
    assert document["error"]["remedy"]


def test_the_day_in_force_and_its_source(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        "2026-12-01 (as Microsoft announced it)"
        in row(doctor("--timeout", "2")[1], "machine.retirement")["detail"]
    )
    monkeypatch.setenv("ASPM_ADO_GLOBAL_PAT_END", "never")
    told = row(doctor("--timeout", "2")[1], "machine.retirement")["detail"]
    assert told == "Never (ASPM_ADO_GLOBAL_PAT_END)."


def test_the_lines_are_for_a_ticket(doctor: Doctor, store: Callable[[Catalogue], Path]) -> None:
    store(catalogue(entry("contoso", "http://127.0.0.1:9/tfs", state=RegistrationState.HANDED_OFF)))
    code, text = doctor(text=True)
    lines = text.splitlines()
    assert [line for line in lines if line in ("This "
                                               "machine", "Keyring", "Configuration", "Network")] == [
        "This machine", "Keyring", "Configuration", "Network"
    ]  # fmt: skip
    assert re.search(r"^\[ OK \] Configuration directory: ~/\.config/aspm-ado", text, re.MULTILINE)
    assert re.search(
        r"^\[WARN\] Steps remaining in Invicti ASPM: .*\n       → To continue, run: aspm-ado handoff contoso$",
        text,
        re.MULTILINE,
    )
    assert re.search(r"^\[FAIL\] Keyring in use: ", text, re.MULTILINE)
    assert re.search(r"^\[SKIP\] Read access: ", text, re.MULTILINE)
    assert lines[-1].endswith(f"(exit {code})")
    assert max(map(len, lines)) <= 110


def test_a_host_has_one_row_with_all_its_steps_or_the_one_that_failed(
    doctor: Doctor,
    store: Callable[[Catalogue], Path],
    opened: Opened,
    certificates: dict[str, ssl.SSLContext],
    bundle: Path,
) -> None:
    good, bad = opened(azure(certificates["good"])), opened(azure(certificates["unknown"]))
    store(
        catalogue(
            entry("a", f"{good.url}/tfs", ca_bundle=str(bundle)),
            entry("b", f"{bad.url}/tfs", ca_bundle=str(bundle)),
            entry("c", "http://127.0.0.1:9/tfs"),
        )
    )
    _, text = doctor(text=True)
    said = " ".join(text.split())
    assert re.search(
        rf"\[ OK \] localhost:{good.port}: DNS: [^\[]*127\.0\.0\.1.*? "
        rf"Connection: 127\.0\.0\.1 port {good.port}\. TLS: TLSv1\.3; issued by .*? \(\d+ ms\)",
        said,
    )
    assert re.search(rf"\[FAIL\] localhost:{bad.port}: TLS: .* not signed by .* → ", said)
    assert re.search(r"\[FAIL\] 127\.0\.0\.1:9: Connection: .* it was refused\.", said)
    for host in (f"localhost:{good.port}", f"localhost:{bad.port}", "127.0.0.1:9"):
        assert len(re.findall(rf"^\[.{{4}}\] {re.escape(host)}: ", text, re.MULTILINE)) == 1, host


@pytest.mark.parametrize("text", [False, True])
def test_no_value_no_secret_and_no_home_is_told(home: Path, tmp_path: Path, text: bool) -> None:
    """A process of its own, every variable a canary, and the home in every path that is shown."""
    folder = home / ".config" / "aspm-ado"
    DiskRecords(folder).change(
        lambda _: catalogue(
            entry("tfs", "https://tfs.invalid/tfs", ca_bundle=str(home / "no-ca.pem")),
            erasing=("aspm-ado:service-canary-7731",),
        )
    )
    DiskRecords(folder).save_draft(Draft({"organization": "canary-answer"}))
    environment = {
        **os.environ,
        **CANARIES,
        "ASPM_ADO_CA_BUNDLE": "",
        "HTTP_PROXY": "http://canary-user:canary-pass@127.0.0.1:9",
        "SSL_CERT_FILE": str(home / "no-such.pem"),
    }
    arguments = ["doctor", "--verbose", *([] if text else ["--json"])]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "aspm_ado", *arguments],
        env=environment, cwd=tmp_path, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    said = done.stdout.decode()
    assert done.returncode == 7, done.stderr
    assert "canary" not in said
    assert str(home) not in said
    assert "ASPM_ADO_PAT" in said
    assert "Unknown: ASPM_ADO_TYPO_PAT" in " ".join(said.split())
    assert "~/no-ca.pem" in said
    assert "canary-pat" not in done.stderr.decode()
