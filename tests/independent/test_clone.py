"""Whether this machine can read a repository: with the token alone, only with a user name, or not at all."""

from __future__ import annotations

import pytest

from .internet import Internet
from .ledger import Request
from .runner import Finished, Machine
from .strict import credentials
from .world import ADA, Organization, Pat, Project, Repository, World

EMPTY = (Project("Archive", (Repository("attic", disabled=True),)),)
WAYS = {
    "Alone": Organization("Alone", clone="token"),
    "Named": Organization("Named", clone="username"),
    "Neither": Organization("Neither", clone="neither"),
    "Nothing": Organization("Nothing", projects=EMPTY),
}


@pytest.fixture(scope="module")
def cloned(
    the_internet: Internet, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Finished, list[Request]]:
    """One run over organizations that differ in nothing but their Git door; and what Git's door heard."""
    the_internet.start_afresh()
    pat = Pat()
    the_internet.become(World(tuple(WAYS.values()), (pat,)))
    machine = Machine(tmp_path_factory.mktemp("cloned"), the_internet)
    machine.furnish()
    words = [word for name in WAYS for word in ("-o", name)]
    done = machine.run("validate", *words, pat=pat)
    return done, the_internet.ledger.asked("dev.azure.com", ending="/info/refs")


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
    cloned: tuple[Finished, list[Request]], name: str, token: set[str], username: set[str]
) -> None:
    done, heard = cloned
    one = done.report.named(name)
    assert one.status("clone.token") in token
    assert one.status("clone.username") in username
    assert one.failing <= ({"clone.token", "clone.username"} if name == "Neither" else set())
    tried = {request.path for request in heard if request.path.startswith(f"/{name}/")}
    assert len(tried) == (0 if name == "Nothing" else 1), "one readable repository is enough"
    assert "attic" not in str(tried), "a disabled repository cannot be read"


def test_no_way_in_is_not_good_enough(cloned: tuple[Finished, list[Request]]) -> None:
    assert cloned[0].code == 3


def test_without_a_given_name_it_is_the_account(cloned: tuple[Finished, list[Request]]) -> None:
    """The server would note any other name; here it heard this one."""
    pairs = [credentials(request) for request in cloned[1] if request.path.startswith("/Named/")]
    assert {pair[0] for pair in pairs if pair} == {"", ADA.account}


def test_a_given_name_is_the_one_that_is_tried_and_a_way_in_is_enough(
    internet: Internet, machine: Machine
) -> None:
    pat = Pat()
    internet.become(World((Organization("Contoso", clone="username"),), (pat,)))
    done = machine.run("validate", "-o", "contoso", pat=pat, clone_username="scanner")
    one = done.report.organization
    assert done.code == 0
    assert (one.status("clone.token"), one.status("clone.username")) == ("warn", "pass")
    pairs = [
        credentials(request)
        for request in internet.ledger.asked("dev.azure.com", ending="/info/refs")
    ]
    assert {pair[0] for pair in pairs if pair} == {"", "scanner"}


def test_a_named_repository_that_is_absent(internet: Internet, machine: Machine) -> None:
    pat = Pat()
    internet.become(World(tokens=(pat,)))
    done = machine.run("validate", "-o", "contoso", "--check-clone", "Card Payments/gone", pat=pat)
    assert done.code == 3
    assert done.report.organization.status("clone.token") == "fail"
    assert done.report.organization.failing <= {"clone.token", "clone.username"}


@pytest.mark.parametrize(
    "words", [(), ("--check-clone", "Card Payments/api")], ids=["any", "named"]
)
def test_an_access_level_without_repositories_is_no_empty_organization(
    internet: Internet, machine: Machine, words: tuple[str, ...]
) -> None:
    """The scope is there and the person may not: Invicti ASPM could clone nothing either."""
    pat = Pat()
    internet.become(World((Organization("Contoso", stakeholders=True),), (pat,)))
    done = machine.run("validate", "-o", "contoso", *words, pat=pat)
    assert done.code == 3
    assert done.report.organization.status("scope.code") == "partial"
    assert done.report.organization.failing == {"clone.token"}
