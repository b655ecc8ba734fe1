"""What the tests of the whole command stand on: folders of their own, canaries for tokens, and a sweep for them."""

from __future__ import annotations

import base64
import json
import os
import secrets
import string
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from aspm_ado.simulator import SCENARIOS, Scenario
from aspm_ado.simulator.samples import MARKER
from aspm_ado.simulator.world import World

from ..forked import COMMAND, run_program

PIECE = 12
ABREAST = 4
"""Runs at once: they wait for each other's processor, not for anything else."""
ONE = ("-o", "contoso", "--reach", "organization", "--register", "none")
"""An organization that has a token of its own, and is not registered."""
_CHARACTERS = string.ascii_letters + string.digits
_LEGACY = string.ascii_lowercase + "234567"


def drawn(length: int, characters: str = _CHARACTERS) -> str:
    """Characters that nobody has seen."""
    return "".join(secrets.choice(characters) for _ in range(length))


def drawn_token(like: str = "") -> str:
    """A token that nobody has seen, of the shape of ``like``: 84 characters, or 52 as servers used to make them."""
    if len(like) == 52:
        return MARKER.lower() + drawn(34, _LEGACY)
    return f"{MARKER}{drawn(58)}AZDO{drawn(4)}"


@dataclass(frozen=True)
class Story:
    """A scenario of the simulator with canaries in place of its tokens."""

    scenario: Scenario
    tokens: Mapping[str | None, str]
    """By organization; ``None`` is the one for all of them."""
    aspm_token: str

    @property
    def world(self) -> World:
        return self.scenario.world

    @property
    def token(self) -> str:
        return next(iter(self.tokens.values()))

    @property
    def canaries(self) -> tuple[str, ...]:
        return (*self.tokens.values(), self.aspm_token)


def story(name: str) -> Story:
    """The scenario of that name, never twice with the same tokens."""
    scenario = SCENARIOS[name]
    world, answers = scenario.world, scenario.answers
    known = {token.value for token in world.tokens} | {value for _, value in answers.tokens}
    fresh = {value: drawn_token(value) for value in known}
    accepted = world.aspm is not None and world.aspm.token == answers.aspm_token
    # What JSON, URLs and base64 write differently is in it, too.
    aspm_token = MARKER + drawn(40) + '+/="\\' + drawn(20)
    world = replace(
        world,
        tokens=tuple(replace(token, value=fresh[token.value]) for token in world.tokens),
        aspm=replace(world.aspm, token=aspm_token if accepted else drawn_token())
        if world.aspm
        else None,
    )
    tokens = tuple((organization, fresh[value]) for organization, value in answers.tokens)
    answers = replace(answers, tokens=tokens, aspm_token=aspm_token)
    return Story(replace(scenario, world=world, answers=answers), dict(tokens), aspm_token)


