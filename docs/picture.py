"""Draws the picture at the top of the README from a real run of the demo, questions answered.

``python docs/picture.py`` writes ``docs/demo.svg``; with ``--check`` it only says, by its exit
code, whether the file is what the demo prints today. The demo's day and its tokens are fixed.
Needs a Unix terminal.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Final

import pexpect
import pyte
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from aspm_ado.simulator import SCENARIOS

PICTURE: Final = Path(__file__).with_name("demo.svg")
COMMAND: Final = ("demo", "--quiet")
ENTER: Final = "\r"
UP: Final = "\x1b[A"
ANSWERS: Final = (
    ("Organization or server", "contoso" + ENTER),
    ("Personal access token:", SCENARIOS["ready"].answers.tokens[0][1] + ENTER),
    ("When does the token expire?", ENTER),
    ("URL of your Invicti ASPM", ENTER),
    ("Store and start the handoff?", ENTER),
    ("When you have entered it:", UP + ENTER),
)
"""What the wizard asks in turn, and the keys that a person presses then."""

COLUMNS: Final = 80
ROWS: Final = 60
COLORS: Final = {"default": "", "brown": "yellow"}
"""Names of ``pyte`` that ``rich`` does not share."""

CELL: Final = 12.2
_INDENTED: Final = re.compile(
    r'(<text[^>]*?x=")([\d.]+)("[^>]*?textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)'
)

TEMPLATE: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <!-- Made by docs/picture.py from a run of the demo. -->
    <style>
    .{unique_id}-matrix {{
        font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{
        font-size: 18px;
        font-weight: bold;
        font-family: system-ui, sans-serif;
    }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" \
clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""
"""rich's own, without the fonts that it would load from elsewhere."""


class Terminal(pyte.Screen):
    """A terminal with somebody at it."""

    def __init__(self, run: pexpect.spawn[bytes]) -> None:
        super().__init__(COLUMNS, ROWS)
        self._run, self._stream = run, pyte.ByteStream(self)
        self.written = b""

    def write_process_input(self, data: str) -> None:
        """Answer the program where it asks for the place of the cursor."""
        self._run.send(data)

    def show_until(self, wanted: str | type[pexpect.EOF]) -> None:
        """Show what the program writes, until it writes this."""
        while True:
            found = self._run.expect([wanted, "\x1b\\[6n"])
            after = self._run.after
            written = self._run.before + (after if isinstance(after, bytes) else b"")
            self.written += written
            self._stream.feed(written)
            if not found:
                return


def played(
    command: Sequence[str], answers: Sequence[tuple[str, str]]
) -> tuple[Terminal, int | None]:
    """The screen after a whole run with these answers, and the exit code of the run."""
    with tempfile.TemporaryDirectory(prefix="aspm-ado-picture-") as home:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": home,
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "PYTHONUTF8": "1",
        }
        run = pexpect.spawn(
            sys.executable,
            ["-m", "aspm_ado", *command],
            env=environment,
            cwd=home,
            dimensions=(ROWS, COLUMNS),
            timeout=60,
        )
        screen = Terminal(run)
        for question, keys in answers:
            screen.show_until(re.escape(question))
            run.send(keys)
        screen.show_until(pexpect.EOF)
        run.close()
    return screen, run.exitstatus


def lines_of(screen: pyte.Screen) -> list[Text]:
    """The command and what is on the screen, to the last line that has text."""
    lines = [Text.assemble(("$ ", "bold"), " ".join(("aspm-ado", *COMMAND)))]
    for row in range(ROWS):
        line = Text()
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            color = COLORS.get(cell.fg, cell.fg)
            style = " ".join(filter(None, ("bold" if cell.bold else "", color)))
            line.append(cell.data, style)
        line.rstrip()
        lines.append(line)
    while not lines[-1].plain:
        lines.pop()
    return lines


def drawn(lines: list[Text]) -> str:
    """The picture."""
    console = Console(
        record=True, width=COLUMNS, file=StringIO(), color_system="truecolor", force_terminal=True
    )
    for line in lines:
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    title = " ".join(("aspm-ado", *COMMAND))
    return _INDENTED.sub(
        _moved,
        console.export_svg(title=title, theme=MONOKAI, code_format=TEMPLATE, unique_id="demo"),
    )


def _moved(found: re.Match[str]) -> str:
    """A text that begins behind its indent: some viewers drop spaces at the beginning."""
    before, x, between, length, after, spaces = found.groups()
    wide = spaces.count(";") * CELL
    return f"{before}{float(x) + wide:g}{between}{float(length) - wide:g}{after}"


def main() -> int:
    """Write the picture, or check it."""
    screen, code = played(COMMAND, ANSWERS)
    if code:
        raise SystemExit(f"The demo ended with {code}.")
    picture = drawn(lines_of(screen))
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(picture, encoding="utf-8", newline="\n")
        return 0
    if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == picture:
        return 0
    sys.stderr.write(
        "docs/demo.svg is not what the demo prints today: run python docs/picture.py\n"
    )
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
