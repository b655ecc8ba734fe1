"""One command for a company: a token created in every organization of whoever is signed in, and a kill at any instant."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from aspm_ado.adapters.signals import StoppedError
from aspm_ado.domain.questions import Given
from aspm_ado.domain.reasons import InterruptedByUserError, NotCreatedError, Reason
from aspm_ado.domain.text import some_of
from aspm_ado.flows.connect import connect
from aspm_ado.flows.tokens.creation import revoking_unkept
from aspm_ado.flows.validation.scheduler import IN_FLIGHT
from aspm_ado.simulator import samples
from aspm_ado.simulator.world import SignIn

from ..hours import NIGHT
from ..lifecycle.faults import Switch
from .test_killed import Mint, SignedIn, killed_at, steps

NAMES = ("Contoso", "Fabrikam", "Tailspin")
MANY = 200 if NIGHT else 12
PAGE = 100
"""Tokens on a page of a list."""
SIDE_BY_SIDE = 2 * IN_FLIGHT
"""Organizations that are under way at once."""
ALL = {
    "all_organizations": "true", "create_token": "require", "yes": "true",
    "reach": "organization", "register": "none",
}  # fmt: skip


def company(folder, names=NAMES, **world):
    organizations = tuple(replace(samples.FABRIKAM, name=name) for name in names)
    sign_ins = (SignIn(SignedIn().token("").reveal(), samples.ADA, samples.TENANT),)
    return Mint(
        folder / "machine", organizations=organizations, sign_ins=sign_ins, tokens=(), **world
    )


@pytest.fixture
def here(tmp_path):
    made = company(tmp_path)
    made.keep()
    yield made
    made.close()


def run(here: Mint, switch: Switch | None = None, **more: str):
    context = here.context({**ALL, **more}, switch=switch)
    with revoking_unkept(context):
        return connect(context, None)


def test_a_token_is_created_in_each_organization_of_whoever_is_signed_in(here):
    report = run(here)
    assert int(report.exit_code) == 0
    assert [one.name for one in report.connections[0].organizations] == list(NAMES)
    here.assert_one_of_each(*NAMES)
    assert "may not have listed every organization" in here.stand.voice.text
    said = here.stand.voice.text
    assert "Creating a token in each of 3 organizations: Code: Full" in said
    assert [line.split()[2] for line in said.splitlines() if line.startswith("Created")] == [*NAMES]
    made = here.made
    assert int(run(here).exit_code) == 0
    assert here.made == made, "a second run creates none"


def test_of_more_tokens_than_fit_a_screen_the_report_has_the_names_and_no_line_each(tmp_path):
    names = tuple(f"Team{number:02}" for number in range(21))
    made = company(tmp_path, names)
    made.keep()
    report = run(made)
    said = made.stand.voice.text
    made.close()
    assert "Creating a token in each of 21 organizations" in said
    assert "Created “" not in said
    assert [one.name for one in report.connections[0].organizations] == list(names)
    assert {str(one.token.end) for one in report.connections[0].organizations} != {"None"}


def test_the_plan_has_one_row_for_many_tokens_that_are_alike(tmp_path):
    names = tuple(f"Team{number}" for number in range(5))
    made = company(tmp_path, names)
    made.keep()
    run(made)
    rows = [line for line in made.stand.voice.lines if "  Organization" in line]
    made.close()
    assert len(rows) == 1
    assert rows[0].startswith(
        f"  Organizations (5): {', '.join(names)}: one token each (from az), "
    )


def test_the_day_of_global_tokens_does_not_end_the_list(here):
    after = here.stand.simulator.world.global_tokens_end
    assert after is not None
    here.world(today=after, profile_takes_tokens=False)
    assert int(run(here).exit_code) == 0
    here.assert_one_of_each(*NAMES)


def test_one_that_was_not_listed_is_added_with_o(here):
    guest = replace(samples.FABRIKAM, name="Contoso", members=(samples.GRACE, samples.ADA))
    here.world(
        organizations=(guest, *here.stand.simulator.world.organizations[1:]), accounts="none"
    )
    report = run(here, organization="contoso")
    assert int(report.exit_code) == 0
    here.assert_one_of_each("Contoso")
    assert "Only the organizations that you name are connected" in here.stand.voice.text


@pytest.mark.parametrize("accounts", ["none", "refused"])
def test_where_none_is_listed_and_none_is_named_that_is_3(here, accounts):
    here.world(accounts=accounts)
    with pytest.raises(NotCreatedError) as caught:
        run(here)
    assert (caught.value.reason, int(caught.value.exit_code)) == (
        Reason.ORGANIZATIONS_NOT_LISTED,
        3,
    )
    assert "-o NAME" in caught.value.remedy
    assert here.made == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"yes": ""}, Reason.CONFIRMATION_MISSING),
        ({"reach": "all"}, Reason.USAGE),
        ({"dry_run": "true"}, Reason.USAGE),
        ({"store": "none"}, Reason.USAGE),
    ],
)
def test_nothing_is_asked_of_az_before_it_is_agreed_to(here, more, reason):
    context = here.context({name: value for name, value in {**ALL, **more}.items() if value})
    asked = []
    silent = SimpleNamespace(is_there=True, token=asked.append)
    with pytest.raises(NotCreatedError) as caught, revoking_unkept(context):
        connect(replace(context, entra=silent), None)
    assert caught.value.reason is reason
    assert asked == []


def test_killed_at_every_effect_one_rerun_leaves_none_lost_and_none_orphaned(here):
    orphans = 0
    for at in steps(here, lambda switch: run(here, switch)):
        assert killed_at(here, at, lambda switch: run(here, switch))
        kept = set(here.catalogue.authorizations)
        alive = {one.authorization for one in here.made if not one.revoked}
        orphans += len(alive - kept)
        assert int(run(here).exit_code) == 0
        here.assert_one_of_each(*NAMES)
        assert kept <= {one.authorization for one in here.made if not one.revoked}, "created twice"
        here.back()
    assert orphans >= 2


@pytest.mark.parametrize(
    ("at", "stored", "stop"),
    [
        (1, 0, KeyboardInterrupt),
        (SIDE_BY_SIDE + 2, SIDE_BY_SIDE, KeyboardInterrupt),
        (SIDE_BY_SIDE + 2, SIDE_BY_SIDE, StoppedError),
    ],
)
def test_a_stop_says_what_is_stored_and_a_rerun_goes_on(tmp_path, stop, at, stored):
    """Ctrl-C or SIGTERM while the answer to a creation is awaited."""
    names = [f"Org{number:02}" for number in range(SIDE_BY_SIDE + 4)]
    here = company(tmp_path, names)
    context = here.context(ALL)
    typed = {name: Given(("true",), f"--{name}") for name in ("all-organizations", "yes")}
    typed["create-token"] = Given(("require",), "--create-token")
    context.asker._given.update(typed)
    send, stops = here.stand.wire.send, [stop]

    def stopped(call):
        reply = send(call)
        if stops and len(here.made) == at:
            raise stops.pop()
        return reply

    here.stand.wire.send = stopped
    expected = pytest.raises((KeyboardInterrupt, InterruptedByUserError))
    with expected as caught, revoking_unkept(context):
        connect(context, None)
    assert here.alive == names[:stored], "what is not stored is revoked"
    if stored:
        assert caught.value.problem == (
            f"Interrupted. Stored in “org00”: {stored} of {len(names)} organizations "
            f"({some_of(names[:stored])})."
        )
        assert caught.value.remedy == (
            "To continue, run: aspm-ado connect org00 --all-organizations --create-token require --yes"
        )
    assert int(run(here).exit_code) == 0
    here.assert_tidy()
    assert here.alive == names
    here.close()


def test_an_orphan_is_found_where_the_list_has_lost_its_organization(here):
    """The list is never complete: what is on record is looked at, too."""
    at = 1
    while killed_at(here, at, lambda switch: run(here, switch)) and not here.made:
        here.back()
        at += 1
    [orphan] = here.made
    here.world(accounts="none")
    assert int(run(here, organization="fabrikam").exit_code) == 0
    [ended] = [one for one in here.made if one.authorization == orphan.authorization]
    assert ended.revoked
    assert (here.alive, here.catalogue.ordered) == ([*NAMES], ()), "all were ordered before"


def test_the_orders_of_all_that_begin_are_on_record_before_the_first_request(here):
    """So a kill loses none; and it is one change of the records, not one for each."""
    switch = Switch()
    context = here.context(ALL, switch=switch)
    send, found = here.stand.wire.send, []

    def watched(call):
        if call.method == "POST" and "/_apis/tokens/pats" in call.url:
            found.append([one.organization for one in here.catalogue.ordered])
        return send(call)

    here.stand.wire.send = watched
    with revoking_unkept(context):
        connect(context, None)
    assert found == [[*NAMES]] * 3
    assert switch.effects[:4] == ["records", "POST", "POST", "POST"]
    assert switch.effects.count("records") == 5, "orders, two to store, two in the end"


def test_many_organizations_cost_what_each_costs(tmp_path):
    """The requests grow with the organizations, by no more than one of them needs.

    A list of tokens is that of a person in all organizations: its further pages are counted apart.
    """
    counts: dict[int, int] = {}
    further: list[str] = []
    for number in (1, MANY):
        here = company(tmp_path / str(number), [f"Org{one:03}" for one in range(number)])
        context = here.context(ALL)
        send, sent = here.stand.wire.send, []

        def counted(call, send=send, sent=sent):
            sent.append(call.url)
            return send(call)

        here.stand.wire.send = counted
        with revoking_unkept(context):
            assert int(connect(context, None).exit_code) == 0
        assert len(here.alive) == number
        further = [url for url in sent if "continuationToken=" in url]
        counts[number] = len(sent) - len(further)
        here.close()
    listed = 4
    ideal = counts[1] - listed
    assert counts[MANY] <= listed + MANY * ideal
    assert len(further) <= MANY * ((MANY - 1) // PAGE)
    assert ideal <= 25
