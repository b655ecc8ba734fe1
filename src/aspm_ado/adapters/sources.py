"""Where secrets come from besides a person: files, stdin, commands and the token variables."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from aspm_ado.adapters.terminal.voice import is_terminal
from aspm_ado.adapters.token_command import TokenCommands
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

MOST_BYTES: Final = 64 * 1024
_SHORTEST_SECRET: Final = 20


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

    ``ask`` is for a stdin that is a terminal: it asks with the echo off, or raises ``UsageError``.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        ask: Callable[[], str] | None = None,
        commands: TokenCommands | None = None,
    ) -> None:
        self._variables, self._ask = variables, ask
        self._commands = commands or TokenCommands({})
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
            shown = "The file that is to hold the secret"
        try:
            with place.open("rb") as opened:
                if _is_open_to_others(opened.fileno()):
                    raise _not_private(place)
                raw = opened.read(MOST_BYTES + 1)
        except OSError as error:
            raise UsageError(
                Reason.FILE_UNREADABLE,
                f"{shown} cannot be read: {error.strerror or type(error).__name__}.",
                remedy="Check its name and that you may read it.",
            ) from None
        return _bounded(raw, shown)

    def command(self, command: str, where: str) -> bytes:
        """What a command prints, without its line end."""
        return self._commands.run(command, where)

    def _stdin(self) -> bytes:
        if self._stdin_is_read:
            raise UsageError(
                Reason.USAGE,
                "stdin can bring one secret only.",
                remedy="Give the others with --pat-file FILE.",
            )
        self._stdin_is_read = True
        if sys.stdin is None or sys.stdin.closed:
            return b""
        if self._ask is not None and is_terminal(sys.stdin):
            return self._ask().encode()
        return _bounded(sys.stdin.buffer.read(MOST_BYTES + 1), "stdin")


def _bounded(raw: bytes, what: str) -> bytes:
    if len(raw) > MOST_BYTES:
        raise UsageError(
            Reason.TOKEN_MALFORMED,
            f"{what} is too long to be a token.",
            remedy="Give the token alone.",
        )
    return raw


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


def _not_private(place: Path) -> UsageError:
    return UsageError(
        Reason.FILE_NOT_PRIVATE,
        f"Other users of this machine can read the file {clean(place, 120)}, so it is not read.",
        remedy=f"chmod 600 {shlex.quote(clean(place, 1000))} "
        "(or mount it read-only, or bring the secret by a pipe).",
    )
