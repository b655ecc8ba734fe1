"""Strings that play with a terminal, and what must be left of them once they were shown."""

from __future__ import annotations

import re

import pyte

ATTACKS = (
    "<img src=x onerror=y> [l](https://evil.example) `c` | ![p](x)"  # Markdown
    "\x1b]0;owned\x07\x1b]2;owned\x1b\\"  # the title
    "\x1b]52;c;b3duZWQ=\x07"  # the clipboard
    "\x1b[2J\x1b[10;10H\x1b[?1049h\x1b[?25l\x1bc\x1b(0"  # the screen
    "\x9b31m\x9d0;owned\x9c\x90q\x9c"  # the same by C1
    "\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\"  # a link
    "\u202e\u2066\u061c\u200f"  # the direction
    "\r\nforged\r\nand so\u2028on\u2029and\x0bon\x0cand\x85on and on"  # a line of its own
    "\x00\x08\x7f\ufeff"
    " [bold]b[/bold] [/bold] [link=https://evil.example]l[/link] :smile: [@click=x]c[/] $(id) %s {0}"  # rich and others
)
LONG = ATTACKS + "x" * 10_000
SGR = re.compile(r"\x1b\[[0-9;]*m")
REDRAWN = re.compile(r"\r[^\r\n\x1b]*")
"""Our own live line: a carriage return and its text."""
UNWANTED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
WIDEST = 2500


def assert_harmless(said: str, *, terminal: bool = False, bounded: bool = True) -> None:
    """No control but a line feed is left, and on a terminal our own colours and our live line; no line is forged."""
    left = REDRAWN.sub("", SGR.sub("", said)) if terminal else said
    found = UNWANTED.search(left)
    assert not found, repr(left[max(found.start() - 60, 0) : found.end() + 20])  # type: ignore[union-attr]
    assert "forged" not in [line.strip() for line in left.split("\n")], "a line of its own"
    assert not bounded or max(map(len, [*left.splitlines(), ""])) < WIDEST
    if not terminal:  # what has no control in it can do nothing to a terminal: a few lines are shown to one all the same
        said = (
            "".join(line + "\n" for line in said.split("\n") if "owned" in line)[:3000].rpartition(
                "\n"
            )[0]
            + "\n"
        )
        left = said
    rows = left.count("\n")
    screen = pyte.Screen(WIDEST, rows + 10)
    stream = pyte.Stream(screen)
    stream.feed("\x1b]2;before\x07")
    modes, charset = set(screen.mode), screen.charset
    stream.feed(said.replace("\n", "\r\n"))
    assert screen.title == "before"
    assert screen.mode == modes
    assert screen.charset == charset
    assert not screen.cursor.hidden
    assert screen.cursor.y == rows, "the cursor is somewhere else"
