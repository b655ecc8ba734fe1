"""What can go wrong beneath a run: switched off between two effects, a disk that fails, a keyring that lies."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path

from keyring.errors import KeyringLocked

from aspm_ado.adapters.keyring.vault import KeyringVault
from aspm_ado.adapters.records.folder import Disk
from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.domain.secret import Secret


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
    """Secrets in a dictionary that outlives a run; ``locked`` refuses everything, ``reads`` counts.

    A secret without an origin in ``origins`` is of the form before.
    """

    title = "a vault of the tests"

    def __init__(
        self, secrets: dict[str, Secret], switch: Switch, origins: dict[str, str] | None = None
    ) -> None:
        self.secrets, self.switch, self.locked = secrets, switch, False
        self.origins = {} if origins is None else origins
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

    def write(self, service: str, secret: Secret, origin: str) -> None:
        self.locked = self.locked or self.locks_at_write
        self._open()
        self.switch.effect("write", lambda: self._put(service, secret, origin))

    def _put(self, service: str, secret: Secret, origin: str) -> None:
        self.secrets[service], self.origins[service] = secret, origin

    def read(self, service: str, origin: str) -> Secret | None:
        self._open()
        self.reads.append(service)
        return self.secrets.get(service) if self._is_kept(service, origin) else None

    def bind(self, service: str, origin: str) -> bool:
        self._open()
        if service in self.secrets and self._is_kept(service, ""):
            self.switch.effect("bind", lambda: self.origins.__setitem__(service, origin))
        return service in self.secrets and self._is_kept(service, origin)

    def erase(self, service: str, origin: str) -> None:
        self._open()
        if self._is_kept(service, origin):
            self.switch.effect("erase", lambda: self.secrets.pop(service, None))

    def _is_kept(self, service: str, origin: str) -> bool:
        return self.origins.get(service, "") == origin


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
            self._switch.effect(
                "records", lambda: super(SwitchedDisk, self).replace(source, target)
            )
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


WAYS = ("fails", "fails late", "lies", "hangs", "is locked from then on")


class Faulty:
    """A keyring whose n-th call goes wrong in one way."""

    def __init__(
        self, kept: dict[str, Secret], at: int, way: str, origins: dict[str, str] | None = None
    ) -> None:
        self._kept, self._at, self._way = kept, at, way
        self._origins = {} if origins is None else origins
        self.calls: list[str] = []
        self.let_go, self.done = threading.Event(), threading.Event()

    def get_password(self, service, username):
        found = self._kept.get(service)
        return self._do(
            "get", lambda: found and found.reveal(), lie=lambda: None if found else "something else"
        )

    def set_password(self, service, username, password):
        self._do("set", lambda: self._put(service, username, password), lie=lambda: None)

    def _put(self, service, username, password):
        self._kept[service], self._origins[service] = Secret(password), username

    def delete_password(self, service, username):
        self._do("delete", lambda: self._kept.__delitem__(service), lie=lambda: None)

    @property
    def struck(self) -> bool:
        return len(self.calls) >= self._at > 0

    def _do(self, name, work, lie):
        self.calls.append(name)
        if self._way == "is locked from then on" and self.struck:
            raise KeyringLocked("the keyring of the tests")
        if len(self.calls) != self._at:
            return work()
        if self._way == "fails":
            raise RuntimeError("no")
        if self._way == "fails late":
            work()
            raise RuntimeError("no")
        if self._way == "lies":
            return lie()
        try:
            self.let_go.wait(10)
            return work()
        finally:
            self.done.set()

    def vault(self) -> KeyringVault:
        """The program's own vault over this keyring. It waits 0.03 seconds for what hangs."""
        return KeyringVault(
            {}, say=None, platform="linux", opener=lambda environment, platform: self, seconds=0.03
        )

    def caught_up(self) -> None:
        """What hung has taken effect after all, by now."""
        if self.struck and self._way == "hangs":
            self.let_go.set()
            assert self.done.wait(10)
