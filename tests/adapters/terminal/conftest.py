"""A terminal with a program in it: keys go in, a screen comes out, every byte is kept."""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyte
import pytest

HERE = Path(__file__).parent
COMMAND = (
    """trap : INT; stty -a >before; "$0" -W error "$@" >out; stty -a >after; echo "(over)" >&2"""
)


class Terminal:
    """A pty of some size with ``asker.py`` in it; its stdout is a file."""

    def __init__(
        self, folder: Path, scenarios: str, columns: int, environment: dict[str, str]
    ) -> None:
        import pexpect

        self.folder, self.log = folder, io.BytesIO()
        self.screen = pyte.Screen(columns, 24)
        self._stream = pyte.ByteStream(self.screen)
        given = {
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "PYTHONUTF8": "1",
        }
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # forkpty in a process that may have threads
            self.child = pexpect.spawn(
                "/bin/sh",
                ["-c", COMMAND, sys.executable, str(HERE / "asker.py"), *scenarios.split()],
                env={**given, **environment},
                cwd=str(folder),
                dimensions=(24, columns),
                timeout=20,
            )
        self.child.delaybeforesend = None
        self.child.delayafterclose = self.child.ptyproc.delayafterclose = 0
        self.child.logfile_read = self.log

    @property
    def text(self) -> str:
        """What is on the screen, without the empty end of each row."""
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip()

    def see(self, wanted: str, question: int = 1) -> None:
        """Wait until it stands on the screen, behind the beginning of that question (the first may scroll away)."""
        self._wait(
            lambda: (
                wanted in (self.text if question == 1 else self.text.partition(f"#{question}\n")[2])
            ),
            wanted,
        )

    def see_again(self, wanted: str) -> None:
        """Wait until it stands on the screen a second time: what is typed earlier is thrown away by the prompt."""
        self._wait(lambda: self.text.count(wanted) > 1, f"a second {wanted!r}")

    def _wait(self, done: Callable[[], bool], wanted: str) -> None:
        import pexpect

        while not done():
            try:
                self._stream.feed(self.child.read_nonblocking(65536))
            except (pexpect.EOF, pexpect.TIMEOUT) as never:
                raise AssertionError(f"{wanted!r} never came:\n{self.text}") from never

    def type(self, keys: str) -> None:
        self.child.send(keys.encode())

    def end(self) -> Any:
        """Wait for the end; what came of each question, which is all that the program may have put on stdout."""
        self._wait(lambda: "(over)" in self.text, "(over)")
        assert self.attributes("before") == self.attributes("after"), (
            "the terminal is not as it was"
        )
        assert (self.screen.mode, self.screen.cursor.hidden) == (pyte.Screen(1, 1).mode, False), (
            "nor is the screen"
        )
        outcomes = json.loads((self.folder / "out").read_text())
        return outcomes[0] if len(outcomes) == 1 else outcomes

    def attributes(self, when: str) -> str:
        return (self.folder / when).read_text()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Open terminals; they are closed at the end, whatever is still running in them."""
    if sys.platform == "win32":
        pytest.skip("a pty is a POSIX thing")
    opened: list[Terminal] = []

    def open_terminal(scenarios: str, columns: int = 80, **environment: str) -> Terminal:
        opened.append(Terminal(tmp_path, scenarios, columns, environment))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.child.close(force=True)
