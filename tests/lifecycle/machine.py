"""One machine over the life of a connection: effects are counted, and each can be the last one that happens.

Answers are remembered by the world that gave them, for all machines, so that a loop over every effect is fast; what is
written to the simulated ASPM arrives there each time.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from aspm_ado.adapters.azure_devops import AzureDevOps
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.adapters.records.folder import Disk
from aspm_ado.demo import cast
from aspm_ado.demo.world import World
from aspm_ado.domain.catalogue import Catalogue
from aspm_ado.domain.errors import StoreError
from aspm_ado.domain.exchange import Reply
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.token import Secret
from aspm_ado.flows.keeping.keep import ready_to_keep

from ..aspm.stand import ASPM, PAT, STORY, TOKEN, Person, Stand, asked, by_profile, check
from ..kept import Kept

__all__ = ["ASPM", "PAT", "STORY", "TOKEN", "Machine", "Person", "asked", "by_profile", "check", "codes"]

NEW = cast.pat("Renewed", "New1")
THIN = cast.pat("Thinner", "Thn1")
GRACES = cast.pat("SomebodyElse", "Grc1")
SECRETS = (PAT, TOKEN, NEW, THIN, GRACES)
OLD_TOKEN = STORY.world.tokens[0]
TOKENS = (
    OLD_TOKEN,
    cast.token(NEW),
    cast.token(THIN, scopes=cast.ALM_SCOPES - {"vso.code_full"} | {"vso.code"}),
    replace(cast.token(GRACES), owner=cast.GRACE),
)
FILES = {"pat": PAT, "new": NEW, "thin": THIN, "graces": GRACES, "aspm": TOKEN}
_HEARD: dict[World, dict[object, Reply]] = {}
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Killed(BaseException):
    """Nothing happens any more."""


class Switch:
    """Counts effects. ``at`` 2n-1 switches the machine off before the n-th, 2n after it; nothing happens from then."""

    def __init__(self, at: int = 0) -> None:
        self.at, self.off = at, False
        self.effects: list[str] = []

    def effect(self, name: str, work: Callable[[], object]) -> object:
        self.alive()
        self.effects.append(name)
        self._strike(2 * len(self.effects) - 1)
        made = work()
        self._strike(2 * len(self.effects))
        return made

    def alive(self) -> None:
        if self.off:
            raise Killed

    def _strike(self, now: int) -> None:
        if self.at == now:
            self.off = True
            raise Killed


class Vault:
    """Secrets in a dictionary that outlives a run; ``locked`` refuses everything, ``reads`` counts."""

    title = "a vault of the tests"

    def __init__(self, secrets: dict[str, Secret], switch: Switch) -> None:
        self.secrets, self.switch, self.locked = secrets, switch, False
        self.locks_at_write = False
        self.reads: list[str] = []

    def _open(self) -> None:
        self.switch.alive()
        if self.locked:
            raise StoreError(Reason.KEYRING_LOCKED, "The keyring is locked.", remedy="Unlock it.")

    def probe(self) -> None:
        self._open()

    def check_size(self, secret: Secret) -> None:
        pass

    def write(self, service: str, secret: Secret) -> None:
        self.locked = self.locked or self.locks_at_write
        self._open()
        self.switch.effect("write", lambda: self.secrets.__setitem__(service, secret))

    def read(self, service: str) -> Secret | None:
        self._open()
        self.reads.append(service)
        return self.secrets.get(service)

    def erase(self, service: str) -> None:
        self._open()
        self.switch.effect("erase", lambda: self.secrets.pop(service, None))


class SwitchedDisk(Disk):
    """A disk that is switched off with the machine. Only the replacing of a file is an effect that anybody sees."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        self._switch.alive()
        return super().open(path, flags, mode)

    def write(self, descriptor: int, data: bytes) -> int:
        self._switch.alive()
        return super().write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._switch.alive()

    def replace(self, source: Path, target: Path) -> None:
        if target.name == "catalog.json":
            self._switch.effect("records", lambda: super(SwitchedDisk, self).replace(source, target))
        else:
            self._switch.alive()
            super().replace(source, target)


class FailingDisk(Disk):
    """Runs out of space at its n-th call; ``for_ever`` from there on."""

    def __init__(self, at: int, *, for_ever: bool = False) -> None:
        self.at, self.for_ever = at, for_ever
        self.steps: list[str] = []

    @property
    def struck(self) -> bool:
        return len(self.steps) >= self.at > 0

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) == self.at or (self.for_ever and self.struck):
            raise OSError(errno.ENOSPC, "No space left on device")

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        self._step("open")
        return super().open(path, flags, mode)

    def write(self, descriptor: int, data: bytes) -> int:
        self._step("write")
        return super().write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._step("fsync")

    def replace(self, source: Path, target: Path) -> None:
        self._step("replace")
        super().replace(source, target)


