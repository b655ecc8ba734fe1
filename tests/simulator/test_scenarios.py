"""The scenarios: complete, made of plausible parts, and ending as they say for a reason that their world shows."""

import json
import re
from pathlib import Path

import pytest

from aspm_ado.domain.secret import Secret
from aspm_ado.simulator import SCENARIOS

EXPECTED = {
    "ready": (0, ()),
    "global": (0, ()),
    "missing-scope": (3, ("code-scope-missing",)),
    "organization-only": (3, ("reach-organization-only",)),
    "global-after-retirement": (4, ("token-rejected",)),
    "expired": (4, ("token-expired",)),
    "anonymous-trap": (4, ("token-anonymous",)),
    "not-a-member": (3, ("not-a-member",)),
    "deactivated-organization": (3, ("organization-deactivated",)),
    "username-needed": (0, ()),
    "issue-manager": (0, ()),
    "two-organizations-two-tokens": (0, ()),
    "created-token": (0, ()),
    "server": (0, ()),
    "server-2019": (0, ()),
    "aspm-core": (0, ()),
    "aspm-wrong-token": (4, ("aspm-token-rejected",)),
    "aspm-forbidden": (6, ("aspm-forbidden",)),
    "aspm-is-a-web-page": (6, ("aspm-not-an-api",)),
    "register-api": (0, ()),
    "register-api-lost-answer": (0, ()),
    "register-api-conflict": (6, ("registration-conflict",)),
}
EVERY = list(SCENARIOS.values())
NAMES = list(SCENARIOS)


def test_all_are_there():
    assert {name: (one.exit_code, one.reasons) for name, one in SCENARIOS.items()} == EXPECTED


@pytest.mark.parametrize("scenario", EVERY, ids=NAMES)
def test_parts_are_plausible(scenario):
    assert scenario.summary.endswith(".")
    days = {"global-after-retirement": "2026-12-02", "ready": "2027-01-15"}
    assert scenario.today.isoformat() == days.get(scenario.name, "2026-10-15")
    assert bool(scenario.answers.tokens) != scenario.answers.by_az
    assert bool(scenario.world.sign_ins) == scenario.answers.by_az
    for _, value in scenario.answers.tokens:
        shape = (
            r"[a-z2-7]{52}"
            if scenario.name == "server-2019"
            else r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"
        )
        assert re.fullmatch(shape, value)
        assert "simulated" in value.lower()
        known = scenario.world.token(value)
        assert (known is None) == (scenario.name == "anonymous-trap")
        if known and scenario.answers.expires:
            assert known.expires == scenario.answers.expires
    wrong = scenario.name == "aspm-wrong-token"
    assert (scenario.world.aspm.token != scenario.answers.aspm_token) == wrong
    assert scenario.answers.aspm_url == f"https://{scenario.world.aspm.host}"


@pytest.mark.parametrize("scenario", EVERY, ids=NAMES)
def test_those_that_register_have_where_and_how(scenario):
    registers = scenario.name.startswith("register-api")
    assert (scenario.answers.register == "api") == registers
    assert (scenario.world.aspm.registers != "no") == registers
    assert (scenario.answers.profile is not None) == registers
    if scenario.answers.profile:
        assert (
            json.loads(Path(scenario.answers.profile).read_text(encoding="utf-8"))["dialect"]
            == "standalone"
        )


@pytest.mark.parametrize("scenario", EVERY, ids=NAMES)
def test_places_exist_in_the_world(scenario):
    given = scenario.answers
    assert bool(given.organizations) != bool(given.server_url)
    assert all(scenario.world.organization(name) for name in given.organizations)
    assert all(scenario.world.collection(name) for name in given.collections)
    assert {name for name, _ in given.tokens} <= {None, *given.organizations}
    if given.server_url:
        assert given.server_url == scenario.world.server.url


def test_token_values_are_not_shared():
    values = [token.value for one in EVERY for token in one.world.tokens]
    assert len(values) == len(set(values))
    assert len({value[-4:] for value in values}) == len(values)


@pytest.mark.parametrize("scenario", EVERY, ids=NAMES)
def test_the_text_of_a_token_hints_at_a_month_within_a_year_of_its_end(scenario):
    for token in scenario.world.tokens:
        if created := Secret(token.value).created_month:
            assert created <= scenario.today
            assert created <= token.expires <= created.replace(year=created.year + 1)
