"""Three verdicts that look alike: a bad token, something in the way, Invicti ASPM's no; each with a text to send."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.documents import Identity
from aspm_ado.domain.http import Evidence
from aspm_ado.domain.reasons import CheckId, ExitCode, Reason, Status, Who
from aspm_ado.domain.report import (
    AspmReport,
    Check,
    ConnectionReport,
    OrganizationReport,
    TokenFacts,
)
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.ticket import responsibilities

from . import replies as r

AT = "2026-12-01T00:00:05Z"
ASKED = Evidence(
    "GET",
    "https://dev.azure.com/Contoso/_apis/connectionData",
    403,
    "5f0a2b8e",
    "2026-12-01T00:00:04Z",
)
ALIVE = Check(CheckId.IDENTITY, Status.PASS, "The token belongs to Ada.")
NOBODYS = {
    Reason.NOT_MIGRATED,
    Reason.HANDED_OFF,
    Reason.REGISTRATION_UNKNOWN,
    Reason.SAVED_NOT_SHOWN,
}
"""A step that remains is nobody's problem."""


def made(*checks: Check, aspm: tuple[Check, ...] = ()) -> ConnectionReport:
    organization = OrganizationReport(
        "Contoso", None, TokenFacts(TokenFormat.V2_84, "Wx9Z"), checks
    )
    shown = AspmReport("https://aspm.example.test", "standalone", aspm) if aspm else None
    return ConnectionReport(
        "contoso",
        Deployment.SERVICES,
        "https://dev.azure.com",
        Purpose.ALM,
        (organization,),
        (),
        shown,
    )


def bad(check: CheckId, reason: Reason, status: Status = Status.FAIL) -> Check:
    return Check(check, status, f"Because of {reason}.", reason, "Fix it.", evidence=(ASKED,))


def test_every_reason_that_can_stand_in_the_way_is_somebodys() -> None:
    harmless = {ExitCode.DONE, ExitCode.BUG, ExitCode.USAGE, ExitCode.INTERRUPTED}
    assert {one for one in Reason if one.exit_code not in harmless} == {
        one for one in Reason if one.who
    } | NOBODYS
    assert {one.who for one in Reason if one.who} == set(Who)


