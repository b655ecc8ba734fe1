"""Where secrets come from besides a person: files, stdin, commands and the token variables."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aspm_ado.adapters.terminal.voice import is_terminal
from aspm_ado.adapters.threads import read_in_time
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import clean, system_words, typed_word

if TYPE_CHECKING:
    from aspm_ado.adapters.programs import TokenCommands

MOST_BYTES: Final = 64 * 1024
_SHORTEST_SECRET: Final = 20
_READABLE: Final = "Check its name and that you may read it."


def is_nameable(word: str) -> bool:
    """Whether what was given as a name can be repeated: no secret is as short, or is a path."""
    place = Path(word)
    try:
        has_folder = place.name != word and place.parent.exists()
        return len(word) <= _SHORTEST_SECRET or has_folder or place.exists()
    except (OSError, ValueError):
        return False


class SystemSources:
    """Reads each source once, and no more than a secret can be long.

    ``ask`` is for a source that is a terminal: it prompts with the echo off, or raises
    ``UsageError``. ``say`` names the source that a run waits for.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        ask: Callable[[], str] | None = None,
        commands: TokenCommands | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._variables, self._ask, self._say = variables, ask, say
        self._commands = commands
        self._stdin_is_read = False

    def variable(self, name: str) -> str:
        """The value that the variable had when the program began; empty when it was unset."""
        return self._variables.get(name, "")

    def file(self, path: str) -> bytes:
        """The bytes of ``path`` (``-`` is stdin, once).

        A file that others may read is refused unread.
        """
        if path == "-":
            return self._stdin()
        place = Path(path)
        shown = f"The file {clean(place, 120)}"
        if not is_nameable(path):
            shown = "The file of the secret"
        return self._read(partial(self._file, place), shown, _READABLE)

    def _file(self, place: Path) -> bytes:
        with place.open("rb") as opened:
            if _is_open_to_others(opened.fileno()):
                raise _not_private(place)
            if self._ask is not None and opened.isatty():
                raise _TerminalError
            return opened.read(MOST_BYTES + 1)

    def _read(self, work: Callable[[], bytes], shown: str, remedy: str) -> bytes:
        """What ``work`` reads within its time, with at most the bytes that a secret can have."""
        name = shown[:1].lower() + shown[1:]
        try:
            raw = read_in_time(work, name, self._say)
        except _TerminalError:
            return self._prompted()
        except OSError as error:
            raise UsageError(
                Reason.FILE_UNREADABLE,
                f"{shown} cannot be read: {system_words(error)}.",
                remedy=remedy,
            ) from None
        if len(raw) > MOST_BYTES:
            raise UsageError(
                Reason.TOKEN_MALFORMED,
                f"{shown} is too long to be a token.",
                remedy="Pass the token alone.",
            )
        return raw

    def _prompted(self) -> bytes:
        return self._ask().encode() if self._ask else b""

    def command(self, command: str, where: str) -> bytes:
        """What a command prints, without its line end."""
        from aspm_ado.adapters.programs import TokenCommands

        return (self._commands or TokenCommands({})).run(command, where)

    def _stdin(self) -> bytes:
        if self._stdin_is_read:
            raise UsageError(
                Reason.USAGE,
                "stdin can hold only one secret.",
                remedy="Pass the others with --pat-file FILE.",
            )
        self._stdin_is_read = True
        if sys.stdin is None or sys.stdin.closed:
            return b""
        if self._ask is not None and is_terminal(sys.stdin):
            return self._prompted()
        work = partial(sys.stdin.buffer.read, MOST_BYTES + 1)
        return self._read(work, "stdin", "Check where stdin comes from.")


class _TerminalError(Exception):
    """A file is a terminal, which would show what is typed."""


def _is_open_to_others(descriptor: int) -> bool:
    """Whether another user may read it: the group or the rest, by its mode.

    A file of a read-only mount is taken as it is: the secrets of Kubernetes and Docker come with
    mode 0444, and nobody in there could change that. Pipes and devices have no mode that would mean
    anything. Windows has no such modes.
    """
    if os.name == "nt":
        return False
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & (stat.S_IRGRP | stat.S_IROTH):
        return False
    return not os.fstatvfs(descriptor).f_flag & os.ST_RDONLY


def _typed_path(path: Path) -> str:
    """A path for a command to be typed: never an option of it."""
    return typed_word(f"./{path}" if str(path).startswith("-") else path)


def _not_private(place: Path) -> UsageError:
    return UsageError(
        Reason.FILE_NOT_PRIVATE,
        f"Other users of this machine can read the file {clean(place, 120)}, so aspm-ado does "
        "not read it.",
        remedy=f"Mount it read-only, use a pipe, or run: chmod 600 {_typed_path(place)}",
    )