def writings(secret: str) -> frozenset[tuple[bytes, int]]:
    """Every form in which ``secret`` may have been written down, and how long a piece of it gives it away."""
    found: set[tuple[bytes, int]] = set()
    if secret[: len(MARKER)].lower() == MARKER.lower():  # all have it, also those of other tests
        secret = secret[len(MARKER) :]
    for written in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        found |= {
            (written.encode(), PIECE),
            *((written.encode(how), 2 * PIECE) for how in ("utf-16-le", "utf-16-be")),
        }
    for before in (
        "",
        ":",
        "x:",
    ):  # a username shifts what base64 makes of what follows, in one of three ways
        encoded = base64.b64encode((before + secret).encode())[4:-4]
        found |= {
            (encoded, PIECE * 4 // 3),
            (encoded.replace(b"+", b"-").replace(b"/", b"_"), PIECE * 4 // 3),
        }
    return frozenset(found)


def holds(data: bytes, written: bytes, piece: int) -> bool:
    """Whether any piece of that length is in there. Each piece holds a block of half of it: a quick no."""
    block = piece // 2
    return any(
        written[at : at + block] in data for at in range(0, len(written) - block + 1, block)
    ) and any(written[at : at + piece] in data for at in range(max(len(written) - piece, 0) + 1))


class Canaries:
    """Secrets to look for. What is reported of a find is where it was, never what."""

    def __init__(self, values: Iterable[str]) -> None:
        self._writings = [(value[-4:], writings(value)) for value in values]

    def in_bytes(self, heard: bytes | str, where: str) -> list[str]:
        """Where a piece of a canary is."""
        data = heard if isinstance(heard, bytes) else heard.encode("utf-8", "surrogatepass")
        found = [
            last4 for last4, forms in self._writings if any(holds(data, *form) for form in forms)
        ]
        return [f"{where}: the one that ends in {last4}" for last4 in found]

    def in_files(self, *folders: Path, besides: Iterable[Path] = ()) -> list[str]:
        """Where a piece of a canary is in a file, or in its name."""
        spared = {path.resolve() for path in besides}
        found: list[str] = []
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                found += self.in_bytes(str(path), f"the name of {path.name}")
                if path.is_file() and not path.is_symlink() and path.resolve() not in spared:
                    found += self.in_bytes(path.read_bytes(), str(path))
        return found

    def in_processes(self) -> list[str]:
        """Where a piece of a canary is in a command line or an environment, of any process that can be read."""
        found: list[str] = []
        for folder in Path("/proc").glob("[0-9]*"):
            for part in ("cmdline", "environ"):
                try:
                    data = (folder / part).read_bytes()
                except OSError:
                    continue
                found += self.in_bytes(data, f"{part} of process {folder.name}")
        return found


class Stage:
    """A home, a temporary folder and a folder of records that nobody else has, and the environment that names them."""

    def __init__(self, folder: Path, simulator: str) -> None:
        self.folder = folder
        self.home, self.tmp, self.given, self.bin = (
            self._made(name) for name in ("home", "tmp", "given", "bin")
        )
        self.config = folder / "config"
        self.environment = {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            "TMPDIR": str(self.tmp),
            "TEMP": str(self.tmp),
            "TMP": str(self.tmp),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "XDG_STATE_HOME": str(self.home / ".local" / "state"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "ASPM_ADO_SIMULATOR": simulator,
            "ASPM_ADO_CONFIG_DIR": str(self.config),
            # The simulated day and this machine's are different ones; the guide goes by this machine's.
            "ASPM_ADO_GLOBAL_PAT_END": "never",
            # Whoever runs the tests may have the Azure CLI.
            "ASPM_ADO_CREATE_TOKEN": "never",
        }
        for name in ("SYSTEMROOT", "SystemRoot", "PATHEXT", "COMSPEC", "VIRTUAL_ENV"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def _made(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the program may leave something."""
        return (self.home, self.tmp, self.config)

    def file(self, name: str, secret: str) -> Path:
        """A secret in a file of its owner alone, outside of every folder that is swept."""
        path = self.given / name
        path.write_text(secret + "\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    def token_flags(self, tokens: Mapping[str | None, str]) -> list[str]:
        flags = []
        for organization, value in tokens.items():
            path = self.file(f"token-{organization or 'all'}", value)
            flags += ["--pat-file", f"{organization}={path}" if organization else str(path)]
        return flags

    def aspm_flags(self, told: Story) -> list[str]:
        """The Invicti ASPM of a scenario, and how it is registered there."""
        answers = told.scenario.answers
        path = self.file("aspm-token", told.aspm_token)
        flags = ["--aspm-url", answers.aspm_url, "--aspm-token-file", str(path)]
        flags += ["--register", answers.register]
        return flags + (["--registration-profile", answers.profile] if answers.profile else [])

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
        command: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[bytes]:
        """The program, with nobody to ask; ``under`` is what runs it, ``command`` what is run in its place."""
        variables = {**self.environment, **(environment or {})}
        if not (under or command):
            return run_program(arguments, environment=variables, folder=self.folder)
        return subprocess.run(
            [*under, *(command or COMMAND), *arguments],
            env=variables,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The same, still running."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def draft(self) -> dict[str, str]:
        """The answers that are kept for the next run."""
        path = self.config / "draft.json"
        return dict(json.loads(path.read_text())["answers"]) if path.exists() else {}

    def records(self) -> set[str]:
        """The files of our records, the lock aside."""
        return {path.name for path in self.config.rglob("*") if "lock" not in path.name}


def where_flags(told: Story) -> list[str]:
    """What names the place, the purpose and the reach of a scenario."""
    answers = told.scenario.answers
    flags = [part for name in answers.organizations for part in ("-o", name)]
    flags += ["--server-url", answers.server_url] if answers.server_url else []
    flags += [part for name in answers.collections for part in ("--collection", name)]
    flags += ["--purpose", answers.purpose, "--reach", answers.reach]
    flags += ["--clone-username", answers.clone_username] if answers.clone_username else []
    return flags


def until(true: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait for another process to have done something that can only be looked at."""
    for _ in _ticks(seconds):
        if true():
            return
    raise AssertionError(f"never came: {what}")


def _ticks(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.02)
