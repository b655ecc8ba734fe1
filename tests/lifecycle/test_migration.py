"""From one token of all organizations to twelve: stopped at every question and every effect, and gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from aspm_ado.domain.migration_plan import markdown, rows_out
from aspm_ado.domain.reasons import InterruptedByUserError, Reason, UsageError
from aspm_ado.domain.stored import RegistrationState
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.migrate import migrate, planned
from aspm_ado.flows.rotation.replace_dead import replace_dead
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.flows.storage.transaction import update_entry
from aspm_ado.flows.validate import validate_stored
from aspm_ado.simulator import samples

from ..hours import NIGHT
from .faults import Killed, Switch
from .machine import NEW, PAT, TOKENS, Machine, Person, asked, check, codes

NAMES = ("Contoso", *(f"Team{number:02d}" for number in range(1, 12)))
OWN = {name: samples.pat(f"Own{name}", f"{name[-2:]}0W") for name in NAMES}
STORED = NAMES[:6]
"""The connection has these; the others are only reached by its token."""
ORGANIZATIONS = tuple(replace(samples.FABRIKAM, name=name) for name in NAMES)
FILES = {name: OWN[name] for name in NAMES}


class Somebody:
    """Chooses everything, and creates each organization's token once; ``at`` is the question that gets Ctrl-C."""

    asks = True

    def __init__(self, created: dict[str, int], at: int = 0) -> None:
        self.created, self.at = created, at
        self.given: list[str] = []
        self.kinds: list[str] = []

    def _count(self, question) -> None:
        self.kinds.append(question.name)
        if len(self.kinds) == self.at:
            raise InterruptedByUserError(Reason.INTERRUPTED, "Stopped.", remedy="Run it again.")

    def choose(self, question, choices, default=""):
        self._count(question)
        values = [one.value for one in choices]
        return "saved" if "saved" in values else default

    def choose_many(self, question, choices, *, marked=False):
        self._count(question)
        return tuple(one.value for one in choices)

    def text(self, question, default="", *, accept=None):
        self._count(question)
        return default

    def confirm(self, question, default):
        self._count(question)
        return default

    def secret(self, question, context=(), *, accept=None):
        [name] = [one for one in NAMES if f"for {one}." in " ".join(context)]
        self.created.setdefault(name, 0)
        self._count(question)
        self.given.append(name)
        return accept(OWN[name])


@pytest.fixture
def here(machine) -> Machine:
    """Six organizations share one token, which reaches six more; Invicti ASPM has it."""
    own = tuple(samples.token(OWN[name], reach=name) for name in NAMES)
    aspm = {"registers": "yes", "alm_tools": ("azurecloud",)}
    made = machine(tokens=(*TOKENS, *own), organizations=ORGANIZATIONS, aspm=aspm)
    connect(made.context(asked(*STORED, register="guided"), Person(handoff="saved", go=True)), None)
    made.keep()
    return made


def tokens_of(here: Machine) -> dict[str, str]:
    """The newest token that each organization has: waiting, or in force."""
    entry = here.entry
    found = {one.name: one.credential for one in entry.organizations}
    found |= {name: key for key, one in entry.successors.items() for name in one.organizations}
    return {
        name: here.secrets[entry.credential_of(key).service].reveal() for name, key in found.items()
    }


def own_of(here: Machine) -> set[str]:
    return {name for name, value in tokens_of(here).items() if value == OWN.get(name)}


def assert_nothing_lost(here: Machine) -> None:
    """Every secret in force is there, and the old token stays while somebody still waits for one."""
    here.assert_whole()
    assert all(value in (PAT, OWN[name]) for name, value in tokens_of(here).items())
    if own_of(here) < set(NAMES):
        assert PAT in [one.reveal() for one in here.secrets.values()]


def assert_finished(here: Machine) -> None:
    """Twelve proven credentials, each of one organization, all in force, and nothing besides."""
    entry = here.entry
    assert tokens_of(here) == OWN
    assert (entry.successors, entry.migration) == ({}, None)
    assert len(entry.credentials) == len(NAMES)
    assert {one.reach for one in entry.credentials.values()} == {"organization"}
    assert {one.registration.state for one in entry.organizations} == {RegistrationState.REGISTERED}
    here.assert_tidy()


def run(here: Machine, somebody: Somebody, **how):
    return migrate(here.context(None, somebody, **how), "contoso")


