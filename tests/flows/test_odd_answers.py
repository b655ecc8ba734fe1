"""Answers as public reports have them, in the place of the usual ones, through the whole plan of requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aspm_ado.domain.azure.deployment import Purpose
from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.http import Reply

from ..domain import replies as r
from ..simulator.worlds import swap
from .service import TFS, Service, candidate, token
from .test_prove import checks, proven

EMPTY = r.reply(404, "", r.MARKS, r.USER)
WORDS = r.reply(404, "Page not found.", r.MARKS, r.USER)
GATEWAY = r.reply(404, "Page not found.")
SLOW = r.reply(401, "", r.MARKS, r.BASIC, (("X-RateLimit-Remaining", "0"),))
NAMED = r.reply(401, r.TF400813, r.MARKS, r.JSON, r.USER)
ALIVE = {"identity": "pass", "organization.access": "fail"}
UNHEARD = {"identity": "unknown", "organization.access": "unknown"}

# probes or routes answered otherwise · by what · what comes of it
ON_SERVICES: dict[str, tuple[tuple[str, ...], Reply, dict[str, str]]] = {
    "a person who is named by a 403": (
        ("connection-data",),
        r.reply(403, r.DOCUMENT, r.MARKS, r.JSON, r.USER),
        ALIVE,
    ),
    "a person who is named beside a page": (
        ("connection-data",),
        r.reply(401, r.PAGE, r.MARKS, r.USER),
        ALIVE,
    ),
    "somebody who never signed in": (
        ("connection-data",),
        r.reply(403, r.NEVER_SIGNED_IN, r.MARKS, r.JSON),
        {"identity": "skip", "organization.access": "fail"},
    ),
    "a service that throttles all": (("connection-data", "profile"), SLOW, UNHEARD),
    **{
        f"a service whose budget is {left}": (
            ("connection-data", "profile"),
            r.reply(401, "", r.MARKS, r.BASIC, (("X-RateLimit-Remaining", left),)),
            UNHEARD,
        )
        for left in ("0.0", " 00", "-3")
    },
    "a redirect that names a person": (
        ("connection-data",),
        r.reply(302, "", r.MARKS, r.USER, (("Location", "/_signin"),)),
        UNHEARD,
    ),
    "a page that names a person": (
        ("connection-data",),
        r.reply(203, r.PAGE, r.MARKS, r.HTML, r.USER),
        UNHEARD,
    ),
    "a person without rights, in braces": (
        ("connection-data",),
        r.connection_data(replace(r.NOBODY, id=f"{{{r.NOBODY.id.upper()}}}")),
        {"identity": "fail", "organization.access": "skip"},
    ),
    "a page in the place of the repositories": (
        ("repositories",),
        r.reply(200, r.PAGE, r.MARKS, r.HTML, r.USER),
        {"scope.code": "partial", "clone.token": "unknown"},
    ),
    "a redirect in the place of the repositories": (
        ("repositories",),
        r.reply(302, "", r.MARKS, r.USER, (("Location", "/_signin"),)),
        {"clone.token": "unknown"},
    ),
    "a service that throttles one probe": (
        ("identity-read",),
        SLOW,
        {"organization.access": "pass", "scope.identity": "unknown"},
    ),
    "a gateway in the place of one probe": (
        ("profile-write",),
        GATEWAY,
        {"scope.profile": "unknown", "scope.code": "partial"},
    ),
    "a preview that is gone": (
        ("profile-write",),
        WORDS,
        {"scope.profile": "partial", "scope.code": "partial"},
    ),
}
SHOWS_NOTHING = [EMPTY, WORDS, GATEWAY, r.reply(404, r.PAGE, r.HTML, r.MARKS, r.USER)]
CODE_WRITES = ("code-write", "code-manage")


def statuses(service: Service, *names: str, **more: object) -> dict[str, str]:
    proof, _ = proven(service, candidate(*names, reach=ReachDemanded.ORGANIZATION, **more))
    return {check.id.value: check.status.value for check in checks(proof).values()}


def answering(service: Service, kinds: tuple[str, ...], answer: Reply) -> Service:
    service.overrides |= dict.fromkeys(kinds, lambda _: answer)
    return service


@pytest.mark.parametrize("row", ON_SERVICES)
def test_services_answers_in_other_clothes(row: str) -> None:
    kinds, answer, expected = ON_SERVICES[row]
    service = answering(Service(token(reach="Contoso")), kinds, answer)
    found = statuses(service, "Contoso", clone="auto" if "clone.token" in expected else "no")
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("answer", SHOWS_NOTHING)
@pytest.mark.parametrize("version", ["", "7.0"])
def test_no_answer_but_a_document_shows_a_level(version: str, answer: Reply) -> None:
    """The token reads code and no more."""
    service = Service(token(swap("vso.code_full", "vso.code")), version=version)
    more = {"site": TFS} if version else {}
    found = statuses(answering(service, CODE_WRITES, answer), "Contoso", **more)
    assert found["scope.code"] == "unknown"


@pytest.mark.parametrize("answer", [WORDS, EMPTY])
def test_an_address_without_any_route_makes_no_token_ready(answer: Reply) -> None:
    """A virtual directory that was read as a collection answers connectionData, and nothing else."""
    service = Service(token(frozenset({"vso.build"})), version="7.0")
    names = ("project-write", "project-manage", "work-read", "work-write", "work-manage")
    found = statuses(
        answering(service, names, answer), "Contoso", site=TFS, purpose=Purpose.ISSUE_MANAGER
    )
    assert (found["scope.project"], found["scope.work"]) == ("unknown", "unknown")


def test_a_server_that_signs_in_whoever_asks_shows_nothing_of_the_token() -> None:
    """What is in front of it signs in by itself: a random token reads as much."""
    service = answering(Service(token(), version="7.0"), ("code-read",), r.granted())
    found = statuses(service, "Contoso", site=TFS)
    assert (found["identity"], found["organization.access"]) == ("unknown", "unknown")
    assert {found[name] for name in ("reach", "scope.code", "clone.token")} == {"skip"}
    assert not [call for call in service.calls if "/_git/" in call.url]


def test_a_server_that_names_whom_it_refuses_at_its_root_shows_a_living_token() -> None:
    service = answering(Service(token(), version="7.0"), ("collections",), NAMED)
    answering(service, ("connection-data",), r.bare())
    found = statuses(service, "Contoso", site=TFS)
    assert {name: found[name] for name in ALIVE} == ALIVE
