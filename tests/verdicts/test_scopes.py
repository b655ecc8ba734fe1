"""Each box of the token page: what is proven, what cannot be, and exactly what is named when a box was forgotten."""

from __future__ import annotations

import pytest

from ..simulator.internet import Internet
from ..simulator.worlds import ALM, a_token, a_world, an_organization, swap
from .report import Organization as Reported
from .runner import Finished, Machine

SHORT = {
    "no-code": (swap("vso.code_full"), {"scope.code"}, {"none"}),
    "code-read": (swap("vso.code_full", "vso.code"), {"scope.code"}, {"read"}),
    "code-write": (swap("vso.code_full", "vso.code_write"), {"scope.code"}, {"write"}),
    "no-work": (swap("vso.work_full"), {"scope.work"}, {"none"}),
    "work-read": (swap("vso.work_full", "vso.work"), {"scope.work"}, {"read"}),
    "work-write": (swap("vso.work_full", "vso.work_write"), {"scope.work"}, {"write"}),
    "no-identity": (swap("vso.identity_manage"), {"scope.identity"}, {"none"}),
    # Code and Work imply reading the profile, so either word is honest here.
    "no-profile": (swap("vso.profile_write"), {"scope.profile"}, {"none", "read"}),
}
"""Organization → the boxes of its token, the check that must fail, and the level that is proven."""


def all_four_are_good(one: Reported) -> None:
    """Verified as far as the API allows."""
    code, work, identity, profile = (
        one.check(f"scope.{name}") for name in ("code", "work", "identity", "profile")
    )
    assert (code["status"], code["wanted"], code["proven"]) == ("partial", "full", "manage")
    assert (identity["status"], identity["wanted"], identity["proven"]) == (
        "partial",
        "manage",
        "read",
    )
    assert (profile["status"], profile["wanted"], profile["proven"]) == ("pass", "write", "write")
    assert work["status"] == "pass"
    assert work["wanted"] == work["proven"]
    assert work["proven"] in ("full", "manage")


def test_everything_granted(internet: Internet, machine: Machine) -> None:
    """A token of all organizations with the four boxes is good, and ends soon."""
    pat = a_token(ALM)
    internet.become(a_world(pat))
    done = machine.run("validate", "--organization", "contoso", "--check-clone", "no", token=pat)
    one = done.report.organization
    assert done.code == 0
    assert done.report.node["verdict"] == "ready-with-warnings"
    assert done.report.node["day_source"] == "server"
    assert (one.status("identity"), one.status("organization.access")) == ("pass", "pass")
    all_four_are_good(one)
    assert one.status("reach") == "warn"
    assert (one.node["token"]["reach"], one.node["token"]["days_left"]) == ("all", 8)
    assert one.node["token"]["format"] == "v2-84"
    assert one.node["token"]["last4"] == pat.value[-4:]
    assert one.node["identity"] == {
        "id": pat.owner.id,
        "name": pat.owner.name,
        "account": pat.owner.mail,
    }


@pytest.fixture(scope="module")
def forgotten(the_internet: Internet, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One run over organizations whose tokens each lack one thing: nothing may rub off on the neighbours."""
    the_internet.start_afresh()
    tokens = {name: a_token(boxes, reach=name) for name, (boxes, _, _) in SHORT.items()}
    tokens["all-well"] = a_token(swap("vso.code_full", "vso.code_manage"), reach="all-well")
    places = tuple(an_organization(name) for name in tokens)
    the_internet.become(a_world(*tokens.values(), organizations=places))
    machine = Machine(tmp_path_factory.mktemp("forgotten"), the_internet)
    machine.furnish()
    words = [word for name in tokens for word in ("-o", name)]
    return machine.run(
        "validate", *words, "--reach", "organization", "--check-clone", "no", tokens=tokens
    )


@pytest.mark.parametrize("name", SHORT)
def test_the_forgotten_box_is_named_and_no_other(forgotten: Finished, name: str) -> None:
    _, failing, proven = SHORT[name]
    one = forgotten.report.named(name)
    assert one.failing == failing
    assert one.check(*failing)["proven"] in proven
    assert one.with_status("unknown") == set()


def test_a_good_neighbour_stays_good_and_the_run_is_not(forgotten: Finished) -> None:
    """Its Code is Manage, which looks like Full from outside."""
    assert forgotten.code == 3
    good = forgotten.report.named("all-well")
    all_four_are_good(good)
    assert good.with_status("fail", "unknown", "warn") == set()
    assert good.node["token"]["shared"] is False


def test_one_level_too_low_on_its_own_ends_with_3(internet: Internet, machine: Machine) -> None:
    """With the clone check on: what stands behind Code is not asked once Code is missing."""
    pat = a_token(swap("vso.code_full", "vso.code_write"))
    internet.become(a_world(pat))
    done = machine.run("validate", "-o", "contoso", token=pat)
    assert done.code == 3
    assert done.report.organization.failing == {"scope.code"}
    assert done.report.organization.status("clone.token") == "skip"
    assert done.report.organization.status("clone.username") == "skip"


def test_reading_only_proves_less_and_writes_nothing(internet: Internet, machine: Machine) -> None:
    """A level that only a write can show is a warning, never a failure."""
    pat = a_token()
    internet.become(a_world(pat))
    done = machine.run(
        "validate", "-o", "contoso", "--read-only-probes", "--check-clone", "no", token=pat
    )
    assert {one.method for one in internet.monitor.requests} <= {"GET", "OPTIONS"}
    assert done.code == 0
    one = done.report.organization
    assert {"scope.code", "scope.work", "scope.profile"} <= one.with_status("warn")
    assert (one.check("scope.code")["proven"], one.check("scope.work")["proven"]) == (
        "read",
        "read",
    )
