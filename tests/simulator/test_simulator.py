"""The simulator's own promises: its record, its list of changes, its life, and that it is a stranger."""

import ast
import http.client
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import aspm_ado.simulator
from aspm_ado.simulator import SCENARIOS, Simulator

DEV = "https://dev.azure.com/contoso"
SOURCES = sorted(Path(aspm_ado.simulator.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])
def test_it_is_a_stranger(source):
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            root = name.partition(".")[0]
            assert name.startswith("aspm_ado.simulator") or root in sys.stdlib_module_names, (
                f"{source.name}: {name}"
            )


def repository_id(ask):
    listed = ask("GET", f"{DEV}/_apis/git/repositories?api-version=7.1").json["value"]
    return next(one["id"] for one in listed if one["name"] == "checkout api")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "git/repositories/{id}?api-version=7.1", "{}"),
        ("POST", "git/repositories/{id}/refs?api-version=7.1", "[]"),
        ("DELETE", "git/repositories/{id}?api-version=7.1", None),
        ("PATCH", "wit/workItems/2?api-version=7.1", '[{"op":"add"}]'),
        (
            "DELETE",
            "wit/attachments/0d4c2f86-90ab-4c1e-8f0a-1b2c3d4e5f60?api-version=7.2-preview.4",
            None,
        ),
        (
            "DELETE",
            "favorite/favorites/7f6e5d4c-3b2a-4190-8f7e-6d5c4b3a2910?api-version=7.1-preview.1",
            None,
        ),
        ("PATCH", "projects/Payments?api-version=7.1", "{}"),
        ("POST", "projects/Payments/teams?api-version=7.1", '{"name":"x"}'),
        ("POST", "projects?api-version=7.1", "{}"),
        ("DELETE", "projects/Payments?api-version=7.1", None),
    ],
)
def test_a_write_that_reaches_something_is_noticed(simulate, method, path, body):
    ask = simulate("issue-manager")
    url = f"{DEV}/_apis/" + path.replace("{id}", repository_id(ask))
    assert ask.simulator.changes == []
    media = "application/json-patch+json" if "workItems" in path else "application/json"
    assert ask(method, url, body=body, headers={"Content-Type": media}).status < 300
    assert len(ask.simulator.changes) == 1


def test_validating_a_patch_changes_nothing(simulate):
    ask = simulate()
    url = f"{DEV}/_apis/wit/workItems/2?validateOnly=true&api-version=7.1"
    got = ask(
        "PATCH", url, body='[{"op":"add"}]', headers={"Content-Type": "application/json-patch+json"}
    )
    assert got.status == 200
    assert ask.simulator.changes == []


def test_a_write_that_is_not_allowed_changes_nothing(simulate):
    ask = simulate(scopes={"vso.code"})
    url = f"{DEV}/_apis/git/repositories/{repository_id(ask)}?api-version=7.1"
    assert ask("PATCH", url, body="{}").status == 401
    assert ask.simulator.changes == []


def test_requests_are_recorded_without_their_secrets(simulate):
    ask = simulate()
    ask("GET", f"{DEV}/_apis/projects?$top=1", headers={"User-Agent": "test/1"})
    ask("GET", f"{DEV}/_apis/projects", token=None)
    ask("GET", f"{DEV}/_apis/projects", token="short")
    first, second, third = ask.simulator.requests
    assert (first.method, first.host, first.path) == (
        "GET",
        "dev.azure.com",
        "/contoso/_apis/projects?$top=1",
    )
    assert (first.status, first.token_last4) == (200, "Rdy1")
    assert ("User-Agent", "test/1") in first.headers
    assert ("Authorization", "[redacted]") in first.headers
    assert (second.status, second.token_last4) == (401, None)
    assert third.token_last4 is None, "four letters of a short password are most of it"
    assert ask.token not in repr(ask.simulator.requests)


def test_what_is_returned_is_a_copy(simulate):
    ask = simulate()
    ask.simulator.requests.append("x")
    ask.simulator.changes.append("x")
    assert ask.simulator.requests == []
    assert ask.simulator.changes == []


def test_many_clients_at_once(simulate):
    ask = simulate()
    seen = []
    threads = [
        threading.Thread(
            target=lambda: seen.append(ask("GET", f"{DEV}/_apis/connectionData").status)
        )
        for _ in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 24
    assert len(ask.simulator.requests) == 24


def test_life():
    simulator = Simulator(SCENARIOS["global"])
    with pytest.raises(RuntimeError):
        _ = simulator.address
    with simulator as running:
        assert running is simulator
        assert urlsplit(simulator.address).hostname == "127.0.0.1"
        netloc = urlsplit(simulator.address).netloc
        with pytest.raises(RuntimeError):
            simulator.start()
        kept = http.client.HTTPConnection(netloc, timeout=10)
        kept.request("GET", "/")
        assert kept.getresponse().read()
    assert kept.sock.recv(1) == b"", "the simulator hung up"
    kept.close()
    with pytest.raises(ConnectionError):
        http.client.HTTPConnection(netloc, timeout=10).request("GET", "/")
    simulator.stop()
    with simulator:
        assert simulator.address


def test_a_stop_ends_the_waiting():
    with Simulator(SCENARIOS["global"], delay_seconds=3600) as simulator:
        connection = http.client.HTTPConnection(urlsplit(simulator.address).netloc, timeout=10)
        connection.request("GET", "/")
        assert simulator.requests == [], "the answer is being delayed"
    connection.close()


def test_absolute_targets_are_understood(simulate):
    ask = simulate()
    got = ask.raw("GET", "http://dev.azure.com/contoso/_apis/projects", {"Host": "ignored.example"})
    assert got.status == 203
    assert ask.simulator.requests[0].host == "dev.azure.com"


def test_port_and_case_of_the_host_do_not_matter(simulate):
    ask = simulate()
    assert ask.raw("GET", "/contoso/_apis/projects", {"Host": "DEV.azure.com:443"}).status == 203
    assert (
        ask.raw("GET", "/contoso/_apis/projects", {"Host": "dev.azure.com.evil.example"}).status
        == 421
    )


@pytest.mark.parametrize("host", ["[", "", "dev.azure.com@evil.example", "dev.azure.com."])
def test_odd_hosts_are_nobody(simulate, host):
    assert simulate().raw("GET", "/contoso/_apis/projects", {"Host": host}).status == 421


def test_bodies_without_a_length_are_not_guessed(simulate):
    got = simulate().raw(
        "POST", "/contoso", {"Host": "dev.azure.com", "Transfer-Encoding": "chunked"}
    )
    assert got.status == 411
    assert got.one("Connection") == "close"
