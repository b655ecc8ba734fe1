"""The formats of --report: a golden of each, read back by somebody else's library; and names that would like to be markup."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import junitparser
import pytest
import vobject
from lxml import etree, html
from markdown_it import MarkdownIt

from aspm_ado import __version__
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import DaySource
from aspm_ado.domain.documents import Identity
from aspm_ado.domain.reasons import CheckId, Problem, Reason, Status
from aspm_ado.domain.report import (
    Check,
    Command,
    ConnectionReport,
    OrganizationReport,
    Report,
    TokenFacts,
    refusing_warnings,
    skip,
)
from aspm_ado.domain.text import clean
from aspm_ado.render.formats import FORMATS
from aspm_ado.render.json import dump, report_document

from .reports import ADA, AT, HOSTILE, error_alone, every_status, hostile
from .test_render import assert_golden

HERE = Path(__file__).parent
NAMES = (
    "</td><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "]]><system-out>x</system-out>",
    'a" onmouseover="alert(1)',
    "a'b",
    "x\r\nATTENDEE:mailto:eve@evil.example",
    "x\nEND:VEVENT",
    "a,b;c:d",
    "@octocat",
    "eve@evil.example",
    "#12",
    "@@##1@",
    "a | b |",
    "\u202egnp.exe",
    "שלום",
    "##vso[task.setvariable variable=x]y",
    "::error::x",
    "[link](https://evil.example)",
    "![image](https://evil.example/x.png)",
    "https://evil.example www.evil.example",
    "<https://evil.example>",
    "# heading",
    "- [ ] list",
    "`code`",
    "**bold** _it_ ~~gone~~ :smile:",
    "{{ 7 * 7 }} {% raw %}",
    "&lt;b&gt; &#64;x",
    "back\\",
    "\\",
    "$x$ $$y$$",
    "a\x00\x1b[31m\ufffe\ud800b",
    "x" * 400,
)  # fmt: skip


def rendered(ending: str, report: Report) -> str:
    return FORMATS[ending].render(report).decode()


def named(name: str, **more: Any) -> Report:
    """A report in which everything that others can name has this name."""
    facts = TokenFacts(expires="2026-12-24", source=name)
    checks = (
        Check(CheckId.IDENTITY, Status.PASS, f"The token belongs to {name}."),
        Check(CheckId.ACCESS, Status.FAIL, name, Reason.NOT_A_MEMBER, name, next=Command("rotate", (name,))),
    )  # fmt: skip
    one = OrganizationReport(name, Identity("1-2", name, name), facts, checks, others=(name,))
    connection = ConnectionReport(
        "prod", Deployment.SERVICES, "https://dev.azure.com", Purpose.ALM, (one,)
    )
    return Report("validate", AT, DaySource.SERVER, (connection,), **more)


def with_people(report: Report) -> Report:
    """The same with people in each place where a text may name one."""
    [connection] = report.connections
    first, second = connection.organizations
    other = Check(
        CheckId.IDENTITY, Status.FAIL, "The new token is Bob Example's; the one to replace is Ada Example's.",
        Reason.OTHER_IDENTITY, "Sign in as ADA EXAMPLE.",
    )  # fmt: skip
    bob = Identity("99999999-2222-4333-8444-555555555555", "Bob Example", "CORP\\bob")
    told = Check(CheckId.CLONE_TOKEN, Status.FAIL, "Only “ada” or CORP\\bob can read it.", Reason.CLONE_FAILED, "Ask ada.")  # fmt: skip
    second = replace(second, identity=bob, checks=(other, told), others=("oldco",))
    problem = Problem(Reason.OTHER_TENANT, "az is signed in as carol@contoso.example.", "Sign in.")
    return replace(
        report, connections=(replace(connection, organizations=(first, second)),), error=problem
    )


PEOPLE = ("ada ex", "bob", "carol", "ada@", "“ada”", ADA.id, "99999999")


@pytest.mark.parametrize("ending", FORMATS)
def test_a_golden_of_each(ending: str) -> None:
    text = rendered(ending, every_status()).replace(f"aspm-ado {__version__}", "aspm-ado 0")
    if ending == ".ics":
        assert text.count("\r\n") == text.count("\n")
        text = text.replace("\r\n", "\n")
    if ending != ".json":  # which is the document of --json, and has one
        assert_golden(f"report{ending}", text)


@pytest.mark.parametrize("ending", FORMATS)
def test_the_owner_is_in_those_for_people_and_in_the_document_alone(ending: str) -> None:
    text = rendered(ending, with_people(every_status())).lower()
    if ending in (".html", ".md", ".json"):
        assert "ada example" in text
        assert "bob example" in text
    else:
        assert [one for one in PEOPLE if one in text] == []


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("report", [error_alone(), hostile(), hostile(None), named(HOSTILE)])
def test_whatever_there_is_comes_out_clean(report: Report, ending: str) -> None:
    text = rendered(ending, report)
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    if ending not in (".ics", ".json"):
        assert "\r" not in text
    if ending != ".html":  # which no log shows
        assert "##vso[" not in text


def test_the_json_file_is_the_document() -> None:
    assert FORMATS[".json"].render(every_status()) == dump(report_document(every_status()))


@pytest.mark.parametrize("ending", [".html", ".md", ".xml", ".ics"])
def test_a_command_is_named_where_there_is_a_connection_to_run_it_on(ending: str) -> None:
    assert "aspm-ado rotate prod" in rendered(ending, named("contoso"))
    [connection] = named("contoso").connections
    nothing = replace(connection, checks=(skip(CheckId.SECRETS, "As asked.", Reason.NOTHING_KEPT),))
    for one in (nothing, replace(connection, name=None)):
        assert "aspm-ado rotate" not in rendered(
            ending, replace(named("contoso"), connections=(one,))
        )


# --- HTML


def page_of(report: Report) -> Any:
    return html.document_fromstring(rendered(".html", report))


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = page_of(named(NAMES[0]))
    [policy] = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    [style] = page.xpath("//style/text()")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"
    tags = {node.tag for node in page.iter() if isinstance(node.tag, str)}
    assert not tags & {"script", "link", "img", "iframe", "form", "object", "a", "svg"}
    assert not page.xpath("//@style | //@src | //@href | //@*[starts-with(name(), 'on')]")
    for rule in ("prefers-color-scheme: dark", "@media print", ":focus-visible"):
        assert rule in style


def test_the_page_begins_with_the_verdict_and_has_a_row_an_organization() -> None:
    page = page_of(with_people(every_status()))
    body = [node for node in page.find("body").iter() if node.text and node.text.strip()]
    assert (body[0].tag, body[0].text) == ("h1", "Not ready")
    rows = [[" ".join(cell.text_content().split()) for cell in row] for row in page.xpath("//main/div//tbody/tr")]  # fmt: skip
    assert [row[0] for row in rows] == ["Contoso", "Fabrikam", "https://aspm.example.test"]
    assert rows[0][2:6] == [
        "Ready, with warnings", "Ada Example ada@contoso.example", "2026-10-20 (5 days left)", "all",
    ]  # fmt: skip
    assert "aspm-ado handoff contoso" in rows[0][6]
    assert rows[1][3] == "Bob Example CORP\\bob Also in oldco"
    assert len(page.xpath("//details[not(@open)]/summary")) == 3
    assert page.xpath("//details//th[@scope='row'][text()='Token expiry']")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_text_on_the_page(name: str) -> None:
    page, plain = page_of(named(name)), page_of(named("plain"))
    shape = [node.tag for node in page.iter()]
    assert shape == [node.tag for node in plain.iter()]
    assert page.xpath("//tbody/tr/th/bdi")[0].text == clean(name, 120)


# --- Markdown

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PLAIN = {
    "heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "table_open", "table_close",
    "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close", "th_open", "th_close",
    "td_open", "td_close",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_text_in_markdown(name: str) -> None:
    tokens = PARSER.parse(rendered(".md", named(name)))
    assert {token.type for token in tokens} <= PLAIN
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "code_inline", "softbreak", "text_special"}
    cells = [token for token in tokens if token.type == "td_open"]
    assert len(cells) == 7 + 2 * 4
    first = next(tokens[at + 1] for at, token in enumerate(tokens) if token.type == "td_open")
    shown = "".join(child.content for child in first.children or ())
    assert shown == clean(name, 120)
    prose = " ".join(child.content for child in inline if child.type != "code_inline")
    assert not re.search(r"@\w|#\w", prose), "GitHub would mention or link"
    source = re.sub(r"`[^`]*`", "", rendered(".md", named(name)))
    assert not re.search(r"(?i)\w://|www\.", source), "GitHub would make a link of it"


def test_a_summary_of_many_organizations_stays_within_the_limit_of_a_job_summary() -> None:
    [connection] = every_status().connections
    many = tuple(replace(connection.organizations[0], name=f"org{one}") for one in range(900))
    report = replace(every_status(), connections=(replace(connection, organizations=many),))
    raw = FORMATS[".md"].render(report)
    assert 500_000 < len(raw) < 1024 * 1024
    assert raw.endswith(b"Some checks are omitted: a job summary has a size limit.\n")


# --- JUnit

SCHEMA = etree.XMLSchema(etree.parse(str(HERE / "junit.xsd")))


def suites_of(report: Report) -> Any:
    root = etree.fromstring(FORMATS[".xml"].render(report))
    SCHEMA.assertValid(root)
    for node in root.iter("testsuite", "testsuites"):
        counted = [int(node.get(one)) for one in ("tests", "failures", "errors")]
        assert counted == [len(list(node.iter(one))) for one in ("testcase", "failure", "error")]
    return root


@pytest.mark.parametrize("report", [every_status(), error_alone(), hostile(), with_people(every_status())])  # fmt: skip
def test_junit_is_what_the_schema_says(report: Report) -> None:
    assert len(suites_of(report))


@pytest.mark.parametrize("report", [every_status(), error_alone(), hostile(), with_people(every_status())])  # fmt: skip
def test_another_reader_of_junit_finds_what_azure_pipelines_and_gitlab_show(report: Report) -> None:
    """The names, when it was, the message (Azure Pipelines) and the text (GitLab) of each ending, and the numbers."""
    raw = FORMATS[".xml"].render(report)
    read = junitparser.JUnitXml.fromstring(raw)
    counted = (read.tests, read.failures, read.errors)
    read.update_statistics()
    assert counted == (read.tests, read.failures, read.errors)
    for suite in read:
        assert suite.name
        assert suite.timestamp == report.at.removesuffix("Z")
        counted = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()
        assert counted == (suite.tests, suite.failures, suite.errors, suite.skipped)
        cases = [(case.classname, case.name) for case in suite]
        assert all(all(names) for names in cases)
        assert len(set(cases)) == len(cases), "GitLab drops the second"
        assert all(found.message and found.text for case in suite for found in case.result)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_text_in_junit(name: str) -> None:
    [suite] = suites_of(named(name))
    assert suite.get("name") == f"prod / {clean(name, 120)}"
    assert [node.tag for node in suite.iter()] == ["testsuite", "testcase", "testcase", "failure"]


def test_a_warning_passes_with_a_message_unless_warnings_fail() -> None:
    expiry = Check(
        CheckId.TOKEN_EXPIRY, Status.WARN, "It ends soon.", Reason.EXPIRY_NEAR, "Make one."
    )
    clone = Check(CheckId.CLONE_TOKEN, Status.WARN, "It needs a name.", Reason.CLONE_NEEDS_USERNAME, "Enter it.")  # fmt: skip
    made = named("contoso")
    for judged, ending in (((expiry, clone), "system-out"), (tuple(map(refusing_warnings, (expiry, clone))), "failure")):  # fmt: skip
        [connection] = made.connections
        one = connection.organizations[0].with_checks(judged)
        report = replace(made, connections=(replace(connection, organizations=(one,)),))
        first, second = suites_of(report).iter("testcase")
        assert [node.tag for node in first] == ["system-out"]
        assert first[0].text == "It ends soon.\nMake one."
        assert [node.tag for node in second] == [ending]


def test_a_suite_fails_where_the_exit_code_does() -> None:
    """What does not count (`clone.username`) passes; what was not found out is an error."""
    checks = (
        Check(CheckId.CLONE_USERNAME, Status.FAIL, "Not with it either.", Reason.CLONE_USERNAME_FAILED, "Leave it out."),
        Check(CheckId.SCOPE_CODE, Status.UNKNOWN, "No answer.", Reason.TIMED_OUT),
        Check(CheckId.REGISTRATION, Status.WARN, "Handed off.", Reason.HANDED_OFF, "Enter it."),
    )  # fmt: skip
    [connection] = named("contoso").connections
    one = connection.organizations[0].with_checks(checks)
    report = replace(named("contoso"), connections=(replace(connection, organizations=(one,)),))
    endings = [[node.tag for node in case] for case in suites_of(report).iter("testcase")]
    assert endings == [["system-out"], ["error"], ["system-out"]]


# --- iCalendar


def events_of(report: Report) -> list[Any]:
    calendar = vobject.readOne(rendered(".ics", report))
    return list(calendar.contents.get("vevent", []))


@pytest.mark.parametrize("name", [*NAMES, "Zürich 日本語 " * 12])
def test_the_lines_of_a_calendar_end_as_the_format_says_and_none_is_too_long(name: str) -> None:
    raw = FORMATS[".ics"].render(named(name))
    lines = raw.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 75
    assert all(line.decode() for line in lines[:-1]), "a letter is cut in two"


def test_an_all_day_event_for_each_end_with_two_reminders_on_the_screen() -> None:
    first, second = events_of(every_status())
    assert (first.dtstart.value, first.dtend.value) == (date(2026, 10, 20), date(2026, 10, 21))
    assert "aspm-ado rotate contoso -o Contoso" in first.description.value
    assert [alarm.trigger.value.days for alarm in first.valarm_list] == [-30, -7]
    assert {alarm.action.value for alarm in first.valarm_list} == {"DISPLAY"}
    text = rendered(".ics", every_status())
    assert not re.search(r"(?m)^(ATTENDEE|ORGANIZER|METHOD|ACTION:EMAIL)", text)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert first.uid.value != second.uid.value


def test_imported_twice_an_event_takes_the_place_of_what_it_was() -> None:
    """Another token that ends on another day, another spelling, a later run: one event still."""
    before = every_status()
    [connection] = before.connections
    renewed = tuple(
        replace(one, name=one.name.upper(), token=TokenFacts(last4="zzzz", expires="2027-03-31"))
        for one in connection.organizations
    )
    after = replace(before, at="2026-10-15T12:00:01Z", connections=(replace(connection, organizations=renewed),))  # fmt: skip
    old, new = events_of(before), events_of(after)
    assert [one.uid.value for one in old] == [one.uid.value for one in new]
    assert all(int(b.sequence.value) > int(a.sequence.value) for a, b in zip(old, new, strict=True))
    assert new[0].dtstart.value == date(2027, 3, 31)
    elsewhere = replace(after, connections=(replace(connection, name="other"),))
    assert not {one.uid.value for one in events_of(elsewhere)} & {one.uid.value for one in old}
    assert int(events_of(replace(after, at="2087-12-31T23:59:59Z"))[0].sequence.value) < 2**31


def test_the_event_is_on_the_day_that_comes_first() -> None:
    """A token of all organizations ends with all such tokens, whatever its own date."""
    [connection] = every_status().connections
    one = connection.organizations[0]
    stopping = replace(one, token=replace(one.token, expires="2027-03-31", ends="2026-12-01"))
    report = replace(every_status(), connections=(replace(connection, organizations=(stopping,)),))
    [event] = events_of(report)
    assert event.dtstart.value == date(2026, 12, 1)
    assert "2026-12-01 (5 days left)" in rendered(".md", report)
    assert "} 1.7960832e+09" in rendered(".prom", report)
    unknown = replace(one, token=TokenFacts())
    report = replace(report, connections=(replace(connection, organizations=(unknown,)),))
    assert events_of(report) == []
    assert "token_end_timestamp_seconds{" not in rendered(".prom", report)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_text_in_a_calendar(name: str) -> None:
    [event] = events_of(named(name))
    assert event.summary.value == f"Azure DevOps token expires: {clean(name, 120)} (prod)"
    assert set(event.contents) == {
        "uid", "sequence", "dtstamp", "dtstart", "dtend", "summary", "description", "transp", "valarm",
    }  # fmt: skip


# --- Prometheus


def samples_of(report: Report) -> dict[str, float]:
    lines = rendered(".prom", report).splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert len(found) == sum(not line.startswith("#") for line in lines), "a series twice"
    return {series: float(value) for series, value in found.items()}


def test_each_check_is_in_one_state() -> None:
    samples = samples_of(every_status())
    states: dict[str, list[str]] = {}
    for series, value in samples.items():
        if found := re.fullmatch(r'(aspm_ado_check_status\{)aspm_ado_check_status="(\w+)",(.*)', series):  # fmt: skip
            states.setdefault(found[3], []).extend([found[2]] if value else [])
    assert states['check="scope.code",connection="contoso",organization="Contoso"}'] == ["partial"]
    assert states['check="aspm.token",connection="contoso",organization=""}'] == ["fail"]
    assert {len(one) for one in states.values()} == {1}
    assert samples['aspm_ado_run_timestamp_seconds{connection="contoso",organization="Contoso"}'] == 1792065600  # fmt: skip
    assert samples['aspm_ado_token_end_timestamp_seconds{connection="contoso",organization="Contoso"}'] == 1792454400  # fmt: skip
    assert samples_of(error_alone()) == {
        'aspm_ado_run_timestamp_seconds{connection="",organization=""}': 1792065600
    }


@pytest.mark.skipif(not shutil.which("promtool"), reason="Debian's prometheus is not here")
@pytest.mark.parametrize("report", [every_status(), error_alone(), hostile(), *map(named, NAMES[:9])])  # fmt: skip
def test_promtool_has_nothing_to_say(report: Report) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=FORMATS[".prom"].render(report),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_a_label(name: str) -> None:
    samples = samples_of(named(name))
    label = clean(name).replace("\\", r"\\").replace('"', r"\"")
    assert f'aspm_ado_run_timestamp_seconds{{connection="prod",organization="{label}"}}' in samples
    assert len(samples) == 1 + 2 * 6 + 2
