"""The session bus of this user where its variable is missing: cron, ``su`` and some SSH lack it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import Final
from urllib.parse import quote

VARIABLE: Final = "DBUS_SESSION_BUS_ADDRESS"


class Bus(Enum):
    """Where the address of the session bus came from."""

    NAMED = auto()  # by the variable
    FOUND = auto()
    NONE = auto()


def find_session_bus(environment: Mapping[str, str]) -> str | None:
    """The address of the user's own bus, where no variable has one.

    A relative ``XDG_RUNTIME_DIR`` is ignored, and so is what belongs to somebody else: whoever owns
    the bus reads what goes over it.
    """
    if sys.platform in ("win32", "darwin") or environment.get(VARIABLE):
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
    if environment.get(VARIABLE):
        return Bus.NAMED
    if address := find_session_bus(environment):
        os.environ.setdefault(VARIABLE, address)
        return Bus.FOUND
    return Bus.NONE
