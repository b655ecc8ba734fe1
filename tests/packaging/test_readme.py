"""The README does what it says: its commands, its options, its links."""

from __future__ import annotations

import re

from aspm_ado.domain.reasons import Reason

from .checkout import ROOT, commands, help_of, options_of, setup_steps, texts

TESTS = ".venv/bin/pytest -n auto"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_that_a_page_shows_is_one() -> None:
    known = set(re.findall(r"^  ([a-z]+)  ", help_of("").partition("Commands:")[2], re.MULTILINE))
    wrong = []
    for shown in commands():
        words = shown.words
        command = next((word for word in words if word in known), "")
        if not command and not words[0].startswith("-") and "COMMAND" not in words:
            wrong.append(f"{shown}  (no such command)")
        given = {word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)}
        if unknown := given - options_of(command) - options_of(""):
            wrong.append(f"{shown}  (unknown: {', '.join(sorted(unknown))})")
    assert wrong == []


def test_the_command_for_the_tests_is_what_continuous_integration_runs() -> None:
    steps = setup_steps(README, TESTS)
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert len(steps) == 4
    assert "import ensurepip" in steps[0]
    missing = [step for step in steps[1:] if step not in run]
    assert missing == []


def test_both_commands_make_their_own_environment() -> None:
    demo, tests = setup_steps(README, ".venv/bin/aspm-ado demo"), setup_steps(README, TESTS)
    assert demo[:2] == tests[:2]
    assert demo[1] == "python3 -m venv .venv"


def test_the_picture_and_the_plain_words_are_at_the_top() -> None:
    assert "](docs/demo.svg)" in README[:300]
    first = "\n".join(README.splitlines()[:15])
    assert "for developers, administrators, and pipeline" in first
    assert "aspm-ado demo" in first
    for words in ("It does not register anything", "No API", "no, never"):
        assert words in README


def links() -> list[tuple[str, str]]:
    found = []
    for path in texts():
        page = re.sub(
            r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        page = re.sub(r"`[^`\n]*`", "", page)
        where = path.relative_to(ROOT).as_posix()
        found += [
            (where, link)
            for link in re.findall(r"\]\(([^)\s]+)\)", page)
            if not re.match(r"[a-z]+:", link)
        ]
    return found


def test_every_link_inside_the_checkout_leads_somewhere() -> None:
    wrong = []
    for where, link in links():
        name, _, anchor = link.partition("#")
        target = ((ROOT / where).parent / name if name else ROOT / where).resolve()
        if not target.is_relative_to(ROOT) or not target.exists():
            wrong.append(f"{where}: {link}  (no such file)")
        elif (
            anchor
            and target.suffix == ".md"
            and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            wrong.append(f"{where}: {link}  (no such heading)")
    assert wrong == []


def anchors(page: str) -> set[str]:
    """What GitHub makes of headings, and what a page names itself."""
    headings = re.findall(r"^#+\s+(.*?)\s*$", page, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", page))


def test_troubleshooting_knows_every_reason_that_ends_a_run() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    missing = [
        reason.value for reason in Reason if reason.exit_code and f"`{reason.value}`" not in page
    ]
    assert missing == [], "add a row to docs/troubleshooting.md"
