"""Which class of ``keyring`` we use: one of the operating system's own, by its exact name, or none.

``keyring`` itself would ask the environment, a file and every installed package, and may pick a
class that keeps secrets in clear or forgets them. We load the classes below by name and look at
nothing else.
"""

from __future__ import annotations

import configparser
import os
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, cast
from urllib.parse import quote

from aspm_ado.adapters.keyring.errors import (
    BUS,
    Bus,
    absent,
    choice_absent,
    choice_unreadable,
    impostor,
    not_trusted,
)


class Backend(Protocol):
    """What we use of ``keyring.backend.KeyringBackend``."""

    def get_password(self, service: str, username: str) -> str | None:
        """The secret, or ``None``."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store it, in place of what was there."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Delete it; raises something where there is none."""
        ...


_SECRET_SERVICE: Final = "keyring.backends.SecretService.Keyring"  # noqa: S105 - the name of a class
_KWALLET: Final = "keyring.backends.kwallet.DBusKeyring"
_KWALLET_4: Final = "keyring.backends.kwallet.DBusKeyringKWallet4"
_MACOS: Final = "keyring.backends.macOS.Keyring"
_WINDOWS: Final = "keyring.backends.Windows.WinVaultKeyring"

TRUSTED: Final[Mapping[str, str]] = {
    _SECRET_SERVICE: "Secret Service",
    "keyring.backends.libsecret.Keyring": "Secret Service through libsecret",
    _KWALLET: "KWallet",
    _KWALLET_4: "KWallet 4",
    _MACOS: "macOS Keychain",
    _WINDOWS: "Windows Credential Manager",
}
"""The classes that may hold a secret of ours, and what people call them.

Others can be named, and are refused.
"""

_ORDER: Final[Mapping[str, tuple[str, ...]]] = {"darwin": (_MACOS,), "win32": (_WINDOWS,)}
_ORDER_ELSEWHERE: Final = (_SECRET_SERVICE, _KWALLET, _KWALLET_4)


def load(name: str) -> Backend | None:
    """An object of a trusted class, or ``None`` where this session lacks what the class needs."""
    module, _, kind = name.rpartition(".")
    try:
        found = getattr(import_module(module), kind)
        found.priority  # noqa: B018 - raises where the backend does not work here
        return cast("Backend", found())
    except Exception:  # noqa: BLE001 - each backend raises its own kinds
        return None


def open_backend(
    environment: Mapping[str, str], platform: str, loader: Callable[[str], Backend | None] = load
) -> Backend:
    """The backend that was chosen, if it is trusted, else the first of this platform that works.

    Raises ``StoreError``: not trusted (nothing of that class was imported), or absent.
    """
    name, source = _choice(environment)
    if name and name not in TRUSTED:
        raise not_trusted(name, source)
    bus = use_session_bus(environment)
    own = candidates = _ORDER.get(platform, _ORDER_ELSEWHERE)
    if name:
        candidates = (name,)
    for candidate in candidates:
        backend = loader(candidate)
        if backend is None:
            continue
        # The module may give something else under the trusted name.
        if class_of(backend) != candidate:
            raise impostor(class_of(backend), candidate)
        return backend
    if name and name not in own:
        raise choice_absent(name, source)
    raise absent(platform, name=name, source=source, bus=bus)


def services_of(backend: Any) -> frozenset[str] | None:
    """The services of everything that ``keyring`` stored; ``None`` where the store lists nothing.

    Attributes are read, and no secret.
    """
    if class_of(backend) != _SECRET_SERVICE:
        return None
    collection = backend.get_preferred_collection()
    with closing(collection.connection):
        found = collection.search_items({"application": backend.appid})
        return frozenset(item.get_attributes().get("service", "") for item in found)


def class_of(backend: object) -> str:
    """The full name of its exact class; nothing for no backend."""
    if backend is None:
        return ""
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def backend_title(backend: Backend) -> str:
    """What it is, for a person."""
    name = class_of(backend)
    if name in TRUSTED:
        return f"{TRUSTED[name]} ({name})"
    return name


def _choice(environment: Mapping[str, str]) -> tuple[str, str]:
    """The class that somebody chose for ``keyring``, and where; both empty where nobody did.

    The places and their order are those of ``keyring``. Its ``keyring-path`` is never applied: it
    would put a folder in front of every import.
    """
    if name := environment.get("PYTHON_KEYRING_BACKEND", "").strip():
        return name, "PYTHON_KEYRING_BACKEND"
    try:
        from keyring.util.platform_ import config_root

        root = Path(config_root())
        if not root.is_absolute():  # of a relative XDG_CONFIG_HOME, which is to be ignored
            root = Path.home() / ".config" / root.name
        path = root / "keyringrc.cfg"
    except RuntimeError:  # no home, so no file in it
        return "", ""
    parser = configparser.RawConfigParser()
    try:
        if path.exists() and not path.is_file():  # a pipe may have nobody at its other end
            raise choice_unreadable(str(path))
        parser.read_string(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return "", ""
    except (OSError, ValueError, configparser.Error):  # somebody chose, and we cannot tell what
        raise choice_unreadable(str(path)) from None
    return parser.get("backend", "default-keyring", fallback="").strip(), str(path)


# The session bus of this user where its variable is missing: cron, su and some SSH lack it.


def find_session_bus(environment: Mapping[str, str]) -> str | None:
    """The address of the user's own bus, where no variable has one.

    A relative ``XDG_RUNTIME_DIR`` is ignored, and so is what belongs to somebody else: whoever owns
    the bus reads what goes over it.
    """
    if sys.platform in ("win32", "darwin") or environment.get(BUS):
        return None
    user = os.geteuid()
    for folder in (Path(environment.get("XDG_RUNTIME_DIR", "")), Path(f"/run/user/{user}")):
        bus = folder / "bus"
        with suppress(OSError):
            found = bus.stat()
            owners = {folder.stat().st_uid, found.st_uid}
            if folder.is_absolute() and stat.S_ISSOCK(found.st_mode) and owners == {user}:
                return f"unix:path={quote(str(bus), safe='/-_.')}"
    return None


def use_session_bus(environment: Mapping[str, str]) -> Bus:
    """Name that bus to the libraries of the keyring, which look at the process's environment."""
    if environment.get(BUS):
        return Bus.NAMED
    if address := find_session_bus(environment):
        os.environ.setdefault(BUS, address)
        return Bus.FOUND
    return Bus.NONE
