"""The whole command in this process, with everything that leaves it: said, logged, written, sent or started."""

from __future__ import annotations

import io
import logging
import os
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aspm_ado.__main__ import main
from aspm_ado.simulator.http import Request

from .stage import Canaries, Stage

WAYS: Mapping[str, tuple[str, ...]] = {"default": (), "-v": ("-v",), "--json": ("--json",)}
MODULE = "keyring.backends.SecretService"
STARTED = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.startfile")
LEAVES = {"os.remove": 1, "os.rename": 2}
"""What takes a file away, by audit event, and where among its arguments the folder's descriptor is."""

_listening: list[Sweep] = []
_hooked = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    for sweep in _listening:
        sweep.hear(event, arguments)


@dataclass(frozen=True)
class Heard:
    """A run that is over."""

    code: int
    out: bytes
    err: bytes


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


class Sweep:
    """Runs commands on a stage and remembers where a canary was. ``kept`` is the keyring, the one place to keep one."""

    def __init__(self, stage: Stage, canaries: Canaries) -> None:
        self.stage, self.canaries = stage, canaries
        self.found: list[str] = []
        self.kept: dict[tuple[str, str], str] = {}
        self.programs = 0
        self.terminal = False
        """Whether stdout and stderr are one that shows colours; stdin never is, so that nobody is asked."""

    def run(
        self, *words: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Heard:
        """``aspm-ado WORDS``; all that came of it has been looked through when this returns."""
        kind = _Terminal if self.terminal else io.TextIOWrapper
        out, err = (kind(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        log = io.StringIO()
        before = dict(os.environ), Path.cwd(), (sys.stdin, sys.stdout, sys.stderr)
        with _logged(log), self._keyring():
            os.environ.clear()
            os.environ.update(
                {**self.stage.environment, "PYTHON_KEYRING_BACKEND": f"{MODULE}.Keyring"}
            )
            os.environ.update({"TERM": "xterm-256color"} if self.terminal else {})
            os.environ.update(environment or {})
            os.chdir(self.stage.folder)
            sys.stdin, sys.stdout, sys.stderr = (
                io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"),
                out,
                err,
            )
            self._listen()
            try:
                code = main(words)
                self.found += self.canaries.in_bytes(
                    repr(dict(os.environ)), "the environment of a child to come"
                )
            finally:
                _listening.remove(self)
                (sys.stdin, sys.stdout, sys.stderr) = before[2]
                os.chdir(before[1])
                os.environ.clear()
                os.environ.update(before[0])
        told = Heard(code, out.buffer.getvalue(), err.buffer.getvalue())  # type: ignore[attr-defined]
        what = " ".join(words[:1] + words[-1:])
        for heard, where in ((told.out, "stdout"), (told.err, "stderr"), (log.getvalue(), "a log")):
            self.found += self.canaries.in_bytes(heard, f"{where} of {what}")
        self.found += self.canaries.in_bytes(repr(list(self.kept)), "a name in the keyring")
        assert b"Traceback" not in told.err, told.err.decode()
        return told

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Something that this process does; whatever program it starts and whatever file it takes away is looked at."""
        if event in STARTED:
            self.programs += 1
            self.found += self.canaries.in_bytes(repr(arguments), "what a program is started with")
            if arguments[-1] is None:
                self.found += self.canaries.in_bytes(
                    repr(dict(os.environ)), "the environment of a program"
                )
        elif event in LEAVES:
            path = _path(arguments[0], arguments[LEAVES[event]])
            if path.is_file() and not path.is_symlink():
                self.found += self.canaries.in_bytes(
                    path.read_bytes(), f"{path.name}, taken away again"
                )

    def files(self) -> list[str]:
        """Where a canary is in a file that is left, or in a file's name; and all that was found before."""
        return self.found + self.canaries.in_files(*self.stage.folders)

    def _listen(self) -> None:
        global _hooked
        if not _hooked:
            sys.addaudithook(_audit)  # for as long as this process lives; it asks who listens
            _hooked = True
        _listening.append(self)

    @contextmanager
    def _keyring(self) -> Iterator[None]:
        """The library's class of a Secret Service, with a dictionary behind it in place of a session bus."""
        kept = self.kept

        class Keyring:
            priority = 5

            def get_password(self, service: str, username: str) -> str | None:
                return kept.get((service, username))

            def set_password(self, service: str, username: str, password: str) -> None:
                kept[service, username] = password

            def delete_password(self, service: str, username: str) -> None:
                del kept[service, username]

        Keyring.__module__, Keyring.__qualname__ = MODULE, "Keyring"
        module = types.ModuleType(MODULE)
        module.Keyring = Keyring  # type: ignore[attr-defined]
        real = sys.modules.get(MODULE)
        sys.modules[MODULE] = module
        try:
            yield
        finally:
            del sys.modules[MODULE]
            if real is not None:
                sys.modules[MODULE] = real


def _path(name: str | bytes, folder: int) -> Path:
    path = Path(os.fsdecode(name))
    return (
        path
        if path.is_absolute() or folder < 0
        else Path(f"/proc/self/fd/{folder}").resolve() / path
    )


@contextmanager
def _logged(stream: io.StringIO) -> Iterator[None]:
    """Whatever any library logs, at every level, with its tracebacks."""
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def astray(request: Request, tokens: Canaries, aspm: Canaries, aspm_host: str) -> list[str]:
    """Where a canary is in a request besides the one header, or the one body, that it belongs into at its own host."""
    theirs = request.host == aspm_host
    own = {"x-cookie", "x-auth"} if theirs else {"authorization"}
    wrong = tokens if theirs else aspm
    signed = [value for name, value in request.headers if name.lower() in own]
    rest = [(name, value) for name, value in request.headers if name.lower() not in own]
    where = f"{request.method} {request.host}"
    found = wrong.in_bytes("\n".join(signed), f"the sign-in of {where}")
    handed = (
        theirs and request.method == "POST"
    )  # a registration carries the token of Azure DevOps, and only it
    bare = repr((request.authority, request.target, rest))
    found += tokens.in_bytes(bare if handed else bare + repr(request.body), f"a request: {where}")
    return found + aspm.in_bytes(bare + repr(request.body), f"a request: {where}")
