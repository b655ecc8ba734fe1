"""Programs that print a token: the Azure CLI, and a command that a person names.

What they may know of our environment, how long they may take, and how they are ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath, PureWindowsPath
from typing import IO, Final

from aspm_ado.adapters.threads import Task
from aspm_ado.domain.azure.pats import GUID, RESOURCE, az_failed
from aspm_ado.domain.questions import PAT_COMMAND, SECRET_VARIABLES
from aspm_ado.domain.reasons import NotCreatedError, Reason, UsageError, UserError
from aspm_ado.domain.secret import Secret, parse_secret
from aspm_ado.domain.text import clean, system_words

_SECRETS: Final = (*SECRET_VARIABLES, PAT_COMMAND.env, "SYSTEM_ACCESSTOKEN")
_SECRET_ENDINGS: Final = ("_PAT", "_ASPM_TOKEN")
_GRACE: Final = 2.0
"""Seconds for what was killed to be gone."""


def childs_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without every variable that may hold one of our tokens."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() not in _SECRETS and not name.upper().endswith(_SECRET_ENDINGS)
    }


def end_group(
    child: subprocess.Popen[bytes], platform: str, environment: Mapping[str, str]
) -> None:
    """End a child that leads a process group, with all that it started and that holds its pipes."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if platform == "win32":
            system = Path(environment.get("SYSTEMROOT", r"C:\Windows")) / "System32"
            subprocess.run(  # noqa: S603 - the system's own tool, by its full path
                [str(system / "taskkill.exe"), "/F", "/T", "/PID", str(child.pid)],
                capture_output=True,
                timeout=_GRACE,
                check=False,
            )
        else:
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_GRACE)


SPARE: Final = 300.0
"""Seconds that a token must still serve to be used again."""

_STAND_IN: Final = "az-of-a-simulation"
"""A file beside the stand-in, which the simulator writes."""