def finish(here: Machine) -> None:
    """The next run: nobody is asked for a token that is stored."""
    before = own_of(here)
    somebody = Somebody({})
    report = run(here, somebody)
    assert int(report.exit_code) == 0
    assert not before & set(somebody.given), "created twice"
    assert_finished(here)


def test_to_the_end(here):
    somebody = Somebody({})
    report = run(here, somebody)
    assert int(report.exit_code) == 0
    assert somebody.given == list(NAMES)
    assert_finished(here)
    assert (
        "This connection no longer uses the old token (…Rdy1). Revoke it: https://dev.azure.com/Contoso"
        in (here.stand.voice.text)
    )
    [connection] = report.connections
    assert [one.token.last4 for one in connection.organizations] == [
        OWN[name][-4:] for name in NAMES
    ]
    assert int(validate_stored(here.context(), []).exit_code) == 0
    again = run(here, Somebody({}, at=1))  # nothing is asked
    assert int(again.exit_code) == 0
    assert "Nothing to do" in here.stand.voice.text


def test_all_are_marked_at_first_and_none_is_a_no(here):
    offered = []

    class Choosing(Somebody):
        def choose_many(self, question, choices, *, marked=False):
            offered.append(marked)
            return ()

    with pytest.raises(UsageError) as error:
        run(here, Choosing({}))
    assert (error.value.reason, offered) == (Reason.DECLINED, [True])
    assert own_of(here) == set()


PARTS = range(4)


