"""How it looks, byte for byte; and what a foreign string cannot do. UPDATE_GOLDENS=1 writes the files anew."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspm_ado import __version__
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import DaySource, Reach
from aspm_ado.domain.reasons import CheckId, Reason, Status
from aspm_ado.domain.report import (
    Check,
    Command,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
    skip,
)
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.text import display_width
from aspm_ado.render.ending import closing, ending
from aspm_ado.render.json import dump, report_document
from aspm_ado.render.text import (
    MARKS,
    Section,
    TableRow,
    blocking_rows,
    line_rows,
    paint,
    plain_lines,
    sections,
)

from .reports import ADA, AT, HOSTILE, error_alone, every_status, hostile

GOLDEN = Path(__file__).parent / "golden"
SGR = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def painted(report: Report, *, color: bool, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(
        raw, encoding=encoding, errors="strict", newline="\n", write_through=True
    )
    paint(tuple(sections(report)), stream, color=color, width=width)
    return raw.getvalue().decode(encoding)


def plainly(report: Report) -> str:
    return "\n".join([*plain_lines(sections(report)), *closing(report)]) + "\n"


def shortly(report: Report, width: int | None = None) -> str:
    return "\n".join(row for _, row in line_rows(ending(report), width)) + "\n"


def assert_golden(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDENS"):
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_bytes().decode("utf-8")


def test_each_shape_of_text() -> None:
    report = every_status()
    assert_golden("painted-color.txt", painted(report, color=True))
    assert_golden("painted.txt", painted(report, color=False))
    assert_golden("painted-ascii.txt", painted(report, color=False, encoding="ascii"))
    assert_golden("plain.txt", plainly(report))
    assert_golden("ending.txt", shortly(report, 80))


def test_colour_changes_nothing_but_colour() -> None:
    assert SGR.sub("", painted(every_status(), color=True)) == painted(every_status(), color=False)


def test_json() -> None:
    document = report_document(every_status())
    assert document["version"] == __version__
    raw = dump({**document, "version": "0"})
    assert_golden("report.json", raw.decode("ascii"))
    assert_golden(
        "error.json", dump({**report_document(error_alone()), "version": "0"}).decode("ascii")
    )


@pytest.mark.parametrize("width", [40, 60, 80, 110])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    text = painted(every_status(), color=False, width=width) + shortly(every_status(), width)
    for line in text.splitlines():
        assert display_width(line.rstrip()) <= width


@pytest.mark.parametrize("color", [True, False])
def test_hostile_strings_do_nothing_to_a_terminal(color: bool) -> None:
    raw = painted(hostile(), color=color)
    left = SGR.sub("", raw)
    assert not CONTROL.search(left)
    assert "\u202e" not in left
    screen = pyte.HistoryScreen(80, 24, history=1000)
    stream = pyte.ByteStream(screen)
    stream.feed(b"\x1b]2;before\x07")
    stream.feed(raw.replace("\n", "\r\n").encode())
    assert screen.title == "before"
    assert screen.icon_name in ("", "before")
    assert 1049 << 5 not in screen.mode
    shown = "\n".join(
        [*("".join(row[x].data for x in range(80)) for row in screen.history.top), *screen.display]
    )
    assert "\nforged" not in shown
    assert "[link=https://evil.example]" in shown.replace("\n", "").replace(" ", "")


def test_hostile_strings_do_nothing_to_a_pipe() -> None:
    assert not CONTROL.search(plainly(hostile()) + shortly(hostile()))


def test_a_name_that_our_records_bring_is_cleaned_too() -> None:
    assert not CONTROL.search(plainly(hostile(HOSTILE)) + shortly(hostile(HOSTILE)))


def test_json_escapes_whatever_there_is() -> None:
    raw = dump(report_document(hostile()))
    assert raw.isascii()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw)
    assert raw.endswith(b"}\n")
    assert b"\r" not in raw
    assert json.loads(raw)["connections"][0]["organizations"][0]["identity"]["name"] == HOSTILE


@pytest.mark.parametrize(
    "encoding", ["ascii", "cp1252", "cp437", "cp850", "latin-1", "shift_jis", "utf-8", "utf-16"]
)
def test_every_console_can_show_it(encoding: str) -> None:
    for report in (every_status(), hostile()):
        painted(report, color=False, encoding=encoding)


@given(
    st.text(max_size=80),
    st.text(max_size=80),
    st.sampled_from(Status),
    st.integers(30, 110),
    st.booleans(),
)
def test_anything_can_be_painted_and_nothing_escapes(
    detail: str, heading: str, status: Status, width: int, color: bool
) -> None:
    from aspm_ado.domain.text import clean

    table = Section(
        clean(heading, 80), (TableRow(status, "Title", clean(detail, 600), clean(detail, 600)),)
    )
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=True, newline="\n")
    paint([table], stream, color=color, width=width)
    assert not CONTROL.search(SGR.sub("", raw.getvalue().decode()))


def test_every_status_has_a_mark_of_one_column_and_a_word() -> None:
    assert set(MARKS) == set(Status)
    for mark, word, _ in MARKS.values():
        assert display_width(mark) == 1
        assert word


def test_only_what_asks_for_something_is_trouble() -> None:
    organization = every_status().connections[0].organizations[1]
    assert [row.status for row in blocking_rows(organization.checks)] == [
        Status.FAIL,
        Status.UNKNOWN,
    ]


def sharing(*, own: bool = False) -> Report:
    """Two organizations of one token that is rejected; and one with a token of its own, that is rejected, too."""
    told = "The organization rejects the token."
    checks = (
        Check(CheckId.IDENTITY, Status.FAIL, told, Reason.TOKEN_REJECTED, "Create a new one."),
        skip(CheckId.ACCESS, "Skipped."),
    )
    shared, single = (
        TokenFacts(TokenFormat.V2_84, "Wx9Z", shared=True),
        TokenFacts(TokenFormat.V2_84, "othr"),
    )
    made = [OrganizationReport(name, None, shared, checks) for name in ("Contoso", "Fabrikam")]
    made += [OrganizationReport("Tailspin", None, single, checks)] if own else []
    one = ConnectionReport(
        "contoso", Deployment.SERVICES, "https://dev.azure.com", Purpose.ALM, tuple(made)
    )
    return Report("validate", AT, DaySource.SERVER, (one,))


def test_a_shared_token_is_described_once() -> None:
    rows = [row.title for section in sections(sharing()) for row in section.rows]
    assert rows.count(CheckId.IDENTITY.title) == 1


def test_where_a_shared_token_is_dead_no_organization_is_told_to_be_good() -> None:
    assert shortly(sharing()).startswith(
        "✗ Contoso, Fabrikam · Identity: The organization rejects the token.\n"
        "    → Create a new one.\n"
        "- Skipped 2 checks because of this.\n\n"
        "✗ Contoso, Fabrikam: token …Wx9Z\n\n"
        "Not ready. (exit 4) · 2 failed, 2 skipped\n"
    )


def test_a_token_of_its_own_is_described_though_another_was_told_the_same() -> None:
    [*_, last] = sections(sharing(own=True))
    assert last.heading.startswith("Tailspin")
    assert Status.FAIL in [row.status for row in last.rows]
    assert "✗ Tailspin: token …othr" in shortly(sharing(own=True))


def test_the_next_command_is_said() -> None:
    assert closing(every_status())[-1] == "Next: aspm-ado handoff contoso"
    assert closing(every_status())[0].startswith("Not ready. (exit 4)")
    assert shortly(every_status()).endswith("\nNext: aspm-ado handoff contoso\n")
    assert closing(error_alone()) == [
        "The personal access token from stdin is empty.",
        "Give the token there.",
    ]


def crowd(*good: int) -> Report:
    """Forty organizations of one token, where those of these numbers are registered and the others wait."""
    [connection] = every_status().connections
    facts = replace(connection.organizations[0].token, shared=True)
    waits = connection.organizations[0].checks[-1]
    done = replace(waits, status=Status.PASS, detail="Saved.", remedy=None, reason=None)
    places = tuple(
        OrganizationReport(f"team-{number:02}", None, facts, (done if number in good else waits,))
        for number in range(40)
    )
    return replace(every_status(), connections=(replace(connection, organizations=places),))


def test_many_organizations_of_which_the_same_is_said_are_one_table() -> None:
    made = [one for one in sections(crowd(0, 1, 2, 3, 20)) if one.organization]
    assert [one.heading.partition(" · ")[0] for one in made] == [
        "team-00, team-01, team-02, team-03 (4 alike)",
        ", ".join(f"team-{number:02}" for number in range(4, 20)) + " (16 alike)",
        "team-20",
        ", ".join(f"team-{number:02}" for number in range(21, 40)) + " (19 alike)",
    ]
    assert all("token …Wx9Z" in one.heading for one in made)


def test_few_organizations_have_a_table_each() -> None:
    made = [one for one in sections(crowd(*range(37))) if one.organization]
    assert [one.organization for one in made] == ["team-00", "team-37", "team-38", "team-39"]


@pytest.mark.parametrize(
    "name",
    [
        "##vso[x]y",
        "###[error]",
        "::error::x",
        ":::a::",
        "\\\\##[x",
        "section_start:1:x",
        "section_end:1:",
    ],
)
def test_no_string_of_a_document_is_a_command_to_a_log(name: str) -> None:
    """Escaped as JSON allows it, so that whoever reads the document gets the string as it was."""
    raw = dump({name: [name, {"a": name}]})
    assert not any(mark in raw for mark in (b"##", b"::", b"section_start:", b"section_end:"))
    assert json.loads(raw) == {name: [name, {"a": name}]}


# The short end


def places(*made: OrganizationReport, name: str | None = "contoso") -> Report:
    """A validation of these organizations, with an Invicti ASPM that nothing was asked of."""
    [connection] = every_status().connections
    one = replace(connection, name=name, organizations=made, aspm=None, checks=())
    return replace(every_status(), command="validate", connections=(one,))


def scattered(number: int, name: str) -> OrganizationReport:
    """One of two hundred: every third is not accessible, every fifth is slow; each in its own words."""
    checks = [Check(CheckId.IDENTITY, Status.PASS, "The token belongs to Ada Example.")]
    if number % 3 == 0:
        checks += [
            Check(CheckId.ACCESS, Status.FAIL, "The owner has no access to "
                                               f"{name}.", Reason.NOT_A_MEMBER,
                  f"Add the owner on https://dev.azure.com/{name}/_settings/users."),
            *(skip(check, "Skipped.") for check in (CheckId.SCOPE_CODE, CheckId.SCOPE_WORK)),
        ]  # fmt: skip
    elif number % 5 == 0:
        detail = f"Waited {number} seconds."
        checks.append(
            Check(CheckId.SCOPE_CODE, Status.UNKNOWN, detail, Reason.TIMED_OUT, "Try again.")
        )
    facts = TokenFacts(TokenFormat.V2_84, f"t{number:03}", "2027-01-13", "--pat-expires", 90)
    return OrganizationReport(name, ADA, facts, tuple(checks))


def test_two_hundred_organizations_fit_a_screen_wherever_the_alike_ones_stand() -> None:
    report = places(*(scattered(number, f"team-{number:03}") for number in range(200)))
    text = shortly(report, 80)
    assert len(text.splitlines()) <= 24, text
    flat = " ".join(text.split())
    assert "✗ team-000, team-003, team-006, team-009, team-012," in flat
    assert (
        "and 61 more · Access to the organization: The owner has no access to ORGANIZATION." in flat
    )
    assert "→ Add the owner on https://dev.azure.com/ORGANIZATION/_settings/users." in flat
    assert ": for team-005: Waited 5 seconds." in flat
    assert "Skipped 134 checks because of this." in flat
    assert "✓ team-001, team-002, team-004 and 104 more" in flat
    assert (
        ": one token each, of Ada Example <ada@contoso.example>, expires 2027-01-13, 90 days left"
        in flat
    )


def test_two_hundred_connections_fit_a_screen_too() -> None:
    [connection] = places(scattered(1, "Team")).connections
    many = tuple(replace(connection, name=f"line-{number:03}") for number in range(200))
    dead = Check(CheckId.IDENTITY, Status.FAIL, "Azure DevOps rejects the "
                                                "token.", Reason.TOKEN_REJECTED, "Create one.",
                 next=Command("rotate"))  # fmt: skip
    broken = tuple(
        replace(one, organizations=(one.organizations[0].with_checks((dead,)),)) for one in many
    )
    for connections in (many, broken):
        text = shortly(replace(every_status(), command="validate", connections=connections), 80)
        assert len(text.splitlines()) <= 24, text
    assert "Next: aspm-ado rotate NAME, for line-000, line-001," in " ".join(text.split())


def test_the_name_of_the_connection_in_a_command_is_not_taken_for_the_organization() -> None:
    told = Check(
        CheckId.REACH,
        Status.WARN,
        "It ends.",
        Reason.REACH_GLOBAL_ENDS,
        "Run: aspm-ado migrate contoso",
    )
    facts = TokenFacts(TokenFormat.V2_84, "Wx9Z", shared=True)
    text = shortly(
        places(*(OrganizationReport(name, ADA, facts, (told,)) for name in ("contoso", "fabrikam")))
    )
    assert (
        "! contoso, fabrikam · Reach of the token: It ends.\n    → Run: aspm-ado migrate contoso\n"
        in text
    )


def test_what_connect_did_not_store_is_added_by_the_next_one() -> None:
    [connection] = places(*(scattered(number, f"Team{number}") for number in range(2))).connections
    stored = Check(CheckId.SECRETS, Status.PASS, "Stored.")
    report = replace(
        places(), command="connect", connections=(replace(connection, checks=(stored,)),)
    )
    assert "\nNext: aspm-ado connect contoso -o Team0\n" in shortly(report)
    many = tuple(scattered(3 * number, f"Team{number}") for number in range(200))
    report = replace(report, connections=(replace(report.connections[0], organizations=many),))
    assert "\nNext: aspm-ado connect contoso -o NAME, for Team0, Team1," in shortly(report)


def test_what_is_left_to_do_is_the_last_line_and_said_once() -> None:
    rows = [
        ("fabrikam", Reason.NOT_MIGRATED, "Go on: aspm-ado migrate contoso -o fabrikam"),
        ("Tailspin", Reason.NOT_MIGRATED, "Go on: aspm-ado migrate contoso -o Tailspin"),
        ("contoso", Reason.SAVED_NOT_SHOWN, "Look there."),
    ]
    text = shortly(
        places(
            *(
                OrganizationReport(
                    name, ADA, TokenFacts(last4="Wx9Z"), (Check(CheckId.REGISTRATION, Status.WARN, why, why, remedy),)
                )
                for name, why, remedy in rows
            )
        )
    )  # fmt: skip
    assert text.endswith(
        "! fabrikam, Tailspin · Registration in Invicti ASPM: not-migrated\n"
        "! contoso · Registration in Invicti ASPM: saved-not-shown\n"
        "    → Look there.\n"
        "Next: aspm-ado migrate contoso\n"
    )


def test_commands_name_the_connection_where_several_organizations_need_their_own() -> None:
    made = [
        Check(
            CheckId.SCOPE_CODE,
            Status.WARN,
            "Hm.",
            Reason.READ_ONLY_PROBES,
            f"Run: aspm-ado rotate contoso -o {name}",
        )
        for name in ("contoso", "fabrikam")
    ]
    both = [
        OrganizationReport(name, ADA, TokenFacts(), (check,))
        for name, check in zip(("contoso", "fabrikam"), made, strict=True)
    ]
    assert "    → Run: aspm-ado rotate contoso -o ORGANIZATION\n" in shortly(places(*both))


def test_no_remedy_comes_twice() -> None:
    for report in (every_status(), sharing(own=True), crowd(0, 1, 2)):
        text = shortly(report)
        remedies = {one.remedy for one in report.all_checks() if one.remedy}
        assert all(text.count(f"→ {remedy}\n") <= 1 for remedy in remedies)
        assert len(re.findall("aspm-ado handoff contoso", text)) <= 1


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"expires": None, "days_left": None}, "token …Wx9Z of Ada Example <ada@contoso.example> for all accessible "
         "organizations, expiry unknown"),
        ({"reach": Reach.ORGANIZATION, "days_left": 1}, "for one organization, expires 2026-10-20, 1 day left"),
        ({"reach": Reach.ORGANIZATION, "days_left": 0}, "expires 2026-10-20, today"),
        ({"reach": Reach.ORGANIZATION, "days_left": -1}, "expires 2026-10-20, in the past"),
        ({"reach": Reach.UNKNOWN}, "token …Wx9Z of Ada Example <ada@contoso.example>, expires 2026-10-20, 5 days left"),
        ({"last4": ""}, "contoso: token of Ada"),
    ],
)  # fmt: skip
def test_a_line_says_whose_token_how_far_it_reaches_and_until_when(
    facts: dict[str, object], shown: str
) -> None:
    [connection] = every_status().connections
    good = connection.organizations[0]
    made = replace(good, name="contoso", token=replace(good.token, shared=False, **facts))
    assert shown in shortly(places(made))


def test_what_was_never_asked_is_no_good_organization() -> None:
    lost = Check(
        CheckId.SECRETS,
        Status.FAIL,
        "It is gone.",
        Reason.TOKEN_GONE,
        "Give a new one.",
        next=Command("rotate"),
    )
    [connection] = places(
        OrganizationReport("contoso", None, TokenFacts(), (skip(CheckId.IDENTITY, "Skipped."),))
    ).connections
    report = replace(places(), connections=(replace(connection, checks=(lost,)),))
    text = shortly(report)
    assert "- contoso: not checked\n" in text
    assert "- Skipped 1 check because of this.\n" in text
    assert text.endswith("Next: aspm-ado rotate contoso\n")


def test_what_is_the_same_of_several_is_one_row_although_it_names_one_of_them() -> None:
    detail = "Contoso and Fabrikam both accept this token."
    warned = (Check(CheckId.REACH, Status.WARN, detail, Reason.REACH_GLOBAL_ENDS, "Replace it."),)
    made = [OrganizationReport(name, ADA, TokenFacts(), warned) for name in ("Contoso", "Fabrikam")]
    text = shortly(places(*made))
    assert text.count("both accept this token") == 1
    assert "! Contoso, Fabrikam · Reach of the token: Contoso and Fabrikam both accept" in text


def test_a_connection_that_was_not_made_is_not_checked() -> None:
    failed = (Check(CheckId.ACCESS, Status.UNKNOWN, "The file is gone.", Reason.FILE_UNREADABLE),)
    for name, shown in (("contoso", "contoso"), ("*", "every organization")):
        text = shortly(places(OrganizationReport(name, None, TokenFacts(), failed)))
        assert f"\n? {shown}: not checked\n" in text


def test_verbose_is_not_advised_once_the_text_was_shown() -> None:
    advice = "--verbose"
    assert advice in shortly(every_status())
    assert advice not in "".join(line for _, line in ending(every_status(), verbose=True))
    assert advice not in shortly(replace(every_status(), told=True))
