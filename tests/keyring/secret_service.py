"""The real Secret Service as the tests hold it: its secrets by name, its lock, and a home that uses it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aspm_ado.domain.reasons import ExitCode
from aspm_ado.simulator import Simulator, samples, scenarios

from ..e2e.conftest import Play
from ..e2e.stage import Story, drawn_token, story, until
from ..kept import Kept
from .forks import Ended, Forks, Run

MARKS = [
    pytest.mark.keyring,
    pytest.mark.skipif(
        os.environ.get("ASPM_ADO_TEST_SECRET_SERVICE") != "1",
        reason="needs a real Secret Service: tests/keyring/with-secret-service pytest -m keyring",
    ),
]
ASPM = "https://aspm.example.test"
PROFILE = scenarios.PROFILE
NAMES = ("contoso", "fabrikam")
PASSWORD = b"secret"
"""What the wrapper opened the keyring with."""


class Keyring(MutableMapping[str, str]):
    """Every secret that the Secret Service holds, by the service it is kept under.

    It is put back under the account that it was last seen with.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, str] = {}

    def __getitem__(self, service: str) -> str:
        for item in self._items({"service": service}):
            self.accounts[service] = item.get_attributes()["username"]
            return item.get_secret().decode()
        raise KeyError(service)

    def __setitem__(self, service: str, secret: str) -> None:
        from keyring.backends.SecretService import Keyring as Backend

        Backend().set_password(service, self.accounts.get(service, "aspm-ado"), secret)

    def __delitem__(self, service: str) -> None:
        for item in self._items({"service": service}):
            item.delete()

    def __iter__(self) -> Iterator[str]:
        for item in self._items({}):
            yield item.get_attributes().get("service", "")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        for item in self._items({}):
            item.delete()

    def _items(self, attributes: dict[str, str]) -> Iterator[Any]:
        """gnome-keyring still lists an item for a moment after it has answered that it is deleted."""
        import secretstorage

        with closing(secretstorage.dbus_init()) as bus:
            collection = secretstorage.get_default_collection(bus)
            for item in list(
                collection.search_items(attributes) if attributes else collection.get_all_items()
            ):
                with contextlib.suppress(secretstorage.exceptions.ItemNotFoundException):
                    yield item

    def lock(self) -> None:
        import secretstorage

        with closing(secretstorage.dbus_init()) as bus:
            secretstorage.get_default_collection(bus).lock()

    def unlock(self) -> None:
        """As its dialog would, which nobody can answer here."""
        import secretstorage
        from jeepney import DBusAddress, new_method_call
        from secretstorage.util import format_secret, open_session

        door = DBusAddress(
            "/org/freedesktop/secrets",
            "org.freedesktop.secrets",
            "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface",
        )
        with closing(secretstorage.dbus_init()) as bus:
            collection = secretstorage.get_default_collection(bus)
            secret = format_secret(open_session(bus), PASSWORD, "text/plain")
            given = (collection.collection_path, secret)
            bus.send_and_get_reply(
                new_method_call(door, "UnlockWithMasterPassword", "o(oayays)", given)
            )
            assert not collection.is_locked()


def cast_of_tokens() -> tuple[Story, dict[str, str]]:
    """The story “ready” with more tokens: a new one, a thinner one, an expired one and somebody else's."""
    made = story("global")
    [first, *rest] = made.scenario.world.tokens
    kinds = {
        "new": first,
        "newer": first,
        "thin": replace(first, scopes=samples.ALM_SCOPES - {"vso.code_full"} | {"vso.code"}),
        "late": replace(first, expires=date(2026, 10, 1)),
        "graces": replace(first, owner=samples.GRACE),
    }
    kinds |= {name: replace(first, reach=name) for name in NAMES}
    drawn = {kind: replace(token, value=drawn_token(first.value)) for kind, token in kinds.items()}
    world = replace(made.scenario.world, tokens=(first, *drawn.values(), *rest))
    assert world.aspm is not None
    world = replace(world, aspm=replace(world.aspm, registers="yes"))
    scenario = replace(made.scenario, world=world)
    values = {kind: token.value for kind, token in drawn.items()}
    return Story(scenario, {None: made.token, **values}, made.aspm_token), values