def steps_to_try(kinds: Sequence[object], part: int) -> list[int]:
    """The steps of one part, counted from 1: at night every one; by day the first, middle and last of each kind."""
    places: dict[object, list[int]] = {}
    for place, kind in enumerate(kinds, start=1):
        places.setdefault(kind, []).append(place)
    picked = {one[at] for one in places.values() for at in (0, len(one) // 2, -1)}
    return (list(range(1, len(kinds) + 1)) if NIGHT else sorted(picked))[part :: len(PARTS)]


@pytest.mark.parametrize("part", PARTS)
def test_stopped_at_every_question(here, part):
    whole = Somebody({})
    run(here, whole)
    assert len(whole.kinds) > 46
    for at in steps_to_try(whole.kinds, part):
        here.back()
        with pytest.raises(InterruptedByUserError):
            run(here, Somebody({}, at))
        assert_nothing_lost(here)
        finish(here)


@pytest.mark.parametrize("part", PARTS)
def test_killed_before_and_after_every_effect(here, part):
    """The kind of an effect is what it is, what came before it, and whether the machine goes off before or after it."""
    whole = Switch()
    run(here, Somebody({}), switch=whole)
    pairs = zip(["", *whole.effects], whole.effects, strict=False)
    kinds = [(*pair, side) for pair in pairs for side in ("before", "after")]
    assert len(kinds) > 80
    for at in steps_to_try(kinds, part):
        here.back()
        with pytest.raises(Killed):
            run(here, Somebody({}), switch=Switch(at))
        assert_nothing_lost(here)
        finish(here)


def test_stopped_again_and_again(here):
    """Every run gets one token further; none begins from the start."""
    given: list[str] = []
    for _ in range(40):
        somebody = Somebody({}, at=6)
        try:
            run(here, somebody)
        except InterruptedByUserError:
            given += somebody.given
            assert_nothing_lost(here)
            continue
        given += somebody.given
        break
    assert sorted(given) == sorted(set(given))
    finish(here) if own_of(here) < set(NAMES) else assert_finished(here)


def by_files(here: Machine, *names: str, **given):
    """Nobody to ask: a file for each organization."""
    files = [f"{name}={name}" for name in names]
    return migrate(here.context({"pat_file": files, **given}, files=FILES), "contoso")


@pytest.mark.parametrize(
    "register", ["auto", "none"], ids=["while they wait", "once they are in force"]
)
def test_forgotten_half_way_every_token_is_to_be_revoked(here, register):
    """Those that wait for Invicti ASPM are as good as the one in force: nobody else says that they are there."""
    by_files(here, *STORED, register=register)
    forgotten = disconnect(here.context({"yes": "true"}), "contoso")
    pages = {f"https://dev.azure.com/{name}/_usersSettings/tokens".casefold() for name in STORED}
    assert {page.casefold() for page in forgotten.token_pages} == pages
    assert len(forgotten.left_to_do) <= 1


def test_with_nobody_to_ask_a_handoff_remains(here):
    report = by_files(here, *STORED)
    assert (int(report.exit_code), report.verdict.value) == (8, "ready-with-warnings")
    assert own_of(here) == set(STORED)
    assert {here.in_force(name.casefold()) for name in STORED} == {PAT}
    assert int(by_files(here, *STORED, register="guided").exit_code) == 0
    asked_of = len(here.secrets)
    assert int(by_files(here, *STORED, register="none").exit_code) == 0
    assert len(here.secrets) == asked_of - 1, "the old one is erased, and nothing is stored again"
    assert {here.in_force(name.casefold()) for name in STORED} == {OWN[name] for name in STORED}
    here.assert_tidy()


def test_nothing_to_do_is_0_also_where_a_handoff_remains(machine):
    here = machine()
    here.token(PAT, reach="Contoso")
    connect(here.context(asked(register="guided", reach="organization")), None)
    report = migrate(here.context(), "contoso")
    assert int(report.exit_code) == 0
    assert "Nothing to do" in here.stand.voice.text
    assert check(report, "aspm.registration").status.value == "warn"


def test_its_own_token_that_is_in_force_stays_and_what_waits_is_given_up(here):
    """A token of all organizations waits for all of them, one of which has its own: given again, it is kept once."""
    by_files(here, "Contoso", organization="Contoso", register="none")
    rotate(here.context({"pat_file": "new", "reach": "all"}), "contoso", list(STORED))
    assert here.waiting() == [NEW]
    by_files(here, "Contoso", organization="Contoso")
    assert here.in_force() == OWN["Contoso"]
    assert [set(one.organizations) for one in here.entry.successors.values()] == [
        set(STORED) - {"Contoso"}
    ]
    here.assert_tidy()


def test_a_handoff_another_day(here):
    by_files(here, *STORED)
    assert (
        int(resume_handoff(here.context(person=Person(handoff="saved")), "contoso").exit_code) == 0
    )
    assert (
        "This connection no longer uses the old token (…Rdy1). Revoke it:" in here.stand.voice.text
    )
    assert int(by_files(here).exit_code) == 0
    assert here.entry.migration is None
    here.assert_tidy()


def test_everything_missing_is_named_before_the_first_request(here):
    context = here.context({"pat_file": ["Contoso=Contoso"]}, files=FILES)
    with pytest.raises(UsageError) as missing:
        migrate(context, "contoso")
    assert all(name in missing.value.problem for name in STORED[1:])
    assert "Contoso" not in missing.value.problem
    assert here.stand.wire.calls == []
    here.assert_tidy()


def test_all_organizations_from_variables(here):
    variables = {f"TOKEN_{name}": OWN[name] for name in NAMES}
    given = {
        "all_organizations": "true",
        "pat_variable": [f"{name}=TOKEN_{name}" for name in NAMES],
    }
    report = migrate(here.context({**given, "register": "none"}, variables=variables), "contoso")
    assert int(report.exit_code) == 0
    assert tokens_of(here) == OWN
    here.assert_tidy()


def test_one_that_is_not_good_and_the_others_kept(here):
    here.token(OWN["Team02"], scopes=samples.ALM_SCOPES - {"vso.code_full"})
    here.token(OWN["Team03"], owner=samples.GRACE)
    here.token(OWN["Team04"], reach=None)
    report = by_files(here, *STORED, register="none")
    assert int(report.exit_code) == 3
    assert codes(report) == {"code-scope-missing", "other-identity", "reach-too-wide"}
    assert own_of(here) == {"Contoso", "Team01", "Team05"}
    assert here.entry.unmigrated == ("Team02", "Team03", "Team04")
    here.assert_tidy()
    here.token(OWN["Team02"], revoked=True)
    assert int(by_files(here, "Team02", organization="Team02", register="none").exit_code) == 4


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"pat_file": ["Contoso=pat"]}, "token-unchanged"),
        ({"pat_file": ["Contoso=new", "Team01=new"]}, "usage"),
        ({"pat_file": ["pat"]}, "usage"),
        ({"pat_file": ["Contoso=new"], "pat_variable": ["contoso=TOKEN"]}, "usage"),
        ({"pat_variable": [f"Contoso={PAT}"]}, "input-invalid"),
        ({"pat_variable": ["Contoso=UNSET"]}, "token-empty"),
    ],
)
def test_refused_before_anything_is_asked(here, given, reason):
    with pytest.raises(UsageError) as refused:
        migrate(here.context(given, variables={"TOKEN": OWN["Contoso"]}), "contoso")
    assert refused.value.reason.value == reason
    assert PAT not in f"{refused.value.problem} {refused.value.remedy}"
    assert here.stand.wire.calls == []


