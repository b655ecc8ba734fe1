"""Runs against the simulator: whose value wins, what is shown, what is sent, and what stays behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aspm_ado import __version__
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import (
    Entry,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredAspm,
    StoredCredential,
    StoredOrganization,
)
from aspm_ado.simulator import Simulator

from .conftest import Run, pat_of

Simulate = Callable[..., Simulator]
Files = Callable[..., str]


@pytest.fixture
def good(simulate: Simulate, token_file: Files) -> tuple[Simulator, str]:
    """A service, and a file with a token that it likes."""
    simulator = simulate("global")
    return simulator, token_file(pat_of(simulator))


def no_trace_of(secret: str, *places: Path) -> bool:
    return not any(
        secret.encode() in path.read_bytes()
        for place in places
        for path in place.rglob("*")
        if path.is_file()
    )


# --- validate, ad hoc


def test_ad_hoc(good: tuple[Simulator, str], run: Run, sealed: Path) -> None:
    simulator, file = good
    done = run("validate -o contoso --pat-file", file, "--json", "--no-input")
    assert done.code == 0
    [connection] = done.document["connections"]
    assert connection["name"] is None
    assert done.document["day_source"] == "server"
    [organization] = connection["organizations"]
    assert organization["registration"] == {
        "mode": "none",
        "state": "none",
        "proof": "none",
        "instance_id": None,
    }
    assert organization["token"]["source"] == f"file {file}"
    assert simulator.changes == []
    assert not [path for path in sealed.rglob("*") if path.is_file()]
    assert all("aspm" not in record.host for record in simulator.requests)


def test_as_text_stdout_is_the_result_alone(good: tuple[Simulator, str], run: Run) -> None:
    _, file = good
    done = run("validate -o contoso --pat-file", file, "--no-input")
    assert done.code == 0
    assert "Ready, with warnings. (exit 0) · 9 passed, 1 warning, 1 skipped" in done.out
    assert "A simulation" in done.err
    assert "A simulation" not in done.out
    assert "(--reach organization)" in done.out
    assert "NAME" not in done.out, "a command for a connection that there is not"


def test_a_document_is_the_same_whatever_is_said_beside_it(
    good: tuple[Simulator, str], run: Run
) -> None:
    _, file = good
    for more in (("-v",), ("-q",), ("--no-color",), ()):
        done = run("validate -o contoso --pat-file", file, "--json", "--no-input", *more)
        assert done.code == 0
        assert done.document["verdict"] == "ready-with-warnings"


def test_verbose_traces_each_request_and_no_secret(good: tuple[Simulator, str], run: Run) -> None:
    simulator, file = good
    done = run("validate -o contoso --pat-file", file, "--no-input", "-v")
    flat = "".join(done.err.split())
    for record in simulator.requests:
        assert record.host in flat
    assert done.err.count("connectionData") >= 1
    token = pat_of(simulator)
    pieces = {token[at : at + 12] for at in range(len(token) - 11)}
    assert not any(piece in done.out + done.err for piece in pieces if len(set(piece)) > 3)
    assert "Basic " not in done.err
    assert "ada@contoso.example" not in done.err


@pytest.mark.parametrize(
    ("choice", "status"),
    [
        ("no", "skip"),
        ("auto", "pass"),
        ("Payments/checkout api", "pass"),
        ("Payments/none", "fail"),
    ],
)
def test_the_clone_check(choice: str, status: str, good: tuple[Simulator, str], run: Run) -> None:
    _, file = good
    done = run(
        "validate -o contoso --pat-file", file, "--check-clone", choice, "--json", "--no-input"
    )
    [check] = [one for one in done.checks if one["id"] == "clone.token"]
    assert check["status"] == status
    assert done.code == (3 if status == "fail" else 0)


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ("not-a-member", "Azure DevOps accepts the token, but a permission or policy of fabrikam"),
        (
            "missing-scope",
            "Azure DevOps accepts the token, but it is not what Invicti ASPM needs.",
        ),
        ("expired", "Azure DevOps rejected the token."),
    ],
)
def test_ticket_problem_it_is(
    scenario: str, says: str, simulate: Simulate, token_file: Files, run: Run
) -> None:
    simulator = simulate(scenario)
    where = simulator.scenario.answers.organizations[0]
    words = ("validate -o", where, "--pat-file", token_file(pat_of(simulator)), "--no-input")
    done = run(*words)
    assert says in done.out
    assert "Not determined" not in done.out + done.err
    told = " ".join(run(*words, "--verbose").err.split())
    assert says in told
    for part in ("Conclusion:", "Not determined:", "ActivityId", "This text contains no secret."):
        assert part in told
    assert pat_of(simulator) not in told
    document = run(*words, "--verbose", "--json")
    assert "Not determined:" in document.err
    assert document.document["exit_code"] == done.code


def test_a_network_in_the_way_says_nothing_of_the_token(
    run: Run, token_file: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASPM_ADO_SIMULATOR", "http://127.0.0.1:1/#key")
    done = run("validate -o contoso --pat-file", token_file(), "--no-input", "-v", "--timeout", "5")
    assert done.code == 5
    assert "The network path to dev.azure.com failed" in done.out
    assert "The token could not be verified." in done.out
    assert "no answer" in done.err


def test_nobody_there_is_5(run: Run, token_file: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASPM_ADO_SIMULATOR", "http://127.0.0.1:1/#key")
    done = run(
        "validate -o contoso --pat-file", token_file(), "--json", "--no-input", "--timeout", "5"
    )
    assert done.code == 5
    assert done.failing == {"unreachable"}
    assert done.document["day_source"] == "local"
    assert done.document["verdict"] == "unknown"
    [made] = done.document["connections"][0]["organizations"]
    behind = {one["id"]: one["detail"] for one in made["checks"] if one["reason"] == "not-asked"}
    assert {"reach", "scope.code", "clone.token"} <= set(behind)
    assert all("could not determine" in detail for detail in behind.values()), (
        "nobody said that it is not taken"
    )


# --- whose value wins


def test_a_flag_wins_over_its_variable_and_an_empty_variable_is_unset(
    good: tuple[Simulator, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, file = good
    monkeypatch.setenv("ASPM_ADO_ORGANIZATION", "nowhere, fabrikam")
    monkeypatch.setenv("ASPM_ADO_REACH", "  ")
    monkeypatch.setenv("ASPM_ADO_COLLECTION", "")

    def organizations(*words: str) -> list[str]:
        document = run("validate", *words, "--pat-file", file, "--json", "--no-input").document
        return [one["name"] for one in document["connections"][0]["organizations"]]

    assert organizations() == ["nowhere", "fabrikam"]
    assert organizations("-o", "contoso") == ["contoso"]


REJECTED = "simulatednotatoken".ljust(52, "x")
"""Of a simulation, and good for nothing."""


def test_the_order_of_tokens(
    good: tuple[Simulator, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator, file = good
    monkeypatch.setenv("AZURE_DEVOPS_EXT_PAT", REJECTED)
    words = ("validate -o contoso --json --no-input",)

    def source(*more: str) -> tuple[str, int]:
        done = run(*words, *more)
        return done.document["connections"][0]["organizations"][0]["token"]["source"], done.code

    assert source() == ("AZURE_DEVOPS_EXT_PAT", 4)
    monkeypatch.setenv("AZURE_DEVOPS_EXT_PAT", REJECTED)
    monkeypatch.setenv("ASPM_ADO_PAT", pat_of(simulator))
    assert source() == ("ASPM_ADO_PAT", 0)
    monkeypatch.setenv("ASPM_ADO_PAT", REJECTED)
    assert source("--pat-file", file) == (f"file {file}", 0)


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_a_switch_by_its_variable(value: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASPM_ADO_JSON", value)
    assert run("list").document["connections"] == []


@pytest.mark.parametrize("value", ["0", "false", "No", "off", ""])
def test_a_switch_off_by_its_variable(
    value: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASPM_ADO_JSON", value)
    assert run("list").out == ""


def test_an_old_name_is_told(
    good: tuple[Simulator, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, file = good
    monkeypatch.setenv("KONDUKTO_HOST", "https://aspm.example.test")
    words = ("connect -o contoso --pat-file", file, "--dry-run", "--json", "--no-input")
    done = run(*words)
    assert "KONDUKTO_HOST is deprecated; use INVICTI_ASPM_HOST" in " ".join(done.err.split())
    assert done.document["connections"][0]["aspm"]["url"] == "https://aspm.example.test"
    monkeypatch.setenv("INVICTI_ASPM_HOST", "https://other.example.test")
    done = run(*words)
    assert "deprecated" not in done.err
    assert done.document["connections"][0]["aspm"]["url"] == "https://other.example.test"


def test_a_stored_connection_ignores_token_variables_and_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path)
    monkeypatch.setenv("ASPM_ADO_PAT", "z" * 52)
    done = run("validate --config-dir", str(tmp_path / "config"), "--json", "--no-input")
    assert "ASPM_ADO_PAT is set and not used" in done.err
    assert done.code == 7
    assert done.failing <= {"keyring-absent", "keyring-not-trusted"}


# --- shared options, help and version


@pytest.mark.parametrize(
    "words", [("--json", "list"), ("list", "--json"), ("--json", "list", "--json")]
)
def test_shared_options_before_and_after(words: tuple[str, ...], run: Run) -> None:
    assert run(*words).document["command"] == "list"


def test_a_folder_before_the_command(run: Run, tmp_path: Path) -> None:
    store(tmp_path)
    for words in (("--config-dir", str(tmp_path / "config"), "--json", "list"),
                  ("--json", "list", "--config-dir", str(tmp_path / "config"))):  # fmt: skip
        assert [one["name"] for one in run(*words).document["connections"]] == ["main"]


@pytest.mark.parametrize(
    "words", [("--version",), ("--version", "--json"), ("--json", "--version")]
)
def test_the_version(words: tuple[str, ...], run: Run) -> None:
    done = run(*words)
    assert (done.code, done.out) == (0, f"aspm-ado {__version__}\n")


# --- list and guide, offline


def store(tmp_path: Path, *, name: str = "main") -> None:
    """One connection of two organizations, without its secrets."""
    credentials = {
        "k1": StoredCredential("aspm-ado:main:k1", TokenFormat.V2_84, "Wx9Z", "2026-12-24", "--pat-expires", Reach.ORGANIZATION,
                               "1", "Ada Example", "ada@contoso.example"),
        "k2": StoredCredential("aspm-ado:main:k2", TokenFormat.LEGACY_52, "old2"),
    }  # fmt: skip
    handed = Registration(RegistrationMode.GUIDED, RegistrationState.HANDED_OFF)
    organizations = (
        StoredOrganization("Contoso", "k1", "", handed, {"reach": "pass", "scope.code": "partial"}),
        StoredOrganization("Fabrikam", "k2"),
    )
    entry = Entry(name, Deployment.SERVICES, "https://dev.azure.com", Purpose.ALM, credentials, organizations,
                  StoredAspm("https://aspm.example.test"), created="2026-10-01T00:00:00Z")  # fmt: skip
    DiskRecords(tmp_path / "config", command="a test").change(
        lambda catalogue: catalogue.commit(entry)
    )


def test_an_empty_list(run: Run) -> None:
    done = run("list")
    assert (done.code, done.out) == (0, "")
    assert "aspm-ado connect" in done.err
    assert run("list --json").document["connections"] == []


def test_a_list(run: Run, tmp_path: Path) -> None:
    store(tmp_path)
    document = run("list --json --config-dir", str(tmp_path / "config")).document
    [connection] = document["connections"]
    assert [one["name"] for one in connection["organizations"]] == ["Contoso", "Fabrikam"]
    assert connection["organizations"][0]["registration"]["state"] == "handed-off"
    assert connection["organizations"][1]["token"]["days_left"] is None
    assert document["exit_code"] == 0
    assert "aspm-ado:main" not in json.dumps(document)
    text = run("list --config-dir", str(tmp_path / "config"))
    assert text.code == 0
    for word in ("main", "Contoso", "Fabrikam", "…Wx9Z", "handed-off", "https://aspm.example.test"):
        assert word in text.out
    heading, *rows = text.out.splitlines()
    assert heading.split() == ["Organization", "Token", "Owner", "Expires", "Registration"]
    assert {row.index("…") for row in rows if "…" in row} == {heading.index("Token")}, "columns"


@pytest.mark.parametrize("purpose", ["alm", "alm+issue-manager", "issue-manager"])
def test_a_guide(purpose: str, run: Run, simulate: Simulate) -> None:
    simulator = simulate()
    words = ("guide -o https://dev.azure.com/contoso/x --purpose", purpose, "--no-input")
    document = run(*words, "--json").document
    assert document["token_page"] == "https://dev.azure.com/contoso/_usersSettings/tokens"
    assert document["day_source"] == "local"
    text = run(*words)
    assert text.code == 0
    for box in document["boxes"]:
        assert box["choice"] in text.out
    assert document["token_page"] in text.out
    assert simulator.requests == []


def test_the_request_to_the_administrator(run: Run) -> None:
    done = run("guide -o contoso --greyed-out --no-input")
    assert done.code == 0
    assert "Restrict personal access token creation" in done.out
    assert "contoso" in done.out
    assert "by the local clock" in done.err
    assert run("guide -o contoso --request creation --no-input").out == done.out


@pytest.mark.parametrize(
    ("policy", "word"), [("global", "global"), ("full-scope", "full-scoped"), ("access", "VS4")]
)
def test_the_request_for_each_policy(policy: str, word: str, run: Run) -> None:
    done = run("guide -o contoso --request", policy, "--no-input")
    assert done.code == 0
    assert word in done.out
    document = run("guide -o contoso --request", policy, "--no-input", "--json").document
    assert document["administrator_request"].splitlines() == done.out.splitlines()


def test_a_server_has_none_of_the_policies_of_services(run: Run) -> None:
    where = (
        "--server-url",
        "https://tfs.example.test/tfs",
        "--collection",
        "DefaultCollection",
        "--no-input",
    )
    assert run("guide", *where, "--request", "creation").code == 0
    done = run("guide", *where, "--request", "global", "--json")
    assert (done.code, done.reason) == (2, "input-invalid")


# --- connect, and what it leaves behind


CONNECT = ("connect -o contoso --aspm-url https://aspm.example.test --json --no-input",)


def test_a_rehearsal(good: tuple[Simulator, str], run: Run, sealed: Path) -> None:
    simulator, file = good
    done = run(*CONNECT, "--pat-file", file, "--dry-run", "--register", "guided")
    assert done.code == 0
    [organization] = done.document["connections"][0]["organizations"]
    assert organization["registration"]["state"] == "planned"
    assert simulator.changes == []
    assert no_trace_of(pat_of(simulator), sealed)
    assert run("list --json").document["connections"] == []


def test_keeping_nothing(good: tuple[Simulator, str], run: Run, sealed: Path) -> None:
    simulator, file = good
    done = run(*CONNECT, "--pat-file", file, "--store", "none", "--register", "guided")
    assert done.code == 0
    assert (
        done.document["connections"][0]["organizations"][0]["registration"]["state"] == "handed-off"
    )
    assert "migrate" not in done.out, "there is nothing to migrate"
    assert no_trace_of(pat_of(simulator), sealed)
    assert run("list --json").document["connections"] == []


def test_a_step_that_remains_is_8_where_more_was_asked(
    good: tuple[Simulator, str], run: Run
) -> None:
    _, file = good
    done = run(*CONNECT, "--pat-file", file, "--store", "none")
    assert done.code == 8
    assert done.document["verdict"] == "ready-with-warnings"
    done = run(*CONNECT, "--pat-file", file, "--store", "none", "--dry-run")
    assert done.code == 0


def test_without_a_registration_the_aspm_is_not_needed(
    good: tuple[Simulator, str], run: Run
) -> None:
    _, file = good
    words = (
        "connect -o contoso --pat-file",
        file,
        "--store",
        "none",
        "--register",
        "none",
    )
    done = run(*words, "--json", "--no-input")
    assert done.code == 0
    assert done.document["connections"][0]["aspm"] is None


def test_a_store_that_is_not_trusted_is_found_before_the_first_request(
    good: tuple[Simulator, str], run: Run
) -> None:
    simulator, file = good
    done = run(*CONNECT, "--pat-file", file)
    assert done.code == 7
    assert done.reason in ("keyring-absent", "keyring-not-trusted")
    assert simulator.requests == []


def test_if_none_is_good_nothing_is_registered(
    simulate: Simulate, token_file: Files, run: Run
) -> None:
    simulator = simulate("missing-scope")
    done = run(*CONNECT, "--pat-file", token_file(pat_of(simulator)), "--store", "none")
    assert done.code == 3
    [organization] = done.document["connections"][0]["organizations"]
    assert organization["registration"]["mode"] == "none"
    assert organization["registration"]["state"] == "none"
    assert all("aspm" not in record.host for record in simulator.requests)


def test_the_good_go_on_without_the_bad(good: tuple[Simulator, str], run: Run) -> None:
    _, file = good
    done = run(
        *CONNECT, "-o", "nowhere", "--pat-file", file, "--store", "none", "--register", "guided"
    )
    assert done.code == 3
    contoso, nowhere = done.document["connections"][0]["organizations"]
    assert contoso["registration"]["state"] == "handed-off"
    assert nowhere["registration"]["state"] == "none"
    assert done.failing == {"organization-absent"}
