"""``rotate`` of a connection whose organizations have a token each: all of them, the first to expire first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from aspm_ado.domain.reasons import CheckId, InterruptedByUserError, Reason, UsageError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.simulator import samples

from .machine import NEW, TOKENS, Machine, Person, asked

NAMES = ("Contoso", "Fabrikam", "Globex")
ENDS = {"Contoso": "2027-03-01", "Fabrikam": "2026-12-01", "Globex": "2027-01-01"}
IN_ORDER = ["Fabrikam", "Globex", "Contoso"]
OLD = {name: samples.pat(f"Old{name}", f"{name[:3]}1") for name in NAMES}
RENEWED = {name: samples.pat(f"Renewed{name}", f"{name[:3]}2") for name in NAMES}
FILES = {**OLD, **{f"{name}-2": value for name, value in RENEWED.items()}}
STOP = InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")


@pytest.fixture
def here(machine) -> Machine:
    """Three organizations with a token each, all in Invicti ASPM."""
    tokens = [
        samples.token(values[name], reach=name) for values in (OLD, RENEWED) for name in NAMES
    ]
    organizations = tuple(replace(samples.FABRIKAM, name=name) for name in NAMES)
    aspm = {"registers": "yes", "alm_tools": ("azurecloud",)}
    made = machine(tokens=(*TOKENS, *tokens), organizations=organizations, aspm=aspm)
    for name in NAMES:
        given = asked(name, register="guided", reach="organization", pat_file=name)
        person = Person(handoff="saved", go=True)
        context = made.context({**given, "pat_expires": ENDS[name]}, person, files=FILES)
        connect(context, "contoso")
    made.keep()
    return made


def files(names: Sequence[str]) -> list[str]:
    return [f"{name}={name}-2" for name in names]


def run(here: Machine, given=None, person=None, organizations=()):
    context = here.context(given or {}, person, files=FILES)
    return rotate(context, "contoso", organizations)


def renewed(here: Machine) -> list[str]:
    """The organizations whose newest token is the new one."""
    entry = here.entry
    newest = {one.name: entry.newest_key(one.name) for one in entry.organizations}
    tokens = {name: here.secrets[entry.credential_of(key).service] for name, key in newest.items()}
    return [name for name in NAMES if tokens[name].reveal() == RENEWED[name]]


def test_a_token_for_each_by_the_expiry_date_and_all_are_stored_before_the_first_handoff(here):
    report = run(here, {"pat_file": files(NAMES)}, Person(pat_expires="unknown", handoff="saved"))
    assert int(report.exit_code) == 0
    said = [line for line in here.stand.voice.lines if "its own token" in line]
    assert [line.split()[0] for line in said] == IN_ORDER
    assert renewed(here) == list(NAMES)
    assert {here.in_force(name.casefold()) for name in NAMES} == set(RENEWED.values())
    assert [one.name for one in report.connections[0].organizations] == IN_ORDER
    here.assert_tidy()


def test_a_person_chooses_the_first_to_expire_or_all(here):
    person = Person(which_token="", migrate_step="stop")
    run(here, {"reach": "organization"}, person)
    assert person.offered["which-token"][-1] == ""
    entry = here.entry
    keys = {one.credential: one.name for one in entry.organizations}
    assert [keys.get(key) for key in person.offered["which-token"][:-1]] == IN_ORDER
    assert "Fabrikam (1 of 3)" in here.stand.voice.lines


def test_some_of_them_alone(here):
    report = run(here, {"pat_file": files(IN_ORDER[:2]), "register": "none"})
    assert int(report.exit_code) == 0
    assert renewed(here) == ["Fabrikam", "Globex"]
    here.assert_tidy()


def test_a_global_token_for_one_of_them_is_told_the_command_of_this_connection(here):
    here.token(RENEWED["Fabrikam"], reach=None)
    report = run(here, {"pat_file": files(IN_ORDER[:2]), "register": "none"})
    [made] = (one for one in report.connections[0].organizations if one.name == "Fabrikam")
    [reach] = (check for check in made.checks if check.id is CheckId.REACH)
    assert reach.remedy is not None
    assert reach.remedy.endswith(": aspm-ado migrate contoso")


def test_one_that_fails_keeps_no_other_from_its_token(here):
    here.token(RENEWED["Globex"], scopes=samples.ALM_SCOPES - {"vso.code_full"})
    report = run(here, {"pat_file": files(NAMES), "register": "none"})
    assert (int(report.exit_code), renewed(here)) == (3, ["Contoso", "Fabrikam"])
    assert here.in_force("globex") == OLD["Globex"]
    here.assert_tidy()


def test_with_nobody_there_each_that_lacks_a_token_is_named_before_a_request(here):
    with pytest.raises(UsageError) as caught:
        run(here, {"reach": "organization"}, organizations=IN_ORDER[:2])
    assert caught.value.reason is Reason.INPUT_MISSING
    assert "Fabrikam, Globex" in caught.value.problem
    assert here.stand.wire.calls == []


def test_one_token_given_is_the_one_that_is_in_force(here):
    with pytest.raises(UsageError) as caught:
        run(here, {"pat_file": [*files(IN_ORDER[:2]), "Contoso=Contoso"]})
    assert caught.value.reason is Reason.TOKEN_UNCHANGED
    assert renewed(here) == []


def test_what_is_stored_already_is_not_asked_for_again(here):
    """Stopped after the first; the next run goes on with the others."""
    person = Person(
        which_token="", migrate_step=["now", STOP], token_ready="paste", pat=RENEWED["Fabrikam"],
        pat_expires="unknown",
    )  # fmt: skip
    with pytest.raises(InterruptedByUserError) as caught:
        run(here, {"reach": "organization"}, person)
    assert caught.value.problem == (
        "Interrupted. New tokens stored: 1 of 3. Remaining: Globex, Contoso."
    )
    assert caught.value.remedy == "To continue, run: aspm-ado rotate contoso"
    assert renewed(here) == ["Fabrikam"]
    report = run(here, {"pat_file": files(["Globex", "Contoso"]), "register": "none"}, None, NAMES)
    assert int(report.exit_code) == 0
    assert "Pending tokens already verified: 1 of 3." in here.stand.voice.text
    assert {here.in_force(name.casefold()) for name in NAMES} == set(RENEWED.values())
    here.assert_tidy()


# Ctrl-C says what is stored, and which command goes on


@pytest.fixture
def shared(machine) -> Machine:
    """Two organizations share one token, and Invicti ASPM has it."""
    made = machine()
    given = asked("contoso", "fabrikam", register="guided")
    connect(made.context(given, Person(handoff="saved", go=True)), None)
    return made


@pytest.mark.parametrize(
    ("answers", "organizations", "said", "command"),
    [
        ({"token_ready": STOP}, [], "No new token is stored.", "rotate contoso"),
        ({"pat": STOP}, ["fabrikam"], "No new token is stored.", "rotate contoso -o fabrikam"),
        ({"handoff": STOP}, [], "The new token is stored.", "handoff contoso"),
        ({"handoff": ["saved", STOP]}, [], "The new token is stored.", "handoff contoso"),
    ],
)
def test_ctrl_c_in_rotate(shared, answers, organizations, said, command):
    person = Person(**{"pat": NEW, "pat_expires": "unknown", "token_ready": "paste", **answers})
    if "token_ready" in answers:
        person = Person(pat="", **answers)
    with pytest.raises(InterruptedByUserError) as caught:
        rotate(shared.context({}, person), "contoso", organizations)
    assert caught.value.problem.startswith(f"Interrupted. {said}")
    assert caught.value.remedy == f"To continue, run: aspm-ado {command}"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"migrate_step": STOP}, "New tokens stored: 0 of 2. Remaining: contoso, fabrikam."),
        ({"migrate_step": ["now", STOP]}, "New tokens stored: 1 of 2. Remaining: fabrikam."),
        ({"migrate_step": "now", "handoff": STOP}, "New tokens stored: 2 of 2."),
        ({"migrate_step": "now", "handoff": ["saved", STOP]}, "New tokens stored: 2 of 2."),
    ],
)
def test_ctrl_c_in_migrate(shared, answers, said):
    own = [samples.pat(f"Own{name}", f"{name[:3]}1") for name in ("contoso", "fabrikam")]
    person = Person(
        migrate_which=("contoso", "fabrikam"), token_ready="paste", pat=own, pat_expires="unknown",
        **answers,
    )  # fmt: skip
    with pytest.raises(InterruptedByUserError) as caught:
        migrate(shared.context({}, person), "contoso")
    assert caught.value.problem == f"Interrupted. {said}"
    assert caught.value.remedy == "To continue, run: aspm-ado migrate contoso"
