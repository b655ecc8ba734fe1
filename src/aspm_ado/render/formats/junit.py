"""``.xml``: JUnit, as Azure Pipelines, GitLab and Jenkins show it. No owner is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from aspm_ado.domain.reasons import CheckId, ExitCode, Status
from aspm_ado.domain.text import clean
from aspm_ado.render.formats.pages import step, stored_name

if TYPE_CHECKING:
    from aspm_ado.domain.reasons import Problem
    from aspm_ado.domain.report import Check, ConnectionReport, OrganizationReport, Report

_ADDRESS: Final = r"<?[^\s<>“”:/]+@[^\s<>“”:/]+>?"
_SOMEBODY: Final = "the owner"
_ENDINGS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""The counters of a suite, and the element of a test case that each counts."""


def render_junit(report: Report) -> bytes:
    """A suite for each organization, and one for each connection and Invicti ASPM."""
    root = ET.Element("testsuites", {"name": f"aspm-ado {report.command}"})
    people = _people(report)
    for connection in report.connections:
        for title, checks in _suites(connection, people):
            suite = _suite(root, title, report.at)
            for check in checks:
                _add_check(suite, title, check, stored_name(connection))
    if report.error is not None:
        suite = _suite(root, f"aspm-ado {report.command}", report.at)
        _add_error(suite, report.error, people)
    for suite in tuple(root):
        if len(suite):
            _count(suite)
        else:
            root.remove(suite)
    _count(root, skipped=False)
    ET.indent(root)
    raw: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return raw + b"\n"


def _suites(
    connection: ConnectionReport, people: re.Pattern[str]
) -> Iterator[tuple[str, Iterable[Check]]]:
    name = clean(connection.name or connection.base_url, 120)
    yield name, connection.checks
    for one in connection.organizations:
        yield f"{name} / {clean(one.name, 120)}", _without_owner(one, people)
    if connection.aspm is not None:
        yield f"{name} / {clean(connection.aspm.url, 120)}", connection.aspm.checks


def _suite(root: ET.Element, title: str, at: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", {"name": title, "timestamp": at.removesuffix("Z")})


def _count(node: ET.Element, *, skipped: bool = True) -> None:
    node.set("tests", str(len(list(node.iter("testcase")))))
    for counter, element in _ENDINGS.items():
        if skipped or counter != "skipped":
            node.set(counter, str(len(list(node.iter(element)))))


def _add_check(suite: ET.Element, title: str, check: Check, connection: str | None) -> None:
    """A case. What does not count for the exit code passes, whatever it found, with a message."""
    names = {"classname": title, "name": f"{check.title} ({check.id})"}
    case = ET.SubElement(suite, "testcase", names)
    text = "\n".join(filter(None, (clean(check.detail, 600), step(check, connection))))
    message = {"message": clean(check.detail or check.remedy or check.title, 600)}
    counts = check.exit_code not in (ExitCode.DONE, ExitCode.STEP_REMAINS)
    if check.status is Status.SKIP:  # Azure Pipelines shows the message, GitLab the text
        ET.SubElement(case, "skipped", message).text = message["message"]
    elif counts:
        element = "failure" if check.status is Status.FAIL else "error"
        found = ET.SubElement(case, element, {**message, "type": str(check.reason)})
        found.text = text
    elif text and check.status is not Status.PASS:
        ET.SubElement(case, "system-out").text = text


def _add_error(suite: ET.Element, problem: Problem, people: re.Pattern[str]) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": suite.get("name", ""), "name": "run"})
    message, remedy = (_anonymous(one, people) for one in (problem.problem, problem.remedy))
    found = ET.SubElement(case, "error", {"message": message, "type": problem.reason.value})
    found.text = f"{message}\n{remedy}"


def _people(report: Report) -> re.Pattern[str]:
    """What finds the people of a report in a text. A name that a place has, too, is no secret."""
    names, places = set(), {""}
    for connection in report.connections:
        places.add(connection.name or "")
        for one in connection.organizations:
            places.add(one.name)
            names.add(one.username)
            if (owner := one.identity) is not None:
                names |= {owner.name, owner.account, owner.id}
    shown = {clean(name, limit) for name in names - places for limit in (120, 300)} - {""}
    ordered = sorted(shown, key=len, reverse=True)
    found = (rf"(?<!\w){re.escape(name)}(?!\w)" for name in ordered)
    return re.compile("|".join((*found, _ADDRESS)), re.IGNORECASE)


def _without_owner(made: OrganizationReport, people: re.Pattern[str]) -> Iterable[Check]:
    """Its checks where no text names the person; ``identity`` then says only how it came out."""
    for check in made.checks:
        detail = _anonymous(check.detail, people)
        if made.identity is not None and check.id is CheckId.IDENTITY:
            detail = ""
        remedy = check.remedy and _anonymous(check.remedy, people)
        yield replace(check, detail=detail, remedy=remedy)


def _anonymous(text: str, people: re.Pattern[str]) -> str:
    return people.sub(_SOMEBODY, clean(text, 600))
