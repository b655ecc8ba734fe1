"""Azure DevOps Server: what each version can show, reach over collections, and not a word about the end of anything."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from aspm_ado.simulator.samples import ADA
from aspm_ado.simulator.world import IssuedToken, Server

from ..simulator.internet import Internet
from ..simulator.worlds import AFTER_THE_END, a_server, a_token, a_world, an_organization, swap
from .runner import Finished, Machine

THE_END = re.compile(r"retire|2026-12-01|december|dec 1|1 dec", re.IGNORECASE)
TFS = ("--server-url", "https://tfs.example.test/tfs", "--collection", "DefaultCollection")


def of_the_server(**more: object) -> IssuedToken:
    return a_token(home="server", **more)


def validate(machine: Machine, *words: str, token: IssuedToken) -> Finished:
    done = machine.run("validate", *words, token=token)
    assert not THE_END.search(done.said().replace(done.report.node["at"], ""))
    hosts = {one.host for one in machine.internet.monitor.requests}
    assert not [one for one in hosts if one.endswith(("azure.com", "visualstudio.com"))]
    assert all(one["deployment"] == "server" for one in done.report.node["connections"])
    return done


@dataclass(frozen=True)
class Edition:
    """A release, where it stands, what is typed, and the levels it can show of identity and profile."""

    server: Server
    words: tuple[str, ...]
    identity: tuple[str, str]
    profile: tuple[str, str]


PASTED = "https://tfs.example.test/tfs/DefaultCollection/Web%20Shop/_git/storefront"
AT_THE_ROOT = ("--server-url", "https://devops.example.test", "--collection", "defaultcollection")
EDITIONS = {
    "2019": Edition(a_server("5.0"), TFS, ("partial", "none"), ("partial", "none")),
    "2020": Edition(
        a_server("6.0"), ("--server-url", PASTED), ("partial", "read"), ("partial", "none")
    ),
    "2022": Edition(
        a_server("7.0", host="devops.example.test", directory=""),
        AT_THE_ROOT,
        ("partial", "read"),
        ("partial", "none"),
    ),
    "2022.1": Edition(a_server("7.1"), TFS, ("partial", "read"), ("pass", "write")),
}


@pytest.mark.parametrize("edition", EDITIONS)
def test_each_edition_shows_what_it_can(internet: Internet, machine: Machine, edition: str) -> None:
    """A token of all collections with the four boxes is ready; nothing is refused for what nobody can see."""
    here, pat = EDITIONS[edition], of_the_server()
    internet.become(a_world(pat, server=here.server))
    done = validate(machine, *here.words, token=pat)
    one = done.report.organization
    assert done.code == 0, done.said()
    assert done.report.node["verdict"] == "ready-with-warnings"
    assert one.check("clone.username")["reason"] == "clone-needs-header"
    assert one.name.lower() == "defaultcollection"
    assert done.report.connection["base_url"].rstrip("/") == here.server.url
    shown = {
        name: (one.status(f"scope.{name}"), one.check(f"scope.{name}")["proven"])
        for name in ("code", "work", "identity", "profile")
    }
    assert shown == {
        "code": ("partial", "manage"),
        "work": ("partial", "write"),
        "identity": here.identity,
        "profile": here.profile,
    }
    assert (one.status("reach"), one.status("clone.token")) == ("pass", "pass")
    assert (one.node["token"]["reach"], one.node["token"]["days_left"]) == ("all", None)
    assert one.node["identity"]["account"] == ADA.login


def test_a_token_of_one_collection(internet: Internet, machine: Machine) -> None:
    """The guide wants all collections, on any day."""
    pat = of_the_server(reach="DefaultCollection")
    internet.become(a_world(pat, now=AFTER_THE_END))
    done = validate(machine, *TFS, token=pat)
    assert done.code == 3
    assert done.report.organization.failing == {"reach"}
    assert done.report.organization.node["token"]["reach"] == "organization"


def test_a_level_too_low_is_seen_here_too(internet: Internet, machine: Machine) -> None:
    """Its 401 looks like that of a random token, and is told from it."""
    pat = of_the_server(scopes=swap("vso.code_full", "vso.code_write"))
    internet.become(a_world(pat))
    done = validate(machine, *TFS, token=pat)
    assert done.code == 3
    assert done.report.organization.failing == {"scope.code"}
    assert done.report.organization.check("scope.code")["proven"] == "write"


def test_a_token_that_the_server_does_not_know(internet: Internet, machine: Machine) -> None:
    """Nothing is tried with it once the server has said no."""
    pat = of_the_server()
    internet.become(a_world())
    done = validate(machine, *TFS, token=pat)
    assert done.code == 4
    assert done.report.organization.failing == {"identity"}
    assert {one.method for one in internet.monitor.requests} == {"GET"}


def test_a_collection_that_is_closed_to_its_owner_does_not_make_the_token_wrong(
    internet: Internet, machine: Machine
) -> None:
    """The root lists the collections to it, so it lives; no header names a person there."""
    pat = of_the_server()
    collections = (an_organization("DefaultCollection", members=()), an_organization("Research"))
    closed = a_server(collections=collections)
    internet.become(a_world(pat, server=closed))
    done = validate(machine, *TFS, token=pat)
    assert done.code == 3
    one = done.report.organization
    assert one.failing == {"organization.access"}
    found = [one.status(name) for name in ("identity", "reach", "scope.code")]
    assert found == ["skip", "pass", "skip"]


@pytest.mark.parametrize(
    ("directory", "address"),
    [
        ("/azuredevops", "/azuredevops/Research/_git/storefront"),
        ("", "/Research/Payments"),
        ("", "/Research/Payments/Team"),
    ],
)
def test_an_address_is_read_the_other_way_where_nothing_is_found(
    internet: Internet, machine: Machine, directory: str, address: str
) -> None:
    """A path does not tell a virtual directory from a collection; the answers do."""
    pat = of_the_server()
    internet.become(a_world(pat, server=a_server(directory=directory)))
    done = validate(machine, "--server-url", f"https://tfs.example.test{address}", token=pat)
    assert done.code == 0, done.said()
    assert done.report.organization.name == "Research"
    assert done.report.connection["base_url"] == f"https://tfs.example.test{directory}"
    assert "aspm-ado read the URL as https://tfs.example.test" in " ".join(done.stderr.split())


@pytest.mark.parametrize("address", ["/azuredevops", "/nowhere/Nothing/_git/x"])
def test_where_neither_reading_finds_anything_both_are_shown(
    internet: Internet, machine: Machine, address: str
) -> None:
    pat = of_the_server()
    internet.become(a_world(pat, server=a_server(directory="/azuredevops")))
    where = ("--server-url", f"https://tfs.example.test{address}")
    done = validate(machine, *where, "--read-only-probes", token=pat)
    assert done.code in (3, 5), done.said()
    assert f"https://tfs.example.test/{address.split('/')[1]}" in done.said()
    assert "may also mean" in " ".join(done.said().split())
