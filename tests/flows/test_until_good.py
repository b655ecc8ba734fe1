"""On a terminal, until it is good: what is asked again, and what a person may answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.ports import Send
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.reasons import CheckId, Status
from aspm_ado.flows.tokens.retry import AGAIN, KEEP, ONE_EACH, OTHER, STOP, validate_until_good
from aspm_ado.flows.validation.scheduler import Scheduler
from aspm_ado.flows.validation.token import Token as Pat
from aspm_ado.flows.validation.token import TokenResult
from aspm_ado.simulator.world import IssuedToken

from ..domain import replies as r
from ..simulator.worlds import swap
from .context import Person, Voice, asker, context
from .service import PAT, Service, candidate, token

NARROW = token(swap("vso.work_full", "vso.work"))
OTHER_PAT = PAT[:-4] + "othr"


def run(
    service: Service, *answers: object, made: Pat | None = None, **given: str
) -> tuple[list[TokenResult], list[int], Person]:
    person, shown = Person(*answers), []
    service.begin(PAT, OTHER_PAT)

    def show(proofs: Sequence[TokenResult]) -> None:
        shown.append(len(proofs))

    proofs = validate_until_good(
        context(asker=asker(person, **given), scheduler=Scheduler(service), show=show),
        [made or candidate("contoso")],
    )
    assert service.problems == []
    assert person.answers == []
    return proofs, shown, person


def test_a_good_token_asks_nobody_anything() -> None:
    _, shown, person = run(Service(token()))
    assert (shown, person.asked) == ([], [])


def test_a_text_to_send_where_somebody_else_has_to_mend_it() -> None:
    person, voice = Person("ticket", STOP.value), Voice()
    scheduler = Scheduler(lambda call: replace(r.silence(), call=call))
    validate_until_good(
        context(asker=asker(person), scheduler=scheduler, voice=voice), [candidate("contoso")]
    )
    assert person.answers == []
    told = "\n".join(str(line) for line in voice.lines)
    assert "the administrator of the network" in told
    assert "Not determined" in told
    assert PAT not in told


def test_edited_and_checked_again() -> None:
    service = Service(NARROW)
    before = []

    def edit() -> str:
        before.append(len(service.calls))
        service.edit(token())
        return AGAIN.value

    _, shown, _ = run(service, edit)
    assert shown == [1]
    assert sorted(set(service.names(before[0])) - {"connection-data", "profile"}) == [
        "work-manage",
        "work-write",
    ]


def test_another_token_is_proven_from_the_start() -> None:
    service = Service(NARROW, token(value=OTHER_PAT))
    [proof], _, person = run(service, OTHER.value, OTHER_PAT)
    assert proof.token.secret.reveal() == OTHER_PAT
    assert (proof.token.end, person.asked) == (None, ["next", "pat"])
    assert service.names().count("code-read") == 2


def test_another_token_ends_on_the_day_that_was_given_for_all() -> None:
    made = candidate("contoso", end=date(2027, 1, 31), end_source="--pat-expires")
    [proof], _, person = run(
        Service(NARROW, token(value=OTHER_PAT)),
        OTHER.value,
        OTHER_PAT,
        made=made,
        pat_expires="2027-01-31",
    )
    assert "pat-expires" not in person.asked
    assert (proof.token.end, proof.token.end_source) == (date(2027, 1, 31), "--pat-expires")


def test_a_token_of_one_organization_is_accepted_by_a_person() -> None:
    [proof], shown, _ = run(Service(token(reach="contoso")), ONE_EACH.value)
    assert shown == [1]
    assert proof.token.demand.reach is ReachDemanded.ORGANIZATION
    [made] = proof.reports
    assert {check.id: check.status for check in made.checks}[CheckId.REACH] is Status.PASS
    assert made.is_good


@pytest.mark.parametrize(
    ("token", "names", "offered", "absent"),
    [
        (NARROW, ("contoso",), [AGAIN, STOP], [ONE_EACH, KEEP]),
        (None, ("contoso",), [OTHER, STOP], [ONE_EACH, KEEP]),
        (token(reach="contoso"), ("contoso",), [AGAIN, ONE_EACH, STOP], [KEEP]),
        (token(), ("contoso", "nowhere"), [AGAIN, KEEP], [ONE_EACH, STOP]),
        ("silence", ("contoso",), [replace(AGAIN, hint=""), OTHER, STOP], [AGAIN, ONE_EACH, KEEP]),
    ],
    ids=[
        "a scope",
        "dead",
        "one organization",
        "one good, one not",
        "no network, which no edit of a token mends",
    ],
)
def test_what_is_offered(
    token: IssuedToken | str | None,
    names: tuple[str, ...],
    offered: list[Choice],
    absent: list[Choice],
) -> None:
    """What would store nothing says so, and what keeps something says that; the likeliest way out comes first."""
    seen: list[Sequence[Choice]] = []

    class Reader(Person):
        def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
            seen.append(choices)
            assert default == choices[0].value
            return super().choose(question, choices, default)

    service: Send = Service(*([token] if isinstance(token, IssuedToken) else []))
    if token == "silence":
        service = lambda call: replace(r.silence(), call=call)  # noqa: E731
    made = context(asker=asker(Reader(KEEP.value)), scheduler=Scheduler(service))
    validate_until_good(made, [candidate(*names)])
    [choices] = seen
    assert choices[0] == offered[0]
    assert [choice for choice in choices if choice in offered] == offered
    assert not [choice for choice in choices if choice in absent]


def test_kept_as_it_is() -> None:
    [proof], shown, _ = run(Service(NARROW), KEEP.value)
    assert shown == [1]
    assert proof.token.secret.reveal() == PAT


def test_a_dead_token_can_be_replaced_too() -> None:
    [proof], _, _ = run(Service(token(value=OTHER_PAT)), AGAIN.value, OTHER.value, OTHER_PAT)
    assert proof.token.end is None
    assert proof.organizations["contoso"].access is not None
    assert proof.organizations["contoso"].access.is_accepted


def test_with_nobody_there_it_is_proven_once() -> None:
    service = Service(NARROW)
    validate_until_good(context(scheduler=Scheduler(service)), [candidate("contoso")])
    assert len(service.calls) == 11
