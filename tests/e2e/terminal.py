"""A pseudo-terminal with the real command in it: keys go in, a screen comes out, and every byte is kept."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import pyte

from ..forked import COMMAND
from .stage import Canaries, Stage

# The program is the shell's child, so that the terminal can be looked at after it.
SHELL = """
trap : INT HUP TERM
stty -a >before
sh -c 'trap : INT HUP TERM; sh -c "echo \\$\\$ >pid; exec \\"\\$@\\"" sh "$@"; echo $? >code' sh "$@" {to}
stty -a >after
echo "(over)" >&2
"""
ENTER, UP, DOWN, SPACE = "\r", "\x1b[A", "\x1b[B", " "
CTRL_C, CTRL_D = "\x03", "\x04"
_CONTROLS = re.compile(
    r"\x1b\][^\x07]*\x07|\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>].?|[\x00-\x09\x0b-\x1f]"
)
DRAWN_LISTS = "(arrows"


def pasted(text: str) -> str:
    """What a terminal sends when somebody pastes."""
    return f"\x1b[200~{text}\x1b[201~"


def squeezed(text: str) -> str:
    """Without any white space: wherever a line was wrapped, it is the same."""
    return "".join(text.split())


class Wizard:
    """The real ``aspm-ado`` on a terminal. ``to`` is where its stdout goes; by default it is the terminal too."""

    def __init__(
        self,
        stage: Stage,
        *arguments: str,
        canaries: Canaries,
        columns: int = 80,
        rows: int = 24,
        to: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        import pexpect

        self.stage, self.canaries, self._log = stage, canaries, io.BytesIO()
        self.screen = pyte.Screen(columns, rows)
        self._stream, self._mark, self._said = pyte.ByteStream(self.screen), 0, ""
        self.found: list[str] = []
        for name in ("before", "after", "code", "pid"):
            (stage.folder / name).unlink(missing_ok=True)
        given = {
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            **stage.environment,
            **(environment or {}),
        }
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # forkpty in a process that has threads
            self.child = pexpect.spawn(
                "/bin/sh",
                ["-c", SHELL.format(to=to), "sh", *COMMAND, *arguments],
                env={name: value for name, value in given.items() if value},
                cwd=str(stage.folder),
                dimensions=(rows, columns),
                timeout=15,
            )
        self.child.delaybeforesend = None
        self.child.delayafterclose = self.child.ptyproc.delayafterclose = 0

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip()

    @property
    def everything(self) -> str:
        """All that was ever written, without control sequences and white space."""
        return self._said

    @property
    def pid(self) -> int:
        return int((self.stage.folder / "pid").read_text())

    def see(self, *wanted: str) -> str:
        """Wait until one of these is written, behind what was seen before; which."""
        forms = {each: squeezed(each) for each in wanted}
        while True:
            places = {each: self._said.find(form, self._mark) for each, form in forms.items()}
            found = [each for each, place in places.items() if place >= 0]
            if found:
                first = min(found, key=lambda each: places[each])
                self._mark = places[first] + len(forms[first])
                self.found += self.canaries.in_bytes(squeezed(self.text), "the screen")
                return first
            self._read(" or ".join(repr(each) for each in wanted))

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys.encode())

    def answer(self, wanted: str, keys: str, besides: Mapping[str, str] | None = None) -> None:
        """Wait for a question, then press keys. ``besides`` are questions that may come before it."""
        others = dict(besides or {})
        while (question := self.see(wanted, *others)) != wanted:
            self.type(others.pop(question))
        self.type(keys)

    def play(self, answers: Mapping[str, str], *, leave_at: int = -1, with_: str = "") -> list[str]:
        """Answer questions in whatever order they come, to the end; which ones came. ``leave_at`` one, press others."""
        came: list[str] = []
        while True:
            # A question is written once more when it is answered; only the marks of lists tell the two apart.
            known = [
                each
                for each in answers
                if not (came and each == came[-1] and not _shows_keys(each))
            ]
            known = [] if 0 <= leave_at < len(came) else known
            question = self.see("(over)", *known)
            if question == "(over)":
                self._closed()
                return came
            if leave_at in (-1, len(came)):
                self.look_around()
            self.type(with_ if len(came) == leave_at else answers[question])
            came.append(question)
            assert len(came) < 60, "it goes round in circles"

    @property
    def bytes(self) -> bytes:
        """All that was ever written, as it came."""
        return self._log.getvalue()

    def end(self) -> int:
        """Wait for the end of the program; its exit code. The terminal must be as it was, and no secret anywhere."""
        self.see("(over)")
        self._closed()
        return self.code

    @property
    def code(self) -> int:
        return int((self.stage.folder / "code").read_text())

    def look_around(self) -> None:
        """Look for secrets where other programs and people of this machine could."""
        self.found += self.canaries.in_processes()

    def _closed(self) -> None:
        before, after = ((self.stage.folder / name).read_text() for name in ("before", "after"))
        assert before == after, "the terminal is not as it was"
        assert (self.screen.mode, self.screen.cursor.hidden) == (pyte.Screen(1, 1).mode, False), (
            "nor is the screen"
        )
        self.assert_clean()

    def assert_clean(self) -> None:
        """No secret was shown, kept or given to anybody; nothing fell over."""
        heard = self.canaries.in_bytes(self._log.getvalue(), "the terminal's bytes")
        heard += self.canaries.in_bytes(self._said, "what was written")
        heard += self.canaries.in_files(*self.stage.folders)
        assert not self.found + heard, self.found + heard
        assert "Traceback" not in self._said, self.text
        assert squeezed("A bug in aspm-ado") not in self._said, self.text

    def _read(self, wanted: str) -> None:
        import pexpect

        try:
            data = self.child.read_nonblocking(65536)
        except (pexpect.EOF, pexpect.TIMEOUT) as never:
            raise AssertionError(f"{wanted} never came:\n{self.text}") from never
        self._log.write(data)
        self._stream.feed(data)
        self._said = squeezed(_CONTROLS.sub("", self._log.getvalue().decode("utf-8", "replace")))

    def close(self) -> None:
        """End whatever is still running in it."""
        self.child.close(force=True)


def _shows_keys(question: str) -> bool:
    return DRAWN_LISTS in question or "(Y/n)" in question or "(y/N)" in question


def stand_in(folder: Path, name: str) -> Path:
    """A program ``name`` that notes its arguments and environment in one file and its input in another."""
    notes = folder.parent / f"{name}.called"
    path = folder / name
    path.write_text(
        "#!/bin/sh\n"
        f"{{ printf '%s\\n' \"$@\"; env; tr '\\0' '\\n' </proc/$PPID/cmdline; }} >>'{notes}'\n"
        f"cat >'{notes.with_suffix('.stdin')}'\n",
        encoding="utf-8",
    )
    path.chmod(0o700)
    return notes
