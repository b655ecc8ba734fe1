"""Where secrets come from besides a person: files, stdin and the token variables."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

MOST_BYTES: Final = 64 * 1024


class SystemSources:
    """Reads each source once, and no more than a secret can be long."""

    def __init__(self, variables: Mapping[str, str], warn: Callable[[str], None]) -> None:
        self._variables, self._warn = variables, warn
        self._stdin_is_read = False

    def variable(self, name: str) -> str:
        """The value that the variable had when the program began; empty when it was unset."""
        return self._variables.get(name, "")

    def file(self, path: str) -> bytes:
        """The bytes of ``path`` (``-`` is stdin, once)."""
        if path == "-":
            return self._stdin()
        place = Path(path).expanduser()
        shown = clean(place, 120)
        try:
            with place.open("rb") as opened:
                if _open_to_all(opened.fileno()):
                    self._warn(f"Everybody on this machine can read {shown}. Mend it with: chmod 600 {shown}")
                raw = opened.read(MOST_BYTES + 1)
        except OSError as error:
            raise UsageError(
                Reason.FILE_UNREADABLE,
                f"The file {shown} cannot be read: {error.strerror or type(error).__name__}.",
                remedy="Check its name and that you may read it.",
            ) from None
        return _bounded(raw, f"The file {shown}")

    def _stdin(self) -> bytes:
        if self._stdin_is_read:
            raise UsageError(
                Reason.USAGE, "stdin can bring one secret only.", remedy="Give the others with --pat-file FILE."
            )
        self._stdin_is_read = True
        if sys.stdin is None or sys.stdin.closed:
            return b""
        return _bounded(sys.stdin.buffer.read(MOST_BYTES + 1), "stdin")


def _bounded(raw: bytes, what: str) -> bytes:
    if len(raw) > MOST_BYTES:
        raise UsageError(Reason.TOKEN_MALFORMED, f"{what} is too long to be a token.", remedy="Give the token alone.")
    return raw


def _open_to_all(descriptor: int) -> bool:
    """Whether everybody on the machine can read it, and it is not mounted so that nobody could mend that."""
    if os.name == "nt":
        return False
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & stat.S_IROTH:
        return False
    return not os.fstatvfs(descriptor).f_flag & os.ST_RDONLY