# check · reason · status · identity is proven · whose it is · what the sentence says, and what it must not say
FAIL, UNKNOWN = Status.FAIL, Status.UNKNOWN
WHO_, IN, CODE, HANDED = CheckId.IDENTITY, CheckId.ACCESS, CheckId.SCOPE_CODE, CheckId.REGISTRATION
ROWS = {
    "name": (
        IN,
        Reason.ORGANIZATION_ABSENT,
        FAIL,
        False,
        Who.ASKER,
        "The name was not found. Correct it.",
        "accepts",
    ),
    "rejected": (WHO_, Reason.TOKEN_REJECTED, FAIL, False, Who.OWNER, "rejected the token", "good"),
    "scope": (
        CODE,
        Reason.CODE_SCOPE_MISSING,
        FAIL,
        True,
        Who.OWNER,
        "accepts the token",
        "policy",
    ),
    "fence": (
        IN,
        Reason.ACCESS_FENCED,
        UNKNOWN,
        False,
        Who.ADMINISTRATOR,
        "could not be verified",
        "accepts",
    ),
    "policy": (
        IN,
        Reason.ORGANIZATION_REFUSES_TOKEN,
        FAIL,
        True,
        Who.ADMINISTRATOR,
        "accepts the token",
        "could not be verified",
    ),
    "proxy": (
        WHO_,
        Reason.PROXY_FAILED,
        UNKNOWN,
        False,
        Who.NETWORK,
        "could not be verified",
        "accepts",
    ),
    "tls": (
        CODE,
        Reason.TLS_UNTRUSTED,
        UNKNOWN,
        True,
        Who.NETWORK,
        "accepts the token, but the network path",
        "could not be verified",
    ),
    "429": (
        WHO_,
        Reason.THROTTLED,
        UNKNOWN,
        False,
        Who.SERVICE,
        "gave no conclusive answer",
        "accepts",
    ),
    "page": (
        CheckId.ASPM_REACHABLE,
        Reason.ASPM_NOT_AN_API,
        FAIL,
        True,
        Who.ASPM_ADDRESS,
        "Correct the URL",
        "denies access",
    ),
    "conflict": (
        HANDED,
        Reason.REGISTRATION_CONFLICT,
        FAIL,
        True,
        Who.ASPM_INTEGRATIONS,
        "another integration for Contoso",
        "denies access",
    ),
    "aspm": (
        HANDED,
        Reason.ASPM_REFUSED,
        FAIL,
        True,
        Who.ASPM,
        "Invicti ASPM denies access",
        "could not be verified",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_ticket_it_is_and_the_text_to_send(row: str) -> None:
    check, reason, status, alive, who, says, never = ROWS[row]
    trouble = bad(check, reason, status)
    [found] = responsibilities(made(*([ALIVE] if alive else []), trouble))
    assert found.who is who
    assert says in found.sentence
    assert never not in found.sentence
    assert "{" not in found.sentence
    text = "\n".join(found.ticket(AT, "0.1.0"))
    for part in (
        "GET https://dev.azure.com/Contoso/_apis/connectionData: status 403",
        "ActivityId 5f0a2b8e",
        AT,
    ):
        assert part in text
    assert "at 2026-12-01T00:00:04Z" in text
    assert trouble.detail in text
    assert "Fix it." in text
    assert f"Conclusion: {found.sentence}" in text
    assert "Not determined: " in text


def test_a_ticket_names_the_person_that_the_service_named() -> None:
    connection = made(ALIVE, bad(CODE, Reason.CODE_SCOPE_MISSING))
    [nameless] = responsibilities(connection)
    assert "with a personal access token:" in nameless.ticket(AT, "0.1.0")[1]
    [one] = connection.organizations
    several = (
        replace(one, identity=Identity("1", "Ada Example", "ada@contoso.example")),
        replace(one, name="Fabrikam", identity=Identity("2", "", "grace\x1b[2J@fabrikam.example")),
        replace(one, name="Tailspin", identity=Identity("3", "Nobody Concerned"), checks=(ALIVE,)),
    )
    [named] = responsibilities(replace(connection, organizations=several))
    assert named.ticket(AT, "0.1.0")[1].endswith(
        "with a personal access token of Ada Example <ada@contoso.example>, "
        "grace[2J@fabrikam.example:"
    )


def test_nothing_in_the_way_is_nobodys() -> None:
    warned = Check(CheckId.TOKEN_EXPIRY, Status.WARN, "Soon.", Reason.EXPIRY_NEAR, "Rotate.")
    assert responsibilities(made(ALIVE, warned)) == ()


def test_several_parties_each_get_their_own() -> None:
    rejected = bad(CheckId.ASPM_TOKEN, Reason.ASPM_TOKEN_REJECTED)
    connection = made(ALIVE, bad(CheckId.SCOPE_CODE, Reason.CODE_SCOPE_MISSING), aspm=(rejected,))
    assert [one.who for one in responsibilities(connection)] == [Who.OWNER, Who.ASPM]


def test_a_registration_that_was_refused_is_told_although_a_validation_does_not_count_it() -> None:
    refused = Check(
        CheckId.REGISTRATION, Status.FAIL, "No.", Reason.ASPM_REFUSED, "Ask.", required=False
    )
    assert [one.who for one in responsibilities(made(ALIVE, refused))] == [Who.ASPM]


def test_no_answer_and_no_request_are_told_as_such() -> None:
    silent = Check(CheckId.IDENTITY, Status.UNKNOWN, "No.", Reason.TIMED_OUT, "Wait.").on(
        r.silence()
    )
    assert ": no answer" in "\n".join(responsibilities(made(silent))[0].ticket(AT, "0.1.0"))
    gone = Check(CheckId.SECRETS, Status.FAIL, "Gone.", Reason.TOKEN_GONE, "Give it.")
    connection = ConnectionReport(
        "c", Deployment.SERVICES, "https://dev.azure.com", Purpose.ALM, (), (gone,)
    )
    assert "sent no requests on 2026-12-01T00:00:05Z, with a personal access token." in "\n".join(
        responsibilities(connection)[0].ticket(AT, "0.1.0")
    )


def test_the_time_is_that_of_whoever_answered() -> None:
    heard = replace(r.bare(), received=datetime(2026, 12, 1, 0, 0, 4, tzinfo=UTC))
    assert heard.evidence.at == "2026-12-01T00:00:04Z"


@pytest.mark.parametrize("who", Who)
def test_a_server_hears_nothing_of_the_day_in_any_text(who: Who) -> None:
    reason = next(one for one in Reason if one.who is who)
    organization = OrganizationReport(
        "C", None, TokenFacts(TokenFormat.V2_84, "x"), (bad(CheckId.ACCESS, reason),)
    )
    connection = ConnectionReport(
        "tfs", Deployment.SERVER, "https://tfs.example.test", Purpose.ALM, (organization,)
    )
    [found] = responsibilities(connection)
    text = "\n".join(found.ticket("2026-10-15T00:00:00Z", "0.1.0")).replace(
        "2026-12-01T00:00:04Z", ""
    )
    assert not any(word in text for word in ("2026-12-01", "Microsoft", "stop", "migrate"))