class AzureCli:
    """Finds `az` on the PATH; runs it when a token is asked for, and not before."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        seconds: Callable[[], float] = lambda: 30.0,
        platform: str = sys.platform,
        now: Callable[[], float] = time.time,
        is_simulated: bool = False,
    ) -> None:
        """``seconds`` is the longest that `az` may take, asked for when it runs.

        ``is_simulated``: only the stand-in of the simulation is run.
        """
        self._is_simulated = is_simulated
        self._environment, self._platform = childs_environment(environment), platform
        self._seconds, self._now = seconds, now
        self._held: dict[str, tuple[Secret, float]] = {}
        self._failed: dict[str, NotCreatedError] = {}

    @property
    def is_there(self) -> bool:
        """Whether `az` is on the PATH."""
        return self._program() is not None

    def token(self, tenant: str) -> Secret:
        """A token for Azure DevOps in one tenant or in that of the account, while it serves.

        Without a tenant, in the one that `az` is signed in to. Raises ``NotCreatedError``, and
        the same again without a second run: one that hangs would hang for each organization.
        """
        if tenant and not GUID.fullmatch(tenant):
            # It becomes an argument, on Windows of a batch file.
            raise ValueError("a tenant is a GUID")
        held = self._held.get(tenant)
        if held is None or held[1] - self._now() < SPARE:
            if (failed := self._failed.get(tenant)) is not None:
                raise NotCreatedError(failed.reason, failed.problem, remedy=failed.remedy)
            try:
                held = self._held[tenant] = self._fetched(tenant)
            except NotCreatedError as error:
                self._failed[tenant] = error
                raise
        return held[0]

    def forget_failures(self) -> None:
        """Run `az` again where it failed: a person may have signed in meanwhile."""
        self._failed.clear()

    def _fetched(self, tenant: str) -> tuple[Secret, float]:
        program = self._program()
        if program is None:
            raise NotCreatedError(
                Reason.AZ_ABSENT,
                "The Azure CLI (az) is not on the PATH.",
                remedy="Create the token by hand. Or install it (https://aka.ms/installazurecli) "
                "and sign in: az login",
            )
        which = f"--tenant {tenant} " if tenant else ""
        words = f"account get-access-token {which}--resource {RESOURCE} --output json"
        code, out, said = self._run([program, *words.split()])
        if code != 0:
            raise az_failed(said, tenant)
        return _token_in(out, self._now())

    def _run(self, command: list[str]) -> tuple[int, bytes, str]:
        """Exit code, output and what it said.

        It is ended, with all that it started, when its time is over.
        """
        limit = self._seconds()
        try:
            child = subprocess.Popen(  # noqa: S603 - a known program, by its full path
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            raise NotCreatedError(
                Reason.AZ_FAILED,
                f"`az` could not start ({system_words(error)}).",
                remedy="To check whether it runs, run: az version",
            ) from None
        with child:
            try:
                out, said = child.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                end_group(child, self._platform, self._environment)
                raise NotCreatedError(
                    Reason.TIMED_OUT,
                    f"`az` did not answer within {limit:.0f} seconds, and was ended.",
                    remedy="Pass a longer --timeout SECONDS. To check whether it answers, run: "
                    "az account show",
                ) from None
            except BaseException:
                end_group(child, self._platform, self._environment)
                raise
        return child.returncode, out, said.decode("utf-8", "replace")

    def _program(self) -> str | None:
        """`az` with its full path, and in a simulation never the real one."""
        program = find_program("az", self._environment, self._platform)
        if program and self._is_simulated and not Path(program).with_name(_STAND_IN).is_file():
            return None
        return program


def _token_in(out: bytes, now: float) -> tuple[Secret, float]:
    """The token in the answer of `az`, and when it ends, in seconds.

    Older versions lack ``expires_on``.
    """
    try:
        document = json.loads(out.decode("utf-8-sig"))
        secret = parse_secret(str(document["accessToken"]), "az", "Entra access token")
        ends = document.get("expires_on")
        if ends is None:
            ends = now + float(document.get("expires_in") or 0)
        return secret, float(ends)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UserError):
        raise NotCreatedError(
            Reason.AZ_FAILED,
            "`az` succeeded, but its output is not in the documented form.",
            remedy="Update the Azure CLI: az upgrade",
        ) from None


MOST_BYTES: Final = 4096
LIMIT: Final = 60.0
"""Seconds that a command may take."""

_NOTICE: Final = 3.0
"""Seconds until a person is told what the run waits for."""

_LAST: Final = 1.0
"""Seconds for the last of an answer, where something that the command started holds its pipe."""

_OBEYED: Final = re.compile(r'["&|<>^%!()\r\n]')
"""What `cmd` does not take as it stands, even in quotation marks."""

_WINDOWS_WORD: Final = re.compile(r'(\\*)("*)([^\\"]?)')


class TokenCommands:
    """Runs commands. ``attended``: whether there is somebody whose terminal they may use."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        attended: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda _line: None,
        platform: str = sys.platform,
        seconds: float = LIMIT,
    ) -> None:
        self._environment, self._platform = childs_environment(environment), platform
        self._attended, self._say, self._seconds = attended, say, seconds

    def run(self, command: str, where: str) -> bytes:
        """What the command prints, without its line end.

        Raises ``UsageError``, which names ``where`` the command was given and shows nothing of it.
        """
        try:
            words = split(command, self._platform)
        except ValueError:
            raise _refusal(where, "A quotation mark in the command is not closed.") from None
        if not words or "\0" in command:
            raise _refusal(where, "The command names no program.")
        program = find_program(words[0], self._environment, self._platform)
        if program is None:
            raise _refusal(
                where,
                "The program is not on the PATH.",
                "Install it or write its absolute path. The current folder is not searched. "
                "ORGANIZATION= before a command needs an organization that this run names.",
            )
        if _is_batch(program) and any(map(_OBEYED.search, words[1:])):
            raise _refusal(
                where,
                "The program is a batch file, and an argument has a character that cmd interprets.",
                "Use a program that is not a batch file, or write the token to a file.",
            )
        return _single_line(self._answer([program, *words[1:]], where), where)

    def _answer(self, command: list[str], where: str) -> bytes:
        attended = self._attended()
        try:
            child = self._started(command, attended=attended)
        except (OSError, ValueError) as error:
            why = system_words(error)
            raise _refusal(where, f"The program cannot start ({why}).") from None
        answer = bytearray()
        try:
            with self._lending_terminal(child, attended=attended):
                if not self._is_over(child, answer, command[0], attended=attended):
                    limit = f"The command did not end within {self._seconds:.0f} seconds."
                    raise _refusal(where, limit)
        finally:
            if child.poll() is None:
                end_group(child, self._platform, self._environment)
        if len(answer) > MOST_BYTES:
            raise _refusal(where, f"The answer is longer than {MOST_BYTES} bytes.")
        if attended and child.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
            raise KeyboardInterrupt
        if child.returncode != 0:
            raise _refusal(where, f"The command failed (exit code {child.returncode}).")
        return bytes(answer)

    def _started(self, command: list[str], *, attended: bool) -> subprocess.Popen[bytes]:
        """The child, in its own process group; without a terminal where nobody is there."""
        flags = 0
        if self._platform == "win32":
            flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        has_groups = self._platform != "win32"
        return subprocess.Popen(  # noqa: S603 - the user's own program, by its full path
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=has_groups and not attended,
            process_group=0 if has_groups and attended else None,
            creationflags=flags,
        )

    def _is_over(
        self, child: subprocess.Popen[bytes], answer: bytearray, program: str, *, attended: bool
    ) -> bool:
        """Whether the child ended in time, or printed too much."""
        reading = Task("token command", lambda: _drain(child.stdout, answer))
        begun, is_told = time.monotonic(), not attended
        while (passed := time.monotonic() - begun) < self._seconds:
            if reading.wait(0.05) and len(answer) > MOST_BYTES:
                return True
            if child.poll() is not None:
                reading.wait(_LAST)
                return True
            if passed >= _NOTICE and not is_told:
                is_told = True
                self._say(f"Waiting for {_shown(program, self._platform)} …")
            if reading.wait(0):
                time.sleep(0.05)
        return False

    @contextlib.contextmanager
    def _lending_terminal(
        self, child: subprocess.Popen[bytes], *, attended: bool
    ) -> Iterator[None]:
        """Lend the terminal to the child inside: a group without it stops at its prompt."""
        if self._platform == "win32" or not attended:
            yield
            return
        import termios

        with contextlib.ExitStack() as after:
            with contextlib.suppress(OSError, termios.error):
                terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
                after.callback(os.close, terminal)
                if os.tcgetpgrp(terminal) == os.getpgrp():
                    after.callback(_take_back, terminal, termios.tcgetattr(terminal))
                    os.tcsetpgrp(terminal, child.pid)
                    os.killpg(child.pid, signal.SIGCONT)  # it may have asked too early
            yield


