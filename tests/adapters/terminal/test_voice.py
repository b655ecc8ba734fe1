"""What is said stays readable and harmless, whatever it quotes and wherever it is shown."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading

import pyte
import pytest

from aspm_ado.adapters.terminal.voice import TerminalVoice, columns_of, wants_color
from aspm_ado.domain.ports import Voice
from aspm_ado.domain.text import encodable, wrap

HOSTILE = (
    "a\x1b[2Jb",
    "\x1b]0;owned\x07title",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31mred",
    "\x9d0;owned\x9c",
    "\x1b[?1049hscreen",
    "one\nforged line\r\nand another\rover",
    "right\u202eto left\u2066",
    "nul\0 bell\a back\b del\x7f",
    "lone \ud800 surrogate",
    "[bold]markup[/bold] [link=https://evil.example]x[/link]",
    "wide 日本語 and e\u0301",
)
UNWANTED = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


class Tty(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def voice(encoding="utf-8", kind=io.TextIOWrapper, **more):
    stream = kind(io.BytesIO(), encoding=encoding, newline="\n")
    made: Voice = TerminalVoice(stream, **{"quiet": False, "color": False, **more})
    return made, stream.buffer.getvalue


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("speak", ["say", "heading", "note", "warn"])
def test_hostile_strings_stay_text(encoding, text, speak):
    said, written = voice(encoding, width=110)
    getattr(said, speak)(text)
    said.progress(0, 100, text)
    assert not UNWANTED.search(written())
    lines = written().decode(encoding).strip("\n").split("\n")
    assert len(lines) == 2, "one call, one line"
    screen = pyte.Screen(120, 24)
    pyte.ByteStream(screen).feed(written().replace(b"\n", b"\r\n"))
    assert screen.title == ""
    assert screen.cursor.y == len(written().split(b"\n")) - 1
    assert not screen.mode - pyte.Screen(120, 24).mode


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", '+ x - ... -> "a" * ?'),
        ("cp1252", "+ x – … -> “a” • ?"),
        ("utf-8", "✓ ✗ – … → “a” • 日"),
        (None, "✓ ✗ – … → “a” • 日"),
        ("no-such-encoding", '+ x - ... -> "a" * ?'),
    ],
)
def test_glyphs_where_the_encoding_lacks_them(encoding, expected):
    assert encodable("✓ ✗ – … → “a” • 日", encoding) == expected


def test_wrapping_keeps_the_margin_and_hangs():
    assert list(wrap("    - one two three four five", 20)) == [
        "    - one two three",
        "      four five",
    ]
    assert list(wrap("  1. one two three four", 16)) == ["  1. one two", "     three four"]
    assert list(wrap("Warning: one two three", 20)) == ["Warning: one two", "  three"]
    assert list(wrap("", 20)) == list(wrap("   ", 20)) == [""]


def test_an_address_is_never_cut():
    address = "https://dev.azure.com/contoso/_usersSettings/tokens"
    assert list(wrap(f"Open {address} now", 30)) == ["Open", address, "now"]


def test_wide_characters_count_twice():
    assert list(wrap("日本語 日本語 日本語", 14)) == ["日本語 日本語", "日本語"]


@pytest.mark.parametrize(("width", "longest"), [(None, 80), (40, 40), (1, 20)])
def test_width(width, longest):
    said, written = voice(width=width)
    said.say("word " * 50)
    assert longest - 5 < max(map(len, written().decode().split("\n"))) <= longest


def test_quiet_warns_only():
    said, written = voice(quiet=True)
    said.say("a")
    said.heading("b")
    said.note("c")
    for done in range(101):
        said.progress(done, 100, "d")
    said.warn("e")
    assert written() == b"Warning: e\n"


def test_color_is_around_lines_and_only_when_asked():
    said, written = voice(color=True)
    said.heading("Where")
    said.warn("mind")
    said.say("plain")
    assert written() == b"\n\x1b[1mWhere\x1b[0m\n\x1b[33mWarning: mind\x1b[0m\nplain\n"


@pytest.mark.parametrize(
    ("environment", "no_color", "kind", "wanted"),
    [
        ({"WT_SESSION": "1"}, False, Tty, True),
        ({"WT_SESSION": "1"}, True, Tty, False),
        ({"WT_SESSION": "1", "NO_COLOR": "1"}, False, Tty, False),
        ({"WT_SESSION": "1", "NO_COLOR": ""}, False, Tty, True),
        ({"WT_SESSION": "1", "TERM": "dumb"}, False, Tty, False),
        ({"WT_SESSION": "1"}, False, io.TextIOWrapper, False),
    ],
)
def test_who_gets_color(environment, no_color, kind, wanted):
    assert wants_color(environment, kind(io.BytesIO()), no_color) is wanted


def test_progress_in_a_log_is_a_few_lines():
    said, written = voice()
    for done in range(1001):
        said.progress(done, 1000, "Projects read")
    said.progress(0, 9, "a short step")
    assert written().decode().split("\n") == [
        "Projects read 0/1000",
        "Projects read 250/1000",
        "Projects read 500/1000",
        "Projects read 750/1000",
        "Projects read 1000/1000",
        "",
    ]


def test_progress_on_a_terminal_is_one_line_that_goes_away():
    said, written = voice(kind=Tty, width=40)
    screen = pyte.Screen(40, 6)
    said.progress(1, 5, "Asking about the scopes of an organization with a long name")
    said.progress(2, 5, "日本")
    said.warn("between")
    said.progress(3, 5, "Asking")
    pyte.ByteStream(screen).feed(written().replace(b"\n", b"\r\n"))
    assert [row.rstrip() for row in screen.display[:3]] == ["Warning: between", "Asking 3/5", ""]
    said.progress(5, 5, "Asking")
    screen.reset()
    pyte.ByteStream(screen).feed(written().replace(b"\n", b"\r\n"))
    assert [row.rstrip() for row in screen.display[:3]] == ["Warning: between", "", ""]
    assert (screen.cursor.x, screen.cursor.y) == (0, 1)


def test_a_step_that_ends_early_leaves_nothing():
    said, written = voice(kind=Tty, width=40)
    said.progress(1, 5, "Asking")
    said.end_progress()
    said.end_progress()
    assert written().endswith(b"\r" + b" " * 10 + b"\r")


def test_lines_of_several_threads_stay_whole():
    said, written = voice()
    threads = [
        threading.Thread(target=lambda name=name: [said.say(name * 60) for _ in range(50)])
        for name in "abcdefgh"
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    lines = written().decode().split("\n")[:-1]
    assert len(lines) == 400
    assert all(line == line[0] * 60 for line in lines)


def test_a_closed_stream_is_no_error():
    said, _written = voice()
    said._stream.close()
    said.warn("nobody hears")


@pytest.mark.skipif(sys.platform == "win32", reason="a broken pipe is reported otherwise there")
def test_a_reader_that_left_changes_no_exit_code():
    code = (
        "import sys; from aspm_ado.adapters.terminal.voice import TerminalVoice as V;"
        "v = V(sys.stderr, quiet=False, color=False); [v.say('x' * 70) for _ in range(5000)]; print('done')"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=writing, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stdout) == (0, b"done\n")


@pytest.mark.parametrize(
    ("known", "exported", "columns"),
    [(80, "200", 79), (0, "60", 59), (0, "1", 80), (0, "19", 80), (0, "many", 80), (0, "-5", 80)],
)
def test_a_width_that_is_exported_counts_where_the_terminal_has_none(
    known: int, exported: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((known, 24)))
    monkeypatch.setenv("COLUMNS", exported)
    assert columns_of(sys.__stderr__) == columns
