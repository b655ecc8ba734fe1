"""One report with every status in it, and one of hostile strings."""

from __future__ import annotations

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import DaySource, Reach
from aspm_ado.domain.azure.scopes import Level
from aspm_ado.domain.documents import Identity
from aspm_ado.domain.http import Evidence
from aspm_ado.domain.reasons import CheckId, Problem, Reason, Status
from aspm_ado.domain.report import (
    AspmReport,
    Check,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
    skip,
)
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import Proof, Registration, RegistrationMode, RegistrationState

AT = "2026-10-15T12:00:00Z"
ADA = Identity("11111111-2222-4333-8444-555555555555", "Ada Example", "ada@contoso.example")
HANDED_OFF = Registration(RegistrationMode.GUIDED, RegistrationState.HANDED_OFF)
CLAIMED = Registration(RegistrationMode.GUIDED, RegistrationState.REGISTERED, Proof.CLAIMED)


def evidence(
    path: str,
    status: int | None = 200,
    activity: str | None = "5f0a2b8e-0000-4000-8000-000000000001",
) -> Evidence:
    return Evidence("GET", f"https://dev.azure.com/Contoso/_apis/{path}", status, activity)


def every_status() -> Report:
    good = (
        Check(CheckId.TOKEN_FORMAT, Status.PASS, "84 characters, the format of tokens since July "
                                                 "2024."),
        Check(CheckId.TOKEN_EXPIRY, Status.WARN, "Expires on 2026-10-20, in 5 "
                                                 "days.", Reason.EXPIRY_NEAR,
              "Create the next token before then."),
        Check(CheckId.IDENTITY, Status.PASS, "The token belongs to Ada Example "
                                             "<ada@contoso.example>.",
              evidence=(evidence("connectionData"),)),
        Check(CheckId.ACCESS, Status.PASS, "The organization accepts the token."),
        Check(CheckId.SCOPE_CODE, Status.PARTIAL,
              "Code: Read, write, & manage verified. Full cannot be verified through the API. If "
              "you selected Full, "
              "no action is needed.", Reason.NOT_PROVABLE, None, Level.FULL, Level.MANAGE,
              (evidence("git/repositories/x", 404), evidence("git/repositories/y", None, None))),
        Check(CheckId.SCOPE_WORK, Status.PASS, "Work Items: Read, write, & "
                                               "manage.", None, None, Level.MANAGE,
              Level.MANAGE),
        Check(CheckId.CLONE_TOKEN, Status.WARN, "Reading Payments/api requires a username "
                                                "with the token.",
              Reason.CLONE_NEEDS_USERNAME, "Enter the username “ada” with the token in Invicti "
                                           "ASPM."),
        Check(CheckId.CLONE_USERNAME, Status.PASS, "This machine could read Payments/checkout "
                                                   "api as “ada”."),
        Check(CheckId.REGISTRATION, Status.WARN, "The values are ready. Someone still has to "
                                                 "enter them.",
              Reason.HANDED_OFF, "Enter the values in Invicti ASPM: aspm-ado handoff contoso"),
    )  # fmt: skip
    bad = (
        Check(CheckId.IDENTITY, Status.PASS, "The token belongs to Ada Example "
                                             "<ada@contoso.example>."),
        Check(CheckId.ACCESS, Status.FAIL, "The token's owner has no access to "
                                           "Fabrikam.", Reason.NOT_A_MEMBER,
              "Ask an administrator to add the owner to Fabrikam as a member, or use a token of a "
              "member."),
        Check(CheckId.SCOPE_CODE, Status.UNKNOWN, "Code: Full: dev.azure.com did not answer in "
                                                  "time.", Reason.TIMED_OUT,
              "Try again.", Level.FULL, Level.NONE),
        skip(CheckId.CLONE_TOKEN, "Skipped: the organization does not accept the token."),
    )  # fmt: skip
    facts = TokenFacts(
        TokenFormat.V2_84, "Wx9Z", "2026-10-20", "--pat-expires", 5, Reach.ALL, "stdin", True
    )
    organizations = (
        OrganizationReport("Contoso", ADA, facts, good, HANDED_OFF, "ada"),
        OrganizationReport("Fabrikam", None, facts, bad),
    )
    secrets = (Check(CheckId.SECRETS, Status.PASS, "Read from Secret Service."),)
    aspm = AspmReport(
        "https://aspm.example.test",
        "auto",
        (
            Check(CheckId.ASPM_REACHABLE, Status.PASS, "It answers."),
            Check(
                CheckId.ASPM_TOKEN,
                Status.FAIL,
                "It does not take its token.",
                Reason.ASPM_TOKEN_REJECTED,
                "Make another.",
            ),
            skip(CheckId.ASPM_PROJECTS, "Skipped: the API token is not accepted."),
        ),
    )
    one = ConnectionReport(
        "contoso",
        Deployment.SERVICES,
        "https://dev.azure.com",
        Purpose.ALM,
        organizations,
        secrets,
        aspm,
    )
    return Report("connect", AT, DaySource.SERVER, (one,))


def error_alone() -> Report:
    problem = Problem(
        Reason.TOKEN_EMPTY,
        "The personal access token from stdin is empty.",
        "Give the token there.",
    )
    return Report("validate", AT, DaySource.LOCAL, error=problem)


HOSTILE = (
    "\x1b]0;owned\x07"
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\"
    "\x1b[2J\x1b[10;10H\x1b[?1049h\x9b31m\x9d0;owned\x9c"
    "[link=https://evil.example]here[/link][/bold][red]:smile:"
    "\r\nforged line\u2028\u202egnp.exe\u202c\x08\x7f\x00\x85"
)


def hostile(name: str | None = "contoso") -> Report:
    """Whatever others can name: organizations, people, projects. The name of a connection is ours, and checked."""
    facts = TokenFacts(TokenFormat.V2_84, HOSTILE, source=HOSTILE)
    check = Check(CheckId.ACCESS, Status.FAIL, HOSTILE, Reason.NOT_A_MEMBER, HOSTILE)
    organization = OrganizationReport(HOSTILE, Identity("1", HOSTILE, HOSTILE), facts, (check,))
    secrets = (Check(CheckId.SECRETS, Status.PASS, HOSTILE),)
    one = ConnectionReport(
        name,
        Deployment.SERVER,
        f"https://tfs.example.test/{HOSTILE}",
        Purpose.ALM,
        (organization,),
        secrets,
    )
    return Report("connect", AT, DaySource.SERVER, (one,))
