"""Draws the picture at the top of the README from a real run of the demo.

``python docs/picture.py`` writes ``docs/demo.svg``; with ``--check`` it only says, by its exit
code, whether the file is what the demo prints today. The demo's day and its tokens are fixed; its
port is masked. Needs a Unix terminal.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path
from typing import Final

import pyte
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURE: Final = Path(__file__).with_name("demo.svg")
COMMAND: Final = ("demo", "--no-input", "--quiet")
COLUMNS: Final = 80
ROWS: Final = 200
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


def played() -> bytes:
    """What a terminal of 80 columns is sent by the demo."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with tempfile.TemporaryDirectory(prefix="aspm-ado-picture-") as home:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": home,
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "PYTHONUTF8": "1",
        }
        with subprocess.Popen(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-m", "aspm_ado", *COMMAND],
            stdin=writer,
            stdout=writer,
            stderr=writer,
            env=environment,
            cwd=home,
        ) as run:
            os.close(writer)
            sent = _everything(reader)
        os.close(reader)
    if run.returncode:
        raise SystemExit(f"The demo ended with {run.returncode}.")
    return sent


def screen_of(sent: bytes) -> list[Text]:
    """The lines that a person sees, with their colours; the port is masked."""
    screen = pyte.Screen(COLUMNS, ROWS)
    pyte.ByteStream(screen).feed(sent)
    lines = [Text.assemble(("$ ", "bold"), " ".join(("aspm-ado", *COMMAND)))]
    for row in range(screen.cursor.y + 1):
        cells = [screen.buffer[row][column] for column in range(COLUMNS)]
        shown = "".join(cell.data for cell in cells)
        masked = re.sub(r"(?<=127\.0\.0\.1:)\d{5}", "49152", shown)
        line = Text()
        for character, cell in zip(masked, cells, strict=True):
            color = COLORS.get(cell.fg, cell.fg)
            line.append(character, " ".join(filter(None, ("bold" if cell.bold else "", color))))
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
    picture = drawn(screen_of(played()))
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(picture, encoding="utf-8", newline="\n")
        return 0
    if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == picture:
        return 0
    sys.stderr.write(
        "docs/demo.svg is not what the demo prints today: run python docs/picture.py\n"
    )
    return 1


def _everything(reader: int) -> bytes:
    sent = b""
    while True:
        try:
            part = os.read(reader, 65536)
        except OSError:  # Linux: the other side has been closed
            return sent
        if not part:
            return sent
        sent += part


if __name__ == "__main__":
    raise SystemExit(main())
