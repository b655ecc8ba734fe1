"""Strings from elsewhere: nothing of them may move a cursor, change a title or reverse a line."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspm_ado.domain.text import clean, display_width, encodable, some_of, strip_controls, wrap

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NASTY = st.text(
    st.one_of(
        st.characters(), st.sampled_from("\x00\x07\x08\x1b\x7f\x85\x9b\x9d\r\n\t\u2028" + BIDI)
    )
)


def assert_harmless(line: str) -> None:
    for character in line:
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        assert character not in BIDI


@given(NASTY, st.integers(2, 400))
def test_what_is_cleaned_is_one_harmless_line_of_bounded_length(text: str, limit: int) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert_harmless(line)
    assert line == line.strip()
    assert clean(line, limit) == line


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=100))
def test_what_is_harmless_stays(text: str) -> None:
    assert clean(text) == text


@given(st.one_of(st.none(), st.integers(), st.binary(), NASTY))
def test_anything_can_be_cleaned(thing: object) -> None:
    assert_harmless(clean(thing))


def test_a_huge_string_is_cut_before_it_is_looked_at() -> None:
    assert clean("x" * 10_000_000, 40) == "x" * 39 + "…"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\x1b]0;owned\x07name", "]0;ownedname"),
        ("\x1b[2Jname", "[2Jname"),
        ("a\r\nb\tc", "a b c"),
        ("a\u202eb", "ab"),
        ("  a   b ", "a b"),
        ("zero\u200bwidth", "zerowidth"),
    ],
)
def test_examples(text: str, line: str) -> None:
    assert clean(text) == line


@given(
    NASTY, st.sampled_from(["ascii", "cp1252", "cp437", "latin-1", "utf-8", "no-such-codec", None])
)
def test_plain_fits_any_console(text: str, encoding: str | None) -> None:
    line = encodable(clean(text), encoding)
    line.encode("ascii" if encoding == "no-such-codec" else encoding or "utf-8")


def test_our_own_glyphs_have_a_plain_form() -> None:
    assert encodable("✓ “a” → b … ✗ – · •", "ascii") == '+ "a" -> b ... x - - *'
    assert encodable("✓ →", "utf-8") == "✓ →"
    assert encodable("naïve ✓", "cp1252") == "naïve +"


@given(NASTY, st.integers(20, 120))
def test_a_wrapped_line_is_harmless_and_loses_no_word(text: str, width: int) -> None:
    rows = list(wrap(text, width))
    for row in rows:
        assert_harmless(row)
        assert display_width(row) <= width or " " not in row.strip()
    if len(text) < 2000:
        assert " ".join(rows).split() == clean(text, 2000).split()


def test_an_address_is_never_cut() -> None:
    address = "https://dev.azure.com/" + "a" * 120
    assert any(address in row for row in wrap(f"The page is {address} and no other", 40))


def test_what_follows_a_list_marker_hangs_under_it() -> None:
    assert list(wrap("  1. one two three four five six", 20)) == [
        "  1. one two three",
        "     four five six",
    ]


OBEYED = re.compile(
    r"##\w*\[|^\s*::[A-Za-z][\w-]*([\s,].*)?::|section_(start|end):\d", re.IGNORECASE | re.MULTILINE
)
COMMANDS = (
    "##vso[task.setvariable variable=PWNED]yes",
    "###vso[x]",
    "##[error]x",
    "##teamcity[x]",
    "::error file=a::x",
    "::add-mask::x",
    "::stop-commands::x",
    "section_start:1700000000:x",
    "section_end:1700000000:x",
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("between", ["", "\u200b", "\x00", "\u202e", "\x1b"])
@pytest.mark.parametrize("before", ["", "  ", "Note: ", "x\r\n", "a b c d e f g h ", "• "])
def test_no_log_of_a_pipeline_finds_a_command(command: str, between: str, before: str) -> None:
    """Wherever a row of ours breaks, and whatever stood between the characters before it was cleaned."""
    text = before + command[:1] + between + command[1:]
    assert clean(clean(text)) == clean(text)
    for width in range(20, 40):
        for rows in (wrap(text, width), wrap(f"It says {text}.", width), [strip_controls(text)]):
            assert not OBEYED.search("\n".join(rows))


@pytest.mark.parametrize(
    "text",
    [
        "fe80::1",
        "::1 port 443",
        "[::1]:8080",
        "a::b",
        "# heading",
        "## two",
        "C#[x]",
        "::ffff:1.2.3.4",
    ],
)
def test_what_no_log_obeys_stays(text: str) -> None:
    assert clean(text) == text


def test_as_many_names_as_there_is_room_for_are_listed_once_and_the_rest_is_counted() -> None:
    names = [f"organization-{number:02}" for number in range(9)]
    assert some_of([*names, names[0]]) == ", ".join(names)
    assert some_of([*names, names[0]], 60) == f"{', '.join(names[:3])} and 6 more"
    assert some_of(["a", "b", "a"]) == "a, b"
    assert some_of(["a\x1b[31m"]) == "a[31m"
    assert some_of([]) == ""