def test_after_the_day(here):
    """The old token is dead: the list comes from the record, and one more can be named."""
    here.world(today=date(2026, 12, 2))
    somebody = Somebody({})
    assert int(run(here, somebody).exit_code) == 0
    assert "Could not list the organizations" in here.stand.voice.text
    assert set(somebody.given) >= set(STORED)
    assert own_of(here) == set(somebody.given)


def after_the_day(here, person=None, **given):
    here.world(today=date(2026, 12, 2))
    context = here.context(given, person)
    return replace(context, clock=replace(context.clock, today=date(2026, 12, 2)))


def test_a_dead_one_of_several_is_not_replaced_by_one(here):
    """After the day ``validate`` offers what helps: a token for each organization."""
    somebody = Somebody({})
    context = after_the_day(here, somebody)
    report = validate_stored(context, [])
    assert int(report.exit_code) == 4
    after = replace_dead(context, report, lambda shown: None)
    assert int(after.exit_code) == 0
    assert set(somebody.given) == own_of(here) >= set(STORED)


def test_rotate_sends_there_where_one_token_cannot_serve_them(here):
    context = after_the_day(here, Somebody({}))
    with pytest.raises(UsageError) as refused:
        rotate(context, "contoso", [])
    assert refused.value.remedy == "aspm-ado migrate contoso"
    assert here.stand.wire.calls == []


@pytest.mark.parametrize(("register", "code"), [("auto", 8), ("guided", 0), ("none", 0)])
def test_left_out_and_stopped(here, register, code):
    answers = iter(("skip", "now", "stop"))

    class Choosy(Somebody):
        def choose(self, question, choices, default=""):
            return (
                next(answers)
                if question.name == "migrate-step"
                else super().choose(question, choices, default)
            )

    report = migrate(here.context({"register": register}, Choosy({})), "contoso")
    assert int(report.exit_code) == code
    assert own_of(here) == {"Team01"}
    assert "not-migrated" in {one.reason.value for one in report.all_checks() if one.reason}
    finish(here)


def test_the_plan_changes_nothing(here):
    by_files(here, "Contoso", organization="Contoso", register="none")
    closed = tuple(replace(one, blocks_global_tokens=one.name == "Team03") for one in ORGANIZATIONS)
    here.world(organizations=closed)
    before = (here.catalogue, dict(here.secrets))
    plan = planned(here.context(), "contoso")
    assert (here.catalogue, here.secrets) == before
    assert {row.organization for row in plan.rows} == set(NAMES)
    rows = {row.organization: row for row in plan.rows}
    assert (rows["Contoso"].state, rows["Contoso"].how) == ("done", "there")
    assert (rows["Team01"].state, rows["Team01"].how) == ("to-do", "by-hand")
    assert rows["Team03"].how == "administrator"
    assert "Restrict personal access token creation" in rows["Team03"].administrator_request
    assert rows["Team11"].connected is False
    told = "\n".join(markdown(plan.name, plan.day, plan.rows, listed=plan.listed)) + str(
        rows_out(plan.rows)
    )
    assert "https://dev.azure.com/Team01/_usersSettings/tokens" in told
    assert not [secret for secret in (PAT, *OWN.values()) if secret in told]
    for columns in (79, 120):
        shown = [*markdown(plan.name, plan.day, plan.rows, listed=plan.listed, columns=columns)]
        heading = next(at for at, line in enumerate(shown) if line.startswith("organization"))
        end = shown.index("", heading)
        assert max(map(len, shown[heading:end])) <= columns, "the table is too wide"
        assert [line for line in shown[heading:end] if line.startswith("Contoso")]
        assert "- Page: https://dev.azure.com/Team01/_usersSettings/tokens" in shown
    assert "1 organization on" in "\n".join(
        markdown(plan.name, plan.day, plan.rows[1:2], listed=True)
    )


def test_a_server_is_not_concerned(here):
    update_entry(
        here.context(),
        "contoso",
        lambda entry: replace(entry, deployment="server", base_url="https://tfs.test"),
    )
    with pytest.raises(UsageError, match="migrate is for Azure DevOps Services") as refused:
        migrate(here.context(), "contoso")
    assert "Microsoft" not in f"{refused.value.problem} {refused.value.remedy}"