class Home:
    """One home, one simulated world and the keyring of the session, whose state can be put back to what it was."""

    def __init__(self, folder: Path, opened: contextlib.ExitStack) -> None:
        told, values = cast_of_tokens()
        self.keyring = Keyring()
        self.play = Play(folder, told, opened.enter_context(Simulator(told.scenario)), opened)
        self.stage = self.play.stage
        del self.stage.environment["PYTHON_KEYRING_BACKEND"]
        for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
            self.stage.environment[name] = os.environ[name]
        self.values = {"old": told.token, "aspm": told.aspm_token, **values}
        self.files = {
            kind: str(self.stage.file(kind, value)) for kind, value in self.values.items()
        }
        self._kinds = {value: kind for kind, value in self.values.items()}
        self._last = {value[-4:]: kind for kind, value in self.values.items()}
        self._forks = Forks(self.stage.folder, self.stage.environment)
        opened.callback(self._forks.close)
        self._kept: Kept | None = None

    def keep(self) -> None:
        """Remember this state, to come back to it."""
        self._kept = Kept(self.stage.config, self.keyring, self.play.simulator)

    def back(self, *, empty: bool = False) -> None:
        """Come back to the state that was kept; ``empty``: to that world, with nothing stored."""
        assert self._kept is not None
        self._kept.back(empty=empty)

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        """One run with nobody to ask, and its one document."""
        done = self.stage.run(*words, "--no-input", "--json")
        return self._told(Ended(done.returncode, done.stdout, done.stderr))

    def fork(self, *words: str) -> tuple[int, dict[str, Any]]:
        """The same in a process that need not load the program first."""
        return self._told(self._forks.run(*words, "--no-input", "--json"))

    @contextlib.contextmanager
    def beside(self) -> Iterator[Callable[..., tuple[int, dict[str, Any]]]]:
        """The same as ``fork``, in a second process at a time."""
        folder = self.stage.folder / "beside"
        folder.mkdir(exist_ok=True)
        other = Forks(folder, self.stage.environment)
        with closing(other):
            yield lambda *words: self._told(other.run(*words, "--no-input", "--json"))

    def stepping(self, *words: str) -> AbstractContextManager[Run]:
        """The same, stopping before each effect."""
        return self._forks.begun(*words, "--no-input", "--json")

    def _told(self, done: Ended) -> tuple[int, dict[str, Any]]:
        assert b"Traceback" not in done.err, done.err.decode()
        assert not self.play.canaries.in_bytes(done.out + done.err, "the output")
        document: dict[str, Any] = json.loads(done.out)
        assert document["exit_code"] == done.code
        assert done.code != ExitCode.BUG, done.err.decode()
        return done.code, document

    def connecting(self, *more: str) -> tuple[str, ...]:
        """Two organizations with one token, and an Invicti ASPM with its own."""
        return (
            "connect", "both", "-o", "contoso", "-o", "fabrikam", "--purpose", "alm", "--pat-file", self.files["old"],
            "--aspm-url", ASPM, "--aspm-token-file", self.files["aspm"], *(more or ("--register", "guided")),
        )  # fmt: skip

    def rotating(self, kind: str, *more: str) -> tuple[str, ...]:
        """A new token of a kind for both of them."""
        return (
            "rotate",
            "both",
            "--pat-file",
            self.files[kind],
            "--pat-expires",
            "2027-01-13",
            *more,
        )

    def migrating(self, *more: str) -> tuple[str, ...]:
        """A token of its own for each of them."""
        own = (f"{name}={self.files[name]}" for name in NAMES)
        return (
            "migrate", "both", *(word for one in own for word in ("--pat-file", one)),
            *(word for name in NAMES for word in ("-o", name)), "--pat-expires", "2027-01-13", *more,
        )  # fmt: skip

    def token(self, kind: str, **changes: Any) -> None:
        """One token changes, in the world."""
        simulator = self.play.simulator
        world = simulator.world
        changed = (
            replace(one, **changes) if one.value == self.values[kind] else one
            for one in world.tokens
        )
        simulator.become(replace(world, tokens=tuple(changed)))

    @property
    def records(self) -> dict[str, Any]:
        path = self.stage.config / "catalog.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def services_in_force(self) -> set[str]:
        """The secrets that the records name, those that wait included; what is pending or to be erased is not."""
        entries = self.records.get("connections", {}).values()
        named = {one["service"] for entry in entries for one in entry["credentials"].values()}
        named |= {
            one["credential"]["service"]
            for entry in entries
            for one in entry["successors"].values()
        }
        return named | set(self.records.get("aspm_tokens", {}).values())

    def listed(self) -> dict[str, list[tuple[str, str | None]]]:
        """What ``list`` says: for each connection the token in force and the one that waits, organization by
        organization. It works with a keyring that is locked, too.
        """
        code, document = self.fork("list")
        assert code == 0
        return {
            connection["name"]: [
                (
                    self._last[one["token"]["last4"]],
                    one["waiting"] and self._last[one["waiting"]["last4"]],
                )
                for one in connection["organizations"]
            ]
            for connection in document["connections"]
        }

    def held(self) -> list[str]:
        """What the keyring holds, kind by kind: each under a name that the records know, and nothing else."""
        found: dict[str, str] = {}

        def tidy() -> bool:
            nonlocal found
            found = {
                service: self._kinds.get(value, value)
                for service, value in dict(self.keyring).items()
            }
            named = json.dumps(self.records)
            return all(service in named for service in found)

        until(tidy, "a keyring without a secret that nothing names")
        return sorted(found.values())
