"""A token of its own for each organization, from a person: each is kept as it is proven, and the report says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aspm_ado.domain.reasons import InterruptedByUserError, Reason, UsageError
from aspm_ado.domain.report import Report
from aspm_ado.flows.connect import connect
from aspm_ado.flows.tokens.retry import KEEP, STOP
from aspm_ado.simulator import SCENARIOS

from ..aspm.stand import Person, Stand, asked, check

STORY = SCENARIOS["two-organizations-two-tokens"]
TOKENS = dict(STORY.answers.tokens)
STOPPED = InterruptedByUserError(
    Reason.INTERRUPTED, "Stopped at the question.", remedy="Run it again."
)
NAMES = ("contoso", "fabrikam")
Wizard = Callable[..., tuple[Report, Person]]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(tmp_path, STORY)
    yield stand
    stand.close()


@pytest.fixture
def wizard(here: Stand) -> Wizard:
    def run(*, flags: dict[str, str] | None = None, **answers: object) -> tuple[Report, Person]:
        person = Person(
            **{
                "pat": [TOKENS[name] for name in NAMES],
                "pat_expires": "2027-01-31",
                "go": True,
                "handoff": "later",
                **answers,
            }
        )
        given = asked(
            *NAMES,
            pat_file="",
            pat_expires="",
            reach="organization",
            register="none",
            **(flags or {}),
        )
        return connect(here.context(given, person), None), person

    return run


@pytest.mark.parametrize(
    ("answers", "days", "times"),
    [
        ({}, ["2027-01-31", "2027-01-31"], [2, 1, 1]),
        (
            {
                "pat_expires": ["2027-01-31", "2027-01-31", "2027-02-28"],
                "go": ["change", "y"],
                "change": "pat-expires",
            },
            ["2027-01-31", "2027-02-28"],
            [2, 3, 2],
        ),
    ],
    ids=["of one day, asked once", "of two days, changed at the plan"],
)
def test_each_has_its_own_token_and_one_answer_says_when_they_end(
    here: Stand, wizard: Wizard, answers: dict[str, object], days: list[str], times: list[int]
) -> None:
    report, person = wizard(**answers)
    assert int(report.exit_code) == 0
    assert [person.asked.count(name) for name in ("pat", "pat-expires", "go")] == times
    entry = here.records.load().connections["contoso"]
    assert [one.name.casefold() for one in entry.organizations] == list(NAMES)
    kept = [entry.credentials[one.credential] for one in entry.organizations]
    assert [one.expires for one in kept] == days
    secrets = [here.vault.read(one.service, "https://dev.azure.com") for one in kept]
    assert [secret.reveal() for secret in secrets if secret] == [TOKENS[name] for name in NAMES]
    assert here.records.load().pending == {}
    assert check(report, "store.secrets").status == "pass"


def test_stopped_at_the_second_the_first_is_kept(here: Stand, wizard: Wizard) -> None:
    with pytest.raises(InterruptedByUserError) as caught:
        wizard(pat=[TOKENS["contoso"], STOPPED])
    said = f"Interrupted. Stored in “contoso”: 1 of {len(NAMES)} organizations (contoso)."
    assert caught.value.problem == said
    assert (caught.value.remedy or "").startswith("To continue, run: aspm-ado connect contoso")
    entry = here.records.load().connections["contoso"]
    assert [one.name.casefold() for one in entry.organizations] == ["contoso"]
    assert here.vault.read(
        entry.credentials[entry.organizations[0].credential].service, "https://dev.azure.com"
    )


def test_stopped_at_the_date_what_an_earlier_run_stored_is_said(
    here: Stand, wizard: Wizard
) -> None:
    with pytest.raises(InterruptedByUserError):
        wizard(pat=[TOKENS["contoso"], STOPPED])
    with pytest.raises(InterruptedByUserError) as caught:
        wizard(pat=TOKENS["fabrikam"], pat_expires=STOPPED)
    assert caught.value.problem == (
        f"Interrupted. Stored in “contoso”: 1 of {len(NAMES)} organizations (contoso)."
    )
    assert "aspm-ado connect contoso -o contoso -o fabrikam" in (caught.value.remedy or "")


def test_organizations_are_stored_in_the_order_of_the_run_that_names_them_all(
    here: Stand, wizard: Wizard
) -> None:
    """Tokens that are created at once are stored in any order, one by one."""
    wizard()
    entry = here.records.load().connections["contoso"]
    turned = replace(entry, organizations=entry.organizations[::-1])
    here.records.change(lambda now: replace(now, connections={"contoso": turned}))
    wizard()
    stored = here.records.load().connections["contoso"].organizations
    assert [one.name.casefold() for one in stored] == list(NAMES)


def test_a_rehearsal_keeps_none(here: Stand, wizard: Wizard) -> None:
    report, person = wizard(flags={"dry_run": "true"})
    assert int(report.exit_code) == 0
    assert "go" not in person.asked
    assert here.records.load().connections == {}
    assert any("The plan" in line for line in here.voice.lines)


@pytest.mark.parametrize(
    ("names", "pats", "left"),
    [
        (NAMES, [TOKENS[name] for name in NAMES], "Already stored: contoso, fabrikam."),
        (("contoso",), [TOKENS["contoso"]], "Nothing changed."),
    ],
)
def test_no_at_the_plan_cancels_and_says_what_is_stored(
    here: Stand, names: tuple[str, ...], pats: list[str], left: str
) -> None:
    person = Person(pat=pats, pat_expires="unknown", go=False)
    given = asked(*names, pat_file="", pat_expires="", reach="organization", register="none")
    with pytest.raises(UsageError) as error:
        connect(here.context(given, person), None)
    assert (error.value.reason, error.value.problem) == (Reason.DECLINED, "Cancelled.")
    assert left in error.value.remedy
    assert bool(here.records.load().connections) is (len(names) > 1)


def test_not_now_at_the_second_token_goes_on_with_the_first(here: Stand, wizard: Wizard) -> None:
    report, _ = wizard(pat=[TOKENS["contoso"], ""], token_ready="later")
    assert [one.name for one in report.connections[0].organizations] == ["contoso"]
    assert here.records.load().connections["contoso"].organizations[0].name == "contoso"


def test_stop_here_means_nothing_and_keep_means_something() -> None:
    assert STOP.value == KEEP.value
    assert "nothing is stored" in STOP.label
    assert "nothing" not in KEEP.label