def _take_back(terminal: int, attributes: list[int | list[bytes | int]]) -> None:
    import termios

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        with contextlib.suppress(OSError, termios.error):
            os.tcsetpgrp(terminal, os.getpgrp())
            termios.tcsetattr(terminal, termios.TCSANOW, attributes)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _drain(stream: IO[bytes] | None, into: bytearray) -> None:
    """Read until the end, or until it is too much, and close."""
    if stream is None:
        return
    with stream:
        while len(into) <= MOST_BYTES and (part := os.read(stream.fileno(), MOST_BYTES)):
            into += part


def _single_line(answer: bytes, where: str) -> bytes:
    for end in (b"\r\n", b"\n", b"\r"):
        if answer.endswith(end):
            answer = answer.removesuffix(end)
            break
    try:
        text = answer.decode()
    except UnicodeDecodeError:
        raise _refusal(where, "The answer is not UTF-8.") from None
    if not text.strip():
        raise _refusal(where, "The command printed nothing.", reason=Reason.TOKEN_EMPTY)
    if len(f"{text}.".splitlines()) > 1:
        raise _refusal(where, "The answer has more than one line.")
    return answer


def _refusal(
    where: str,
    problem: str,
    remedy: str = "Run the command in a shell: it must print only the token and exit with 0.",
    *,
    reason: Reason = Reason.TOKEN_COMMAND_FAILED,
) -> UsageError:
    return UsageError(reason, f"{where}: {problem}", remedy=remedy)


# Words and programs


def split(command: str, platform: str = sys.platform) -> list[str]:
    """The words of a command as the platform has them. Raises ``ValueError`` for an open quote."""
    if platform != "win32":
        return shlex.split(command)
    program, rest = _windows_program(command.lstrip(" \t"))
    return [program, *_windows_arguments(rest)] if program else []


def _windows_program(command: str) -> tuple[str, str]:
    """The first word has no escapes: it ends at its closing quotation mark, or at white space."""
    if command.startswith('"'):
        program, _, rest = command[1:].partition('"')
        return program, rest
    found = re.match(r"[^ \t]*", command)
    end = found.end() if found else 0
    return command[:end], command[end:]


def _windows_arguments(text: str) -> Iterator[str]:
    """The words by the rules of Microsoft's C runtime.

    Backslashes count only before a quotation mark: two are one, and an odd one takes it literally.
    Within quotation marks, two of these are one that is literal.
    """
    word, is_quoted, is_begun = "", False, False
    for slashes, quotes, other in _WINDOWS_WORD.findall(text):
        word += slashes
        if quotes:
            word = word.removesuffix(slashes) + "\\" * (len(slashes) // 2)
            if len(slashes) % 2:
                word, quotes = word + '"', quotes[1:]
        is_begun = is_begun or bool(slashes or quotes or word)
        while quotes:
            if is_quoted and len(quotes) > 1:
                word, quotes = word + '"', quotes[2:]
            else:
                is_quoted, quotes = not is_quoted, quotes[1:]
        if other in (" ", "\t") and not is_quoted:
            if is_begun:
                yield word
            word, is_begun = "", False
        elif other:
            word, is_begun = word + other, True
    if is_begun:
        yield word


def find_program(
    name: str, environment: Mapping[str, str], platform: str = sys.platform
) -> str | None:
    """The absolute path of a program: as it was named, or of the first folder of the PATH with it.

    A relative path and a relative folder of the PATH lead to the current folder, and nowhere here.
    """
    endings = [""]
    if platform == "win32":
        named = environment.get("PATHEXT", ".COM;.EXE;.BAT;.CMD").lower()
        known = list(filter(None, named.split(";")))
        if PureWindowsPath(name).suffix.lower() not in known:
            endings = known
    if Path(name).is_absolute():
        folders = [""]
    elif "/" in name or (platform == "win32" and ("\\" in name or ":" in name)):
        return None
    else:
        separator = ";" if platform == "win32" else ":"
        folders = [one.strip('"') for one in environment.get("PATH", "").split(separator)]
        folders = [one for one in folders if Path(one).is_absolute()]
    for folder in folders:
        for ending in endings:
            path = Path(folder, name + ending)
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    return None


def _is_batch(program: str) -> bool:
    return program.rstrip(" .").lower().endswith((".cmd", ".bat"))


def _shown(program: str, platform: str) -> str:
    """The name of a program alone."""
    if platform == "win32":
        return clean(PureWindowsPath(program).stem, 60)
    return clean(PurePath(program).name, 60)
