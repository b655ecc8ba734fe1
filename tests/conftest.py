"""What holds for every test: an empty home, no secret and no proxy of the machine's own, loopback alone.

Tests with the marker ``keyring`` need the session that their wrapper made: they are left alone.
"""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from aspm_ado.domain.known_secrets import KNOWN_SECRETS

from .hours import NIGHT

settings.register_profile("aspm-ado", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", parent=settings.get_profile("aspm-ado"), max_examples=10_000)
settings.load_profile("nightly" if NIGHT else "aspm-ado")
# For properties whose examples take long: few of them by day, at night as many as of any other.
settings.register_profile("slow", parent=settings(), **({} if NIGHT else {"max_examples": 20}))

PREFIXES = ("ASPM_ADO_", "AZURE_DEVOPS_", "INVICTI_", "KONDUKTO_", "XDG_", "PYTHON_KEYRING_")
NAMES = frozenset(
    {
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NETRC",
        "CI",
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
        "DBUS_SESSION_BUS_ADDRESS",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "BROWSER",
    }
)


@pytest.fixture(autouse=True)
def no_secret_of_another_test() -> None:
    """A process is one run, but for tests."""
    KNOWN_SECRETS.forget()


def pytest_configure() -> None:
    """Signals as a terminal has them."""
    for name, action in {"SIGINT": signal.default_int_handler, "SIGHUP": signal.SIG_DFL}.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(
                number, action
            )  # ignored by whoever started this in the background; children inherit it


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for a process, a disk or a deadline."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """What is imported by now stays: looking at all of it again and again takes a good part of the run."""
    gc.collect()
    gc.freeze()


def left_alone(node: pytest.Item) -> bool:
    """Whether a test brings its own environment."""
    return node.get_closest_marker("keyring") is not None


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Numbered folders; pytest's own numbering looks at all that are there, each time."""
    top = tmp_path_factory.mktemp("homes")
    return (top / str(number) for number in count())


@pytest.fixture(autouse=True)
def sealed(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, homes: Iterator[Path]
) -> Path | None:
    """A home of nobody, for this process and its children; returns it."""
    if left_alone(request.node):
        return None
    for name in list(os.environ):
        if name.upper() in NAMES or name.upper().startswith(PREFIXES):
            monkeypatch.delenv(name)
    home = next(homes)
    home.mkdir(0o700)
    for name, folder in {
        "HOME": home,
        "USERPROFILE": home,
        "APPDATA": home / "AppData" / "Roaming",
        "LOCALAPPDATA": home / "AppData" / "Local",
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_DATA_HOME": home / ".local" / "share",
        "XDG_STATE_HOME": home / ".local" / "state",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_RUNTIME_DIR": home / "run",
    }.items():
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return home


_only_loopback = False
_hooked = False


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a path of this machine
    host = str(address[0])
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("localhost", "")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _only_loopback and not _is_loopback(arguments[1]):
        raise ConnectionRefusedError(f"a test asked for {arguments[1]}: only loopback is allowed")


@pytest.fixture(autouse=True)
def only_loopback(request: pytest.FixtureRequest) -> Iterator[None]:
    """No connection of this process leaves the machine, whatever the code under test tries."""
    global _only_loopback, _hooked
    if left_alone(request.node):
        yield
        return
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    _only_loopback = True
    yield
    _only_loopback = False
