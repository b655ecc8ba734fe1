"""One organization or all of them: what is demanded on which day, and how it is found out."""

from __future__ import annotations

from datetime import datetime

import pytest

from aspm_ado.simulator.world import IssuedToken

from ..simulator.internet import Internet
from ..simulator.worlds import AFTER_THE_END, a_token, a_world, an_organization
from .runner import Machine

VALIDATE = ("validate", "-o", "contoso", "--check-clone", "no")


def reach(
    machine: Machine,
    pat: IssuedToken,
    *words: str,
    code: int,
    environment: dict[str, str] | None = None,
) -> tuple[str, str]:
    """Status of the check and what the token is said to reach; the clone check is left out."""
    done = machine.run(*VALIDATE, *words, token=pat, environment=environment)
    assert done.code == code, done.said()
    one = done.report.organization
    assert one.failing == ({"reach"} if code == 3 else set())
    return one.status("reach"), one.node["token"]["reach"]


@pytest.mark.parametrize(
    ("day", "words", "code", "status"),
    [
        ("2026-10-15", (), 3, "fail"),
        ("2026-11-05", (), 0, "warn"),
        ("2026-11-05", ("--reach", "all"), 3, "fail"),
        ("2026-11-05", ("--reach", "organization"), 0, "pass"),
    ],
)
def test_a_token_of_one_organization_is_enough_from_thirty_days_before_the_day(
    internet: Internet, machine: Machine, day: str, words: tuple[str, ...], code: int, status: str
) -> None:
    pat = a_token(reach="Contoso")
    internet.become(a_world(pat, now=datetime.fromisoformat(f"{day}T12:00:00+00:00")))
    assert reach(machine, pat, *words, code=code) == (status, "organization")


def test_asked_for_by_name_it_passes_and_a_proxy_with_a_password_is_no_hindrance(
    internet: Internet, machine: Machine
) -> None:
    """No warning is left, so the verdict is plain `ready`; the proxy's password is known to nobody behind it."""
    pat = a_token(reach="Contoso")
    internet.become(a_world(pat))
    internet.proxy.password = machine.proxy_password = "correct-horse-battery"
    done = machine.run(*VALIDATE, "--reach", "organization", token=pat, by_stdin=True)
    assert done.code == 0
    assert done.report.node["verdict"] == "ready"
    assert done.report.organization.status("reach") == "pass"


@pytest.mark.parametrize(
    ("where", "expected"), [("Contoso", "organization"), (None, "all")], ids=["one", "all"]
)
def test_after_the_day_either_token_is_good_with_a_warning(
    internet: Internet, machine: Machine, where: str | None, expected: str
) -> None:
    pat = a_token(reach=where)
    internet.become(a_world(pat, now=AFTER_THE_END, global_tokens_end=None))
    assert reach(machine, pat, code=0) == ("warn", expected)


def test_where_the_end_is_called_off_a_token_of_all_organizations_simply_passes(
    internet: Internet, machine: Machine
) -> None:
    pat = a_token()
    internet.become(a_world(pat))
    assert reach(machine, pat, code=0, environment={"ASPM_ADO_GLOBAL_PAT_END": "never"}) == (
        "pass",
        "all",
    )


def test_one_token_of_all_organizations_is_judged_once(
    internet: Internet, machine: Machine
) -> None:
    """All that it reaches, named or not: an old address is understood, a stranger's organization is not among them."""
    pat = a_token()
    places = (
        an_organization("Contoso"),
        an_organization("Fabrikam"),
        an_organization("Stranger", members=()),
    )
    internet.become(a_world(pat, organizations=places))
    old = "https://contoso.visualstudio.com/Web%20Shop/_git/storefront"
    done = machine.run(
        "validate", "--all-organizations", "-o", old, "--check-clone", "no", token=pat
    )
    assert done.code == 0
    assert sorted(one.name.lower() for one in done.report.organizations) == ["contoso", "fabrikam"]
    assert [one.status("reach") for one in done.report.organizations] == ["warn", "warn"]
    assert [one.node["token"]["shared"] for one in done.report.organizations] == [True, True]
    assert len(internet.monitor.asked("app.vssps", ending="/profiles/me")) == 1
    assert len(internet.monitor.asked("app.vssps", ending="/accounts")) == 3
    assert "may not have listed every organization" in " ".join(done.stderr.split())


def test_two_organizations_that_answer_prove_all_even_where_the_profile_refuses(
    internet: Internet, machine: Machine
) -> None:
    pat = a_token()
    internet.become(a_world(pat, profile_takes_tokens=False))
    done = machine.run(
        "validate", "-o", "contoso", "-o", "fabrikam", "--check-clone", "no", token=pat
    )
    assert done.code == 0
    assert [one.node["token"]["reach"] for one in done.report.organizations] == ["all", "all"]


def test_each_organization_with_its_own_token(internet: Internet, machine: Machine) -> None:
    """No token is ever shown to the other organization (the server would note it)."""
    own = {"contoso": a_token(reach="Contoso"), "fabrikam": a_token(reach="Fabrikam")}
    internet.become(a_world(*own.values()))
    done = machine.run(
        "validate", "-o", "contoso", "-o", "fabrikam", "--reach", "organization", tokens=own
    )
    assert done.code == 0
    for name, pat in own.items():
        one = done.report.named(name)
        assert (one.status("reach"), one.status("clone.token")) == ("pass", "pass")
        assert (one.node["token"]["last4"], one.node["token"]["shared"]) == (pat.value[-4:], False)


@pytest.mark.parametrize(
    ("accounts", "code", "status"),
    [("none", 3, "fail"), ("refused", 3, "fail"), ("busy", 5, "unknown")],
)
def test_every_organization_where_the_list_is_not_to_be_had(
    internet: Internet, machine: Machine, accounts: str, code: int, status: str
) -> None:
    """Refused or empty, the way out is -o; a service that is busy has said nothing."""
    pat = a_token()
    internet.become(a_world(pat, accounts=accounts))
    done = machine.run("validate", "--all-organizations", token=pat)
    assert done.code == code, done.said()
    [check] = [one for one in done.report.checks() if one["id"] == "reach"]
    assert check["status"] == status
    assert status == "unknown" or "-o" in check["remedy"]