class OneByOne:
    """A crew of one, without threads: hundreds of runs leave none behind."""

    def __init__(self, send) -> None:
        self._send = send

    def conduct(self, errands, then=None):
        made = [self.run(errand) for errand in errands]
        for one in made if then else ():
            self.conduct(then(one), then)
        return made

    def run(self, errand):
        replies = None
        while True:
            try:
                calls = errand.send(replies)
            except StopIteration as end:
                return end.value
            replies = [self._send(call) for call in calls]


class Machine:
    """A stand whose runs each have a switch, and whose state can be put back to what it was."""

    def __init__(self, folder: Path, **world: object) -> None:
        folder.mkdir(parents=True)
        self.stand = Stand(folder, **{"tokens": TOKENS, "aspm": {"registers": "yes"}, **world})
        self.folder = folder / "records"
        self.secrets: dict[str, Secret] = {}
        self.vault = Vault(self.secrets, Switch())
        self._kept: Kept | None = None

    def close(self) -> None:
        self.stand.close()

    def house(self, given=None, person=None, *, switch=None, disk=None, vault=None, files=None, **more):
        """Everything for one run."""
        switch = switch or Switch()
        self.vault = Vault(self.secrets, switch)
        plain = self.stand.house(given, person, files={**FILES, **(files or {})}, **more)
        records = DiskRecords(self.folder, disk=disk or SwitchedDisk(switch), wait=0.5)
        self.stand.wire.send = self._send(switch)
        return replace(plain, records=records, vault=vault or self.vault, crew=OneByOne(self.stand.wire))

    def _send(self, switch: Switch):
        really = AzureDevOps(self.stand.transport).send

        def send(call):
            if call.url.startswith(ASPM) and call.method != "GET":
                return switch.effect("aspm", lambda: really(call))
            secret = call.credential.secret.reveal() if call.credential else ""
            key = (call.method, _RANDOM.sub("?", call.url), secret, call.credential and call.credential.username)
            heard = _HEARD.setdefault(self.stand.simulator.world, {})
            if key not in heard:
                heard[key] = really(call)
            return replace(heard[key], call=call)

        return send

    def world(self, **changes: object) -> None:
        """The world changes."""
        self.stand.simulator._world = replace(self.stand.simulator.world, **changes)

    def token(self, value: str = PAT, **changes: object) -> None:
        """One token changes."""
        tokens = self.stand.simulator.world.tokens
        self.world(tokens=tuple(replace(one, **changes) if one.value == value else one for one in tokens))

    def keep(self) -> None:
        """Remember this state, to come back to it."""
        self._kept = Kept(self.folder, self.secrets, self.stand.simulator)

    def back(self) -> None:
        """Come back to the state that was kept."""
        assert self._kept is not None
        self._kept.back()

    @property
    def catalogue(self) -> Catalogue:
        return DiskRecords(self.folder).load()

    @property
    def entry(self):
        return self.catalogue.connections["contoso"]

    def in_force(self, name: str = "contoso") -> str:
        """The token that is in force for an organization."""
        [one] = [one for one in self.entry.organizations if one.name.casefold() == name]
        return self.secrets[self.entry.credentials[one.credential].service].reveal()

    def waiting(self) -> list[str]:
        """The tokens that wait for Invicti ASPM."""
        return [self.secrets[one.credential.service].reveal() for one in self.entry.successors.values()]

    def settle(self) -> None:
        """What every run that stores begins with."""
        ready_to_keep(self.house())

    def assert_whole(self) -> None:
        """Nothing in force names a missing secret; nothing is registered twice; no secret is outside the vault."""
        assert self.catalogue.services <= set(self.secrets)
        urls = [one.url.casefold() for one in self.stand.instances]
        assert len(urls) == len(set(urls))
        for file in self.folder.glob("**/*"):
            content = file.read_bytes() if file.is_file() else b""
            assert not [secret for secret in SECRETS if secret.encode() in content], file

    def assert_tidy(self) -> None:
        """Whole, and nothing is left over."""
        self.assert_whole()
        found = self.catalogue
        assert set(self.secrets) == set(found.services)
        assert (found.pending, found.erasing) == ({}, ())


def codes(report) -> set[str]:
    """The reasons of what stands in the way."""
    return {one.reason.value for one in report.all_checks() if one.required and one.status.value in ("fail", "unknown")}
