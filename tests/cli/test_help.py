"""Help: grouped, short, with defaults and examples that work."""

from __future__ import annotations

import pytest

from aspm_ado.cli.commands import COMMANDS, CommandSpec

from .conftest import Run


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.word)
def test_each_command_has_two_examples_under_its_options(command: CommandSpec, run: Run) -> None:
    shown = run(command.word, "--help").out
    assert len(command.examples) == 2
    assert shown.index("This run:") < shown.index("Examples:\n  aspm-ado ")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.word)
def test_each_option_has_words_and_no_value_is_broken_at_the_end_of_a_row(
    command: CommandSpec, run: Run
) -> None:
    rows = run(command.word, "--help").out.splitlines()
    assert "\x1b" not in "".join(rows)
    words = " ".join(" ".join(rows).split())
    for option in command.options:
        assert len(option.help.split()) > 1
        assert option.help in words
        assert not option.default or f"{option.help} (default: {option.default})" in words
    assert not [row for row in rows if row.endswith("-") and not row.startswith("  aspm-ado ")]


def test_the_program_shows_its_commands_before_the_options_that_they_share(run: Run) -> None:
    shown, err = run().out, run().err
    assert err == ""
    places = [shown.index(f"\n{each}:\n") for each in ("Commands", "Examples", "Options")]
    assert places == sorted(places)
    assert len(shown.splitlines()) <= 40


def test_the_help_of_connect_fits_ninety_five_rows_of_eighty_columns(run: Run) -> None:
    rows = run("connect --help").out.splitlines()
    assert len(rows) <= 95
    assert max(map(len, rows)) <= 80


def test_options_stand_in_groups_with_their_defaults(run: Run) -> None:
    shown = run("connect --help").out
    headings = ["Where:", "Token:", "Invicti ASPM:", "Storage:", "This run:"]
    places = [shown.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    assert shown.count("ASPM_ADO_NO_INPUT") == shown.count("INVICTI_ASPM_HOST") == 1
    for default in ("(default: alm)", "(default: 30)", "(default: keyring)"):
        assert default in " ".join(shown.split())


def test_a_short_flag_and_a_word_show_the_same_help(run: Run) -> None:
    shown = run("rotate --help").out
    assert run("rotate -h").out == run("help rotate").out == shown
    assert run("help").out == run("-h").out == run("--help").out == run().out


def test_help_on_no_command_is_a_wrong_usage(run: Run) -> None:
    done = run("help nothing")
    assert (done.code, done.out) == (2, "")
