"""Whether this machine can read a repository: with the token alone, only with a user name, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.simulator import samples
from aspm_ado.simulator.samples import ADA
from aspm_ado.simulator.world import GitRepository, TeamProject

from ..simulator.internet import Internet
from ..simulator.monitor import Observed
from ..simulator.worlds import a_token, a_world, an_organization
from .runner import Finished, Machine

EMPTY = (TeamProject("Archive", (GitRepository("attic", disabled=True),)),)


def cloned_with(clone: str) -> tuple[TeamProject, ...]:
    """The usual repositories behind a git endpoint that takes this."""
    return tuple(
        replace(one, repositories=tuple(replace(each, clone=clone) for each in one.repositories))  # type: ignore[arg-type]
        for one in samples.CONTOSO.projects
    )


WAYS = {
    "Alone": an_organization("Alone"),
    "Named": an_organization("Named", projects=cloned_with("username")),
    "Neither": an_organization("Neither", projects=cloned_with("nothing")),
    "Nothing": an_organization("Nothing", projects=EMPTY),
}


@pytest.fixture(scope="module")
def cloned(
    the_internet: Internet, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Finished, list[Observed]]:
    """One run over organizations that differ in nothing but their Git door; and what Git's door heard."""
    the_internet.start_afresh()
    pat = a_token()
    the_internet.become(a_world(pat, organizations=tuple(WAYS.values())))
    machine = Machine(tmp_path_factory.mktemp("cloned"), the_internet)
    machine.furnish()
    words = [word for name in WAYS for word in ("-o", name)]
    done = machine.run("validate", *words, token=pat)
    return done, the_internet.monitor.asked("dev.azure.com", ending="/info/refs")


@pytest.mark.parametrize(
    ("name", "token", "username"),
    [
        ("Alone", {"pass"}, {"pass", "skip"}),
        ("Named", {"warn"}, {"pass"}),
        ("Neither", {"fail"}, {"fail", "warn", "unknown", "skip"}),
        ("Nothing", {"skip"}, {"skip"}),
    ],
)
def test_each_way_in(
    cloned: tuple[Finished, list[Observed]], name: str, token: set[str], username: set[str]
) -> None:
    done, heard = cloned
    one = done.report.named(name)
    assert one.status("clone.token") in token
    assert one.status("clone.username") in username
    assert one.failing <= ({"clone.token", "clone.username"} if name == "Neither" else set())
    tried = {request.path for request in heard if request.path.startswith(f"/{name}/")}
    assert len(tried) == {"Nothing": 0, "Neither": 3}.get(name, 1), "a readable one is enough"
    assert "attic" not in str(tried), "a disabled repository cannot be read"
    assert ("fresh" in str(tried)) is (name == "Neither"), "one with content comes first"


def test_no_way_in_is_not_good_enough(cloned: tuple[Finished, list[Observed]]) -> None:
    assert cloned[0].code == 3


def test_without_a_given_name_it_is_the_account(cloned: tuple[Finished, list[Observed]]) -> None:
    """The server would note any other name; here it heard this one."""
    pairs = [
        request.request.credentials for request in cloned[1] if request.path.startswith("/Named/")
    ]
    assert {pair[0] for pair in pairs if pair} == {"", ADA.mail}


def test_a_given_name_is_the_one_that_is_tried_and_a_way_in_is_enough(
    internet: Internet, machine: Machine
) -> None:
    pat = a_token()
    here = an_organization("Contoso", projects=cloned_with("username"))
    internet.become(a_world(pat, organizations=(here,)))
    done = machine.run("validate", "-o", "contoso", token=pat, clone_username="scanner")
    one = done.report.organization
    assert done.code == 0
    assert (one.status("clone.token"), one.status("clone.username")) == ("warn", "pass")
    pairs = [
        request.request.credentials
        for request in internet.monitor.asked("dev.azure.com", ending="/info/refs")
    ]
    assert {pair[0] for pair in pairs if pair} == {"", "scanner"}


def test_a_named_repository_that_is_absent(internet: Internet, machine: Machine) -> None:
    pat = a_token()
    internet.become(a_world(pat))
    done = machine.run("validate", "-o", "contoso", "--check-clone", "Payments/gone", token=pat)
    assert done.code == 3
    assert done.report.organization.status("clone.token") == "fail"
    assert done.report.organization.failing <= {"clone.token", "clone.username"}


@pytest.mark.parametrize(
    "words", [(), ("--check-clone", "Payments/checkout api")], ids=["any", "named"]
)
def test_an_access_level_without_repositories_is_no_empty_organization(
    internet: Internet, machine: Machine, words: tuple[str, ...]
) -> None:
    """The scope is there and the person may not: Invicti ASPM could clone nothing either."""
    pat = a_token()
    internet.become(a_world(pat, organizations=(an_organization("Contoso", stakeholders=True),)))
    done = machine.run("validate", "-o", "contoso", *words, token=pat)
    assert done.code == 3
    assert done.report.organization.status("scope.code") == "partial"
    assert done.report.organization.failing == {"clone.token"}
