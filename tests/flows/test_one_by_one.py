"""A token of its own for each organization, from a person: each is kept as it is proven, and the report says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aspm_ado.domain.errors import InterruptedByUserError
from aspm_ado.domain.reasons import Reason
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
                "token_ready": "paste",
                "pat": [TOKENS[name] for name in NAMES],
                "pat_expires": ["2027-01-31", "2027-02-28"],
                "another": False,
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


def test_each_has_its_own_token_and_day_and_is_asked_for_it_once(
    here: Stand, wizard: Wizard
) -> None:
    report, person = wizard()
    assert int(report.exit_code) == 0
    assert [person.asked.count(name) for name in ("pat", "pat-expires", "go")] == [2, 2, 1]
    entry = here.records.load().connections["contoso"]
    assert [one.name.casefold() for one in entry.organizations] == list(NAMES)
    kept = [entry.credentials[one.credential] for one in entry.organizations]
    assert [one.expires for one in kept] == ["2027-01-31", "2027-02-28"]
    secrets = [here.vault.read(one.service, "https://dev.azure.com") for one in kept]
    assert [secret.reveal() for secret in secrets if secret] == [TOKENS[name] for name in NAMES]
    assert here.records.load().pending == {}
    assert check(report, "store.secrets").status == "pass"


def test_stopped_at_the_second_the_first_is_kept(here: Stand, wizard: Wizard) -> None:
    with pytest.raises(InterruptedByUserError):
        wizard(pat=[TOKENS["contoso"], STOPPED])
    entry = here.records.load().connections["contoso"]
    assert [one.name.casefold() for one in entry.organizations] == ["contoso"]
    assert here.vault.read(
        entry.credentials[entry.organizations[0].credential].service, "https://dev.azure.com"
    )


def test_a_rehearsal_keeps_none(here: Stand, wizard: Wizard) -> None:
    report, person = wizard(flags={"dry_run": "true"})
    assert int(report.exit_code) == 0
    assert "go" not in person.asked
    assert here.records.load().connections == {}
    assert any("The plan" in line for line in here.voice.lines)


def test_declined_at_the_plan_what_is_stored_is_not_denied(here: Stand, wizard: Wizard) -> None:
    report, _ = wizard(go=False)
    stored = "contoso" in here.records.load().connections
    assert (check(report, "store.secrets").status == "pass") is stored


def test_declined_at_the_plan_of_one_token_nothing_is_stored(here: Stand) -> None:
    person = Person(
        token_ready="paste", pat=TOKENS["contoso"], pat_expires="unknown", another=False, go=False
    )
    given = asked("contoso", pat_file="", pat_expires="", reach="organization", register="none")
    report = connect(here.context(given, person), None)
    assert here.records.load().connections == {}
    assert check(report, "store.secrets").status == "skip"


def test_stop_here_means_nothing_and_keep_means_something() -> None:
    assert STOP.value == KEEP.value
    assert "nothing is stored" in STOP.label
    assert "nothing" not in KEEP.label
